/* all_trace.c - programs that functions, tracepoints and events of perf call
 * (kernel/bpf/trampoline.c, kernel/trace/bpf_trace.c, kernel/trace/trace_kprobe.c). */
#include "../../../core/map.h"
#include "../fs/path.h"
#include "../kernel/module.h"
#include "all.h"
#include <inttypes.h>
#include <string.h>

// Until 6.16 trampolines are in one table; since then in two, by a key and by an address.
EG_FIELD_AS(tramp_node, bpf_trampoline, "hlist_key|hlist");
EG_FIELD_AS(tramp_addr, bpf_trampoline, "func.addr");
EG_FIELD_AS(tramp_extension, bpf_trampoline, "extension_prog");
EG_FIELD_AS(tramp_progs, bpf_trampoline, "progs_hlist");
EG_FIELD_AS(tramp_link_node, bpf_tramp_link, "tramp_hlist"); // since 6.0
EG_FIELD_AS(tramp_link_link, bpf_tramp_link, "link");
EG_FIELD_AS(tramp_node_node, bpf_tramp_node, "tramp_hlist"); // since 7.1
EG_FIELD_AS(tramp_node_link, bpf_tramp_node, "link");
EG_FIELD_AS(aux_node, bpf_prog_aux, "tramp_hlist"); // until 5.19
EG_SYMBOL_AS(trampolines, "trampoline_key_table|trampoline_table", "hlist_head[1024]");
EG_FIELDS(bpf_raw_event_map, tp);
EG_FIELD_AS(point_name, tracepoint, "name");
EG_FIELD_AS(point_funcs, tracepoint, "funcs");
EG_FIELD_AS(func_code, tracepoint_func, "func");
EG_FIELD_AS(func_data, tracepoint_func, "data");
EG_FIELD_AS(module_raw, module, "bpf_raw_events");
EG_FIELD_AS(module_n_raw, module, "num_bpf_raw_events");
EG_SYMBOL(ftrace_events, "list_head");
EG_FIELD_AS(call_node, trace_event_call, "list");
EG_FIELD_AS(call_system, trace_event_call, "class");
EG_FIELD_AS(class_system, trace_event_class, "system");
EG_FIELD_AS(call_name, trace_event_call, "name");
EG_FIELD_AS(call_point, trace_event_call, "tp");
EG_FIELD_AS(call_flags, trace_event_call, "flags");
EG_FIELD_AS(call_progs, trace_event_call, "prog_array");
EG_ENUMERATOR(TRACE_EVENT_FL_TRACEPOINT, NULL);
EG_ENUMERATOR(TRACE_EVENT_FL_KPROBE, NULL);
EG_ENUMERATOR(TRACE_EVENT_FL_UPROBE, NULL);
EG_FIELD_AS(array_items, bpf_prog_array, "items");
EG_FIELD_AS(item_prog, bpf_prog_array_item, "prog");
EG_FIELD_AS(event_prog, perf_event, "prog");
EG_FIELD_AS(event_call, perf_event, "tp_event");
EG_FIELD_AS(probe_call, trace_probe_event, "call");
EG_FIELD_AS(probe_list, trace_probe_event, "probes");
EG_FIELD_AS(probe_node, trace_probe, "list");
EG_FIELD_AS(kprobe_probe, trace_kprobe, "tp");
EG_FIELD_AS(kprobe_addr, trace_kprobe, "rp.kp.addr");
EG_FIELD_AS(kprobe_return, trace_kprobe, "rp.handler");
EG_FIELD_AS(kprobe_symbol, trace_kprobe, "rp.kp.symbol_name");
EG_FIELD_AS(uprobe_probe, trace_uprobe, "tp");
EG_FIELD_AS(uprobe_name, trace_uprobe, "filename");
EG_FIELD_AS(uprobe_offset, trace_uprobe, "offset");
EG_TYPE(bpf_prog);
EG_TYPE(bpf_link);
EG_TYPE(bpf_prog_array_item);

enum { TRAMPOLINES_MAX = 1 << 16, POINTS_MAX = 1 << 16, CALLS_MAX = 1 << 17, ITEMS_MAX = 64 };
enum { FUNCS_MAX = 256, NAME_MAX = 128 };

/* ---- trampolines: fentry, fexit, fmod_ret, LSM, freplace ---- */

static void trampoline_prog(struct linux_bpf *b, struct eg_obj tramp, uint64_t prog, uint64_t link,
                            unsigned kind)
{
    static const char *const kinds[] = { "fentry", "fexit", "fmod_ret" };
    uint64_t addr = 0, type = 0;
    const char *name, *where;

    eg_get(&addr, tramp, tramp_addr);
    eg_get(&type, eg_object(b->r, bpf_prog, prog), bpf_prog_type_at);
    where = name = linux_bpf_symbol(b->r, addr);
    if (!where && addr)
        where = eg_strf(b->r, "%#" PRIx64, addr);
    // One without a number is the kernel's own, which calls those of control groups.
    if (where &&
        !eg_get_or(UINT32_C(0), eg_object(b->r, bpf_prog, prog), bpf_prog_aux_at, bpf_aux_id))
        where = eg_strf(b->r, "%s, for control groups", where);
    linux_bpf_attach(
        b, (struct linux_bpf_attach){
               .prog = prog,
               .link = link,
               .at = tramp.addr,
               .kind = !strcmp(linux_bpf_enum(b->r, "bpf_prog_type", "BPF_PROG_TYPE_", type), "lsm")
                           ? "lsm"
                       : kind < 3 ? kinds[kind]
                                  : "trampoline",
               .where = where,
               .function = name });
}

