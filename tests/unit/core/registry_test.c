/* registry_test.c - declarations become handles; plugins, functions and constants are found by
 * name; what is made once per system. */
#include "cache.h"
#include "check.h"
#include "mkimage.h"

static const char types[] = "struct list_head { struct list_head *next, *prev; };"
                            "struct task { int pid; struct list_head list; };";

EG_FIELDS(task, pid, missing);
EG_SYMBOL(tasks, "list_head");
EG_SYMBOL(absent, "int");

static int nothing(struct eg_run *r)
{
    (void)r;
    return 0;
}
static const struct eg_column no_columns[] = { { NULL, EG_COL_INT, NULL } };

EG_PLUGIN(test_list) = {
    .os = "testos",
    .help = "List tests",
    .aliases = EG_NAMES("linux.old_name.Old", "tl"),
    .columns = no_columns,
    .needs = EG_NEEDS(task.pid, task.missing),
    .needs_symbols = EG_NEEDS_SYMBOLS(absent, tasks),
    .run = nothing,
};

/* What a walker and functions lack, a plugin that uses them lacks. */
static bool none(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out)
{
    (void)r, (void)arg, (void)state, (void)out;
    return false;
}
static bool always(struct eg_run *r, struct eg_obj o)
{
    (void)r, (void)o;
    return true;
}
static const char *two(struct eg_run *r, struct eg_obj o, struct eg_obj other)
{
    return eg_strf(r, "%u %u", o.why, other.why);
}
EG_WALKER(test_walk) = {
    .os = "testos", .arg = "task", .needs = EG_NEEDS(task.missing), .next = none
};
static bool thrice(struct eg_run *r, struct eg_obj arg, void *state, struct eg_cell *out)
{
    unsigned *n = state;

    (void)r, (void)arg;
    out[0] = eg_uint(++*n);
    if (*n == 2)
        out[1] = eg_text("two");
    return *n < 4;
}
EG_WALKER(test_values) = {
    .os = "testos",
    .help = "values",
    .state = sizeof(unsigned),
    .next_values = thrice,
    .values = "n: integer, text: text",
};
EG_FUNCTION(test_is) = {
    .os = "testos", .args = "task", .needs_symbols = EG_NEEDS_SYMBOLS(absent), .is = always
};
EG_FUNCTION(test_two) = { .os = "testos", .args = "a [, b_2]", .text_from = two };
EG_CONSTANTS(test_bits) = {
    .os = "testos", .list = (const struct eg_constant[]){ { "ONE", 1 }, { "SIX", 6 }, { NULL, 0 } }
};
static const struct eg_plugin test_uses = {
    .os = "testos",
    .help = "Use what others declare",
    .columns = no_columns,
    .needs = EG_NEEDS(task.pid, task.missing),
    .uses = EG_NAMES("test_walk", "test_is", "test_two", "test_nowhere"),
    .run = nothing,
};

static struct mk *make(const struct mk_machine *m)
{
    struct mk *k = mk_new(m, 1 << 20, types);

    mk_symbol(k, "tasks", mk_object(k, "list_head"));
    return k;
}

static void handles(void **state)
{
    static struct eg_field pid = { "task", "pid", 0 }, other = { "task", "tgid", 0 };
    static const struct eg_fieldset again = { "again.c", NULL, &pid, 1 },
                                    module = { "again.c", "m", &other, 1 };
    static const struct eg_fieldset *const sets[] = { &again, &module };
    const struct eg_module more = { .abi = EG_ABI, .fields = sets, .fields_end = sets + 2 };
    const struct eg_handle *h;
    uint32_t n;

    (void)state;
    mk_free(make(&mk_machines[0]));
    n = eg_handle_count();
    assert_int_equal(eg_registry_add(&more, NULL), 0);
    assert_int_equal(pid.id, eg_f_task.pid.id); // the same member, the same id
    assert_int_equal(other.id, n);
    assert_int_equal(eg_handle_count(), n + 1);
    assert_null(eg_handle(0));
    assert_null(eg_handle(n + 1));
    h = eg_handle(pid.id);
    assert_true(h->kind == EG_H_FIELD && !strcmp(h->type, "task") && !strcmp(h->name, "pid"));
    assert_string_equal(eg_handle(other.id)->module, "m");
}

