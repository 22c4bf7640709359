/* find_arm64_test.c - the same kernel on AArch64, in raw memory that begins anywhere: where, only
 * its page tables tell. */
#include "check.h"
#include "mkkernel.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAGE = 4096, TABLE = 3, BLOCK = 0x401, READ_ONLY = 1 << 7 };
#define BASE   UINT64_C(0x880000000)
#define LINEAR UINT64_C(0xffff888000000000)
#define NEVER  (UINT64_C(3) << 53) // is it run
#define DELTA  (MK_DELTA - BASE)

static void put64(struct mk_kernel *k, uint64_t at, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++)
        k->ram[at + i] = (uint8_t)(v >> 8 * i);
}

/** One block of 2 MiB, by the tables in the pages from @tables on. */
static void map(struct mk_kernel *k, uint64_t tables, uint64_t va, uint64_t entry)
{
    put64(k, MK_ROOT + 8 * (va >> 39 & 511), (tables + BASE) | TABLE);
    put64(k, tables + 8 * (va >> 30 & 511), (tables + PAGE + BASE) | TABLE);
    put64(k, tables + PAGE + 8 * (va >> 21 & 511), entry);
}

static void note(struct mk_kernel *k, uint64_t at, uint64_t root)
{
    char *text = (char *)k->ram + at + 24;
    const int len =
        snprintf(text, PAGE - 24,
                 "OSRELEASE=6.1.0-test\n"
                 "BUILD-ID=0123456789abcdef0123456789abcdef01234567\nPAGESIZE=4096\n"
                 "OFFSET(uts_namespace.name)=0\nSYMBOL(init_uts_ns)=%" PRIx64
                 "\nSYMBOL(swapper_pg_dir)=%" PRIx64 "\n"
                 "SYMBOL(_stext)=%" PRIx64 "\nNUMBER(VA_BITS)=48\n"
                 "NUMBER(kimage_voffset)=0x%" PRIx64 "\nNUMBER(TCR_EL1_T1SZ)=0x10\n",
                 MK_DATA + 0xb100 + MK_DELTA, root + MK_DELTA, MK_IMAGE + MK_DELTA, DELTA);

    memset(k->ram + at, 0, 24);
    k->ram[at] = 11;
    k->ram[at + 4] = (uint8_t)len;
    k->ram[at + 5] = (uint8_t)(len >> 8);
    memcpy(k->ram + at + 12, "VMCOREINFO", 11);
}

/** The kernel of mkkernel.h, with the tables and the note of another processor. */
static void init(struct mk_kernel *k)
{
    mk_kernel_init(k, 4);
    mk_kernel_no_trampoline(k);
    mk_kernel_no_vmcoreinfo(k);
    memset(k->ram + MK_ROOT, 0, MK_TASK - MK_ROOT);
    for (uint64_t pa = MK_IMAGE; pa < MK_IMAGE_END; pa += 2 << 20)
        map(k, MK_ROOT + PAGE, pa + MK_DELTA,
            (pa + BASE) | BLOCK | (pa < MK_DATA ? READ_ONLY : 0) | (pa < MK_RODATA ? 0 : NEVER));
    for (uint64_t pa = 0; pa < MK_RAM; pa += 2 << 20)
        map(k, MK_ROOT + 3 * PAGE, pa + LINEAR, (pa + BASE) | BLOCK | NEVER);
    note(k, MK_NOTE, MK_ROOT);
}

static void opens_at_base(struct eg_system *sys, const char *trace)
{
    uint8_t text[8];
    uint64_t pa;

    assert_non_null(sys);
    for (size_t i = 0; i < sys->candidates.n; i++)
        for (size_t j = 0; j < sys->candidates.at[i].n_checks; j++)
            if (!sys->candidates.at[i].checks[j].passed)
                print_message("# %s: %s: %s\n", sys->candidates.at[i].trace,
                              sys->candidates.at[i].checks[j].name,
                              sys->candidates.at[i].checks[j].detail);
    assert_non_null(sys->chosen);
    assert_string_equal(sys->arch->name, "aarch64");
    assert_int_equal(sys->chosen->score, sys->chosen->max_score);
    assert_non_null(strstr(sys->chosen->trace, trace));
    assert_true(sys->chosen->kernel_pa_delta == DELTA);
    assert_true(eg_translate(sys->view, sys->kernel, MK_TASK + MK_DELTA, sys->image->phys, &pa));
    assert_true(pa == MK_TASK + BASE);
    assert_true(eg_read(sys->view, sys->image->phys, BASE + MK_RODATA + 0x100, text, 5));
    assert_memory_equal(text, "Linux", 5);
    assert_false(eg_read(sys->view, sys->image->phys, MK_RODATA, text, 1));
}

