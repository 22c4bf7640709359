/* find_test.c - the kernel is found by each trace alone; copies, remains and halves of one are not
 * taken for it. */
#include "check.h"
#include "mkkernel.h"
#include "registry.h"
#include <stdlib.h>

static const struct eg_check *check(const struct eg_candidate *c, const char *name)
{
    for (size_t i = 0; i < c->n_checks; i++)
        if (!strcmp(c->checks[i].name, name))
            return &c->checks[i];
    return NULL;
}

/* What is taken away, and which trace then finds the kernel. */
enum { TRAMPOLINE = 1, VMCOREINFO = 2, BTF = 4, KALLSYMS = 8, DATA = 16, LARGE_BTF = 32 };
static const struct {
    const char *what;
    unsigned without;
    const char *trace; /* begins so */
    bool types, symbols;
} traces[] = {
    { "all", 0, "page table of the boot trampoline", true, true },
    { "no trampoline", TRAMPOLINE, "VMCOREINFO at 0x200000", true, true },
    { "tables by shape", TRAMPOLINE | VMCOREINFO, "BTF at 0x601000", true, true },
    { "no types", BTF, "page table of the boot trampoline", false, true },
    { "kallsyms alone", TRAMPOLINE | VMCOREINFO | BTF, "kallsyms at 0x9", false, true },
    { "no kallsyms", TRAMPOLINE | KALLSYMS, "VMCOREINFO at 0x200000", true, false },
    { "no data symbols", DATA, "page table of the boot trampoline", true, true },
    { "no data symbols, no trace", DATA | TRAMPOLINE | VMCOREINFO, "BTF at 0x601000", true, true },
    { "types alone", TRAMPOLINE | VMCOREINFO | KALLSYMS, "BTF at 0x601000", true, false },
    { "a small BTF", TRAMPOLINE | VMCOREINFO | LARGE_BTF, "BTF at 0x601000", true, true },
    { "a small BTF alone", TRAMPOLINE | VMCOREINFO | KALLSYMS | LARGE_BTF, "BTF at 0x601000", true,
      false },
    { "VMCOREINFO alone", TRAMPOLINE | BTF | KALLSYMS, "VMCOREINFO at 0x200000", false, false },
};

static void take_away(struct mk_kernel *k, unsigned what)
{
    if (what & TRAMPOLINE)
        mk_kernel_no_trampoline(k);
    if (what & VMCOREINFO)
        mk_kernel_no_vmcoreinfo(k);
    if (what & BTF)
        mk_kernel_no_btf(k);
    if (what & KALLSYMS)
        mk_kernel_no_kallsyms(k);
    if (what & DATA)
        mk_kernel_functions_only(k);
    if (what & LARGE_BTF)
        mk_kernel_small_btf(k);
}

static void each_trace(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(traces); i++)
        for (unsigned levels = 4; levels <= 5; levels++) {
            struct eg_system *sys;
            struct mk_kernel k;
            uint64_t va;

            mk_kernel_init(&k, levels);
            take_away(&k, traces[i].without);
            sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
            print_message("# %s, %u levels\n", traces[i].what, levels);
            mk_kernel_explain(sys);
            assert_true(mk_kernel_opens(sys));
            assert_int_equal(strncmp(sys->chosen->trace, traces[i].trace, strlen(traces[i].trace)),
                             0);
            assert_int_equal(sys->chosen->paging.root, MK_ROOT);
            assert_int_equal(sys->chosen->paging.levels, levels);
            assert_int_equal(sys->chosen->kernel_pa_delta, MK_DELTA);
            assert_string_equal(sys->chosen->release, "6.1.0-test");
            assert_int_equal(check(sys->chosen, "types")->passed, traces[i].types);
            // Where nothing names init_task its type finds it.
            assert_int_equal(eg_system_symbol(sys, "init_task", &va),
                             traces[i].types || traces[i].symbols);
            if (traces[i].types || traces[i].symbols)
                assert_int_equal(va, MK_TASK + MK_DELTA);
            // What to run is said without a word of the image.
            assert_int_equal(mk_kernel_says(sys, "-o KERNEL.egp`, then --profile KERNEL.egp"),
                             !traces[i].types);
            if (traces[i].types && traces[i].symbols)
                assert_int_equal(sys->chosen->score, sys->chosen->max_score);
            else
                assert_true(sys->notes.n > 0);
            mk_kernel_close(sys);
            mk_kernel_fini(&k);
        }
}

