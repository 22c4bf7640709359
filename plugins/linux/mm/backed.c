/* backed.c - a process's memory, with the page cache behind it: a mapping of a file has page table
 * entries only for what the process has touched, or what lies around that (mm/memory.c,
 * do_fault_around). An entry that is empty stands for the file's page; one that was written to
 * becomes a page of the process's own, whose entry is never empty again. Nothing is added of
 * devices, and of what the process may not read. */
#include "../../../core/run.h"
#include "../fs/file.h"
#include "../fs/inode.h"
#include "filemap.h"
#include "flags.h"
#include "kept.h"
#include "mm.h"
#include "vma.h"

EG_FIELD_AS(file_mapping, file, "f_mapping");
EG_FIELD_AS(file_own_inode, file, "f_inode");

enum { VMAS_MAX = 1 << 20 };

struct part {
    uint64_t start, last;
    struct eg_space *file; // NULL: cannot be read
    uint64_t offset;       // of @start in the file
};
struct backed {
    struct eg_space space; // below: the process's own
    uint64_t page;         // its size
    size_t n;
    struct part parts[]; // mappings of files, by address
};

/* A file ends within a page: the rest of that is zeros, if the page is there; behind it a program
 * gets a signal instead of bytes. @at is behind the end, where *@x begins. */
static void extent_behind(struct eg_view *v, const struct backed *b, struct eg_space *file,
                          uint64_t at, struct eg_extent *x)
{
    const uint64_t end = x->start, whole = eg_align_up(end, b->page);
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

static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    const struct backed *b = as->priv;
    const size_t i = eg_lower_bound(b->n, j, b->parts[j].last < addr);
    const struct part *p = i < b->n && b->parts[i].start <= addr ? &b->parts[i] : NULL;
    uint64_t first = i ? b->parts[i - 1].last + 1 : 0, last = as->last, off, before, after;
    struct eg_extent x;

    eg_extent_over(v, as->below, addr, out);
    if (out->why != EG_NOT_PRESENT)
        return;
    if (p) {
        first = p->start;
        last = p->last;
    } else if (i < b->n) {
        last = b->parts[i].start - 1;
    }
    out->start = EG_MAX(out->start, first);
    out->last = EG_MIN(out->last, last);
    if (!p)
        return;
    out->why = EG_NOT_CACHED;
    if (!p->file)
        return;
    off = p->offset + (addr - p->start);
    eg_extent_over(v, p->file, off, &x);
    if (x.why == EG_NOT_PRESENT)
        extent_behind(v, b, p->file, off, &x);
    before = EG_MIN(addr - out->start, off - x.start);
    after = EG_MIN(out->last - addr, x.last - off);
    if (x.below)
        x.below_addr += off - before - x.start;
    x.start = addr - before;
    x.last = addr + after;
    *out = x;
}

static const struct eg_space_ops ops = { .name = "process and page cache", .extent = extent };

struct eg_obj linux_file_data(struct eg_run *r, struct eg_obj file)
{
    struct eg_obj inode = eg_deref(eg_at(file, file_mapping, address_space.host));

    (void)r;
    return inode.why ? eg_deref(eg_at(file, file_own_inode)) : inode;
}

/* ---- kept by the system ---- */

static const struct eg_cache all = LINUX_KEPT; // address of the mm_struct → struct backed

/* Mappings of files that the process may read. @return how many, in the run's memory. */
static size_t find_parts(struct eg_run *r, struct eg_obj mm, struct part **out)
{
    const unsigned shift = linux_page_shift(r);
    struct part *parts = NULL, new;
    size_t n = 0, cap = 0;
    struct eg_obj vma;

    linux_each_vma(r, mm, vma) {
        uint64_t file, end, pgoff, bytes, flags;

        if ((eg_get(&file, vma, vm_area_struct.vm_file) && !file) ||
            !eg_get(&flags, vma, vm_area_struct.vm_flags) ||
            !(flags & (VM_READ | VM_WRITE | VM_EXEC)) || flags & (VM_PFNMAP | VM_IO) ||
            !eg_get(&new.start, vma, vm_area_struct.vm_start) ||
            !eg_get(&end, vma, vm_area_struct.vm_end) || end <= new.start ||
            (n && new.start <= parts[n - 1].last) || n == VMAS_MAX)
            continue;
        new.file = NULL;
        new.last = end - 1;
        if (eg_get(&pgoff, vma, vm_area_struct.vm_pgoff) && pgoff <= UINT64_MAX >> shift &&
            eg_add(pgoff << shift, end - new.start, &bytes)) {
            new.offset = pgoff << shift;
            new.file = linux_file_space(
                r, linux_file_data(r, eg_deref(eg_at(vma, vm_area_struct.vm_file))));
        }
        parts = eg_grow(r, parts, n, &cap, sizeof *parts);
        parts[n++] = new;
    }
    *out = parts;
    return n;
}

struct eg_space *linux_mm_backed_space(struct eg_run *r, struct eg_obj mm)
{
    struct linux_kept *s = eg_system_cache(eg_system_of(r), r, &all);
    struct eg_space *own = linux_mm_space(r, mm);
    struct backed *b;
    struct part *parts;
    size_t n;

    if (mm.kind == EG_K_PTR)
        mm = eg_deref(mm);
    if (!s || !own || mm.why)
        return NULL;
    b = linux_kept_find(s, mm.addr);
    if (b)
        return &b->space;
    n = find_parts(r, mm, &parts);
    if (eg_stopped(r))
        return NULL;
    b = malloc(sizeof *b + n * sizeof *parts);
    if (b) {
        *b = (struct backed){ { &ops, own, own->last, b }, UINT64_C(1) << linux_page_shift(r), n };
        if (n)
            memcpy(b->parts, parts, n * sizeof *parts);
        b = linux_kept_add(s, mm.addr, b);
    }
    if (!b)
        eg_run_fail(r, EG_ENOMEM, "%s", "out of memory for the mappings of a process");
    return b ? &b->space : NULL;
}
