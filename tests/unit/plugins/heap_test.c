/* heap_test.c - chunks of glibc's malloc, in each layout of its arena and caches. */
#include "check.h"
#include "mkheap.h"
#include <stdio.h>

#define mk_each_heap(h)                                                                            \
    mk_each_user(m, p) for (size_t i_ = 0; i_ < countof(mk_layouts);                               \
                            i_++) for (struct mk_heap h = mk_heap(m, p, &mk_layouts[i_]); h.u.g.k; \
                                       mk_free(h.u.g.k), h.u.g.k = NULL)

/** Columns @from to @to; of the rows behind the first @skip. */
static const char *rows(struct mk_heap *h, const char *args, int from, int to)
{
    return mk_columns(mk_guest_rows(&h->u.g, "heap", args), from, to);
}

static void free_lists(void **state)
{
    (void)state;
    mk_each_heap(h)
    {
        const unsigned unit = 2 * h.ptr;
        uint64_t c[9], bin;
        char want[200];

        chunk(&h, 32, 1);
        c[0] = chunk(&h, 32, 1); // two in the cache
        c[1] = chunk(&h, 32, 1);
        c[2] = chunk(&h, 32, 1); // two in a fast bin
        c[3] = chunk(&h, 32, 1);
        c[4] = chunk(&h, 256, 1); // one unsorted
        chunk(&h, 32, 0);
        c[5] = chunk(&h, 256, 1); // one in a small, one in a large bin
        chunk(&h, 32, 0);
        c[6] = chunk(&h, 256, 1);
        chunk(&h, 32, 0);
        c[7] = chunk(&h, 256, 1); // free, and in no list
        chunk(&h, 32, 0);
        top(&h, h.main, 1024);
        assert_string_equal(rows(&h, NULL, 4, 4),
                            "in use\nin use\nin use\nin use\nin use\nin use\nfree\nin use\nfree\n"
                            "in use\nfree\nin use\nfree\nin use\ntop");
        // MINSIZE is 4 words: the list of 32 bytes is the first or the second.
        cached(&h, h.ptr == 8 ? 0 : 1, c[0], 2);
        link_to(&h, c[0] + unit, c[1] + unit);
        link_to(&h, c[1] + unit, 0);
        if (h.l->fast) {
            const uint64_t n = h.ptr == 8 ? 10 : 11;

            mk_user_word(&h.u, h.bins - (2 + n) * h.ptr, 32 / unit - 2, c[2]);
            link_to(&h, c[2] + unit, c[3]);
            link_to(&h, c[3] + unit, 0);
        }
        for (int i = 4; i < 7; i++) { // the first bin, the last of small chunks, the one behind it
            bin = h.bins + (uint64_t)(i == 4 ? 0 : i == 5 ? 62 : 63) * unit;
            mk_user_word(&h.u, bin, 0, c[i]);
            mk_user_word(&h.u, bin, 1, c[i]);
            mk_user_word(&h.u, c[i] + unit, 0, bin - unit);
            mk_user_word(&h.u, c[i] + unit, 1, bin - unit);
        }
        snprintf(want, sizeof want,
                 "in use\nin use\ntcache\ntcache\n%s\n%s\nunsorted\nin use\nsmall\nin use\nlarge\n"
                 "in use\nfree\nin use\ntop",
                 h.l->fast ? "fastbin" : "in use", h.l->fast ? "fastbin" : "in use");
        assert_string_equal(rows(&h, NULL, 4, 4), want);
        assert_int_equal(mk_row_notes(NULL), 0);

        // A ring that goes back elsewhere, a count that is not so: not taken.
        bin = h.bins + 63 * unit;
        mk_user_word(&h.u, c[6] + unit, 1, c[5]);
        assert_null(strstr(rows(&h, NULL, 4, 4), "large"));
        if (h.l->fast) { // nor a fast bin with a chunk of another size
            mk_user_word(&h.u, h.bins - (2 + (h.ptr == 8 ? 10 : 11)) * h.ptr, 32 / unit - 2, c[4]);
            link_to(&h, c[4] + unit, 0);
            assert_null(strstr(rows(&h, NULL, 4, 4), "fastbin"));
        }
        if (!h.l->room) {
            cached(&h, h.ptr == 8 ? 0 : 1, c[0], 3);
            assert_null(strstr(rows(&h, NULL, 4, 4), "tcache"));
        }
        link_to(&h, c[1] + unit, c[0] + unit); // a circle
        assert_null(strstr(rows(&h, NULL, 4, 4), "tcache"));
        assert_string_equal(mk_columns(rows(&h, "pid=8", 4, 4), 0, 0), "");
    }
}

