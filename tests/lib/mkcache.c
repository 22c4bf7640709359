/* mkcache.c - see mkcache.h. */
#include "mkcache.h"
#include "check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const edits[] = {
    "struct page { unsigned long flags; void *mapping; unsigned long index, private; };",
    "enum pageflags { PG_reserved, PG_slab, PG_dirty, PG_uptodate };"
    "struct atomic { int counter; };"
    "struct page { unsigned long flags; unsigned long compound_head; unsigned long mapping;"
    "  unsigned long index, private; unsigned int page_type; struct atomic _refcount, _mapcount; };"
    "struct slab { unsigned long __page_flags; struct kmem_cache *slab_cache;"
    "  unsigned int objects; };"
    "struct kmem_cache { unsigned int size, red_left_pad; char *name; struct list_head list; };"
    "struct anon_vma { struct anon_vma *root; };"
    "struct xa_node { u8 shift, offset, count, nr_values; struct xa_node *parent;"
    "  struct xarray *array; void *slots[64]; };"
    "struct buffer_head { unsigned long b_state; struct buffer_head *b_this_page;"
    "  struct page *b_page; unsigned long b_size; };"
    "struct iomap_folio_state { unsigned int state_lock; unsigned long state[4]; };"
    "struct gendisk { char disk_name[32]; void *private_data; };"
    "struct block_device { struct gendisk *bd_disk; };"
    "struct swap_info_struct { unsigned long flags; signed char type; unsigned int max;"
    "  struct block_device *bdev; };"
    "enum zram_pageflags { ZRAM_LOCK = 20, ZRAM_SAME };"
    "struct zram_table_entry { unsigned long handle, flags; };"
    "struct zram { struct zram_table_entry *table; struct zs_pool *mem_pool;"
    "  struct gendisk *disk; unsigned long disksize; };"
    "struct kuid2 { unsigned int val; };"
    "struct Node { unsigned long flags; int offset, size; char *magic, *mask, *interpreter; };"
    "struct ovl_path { void *layer; struct dentry *dentry; };"
    "struct ovl_entry { unsigned int __numlower; struct ovl_path __lowerstack[4]; };"
    "struct simple_xattrs { struct list_head head; };"
    "struct simple_xattr { struct list_head list; char *name; unsigned long size; char value[8]; };"
    "struct posix_acl_entry { short e_tag; unsigned short e_perm; struct kuid2 e_uid; };"
    "struct posix_acl { unsigned int a_count; struct posix_acl_entry a_entries[4]; };",
    "struct super_block { u32 s_dev; struct file_system_type *s_type; };",
    "struct super_block { u32 s_dev; struct file_system_type *s_type; struct list_head s_list;"
    "  struct dentry *s_root; };",
    "struct file_system_type { const char *name; };",
    "struct file_system_type { const char *name; int fs_flags; };",
    "struct inode { unsigned short i_mode;",
    "struct inode { struct kuid2 i_uid, i_gid; unsigned short i_mode; struct hlist_head i_dentry;"
    "  u8 i_blkbits; char *i_link; struct posix_acl *i_acl, *i_default_acl; s64 i_atime_sec, "
    "i_mtime_sec, i_ctime_sec;"
    "  u32 i_atime_nsec, i_mtime_nsec, i_ctime_nsec;",
    "  struct list_head d_child, d_subdirs; };",
    "  struct list_head d_child, d_subdirs; struct hlist_node d_alias; };"
    "struct shmem_inode_info { struct simple_xattrs xattrs; struct inode vfs_inode; };"
    "struct ovl_inode { struct inode *lowerdata; struct inode vfs_inode;"
    "  struct dentry *__upperdentry; struct ovl_entry *oe; };"
    "struct xfs_ifork { s64 if_bytes; char *if_data; s8 if_format; };"
    "struct xfs_inode { struct xfs_ifork i_df, i_af; struct inode i_vnode; };",
    NULL,
};

uint64_t mk_cache_page(const struct mk_cache *w, uint64_t pfn)
{
    return w->map + pfn * w->size;
}

static const char *const *functions;

void mk_cache_functions(const char *const *names)
{
    functions = names;
}

void mk_cache_begin(struct mk_cache *w, const struct mk_machine *m, const char *fs)
{
    mk_cache_begin_edited(w, m, fs, NULL, NULL);
}

