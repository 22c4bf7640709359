/* optables_lists.c - tables of what registers itself in a list or an array of the kernel. */
#include "../../core/profile.h"
#include "../../core/space.h"
#include "../../core/system.h"
#include "../linux/kernel/kallsyms.h"
#include "../linux/mm/slab.h"
#include "optables.h"
#include <string.h>

enum shape {
    LIST,      /* a list_head; @link: the member */
    LISTS,     /* an array of them */
    CHAIN,     /* a pointer to the first; @link: to the next */
    POINTERS,  /* an array of pointers to them */
    FUNCTIONS, /* an array of pointers to functions */
    STRUCTS,   /* an array of them */
    HLIST,     /* an hlist_head; @link: the member */
};

static const struct source {
    const char *symbol;
    enum shape shape;
    const char *type, *link;
    unsigned count; /* elements of the array */
    bool may_lack;  /* only some kernels have it, and others keep this elsewhere */
} sources[] = {
    { "file_systems", CHAIN, "file_system_type", "next", 0 },
    { "formats", LIST, "linux_binfmt", "lh", 0 },
    { "tty_ldiscs", POINTERS, "tty_ldisc_ops", NULL, 31 },      // NR_LDISCS, less since 5.14
    { "net_families", POINTERS, "net_proto_family", NULL, 46 }, // NPROTO
    { "inet_protos", POINTERS, "net_protocol", NULL, 256 },     // MAX_INET_PROTOS
    { "inet6_protos", POINTERS, "inet6_protocol", NULL, 256 },
    { "inet_offloads", POINTERS, "net_offload", NULL, 256 },
    { "inet6_offloads", POINTERS, "net_offload", NULL, 256 },
    { "inetsw", LISTS, "inet_protosw", "list", 11 }, // SOCK_MAX
    { "inetsw6", LISTS, "inet_protosw", "list", 11 },
    { "proto_list", LIST, "proto", "node", 0 },
    { "ptype_all", LIST, "packet_type", "list", 0, true }, // until 6.16, then of each namespace
    { "ptype_base", LISTS, "packet_type", "list", 16 },    // PTYPE_HASH_SIZE
    { "pernet_list", LIST, "pernet_operations", "list", 0 },
    { "link_ops", LIST, "rtnl_link_ops", "list", 0 },
    { "tcp_ulp_list", LIST, "tcp_ulp_ops", "list", 0 },
    { "qdisc_base", CHAIN, "Qdisc_ops", "next", 0 },
    { "tcf_proto_base", LIST, "tcf_proto_ops", "head", 0 },
    { "act_base", LIST, "tc_action_ops", "head", 0 },
    { "nf_sockopts", LIST, "nf_sockopt_ops", "list", 0 },
    { "sock_diag_handlers", POINTERS, "sock_diag_handler", NULL, 46 }, // AF_MAX
    { "dump_list", LIST, "kmsg_dumper", "list", 0 },
    { "console_drivers", CHAIN, "console", "next", 0, true }, // until 6.1
    { "console_list", HLIST, "console", "node", 0, true },    // since 6.2
    { "cpuhp_hp_states", STRUCTS, "cpuhp_step", NULL, 1024 }, // CPUHP_ONLINE and less
    { "trace_types", CHAIN, "tracer", "next", 0 },
    { "tcp_cong_list", LIST, "tcp_congestion_ops", "list", 0 },
    { "input_handler_list", LIST, "input_handler", "node", 0 },
    { "input_dev_list", LIST, "input_dev", "node", 0 },
    { "k_handler", FUNCTIONS, NULL, NULL, 16 }, // drivers/tty/vt/keyboard.c
    { "fn_handler", FUNCTIONS, NULL, NULL, 20 },
    { "key_types_list", LIST, "key_type", "link", 0 },
    { "crypto_alg_list", LIST, "crypto_alg", "cra_list", 0 },
    { "clocksource_list", LIST, "clocksource", "list", 0 },
    { "clockevent_devices", LIST, "clock_event_device", "list", 0 },
    { "sysrq_key_table", POINTERS, "sysrq_key_op", NULL, 62 },
    { "misc_list", LIST, "miscdevice", "list", 0 },
    { "syscore_ops_list", LIST, "syscore_ops", "node", 0, true }, // until 6.18
    { "syscore_list", LIST, "syscore", "node", 0, true },
};

enum { ELEMENTS_MAX = 1 << 14, COMMANDS_MAX = 256, FAMILIES_MAX = 128, ROUTE_TYPES = 128 };
EG_TYPE(list_head);
EG_FIELDS(genl_family, name, ops, small_ops, split_ops, n_ops, n_small_ops, n_split_ops);
EG_FIELD_AS(idr_tree, idr, "idr_rt");
EG_FIELD_AS(nmi_head, nmi_desc, "head");
EG_FIELD_AS(nmi_link, nmiaction, "list");
EG_SYMBOL(genl_fam_idr, "idr");
EG_SYMBOL(nmi_desc, "nmi_desc[4]");
EG_SYMBOL(rtnl_msg_handlers, "void *[129]");

