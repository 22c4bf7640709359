/* recover_test.c - files, inodepages, recover, pagecache on a file system whose page cache and
 * names are made here: what is whole, what is missing, what is hostile. */
#include "check.h"
#include "mkguest.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
    "struct kuid2 { unsigned int val; };",
    "struct super_block { u32 s_dev; struct file_system_type *s_type; };",
    "struct super_block { u32 s_dev; struct file_system_type *s_type; struct list_head s_list;"
    "  struct dentry *s_root; };",
    "struct file_system_type { const char *name; };",
    "struct file_system_type { const char *name; int fs_flags; };",
    "struct inode { unsigned short i_mode;",
    "struct inode { unsigned short i_mode; struct kuid2 i_uid, i_gid; struct hlist_head i_dentry;"
    "  u8 i_blkbits; char *i_link; s64 i_atime_sec, i_mtime_sec, i_ctime_sec;"
    "  u32 i_atime_nsec, i_mtime_nsec, i_ctime_nsec;",
    "  struct list_head d_child, d_subdirs; };",
    "  struct list_head d_child, d_subdirs; struct hlist_node d_alias; };",
    NULL,
};

enum { REG = 0100644, FOLDER = 0040750, LINK = 0120777, DIRTY = 4, FRESH = 8 };

struct world {
    struct mk_guest g;
    struct mk *k;
    uint64_t map, size; // struct page of page 0, and bytes of one
    uint64_t free;      // number of the next page that holds nothing yet
    struct {
        uint64_t dentry;
        unsigned shift; // of the top of its page cache's tree
    } tops[32];
    unsigned n_tops;
    char top[64], dir[80];
    char *bytes; // of the file that was read last
    size_t len;
};

static uint64_t page_struct(const struct world *w, uint64_t pfn)
{
    return w->map + pfn * w->size;
}

static void begin(struct world *w, const struct mk_machine *m, const char *fs)
{
    uint64_t cache, pa, init, head;
    size_t ram;

    *w = (struct world){ .g = mk_guest(m, edits), .top = "/tmp/engram-recover-XXXXXX" };
    w->k = w->g.k;
    assert_non_null(mkdtemp(w->top));
    snprintf(w->dir, sizeof w->dir, "%s/o", w->top);
    w->size = eg_align_up(mk_at(w->k, 0, "page._mapcount") + 4, mk_model(w->k)->ptr_size);
    mk_ram(w->k, &ram);
    w->map = mk_alloc_aligned(w->k, ram / w->g.page * w->size, w->g.page);
    w->free = ram / 2 / w->g.page; // page tables are below, all else above
    mk_symbol(w->k, "vmemmap", w->map);
    head = mk_alloc(w->k, 16);
    mk_list_append(w->k, head, mk_at(w->k, w->g.sb, "super_block.s_list"));
    mk_symbol(w->k, "super_blocks", head);
    mk_put(w->k, w->g.type, "file_system_type.name", mk_text(w->k, fs));
    mk_put(w->k, w->g.type, "file_system_type.fs_flags", 1);
    mk_put(w->k, w->g.sb, "super_block.s_root", w->g.top);
    mk_put(w->k, w->g.sb, "super_block.s_dev", 8u << 20 | 1);
    init = mk_guest_task(&w->g, 1, "init", 0);
    MK_MM(&w->g, init, "init\0", "");
    cache = mk_object(w->k, "kmem_cache");
    mk_list_append(w->k, mk_alloc(w->k, 16), mk_at(w->k, cache, "kmem_cache.list"));
    pa = mk_physical(w->k, init);
    mk_put(w->k, page_struct(w, pa / w->g.page), "page.flags", 2);
    mk_put(w->k, page_struct(w, pa / w->g.page), "slab.slab_cache", cache);
}

static void end(struct world *w)
{
    char text[200];

    free(w->bytes);
    snprintf(text, sizeof text, "chmod -R u+rwX %s && rm -rf %s", w->top, w->top);
    assert_int_equal(system(text), 0);
    mk_free(w->k);
}

static uint64_t inode_of(struct world *w, uint64_t dentry)
{
    return mk_of(&w->g, dentry, "dentry.d_inode");
}

