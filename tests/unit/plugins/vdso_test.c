/* vdso_test.c - vdso: each finding, and what is close to it. */
#include "check.h"
#include "mkguest.h"
#include <string.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(vdso) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