/* A kernel whose symbols are functions: its VMCOREINFO is found by the code that names it, else by
 * its page, although the boot's page table was found before and passes every check that can be
 * made. */
static void text_is_kept(void **state)
{
    (void)state;
    for (unsigned named = 0; named < 2; named++) {
        struct mk_kernel k;
        struct eg_system *sys;

        mk_kernel_init(&k, 4);
        mk_kernel_functions_only(&k);
        if (!named)
            mk_kernel_no_naming(&k);
        sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
        mk_kernel_explain(sys);
        assert_true(mk_kernel_opens(sys));
        assert_int_equal(sys->chosen->paging.root, MK_ROOT);
        assert_true(sys->chosen->has_kaslr);
        assert_string_equal(sys->chosen->build_id, "0123456789abcdef0123456789abcdef01234567");
        assert_false(check(sys->chosen, "KASLR")->skipped);
        assert_true(strstr(sys->chosen->trace, "VMCOREINFO at") || named);
        mk_kernel_close(sys);
        mk_kernel_fini(&k);
    }
}

/* What cannot be checked is said to be so, and is no failure. */
static void not_made(void **state)
{
    struct mk_kernel k;
    struct eg_system *sys;

    (void)state;
    mk_kernel_init(&k, 4);
    mk_kernel_functions_only(&k);
    mk_kernel_no_vmcoreinfo(&k);
    sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
    assert_true(mk_kernel_opens(sys));
    assert_int_equal(sys->chosen->score, sys->chosen->max_score);
    assert_true(check(sys->chosen, "KASLR")->skipped);
    assert_true(check(sys->chosen, "direct map")->passed); // the page tables tell
    assert_true(check(sys->chosen, "clock")->skipped);
    assert_false(check(sys->chosen, "clock")->passed);
    assert_null(check(sys->chosen, "module list")); // this kernel has no struct module
    mk_kernel_close(sys);
    mk_kernel_fini(&k);
}

/* AMD's encryption bit in the page tables, of which no VMCOREINFO tells: by every trace. */
static void encryption(void **state)
{
    static const unsigned bits[] = { 47, 51 };

    (void)state;
    for (size_t i = 0; i < countof(bits); i++)
        for (size_t t = i; t < countof(traces); t += 2) { // each trace with one of them
            const uint64_t bit = UINT64_C(1) << bits[i];
            struct eg_system *sys;
            struct mk_kernel k;
            uint64_t word;

            mk_kernel_init(&k, 4);
            mk_kernel_encrypt(&k, bits[i]);
            take_away(&k, traces[t].without);
            print_message("# bit %u, %s\n", bits[i], traces[t].what);
            // A CPU's register has the bit too.
            sys = mk_kernel_open(&k, MK_RAM, t ? 0 : MK_ROOT | bit, NULL);
            mk_kernel_explain(sys);
            assert_true(mk_kernel_opens(sys));
            assert_true(sys->chosen->paging.enc_mask == bit);
            assert_true(eg_read_u64(sys->view, sys->kernel, MK_TASK + MK_DELTA, false, &word));
            mk_kernel_close(sys);
            mk_kernel_fini(&k);
        }
}

