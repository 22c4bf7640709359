/* registry_test.c - declarations become handles, handles become slots; plugins are found by name.
 */
#include "cache.h"
#include "check.h"
#include "mkimage.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char types[] =
    "struct list_head { struct list_head *next, *prev; };"
    "enum state { RUNNING, SLEEPING = 4, DEAD = -1 };"
    "enum { LOOSE = 77, OTHER };"
    "struct inner { u32 before, value; };"
    "struct node { u8 small; };" // one of two structs of this name
    "struct task { u32 flag_a : 3, flag_b : 5; int pid; struct inner in;"
    "              union { u64 now; struct { u32 lo, hi; }; }; struct list_head list; };"
    "struct node { u32 id; struct node *next; struct list_head wanted; };"
    "struct twice { u32 a; };"
    "typedef struct { u32 counter; } atomic;"
    "struct inner known[2]; u64 number; struct task *twofold; u32 twofold; char words[4];";

EG_FIELDS(task, pid, flag_b, list, lo, hi, missing);
EG_FIELD_AS(task_value, task, "gone|in.value");
EG_FIELD_AS(task_deep, task, "list.prev");
EG_FIELDS(node, id, wanted);
EG_FIELDS(atomic, counter);
EG_FIELDS(unknown, member);
EG_FIELDS_OF("wireguard", wg_peer, endpoint, task);
EG_FIELDS_OF("wireguard", twice, b);
EG_TYPE(list_head);
EG_SYMBOL(tasks, "list_head");
EG_SYMBOL_AS(either, "no_such|table", "gone_type|u32[4]");
EG_SYMBOL(untyped, "struct unheard_of");
EG_SYMBOL(absent, "int");
EG_SYMBOL(known, NULL);
EG_SYMBOL_AS(known_more, "known", "struct inner[3]");
EG_SYMBOL_AS(known_less, "known", "struct inner");
EG_SYMBOL_AS(known_wrong, "known", "struct task");
EG_SYMBOL_AS(words_more, "words", "char[16]");
EG_SYMBOL(twofold, NULL);
EG_SYMBOL(bounded, "u32[64]");
EG_SYMBOL_AS(bounded_number, "bounded", "u64");
EG_SYMBOL(unbounded, "u32[64]");
EG_ENUMERATOR(SLEEPING, "state");
EG_ENUMERATOR(DEAD, "state");
EG_ENUMERATOR(OTHER, NULL);
EG_ENUMERATOR(NOWHERE, NULL);
EG_ENUMERATOR(UNKNOWN_STATE, "state");
EG_ENUMERATOR(RUNNING, "no_enum");

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
EG_WALKER(test_walk) = { .os = "testos", .needs = EG_NEEDS(task.missing), .next = none };
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
    uint64_t list = mk_object(k, "list_head");

    mk_symbol(k, "tasks", list);
    mk_symbol(k, "table", list + 4);
    mk_symbol(k, "untyped", list);
    mk_symbol(k, "number", list + 64);
    mk_symbol(k, "known", list + 128);
    mk_symbol(k, "words", list + 256);
    mk_symbol(k, "twofold", list + 264);
    mk_symbol(k, "bounded", list + 272);
    mk_symbol(k, "alias", list + 272);
    mk_symbol(k, "behind", list + 278);
    mk_symbol(k, "unbounded", list + 280);
    return k;
}

static void handles(void **state)
{
    static struct eg_field pid = { "task", "pid", 0 }, other = { "task", "tgid", 0 },
                           slips[] = { { "task", "pdi|flag_c", 0 },
                                       { "task", "hj", 0 },
                                       { "task", "in.velue", 0 },
                                       { "task", "unheard_of", 0 } };
    static const struct eg_fieldset again = { "again.c", NULL, &pid, 1 },
                                    module = { "again.c", "m", &other, 1 },
                                    slip = { "/home/me/again.c", NULL, slips, 4 };
    static const struct eg_fieldset *const sets[] = { &again, &module, &slip };
    const struct eg_module more = { .abi = EG_ABI, .fields = sets, .fields_end = sets + 3 };
    const struct eg_handle *h;
    uint32_t n;

    (void)state;
    mk_free(make(&mk_machines[0]));
    n = eg_handle_count();
    assert_int_equal(eg_registry_add(&more, NULL), 0);
    assert_int_equal(pid.id, eg_f_task.pid.id); // the same member, the same id
    assert_int_equal(other.id, n);
    assert_int_equal(eg_handle_count(), n + 5);
    assert_null(eg_handle(0));
    assert_null(eg_handle(n + 5));
    h = eg_handle(pid.id);
    assert_true(h->kind == EG_H_FIELD && !strcmp(h->type, "task") && !strcmp(h->name, "pid"));
    assert_string_equal(eg_handle(other.id)->module, "m");
}