static void by_note(void **state)
{
    struct mk_kernel k;
    struct eg_system *sys;

    (void)state;
    init(&k);
    sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
    opens_at_base(sys, "VMCOREINFO at 0x880200000, raw offset derived: 0x880000000");
    mk_kernel_close(sys);
    // Looked at to the end, no second kernel comes of what was found before the memory moved.
    sys = mk_kernel_open(&k, MK_RAM, 0, &(struct eg_find_options){ .exhaustive = true });
    opens_at_base(sys, "raw offset derived: 0x880000000");
    assert_int_equal(sys->candidates.n, 1);
    mk_kernel_close(sys);
    mk_kernel_fini(&k);
}

static void by_symbols(void **state)
{
    struct mk_kernel k;
    struct eg_system *sys;

    (void)state;
    init(&k);
    mk_kernel_no_vmcoreinfo(&k);
    sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
    opens_at_base(sys, "BTF at 0x880601000, by its shape, raw offset derived");
    assert_int_equal(sys->candidates.n, 1);
    mk_kernel_close(sys);
    mk_kernel_fini(&k);
}

/** A kernel that has neither types nor symbols is still opened, and its release known. */
static void note_alone(void **state)
{
    struct mk_kernel k;
    struct eg_system *sys;

    (void)state;
    init(&k);
    mk_kernel_no_btf(&k);
    mk_kernel_no_kallsyms(&k);
    sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
    assert_true(sys && sys->chosen);
    assert_string_equal(sys->chosen->release, "6.1.0-test");
    mk_kernel_close(sys);
    k.ram[MK_DATA + 0xb100 + 130] = '5'; // what it says of itself is another's
    sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
    assert_true(sys && !sys->chosen);
    mk_kernel_close(sys);
    mk_kernel_fini(&k);
}

/** A note that leads nowhere, first; many of them. */
static void wrong_notes(void **state)
{
    struct mk_kernel k;
    struct eg_system *sys;

    (void)state;
    init(&k);
    for (uint64_t at = 0x10000; at < MK_NOTE; at += 64 * PAGE)
        note(&k, at, MK_COPY);
    sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
    opens_at_base(sys, "raw offset derived");
    mk_kernel_close(sys);
    for (uint64_t at = 0; at < MK_NOTE; at += PAGE)
        note(&k, at, MK_COPY + at);
    memset(k.ram + MK_ROOT, 0, PAGE);
    sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
    assert_true(sys && !sys->chosen && sys->image->movable);
    assert_non_null(strstr(sys->notes.at[sys->notes.n - 1], "--offset"));
    mk_kernel_close(sys);
    mk_kernel_fini(&k);
}

/** What the user says is not derived. */
static void offset_given(void **state)
{
    const struct eg_open_options at = { .format = "raw", .offset = BASE, .quiet = true };
    const struct eg_find_options quiet = { .quiet = true };
    struct mk_kernel k;
    struct eg_space *file;
    struct eg_image *img;
    struct eg_system *sys;

    (void)state;
    init(&k);
    assert_int_equal(eg_memory_open(&file, k.ram, MK_RAM, NULL), 0);
    assert_int_equal(eg_image_open_space(&img, file, "a test", &at, NULL), 0);
    assert_int_equal(eg_system_open(&sys, img, &quiet, NULL), 0);
    opens_at_base(sys, "VMCOREINFO at 0x880200000");
    assert_null(strstr(sys->chosen->trace, "derived"));
    mk_kernel_close(sys);
    mk_kernel_fini(&k);
}