/* A dump's header names the processor: it is blamed, and not the page tables. */
static void unsupported(void **state)
{
    static const struct {
        uint16_t machine;
        const char *note; /**< NULL: it is supported */
    } cases[] = {
        { 22, "is the memory of an s390x machine, which is not supported" },
        { 3, "is the memory of an i386 machine, which is not supported" },
        { 21, "is the memory of a ppc64le machine, which is not supported" },
        { 40, "is the memory of an arm machine, which is not supported" },
        { 60000, "number 60000 (EM_...) of ELF" },
        { 62, NULL },
        { 243, NULL },
        { 0, NULL },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        static uint8_t bytes[1 << 16];
        const struct eg_open_options raw = { .format = "raw", .quiet = true };
        const struct eg_find_options quiet = { .quiet = true };
        struct eg_space *file;
        struct eg_image *img;
        struct eg_system *sys;

        assert_int_equal(eg_memory_open(&file, bytes, sizeof bytes, NULL), 0);
        assert_int_equal(eg_image_open_space(&img, file, "a test", &raw, NULL), 0);
        img->elf_machine = cases[i].machine;
        assert_int_equal(eg_system_open(&sys, img, &quiet, NULL), 0);
        assert_null(sys->os);
        assert_int_equal(mk_kernel_says(sys, cases[i].note ? cases[i].note : "not supported"),
                         cases[i].note != NULL);
        assert_int_equal(mk_kernel_says(sys, "no trace of a Linux kernel"), cases[i].note == NULL);
        mk_kernel_close(sys);
    }
}

/* The page table of a process, below the image or in a page of it that was freed: it maps the
 * kernel too, and is not its own. */
static void root_of_a_process(void **state)
{
    enum { PROCESS = 0x300000, FREED = MK_IMAGE + 0x180000 };
    static const uint64_t user = (MK_ROOT + 0x4000) | 7;
    struct mk_kernel k;
    struct eg_system *sys;

    (void)state;
    mk_kernel_init(&k, 4);
    mk_kernel_functions_only(&k);
    mk_kernel_no_vmcoreinfo(&k);
    memcpy(k.ram + PROCESS, k.ram + MK_ROOT, 4096);
    memcpy(k.ram + FREED, k.ram + MK_ROOT, 4096);
    memcpy(k.ram + FREED, &user, sizeof user);
    for (unsigned cpu = 0; cpu < 2; cpu++) {
        sys = mk_kernel_open(&k, MK_RAM, cpu ? PROCESS : 0, NULL);
        assert_true(mk_kernel_opens(sys));
        assert_int_equal(sys->chosen->paging.root, MK_ROOT);
        mk_kernel_close(sys);
    }
    mk_kernel_fini(&k);
}

/* A bare vmcoreinfo_data page where the note's is lost. */
static void bare_page(void **state)
{
    struct mk_kernel k;
    struct eg_system *sys;

    (void)state;
    mk_kernel_init(&k, 4);
    mk_kernel_no_trampoline(&k);
    memset(k.ram + MK_NOTE, 0, 4096);
    sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
    assert_true(mk_kernel_opens(sys));
    assert_non_null(strstr(sys->chosen->trace, "vmcoreinfo_data at 0x201000"));
    mk_kernel_close(sys);
    mk_kernel_fini(&k);
}

/* The note of an earlier boot lies before the true one: its page tables lead nowhere, so it comes
 * last, and is reported where all are looked for. */
static void stale_note(void **state)
{
    const struct eg_find_options all = { .exhaustive = true };
    struct mk_kernel k;
    struct eg_system *sys;

    (void)state;
    mk_kernel_init(&k, 4);
    mk_kernel_no_trampoline(&k);
    mk_kernel_note(&k, 0x100000, 0x400000);
    for (unsigned exhaustive = 0; exhaustive < 2; exhaustive++) {
        sys = mk_kernel_open(&k, MK_RAM, 0, exhaustive ? &all : NULL);
        assert_true(mk_kernel_opens(sys));
        assert_int_equal(sys->chosen->kernel_pa_delta, MK_DELTA);
        assert_int_equal(sys->candidates.n, 1 + exhaustive);
        assert_false(exhaustive && sys->candidates.at[1].opens);
        mk_kernel_close(sys);
    }
    mk_kernel_fini(&k);
}