/* The elements of an array, within its variable. */
static unsigned count_of(const struct source *s, const struct eg_symbol_extent *extent,
                         uint64_t element)
{
    const uint64_t room = extent->size ? extent->size : extent->room;

    return room && room / element < s->count ? (unsigned)(room / element) : s->count;
}

static void list(struct optables *o, const struct source *s, struct optables_type *type,
                 uint64_t head, const struct eg_slot *slot)
{
    const struct eg_link link = { s->type, s->link, *slot };
    struct eg_list_walk w = eg_list_begin(eg_object(o->r, list_head, head), &link);
    struct eg_obj one;

    for (unsigned n = 0; n < ELEMENTS_MAX && eg_list_next_(&w, &one); n++)
        optables_object(o, type, one.addr, optables_named(s->symbol));
}

static void pointers(struct optables *o, const struct source *s, struct optables_type *type,
                     uint64_t at, unsigned count)
{
    const unsigned word = eg_binding_of(o->r)->model.ptr_size;

    for (unsigned i = 0; i < count; i++) {
        uint64_t to;

        if (eg_pointer_at(o->r, at + i * word, &to) && to)
            optables_object(o, type, to, optables_named(eg_strf(o->r, "%s[%u]", s->symbol, i)));
    }
}

static void chain(struct optables *o, const struct source *s, struct optables_type *type,
                  uint64_t at, uint64_t off)
{
    struct eg_map *seen = eg_run_map(o->r);

    for (unsigned n = 0; n < ELEMENTS_MAX; n++) {
        if (!eg_pointer_at(o->r, at, &at) || !at || !eg_run_map_add(o->r, seen, at, 0))
            return;
        optables_object(o, type, at, optables_named(s->symbol));
        at += off;
    }
}

/* An array of functions, as a struct whose members they are. */
static void functions(struct optables *o, const struct source *s, uint64_t at, unsigned count)
{
    const unsigned word = eg_binding_of(o->r)->model.ptr_size;
    struct linux_fnmember *members = eg_tmp(o->r, count * sizeof *members + 1);
    struct linux_fnmembers *all = eg_tmp(o->r, sizeof *all);
    struct optables_type *type = eg_tmp(o->r, sizeof *type);

    for (unsigned i = 0; i < count; i++)
        members[i] = (struct linux_fnmember){ .name = eg_strf(o->r, "[%u]", i),
                                              .off = i * word,
                                              .function = true };
    *all = (struct linux_fnmembers){ members, count, count, count * word };
    *type = (struct optables_type){ .name = "functions", .members = all };
    optables_object(o, type, at, optables_named(s->symbol));
}

static void structs(struct optables *o, const struct source *s, struct optables_type *type,
                    uint64_t at, unsigned count)
{
    type->object = true;
    for (unsigned i = 0; i < count; i++)
        optables_object(o, type, at + i * type->members->size,
                        optables_named(eg_strf(o->r, "%s[%u]", s->symbol, i)));
}

/* The first element's member is where the head leads to. */
static void hlist(struct optables *o, const struct source *s, struct optables_type *type,
                  uint64_t at, uint64_t off)
{
    struct eg_map *seen = eg_run_map(o->r);

    for (unsigned n = 0; n < ELEMENTS_MAX; n++) {
        if (!eg_pointer_at(o->r, at, &at) || at < off || !eg_run_map_add(o->r, seen, at, 0))
            return;
        optables_object(o, type, at - off, optables_named(s->symbol));
    }
}

static void source(struct optables *o, const struct source *s, uint64_t at,
                   const struct eg_symbol_extent *extent)
{
    const struct eg_types *ts = &eg_system_of(o->r)->types;
    const uint64_t head = 2 * (uint64_t)eg_binding_of(o->r)->model.ptr_size;
    struct optables_type *type = s->type ? optables_type(o, s->type) : NULL;
    struct eg_member_at m;
    struct eg_slot slot;

    if (s->shape == FUNCTIONS)
        functions(o, s, at, count_of(s, extent, head / 2));
    if (!type || (s->link && !eg_type_find(ts, type->id, s->link, &m)))
        return;
    if (s->link)
        eg_types_member_slot(ts, &eg_binding_of(o->r)->model, type->id, &m, &slot);
    switch (s->shape) {
    case LIST:
        list(o, s, type, at, &slot);
        break;
    case LISTS:
        for (unsigned i = 0, n = count_of(s, extent, head); i < n; i++)
            list(o, s, type, at + i * head, &slot);
        break;
    case STRUCTS:
        structs(o, s, type, at, count_of(s, extent, type->members->size));
        break;
    case HLIST:
        hlist(o, s, type, at, slot.off);
        break;
    case CHAIN:
        chain(o, s, type, at, slot.off);
        break;
    default:
        pointers(o, s, type, at, count_of(s, extent, head / 2));
    }
}

