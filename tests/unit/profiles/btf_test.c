/* btf_test.c - BTF of both byte orders and every kind; what is cut short or lies. */
#include "../../../core/reader.h"
#include "../../../profiles/btf_file.h"
#include "btf_writer.h"

static void every_kind(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++) {
        struct writer *w = begin(big);
        struct eg_member_at m;
        struct eg_profile *p;
        struct eg_types ts;
        uint64_t iter = 0;

        integer(w, "int", 4, 1);     // 1
        integer(w, "char", 1, 1);    // 2
        integer(w, "_Bool", 1, 4);   // 3
        type(w, PTR, "", 0, 6);      // 4
        type(w, VOLATILE, "", 0, 1); // 5
        type(w, CONST, "", 0, 5);    // 6: const volatile int
        type(w, ARRAY, "", 0, 0);    // 7: const volatile int [3]
        word(w, 6);
        word(w, 1);
        word(w, 3);
        type(w, STRUCT | KIND_FLAG, "s", 4, 32); // 8
        member(w, "a", 6, 0);
        member(w, "b", 1, 3u << 24 | 32);
        member(w, "c", 7, 64);
        member(w, "", 9, 192);
        type(w, UNION, "", 2, 8); // 9
        member(w, "u", 4, 0);
        member(w, "v", 2, 0);
        type(w, ENUM | KIND_FLAG, "e", 2, 4); // 10
        word(w, str(w, "MINUS"));
        word(w, (uint32_t)-1);
        word(w, str(w, "TWO"));
        word(w, 2);
        type(w, FWD | KIND_FLAG, "later", 0, 0); // 11: a union
        type(w, TYPEDEF, "t", 0, 8);             // 12
        type(w, RESTRICT, "", 0, 4);             // 13
        type(w, FUNC_PROTO, "", 3, 1);           // 14: int (t *, int, ...)
        word(w, str(w, "first"));
        word(w, 15);
        word(w, 0);
        word(w, 1);
        word(w, 0);
        word(w, 0);
        type(w, PTR, "", 0, 12);                 // 15
        type(w, FUNC, "f", 1, 14);               // 16
        type(w, PTR, "", 0, 14);                 // 17
        type(w, DATASEC, ".data..percpu", 2, 0); // 18: before its variables
        word(w, 19);
        word(w, 8);
        word(w, 4);
        word(w, 20);
        word(w, 64);
        word(w, 32);
        type(w, VAR, "counter", 0, 6); // 19
        word(w, 1);
        type(w, VAR, "area", 0, 8); // 20
        word(w, 1);
        type(w, FLOAT, "double", 0, 8); // 21
        type(w, DECL_TAG, "tag", 0, 8); // 22
        word(w, UINT32_MAX);
        type(w, TYPE_TAG, "user", 0, 1); // 23
        type(w, PTR, "", 0, 23);         // 24
        type(w, ENUM64, "e64", 2, 8);    // 25
        word(w, str(w, "BIG"));
        word(w, 5);
        word(w, 1);
        word(w, str(w, "SMALL"));
        word(w, 1);
        word(w, 0);
        type(w, ENUM, "plain", 1, 4); // 26: not signed, since others say they are
        word(w, str(w, "HIGH"));
        word(w, 0x80000000);
        p = read_(w, NULL);
        assert_int_equal(p->n_types, 27);
        assert_int_equal(eg_types_init(&ts, p, NULL), 0);

        declared(&ts, 4, "int *x");
        declared(&ts, 7, "int x[3]");
        declared(&ts, 17, "int (*x)(t *, int, ...)");
        declared(&ts, 24, "int *x");
        declared(&ts, 11, "union later x");
        declared(&ts, 21, "double x");
        assert_int_equal(p->types[7].size, 12);
        assert_int_equal(p->types[1].flags, EG_TF_SIGNED);
        assert_int_equal(p->types[2].flags, EG_TF_SIGNED | EG_TF_CHAR);
        assert_int_equal(p->types[3].flags, EG_TF_BOOL);
        assert_int_equal(p->types[16].kind, EG_T_VOID); // a function, of which this is kept:
        assert_string_equal(p->strings + p->types[16].name, "f");
        assert_int_equal(p->types[16].ref, 14);
        assert_int_equal(p->types[22].kind, EG_T_VOID);
        assert_true(eg_type_find(&ts, 12, "b", &m) && m.bit_off == 32 && m.bit_size == 3);
        assert_true(eg_type_find(&ts, 8, "v", &m) && m.bit_off == 192 && m.type == 2);
        assert_true(eg_type_find(&ts, 8, "a", &m) && m.type == 1);
        assert_string_equal(eg_type_enumerator(&ts, 10, -1), "MINUS");
        assert_string_equal(eg_type_enumerator(&ts, 25, 0x100000005), "BIG");
        assert_int_equal(p->enumerators[p->types[26].first].value, 0x80000000);
        assert_int_equal(p->types[26].flags, 0);

        assert_int_equal(eg_types_named(&ts, ".data..percpu", NULL, EG_TAGGED, &iter), 18);
        assert_int_equal(p->types[18].size, 96);
        assert_true(eg_type_find(&ts, 18, "counter", &m) && m.bit_off == 64 && m.type == 1);
        assert_true(eg_type_find(&ts, 18, "area", &m) && m.bit_off == 512 && m.type == 8);
        assert_int_equal(eg_types_variable(&ts, "counter"), 1);
        assert_int_equal(eg_types_variable(&ts, "area"), 8);
        assert_int_equal(eg_types_variable(&ts, "f"), 0);
        eg_types_fini(&ts);
        eg_profile_free(p);
        free(w);
    }
}

