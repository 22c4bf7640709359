/* cow.c - pages of a mapping that are no longer its file's. */
#include "cow.h"
#include "../../../core/run.h"
#include "../../../core/space.h"
#include "../fs/file.h"
#include "../fs/inode.h"
#include "filemap.h"
#include "mm.h"
#include "vma.h"

bool linux_vma_file(struct eg_run *r, struct eg_obj vma, struct linux_mapped_file *out)
{
    struct eg_obj file = eg_deref(eg_at(vma, vm_area_struct.vm_file));
    uint64_t pgoff;

    *out = (struct linux_mapped_file){ .file = file, .inode = file };
    if (file.why == EG_NULL)
        return false;
    out->inode = linux_file_data(r, file);
    if (out->inode.why)
        return true;
    out->space = linux_file_space(r, out->inode);
    linux_file_size(out->inode, &out->size);
    if (!eg_get(&pgoff, vma, vm_area_struct.vm_pgoff) || pgoff >> 48)
        out->space = NULL;
    else
        out->offset = pgoff << linux_page_shift(r);
    return true;
}

/* Is the frame at @pa, which a process maps at @off of the file, the file's own? */
static bool is_own(struct eg_run *r, const struct linux_cow_walk *w, uint64_t va, uint64_t pa,
                   uint64_t *run)
{
    const uint64_t off = w->file->offset + (va - w->start);
    struct eg_extent x;

    eg_extent_at(eg_view_of(r), w->file->space, off, &x);
    if (x.below != eg_physical(r) || x.below_addr + (off - x.start) != pa)
        return false;
    *run = x.last - off + 1;
    return true;
}

static bool is_anonymous(struct eg_run *r, uint64_t pa, bool *known)
{
    enum { ANON = 1 };
    const struct linux_memmap *m = linux_memmap(r);
    struct linux_page_state s;

    *known = m && m->found && linux_page_state(r, m, pa >> m->shift, &s);
    return *known && s.mapping & ANON;
}

bool linux_next_cow(struct eg_run *r, struct linux_cow_walk *w, uint64_t *va, enum eg_why *why)
{
    const uint64_t page = UINT64_C(1) << linux_page_shift(r);
    struct eg_extent x;

    while (w->at <= w->last && w->at >= w->start && *w->budget && !eg_stopped(r)) {
        const uint64_t at = w->at;
        uint64_t run = page;
        bool known;

        --*w->budget;
        eg_extent_at(eg_view_of(r), w->space, at, &x);
        if (x.below == eg_physical(r) && !(x.flags & (EG_X_SPECIAL | EG_X_SWAPPED))) {
            const uint64_t pa = x.below_addr + (at - x.start);
            const bool own = w->file && w->file->space && is_own(r, w, at, pa, &run);

            run = EG_MIN(run, x.last - at + 1);
            w->at = at + run;
            if (own || (!is_anonymous(r, pa, &known) && (known || !w->file || !w->file->space)))
                continue;
            *why = EG_OK;
        } else {
            const bool swapped = x.why == EG_SWAPPED || x.flags & EG_X_SWAPPED;

            w->at = swapped ? at + page : x.last + 1;
            if (!swapped)
                continue;
            *why = (enum eg_why)x.why;
        }
        *va = at;
        return true;
    }
    return false;
}