/** One more name of an inode. */
static void name(struct world *w, uint64_t dentry, uint64_t inode)
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
static uint64_t file(struct world *w, uint64_t parent, const char *text, unsigned mode,
                     uint64_t size)
{
    const uint64_t d = mk_guest_dentry(&w->g, parent ? parent : w->g.top, text);
    const uint64_t inode = inode_of(w, d);

    mk_put(w->k, inode, "inode.i_mode", mode);
    mk_put(w->k, inode, "inode.i_size", size);
    mk_put(w->k, inode, "inode.i_uid", 1000);
    mk_put(w->k, inode, "inode.i_mtime_sec", 1000000000);
    mk_put(w->k, inode, "inode.i_mtime_nsec", 5);
    name(w, d, inode);
    return d;
}

static uint64_t slot(struct world *w, uint64_t node, unsigned i)
{
    return mk_at(w->k, node, "xa_node.slots") + i * mk_model(w->k)->ptr_size;
}

/** An entry of a file's page cache. The tree has as many levels as the first one needs. */
static void set(struct world *w, uint64_t dentry, uint64_t index, uint64_t value)
{
    const uint64_t mapping = mk_at(w->k, inode_of(w, dentry), "inode.i_data");
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
static uint64_t folio(struct world *w, uint64_t dentry, uint64_t index, unsigned pages,
                      const char *letters, unsigned flags)
{
    const uint64_t mapping = mk_at(w->k, inode_of(w, dentry), "inode.i_data");
    uint64_t first;
    size_t len;
    uint8_t *ram = mk_ram(w->k, &len);

    w->free = (w->free + pages - 1) / pages * pages;
    first = w->free;
    w->free += pages;
    for (unsigned i = 0; i < pages; i++) {
        memset(ram + (first + i) * w->g.page, letters[i], w->g.page);
        if (i) {
            mk_put(w->k, page_struct(w, first + i), "page.compound_head",
                   page_struct(w, first) | 1);
            set(w, dentry, index + i, (index & 63) << 2 | 2); // a sibling
        }
    }
    mk_put(w->k, page_struct(w, first), "page.mapping", mapping);
    mk_put(w->k, page_struct(w, first), "page.index", index);
    mk_put(w->k, page_struct(w, first), "page.flags", flags);
    set(w, dentry, index, page_struct(w, first));
    return first;
}

static const char *recover(struct world *w, const char *args)
{
    const char *rows;

    mk_out_dir = w->dir;
    rows = mk_guest_rows(&w->g, "recover", args);
    mk_out_dir = NULL;
    return rows;
}

/** A file below the folder of -o. */
static bool load(struct world *w, const char *path)
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
static bool has(struct world *w, uint64_t index, char c, size_t n)
{
    const size_t at = (size_t)(index * w->g.page);

    for (size_t i = at; i < at + n; i++)
        if (i >= w->len || w->bytes[i] != c)
            return false;
    return true;
}

static bool manifest(struct world *w, const char *text)
{
    if (!load(w, "manifest.jsonl"))
        return false;
    w->bytes[w->len] = 0;
    return strstr(w->bytes, text) != NULL;
}

#define TOP "unmounted-8-1-ext4"

static void whole(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w;
        uint64_t d, page;
        struct stat st;
        char path[200];

        begin(&w, m, "ext4");
        page = w.g.page;
        d = file(&w, 0, "whole", REG, 2 * page + 10);
        folio(&w, d, 0, 1, "a", FRESH);
        folio(&w, d, 1, 1, "b", FRESH | DIRTY);
        folio(&w, d, 2, 1, "c", FRESH);
        assert_string_equal(mk_columns(recover(&w, NULL), 0, 7),
                            page == 4096    ? "/whole|" TOP "/whole|8202|3|3|1|0|true"
                            : page == 16384 ? "/whole|" TOP "/whole|32778|3|3|1|0|true"
                                            : "/whole|" TOP "/whole|131082|3|3|1|0|true");
        assert_true(load(&w, TOP "/whole"));
        assert_int_equal(w.len, 2 * page + 10);
        assert_true(has(&w, 0, 'a', page) && has(&w, 1, 'b', page) && has(&w, 2, 'c', 10));
        snprintf(path, sizeof path, "%s/" TOP "/whole", w.dir);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mtim.tv_sec, 1000000000);
        assert_int_equal(st.st_mtim.tv_nsec, 5);
        assert_int_equal(st.st_mode & 07777, 0644);
        assert_true(manifest(&w,
                             "\"present\":[[0,2]],\"dirty\":[[1,1]],\"swapped\":[],\"zeros\":[],"
                             "\"partial\":[],\"missing\":[]"));
        assert_true(manifest(&w, "\"mtime\":\"2001-09-09T01:46:40.000000005Z\""));
        assert_true(manifest(&w, "\"mode\":\"100644\",\"uid\":1000"));
        end(&w);
    }
}

