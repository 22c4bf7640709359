/* swap_test.c - swapped pages through a process's space: from each place, in the order in which the
 * kernel looks, and damage at each step. */
#include "../../../plugins/linux/own/owners.h"
#include "mkswap.h"
#include "search.h"
#include <unistd.h>

/* ---- zram ---- */

static void zram(void **state)
{
    (void)state;
    each_form(m, form)
    {
        struct world w = make(m, form);
        uint8_t bytes[1024];
        char rows[160];
        size_t n;

        opened(&w);
        for (uint64_t i = 0; i < 12; i++)
            put_entry(&w, i, entry_of(&w, 0, i + 1));
        for (unsigned i = 0; i < 8; i++) { // each object of the chain, also those across two pages
            char words[32];

            snprintf(words, sizeof words, "page %u", i);
            n = packed(&w, words, bytes, sizeof bytes);
            put_slot(&w, i + 1, store(&w, i, bytes, n), n);
        }
        put_slot(&w, 9, UINT64_C(0x4847464544434241), SAME);
        put_slot(&w, 10, w.handles, WRITTEN | 20);
        put_slot(&w, 11, 0, 0);
        put_slot(&w, 12, w.handles + 8 * 7, SECOND | n);
        for (unsigned i = 0; i < 8; i++) {
            char words[32];

            snprintf(words, sizeof words, "page %u", i);
            assert_string_equal(page_text(&w, i), words);
        }
        assert_memory_equal(page_text(&w, 8), "ABCDEFGHABCDEFGH", 16);
        assert_string_equal(page_text(&w, 9),
                            "-swapped out: a device slot 10: zram wrote it to its backing device");
        assert_string_equal(page_text(&w, 10),
                            "-swapped out: a device slot 11: zram has nothing there");
        assert_non_null(strstr(page_text(&w, 11), "deflate"));
        assert_non_null(strstr(page_text(&w, 11), "compressed data is damaged"));
        assert_string_equal(mk_columns(mk_rows(w.k, "swapped", NULL), 3, 6),
                            "zram|zstd|8|0\nzram|same|1|0\nlost||2|2\nzram|deflate|1|1");
        snprintf(rows, sizeof rows, "partition|%llu|%llu|10|zram|zstd,deflate\nfile|%llu|%llu|-1||",
                 63ull * w.page, 5ull * w.page, 63ull * w.page, 5ull * w.page);
        assert_string_equal(mk_columns(mk_rows(w.k, "swaps", NULL), 2, 7), rows);
        mk_free(w.k);
    }
}

