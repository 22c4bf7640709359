/* find_symbols_test.c - symbols of a kernel whose kallsyms lacks some, or whose second reading must
 * give the same as its first. */
#include "check.h"
#include "mkkernel.h"
#include "registry.h"
#include <stdio.h>
#include <stdlib.h>

enum { EXPORTS = 8 << 20, TABLE = EXPORTS + 0x4000, SHIFT = MK_COPY - MK_IMAGE, PRESENT = 1 };
#define INIT_TASK (MK_TASK + MK_DELTA)

static uint32_t get32(const struct mk_kernel *k, uint64_t at)
{
    return eg_le32(k->ram + at);
}

static void put32(struct mk_kernel *k, uint64_t at, uint64_t v)
{
    for (unsigned i = 0; i < 4; i++)
        k->ram[at + i] = (uint8_t)(v >> 8 * i);
}

/* ---- exported symbols ---- */

/** kallsyms lists init_task no longer. */
static void hide_init_task(struct mk_kernel *k)
{
    uint8_t *at = memmem(k->ram + MK_KALLSYMS, MK_DATA - MK_KALLSYMS, "Dinit_task", 10);

    assert_non_null(at);
    memcpy(at, "Dinit_tusk", 10);
}

/** A table of @n entries (value, name and with @stride 12 namespace, each relative to its address);
 * the middle one is init_task. */
static void export(struct mk_kernel *k, unsigned n, unsigned stride)
{
    uint64_t name = EXPORTS;

    for (unsigned i = 0; i < n; i++) {
        const uint64_t at = TABLE + stride * i, value = i == n / 2 ? MK_TASK : MK_IMAGE + 16 * i;

        put32(k, at, value - at);
        put32(k, at + 4, name - (at + 4));
        name += 1 + (uint64_t)(i == n / 2 ? sprintf((char *)k->ram + name, "init_task")
                                          : sprintf((char *)k->ram + name, "export_%u", i));
    }
}

static void init_task_by_exports(void **state)
{
    static const struct {
        unsigned n, stride;
        bool found;
    } cases[] = { { 600, 12, true }, { 600, 8, true }, { 200, 12, false }, { 0, 12, false } };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct mk_kernel k;
        struct eg_system *sys;
        uint64_t va = 0;

        mk_kernel_init(&k, 4);
        hide_init_task(&k);
        export(&k, cases[i].n, cases[i].stride);
        sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
        mk_kernel_explain(sys);
        assert_non_null(sys);
        assert_non_null(sys->chosen);
        assert_int_equal(sys->chosen->score, sys->chosen->max_score);
        assert_true(eg_system_symbol(sys, "init_task", &va)); // else by its type
        assert_true(va == INIT_TASK);
        assert_int_equal(eg_system_symbol(sys, "export_7", &va), cases[i].found);
        assert_true(va == (cases[i].found ? MK_IMAGE + 16 * 7 + MK_DELTA : INIT_TASK));
        mk_kernel_close(sys);
        mk_kernel_fini(&k);
    }
}

/* ---- a kernel that is read twice ---- */

/** kallsyms as since 7.0: each symbol relative to the place of its offset. */
static void place_relative(struct mk_kernel *k)
{
    const uint32_t n = get32(k, MK_KALLSYMS);
    uint64_t base = MK_DATA - 8, offsets;

    while (!eg_le64(k->ram + base))
        base -= 8;
    offsets = base - eg_align_up(4 * (uint64_t)n, 8);
    for (uint64_t at = offsets; at < offsets + 4 * (uint64_t)n; at += 4)
        put32(k, at, get32(k, at) + MK_IMAGE - at);
    memset(k->ram + base, 0, 8);
}

/** A second kernel, which ran: a copy of the image with page tables that map it. */
static void second_kernel(struct mk_kernel *k)
{
    enum { TABLES = 7, LINEAR = 4, LARGE = 0x80, BYTES = MK_IMAGE_END - MK_IMAGE };

    memcpy(k->ram + MK_COPY, k->ram + MK_IMAGE, BYTES);
    for (uint64_t at = MK_ROOT; at < MK_ROOT + TABLES * 4096; at += 8) {
        const bool linear = at >= MK_ROOT + LINEAR * 4096;
        const uint32_t entry = get32(k, at);

        if (entry & PRESENT && !(linear && entry & LARGE))
            put32(k, at + SHIFT, entry + SHIFT);
    }
}

/* The symbols of a kernel that is not the best are freed, and read again when it is opened. */
static void read_again(void **state)
{
    (void)state;
    for (unsigned kernel = 1; kernel <= 2; kernel++) {
        const struct eg_find_options o = { .kernel = kernel };
        struct mk_kernel k;
        struct eg_system *sys;
        uint64_t va = 0;

        mk_kernel_init(&k, 4);
        mk_kernel_no_trampoline(&k);
        mk_kernel_no_vmcoreinfo(&k);
        place_relative(&k);
        second_kernel(&k);
        sys = mk_kernel_open(&k, MK_RAM, 0, &o);
        mk_kernel_explain(sys);
        assert_non_null(sys);
        assert_int_equal(sys->candidates.n, 2);
        assert_non_null(sys->chosen);
        assert_true(sys->chosen->kernel_pa_delta == MK_DELTA - (kernel == 1 ? 0 : SHIFT));
        assert_true(eg_system_symbol(sys, "init_task", &va));
        assert_true(va == INIT_TASK);
        mk_kernel_close(sys);
        mk_kernel_fini(&k);
    }
}

/* Symbols relative to their places, and nothing that gives the shift: it is the page tables that
 * are lacking, not support of the processor. */
static void no_shift(void **state)
{
    struct mk_kernel k;
    struct eg_system *sys;

    (void)state;
    mk_kernel_init(&k, 4);
    mk_kernel_no_trampoline(&k);
    mk_kernel_no_vmcoreinfo(&k);
    mk_kernel_no_btf(&k);
    hide_init_task(&k);
    place_relative(&k);
    sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
    mk_kernel_explain(sys);
    assert_non_null(sys);
    assert_null(sys->chosen);
    assert_true(sys->candidates.n > 0);
    for (size_t i = 0; i < sys->candidates.n; i++)
        assert_string_equal(sys->candidates.at[i].checks[0].name, "page tables");
    mk_kernel_close(sys);
    mk_kernel_fini(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_task_by_exports),
        cmocka_unit_test(read_again),
        cmocka_unit_test(no_shift),
    };

    if (eg_registry_init(NULL) < 0)
        return 99;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
