/* kernelfile_test.c - kernelcode --against: the kernel's code against its file, and false files. */
#include "../../../plugins/linux/state.h"
#include "check.h"
#include "mkktext.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *rows(struct mk_ktext *w, const char *plugin)
{
    return mk_ktext_rows(w, plugin, NULL);
}

enum { LINKED = 0x1000, ALT_AT = 0x40, TABLES = 0x3000, RUNTIME_AT = 0x61, NAMES = 70 };
#define DIFFERS "differs from the kernel's file"

/* One section's header. */
static void section(uint8_t *h, unsigned name, uint64_t addr, uint64_t off, uint64_t size)
{
    const uint64_t words[] = { name | UINT64_C(1) << 32, name == 1 ? 6 : 2, addr, off, size };

    memcpy(h, words, sizeof words);
}

static void put32(uint8_t *p, int64_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)((uint64_t)v >> 8 * i);
}

/* A vmlinux with the code of @w, linked @shift below where it runs; one alternative of five bytes
 * at "patched"+0x40, one return site at +0x50, two places of the section @more at +0x61 and +0x71.
 * @return its path, as an argument. */
static const char *vmlinux(struct mk_ktext *w, const uint8_t *text, uint64_t shift,
                           const char *more)
{
    static char path[64];
    static uint8_t file[0x5000];
    const uint64_t at = w->text - shift, tables = at + TABLES;
    static const char names[] = "\0.text\0.altinstructions\0.altinstr_replacement\0"
                                ".return_sites\0.shstrtab";
    const uint64_t places[] = { at + 2 * MK_FUNCTION + ALT_AT, at + 2 * MK_FUNCTION + 0x50 };
    uint8_t *t = file + LINKED + TABLES;
    int fd;

    memset(file, 0, sizeof file);
    memcpy(file, "\177ELF\2\1\1", 7);
    file[18] = 62;
    put32(file + 40, 0x200);
    file[58] = 64;
    file[60] = 7;
    file[62] = 5;
    memcpy(file + 0x400, names, sizeof names);
    memcpy(file + 0x400 + NAMES, more, strlen(more) + 1);
    memcpy(file + LINKED, text, MK_TEXT);
    put32(t, (int64_t)(places[0] - tables)); // the alternative, then its code, then a return
    put32(t + 4, 0x100 - 4);
    t[10] = t[11] = 5;
    memcpy(t + 0x100, "\x48\x89\xc8\x66\x90", 5); // mov rax, rcx; nop
    put32(t + 0x200, (int64_t)(places[1] - (tables + 0x200)));
    for (unsigned i = 0; i < 2; i++)
        put32(t + 0x300 + 4 * i,
              (int64_t)(at + 2 * MK_FUNCTION + RUNTIME_AT + 16 * i - (tables + 0x300 + 4 * i)));
    section(file + 0x240, 1, at, LINKED, MK_TEXT);
    section(file + 0x280, 7, tables, LINKED + TABLES, 12);
    section(file + 0x2c0, 24, tables + 0x100, LINKED + TABLES + 0x100, 5);
    section(file + 0x300, 46, tables + 0x200, LINKED + TABLES + 0x200, 4);
    section(file + 0x340, 60, 0, 0x400, NAMES + strlen(more) + 1);
    section(file + 0x380, NAMES, tables + 0x300, LINKED + TABLES + 0x300, 8);
    snprintf(path, sizeof path, "against=/tmp/kernelcode.XXXXXX");
    fd = mkstemp(path + 8);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, file, sizeof file), sizeof file);
    close(fd);
    return path;
}