static void damaged_zram(void **state)
{
    static const char no_object[] = "leads to no object";

    (void)state;
    each_form(m, form)
    {
        struct world w = make(m, form);
        uint8_t bytes[1024];
        uint64_t handle, word;
        size_t n;

        opened(&w);
        put_entry(&w, 0, entry_of(&w, 0, 5));
        put_entry(&w, 1, entry_of(&w, 1, 9)); // by which the form is known
        n = packed(&w, "words", bytes, sizeof bytes);
        handle = store(&w, 2, bytes, n);
        put_slot(&w, 5, handle, n);
        assert_string_equal(page_text(&w, 0), "words");
        // Sizes: one too long or too short, longer than the object, longer than a page.
        put_slot(&w, 5, handle, n - 1);
        assert_non_null(strstr(page_text(&w, 0), "compressed data is damaged"));
        put_slot(&w, 5, handle, w.size - 7);
        assert_non_null(strstr(page_text(&w, 0), "longer than the object"));
        put_slot(&w, 5, handle, w.page + 1);
        assert_non_null(strstr(page_text(&w, 0), "size of it cannot be true"));
        put_slot(&w, 5, handle, 0);
        assert_non_null(strstr(page_text(&w, 0), "size of it cannot be true"));
        // Handles: of nothing, of itself, crooked.
        put_slot(&w, 5, w.user, n);
        assert_non_null(strstr(page_text(&w, 0), no_object));
        put_slot(&w, 5, handle + 4, n);
        assert_non_null(strstr(page_text(&w, 0), no_object));
        put_slot(&w, 5, handle, n);
        word = mk_read_ptr(w.k, handle);
        mk_write_ptr(w.k, handle, handle);
        assert_non_null(strstr(page_text(&w, 0), no_object));
        mk_write_ptr(w.k, handle, word + 2); // the next object
        assert_non_null(strstr(page_text(&w, 0), no_object));
        mk_write_ptr(w.k, handle, UINT64_MAX);
        assert_non_null(strstr(page_text(&w, 0), no_object));
        mk_write_ptr(w.k, handle, word);
        assert_string_equal(page_text(&w, 0), "words");
        // The chain: a class of no size, one that does not fit, the magic number, a loop.
        mk_put(w.k, w.zspage, "zspage.magic", MAGIC + 1);
        assert_non_null(strstr(page_text(&w, 0), no_object));
        mk_put(w.k, w.zspage, "zspage.magic", MAGIC);
        mk_put(w.k, w.zspage, "zspage.class", 6);
        assert_non_null(strstr(page_text(&w, 0), no_object));
        mk_put(w.k, w.zspage, "zspage.class", 511);
        assert_non_null(strstr(page_text(&w, 0), no_object));
        mk_put(w.k, w.zspage, "zspage.class", 5);
        n = 0;
        for (uint64_t i = 0; i < w.size - 8; i++) // what does not pack spans both pages
            bytes[i % sizeof bytes] = (uint8_t)(i * 7);
        handle = store(&w, 2, bytes, EG_MIN(sizeof bytes, w.size - 8));
        put_slot(&w, 5, handle, w.size - 8);
        mk_put(w.k, page_of(&w, w.chain[0]), "page.index", 0);
        assert_non_null(strstr(page_text(&w, 0), "page of its compressed data cannot be read"));
        mk_put(w.k, page_of(&w, w.chain[0]), "page.index", w.map + 1);
        assert_non_null(strstr(page_text(&w, 0), "page of its compressed data cannot be read"));
        mk_put(w.k, page_of(&w, w.chain[0]), "page.index", page_of(&w, w.chain[0]));
        assert_non_null(strstr(page_text(&w, 0), "compressed data is damaged"));
        link_pool(&w);
        // Slots that are none, and devices.
        put_entry(&w, 0, entry_of(&w, 0, SLOTS));
        assert_non_null(strstr(page_text(&w, 0), "no such slot"));
        put_entry(&w, 0, entry_of(&w, 7, 5));
        assert_string_equal(page_text(&w, 0), "-swapped out: device 7, which there is not, slot 5");
        mk_free(w.k);
    }
}

/* ---- the others ---- */

static void before_the_device(void **state)
{
    (void)state;
    each_form(m, form)
    {
        struct world w = make(m, form);
        const uint64_t spaces = mk_alloc(w.k, 32 * 8), cache = mk_object(w.k, "address_space");
        const uint64_t node = mk_object(w.k, "xa_node"), zeros = mk_alloc(w.k, 16);
        const uint64_t at = mk_alloc_aligned(w.k, w.page, w.page), slot = UINT64_C(1) << 58 | 9;

        mk_symbol(w.k, "swapper_spaces", spaces);
        mk_write_ptr(w.k, spaces + 8, cache);
        mk_put(w.k, cache, "address_space.i_pages.xa_head", node | 2);
        mk_put(w.k, w.info[1], "swap_info_struct.zeromap", zeros);
        opened(&w);
        put_entry(&w, 0, entry_of(&w, 1, 9));
        put_entry(&w, 1, entry_of(&w, 1, 11));
        put_entry(&w, 2, entry_of(&w, 1, 10));
        mk_write(w.k, at, "on its way", 11);
        mk_write_ptr(w.k, mk_at(w.k, node, "xa_node.slots") + 8 * 9, page_of(&w, at));
        mk_write_ptr(w.k, mk_at(w.k, node, "xa_node.slots") + 8 * 11, 0x1235); // a shadow
        mk_put(w.k, page_of(&w, at), "page.private", slot);
        assert_string_equal(page_text(&w, 0), "on its way");
        assert_string_equal(page_text(&w, 1), "-swapped out: a device slot 11");
        // A sibling: the page behind it, of the same folio; it is not in memory here.
        mk_write_ptr(w.k, mk_at(w.k, node, "xa_node.slots") + 8 * 10, 9 << 2 | 2);
        assert_string_not_equal(page_text(&w, 2), "on its way");
        assert_null(strstr(page_text(&w, 2), "slot"));
        // A page that says that it is of another slot, or device.
        mk_put(w.k, page_of(&w, at), "page.private", slot + 1);
        assert_string_equal(page_text(&w, 0), "-swapped out: a device slot 9");
        mk_put(w.k, page_of(&w, at), "page.private", 9);
        assert_string_equal(page_text(&w, 0), "-swapped out: a device slot 9");
        // A node that leads to itself.
        mk_write_ptr(w.k, mk_at(w.k, node, "xa_node.slots") + 8 * 9, node | 2);
        assert_string_equal(page_text(&w, 0), "-swapped out: a device slot 9");
        // Noted zeros.
        mk_write_ptr(w.k, zeros, 1 << 11);
        assert_string_equal(page_text(&w, 1), "");
        assert_string_equal(page_text(&w, 0), "-swapped out: a device slot 9");
        assert_string_equal(mk_columns(mk_rows(w.k, "swapped", NULL), 3, 6),
                            "device||2|2\nzeros||1|0");
        mk_free(w.k);
    }
}

