/* tracepoints - functions that the kernel's and modules' tracepoints call. */
#include "../../core/base.h"
#include "../../core/map.h"
#include "../linux/kernel/hook.h"
#include "../linux/kernel/module.h"
#include "../linux/net/bpfprog.h"
#include "../linux/own/traceevent.h"
#include <inttypes.h>
#include <string.h>

EG_FIELDS(tracepoint_ext, regfunc, unregfunc);
EG_FIELD_AS(called, static_call_key, "func");
EG_FIELDS(tracepoint_func, data, func, prio);
EG_FIELD_AS(module_points, module, "tracepoints_ptrs");
EG_FIELD_AS(module_n_points, module, "num_tracepoints");
EG_FIELDS(trace_event_file, event_call, tr);
EG_FIELD_AS(file_instance, trace_event_file, "tr");
EG_FIELD_AS(instance_name, trace_array, "name");
EG_FIELD_AS(link_cookie, bpf_raw_tp_link, "cookie"); // since 6.10 a probe's data is the link
EG_FIELD_AS(link_program, bpf_raw_tp_link, "link.prog");
EG_TYPE(bpf_raw_tp_link);
EG_TYPE(trace_event_call);
EG_SYMBOL_AS(points_start, "__start___tracepoints_ptrs", "tracepoint_ptr_t");
EG_SYMBOL_AS(points_stop, "__stop___tracepoints_ptrs", "char");

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the struct tracepoint is", EG_MINOR)                                    \
    C(NAME, TEXT, "the tracepoint's")                                                              \
    C(POINT_MODULE, TEXT, "\"kernel\", or the module that has it")                                 \
    C(PRIORITY, INT, "the highest is called first")                                                \
    C(FUNCTION, ADDR, "what is called", EG_MINOR)                                                  \
    C(SYMBOL, TEXT, "its name")                                                                    \
    C(MODULE, TEXT, "whose code it is")                                                            \
    C(DATA, ADDR, "what it is given", EG_MINOR)                                                    \
    C(DETAIL, TEXT, "what that is: event, trace instance, BPF program")                            \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

enum { FUNCS_MAX = 256, POINTS_MAX = 1 << 16, ROWS_MAX = 1 << 16 };

struct look {
    struct eg_run *r;
    const char *of;     /**< whose tracepoints these are */
    struct eg_map *met; /**< tracepoints */
    bool all, relative;
    unsigned rows;
};

/* What a function of the kernel is given, by its name (include/trace/perf.h, bpf_probe.h,
 * trace_events.h). */
static const char *detail(struct eg_run *r, const struct linux_hook *h, uint64_t data)
{
    const char *symbol = h->code.symbol, *event, *name;
    struct linux_bpfprog program;
    struct eg_obj file;

    if (!symbol || !data)
        return NULL;
    if (!strncmp(symbol, "__bpf_trace_", 12)) {
        if (eg_has(r, link_cookie) &&
            !eg_get(&data, eg_object(r, bpf_raw_tp_link, data), link_program))
            return NULL;
        linux_bpfprog(r, data, &program);
        return program.text;
    }
    if (!strncmp(symbol, "perf_trace_", 11))
        return linux_trace_event(r, eg_object(r, trace_event_call, data));
    if (strncmp(symbol, "trace_event_raw_event_", 22) != 0)
        return NULL;
    file = eg_object(r, trace_event_file, data);
    event = linux_trace_event(r, eg_at(file, trace_event_file.event_call));
    name = eg_string(r, eg_at(file, file_instance, instance_name), 64);
    return event && name ? eg_strf(r, "%s, trace instance %s", event, name) : event;
}

/* What is odd about the tracepoint itself. Where it calls one function, its static call leads
 * there; else to one that calls all (kernel/tracepoint.c, tracepoint_update_call). */
static const char *point_hints(struct eg_run *r, struct eg_obj point, uint64_t only)
{
    struct linux_hook reg, unreg, iterator, call;
    struct eg_obj ext = eg_deref(eg_at(point, tracepoint.ext));
    const bool has_ext = eg_has(r, tracepoint.ext);
    const char *hints;

    linux_hook(r, eg_at(point, tracepoint.iterator), &iterator);
    linux_hook(r, has_ext ? eg_at(ext, tracepoint_ext.regfunc) : eg_at(point, tracepoint.regfunc),
               &reg);
    linux_hook(r,
               has_ext ? eg_at(ext, tracepoint_ext.unregfunc) : eg_at(point, tracepoint.unregfunc),
               &unreg);
    hints = linux_hints_of(r, NULL, "iterator", &iterator);
    hints = linux_hints_of(r, hints, "called before the first probe", &reg);
    hints = linux_hints_of(r, hints, "called after the last probe", &unreg);
    if (eg_has(r, tracepoint.static_call_key) &&
        linux_hook(r, eg_at(point, tracepoint.static_call_key, called), &call) && iterator.at &&
        call.at != iterator.at && call.at != only)
        hints = linux_hints(
            r, hints,
            eg_strf(r, "its static call leads to %s, which is no probe of it",
                    call.code.symbol ? call.code.symbol : eg_strf(r, "%#" PRIx64, call.at)));
    return hints;
}