/* What is missing, and why; each with its neighbour that is there. */
static void parts(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w;
        uint64_t d, page;

        begin(&w, m, "ext4");
        page = w.g.page;
        d = file(&w, 0, "parts", REG, 20 * page);
        folio(&w, d, 0, 1, "a", FRESH);
        folio(&w, d, 2, 1, "b", 0);        // on its way from the disk
        folio(&w, d, 3, 1, "c", DIRTY);    // written in part
        folio(&w, d, 4, 4, "defg", FRESH); // a large one, with siblings
        set(&w, d, 8, page_struct(&w, folio(&w, d, 9, 1, "h", FRESH))); // says that it is page 9
        folio(&w, d, 10, 2, "ij", FRESH);
        mk_put(w.k, page_struct(&w, w.free - 1), "page.compound_head", 0); // no part of it
        folio(&w, d, 12, 1, "k", FRESH);
        mk_put(w.k, page_struct(&w, w.free - 1), "page.mapping", 0x1230); // another file's
        set(&w, d, 14, 5); // a mark of a page that left
        set(&w, d, 15, w.map + 1000000 * w.size);
        folio(&w, d, 30, 1, "z", FRESH); // behind its end
        recover(&w, NULL);
        assert_true(
            mk_row_notes("4 entries of its page cache lead to pages that are not its own") == 1);
        assert_true(load(&w, TOP "/parts"));
        assert_int_equal(w.len, 20 * page);
        assert_true(has(&w, 0, 'a', page) && has(&w, 1, 0, 2 * page) && has(&w, 3, 'c', page) &&
                    has(&w, 4, 'd', page) && has(&w, 7, 'g', page) && has(&w, 8, 0, page) &&
                    has(&w, 9, 'h', page) && has(&w, 10, 0, 10 * page));
        assert_true(manifest(&w, "\"whole\":false"));
        assert_true(manifest(&w, "\"present\":[[0,0],[3,7],[9,9]],\"dirty\":[[3,3]],"
                                 "\"swapped\":[],\"zeros\":[],\"partial\":[[3,3]]"));
        assert_true(manifest(&w, "\"sha256\":null"));
        end(&w);
    }
}

/* In memory only: what is not there was never written. */
static void memory(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w;
        uint64_t d;

        begin(&w, m, "tmpfs");
        d = file(&w, 0, "t", REG, 3 * w.g.page);
        folio(&w, d, 1, 1, "m", FRESH);
        folio(&w, d, 2, 1, "x", 0); // allocated, not cleared
        file(&w, 0, "empty", REG, 0);
        recover(&w, NULL);
        assert_true(load(&w, "unmounted-8-1-tmpfs/t"));
        assert_int_equal(w.len, 3 * w.g.page);
        assert_true(has(&w, 0, 0, w.g.page) && has(&w, 1, 'm', w.g.page) &&
                    has(&w, 2, 0, w.g.page));
        assert_true(manifest(&w, "\"whole\":true"));
        assert_true(manifest(&w, "\"zeros\":[[0,0],[2,2]]"));
        assert_true(load(&w, "unmounted-8-1-tmpfs/empty"));
        assert_int_equal(w.len, 0);
        end(&w);
    }
}

/* Sizes that are claimed cost nothing. */
static void sizes(void **state)
{
    static const uint64_t claimed[] = { INT64_MAX, UINT64_C(1) << 40, UINT64_C(1) << 62 };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(claimed); i++) for (int tar = 0; tar < 2;
                                                                          tar++)
    {
        struct world w;
        struct stat st;
        char path[200];
        uint64_t d, index;

        if (!m->arch)
            continue; // no index reaches so far
        begin(&w, m, "ext4");
        index = (UINT64_C(1) << 40) / w.g.page - 1;
        d = file(&w, 0, "large", REG, claimed[i]);
        folio(&w, d, index, 1, "l", FRESH);
        folio(&w, d, 3, 1, "s", FRESH);
        recover(&w, tar ? "tar=x.tar" : NULL);
        snprintf(path, sizeof path, "%s/%s", w.dir, tar ? "x.tar" : TOP "/large");
        assert_int_equal(stat(path, &st), 0);
        assert_true(st.st_blocks * 512 < 1 << 20);
        if (!tar) {
            char got[2];
            FILE *f = fopen(path, "rb");

            assert_true(st.st_size >= (off_t)1 << 40);
            assert_int_equal(fseeko(f, (off_t)((index + 1) * w.g.page - 1), SEEK_SET), 0);
            assert_int_equal(fread(got, 1, 1, f), 1);
            assert_int_equal(got[0], 'l');
            fclose(f);
        }
        assert_true(manifest(&w, "\"page_size\""));
        end(&w);
    }
}

