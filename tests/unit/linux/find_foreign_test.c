/* find_foreign_test.c - kernels of x86 that nobody packages: without some symbols, without
 * kallsyms, without types, without VMCOREINFO. What is known of them is shown. */
#include "check.h"
#include "mkkernel.h"
#include "registry.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PRESENT_WRITE = 3,
    PAGE = 4096,
    BOOT = MK_DATA + 0x10000,   /* boot_params */
    OBJECT = MK_DATA + 0x12000, /* the variables that are looked for, and what they lead to */
    MEMMAP = 24 << 20,
    TABLES = 3 << 20,
};
#define LINEAR    UINT64_C(0xffff888000000000)
#define MEMMAP_VA UINT64_C(0xffffea0000000000)
#define BASE      (MK_DATA + 0xb000) /* page_offset_base */
#define LINKED    UINT64_C(0x1000000)
#define BUILD_ID  "0123456789abcdef0123456789abcdef01234567"

static void put64(struct mk_kernel *k, uint64_t at, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++)
        k->ram[at + i] = (uint8_t)(v >> 8 * i);
}

static void put32(struct mk_kernel *k, uint64_t at, uint64_t v)
{
    for (unsigned i = 0; i < 4; i++)
        k->ram[at + i] = (uint8_t)(v >> 8 * i);
}

static void boot_params(struct mk_kernel *k, unsigned version, uint64_t linked)
{
    k->ram[BOOT + 0x1fe] = 0x55;
    k->ram[BOOT + 0x1ff] = 0xaa;
    memcpy(k->ram + BOOT + 0x202, "HdrS", 4);
    k->ram[BOOT + 0x206] = (uint8_t)version;
    k->ram[BOOT + 0x207] = (uint8_t)(version >> 8);
    put64(k, BOOT + 0x258, linked);
}

static struct eg_system *open_it(const struct mk_kernel *k)
{
    struct eg_system *sys = mk_kernel_open(k, MK_RAM, 0, NULL);

    assert_non_null(sys);
    for (size_t i = 0; i < sys->candidates.n; i++)
        for (size_t j = 0; j < sys->candidates.at[i].n_checks; j++)
            print_message("# %s: %s%s: %s\n", sys->candidates.at[i].trace,
                          sys->candidates.at[i].checks[j].passed ? "" : "not ",
                          sys->candidates.at[i].checks[j].name,
                          sys->candidates.at[i].checks[j].detail);
    for (size_t i = 0; i < sys->notes.n; i++)
        print_message("# note: %s\n", sys->notes.at[i]);
    return sys;
}

static const struct eg_check *check_of(const struct eg_system *sys, const char *name)
{
    for (size_t i = 0; i < sys->chosen->n_checks; i++)
        if (!strcmp(sys->chosen->checks[i].name, name))
            return &sys->chosen->checks[i];
    return NULL;
}

static bool noted(const struct eg_system *sys, const char *text)
{
    for (size_t i = 0; i < sys->notes.n; i++)
        if (strstr(sys->notes.at[i], text))
            return true;
    return false;
}

/* What compilers make of a use of a variable: bytes before its address, which counts from the
 * instruction's end, or is sign-extended; bytes behind it. */
static const struct use {
    const char *what;
    uint8_t before[5], n_before, n_behind;
    bool absolute;
} uses[] = {
    { "mov x(%rip),%rax", { 0x48, 0x8b, 0x05 }, 3, 0, false },
    { "add x(%rip),%rdi", { 0x48, 0x03, 0x3d }, 3, 0, false },
    { "mov $x,%rdi", { 0x48, 0xc7, 0xc7 }, 3, 0, true },
    { "cmp $x,%rax", { 0x48, 0x3d }, 2, 0, true },
    { "mov x,%rax", { 0x48, 0x8b, 0x04, 0x25 }, 4, 0, true },
    { "mov x(,%rdi,8),%rax", { 0x48, 0x8b, 0x04, 0xfd }, 4, 0, true },
    { "cmpq $1,x(%rip)", { 0x48, 0x83, 0x3d }, 3, 1, false },
    { "lea x(%rip),%r12", { 0x4c, 0x8d, 0x25 }, 3, 0, false },
    { "push $x", { 0x68 }, 1, 0, true },
};

static void use(struct mk_kernel *k, uint64_t code, const struct use *u, uint64_t pa)
{
    const uint64_t end = code + u->n_before + 4 + u->n_behind;

    memcpy(k->ram + code, u->before, u->n_before);
    put32(k, code + u->n_before, u->absolute ? pa + MK_DELTA : pa - end);
    k->ram[end] = 0xc3;
}

enum { ALL, FUNCTIONS, NONE };