static const struct eg_slot *slot(const struct eg_system *sys, uint32_t id)
{
    return &sys->bind.slots[id];
}

static void fields(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = make(m);
        struct eg_system *sys = mk_system(k);
        const struct eg_slot *s;
        const unsigned ptr = mk_model(k)->ptr_size;

        s = slot(sys, eg_f_task.pid.id);
        assert_true(s->kind == EG_K_SINT && s->off == 4 && s->size == 4 && !s->bits);
        s = slot(sys, eg_f_task.flag_b.id);
        assert_true(s->kind == EG_K_UINT && s->bits == 5);
        s = slot(sys, eg_f_task.hi.id); // through the anonymous struct in an anonymous union
        assert_true(s->kind == EG_K_UINT && s->off == mk_at(k, 0, "task.now") + 4);
        assert_int_equal(slot(sys, eg_f_task_value.id)->off, mk_at(k, 0, "task.in") + 4);
        assert_int_equal(slot(sys, eg_f_task_deep.id)->off, mk_at(k, 0, "task.list") + ptr);
        assert_int_equal(slot(sys, eg_f_task_deep.id)->kind, EG_K_PTR);
        assert_int_equal(slot(sys, eg_f_task_deep.id)->parent, slot(sys, eg_t_task.id)->type);
        assert_int_equal(slot(sys, eg_f_atomic.counter.id)->kind, EG_K_UINT); // only a typedef

        s = slot(sys, eg_f_task.missing.id);
        assert_true(!s->kind && s->why == EG_NO_MEMBER);
        s = slot(sys, eg_f_unknown.member.id);
        assert_true(!s->kind && s->why == EG_NO_TYPE);
        assert_true(!slot(sys, 0)->kind);
        mk_free(k);
    }
}

/** Of two structs by one name, the one with the members that are wanted. */
static void several_definitions(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = make(m);
        struct eg_system *sys = mk_system(k);

        assert_int_equal(slot(sys, eg_f_node.id.id)->kind, EG_K_UINT);
        assert_int_equal(slot(sys, eg_f_node.wanted.id)->kind, EG_K_STRUCT);
        assert_true(slot(sys, eg_t_node.id)->size > 8);
        assert_int_equal(slot(sys, eg_f_node.id.id)->parent, slot(sys, eg_t_node.id)->type);
        mk_free(k);
    }
}

static void symbols(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = make(m);
        struct eg_system *sys = mk_system(k);
        const struct eg_slot *s = slot(sys, eg_s_tasks.id);

        assert_true(s->kind == EG_K_STRUCT && s->off == m->kernel_va);
        assert_int_equal(s->type, slot(sys, eg_t_list_head.id)->type);
        s = slot(sys, eg_s_either.id);
        assert_true(s->kind == EG_K_ARRAY && s->size == 16 && s->off == m->kernel_va + 4);
        s = slot(sys, eg_s_untyped.id);
        assert_true(!s->kind && s->why == EG_NO_TYPE);
        s = slot(sys, eg_s_absent.id);
        assert_true(!s->kind && s->why == EG_NO_SYMBOL);
        mk_free(k);
    }
}

static void enumerators(void **state)
{
    static const struct {
        const struct eg_enumref *ref;
        bool there;
        int64_t value;
    } cases[] = {
        { &eg_e_SLEEPING, true, 4 }, { &eg_e_DEAD, true, -1 },          { &eg_e_OTHER, true, 78 },
        { &eg_e_NOWHERE, false, 0 }, { &eg_e_UNKNOWN_STATE, false, 0 }, { &eg_e_RUNNING, false, 0 },
    };
    struct mk *k = make(&mk_machines[0]);
    struct eg_system *sys = mk_system(k);

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        assert_int_equal(slot(sys, cases[i].ref->id)->kind != 0, cases[i].there);
        assert_int_equal((int64_t)slot(sys, cases[i].ref->id)->off, cases[i].value);
    }
    mk_free(k);
}

/* ---- modules ---- */