/* What stands in memory and in the file, at "patched"+@at. */
static void against(void **state)
{
    static const struct {
        const char *memory, *file;
        size_t len, at;
        const char *hint;
    } cases[] = {
        { "\x31\xc0", "\x31\xc0", 2, 0x20, "" },
        { "\x31\xc0", "\x31\xdb", 2, 0x20, "differs from the kernel's file" },
        { "\x48\x89\xc8\x66\x90", "\x48\x89\xd8\x90\x90", 5, ALT_AT, "" },
        { "\x48\x89\xc8\x90\x90", "\x48\x89\xd8\x90\x90", 5, ALT_AT, "" },
        { "\x66\x90\x48\x89\xc8", "\x48\x89\xd8\x90\x90", 5, ALT_AT, "" }, // padding before it
        { "\x48\x89\xd8\x66\x90", "\x48\x89\xd8\x90\x90", 5, ALT_AT, "" }, // padding
        { "\x48\x89\xc9\x90\x90", "\x48\x89\xd8\x90\x90", 5, ALT_AT,
          "differs from the kernel's file" },
        { "\xc3\xcc\xcc\xcc\xcc", "\xe9\0\0\0\0", 5, 0x50, "" },
        { "\x0f\x1f\x44\0\0", "\xe9\0\0\0\0", 5, 0x50, "differs from the kernel's file" },
        { "\x0f\x1f\x44\0\0", "\xe8\0\0\0\0", 5, 0, "" }, // of ftrace
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct mk_ktext w = mk_ktext();
        const uint64_t patched = w.text + 2 * MK_FUNCTION;
        static uint8_t text[MK_TEXT];
        const char *args[2] = { NULL };
        struct eg_system *sys;

        mk_ktext_code(&w, patched + cases[i].at, cases[i].memory, cases[i].len);
        rows(&w, "kernelcode");
        sys = mk_system(w.k);
        sys->chosen->has_kaslr = true;
        sys->chosen->kaslr = 0x100000;
        assert_true(eg_read(sys->view, sys->kernel, w.text, text, MK_TEXT));
        memcpy(text + 2 * MK_FUNCTION + cases[i].at, cases[i].file, cases[i].len);
        args[0] = vmlinux(&w, text, 0x100000, "");
        assert_string_equal(mk_columns(mk_rows(w.k, "kernelcode", args), 10, 10), cases[i].hint);
        assert_int_equal(mk_row_notes("8192 bytes of code were compared"), 1);
        unlink(args[0] + 8);
        mk_free(w.k);
    }
}

/* Two places with what the kernel got of the variable "lab", which is 0x1fff in eight bytes. */
static void runtime_constant(void **state)
{
    static const struct {
        const char *section;
        bool known; // the variable has a name
        const char *memory[2], *hint;
    } cases[] = {
        { "runtime_mask_lab", true, { "\xff\x1f\0", "\xff\x1f\0" }, "" },
        { "runtime_mask_lab", true, { "\xff\x1f\0", "\xff\x3f\0" }, DIFFERS },
        { "runtime_mask_lab", false, { "\xff\x3f\0", "\xff\x3f\0" }, "" },
        { "runtime_mask_lab", false, { "\xff\x3f\0", "\xff\x1f\0" }, DIFFERS },
        { "runtime_other_lab", true, { "\xff\x1f\0", "\xff\x1f\0" }, DIFFERS "\n" DIFFERS },
        { "runtime_shift_lab", true, { "\xff", "\xff" }, "" },
        { "runtime_shift_lab", false, { "\x33", "\x33" }, "" },
        { "runtime_shift_lab", false, { "\x33", "\x34" }, DIFFERS },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct mk_ktext w = mk_ktext();
        const uint64_t place = w.text + 2 * MK_FUNCTION + RUNTIME_AT - 1, var = mk_alloc(w.k, 8);
        static uint8_t text[MK_TEXT];
        const char *args[2] = { NULL };
        struct eg_system *sys;

        mk_write_ptr(w.k, var, 0x1fff);
        if (cases[i].known)
            mk_symbol(w.k, "lab", var);
        for (unsigned k = 0; k < 2; k++) // and eax, of 4 bytes
            mk_ktext_code(&w, place + 16 * k, "\x25\0\0\0", 5);
        rows(&w, "kernelcode");
        sys = mk_system(w.k);
        sys->chosen->has_kaslr = true;
        sys->chosen->kaslr = 0x100000;
        assert_true(eg_read(sys->view, sys->kernel, w.text, text, MK_TEXT));
        for (unsigned k = 0; k < 2; k++)
            mk_ktext_code(&w, place + 1 + 16 * k, cases[i].memory[k],
                          strlen(cases[i].memory[k]) + 1);
        args[0] = vmlinux(&w, text, 0x100000, cases[i].section);
        assert_string_equal(mk_columns(mk_rows(w.k, "kernelcode", args), 10, 10), cases[i].hint);
        unlink(args[0] + 8);
        mk_free(w.k);
    }
}

