/* whole.c - page tables and the page cache (mm/backed.c), and what is in neither. */
#include "whole.h"
#include "../mm/filemap.h"
#include "../mm/flags.h"
#include "../mm/mm.h"
#include "../mm/vdso.h"
#include "../mm/vma.h"

EG_FIELD_AS(mm_vdso, mm_struct, "context.vdso"); // x86, arm64

bool linux_mapping_anonymous(const struct linux_mapping *m)
{
    uint64_t ops;

    return !m->file && !(m->flags & (VM_PFNMAP | VM_IO)) &&
           eg_get(&ops, m->vma, vm_area_struct.vm_ops) && !ops;
}

struct linux_mapping *linux_mapping_at(struct linux_whole *w, uint64_t addr)
{
    const size_t i = eg_lower_bound(w->n, j, w->at[j].last < addr);

    return i < w->n && w->at[i].first <= addr ? &w->at[i] : NULL;
}

/* The vdso, which page tables have as far as it was used. */
static void from_kernel(struct eg_view *v, struct linux_whole *w, struct linux_mapping *m,
                        uint64_t addr, struct eg_extent *out)
{
    struct eg_extent x;
    uint64_t vdso, at;

    if (!m->searched && eg_get(&vdso, w->mm, mm_vdso) && vdso == m->first)
        m->backing = linux_vdso_place(w->r, w->mm, m->vma, 0, &m->backing_at);
    m->searched = true;
    if (!m->backing || !eg_add(m->backing_at, addr - m->first, &at) || at > m->backing->last)
        return;
    eg_extent_over(v, m->backing, at, &x);
    out->start = addr - EG_MIN(addr - out->start, at - x.start);
    out->last = addr + EG_MIN(out->last - addr, x.last - at);
    out->why = x.why;
    out->zero = x.zero && !x.why;
    if (x.why || out->zero)
        return;
    out->below = m->backing;
    out->below_addr = at - (addr - out->start);
}

/* Only what page tables say was never there, and no file has: what they lack since it is swapped
 * out, or since a table is missing, may have been changed. */
static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    struct linux_whole *w = as->priv;
    const size_t i = eg_lower_bound(w->n, j, w->at[j].last < addr);
    struct linux_mapping *m = i < w->n ? &w->at[i] : NULL;

    eg_extent_over(v, w->pages, addr, out);
    if (out->why != EG_NOT_PRESENT)
        return;
    if (!m || addr < m->first) {
        out->start = EG_MAX(out->start, i ? w->at[i - 1].last + 1 : 0);
        out->last = EG_MIN(out->last, m ? m->first - 1 : UINT64_MAX);
        return;
    }
    out->start = EG_MAX(out->start, m->first);
    out->last = EG_MIN(out->last, m->last);
    if (linux_mapping_anonymous(m)) {
        out->why = EG_OK;
        out->zero = true;
    } else if (!m->file && !(m->flags & (VM_PFNMAP | VM_IO))) {
        from_kernel(v, w, m, addr, out);
    }
}

static const struct eg_space_ops ops = { .name = "memory of a process", .extent = extent };

static struct linux_mapping *push(struct eg_run *r, struct linux_whole *w)
{
    w->at = eg_grow(r, w->at, w->n, &w->cap, sizeof *w->at);
    return &w->at[w->n++];
}

bool linux_whole_open(struct eg_run *r, struct eg_obj mm, struct linux_whole *w)
{
    const unsigned shift = linux_page_shift(r);
    struct eg_obj vma;

    eg_view_forget(eg_view_of(r), &w->own);
    w->n = 0;
    w->r = r;
    w->mm = mm.kind == EG_K_PTR ? eg_deref(mm) : mm;
    w->pages = linux_mm_backed_space(r, mm);
    if (!w->pages)
        return false;
    linux_each_vma(r, mm, vma) {
        uint64_t start, end, pgoff;
        struct linux_mapping m = { .vma = vma };

        if (!eg_get(&start, vma, vm_area_struct.vm_start) ||
            !eg_get(&end, vma, vm_area_struct.vm_end) || start >= end ||
            (w->n && start <= w->at[w->n - 1].last))
            continue;
        m.first = start;
        m.last = end - 1;
        m.flags = eg_get_or((uint64_t)VM_IO, vma, vm_area_struct.vm_flags);
        m.file = eg_get_or((uint64_t)1, vma, vm_area_struct.vm_file);
        if (m.file) {
            m.inode = linux_file_data(r, eg_deref(eg_at(vma, vm_area_struct.vm_file)));
            if (eg_get(&pgoff, vma, vm_area_struct.vm_pgoff))
                m.offset = pgoff << shift;
        }
        *push(r, w) = m;
    }
    w->own = (struct eg_space){ .ops = &ops, .below = w->pages, .last = w->pages->last, .priv = w };
    w->space = &w->own;
    return true;
}