static int asked;

static int module_types(struct eg_system *sys, const char *module, struct eg_error *e)
{
    asked++;
    if (strcmp(module, "wireguard") != 0)
        return eg_fail(e, EG_ENOTFOUND, "%s is not loaded", module);
    return eg_system_add_profile(sys,
                                 mk_types(&sys->bind.model,
                                          "struct wg_peer { u64 pad; u32 endpoint;"
                                          "                 struct task *task; };"
                                          "struct twice { u32 a, b; };"
                                          "struct unknown { u32 member; };",
                                          sys->types.layers[0].profile, "wireguard"),
                                 0, e);
}

static bool has_note(const struct eg_system *sys, const char *text)
{
    for (size_t i = 0; i < sys->notes.n; i++)
        if (strstr(sys->notes.at[i], text))
            return true;
    return false;
}

/** A member that no such struct has is said, with what may be meant, of plugins outside the tree. */
static void slips(void **state)
{
    struct mk *k = make(&mk_machines[0]);
    const struct eg_system *sys = mk_system(k);

    (void)state;
    assert_true(has_note(sys, "again.c: struct task of this kernel has no member 'pdi': is 'pid' "
                              "meant?"));
    assert_true(has_note(sys, "no member 'flag_c': is 'flag_a' meant?"));
    assert_true(has_note(sys, "no member 'hj': is 'hi' meant?")); // in an anonymous struct
    assert_false(has_note(sys, "unheard_of"));
    assert_false(has_note(sys, "/home"));
    mk_free(k);
}

/** What a variable is, by its own type, by the declared one, and where it ends. */
static void variables(void **state)
{
    static const struct {
        const struct eg_symref *ref;
        enum eg_kind kind;
        uint32_t size;
        enum eg_why why;
    } cases[] = {
        { &eg_s_known, EG_K_ARRAY, 16, EG_OK },
        { &eg_s_known_more, EG_K_ARRAY, 16, EG_OK }, // its own type has two
        { &eg_s_known_less, EG_K_STRUCT, 8, EG_OK },
        { &eg_s_known_wrong, 0, 0, EG_WRONG_TYPE },
        { &eg_s_words_more, EG_K_CHARS, 4, EG_OK },
        { &eg_s_twofold, 0, 0, EG_NO_TYPE },           // two variables of this name
        { &eg_s_bounded, EG_K_ARRAY, 4, EG_OK },       // the next symbol is 6 bytes behind
        { &eg_s_bounded_number, EG_K_UINT, 8, EG_OK }, // one symbol may stand in another's number
        { &eg_s_unbounded, EG_K_ARRAY, 256, EG_OK },
    };

    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = make(m);
        struct eg_system *sys = mk_system(k);
        struct eg_slot s;

        for (size_t i = 0; i < countof(cases); i++) {
            s = *slot(sys, cases[i].ref->id);
            assert_int_equal(s.kind, cases[i].kind);
            assert_int_equal(s.size, cases[i].size);
            assert_int_equal(s.why, cases[i].why);
        }
        assert_true(has_note(sys, "symbol known: declared as struct inner[3], of 24 bytes, but it "
                                  "has at most 16: only what fits is read"));
        assert_true(has_note(sys, "symbol known: declared as struct task, of "));
        assert_true(has_note(sys, "at most 6: only what fits is read"));
        assert_false(has_note(sys, "symbol unbounded"));
        assert_true(eg_system_variable(sys, "number", &s) && s.kind == EG_K_UINT && s.size == 8);
        assert_false(eg_system_variable(sys, "table", &s)); // no source types it
        assert_false(eg_system_variable(sys, "task", &s));
        mk_free(k);
    }
}

