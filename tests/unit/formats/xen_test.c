/* xen_test.c - Xen's ELF cores: tables of frame numbers in any order, truncated, with false
 * values. */
#include "mkdump.h"

enum {
    PAGE = 4096,
    SECTIONS = 6,
    HEADERS = 64 + 64 * SECTIONS,
    NOTES = HEADERS,
    CPUS = NOTES + 48,
    CPU = 5168,
    PAGES = 3 * PAGE,
};

static void section(unsigned i, unsigned name, uint64_t offset, uint64_t size, uint64_t entry)
{
    const size_t at = 64 + 64 * i;

    put_at(at, name, 4);
    put_at(at + 4, 1, 4);
    put_at(at + 24, offset, 8);
    put_at(at + 32, size, 8);
    put_at(at + 56, entry, 8);
}

/** Pages filled with 1, 2, … at the frames @pfn. */
static void core(bool hvm, const uint64_t *pfn, size_t n)
{
    static const char names[] = "\0.shstrtab\0.note.Xen\0.xen_prstatus\0.xen_pages\0.xen_pfn\0"
                                ".xen_p2m";
    const size_t table = PAGES + n * PAGE, entry = hvm ? 8 : 16, strings = table + n * entry;

    memset(file.at, 0, file.len);
    memcpy(file.at, "\x7f\x45LF\2\1\1", 7);
    file.at[5] = file.big ? 2 : 1;
    put_at(16, 4, 2);
    put_at(18, 62, 2);
    put_at(40, 64, 8);
    put_at(54, 56, 2);
    put_at(58, 64, 2);
    put_at(60, SECTIONS, 2);
    put_at(62, 1, 2);
    section(1, 1, strings, sizeof names, 0);
    section(2, 11, NOTES, 48, 0);
    section(3, 21, CPUS, CPU, CPU);
    section(4, 35, PAGES, n * PAGE, PAGE);
    section(5, hvm ? 46 : 55, table, n * entry, entry);
    put_at(NOTES, 4, 4);
    put_at(NOTES + 4, 32, 4);
    put_at(NOTES + 8, 0x2000001, 4);
    memcpy(file.at + NOTES + 12, "Xen", 4);
    put_at(NOTES + 16, hvm ? 0xf00febee : 0xf00febed, 8);
    put_at(NOTES + 24, 1, 8);
    put_at(NOTES + 32, n, 8);
    put_at(NOTES + 40, PAGE, 8);
    put_at(CPUS + 520 + 8 * 16, 0x1234, 8);
    put_at(CPUS + 5008, 0x2a10000, 8);
    for (size_t i = 0; i < n; i++) {
        memset(file.at + PAGES + i * PAGE, (int)i + 1, PAGE);
        put_at(table + i * entry, pfn[i], 8);
        if (!hvm)
            put_at(table + i * entry + 8, pfn[i] ^ 0x5555, 8);
    }
    memcpy(file.at + strings, names, sizeof names);
    file.len = strings + sizeof names;
}

static void healthy(void **state)
{
    static const uint64_t pfn[] = { 0, 1, 0x100000, 7, 6 };
    struct eg_error e;

    (void)state;
    for (int i = 0; i < 4; i++) {
        file.big = i & 2;
        core(i & 1, pfn, countof(pfn));
        assert_int_equal(open_dump(&e), 0);
        assert_string_equal(img->format, "Xen core");
        assert_int_equal(peek(0), 1);
        assert_int_equal(peek(2 * PAGE - 1), 2);
        assert_int_equal(peek(2 * PAGE), -EG_ABSENT);
        assert_int_equal(peek(6 * PAGE), 5);
        assert_int_equal(peek(7 * PAGE), 4);
        assert_int_equal(peek(UINT64_C(4) << 30), 3);
        assert_int_equal(img->elf_machine, 62);
        // The root of a PV guest is a frame of the host, and no processor is big-endian x86.
        assert_int_equal(img->cpus.n, i == 1);
        assert_int_equal(noted("paravirtualised"), !(i & 1));
        if (i == 1) {
            assert_int_equal(img->cpus.at[0].root, 0x2a10000);
            assert_int_equal(img->cpus.at[0].regs[16], 0x1234);
            assert_int_equal(img->notes.n, 0);
        }
    }
}

static void false_values(void **state)
{
    static const uint64_t pfn[] = { 3, UINT64_MAX, 3, UINT64_MAX / PAGE, 4 };
    struct eg_error e;

    (void)state;
    core(true, pfn, countof(pfn));
    assert_int_equal(open_dump(&e), 0);
    assert_true(noted("2 pages have no frame number"));
    assert_true(noted("overlap"));
    assert_int_equal(peek(3 * PAGE), 1);
    assert_int_equal(peek(4 * PAGE), 5);
    // A table that claims more than there is; one that lies nowhere.
    section(5, 46, PAGES + 5 * PAGE, UINT64_MAX, 8);
    assert_int_equal(open_dump(&e), 0);
    assert_true(noted("truncated"));
    section(5, 46, UINT64_MAX - 4, 40, 8);
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    core(true, pfn, countof(pfn));
    section(4, 35, UINT64_MAX - 4095, 5 * PAGE, PAGE);
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    // Pages of 3 bytes; without the note, the section's size is used.
    core(true, pfn, countof(pfn));
    put_at(NOTES + 40, 3, 8);
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    put_at(NOTES + 8, 0, 4);
    assert_int_equal(open_dump(&e), 0);
    put_at(NOTES, UINT32_MAX, 4);
    assert_int_equal(open_dump(&e), 0);
    // Sections that are not Xen's.
    section(4, 36, PAGES, 5 * PAGE, PAGE);
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    put_at(40, UINT64_MAX - 63, 8);
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
}

/** A table of 2^30 frame numbers that are all 0, and stored nowhere. */
static void many_runs(void **state)
{
    static const uint64_t pfn[] = { 3 };

    (void)state;
    core(true, pfn, countof(pfn));
    section(4, 35, UINT64_C(1) << 50, UINT64_C(1) << 50, PAGE);
    section(5, 46, UINT64_C(1) << 40, UINT64_C(1) << 33, 8);
    make_sparse(UINT64_C(1) << 52);
    open_ok();
    assert_true(noted("more than 1048576 runs of pages: 1072693248 of 1073741824"));
    assert_false(noted("truncated"));
}

static void cut(void **state)
{
    static const uint64_t pfn[] = { 3, 4, 5 };
    struct eg_error e;
    size_t total;

    (void)state;
    core(true, pfn, countof(pfn));
    total = file.len;
    for (file.len = 64; file.len < total; file.len++) {
        *e.text = '\0';
        assert_true(open_dump(&e) == 0 || *e.text);
    }
    // The table came before the pages: not Xen's order, but a section may be anywhere.
    core(true, pfn, countof(pfn));
    memcpy(file.at + 2 * PAGE, file.at + PAGES + 3 * PAGE, PAGE);
    section(1, 1, 2 * PAGE + 24, 64, 0);
    section(5, 46, 2 * PAGE, 24, 8);
    file.len = PAGES + 2 * PAGE + 100;
    assert_int_equal(open_dump(&e), 0);
    assert_true(noted("1 of 3 pages are missing"));
    assert_int_equal(peek(4 * PAGE), 2);
    assert_int_equal(peek(5 * PAGE), -EG_ABSENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(healthy, setup, teardown),
        cmocka_unit_test_setup_teardown(false_values, setup, teardown),
        cmocka_unit_test_setup_teardown(many_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(cut, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
