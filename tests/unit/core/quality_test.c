/* quality_test.c - runs of zeros and of repeated bytes in memory that the test writes, each with
 * one that is close to it and is none. */
#include "../../../core/quality.h"
#include "check.h"
#include <stdio.h>
#include <stdlib.h>

enum { PAGE = EG_VIEW_PAGE, PAGES = 4096, LEAST = EG_PART_PAGES, TEXT = 2048 }; // four windows

static uint8_t *ram;
static struct eg_space *space; // over all of it, unless a test makes another

/** Every page is another one. */
static void fill(size_t first, size_t n, uint64_t seed)
{
    for (size_t i = first * PAGE; i < (first + n) * PAGE; i += 8) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        memcpy(ram + i, &seed, 8);
    }
}

static int fresh(void **state)
{
    (void)state;
    fill(0, PAGES, 1);
    return 0;
}

static void zero(size_t first, size_t n)
{
    memset(ram + first * PAGE, 0, n * PAGE);
}

static void copy_pages(size_t to, size_t from, size_t n)
{
    memmove(ram + to * PAGE, ram + from * PAGE, n * PAGE);
}

/** "first-last" in pages, and "<distance" where there is one. */
static void write_parts(const struct eg_parts *p, char out[TEXT])
{
    size_t n = 0;

    *out = 0;
    for (size_t i = 0; i < p->list.n && n < TEXT; i++) {
        const struct eg_part *x = &p->list.at[i];

        assert_int_equal(x->first % PAGE, 0);
        assert_int_equal(x->last % PAGE, PAGE - 1);
        n += (size_t)snprintf(out + n, TEXT - n, "%s%llu-%llu", i ? " " : "",
                              (unsigned long long)x->first / PAGE,
                              (unsigned long long)x->last / PAGE);
        if (x->distance && n < TEXT)
            n += (size_t)snprintf(out + n, TEXT - n, "<%llu",
                                  (unsigned long long)x->distance / PAGE);
    }
}

/** The same with any number of threads. */
static const char *scanned(struct eg_space *as)
{
    static char one[TEXT];
    char three[TEXT];
    struct eg_parts p;

    assert_int_equal(eg_quality_scan(&p, as, 0, UINT64_MAX, 1, true, NULL), 0);
    assert_int_equal(p.more, 0);
    assert_int_equal(p.from, 0);
    write_parts(&p, one);
    eg_parts_fini(&p);
    assert_int_equal(eg_quality_scan(&p, as, 0, UINT64_MAX, 3, true, NULL), 0);
    write_parts(&p, three);
    eg_parts_fini(&p);
    assert_string_equal(one, three);
    return one;
}

static const char *probed(struct eg_space *as)
{
    static char out[TEXT];
    struct eg_parts p;

    assert_int_equal(eg_quality_probe(&p, as, 2, NULL), 0);
    write_parts(&p, out);
    eg_parts_fini(&p);
    return out;
}

/* ---- zeros ---- */

static void zeros_to_the_end(void **state)
{
    (void)state;
    assert_string_equal(scanned(space), "");
    zero(PAGES - LEAST, LEAST);
    assert_string_equal(scanned(space), "4032-4095");
    ram[(PAGES - 1) * PAGE + PAGE - 1] = 1; // its last byte is none
    assert_string_equal(scanned(space), "");
    zero(1000, PAGES - 1001); // across windows
    assert_string_equal(scanned(space), "1000-4094");
    assert_string_equal(probed(space), "1000-4094");
    zero(PAGES - 1, 1);
    assert_string_equal(probed(space), "1000-4095");
    zero(0, PAGES);
    assert_string_equal(scanned(space), "0-4095");
}

static void zeros_in_the_middle(void **state)
{
    (void)state;
    zero(100, LEAST);
    zero(200, LEAST - 1);   // too short
    zero(1024 - 32, LEAST); // half of it in the next window
    zero(2000, 200);
    ram[2100 * PAGE] = 1; // of two, only the second is long enough
    ram[2050 * PAGE + 77] = 1;
    assert_string_equal(scanned(space), "100-163 992-1055 2101-2199");
    assert_string_equal(probed(space), "100-163 992-1055 2101-2199"); // where it begins is read
}

