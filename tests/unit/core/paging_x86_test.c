/* paging_x86_test.c - page tables written by hand: levels, sizes, flags, holes, what Linux leaves
 * in entries that are not present. */
#include "../../../core/arch.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka wants these first */
#include <cmocka.h>

enum { PAGES = 64, ROOT = 1, P = 1, RW = 2, US = 4, ACCESSED = 32, DIRTY = 64, PS = 128, G = 256 };
#define NX   (UINT64_C(1) << 63)
#define ADDR UINT64_C(0x000ffffffffff000)

static uint64_t memory[PAGES][512]; // page n is at physical n << 12

struct fixture {
    struct eg_space *phys, *va;
    struct eg_view *v;
};

static void open_levels(struct fixture *f, int levels, uint64_t enc)
{
    struct eg_paging p = { .arch = eg_arch_find("x86_64"),
                           .root = (ROOT << 12) | 0x123, // with a PCID
                           .levels = (uint8_t)levels,
                           .enc_mask = enc };

    f->v = malloc(sizeof *f->v);
    eg_view_init(f->v, NULL);
    assert_int_equal(eg_memory_open(&f->phys, memory, sizeof memory, NULL), 0);
    assert_int_equal(eg_paging_open(&f->va, NULL, f->phys, &p, NULL), 0);
}

static void close_all(struct fixture *f)
{
    eg_view_fini(f->v);
    free(f->v);
    eg_space_close(f->va);
    eg_space_close(f->phys);
}

static uint64_t to(uint64_t page, uint64_t flags)
{
    return page << 12 | flags;
}

static struct eg_extent at(struct fixture *f, uint64_t va)
{
    struct eg_extent x;

    eg_extent_at(f->v, f->va, va, &x);
    return x;
}

/** root 1 -> 2 -> 3 -> 4 for the lowest addresses, the same tables at the top of the kernel half.
 */
static void chain(void)
{
    memset(memory, 0, sizeof memory);
    memory[ROOT][0] = memory[ROOT][511] = to(2, P | RW | US);
    memory[2][0] = memory[2][511] = to(3, P | RW | US);
    memory[3][0] = memory[3][511] = to(4, P | RW | US);
}

static void canonical(void **state)
{
    static const struct {
        const char *what;
        uint64_t va;
        int levels;
        bool ok;
    } cases[] = {
        { "user top, 4 levels", 0x00007fffffffffff, 4, true },
        { "first non-canonical", 0x0000800000000000, 4, false },
        { "last non-canonical", 0xffff7fffffffffff, 4, false },
        { "kernel bottom", 0xffff800000000000, 4, true },
        { "same address, 5 levels", 0x0000800000000000, 5, true },
        { "user top, 5 levels", 0x00ffffffffffffff, 5, true },
        { "beyond, 5 levels", 0x0100000000000000, 5, false },
        { "kernel bottom, 5 levels", 0xff00000000000000, 5, true },
    };

    (void)state;
    memset(memory, 0, sizeof memory);
    for (size_t i = 0; i < countof(cases); i++) {
        struct fixture f;
        struct eg_extent x;

        open_levels(&f, cases[i].levels, 0);
        x = at(&f, cases[i].va);
        if ((x.why == EG_NOT_PRESENT) != cases[i].ok ||
            (x.why == EG_NOT_CANONICAL) == cases[i].ok || x.start > cases[i].va ||
            x.last < cases[i].va)
            fail_msg("%s: why %u, %#lx-%#lx", cases[i].what, x.why, x.start, x.last);
        close_all(&f);
    }
}

static void empty_space_is_three_holes(void **state)
{
    struct fixture f;
    struct eg_extent x;

    (void)state;
    memset(memory, 0, sizeof memory);
    open_levels(&f, 4, 0);
    x = at(&f, 0);
    assert_true(x.start == 0 && x.last == 0x00007fffffffffff);
    x = at(&f, x.last + 1);
    assert_true(x.start == 0x0000800000000000 && x.last == 0xffff7fffffffffff);
    x = at(&f, x.last + 1);
    assert_true(x.start == 0xffff800000000000 && x.last == UINT64_MAX);
    assert_false(eg_next_mapped(f.v, f.va, 0, UINT64_MAX, &x));
    close_all(&f);
}