static void strip(struct mk_kernel *k, int kallsyms, bool types)
{
    mk_kernel_init(k, 4);
    mk_kernel_no_vmcoreinfo(k);
    put64(k, MK_DATA + 0xb008, 0); // vmcoreinfo_data
    mk_kernel_small_btf(k);
    if (kallsyms == FUNCTIONS)
        mk_kernel_functions_only(k);
    if (kallsyms == NONE)
        mk_kernel_no_kallsyms(k);
    if (!types)
        mk_kernel_no_btf(k);
}

/* Each opens by the boot's page table alone, and says the same of itself. */
static void nothing_but_the_image(void **state)
{
    (void)state;
    for (int kallsyms = ALL; kallsyms <= NONE; kallsyms++)
        for (unsigned types = 0; types < 2; types++) {
            const struct eg_check *tasks;
            struct mk_kernel k;
            struct eg_system *sys;
            uint64_t va;

            print_message("# kallsyms %d, types %u\n", kallsyms, types);
            strip(&k, kallsyms, types);
            boot_params(&k, 0x20f, LINKED);
            use(&k, MK_CODE + 0x100, &uses[0], BOOT);
            sys = open_it(&k);
            assert_non_null(sys->chosen);
            assert_true(sys->chosen->paging.root == MK_ROOT);
            assert_true(sys->chosen->kernel_pa_delta == MK_DELTA);
            assert_string_equal(sys->chosen->release, "6.1.0-test");
            assert_string_equal(sys->chosen->build_id, BUILD_ID);
            assert_true(sys->chosen->has_kaslr && sys->chosen->kaslr == LINKED);
            assert_true(check_of(sys, "direct map")->passed);
            assert_true(eg_system_symbol(sys, "swapper_pg_dir", &va) && va == MK_ROOT + MK_DELTA);
            assert_int_equal(eg_system_symbol(sys, "init_task", &va), types || kallsyms == ALL);
            assert_int_equal(noted(sys, "has no kallsyms: built without CONFIG_KALLSYMS"),
                             kallsyms == NONE);
            assert_int_equal(noted(sys, "has no BTF: built without CONFIG_DEBUG_INFO_BTF"), !types);
            // What cannot be checked without types is not held against the kernel.
            tasks = check_of(sys, "task list");
            assert_int_equal(tasks->passed, types);
            assert_int_equal(tasks->skipped, !types);
            assert_int_equal(sys->chosen->max_score - sys->chosen->score,
                             5 * !types + 5 * (kallsyms == NONE));
            mk_kernel_close(sys);
            mk_kernel_fini(&k);
        }
}

/* A boot loader that leaves no address, an old one, one that cannot be. */
static void no_slide(void **state)
{
    static const struct {
        unsigned version;
        uint64_t linked;
        bool known;
    } cases[] = { { 0x20a, LINKED, true },
                  { 0x209, LINKED, false },
                  { 0x20f, 0, false },
                  { 0x20f, LINKED + PAGE, false },
                  { 0x20f, LINKED << 10, false } };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct mk_kernel k;
        struct eg_system *sys;

        strip(&k, NONE, true);
        boot_params(&k, cases[i].version, cases[i].linked);
        sys = open_it(&k);
        assert_true(sys->chosen && sys->chosen->has_kaslr == cases[i].known);
        mk_kernel_close(sys);
        mk_kernel_fini(&k);
    }
}

/* Neither types nor VMCOREINFO, and only the names of the system: the first of them tells where
 * they begin. */
static void release(void **state)
{
    static const struct {
        unsigned system, release;
        const char *known;
    } cases[] = { { 0, 130, "6.1.0-test" }, { 4, 134, "6.1.0-test" }, { 0, 134, "" } };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        enum { UTS = MK_DATA + 0xb100 };
        struct mk_kernel k;
        struct eg_system *sys;
        uint8_t *banner;

        strip(&k, ALL, false);
        banner = memmem(k.ram + MK_KALLSYMS, MK_DATA - MK_KALLSYMS, "Rlinux_banner", 13);
        assert_non_null(banner);
        memcpy(banner, "Rlinux_bunner", 13);
        memset(k.ram + UTS, 0, 256);
        strcpy((char *)k.ram + UTS + cases[i].system, "Linux");
        strcpy((char *)k.ram + UTS + cases[i].release, "6.1.0-test");
        sys = open_it(&k);
        assert_int_equal(sys->chosen != NULL, *cases[i].known != 0);
        assert_string_equal(sys->chosen ? sys->chosen->release : "", cases[i].known);
        mk_kernel_close(sys);
        mk_kernel_fini(&k);
    }
}

/* ---- variables ---- */

/** An entry that leads to the table at @table. */
static void lead(struct mk_kernel *k, uint64_t from, uint64_t va, unsigned level, uint64_t table)
{
    put64(k, from + 8 * (va >> (12 + 9 * level) & 511), table | PRESENT_WRITE);
}

