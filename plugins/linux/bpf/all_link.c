/* all_link.c - what a link holds a program to, and programs and maps that lie in maps
 * (kernel/bpf/syscall.c and the file of each kind of link). */
#include "../fs/path.h"
#include "../kernel/percpu.h"
#include "../net/net.h"
#include "../net/nft.h"
#include "all.h"
#include "ops.h"
#include <inttypes.h>
#include <string.h>

EG_FIELD_AS(tracing_link, bpf_tracing_link, "link.link");
EG_FIELD_AS(tracing_tramp, bpf_tracing_link, "trampoline");
EG_FIELD_AS(tracing_target, bpf_tracing_link, "tgt_prog");
EG_FIELD_AS(tramp_addr, bpf_trampoline, "func.addr");
EG_FIELD_AS(iter_link, bpf_iter_link, "link");
EG_FIELD_AS(iter_target, bpf_iter_link, "tinfo");
EG_FIELD_AS(iter_aux, bpf_iter_link, "aux");
EG_FIELD_AS(aux_map, bpf_iter_aux_info, "map");
EG_FIELD_AS(target_reg, bpf_iter_target_info, "reg_info");
EG_FIELD_AS(reg_name, bpf_iter_reg, "target");
EG_FIELD_AS(perf_link, bpf_perf_link, "link");
EG_FIELD_AS(perf_file, bpf_perf_link, "perf_file");
EG_FIELD_AS(perf_private, file, "private_data");
EG_FIELD_AS(event_call, perf_event, "tp_event");
EG_FIELD_AS(multi_link, bpf_kprobe_multi_link, "link");
EG_FIELD_AS(multi_addrs, bpf_kprobe_multi_link, "addrs");
EG_FIELD_AS(multi_count, bpf_kprobe_multi_link, "cnt");
EG_FIELD_AS(users_link, bpf_uprobe_multi_link, "link");
EG_FIELD_AS(users_count, bpf_uprobe_multi_link, "cnt");
EG_FIELD_AS(users_path, bpf_uprobe_multi_link, "path");
EG_FIELD_AS(ops_link, bpf_struct_ops_link, "link");
EG_FIELD_AS(ops_map, bpf_struct_ops_link, "map");
EG_FIELD_AS(nf_link, bpf_nf_link, "link");
EG_FIELD_AS(nf_family, bpf_nf_link, "hook_ops.pf");
EG_FIELD_AS(nf_hook, bpf_nf_link, "hook_ops.hooknum");
EG_FIELD_AS(nf_priority, bpf_nf_link, "hook_ops.priority");
EG_FIELD_AS(netkit_link, netkit_link, "link");
EG_FIELD_AS(netkit_dev, netkit_link, "dev");
EG_FIELD_AS(tcx_link, tcx_link, "link");
EG_FIELD_AS(tcx_dev, tcx_link, "dev");
EG_FIELD_AS(xdp_link, bpf_xdp_link, "link");
EG_FIELD_AS(xdp_dev, bpf_xdp_link, "dev");
EG_FIELD_AS(sockmap_link, sockmap_link, "link");
EG_FIELD_AS(sockmap_map, sockmap_link, "map");
EG_FIELD_AS(array_pointers, bpf_array, "ptrs");
EG_FIELD_AS(stab_progs, bpf_stab, "progs");
EG_FIELD_AS(shtab_progs, bpf_shtab, "progs");
EG_FIELD_AS(psock_msg, sk_psock_progs, "msg_parser");
EG_FIELD_AS(psock_stream, sk_psock_progs, "stream_parser");
EG_FIELD_AS(psock_verdict, sk_psock_progs, "stream_verdict|skb_verdict");
EG_FIELD_AS(psock_skb, sk_psock_progs, "skb_verdict");
EG_TYPE(bpf_array);
EG_TYPE(bpf_stab);
EG_TYPE(bpf_shtab);
EG_TYPE(perf_event);
EG_TYPE(bpf_link);
EG_TYPE(bpf_map);

enum { ARRAY_MAX = 1 << 16, NAMES_SHOWN = 8, NAME_MAX = 128 };

