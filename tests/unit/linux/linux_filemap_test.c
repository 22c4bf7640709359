/* linux_filemap_test.c - the page cache of a file: folios, marks, swap, huge pages, damage. */
#include "../../../plugins/linux/fs/inode.h"
#include "../../../plugins/linux/mm/filemap.h"
#include "check.h"
#include "mklinux.h"
#include <stdio.h>

#define COMMON                                                                                     \
    MK_LIST_TYPES                                                                                  \
    "enum pageflags { PG_reserved, PG_slab };"                                                     \
    "struct atomic { int counter; };"                                                              \
    "struct page { unsigned long flags; unsigned long compound_head; unsigned long mapping;"       \
    "  unsigned long index, private; unsigned int page_type; struct atomic _refcount; };"          \
    "struct slab { unsigned long __page_flags; struct kmem_cache *slab_cache;"                     \
    "  unsigned int objects; };"                                                                   \
    "struct kmem_cache { unsigned int size, red_left_pad; char *name; struct list_head list; };"   \
    "struct anon_vma { struct anon_vma *root; };"                                                  \
    "struct file_system_type { char *name; };"                                                     \
    "struct super_block { struct file_system_type *s_type; };"                                     \
    "struct inode { struct super_block *i_sb; struct address_space *i_mapping; s64 i_size;"        \
    "  unsigned char i_blkbits; struct address_space i_data; };"                                   \
    "struct gendisk { char disk_name[32]; void *private_data; };"                                  \
    "struct block_device { struct gendisk *bd_disk; };"                                            \
    "struct swap_info_struct { unsigned long flags; signed char type; unsigned int max;"           \
    "  struct block_device *bdev; };"                                                              \
    "enum zram_pageflags { ZRAM_LOCK = 20, ZRAM_SAME };"                                           \
    "struct zram_table_entry { unsigned long handle, flags; };"                                    \
    "struct zram { struct zram_table_entry *table; struct zs_pool *mem_pool;"                      \
    "  struct gendisk *disk; unsigned long disksize; };"                                           \
    "struct task_struct { struct list_head tasks; int pid; };"
static const char recent[] =
    "struct xarray { u32 xa_flags; void *xa_head; };"
    "struct xa_node { u8 shift, offset, count, nr_values; struct xa_node *parent;"
    "  struct xarray *array; void *slots[64]; };"
    "struct address_space { struct inode *host; struct xarray i_pages; };" COMMON;
static const char old[] =
    "struct radix_tree_node { u8 shift, offset; u32 count;"
    "  struct radix_tree_node *parent; void *slots[64]; };"
    "struct radix_tree_root { u32 gfp_mask; struct radix_tree_node *rnode; };"
    "struct address_space { struct inode *host; struct radix_tree_root page_tree; };" COMMON;

enum { RAM = 4 << 20 };

struct world {
    struct mk *k;
    struct eg_run *r;
    bool old;
    uint64_t page, map, size; // bytes of a page; struct page of page 0, and bytes of one
    uint64_t inode, mapping, leaf, name, swap;
    uint64_t pfn; // from here on the test's own
    char got[1024];
};

static struct world make(const struct mk_machine *m, const char *types)
{
    struct world w = { .k = mk_new(m, m->page_shift > 12 ? 4 * RAM : RAM, types),
                       .old = types == old };
    uint64_t swapper = mk_object(w.k, "task_struct"), task = mk_object(w.k, "task_struct");
    uint64_t cache = mk_object(w.k, "kmem_cache"), sb, fs, node, pa, page;