/** The array of struct page, mapped at @va: image pages are used once. */
static void memmap(struct mk_kernel *k, uint64_t va)
{
    lead(k, MK_ROOT, va, 3, TABLES);
    lead(k, TABLES, va, 2, TABLES + PAGE);
    put64(k, TABLES + PAGE + 8 * (va >> 21 & 511), MEMMAP | 0x80 | PRESENT_WRITE);
    for (uint64_t pa = MK_IMAGE; pa < MK_IMAGE_END; pa += PAGE)
        put32(k, MEMMAP + pa / PAGE * 64 + 52, 1);
}

static void ring(struct mk_kernel *k)
{
    put64(k, OBJECT, OBJECT + 64 + MK_DELTA);
    put32(k, OBJECT + 64, 15);
    put64(k, OBJECT + 72, OBJECT + 256 + MK_DELTA);
    put32(k, OBJECT + 88, 17);
    put64(k, OBJECT + 96, OBJECT + 512 + MK_DELTA);
}

static void resource(struct mk_kernel *k)
{
    strcpy((char *)k->ram + MK_RODATA + 0x400, "PCI mem");
    put64(k, OBJECT + 16, MK_RODATA + 0x400 + MK_DELTA);
}

/** One module, and the list's head at OBJECT. */
static void module(struct mk_kernel *k)
{
    const uint64_t mod = OBJECT + 256;

    put64(k, OBJECT, mod + 8 + MK_DELTA);
    put64(k, OBJECT + 8, mod + 8 + MK_DELTA);
    put64(k, mod + 8, OBJECT + MK_DELTA);
    put64(k, mod + 16, OBJECT + MK_DELTA);
    strcpy((char *)k->ram + mod + 24, "loop");
    put64(k, mod + 88, mod + MK_DELTA);
}

static void not_its_own(struct mk_kernel *k)
{
    module(k);
    put64(k, OBJECT + 256 + 88, OBJECT + MK_DELTA);
}

static void base_of_pages(struct mk_kernel *k)
{
    memmap(k, MEMMAP_VA);
    put64(k, OBJECT, MEMMAP_VA);
}

static void free_pages(struct mk_kernel *k)
{
    base_of_pages(k);
    memset(k->ram + MEMMAP, 0, 1 << 20);
}

static void twice(struct mk_kernel *k)
{
    ring(k);
    put64(k, OBJECT + 1024, OBJECT + 64 + MK_DELTA);
}

static void small_ring(struct mk_kernel *k)
{
    ring(k);
    put32(k, OBJECT + 88, 2);
}

/* Without kallsyms no code is known: a variable is found in the image's data, if only one place
 * can be it. */
static void by_data(void **state)
{
    static const struct {
        const char *name;
        void (*make)(struct mk_kernel *k);
        bool found;
    } cases[] = {
        { "prb", ring, true },
        { "prb", twice, false },
        { "prb", small_ring, false },
        { "iomem_resource", resource, true },
        { "modules", module, true },
        { "modules", not_its_own, false },
        { "vmemmap_base", base_of_pages, true },
        { "vmemmap_base", free_pages, false },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct mk_kernel k;
        struct eg_system *sys;
        uint64_t va = 0;

        print_message("# %s, %zu\n", cases[i].name, i);
        strip(&k, NONE, true);
        cases[i].make(&k);
        sys = open_it(&k);
        assert_non_null(sys->chosen);
        assert_int_equal(eg_system_symbol(sys, cases[i].name, &va), cases[i].found);
        if (cases[i].found)
            assert_true(va == OBJECT + MK_DELTA);
        assert_int_equal(noted(sys, cases[i].name),
                         !cases[i].found && strcmp(cases[i].name, "vmemmap_base") != 0);
        mk_kernel_close(sys);
        mk_kernel_fini(&k);
    }
}

/* A kernel that cannot move its regions has no variables for them: page tables tell. */
static void fixed_regions(void **state)
{
    (void)state;
    for (unsigned with = 0; with < 2; with++) {
        struct mk_kernel k;
        struct eg_system *sys;
        uint64_t va = 0;

        strip(&k, FUNCTIONS, true);
        put64(&k, BASE, 0);
        if (with)
            memmap(&k, MEMMAP_VA);
        sys = open_it(&k);
        assert_non_null(sys->chosen);
        assert_false(eg_system_symbol(sys, "page_offset_base", &va));
        assert_true(check_of(sys, "direct map")->passed);
        assert_non_null(strstr(check_of(sys, "direct map")->detail, "0xffff888000000000"));
        assert_int_equal(eg_system_symbol(sys, "vmemmap", &va), with);
        assert_true(!with || va == MEMMAP_VA);
        mk_kernel_close(sys);
        mk_kernel_fini(&k);
    }
}

