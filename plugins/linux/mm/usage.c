/* usage.c - the memory of a mapping, counted from page tables and struct pages as the kernel does
 * for /proc/PID/smaps (fs/proc/task_mmu.c, smap_gather_stats). */
#include "usage.h"
#include "../../../core/run.h"
#include "../../../core/space.h"
#include "../fs/file.h"
#include "../fs/inode.h"
#include "flags.h"
#include "mm.h"
#include "vma.h"

EG_FIELDS(shmem_inode_info, swapped, vfs_inode);
EG_FIELD_AS(super_ops, super_block, "s_op");
EG_SYMBOL(shmem_ops, "void");
EG_SYMBOL_AS(huge_zero, "huge_zero_page|huge_zero_folio", "unsigned long");

enum { ANON = 1 };

struct counting {
    struct eg_run *r;
    const struct linux_memmap *memmap;
    struct linux_usage *out;
    uint64_t huge_zero; // struct page of the large page of zeros; of the small one the tables tell
    uint64_t *budget;
    bool locked;
};

static void add_share(struct linux_usage *u, const struct linux_page_state *p, uint64_t size,
                      bool dirty, bool locked)
{
    const uint64_t pss = (size << 12) / (p->mapcount >= 2 ? (uint64_t)p->mapcount : 1);

    u->pss += pss;
    if (locked)
        u->locked += pss;
    if (p->mapcount >= 2)
        *(dirty || p->dirty ? &u->shared_dirty : &u->shared_clean) += size;
    else
        *(dirty || p->dirty ? &u->private_dirty : &u->private_clean) += size;
}

/* One page, as an entry of the last table maps it. */
static void add_page(struct counting *c, uint64_t pa, bool dirty, bool huge)
{
    const uint64_t size = UINT64_C(1) << c->memmap->shift;
    struct linux_usage *u = c->out;
    struct linux_page_state p;

    if (!linux_page_state(c->r, c->memmap, pa >> c->memmap->shift, &p)) {
        u->rss += size;
        u->unknown += size;
        return;
    }
    if (huge && c->huge_zero && c->memmap->base + p.head * c->memmap->size == c->huge_zero)
        return;
    u->rss += size;
    if (p.mapping & ANON)
        u->anonymous += size;
    if (huge)
        *(p.mapping & ANON ? &u->anon_huge
          : p.swap_backed  ? &u->shmem_huge
                           : &u->file_huge) += size;
    add_share(u, &p, size, dirty, c->locked);
}

static void add_extent(struct counting *c, const struct eg_extent *x, uint64_t first, uint64_t last,
                       bool hugetlb)
{
    const uint64_t size = UINT64_C(1) << linux_page_shift(c->r);
    const uint64_t pa = x->below_addr + (first - x->start);

    if (hugetlb) {
        c->out->hugetlb += last - first + 1;
        return;
    }
    if (x->flags & EG_X_SPECIAL)
        return;
    if (!c->memmap || !c->memmap->found) {
        c->out->rss += last - first + 1;
        return;
    }
    for (uint64_t off = 0; off <= last - first && *c->budget && !eg_stopped(c->r);
         off += size, --*c->budget)
        add_page(c, pa + off, x->flags & EG_X_DIRTY, x->level > 0);
}

/* Pages of shared memory that are swapped out stand in no page table, but in the file's index, as
 * values (mm/shmem.c, shmem_partial_swap_usage). Counted for what @vma maps of it; a private
 * writable mapping may have pages of its own in their place. */
static void add_shmem(struct counting *c, struct eg_obj vma, uint64_t bytes)
{
    const unsigned shift = linux_page_shift(c->r);
    struct eg_obj inode = linux_file_inode(c->r, eg_at(vma, vm_area_struct.vm_file)), pages;
    struct eg_entry e;
    uint64_t ops, first, swapped;

    if (!eg_get(&ops, inode, inode.i_sb, super_ops) || eg_sym(c->r, shmem_ops).why ||
        ops != eg_sym(c->r, shmem_ops).addr || !eg_get(&first, vma, vm_area_struct.vm_pgoff) ||
        !eg_get(&swapped, eg_container(inode, shmem_inode_info.vfs_inode),
                shmem_inode_info.swapped) ||
        !swapped)
        return;
    pages = eg_at(inode, inode.i_mapping, mapping_pages);
    eg_each_xa(e, pages) {
        if (!*c->budget || !--*c->budget)
            return; // many mappings of a large file
        if (e.value & 1 && e.last >= first && e.index - EG_MIN(e.index, first) < bytes >> shift)
            c->out->swap +=
                (EG_MIN(e.last, first + (bytes >> shift) - 1) - EG_MAX(e.index, first) + 1)
                << shift;
    }
}

bool linux_vma_usage(struct eg_run *r, struct eg_space *space, struct eg_obj vma, uint64_t *budget,
                     struct linux_usage *out)
{
    struct counting c = { .r = r, .memmap = linux_memmap(r), .out = out, .budget = budget };
    uint64_t start, end, flags, file;
    struct eg_extent x;

    *out = (struct linux_usage){ .known = c.memmap && c.memmap->found };
    if (!space || !eg_get(&start, vma, vm_area_struct.vm_start) ||
        !eg_get(&end, vma, vm_area_struct.vm_end) || start >= end ||
        !eg_get(&flags, vma, vm_area_struct.vm_flags))
        return false;
    c.locked = flags & VM_LOCKED;
    eg_load(&c.huge_zero, eg_sym(r, huge_zero));
    for (uint64_t at = start; at < end && !eg_stopped(r); at = x.last + 1) {
        eg_extent_at(eg_view_of(r), space, at, &x);
        x.last = EG_MIN(x.last, end - 1);
        if (x.flags & EG_X_SWAPPED || x.why == EG_SWAPPED)
            out->swap += x.last - at + 1;
        else if (x.below == eg_physical(r))
            add_extent(&c, &x, at, x.last, flags & VM_HUGETLB);
        if (!*budget || !--*budget)
            return false;
    }
    if (eg_get(&file, vma, vm_area_struct.vm_file) && file)
        add_shmem(&c, vma, end - start);
    return !eg_stopped(r);
}
