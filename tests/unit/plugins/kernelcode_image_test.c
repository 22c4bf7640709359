/* kernelcode_image_test.c - code of AArch64 against the kernel's boot image: what the kernel writes
 * into its code, and what is close to it. */
#include "check.h"
#include "mklinux.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char types[] = MK_LIST_TYPES
    "struct hlist_head { struct hlist_node *first; };"
    "struct dyn_ftrace { unsigned long ip, flags; };"
    "struct ftrace_page { struct ftrace_page *next; struct dyn_ftrace *records; int index; };"
    "struct ftrace_ops { int (*func)(void); struct ftrace_ops *next; unsigned long flags; };"
    "typedef struct { int counter; } atomic_t;"
    "struct static_key { atomic_t enabled; void *entries; };"
    "struct jump_entry { s32 code, target; long key; };";

enum {
    PAGE = 4096,
    TEXT = 5 * PAGE,
    IMAGE = TEXT + 2 * PAGE, /* a header before the code, and a table behind it */
    /* offsets in the code */
    ENTRY = PAGE,
    REPLACED = 2 * PAGE,
    CALLBACK = REPLACED + 16,
    ADDRESS = REPLACED + 32,
    CONSTANT = REPLACED + 64,
    PLAIN = REPLACED + 128,
    LABEL = REPLACED + 192,
};
#define NOP_   0xd503201fu
#define SHIFT  UINT64_C(0x100000)
#define LINKED UINT64_C(0xffff800008001000)

struct machine {
    struct mk *k;
    uint64_t base, text, ops, other;
};

static void word(struct machine *w, uint64_t off, uint32_t value)
{
    mk_write_u32(w->k, w->text + off, value);
}

static uint32_t leads(uint32_t opcode, uint64_t from, uint64_t to)
{
    return opcode | ((uint32_t)((to - from) >> 2) & 0x3ffffff);
}

static void tables(struct machine *w)
{
    struct mk *k = w->k;
    const uint64_t pages = mk_object(k, "ftrace_page"), pointer = mk_alloc(k, 8),
                   record = mk_object(k, "dyn_ftrace"), key = mk_object(k, "static_key"),
                   jump = mk_object(k, "jump_entry"), table = w->text + TEXT;

    mk_put(k, record, "dyn_ftrace.ip", w->text + ENTRY + 4);
    mk_put(k, pages, "ftrace_page.records", record);
    mk_put(k, pages, "ftrace_page.index", 1);
    mk_write_ptr(k, pointer, pages);
    mk_symbol(k, "ftrace_pages_start", pointer);
    mk_put(k, jump, "jump_entry.code", w->text + LABEL - jump);
    mk_put(k, jump, "jump_entry.target", w->text + LABEL + 0x20 - (jump + 4));
    mk_put(k, jump, "jump_entry.key", key - (jump + 8));
    mk_put(k, key, "static_key.enabled.counter", 1);
    mk_symbol(k, "__start___jump_table", jump);
    mk_symbol(k, "__stop___jump_table", jump + 16);
    // Two alternatives: with code in place of other, and with what a function makes.
    mk_write_u32(k, table, (uint32_t)(w->text + REPLACED - table));
    mk_write_u32(k, table + 4, 0x100 - 4);
    mk_write_u32(k, table + 8, 4u << 16 | 4u << 24);
    mk_write_u32(k, table + 12, (uint32_t)(w->text + CALLBACK - (table + 12)));
    mk_write_u32(k, table + 16, 0x200);
    mk_write_u32(k, table + 20, 4u << 16);
    mk_write_u32(k, table + 0x100, leads(0x14000000, table + 0x100, w->text + PAGE));
    mk_symbol(k, "__alt_instructions", table);
    mk_symbol(k, "__alt_instructions_end", table + 24);
}

static struct machine make(void)
{
    const struct mk_machine *m = mk_machines;
    struct machine w = { 0 };

    while (m->arch && strcmp(m->arch, "aarch64") != 0)
        m++;
    w.k = mk_new(m, 8 << 20, types);
    w.base = mk_alloc_aligned(w.k, IMAGE, PAGE);
    w.text = w.base + PAGE;
    w.ops = mk_object(w.k, "ftrace_ops");
    w.other = mk_object(w.k, "ftrace_ops");
    for (uint64_t n = 0; n < TEXT; n += 4)
        word(&w, n, NOP_);
    word(&w, LABEL, 0x14000008);
    mk_symbol(w.k, "_text", w.base);
    mk_symbol(w.k, "_stext", w.text);
    mk_symbol(w.k, "first", w.text);
    mk_symbol(w.k, "patched", w.text + ENTRY);
    mk_symbol(w.k, "_etext", w.text + TEXT);
    mk_symbol(w.k, "ftrace_nop_ops", w.ops);
    tables(&w);
    return w;
}

/** The image, which has @n bytes at @off of the code. @return its path, as an argument. */
static const char *image(struct machine *w, uint64_t off, const void *bytes, size_t n)
{
    static char path[64];
    static uint8_t file[IMAGE];
    struct eg_system *sys = mk_system(w->k);
    int fd;

    assert_true(eg_read(sys->view, sys->kernel, w->base, file, IMAGE));
    memcpy(file + 56, "ARM\x64", 4);
    memcpy(file + PAGE + off, bytes, n);
    snprintf(path, sizeof path, "against=/tmp/kernelcode.XXXXXX");
    fd = mkstemp(path + 8);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, file, sizeof file), sizeof file);
    close(fd);
    return path;
}

