/* patched.c - what the kernel has written down of the places in code that it patches. */
#include "patched.h"
#include "../../../core/cache.h"
#include "../../../core/vec.h"
#include "ftrace.h"
#include "kprobe.h"
#include "module.h"

#include <stdlib.h>
#include <string.h>

EG_FIELDS(jump_entry, code, key, target); // include/linux/jump_label.h
EG_FIELDS(static_call_site, addr, key);   // include/linux/static_call_types.h
EG_FIELDS(static_call_key, func);         // include/linux/static_call_types.h
EG_FIELD_AS(static_key_enabled, static_key, "enabled.counter|enabled");
EG_TYPE(static_key);
EG_FIELD_AS(module_jumps, module, "jump_entries");
EG_FIELD_AS(module_n_jumps, module, "num_jump_entries");
EG_FIELD_AS(module_calls, module, "static_call_sites");
EG_FIELD_AS(module_n_calls, module, "num_static_call_sites");

enum {
    PAGES_MAX = 1 << 16,
    PATCHES_MAX = 1 << 20, /* a large kernel with all its modules has 200,000 */
    TABLE_MAX = 1 << 18,
    PROBES_MAX = 1 << 16,
    FLAGS_OF_KEY = 3,
};

const struct eg_constant linux_patch_kinds[] = {
    { "ftrace", LINUX_PATCH_FTRACE },    { "jump label", LINUX_PATCH_JUMP },
    { "static call", LINUX_PATCH_CALL }, { "trampoline", LINUX_PATCH_TRAMPOLINE },
    { "kprobe", LINUX_PATCH_KPROBE },    { NULL, 0 },
};

struct kept {
    struct linux_patches p; /* first: what callers get */
    EG_VEC(struct linux_patch) v;
    uint64_t looked; /* entries of tables, also those that cannot be read */
    bool full;
};

static struct linux_patch *add(struct kept *k, enum linux_patch_kind kind, uint64_t at,
                               uint64_t record)
{
    struct linux_patch *p = k->v.n < PATCHES_MAX ? eg_vec_push(&k->v) : NULL;

    if (p)
        *p = (struct linux_patch){ .at = at, .record = record, .kind = (uint8_t)kind };
    else
        k->full = true;
    return p;
}

static void add_ftrace(struct kept *k, struct eg_run *r)
{
    struct eg_obj page = eg_deref(eg_sym(r, ftrace_pages_start));
    uint64_t next;

    if (page.why)
        return;
    k->p.found |= 1u << LINUX_PATCH_FTRACE;
    for (unsigned n = 0; n < PAGES_MAX && !page.why && !k->full && !eg_stopped(r); n++) {
        struct eg_obj records = eg_at(page, ftrace_page.records);
        uint32_t count = eg_get_or((uint32_t)0, page, ftrace_page.index);

        for (uint32_t i = 0; i < count && i < TABLE_MAX && !k->full; i++) {
            struct eg_obj rec = eg_index(records, i);
            uint64_t ip, flags;
            struct linux_patch *p;

            if (!eg_get(&ip, rec, dyn_ftrace.ip) || !eg_get(&flags, rec, dyn_ftrace.flags))
                break;
            p = ip ? add(k, LINUX_PATCH_FTRACE, ip, rec.addr) : NULL;
            if (p)
                p->flags = flags;
        }
        if (!eg_get(&next, page, ftrace_page.next) || !next)
            return;
        page = eg_deref(eg_at(page, ftrace_page.next));
    }
}

/* A place that a table names: with 4 bytes the distance from the member (CONFIG_HAVE_ARCH_
 * JUMP_LABEL_RELATIVE), else the address. */
static bool place(struct eg_obj member, bool relative, uint64_t *out)
{
    if (!eg_load(out, member))
        return false;
    *out += relative ? member.addr : 0;
    return true;
}

