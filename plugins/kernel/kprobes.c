/* kprobes - probes in the kernel's code, and what they call. */
#include "../../core/base.h"
#include "../linux/kernel/hook.h"
#include "../linux/kernel/kprobe.h"
#include "../linux/own/traceevent.h"
#include <inttypes.h>

EG_FIELD_AS(return_probe, kretprobe, "kp");
EG_FIELDS(kretprobe, entry_handler, handler);
EG_FIELD_AS(rethook_of, kretprobe, "rh"); // since 5.18 on some processors
EG_FIELDS(rethook, handler);
EG_FIELD_AS(event_probe, trace_kprobe, "rp.kp"); // kernel/trace/trace_kprobe.c
EG_FIELDS(trace_kprobe, tp);
EG_FIELDS(kprobe_blacklist_entry, end_addr, list, start_addr);
EG_SYMBOL(kprobe_blacklist, "list_head");
EG_SYMBOL(kprobes_all_disarmed, "bool");

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the struct kprobe is", EG_MINOR)                                        \
    C(KIND, TEXT, "\"kprobe\", \"kretprobe\"")                                                     \
    C(ADDRESS, ADDR, "what is probed")                                                             \
    C(HOOKED, TEXT, "its name")                                                                    \
    C(FUNCTION, ADDR, "what is called: before the instruction, or when the function returns",      \
      EG_MINOR)                                                                                    \
    C(SYMBOL, TEXT, "its name")                                                                    \
    C(MODULE, TEXT, "whose code it is")                                                            \
    C(FLAGS, FLAGS,                                                                                \
      "DISABLED, GONE: its module is not there any more; FTRACE, OPTIMIZED: no "                   \
      "breakpoint but a call, a jump")                                                             \
    C(DETAIL, TEXT, "event of tracefs or perf, its BPF programs")                                  \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

enum { PROBES_MAX = 1 << 16, FORBIDDEN_MAX = 1 << 16 };

/* KPROBE_FLAG_… (include/linux/kprobes.h) */
static const struct eg_constant flag_names[] = {
    { "GONE", 1 },   { "DISABLED", 2 },       { "OPTIMIZED", 4 },
    { "FTRACE", 8 }, { "ON_FUNC_ENTRY", 16 }, { NULL, 0 },
};

struct range {
    uint64_t start, end;
};
struct look {
    struct eg_run *r;
    const struct linux_codes *codes;
    struct range *forbidden;
    size_t n_forbidden, cap;
    unsigned n;
};

static void load_forbidden(struct look *l)
{
    struct eg_obj list = eg_sym(l->r, kprobe_blacklist), entry;
    struct range range;

    if (list.why) {
        eg_note(l->r, "kprobes: where the kernel forbids probes is not known");
        return;
    }
    eg_each_list(entry, list, kprobe_blacklist_entry.list) {
        if (l->n_forbidden >= FORBIDDEN_MAX)
            break;
        if (!eg_get(&range.start, entry, kprobe_blacklist_entry.start_addr) ||
            !eg_get(&range.end, entry, kprobe_blacklist_entry.end_addr))
            continue;
        l->forbidden = eg_grow(l->r, l->forbidden, l->n_forbidden, &l->cap, sizeof *l->forbidden);
        l->forbidden[l->n_forbidden++] = range;
    }
}

static const char *place_hints(const struct look *l, uint64_t addr)
{
    if (linux_whose_code(l->codes, addr, NULL) == LINUX_CODE_NOBODY)
        return "in code of no module that is listed, nor of the kernel";
    for (size_t i = 0; i < l->n_forbidden; i++)
        if (addr >= l->forbidden[i].start && addr < l->forbidden[i].end)
            return "where the kernel forbids probes";
    return NULL;
}

/* What a probe calls. */
struct handlers {
    struct linux_hook main;
    const char *kind, *detail, *hints;
};

static void of_event(struct eg_run *r, struct eg_obj probe, struct handlers *h)
{
    if (linux_hook_is(&h->main, "kprobe_dispatcher") ||
        linux_hook_is(&h->main, "kretprobe_dispatcher"))
        h->detail = linux_trace_probe(r, eg_at(eg_container(probe, event_probe), trace_kprobe.tp));
}

static void of_return(struct eg_run *r, struct eg_obj probe, struct handlers *h)
{
    struct eg_obj ret = eg_container(probe, return_probe);
    struct linux_hook entry, hook;

    h->kind = "kretprobe";
    linux_hook(r, eg_at(ret, kretprobe.handler), &h->main);
    h->hints = linux_hints(r, h->hints, h->main.code.hint);
    linux_hook(r, eg_at(ret, kretprobe.entry_handler), &entry);
    h->hints = linux_hints_of(r, h->hints, "entry handler", &entry);
    if (eg_has(r, rethook_of)) {
        linux_hook(r, eg_at(ret, rethook_of, rethook.handler), &hook);
        h->hints = linux_hints_of(r, h->hints, "rethook", &hook);
    }
    if (!h->main.at)
        h->main = entry;
}