static void bytes_that_are_looked_at(void **state)
{
    struct eg_parts p;

    (void)state;
    zero(7, 1);
    zero(2000, 100);
    assert_int_equal(eg_quality_scan(&p, space, 0, UINT64_MAX, 2, true, NULL), 0);
    assert_int_equal(p.bytes, (uint64_t)PAGES * PAGE);
    assert_int_equal(p.zeros, 101 * PAGE);
    eg_parts_fini(&p);
    // A part of the space: of what is outside, nothing counts.
    assert_int_equal(eg_quality_scan(&p, space, 1990 * PAGE, 2069 * PAGE - 1, 2, true, NULL), 0);
    assert_int_equal(p.bytes, 79 * PAGE);
    assert_int_equal(p.zeros, 69 * PAGE);
    assert_int_equal(p.list.n, 1);
    assert_int_equal(p.list.at[0].last, 2069 * PAGE - 1);
    eg_parts_fini(&p);
}

static void around(void **state)
{
    static struct eg_view v;
    struct eg_part z;

    (void)state;
    eg_view_init(&v, NULL);
    zero(50, 3);
    assert_true(eg_zeros_around(&v, space, 51 * PAGE + 8, &z));
    assert_int_equal(z.first, 50 * PAGE);
    assert_int_equal(z.last, 53 * PAGE - 1);
    assert_false(eg_zeros_around(&v, space, 53 * PAGE, &z));
    assert_false(eg_zeros_around(&v, space, (uint64_t)PAGES * PAGE, &z));
    zero(0, 2);
    zero(PAGES - 2, 2);
    assert_true(eg_zeros_around(&v, space, PAGE, &z));
    assert_int_equal(z.first, 0);
    assert_true(eg_zeros_around(&v, space, (PAGES - 2) * PAGE, &z));
    assert_int_equal(z.last, (uint64_t)PAGES * PAGE - 1);
    eg_view_fini(&v);
}

/** Two runs of the same page with a hole between them are not one. */
static void around_a_hole(void **state)
{
    enum { EACH = LEAST - 10, HOLE = 5 };
    struct eg_space *memory, *as;

    (void)state;
    memset(ram, 0xff, 2 * EACH * PAGE);
    assert_int_equal(eg_memory_open(&memory, ram, 2 * EACH * PAGE, NULL), 0);
    assert_int_equal(eg_segments_open(&as, "test",
                                      (struct eg_segment[]){
                                          { 0, EACH * PAGE - 1, memory, 0, EACH * PAGE, EG_OK },
                                          { (EACH + HOLE) * PAGE, (2 * EACH + HOLE) * PAGE - 1,
                                            memory, EACH * PAGE, EACH * PAGE, EG_OK } },
                                      2, NULL, NULL),
                     0);
    assert_string_equal(scanned(as), "");
    eg_space_close(as);
    eg_space_close(memory);
}

/* ---- copies ---- */

static void blocks_twice(void **state)
{
    (void)state;
    copy_pages(3000, 100, LEAST);
    assert_string_equal(scanned(space), "3000-3063<2900");
    ram[3063 * PAGE + 4000]++; // now too short
    assert_string_equal(scanned(space), "");
    copy_pages(1500, 200, 500);
    ram[1600 * PAGE]++; // goes on behind it
    zero(1700, 10);
    zero(400, 10); // pages of zeros in both
    assert_string_equal(scanned(space), "1500-1599<1300 1601-1999<1300");
}

/* What was in the buffer is written again and again. */
static void one_block_repeated(void **state)
{
    (void)state;
    for (size_t at = 2016; at < 3000; at += 16)
        copy_pages(at, 2000, 16);
    assert_string_equal(scanned(space), "2016-3007<16");
    copy_pages(2016, 100, 16); // another one between
    assert_string_equal(scanned(space), "2048-3007<16");
}

static void one_page_repeated(void **state)
{
    (void)state;
    memset(ram + 500 * PAGE, 0xff, (LEAST + 1) * PAGE);
    assert_string_equal(scanned(space), "501-564<1");
    ram[564 * PAGE]--;
    assert_string_equal(scanned(space), "");
    for (size_t at = 1000; at < 1100; at++) // across a border of windows
        copy_pages(at, 999, 1);
    assert_string_equal(scanned(space), "1000-1099<1");
}

/* Single pages stand in memory many times, at all distances. */
static void pages_alike(void **state)
{
    uint32_t x = 1;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        x = x * 1103515245 + 12345;
        copy_pages((x >> 8) % PAGES, (x >> 20) % 16, 1);
    }
    assert_string_equal(scanned(space), "");
}

/* ---- spaces ---- */

/** Ranges of @ram, and where they are, in bytes. */
static struct eg_space *ranges(const struct eg_segment *segs, size_t n)
{
    struct eg_space *as;
    size_t overlaps;

