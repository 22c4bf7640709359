/* paging_arm64_test.c - AArch64 page tables written by hand: granules and sizes, address formats,
 * blocks, flags, halves, tags, what Linux leaves in entries that are not valid, and tables that
 * lie. */
#include "../../../core/arch.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka wants these first */
#include <cmocka.h>

enum { MEMORY = 2 << 20, VALID = 1, TABLE = 2, EL0 = 64, RO = 128, AF = 1 << 10, NG = 1 << 11 };
#define BIT(n) (UINT64_C(1) << (n))
#define PAGE   (VALID | TABLE | AF)
#define DBM    BIT(51)
#define PXN    BIT(53)
#define UXN    BIT(54)

static uint64_t memory[MEMORY / 8];

struct fixture {
    struct eg_space *phys, *va;
    struct eg_view *v;
    int granule, va_bits, levels;
    uint64_t kernel, user, used; // roots; memory that holds tables
};

/** @user: with a root for the lower half. */
static void open_(struct fixture *f, int granule, int va_bits, bool user)
{
    const uint64_t page = BIT(granule);
    struct eg_paging p = { .arch = eg_arch_find("aarch64"),
                           .va_bits = (uint8_t)va_bits,
                           .granule = (uint8_t)granule };

    memset(memory, 0, sizeof memory);
    *f = (struct fixture){ .granule = granule, .va_bits = va_bits };
    f->levels = (va_bits - granule + granule - 4) / (granule - 3);
    f->kernel = p.root = page;
    f->user = p.user_root = user ? 2 * page : 0;
    f->used = 3 * page;
    f->v = malloc(sizeof *f->v);
    eg_view_init(f->v, NULL);
    assert_int_equal(eg_memory_open(&f->phys, memory, sizeof memory, NULL), 0);
    assert_int_equal(eg_paging_open(&f->va, NULL, f->phys, &p, NULL), 0);
}

static void close_(struct fixture *f)
{
    eg_view_fini(f->v);
    free(f->v);
    eg_space_close(f->va);
    eg_space_close(f->phys);
}

/** The entry of @level (0 the last) for @va, with tables on the way to it. */
static uint64_t *entry(struct fixture *f, uint64_t va, int level)
{
    const int bits = f->granule - 3;
    uint64_t table = va >> 63 ? f->kernel : f->user;

    for (int l = f->levels - 1;; l--) {
        const int shift = f->granule + bits * l;
        const uint64_t n = BIT(EG_MIN(bits, f->va_bits - shift));
        uint64_t *e = &memory[table / 8 + (va >> shift & (n - 1))];

        if (l == level)
            return e;
        if (!*e) {
            *e = f->used | VALID | TABLE;
            f->used += BIT(f->granule);
            assert_true(f->used <= MEMORY);
        }
        table = *e & (BIT(48) - 1) & ~(BIT(f->granule) - 1);
    }
}

static struct eg_extent at(struct fixture *f, uint64_t va)
{
    struct eg_extent x;

    eg_view_forget(f->v, f->va); // tables changed
    eg_extent_at(f->v, f->va, va, &x);
    if (va < x.start || va > x.last)
        fail_msg("%#lx is not in %#lx-%#lx", va, x.start, x.last);
    return x;
}

static const struct {
    int granule, va_bits;
} sizes[] = { { 12, 25 }, { 12, 36 }, { 12, 39 }, { 12, 42 }, { 12, 48 }, { 12, 52 }, { 14, 36 },
              { 14, 47 }, { 14, 48 }, { 14, 52 }, { 16, 36 }, { 16, 42 }, { 16, 48 }, { 16, 52 } };