static void trampoline(struct linux_bpf *b, struct eg_obj tramp)
{
    struct eg_obj lists = eg_at(tramp, tramp_progs), o;
    uint64_t prog = 0, addr = 0;

    for (unsigned i = 0; i < eg_count(lists) && i < 8; i++) {
        unsigned n = 0;

        if (eg_has(b->r, tramp_node_node)) {
            eg_each_hlist(o, eg_index(lists, i), tramp_node_node) {
                struct eg_obj link = eg_deref(eg_at(o, tramp_node_link));

                if (n++ < ITEMS_MAX && eg_get(&prog, link, bpf_link_prog))
                    trampoline_prog(b, tramp, prog, link.addr, i);
            }
        } else if (eg_has(b->r, tramp_link_node)) {
            eg_each_hlist(o, eg_index(lists, i), tramp_link_node)
                if (n++ < ITEMS_MAX && eg_get(&prog, eg_at(o, tramp_link_link), bpf_link_prog))
                    trampoline_prog(b, tramp, prog, eg_at(o, tramp_link_link).addr, i);
        } else if (eg_has(b->r, aux_node)) {
            eg_each_hlist(o, eg_index(lists, i), aux_node)
                if (n++ < ITEMS_MAX && eg_get(&prog, o, bpf_aux_prog))
                    trampoline_prog(b, tramp, prog, 0, i);
        }
    }
    if (eg_get(&prog, tramp, tramp_extension) && prog) {
        eg_get(&addr, tramp, tramp_addr);
        linux_bpf_attach(b, (struct linux_bpf_attach){ .prog = prog,
                                                       .at = tramp.addr,
                                                       .kind = "freplace",
                                                       .where = linux_bpf_symbol(b->r, addr) });
    }
}

void linux_bpf_trampolines(struct linux_bpf *b)
{
    struct eg_obj table = eg_sym(b->r, trampolines), tramp;
    unsigned n = 0;

    if (!eg_has_symbol(b->r, trampolines))
        return;
    for (uint64_t i = 0; i < eg_count(table) && !eg_stopped(b->r); i++)
        eg_each_hlist(tramp, eg_index(table, i), tramp_node)
            if (n++ < TRAMPOLINES_MAX)
                trampoline(b, tramp);
}

/* ---- raw tracepoints ---- */

/* What a tracepoint gives to its function: the program, or since 6.10 a struct bpf_raw_tp_link,
 * which begins with the link. */
static void raw_point(struct linux_bpf *b, struct eg_obj point)
{
    const char *name = NULL;

    for (unsigned i = 0; i < FUNCS_MAX; i++) {
        struct eg_obj f = eg_index(eg_at(point, point_funcs), i);
        uint64_t code = 0, data = 0, prog = 0, link = 0;
        const char *symbol;

        if (!eg_get(&code, f, func_code) || !code)
            return;
        symbol = linux_bpf_symbol(b->r, code);
        if (!symbol || strncmp(symbol, "__bpf_trace_", 12) != 0 || !eg_get(&data, f, func_data))
            continue;
        if (linux_bpf_is_prog(b->r, data)) {
            prog = data;
        } else if (linux_bpf_is_link(b->r, data)) {
            link = data;
            eg_get(&prog, eg_object(b->r, bpf_link, data), bpf_link_prog);
        }
        if (!name)
            name = eg_string(b->r, eg_at(point, point_name), NAME_MAX);
        linux_bpf_attach(b, (struct linux_bpf_attach){ .prog = prog,
                                                       .link = link,
                                                       .at = f.addr,
                                                       .kind = "raw_tracepoint",
                                                       .where = name,
                                                       .function = name });
    }
}

static void raw_points(struct linux_bpf *b)
{
    const uint64_t size = eg_size(b->r, bpf_raw_event_map);
    uint64_t at = 0, end = 0;
    struct eg_obj m;

    if (!size)
        return;
    if (eg_lookup(b->r, "__start__bpf_raw_tp", &at) && eg_lookup(b->r, "__stop__bpf_raw_tp", &end))
        for (unsigned n = 0; at < end && n < POINTS_MAX; n++, at += size)
            raw_point(
                b, eg_deref(eg_at(eg_object(b->r, bpf_raw_event_map, at), bpf_raw_event_map.tp)));
    linux_each_module(b->r, m) {
        struct eg_obj first = eg_deref(eg_at(m, module_raw));
        uint32_t n = 0;

        if (first.why || !eg_get(&n, m, module_n_raw))
            continue;
        for (uint32_t i = 0; i < n && i < POINTS_MAX && !eg_stopped(b->r); i++)
            raw_point(b, eg_deref(eg_at(eg_object(b->r, bpf_raw_event_map, first.addr + i * size),
                                        bpf_raw_event_map.tp)));
    }
}

