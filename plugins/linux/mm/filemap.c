/* filemap.c - the page cache of a file as an address space.
 *
 *  address_space.i_pages (an xarray since 4.20, a radix tree before) has an entry for each index in
 * pages. Its value is the struct page of a folio, or a mark: of a page that left memory lately
 * (mm/workingset.c), of shared memory where it is in swap (mm/shmem.c). A folio of several pages
 * is one entry that covers them all (5.17; of shared memory, before: one for each of its pages, of
 * which since 5.3 each has the first page). hugetlbfs counted in huge pages until 6.7. */
#include "filemap.h"
#include "../../../core/run.h"
#include "../fs/inode.h"
#include "kept.h"
#include "mm.h"
#include "swap.h"

/* Pages that follow each other in the file and in memory. */
struct piece {
    uint64_t first, last; // indexes in the file
    uint64_t at;          // of the first: its page's number; EG_SWAPPED: its swp_entry_t
    enum eg_why why;
};
struct file {
    struct eg_space space;
    uint64_t size; // in bytes
    uint64_t n_bad, inode;
    unsigned shift;
    struct linux_swap *swap; // by which shared memory is read that was swapped out
    size_t n;
    struct piece pieces[];
};

/* While it is made. */
struct making {
    struct eg_run *r;
    struct piece *pieces; // in the run's memory
    size_t n, cap;
};

static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    const struct file *f = as->priv;
    const uint64_t index = addr >> f->shift;
    const size_t i = eg_lower_bound(f->n, j, f->pieces[j].last < index);
    const struct piece *p = &f->pieces[i];

    if (addr >= f->size) {
        *out = (struct eg_extent){ .start = f->size, .last = as->last, .why = EG_NOT_PRESENT };
        return;
    }
    *out = (struct eg_extent){ .start = i ? (p[-1].last + 1) << f->shift : 0,
                               .last = f->size - 1,
                               .why = EG_NOT_CACHED };
    if (i == f->n)
        return;
    if (p->first > index) {
        out->last = (p->first << f->shift) - 1;
        return;
    }
    out->start = p->first << f->shift;
    out->last = EG_MIN(out->last, (p->last << f->shift) + (UINT64_C(1) << f->shift) - 1);
    out->why = (uint8_t)p->why;
    if (p->why == EG_SWAPPED && f->swap->n) {
        out->start = index << f->shift;
        out->last = EG_MIN(f->size - 1, out->start + ((UINT64_C(1) << f->shift) - 1));
        out->entry = p->at + (index - p->first);
        linux_swap_extent(f->swap, v, linux_swap_slot_of_value(out->entry), out);
        return;
    }
    if (p->why) {
        out->entry = p->at;
        return;
    }
    out->below = as->below;
    out->below_addr = p->at << f->shift;
}

/* A page that was swapped; the file may end in it. */
static bool fill(struct eg_view *v, struct eg_space *as, uint64_t start, void *bytes, size_t len)
{
    const struct file *f = as->priv;
    const size_t page = (size_t)1 << f->shift;
    struct eg_extent x;
    uint8_t *whole;
    bool ok;

    extent(v, as, start, &x);
    if (x.start != start || !(x.flags & EG_X_SWAPPED) || len > page)
        return false;
    whole = malloc(page);
    if (!whole)
        eg_view_starved(v);
    ok = whole && linux_swap_fill(f->swap, v, linux_swap_slot_of_value(x.entry), whole, page);
    if (ok)
        memcpy(bytes, whole, len);
    free(whole);
    return ok;
}

static const struct eg_space_ops ops = { .name = "page cache", .extent = extent, .fill = fill };

/* ---- what the tree has, entry by entry ---- */

/* Is page @pfn of the folio that begins with @head? */
static bool is_in(const struct linux_cached_walk *w, uint64_t pfn, uint64_t head)
{
    uint64_t page = w->m->base + pfn * w->m->size, own, first;
    struct eg_obj o;

    return pfn == head || (linux_page_head(w->r, w->m, page, &own, &o, &first) && first == head);
}

/* The folio says itself whose it is, and which part of it. */
static bool page_of(const struct linux_cached_walk *w, const struct eg_entry *e,
                    struct linux_cached *out)
{
    uint64_t pfn, head, mapping, index, n = out->last - out->first;
    struct eg_obj folio;