static void every_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(sizes); i++) {
        const uint64_t half = BIT(sizes[i].va_bits), page = BIT(sizes[i].granule);
        const uint64_t places[] = { 0, half / 2 + page, half - page, -half, -(half / 2), -page };
        struct fixture f;
        struct eg_extent x;

        open_(&f, sizes[i].granule, sizes[i].va_bits, true);
        x = at(&f, 5);
        assert_true(x.why == EG_NOT_PRESENT && x.start == 0 && x.last < half);
        x = at(&f, half);
        assert_true(x.why == EG_NOT_CANONICAL && x.start == half && x.last == -half - 1);
        x = at(&f, -half);
        assert_true(x.why == EG_NOT_PRESENT && x.start == -half);
        assert_false(eg_next_mapped(f.v, f.va, 0, UINT64_MAX, &x));
        for (size_t k = 0; k < countof(places); k++)
            *entry(&f, places[k], 0) = (k + 1) * 0x100000 | PAGE;
        for (size_t k = 0; k < countof(places); k++) {
            x = at(&f, places[k] + 0x123);
            if (x.why || x.below != f.phys || x.below_addr != (k + 1) * 0x100000 ||
                x.start != places[k] || x.last != places[k] + page - 1 || x.level)
                fail_msg("2^%d, %d bits, %#lx: why %u, %#lx-%#lx", sizes[i].granule,
                         sizes[i].va_bits, places[k], x.why, x.start, x.last);
        }
        close_(&f);
    }
}

/** The bits of an address above 47, in each format. */
static void addresses(void **state)
{
    static const struct {
        int granule, va_bits;
        uint64_t entry, pa;
    } cases[] = {
        { 12, 48, 0x0000fffffffff000 | 3 << 8, 0x0000fffffffff000 }, // SH, and no address
        { 12, 48, 0x000f000000010000, 0x10000 },                     // nor these
        { 12, 52, 0x0003fffffffff000 | 3 << 8, 0x000ffffffffff000 },
        { 12, 52, 0x0001000000010000 | 2 << 8, 0x0009000000010000 },
        { 14, 52, 0x0003ffffffffc000 | 1 << 8, 0x0007ffffffffc000 },
        { 14, 47, 0x0000ffffffffc000 | 3 << 8, 0x0000ffffffffc000 },
        { 16, 48, 0x0000ffffffff0000 | 10 << 12, 0x000affffffff0000 },
        { 16, 52, 0x0000000000010000 | 15 << 12 | 3 << 8, 0x000f000000010000 },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct fixture f;

        open_(&f, cases[i].granule, cases[i].va_bits, false);
        *entry(&f, -BIT(20), 0) = cases[i].entry | PAGE;
        if (at(&f, -BIT(20)).below_addr != cases[i].pa)
            fail_msg("case %zu: %#lx", i, at(&f, -BIT(20)).below_addr);
        close_(&f);
    }
}

/** A block at a level that allows none is a reserved entry, and faults. */
static void blocks(void **state)
{
    static const struct {
        int granule, va_bits, level;
        bool ok;
    } cases[] = {
        { 12, 48, 1, true }, { 12, 48, 2, true },  { 12, 48, 3, false }, { 12, 52, 3, true },
        { 14, 48, 1, true }, { 14, 48, 2, false }, { 14, 52, 2, true },  { 14, 52, 3, false },
        { 16, 48, 1, true }, { 16, 52, 2, true },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        const int shift = cases[i].granule + (cases[i].granule - 3) * cases[i].level;
        const uint64_t va = -BIT(shift);
        struct fixture f;
        struct eg_extent x;

        open_(&f, cases[i].granule, cases[i].va_bits, false);
        *entry(&f, va, cases[i].level) = BIT(shift) | BIT(16) | VALID | AF; // BIT(16): no address
        x = at(&f, va + 0x12345);
        assert_int_equal(x.why, cases[i].ok ? EG_OK : EG_NOT_PRESENT);
        if (cases[i].ok && (x.below_addr != BIT(shift) || x.last != UINT64_MAX ||
                            x.level != cases[i].level || x.start != va))
            fail_msg("case %zu: %#lx at %#lx", i, x.below_addr, x.start);
        *entry(&f, va, cases[i].level) = 0;
        *entry(&f, va, 0) = BIT(20) | VALID | AF; // the last level has pages only
        assert_int_equal(at(&f, va).why, EG_NOT_PRESENT);
        close_(&f);
    }
}

