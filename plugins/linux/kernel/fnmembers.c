/* fnmembers.c - members of structs that lead to functions. */
#include "fnmembers.h"
#include "../../../core/profile.h"
#include "../../../core/system.h"
#include <string.h>

enum { DEPTH_MAX = 5, MEMBERS_MAX = 512, ELEMENTS_MAX = 64 };
/* Members that are looked at for one struct, with those of structs within: the limits above allow
 * billions of a type that was made for that. struct net, the largest, takes 4,872 in 6.12. */
enum { STEPS_MAX = 1 << 16 };

struct gather {
    struct eg_run *r;
    const struct eg_types *ts;
    const struct eg_model *model;
    struct linux_fnmember *at;
    size_t n, cap;
    unsigned steps;
    bool linked;
};

static bool ends(const char *s, const char *end)
{
    const size_t n = strlen(s), m = strlen(end);

    return n >= m && !strcmp(s + n - m, end);
}

/* What a pointer (past typedefs) leads to; 0: @id is none. */
static uint32_t target(const struct gather *g, uint32_t id)
{
    return eg_type(g->ts, id, NULL)->kind == EG_T_PTR
               ? eg_type_target(g->ts, eg_type_ref(g->ts, id))
               : 0;
}

static bool is_function(const struct gather *g, uint32_t id)
{
    return id && eg_type(g->ts, id, NULL)->kind == EG_T_FUNC;
}

/* Its functions, directly or in anonymous parts; *@links: it leads to more of its own type. */
static unsigned functions_of(struct gather *g, uint32_t id, uint32_t self, bool *links,
                             unsigned depth)
{
    const struct eg_type *t = eg_type(g->ts, id, NULL);
    unsigned n = 0;

    for (uint32_t i = 0; i < t->count && i < MEMBERS_MAX && g->steps++ < STEPS_MAX; i++) {
        struct eg_member_at m;
        uint32_t type;

        if (!eg_type_member(g->ts, id, i, &m))
            continue;
        type = eg_type_strip(g->ts, m.type);
        if (is_function(g, target(g, type)))
            n++;
        else if (eg_type(g->ts, type, NULL)->kind == EG_T_PTR)
            *links |= target(g, type) == self;
        else if ((!m.name || !*m.name) && depth < DEPTH_MAX &&
                 (eg_type(g->ts, type, NULL)->kind == EG_T_STRUCT ||
                  eg_type(g->ts, type, NULL)->kind == EG_T_UNION))
            n += functions_of(g, type, self, links, depth + 1);
    }
    return n;
}

static bool is_table(struct gather *g, uint32_t id)
{
    const struct eg_type *t = eg_type(g->ts, id, NULL);
    const char *name = eg_type_name(g->ts, id);
    bool links = false;
    unsigned n;

    if (t->kind != EG_T_STRUCT || !t->size)
        return false;
    n = functions_of(g, id, id, &links, 0);
    if (!n || links)
        return false;
    return (name && (ends(name, "_ops") || ends(name, "_operations"))) ||
           (uint64_t)2 * n * g->model->ptr_size >= t->size;
}

static const char *join(struct gather *g, const char *a, const char *b)
{
    return !b || !*b ? a : *a ? eg_strf(g->r, "%s.%s", a, b) : b;
}

static void put(struct gather *g, struct linux_fnmember m)
{
    if (g->n == MEMBERS_MAX)
        return;
    g->at = eg_grow(g->r, g->at, g->n, &g->cap, sizeof *g->at);
    g->at[g->n++] = m;
}

