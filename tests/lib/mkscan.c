/* mkscan.c - a scan plugin on physical memory that the test writes. */
#include "mkscan.h"
#include "../../core/space.h"
#include "../../core/vec.h"
#include "check.h"
#include "mkimage.h"
#include <stdio.h>

struct eg_run_result mk_scan_result;
static EG_VEC(char) rows;

struct shown {
    const struct eg_plugin *plugin;
    size_t columns;
};

static void put(const char *text)
{
    const size_t len = strlen(text);

    assert_true(eg_vec_reserve(&rows, rows.n + len + 1));
    memcpy(rows.at + rows.n, text, len + 1);
    rows.n += len;
}

static void put_row(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    const struct shown *s = context;
    struct eg_arena a = { 0 };
    char at[24];

    (void)depth;
    assert_int_equal(v[0].tag, EG_V_NONE); // no virtual address in physical memory
    assert_in_range(s->columns, 1, n - 2);
    snprintf(at, sizeof at, "%llx", (unsigned long long)v[1].u);
    put(at);
    for (size_t i = n - s->columns; i < n; i++) {
        put("|");
        if (v[i].tag != EG_V_NONE)
            put(eg_value_text(&a, &s->plugin->columns[i], &v[i]));
    }
    put("\n");
    eg_arena_fini(&a);
}

char *mk_scan(const char *plugin, void *ram, size_t size, const struct eg_given_arg *args,
              unsigned threads, size_t columns)
{
    struct mk *k = mk_new(&mk_machines[0], 1 << 20, "struct thing { int a; };");
    const struct eg_plugin_reg *p = eg_plugin_find(plugin);
    struct eg_run_options o = { .args = args, .threads = threads, .quiet = true };
    struct eg_image *image = mk_system(k)->image;
    struct eg_space *phys = image->phys;
    struct shown shown;

    assert_non_null(p);
    shown = (struct shown){ p->plugin, columns };
    while (args && args[o.n_args].name)
        o.n_args++;
    assert_int_equal(eg_memory_open(&image->phys, ram, size, NULL), 0);
    mk_scan_end();
    put("");
    eg_plugin_run(mk_system(k), p, &o, (struct eg_sink){ put_row, &shown }, &mk_scan_result);
    eg_space_close(image->phys);
    image->phys = phys;
    mk_free(k);
    return rows.at;
}

void mk_scan_end(void)
{
    eg_arena_fini(&mk_scan_result.arena);
    eg_vec_fini(&rows);
}
