/* vmcoreinfo_test.c - the kernel's note in a page of memory, and its values. */
#include "../../../core/base.h"
#include "../../../profiles/vmcoreinfo.h"
#include "check.h"
#include <stdlib.h>

static const char text[] = "OSRELEASE=6.1.0-56-cloud-amd64\n"
                           "BUILD-ID=00aa\n"
                           "PAGESIZE=4096\n"
                           "SYMBOL(init_uts_ns)=ffffffff9c61a140\n"
                           "OFFSET(uts_namespace.name)=0\n"
                           "NUMBER(phys_base)=-436207616\n"
                           "NUMBER(VMALLOC_START)=0xffff800008000000\n"
                           "no equals sign\n"
                           "NUMBER(twice)=1\n"
                           "NUMBER(twice)=2\n"
                           "=nameless\n"
                           "KERNELOFFSET=1b400000\n"
                           "SYMBOL(huge)=10000000000000000\n"
                           "SYMBOL(none)=\n"
                           "SYMBOL(words)=12 34\n"
                           "NUMBER(letters)=12ab\n"
                           "SYMBOL(prefixed)=0x12\n"
                           "EQUALS=a=b";

static struct eg_vmcoreinfo whole(void)
{
    return (struct eg_vmcoreinfo){ text, sizeof text - 1 };
}

static void put_u32(uint8_t *p, uint32_t v, bool big)
{
    for (int i = 0; i < 4; i++)
        p[big ? 3 - i : i] = (uint8_t)(v >> 8 * i);
}

static void make_page(uint8_t *page, bool big)
{
    memset(page, 0, 4096);
    put_u32(page, 11, big);
    put_u32(page + 4, sizeof text - 1, big);
    memcpy(page + 12, "VMCOREINFO", 11);
    memcpy(page + 24, text, sizeof text - 1);
}

static void pages(void **state)
{
    uint8_t page[4096];
    struct eg_vmcoreinfo v;
    bool bare;

    (void)state;
    for (int big = 0; big < 2; big++) {
        make_page(page, big);
        assert_true(eg_vmcoreinfo_page(page, sizeof page, &bare, &v));
        assert_false(bare);
        assert_int_equal(v.len, sizeof text - 1);
        assert_ptr_equal(v.text, page + 24);
        assert_true(eg_vmcoreinfo_page(page + 24, sizeof page - 24, &bare, &v));
        assert_true(bare);
        assert_int_equal(v.len, sizeof text - 1);
    }
    // Cut by the caller's buffer; a size that lies.
    assert_true(eg_vmcoreinfo_page(page, 100, &bare, &v));
    assert_int_equal(v.len, 76);
    assert_false(eg_vmcoreinfo_page(page, 30, &bare, &v));
    assert_false(eg_vmcoreinfo_page(page, 0, &bare, &v));
    put_u32(page + 4, 4000, true);
    assert_true(eg_vmcoreinfo_page(page, sizeof page, &bare, &v));
    assert_int_equal(v.len, sizeof text - 1);
    put_u32(page + 4, 1u << 31, true);
    assert_false(eg_vmcoreinfo_page(page, sizeof page, &bare, &v));
}

static void no_pages(void **state)
{
    static const struct {
        const char *what;
        int at;
        uint8_t value;
    } cases[] = {
        { "the name in .rodata", 0, 'x' }, { "another type", 8, 1 }, { "another name", 14, 'm' },
        { "another key", 24, 'X' },        { "size 0", 4, 0 },
    };
    uint8_t page[4096];
    struct eg_vmcoreinfo v;
    bool bare;

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        make_page(page, false);
        page[cases[i].at] = cases[i].value;
        if (cases[i].at == 4)
            page[5] = 0;
        if (eg_vmcoreinfo_page(page, sizeof page, &bare, &v))
            fail_msg("%s", cases[i].what);
    }
}

static void values(void **state)
{
    const struct eg_vmcoreinfo v = whole();
    char out[32], tiny[4] = "abc";
    uint64_t u = 7;
    int64_t n = 7;

    (void)state;
    assert_true(eg_vmcoreinfo_text(&v, "OSRELEASE", out, sizeof out));
    assert_string_equal(out, "6.1.0-56-cloud-amd64");
    assert_true(eg_vmcoreinfo_text(&v, "EQUALS", out, sizeof out));
    assert_string_equal(out, "a=b");
    assert_false(eg_vmcoreinfo_text(&v, "OSRELEASE", tiny, sizeof tiny));
    assert_string_equal(tiny, "abc");
    assert_false(eg_vmcoreinfo_text(&v, "OSRELEAS", out, sizeof out));
    assert_true(eg_vmcoreinfo_symbol(&v, "init_uts_ns", &u) && u == 0xffffffff9c61a140);
    assert_true(eg_vmcoreinfo_symbol(&v, "prefixed", &u) && u == 0x12);
    assert_true(eg_vmcoreinfo_hex(&v, "KERNELOFFSET", &u) && u == 0x1b400000);
    assert_false(eg_vmcoreinfo_symbol(&v, "huge", &u));
    assert_false(eg_vmcoreinfo_symbol(&v, "none", &u));
    assert_false(eg_vmcoreinfo_symbol(&v, "words", &u));
    assert_false(eg_vmcoreinfo_symbol(&v, "init_uts", &u));
    assert_int_equal(u, 0x1b400000);
    assert_true(eg_vmcoreinfo_number(&v, "phys_base", &n) && n == -436207616);
    assert_true(eg_vmcoreinfo_number(&v, "VMALLOC_START", &n) && (uint64_t)n == 0xffff800008000000);
    assert_true(eg_vmcoreinfo_number(&v, "OFFSET(uts_namespace.name)", &n) && n == 0);
    assert_true(eg_vmcoreinfo_number(&v, "twice", &n) && n == 1);
    assert_false(eg_vmcoreinfo_number(&v, "letters", &n));
    assert_int_equal(n, 1);
}

static void lines(void **state)
{
    const struct eg_vmcoreinfo v = whole(), empty = { text, 0 };
    const char *key, *value;
    size_t at = 0, klen, vlen, n = 0;

    (void)state;
    while (eg_vmcoreinfo_next(&v, &at, &key, &klen, &value, &vlen)) {
        n++;
        assert_int_equal(key[klen], '=');
        assert_ptr_equal(value, key + klen + 1);
        assert_true(value + vlen <= text + sizeof text - 1);
    }
    assert_int_equal(n, 17);
    at = 0;
    assert_false(eg_vmcoreinfo_next(&empty, &at, &key, &klen, &value, &vlen));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages),
        cmocka_unit_test(no_pages),
        cmocka_unit_test(values),
        cmocka_unit_test(lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