// Of compilers before kind_flag: the integer's own offset and width make the bit-field.
static void old_bit_fields(void **state)
{
    struct writer *w = begin(false);
    struct eg_member_at m;
    struct eg_profile *p;
    struct eg_types ts;

    (void)state;
    type(w, STRUCT, "s", 4, 8); // 1
    member(w, "plain", 2, 0);
    member(w, "three", 3, 32);
    member(w, "named", 4, 35);
    member(w, "inside", 6, 40);
    integer(w, "int", 4, 1);   // 2
    type(w, INT, "int", 0, 4); // 3: three bits
    word(w, 1 << 24 | 3);
    type(w, TYPEDEF, "t", 0, 5); // 4: const, then three bits
    type(w, CONST, "", 0, 3);    // 5
    type(w, INT, "int", 0, 4);   // 6: four bits from the sixth
    word(w, 6 << 16 | 4);
    type(w, ENUM, "e", 2, 4); // 7: nothing says signed
    word(w, str(w, "A"));
    word(w, 1);
    word(w, str(w, "B"));
    word(w, (uint32_t)-2);
    p = read_(w, NULL);
    assert_int_equal(eg_types_init(&ts, p, NULL), 0);
    assert_true(eg_type_find(&ts, 1, "plain", &m) && m.bit_size == 0);
    assert_true(eg_type_find(&ts, 1, "three", &m) && m.bit_size == 3 && m.bit_off == 32);
    assert_true(eg_type_find(&ts, 1, "named", &m) && m.bit_size == 3 && m.bit_off == 35);
    assert_true(eg_type_find(&ts, 1, "inside", &m) && m.bit_size == 4 && m.bit_off == 46);
    assert_int_equal(p->types[7].flags, EG_TF_SIGNED);
    assert_int_equal(p->enumerators[1].value, -2);
    eg_types_fini(&ts);
    eg_profile_free(p);
    free(w);
}