    w.page = mk_page_size(w.k);
    w.size = mk_at(w.k, 0, "page._refcount") + 4;
    mk_symbol(w.k, "init_task", swapper);
    w.map = mk_alloc_aligned(w.k, (size_t)1024 * 64, w.page);
    mk_symbol(w.k, "vmemmap", w.map);
    w.swap = mk_alloc(w.k, (size_t)32 * 8);
    mk_symbol(w.k, "swap_info", w.swap);
    node = mk_at(w.k, cache, "kmem_cache.list");
    mk_list(w.k, mk_alloc(w.k, 64), &node, 1);
    mk_put(w.k, task, "task_struct.pid", 1);
    node = mk_at(w.k, task, "task_struct.tasks");
    mk_list(w.k, mk_at(w.k, swapper, "task_struct.tasks"), &node, 1);
    w.name = mk_alloc(w.k, 16);
    fs = mk_object(w.k, "file_system_type");
    mk_put(w.k, fs, "file_system_type.name", w.name);
    mk_write(w.k, w.name, "ext4", 5);
    sb = mk_object(w.k, "super_block");
    mk_put(w.k, sb, "super_block.s_type", fs);
    w.inode = mk_object(w.k, "inode");
    w.mapping = mk_at(w.k, w.inode, "inode.i_data");
    mk_put(w.k, w.inode, "inode.i_sb", sb);
    mk_put(w.k, w.inode, "inode.i_mapping", w.mapping);
    mk_put(w.k, w.inode, "inode.i_size", 40 * w.page - 100);
    mk_put(w.k, w.mapping, "address_space.host", w.inode);
    w.leaf = mk_object(w.k, w.old ? "radix_tree_node" : "xa_node");
    if (w.old)
        mk_put(w.k, w.mapping, "address_space.page_tree.rnode", w.leaf | 1);
    else
        mk_put(w.k, w.mapping, "address_space.i_pages.xa_head", w.leaf | 2);
    mk_user_map(w.k, m, mk_user_root(w.k, m), 64 * w.page, w.name); // says how large pages are
    pa = mk_physical(w.k, task);
    page = w.map + pa / w.page * w.size;
    mk_put(w.k, page, "page.flags", 2);
    mk_put(w.k, page, "slab.slab_cache", cache);
    w.pfn = pa / w.page < 128 ? 160 : 32;
    return w;
}

static uint64_t page_of(const struct world *w, uint64_t n)
{
    return w->map + (w->pfn + n) * w->size;
}

static void set(const struct world *w, unsigned slot, uint64_t value)
{
    const unsigned ptr = mk_model(w->k)->ptr_size;
    const char *slots = w->old ? "radix_tree_node.slots" : "xa_node.slots";

    mk_write_ptr(w->k, mk_at(w->k, w->leaf, slots) + slot * ptr, value);
}

/** A folio of @pages pages at page @n of the test's own, which says that it is at @index. */
static void folio(const struct world *w, uint64_t n, unsigned pages, uint64_t index)
{
    mk_put(w->k, page_of(w, n), "page.mapping", w->mapping);
    mk_put(w->k, page_of(w, n), "page.index", index);
    for (unsigned i = 1; i < pages; i++)
        mk_put(w->k, page_of(w, n + i), "page.compound_head", page_of(w, n) | 1);
}

static int look(struct eg_run *r, void *context)
{
    struct world *w = context;
    struct eg_space *space = linux_file_space(r, eg_object(r, inode, w->inode));
    struct eg_extent x = { 0 };
    size_t n = 0;

    w->got[0] = 0;
    if (!space)
        return 0;
    assert_ptr_equal(space, linux_file_space(r, eg_object(r, inode, w->inode)));
    for (uint64_t at = 0; x.why != EG_NOT_PRESENT; at = x.last + 1) {
        eg_extent_at(eg_view_of(r), space, at, &x);
        assert_int_equal(x.start, at);
        if (x.why == EG_NOT_PRESENT)
            assert_int_equal(x.last, UINT64_MAX);
        else if (x.why != EG_NOT_CACHED)
            n += (size_t)snprintf(w->got + n, sizeof w->got - n, "%s%g+%g", n ? " " : "",
                                  (double)x.start / (double)w->page,
                                  (double)(x.last - x.start + 1) / (double)w->page);
        if (x.why == EG_SWAPPED)
            n += (size_t)snprintf(w->got + n, sizeof w->got - n, ":%#x", (unsigned)x.entry);
        else if (x.why == EG_BAD_VALUE)
            n += (size_t)snprintf(w->got + n, sizeof w->got - n, "!");
        else if (!x.why)
            n += (size_t)snprintf(w->got + n, sizeof w->got - n, "@%d",
                                  (int)(x.below_addr / w->page - w->pfn));
    }
    return 0;
}

