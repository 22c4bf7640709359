/* resolve_test.c - handles become slots: members, symbols and enumerators of one kernel's types,
 * and of its modules'. */
#include "check.h"
#include "mkimage.h"

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
    "struct inner known[2]; u64 number; struct task *twofold; u32 twofold; char words[4];"
    "struct inner liar; u32 liars[8];";

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
EG_SYMBOL(liar, NULL);
EG_SYMBOL_AS(liar_declared, "liar", "u64");
EG_SYMBOL(liars, NULL);
EG_SYMBOL(bounded, "u32[64]");
EG_SYMBOL_AS(bounded_number, "bounded", "u64");
EG_SYMBOL(unbounded, "u32[64]");
EG_ENUMERATOR(SLEEPING, "state");
EG_ENUMERATOR(DEAD, "state");
EG_ENUMERATOR(OTHER, NULL);
EG_ENUMERATOR(NOWHERE, NULL);
EG_ENUMERATOR(UNKNOWN_STATE, "state");
EG_ENUMERATOR(RUNNING, "no_enum");

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
    mk_symbol_sized(k, "liar", list + 300, 4); // smaller than their types in the profile
    mk_symbol_sized(k, "liars", list + 304, 10);
    mk_symbol(k, "unbounded", list + 320);
    return k;
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

/* ---- modules of the kernel ---- */

static int asked;

static int module_types(struct eg_system *sys, const char *module, struct eg_error *e)
{
    asked += !strcmp(module, "wireguard"); // plugins have handles of others
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

/** A member that no such struct has is said, with what may be meant, of plugins outside the
 * tree. */
static void slips(void **state)
{
    static struct eg_field wrong[] = { { "task", "pdi|flag_c", 0 },
                                       { "task", "hj", 0 },
                                       { "task", "in.velue", 0 },
                                       { "task", "unheard_of", 0 } };
    static const struct eg_fieldset outside = { "/home/me/again.c", NULL, wrong, 4 };
    static const struct eg_fieldset *const sets[] = { &outside };
    const struct eg_module more = { .abi = EG_ABI, .fields = sets, .fields_end = sets + 1 };
    const struct eg_system *sys;
    struct mk *k;

    (void)state;
    assert_int_equal(eg_registry_add(&more, NULL), 0);
    k = make(&mk_machines[0]);
    sys = mk_system(k);
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
        { &eg_s_twofold, 0, 0, EG_NO_TYPE }, // two variables of this name
        { &eg_s_liar, 0, 0, EG_WRONG_TYPE }, // 8 bytes by its type, 4 by its symbol
        { &eg_s_liar_declared, 0, 0, EG_WRONG_TYPE },
        { &eg_s_liars, EG_K_ARRAY, 8, EG_OK },
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
        struct eg_run *r;

        for (size_t i = 0; i < countof(cases); i++) {
            s = *slot(sys, cases[i].ref->id);
            assert_int_equal(s.kind, cases[i].kind);
            assert_int_equal(s.size, cases[i].size);
            assert_int_equal(s.why, cases[i].why);
        }
        assert_true(has_note(sys, "symbol known: the type struct inner[3] has 24 bytes, but the "
                                  "variable at most 16: only what fits is read"));
        assert_true(has_note(sys, "symbol known: the type struct task has "));
        assert_true(has_note(sys, "at most 6: only what fits is read"));
        assert_true(has_note(sys, "symbol liar: the type in the profile has 8 bytes, but the "
                                  "variable at most 4: it is not read"));
        assert_false(has_note(sys, "symbol unbounded"));
        r = mk_run(k);
        assert_int_equal(eg_variable(r, "number").size, 8);
        assert_int_equal(eg_variable(r, "table").why, EG_NO_TYPE); // no source types it
        assert_int_equal(eg_variable(r, "task").why, EG_NO_SYMBOL);
        assert_int_equal(eg_variable(r, "liar").why, EG_WRONG_TYPE);
        assert_int_equal(mk_notes(r, "symbol liar: "), 1);
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
    assert_int_equal(asked, 1); // several structs of it are declared
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),  cmocka_unit_test(several_definitions),
        cmocka_unit_test(symbols), cmocka_unit_test(enumerators),
        cmocka_unit_test(slips),   cmocka_unit_test(variables),
        cmocka_unit_test(modules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
