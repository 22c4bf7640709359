/* filecache_test.c - the page cache: files, inodepages and pagecache; folios of which only some
 * blocks are up to date; files of overlays; extended attributes. */
#include "check.h"
#include "mkcache.h"
#include <stdio.h>
#include <string.h>

#define TOP "unmounted-8-1-ext4"

/** Four blocks of the page @pfn; @fresh: a bit for each. @return the first. */
static uint64_t ring(struct mk_cache *w, uint64_t pfn, unsigned fresh)
{
    uint64_t first = 0, last = 0;

    for (unsigned i = 0; i < 4; i++) {
        const uint64_t bh = mk_object(w->k, "buffer_head");

        mk_put(w->k, bh, "buffer_head.b_state", fresh >> i & 1);
        mk_put(w->k, bh, "buffer_head.b_page", mk_cache_page(w, pfn));
        mk_put(w->k, bh, "buffer_head.b_size", w->g.page / 4);
        if (last)
            mk_put(w->k, last, "buffer_head.b_this_page", bh);
        first = first ? first : bh;
        last = bh;
    }
    mk_put(w->k, last, "buffer_head.b_this_page", first);
    return first;
}

/* A page of which some blocks are there: ext4's way, and xfs's. */
static void blocks(void **state)
{
    (void)state;
    mk_each_machine(m) for (int xfs = 0; xfs < 2; xfs++)
    {
        static const struct {
            const char *name;
            unsigned fresh;
            bool other; // the last block says that it is another page's
            bool whole;
        } cases[] = {
            { "first", 1, false, true }, // the file ends in it
            { "second", 2, false, false },
            { "none", 0, false, false },
            { "other", 1, true, false },
        };
        const char *top = xfs ? "unmounted-8-1-xfs" : TOP;

        for (size_t i = 0; i < countof(cases); i++) {
            struct mk_cache w;
            uint64_t d, pfn, private;
            char path[100];

            if (xfs && cases[i].other)
                continue;
            mk_cache_begin(&w, m, xfs ? "xfs" : "ext4");
            d = mk_cache_file(&w, 0, cases[i].name, MK_REG, w.g.page + 100);
            mk_put(w.k, mk_cache_inode(&w, d), "inode.i_blkbits", m->page_shift - 2u);
            mk_cache_folio(&w, d, 0, 1, "a", MK_FRESH);
            pfn = mk_cache_folio(&w, d, 1, 1, "b", 0);
            if (xfs) {
                private = mk_object(w.k, "iomap_folio_state");
                mk_write_ptr(w.k, mk_at(w.k, private, "iomap_folio_state.state"), cases[i].fresh);
            } else {
                private = ring(&w, pfn, cases[i].fresh);
            }
            if (cases[i].other)
                mk_put(w.k, mk_of(&w.g, private, "buffer_head.b_this_page"), "buffer_head.b_page",
                       mk_cache_page(&w, pfn + 1));
            mk_put(w.k, mk_cache_page(&w, pfn), "page.private", private);
            mk_cache_recover(&w, NULL);
            snprintf(path, sizeof path, "%s/%s", top, cases[i].name);
            assert_true(mk_cache_load(&w, path));
            assert_int_equal(w.len, w.g.page + 100);
            assert_true(mk_cache_has(&w, 0, 'a', w.g.page) &&
                        mk_cache_has(&w, 1, cases[i].whole ? 'b' : 0, 100));
            assert_true(
                mk_cache_manifest(&w, cases[i].whole ? "\"whole\":true" : "\"whole\":false"));
            mk_cache_end(&w);
        }
    }
}