static void needs(void **state)
{
    struct mk *k = make(&mk_machines[0]);
    struct eg_arena a = { 0 };

    (void)state;
    assert_string_equal(eg_plugin_lacks(mk_system(k), eg_plugin_find("test_list")->plugin, &a),
                        "task.missing, symbol absent");
    assert_string_equal(eg_plugin_lacks(mk_system(k), &test_uses, &a),
                        "task.missing, symbol absent, walker or function test_nowhere");
    assert_string_equal(eg_plugin_unknown_use(&test_uses), "test_nowhere");
    assert_null(eg_plugin_unknown_use(eg_plugin_find("test_list")->plugin));
    eg_arena_fini(&a);
    mk_free(k);
}

static const struct eg_function *function(const char *name)
{
    const struct eg_function_reg *f;

    for (size_t i = 0; (f = eg_function_nth(i)); i++)
        if (!strcmp(f->name, name))
            return f->function;
    fail_msg("no function %s", name);
    return NULL;
}

static void functions(void **state)
{
    struct mk *k = make(&mk_machines[0]);
    struct eg_run *r = mk_run(k);
    const struct eg_obj some = eg_object(r, task, 0x1000), bad = { .why = EG_NULL };
    const struct eg_function *is = function("test_is"), *two_ = function("test_two");
    struct eg_cell c;
    unsigned min, max;

    (void)state;
    eg_function_args(is, &min, &max);
    assert_true(min == 1 && max == 1);
    eg_function_args(two_, &min, &max);
    assert_true(min == 1 && max == 2);
    assert_string_equal(eg_function_returns(is), "boolean");
    assert_string_equal(eg_function_returns(two_), "text");
    c = eg_function_call(r, is, &some, 1);
    assert_true(c.tag == EG_CELL_INT && c.i == 1);
    assert_int_equal(eg_function_call(r, is, &bad, 1).tag, EG_CELL_UNSET);
    c = eg_function_call(r, two_, &some, 1);
    assert_memory_equal(c.bytes.p, eg_strf(r, "0 %d", EG_NULL), c.bytes.len);
    c = eg_function_call(r, two_, (const struct eg_obj[]){ some, some }, 2);
    assert_memory_equal(c.bytes.p, "0 0", c.bytes.len);
    c = eg_function_call(r, two_, &bad, 1);
    assert_true(c.tag == EG_CELL_OBJ && c.obj.why == EG_NULL);
    mk_free(k);
}