/* ---- events ---- */

static bool flag(struct eg_run *r, uint32_t flags, bool known, int64_t bit)
{
    (void)r;
    return known && flags & (uint64_t)bit;
}

static struct linux_bpf_event kprobe(struct eg_run *r, struct eg_obj probe)
{
    struct eg_obj k = eg_container(probe, kprobe_probe);
    struct linux_bpf_event e = { .kind = "kprobe" };
    uint64_t addr = 0, handler = 0;

    if (eg_get(&handler, k, kprobe_return) && handler)
        e.kind = "kretprobe";
    eg_get(&addr, k, kprobe_addr);
    e.where = linux_bpf_symbol(r, addr);
    if (!e.where)
        e.where = eg_string(r, eg_at(k, kprobe_symbol), NAME_MAX);
    // A probe stands behind the place of ftrace, some bytes into the function.
    e.function = e.where ? eg_strf(r, "%.*s", (int)strcspn(e.where, "+"), e.where) : NULL;
    return e;
}

static struct linux_bpf_event uprobe(struct eg_run *r, struct eg_obj probe)
{
    struct eg_obj u = eg_container(probe, uprobe_probe);
    const char *name = eg_string(r, eg_at(u, uprobe_name), 4096);
    uint64_t off = 0;

    eg_get(&off, u, uprobe_offset);
    return (struct linux_bpf_event){ .kind = "uprobe",
                                     .where = name ? eg_strf(r, "%s+%#" PRIx64, name, off) : NULL };
}

struct linux_bpf_event linux_bpf_event(struct eg_run *r, struct eg_obj call)
{
    int64_t point_bit = 0, kprobe_bit = 0, uprobe_bit = 0;
    const bool points = eg_enum(r, TRACE_EVENT_FL_TRACEPOINT, &point_bit),
               kprobes = eg_enum(r, TRACE_EVENT_FL_KPROBE, &kprobe_bit),
               uprobes = eg_enum(r, TRACE_EVENT_FL_UPROBE, &uprobe_bit);
    struct linux_bpf_event e = { .kind = "tracepoint" };
    const char *system = eg_string(r, eg_at(call, call_system, class_system), NAME_MAX), *name;
    struct eg_obj probe;
    uint32_t flags = 0;

    eg_get(&flags, call, call_flags);
    if (flag(r, flags, kprobes, kprobe_bit) || flag(r, flags, uprobes, uprobe_bit))
        eg_each_list(probe, eg_at(eg_container(call, probe_call), probe_list), probe_node)
            return flag(r, flags, kprobes, kprobe_bit) ? kprobe(r, probe) : uprobe(r, probe);
    name = flag(r, flags, points, point_bit)
               ? eg_string(r, eg_at(call, call_point, point_name), NAME_MAX)
               : eg_string(r, eg_at(call, call_name), NAME_MAX);
    if (name)
        e.where = eg_strf(r, "%s:%s", system ? system : "?", name);
    e.function = e.where;
    return e;
}

static void event_programs(struct linux_bpf *b, struct eg_obj call)
{
    struct eg_obj first = eg_at(call, call_progs, array_items);
    const uint64_t size = eg_size(b->r, bpf_prog_array_item);
    struct linux_bpf_event e;
    uint64_t prog = 0;

    if (first.why || !size)
        return;
    e = linux_bpf_event(b->r, call);
    for (unsigned i = 0; i < ITEMS_MAX; i++) {
        struct eg_obj item = eg_object(b->r, bpf_prog_array_item, first.addr + i * size);

        if (!eg_get(&prog, item, item_prog) || !prog)
            break;
        linux_bpf_attach(b, (struct linux_bpf_attach){ .prog = prog,
                                                       .at = call.addr,
                                                       .kind = e.kind,
                                                       .where = e.where,
                                                       .function = e.function });
    }
}

uint64_t linux_bpf_perf_event(struct linux_bpf *b, struct eg_obj event)
{
    struct eg_obj call = eg_deref(eg_at(event, event_call));
    uint64_t prog = 0;

    eg_get(&prog, event, event_prog);
    if (!call.why)
        event_programs(b, call);
    else if (prog)
        linux_bpf_attach(
            b, (struct linux_bpf_attach){ .prog = prog, .at = event.addr, .kind = "perf_event" });
    return prog && linux_bpf_is_prog(b->r, prog) ? prog : 0;
}

void linux_bpf_tracing(struct linux_bpf *b)
{
    struct eg_obj call;
    unsigned n = 0;

    raw_points(b);
    if (!eg_has_symbol(b->r, ftrace_events) || !eg_has(b->r, call_progs))
        return;
    eg_each_list(call, eg_sym(b->r, ftrace_events), call_node) {
        if (n++ > CALLS_MAX || eg_stopped(b->r))
            return;
        event_programs(b, call);
    }
}