/* The same files in the other plugins. */
static void listed(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_cache w;
        uint64_t d, pfn, two;
        char want[300], args[64];

        mk_cache_begin(&w, m, "ext4");
        d = mk_cache_file(&w, 0, "one", MK_REG, 9 * w.g.page - 1);
        pfn = mk_cache_folio(&w, d, 4, 4, "defg", MK_FRESH | MK_DIRTY);
        mk_cache_folio(&w, d, 8, 1, "h", MK_FRESH);
        mk_cache_folio(&w, d, 9, 1, "z", MK_FRESH); // behind its end
        two = mk_guest_dentry(&w.g, w.g.top, "two");
        mk_cache_name(&w, two, mk_cache_inode(&w, d));
        assert_non_null(
            strstr(mk_columns(mk_guest_rows(&w.g, "files", "path=/one"), 6, 10), "REG|9|5|4|0"));
        assert_non_null(strstr(mk_guest_rows(&w.g, "files", "path=/two"), "|/two|"));
        assert_null(strstr(mk_guest_rows(&w.g, "files", "path=/two"), "|/one|"));
        assert_int_equal(mk_row_notes("nothing that the options choose"), 0);
        assert_string_equal(mk_guest_rows(&w.g, "files", "path=/one type=DIR,LNK"), "");
        assert_int_equal(mk_row_notes("nothing that the options choose is in memory"), 1);
        snprintf(args, sizeof args, "at=%#llx", (unsigned long long)((pfn + 2) * w.g.page + 17));
        snprintf(want, sizeof want, "|6|%llu|", (unsigned long long)(6 * w.g.page + 17));
        assert_non_null(strstr(mk_guest_rows(&w.g, "pagecache", args), want));
        assert_non_null(strstr(mk_guest_rows(&w.g, "pagecache", args), "|/one"));
        assert_non_null(strstr(mk_guest_rows(&w.g, "pagecache", args), "|/two"));
        snprintf(args, sizeof args, "at=%#llx", (unsigned long long)mk_cache_page(&w, pfn + 2));
        if (mk_cache_page(&w, pfn) >> 63) {
            snprintf(want, sizeof want, "|6|%llu|", (unsigned long long)(6 * w.g.page));
            assert_non_null(strstr(mk_guest_rows(&w.g, "pagecache", args), want));
        }
        snprintf(args, sizeof args, "at=%#llx", (unsigned long long)((w.free + 3) * w.g.page));
        assert_null(strstr(mk_guest_rows(&w.g, "pagecache", args), "/one"));
        assert_int_equal(strlen(mk_columns(mk_guest_rows(&w.g, "inodepages", "path=/one"), 4, 4)),
                         strlen("4\n5\n6\n7\n8\n9"));
        mk_cache_end(&w);
    }
}

/* Pages of shared memory that are in zram; one that is no more. */
static void swapped(void **state)
{
    (void)state;
    mk_each_machine(m) if (m->arch)
    {
        struct mk_cache w;
        uint64_t d, info, zram, table, disk, bdev;

        mk_cache_begin(&w, m, "tmpfs");
        info = mk_object(w.k, "swap_info_struct");
        zram = mk_object(w.k, "zram");
        table = mk_alloc(w.k, 64 * 16);
        disk = mk_object(w.k, "gendisk");
        bdev = mk_object(w.k, "block_device");
        mk_write_ptr(w.k, w.swap, info);
        mk_put(w.k, info, "swap_info_struct.flags", 3 | 64);
        mk_put(w.k, info, "swap_info_struct.max", 64);
        mk_put(w.k, info, "swap_info_struct.bdev", bdev);
        mk_put(w.k, bdev, "block_device.bd_disk", disk);
        mk_puts(w.k, disk, "gendisk.disk_name", "zram0");
        mk_put(w.k, disk, "gendisk.private_data", zram);
        mk_put(w.k, zram, "zram.table", table);
        mk_put(w.k, zram, "zram.disk", disk);
        mk_put(w.k, zram, "zram.disksize", 64 * w.g.page);
        for (uint64_t i = 10; i < 12; i++) { // all of the page is this word
            mk_write_ptr(w.k, table + 16 * i,
                         UINT64_C(0x4848484848484848) + (i - 10) * 0x0101010101010101);
            mk_write_ptr(w.k, table + 16 * i + 8, 1 << 21);
        }
        d = mk_cache_file(&w, 0, "all", MK_REG, 4 * w.g.page + 10);
        mk_cache_folio(&w, d, 1, 1, "m", MK_FRESH);
        mk_cache_set(&w, d, 2, 10 << 1 | 1);
        mk_cache_set(&w, d, 4, 11 << 1 | 1); // the file ends in it
        d = mk_cache_file(&w, 0, "lost", MK_REG, 2 * w.g.page);
        mk_cache_set(&w, d, 0, 10 << 1 | 1);
        mk_cache_set(&w, d, 1, 12 << 1 | 1); // nothing is there
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "files", "path=/all"), 7, 10),
                            "5|1|0|2");
        assert_non_null(strstr(mk_cache_recover(&w, NULL), "|5|1|0|2|true|"));
        assert_true(mk_cache_load(&w, "unmounted-8-1-tmpfs/all"));
        assert_int_equal(w.len, 4 * w.g.page + 10);
        assert_true(mk_cache_has(&w, 0, 0, w.g.page) && mk_cache_has(&w, 1, 'm', w.g.page) &&
                    mk_cache_has(&w, 2, 'H', w.g.page) && mk_cache_has(&w, 3, 0, w.g.page) &&
                    mk_cache_has(&w, 4, 'I', 10));
        assert_true(mk_cache_load(&w, "unmounted-8-1-tmpfs/lost"));
        assert_true(mk_cache_has(&w, 0, 'H', w.g.page) && mk_cache_has(&w, 1, 0, w.g.page));
        assert_true(mk_cache_manifest(&w, "\"missing\":[[1,1,\"swapped out\"]]"));
        assert_true(mk_cache_manifest(&w, "\"swapped\":[[2,2],[4,4]]"));
        mk_cache_end(&w);
    }
}

