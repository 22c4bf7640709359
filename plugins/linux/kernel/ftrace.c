/* ftrace.c - what ftrace was asked to do (kernel/trace/ftrace.c). */
#include "ftrace.h"
#include "../../../core/base.h"
#include <inttypes.h>
#include <stdlib.h>

EG_FIELDS(ftrace_ops_hash, filter_hash, notrace_hash);
EG_FIELDS(ftrace_hash, buckets, size_bits);
EG_FIELDS(ftrace_func_entry, direct, hlist, ip);          // direct since 5.5
EG_FIELD_AS(subops_first, ftrace_ops, "subop_list.next"); // since 6.10
EG_SYMBOL(ftrace_ops_list, "ftrace_ops *");
EG_SYMBOL(ftrace_list_end, "ftrace_ops");
EG_SYMBOL(ftrace_ops_trampoline_list, "list_head");
EG_SYMBOL(direct_functions, "ftrace_hash *");

enum { OPS_MAX = 2048, BITS_MAX = 16, SITES_MAX = 1 << 18 }; // FTRACE_HASH_MAX_BITS is 10 or 12

const struct eg_constant linux_ftrace_flags[] = {
    { "ENABLED", 1 << 0 },
    { "DYNAMIC", 1 << 1 },
    { "SAVE_REGS", 1 << 2 },
    { "SAVE_REGS_IF_SUPPORTED", 1 << 3 },
    { "RECURSION", 1 << 4 },
    { "STUB", 1 << 5 },
    { "INITIALIZED", 1 << 6 },
    { "DELETED", 1 << 7 },
    { "ADDING", 1 << 8 },
    { "REMOVING", 1 << 9 },
    { "MODIFYING", 1 << 10 },
    { "ALLOC_TRAMP", 1 << 11 },
    { "IPMODIFY", 1 << 12 },
    { "PID", 1 << 13 },
    { "RCU", 1 << 14 },
    { "TRACE_ARRAY", 1 << 15 },
    { "PERMANENT", 1 << 16 },
    { "DIRECT", 1 << 17 },
    { "SUBOP", 1 << 18 },
    { "GRAPH", 1 << 19 },
    { NULL, 0 },
};

static void add_site(struct eg_run *r, struct linux_ftrace_sites *s, struct eg_obj entry,
                     uint32_t ops)
{
    const uint64_t direct = eg_get_or((uint64_t)0, entry, ftrace_func_entry.direct);
    uint64_t ip;

    if (!eg_get(&ip, entry, ftrace_func_entry.ip))
        return;
    s->at = eg_grow(r, s->at, s->n, &s->cap, sizeof *s->at);
    s->at[s->n++] = (struct linux_ftrace_site){ ip, direct & LINUX_FTRACE_CALLEE, ops };
}

/* All buckets of a hash. @return false: it cannot be read. */
static bool add_hash(struct eg_run *r, struct linux_ftrace_sites *s, struct eg_obj pointer,
                     uint32_t ops)
{
    struct eg_obj hash = eg_deref(pointer), buckets = eg_at(hash, ftrace_hash.buckets), entry;
    uint64_t bits;

    if (hash.why == EG_NULL)
        return true;
    if (!eg_get(&bits, hash, ftrace_hash.size_bits) || bits > BITS_MAX) {
        eg_note(r, "ftrace: the functions in the hash at %#" PRIx64 " cannot be read", hash.addr);
        return false;
    }
    for (uint64_t i = 0; i < UINT64_C(1) << bits && !eg_stopped(r); i++)
        eg_each_hlist(entry, eg_index(buckets, i), ftrace_func_entry.hlist) {
            if (s->n >= SITES_MAX) {
                eg_note(r, "ftrace: only the first %d functions are looked at", SITES_MAX);
                return false;
            }
            add_site(r, s, entry, ops);
        }
    return true;
}

static bool is_known(const struct linux_ftrace *f, uint64_t at)
{
    for (size_t i = 0; i < f->n_ops; i++)
        if (f->ops[i].at.addr == at)
            return true;
    return false;
}

/* @return false: it is known, or there are too many. */
static bool add_ops(struct eg_run *r, struct linux_ftrace *f, struct eg_obj at,
                    enum linux_ftrace_from from)
{
    struct linux_ftrace_ops *ops;
    const uint32_t index = (uint32_t)f->n_ops;
    bool readable;
    size_t n;

    if (at.why || is_known(f, at.addr) || f->n_ops >= OPS_MAX)
        return false;
    f->ops = eg_grow(r, f->ops, f->n_ops, &f->cap, sizeof *f->ops);
    ops = &f->ops[f->n_ops++];
    *ops = (struct linux_ftrace_ops){ .at = at, .from = (uint8_t)from };
    eg_get(&ops->flags, at, ftrace_ops.flags);
    n = f->hooked.n;
    readable = add_hash(r, &f->hooked, eg_at(at, ftrace_ops.func_hash, ftrace_ops_hash.filter_hash),
                        index);
    ops->hooked = f->hooked.n - n;
    ops->all = readable && !ops->hooked;
    n = f->spared.n;
    add_hash(r, &f->spared, eg_at(at, ftrace_ops.func_hash, ftrace_ops_hash.notrace_hash), index);
    ops->spared = f->spared.n - n;
    return true;
}

