/* zswap_test.c - pages that zswap keeps: its trees, its allocators, damage. */
#include "mkswap.h"

static void trees(void **state)
{
    (void)state;
    each_form(m, form)
    {
        struct world w = make(m, form);
        const uint64_t trees = mk_alloc(w.k, 32 * 8), tree = mk_object(w.k, "zswap_tree");
        const uint64_t pool = mk_object(w.k, "zswap_pool"), zpool = mk_object(w.k, "zpool");
        const uint64_t driver = mk_object(w.k, "zpool_driver"), data = mk_alloc(w.k, 256);
        uint64_t entry[3];
        uint8_t bytes[256];
        size_t n;

        mk_symbol(w.k, "zswap_trees", trees);
        mk_write_ptr(w.k, trees + 8, tree);
        mk_puts(w.k, pool, "zswap_pool.tfm_name", "zstd");
        mk_put(w.k, pool, "zswap_pool.zpool", zpool);
        mk_put(w.k, zpool, "zpool.driver", driver);
        mk_put(w.k, zpool, "zpool.pool", w.pool);
        mk_put(w.k, driver, "zpool_driver.type", text(w.k, "zbud"));
        for (uint64_t i = 0; i < 3; i++) {
            entry[i] = mk_object(w.k, "zswap_entry");
            mk_put(w.k, entry[i], "zswap_entry.swpentry.val", UINT64_C(1) << 58 | (20 + i));
            mk_put(w.k, entry[i], "zswap_entry.pool", pool);
        }
        opened(&w);
        mk_put(w.k, tree, "zswap_tree.rbroot.rb_node", mk_at(w.k, entry[1], "zswap_entry.rbnode"));
        mk_put(w.k, entry[1], "zswap_entry.rbnode.rb_left",
               mk_at(w.k, entry[0], "zswap_entry.rbnode"));
        mk_put(w.k, entry[1], "zswap_entry.rbnode.rb_right",
               mk_at(w.k, entry[2], "zswap_entry.rbnode"));
        for (uint64_t i = 0; i < 4; i++)
            put_entry(&w, i, entry_of(&w, 1, 20 + i));
        n = packed(&w, "in zswap", bytes, sizeof bytes);
        mk_write(w.k, data, bytes, n);
        mk_put(w.k, entry[0], "zswap_entry.length", n);
        mk_put(w.k, entry[0], "zswap_entry.handle", data);
        mk_put(w.k, entry[1], "zswap_entry.handle", UINT64_C(0x4847464544434241)); // same
        mk_put(w.k, entry[2], "zswap_entry.length", n - 1);
        mk_put(w.k, entry[2], "zswap_entry.handle", data);
        assert_string_equal(page_text(&w, 0), "in zswap");
        assert_memory_equal(page_text(&w, 1), "ABCDEFGHABCDEFGH", 16);
        assert_non_null(strstr(page_text(&w, 2), "zbud"));
        assert_non_null(strstr(page_text(&w, 2), "compressed data is damaged"));
        assert_string_equal(page_text(&w, 3), "-swapped out: a device slot 23");
        mk_put(w.k, entry[2], "zswap_entry.length", UINT32_MAX);
        assert_non_null(strstr(page_text(&w, 2), "size in zswap cannot be true"));
        // In zsmalloc.
        mk_put(w.k, driver, "zpool_driver.type", text(w.k, "zsmalloc"));
        mk_put(w.k, entry[2], "zswap_entry.length", n);
        mk_put(w.k, entry[2], "zswap_entry.handle", store(&w, 5, bytes, n));
        assert_string_equal(page_text(&w, 2), "in zswap");
        assert_non_null(strstr(page_text(&w, 0), "leads to no object"));
        // An unknown compressor; an entry below itself.
        mk_puts(w.k, pool, "zswap_pool.tfm_name", "lzma");
        assert_non_null(strstr(page_text(&w, 2), "no decompressor"));
        mk_put(w.k, entry[2], "zswap_entry.rbnode.rb_right",
               mk_at(w.k, entry[2], "zswap_entry.rbnode"));
        assert_string_equal(page_text(&w, 3), "-swapped out: a device slot 23");
        mk_free(w.k);
    }
}

/* The parts of a page of z3fold (mm/z3fold.c): a header, then the first, the middle and the last
 * object; the word that a handle leads to says which, and how long the last one is, in chunks. */
enum { FIRST = 1, MIDDLE = 2, LAST = 3, NUM = 2, CHUNKS = 64 };

