/* vdso_test.c - vdso: each finding, and what is close to it. */
#include "check.h"
#include "mkguest.h"
#include "system.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct mk_machine *x86_64(void)
{
    mk_each_machine(m) if (m->arch && strcmp(m->arch, "x86_64") == 0) return m;
    return NULL;
}

/* A process has the kernel's page, a copy of it, or a changed one. */
static void vdso(void **state)
{
    static const char *const edits[] = {
        "exe_file; void *pgd; };",
        "exe_file; void *pgd; struct { void *vdso; struct vdso_image *vdso_image; } context; };"
        "struct vdso_image { void *data; unsigned long size; };",
        NULL
    };
    static const char *const hints[] = { "", "a page of its own, not the kernel's",
                                         "code differs from the kernel's" };

    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        struct mk_guest g = mk_guest(x86_64(), edits);
        struct mk *k = g.k;
        uint64_t task = mk_guest_task(&g, 7, "prog", 0), mm = MK_MM(&g, task, "prog\0", "");
        uint64_t image = mk_object(k, "vdso_image"), data = mk_alloc_aligned(k, 0x1000, 0x1000);
        const uint64_t va = 0x7fff00000000;
        uint8_t page[0x1000];

        memset(page, 0x90, sizeof page);
        mk_write(k, data, page, sizeof page);
        mk_put(k, image, "vdso_image.data", data);
        mk_put(k, mm, "mm_struct.context.vdso", va);
        mk_put(k, mm, "mm_struct.context.vdso_image", image);
        mk_guest_vma(&g, mm, va >> 12, 1, 5, 0);
        if (kind) {
            page[0x123] = kind == 2 ? 0xcc : 0x90;
            mk_guest_write(&g, mm, va, page, sizeof page);
        } else {
            mk_user_map(k, x86_64(), mk_of(&g, mm, "mm_struct.pgd"), va, data);
        }
        assert_string_equal(mk_columns(mk_guest_rows(&g, "vdso", NULL), 7, 7), hints[kind]);
        assert_int_equal(mk_row_notes("1 pages of 1 processes"), 1);
        if (kind == 2)
            assert_string_equal(mk_columns(mk_guest_rows(&g, "vdso", NULL), 2, 2),
                                "0x7fff00000123");
        mk_unmap(k, data);
        assert_string_equal(mk_guest_rows(&g, "vdso", NULL), "");
        assert_int_equal(mk_row_notes("1 pages could not be read"), 1);
        mk_free(k);
    }
}

/* ---- against the kernel's file ---- */

enum { PAGE = 0x1000, ALT = 0x200, REPLACED = 0x300, SHIFT = 0x100000 };

/* A vmlinux that has @page as its .rodata, for the address @at. @return its path, an argument. */
static const char *vmlinux(const uint8_t *page, uint64_t at)
{
    static char path[64];
    static uint8_t file[0x3000];
    const uint64_t headers[][5] = { { 1 | UINT64_C(1) << 32, 2, at - SHIFT, 0x1000, PAGE },
                                    { 9 | UINT64_C(3) << 32, 0, 0, 0x800, 19 } };
    int fd;

    memset(file, 0, sizeof file);
    memcpy(file, "\177ELF\2\1\1", 7);
    file[18] = 62;
    file[41] = 1; // section headers at 0x100
    file[58] = 64;
    file[60] = 3;
    file[62] = 2;
    memcpy(file + 0x140, headers[0], sizeof headers[0]);
    memcpy(file + 0x180, headers[1], sizeof headers[1]);
    memcpy(file + 0x800, "\0.rodata\0.shstrtab", 19);
    memcpy(file + 0x1000, page, PAGE);
    snprintf(path, sizeof path, "against=/tmp/vdso.XXXXXX");
    fd = mkstemp(path + 8);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, file, sizeof file), sizeof file);
    close(fd);
    return path;
}

/* One byte of the kernel's own page was changed, or an alternative was chosen. */
static void against(void **state)
{
    static const char *const edits[] = {
        "exe_file; void *pgd; };",
        "exe_file; void *pgd; struct { void *vdso; struct vdso_image *vdso_image; } context; };"
        "struct vdso_image { void *data; unsigned long size, alt, alt_len; };"
        "struct alt_instr { s32 instr_offset, repl_offset; u16 cpuid; u8 instrlen, "
        "replacementlen; };",
        NULL
    };
    static const struct {
        unsigned at;
        const char *bytes;
        size_t len;
        const char *rows;
    } cases[] = {
        { 0x10, "\x90", 1, "" },
        { 0x10, "\xcc", 1, "the kernel's own differs from its file" },
        { REPLACED, "\x0f\xae\xe8", 3, "" },
        { REPLACED, "\x0f\xae\xe9", 3, "the kernel's own differs from its file" },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct mk_guest g = mk_guest(x86_64(), edits);
        struct mk *k = g.k;
        uint64_t mm = MK_MM(&g, mk_guest_task(&g, 7, "prog", 0), "prog\0", "");
        uint64_t image = mk_object(k, "vdso_image"), data = mk_alloc_aligned(k, PAGE, PAGE);
        const char *path;
        uint8_t page[PAGE];
        struct eg_system *sys;

        memset(page, 0x90, sizeof page);
        memset(page + ALT, 0, 12); // at REPLACED an lfence may stand
        page[ALT + 1] = (REPLACED - ALT) >> 8;
        page[ALT + 4] = 0x20 - 4;
        page[ALT + 10] = page[ALT + 11] = 3;
        memcpy(page + ALT + 0x20, "\x0f\xae\xe8", 3);
        mk_write(k, data, page, sizeof page);
        mk_write(k, data + cases[i].at, cases[i].bytes, cases[i].len);
        mk_put(k, image, "vdso_image.data", data);
        mk_put(k, image, "vdso_image.size", PAGE);
        mk_put(k, image, "vdso_image.alt", ALT);
        mk_put(k, image, "vdso_image.alt_len", 12);
        mk_put(k, mm, "mm_struct.context.vdso", 0x7fff00000000);
        mk_put(k, mm, "mm_struct.context.vdso_image", image);
        mk_guest_rows(&g, "vdso", NULL);
        sys = mk_system(k);
        sys->chosen->has_kaslr = true;
        sys->chosen->kaslr = SHIFT;
        path = vmlinux(page, data);
        assert_string_equal(mk_columns(mk_guest_rows(&g, "vdso", path), 7, 7), cases[i].rows);
        assert_int_equal(mk_row_notes("4096 bytes of the kernel's own images"), 1);
        unlink(path + 8);
        mk_free(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(vdso), cmocka_unit_test(against) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