static void find_handlers(struct eg_run *r, struct eg_obj probe, struct handlers *h)
{
    struct linux_hook post, fault = { 0 };

    *h = (struct handlers){ .kind = "kprobe" };
    linux_hook(r, eg_at(probe, kprobe.pre_handler), &h->main);
    linux_hook(r, eg_at(probe, kprobe.post_handler), &post);
    if (eg_has(r, kprobe.fault_handler))
        linux_hook(r, eg_at(probe, kprobe.fault_handler), &fault);
    if (linux_hook_is(&h->main, "pre_handler_kretprobe"))
        of_return(r, probe, h);
    else
        h->hints = h->main.code.hint;
    h->hints = linux_hints_of(r, h->hints, "post handler", &post);
    h->hints = linux_hints_of(r, h->hints, "fault handler", &fault);
    of_event(r, probe, h);
    if (!h->main.at)
        h->main = post;
}

/* @flags: of the probe that stands for several at one place. */
static void show(struct look *l, struct eg_obj probe, uint32_t flags)
{
    struct handlers h;
    uint64_t addr = 0;
    uint32_t own = 0;

    find_handlers(l->r, probe, &h);
    eg_get(&own, probe, kprobe.flags);
    if (eg_get(&addr, probe, kprobe.addr))
        h.hints = linux_hints(l->r, h.hints, place_hints(l, addr));
    eg_row(l->r, .OFFSET = eg_addr(probe), .KIND = eg_text(h.kind),
           .ADDRESS = eg_val(probe, kprobe.addr), .HOOKED = eg_text(linux_hooked(l->r, addr, true)),
           .FUNCTION = h.main.at ? eg_uint(h.main.at) : eg_val(probe, kprobe.pre_handler),
           .SYMBOL = eg_text(h.main.code.symbol), .MODULE = eg_text(h.main.code.module),
           .FLAGS = eg_text(eg_bits_text(l->r, flag_names, own | flags, " ")),
           .DETAIL = eg_text(h.detail), .HINTS = eg_text(h.hints));
}

/* Several probes at one place hang on one of the kernel's, whose handler calls theirs. */
static void show_all(struct look *l, struct eg_obj probe)
{
    struct linux_hook pre;
    struct eg_obj one;
    uint32_t flags = 0;
    unsigned n = 0;

    linux_hook(l->r, eg_at(probe, kprobe.pre_handler), &pre);
    if (linux_hook_is(&pre, "aggr_pre_handler")) {
        eg_get(&flags, probe, kprobe.flags);
        eg_each_list(one, eg_at(probe, kprobe.list), kprobe.list)
            if (l->n++ < PROBES_MAX && ++n)
                show(l, one, flags);
    }
    if (!n && l->n++ < PROBES_MAX)
        show(l, probe, 0);
}

static int run(struct eg_run *r)
{
    struct look l = { .r = r, .codes = linux_codes(r) };
    struct eg_obj table = eg_sym(r, kprobe_table), probe;
    uint8_t disarmed;

    for (uint64_t i = 0; i < eg_count(table) && !eg_stopped(r); i++)
        eg_each_hlist(probe, eg_index(table, i), kprobe.hlist) {
            if (!l.n)
                load_forbidden(&l);
            show_all(&l, probe);
        }
    if (l.n > PROBES_MAX)
        eg_note(r, "kprobes: only the first %d are shown", PROBES_MAX);
    if (eg_load(&disarmed, eg_sym(r, kprobes_all_disarmed)) && disarmed)
        eg_note(r, "kprobes: all are switched off (kprobes/enabled in debugfs)");
    return 0;
}

EG_PLUGIN(kprobes) = {
    .os = "linux",
    .help = "List probes in the kernel's code, and whose code they call",
    .manual =
        "One row for each probe of kprobe_table, each of several at one place too: those of "
        "perf, of tracefs and of BPF programs have an event in DETAIL, others are of modules. "
        "HINTS has something where one of its handlers is code of no module that is listed, "
        "begins inside a function or is of a module that did not come with the kernel, and where "
        "the probe is at a place that nobody has or where the kernel forbids probes. It cannot "
        "see a probe that was taken from the table while its breakpoint or jump is still in the "
        "code: kernelcode shows that. Probes of whole sets of functions (fprobe, BPF's "
        "kprobe.multi) are in ftrace.",
    .aliases = EG_NAMES("check_kprobes", "linux.kprobes.Kprobes"),
    .looks_for = EG_NAMES("hooks of ftrace, kprobes and tracepoints"),
    .columns = columns,
    .needs = EG_NEEDS(kprobe.addr, kprobe.hlist, kprobe.pre_handler),
    .needs_symbols = EG_NEEDS_SYMBOLS(kprobe_table),
    .run = run,
};