    if (!linux_page_head(w->r, w->m, e->value, &pfn, &folio, &head) ||
        !linux_page_place(folio, &mapping, &index) || mapping != w->mapping || index > e->index)
        return false;
    out->at = head + (e->index - index);
    out->folio = folio.addr;
    out->flags = eg_get_or(UINT64_C(0), folio, page_flags);
    out->dirty = w->m->dirty_flag < 63 && out->flags >> w->m->dirty_flag & 1;
    out->fresh = w->m->fresh_flag == 63 || out->flags >> w->m->fresh_flag & 1;
    return (pfn == head || pfn == out->at) && is_in(w, out->at, head) &&
           is_in(w, out->at + n, head);
}

/* @return false: the entry is none of the file's pages. */
static bool entry_of(struct linux_cached_walk *w, const struct eg_entry *e,
                     struct linux_cached *out)
{
    const uint64_t last = w->beyond ? UINT64_MAX : w->last;

    *out = (struct linux_cached){ .first = e->index, .last = e->last, .entry = e->value };
    if (w->huge && e->index == e->last && e->index <= last >> w->huge) {
        out->first = e->index << w->huge;
        out->last = out->first + ((UINT64_C(1) << w->huge) - 1);
    }
    if (out->first > last || (w->begun && out->first <= w->given))
        return false;
    out->last = EG_MIN(out->last, last);
    if (e->value & 3) { // a mark: bit 0, in a radix tree bit 1
        out->at = e->value >> (e->value & 1 ? 1 : 2);
        out->why = EG_SWAPPED;
        return w->shared;
    }
    if (!page_of(w, e, out)) {
        out->why = EG_BAD_VALUE;
        w->n_bad++;
    }
    return true;
}

bool linux_file_size(struct eg_obj inode, uint64_t *size)
{
    uint64_t n;

    if (!eg_get(&n, inode, inode.i_size) || n > INT64_MAX)
        return false;
    *size = n;
    return true;
}

/* File systems whose files are in memory only: what a file has no page for is zeros. */
static bool is_memory(const char *fs)
{
    static const char *const names[] = { "tmpfs",     "devtmpfs",  "rootfs",
                                         "hugetlbfs", "secretmem", "ramfs" };

    for (size_t i = 0; fs && i < countof(names); i++)
        if (!strcmp(fs, names[i]))
            return true;
    return false;
}

bool linux_file_in_memory(struct eg_run *r, struct eg_obj inode)
{
    struct eg_obj type = eg_at(inode, inode.i_sb, super_block.s_type, file_system_type.name);

    return is_memory(eg_string(r, type, 16));
}

bool linux_cached_begin(struct eg_run *r, struct eg_obj inode, struct linux_cached_walk *w)
{
    struct eg_obj mapping = eg_deref(eg_at(inode, inode.i_mapping)), host, type;
    const char *fs;
    uint64_t own, bits;

    *w = (struct linux_cached_walk){ .r = r, .m = linux_memmap(r), .mapping = mapping.addr };
    if (!w->m || !w->m->found || mapping.why || !mapping.addr)
        return false;
    host = eg_deref(eg_at(mapping, address_space.host));
    if (!linux_file_size(host, &w->size) || !eg_get(&own, host, inode.i_mapping) ||
        own != mapping.addr)
        return false;
    type = eg_at(host, inode.i_sb, super_block.s_type, file_system_type.name);
    fs = eg_string(r, type, 16);
    w->zeros = is_memory(fs);
    // The first root may be either kind of memory; ramfs has no marks.
    w->shared = fs && (!strcmp(fs, "tmpfs") || !strcmp(fs, "devtmpfs") || !strcmp(fs, "rootfs"));
    if (fs && !strcmp(fs, "hugetlbfs") && eg_get(&bits, host, inode.i_blkbits) &&
        bits > w->m->shift && bits < 48)
        w->huge = (unsigned)bits - w->m->shift;
    w->last = w->size ? (w->size - 1) >> w->m->shift : 0;
    w->tree = eg_xa_begin(eg_at(mapping, mapping_pages));
    return true;
}