/** A signed address has the name of the place that it was signed for. */
static void signed_address(void **state)
{
    struct mk_kernel k;
    struct eg_system *sys;
    const char *name, *module;
    uint64_t off;

    (void)state;
    init(&k);
    sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
    assert_non_null(sys);
    assert_true(eg_system_symbol_at(sys, (MK_TASK + 8 + MK_DELTA) ^ UINT64_C(0x2a51) << 48, &name,
                                    &off, &module));
    assert_string_equal(name, "init_task");
    assert_int_equal(off, 8);
    mk_kernel_close(sys);
    mk_kernel_fini(&k);
}

/** A variable that no table has: the one that a function addresses, and that leads to text. */
static void derived(void **state)
{
    enum { FUNCTION = MK_IMAGE + 0x10000, VARS = MK_DATA + 0xb000 };
    static const struct {
        const char *what;
        uint32_t code[4];
        bool two, found; /* places that could be meant; one that is */
    } cases[] = {
        { "adrp x0; ldr x1, [x0, #64]", { 0xf0002fc0, 0xf9402001 }, false, true },
        { "adrp x0; add x2, x0, #64; ldr x1, [x2]",
          { 0xf0002fc0, 0x91010002, 0xf9400041 },
          false,
          true },
        { "adrp x0; add x0, x0, #16; ldr x1, [x0, #48]!",
          { 0xf0002fc0, 0x91004000, 0xf8430c01 },
          false,
          true },
        { "adrp x0; mov x3, x0; ldp x1, x2, [x3, #64]",
          { 0xf0002fc0, 0xaa0003e3, 0xa9440861 },
          false,
          true },
        { "adrp x0; ldr x0, [x0]; ldr x1, [x0, #64]: not of the page",
          { 0xf0002fc0, 0xf9400000, 0xf9402001 },
          false,
          false },
        { "adrp x0; ldr x1, [x0, #64]; ldr x2, [x0, #72]",
          { 0xf0002fc0, 0xf9402001, 0xf9402402 },
          true,
          false },
        { "nop", { 0xd503201f }, false, false },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct mk_kernel k;
        struct eg_system *sys;
        uint64_t va = 0;
        bool found;

        init(&k);
        strcpy((char *)k.ram + MK_BARE, "root=/dev/vda");
        put64(&k, VARS + 64, LINEAR + MK_BARE);
        put64(&k, VARS + 72, LINEAR + MK_BARE + (cases[i].two ? 5 : 1 << 30));
        for (size_t j = 0; j < countof(cases[i].code); j++)
            memcpy(k.ram + FUNCTION + 4 * j, &cases[i].code[j], 4);
        sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
        assert_non_null(sys);
        found = eg_system_symbol(sys, "saved_command_line", &va);
        if (found != cases[i].found || (found && va != VARS + 64 + MK_DELTA))
            fail_msg("%s: %#" PRIx64, cases[i].what, va);
        mk_kernel_close(sys);
        mk_kernel_fini(&k);
    }
}

/** How many slots the BTF says that an xa_node has. */
static void set_slots(struct mk_kernel *k, uint32_t n)
{
    static const uint32_t array[] = { 0, 3u << 24, 0 };

    for (uint64_t at = MK_BTF; at < MK_KALLSYMS; at += 4)
        if (!memcmp(k->ram + at, array, sizeof array) && eg_le32(k->ram + at + 20) == MK_SLOTS) {
            memcpy(k->ram + at + 20, &n, sizeof n);
            return;
        }
    fail_msg("no array of slots");
}