/** Since 7.1 the table of a cluster. */
static void tables(void **state)
{
    (void)state;
    each_form(m, form)
    {
        struct world w = make(m, form);
        const uint64_t cluster = mk_object(w.k, "swap_cluster_info");
        const uint64_t table = mk_alloc(w.k, 4096);
        const uint64_t at = mk_alloc_aligned(w.k, w.page, w.page), slot = UINT64_C(1) << 58 | 9;
        const uint64_t count = UINT64_C(1) << 60;

        mk_put(w.k, w.info[1], "swap_info_struct.cluster_info", cluster);
        mk_put(w.k, cluster, "swap_cluster_info.table", table);
        opened(&w);
        put_entry(&w, 0, entry_of(&w, 1, 9));
        mk_write(w.k, at, "on its way", 11);
        mk_put(w.k, page_of(&w, at), "page.private", slot);
        assert_string_equal(page_text(&w, 0), "-swapped out: a device slot 9");
        mk_write_ptr(w.k, table + 8 * 9, count | mk_physical(w.k, at) / w.page << 2 | 2);
        assert_string_equal(page_text(&w, 0), "on its way");
        mk_write_ptr(w.k, table + 8 * 9, page_of(&w, at)); // 6.18
        assert_string_equal(page_text(&w, 0), "on its way");
        mk_write_ptr(w.k, table + 8 * 9, count | 0x1235);
        assert_string_equal(page_text(&w, 0), "-swapped out: a device slot 9");
        mk_write_ptr(w.k, table + 8 * 9, UINT64_MAX << 3); // a bad slot
        assert_string_equal(page_text(&w, 0), "-swapped out: a device slot 9");
        mk_write_ptr(w.k, table + 8 * 9, count | (UINT64_MAX >> 8 & ~UINT64_C(3)) | 2);
        assert_string_equal(page_text(&w, 0), "-swapped out: a device slot 9");
        mk_free(w.k);
    }
}

/* ---- files of --swap ---- */

/** A swap area of @slots pages of @page bytes, with words in page 5. @return its name. */
static const char *swap_file(uint64_t page, uint64_t slots, const char *magic)
{
    static char name[64];
    uint8_t *bytes = calloc(slots, page);
    int fd;

    snprintf(name, sizeof name, "/tmp/engram-swap-XXXXXX");
    fd = mkstemp(name);
    assert_true(fd >= 0 && bytes);
    memcpy(bytes + page - 10, magic, 10);
    bytes[1024] = 1;
    bytes[1028] = (uint8_t)(slots - 1);
    strcpy((char *)bytes + 5 * page, "in the file");
    assert_int_equal(write(fd, bytes, slots * page), slots * page);
    close(fd);
    free(bytes);
    return name;
}