bool linux_cached_next(struct linux_cached_walk *w, struct linux_cached *out)
{
    struct eg_entry e;

    while ((w->size || w->beyond) && eg_xa_next(&w->tree, &e)) {
        if (!entry_of(w, &e, out))
            continue;
        w->begun = true;
        w->given = out->last;
        return true;
    }
    return false;
}

/* ---- from there to pieces ---- */

static bool goes_on(const struct piece *p, const struct piece *new)
{
    return p->why == new->why && p->last + 1 == new->first &&
           (p->why == EG_BAD_VALUE || p->at + (p->last - p->first) + 1 == new->at);
}

static void add(struct making *k, struct piece new)
{
    if (k->n && goes_on(&k->pieces[k->n - 1], &new)) {
        k->pieces[k->n - 1].last = new.last;
        return;
    }
    k->pieces = eg_grow(k->r, k->pieces, k->n, &k->cap, sizeof *k->pieces);
    k->pieces[k->n++] = new;
}

/* ---- kept by the system ---- */

static const struct eg_cache files = LINUX_KEPT; // address of the address_space → struct file

static struct eg_space *space_of(struct eg_run *r, struct file *f)
{
    if (f->n_bad)
        eg_note(r,
                "the file with the inode at %#llx: %llu entries of its page cache lead to pages "
                "that are not its own: left out",
                (unsigned long long)f->inode, (unsigned long long)f->n_bad);
    return &f->space;
}

struct eg_space *linux_file_space(struct eg_run *r, struct eg_obj inode)
{
    struct linux_kept *s = eg_system_cache(eg_system_of(r), r, &files);
    struct eg_obj mapping = eg_deref(eg_at(inode, inode.i_mapping));
    struct making k = { .r = r };
    struct linux_swap *swap = linux_swap(r);
    struct linux_cached_walk w;
    struct linux_cached c;
    struct file *f;
    uint64_t bytes;

    if (!s || !swap || mapping.why || !mapping.addr)
        return NULL;
    f = linux_kept_find(s, mapping.addr);
    if (f)
        return space_of(r, f);
    if (!linux_cached_begin(r, inode, &w))
        return NULL;
    while (linux_cached_next(&w, &c))
        add(&k, (struct piece){ c.first, c.last, c.at, c.why });
    if (eg_stopped(r) || !eg_mul(k.n, sizeof k.pieces[0], &bytes))
        return NULL;
    f = malloc(sizeof *f + bytes);
    if (f) {
        *f = (struct file){ .space = { &ops, eg_physical(r), UINT64_MAX, f },
                            .size = w.size,
                            .n_bad = w.n_bad,
                            .inode = inode.addr,
                            .shift = w.m->shift,
                            .swap = swap,
                            .n = k.n };
        if (k.n)
            memcpy(f->pieces, k.pieces, bytes);
        f = linux_kept_add(s, mapping.addr, f);
    }
    if (!f)
        eg_run_fail(r, EG_ENOMEM, "%s", "out of memory for the page cache of a file");
    return f ? space_of(r, f) : NULL;
}

/* ---- for scripts ---- */

static bool next_cached(struct eg_run *r, struct eg_obj inode, void *state, struct eg_cell *out)
{
    struct {
        uint64_t at;
        bool begun;
    } *w = state;
    struct eg_space *space = w->begun && !w->at ? NULL : linux_file_space(r, inode);
    struct eg_extent x;

    if (!space || !eg_next_mapped(eg_view_of(r), space, w->at, UINT64_MAX, &x))
        return false;
    out[0] = eg_uint(x.start);
    out[1] = eg_uint(x.last - x.start + 1);
    out[2] = x.below == eg_physical(r) ? eg_uint(x.below_addr) : eg_missing(EG_SWAPPED, x.start);
    w->begun = true;
    w->at = x.last + 1;
    return true;
}

EG_WALKER(file_cached) = {
    .os = "linux",
    .help = "what memory holds of a file: where in the file, how many bytes, where in physical "
            "memory",
    .arg = "inode",
    .needs = EG_NEEDS(inode.i_mapping, inode.i_size, address_space.host),
    .state = 2 * sizeof(uint64_t),
    .next_values = next_cached,
    .values = "offset: integer, size: integer, at: integer",
};