static void flags(void **state)
{
    enum { W = EG_X_WRITE, U = EG_X_USER, X = EG_X_EXEC, A = EG_X_ACCESSED, D = EG_X_DIRTY };
    static const struct {
        uint64_t table, page; // what is added to a table's entry, and to the page's
        unsigned user, kernel;
    } cases[] = {
        { 0, EL0 | NG, W | U | X | A, W | U | X | A },
        { 0, EL0 | NG | RO, U | X | A, U | X | A },
        { 0, EL0 | NG | RO | UXN, U | A, U | X | A },
        { 0, EL0 | NG | RO | UXN | PXN, U | A, U | A },
        { 0, NG | RO | PXN, U | X | A, A }, // a program may run it, and not read it
        { 0, NG | RO | DBM | UXN, W | A, W | X | A },
        { 0, NG | DBM | UXN, W | A | D, W | X | A | D },
        { 0, NG | RO | UXN | BIT(55), A | D, X | A | D },
        { BIT(62), EL0 | NG, U | X | A, U | X | A },
        { BIT(61), EL0 | NG, W | X | A, W | X | A },
        { BIT(60), EL0 | NG, W | U | A, W | U | X | A },
        { BIT(59), EL0 | NG, W | U | X | A, W | U | A },
        { 0, EL0, W | U | X | A | EG_X_GLOBAL, W | U | X | A | EG_X_GLOBAL },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct fixture f;

        open_(&f, 12, 48, true);
        for (unsigned kernel = 0; kernel < 2; kernel++) {
            const uint64_t va = kernel ? -BIT(30) : BIT(30);
            const unsigned want = kernel ? cases[i].kernel : cases[i].user;

            *entry(&f, va, 0) = 0x100000 | PAGE | cases[i].page;
            *entry(&f, va, 2) |= cases[i].table;
            if (at(&f, va).flags != want)
                fail_msg("case %zu, half %u: flags %#x, not %#x", i, kernel, at(&f, va).flags,
                         want);
        }
        close_(&f);
    }
}

static void halves(void **state)
{
    struct fixture f;
    struct eg_extent x;

    (void)state;
    open_(&f, 12, 48, false);
    *entry(&f, -BIT(47), 0) = 0x100000 | PAGE;
    assert_true(at(&f, -BIT(47)).below_addr == 0x100000);
    x = at(&f, BIT(47)); // the same index of the kernel's root: not the program's
    assert_true(x.why == EG_NOT_PRESENT && x.start == 0 && x.last == BIT(48) - 1);
    close_(&f);
    open_(&f, 12, 48, true);
    *entry(&f, -BIT(47), 0) = 0x100000 | PAGE;
    *entry(&f, BIT(47), 0) = 0x200000 | PAGE;
    *entry(&f, BIT(47) + 0x1000, 0) = 0x201000 | PAGE;
    assert_true(at(&f, BIT(47)).below_addr == 0x200000);
    for (uint64_t tag = 1; tag < 256; tag++) {
        const uint64_t va = tag << 56 | BIT(47) | 0x1000;

        x = at(&f, va);
        assert_true(!x.why && x.below_addr == 0x201000 && x.start == va && x.last == va + 0xfff);
        x = at(&f, (tag - 1) << 56 | (BIT(56) - BIT(47)));
        assert_true(!x.why && x.below_addr == 0x100000);
    }
    assert_int_equal(at(&f, BIT(56) | BIT(48)).why, EG_NOT_CANONICAL);
    assert_int_equal(at(&f, UINT64_MAX - BIT(55)).why, EG_NOT_CANONICAL);
    // Going through all of it, each page is met once.
    assert_true(eg_next_mapped(f.v, f.va, 0, UINT64_MAX, &x) && x.last == BIT(47) + 0x1fff);
    assert_true(eg_next_mapped(f.v, f.va, x.last + 1, UINT64_MAX, &x) && x.start == -BIT(47));
    assert_false(eg_next_mapped(f.v, f.va, x.last + 1, UINT64_MAX, &x));
    close_(&f);
}