void mk_cache_begin_edited(struct mk_cache *w, const struct mk_machine *m, const char *fs,
                           const char *from, const char *to)
{
    const char *all[countof(edits) + 2] = { NULL };
    uint64_t cache, pa, init, head;
    size_t ram;

    memcpy(all, edits, sizeof edits);
    all[countof(edits) - 1] = from;
    all[countof(edits)] = to;
    *w = (struct mk_cache){ .g = mk_guest(m, all), .top = "/tmp/engram-recover-XXXXXX" };
    w->k = w->g.k;
    assert_non_null(mkdtemp(w->top));
    snprintf(w->dir, sizeof w->dir, "%s/o", w->top);
    w->size = eg_align_up(mk_at(w->k, 0, "page._mapcount") + 4, mk_model(w->k)->ptr_size);
    mk_ram(w->k, &ram);
    w->map = mk_alloc_aligned(w->k, ram / w->g.page * w->size, w->g.page);
    w->free = ram / 2 / w->g.page; // page tables are below, all else above
    mk_symbol(w->k, "vmemmap", w->map);
    w->swap = mk_alloc(w->k, (size_t)32 * 8);
    mk_symbol(w->k, "swap_info", w->swap);
    w->uts = mk_object(w->k, "uts_namespace");
    mk_symbol(w->k, "init_uts_ns", w->uts);
    w->setting = mk_alloc(w->k, 8);
    mk_symbol(w->k, "kptr_restrict", w->setting);
    w->clock = mk_alloc(w->k, 256) + 16;
    mk_symbol(w->k, "tk_core", w->clock - 16);
    head = w->supers = mk_alloc(w->k, 16);
    mk_list_append(w->k, head, mk_at(w->k, w->g.sb, "super_block.s_list"));
    mk_symbol(w->k, "super_blocks", head);
    for (size_t i = 0; functions && functions[i]; i++)
        mk_symbol(w->k, functions[i], w->functions[i] = mk_alloc(w->k, 64));
    mk_put(w->k, w->g.type, "file_system_type.name", mk_text(w->k, fs));
    mk_put(w->k, w->g.type, "file_system_type.fs_flags", 1);
    mk_put(w->k, w->g.sb, "super_block.s_root", w->g.top);
    mk_put(w->k, w->g.sb, "super_block.s_dev", 8u << 20 | 1);
    init = mk_guest_task(&w->g, 1, "init", 0);
    MK_MM(&w->g, init, "init\0", "");
    cache = mk_object(w->k, "kmem_cache");
    mk_list_append(w->k, mk_alloc(w->k, 16), mk_at(w->k, cache, "kmem_cache.list"));
    pa = mk_physical(w->k, init);
    mk_put(w->k, mk_cache_page(w, pa / w->g.page), "page.flags", 2);
    mk_put(w->k, mk_cache_page(w, pa / w->g.page), "slab.slab_cache", cache);
}

void mk_cache_end(struct mk_cache *w)
{
    char text[200];

    free(w->bytes);
    snprintf(text, sizeof text, "chmod -R u+rwX %s && rm -rf %s", w->top, w->top);
    assert_int_equal(system(text), 0);
    mk_free(w->k);
}

uint64_t mk_cache_inode(struct mk_cache *w, uint64_t dentry)
{
    return mk_of(&w->g, dentry, "dentry.d_inode");
}

/** One more name of an inode. */
void mk_cache_name(struct mk_cache *w, uint64_t dentry, uint64_t inode)
{
    const unsigned ptr = mk_model(w->k)->ptr_size;
    const uint64_t head = mk_at(w->k, inode, "inode.i_dentry");
    const uint64_t node = mk_at(w->k, dentry, "dentry.d_alias"), first = mk_read_ptr(w->k, head);

    mk_put(w->k, dentry, "dentry.d_inode", inode);
    mk_write_ptr(w->k, node, first);
    mk_write_ptr(w->k, node + ptr, head);
    if (first)
        mk_write_ptr(w->k, first + ptr, node);
    mk_write_ptr(w->k, head, node);
}

/** A file of root's folder, or of @parent. @return its dentry. */
uint64_t mk_cache_file(struct mk_cache *w, uint64_t parent, const char *text, unsigned mode,
                       uint64_t size)
{
    const uint64_t d = mk_guest_dentry(&w->g, parent ? parent : w->g.top, text);
    const uint64_t inode = mk_cache_inode(w, d);

    mk_put(w->k, inode, "inode.i_mode", mode);
    mk_put(w->k, inode, "inode.i_size", size);
    mk_put(w->k, inode, "inode.i_uid", 1000);
    mk_put(w->k, inode, "inode.i_mtime_sec", 1000000000);
    mk_put(w->k, inode, "inode.i_mtime_nsec", 5);
    mk_cache_name(w, d, inode);
    return d;
}

static uint64_t slot(struct mk_cache *w, uint64_t node, unsigned i)
{
    return mk_at(w->k, node, "xa_node.slots") + i * mk_model(w->k)->ptr_size;
}

