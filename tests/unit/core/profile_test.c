/* profile_test.c - profiles: what finish makes of good and of hostile records; look-ups. */
#include "check.h"
#include "mktypes.h"
#include <stdio.h>
#include <stdlib.h>

static const struct eg_model lp64 = { 8, 8, false };

static uint32_t intern(struct eg_builder *b, const char *s)
{
    return eg_builder_name(b, s, strlen(s));
}

static uint32_t push(struct eg_builder *b, uint8_t kind, const char *name, uint64_t size,
                     uint32_t ref, uint32_t count)
{
    const struct eg_type t = { .kind = kind,
                               .name = intern(b, name),
                               .size = size,
                               .ref = ref,
                               .first = eg_builder_member_count(b),
                               .count = count };

    return eg_builder_type(b, &t);
}

static struct eg_profile *finish(struct eg_builder *b, size_t *dropped)
{
    struct eg_profile *p = NULL;
    struct eg_error e;

    assert_int_equal(eg_builder_finish(b, &p, dropped, &e), 0);
    assert_non_null(p);
    return p;
}

static uint32_t only(const struct eg_profile *p, const char *name, uint32_t kinds)
{
    uint32_t iter = 0;

    return eg_profile_type(p, name, kinds, &iter);
}

/* ---- building ---- */

static void names(void **state)
{
    struct eg_builder *b = eg_builder_new(lp64, "names");
    struct eg_profile *p;
    uint32_t at[3000], iter = 0;
    char text[16];

    (void)state;
    assert_int_equal(intern(b, ""), 0);
    assert_int_equal(eg_builder_name(b, "a\0b", 3), eg_builder_name(b, "ab", 1));
    for (int i = 0; i < 3000; i++) {
        snprintf(text, sizeof text, "name%d", i);
        at[i] = push(b, EG_T_INT, text, 4, 0, 0);
        assert_int_equal(intern(b, text), eg_builder_name(b, text, sizeof text));
    }
    push(b, EG_T_STRUCT, "name7", 0, 0, 0);
    p = finish(b, NULL);
    for (int i = 0; i < 3000; i++) {
        snprintf(text, sizeof text, "name%d", i);
        assert_int_equal(only(p, text, 1u << EG_T_INT), at[i]);
    }
    assert_int_equal(only(p, "name3000", EG_NAMED), 0);
    assert_int_equal(only(p, "", EG_NAMED), 0);
    assert_int_equal(eg_profile_type(p, "name7", EG_NAMED, &iter), at[7]);
    assert_int_equal(eg_profile_type(p, "name7", EG_NAMED, &iter), 3001);
    assert_int_equal(eg_profile_type(p, "name7", EG_NAMED, &iter), 0);
    assert_int_equal(eg_profile_type(p, "name7", EG_NAMED, &iter), 0);
    eg_profile_free(p);
    eg_profile_free(NULL);
}

static void taken_strings(void **state)
{
    struct eg_builder *b = eg_builder_new(lp64, "strings");
    struct eg_type t = { .kind = EG_T_INT, .size = 4, .name = 3 };
    struct eg_profile *p;
    size_t dropped;

    (void)state;
    eg_builder_strings(b, "xone\0two", 8); // neither begins nor ends as it should
    eg_builder_type(b, &t);
    t.name = 8;
    eg_builder_type(b, &t);
    p = finish(b, &dropped);
    assert_int_equal(dropped, 0); // the last byte is an end mark now
    assert_string_equal(p->strings, "");
    assert_int_equal(only(p, "e", EG_NAMED), 1);
    assert_int_equal(p->n_strings, 9);
    eg_profile_free(p);
}

static void nothing(void **state)
{
    struct eg_profile *p = finish(eg_builder_new(lp64, "nothing"), NULL);
    struct eg_error e;
    uint32_t iter = 0;

    (void)state;
    assert_int_equal(p->n_types, 1);
    assert_null(eg_profile_symbol(p, "x", &iter));
    assert_null(eg_profile_symbol_at(p, 7));
    eg_profile_free(p);
    assert_int_equal(eg_builder_finish(NULL, &p, NULL, &e), -EG_ENOMEM);
    eg_builder_free(eg_builder_new(lp64, "left"));
    eg_builder_free(NULL);
}