static void modules(void **state)
{
    static const struct eg_os os = { .name = "testos", .module_types = module_types };
    struct mk *k = make(&mk_machines[0]);
    struct eg_system *sys = mk_system(k);
    const struct eg_slot *s;

    (void)state;
    sys->os = &os;
    assert_int_equal(slot(sys, eg_f_wg_peer.endpoint.id)->why, EG_NO_TYPE);
    assert_int_equal(slot(sys, eg_f_twice.b.id)->why, EG_NO_MEMBER); // the kernel's has no b
    asked = 0;
    assert_int_equal(eg_system_resolve(sys, NULL), 0);
    assert_int_equal(asked, 2); // "wireguard", and the "m" of another test
    s = slot(sys, eg_f_wg_peer.endpoint.id);
    assert_true(s->kind == EG_K_UINT && s->off == 8);
    s = slot(sys, eg_f_wg_peer.task.id); // points to the kernel's struct
    assert_true(s->kind == EG_K_PTR && s->type == slot(sys, eg_t_task.id)->type);
    s = slot(sys, eg_f_twice.b.id);
    assert_true(s->kind == EG_K_UINT && s->off == 4);
    s = slot(sys, eg_f_unknown.member.id); // the module's is not the kernel's
    assert_true(!s->kind && s->why == EG_NO_TYPE);
    sys->os = NULL;
    mk_free(k);
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
    struct eg_obj some[3] = { eg_object(r, task, 0x1000) };
    struct eg_cell c;

    (void)state;
    assert_int_equal(eg_call(r, "test_is", some, 1).tag, EG_CELL_UNSET); // of another system
    assert_non_null(strstr(r->error, "no function 'test_is' for this system"));
    r = mk_run(k);
    some[0] = eg_object(r, task, 0x1000);
    mk_system(k)->os = &os;
    c = eg_call(r, "test_is", some, 1);
    assert_true(c.tag == EG_CELL_INT && c.i == 1);
    assert_int_equal(eg_call(r, "test_two", some, 2).tag, EG_CELL_TEXT);
    assert_int_equal(r->status, 0);
    assert_int_equal(eg_call(r, "test_two", some, 3).tag, EG_CELL_UNSET);
    assert_non_null(
        strstr(r->error, "test_two: called with 3 arguments, but it takes (a [, b_2])"));
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

static unsigned made, forgotten;
static bool refuse;

static bool make_once(struct eg_system *sys, struct eg_run *r, void *kept)
{
    (void)sys;
    made++;
    *(unsigned *)kept = 42;
    eg_note(r, "it was made");
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
    eg_run_close(r);
    assert_int_equal(forgotten, 1);
    refuse = false;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(eg_run_open(&r, mk_system(k), NULL, NULL), 0);
        assert_int_equal(eg_run_do(r, ask, NULL), 0);
        assert_int_equal(mk_notes(r, "it was made"), 1); // also where it was made by another run
        eg_run_close(r);
    }
    assert_int_equal(made, 2);
    mk_free(k);
    assert_int_equal(forgotten, 2);
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
    static const char *const known[] = { "pslist", "pstree", "lsof", "netstat", NULL };
    static const struct {
        const char *name, *near;
    } cases[] = {
        { "pslits", "pslist" }, { "pslst", "pslist" },     { "PSTREE", "pstree" },
        { "lsfo", "lsof" },     { "netstats", "netstat" }, { "maps", NULL },
        { "", NULL },
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

/* ---- shared objects ---- */

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

static void shared_objects(void **state)
{
    const struct eg_module foreign = { .abi = "another" };
    char dir[] = "/tmp/engram-test-XXXXXX", path[64];
    size_t loaded;
    struct eg_error e;

    (void)state;
    assert_int_equal(eg_registry_add(&foreign, &e), -EG_EUNSUP);
    assert_int_equal(eg_registry_load("/nonexistent", &loaded, &e), -EG_EIO);
    assert_non_null(getenv("OUTSIDE"));
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/outside.so", dir);
    assert_int_equal(symlink(getenv("OUTSIDE"), path), 0);
    assert_null(eg_plugin_find("outside"));
    assert_int_equal(eg_registry_load(dir, &loaded, &e), 0);
    assert_non_null(eg_plugin_find("outside"));
    assert_int_equal(eg_registry_load(dir, &loaded, &e), -EG_EUSAGE); // twice
    assert_non_null(strstr(e.text, "already there"));
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handles),
        cmocka_unit_test(fields),
        cmocka_unit_test(several_definitions),
        cmocka_unit_test(symbols),
        cmocka_unit_test(enumerators),
        cmocka_unit_test(slips),
        cmocka_unit_test(variables),
        cmocka_unit_test(modules),
        cmocka_unit_test(needs),
        cmocka_unit_test(functions),
        cmocka_unit_test(calls),
        cmocka_unit_test(constants),
        cmocka_unit_test(same_columns),
        cmocka_unit_test(caches),
        cmocka_unit_test(names),
        cmocka_unit_test(nearest),
        cmocka_unit_test(options_of_one_kind),
        cmocka_unit_test(shared_objects),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
