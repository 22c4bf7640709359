/* paging_riscv64_test.c - RISC-V page tables written by hand: Sv39, Sv48 and Sv57, pages of every
 * level, Svnapot, flags, what Linux leaves in entries that are not valid, and tables that lie. */
#include "../../../core/arch.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka wants these first */
#include <cmocka.h>

enum { MEMORY = 1 << 20, V = 1, R = 2, W = 4, X = 8, U = 16, G = 32, A = 64, D = 128 };
#define N        (UINT64_C(1) << 63)
#define PBMT     (UINT64_C(1) << 61)
#define LEAF(pa) ((uint64_t)(pa) >> 2 | V | R | A)

static uint64_t memory[MEMORY / 8];

struct fixture {
    struct eg_space *phys, *va;
    struct eg_view *v;
    int levels;
    uint64_t used; // memory that holds tables
};

static void open_(struct fixture *f, int levels)
{
    const struct eg_paging p = { .arch = eg_arch_find("riscv64"),
                                 .levels = (uint8_t)levels,
                                 .root = 0x1000 };

    memset(memory, 0, sizeof memory);
    *f = (struct fixture){ .levels = levels, .used = 0x2000 };
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
    uint64_t table = 0x1000;

    for (int l = f->levels - 1;; l--) {
        uint64_t *e = &memory[table / 8 + (va >> (12 + 9 * l) & 511)];

        if (l == level)
            return e;
        if (!*e) {
            *e = f->used >> 2 | V;
            f->used += 0x1000;
            assert_true(f->used <= MEMORY);
        }
        table = *e >> 10 << 12;
    }
}

static struct eg_extent at(struct fixture *f, uint64_t va)
{
    struct eg_extent x;

    eg_view_forget(f->v, f->va);
    eg_extent_at(f->v, f->va, va, &x);
    return x;
}

static uint64_t kernel_half(const struct fixture *f)
{
    return -(UINT64_C(1) << (9 * f->levels + 11));
}

/** A page of each level, in both halves; what is behind it is a hole. */
static void every_level(void **state)
{
    struct fixture f;

    (void)state;
    for (int levels = 3; levels <= 5; levels++)
        for (int level = 0; level < levels; level++)
            for (int half = 0; half < 2; half++) {
                const uint64_t size = UINT64_C(1) << (12 + 9 * level);
                struct eg_table_step s[6];
                struct eg_extent x;
                uint64_t pa;

                open_(&f, levels);
                const uint64_t at_va = (half ? kernel_half(&f) : 0) + 2 * size;
                *entry(&f, at_va, level) = LEAF(4 * size) | W;
                x = at(&f, at_va + size - 1);
                assert_int_equal(x.why, EG_OK);
                assert_int_equal(x.level, level);
                assert_true(x.start == at_va && x.last == at_va + size - 1);
                assert_true(x.below_addr == 4 * size);
                assert_true(eg_translate(f.v, f.va, at_va + size - 8, f.phys, &pa));
                assert_true(pa == 5 * size - 8);
                assert_int_equal(f.va->ops->steps(f.v, f.va, at_va, s, 6), levels - level);
                assert_true(s[levels - level - 1].entry == (LEAF(4 * size) | W));
                assert_int_equal(at(&f, at_va + size).why, EG_NOT_PRESENT);
                assert_true(at(&f, at_va - 1).last == at_va - 1);
                close_(&f);
            }
}

static void canonical(void **state)
{
    struct fixture f;

    (void)state;
    for (int levels = 3; levels <= 5; levels++) {
        struct eg_table_step s[6];

        open_(&f, levels);
        const uint64_t half = UINT64_C(1) << (9 * levels + 11);
        const struct eg_extent x = at(&f, half);

        assert_int_equal(x.why, EG_NOT_CANONICAL);
        assert_true(x.start == half && x.last == -half - 1);
        assert_int_equal(f.va->ops->steps(f.v, f.va, half, s, 6), 0);
        assert_int_equal(at(&f, half - 1).why, EG_NOT_PRESENT);
        assert_int_equal(at(&f, -half).why, EG_NOT_PRESENT);
        close_(&f);
    }
}