/* A copy of the BTF, cut in its middle, lies before the true one; so does a bare header. */
static void copies_of_btf(void **state)
{
    struct mk_kernel k;
    struct eg_system *sys;

    (void)state;
    mk_kernel_init(&k, 4);
    mk_kernel_no_trampoline(&k);
    mk_kernel_no_vmcoreinfo(&k);
    memcpy(k.ram + 0x100000, k.ram + MK_BTF, 1 << 20);
    memset(k.ram + 0x180000, 0xff, 64);
    memcpy(k.ram + 0x90000, k.ram + MK_BTF, 24);
    sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
    assert_true(mk_kernel_opens(sys));
    assert_non_null(strstr(sys->chosen->trace, "BTF at 0x601000"));
    mk_kernel_close(sys);
    mk_kernel_fini(&k);
}

/* Headers without types lie in the kernel's own read-only data, before the true BTF. */
static void headers_in_rodata(void **state)
{
    struct mk_kernel k;
    struct eg_system *sys;

    (void)state;
    mk_kernel_init(&k, 4);
    for (unsigned i = 0; i < 40; i++) {
        memcpy(k.ram + MK_RODATA + 0x400 + 64 * i, k.ram + MK_BTF, 24);
        memset(k.ram + MK_RODATA + 0x400 + 64 * i + 24, 0xff, 12);
    }
    sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
    assert_true(mk_kernel_opens(sys));
    assert_int_equal(sys->chosen->score, sys->chosen->max_score);
    mk_kernel_close(sys);
    mk_kernel_fini(&k);
}

/* A second kernel: a copy of the image elsewhere, as a file that was just read, never ran. */
static void copy_of_image(void **state)
{
    const struct eg_find_options all = { .exhaustive = true };
    struct mk_kernel k;
    struct eg_system *sys;

    (void)state;
    mk_kernel_init(&k, 4);
    mk_kernel_no_trampoline(&k);
    mk_kernel_no_vmcoreinfo(&k);
    memcpy(k.ram + MK_COPY, k.ram + MK_IMAGE, MK_IMAGE_END - MK_IMAGE);
    sys = mk_kernel_open(&k, MK_RAM, 0, &all);
    mk_kernel_explain(sys);
    assert_true(mk_kernel_opens(sys));
    assert_int_equal(sys->chosen->kernel_pa_delta, MK_DELTA);
    for (size_t i = 1; i < sys->candidates.n; i++)
        assert_false(sys->candidates.at[i].opens);
    assert_true(sys->candidates.n > 1);
    mk_kernel_close(sys);
    mk_kernel_fini(&k);
}

/* The user half of an isolated page table maps text and rodata, and no data. */
static void user_half(void **state)
{
    enum { HALF = 0x300000 };
    struct mk_kernel k;
    struct eg_system *sys;
    const struct eg_check *cpus;

    (void)state;
    mk_kernel_init(&k, 4);
    mk_kernel_no_trampoline(&k);
    mk_kernel_no_vmcoreinfo(&k);
    memcpy(k.ram + HALF, k.ram + MK_ROOT, 0x4000);
    for (uint64_t table = HALF; table < HALF + 0x3000; table += 4096) /* its own tables */
        for (unsigned i = 256; i < 512; i++) {
            uint8_t *entry = k.ram + table + 8 * i;

            if (entry[0] & 1 && !(entry[0] & 0x80)) {
                entry[1] = (uint8_t)((table + 0x1000) >> 8);
                entry[2] = (uint8_t)((table + 0x1000) >> 16);
            }
        }
    /* of the image's four pages of 2 MiB at 0x82000000 the last, data, is not mapped; nor is the
     * linear map */
    memset(k.ram + HALF + 0x2000 + 8 * (16 + 3), 0, 8);
    memset(k.ram + HALF + 8 * 273, 0, 8);
    sys = mk_kernel_open(&k, MK_RAM, HALF, NULL);
    mk_kernel_explain(sys);
    assert_true(mk_kernel_opens(sys));
    assert_int_equal(sys->chosen->paging.root, MK_ROOT);
    cpus = check(sys->chosen, "CPUs");
    assert_non_null(cpus);
    assert_false(cpus->passed); /* the half itself is no root of the kernel's */
    mk_kernel_close(sys);
    mk_kernel_fini(&k);
}

