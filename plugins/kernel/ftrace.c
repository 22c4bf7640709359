/* ftrace - functions that ftrace leads elsewhere: who asked for it, and what its records say. */
#include "../linux/kernel/ftrace.h"
#include "../../core/base.h"
#include "../../core/map.h"
#include "../../core/system.h"
#include "../linux/kernel/hook.h"
#include "../linux/kernel/step.h"
#include "../linux/net/bpfprog.h"
#include "../linux/text.h"
#include <inttypes.h>
#include <string.h>

EG_FIELDS(trace_array, list, name, ops);
EG_FIELD_AS(graph_of, fgraph_ops, "ops"); // since 6.10
EG_FIELDS(fgraph_ops, entryfunc, retfunc);
EG_FIELDS(fprobe_hlist_node, addr);
EG_FIELD_AS(multi_fprobe, bpf_kprobe_multi_link, "fp");
EG_FIELD_AS(multi_program, bpf_kprobe_multi_link, "link.prog");
EG_SYMBOL(ftrace_trace_arrays, "list_head");
EG_SYMBOL(ftrace_graph_entry, "void *");
EG_SYMBOL(ftrace_graph_return, "void *");

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the struct is: ftrace_ops, fprobe, dyn_ftrace", EG_MINOR)               \
    C(KIND, TEXT,                                                                                  \
      "\"ops\"; \"graph\" and \"graph return\", \"fprobe\" and \"fprobe return\", "                \
      "which have ops of the kernel's; \"direct\": a call without ops; \"record\"")                \
    C(FUNCTION, ADDR, "what is called", EG_MINOR)                                                  \
    C(SYMBOL, TEXT, "its name")                                                                    \
    C(MODULE, TEXT, "whose code it is")                                                            \
    C(FLAGS, FLAGS, "of the ops, or of the record")                                                \
    C(HOOKED_COUNT, INT, "functions that are hooked; unset: every one")                            \
    C(HOOKED, TEXT, "what is hooked", EG_LIST)                                                     \
    C(OPS, INT, "how many ops the record of the function counts", EG_ASKED)                        \
    C(TRAMPOLINE, ADDR, "code that was made to call the function alone", EG_MINOR)                 \
    C(DETAIL, TEXT, "trace instance, BPF program")                                                 \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

enum { NAMES_MAX = 16, PAGES_MAX = 1 << 16, RECORDS_MAX = 1 << 20, ODD_MAX = 256 };
enum { INSTANCES_MAX = 1024, PROBES_MAX = 4096, HOOKED_MAX = 1 << 18, TRAMPOLINE_MAX = 4096 };

/* FTRACE_FL_… (include/linux/ftrace.h). Below them is the count: of 23 bits until 6.4, since
 * 6.6 of 19. */
static const struct eg_constant record_flags[] = {
    { "ENABLED", UINT64_C(1) << 31 }, { "REGS", 1 << 30 },
    { "REGS_EN", 1 << 29 },           { "TRAMP", 1 << 28 },
    { "TRAMP_EN", 1 << 27 },          { "IPMODIFY", 1 << 26 },
    { "DISABLED", 1 << 25 },          { "DIRECT", 1 << 24 },
    { "DIRECT_EN", 1 << 23 },         { "CALL_OPS", 1 << 22 },
    { "CALL_OPS_EN", 1 << 21 },       { "TOUCHED", 1 << 20 },
    { "MODIFIED", 1 << 19 },          { NULL, 0 },
};
enum { COUNT_BITS = 19, RECORD_IPMODIFY = 1 << 26 };
#define RECORD_ENABLED (UINT64_C(1) << 31)

struct look {
    struct eg_run *r;
    struct linux_ftrace f;
    const struct linux_codes *codes;
    struct eg_map *met; /* pages of records, and functions of those that are hooked */
    bool all, records;
    unsigned hooked;  /* functions in it */
    unsigned odd;     /* records that were shown for their hints */
    unsigned strange; /* that are of nobody's code */
};