static void by_code(void **state)
{
    static const struct {
        const char *name;
        void (*make)(struct mk_kernel *k);
        uint64_t code;
    } variables[] = {
        { "vmemmap_base", base_of_pages, MK_CODE + 0x200 },
        { "iomem_resource", resource, MK_CODE + 0x300 },
        { "modules", module, MK_CODE + 0x400 },
        { "prb", ring, MK_CODE + 0x500 },
    };

    (void)state;
    for (size_t i = 0; i < countof(uses); i++) {
        const size_t v = i % countof(variables);
        struct mk_kernel k;
        struct eg_system *sys;
        uint64_t va = 0;

        print_message("# %s: %s\n", uses[i].what, variables[v].name);
        strip(&k, FUNCTIONS, true);
        variables[v].make(&k);
        for (unsigned f = 0; f < 7; f++) // functions that use nothing
            k.ram[MK_CODE + 0x100 * f] = 0xc3;
        use(&k, variables[v].code, &uses[i], OBJECT);
        boot_params(&k, 0x20f, LINKED);
        use(&k, MK_CODE, &uses[i], BASE);
        use(&k, MK_CODE + 0x100, &uses[i], BOOT);
        sys = open_it(&k);
        assert_non_null(sys->chosen);
        assert_true(eg_system_symbol(sys, variables[v].name, &va) && va == OBJECT + MK_DELTA);
        assert_true(eg_system_symbol(sys, "page_offset_base", &va) && va == BASE + MK_DELTA);
        assert_true(sys->chosen->has_kaslr && sys->chosen->kaslr == LINKED);
        mk_kernel_close(sys);
        mk_kernel_fini(&k);
    }
}

/* Per-CPU variables have addresses from 0 on, or, since 6.15, in the image. */
static void cpu_offsets(void **state)
{
    static const struct {
        const char *what;
        uint64_t first, apart;
        bool found;
    } cases[] = {
        { "from 0 on", LINEAR + (28 << 20), 1 << 16, true },
        { "in the image", LINEAR + (28 << 20) - (MK_DATA + MK_DELTA), 1 << 16, true },
        { "nowhere", UINT64_C(0x0000123456789000), 1 << 16, false },
        { "no page", LINEAR + (28 << 20) + 8, 1 << 16, false },
        { "far apart", LINEAR + (28 << 20), UINT64_C(1) << 40, false },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct mk_kernel k;
        struct eg_system *sys;
        uint64_t va = 0;

        print_message("# %s\n", cases[i].what);
        strip(&k, FUNCTIONS, true);
        put64(&k, OBJECT, cases[i].first);
        put64(&k, OBJECT + 8, cases[i].first + cases[i].apart);
        use(&k, MK_CODE + 0x600, &uses[5], OBJECT);
        sys = open_it(&k);
        assert_non_null(sys->chosen);
        assert_int_equal(eg_system_symbol(sys, "__per_cpu_offset", &va), cases[i].found);
        assert_true(!cases[i].found || va == OBJECT + MK_DELTA);
        mk_kernel_close(sys);
        mk_kernel_fini(&k);
    }
}

/* ---- the build id in notes that no symbol leads to ---- */

static void note(struct mk_kernel *k, uint64_t at, uint8_t first)
{
    static const uint8_t head[] = { 4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0 };

    memcpy(k->ram + at, head, sizeof head);
    k->ram[at + sizeof head] = first;
}

static void build_id(void **state)
{
    static const struct {
        const char *what;
        uint64_t at, elf; /* of another note, and of an ELF file that it is in */
        bool known;
    } cases[] = {
        { "alone", 0, 0, true },
        { "a vDSO's", MK_RODATA + 0x180f00, MK_RODATA + 0x180000, true },
        { "on its second page", MK_RODATA + 0x181000, MK_RODATA + 0x180000, true },
        { "another's", MK_RODATA + 0x180f00, 0, false },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct mk_kernel k;
        struct eg_system *sys;

        print_message("# %s\n", cases[i].what);
        strip(&k, NONE, true);
        if (cases[i].at)
            note(&k, cases[i].at, 0xfe);
        if (cases[i].elf)
            memcpy(k.ram + cases[i].elf, "\177ELF", 4);
        sys = open_it(&k);
        assert_non_null(sys->chosen);
        assert_string_equal(sys->chosen->build_id, cases[i].known ? BUILD_ID : "");
        mk_kernel_close(sys);
        mk_kernel_fini(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_but_the_image),
        cmocka_unit_test(no_slide),
        cmocka_unit_test(release),
        cmocka_unit_test(by_data),
        cmocka_unit_test(fixed_regions),
        cmocka_unit_test(by_code),
        cmocka_unit_test(cpu_offsets),
        cmocka_unit_test(build_id),
    };

    if (eg_registry_init(NULL) < 0)
        return 99;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