static void flags(void **state)
{
    static const struct {
        uint64_t entry;
        uint16_t flags;
    } cases[] = {
        { V | R, 0 },
        { V | R | W, EG_X_WRITE },
        { V | X, EG_X_EXEC },
        { V | R | X | U, EG_X_EXEC | EG_X_USER },
        { V | R | G | A | D, EG_X_GLOBAL | EG_X_ACCESSED | EG_X_DIRTY },
        { V | W | U, EG_X_WRITE | EG_X_USER }, // a shadow stack
        { V | R | PBMT, 0 },
        { V | R | N | PBMT, 0 }, // T-Head: N is no size here
    };
    struct fixture f;

    (void)state;
    open_(&f, 4);
    for (size_t i = 0; i < countof(cases); i++) {
        *entry(&f, 0x5000, 0) = cases[i].entry | 0x9000 >> 2;
        assert_int_equal(at(&f, 0x5000).why, EG_OK);
        assert_int_equal(at(&f, 0x5000).flags, cases[i].flags);
        assert_true(at(&f, 0x5000).below_addr == 0x9000);
    }
    *entry(&f, 0x5000, 0) = LEAF(0x9000);
    *entry(&f, 0x5000, 2) |= G; // so is all below it
    assert_int_equal(at(&f, 0x5000).flags, EG_X_GLOBAL | EG_X_ACCESSED);
    close_(&f);
}

/** 64K by sixteen equal entries: each stands for its own piece. */
static void napot(void **state)
{
    struct fixture f;
    struct eg_extent x;
    uint64_t pa;

    (void)state;
    open_(&f, 3);
    for (uint64_t va = 0x20000; va < 0x30000; va += 0x1000)
        *entry(&f, va, 0) = LEAF(0x48000) | N;
    x = at(&f, 0x20000);
    assert_true(x.start == 0x20000 && x.last == 0x2ffff && x.below_addr == 0x40000);
    assert_true(eg_translate(f.v, f.va, 0x2b123, f.phys, &pa));
    assert_true(pa == 0x4b123);
    close_(&f);
}

/** Neighbours that go on in physical memory are one extent. */
static void runs(void **state)
{
    struct fixture f;
    struct eg_extent x;

    (void)state;
    open_(&f, 5);
    for (uint64_t i = 0; i < 4; i++)
        *entry(&f, 0x8000 + i * 0x1000, 0) = LEAF(0x20000 + i * 0x1000);
    *entry(&f, 0xc000, 0) = LEAF(0x30000);
    x = at(&f, 0x8000);
    assert_true(x.last == 0xbfff && x.below_addr == 0x20000);
    x = at(&f, 0x9000);
    assert_true(x.start == 0x9000 && x.last == 0xbfff);
    x = at(&f, 0);
    assert_true(x.why == EG_NOT_PRESENT && x.last == 0x7fff);
    close_(&f);
}

/** What the manual reserves, the processor faults on. */
static void reserved(void **state)
{
    static const struct {
        int level;
        uint64_t entry;
    } cases[] = {
        { 0, 0x9000 >> 2 | V },                 // a table below the last level
        { 0, 0x9000 >> 2 | V | W | X },         //
        { 1, 0x9000 >> 2 | V | R },             // a large page that does not begin at its size
        { 2, UINT64_C(0x200000) >> 2 | V | R }, //
        { 1, 0x9000 >> 2 | V | U },             // tables
        { 1, 0x9000 >> 2 | V | A },
        { 1, 0x9000 >> 2 | V | D },
        { 1, 0x9000 >> 2 | V | N },
    };
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        open_(&f, 3);
        *entry(&f, 0, cases[i].level) = cases[i].entry;
        assert_int_equal(at(&f, 0).why, EG_NOT_PRESENT);
        assert_int_equal(at(&f, 0).level, cases[i].level);
        close_(&f);
    }
}

