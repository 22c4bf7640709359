/* sysmap_test.c - lines of a System.map, and what is none. */
#include "../../../profiles/sysmap.h"
#include "check.h"

static void cases(void **state)
{
    static const struct {
        const char *text;
        int code;
        uint32_t n; // symbols
        uint8_t ptr_size;
        bool link_time;
    } want[] = {
        { "ffffffff81000000 T _text\n", 0, 1, 8, true },
        { "ffffffff81000000 T _text", 0, 1, 8, true }, // no end of line
        { "c0008000 T stext\nc0100000 D data\n", 0, 2, 4, true },
        { "0000000000000000 A zero\nffffffff81000000 T _text\n", 0, 2, 8, true },
        { "ffffffff81000000 T _text\nffffffffc0000000 t f\t[ext4]\n", 0, 1, 8, false },
        { "0000000000000000 T _text\n", EG_EFORMAT, 0, 0, false }, // hidden from the user
        { "ffffffff81000000 T _text\nc0008000 T stext\n", EG_EFORMAT, 0, 0, false },
        { "ffffffff81000000 T\n", EG_EFORMAT, 0, 0, false },
        { "ffffffff81000000 T \n", EG_EFORMAT, 0, 0, false },
        { "ffffffff81000000  T x\n", EG_EFORMAT, 0, 0, false },
        { "ffffffff81000000 1 x\n", EG_EFORMAT, 0, 0, false },
        { "ffffffff810000000 T x\n", EG_EFORMAT, 0, 0, false },
        { "xfffffff81000000 T x\n", EG_EFORMAT, 0, 0, false },
        { "\n", EG_EFORMAT, 0, 0, false },
        { "", EG_EFORMAT, 0, 0, false },
    };

    (void)state;
    for (size_t i = 0; i < countof(want); i++) {
        struct eg_profile *p = NULL;
        struct eg_error e;
        int rc = eg_sysmap_read(&p, want[i].text, strlen(want[i].text), "case", &e);

        if (rc != -want[i].code)
            fail_msg("case %zu: %d", i, rc);
        if (rc < 0)
            continue;
        assert_int_equal(p->n_symbols, want[i].n);
        assert_int_equal(p->model.ptr_size, want[i].ptr_size);
        assert_int_equal(p->dwarf_symbols, want[i].link_time);
        assert_int_equal(p->n_types, 1);
        eg_profile_free(p);
    }
}

static void by_name_and_address(void **state)
{
    static const char text[] = "ffffffff81000000 T _text\n"
                               "ffffffff81000000 T _stext\n"
                               "ffffffff82000010 d twice\n"
                               "ffffffff82000000 D here\n"
                               "ffffffff83000000 b twice\n";
    const struct eg_symbol *s;
    struct eg_profile *p;
    uint32_t iter = 0;

    (void)state;
    assert_int_equal(eg_sysmap_read(&p, text, strlen(text), "text", NULL), 0);
    s = eg_profile_symbol(p, "twice", &iter);
    assert_non_null(s);
    assert_non_null(s = eg_profile_symbol(p, "twice", &iter));
    assert_null(eg_profile_symbol(p, "twice", &iter));
    s = eg_profile_symbol_at(p, 0xffffffff8200000f);
    assert_string_equal(p->strings + s->name, "here");
    assert_int_equal(s->letter, 'D');
    s = eg_profile_symbol_at(p, 0xffffffff81234567);
    assert_string_equal(p->strings + s->name, "_text");
    assert_null(eg_profile_symbol_at(p, 0xffffffff80ffffff));
    eg_profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases),
        cmocka_unit_test(by_name_and_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
