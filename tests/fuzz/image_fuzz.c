/* image_fuzz.c - any bytes as an image file: its format, its holes, and as page tables. */
#include "../../core/arch.h"
#include "../../core/image.h"
#include <stdlib.h>

enum { EXTENTS = 500, PAGE = 4096, UNPACK_MAX = 512 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** A space's own answer for an address must hold it. eg_extent_at would mend one that does not. */
static void check(struct eg_view *v, struct eg_space *as, uint64_t at)
{
    struct eg_extent x = { 0 };

    if (at > as->last)
        return;
    as->ops->extent(v, as, at, &x);
    if (x.start > at || x.last < at || x.last > as->last)
        abort();
}

/** Look at some extents from both ends of their runs; every answer must hold what was asked. */
static void walk(struct eg_view *v, struct eg_space *as)
{
    uint8_t buf[PAGE];
    struct eg_extent x;
    uint64_t at = 0;

    for (int i = 0; i < EXTENTS && eg_next_mapped(v, as, at, UINT64_MAX, &x); i++) {
        check(v, as, at);
        check(v, as, x.start);
        check(v, as, x.last);
        eg_read_some(v, as, x.start, buf, sizeof buf, NULL);
        eg_read_some(v, as, x.last - 7, buf, 16, NULL);
        eg_bytes(v, as, x.last, 8);
        if (x.last == UINT64_MAX)
            break;
        at = x.last + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    // What a few bytes may unpack to is written to a disk: only from the smallest inputs.
    const struct eg_open_options o = { .quiet = true,
                                       .threads = 1,
                                       .tmp_dir = size > UNPACK_MAX ? "/dev/null" : NULL };
    struct eg_view *v = malloc(sizeof *v);
    struct eg_space *file;
    struct eg_image *img;
    struct eg_error e;

    if (!v || eg_memory_open(&file, data, size, &e) != 0) {
        free(v);
        return 0;
    }
    eg_view_init(v, NULL);
    if (eg_image_open_space(&img, file, "fuzz", &o, &e) == 0) {
        for (uint8_t levels = 4; levels <= 5; levels++) {
            const struct eg_paging p = { .arch = eg_arch_find("x86_64"), .levels = levels };
            struct eg_space *va;

            if (eg_paging_open(&va, NULL, img->phys, &p, &e) == 0) {
                walk(v, va);
                eg_view_forget(v, va);
                eg_space_close(va);
            }
        }
        walk(v, img->phys);
        if (img->kernel_va)
            walk(v, img->kernel_va);
        eg_view_fini(v);
        eg_image_close(img);
    }
    eg_view_fini(v);
    free(v);
    return 0;
}