static void not_valid(void **state)
{
    static const struct {
        uint64_t entry;
        uint8_t why;
        uint16_t flags;
    } cases[] = {
        { 0, EG_NOT_PRESENT, 0 },
        { UINT64_C(0x1234) << 12, EG_SWAPPED, 0 },                   // device 0
        { UINT64_C(0x1235) << 12 | 1 << 7 | 1 << 6, EG_SWAPPED, 0 }, // device 1, exclusive
        { UINT64_C(0x80000) << 12 | 23 << 7, EG_POISONED, 0 },
        { UINT64_C(2) << 12 | 31 << 7, EG_POISONED, 0 },
        { UINT64_C(0x80000) << 12 | 29 << 7, EG_MIGRATING, 0 },
        { UINT64_C(0x1235) << 11, EG_SWAPPED, 0 }, // before 6.3, device 0
        { UINT64_C(0x80000) << 11 | 29 << 6, EG_MIGRATING, 0 },
        { 0x9000 >> 2 | R | G | A | D, EG_OK, EG_X_PROT_NONE | EG_X_ACCESSED | EG_X_DIRTY },
    };
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct eg_extent x;

        open_(&f, 4);
        *entry(&f, 0x7000, 0) = cases[i].entry;
        x = at(&f, 0x7000);
        print_message("# %#llx\n", (unsigned long long)cases[i].entry);
        assert_int_equal(x.why, cases[i].why);
        assert_int_equal(x.flags, cases[i].flags);
        if (!x.why)
            assert_true(x.below_addr == 0x9000);
        *entry(&f, kernel_half(&f) + 0x7000, 0) = cases[i].entry; // the kernel swaps nothing
        assert_int_equal(at(&f, kernel_half(&f) + 0x7000).why, EG_NOT_PRESENT);
        close_(&f);
    }
    open_(&f, 4); // a large page that is just being split
    *entry(&f, 0x200000, 1) = UINT64_C(0x400000) >> 2 | R | W | U;
    assert_true(at(&f, 0x200000).last == 0x3fffff && at(&f, 0x200000).below_addr == 0x400000);
    assert_int_equal(at(&f, 0x200000).flags, EG_X_PROT_NONE);
    close_(&f);
}

/** Tables outside of memory, and one that is its own next. */
static void lies(void **state)
{
    struct fixture f;
    struct eg_extent x;

    (void)state;
    open_(&f, 5);
    *entry(&f, 0, 4) = UINT64_C(0x80000000) >> 2 | V;
    x = at(&f, 0);
    assert_int_equal(x.why, EG_TABLE_MISSING);
    assert_int_equal(x.level, 3);
    assert_true(x.last == (UINT64_C(1) << 48) - 1);
    *entry(&f, 0, 4) = 0x1000 >> 2 | V;
    assert_int_equal(at(&f, 0).why, EG_NOT_PRESENT);
    close_(&f);
}

static void bad_levels(void **state)
{
    struct eg_paging p = { .arch = eg_arch_find("riscv64") };
    struct eg_space *out;
    struct eg_error e;

    (void)state;
    for (p.levels = 0; p.levels < 8; p.levels++)
        if (p.levels < 3 || p.levels > 5)
            assert_int_equal(eg_paging_open(&out, NULL, NULL, &p, &e), -EG_EUSAGE);
    p.arch = eg_arch_find("s390x"); // described, but not translated
    assert_non_null(p.arch);
    assert_int_equal(eg_paging_open(&out, NULL, NULL, &p, &e), -EG_EUNSUP);
    assert_ptr_equal(eg_arch_of_elf(243, false), eg_arch_find("riscv64"));
    assert_ptr_equal(eg_arch_of_uname("i686", 4), eg_arch_find("i386"));
    assert_ptr_equal(eg_arch_of_uname("ppc64le", 7), eg_arch_find("ppc64le"));
    assert_null(eg_arch_of_uname("pdp11", 5));
    assert_int_equal(eg_arch_relocation(243, 2), 8);
    assert_int_equal(eg_arch_relocation(243, 1), 4);
    assert_int_equal(eg_arch_relocation(243, 0), 0);
}

/** PRSTATUS, as Linux and QEMU write it. */
static void prstatus(void **state)
{
    struct eg_cpu cpu = { .arch = eg_arch_find("riscv64") };
    uint8_t note[376] = { 0 };

    (void)state;
    note[112] = 0x12;          // pc
    note[112 + 8 * 31] = 0x34; // the last
    assert_false(eg_cpu_read(&cpu, EG_CPU_PRSTATUS, false, note, sizeof note - 1));
    assert_false(eg_cpu_read(&cpu, EG_CPU_XEN, false, note, sizeof note));
    assert_int_equal(cpu.n_regs, 0);
    assert_true(eg_cpu_read(&cpu, EG_CPU_PRSTATUS, false, note, sizeof note));
    assert_int_equal(cpu.n_regs, 32);
    assert_int_equal(cpu.regs[0], 0x12);
    assert_int_equal(cpu.regs[31], 0x34);
    assert_string_equal(cpu.arch->registers[31], "t6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level), cmocka_unit_test(canonical), cmocka_unit_test(flags),
        cmocka_unit_test(napot),       cmocka_unit_test(runs),      cmocka_unit_test(reserved),
        cmocka_unit_test(not_valid),   cmocka_unit_test(lies),      cmocka_unit_test(bad_levels),
        cmocka_unit_test(prstatus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