    assert_int_equal(eg_segments_open(&as, "ranges", segs, n, &overlaps, NULL), 0);
    return as;
}

static struct eg_segment segment(uint64_t start, uint64_t at, uint64_t len)
{
    return (struct eg_segment){
        .start = start, .last = start + len - 1, .below = space, .below_addr = at, .stored = len
    };
}

/* A file's header moves all pages: they are in pieces, and holes of a sparse file too. */
static void pieces_and_holes(void **state)
{
    struct eg_segment segs[] = { segment(PAGE, 32, 300 * PAGE), segment(400 * PAGE, 0, 100 * PAGE),
                                 segment(500 * PAGE, 7, 100 * PAGE),
                                 segment(600 * PAGE + 100, 7, 200 * PAGE) };
    struct eg_space *as;

    (void)state;
    memset(ram, 0, 210 * PAGE); // the first 209 whole pages, and the last two but for their edges
    segs[1].stored = 0;         // zeros that are stored nowhere
    as = ranges(segs, countof(segs));
    assert_string_equal(scanned(as), "1-209 400-599 601-799");
    eg_space_close(as);
}

/* A header of a few bytes says that there is a lot, of which nothing is stored. */
static void zeros_without_end(void **state)
{
    static const unsigned bits[] = { 40, 45, 50 }; // one more than windows have room for

    (void)state;
    for (size_t i = 0; i < countof(bits); i++) {
        const uint64_t end = UINT64_C(1) << bits[i];
        struct eg_segment segs[] = { segment(0, 0, PAGE), segment(PAGE, 0, end - PAGE) };
        struct eg_space *as;
        struct eg_parts p;

        segs[1].stored = 0;
        as = ranges(segs, countof(segs));
        assert_int_equal(eg_quality_probe(&p, as, 2, NULL), 0);
        assert_int_equal(p.list.n, 1);
        assert_true(p.list.at[0].first >= PAGE && p.list.at[0].first <= end / 1024);
        assert_true(p.list.at[0].last == end - 1);
        eg_parts_fini(&p);
        assert_int_equal(eg_quality_scan(&p, as, 0, UINT64_MAX, 2, true, NULL), 0);
        assert_true(p.zeros == end - PAGE && !p.from);
        assert_int_equal(p.list.n, 1);
        assert_int_equal(p.list.at[0].first, PAGE);
        assert_true(p.list.at[0].last == end - 1);
        eg_parts_fini(&p);
        eg_space_close(as);
    }
}

/* A header says that many addresses have the same bytes: no more is read than there is. */
static void same_bytes_everywhere(void **state)
{
    enum { TIMES = 64 };
    struct eg_segment segs[TIMES];
    struct eg_space *as;
    struct eg_parts p;

    (void)state;
    for (size_t i = 0; i < TIMES; i++)
        segs[i] = segment(i * 2 * PAGES * PAGE, 0, (uint64_t)PAGES * PAGE);
    as = ranges(segs, TIMES);
    assert_int_equal(eg_quality_scan(&p, as, 0, UINT64_MAX, 2, true, NULL), 0);
    assert_int_equal(p.bytes, (uint64_t)PAGES * PAGE);
    assert_int_equal(p.from, 2 * (uint64_t)PAGES * PAGE);
    eg_parts_fini(&p);
    eg_space_close(as);
}

static int setup(void **state)
{
    (void)state;
    ram = malloc((size_t)PAGES * PAGE);
    return !ram || eg_memory_open(&space, ram, (size_t)PAGES * PAGE, NULL);
}

static int teardown(void **state)
{
    (void)state;
    eg_space_close(space);
    free(ram);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(zeros_to_the_end, fresh),
        cmocka_unit_test_setup(zeros_in_the_middle, fresh),
        cmocka_unit_test_setup(bytes_that_are_looked_at, fresh),
        cmocka_unit_test_setup(around, fresh),
        cmocka_unit_test_setup(around_a_hole, fresh),
        cmocka_unit_test_setup(blocks_twice, fresh),
        cmocka_unit_test_setup(one_block_repeated, fresh),
        cmocka_unit_test_setup(one_page_repeated, fresh),
        cmocka_unit_test_setup(pages_alike, fresh),
        cmocka_unit_test_setup(pieces_and_holes, fresh),
        cmocka_unit_test_setup(zeros_without_end, fresh),
        cmocka_unit_test_setup(same_bytes_everywhere, fresh),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