/* ---- what is kept in other ways ---- */

static const char *say_family(struct eg_run *r, uint64_t at)
{
    const char *name = eg_string(r, eg_at(eg_object(r, genl_family, at), genl_family.name), 16);

    return eg_strf(r, "generic netlink %s", name ? name : "?");
}

/* Commands of a family: an array of structs, each with functions of its own. */
static void commands(struct optables *o, struct eg_obj family, const char *name,
                     struct eg_obj first, uint32_t n)
{
    struct optables_type *type = optables_type(o, name);
    uint64_t at;

    if (!type || !eg_load(&at, first) || !at)
        return;
    type->object = type->own = true;
    for (uint32_t i = 0; i < n && i < COMMANDS_MAX; i++)
        optables_object(o, type, at + i * type->members->size,
                        (struct optables_user){ say_family, family.addr, NULL });
}

/* net/netlink/genetlink.c; split commands are new in 6.2. */
static void families(struct optables *o)
{
    struct optables_type *type = optables_type(o, "genl_family");
    struct eg_entry entry;
    unsigned n = 0;

    if (!eg_has_symbol(o->r, genl_fam_idr) || !type)
        return;
    eg_each_xa(entry, eg_at(eg_sym(o->r, genl_fam_idr), idr_tree)) {
        struct eg_obj f = eg_object(o->r, genl_family, entry.value);

        if (n++ == ELEMENTS_MAX)
            return;
        optables_object(o, type, f.addr, (struct optables_user){ say_family, f.addr, NULL });
        commands(o, f, "genl_ops", eg_at(f, genl_family.ops), eg_get_or(0u, f, genl_family.n_ops));
        commands(o, f, "genl_small_ops", eg_at(f, genl_family.small_ops),
                 eg_get_or(0u, f, genl_family.n_small_ops));
        commands(o, f, "genl_split_ops", eg_at(f, genl_family.split_ops),
                 eg_get_or(0u, f, genl_family.n_split_ops));
    }
}

/* Of each family an array of pointers (net/core/rtnetlink.c), of which those that it has not are
 * null up to the end of its object. */
static void routes(struct optables *o)
{
    struct eg_obj all = eg_sym(o->r, rtnl_msg_handlers);
    struct optables_type *type = optables_type(o, "rtnl_link");
    const unsigned word = eg_binding_of(o->r)->model.ptr_size;
    uint64_t table, at;

    for (unsigned i = 0; type && !all.why && i < FAMILIES_MAX; i++)
        for (unsigned k = 0; k < ROUTE_TYPES && eg_pointer_at(o->r, all.addr + i * word, &table) &&
                             table && linux_slab_allocated(o->r, table) == 1;
             k++)
            if (eg_pointer_at(o->r, table + k * word, &at) && at &&
                linux_slab_allocated(o->r, at) == 1)
                optables_object(o, type, at,
                                optables_named(eg_strf(o->r, "rtnl_msg_handlers[%u][%u]", i, k)));
}

static void nmis(struct optables *o)
{
    struct eg_obj all = eg_sym(o->r, nmi_desc), one;
    struct optables_type *type = optables_type(o, "nmiaction");
    unsigned n = 0;

    for (uint64_t i = 0; type && i < eg_count(all); i++)
        eg_each_list(one, eg_at(eg_index(all, i), nmi_head), nmi_link) {
            if (n++ < ELEMENTS_MAX)
                optables_object(o, type, one.addr, optables_named("nmi_desc"));
        }
}

void optables_lists(struct optables *o)
{
    const char *lost = NULL;

    families(o);
    routes(o);
    nmis(o);

    for (size_t i = 0; i < countof(sources) && !eg_stopped(o->r); i++) {
        struct eg_symbol_extent extent = { 0 };
        uint64_t at;

        if (sources[i].shape == LIST
                ? linux_list_named(o->r, sources[i].symbol, &at)
                : eg_system_own_symbol(eg_system_of(o->r), sources[i].symbol, &at, &extent))
            source(o, &sources[i], at, &extent);
        else if (!sources[i].may_lack)
            lost = eg_strf(o->r, "%s%s%s", lost ? lost : "", lost ? ", " : "", sources[i].symbol);
    }
    if (lost)
        eg_note(o->r, "without a symbol in this kernel, and not looked at: %s", lost);
}