static void files(void **state)
{
    static const char none[] = "-swapped out: a device slot 5";
    const uint64_t other = 65536; // a page size that no machine here has
    static const struct {
        const char *magic, *note, *want;
        uint64_t slots;
        bool other, path;
        char block; // of its file system: 'p' as large as a page, 's' smaller; 0: not known
    } cases[] = {
        { "SWAPSPACE2", NULL, "in the file", SLOTS, false, false },
        { "SWAPSPACE2", NULL, "in the file", SLOTS, false, false, 'p' },
        { "SWAPSPACE2", "blocks smaller than a page", none, SLOTS, false, false, 's' },
        { "SWAPSPACE2", "no swap device of this machine has its size", none, SLOTS - 1, false,
          false },
        { "SWAPSPACE2", "no swap device of this machine has its size", none, SLOTS, false, true },
        { "SWAP-SPACE", "does not begin with the header", none, SLOTS, false, false },
        { "SWAPSPACE2", "its pages have 65536 bytes", none, SLOTS, true, false },
    };

    (void)state;
    each_form(m, form) for (size_t i = 0; i < countof(cases); i++)
    {
        struct world w = make(m, form);
        const char *name =
            swap_file(cases[i].other ? other : w.page, cases[i].slots, cases[i].magic);
        char given[128];
        const char *all[] = { given };
        struct eg_run *r;

        if (cases[i].block) {
            const uint64_t file = mk_object(w.k, "file"), inode = mk_object(w.k, "inode");
            const unsigned bits = (unsigned)__builtin_ctzll(w.page);

            mk_put(w.k, w.info[1], "swap_info_struct.swap_file", file);
            mk_put(w.k, file, "file.f_inode", inode);
            mk_put(w.k, inode, "inode.i_blkbits", cases[i].block == 'p' ? bits : bits - 1);
        }
        snprintf(given, sizeof given, "%s%s", cases[i].path ? "/no/such/device=" : "", name);
        opened(&w);
        mk_system(w.k)->options.swap_files = all;
        mk_system(w.k)->options.n_swap_files = 1;
        put_entry(&w, 0, entry_of(&w, 1, 5));
        assert_string_equal(page_text(&w, 0), cases[i].want);
        r = mk_run(w.k);
        assert_non_null(linux_swap(r));
        assert_int_equal(mk_notes(r, "--swap"), cases[i].note != NULL);
        assert_int_equal(mk_notes(r, cases[i].note ? cases[i].note : "--swap"),
                         cases[i].note != NULL);
        unlink(name);
        mk_free(w.k);
    }
}

/* ---- searches ---- */

static const struct eg_plugin asking = { .args = EG_ARGS(EG_ARG(pid, INT, "")) };
static const struct eg_plugin_reg asking_reg = { "asking", __FILE__, &asking };

/** First and last page of each region, or where two pages join. */
static const char *regions_of(const struct world *w)
{
    static char out[256];
    static const struct eg_run_options o = { .quiet = true };
    struct eg_system *sys = mk_system(w->k);
    struct eg_regions all = { 0 };
    struct eg_run *r;
    size_t n = 0;

    assert_int_equal(eg_run_open(&r, sys, &o, NULL), 0);
    r->plugin = &asking_reg;
    assert_int_equal(linux_memory.regions(r, false, 16, &all), 0);
    *out = 0;
    for (size_t i = 0; i < all.list.n; i++) {
        const struct eg_region *x = &all.list.at[i];

        n += (size_t)snprintf(out + n, sizeof out - n, "%s%s%d-%d", i ? " " : "",
                              x->join ? "j" : "", (int)((x->first - w->user) / w->page),
                              (int)((x->last - w->user) / w->page));
    }
    eg_vec_fini(&all.list);
    eg_run_close(r);
    return out;
}

/** A swapped page is searched once, wherever it is mapped, with what lies across its borders. */
static void searched_once(void **state)
{
    (void)state;
    each_form(m, form)
    {
        struct world w = make(m, form);

        opened(&w);
        for (uint64_t slot = 1; slot < 4; slot++)
            put_slot(&w, slot, UINT64_C(0x4847464544434241), SAME);
        put_entry(&w, 0, entry_of(&w, 0, 1));
        put_entry(&w, 1, entry_of(&w, 0, 2));
        put_entry(&w, 2, entry_of(&w, 1, 5)); // not at hand
        put_entry(&w, 4, entry_of(&w, 0, 1)); // again
        assert_string_equal(regions_of(&w), "0-1");
        put_entry(&w, 5, entry_of(&w, 0, 2)); // the same pair again
        assert_string_equal(regions_of(&w), "0-1");
        put_entry(&w, 6, entry_of(&w, 0, 1)); // the other way round
        assert_string_equal(regions_of(&w), "0-1 j5-6");
        put_entry(&w, 8, entry_of(&w, 0, 3));
        assert_string_equal(regions_of(&w), "0-1 j5-6 8-8");
        mk_user_map(w.k, m, w.root, w.user + 9 * w.page, w.chain[0]); // one that is present
        assert_string_equal(regions_of(&w), "0-1 j5-6 8-9");
        mk_free(w.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zram),
        cmocka_unit_test(damaged_zram),
        cmocka_unit_test(before_the_device),
        cmocka_unit_test(tables),
        cmocka_unit_test(files),
        cmocka_unit_test(searched_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