/* ---- ops ---- */

/* The trace instance that an ops is of. */
static const char *instance(struct eg_run *r, uint64_t ops)
{
    struct eg_obj list = eg_sym(r, ftrace_trace_arrays), tr;
    unsigned n = 0;
    uint64_t at;

    if (list.why)
        return NULL;
    eg_each_list(tr, list, trace_array.list) {
        const char *name;

        if (n++ >= INSTANCES_MAX)
            break;
        if (!eg_get(&at, tr, trace_array.ops) || at != ops)
            continue;
        name = eg_string(r, eg_at(tr, trace_array.name), 64);
        return name ? eg_strf(r, "trace instance %s", name) : "the first trace instance";
    }
    return NULL;
}

/* The handlers of a struct fprobe, and the BPF program that one of a BPF link runs. */
static const char *fprobe(struct eg_run *r, struct eg_obj fp, const char *hints,
                          const char **detail)
{
    struct linux_bpfprog program;
    struct linux_hook entry, leave;
    uint64_t at;

    linux_hook(r, eg_at(fp, fprobe.entry_handler), &entry);
    linux_hook(r, eg_at(fp, fprobe.exit_handler), &leave);
    hints = linux_hints_of(r, hints, "entry handler", &entry);
    hints = linux_hints_of(r, hints, "exit handler", &leave);
    *detail = entry.code.symbol ? entry.code.symbol : leave.code.symbol;
    if ((linux_hook_is(&entry, "kprobe_multi_link_handler") ||
         linux_hook_is(&leave, "kprobe_multi_link_exit_handler")) &&
        eg_get(&at, eg_container(fp, multi_fprobe), multi_program)) {
        linux_bpfprog(r, at, &program);
        *detail = program.text;
    }
    return hints;
}

/* A trampoline is a copy of the kernel's code that calls the function, or what of ftrace calls it
 * (create_trampoline(), arch/x86/kernel/ftrace.c). */
static const char *trampoline_hints(struct look *l, struct eg_obj ops, uint64_t function,
                                    uint64_t at, const char *hints)
{
    const struct eg_arch *arch = eg_system_of(l->r)->arch;
    uint64_t size = 0, target;
    uint8_t code[TRAMPOLINE_MAX];
    struct linux_step s;
    struct linux_codeof of;

    eg_get(&size, ops, ftrace_ops.trampoline_size);
    size = EG_MIN(size, (uint64_t)TRAMPOLINE_MAX);
    if (!linux_steps(arch) || !eg_read(eg_view_of(l->r), eg_kernel(l->r), at, code, size))
        return hints;
    for (uint64_t off = 0; off < size; off += s.size) {
        if (!linux_step_at(arch, code + off, size - off, at + off, &s) || !s.size ||
            s.flow == EG_FLOW_RETURN || s.flow == EG_FLOW_TRAP) // data stands behind the code
            break;
        target = s.direct ? s.target : 0;
        if (!target || target == function || (target >= at && target - at < size))
            continue;
        linux_codeof(l->r, target, &of);
        if (of.kind != LINUX_CODE_KERNEL)
            hints = linux_hints(l->r, hints,
                                eg_strf(l->r, "trampoline: leads to %s, not to the function",
                                        of.symbol   ? of.symbol
                                        : of.module ? of.module
                                                    : "code of nobody"));
    }
    return hints;
}