static int n_entries;
static int count(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)path, (void)st, (void)at;
    n_entries += type == FTW_F;
    return type == FTW_SL || type == FTW_NS; // none was made
}

/* Names are not trusted: each file is below the folder, and the manifest has its true name. */
static void hostile(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        static const char *const names[] = {
            "..", "../../../x", "/etc/passwd", "a\x1b[2J", "Case", "cASE", ".", "same", "same", ""
        };
        struct world w;
        uint64_t d, folder, loop;
        char path[100];

        begin(&w, m, "ext4");
        for (size_t i = 0; i < countof(names); i++) {
            d = file(&w, 0, names[i], REG, 5);
            folio(&w, d, 0, 1, "n", FRESH);
        }
        folder = file(&w, 0, "same", FOLDER, 0); // and a file of this name
        d = file(&w, folder, "in", REG, 5);
        folio(&w, d, 0, 1, "n", FRESH);
        folder = file(&w, 0, "loop", FOLDER, 0);
        loop = file(&w, folder, "loop", FOLDER, 0);
        mk_put(w.k, folder, "dentry.d_parent", loop);
        d = file(&w, folder, "in", REG, 5);
        folio(&w, d, 0, 1, "n", FRESH);
        d = file(&w, 0, "soft", LINK, 4);
        mk_put(w.k, inode_of(&w, d), "inode.i_link", mk_text(w.k, "/etc"));
        recover(&w, NULL);
        n_entries = 0;
        assert_int_equal(nftw(w.top, count, 16, FTW_PHYS), 0);
        assert_true(n_entries >= 11 + 1 && n_entries <= 12 + 1); // with the manifest
        assert_true(load(&w, TOP "/%2E%2E/%2E%2E/%2E%2E/x") ||
                    load(&w, TOP "/%2E%2E~2/%2E%2E/%2E%2E/x"));
        assert_true(load(&w, TOP "/etc/passwd"));
        assert_true(load(&w, TOP "/a%1B[2J"));
        assert_true(load(&w, TOP "/Case") && load(&w, TOP "/cASE~2"));
        assert_true(manifest(&w, "\"path\":\"/..\""));
        assert_true(manifest(&w, "a\\u001b[2J"));
        assert_true(manifest(&w, "\"target\":\"/etc\""));
        snprintf(path, sizeof path, "%s/x", w.top);
        assert_int_equal(access(path, F_OK), -1);
        end(&w);
    }
}

static void tar_links(void **state)
{
    struct world w;
    char text[600];
    uint64_t d, inode;

    (void)state;
    if (system("tar --version > /dev/null 2>&1") != 0)
        return;
    begin(&w, &mk_machines[0], "ext4");
    d = file(&w, 0, "one", 0104711, 300 * w.g.page + 7);
    inode = inode_of(&w, d);
    folio(&w, d, 200, 1, "q", FRESH);
    folio(&w, d, 3, 1, "p", FRESH);
    name(&w, mk_guest_dentry(&w.g, w.g.top, "two"), inode);
    mk_put(w.k, inode, "inode.i_nlink", 2);
    d = file(&w, 0, "none", REG, 4 * w.g.page); // all of it zeros
    folio(&w, d, 1, 1, "\0", FRESH);
    d = file(&w, 0, "soft", LINK, 4);
    mk_put(w.k, inode_of(&w, d), "inode.i_link", mk_text(w.k, "one"));
    assert_non_null(strstr(recover(&w, "tar=x.tar"), "|" TOP "/"));
    snprintf(text, sizeof text,
             "cd %s && tar -xpf x.tar && test one -ef one || cd " TOP " && test one -ef two && "
             "test -L soft && test \"$(stat -c %%s.%%a one)\" = 1228807.4711 && "
             "test \"$(stat -c %%b one)\" -lt 100 && test \"$(stat -c %%s none)\" = 16384",
             w.dir);
    assert_int_equal(system(text), 0);
    assert_true(load(&w, TOP "/one"));
    assert_true(has(&w, 3, 'p', 4096) && has(&w, 200, 'q', 4096) && has(&w, 4, 0, 4096));
    end(&w);
}