/* Huge pages, counted as such (until 6.7): what has none was never written. */
static void huge(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_cache w;
        uint64_t d, pfn;

        mk_cache_begin(&w, m, "hugetlbfs");
        d = mk_cache_file(&w, 0, "h", MK_REG, 8 * w.g.page);
        mk_put(w.k, mk_cache_inode(&w, d), "inode.i_blkbits", m->page_shift + 2u);
        pfn = mk_cache_folio(&w, d, 4, 4, "wxyz", MK_FRESH);
        for (unsigned i = 4; i < 8; i++)
            mk_cache_set(&w, d, i, 0);
        mk_put(w.k, mk_cache_page(&w, pfn), "page.index", 1);
        mk_cache_set(&w, d, 1, mk_cache_page(&w, pfn));
        mk_cache_recover(&w, NULL);
        assert_true(mk_cache_load(&w, "unmounted-8-1-hugetlbfs/h"));
        assert_int_equal(w.len, 8 * w.g.page);
        assert_true(mk_cache_has(&w, 0, 0, 4 * w.g.page) && mk_cache_has(&w, 4, 'w', w.g.page) &&
                    mk_cache_has(&w, 7, 'z', w.g.page));
        assert_true(mk_cache_manifest(&w, "\"whole\":true"));
        mk_cache_end(&w);
    }
}

static void add_xattr(struct mk_cache *w, uint64_t head, const char *name, const char *value,
                      size_t len)
{
    const uint64_t x = mk_object(w->k, "simple_xattr");

    mk_put(w->k, x, "simple_xattr.name", mk_text(w->k, name));
    mk_put(w->k, x, "simple_xattr.size", len);
    mk_write(w->k, mk_at(w->k, x, "simple_xattr.value"), value, len > 8 ? 8 : len);
    mk_list_append(w->k, head, mk_at(w->k, x, "simple_xattr.list"));
}

/* Attributes that are in memory: tmpfs's, access control lists, what fits into xfs's inode. */
static void attributes(void **state)
{
    static const char short_form[] = "\0\x1e\3\0"
                                     "\3\5\0labwords"
                                     "\3\1\2rtv\1"
                                     "\2\0\4se";

    (void)state;
    mk_each_machine(m)
    {
        struct mk_cache w;
        uint64_t d, object, acl, entry;

        mk_cache_begin(&w, m, "tmpfs");
        d = mk_cache_file(&w, 0, "x", MK_REG, 0);
        object = mk_cache_embed(&w, d, "shmem_inode_info", "shmem_inode_info.vfs_inode");
        mk_list(w.k, mk_at(w.k, object, "shmem_inode_info.xattrs.head"), NULL, 0);
        add_xattr(&w, mk_at(w.k, object, "shmem_inode_info.xattrs.head"), "user.b", "words", 5);
        add_xattr(&w, mk_at(w.k, object, "shmem_inode_info.xattrs.head"), "trusted.a", "\1\2", 2);
        add_xattr(&w, mk_at(w.k, object, "shmem_inode_info.xattrs.head"), "user.huge", "xxxxxxxx",
                  70000);
        acl = mk_object(w.k, "posix_acl");
        mk_put(w.k, acl, "posix_acl.a_count", 2);
        entry = mk_at(w.k, acl, "posix_acl.a_entries");
        mk_put(w.k, entry, "posix_acl_entry.e_tag", 1);
        mk_put(w.k, entry, "posix_acl_entry.e_perm", 6);
        entry += mk_at(w.k, 0, "posix_acl_entry.e_uid") + 4;
        mk_put(w.k, entry, "posix_acl_entry.e_tag", 2);
        mk_put(w.k, entry, "posix_acl_entry.e_perm", 4);
        mk_put(w.k, entry, "posix_acl_entry.e_uid", 1001);
        mk_put(w.k, mk_cache_inode(&w, d), "inode.i_acl", acl);
        mk_put(w.k, mk_cache_inode(&w, d), "inode.i_default_acl", UINT64_MAX); // not cached
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "files", "path=/x"), 22, 22),
                            "system.posix_acl_access=0x0200000001000600ffffffff02000400e9030000, "
                            "trusted.a=0x0102, user.b=\"words\"");
        mk_cache_end(&w);

        mk_cache_begin(&w, m, "xfs");
        d = mk_cache_file(&w, 0, "x", MK_LINK, 5);
        object = mk_cache_embed(&w, d, "xfs_inode", "xfs_inode.i_vnode");
        mk_put(w.k, object, "xfs_inode.i_af.if_format", 1);
        mk_put(w.k, object, "xfs_inode.i_af.if_bytes", sizeof short_form - 1);
        acl = mk_alloc(w.k, sizeof short_form);
        mk_write(w.k, acl, short_form, sizeof short_form);
        mk_put(w.k, object, "xfs_inode.i_af.if_data", acl);
        mk_put(w.k, object, "xfs_inode.i_df.if_format", 1);
        mk_put(w.k, object, "xfs_inode.i_df.if_bytes", 8);
        mk_put(w.k, object, "xfs_inode.i_df.if_data", mk_text(w.k, "where it leads"));
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "files", "path=/x"), 21, 22),
                            "where|security.se=\"\", trusted.rtv=0x01, user.lab=\"words\"");
        mk_put(w.k, object, "xfs_inode.i_af.if_format", 2); // in blocks of the disk
        mk_put(w.k, object, "xfs_inode.i_df.if_format", 2);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "files", "path=/x"), 21, 22), "|");
        mk_cache_end(&w);
    }
}