static void symbols(void **state)
{
    struct eg_builder *b = eg_builder_new(lp64, "symbols");
    struct eg_profile *p;
    const struct eg_symbol *s;
    uint32_t iter = 0;

    (void)state;
    eg_builder_symbol(b, intern(b, "late"), 0x3000, 16, 'T');
    eg_builder_symbol(b, intern(b, "twice"), 0x1000, 0, 't');
    eg_builder_symbol(b, intern(b, "alias"), 0x1000, 0, 'T');
    eg_builder_symbol(b, intern(b, "twice"), UINT64_MAX, 0, 'd');
    eg_builder_symbol(b, 1u << 30, 0x2000, 0, 'd'); // a name that is none
    p = finish(b, NULL);
    for (uint32_t i = 1; i < p->n_symbols; i++)
        assert_true(p->symbols[i - 1].addr <= p->symbols[i].addr);
    assert_null(eg_profile_symbol_at(p, 0xfff));
    s = eg_profile_symbol_at(p, 0x1fff);
    assert_string_equal(p->strings + s->name, "twice"); // the first of the two
    assert_string_equal(p->strings + eg_profile_symbol_at(p, 0x2fff)->name, "");
    assert_int_equal(eg_profile_symbol_at(p, UINT64_MAX)->addr, UINT64_MAX);
    assert_int_equal(eg_profile_symbol(p, "twice", &iter)->addr, 0x1000);
    assert_int_equal(eg_profile_symbol(p, "twice", &iter)->addr, UINT64_MAX);
    assert_null(eg_profile_symbol(p, "twice", &iter));
    iter = 0;
    assert_int_equal(eg_profile_symbol(p, "late", &iter)->size, 16);
    eg_profile_free(p);
}

/** Marks of ELF for Arm are no names, unless there are no others. */
static void marks(void **state)
{
    static const struct {
        const char *name;
        uint64_t addr;
    } all[] = { { "$x", 0x100 },  { "$x", 0x1000 }, { "one", 0x1000 },
                { "$d", 0x1010 }, { "$x", 0x1020 }, { "two", 0x2000 } };
    struct eg_builder *b = eg_builder_new(lp64, "marks");
    struct eg_profile *p;

    (void)state;
    for (size_t i = 0; i < countof(all); i++)
        eg_builder_symbol(b, eg_builder_name(b, all[i].name, strlen(all[i].name)), all[i].addr, 0,
                          't');
    p = finish(b, NULL);
    assert_string_equal(p->strings + eg_profile_symbol_at(p, 0x1000)->name, "one");
    assert_string_equal(p->strings + eg_profile_symbol_at(p, 0x1fff)->name, "one");
    assert_string_equal(p->strings + eg_profile_symbol_at(p, 0x2000)->name, "two");
    assert_string_equal(p->strings + eg_profile_symbol_at(p, 0x200)->name, "$x");
    eg_profile_free(p);
}

/* ---- hostile records ---- */

static void references(void **state)
{
    struct eg_builder *b = eg_builder_new(lp64, "references");
    struct eg_profile *p;
    size_t dropped;
    uint32_t s;

    (void)state;
    push(b, EG_T_PTR, "", 0, 1000, 0);                     // 1: past the end
    push(b, EG_T_TYPEDEF, "wild", 0, UINT32_MAX, 0);       // 2
    push(b, 200, "kind", 8, 0, 0);                         // 3: no such kind
    push(b, EG_T_INT, "wide", 17, 0, 0);                   // 4
    push(b, EG_T_STRUCT, "long", 8, 0, 5);                 // 5: more members than there are
    push(b, EG_T_STRUCT, "huge", UINT64_C(1) << 32, 0, 0); // 6
    push(b, EG_T_ENUM, "enum", 4, 0, 1);                   // 7: no enumerators
    push(b, EG_T_INT, "int", 4, 0, 0);                     // 8
    push(b, EG_T_ARRAY, "", 0, 8, UINT32_MAX);             // 9: 16 GiB
    push(b, EG_T_FUNC, "", 0, 77, 0);                      // 10
    s = push(b, EG_T_STRUCT, "good", 8, 0, 3);             // 11
    eg_builder_member(b, intern(b, "type"), 99, 0, 0);     //   no such type
    eg_builder_member(b, intern(b, "far"), 8, 65 * 8, 0);  //   past the struct
    eg_builder_member(b, intern(b, "bits"), 8, 0, 65);
    p = finish(b, &dropped);
    assert_int_equal(dropped, 12);
    assert_int_equal(p->types[1].kind, EG_T_PTR);
    assert_int_equal(p->types[1].ref, 0);
    assert_int_equal(p->types[1].size, 8);
    assert_int_equal(p->types[2].ref, 0);
    for (uint32_t i = 3; i <= 9; i++)
        assert_int_equal(p->types[i].kind, i == 8 ? EG_T_INT : EG_T_VOID);
    assert_int_equal(p->types[10].ref, 0);
    assert_int_equal(only(p, "good", EG_TAGGED), s);
    assert_int_equal(p->n_left_out, 12);
    assert_int_equal(p->types[s].count, 2); // at no offset would "far" be true
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(p->members[p->types[s].first + i].type, 0);
    assert_string_equal(p->strings + p->members[p->types[s].first].name, "type");
    eg_profile_free(p);
}

