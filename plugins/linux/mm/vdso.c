/* vdso.c - where the kernel has the vdso: x86 as one image (arch/x86/entry/vdso/vma.c), others as
 * an array of pages (arch/arm64/kernel/vdso.c). */
#include "vdso.h"
#include "../../../core/space.h"
#include "mm.h"
#include "page.h"
#include "vma.h"

EG_FIELD_AS(vdso_data, vdso_image, "data");
EG_FIELD_AS(mm_vdso, mm_struct, "context.vdso_image"); // x86

struct eg_space *linux_vdso_place(struct eg_run *r, struct eg_obj mm, struct eg_obj vma,
                                  uint64_t off, uint64_t *at)
{
    const struct linux_memmap *m = linux_memmap(r);
    struct eg_obj pages;
    uint64_t data, page;

    if (eg_get(&data, mm, mm_vdso, vdso_data) && data)
        return eg_add(data, off, at) ? eg_kernel(r) : NULL;
    pages = eg_at(eg_cast(eg_at(vma, vm_area_struct.vm_private_data), vm_special_mapping),
                  vm_special_mapping.pages);
    if (!m || !m->found || !eg_load(&data, pages) || !data ||
        !eg_load(&page, eg_cast(eg_index(pages, off >> m->shift), page)) || page < m->base ||
        (page - m->base) % m->size)
        return NULL;
    *at = ((page - m->base) / m->size << m->shift) + (off & ((UINT64_C(1) << m->shift) - 1));
    return eg_physical(r);
}