static void add_subops(struct eg_run *r, struct linux_ftrace *f, struct eg_obj manager)
{
    struct eg_obj sub;
    uint64_t first;

    // The list's head is all zero until the ftrace_ops is registered.
    if (!eg_get(&first, manager, subops_first) || !first)
        return;
    eg_each_list(sub, eg_at(manager, ftrace_ops.subop_list), ftrace_ops.list)
        add_ops(r, f, sub, LINUX_FTRACE_SUB);
}

static void add_listed(struct eg_run *r, struct linux_ftrace *f)
{
    struct eg_obj ops = eg_deref(eg_sym(r, ftrace_ops_list));
    const struct eg_obj end = eg_sym(r, ftrace_list_end);
    uint64_t next = 0, flags;

    f->listed = !ops.why;
    if (eg_sym(r, ftrace_ops_list).why) {
        eg_note(r, "ftrace: ftrace_ops_list is not known: a System.map of this kernel "
                   "(--system-map) has it");
        return;
    }
    while (!ops.why && (end.why || ops.addr != end.addr)) {
        if (!eg_get(&flags, ops, ftrace_ops.flags) || !eg_get(&next, ops, ftrace_ops.next)) {
            eg_note(r, "ftrace_ops_list: what follows at %#" PRIx64 " cannot be read", ops.addr);
            return;
        }
        if (end.why && flags & LINUX_FTRACE_STUB && !next)
            return;
        if (!add_ops(r, f, ops, LINUX_FTRACE_LISTED)) {
            eg_note(r, "ftrace_ops_list: it goes in a circle, or is too long: not all is shown");
            return;
        }
        ops = eg_deref(eg_at(ops, ftrace_ops.next));
    }
    if (ops.why)
        eg_note(r, "ftrace_ops_list: it ends too early: not all is shown");
}

static int by_ip(const void *a, const void *b)
{
    const struct linux_ftrace_site *x = a, *y = b;

    if (x->ip != y->ip)
        return x->ip < y->ip ? -1 : 1;
    return x->ops < y->ops ? -1 : x->ops > y->ops;
}

static void sort(struct linux_ftrace_sites *s)
{
    if (s->n)
        qsort(s->at, s->n, sizeof *s->at, by_ip);
}

void linux_ftrace(struct eg_run *r, struct linux_ftrace *f)
{
    struct eg_obj list = eg_sym(r, ftrace_ops_trampoline_list), ops;
    size_t n;

    *f = (struct linux_ftrace){ 0 };
    add_listed(r, f);
    n = f->n_ops;
    for (size_t i = 0; i < n; i++)
        add_subops(r, f, f->ops[i].at);
    if (!list.why)
        eg_each_list(ops, list, ftrace_ops.list)
            add_ops(r, f, ops, LINUX_FTRACE_TRAMPOLINE);
    if (!eg_sym(r, direct_functions).why)
        add_hash(r, &f->direct, eg_sym(r, direct_functions), 0);
    sort(&f->hooked);
    sort(&f->spared);
    sort(&f->direct);
}

size_t linux_ftrace_find(const struct linux_ftrace_sites *s, uint64_t ip)
{
    return eg_lower_bound(s->n, i, s->at[i].ip < ip);
}

static bool spares(const struct linux_ftrace *f, uint64_t ip, uint32_t ops)
{
    for (size_t i = linux_ftrace_find(&f->spared, ip); i < f->spared.n && f->spared.at[i].ip == ip;
         i++)
        if (f->spared.at[i].ops == ops)
            return true;
    return false;
}

static bool is_live(const struct linux_ftrace_ops *ops)
{
    return ops->from == LINUX_FTRACE_LISTED && ops->flags & LINUX_FTRACE_ENABLED;
}

unsigned linux_ftrace_hooks(const struct linux_ftrace *f, uint64_t ip,
                            const struct linux_ftrace_ops **out)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < f->n_ops; i++)
        if (f->ops[i].all && is_live(&f->ops[i]) && !spares(f, ip, i) && ++n)
            *out = &f->ops[i];
    for (size_t i = linux_ftrace_find(&f->hooked, ip); i < f->hooked.n && f->hooked.at[i].ip == ip;
         i++)
        if (is_live(&f->ops[f->hooked.at[i].ops]) && !spares(f, ip, f->hooked.at[i].ops) && ++n)
            *out = &f->ops[f->hooked.at[i].ops];
    return n;
}
