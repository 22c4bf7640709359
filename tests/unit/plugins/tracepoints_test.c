/* tracepoints_test.c - tracepoints: whose code they call, and what is close to it. */
#include "check.h"
#include "mkcode.h"

#define POINT_TYPES                                                                                \
    "struct static_call_key { void *func; };"                                                      \
    "struct tracepoint_func { void *func, *data; int prio; };"                                     \
    "struct tracepoint { char *name; struct static_call_key *static_call_key; void *iterator,"     \
    "  *regfunc, *unregfunc; struct tracepoint_func *funcs; };"
static const char near_types[] =
    POINT_TYPES "typedef int tracepoint_ptr_t;"
                "struct module { int state; struct list_head list; char name[56]; unsigned long "
                "taints; struct module_layout core_layout, init_layout; int num_tracepoints;"
                "  tracepoint_ptr_t *tracepoints_ptrs; };";
static const char far_types[] =
    POINT_TYPES "typedef struct tracepoint *tracepoint_ptr_t;"
                "struct module { int state; struct list_head list; char name[56]; unsigned long "
                "taints; struct module_layout core_layout, init_layout; int num_tracepoints;"
                "  tracepoint_ptr_t *tracepoints_ptrs; };";

struct points {
    struct mk_code c;
    struct mk *k;
    uint64_t point, funcs, iterator, probe, key;
};

static struct points points(const struct mk_machine *m, bool near)
{
    struct points p = { .c = mk_code(m, near ? near_types : far_types) };
    uint64_t name, table, size;

    p.k = p.c.k;
    size = near ? 4 : mk_model(p.k)->ptr_size;
    p.point = mk_object(p.k, "tracepoint");
    name = mk_alloc(p.k, 16);
    mk_write(p.k, name, "fork", 5);
    mk_put(p.k, p.point, "tracepoint.name", name);
    p.iterator = mk_function(&p.c, "__traceiter_fork");
    p.probe = mk_function(&p.c, "probe");
    p.key = mk_object(p.k, "static_call_key");
    mk_put(p.k, p.key, "static_call_key.func", p.iterator);
    mk_put(p.k, p.point, "tracepoint.iterator", p.iterator);
    mk_put(p.k, p.point, "tracepoint.static_call_key", p.key);
    p.funcs = mk_alloc(p.k, 256);
    mk_put(p.k, p.point, "tracepoint.funcs", p.funcs);
    table = mk_alloc(p.k, 16);
    if (near)
        mk_write_u32(p.k, table, (uint32_t)(p.point - table));
    else
        mk_write_ptr(p.k, table, p.point);
    mk_symbol(p.k, "__start___tracepoints_ptrs", table);
    mk_symbol(p.k, "__stop___tracepoints_ptrs", table + size);
    return p;
}

static void tracepoints(void **state)
{
    enum { KERNEL, NOBODY, OUTSIDE, NONE };
    static const struct {
        int probe, call; // NONE: as the kernel has it
        const char *row;
    } cases[] = {
        { KERNEL, NONE, "fork|kernel|probe|kernel|" },
        { KERNEL, KERNEL, "fork|kernel|probe|kernel|" },
        { NOBODY, NONE, "fork|kernel|||" MK_NOBODY },
        { OUTSIDE, NONE, "fork|kernel||extra|" MK_OUTSIDE },
        { NONE, NONE, "" },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < 2 * countof(cases); i++)
    {
        struct points p = points(m, i & 1);
        const uint64_t at[] = { p.probe, p.c.nobody, p.c.module, 0 };

        mk_put(p.k, p.funcs, "tracepoint_func.func", at[cases[i / 2].probe]);
        if (cases[i / 2].call != NONE)
            mk_put(p.k, p.key, "static_call_key.func", at[cases[i / 2].call]);
        assert_string_equal(
            mk_code_rows(&p.c, "tracepoints", NULL, "NAME POINT_MODULE SYMBOL MODULE HINTS"),
            cases[i / 2].row);
        assert_int_equal(mk_row_notes("tracepoint"), 0);
        mk_put(p.k, p.key, "static_call_key.func", p.c.nobody + 8);
        assert_non_null(strstr(mk_code_rows(&p.c, "tracepoints", NULL, "HINTS"),
                               "its static call leads to 0x"));
        mk_put(p.k, p.point, "tracepoint.regfunc", p.c.nobody);
        assert_non_null(strstr(mk_code_rows(&p.c, "tracepoints", NULL, "HINTS"),
                               "called before the first probe: " MK_NOBODY));
        mk_free(p.k);
    }
}

/* Two probes; --all; one that two entries lead to is shown once, one that is not there is not. */
static void tracepoints_damage(void **state)
{
    static const char *const all[] = { "all", NULL };

    (void)state;
    mk_each_machine(m)
    {
        struct points p = points(m, false);
        const uint64_t word = mk_model(p.k)->ptr_size, size = mk_size(p.k, "tracepoint_func");
        uint64_t table = mk_alloc(p.k, 4 * word), other = mk_object(p.k, "tracepoint");

        mk_put(p.k, p.funcs, "tracepoint_func.func", p.probe);
        mk_put(p.k, p.funcs, "tracepoint_func.prio", 10);
        mk_put(p.k, p.funcs + size, "tracepoint_func.func", p.c.nobody);
        mk_write_ptr(p.k, table, p.point);
        mk_write_ptr(p.k, table + word, p.point);
        mk_write_ptr(p.k, table + 2 * word, 8);
        mk_write_ptr(p.k, table + 3 * word, other);
        mk_put(p.k, p.c.of, "module.num_tracepoints", 4);
        mk_put(p.k, p.c.of, "module.tracepoints_ptrs", table);
        assert_string_equal(
            mk_code_rows(&p.c, "tracepoints", NULL, "NAME POINT_MODULE PRIORITY SYMBOL HINTS"),
            "fork|kernel|10|probe|\nfork|kernel|0||" MK_NOBODY);
        assert_int_equal(mk_row_notes("it cannot be read"), 1);
        assert_string_equal(mk_code_rows(&p.c, "tracepoints", all, "POINT_MODULE SYMBOL"),
                            "kernel|probe\nkernel|\nextra|");
        mk_put(p.k, p.c.of, "module.num_tracepoints", 0x7fffffff);
        mk_code_rows(&p.c, "tracepoints", NULL, "NAME");
        assert_int_equal(mk_row_notes("are too many"), 1);
        mk_free(p.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(tracepoints),
                                        cmocka_unit_test(tracepoints_damage) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
