/* mklinux.c - what the finder would have filled, and rows as text. */
#include "mklinux.h"
#include "../../plugins/linux/find/open.h"
#include "../../plugins/linux/own/owners.h"
#include "../../plugins/linux/sched/processes.h"
#include <stdio.h>
#include <stdlib.h>

static const struct eg_os test_os = { .name = "linux",
                                      .module_symbols = linux_module_symbols,
                                      .memory = &linux_memory,
                                      .processes = linux_processes,
                                      .why_nothing = linux_why_nothing };

static struct eg_run_result last; // of the last mk_rows

static struct eg_system *linux_system(struct mk *k)
{
    struct eg_system *sys = mk_system(k);
    struct linux_state *s;

    if (sys->os)
        return sys;
    sys->os = &test_os;
    s = eg_arena_new(&sys->arena, struct linux_state);
    sys->chosen = eg_arena_new(&sys->arena, struct eg_candidate);
    if (!s || !sys->chosen)
        mk_fail("mklinux: out of memory");
    sys->os_priv = s;
    return sys;
}

/* ---- memory ---- */

uint64_t mk_physical(struct mk *k, uint64_t va)
{
    struct eg_system *sys = mk_system(k);
    uint64_t pa;

    if (!eg_translate(sys->view, sys->kernel, va, sys->image->phys, &pa))
        mk_fail("mklinux: %#llx is not mapped", (unsigned long long)va);
    return pa;
}

uint64_t mk_user_root(struct mk *k, const struct mk_machine *m)
{
    return mk_alloc_aligned(k, UINT64_C(1) << m->page_shift, UINT64_C(1) << m->page_shift);
}

void mk_user_map(struct mk *k, const struct mk_machine *m, uint64_t root, uint64_t va, uint64_t to)
{
    const uint64_t page = UINT64_C(1) << m->page_shift;
    uint64_t table = mk_physical(k, root);
    size_t len;
    uint8_t *ram = mk_ram(k, &len);

    for (int level = m->levels - 1; level >= 0; level--) {
        uint64_t index =
            va >> (m->page_shift + m->index_bits * level) & ((UINT64_C(1) << m->index_bits) - 1);
        uint8_t *e = ram + table + index * m->entry_size;
        uint64_t next = eg_load_(e, m->entry_size, mk_model(k)->big_endian);

        if (level == 0)
            next = mk_entry(m, mk_physical(k, to & ~(page - 1)), false);
        else if (!next)
            next = mk_entry(m, mk_physical(k, mk_user_root(k, m)), true);
        for (unsigned i = 0; i < m->entry_size; i++)
            e[mk_model(k)->big_endian ? m->entry_size - 1 - i : i] = (uint8_t)(next >> 8 * i);
        table = mk_entry_pa(m, next);
    }
    linux_system(k)->chosen->paging = (struct eg_paging){ .arch = mk_system(k)->arch,
                                                          .levels = m->levels,
                                                          .granule = m->page_shift };
}

/* ---- rows ---- */

struct text {
    char *at;
    size_t len, cap;
    const struct eg_column *columns;
};

static void add(struct text *t, const char *s)
{
    const size_t n = strlen(s);

    if (t->len + n >= t->cap) {
        t->cap = 2 * (t->cap + n) + 64;
        t->at = realloc(t->at, t->cap);
        if (!t->at)
            mk_fail("mklinux: out of memory");
    }
    memcpy(t->at + t->len, s, n + 1);
    t->len += n;
}

static void take_row(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    struct text *t = context;
    struct eg_arena a = { 0 };

    if (t->len)
        add(t, "\n");
    while (depth--)
        add(t, ".");
    for (size_t i = 0; i < n; i++) {
        add(t, i ? "|" : "");
        add(t, eg_value_text(&a, &t->columns[i], &v[i]));
    }
    eg_arena_fini(&a);
}

const char *mk_out_dir;

bool mk_rows_may_fail;
size_t mk_rows_memory;

const char *mk_rows(struct mk *k, const char *plugin, const char *const *args)
{
    static char *kept;
    const struct eg_plugin_reg *p = eg_plugin_find(plugin);
    struct eg_given_arg given[8];
    struct eg_run_options o = {
        .args = given, .quiet = true, .out_dir = mk_out_dir, .memory_limit = mk_rows_memory
    };
    struct eg_arena columns = { 0 };
    struct text t = { 0 };
    char names[8][32];

    if (!p)
        mk_fail("mklinux: no plugin %s", plugin);
    for (; args && args[o.n_args]; o.n_args++) {
        const char *equals = strchr(args[o.n_args], '=');

        snprintf(names[o.n_args], sizeof names[0], "%.*s", (int)strcspn(args[o.n_args], "="),
                 args[o.n_args]);
        given[o.n_args] = (struct eg_given_arg){ names[o.n_args], equals ? equals + 1 : NULL };
    }
    t.columns = eg_plugin_columns(p->plugin, given, o.n_args, &columns);
    add(&t, "");
    eg_arena_fini(&last.arena);
    eg_plugin_run(linux_system(k), p, &o, (struct eg_sink){ take_row, &t }, &last);
    if (last.status && !mk_rows_may_fail)
        mk_fail("mklinux: %s", last.error);
    eg_arena_fini(&columns);
    free(kept);
    return kept = t.at;
}

const char *mk_row_error(void)
{
    return last.status ? last.error : "";
}

size_t mk_row_notes(const char *text)
{
    size_t n = 0;

    for (size_t i = 0; i < last.n_notes; i++)
        n += !text || strstr(last.notes[i], text);
    return n;
}

const char *mk_columns(const char *rows, int from, int to)
{
    static char out[8192];
    size_t n = 0;
    int column = 0;

    for (; *rows && n + 1 < sizeof out; rows++) {
        if (*rows == '|' || *rows == '\n')
            column = *rows == '\n' ? 0 : column + 1;
        if ((column >= from && column <= to && !(column == from && *rows == '|')) || *rows == '\n')
            out[n++] = *rows;
    }
    out[n] = 0;
    return out;
}