static const char *ops_hints(struct look *l, const struct linux_ftrace_ops *ops,
                             const struct linux_hook *h)
{
    struct linux_hook trampoline, direct;
    const char *hints = h->code.hint;
    uint64_t at = 0;

    if (ops->flags & LINUX_FTRACE_IPMODIFY && h->code.kind != LINUX_CODE_KERNEL)
        hints = linux_hints(l->r, hints, "IPMODIFY outside of the kernel");
    if (eg_get(&at, ops->at, ftrace_ops.trampoline) && linux_hook_at(l->r, at, &trampoline) &&
        trampoline.code.kind == LINUX_CODE_NOBODY)
        hints = linux_hints_of(l->r, hints, "trampoline", &trampoline);
    else if (at)
        hints = trampoline_hints(l, ops->at, h->at, at, hints);
    if (eg_get(&at, ops->at, ftrace_ops.direct_call) &&
        linux_hook_at(l->r, at & LINUX_FTRACE_CALLEE, &direct))
        hints = linux_hints_of(l->r, hints, "direct call", &direct);
    if (ops->from == LINUX_FTRACE_TRAMPOLINE)
        hints = linux_hints(l->r, hints, "enabled, but not on ftrace_ops_list");
    return hints;
}

/* "a, b and 3 more": the functions of one ops. */
static const char *names(const struct look *l, const struct linux_ftrace_ops *ops)
{
    struct linux_text text = { .r = l->r };
    const uint32_t index = (uint32_t)(ops - l->f.ops);
    size_t n = 0;

    if (ops->all)
        return ops->spared ? eg_strf(l->r, "every function but %zu", ops->spared)
                           : "every function";
    for (size_t i = 0; i < l->f.hooked.n && n < NAMES_MAX; i++)
        if (l->f.hooked.at[i].ops == index)
            linux_text_add(&text, "%s%s", n++ ? ", " : "",
                           linux_hooked(l->r, l->f.hooked.at[i].ip, false));
    if (ops->hooked > n)
        linux_text_add(&text, " and %zu more", ops->hooked - n);
    return linux_text_of(&text);
}

static void ops_row(const struct look *l, const struct linux_ftrace_ops *ops, const char *kind,
                    const struct linux_hook *h, const char *hooked, const char *detail,
                    const char *hints)
{
    uint64_t trampoline = 0;

    eg_get(&trampoline, ops->at, ftrace_ops.trampoline);
    eg_row(l->r, .OFFSET = eg_addr(ops->at), .KIND = eg_text(kind),
           .FUNCTION = h->at ? eg_uint(h->at) : eg_val(ops->at, ftrace_ops.func),
           .SYMBOL = eg_text(h->code.symbol), .MODULE = eg_text(h->code.module),
           .FLAGS = eg_text(eg_bits_text(l->r, linux_ftrace_flags, ops->flags, " ")),
           .HOOKED_COUNT = ops->all ? (struct eg_cell){ 0 } : eg_uint(ops->hooked),
           .HOOKED = eg_text(hooked),
           .TRAMPOLINE = trampoline ? eg_uint(trampoline) : (struct eg_cell){ 0 },
           .DETAIL = eg_text(detail), .HINTS = eg_text(hints));
}

/* One row, or with --all one for each function. */
static void ops_rows(const struct look *l, const struct linux_ftrace_ops *ops, const char *kind,
                     const struct linux_hook *h, const char *detail, const char *hints)
{
    if (!l->all || ops->all || !ops->hooked) {
        ops_row(l, ops, kind, h, names(l, ops), detail, hints);
        return;
    }
    for (size_t i = 0; i < l->f.hooked.n && !eg_stopped(l->r); i++)
        if (l->f.hooked.at[i].ops == (uint32_t)(ops - l->f.ops))
            ops_row(l, ops, kind, h, linux_hooked(l->r, l->f.hooked.at[i].ip, false), detail,
                    hints);
}