/** Calling by name, as plugins do. */
static void calls(void **state)
{
    static const struct eg_os os = { .name = "testos" };
    struct mk *k = make(&mk_machines[0]);
    struct eg_run *r = mk_run(k);
    struct eg_obj some[3];
    struct eg_cell c, cells[EG_WALKER_VALUES];
    struct eg_walking w;

    (void)state;
    some[0] = some[1] = some[2] = eg_object(r, task, 0x1000);
    assert_int_equal(eg_call(r, "test_is", some, 1).tag, EG_CELL_UNSET); // of another system
    assert_non_null(strstr(r->error, "no function 'test_is' for this system"));
    r = mk_run(k);
    some[0] = some[1] = some[2] = eg_object(r, task, 0x1000);
    mk_system(k)->os = &os;
    c = eg_call(r, "test_is", some, 1);
    assert_true(c.tag == EG_CELL_INT && c.i == 1);
    assert_int_equal(eg_call(r, "test_two", some, 2).tag, EG_CELL_TEXT);
    assert_int_equal(r->status, 0);
    assert_int_equal(eg_call(r, "test_two", some, 3).tag, EG_CELL_UNSET);
    assert_non_null(
        strstr(r->error, "test_two: called with 3 arguments, but it takes (a [, b_2])"));
    r = mk_run(k);
    some[0] = eg_object(r, task, 0x1000);
    some[1] = (struct eg_obj){ 0 };
    assert_int_equal(eg_call(r, "test_two", some, 2).tag, EG_CELL_UNSET);
    assert_non_null(strstr(r->error, "called with an empty cursor: it takes (a [, b_2])"));
    r = mk_run(k);
    w = eg_walk(r, "test_values", (struct eg_obj){ 0 });
    assert_int_equal(eg_walker_values(w.walker), 2);
    for (unsigned n = 1; n < 4; n++) {
        assert_true(eg_walk_next_values(&w, cells));
        assert_true(cells[0].u == n && cells[2].tag == EG_CELL_UNSET);
        assert_int_equal(cells[1].tag, n == 2 ? EG_CELL_TEXT : EG_CELL_UNSET);
    }
    assert_false(eg_walk_next_values(&w, cells));
    assert_false(eg_walk_next_values(&(struct eg_walking){ 0 }, cells));
    assert_int_equal(r->status, 0);
    assert_false(eg_walk_next(&w, &some[0]));
    assert_non_null(strstr(r->error, "gives values (n: integer, text: text)"));
    r = mk_run(k);
    some[0] = eg_object(r, task, 0x1000);
    w = eg_walk(r, "test_walk", some[0]);
    assert_false(eg_walk_next_values(&w, cells));
    assert_non_null(strstr(r->error, "gives places"));
    r = mk_run(k);
    assert_false(eg_walk_next(&(struct eg_walking){ 0 }, &some[0]));
    eg_walk(r, "test_walk", (struct eg_obj){ 0 });
    assert_non_null(strstr(r->error, "'test_walk' was called with an empty cursor: it walks from a "
                                     "task"));
    mk_system(k)->os = NULL;
    mk_free(k);
}

static void constants(void **state)
{
    const struct eg_constants_reg *c;
    struct mk *k = make(&mk_machines[0]);
    size_t i = 0;

    (void)state;
    while ((c = eg_constants_nth(i)) && strcmp(c->name, "test_bits") != 0)
        i++;
    assert_non_null(c);
    assert_string_equal(eg_constant_name(c->constants->list, 6), "SIX");
    assert_null(eg_constant_name(c->constants->list, 2));
    assert_string_equal(eg_bits_text(mk_run(k), c->constants->list, 7, ","), "ONE,SIX");
    assert_string_equal(eg_bits_text(mk_run(k), c->constants->list, 0x13, "|"), "ONE|0x12");
    assert_string_equal(eg_bits_text(mk_run(k), c->constants->list, 0, "|"), "");
    mk_free(k);
}

/** A column that several plugins have means the same in all. */
static void same_columns(void **state)
{
    const struct eg_plugin_reg *p;

    (void)state;
    for (size_t i = 0; (p = eg_plugin_nth(i)); i++)
        for (const struct eg_column *c = p->plugin->columns; c->name; c++)
            if (!strcmp(c->name, "PPID"))
                assert_string_equal(c->help, "process id of the real parent");
}

/* ---- what is made once ---- */

static unsigned made, forgotten, notes;
static bool refuse;

static bool make_once(struct eg_system *sys, struct eg_run *r, void *kept)
{
    (void)sys;
    made++;
    *(unsigned *)kept = 42;
    eg_note(r, "it was made");
    for (unsigned i = 0; i < notes; i++)
        eg_note(r, "note %u", i);
    if (refuse)
        eg_tmp(r, SIZE_MAX / 2); // leaves the run
    return true;
}
static void forget(void *kept)
{
    forgotten += *(unsigned *)kept == 42;
}
static const struct eg_cache once = { .size = sizeof(unsigned), .make = make_once, .fini = forget };

static int ask(struct eg_run *r, void *context)
{
    const unsigned *kept = eg_system_cache(eg_system_of(r), r, &once);

    (void)context;
    return kept && *kept == 42 ? 0 : -1;
}