/** Sizes, flags, addresses and texts; and what lies before malloc's first chunk. */
static void chunks(void **state)
{
    (void)state;
    mk_each_heap(h)
    {
        char want[300];
        uint64_t c;

        c = chunk(&h, 64, 1);
        mk_guest_write(&h.u.g, h.u.mm, c + 2 * h.ptr, "\x01words\x02xyz\0more", 16);
        top(&h, h.main, 0x1000);
        snprintf(want, sizeof want, "0x%llx|64|in use|P|0x%llx|words  more",
                 (unsigned long long)c + 2 * h.ptr, (unsigned long long)h.main);
        assert_string_equal(strchr(rows(&h, "strings", 2, 7), '\n') + 1,
                            strcat(want, strrchr(rows(&h, "strings", 2, 7), '\n')));
        // Variables of threads of a static program lie there.
        mk_put(h.u.g.k, h.u.mm, "mm_struct.start_brk", h.u.heap - h.u.g.page);
        mk_put(h.u.g.k,
               mk_of(&h.u.g, mk_of(&h.u.g, h.u.mm, "mm_struct.mmap"), "vm_area_struct.vm_next"),
               "vm_area_struct.vm_start", h.u.heap - h.u.g.page);
        mk_user_word(&h.u, h.u.heap - 512, 0, 33);
        if (h.u.g.page <= 4096) // as far as it looks
            assert_string_equal(rows(&h, NULL, 4, 4), "in use\nin use\ntop");
    }
}

/** A header is damaged: on from the next free chunk that a list knows; a note says so. */
static void damage(void **state)
{
    static const uint64_t bad[] = { 0, 1, 8, 24, UINT64_C(1) << 60, UINT32_MAX };

    (void)state;
    mk_each_heap(h)
    {
        uint64_t c, f, bin = h.bins;

        c = chunk(&h, 64, 1);
        chunk(&h, 64, 1);
        f = chunk(&h, 128, 1);
        chunk(&h, 64, 0);
        top(&h, h.main, 1024);
        mk_user_word(&h.u, bin, 0, f);
        mk_user_word(&h.u, bin, 1, f);
        mk_user_word(&h.u, f, 2, bin - 2 * h.ptr);
        mk_user_word(&h.u, f, 3, bin - 2 * h.ptr);
        for (size_t i = 0; i < countof(bad); i++) {
            mk_user_word(&h.u, c, 1, bad[i]);
            assert_string_equal(rows(&h, NULL, 4, 4), "in use\nunsorted\nin use\ntop");
            assert_int_equal(mk_row_notes("process 7: the chunks at"), 1);
        }
        // Bins that are no arena's: its ring does not close, too few of its lists are right.
        mk_user_word(&h.u, h.bins + 2 * BINS * h.ptr + 16, 0, h.u.heap);
        assert_string_equal(rows(&h, NULL, 4, 4), "");
        mk_user_word(&h.u, h.bins + 2 * BINS * h.ptr + 16, 0, h.main);
        for (uint64_t i = 20; i < 40; i++)
            mk_user_word(&h.u, h.bins, i, 0x1234);
        assert_string_equal(rows(&h, NULL, 4, 4), "");
    }
}