/** Neighbours are one run; a table that is larger than what a view holds is one in pieces. */
static void runs(void **state)
{
    static const int granules[] = { 12, 14, 16 };

    (void)state;
    for (size_t i = 0; i < countof(granules); i++) {
        const uint64_t page = BIT(granules[i]), n = EG_MIN(BIT(granules[i] - 3), 1024);
        struct fixture f;
        struct eg_extent x;
        uint64_t met = 0;

        open_(&f, granules[i], 42, true);
        for (uint64_t k = 0; k < n; k++) // with the bit that says that sixteen go together
            *entry(&f, k * page, 0) = (BIT(30) + k * page) | PAGE | BIT(52);
        *entry(&f, 3 * page, 0) |= RO;
        for (uint64_t va = 0; eg_next_mapped(f.v, f.va, va, n * page, &x); va = x.last + 1) {
            met++;
            assert_true(x.below_addr == BIT(30) + x.start);
        }
        assert_int_equal(met, n > 512 ? 4 : 3);
        // The table that was just walked is remembered, and only for its own piece.
        eg_extent_at(f.v, f.va, 7 * page, &x);
        assert_true(x.below_addr == BIT(30) + 7 * page);
        eg_extent_at(f.v, f.va, (n - 1) * page, &x);
        assert_true(x.below_addr == BIT(30) + (n - 1) * page);
        eg_extent_at(f.v, f.va, 3 * page, &x);
        assert_true(x.start == 3 * page && x.last == 4 * page - 1 && !(x.flags & EG_X_WRITE));
        close_(&f);
    }
}

static void not_present(void **state)
{
    static const struct {
        const char *what;
        uint64_t e;
        uint8_t why;
    } cases[] = {
        { "5.10: device 0, slot 5", 5 << 8, EG_SWAPPED },
        { "5.10: device 3, slot 0xf23", 0xf23 << 8 | 3 << 2, EG_SWAPPED },
        { "5.10: migration", UINT64_C(0x40123) << 8 | 30 << 2, EG_MIGRATING },
        { "6.1: device 1, slot 0x77, exclusive", 0x77 << 8 | 1 << 3 | 4, EG_SWAPPED },
        { "6.1: migration", UINT64_C(0x40128) << 8 | 27 << 3, EG_MIGRATING },
        { "6.1: poison", UINT64_C(0x40128) << 8 | 23 << 3, EG_POISONED },
        { "6.12: device 0, slot 0x12345, exclusive", UINT64_C(0x12345) << 12 | 4, EG_SWAPPED },
        { "6.12: migration", UINT64_C(0x40128) << 12 | 26 << 6, EG_MIGRATING },
        { "6.12: a marker: poisoned", 2 << 12 | 31 << 6, EG_POISONED },
    };
    struct fixture f;

    (void)state;
    open_(&f, 12, 48, true);
    for (size_t i = 0; i < countof(cases); i++) {
        *entry(&f, i << 12, 0) = cases[i].e;
        *entry(&f, -BIT(30) + (i << 12), 0) = cases[i].e;
    }
    for (size_t i = 0; i < countof(cases); i++) {
        struct eg_extent x = at(&f, i << 12);

        if (x.why != cases[i].why || x.entry != cases[i].e || x.last != (i << 12 | 0xfff))
            fail_msg("%s: why %u, entry %#lx", cases[i].what, x.why, x.entry);
        assert_int_equal(at(&f, -BIT(30) + (i << 12)).why, EG_NOT_PRESENT);
    }
    close_(&f);
}

static void prot_none(void **state)
{
    struct fixture f;
    struct eg_extent x;

    (void)state;
    open_(&f, 12, 48, true);
    *entry(&f, 0, 0) = 0x100000 | TABLE | AF | NG | RO | UXN | PXN | BIT(58); // to 6.9
    *entry(&f, 0x1000, 0) = 0x101000 | TABLE | AF | NG | RO | UXN | PXN;      // since
    *entry(&f, BIT(21), 1) = 0x400000 | AF | NG | BIT(59); // a large page that is being split
    x = at(&f, 0);
    assert_true(!x.why && x.below_addr == 0x100000 && x.last == 0x1fff);
    assert_int_equal(x.flags, EG_X_PROT_NONE | EG_X_ACCESSED);
    x = at(&f, BIT(21) + 5);
    assert_true(!x.why && x.below_addr == 0x400000 && x.level == 1);
    *entry(&f, -0x1000, 0) = 0x100000 | TABLE | AF | NG;
    assert_int_equal(at(&f, -0x1000).why, EG_NOT_PRESENT);
    close_(&f);
}