static void caches(void **state)
{
    struct mk *k = make(&mk_machines[0]);
    struct eg_run *r;

    (void)state;
    made = forgotten = 0;
    refuse = true;
    assert_int_equal(eg_run_open(&r, mk_system(k), NULL, NULL), 0);
    assert_int_equal(eg_run_do(r, ask, NULL), -EG_ENOMEM); // left in the middle
    assert_non_null(strstr(r->error, "memory"));
    eg_run_close(r);
    assert_int_equal(forgotten, 1);
    refuse = false;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(eg_run_open(&r, mk_system(k), NULL, NULL), 0);
        if (i == 0)
            eg_note(r, "it was made"); // what this run has said already is a note of the thing too
        assert_int_equal(eg_run_do(r, ask, NULL), 0);
        assert_int_equal(mk_notes(r, "it was made"), 1); // also where it was made by another run
        eg_run_close(r);
    }
    assert_int_equal(made, 2);
    mk_free(k);
    assert_int_equal(forgotten, 2);
}

/** Notes that were dropped while it was made count once, however often a run asks for it. */
static void dropped_notes(void **state)
{
    struct mk *k = make(&mk_machines[0]);
    struct eg_run *r = mk_run(k);

    (void)state;
    notes = 1500;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(eg_run_do(r, ask, NULL), 0);
        assert_int_equal(r->notes.n + r->n_lost_notes, notes + 1);
    }
    notes = 0;
    mk_free(k);
}

/* ---- names ---- */

static void names(void **state)
{
    static const struct {
        const char *name;
        bool found;
    } cases[] = {
        { "test_list", true },
        { "TEST_LIST", true },
        { "testos.test_list", true },
        { "testos.test_list.TestList", true },
        { "TestOS.Test_List", true },
        { "linux.old_name.old", true },
        { "linux.old_name", true },
        { "old_name.Old", true },
        { "OLD_NAME", true },
        { "linux", false },
        { "old", false },
        { "name.Old", false },
        { "tl", true },
        { "other.test_list", false },
        { "test_lis", false },
        { "testos.test_list.", false },
        { "testos.", false },
        { "", false },
        { "testos.test_listing", false },
    };

    (void)state;
    mk_free(make(&mk_machines[0]));
    for (size_t i = 0; i < countof(cases); i++) {
        const struct eg_plugin_reg *p = eg_plugin_find(cases[i].name);
        const bool found = p && !strcmp(p->name, "test_list");

        if (found != cases[i].found)
            fail_msg("%s", cases[i].name);
    }
    for (size_t i = 1; eg_plugin_nth(i); i++)
        assert_true(strcmp(eg_plugin_nth(i - 1)->name, eg_plugin_nth(i)->name) < 0);
}

static void nearest(void **state)
{
    static const char *const known[] = { "pslist", "pstree", "lsof", "netstat",
                                         "swap",   "smaps",  NULL };
    static const struct {
        const char *name, *near;
    } cases[] = {
        { "pslits", "pslist" }, { "pslst", "pslist" },     { "PSTREE", "pstree" },
        { "lsfo", "lsof" },     { "netstats", "netstat" }, { "envars", NULL },
        { "smap", "smaps" },    { "swab", "swap" },        { "", NULL },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        const char *near = eg_nearest(cases[i].name, known);

        if (cases[i].near)
            assert_string_equal(near ? near : "none", cases[i].near);
        else
            assert_null(near);
    }
}

/** The command line is read before it is known which plugins it names. */
static void options_of_one_kind(void **state)
{
    const struct eg_plugin_reg *p, *q;

    (void)state;
    for (size_t i = 0; (p = eg_plugin_nth(i)); i++)
        for (size_t k = 0; k < i && (q = eg_plugin_nth(k)); k++)
            for (const struct eg_arg *a = p->plugin->args; a && a->name; a++)
                for (const struct eg_arg *b = q->plugin->args; b && b->name; b++)
                    if (!strcmp(a->name, b->name) && a->kind != b->kind)
                        fail_msg("--%s of %s and of %s differ", a->name, p->name, q->name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handles),
        cmocka_unit_test(needs),
        cmocka_unit_test(functions),
        cmocka_unit_test(calls),
        cmocka_unit_test(constants),
        cmocka_unit_test(same_columns),
        cmocka_unit_test(caches),
        cmocka_unit_test(dropped_notes),
        cmocka_unit_test(names),
        cmocka_unit_test(nearest),
        cmocka_unit_test(options_of_one_kind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