/* Page 0 of the process is in zswap, in z3fold: its entry; the handle leads to @word. */
static uint64_t in_z3fold(struct world *w, uint64_t word)
{
    const uint64_t trees = mk_alloc(w->k, 32 * 8), tree = mk_object(w->k, "zswap_tree");
    const uint64_t pool = mk_object(w->k, "zswap_pool"), zpool = mk_object(w->k, "zpool");
    const uint64_t driver = mk_object(w->k, "zpool_driver");
    const uint64_t entry = mk_object(w->k, "zswap_entry");

    mk_symbol(w->k, "zswap_trees", trees);
    mk_write_ptr(w->k, trees + 8, tree);
    mk_puts(w->k, pool, "zswap_pool.tfm_name", "zstd");
    mk_put(w->k, pool, "zswap_pool.zpool", zpool);
    mk_put(w->k, zpool, "zpool.driver", driver);
    mk_put(w->k, driver, "zpool_driver.type", text(w->k, "z3fold"));
    mk_put(w->k, tree, "zswap_tree.rbroot.rb_node", mk_at(w->k, entry, "zswap_entry.rbnode"));
    mk_put(w->k, entry, "zswap_entry.swpentry.val", UINT64_C(1) << 58 | 20);
    mk_put(w->k, entry, "zswap_entry.pool", pool);
    mk_put(w->k, entry, "zswap_entry.handle", word);
    opened(w);
    put_entry(w, 0, entry_of(w, 1, 20));
    return entry;
}

/** Page 0 is @text, packed at @to, and @word says which part of its z3fold page that is. */
static void has_part(struct world *w, uint64_t entry, uint64_t word, uint64_t handle, uint64_t to,
                     const char *text)
{
    uint8_t bytes[256];
    const size_t n = packed(w, text, bytes, sizeof bytes);

    mk_write(w->k, to, bytes, n);
    mk_write_ptr(w->k, word, handle);
    mk_put(w->k, entry, "zswap_entry.length", n);
    assert_string_equal(page_text(w, 0), text);
}

static void z3fold(void **state)
{
    (void)state;
    each_form(m, form)
    {
        struct world w = make(m, form);
        const uint64_t at = mk_alloc_aligned(w.k, w.page, w.page), chunk = w.page / CHUNKS;
        const uint64_t word = mk_alloc_aligned(w.k, 8, 8), entry = in_z3fold(&w, word);
        uint8_t bytes[256];
        size_t n;

        mk_put(w.k, at, "z3fold_header.first_num", NUM);
        mk_put(w.k, at, "z3fold_header.start_middle", 20);
        has_part(&w, entry, word, at | ((FIRST + NUM) & 3), at + chunk, "the first");
        has_part(&w, entry, word, at | ((MIDDLE + NUM) & 3), at + 20 * chunk, "the middle");
        has_part(&w, entry, word, at | ((LAST + NUM) & 3) | 5 << 2, at + w.page - 5 * chunk,
                 "the last");
        // One without a header; a part that there is not; a middle outside of the page.
        n = packed(&w, "the last", bytes, sizeof bytes);
        mk_write(w.k, at, bytes, n);
        mk_put(w.k, entry, "zswap_entry.handle", at | 1);
        assert_string_equal(page_text(&w, 0), "the last");
        mk_put(w.k, entry, "zswap_entry.handle", word);
        mk_put(w.k, at, "z3fold_header.first_num", NUM);
        mk_write_ptr(w.k, word, at | NUM);
        assert_non_null(strstr(page_text(&w, 0), "data in zswap cannot be read"));
        mk_put(w.k, at, "z3fold_header.start_middle", CHUNKS);
        mk_write_ptr(w.k, word, at | ((MIDDLE + NUM) & 3));
        assert_non_null(strstr(page_text(&w, 0), "data in zswap cannot be read"));
        mk_free(w.k);
    }
}

/* The module has no types: its header is that of Linux 5.10. */
static void z3fold_without_types(void **state)
{
    (void)state;
    each_form(m, form)
    {
        struct world w = make_of(m, form, SWAP_TYPES_BUT_Z3FOLD);
        const uint64_t at = mk_alloc_aligned(w.k, w.page, w.page), chunk = w.page / CHUNKS;
        const uint64_t word = mk_alloc_aligned(w.k, 8, 8), entry = in_z3fold(&w, word);
        const uint8_t numbers[] = { 20, 0, 0xf0 | NUM, 0xff }; // start_middle, first_num : 2

        mk_write(w.k, at + 80, numbers, sizeof numbers);
        has_part(&w, entry, word, at | ((FIRST + NUM) & 3), at + EG_MAX(chunk, UINT64_C(128)),
                 "the first");
        has_part(&w, entry, word, at | ((MIDDLE + NUM) & 3), at + 20 * chunk, "the middle");
        mk_free(w.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees),
        cmocka_unit_test(z3fold),
        cmocka_unit_test(z3fold_without_types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