/* ---- kinds of links ---- */

struct place {
    const char *where, *function;
};

static struct place tracing(struct linux_bpf *b, struct eg_obj link)
{
    uint64_t addr = 0;
    const char *name;

    eg_get(&addr, eg_container(link, tracing_link), tracing_tramp, tramp_addr);
    name = linux_bpf_symbol(b->r, addr);
    return (struct place){ name, name };
}

/* An iterator of what is in a map holds that map. */
static struct place iter(struct linux_bpf *b, struct eg_obj link)
{
    struct eg_obj info = eg_at(eg_container(link, iter_link), iter_aux);
    const char *name = eg_string(
        b->r, eg_at(eg_container(link, iter_link), iter_target, target_reg, reg_name), NAME_MAX);
    uint64_t map = 0;

    if (name && eg_get(&map, info, aux_map) && linux_bpf_is_map(b->r, map)) {
        linux_bpf_add(b, &b->maps, map, LINUX_BPF_LINK);
        name = eg_strf(b->r, "%s, map %s", name, linux_bpf_map_text(b->r, map));
    }
    return (struct place){ .where = name };
}

static struct place perf(struct linux_bpf *b, struct eg_obj link)
{
    struct eg_obj event = eg_deref(
        eg_cast(eg_at(eg_container(link, perf_link), perf_file, perf_private), perf_event));
    struct linux_bpf_event e = linux_bpf_event(b->r, eg_deref(eg_at(event, event_call)));

    return (struct place){ e.where ? eg_strf(b->r, "%s %s", e.kind, e.where) : NULL, e.function };
}

/* Of many functions a dangerous one is named first. */
static struct place kprobes(struct linux_bpf *b, struct eg_obj link)
{
    struct eg_obj multi = eg_container(link, multi_link), addrs = eg_at(multi, multi_addrs);
    struct place p = { NULL, NULL };
    uint32_t n = 0;

    eg_get(&n, multi, multi_count);
    for (uint32_t i = 0; i < n && i < ARRAY_MAX && !eg_stopped(b->r); i++) {
        uint64_t addr = 0;
        const char *name;

        if (!eg_load(&addr, eg_index(addrs, i)))
            break;
        name = linux_bpf_symbol(b->r, addr);
        name = name ? eg_strf(b->r, "%.*s", (int)strcspn(name, "+"), name) : "?";
        if (!p.function && linux_bpf_dangerous(name))
            p.function = name;
        if (i < NAMES_SHOWN)
            p.where = eg_strf(b->r, "%s%s%s", p.where ? p.where : "", i ? ", " : "", name);
        else if (i == NAMES_SHOWN)
            p.where = eg_strf(b->r, "%s, … (%u functions)", p.where, n);
    }
    return p;
}

static struct place uprobes(struct linux_bpf *b, struct eg_obj link)
{
    struct eg_obj users = eg_container(link, users_link);
    const char *path = linux_path(b->r, eg_at(users, users_path), (struct eg_obj){ .why = 1 });
    uint32_t n = 0;

    eg_get(&n, users, users_count);
    return (struct place){ .where = eg_strf(b->r, "%s (%u places)", path ? path : "?", n) };
}

static struct place netfilter(struct linux_bpf *b, struct eg_obj link)
{
    struct eg_obj nf = eg_container(link, nf_link);
    const uint32_t family = eg_get_or(UINT32_C(0), nf, nf_family),
                   hook = eg_get_or(UINT32_C(0), nf, nf_hook);
    const char *name = linux_nf_family((uint8_t)family), *at = linux_nf_hook((uint8_t)family, hook);

    return (struct place){ .where =
                               eg_strf(b->r, "%s %s, priority %d", name ? name : "?", at ? at : "?",
                                       (int)eg_get_or((int32_t)0, nf, nf_priority)) };
}

static struct place device(struct linux_bpf *b, struct eg_obj dev)
{
    return (struct place){ .where = eg_string(b->r, eg_at(eg_deref(dev), net_device.name), 16) };
}

static struct place place_of(struct linux_bpf *b, const char *kind, struct eg_obj link)
{
    uint64_t map = 0;