static void show_ops(struct look *l, const struct linux_ftrace_ops *ops)
{
    const char *hints, *detail = instance(l->r, ops->at.addr), *more;
    struct linux_hook h, leave;

    if (ops->from == LINUX_FTRACE_TRAMPOLINE && !(ops->flags & LINUX_FTRACE_ENABLED))
        return; // the kernel's own keep their trampoline
    if (ops->from == LINUX_FTRACE_SUB && eg_has(l->r, graph_of)) {
        struct eg_obj graph = eg_container(ops->at, graph_of);

        if (linux_hook(l->r, eg_at(graph, fgraph_ops.entryfunc), &h))
            ops_rows(l, ops, "graph", &h, detail, h.code.hint);
        if (linux_hook(l->r, eg_at(graph, fgraph_ops.retfunc), &leave))
            ops_rows(l, ops, "graph return", &leave, detail, leave.code.hint);
        return;
    }
    linux_hook(l->r, eg_at(ops->at, ftrace_ops.func), &h);
    hints = ops_hints(l, ops, &h);
    if (eg_has(l->r, fprobe_of) &&
        (linux_hook_is(&h, "fprobe_handler") || linux_hook_is(&h, "fprobe_kprobe_handler"))) {
        hints = fprobe(l->r, eg_container(ops->at, fprobe_of), hints, &more);
        detail = more;
    }
    ops_rows(l, ops, "ops", &h, detail, hints);
}

/* ---- what calls without ops of its own ---- */

static void plain_row(struct look *l, const char *kind, uint64_t offset, const struct linux_hook *h,
                      uint64_t n, const char *hooked, const char *detail, const char *hints)
{
    eg_row(l->r, .OFFSET = offset ? eg_uint(offset) : (struct eg_cell){ 0 }, .KIND = eg_text(kind),
           .FUNCTION = eg_uint(h->at), .SYMBOL = eg_text(h->code.symbol),
           .MODULE = eg_text(h->code.module),
           .HOOKED_COUNT = hooked ? eg_uint(n) : (struct eg_cell){ 0 }, .HOOKED = eg_text(hooked),
           .DETAIL = eg_text(detail), .HINTS = eg_text(hints));
}

/* direct_functions: a BPF trampoline, as a rule (register_ftrace_direct). */
static void show_direct(struct look *l)
{
    struct linux_hook h;

    for (size_t i = 0; i < l->f.direct.n && !eg_stopped(l->r); i++)
        if (linux_hook_at(l->r, l->f.direct.at[i].direct, &h))
            plain_row(l, "direct", 0, &h, 1, linux_hooked(l->r, l->f.direct.at[i].ip, false), NULL,
                      h.code.hint);
}

/* Until 6.9 there is one function graph, and these are its functions. While there is none, they
 * are the kernel's own that do nothing. */
static void show_graph(struct look *l)
{
    struct linux_hook entry, leave;
    bool idle;

    linux_hook(l->r, eg_sym(l->r, ftrace_graph_entry), &entry);
    linux_hook(l->r, eg_sym(l->r, ftrace_graph_return), &leave);
    idle = !leave.at || linux_hook_is(&leave, "ftrace_stub") ||
           linux_hook_is(&leave, "ftrace_stub_graph");
    if (entry.at && (!idle || entry.code.kind != LINUX_CODE_KERNEL))
        plain_row(l, "graph", 0, &entry, 0, NULL, NULL, entry.code.hint);
    if (!idle)
        plain_row(l, "graph return", 0, &leave, 0, NULL, NULL, leave.code.hint);
}

/* Since 6.14 fprobes share an ops of a function graph (kernel/trace/fprobe.c). */
static void show_fprobes(struct look *l)
{
    struct eg_obj table = eg_sym(l->r, fprobe_table), node;
    unsigned n = 0;

    for (uint64_t i = 0; i < eg_count(table) && !eg_stopped(l->r); i++)
        eg_each_hlist(node, eg_index(table, i), fprobe_hlist.hlist) {
            struct eg_obj fp = eg_deref(eg_at(node, fprobe_hlist.fp));
            const char *detail = NULL, *hints = fprobe(l->r, fp, NULL, &detail), *first = NULL;
            struct linux_hook h;
            uint64_t ip, size = 0;

            if (n++ >= PROBES_MAX)
                return;
            eg_get(&size, node, fprobe_hlist.size);
            if (eg_get(&ip, eg_index(eg_at(node, fprobe_hlist.array), 0), fprobe_hlist_node.addr))
                first = linux_hooked(l->r, ip, false);
            if (first && size > 1)
                first = eg_strf(l->r, "%s and %" PRIu64 " more", first, size - 1);
            if (linux_hook(l->r, eg_at(fp, fprobe.entry_handler), &h))
                plain_row(l, "fprobe", fp.addr, &h, size, first, detail, hints);
            if (linux_hook(l->r, eg_at(fp, fprobe.exit_handler), &h))
                plain_row(l, "fprobe return", fp.addr, &h, size, first, detail, hints);
        }
}