/* Headers of a file that say what cannot be. */
static void damaged_file(void **state)
{
    static const struct {
        uint64_t at, value; // eight bytes
        const char *error;  // NULL: it can be compared all the same
    } cases[] = {
        { 40, UINT64_MAX, "no kernel of x86-64 with sections" },         // where sections are
        { 40, 0x4fff, "no kernel of x86-64 with sections" },             // at the file's end
        { 58, 0xffff0040, "no kernel of x86-64 with sections" },         // how many
        { 58, 0x5000060040, "no kernel of x86-64 with sections" },       // which has the names
        { 0x340 + 32, 40, "no kernel of x86-64 with sections" },         // names without an end
        { 0x240 + 24, UINT64_MAX - 7, "no code where this kernel has" }, // .text
        { 0x240 + 32, UINT64_MAX, "no code where this kernel has" },
        { 0x240 + 16, UINT64_MAX, "no code where this kernel has" },
        { 0x280 + 32, UINT64_MAX, NULL }, // .altinstructions
        { LINKED + TABLES, UINT64_MAX, NULL },
        { LINKED + TABLES, 0x8000000080000000, NULL },
        { LINKED + TABLES + 8, UINT64_MAX, NULL }, // of 255 bytes, by 255
        { LINKED + TABLES + 0x200, 0x7fffffff, NULL },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct mk_ktext w = mk_ktext();
        static uint8_t text[MK_TEXT];
        const char *args[2] = { NULL };
        struct eg_system *sys;
        int fd;

        rows(&w, "kernelcode");
        sys = mk_system(w.k);
        sys->chosen->has_kaslr = true;
        sys->chosen->kaslr = 0x100000;
        assert_true(eg_read(sys->view, sys->kernel, w.text, text, MK_TEXT));
        args[0] = vmlinux(&w, text, 0x100000, "");
        fd = open(args[0] + 8, O_WRONLY);
        assert_int_equal(pwrite(fd, &cases[i].value, 8, (off_t)cases[i].at), 8);
        close(fd);
        mk_rows_may_fail = cases[i].error;
        assert_string_equal(mk_columns(mk_rows(w.k, "kernelcode", args), 10, 10), "");
        mk_rows_may_fail = false;
        if (cases[i].error)
            assert_non_null(strstr(mk_row_error(), cases[i].error));
        unlink(args[0] + 8);
        mk_free(w.k);
    }
}

/* A file that is no kernel, and one that is cut off. */
static void not_a_kernel(void **state)
{
    struct mk_ktext w = mk_ktext();
    const char *args[] = { "against=/nonexistent", NULL };
    struct eg_system *sys;

    (void)state;
    rows(&w, "kernelcode");
    sys = mk_system(w.k);
    mk_rows_may_fail = true;
    mk_rows(w.k, "kernelcode", args);
    assert_non_null(strstr(mk_row_error(), "KASLR shift"));
    sys->chosen->has_kaslr = true;
    mk_rows(w.k, "kernelcode", args);
    assert_non_null(strstr(mk_row_error(), "/nonexistent"));
    args[0] = "against=/dev/null";
    mk_rows(w.k, "kernelcode", args);
    assert_non_null(strstr(mk_row_error(), "against"));
    mk_rows_may_fail = false;
    mk_free(w.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(against),
                                        cmocka_unit_test(runtime_constant),
                                        cmocka_unit_test(damaged_file),
                                        cmocka_unit_test(not_a_kernel) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