    if (!strcmp(kind, "tracing"))
        return tracing(b, link);
    if (!strcmp(kind, "iter"))
        return iter(b, link);
    if (!strcmp(kind, "perf_event"))
        return perf(b, link);
    if (!strcmp(kind, "kprobe_multi"))
        return kprobes(b, link);
    if (!strcmp(kind, "uprobe_multi"))
        return uprobes(b, link);
    if (!strcmp(kind, "netfilter"))
        return netfilter(b, link);
    if (!strcmp(kind, "xdp"))
        return device(b, eg_at(eg_container(link, xdp_link), xdp_dev));
    if (!strcmp(kind, "tcx"))
        return device(b, eg_at(eg_container(link, tcx_link), tcx_dev));
    if (!strcmp(kind, "netkit"))
        return device(b, eg_at(eg_container(link, netkit_link), netkit_dev));
    if (!strcmp(kind, "sockmap") && eg_get(&map, eg_container(link, sockmap_link), sockmap_map))
        return (struct place){ .where = map ? linux_bpf_map_text(b->r, map) : NULL };
    return (struct place){ NULL, NULL };
}

/** Of a program that takes the place of another's function: which program. */
static void replaced(struct linux_bpf *b, struct linux_bpf_attach *a)
{
    struct eg_obj link = eg_object(b->r, bpf_link, a->link);
    uint64_t target = 0;

    if (a->where && !strcmp(a->kind, "freplace") &&
        eg_get(&target, eg_container(link, tracing_link), tracing_target) &&
        linux_bpf_is_prog(b->r, target))
        a->where = eg_strf(b->r, "%s of program %s", a->where, linux_bpf_prog_text(b->r, target));
}

/** Places that know the program and not its link: events of perf, tracepoints until 6.9,
 * trampolines until 5.19. */
static bool same_place(struct linux_bpf *b, const char *kind, uint64_t prog, uint64_t link)
{
    static const struct {
        const char *link, *places;
    } kinds[] = { { "perf_event", "kprobe kretprobe uprobe tracepoint perf_event" },
                  { "raw_tracepoint", "raw_tracepoint" },
                  { "tracing", "fentry fexit fmod_ret lsm freplace raw_tracepoint" } };

    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t i = 0; !strcmp(kind, kinds[k].link) && i < b->n_attaches; i++)
            if (b->attaches[i].prog == prog && !b->attaches[i].link &&
                strstr(kinds[k].places, b->attaches[i].kind)) {
                b->attaches[i].link = link;
                linux_bpf_add(b, &b->links, link, LINUX_BPF_ATTACHED);
                replaced(b, &b->attaches[i]);
                return true;
            }
    return false;
}

/* A link whose place was not met before is one by itself: what its kind says it holds. */
void linux_bpf_link_attach(struct linux_bpf *b, uint64_t at)
{
    struct eg_obj link = eg_object(b->r, bpf_link, at);
    uint64_t prog = 0, type = 0;
    const char *kind;
    struct place p;

    for (size_t i = 0; i < b->n_attaches; i++)
        if (b->attaches[i].link == at)
            return;
    eg_get(&type, link, bpf_link_type_at);
    kind = linux_bpf_enum(b->r, "bpf_link_type", "BPF_LINK_TYPE_", type);
    p = place_of(b, kind, link);
    if (!eg_get(&prog, link, bpf_link_prog) || !prog)
        return;
    if (same_place(b, kind, prog, at))
        return;
    linux_bpf_attach(b, (struct linux_bpf_attach){ .prog = prog,
                                                   .link = at,
                                                   .at = at,
                                                   .kind = kind,
                                                   .where = p.where,
                                                   .function = p.function });
}

/* ---- programs and maps in maps ---- */