static void pages_and_flags(void **state)
{
    struct fixture f;
    struct eg_extent x;

    (void)state;
    chain();
    memory[3][1] = to(4, P | US);           // the directory takes writing away
    memory[2][1] = to(3, P | RW | US | NX); // execution
    memory[2][2] = to(3, P | RW);           // the user
    memory[4][0] = to(0x10, P | RW | US | ACCESSED | DIRTY);
    memory[4][1] = to(0x20, P | RW | US | NX | G);
    open_levels(&f, 4, 0);
    x = at(&f, 0x123);
    assert_true(x.below == f.phys && x.below_addr == 0x10000 && x.start == 0 && x.last == 0xfff);
    assert_int_equal(x.flags, EG_X_WRITE | EG_X_USER | EG_X_EXEC | EG_X_ACCESSED | EG_X_DIRTY);
    assert_int_equal(x.level, 0);
    assert_true(x.entry == memory[4][0] && x.entry_addr == 0x4000);
    assert_int_equal(at(&f, 0x1000).flags, EG_X_WRITE | EG_X_USER | EG_X_GLOBAL);
    assert_int_equal(at(&f, 0x200000).flags & EG_X_WRITE, 0);
    assert_int_equal(at(&f, 0x40000000).flags & EG_X_EXEC, 0);
    assert_int_equal(at(&f, 0x80000000).flags & EG_X_USER, 0);
    x = at(&f, 0xffffffffffe00000); // the same last table at the top
    assert_true(!x.why && x.below_addr == 0x10000);
    x = at(&f, UINT64_MAX);
    assert_true(x.why == EG_NOT_PRESENT && x.last == UINT64_MAX);
    close_all(&f);
}

static void runs(void **state)
{
    struct fixture f;
    struct eg_extent x;

    (void)state;
    chain();
    for (uint64_t i = 0; i < 16; i++)
        memory[4][i] = to(0x10 + i, P | RW | US);
    memory[4][16] = to(0x20, P | US);      // continues, but read-only
    memory[4][17] = to(0x30, P | US);      // does not continue
    memory[4][30] = to(0x31, P | US);      // behind a hole of 12
    memory[3][4] = to(0x200, P | RW | PS); // two large pages in a row
    memory[3][5] = to(0x400, P | RW | PS);
    memory[2][3] = to(0x40000, P | PS); // and a huge one
    open_levels(&f, 4, 0);
    x = at(&f, 0);
    assert_true(x.start == 0 && x.last == 0xffff && x.below_addr == 0x10000);
    x = at(&f, 0x3000); // from the middle it need not look back
    assert_true(x.start <= 0x3000 && x.last == 0xffff && x.below_addr == 0x10000 + x.start);
    assert_true(at(&f, 0x10000).last == 0x10fff);
    x = at(&f, 0x12000);
    assert_true(x.why == EG_NOT_PRESENT && x.last == 0x1dfff);
    x = at(&f, 0x800000);
    assert_true(x.last == 0xbfffff && x.below_addr == 0x200000 && x.level == 1);
    x = at(&f, 0xc0000000);
    assert_true(x.last == 0xffffffff && x.below_addr == 0x40000000 && x.level == 2);
    close_all(&f);
}

static void large_page_bits(void **state)
{
    struct fixture f;

    (void)state;
    chain();
    memory[3][1] = to(0x201, P | PS); // bit 12 is PAT there, no address
    open_levels(&f, 4, 0);
    assert_true(at(&f, 0x200000).below_addr == 0x200000);
    close_all(&f);
}

static void encrypted(void **state)
{
    const uint64_t c = UINT64_C(1) << 47;
    struct fixture f;
    struct eg_extent x;

    (void)state;
    chain();
    for (int i = 1; i < 4; i++)
        memory[i][0] |= c;
    memory[4][0] = to(0x10, P | c);
    open_levels(&f, 4, c);
    x = at(&f, 0);
    assert_true(!x.why && x.below_addr == 0x10000);
    close_all(&f);
}

/** An entry as Linux >= 4.19 writes it. */
static uint64_t swap(uint64_t type, uint64_t offset)
{
    return type << 59 | ((~offset << 9) & ((UINT64_C(1) << 59) - 1));
}