static void show(struct look *l, struct eg_obj point)
{
    struct eg_obj funcs = eg_at(point, tracepoint.funcs);
    struct eg_run *r = l->r;
    uint64_t first = 0, data, at;
    const char *hints;
    unsigned n = 0;

    if (!eg_run_map_add(r, l->met, point.addr, 0))
        return;
    if (!eg_get(&at, point, tracepoint.funcs)) {
        eg_note(r, "tracepoint at %#" PRIx64 ": it cannot be read", point.addr);
        return;
    }
    eg_get(&first, eg_index(funcs, 0), tracepoint_func.func);
    hints = point_hints(r, point, first);
    for (; first && n < FUNCS_MAX && l->rows < ROWS_MAX && !eg_stopped(r); n++) {
        struct eg_obj f = eg_index(funcs, n);
        struct linux_hook h;

        if (!eg_get(&at, f, tracepoint_func.func)) {
            eg_note(r, "tracepoint at %#" PRIx64 ": its probes cannot all be read", point.addr);
            break;
        }
        if (!linux_hook_at(r, at, &h))
            break;
        data = eg_get_or((uint64_t)0, f, tracepoint_func.data);
        l->rows++;
        eg_row(r, .OFFSET = eg_addr(point), .NAME = eg_val(point, tracepoint.name),
               .POINT_MODULE = eg_text(l->of), .PRIORITY = eg_val(f, tracepoint_func.prio),
               .FUNCTION = eg_uint(at), .SYMBOL = eg_text(h.code.symbol),
               .MODULE = eg_text(h.code.module), .DATA = eg_val(f, tracepoint_func.data),
               .DETAIL = eg_text(detail(r, &h, data)),
               .HINTS = eg_text(linux_hints(r, h.code.hint, hints)));
    }
    if (n == FUNCS_MAX)
        eg_note(r, "tracepoint at %#" PRIx64 ": only the first %d probes are shown", point.addr,
                FUNCS_MAX);
    if (!n && (l->all || hints) && l->rows++ < ROWS_MAX)
        eg_row(r, .OFFSET = eg_addr(point), .NAME = eg_val(point, tracepoint.name),
               .POINT_MODULE = eg_text(l->of), .HINTS = eg_text(hints));
}

/* A table of pointers, or of 32-bit distances from each entry to what it is of
 * (CONFIG_HAVE_ARCH_PREL32_RELOCATIONS). */
static void show_table(struct look *l, uint64_t at, uint64_t n)
{
    const struct eg_model *model = &eg_binding_of(l->r)->model;
    const unsigned size = l->relative ? 4 : model->ptr_size;
    uint64_t point;

    if (n > POINTS_MAX) {
        eg_note(l->r, "tracepoints of %s: %" PRIu64 " are too many: not shown", l->of, n);
        return;
    }
    for (uint64_t i = 0; i < n && !eg_stopped(l->r); i++) {
        const uint64_t entry = at + i * size;
        const uint8_t *p = eg_bytes(eg_view_of(l->r), eg_kernel(l->r), entry, size);

        if (!p) {
            eg_note(l->r, "tracepoints of %s: what is at %#" PRIx64 " cannot be read", l->of,
                    entry);
            return;
        }
        point = eg_load_(p, size, model->big_endian);
        if (l->relative)
            point = entry + (uint64_t)(int64_t)(int32_t)point;
        if (point)
            show(l, eg_object(l->r, tracepoint, point));
    }
}

static int run(struct eg_run *r)
{
    struct eg_obj start = eg_sym(r, points_start), stop = eg_sym(r, points_stop), m;
    struct look l = { .r = r, .of = "kernel", .all = eg_arg_flag(r, "all"), .met = eg_run_map(r) };
    uint64_t at;
    uint32_t n;

    // An int, a distance, or a pointer.
    l.relative = start.kind == EG_K_SINT;
    if (start.why || stop.why || stop.addr < start.addr)
        eg_note(r, "the kernel's own tracepoints are not known: only those of modules are shown");
    else
        show_table(&l, start.addr, (stop.addr - start.addr) / start.size);
    linux_each_module(r, m) {
        struct eg_obj table = eg_at(m, module_points);

        l.of = eg_string(r, eg_at(m, module.name), 64);
        l.relative = eg_index(table, 0).kind == EG_K_SINT;
        if (!l.of || !eg_get(&n, m, module_n_points) || !n || !eg_load(&at, table))
            continue;
        show_table(&l, at, n);
    }
    if (l.rows >= ROWS_MAX)
        eg_note(r, "tracepoints: only the first %d probes are shown", ROWS_MAX);
    return 0;
}

EG_PLUGIN(tracepoints) = {
    .os = "linux",
    .help = "List functions that tracepoints call, and whose code they are",
    .manual =
        "One row for each probe of the kernel's and of modules' tracepoints; --all shows those "
        "without probes too. Those of perf, tracefs and BPF are functions of the kernel, and "
        "DETAIL says for which event or program; others were registered by modules. HINTS has "
        "something where the function is code of no module that is listed, begins inside a "
        "function or is of a module that did not come with the kernel, and where the static "
        "call by which the tracepoint is fast leads to something that is no probe of it. It "
        "cannot see a jump that was written into the code of a tracepoint: kernelcode and "
        "staticcalls show that.",
    .aliases = EG_NAMES("linux.tracing.tracepoints.CheckTracepoints", "check_tracepoints"),
    .looks_for = EG_NAMES("hooks of ftrace, kprobes and tracepoints"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(all, FLAG, "also tracepoints that call nothing")),
    .needs = EG_NEEDS(tracepoint.name, tracepoint.funcs, tracepoint_func.func),
    .run = run,
};