static void add_jump(struct kept *k, struct eg_run *r, struct eg_obj e)
{
    const bool relative = eg_at(e, jump_entry.code).size == 4;
    uint64_t at, to, key;
    int32_t enabled;
    struct linux_patch *p;

    if (!place(eg_at(e, jump_entry.code), relative, &at) ||
        !place(eg_at(e, jump_entry.target), relative, &to) ||
        !place(eg_at(e, jump_entry.key), relative, &key) || key & 2 || !at) // of start-up code
        return;
    p = add(k, LINUX_PATCH_JUMP, at, e.addr);
    if (!p)
        return;
    p->to = to;
    p->key = key & ~(uint64_t)FLAGS_OF_KEY;
    p->known = eg_get(&enabled, eg_object(r, static_key, p->key), static_key_enabled);
    // static_key_count(): -1 while it is being switched on; jump_label_type(): bit 0 inverts.
    p->on = (p->known && enabled != 0) != (key & 1);
}

static void add_call(struct kept *k, struct eg_run *r, struct eg_obj e)
{
    uint64_t at, key;
    struct linux_patch *p;

    if (!place(eg_at(e, static_call_site.addr), true, &at) ||
        !place(eg_at(e, static_call_site.key), true, &key) || key & 2) // STATIC_CALL_SITE_INIT
        return;
    p = add(k, LINUX_PATCH_CALL, at, e.addr);
    if (!p)
        return;
    p->key = key & ~(uint64_t)FLAGS_OF_KEY;
    p->on = key & 1; // STATIC_CALL_SITE_TAIL
    p->known = eg_get(&p->to, eg_object(r, static_call_key, p->key), static_call_key.func);
}

/* @n entries of the type of @first. */
static void add_table(struct kept *k, struct eg_run *r, struct eg_obj first, uint64_t n,
                      void (*one)(struct kept *k, struct eg_run *r, struct eg_obj e))
{
    for (uint64_t i = 0; i < n && i < TABLE_MAX && !first.why && !k->full && !eg_stopped(r); i++) {
        struct eg_obj e = first;

        e.addr += i * first.size;
        one(k, r, e);
        k->full |= k->looked++ >= 2 * PATCHES_MAX;
    }
}

static uint64_t entries(struct eg_run *r, const char *from, const char *to, uint64_t *first,
                        uint32_t size)
{
    uint64_t end;

    if (!eg_system_own_symbol(eg_system_of(r), from, first, NULL) ||
        !eg_system_own_symbol(eg_system_of(r), to, &end, NULL) || end < *first || !size)
        return 0;
    return (end - *first) / size;
}

static void add_tables(struct kept *k, struct eg_run *r)
{
    const uint32_t jump = eg_object(r, jump_entry, 1).size,
                   call = eg_object(r, static_call_site, 1).size;
    uint64_t first, n;
    struct eg_obj m;

    if (eg_has(r, jump_entry.code)) {
        n = entries(r, "__start___jump_table", "__stop___jump_table", &first, jump);
        k->p.found |= n ? 1u << LINUX_PATCH_JUMP : 0;
        if (n)
            add_table(k, r, eg_object(r, jump_entry, first), n, add_jump);
    }
    if (eg_has(r, static_call_site.addr)) {
        n = entries(r, "__start_static_call_sites", "__stop_static_call_sites", &first, call);
        k->p.found |= n ? 1u << LINUX_PATCH_CALL : 0;
        if (n)
            add_table(k, r, eg_object(r, static_call_site, first), n, add_call);
    }
    if (!eg_has(r, module.list))
        return;
    linux_each_module(r, m) {
        uint32_t count;

        if (eg_get(&count, m, module_n_jumps))
            add_table(k, r, eg_deref(eg_at(m, module_jumps)), count, add_jump);
        if (eg_get(&count, m, module_n_calls))
            add_table(k, r, eg_deref(eg_at(m, module_calls)), count, add_call);
    }
}

