/* vdso.c - where the kernel has the vdso: x86 as one image (arch/x86/entry/vdso/vma.c), others as
 * an array of pages (arch/arm64/kernel/vdso.c). */
#include "vdso.h"
#include "../../../core/space.h"
#include "mm.h"
#include "page.h"
#include "vma.h"

EG_FIELD_AS(vdso_data, vdso_image, "data");
EG_FIELD_AS(mm_vdso, mm_struct, "context.vdso_image"); // x86

bool linux_vdso_page(struct eg_run *r, struct eg_obj mm, struct eg_obj vma, uint64_t off,
                     uint8_t *out)
{
    const struct linux_memmap *m = linux_memmap(r);
    struct eg_obj pages;
    uint64_t data, page;

    if (eg_get(&data, mm, mm_vdso, vdso_data) && data)
        return eg_read(eg_view_of(r), eg_kernel(r), data + off, out, EG_VIEW_PAGE);
    pages = eg_at(eg_cast(eg_at(vma, vm_area_struct.vm_private_data), vm_special_mapping),
                  vm_special_mapping.pages);
    if (!m || !m->found || !eg_load(&data, pages) || !data ||
        !eg_load(&page, eg_cast(eg_index(pages, off >> m->shift), page)) || page < m->base ||
        (page - m->base) % m->size)
        return false;
    return eg_read(eg_view_of(r), eg_physical(r),
                   ((page - m->base) / m->size << m->shift) +
                       (off & ((UINT64_C(1) << m->shift) - 1)),
                   out, EG_VIEW_PAGE);
}