/* A table of functions works by itself, or as long as a link to it is there (since 6.4). */
static uint64_t link_of_table(struct linux_bpf *b, uint64_t map)
{
    for (size_t i = 0; i < b->links.n; i++) {
        struct eg_obj link = eg_object(b->r, bpf_link, b->links.at[i].at);
        uint64_t type = 0, of = 0;

        if (eg_get(&type, link, bpf_link_type_at) &&
            !strcmp(linux_bpf_enum(b->r, "bpf_link_type", "BPF_LINK_TYPE_", type), "struct_ops") &&
            eg_get(&of, eg_container(link, ops_link), ops_map) && of == map)
            return link.addr;
    }
    return 0;
}

static void table_programs(struct linux_bpf *b, struct eg_obj map)
{
    const uint64_t link = link_of_table(b, map.addr);
    struct linux_bpf_ops ops;
    struct linux_bpf_op op;

    if (!linux_bpf_ops(b->r, map, &ops) || !ops.state ||
        strcmp(ops.state, link ? "ready" : "inuse") != 0)
        return;
    while (linux_bpf_ops_next(&ops, &op) && !eg_stopped(b->r))
        if (op.program && op.member)
            linux_bpf_attach(b, (struct linux_bpf_attach){
                                    .prog = linux_bpf_prog_of(b, op.program),
                                    .link = link,
                                    .at = op.member_at,
                                    .kind = "struct_ops",
                                    .where = eg_strf(b->r, "%s.%s, map %s", ops.name, op.member,
                                                     linux_bpf_map_text(b->r, map.addr)) });
}

static void pointers(struct linux_bpf *b, struct eg_obj map, bool programs)
{
    struct eg_obj at = eg_at(eg_cast(map, bpf_array), array_pointers);
    uint32_t n = 0;

    eg_get(&n, map, bpf_map_entries);
    if (n > ARRAY_MAX) {
        b->full = true;
        n = ARRAY_MAX;
    }
    for (uint32_t i = 0; i < n && !eg_stopped(b->r); i++) {
        uint64_t p = 0;

        if (!eg_load(&p, eg_index(at, i)))
            return;
        if (!p)
            continue;
        if (programs)
            linux_bpf_attach(b, (struct linux_bpf_attach){
                                    .prog = p,
                                    .at = map.addr + i,
                                    .kind = "tail call",
                                    .where = eg_strf(b->r, "map %s, entry %u",
                                                     linux_bpf_map_text(b->r, map.addr), i) });
        else if (linux_bpf_is_map(b->r, p))
            linux_bpf_add(b, &b->maps, p, LINUX_BPF_MAP);
    }
}

static void sock_programs(struct linux_bpf *b, struct eg_obj map, struct eg_obj progs)
{
    const struct {
        struct eg_obj at;
        const char *kind;
    } all[] = { { eg_at(progs, psock_msg), "sk_msg" },
                { eg_at(progs, psock_stream), "stream_parser" },
                { eg_at(progs, psock_verdict), "stream_verdict" },
                { eg_at(progs, psock_skb), "skb_verdict" } };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        uint64_t prog = 0;

        if (eg_load(&prog, all[i].at) && prog)
            linux_bpf_attach(
                b, (struct linux_bpf_attach){
                       .prog = prog,
                       .at = map.addr,
                       .kind = all[i].kind,
                       .where = eg_strf(b->r, "map %s", linux_bpf_map_text(b->r, map.addr)) });
    }
}

void linux_bpf_map_programs(struct linux_bpf *b, uint64_t at)
{
    struct eg_obj map = eg_object(b->r, bpf_map, at);
    uint32_t type = 0;
    const char *name;

    if (!eg_get(&type, map, bpf_map_type_at))
        return;
    name = linux_bpf_enum(b->r, "bpf_map_type", "BPF_MAP_TYPE_", type);
    if (!strcmp(name, "prog_array"))
        pointers(b, map, true);
    else if (!strcmp(name, "array_of_maps"))
        pointers(b, map, false);
    else if (!strcmp(name, "struct_ops"))
        table_programs(b, map);
    else if (!strcmp(name, "sockmap"))
        sock_programs(b, map, eg_at(eg_cast(map, bpf_stab), stab_progs));
    else if (!strcmp(name, "sockhash"))
        sock_programs(b, map, eg_at(eg_cast(map, bpf_shtab), shtab_progs));
}