/** The idr of an object that knows its id. More slots than any kernel has are not searched. */
static void derived_idr(void **state)
{
    enum {
        FUNCTION = MK_IMAGE + 0x11000,
        IDR = MK_DATA + 0xb400,
        NODE = IDR + 64,
        BTF = NODE + 1024
    };
    static const uint32_t code[] = { 0xd0002fc0, 0xf9420001 }; // adrp x0; ldr x1, [x0, #1024]
    static const struct {
        uint32_t slots, id, said;
        bool found;
    } cases[] = { { MK_SLOTS, 63, 63, true }, { MK_SLOTS, 63, 62, false }, { 65, 64, 64, false } };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct mk_kernel k;
        struct eg_system *sys;
        uint64_t va;

        init(&k);
        memset(k.ram + FUNCTION, 0, 64);
        memcpy(k.ram + FUNCTION, code, sizeof code);
        set_slots(&k, cases[i].slots);
        put64(&k, IDR, (NODE + MK_DELTA) | 2);
        put64(&k, NODE + 8 + 8 * cases[i].id, BTF + MK_DELTA);
        k.ram[BTF] = (uint8_t)cases[i].said;
        sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
        assert_true(sys && sys->chosen);
        assert_int_equal(eg_system_symbol(sys, "btf_idr", &va), cases[i].found);
        mk_kernel_close(sys);
        mk_kernel_fini(&k);
    }
}

/** A hash table whose entries point back to it, and the number of its chains. */
static void derived_hash(void **state)
{
    enum {
        FUNCTION = MK_IMAGE + 0x11800,
        VARS = MK_DATA + 0xb000,
        TABLE_AT = MK_BARE + 0xf000,
        CHAINS = 1024,
        ENTRIES = TABLE_AT + 8 * CHAINS
    };
    // adrp x0; ldr x1, [x0, #64]; ldr w2, [x0, #72]
    static const uint32_t code[] = { 0xd0002fc0, 0xf9402001, 0xb9404802 };
    static const struct {
        uint32_t shift;
        int wrong; /* entry that points elsewhere */
        bool table, size;
    } cases[] = { { 22, -1, true, true },
                  { 22, 3, false, false },
                  { 21, -1, true, false },
                  { 33, -1, true, false } };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct mk_kernel k;
        struct eg_system *sys;
        uint64_t va;

        init(&k);
        memcpy(k.ram + FUNCTION, code, sizeof code);
        put64(&k, VARS + 64, LINEAR + TABLE_AT);
        put64(&k, VARS + 72, cases[i].shift);
        for (int n = 0; n < 8; n++) {
            const uint64_t head = TABLE_AT + 8 * (128 * (uint64_t)n + 127);
            const uint64_t entry = ENTRIES + 64 * (uint64_t)n;

            put64(&k, head, (LINEAR + entry + 8) | (n == 1)); // one is locked
            put64(&k, entry + 16, LINEAR + head + (n == cases[i].wrong ? 8 : 0));
            put64(&k, entry + 24, LINEAR + entry);
        }
        sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
        assert_true(sys && sys->chosen);
        assert_int_equal(eg_system_symbol(sys, "dentry_hashtable", &va), cases[i].table);
        assert_int_equal(eg_system_symbol(sys, "d_hash_shift", &va), cases[i].size);
        assert_true(!cases[i].size || va == VARS + 72 + MK_DELTA);
        mk_kernel_close(sys);
        mk_kernel_fini(&k);
    }
}

/** A size of addresses that no processor has: the note is not of this one. */
static void wrong_size(void **state)
{
    static const char *const sizes[] = { "0x00", "0x3f", "1<<9", "0x8000000000000000" };

    (void)state;
    for (size_t i = 0; i < countof(sizes); i++) {
        struct mk_kernel k;
        struct eg_system *sys;
        char *at;

        init(&k);
        at = strstr((char *)k.ram + MK_NOTE + 24, "T1SZ)=") + 6;
        sprintf(at, "%s\n", sizes[i]);
        sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
        assert_true(sys && sys->chosen);
        assert_int_equal(strstr(sys->chosen->trace, "VMCOREINFO") != NULL, i == 2);
        mk_kernel_close(sys);
        mk_kernel_fini(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_note),      cmocka_unit_test(by_symbols),
        cmocka_unit_test(note_alone),   cmocka_unit_test(wrong_notes),
        cmocka_unit_test(offset_given), cmocka_unit_test(signed_address),
        cmocka_unit_test(derived),      cmocka_unit_test(wrong_size),
        cmocka_unit_test(derived_idr),  cmocka_unit_test(derived_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