/** A variable is no type: what refers to one, directly or through const, is void. */
static void references_to_variables(void **state)
{
    struct eg_builder *b = eg_builder_new(lp64, "test");
    const uint32_t name = eg_builder_name(b, "v", 1);
    const struct eg_type all[] = {
        { .kind = EG_T_INT, .size = 4 },
        { .kind = EG_T_VAR, .name = name, .ref = 1 },
        { .kind = EG_T_VAR, .name = name, .ref = 3 }, // itself
        { .kind = EG_T_TYPEDEF, .ref = 2 },           // const
        { .kind = EG_T_PTR, .size = 8, .ref = 2 },
        { .kind = EG_T_PTR, .size = 8, .ref = 4 },
        { .kind = EG_T_STRUCT, .size = 4, .first = 0, .count = 1 },
    };
    struct eg_profile *p;
    size_t dropped;

    (void)state;
    for (size_t i = 0; i < countof(all); i++)
        eg_builder_type(b, &all[i]);
    eg_builder_member(b, name, 2, 0, 0);
    p = finish(b, &dropped);
    assert_int_equal(p->types[2].ref, 1);
    assert_int_equal(p->types[3].ref, 0);
    assert_int_equal(p->types[5].ref, 0);
    assert_int_equal(p->types[6].ref, 0);
    assert_int_equal(p->members[0].type, 0);
    assert_int_equal(dropped, 4);
    eg_profile_free(p);
}

static void shared_members(void **state)
{
    struct eg_builder *b = eg_builder_new(lp64, "shared");
    struct eg_profile *p;
    size_t dropped;

    (void)state;
    for (int i = 0; i < 100; i++) {
        const struct eg_type t = { .kind = EG_T_STRUCT, .size = 8, .count = 100 };

        eg_builder_type(b, &t);
    }
    for (int i = 0; i < 100; i++)
        eg_builder_member(b, 0, 1, 0, 0);
    p = finish(b, &dropped);
    assert_int_equal(p->types[1].kind, EG_T_STRUCT);
    for (int i = 2; i <= 100; i++)
        assert_int_equal(p->types[i].kind, EG_T_VOID);
    eg_profile_free(p);
}

static void circles(void **state)
{
    struct eg_builder *b = eg_builder_new(lp64, "circles");
    struct eg_types ts;
    struct eg_profile *p;
    struct eg_error e;
    size_t dropped;

    (void)state;
    push(b, EG_T_TYPEDEF, "a", 0, 2, 0);   // 1 -> 2 -> 1
    push(b, EG_T_TYPEDEF, "b", 0, 1, 0);   // 2
    push(b, EG_T_TYPEDEF, "", 0, 4, 0);    // 3: const <-> volatile
    push(b, EG_T_TYPEDEF, "", 0, 3, 0);    // 4
    push(b, EG_T_PTR, "", 0, 3, 0);        // 5
    push(b, EG_T_ARRAY, "", 0, 7, 2);      // 6 -> 7 -> 6
    push(b, EG_T_ARRAY, "", 0, 6, 2);      // 7
    push(b, EG_T_STRUCT, "self", 8, 0, 1); // 8 holds 8
    eg_builder_member(b, 0, 8, 0, 0);
    push(b, EG_T_UNION, "through", 8, 0, 1); // 9 -> 10 -> 11 -> 9
    eg_builder_member(b, 0, 10, 0, 0);
    push(b, EG_T_ARRAY, "", 0, 11, 1);     // 10
    push(b, EG_T_TYPEDEF, "t", 0, 9, 0);   // 11
    push(b, EG_T_STRUCT, "list", 8, 0, 1); // 12: by pointer it may
    eg_builder_member(b, intern(b, "next"), 13, 0, 0);
    push(b, EG_T_PTR, "", 0, 12, 0); // 13
    push(b, EG_T_PTR, "", 0, 14, 0); // 14: points to itself
    p = finish(b, &dropped);
    assert_true(dropped >= 5);
    assert_int_equal(eg_types_init(&ts, p, &e), 0);
    for (uint32_t i = 1; i <= 14; i++) {
        char text[64];
        struct eg_slot slot;

        assert_int_not_equal(eg_type(&ts, eg_type_strip(&ts, i), NULL)->kind, EG_T_TYPEDEF);
        eg_type_declare(&ts, i, "x", text, sizeof text);
        eg_types_slot(&ts, &lp64, i, &slot);
        eg_type_size(&ts, i, &lp64);
    }
    assert_int_equal(p->members[p->types[8].first].type, 0);
    assert_int_equal(p->types[5].ref, 0);
    assert_int_equal(p->members[p->types[12].first].type, 13);
    assert_int_equal(p->types[13].ref, 12);
    eg_types_fini(&ts);
    eg_profile_free(p);
}