/* What is damaged, and which check says so. */
static void damage(void **state)
{
    static const struct {
        const char *check;
        uint64_t at;
        uint8_t value;
        bool opens;
    } cases[] = {
        { "init_task", MK_TASK + 32, 7, false },   /* pid 7 */
        { "init_task", MK_TASK + 56, 'x', false }, /* "xwapper" */
        { "task list", MK_TASK + 24, 1, true },    /* init_task.tasks.prev */
        { "module list", MK_DATA + 0xb010, 1, true },
        { "clock", MK_CLOCK + 7, 0x70, true },
        { "build id", MK_RODATA + 0x210, 0xff, true },
        { "banner", MK_RODATA + 0x100, 'l', false },
        { "page tables", MK_ROOT + 0x2000 + 8 * 19, 0, false }, /* data is not mapped */
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct mk_kernel k;
        struct eg_system *sys;
        const struct eg_check *c;

        mk_kernel_init(&k, 4);
        k.ram[cases[i].at] = cases[i].value;
        sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
        print_message("# %s\n", cases[i].check);
        mk_kernel_explain(sys);
        assert_non_null(sys);
        assert_true(sys->candidates.n > 0);
        c = check(&sys->candidates.at[0], cases[i].check);
        assert_non_null(c);
        assert_false(c->passed);
        assert_true(*c->detail);
        assert_int_equal(mk_kernel_opens(sys), cases[i].opens);
        mk_kernel_close(sys);
        mk_kernel_fini(&k);
    }
}

/* Half an image, none, noise: a note says why, and spaces still work. */
static void nothing_opens(void **state)
{
    static const size_t lens[] = { 4096, 0x9d000, MK_RODATA, MK_KALLSYMS + 8192 };
    struct mk_kernel k;
    uint32_t x = 1;

    (void)state;
    mk_kernel_init(&k, 4);
    for (size_t i = 0; i < countof(lens); i++) {
        struct eg_system *sys = mk_kernel_open(&k, lens[i], 0, NULL);

        assert_non_null(sys);
        assert_false(mk_kernel_opens(sys));
        assert_true(sys->notes.n > 0);
        assert_non_null(sys->bind.types);
        mk_kernel_close(sys);
    }
    for (size_t i = 0; i < MK_RAM; i++)
        k.ram[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
    for (size_t i = 0; i < MK_RAM; i += 4096) /* a note in every page */
        mk_kernel_note(&k, i, i << 12);
    assert_non_null(k.ram);
    {
        struct eg_system *sys = mk_kernel_open(&k, MK_RAM, 0, NULL);

        assert_false(mk_kernel_opens(sys));
        mk_kernel_close(sys);
    }
    mk_kernel_fini(&k);
}

/* --kernel N: one that does not open is refused, one that was not found too. */
static void chosen_by_number(void **state)
{
    struct eg_find_options o = { .kernel = 1 };
    struct mk_kernel k;
    struct eg_system *sys;

    (void)state;
    mk_kernel_init(&k, 4);
    mk_kernel_note(&k, 0x100000, 0x400000);
    sys = mk_kernel_open(&k, MK_RAM, 0, &o);
    assert_true(mk_kernel_opens(sys));
    mk_kernel_close(sys);
    for (o.kernel = 2; o.kernel < 4; o.kernel++)
        assert_null(mk_kernel_open(&k, MK_RAM, 0, &o));
    mk_kernel_fini(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_trace),       cmocka_unit_test(text_is_kept),
        cmocka_unit_test(not_made),         cmocka_unit_test(root_of_a_process),
        cmocka_unit_test(encryption),       cmocka_unit_test(unsupported),
        cmocka_unit_test(bare_page),        cmocka_unit_test(stale_note),
        cmocka_unit_test(copies_of_btf),    cmocka_unit_test(copy_of_image),
        cmocka_unit_test(user_half),        cmocka_unit_test(damage),
        cmocka_unit_test(nothing_opens),    cmocka_unit_test(headers_in_rodata),
        cmocka_unit_test(chosen_by_number),
    };

    if (eg_registry_init(NULL) < 0)
        return 99;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
