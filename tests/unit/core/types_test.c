/* types_test.c - several profiles as one: members, bit-fields, layers; declarations out and type
 * expressions in. */
#include "check.h"
#include "mktypes.h"
#include <stdio.h>
#include <stdlib.h>

static const struct eg_model lp64 = { 8, 8, false }, big32 = { 4, 4, true };

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

static const char kernel[] = "typedef unsigned char u8;"
                             "typedef unsigned int u32;"
                             "enum colour { RED, GREEN = 5, NEGATIVE = -1 };"
                             "struct opaque;"
                             "struct list_head { struct list_head *next, *prev; };"
                             "struct task {"
                             "  long state;"
                             "  union { struct { int tgid; int pid; }; u64 both; };"
                             "  struct list_head tasks;"
                             "  char comm[16];"
                             "  u32 low : 3, high : 7;"
                             "  int sign : 5;"
                             "  enum colour colour;"
                             "  struct opaque *opaque;"
                             "  struct { int a; struct { int b; } in; } named;"
                             "  int (*show)(struct list_head *, void *);"
                             "  u8 grid[2][3];"
                             "  char **argv;"
                             "};";

static void members(void **state)
{
    static const struct {
        const char *path;
        uint64_t bits; // offset
        uint32_t width;
    } found[] = {
        { "state", 0, 0 }, { "tgid", 64, 0 },        { "pid", 96, 0 },
        { "both", 64, 0 }, { "tasks.prev", 192, 0 }, { "comm", 256, 0 },
        { "low", 384, 3 }, { "high", 387, 7 },       { "named.in.b", 544, 0 },
    };
    static const char *const lost[] = {
        "", "pi", "pidx", "tasks.", ".tasks", "state.x", "tasks.next.next", "named.b", "named.in.a"
    };
    struct eg_profile *p = mk_types(&lp64, kernel, NULL, NULL);
    struct eg_member_at m;
    struct eg_types ts;
    uint64_t iter = 0;
    uint32_t task;

    (void)state;
    assert_int_equal(eg_types_init(&ts, p, NULL), 0);
    task = eg_types_named(&ts, "task", NULL, EG_TAGGED, &iter);
    assert_int_not_equal(task, 0);
    for (size_t i = 0; i < countof(found); i++) {
        if (!eg_type_find(&ts, task, found[i].path, &m))
            fail_msg("%s", found[i].path);
        if (m.bit_off != found[i].bits || m.bit_size != found[i].width)
            fail_msg("%s: %d bits at %d", found[i].path, (int)m.bit_size, (int)m.bit_off);
    }
    for (size_t i = 0; i < countof(lost); i++)
        if (eg_type_find(&ts, task, lost[i], &m))
            fail_msg("'%s' was found", lost[i]);
    assert_false(eg_type_find(&ts, 0, "x", &m));
    assert_false(eg_type_find(&ts, UINT32_MAX, "x", &m));
    assert_true(eg_type_find(&ts, task, "colour", &m));
    assert_string_equal(eg_type_enumerator(&ts, m.type, 5), "GREEN");
    assert_string_equal(eg_type_enumerator(&ts, m.type, -1), "NEGATIVE");
    assert_string_equal(eg_type_enumerator(&ts, m.type, 0xffffffff), "NEGATIVE");
    assert_null(eg_type_enumerator(&ts, m.type, 4));
    assert_null(eg_type_enumerator(&ts, task, 0));
    eg_types_fini(&ts);
    eg_profile_free(p);
}

