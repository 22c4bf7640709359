/* xt_table.c - tables of iptables: one block of rules of different lengths; chains are ranges in it
 * (include/uapi/linux/netfilter_{ipv4/ip,ipv6/ip6,arp/arp}_tables.h, which do not change). */
#include "xt_table.h"
#include "../../../core/base.h"
#include "../../../core/run.h"
#include "../kernel/percpu.h"
#include "xt.h"
#include "xt_rule.h"
#include <stdlib.h>

EG_FIELD_AS(net_xt_tables, net, "xt.tables"); // until 5.11
EG_FIELD_AS(xt_list_k, xt_table, "list");
EG_FIELD_AS_OF("x_tables", xt_list_m, xt_table, "list");
EG_FIELD_AS(xt_private_k, xt_table, "private");
EG_FIELD_AS_OF("x_tables", xt_private_m, xt_table, "private");
EG_FIELD_AS(xt_info_size_k, xt_table_info, "size");
EG_FIELD_AS_OF("x_tables", xt_info_size_m, xt_table_info, "size");
EG_FIELD_AS(xt_info_hooks_k, xt_table_info, "hook_entry");
EG_FIELD_AS_OF("x_tables", xt_info_hooks_m, xt_table_info, "hook_entry");
EG_FIELD_AS(xt_info_under_k, xt_table_info, "underflow");
EG_FIELD_AS_OF("x_tables", xt_info_under_m, xt_table_info, "underflow");
EG_FIELD_AS(xt_info_entries_k, xt_table_info, "entries");
EG_FIELD_AS_OF("x_tables", xt_info_entries_m, xt_table_info, "entries");
EG_TYPE(list_head);
EG_FIELD_AS(xt_any_list, list_head, "next");
EG_SYMBOL(nr_cpu_ids, "u32");

enum { FAMILIES = 13, SIZE_MAX_ = 64 << 20 };