/* Trampolines have no table but names: __SCT__x jumps to what the key __SCK__x has. */
static void add_trampolines(struct kept *k, struct eg_run *r, const struct eg_symbols *s)
{
    enum { PREFIX = 7, NAME = 512 };
    char name[NAME];

    for (uint32_t i = 0; i < s->profile->n_symbols; i++) {
        const struct eg_symbol *sym = &s->profile->symbols[i];
        const char *text = s->profile->strings + sym->name;
        const struct eg_symbol *key;
        uint32_t iter = 0;
        struct linux_patch *p;

        if (strncmp(text, "__SCT__", PREFIX) != 0 || strlen(text) >= NAME)
            continue;
        memcpy(name, text, strlen(text) + 1);
        name[4] = 'K';
        key = eg_profile_symbol(s->profile, name, &iter);
        p = key ? add(k, LINUX_PATCH_TRAMPOLINE, sym->addr + s->shift, 0) : NULL;
        if (!p)
            continue;
        k->p.found |= 1u << LINUX_PATCH_TRAMPOLINE;
        p->key = key->addr + s->shift;
        p->known = eg_get(&p->to, eg_object(r, static_call_key, p->key), static_call_key.func);
    }
}

static void add_probes(struct kept *k, struct eg_run *r)
{
    struct eg_obj heads = eg_sym(r, kprobe_table), probe;
    uint64_t at, n = 0;

    if (heads.why)
        return;
    k->p.found |= 1u << LINUX_PATCH_KPROBE;
    for (uint64_t i = 0; i < eg_count(heads); i++) {
        eg_each_hlist(probe, eg_index(heads, i), kprobe.hlist) {
            if (n++ < PROBES_MAX && eg_get(&at, probe, kprobe.addr) && at)
                add(k, LINUX_PATCH_KPROBE, at, probe.addr);
        }
    }
}

static int by_address(const void *a, const void *b)
{
    const struct linux_patch *x = a, *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return x->record < y->record ? -1 : x->record > y->record;
}

/* Several sources may name the same trampoline. */
static void settle(struct kept *k)
{
    size_t n = 0;

    if (k->v.n)
        qsort(k->v.at, k->v.n, sizeof *k->v.at, by_address);
    for (size_t i = 0; i < k->v.n; i++)
        if (!n || by_address(&k->v.at[n - 1], &k->v.at[i]) != 0)
            k->v.at[n++] = k->v.at[i];
    k->v.n = n;
}

static bool make(struct eg_system *sys, struct eg_run *r, void *at)
{
    struct kept *k = at;
    const char *name, *module;
    uint64_t off;

    if (!eg_has(r, jump_entry.code))
        k->p.none |= 1u << LINUX_PATCH_JUMP;
    if (!eg_has(r, static_call_site.addr))
        k->p.none |= 1u << LINUX_PATCH_CALL | 1u << LINUX_PATCH_TRAMPOLINE;
    add_ftrace(k, r);
    add_tables(k, r);
    add_probes(k, r);
    eg_system_symbol_at(sys, 1, &name, &off, &module); // what modules have is read now
    for (size_t i = 0; i < sys->symbols.n; i++)
        add_trampolines(k, r, &sys->symbols.at[i]);
    for (size_t i = 0; i < sys->module_symbols.n; i++)
        add_trampolines(k, r, &sys->module_symbols.at[i]);
    settle(k);
    if (k->full)
        eg_note(r, "patched code: only the first %d places are known", PATCHES_MAX);
    k->p.at = k->v.at;
    k->p.n = k->v.n;
    return !eg_stopped(r);
}

static void forget(void *at)
{
    eg_vec_fini(&((struct kept *)at)->v);
}

static const struct eg_cache cache = { sizeof(struct kept), make, forget };

const struct linux_patches *linux_patches(struct eg_run *r)
{
    struct kept *k = eg_system_cache(eg_system_of(r), r, &cache);

    return k ? &k->p : NULL;
}

size_t linux_patch_from(const struct linux_patches *p, uint64_t addr)
{
    size_t low = 0, high = p->n;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;

        if (p->at[mid].at < addr)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}