/** "first+pages@page …", in pages. It is kept: each world is looked at once. */
static void expect(struct world *w, const char *want, size_t notes)
{
    w->r = mk_run(w->k);
    assert_int_equal(eg_run_do(w->r, look, w), 0);
    assert_string_equal(w->got, want);
    assert_int_equal(w->r->notes.n, notes);
    mk_free(w->k);
}

static void single_pages(void **state)
{
    (void)state;
    mk_each_machine(m) for (int i = 0; i < 2; i++)
    {
        struct world w = make(m, i ? old : recent);

        set(&w, 0, page_of(&w, 4));
        folio(&w, 4, 1, 0);
        set(&w, 1, page_of(&w, 5)); // next to it in both: one piece
        folio(&w, 5, 1, 1);
        set(&w, 2, page_of(&w, 9));
        folio(&w, 9, 1, 2);
        set(&w, 5, 0x1235 << (i ? 2 : 1) | (i ? 2 : 1)); // it was evicted
        set(&w, 39, page_of(&w, 1));                     // the last one, which is not full
        folio(&w, 1, 1, 39);
        set(&w, 40, page_of(&w, 2)); // behind the end
        folio(&w, 2, 1, 40);
        expect(&w,
               m->page_shift > 14   ? "0+2@4 2+1@9 39+0.998474@1"
               : m->page_shift > 12 ? "0+2@4 2+1@9 39+0.993896@1"
                                    : "0+2@4 2+1@9 39+0.975586@1",
               0);
    }
}

static void folios(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, recent);

        set(&w, 0, page_of(&w, 8)); // four pages: an entry with siblings
        for (unsigned i = 1; i < 4; i++)
            set(&w, i, 0 << 2 | 2);
        folio(&w, 8, 4, 0);
        set(&w, 8, page_of(&w, 16)); // each index has the first page: 5.3
        set(&w, 9, page_of(&w, 16));
        folio(&w, 16, 2, 8);
        set(&w, 12, page_of(&w, 20)); // or its own
        set(&w, 13, page_of(&w, 21));
        folio(&w, 20, 2, 12);
        set(&w, 30, page_of(&w, 27)); // its first pages have been taken out
        folio(&w, 24, 4, 27);
        expect(&w, "0+4@8 8+2@16 12+2@20 30+1@27", 0);
    }
}

static void not_its_own(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, recent);

        set(&w, 0, page_of(&w, 4)); // of another file
        folio(&w, 4, 1, 0);
        mk_put(w.k, page_of(&w, 4), "page.mapping", w.inode);
        set(&w, 1, page_of(&w, 5)); // another part of it
        folio(&w, 5, 1, 2);
        set(&w, 3, page_of(&w, 6)); // four pages of a folio of two
        for (unsigned i = 4; i < 7; i++)
            set(&w, i, 3 << 2 | 2);
        folio(&w, 6, 2, 3);
        set(&w, 8, page_of(&w, 8) + 4); // between two
        set(&w, 10, w.inode);           // no struct page
        set(&w, 12, page_of(&w, 13));   // the second one, where the first belongs
        folio(&w, 12, 2, 12);
        set(&w, 20, page_of(&w, 20));
        folio(&w, 20, 1, 20);
        expect(&w, "0+2! 3+4! 8+1! 10+1! 12+1! 20+1@20", 1);
    }
}

static void shared_memory(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, recent);

        mk_write(w.k, w.name, "tmpfs", 6);
        set(&w, 1, 0x100 << 1 | 1);
        set(&w, 2, 0x101 << 1 | 1);
        set(&w, 3, 0x300 << 1 | 1);
        set(&w, 4, page_of(&w, 4));
        folio(&w, 4, 1, 4);
        expect(&w, "1+2:0x100 3+1:0x300 4+1@4", 0);
    }
}

struct bytes {
    const struct world *w;
    uint64_t at;
    uint8_t got[8];
    bool ok;
};

static int read_bytes(struct eg_run *r, void *context)
{
    struct bytes *b = context;
    struct eg_space *space = linux_file_space(r, eg_object(r, inode, b->w->inode));

    b->ok = eg_read(eg_view_of(r), space, b->at, b->got, 8);
    return 0;
}

