/* find_riscv64_test.c - the same kernel on riscv64, in raw memory that begins at 2 GB. */
#include "check.h"
#include "mkkernel.h"
#include <inttypes.h>
#include <stdio.h>

enum { PAGE = 4096, V = 1, R = 2, W = 4, X = 8, A = 64, D = 128 };
#define BASE   UINT64_C(0x80000000)
#define LINEAR UINT64_C(0xffffaf8000000000)
#define DELTA  (MK_DELTA - BASE)

static void put64(struct mk_kernel *k, uint64_t at, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++)
        k->ram[at + i] = (uint8_t)(v >> 8 * i);
}

/** One page of 2 MiB, by the tables in the pages from @tables on. */
static void map(struct mk_kernel *k, uint64_t tables, uint64_t va, uint64_t pa, uint64_t flags)
{
    put64(k, MK_ROOT + 8 * (va >> 39 & 511), (tables + BASE) >> 2 | V);
    put64(k, tables + 8 * (va >> 30 & 511), (tables + PAGE + BASE) >> 2 | V);
    put64(k, tables + PAGE + 8 * (va >> 21 & 511), (pa + BASE) >> 2 | flags);
}

static void note(struct mk_kernel *k)
{
    char *text = (char *)k->ram + MK_NOTE + 24;
    const int len = snprintf(text, PAGE - 24,
                             "OSRELEASE=6.1.0-test\n"
                             "BUILD-ID=0123456789abcdef0123456789abcdef01234567\nPAGESIZE=4096\n"
                             "OFFSET(uts_namespace.name)=0\nSYMBOL(init_uts_ns)=%" PRIx64
                             "\nSYMBOL(swapper_pg_dir)=%" PRIx64 "\nSYMBOL(_stext)=%" PRIx64
                             "\nNUMBER(phys_ram_base)=2147483648\nNUMBER(PAGE_OFFSET)=0x%" PRIx64
                             "\nNUMBER(VA_BITS)=48\nNUMBER(va_kernel_pa_offset)=0x%" PRIx64 "\n",
                             MK_DATA + 0xb100 + MK_DELTA, MK_ROOT + MK_DELTA, MK_IMAGE + MK_DELTA,
                             LINEAR, DELTA);

    memset(k->ram + MK_NOTE, 0, 24);
    k->ram[MK_NOTE] = 11;
    k->ram[MK_NOTE + 4] = (uint8_t)len;
    k->ram[MK_NOTE + 5] = (uint8_t)(len >> 8);
    memcpy(k->ram + MK_NOTE + 12, "VMCOREINFO", 11);
}

/** The kernel of mkkernel.h, with the tables and the note of another processor. */
static void init(struct mk_kernel *k)
{
    mk_kernel_init(k, 4);
    mk_kernel_no_trampoline(k);
    mk_kernel_no_vmcoreinfo(k);
    memset(k->ram + MK_ROOT, 0, MK_TASK - MK_ROOT);
    for (uint64_t pa = MK_IMAGE; pa < MK_IMAGE_END; pa += 2 << 20)
        map(k, MK_ROOT + PAGE, pa + MK_DELTA, pa,
            V | R | A |
                (pa < MK_RODATA ? X
                 : pa < MK_DATA ? 0
                                : W | D));
    for (uint64_t pa = 0; pa < MK_RAM; pa += 2 << 20)
        map(k, MK_ROOT + 3 * PAGE, pa + LINEAR, pa, V | R | W | A | D);
    note(k);
}

static void opens(struct eg_system *sys, const char *trace)
{
    uint64_t pa;

    assert_non_null(sys);
    for (size_t i = 0; i < sys->candidates.n; i++)
        for (size_t j = 0; j < sys->candidates.at[i].n_checks; j++)
            if (!sys->candidates.at[i].checks[j].passed)
                print_message("# %s: %s: %s\n", sys->candidates.at[i].trace,
                              sys->candidates.at[i].checks[j].name,
                              sys->candidates.at[i].checks[j].detail);
    assert_non_null(sys->chosen);
    assert_string_equal(sys->arch->name, "riscv64");
    assert_int_equal(sys->chosen->paging.levels, 4);
    assert_int_equal(sys->chosen->score, sys->chosen->max_score);
    assert_non_null(strstr(sys->chosen->trace, trace));
    assert_true(sys->chosen->kernel_pa_delta == DELTA);
    assert_true(eg_translate(sys->view, sys->kernel, MK_TASK + MK_DELTA, sys->image->phys, &pa));
    assert_true(pa == MK_TASK + BASE);
}

static void by_note(void **state)
{
    struct mk_kernel k;
    struct eg_system *sys;

    (void)state;
    init(&k);
    sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
    opens(sys, "VMCOREINFO at 0x80200000, raw offset derived: 0x80000000");
    mk_kernel_close(sys);
    mk_kernel_fini(&k);
}

/** Its image lies where that of x86-64 may lie: only the tables say which it is. */
static void by_symbols(void **state)
{
    struct mk_kernel k;
    struct eg_system *sys;

    (void)state;
    init(&k);
    mk_kernel_no_vmcoreinfo(&k);
    sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
    opens(sys, "by its shape, raw offset derived: 0x80000000");
    mk_kernel_close(sys);
    mk_kernel_fini(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_note),
        cmocka_unit_test(by_symbols),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