struct place {
    uint64_t off;
    uint32_t memory[4], file[4];
    unsigned n;
    bool fits;
};

static void check(struct machine *w, const struct place *p)
{
    const char *args[2] = { NULL }, *rows;
    struct eg_system *sys;

    for (unsigned i = 0; i < p->n; i++)
        word(w, p->off + 4 * i, p->memory[i]);
    mk_rows(w->k, "kernelcode", NULL);
    sys = mk_system(w->k);
    sys->chosen->has_kaslr = true;
    sys->chosen->kaslr = SHIFT;
    args[0] = image(w, p->off, p->file, 4 * (size_t)p->n);
    rows = mk_columns(mk_rows(w->k, "kernelcode", args), 10, 10);
    if (p->fits != !*rows || (*rows && !strstr(rows, "differs from the kernel's file")))
        fail_msg("at %#llx, %#x: '%s'", (unsigned long long)p->off, p->memory[0], rows);
    assert_int_equal(mk_row_notes("20480 bytes of code were compared"), 1);
    unlink(args[0] + 8);
    mk_free(w->k);
}

static void against(void **state)
{
    const struct place cases[] = {
        { PLAIN, { 0x52800060 }, { 0x52800060 }, 1, true },
        { PLAIN, { 0x52800060 }, { 0x52800080 }, 1, false },
        // of ftrace: the return address is saved before the place of the call
        { ENTRY, { 0xaa1e03e9, NOP_ }, { NOP_, NOP_ }, 2, true },
        { ENTRY, { 0xaa0003e9, NOP_ }, { NOP_, NOP_ }, 2, false },
        { PLAIN, { 0xaa1e03e9, NOP_ }, { NOP_, NOP_ }, 2, false },
        // what a function makes
        { CALLBACK, { 0xd2800100 }, { 0xd2800400 }, 1, true },
        { CALLBACK, { 0x14000100 }, { NOP_ }, 1, false },
        { CALLBACK, { 0xd61f0000 }, { NOP_ }, 1, false }, // not in code of the hypervisor
        // a run-time constant
        { CONSTANT,
          { 0xd2800001, 0xf2a00021, 0xf2c00041, 0xf2e00061 },
          { 0xd299bde1, 0xf2b13561, 0xf2c8ace1, 0xf2e02461 },
          4,
          true },
        { CONSTANT,
          { 0xd2800002, 0xf2a00021, 0xf2c00041, 0xf2e00061 },
          { 0xd299bde1, 0xf2b13561, 0xf2c8ace1, 0xf2e02461 },
          4,
          false },
        { CONSTANT, { 0x530e7c20 }, { 0x530c7c20 }, 1, true },
        { CONSTANT, { 0x530e7c21 }, { 0x530c7c20 }, 1, false },
        // a jump label, whose key is on
        { LABEL, { 0x14000008 }, { NOP_ }, 1, true },
        { LABEL + 4, { 0x14000008 }, { NOP_ }, 1, false },
        // an address
        { ADDRESS,
          { (uint32_t)(LINKED + SHIFT), (LINKED + SHIFT) >> 32 },
          { (uint32_t)LINKED, LINKED >> 32 },
          2,
          true },
        { ADDRESS,
          { (uint32_t)(LINKED + SHIFT + 8), (LINKED + SHIFT) >> 32 },
          { (uint32_t)LINKED, LINKED >> 32 },
          2,
          false },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct machine w = make();

        check(&w, &cases[i]);
    }
}

/** Alternatives with a branch lead where they would from their own place; before a function are the
 * ops that it calls. */
static void by_place(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct machine w = make();
        const uint64_t at = w.text + REPLACED, ops = i & 1 ? w.other : w.ops;
        const struct place branch = { REPLACED,
                                      { leads(0x14000000, at,
                                              w.text + (i & 1 ? 2 * PAGE + 64 : PAGE)) },
                                      { NOP_ },
                                      1,
                                      !(i & 1) };
        const struct place before = {
            ENTRY - 8, { (uint32_t)ops, (uint32_t)(ops >> 32) }, { NOP_, NOP_ }, 2, !(i & 1)
        };

        check(&w, i < 2 ? &branch : &before);
    }
}

/** The image of another kernel, and a file that is none. */
static void not_this_one(void **state)
{
    struct machine w = make();
    static const uint8_t other[TEXT];
    const char *args[2] = { NULL };

    (void)state;
    mk_rows(w.k, "kernelcode", NULL);
    mk_system(w.k)->chosen->has_kaslr = true;
    mk_rows_may_fail = true;
    args[0] = image(&w, 0, other, sizeof other);
    mk_rows(w.k, "kernelcode", args);
    assert_non_null(strstr(mk_row_error(), "not of this kernel"));
    unlink(args[0] + 8);
    args[0] = "against=/dev/null";
    mk_rows(w.k, "kernelcode", args);
    assert_non_null(strstr(mk_row_error(), "/dev/null"));
    mk_rows_may_fail = false;
    mk_free(w.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against),
        cmocka_unit_test(by_place),
        cmocka_unit_test(not_this_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