/* A file of an overlay has the pages of the one below, and its name too. */
static void overlay(void **state)
{
    (void)state;
    mk_each_machine(m) for (int upper = 0; upper < 2; upper++)
    {
        struct mk_cache w;
        uint64_t d, below, object, sb, type, entry, top;

        mk_cache_begin(&w, m, "ext4");
        below = mk_cache_file(&w, 0, "below", MK_REG, 10);
        mk_cache_folio(&w, below, 0, 1, "o", MK_FRESH);
        type = mk_object(w.k, "file_system_type");
        mk_put(w.k, type, "file_system_type.name", mk_text(w.k, "overlay"));
        sb = mk_object(w.k, "super_block");
        mk_put(w.k, sb, "super_block.s_type", type);
        mk_list_append(w.k, w.supers, mk_at(w.k, sb, "super_block.s_list"));
        top = mk_guest_dentry(&w.g, 0, "/");
        mk_put(w.k, sb, "super_block.s_root", top);
        mk_put(w.k, top, "dentry.d_sb", sb);
        mk_put(w.k, mk_cache_inode(&w, top), "inode.i_sb", sb);
        d = mk_cache_file(&w, top, "merged", MK_REG, 10);
        mk_put(w.k, d, "dentry.d_sb", sb);
        mk_put(w.k, mk_cache_inode(&w, d), "inode.i_sb", sb);
        object = mk_cache_embed(&w, d, "ovl_inode", "ovl_inode.vfs_inode");
        if (upper) {
            mk_put(w.k, object, "ovl_inode.__upperdentry", below);
        } else {
            entry = mk_object(w.k, "ovl_entry");
            mk_put(w.k, entry, "ovl_entry.__numlower", 2);
            mk_put(w.k, object, "ovl_inode.oe", entry);
            entry = mk_at(w.k, entry, "ovl_entry.__lowerstack");
            entry += 2 * mk_model(w.k)->ptr_size; // the second one
            mk_put(w.k, entry, "ovl_path.dentry", below);
        }
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "files", "path=/merged"), 7, 9),
                            "1|1|0");
        mk_cache_recover(&w, NULL);
        assert_true(mk_cache_load(&w, TOP "/below") && mk_cache_has(&w, 0, 'o', 10));
        assert_true(mk_cache_load(&w, "files/merged") && mk_cache_has(&w, 0, 'o', 10));
        mk_cache_end(&w);

        // One that says of itself that it lies below is no circle.
        mk_cache_begin(&w, m, "overlay");
        d = mk_cache_file(&w, 0, "merged", MK_REG, 10);
        object = mk_cache_embed(&w, d, "ovl_inode", "ovl_inode.vfs_inode");
        mk_put(w.k, object, "ovl_inode.__upperdentry", d);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "files", "path=/merged"), 7, 9),
                            "1|0|0");
        mk_cache_recover(&w, NULL);
        mk_cache_end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks), cmocka_unit_test(listed),     cmocka_unit_test(swapped),
        cmocka_unit_test(huge),   cmocka_unit_test(attributes), cmocka_unit_test(overlay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