// 7.1: a section says how long the records of each kind are, also of kinds that come later.
static void unknown_kinds(void **state)
{
    static const struct {
        uint32_t kind, vlen;
        uint8_t once, each, words;
    } cases[] = {
        { 20, 0, 0, 0, 0 },  { 21, 2, 4, 8, 5 },     { 25, 3, 0, 12, 9 },
        { 31, 0, 16, 4, 4 }, { 22, 70000, 8, 0, 2 },
    };

    (void)state;
    for (size_t i = 0; i < 2 * countof(cases); i++) {
        const struct eg_model model = { 8, 8, i % 2 };
        struct writer *w = begin(i % 2);
        struct eg_profile *p;
        struct eg_error e;
        size_t len;
        uint32_t n;

        type(w, cases[i / 2].kind, "new", cases[i / 2].vlen, 77); // 1
        for (int k = 0; k < cases[i / 2].words; k++)
            word(w, 0xffffffff);
        integer(w, "int", 4, 1); // 2
        len = bytes_of(w);
        assert_false(eg_btf_valid(w->file, len, w->big, &n)); // nobody says how long it is
        assert_int_equal(eg_btf_read(&p, w->file, len, model, NULL, NULL, "test", &e), -EG_EFORMAT);
        w->n_layout = cases[i / 2].kind; // one too few
        len = bytes_of(w);
        assert_int_equal(eg_btf_read(&p, w->file, len, model, NULL, NULL, "test", &e), -EG_EFORMAT);
        w->layout[w->n_layout++] = cases[i / 2].once | (uint32_t)cases[i / 2].each << 8;
        p = read_(w, NULL);
        assert_int_equal(p->types[1].kind, EG_T_VOID);
        assert_int_equal(p->types[2].kind, EG_T_INT);
        eg_profile_free(p);
        len = bytes_of(w);
        store(w, w->file + 28, 0x7ffffff0, 4); // a layout section past the end
        assert_int_equal(eg_btf_read(&p, w->file, len, model, NULL, NULL, "test", &e), -EG_EFORMAT);
        free(w);
    }
}

static void headers(void **state)
{
    static const struct {
        const char *what;
        uint8_t at, value;
    } wrong[] = {
        { "magic", 0, 0 },         { "version", 2, 2 },         { "flags", 3, 1 },
        { "short header", 4, 20 }, { "long header", 6, 1 },     { "odd types", 8, 2 },
        { "odd length", 12, 17 },  { "far strings", 19, 0xff }, { "strings", 23, 0x7f },
    };
    struct writer *w = begin(false);
    uint64_t total = 5;
    size_t len;

    (void)state;
    integer(w, "int", 4, 1);
    len = bytes_of(w);
    assert_true(eg_btf_header(w->file, 24, false, &total));
    assert_int_equal(total, len);
    total = 5;
    assert_false(eg_btf_header(w->file, 23, false, &total));
    for (size_t i = 0; i < countof(wrong); i++) {
        bytes_of(w);
        w->file[wrong[i].at] = wrong[i].value;
        if (eg_btf_header(w->file, len, false, &total))
            fail_msg("%s", wrong[i].what);
    }
    assert_int_equal(total, 5);
    free(w);
}

// Every cut and every changed byte: an error, or a profile that can be used.
static void damaged(void **state)
{
    const struct eg_model model = { 8, 8, false };
    struct writer *w = begin(false);
    struct eg_error e;
    uint32_t n;
    size_t len;

    (void)state;
    integer(w, "int", 4, 1);
    type(w, STRUCT, "s", 2, 16);
    member(w, "next", 3, 0);
    member(w, "many", 4, 64);
    type(w, PTR, "", 0, 2);
    type(w, ARRAY, "", 0, 0);
    word(w, 1);
    word(w, 1);
    word(w, 2);
    type(w, TYPEDEF, "t", 0, 2);
    len = bytes_of(w);
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *copy = malloc(cut + 1);
        struct eg_profile *p = NULL;

        memcpy(copy, w->file, cut);
        assert_false(eg_btf_valid(copy, cut, false, &n));
        assert_int_equal(eg_btf_read(&p, copy, cut, model, NULL, NULL, "cut", &e), -EG_EFORMAT);
        assert_null(p);
        free(copy);
    }
    for (size_t at = 0; at < len; at++)
        for (int bit = 0; bit < 8; bit++) {
            uint8_t *copy = malloc(len);
            struct eg_profile *p;
            struct eg_types ts;

            memcpy(copy, w->file, len);
            copy[at] ^= 1 << bit;
            eg_btf_valid(copy, len, false, &n);
            if (eg_btf_read(&p, copy, len, model, NULL, NULL, "changed", &e) == 0) {
                assert_int_equal(eg_types_init(&ts, p, NULL), 0);
                for (uint32_t id = 0; id < p->n_types; id++) {
                    struct eg_member_at m;
                    char text[64];

                    eg_type_declare(&ts, id, "x", text, sizeof text);
                    eg_type_find(&ts, id, "many", &m);
                }
                eg_types_fini(&ts);
                eg_profile_free(p);
            }
            free(copy);
        }
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind),    cmocka_unit_test(old_bit_fields),
        cmocka_unit_test(unknown_kinds), cmocka_unit_test(headers),
        cmocka_unit_test(damaged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