/** An entry of a file's page cache. The tree has as many levels as the first one needs. */
void mk_cache_set(struct mk_cache *w, uint64_t dentry, uint64_t index, uint64_t value)
{
    const uint64_t mapping = mk_at(w->k, mk_cache_inode(w, dentry), "inode.i_data");
    uint64_t at = mk_at(w->k, mapping, "address_space.i_pages.xa_head"), up = 0;
    unsigned shift = 0, i;

    while (index >> shift >> 6)
        shift += 6;
    for (i = 0; i < w->n_tops && w->tops[i].dentry != dentry;)
        i++;
    if (i == w->n_tops) {
        assert_true(i < countof(w->tops));
        w->tops[w->n_tops].dentry = dentry;
        w->tops[w->n_tops++].shift = shift;
    }
    shift = w->tops[i].shift;
    for (;; shift -= 6) {
        uint64_t node = mk_read_ptr(w->k, at) & ~UINT64_C(3);

        if (!node) {
            node = mk_object(w->k, "xa_node");
            mk_put(w->k, node, "xa_node.shift", shift);
            mk_put(w->k, node, "xa_node.parent", up);
            mk_put(w->k, node, "xa_node.offset", up ? index >> shift >> 6 & 63 : 0);
            mk_write_ptr(w->k, at, node | 2);
        }
        at = slot(w, node, index >> shift & 63);
        up = node;
        if (!shift)
            break;
    }
    mk_write_ptr(w->k, at, value);
}

/** Pages of a file that lie behind each other in memory, filled with a letter for each. @return the
 * number of the first. */
uint64_t mk_cache_folio(struct mk_cache *w, uint64_t dentry, uint64_t index, unsigned pages,
                        const char *letters, unsigned flags)
{
    const uint64_t mapping = mk_at(w->k, mk_cache_inode(w, dentry), "inode.i_data");
    uint64_t first;
    size_t len;
    uint8_t *ram = mk_ram(w->k, &len);

    w->free = (w->free + pages - 1) / pages * pages;
    first = w->free;
    w->free += pages;
    for (unsigned i = 0; i < pages; i++) {
        memset(ram + (first + i) * w->g.page, letters[i], w->g.page);
        if (i) {
            mk_put(w->k, mk_cache_page(w, first + i), "page.compound_head",
                   mk_cache_page(w, first) | 1);
            mk_cache_set(w, dentry, index + i, (index & 63) << 2 | 2); // a sibling
        }
    }
    mk_put(w->k, mk_cache_page(w, first), "page.mapping", mapping);
    mk_put(w->k, mk_cache_page(w, first), "page.index", index);
    mk_put(w->k, mk_cache_page(w, first), "page.flags", flags);
    mk_cache_set(w, dentry, index, mk_cache_page(w, first));
    return first;
}

const char *mk_cache_recover(struct mk_cache *w, const char *args)
{
    const char *rows;

    mk_out_dir = w->dir;
    rows = mk_guest_rows(&w->g, "recover", args);
    mk_out_dir = NULL;
    return rows;
}

/** A file below the folder of -o. */
bool mk_cache_load(struct mk_cache *w, const char *path)
{
    char full[512];
    FILE *f;

    snprintf(full, sizeof full, "%s/%s", w->dir, path);
    free(w->bytes);
    w->bytes = NULL;
    f = fopen(full, "rb");
    if (!f)
        return false;
    w->bytes = malloc(1 << 22);
    assert_non_null(w->bytes);
    w->len = fread(w->bytes, 1, 1 << 22, f);
    fclose(f);
    return true;
}

/** Are there @n bytes of @c at page @index, and behind the last such no others? */
bool mk_cache_has(struct mk_cache *w, uint64_t index, char c, size_t n)
{
    const size_t at = (size_t)(index * w->g.page);

    for (size_t i = at; i < at + n; i++)
        if (i >= w->len || w->bytes[i] != c)
            return false;
    return true;
}

bool mk_cache_manifest(struct mk_cache *w, const char *text)
{
    if (!mk_cache_load(w, "manifest.jsonl"))
        return false;
    w->bytes[w->len] = 0;
    return strstr(w->bytes, text) != NULL;
}

uint64_t mk_cache_embed(struct mk_cache *w, uint64_t dentry, const char *type, const char *member)
{
    const unsigned ptr = mk_model(w->k)->ptr_size;
    const uint64_t old = mk_cache_inode(w, dentry), object = mk_object(w->k, type);
    const uint64_t new = mk_at(w->k, object, member), size = mk_at(w->k, 0, "inode.i_data");
    const uint64_t mapping = mk_at(w->k, new, "inode.i_data"),
                   head = mk_at(w->k, new, "inode.i_dentry");

    for (uint64_t at = 0; at < size; at += ptr)
        mk_write_ptr(w->k, new + at, mk_read_ptr(w->k, old + at));
    mk_put(w->k, new, "inode.i_mapping", mapping);
    mk_put(w->k, mapping, "address_space.host", new);
    mk_put(w->k, dentry, "dentry.d_inode", new);
    mk_write_ptr(w->k, mk_read_ptr(w->k, head) + ptr, head);
    return object;
}