/* A member's offset: the module's type, the kernel's, or that of Linux 5.10. */
#define OFFSET(r, name, old)                                                                       \
    (eg_has((r), name##_m)   ? eg_offset((r), name##_m)                                            \
     : eg_has((r), name##_k) ? eg_offset((r), name##_k)                                            \
                             : (uint64_t)(old))

/* The heads of the lists of tables, one for each family. */
static bool has_tables(void *context, uint64_t at)
{
    struct eg_run *r = context;
    bool any = false;
    uint64_t next, back;

    for (unsigned i = 0; i < 11; i++) { // NFPROTO_NUMPROTO
        if (!eg_uint_at(r, at + 16u * i, 8, &next) || !next || !eg_uint_at(r, next + 8, 8, &back) ||
            back != at + 16u * i)
            return false;
        if (next == at + 16u * i)
            continue;
        if (!linux_xt_table_name(r, next - OFFSET(r, xt_list, 0)))
            return false;
        any = true;
    }
    return any;
}

bool linux_xt_open(struct eg_run *r, struct linux_xt_walk *w)
{
    uint64_t at;

    *w = (struct linux_xt_walk){ .r = r };
    w->pernet = (struct linux_pernet){ .symbol = "xt_pernet_id", .is = has_tables, .context = r };
    if (!eg_has(r, net_xt_tables) && !eg_lookup(r, "xt_find_table_lock", &at))
        return false;
    if (eg_binding_of(r)->model.ptr_size == 8 && !eg_binding_of(r)->model.big_endian)
        return true;
    eg_note(r, "rules of iptables are decoded of 64-bit little-endian kernels only");
    return false;
}

void linux_xt_enter(struct linux_xt_walk *w, struct eg_obj net)
{
    w->net = net;
    w->family = 0;
    w->walking = false;
}

/* ---- one table ---- */

static int by_name(const void *a, const void *b)
{
    const struct linux_xt_chain *x = a, *y = b;

    return strcmp(x->name, y->name);
}

struct build {
    struct eg_run *r;
    struct linux_xt_table *t;
    uint32_t hooks[LINUX_XT_HOOKS], under[LINUX_XT_HOOKS];
    size_t cap;
};

static struct linux_xt_chain *add_chain(struct build *b, const char *name, uint32_t first)
{
    struct linux_xt_table *t = b->t;
    struct linux_xt_chain *c;

    if (t->n_chains == LINUX_XT_CHAINS_MAX) {
        t->lost = "chains past the most that are shown";
        return NULL;
    }
    t->chains = eg_grow(b->r, t->chains, t->n_chains, &b->cap, sizeof *t->chains);
    c = &t->chains[t->n_chains++];
    *c = (struct linux_xt_chain){
        .name = name, .first = first, .end = first, .policy = "-", .counted = true
    };
    return c;
}

/* Chains of the kernel: from where a hook begins to its policy. */
static void built_in(struct build *b)
{
    static const char *const names[] = { "PREROUTING", "INPUT", "FORWARD", "OUTPUT",
                                         "POSTROUTING" };
    static const char *const arp[] = { "INPUT", "OUTPUT", "FORWARD" };
    struct linux_xt_table *t = b->t;

    for (unsigned h = 0; h < LINUX_XT_HOOKS; h++) {
        struct xt_entry e;
        struct linux_xt_chain *c;

        if (b->hooks[h] == UINT32_MAX || (t->family == 3 && h >= countof(arp)))
            continue;
        c = add_chain(b, t->family == 3 ? arp[h] : names[h], b->hooks[h]);
        if (!c)
            return;
        c->end = b->under[h];
        c->policy = "?";
        c->counted = false;
        if (linux_xt_entry(b->r, t, b->under[h], &e)) {
            c->policy = e.verdict == -1 ? "DROP" : e.verdict == -2 ? "ACCEPT" : "?";
            c->packets = e.packets;
            c->bytes = e.bytes;
            c->counted = e.counted;
        } else {
            t->lost = "a policy";
        }
    }
}

/* Chains of users begin with a rule whose target ERROR has their name; their last rule returns. */
static void of_users(struct build *b)
{
    struct linux_xt_table *t = b->t;
    struct linux_xt_chain *open = NULL;
    size_t from = t->n_chains;
    uint32_t at = 0, before = 0;

    for (unsigned n = 0; at < t->size && n < LINUX_XT_RULES_MAX && !eg_stopped(b->r); n++) {
        struct xt_entry e;

        if (!linux_xt_entry(b->r, t, at, &e)) {
            t->lost = "a rule and those behind it";
            break;
        }
        if (e.error) {
            if (open)
                open->end = before;
            open = strcmp(e.error, "ERROR") != 0 ? add_chain(b, e.error, at + e.size) : NULL;
        }
        before = at;
        at += e.size;
    }
    if (open)
        open->end = before;
    if (t->n_chains > from)
        qsort(t->chains + from, t->n_chains - from, sizeof *t->chains, by_name);
}

static void read_table(struct eg_run *r, struct linux_xt_table *t)
{
    struct build b = { .r = r, .t = t };
    uint64_t info, size, v;

    if (!eg_uint_at(r, t->at + OFFSET(r, xt_private, 0x18), 8, &info) || !info ||
        !eg_uint_at(r, info + OFFSET(r, xt_info_size, 0), 4, &size)) {
        t->lost = "its rules";
        return;
    }
    if (size > SIZE_MAX_) {
        t->lost = "more rules than can be";
        return;
    }
    t->size = (uint32_t)size;
    t->entries = info + OFFSET(r, xt_info_entries, 0x40);
    for (unsigned h = 0; h < LINUX_XT_HOOKS; h++) {
        b.hooks[h] = b.under[h] = UINT32_MAX;
        if (eg_uint_at(r, info + OFFSET(r, xt_info_hooks, 0xc) + 4 * h, 4, &v) && v < size)
            b.hooks[h] = (uint32_t)v;
        if (eg_uint_at(r, info + OFFSET(r, xt_info_under, 0x20) + 4 * h, 4, &v) && v < size)
            b.under[h] = (uint32_t)v;
        if (b.under[h] == UINT32_MAX)
            b.hooks[h] = UINT32_MAX;
    }
    // A hook that a table has not has the offset -1, or that of another since it is not asked for.
    if (!eg_uint_at(r, t->at + 16, 4, &v)) { // valid_hooks, behind its list
        t->lost = "its hooks";
        v = UINT32_MAX;
    }
    for (unsigned h = 0; h < LINUX_XT_HOOKS; h++)
        if (!(v >> h & 1))
            b.hooks[h] = UINT32_MAX;
    built_in(&b);
    of_users(&b);
}

bool linux_xt_next(struct linux_xt_walk *w, struct linux_xt_table *out)
{
    struct eg_obj head = eg_at(w->net, net_xt_tables), each;
    uint64_t base = head.addr;

    if (head.why)
        base = linux_pernet_at(w->r, &w->pernet, w->net);
    while (base && w->family < FAMILIES) {
        struct eg_link link = { "xt_table", "list", *eg_slot(w->r, eg_f_xt_any_list.id) };

        if (!w->walking) {
            link.slot.off = OFFSET(w->r, xt_list, 0);
            w->list = eg_list_begin(eg_object(w->r, list_head, base + 16u * w->family), &link);
            w->walking = true;
        }
        if (eg_list_next_(&w->list, &each)) {
            *out = (struct linux_xt_table){ .at = each.addr,
                                            .name = linux_xt_table_name(w->r, each.addr),
                                            .family = (uint8_t)w->family };
            if (!out->name)
                out->name = "?";
            // Those of ARP and of IP are alike; bridges have tables of another form.
            if (w->family != 2 && w->family != 3 && w->family != 10)
                continue;
            read_table(w->r, out);
            return true;
        }
        w->walking = false;
        w->family++;
        if (w->family >= 11 && head.why)
            break;
    }
    return false;
}

bool linux_xt_next_rule(struct eg_run *r, const struct linux_xt_table *t,
                        const struct linux_xt_chain *chain, struct linux_xt_rule *rule)
{
    struct xt_entry e;

    if (rule->at) {
        if (!linux_xt_entry(r, t, rule->offset, &e))
            return false;
        rule->offset += e.size;
    }
    if (rule->offset >= chain->end || !linux_xt_entry(r, t, rule->offset, &e))
        return false;
    rule->at = t->entries + rule->offset;
    rule->packets = e.packets;
    rule->bytes = e.bytes;
    rule->counted = e.counted;
    rule->text = linux_xt_rule_text(r, t, &e);
    return true;
}

/* ---- counters ---- */

/* With several CPUs the entry has where each one's own counters are. */
bool linux_xt_counters(struct eg_run *r, uint64_t at, uint64_t *packets, uint64_t *bytes)
{
    struct eg_obj each;
    uint64_t a = 0, b = 0, v, w;
    uint32_t cpus = 2;
    bool any = false;

    *packets = *bytes = 0;
    eg_load(&cpus, eg_sym(r, nr_cpu_ids));
    if (!eg_uint_at(r, at, 8, &a) || !eg_uint_at(r, at + 8, 8, &b))
        return false;
    if (cpus <= 1) {
        *packets = a;
        *bytes = b;
        return true;
    }
    // struct xt_counters: packets, bytes
    linux_each_percpu(r, eg_object(r, list_head, a), each)
    {
        if (each.why || !eg_uint_at(r, each.addr, 8, &v) || !eg_uint_at(r, each.addr + 8, 8, &w))
            return false;
        *packets += v;
        *bytes += w;
        any = true;
    }
    return any;
}