/* ---- records ---- */

static const char *record_hints(struct look *l, uint64_t ip, uint64_t flags, unsigned hooks,
                                const struct linux_ftrace_ops *ops)
{
    const uint64_t count = flags & ((1 << COUNT_BITS) - 1);
    const char *hints = NULL;

    if (!l->f.listed)
        return NULL;
    if (count > hooks)
        hints = hooks ? "more ops hook it than are listed" : "hooked, but by no ops that is listed";
    else if (flags & RECORD_ENABLED && !hooks)
        hints = "patched, but hooked by no ops that is listed";
    if (flags & RECORD_IPMODIFY && hooks) {
        bool modifies = false;

        for (size_t i = linux_ftrace_find(&l->f.hooked, ip);
             i < l->f.hooked.n && l->f.hooked.at[i].ip == ip; i++)
            modifies |= (l->f.ops[l->f.hooked.at[i].ops].flags & LINUX_FTRACE_IPMODIFY) != 0;
        if (!modifies && !(ops && ops->flags & LINUX_FTRACE_IPMODIFY))
            hints = linux_hints(l->r, hints, "IPMODIFY, but no ops with it hooks it");
    }
    return hints;
}

static void record(struct look *l, uint64_t at, uint64_t ip, uint64_t flags)
{
    const struct linux_ftrace_ops *ops = NULL;
    const uint64_t count = flags & ((1 << COUNT_BITS) - 1);
    const bool busy = count || flags & RECORD_ENABLED;
    unsigned hooks = 0;
    struct linux_hook h = { 0 };
    const char *hints = NULL;

    if (linux_whose_code(l->codes, ip, NULL) == LINUX_CODE_NOBODY && l->strange++ < ODD_MAX)
        hints = "of code of no module that is listed, nor of the kernel";
    if (!busy && !hints)
        return;
    // Each function has one record: what a false one costs is not paid again.
    if (!eg_run_map_add(l->r, l->met, ip, 0))
        return;
    if (busy && l->hooked++ < HOOKED_MAX) {
        hooks = linux_ftrace_hooks(&l->f, ip, &ops);
        hints = linux_hints(l->r, hints, record_hints(l, ip, flags, hooks, ops));
    }
    if (!l->records && (!hints || l->odd++ >= ODD_MAX))
        return;
    if (ops)
        linux_hook(l->r, eg_at(ops->at, ftrace_ops.func), &h);
    eg_row(l->r, .OFFSET = eg_uint(at), .KIND = eg_text("record"),
           .FUNCTION = h.at ? eg_uint(h.at) : (struct eg_cell){ 0 },
           .SYMBOL = eg_text(h.code.symbol), .MODULE = eg_text(h.code.module),
           .FLAGS = eg_text(eg_bits_text(l->r, record_flags,
                                         flags >> COUNT_BITS << COUNT_BITS & 0xffffffff, " ")),
           .HOOKED_COUNT = eg_uint(1), .HOOKED = eg_text(linux_hooked(l->r, ip, false)),
           .OPS = eg_uint(count), .HINTS = eg_text(hints));
}