/** Integers of sizes that no compiler makes have a reason instead of a value. */
static void odd_sizes(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++)
        for (uint32_t size = 1; size <= 16; size++) {
            const struct eg_model m = big ? big32 : lp64;
            const bool good = size == 1 || size == 2 || size == 4 || size == 8 || size == 16;
            struct eg_builder *b = eg_builder_new(m, "odd");
            const uint32_t n = push(b, EG_T_INT, "n", size, 0, 0),
                           e = push(b, EG_T_ENUM, "e", size, 0, 1),
                           a = push(b, EG_T_ARRAY, "", 4 * size, n, 4);
            const struct eg_member_at plain = { "f", n, 0, 64 };
            struct eg_profile *p;
            struct eg_types ts;
            struct eg_slot s;

            eg_builder_enumerator(b, 0, 0);
            p = finish(b, NULL);
            assert_int_equal(eg_types_init(&ts, p, NULL), 0);
            eg_types_slot(&ts, &m, n, &s);
            assert_int_equal(s.kind, good ? EG_K_UINT : 0);
            assert_int_equal(s.why, good ? EG_OK : EG_BAD_VALUE);
            eg_types_slot(&ts, &m, e, &s);
            if (size <= 8) // a larger one is no type at all
                assert_int_equal(s.kind, good ? EG_K_ENUM : 0);
            eg_types_slot(&ts, &m, a, &s);
            assert_int_equal(s.kind, EG_K_ARRAY); // its elements have no value
            eg_types_member_slot(&ts, &m, 42, &plain, &s);
            assert_int_equal(s.kind, good ? EG_K_UINT : 0);
            assert_int_equal(s.why, good ? EG_OK : EG_BAD_VALUE);
            eg_types_fini(&ts);
            eg_profile_free(p);
        }
}

/** A bit-field of what is no number. */
static void bits_of_a_struct(void **state)
{
    struct eg_builder *b = eg_builder_new(lp64, "bits");
    const struct eg_member_at at = { "f", push(b, EG_T_STRUCT, "s", 4, 0, 0), 3, 0 };
    struct eg_profile *p = finish(b, NULL);
    struct eg_types ts;
    struct eg_slot s;

    (void)state;
    assert_int_equal(eg_types_init(&ts, p, NULL), 0);
    eg_types_member_slot(&ts, &lp64, 42, &at, &s);
    assert_true(!s.kind && s.why == EG_BAD_VALUE);
    eg_types_fini(&ts);
    eg_profile_free(p);
}