/** Tables that point at themselves, or out of memory. */
static void hostile(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(sizes); i++) {
        const int top =
            sizes[i].granule +
            (sizes[i].granule - 3) * ((sizes[i].va_bits - 4) / (sizes[i].granule - 3) - 2);
        struct eg_table_step s[8];
        struct fixture f;
        struct eg_extent x;

        open_(&f, sizes[i].granule, sizes[i].va_bits, true);
        for (uint64_t k = 0; k < BIT(sizes[i].granule - 3); k++)
            memory[f.user / 8 + k] = f.user | PAGE;
        x = at(&f, 0x123);
        assert_true(!x.why && x.below_addr == f.user);
        assert_int_equal(f.va->ops->steps(f.v, f.va, 0x123, s, 8), f.levels);
        assert_int_equal(s[0].shift, sizes[i].granule + (sizes[i].granule - 3) * (f.levels - 1));
        assert_true(eg_next_mapped(f.v, f.va, 0, UINT64_MAX, &x));
        *entry(&f, -BIT(top), f.levels - 1) = BIT(40) | VALID | TABLE; // beyond memory
        if (f.levels > 1)
            assert_int_equal(at(&f, -1).why, EG_TABLE_MISSING);
        close_(&f);
    }
}

static void plain_addresses(void **state)
{
    static const struct {
        int va_bits;
        uint64_t va, plain;
    } cases[] = {
        { 48, 0xffff800012345678, 0xffff800012345678 },
        { 48, 0x2fdd800012345678, 0xffff800012345678 }, // signed, with and without a tag byte
        { 48, 0x3f55000012345678, 0x0000000012345678 },
        { 52, 0xc5c7800012345678, 0xfff7800012345678 },
        { 39, 0xb400007f12345678, 0x0000007f12345678 },
        { 0, 0xff8f800012345678, 0xffff800012345678 },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct eg_paging p = { .arch = eg_arch_find("aarch64"),
                               .levels = 4,
                               .va_bits = (uint8_t)cases[i].va_bits };

        p.levels = cases[i].va_bits ? 0 : 4;
        if (p.arch->plain(&p, cases[i].va) != cases[i].plain)
            fail_msg("%#lx: %#lx", cases[i].va, p.arch->plain(&p, cases[i].va));
    }
}

static void wrong_paging(void **state)
{
    static const struct {
        uint8_t granule, va_bits, levels;
        bool ok;
    } cases[] = { { 0, 0, 4, true },    { 0, 48, 0, true },   { 12, 48, 4, true },
                  { 12, 48, 3, false }, { 13, 48, 0, false }, { 12, 53, 0, false },
                  { 12, 20, 0, false }, { 16, 52, 3, true },  { 0, 0, 0, false } };
    struct eg_space *phys, *va;

    (void)state;
    assert_int_equal(eg_memory_open(&phys, memory, sizeof memory, NULL), 0);
    for (size_t i = 0; i < countof(cases); i++) {
        struct eg_paging p = { .arch = eg_arch_find("aarch64"),
                               .granule = cases[i].granule,
                               .va_bits = cases[i].va_bits,
                               .levels = cases[i].levels };
        const int rc = eg_paging_open(&va, NULL, phys, &p, NULL);

        assert_int_equal(rc, cases[i].ok ? 0 : -EG_EUSAGE);
        if (!rc)
            eg_space_close(va);
    }
    assert_ptr_equal(eg_arch_of_elf(183, false), eg_arch_find("aarch64"));
    eg_space_close(phys);
}

/** PRSTATUS has the registers in the order of their names. */
static void prstatus(void **state)
{
    struct eg_cpu cpu = { .arch = eg_arch_find("aarch64") };
    uint8_t note[392] = { [112] = 0x12, [112 + 8 * 33] = 0x34 };

    (void)state;
    assert_false(eg_cpu_read(&cpu, EG_CPU_PRSTATUS, false, note, sizeof note - 1));
    assert_true(eg_cpu_read(&cpu, EG_CPU_PRSTATUS, false, note, sizeof note));
    assert_int_equal(cpu.n_regs, 34);
    assert_int_equal(cpu.regs[0], 0x12);
    assert_int_equal(cpu.regs[33], 0x34);
    assert_string_equal(cpu.arch->registers[33], "pstate");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size),   cmocka_unit_test(addresses),
        cmocka_unit_test(blocks),       cmocka_unit_test(flags),
        cmocka_unit_test(halves),       cmocka_unit_test(runs),
        cmocka_unit_test(not_present),  cmocka_unit_test(prot_none),
        cmocka_unit_test(hostile),      cmocka_unit_test(plain_addresses),
        cmocka_unit_test(wrong_paging), cmocka_unit_test(prstatus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
