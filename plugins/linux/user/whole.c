/* whole.c - page tables, and behind them the page cache. */
#include "whole.h"
#include "../fs/inode.h"
#include "../mm/filemap.h"
#include "../mm/mm.h"
#include "../mm/page.h"
#include "../mm/vma.h"

EG_FIELDS(vdso_image, data, size);
EG_FIELD_AS(mm_vdso, mm_struct, "context.vdso");             // x86, arm64
EG_FIELD_AS(mm_vdso_image, mm_struct, "context.vdso_image"); // x86

enum {
    VM_PFNMAP_ = 0x400, // include/linux/mm.h: no struct pages behind it
    VM_IO_ = 0x4000,
};

bool linux_mapping_anonymous(const struct linux_mapping *m)
{
    uint64_t ops;

    return !m->file && !(m->flags & (VM_PFNMAP_ | VM_IO_)) &&
           eg_get(&ops, m->vma, vm_area_struct.vm_ops) && !ops;
}

struct linux_mapping *linux_mapping_at(struct linux_whole *w, uint64_t addr)
{
    const size_t i = eg_lower_bound(w->n, j, w->at[j].last < addr);

    return i < w->n && w->at[i].first <= addr ? &w->at[i] : NULL;
}

/* The vdso: on x86 the kernel's image of it (arch/x86/entry/vdso/vma.c: vdso_fault), elsewhere an
 * array of pages that lie side by side. */
static void find_special(struct linux_whole *w, struct linux_mapping *m)
{
    struct eg_obj special =
        eg_cast(eg_at(m->vma, vm_area_struct.vm_private_data), vm_special_mapping);
    const struct linux_memmap *map;
    uint64_t vdso, data, page, pages;

    if (!eg_get(&vdso, w->mm, mm_vdso) || vdso != m->first)
        return;
    if (eg_get(&data, w->mm, mm_vdso_image, vdso_image.data) && data) {
        m->backing = eg_kernel(w->r);
        m->backing_at = data;
        return;
    }
    map = linux_memmap(w->r);
    if (!map || !map->found || !eg_get(&pages, special, vm_special_mapping.pages) || !pages ||
        !eg_read_u64(eg_view_of(w->r), eg_kernel(w->r), pages, m->vma.bind->model.big_endian,
                     &page) ||
        page < map->base || !map->size)
        return;
    m->backing = eg_physical(w->r);
    m->backing_at = (page - map->base) / map->size << map->shift;
}

static void find_backing(struct linux_whole *w, struct linux_mapping *m)
{
    m->searched = true;
    if (m->flags & (VM_PFNMAP_ | VM_IO_))
        return;
    if (!m->file) {
        find_special(w, m);
        return;
    }
    m->backing = linux_file_space(w->r, m->inode);
    m->backing_at = m->offset;
}

/* A file ends within a page: the rest of that is zeros, if the page is there; behind it a program
 * gets a signal instead of bytes. */
static void behind_end(struct eg_view *v, const struct linux_whole *w, struct eg_space *file,
                       uint64_t at, struct eg_extent *x)
{
    const uint64_t page = UINT64_C(1) << linux_page_shift(w->r);
    const uint64_t end = x->start, whole = eg_align_up(end, page);
    struct eg_extent last;

    if (!end || end == whole || whole < end)
        return;
    if (at >= whole) {
        x->start = whole;
        return;
    }
    eg_extent_at(v, file, end - 1, &last);
    x->last = EG_MIN(x->last, whole - 1);
    x->why = last.why;
    x->zero = !last.why;
}

static void from_backing(struct eg_view *v, struct linux_whole *w, struct linux_mapping *m,
                         uint64_t addr, struct eg_extent *out)
{
    struct eg_extent x;
    uint64_t at;

    if (!m->searched)
        find_backing(w, m);
    if (!m->backing || !eg_add(m->backing_at, addr - m->first, &at) || at > m->backing->last) {
        out->why = m->file ? EG_NOT_CACHED : EG_NOT_PRESENT;
        return;
    }
    eg_extent_at(v, m->backing, at, &x);
    if (x.why == EG_NOT_PRESENT && m->file)
        behind_end(v, w, m->backing, at, &x);
    out->start = addr - EG_MIN(addr - out->start, at - x.start);
    out->last = addr + EG_MIN(out->last - addr, x.last - at);
    out->why = x.why;
    out->zero = x.zero && !x.why;
    if (x.why || out->zero)
        return;
    out->below = m->backing;
    out->below_addr = at - (addr - out->start);
}

/* Only what page tables say was never there: what they lack since it is swapped out, or since a
 * table is missing, may have been changed. */
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
    } else {
        from_backing(v, w, m, addr, out);
    }
}

static const struct eg_space_ops ops = { .name = "memory of a process", .extent = extent };

static struct linux_mapping *push(struct eg_run *r, struct linux_whole *w)
{
    if (w->n == w->cap) {
        struct linux_mapping *more = eg_tmp(r, 2 * (w->cap + 32) * sizeof *more);

        if (w->n)
            __builtin_memcpy(more, w->at, w->n * sizeof *more);
        w->at = more;
        w->cap = 2 * (w->cap + 32);
    }
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
    w->pages = linux_mm_space(r, mm);
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
        m.flags = eg_get_or((uint64_t)VM_IO_, vma, vm_area_struct.vm_flags);
        m.file = eg_get_or((uint64_t)1, vma, vm_area_struct.vm_file);
        if (m.file) {
            m.inode = linux_file_data(r, eg_deref(eg_at(vma, vm_area_struct.vm_file)));
            if (eg_get(&pgoff, vma, vm_area_struct.vm_pgoff))
                m.offset = pgoff << shift;
            else
                m.searched = true; // where in the file is not known
        }
        *push(r, w) = m;
    }
    w->own = (struct eg_space){ .ops = &ops, .below = w->pages, .last = w->pages->last, .priv = w };
    w->space = &w->own;
    return true;
}