static void show_records(struct look *l)
{
    struct eg_obj page = eg_deref(eg_sym(l->r, ftrace_pages_start));
    uint64_t total = 0, next, ip, flags;
    unsigned pages = 0;

    if (page.why)
        eg_note(l->r, "ftrace: its records are not known: whether one is patched without ops is "
                      "not looked at");
    for (; !page.why && pages < PAGES_MAX && !eg_stopped(l->r); pages++) {
        const uint32_t n = eg_get_or((uint32_t)0, page, ftrace_page.index);
        struct eg_obj records = eg_at(page, ftrace_page.records);

        if (!eg_run_map_add(l->r, l->met, page.addr, 0)) {
            eg_note(l->r, "ftrace: the pages of its records go in a circle");
            break;
        }
        for (uint32_t i = 0; i < n && total++ < RECORDS_MAX; i++) {
            struct eg_obj rec = eg_index(records, i);

            if (!eg_get(&ip, rec, dyn_ftrace.ip) || !eg_get(&flags, rec, dyn_ftrace.flags)) {
                eg_note(l->r, "ftrace: records at %#" PRIx64 " cannot be read", rec.addr);
                break;
            }
            if (ip)
                record(l, rec.addr, ip, flags);
        }
        if (eg_get(&next, page, ftrace_page.next) && !next)
            break;
        page = eg_deref(eg_at(page, ftrace_page.next));
    }
    if (page.why && pages)
        eg_note(l->r, "ftrace: the pages of its records end too early");
    if (total >= RECORDS_MAX || pages == PAGES_MAX)
        eg_note(l->r, "ftrace: only the first %d records are looked at", RECORDS_MAX);
    if (l->hooked > HOOKED_MAX)
        eg_note(l->r, "ftrace: only the first %d functions that are hooked are looked at",
                HOOKED_MAX);
    if (l->odd > ODD_MAX || l->strange > ODD_MAX)
        eg_note(l->r, "ftrace: only the first %d odd records are shown", ODD_MAX);
}

static int run(struct eg_run *r)
{
    struct look l = { .r = r,
                      .codes = linux_codes(r),
                      .met = eg_run_map(r),
                      .all = eg_arg_flag(r, "all"),
                      .records = eg_arg_flag(r, "records") };

    linux_ftrace(r, &l.f);
    if (!l.records) {
        for (size_t i = 0; i < l.f.n_ops && !eg_stopped(r); i++)
            show_ops(&l, &l.f.ops[i]);
        show_direct(&l);
        show_graph(&l);
        show_fprobes(&l);
    }
    show_records(&l);
    return 0;
}

EG_PLUGIN(ftrace) = {
    .os = "linux",
    .help = "List what ftrace was asked to call at functions of the kernel, and whose code that is",
    .manual =
        "One row for each struct ftrace_ops: kprobes and livepatches have one of the kernel's, a "
        "function tracer one for each trace instance, rootkits one for each function that they "
        "replace. HINTS has something where the code is of no module that is listed, begins inside "
        "a function or is of a module that did not come with the kernel; where an ops outside of "
        "the kernel changes where a function goes on (IPMODIFY); and where one that is enabled is "
        "not on the list. The kernel keeps a record of each function that can be hooked: one that "
        "says it is hooked by more than those that are listed is shown too, for then one was taken "
        "from the list. --records shows all that are hooked, as enabled_functions in tracefs does. "
        "It cannot see code that was patched without ftrace (kernelcode), nor a function that the "
        "kernel's own code for kprobes, BPF or livepatches calls in turn: kprobes, bpflinks and "
        "livepatches show those.",
    .aliases = EG_NAMES("linux.tracing.ftrace.CheckFtrace", "check_ftrace"),
    .looks_for = EG_NAMES("hooks of ftrace, kprobes and tracepoints"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(all, FLAG, "one row for each function that is hooked"),
                    EG_ARG(records, FLAG, "the functions that are hooked, by ftrace's records")),
    .needs = EG_NEEDS(ftrace_ops.func, ftrace_ops.next, ftrace_ops.flags),
    .run = run,
};