/** A thread's arena, in a heap of its own, and chunks that are mappings. */
static void others(void **state)
{
    (void)state;
    mk_each_heap(h)
    {
        const uint64_t page = h.u.g.page, at = UINT64_C(0x20000000),
                       info = h.ptr == 8 ? 0x30 : 0x18;
        const uint64_t mapped = UINT64_C(0x21000000);
        const struct {
            uint64_t at, before, size;
        } maps[] = { { 0, 0, (2 * page - (h.l->room ? 2 * h.ptr : 0)) | 2 },
                     { 2 * page, 0, page | 2 }, // one behind the other
                     { 3 * page, 1, page | 2 },
                     { 4 * page, 0, page | 3 },
                     { 5 * page, 0, page | 18 },
                     { 6 * page, 0, 100 * page | 2 },
                     { 7 * page, 0, page | 2 } };
        char want[400];

        mk_guest_vma(&h.u.g, h.u.mm, at / page, 2, 3, 0);
        mk_guest_vma(&h.u.g, h.u.mm, mapped / page, 8, 3, 0);
        chunk(&h, 64, 1);
        top(&h, h.main, 1024);
        // heap_info { ar_ptr, prev, size, … }
        for (unsigned i = 0; i < info / h.ptr; i++)
            mk_user_word(&h.u, at, i, 0);
        mk_user_word(&h.u, at, 0, at + info);
        mk_user_word(&h.u, at, 2, 2 * page);
        arena(&h, at + info, h.main);
        mk_user_word(&h.u, h.bins + 2 * BINS * h.ptr + 16, 0, at + info);
        h.at = ((at + info + h.before + 2 * BINS * h.ptr + 16 + 5 * h.ptr + 15) & ~UINT64_C(15)) +
               16 - 2 * h.ptr;
        chunk(&h, cache_size(&h), 5);
        chunk(&h, 80, 5);
        top(&h, at + info, 256);
        for (size_t i = 0; i < countof(maps); i++) {
            mk_user_word(&h.u, mapped + maps[i].at, 0, maps[i].before);
            mk_user_word(&h.u, mapped + maps[i].at, 1, maps[i].size);
        }
        snprintf(want, sizeof want,
                 "%llu|in use|P\n64|in use|P\n1024|top|P\n%llu|in use|PA\n80|in use|PA\n"
                 "256|top|P\n%llu|mmapped|M\n%llu|mmapped|M\n%llu|mmapped|M",
                 (unsigned long long)cache_size(&h), (unsigned long long)cache_size(&h),
                 (unsigned long long)(2 * page - (h.l->room ? 2 * h.ptr : 0)),
                 (unsigned long long)page, (unsigned long long)page);
        assert_string_equal(rows(&h, NULL, 3, 5), want);
    }
}

/** The first lists hold chunks, so that what lies before the bins is not told by them. */
static void full_lists(void **state)
{
    (void)state;
    mk_each_heap(h)
    {
        for (uint64_t i = 0; i < 40; i++) {
            const uint64_t c = chunk(&h, 64, 1), bin = h.bins + i * 2 * h.ptr;

            chunk(&h, 32, 0);
            mk_user_word(&h.u, bin, 0, c);
            mk_user_word(&h.u, bin, 1, c);
            mk_user_word(&h.u, c, 2, bin - 2 * h.ptr);
            mk_user_word(&h.u, c, 3, bin - 2 * h.ptr);
        }
        top(&h, h.main, 1024);
        assert_non_null(strstr(rows(&h, NULL, 4, 4), "in use\nunsorted\nin use\nsmall\nin use"));
    }
}

/** No heap of glibc's: a note says what there is instead. */
static void foreign(void **state)
{
    (void)state;
    mk_each_user(m, p)
    {
        struct mk_user u = mk_user(m, p);

        assert_string_equal(mk_guest_rows(&u.g, "heap", NULL), "");
        assert_int_equal(mk_row_notes("process 7: no heap of glibc's malloc: never used"), 1);
        mk_guest_write(&u.g, u.mm, u.data + 32, "\xff Go buildinf:", 15);
        assert_string_equal(mk_guest_rows(&u.g, "heap", NULL), "");
        assert_int_equal(mk_row_notes("process 7: no heap of glibc's malloc: Go"), 1);
        mk_free(u.g.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(free_lists), cmocka_unit_test(chunks),     cmocka_unit_test(damage),
        cmocka_unit_test(others),     cmocka_unit_test(full_lists), cmocka_unit_test(foreign),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