static bool is_put_off(const char *name)
{
    static const char *const names[] = { "callback_head", "rcu_head", "work_struct",   "timer_list",
                                         "hrtimer",       "irq_work", "tasklet_struct" };

    for (size_t i = 0; name && i < countof(names); i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

static void members(struct gather *g, uint32_t id, const char *prefix, uint64_t off,
                    unsigned depth);

static void member(struct gather *g, uint32_t id, const char *name, uint64_t off, unsigned depth)
{
    const struct eg_type *t;
    uint32_t to;

    id = eg_type_strip(g->ts, id);
    t = eg_type(g->ts, id, NULL);
    if (off > UINT32_MAX || depth > DEPTH_MAX || g->steps++ >= STEPS_MAX)
        return;
    to = target(g, id);
    if (is_function(g, to)) {
        put(g, (struct linux_fnmember){ .name = name, .off = (uint32_t)off, .function = true });
    } else if (t->kind == EG_T_PTR) {
        if (is_table(g, to))
            put(g, (struct linux_fnmember){ .name = name, .off = (uint32_t)off, .table = to });
    } else if (t->kind == EG_T_ARRAY) {
        const uint32_t element = eg_type_ref(g->ts, id);
        const uint64_t size = eg_type_size(g->ts, element, g->model);

        for (uint32_t i = 0; size && i < t->count && i < ELEMENTS_MAX; i++) {
            const size_t before = g->n;

            member(g, element, eg_strf(g->r, "%s[%u]", name, i), off + i * size, depth + 1);
            if (g->n == before)
                break;
        }
    } else if ((t->kind == EG_T_STRUCT || t->kind == EG_T_UNION) &&
               !is_put_off(eg_type_name(g->ts, id))) {
        const char *type = eg_type_name(g->ts, id);

        g->linked |= type && !strcmp(type, "list_head");
        members(g, id, name, off, depth + 1);
    }
}

static struct linux_fnmember *same_place(struct linux_fnmember *at, size_t from, size_t end,
                                         uint32_t off)
{
    for (size_t i = from; i < end; i++)
        if (at[i].off == off)
            return &at[i];
    return NULL;
}

struct part {
    size_t from, end;
    uint64_t size;
};

/* What stands at the same place in the parts of a union: the same in each, one of two, or
 * something that cannot be told. */
static void settle(struct gather *g, size_t from, const struct part *parts, size_t n_parts,
                   uint64_t off)
{
    struct linux_fnmember *was = eg_tmp(g->r, g->n * sizeof *was), *same;

    memcpy(was, g->at, g->n * sizeof *was);
    g->n = from;
    for (size_t p = 0; p < n_parts; p++) {
        for (size_t i = parts[p].from; i < parts[p].end; i++) {
            struct linux_fnmember m = was[i];
            bool other = false, clash = false;

            for (size_t q = 0; q < n_parts; q++) {
                same = q == p ? NULL : same_place(was, parts[q].from, parts[q].end, m.off);
                other |= q != p && !same && parts[q].size > m.off - off;
                clash |= same && same->table && m.table && same->table != m.table;
            }
            if (clash || (other && m.table))
                continue;
            m.maybe |= other;
            same = same_place(g->at, from, g->n, m.off);
            if (!same) {
                g->at[g->n++] = m;
                continue;
            }
            if (m.function != same->function || strcmp(m.name, same->name) != 0)
                same->name = eg_strf(g->r, "%s/%s", same->name, m.name);
            same->function |= m.function;
            same->table = same->table ? same->table : m.table;
            same->maybe |= m.maybe;
        }
    }
}

static void members(struct gather *g, uint32_t id, const char *prefix, uint64_t off, unsigned depth)
{
    enum { PARTS_MAX = 32 };
    const struct eg_type *t = eg_type(g->ts, id, NULL);
    struct part parts[PARTS_MAX];
    const size_t from = g->n;
    size_t n_parts = 0;

    if (depth > DEPTH_MAX || (t->kind == EG_T_UNION && t->count > PARTS_MAX))
        return;
    for (uint32_t i = 0; i < t->count; i++) {
        struct eg_member_at m;
        const size_t before = g->n;

        if (!eg_type_member(g->ts, id, i, &m) || m.bit_size)
            continue;
        member(g, m.type, join(g, prefix, m.name), off + m.bit_off / 8, depth);
        if (t->kind == EG_T_UNION)
            parts[n_parts++] = (struct part){ before, g->n, eg_type_size(g->ts, m.type, g->model) };
    }
    if (t->kind == EG_T_UNION && g->n > from)
        settle(g, from, parts, n_parts, off);
}

const struct linux_fnmembers *linux_fnmembers(struct eg_run *r, uint32_t type)
{
    const struct eg_system *sys = eg_system_of(r);
    struct gather g = { .r = r, .ts = &sys->types, .model = &sys->bind.model };
    struct linux_fnmembers *out = eg_tmp(r, sizeof *out);

    type = eg_type_strip(g.ts, type);
    if (type)
        members(&g, type, "", 0, 0);
    *out = (struct linux_fnmembers){ .at = g.at,
                                     .n = (uint32_t)g.n,
                                     .size = eg_type_size(g.ts, type, g.model),
                                     .table = is_table(&g, type),
                                     .linked = g.linked };
    for (size_t i = 0; i < g.n; i++)
        out->functions += g.at[i].function;
    return out;
}