static bool reads(const struct world *w, uint64_t at, const char *want)
{
    struct bytes b = { .w = w, .at = at };

    assert_int_equal(eg_run_do(mk_run(w->k), read_bytes, &b), 0);
    return b.ok && !memcmp(b.got, want, 8);
}

/** What is swapped to zram is there, also the last page, in which the file ends. */
static void swapped_shared_memory(void **state)
{
    (void)state;
    mk_each_machine(m) if (m->arch)
    {
        struct world w = make(m, recent);
        const uint64_t info = mk_object(w.k, "swap_info_struct");
        const uint64_t zram = mk_object(w.k, "zram"), table = mk_alloc(w.k, 64 * 16);
        const uint64_t disk = mk_object(w.k, "gendisk"), bdev = mk_object(w.k, "block_device");

        mk_write_ptr(w.k, w.swap, info);
        mk_put(w.k, info, "swap_info_struct.flags", 3 | 64);
        mk_put(w.k, info, "swap_info_struct.max", 64);
        mk_put(w.k, info, "swap_info_struct.bdev", bdev);
        mk_put(w.k, bdev, "block_device.bd_disk", disk);
        mk_puts(w.k, disk, "gendisk.disk_name", "zram0");
        mk_put(w.k, disk, "gendisk.private_data", zram);
        mk_put(w.k, zram, "zram.table", table);
        mk_put(w.k, zram, "zram.disk", disk);
        mk_put(w.k, zram, "zram.disksize", 64 * w.page);
        for (uint64_t i = 0; i < 2; i++) {
            mk_write_ptr(w.k, table + 16 * (10 + i), UINT64_C(0x4847464544434241) + i);
            mk_write_ptr(w.k, table + 16 * (10 + i) + 8, 1 << 21);
        }
        mk_write(w.k, w.name, "tmpfs", 6);
        set(&w, 1, 10 << 1 | 1);
        set(&w, 2, 12 << 1 | 1); // nothing is there
        set(&w, 39, 11 << 1 | 1);
        assert_true(reads(&w, w.page + 16, "ABCDEFGH"));
        assert_true(reads(&w, 40 * w.page - 108, "EFGHBBCD"));
        assert_false(reads(&w, 40 * w.page - 104, "BBCDEFGH"));
        assert_false(reads(&w, 2 * w.page, "ABCDEFGH"));
        mk_free(w.k);
    }
}

static void huge_pages(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, recent);

        mk_write(w.k, w.name, "hugetlbfs", 10);
        mk_put(w.k, w.inode, "inode.i_blkbits", m->page_shift + 3u);
        mk_put(w.k, w.inode, "inode.i_size", 32 * w.page);
        set(&w, 1, page_of(&w, 8)); // counted in huge pages, until 6.7
        folio(&w, 8, 8, 1);
        set(&w, 2, page_of(&w, 40)); // not so large
        folio(&w, 40, 4, 2);
        set(&w, 24, page_of(&w, 24)); // counted in pages
        for (unsigned i = 25; i < 32; i++)
            set(&w, i, 24 << 2 | 2);
        folio(&w, 24, 8, 24);
        expect(&w, "8+8@8 16+8! 24+8@24", 1);
    }
}

static void sizes(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        static const struct {
            uint64_t size;
            bool ok;
        } cases[] = { { 0, true }, { INT64_MAX, true }, { UINT64_C(1) << 63, false } };

        for (size_t i = 0; i < countof(cases); i++) {
            struct world w = make(m, recent);

            mk_put(w.k, w.inode, "inode.i_size", cases[i].size);
            set(&w, 3, page_of(&w, 4));
            folio(&w, 4, 1, 3);
            expect(&w, cases[i].size == INT64_MAX ? "3+1@4" : "", 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_pages),
        cmocka_unit_test(folios),
        cmocka_unit_test(not_its_own),
        cmocka_unit_test(shared_memory),
        cmocka_unit_test(swapped_shared_memory),
        cmocka_unit_test(huge_pages),
        cmocka_unit_test(sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