static void not_present(void **state)
{
    const struct {
        const char *what;
        uint64_t e;
        uint8_t why;
    } cases[] = {
        { "swap device 0, slot 5", swap(0, 5), EG_SWAPPED },
        { "swap device 3, with soft dirty and exclusive bits", swap(3, 0x12345) | 2 | 8,
          EG_SWAPPED },
        { "the last slot of a large device", swap(1, UINT64_C(1) << 40), EG_SWAPPED },
        { "before 4.19: device 1, slot 7", 7 << 14 | 1 << 9, EG_SWAPPED },
        { "hwpoison, all options on", swap(23, 0x1000), EG_POISONED },
        { "migration", swap(26, 0x1000), EG_MIGRATING },
        { "migration of a dirty page with 52 physical bits", swap(25, UINT64_C(3) << 40),
          EG_MIGRATING },
        { "before 4.6: device 2, slot 0x1f", 0x1f << 9 | 2 << 1, EG_SWAPPED },
        { "a marker: uffd-wp", swap(31, 1), EG_MIGRATING },
        { "a marker: poisoned", swap(31, 2), EG_POISONED },
        { "device memory of 5.10", swap(31, 0x12346), EG_MIGRATING },
    };
    struct fixture f;

    (void)state;
    chain();
    for (size_t i = 0; i < countof(cases); i++)
        memory[4][i] = cases[i].e;
    open_levels(&f, 4, 0);
    for (size_t i = 0; i < countof(cases); i++) {
        struct eg_extent x = at(&f, i << 12);

        if (x.why != cases[i].why || x.entry != cases[i].e || x.start != i << 12 ||
            x.last != (i << 12 | 0xfff))
            fail_msg("%s: why %u, entry %#lx", cases[i].what, x.why, x.entry);
        // The kernel's half swaps nothing out: KFENCE and vmalloc leave such bits there.
        assert_int_equal(at(&f, 0xffffffffffe00000 + (i << 12)).why, EG_NOT_PRESENT);
    }
    close_all(&f);
}

static void prot_none(void **state)
{
    struct fixture f;
    struct eg_extent x;

    (void)state;
    chain();
    memory[4][0] = (~to(0x10, 0) & ADDR) | G | ACCESSED; // inverted, since 4.19
    memory[4][1] = to(0x11, G | ACCESSED);               // as it was before
    memory[3][1] = (~to(0x200, 0) & ADDR) | PS | G;      // a large page
    memory[3][2] = (~to(0x400, 0) & ADDR) | PS;          // one that is being split
    open_levels(&f, 4, 0);
    x = at(&f, 0);
    assert_true(!x.why && x.below_addr == 0x10000);
    assert_int_equal(x.flags, EG_X_PROT_NONE | EG_X_ACCESSED);
    assert_true(x.last == 0x1fff); // both are one run
    assert_true(at(&f, 0x1000).below_addr == 0x11000);
    x = at(&f, 0x200000);
    assert_true(!x.why && x.below_addr == 0x200000 && x.flags == EG_X_PROT_NONE);
    assert_true(x.last == 0x5fffff);
    close_all(&f);
}

static void missing_tables(void **state)
{
    struct fixture f;
    struct eg_extent x;

    (void)state;
    chain();
    memory[2][1] = to(0x1000, P); // beyond memory
    memory[ROOT][1] = to(ROOT, P | RW | US);
    open_levels(&f, 4, 0);
    x = at(&f, 0x40000000 + 5 * UINT64_C(0x200000));
    assert_int_equal(x.why, EG_TABLE_MISSING);
    assert_true(x.last == 0x7fffffff && x.level == 1 && x.entry_addr == 0x1000000 + 5 * 8);
    // A table that points at itself is walked like any other, and ends after four steps.
    x = at(&f, UINT64_C(1) << 39);
    assert_true(x.start == UINT64_C(1) << 39 && (x.why || x.below == f.phys));
    close_all(&f);
}

static void five_levels(void **state)
{
    struct fixture f;

    (void)state;
    chain();
    memory[4][0] = to(5, P | RW | US);
    memory[5][3] = to(0x10, P | US);
    open_levels(&f, 5, 0);
    assert_true(at(&f, 0x3000).below_addr == 0x10000);
    assert_int_equal(at(&f, 0x3000).flags, EG_X_USER | EG_X_EXEC);
    close_all(&f);
}

static void wrong_levels(void **state)
{
    struct eg_paging p = { .arch = eg_arch_find("x86_64"), .levels = 3 };
    struct eg_space *phys, *va;
    struct eg_error e;

    (void)state;
    assert_int_equal(eg_memory_open(&phys, memory, sizeof memory, NULL), 0);
    assert_int_equal(eg_paging_open(&va, NULL, phys, &p, &e), -EG_EUSAGE);
    p.arch = NULL;
    assert_int_equal(eg_paging_open(&va, NULL, phys, &p, &e), -EG_EUSAGE);
    assert_ptr_equal(eg_arch_of_elf(62, false), eg_arch_find("x86_64"));
    assert_null(eg_arch_of_elf(62, true));
    assert_null(eg_arch_find("pdp11"));
    eg_space_close(phys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical),       cmocka_unit_test(empty_space_is_three_holes),
        cmocka_unit_test(pages_and_flags), cmocka_unit_test(runs),
        cmocka_unit_test(large_page_bits), cmocka_unit_test(encrypted),
        cmocka_unit_test(not_present),     cmocka_unit_test(prot_none),
        cmocka_unit_test(missing_tables),  cmocka_unit_test(five_levels),
        cmocka_unit_test(wrong_levels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