static void bit_fields(void **state)
{
    static const struct {
        const char *what;
        uint64_t at;          // bit
        uint32_t width, size; // size: of the declared type
        bool big;
        uint64_t off;
        uint32_t load, shift; // load 0: cannot be
    } cases[] = {
        { "first bits", 0, 3, 4, false, 0, 4, 0 },
        { "in the second unit", 35, 7, 4, false, 4, 4, 3 },
        { "first bits, big", 0, 3, 4, true, 0, 4, 29 },
        { "last bits, big", 29, 3, 4, true, 0, 4, 0 },
        { "crosses its unit", 30, 4, 4, false, 3, 2, 6 },
        { "crosses its unit, big", 30, 4, 4, true, 3, 2, 6 },
        { "a byte", 8, 8, 1, false, 1, 1, 0 },
        { "64 bits, packed", 3, 62, 8, false, 0, 0, 0 },
        { "64 bits", 64, 64, 8, false, 8, 8, 0 },
        { "wider than its type", 0, 9, 1, false, 0, 0, 0 },
        { "wider than a word", 0, 65, 8, false, 0, 0, 0 },
        { "of an impossible integer", 0, 3, 3, false, 0, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        const struct eg_model m = { 8, 8, cases[i].big };
        struct eg_builder *b = eg_builder_new(m, "bits");
        const uint32_t type = push(b, EG_T_INT, "n", cases[i].size, 0, 0);
        const struct eg_member_at at = { "f", type, cases[i].width, cases[i].at };
        struct eg_profile *p = finish(b, NULL);
        struct eg_types ts;
        struct eg_slot s;

        assert_int_equal(eg_types_init(&ts, p, NULL), 0);
        eg_types_member_slot(&ts, &m, 42, &at, &s);
        if (!cases[i].load
                ? s.kind || s.why != EG_BAD_VALUE
                : s.off != cases[i].off || s.size != cases[i].load || s.shift != cases[i].shift ||
                      s.bits != cases[i].width || s.parent != 42)
            fail_msg("%s: load %d at %d, shift %d", cases[i].what, (int)s.size, (int)s.off,
                     s.shift);
        eg_types_fini(&ts);
        eg_profile_free(p);
    }
}

static void declarations(void **state)
{
    static const struct {
        const char *member, *text;
    } cases[] = {
        { "state", "long int state" },         { "tasks", "struct list_head tasks" },
        { "comm", "char comm[16]" },           { "colour", "enum colour colour" },
        { "opaque", "struct opaque *opaque" }, { "show", "int (*show)(void)" },
        { "grid", "u8 grid[2][3]" },           { "argv", "char **argv" },
        { "named", "struct {...} named" },
    };
    struct eg_profile *p = mk_types(&lp64, kernel, NULL, NULL);
    struct eg_member_at m;
    struct eg_types ts;
    uint64_t iter = 0;
    uint32_t task;
    char text[128], tiny[8];

    (void)state;
    assert_int_equal(eg_types_init(&ts, p, NULL), 0);
    task = eg_types_named(&ts, "task", NULL, EG_TAGGED, &iter);
    for (size_t i = 0; i < countof(cases); i++) {
        assert_true(eg_type_find(&ts, task, cases[i].member, &m));
        assert_int_equal(eg_type_declare(&ts, m.type, m.name, text, sizeof text),
                         strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
    assert_int_equal(eg_type_declare(&ts, task, "t", tiny, sizeof tiny), strlen("struct task t"));
    assert_string_equal(tiny, "struct ");
    assert_int_equal(eg_type_declare(&ts, task, NULL, NULL, 0), strlen("struct task"));
    eg_type_declare(&ts, 0, "p", text, sizeof text);
    assert_string_equal(text, "void p");
    eg_types_fini(&ts);
    eg_profile_free(p);
}

static void odd_declarations(void **state)
{
    struct eg_builder *b = eg_builder_new(lp64, "odd");
    struct eg_types ts;
    struct eg_profile *p;
    char text[128];
    uint32_t in;

    (void)state;
    push(b, EG_T_INT, "int", 4, 0, 0); // 1
    push(b, EG_T_ARRAY, "", 0, 1, 4);  // 2: int [4]
    push(b, EG_T_PTR, "", 0, 2, 0);    // 3: to it
    push(b, EG_T_FUNC, "", 0, 1, 0);   // 4: int (void)
    push(b, EG_T_PTR, "", 0, 4, 0);    // 5
    push(b, EG_T_ARRAY, "", 0, 5, 2);  // 6: of pointers to functions
    push(b, EG_T_FUNC, "", 0, 5, 2);   // 7: returns such a pointer; takes an int and more
    eg_builder_member(b, intern(b, "n"), 1, 0, 0);
    eg_builder_member(b, 0, 0, 0, 0);
    push(b, EG_T_PTR, "", 0, 7, 0);       // 8
    in = push(b, EG_T_FUNC, "", 0, 0, 1); // 9: takes a pointer to itself
    eg_builder_member(b, 0, 10, 0, 0);
    push(b, EG_T_PTR, "", 0, in, 0);  // 10
    push(b, EG_T_ARRAY, "", 0, 1, 0); // 11
    p = finish(b, NULL);
    assert_int_equal(eg_types_init(&ts, p, NULL), 0);
    eg_type_declare(&ts, 3, "x", text, sizeof text);
    assert_string_equal(text, "int (*x)[4]");
    eg_type_declare(&ts, 6, "x", text, sizeof text);
    assert_string_equal(text, "int (*x[2])(void)");
    eg_type_declare(&ts, 8, "x", text, sizeof text);
    assert_string_equal(text, "int (*(*x)(int, ...))(void)");
    eg_type_declare(&ts, 3, "", text, sizeof text);
    assert_string_equal(text, "int (*)[4]");
    eg_type_declare(&ts, 11, "x", text, sizeof text);
    assert_string_equal(text, "int x[]");
    assert_true(eg_type_declare(&ts, 10, "x", text, sizeof text) < 128);
    eg_types_fini(&ts);
    eg_profile_free(p);
}

static void expressions(void **state)
{
    static const struct {
        const char *text;
        uint8_t kind;
        uint32_t size;
        const char *type; // name of slot.type; NULL: 0
    } cases[] = {
        { "list_head", EG_K_STRUCT, 16, "list_head" },
        { "struct list_head", EG_K_STRUCT, 16, "list_head" },
        { " const struct  list_head * ", EG_K_PTR, 8, "list_head" },
        { "task *", EG_K_PTR, 8, "task" },
        { "unsigned long", EG_K_UINT, 8, NULL },
        { "long unsigned int", EG_K_UINT, 8, NULL },
        { "long", EG_K_SINT, 8, "long int" },
        { "int long signed", EG_K_SINT, 8, "long int" },
        { "unsigned", EG_K_UINT, 4, "unsigned int" },
        { "unsigned char", EG_K_UINT, 1, "unsigned char" },
        { "long long", EG_K_SINT, 8, NULL },
        { "short", EG_K_SINT, 2, NULL },
        { "char", EG_K_UINT, 1, "char" },
        { "u8[16]", EG_K_ARRAY, 16, "unsigned char" },
        { "char[16]", EG_K_CHARS, 16, "char" },
        { "char [ 0x10 ]", EG_K_CHARS, 16, "char" },
        { "void *", EG_K_PTR, 8, NULL },
        { "void", EG_K_VOID, 0, NULL },
        { "u64", EG_K_UINT, 8, "long long unsigned int" },
        { "u16", EG_K_UINT, 2, NULL },
        { "s16", EG_K_SINT, 2, NULL },
        { "enum colour", EG_K_ENUM, 4, "colour" },
        { "struct opaque *", EG_K_PTR, 8, "opaque" },
        { "list_head[3]", EG_K_ARRAY, 48, "list_head" },
    };
    static const char *const wrong[] = {
        "",
        "*",
        "struct",
        "nothing",
        "struct nothing",
        "int int2",
        "task task",
        "long long long",
        "struct int",
        "union list_head",
        "u8[",
        "u8[]",
        "u8[x]",
        "u8[4",
        "u8]",
        "u8[4] x",
        "void[3]",
        "task[4000000000]",
        "u8[99999999999]",
        "list_head ***[2]",
        "list_head,",
        "(int)",
    };
    struct eg_profile *p = mk_types(&lp64, kernel, NULL, NULL);
    struct eg_types ts;
    struct eg_slot s;

    (void)state;
    assert_int_equal(eg_types_init(&ts, p, NULL), 0);
    for (size_t i = 0; i < countof(cases); i++) {
        eg_types_parse(&ts, &lp64, cases[i].text, &s);
        if (s.kind != cases[i].kind || s.size != cases[i].size || s.parent || s.off ||
            strcmp(eg_type_name(&ts, s.type), cases[i].type ? cases[i].type : "") != 0)
            fail_msg("%s: kind %d, %d bytes, type %s", cases[i].text, s.kind, (int)s.size,
                     eg_type_name(&ts, s.type));
    }
    for (size_t i = 0; i < countof(wrong); i++) {
        eg_types_parse(&ts, &lp64, wrong[i], &s);
        if (s.kind || s.why != EG_NO_TYPE)
            fail_msg("'%s' was taken", wrong[i]);
    }
    // Steps between need a type in the program: char ** is there, for argv.
    eg_types_parse(&ts, &lp64, "char *[4]", &s);
    assert_int_equal(s.kind, EG_K_ARRAY);
    assert_int_equal(s.size, 32);
    assert_int_equal(eg_type(&ts, s.type, NULL)->kind, EG_T_PTR);
    eg_types_parse(&ts, &lp64, "char **", &s);
    assert_int_equal(s.kind, EG_K_PTR);
    assert_int_equal(eg_type(&ts, s.type, NULL)->kind, EG_T_PTR);
    eg_types_parse(&ts, &lp64, "u8[2][3]", &s);
    assert_int_equal(s.kind, EG_K_ARRAY);
    assert_int_equal(s.size, 6);
    assert_int_equal(eg_type(&ts, s.type, NULL)->count, 3);
    eg_types_fini(&ts);
    eg_profile_free(p);
}

static void without_types(void **state)
{
    struct eg_types ts = { 0 };
    struct eg_slot s;

    (void)state;
    eg_types_parse(&ts, &big32, "unsigned long", &s);
    assert_true(s.kind == EG_K_UINT && s.size == 4 && !s.type);
    eg_types_parse(&ts, &big32, "unsigned long long", &s);
    assert_true(s.kind == EG_K_UINT && s.size == 8);
    eg_types_parse(&ts, &big32, "int", &s);
    assert_true(s.kind == EG_K_SINT && s.size == 4);
    eg_types_parse(&ts, &big32, "u64", &s);
    assert_true(s.kind == EG_K_UINT && s.size == 8);
    eg_types_parse(&ts, &big32, "char[64]", &s);
    assert_true(s.kind == EG_K_CHARS && s.size == 64);
    eg_types_parse(&ts, &big32, "char *", &s);
    assert_true(s.kind == EG_K_PTR && s.size == 4);
    eg_types_parse(&ts, &big32, "int[4]", &s);
    assert_int_equal(s.why, EG_NO_TYPE); // an element would have no type
    assert_int_equal(eg_type(&ts, 5, NULL)->kind, EG_T_VOID);
    assert_string_equal(eg_type_name(&ts, 5), "");
    assert_int_equal(eg_type_ref(&ts, 5), 0);
}

/* ---- layers ---- */

static void layers(void **state)
{
    struct eg_profile *base = mk_types(&lp64, kernel, NULL, NULL);
    struct eg_profile *one = mk_types(&lp64,
                                      "struct opaque { long x[3]; }; struct node { int a; };"
                                      "struct uses { struct opaque *o; struct task *t; };",
                                      base, "one");
    struct eg_profile *two = mk_types(&lp64, "struct node { int a, b; };", base, "two");
    struct eg_profile *same = mk_types(&lp64, "struct opaque { long x[3]; };", base, "same");
    struct eg_profile *differs = mk_types(&lp64, "struct opaque { int x; };", base, "differs");
    struct eg_profile *other = mk_types(&lp64, "struct task { int pid; };", NULL, NULL);
    struct eg_member_at m;
    struct eg_types ts;
    struct eg_slot s;
    uint64_t iter = 0;
    uint32_t task, id;

    (void)state;
    assert_int_equal(eg_types_init(&ts, base, NULL), 0);
    task = eg_types_named(&ts, "task", NULL, EG_TAGGED, &iter);
    assert_true(eg_type_find(&ts, task, "opaque", &m));
    eg_types_slot(&ts, &lp64, m.type, &s);
    assert_int_equal(eg_type(&ts, s.type, NULL)->kind, EG_T_FWD);
    assert_int_equal(eg_types_add(&ts, one, NULL), 0);
    assert_int_equal(eg_types_add(&ts, two, NULL), 0);

    // What the kernel only declares, the one module that has it defines.
    eg_types_slot(&ts, &lp64, m.type, &s);
    assert_int_equal(eg_type(&ts, s.type, NULL)->kind, EG_T_STRUCT);
    assert_int_equal(eg_type_size(&ts, s.type, &lp64), 24);

    assert_int_equal(eg_types_add(&ts, same, NULL), 0);
    eg_types_slot(&ts, &lp64, m.type, &s);
    assert_int_equal(eg_type_size(&ts, s.type, &lp64), 24);
    assert_int_equal(eg_types_add(&ts, differs, NULL), 0);
    eg_types_slot(&ts, &lp64, m.type, &s);
    assert_int_equal(eg_type(&ts, s.type, NULL)->kind, EG_T_FWD);

    iter = 0;
    id = eg_types_named(&ts, "node", "two", EG_TAGGED, &iter);
    assert_int_equal(eg_type_size(&ts, id, &lp64), 8);
    id = eg_types_named(&ts, "node", "two", EG_TAGGED, &iter);
    assert_int_equal(eg_type_size(&ts, id, &lp64), 4);
    assert_int_equal(eg_types_named(&ts, "node", "two", EG_TAGGED, &iter), 0);
    assert_int_equal(eg_types_named(&ts, "node", "two", EG_TAGGED, &iter), 0);
    iter = 0;
    id = eg_types_named(&ts, "node", NULL, EG_TAGGED, &iter);
    assert_int_equal(eg_type_size(&ts, id, &lp64), 4);

    // A module's record leads to its own types, and to the kernel's.
    iter = 0;
    id = eg_types_named(&ts, "uses", NULL, EG_TAGGED, &iter);
    assert_true(eg_type_find(&ts, id, "t", &m));
    assert_int_equal(eg_type_target(&ts, eg_type_ref(&ts, m.type)), task);
    assert_true(eg_type_find(&ts, id, "o", &m));
    assert_string_equal(eg_type_name(&ts, eg_type_ref(&ts, m.type)), "opaque");
    eg_types_fini(&ts);

    // Types on top of another kernel's.
    assert_int_equal(eg_types_init(&ts, one, NULL), -EG_EUSAGE);
    assert_int_equal(eg_types_init(&ts, other, NULL), 0);
    assert_int_equal(eg_types_add(&ts, one, NULL), -EG_EUSAGE);
    eg_types_fini(&ts);
    eg_profile_free(other);
    eg_profile_free(differs);
    eg_profile_free(same);
    eg_profile_free(two);
    eg_profile_free(one);
    eg_profile_free(base);
}

/* A module whose types were not joined with the kernel's has those once more, and its own twice. */
static void several_times(void **state)
{
    static const char base[] = "struct shared { int a, b; }; struct near { int a, b; };"
                               "struct user { struct shared *s; };";
    static const char module[] =
        "struct shared { int a, b; }; struct near { int a, c; }; struct own { int a; };"
        "struct holds { struct shared *s; struct near *n; struct own *o; };";
    struct eg_profile *kernel_types = mk_types(&lp64, base, NULL, NULL);
    // Made on top of a kernel without those names, as a module that nothing was joined with.
    struct eg_profile *none = mk_types(&lp64,
                                       "struct unrelated { int a, b; };"
                                       "struct others { int a, b; };"
                                       "struct third { struct unrelated *s; };",
                                       NULL, NULL);
    struct eg_profile *one = mk_types(&lp64, module, none, "one");
    struct eg_profile *two =
        mk_types(&lp64, "struct own { int a; }; struct also { struct own *o; };", none, "two");
    struct eg_member_at m;
    struct eg_types ts;
    struct eg_slot s;
    uint64_t iter = 0;
    uint32_t holds, shared, own, near;

    (void)state;
    assert_int_equal(eg_types_init(&ts, kernel_types, NULL), 0);
    assert_int_equal(eg_types_add(&ts, one, NULL), 0);
    assert_int_equal(eg_types_add(&ts, two, NULL), 0);
    shared = eg_types_named(&ts, "shared", NULL, EG_TAGGED, &iter);
    iter = 0;
    near = eg_types_named(&ts, "near", NULL, EG_TAGGED, &iter);
    iter = 0;
    own = eg_types_named(&ts, "own", "one", EG_TAGGED, &iter);
    iter = 0;
    holds = eg_types_named(&ts, "holds", NULL, EG_TAGGED, &iter);
    assert_true(eg_type_find(&ts, holds, "s", &m));
    eg_types_slot(&ts, &lp64, m.type, &s);
    assert_int_equal(s.type, shared);
    assert_true(eg_type_find(&ts, holds, "n", &m));
    eg_types_slot(&ts, &lp64, m.type, &s);
    assert_int_not_equal(s.type, near); // another member
    iter = 0;
    holds = eg_types_named(&ts, "also", NULL, EG_TAGGED, &iter);
    assert_true(eg_type_find(&ts, holds, "o", &m));
    eg_types_slot(&ts, &lp64, m.type, &s);
    assert_int_equal(s.type, own);
    iter = 0;
    own = eg_types_named(&ts, "own", "two", EG_TAGGED, &iter);
    assert_true(eg_type_find(&ts, own, "a", &m));
    eg_types_member_slot(&ts, &lp64, own, &m, &s);
    iter = 0;
    assert_int_equal(s.parent, eg_types_named(&ts, "own", "one", EG_TAGGED, &iter));
    eg_types_fini(&ts);
    eg_profile_free(two);
    eg_profile_free(one);
    eg_profile_free(none);
    eg_profile_free(kernel_types);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members),      cmocka_unit_test(bit_fields),
        cmocka_unit_test(odd_sizes),    cmocka_unit_test(bits_of_a_struct),
        cmocka_unit_test(declarations), cmocka_unit_test(odd_declarations),
        cmocka_unit_test(expressions),  cmocka_unit_test(without_types),
        cmocka_unit_test(layers),       cmocka_unit_test(several_times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