static void depth(void **state)
{
    enum { N = 100000 };

    (void)state;
    for (int forward = 0; forward < 2; forward++) {
        struct eg_builder *b = eg_builder_new(lp64, "depth");
        struct eg_types ts;
        struct eg_profile *p;
        struct eg_error e;

        for (uint32_t i = 1; i <= N; i++)
            push(b, EG_T_TYPEDEF, "t", 0, forward ? i % N + 1 : i - 1, 0);
        p = finish(b, NULL);
        assert_int_equal(eg_types_init(&ts, p, &e), 0);
        for (uint32_t i = 1; i <= N; i++) {
            uint32_t id = i, steps = 0;

            for (; p->types[id].kind == EG_T_TYPEDEF; id = p->types[id].ref)
                assert_true(++steps <= 256);
            assert_int_equal(eg_type_strip(&ts, i), id);
        }
        eg_types_fini(&ts);
        eg_profile_free(p);
    }
}

// 32 levels of anonymous structs, each with 8 members of the next: 2^96 paths to what is not there.
static void search_is_bounded(void **state)
{
    struct eg_builder *b = eg_builder_new(lp64, "bush");
    struct eg_member_at m;
    struct eg_types ts;
    struct eg_profile *p;
    struct eg_error e;

    (void)state;
    for (uint32_t level = 1; level <= 32; level++) {
        push(b, EG_T_STRUCT, "", 8, 0, 8);
        for (int i = 0; i < 8; i++)
            eg_builder_member(b, 0, level + 1, 0, 0);
    }
    push(b, EG_T_STRUCT, "", 8, 0, 0);
    p = finish(b, NULL);
    assert_int_equal(eg_types_init(&ts, p, &e), 0);
    assert_false(eg_type_find(&ts, 1, "nowhere", &m));
    eg_types_fini(&ts);
    eg_profile_free(p);
}

/* ---- types ---- */

static void constants_are_skipped(void **state)
{
    struct eg_builder *b = eg_builder_new(lp64, "const");
    struct eg_profile *p, *module;

    (void)state;
    push(b, EG_T_TYPEDEF, "", 0, 2, 0); // 1: const
    push(b, EG_T_TYPEDEF, "", 0, 3, 0); // 2: volatile
    push(b, EG_T_INT, "int", 4, 0, 0);  // 3
    push(b, EG_T_PTR, "", 0, 1, 0);     // 4
    push(b, EG_T_ARRAY, "", 0, 1, 3);   // 5
    push(b, EG_T_STRUCT, "s", 4, 0, 1); // 6
    eg_builder_member(b, intern(b, "m"), 1, 0, 0);
    p = finish(b, NULL);
    assert_int_equal(p->types[4].ref, 3);
    assert_int_equal(p->types[5].ref, 3);
    assert_int_equal(p->types[5].size, 12);
    assert_int_equal(p->members[0].type, 3);

    b = eg_builder_new(lp64, "module");
    eg_builder_set_base(b, p, "m");
    assert_int_equal(push(b, EG_T_PTR, "", 0, 1, 0), 7); // leads past the kernel's const
    assert_int_equal(push(b, EG_T_TYPEDEF, "", 0, 1, 0), 8);
    assert_int_equal(push(b, EG_T_PTR, "", 0, 8, 0), 9);
    assert_null(eg_builder_edit(b, 6));
    assert_non_null(eg_builder_edit(b, 9));
    module = finish(b, NULL);
    assert_int_equal(module->base_count, 7);
    assert_int_equal(module->types[0].ref, 3);
    assert_int_equal(module->types[2].ref, 3);
    eg_profile_free(module);
    eg_profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(taken_strings),
        cmocka_unit_test(nothing),
        cmocka_unit_test(symbols),
        cmocka_unit_test(marks),
        cmocka_unit_test(references),
        cmocka_unit_test(shared_members),
        cmocka_unit_test(circles),
        cmocka_unit_test(references_to_variables),
        cmocka_unit_test(depth),
        cmocka_unit_test(search_is_bounded),
        cmocka_unit_test(constants_are_skipped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