static void known(void **state)
{
    struct world w;
    char text[100], args[128], *sum;
    uint64_t d;

    (void)state;
    begin(&w, &mk_machines[0], "ext4");
    d = file(&w, 0, "first", REG, 100);
    folio(&w, d, 0, 1, "1", FRESH);
    d = file(&w, 0, "second", REG, 100);
    folio(&w, d, 0, 1, "2", FRESH);
    d = file(&w, 0, "third", REG, 100);
    folio(&w, d, 0, 1, "2", FRESH); // the same bytes
    recover(&w, NULL);
    assert_true(load(&w, "manifest.jsonl"));
    w.bytes[w.len] = 0;
    sum = strstr(strstr(w.bytes, "/second"), "\"sha256\":\"") + 10;
    snprintf(text, sizeof text, "%s/list", w.top);
    {
        FILE *f = fopen(text, "wb");

        fprintf(f, "# a list\n%.64s  /usr/bin/x\n%.63s  cut\nx%.64s\n", sum, sum, sum);
        fclose(f);
    }
    snprintf(args, sizeof args, "rm -rf %s", w.dir);
    assert_int_equal(system(args), 0);
    snprintf(args, sizeof args, "known=%s", text);
    recover(&w, args);
    assert_true(load(&w, TOP "/first"));
    assert_false(load(&w, TOP "/second"));
    assert_false(load(&w, TOP "/third"));
    assert_true(manifest(&w, "\"known\":true"));
    end(&w);
}

/* The same files in the other plugins. */
static void listed(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w;
        uint64_t d, pfn, two;
        char want[300], args[64];

        begin(&w, m, "ext4");
        d = file(&w, 0, "one", REG, 9 * w.g.page - 1);
        pfn = folio(&w, d, 4, 4, "defg", FRESH | DIRTY);
        folio(&w, d, 8, 1, "h", FRESH);
        folio(&w, d, 9, 1, "z", FRESH); // behind its end
        two = mk_guest_dentry(&w.g, w.g.top, "two");
        name(&w, two, inode_of(&w, d));
        assert_non_null(
            strstr(mk_columns(mk_guest_rows(&w.g, "files", "path=/one"), 6, 10), "REG|9|5|4|0"));
        assert_non_null(strstr(mk_guest_rows(&w.g, "files", "path=/two"), "|/two|"));
        assert_null(strstr(mk_guest_rows(&w.g, "files", "path=/two"), "|/one|"));
        assert_string_equal(mk_guest_rows(&w.g, "files", "path=/one type=DIR,LNK"), "");
        snprintf(args, sizeof args, "at=%#llx", (unsigned long long)((pfn + 2) * w.g.page + 17));
        snprintf(want, sizeof want, "|6|%llu|", (unsigned long long)(6 * w.g.page + 17));
        assert_non_null(strstr(mk_guest_rows(&w.g, "pagecache", args), want));
        assert_non_null(strstr(mk_guest_rows(&w.g, "pagecache", args), "|/one"));
        assert_non_null(strstr(mk_guest_rows(&w.g, "pagecache", args), "|/two"));
        snprintf(args, sizeof args, "at=%#llx", (unsigned long long)page_struct(&w, pfn + 2));
        if (page_struct(&w, pfn) >> 63) {
            snprintf(want, sizeof want, "|6|%llu|", (unsigned long long)(6 * w.g.page));
            assert_non_null(strstr(mk_guest_rows(&w.g, "pagecache", args), want));
        }
        snprintf(args, sizeof args, "at=%#llx", (unsigned long long)((w.free + 3) * w.g.page));
        assert_null(strstr(mk_guest_rows(&w.g, "pagecache", args), "/one"));
        assert_int_equal(strlen(mk_columns(mk_guest_rows(&w.g, "inodepages", "path=/one"), 4, 4)),
                         strlen("4\n5\n6\n7\n8\n9"));
        end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole), cmocka_unit_test(parts),   cmocka_unit_test(memory),
        cmocka_unit_test(sizes), cmocka_unit_test(hostile), cmocka_unit_test(tar_links),
        cmocka_unit_test(known), cmocka_unit_test(listed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
