/* space_test.c - spaces, views, segments, files, and the ground under them. */
#include "../../../core/map.h"
#include "../../../core/parallel.h"
#include "../../../core/space.h"
#include "../../../core/vec.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
/* cmocka wants the four above first */
#include <cmocka.h>

static void arithmetic(void **state)
{
    uint64_t v = 7;

    (void)state;
    assert_false(eg_add(UINT64_MAX, 1, &v));
    assert_false(eg_mul(UINT64_C(1) << 33, UINT64_C(1) << 33, &v));
    assert_int_equal(v, 7);
    assert_true(eg_add(UINT64_MAX - 1, 1, &v) && v == UINT64_MAX);
    assert_true(eg_within(4, 4, 8) && !eg_within(5, 4, 8) && !eg_within(9, 0, 8));
    assert_false(eg_within(4, UINT64_MAX, 8));
}

static void arena(void **state)
{
    struct eg_arena a = { .limit = 100000 };
    char *p = eg_arena_alloc(&a, 10), *big;

    (void)state;
    big = eg_arena_alloc(&a, 50000);
    assert_non_null(p);
    assert_non_null(big);
    for (int i = 0; i < 50000; i++)
        assert_int_equal(big[i], 0);
    memset(big, 1, 50000);
    assert_int_equal((uintptr_t)eg_arena_alloc(&a, 1) % _Alignof(max_align_t), 0);
    assert_null(eg_arena_alloc(&a, 60000));
    assert_null(eg_arena_alloc(&a, SIZE_MAX));
    assert_null(eg_arena_array(&a, uint64_t, SIZE_MAX / 4));
    assert_string_equal(eg_arena_strf(&a, "%s %d", "x", 5), "x 5");
    eg_arena_fini(&a);
    assert_int_equal(a.used, 0);
}

static void map(void **state)
{
    struct eg_map m = { 0 };
    uint64_t v;

    (void)state;
    assert_false(eg_map_get(&m, 0, &v));
    for (uint64_t i = 0; i < 5000; i++)
        assert_int_equal(eg_map_add(&m, i * 4096, i), 1);
    for (uint64_t i = 0; i < 5000; i++) {
        assert_int_equal(eg_map_add(&m, i * 4096, 0), 0);
        assert_true(eg_map_get(&m, i * 4096, &v) && v == i);
    }
    assert_false(eg_map_get(&m, 1, &v));
    eg_map_fini(&m);
}

static int square(void *context, size_t piece, unsigned worker)
{
    ((size_t *)context)[piece] = piece * piece;
    (void)worker;
    return piece == 700 || piece == 300 ? (int)piece : 0;
}

static void parallel(void **state)
{
    size_t got[1000] = { 0 };

    (void)state;
    for (unsigned threads = 1; threads <= 8; threads += 7) {
        assert_int_equal(eg_parallel(threads, 1000, square, got), 300);
        for (size_t i = 0; i <= 300; i++)
            assert_int_equal(got[i], i * i);
    }
    assert_int_equal(eg_parallel(4, 0, square, got), 0);
    assert_int_equal(eg_threads(0), eg_cores());
    assert_int_equal(eg_threads(7), 7);
    assert_int_equal(eg_threads(1u << 31), 256); // formats allocate a worker for each
}

/** What each address of the segments under test reads as, the plain way: the first segment in order
 * that stores it, or of which nothing is stored on purpose; else what the first that claims it
 * says. */
static int plainly(const struct eg_segment *s, size_t n, const uint8_t *bytes, uint64_t addr)
{
    for (size_t i = 0; i < n; i++)
        if (addr >= s[i].start && addr <= s[i].last) {
            if (addr - s[i].start < s[i].stored)
                return bytes[s[i].below_addr + addr - s[i].start];
            if (!s[i].stored && s[i].tail != EG_UNREADABLE)
                return s[i].tail ? -(int)s[i].tail : 0;
        }
    for (size_t i = 0; i < n; i++)
        if (addr >= s[i].start && addr <= s[i].last)
            return s[i].tail ? -(int)s[i].tail : 0;
    return -EG_ABSENT;
}

static void segments(void **state)
{
    enum { SPAN = 3000 };
    static const uint8_t tails[] = { EG_OK, EG_ABSENT, EG_UNREADABLE };
    static uint8_t bytes[SPAN];
    struct eg_view *v = malloc(sizeof *v);
    struct eg_space *file;

    (void)state;
    srand(1);
    for (int i = 0; i < SPAN; i++)
        bytes[i] = (uint8_t)(1 + rand() % 255);
    assert_int_equal(eg_memory_open(&file, bytes, SPAN, NULL), 0);
    for (int round = 0; round < 200; round++) {
        struct eg_segment s[12];
        size_t n = (size_t)(1 + rand() % 12), overlaps;
        struct eg_space *as;

        for (size_t i = 0; i < n; i++) {
            uint64_t start = (uint64_t)(rand() % 1000), len = (uint64_t)(1 + rand() % 400);

            s[i] =
                (struct eg_segment){ .start = start,
                                     .last = start + len - 1,
                                     .below = file,
                                     .below_addr = (uint64_t)(rand() % 1000),
                                     .stored = len - (uint64_t)(rand() % 3 ? 0 : rand() % (int)len),
                                     .tail = tails[rand() % 3] };
            if (rand() % 5 == 0)
                s[i].stored = 0;
        }
        assert_int_equal(eg_segments_open(&as, "test", s, n, &overlaps, NULL), 0);
        eg_view_init(v, NULL);
        for (uint64_t a = 0; a < 1500; a++) {
            const uint8_t *p = eg_bytes(v, as, a, 1);

            assert_int_equal(p ? *p : -(int)v->why, plainly(s, n, bytes, a));
        }
        for (int k = 0; k < 20; k++) { // reads across joins: some bytes, zero-filled
            uint8_t buf[64];
            uint64_t a = (uint64_t)(rand() % 1400);
            enum eg_why why, first = EG_OK;
            size_t want = 0, got = eg_read_some(v, as, a, buf, sizeof buf, &why);

            for (size_t i = 0; i < sizeof buf; i++) {
                int b = plainly(s, n, bytes, a + i);

                want += b >= 0;
                assert_int_equal(buf[i], b < 0 ? 0 : b);
                if (b < 0 && !first) {
                    first = (enum eg_why) - b;
                    assert_int_equal(v->why_addr, a + i);
                }
            }
            assert_int_equal(why, first);
            assert_int_equal(got, want);
            assert_int_equal(eg_read(v, as, a, buf, sizeof buf), want == sizeof buf);
        }
        eg_view_fini(v);
        eg_space_close(as);
    }
    eg_space_close(file);
    free(v);
}

/* A space whose bytes are made, 8 KiB at a time, each from its address. */
static void made_extent(struct eg_view *v, struct eg_space *as, uint64_t addr,
                        struct eg_extent *out)
{
    (void)v, (void)as;
    *out = (struct eg_extent){ .start = addr & ~UINT64_C(8191), .last = addr | 8191, .made = true };
    if (addr >> 20 == 3)
        out->made = false, out->why = EG_EXCLUDED;
}
static bool made_fill(struct eg_view *v, struct eg_space *as, uint64_t start, void *bytes,
                      size_t len)
{
    (void)v, (void)as;
    for (size_t i = 0; i < len; i += 8)
        memcpy((char *)bytes + i, &(uint64_t){ start + i }, 8);
    return start >> 20 != 5;
}

static void made(void **state)
{
    static const struct eg_space_ops ops = { "made", made_extent, made_fill, NULL };
    struct eg_space as = { .ops = &ops, .last = (1 << 24) - 1 };
    struct eg_view *v = malloc(sizeof *v);
    uint64_t got;

    (void)state;
    eg_view_init(v, NULL);
    for (int pass = 0; pass < 2; pass++)
        for (uint64_t a = 0; a + 8 < 1 << 24; a += 4088) {
            bool ok = eg_read(v, &as, a & ~UINT64_C(7), &got, 8);

            assert_int_equal(ok, a >> 20 != 3 && a >> 20 != 5);
            if (ok)
                assert_int_equal(got, a & ~UINT64_C(7));
            else
                assert_int_equal(v->why, a >> 20 == 3 ? EG_EXCLUDED : EG_UNREADABLE);
        }
    eg_view_fini(v);
    free(v);
}

static void nonsense(void **state)
{
    // A scalar across two runs goes through the bounce buffer; the end of the address space is an
    // end.
    uint8_t a[4096] = { [4095] = 0x34 }, b[4096] = { 0x12 }, buf[16];
    struct eg_space *fa, *fb, *as;
    struct eg_view *v = malloc(sizeof *v);
    enum eg_why why;
    uint64_t u = 0;
    struct eg_segment s[2];

    (void)state;
    eg_view_init(v, NULL);
    eg_memory_open(&fa, a, sizeof a, NULL);
    eg_memory_open(&fb, b, sizeof b, NULL);
    s[0] = (struct eg_segment){ UINT64_MAX - 8191, UINT64_MAX - 4096, fa, 0, 4096, 0 };
    s[1] = (struct eg_segment){ UINT64_MAX - 4095, UINT64_MAX, fb, 0, 4096, 0 };
    assert_int_equal(eg_segments_open(&as, "top", s, 2, NULL, NULL), 0);
    assert_int_equal(eg_le16(eg_bytes(v, as, UINT64_MAX - 4096, 2)), 0x1234);
    assert_true(eg_read_u64(v, as, UINT64_MAX - 7, false, &u));
    assert_int_equal(eg_read_some(v, as, UINT64_MAX - 7, buf, sizeof buf, &why), 8);
    assert_int_equal(why, EG_NOT_CANONICAL);
    assert_false(eg_read(v, as, UINT64_MAX - 3, buf, 8));
    assert_int_equal(eg_read_some(v, as, 0, buf, sizeof buf, &why), 0);
    assert_int_equal(why, EG_ABSENT);
    assert_int_not_equal(eg_segments_open(&as, "none", s, 0, NULL, NULL), 0);
    eg_view_fini(v);
    eg_space_close(as);
    eg_space_close(fa);
    eg_space_close(fb);
    free(v);
}

static void file(void **state)
{
    char path[] = "/tmp/engram-space-XXXXXX";
    int fd = mkstemp(path);
    struct eg_view *v = malloc(sizeof *v);
    struct eg_error e;
    struct eg_space *as;
    struct eg_extent x;
    uint8_t buf[16];
    enum eg_why why;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(eg_file_open(&as, path, &e), -EG_EFORMAT);
    assert_non_null(strstr(e.text, "empty"));
    assert_int_equal(eg_file_open(&as, "/", &e), -EG_EIO);
    assert_int_equal(eg_file_open(&as, "/does/not/exist", &e), -EG_EIO);

    // 64 MiB with data in one page only: the rest reads as zeros and is told apart.
    assert_int_equal(ftruncate(fd, 64 << 20), 0);
    assert_int_equal(pwrite(fd, "hello", 5, 32 << 20), 5);
    assert_int_equal(eg_file_open(&as, path, &e), 0);
    eg_view_init(v, NULL);
    assert_true(eg_read(v, as, 32 << 20, buf, 5) && !memcmp(buf, "hello", 5));
    assert_true(eg_read(v, as, 1 << 20, buf, 5) && buf[0] == 0);
    eg_extent_at(v, as, 0, &x);
    assert_true(x.zero && x.last < 32 << 20);

    // The file is cut underneath us: holes, not SIGBUS.
    assert_int_equal(ftruncate(fd, 4096), 0);
    eg_view_fini(v);
    assert_int_equal(eg_read_some(v, as, 32 << 20, buf, 8, &why), 0);
    assert_int_equal(why, EG_UNREADABLE);
    eg_view_fini(v);
    eg_space_close(as);
    close(fd);
    unlink(path);
    free(v);
}

static void lower_bound(void **state)
{
    static const int at[] = { 1, 3, 3, 7 };

    (void)state;
    for (int x = 0; x < 9; x++) {
        size_t want = 0;

        while (want < countof(at) && at[want] < x)
            want++;
        assert_int_equal(eg_lower_bound(countof(at), i, at[i] < x), want);
    }
    assert_int_equal(eg_lower_bound(0, i, at[i] < 1), 0);
}

/** Texts of one hash, one after the other. */
static void map_of_texts(void **state)
{
    static const char *const names[] = { "a", "b", "c" };
    struct eg_map m = { 0 };
    uint64_t v;

    (void)state;
    for (uint32_t hash = 0; hash < 2; hash++)
        for (uint64_t n = 0; n < countof(names); n++) {
            uint32_t i = 0;

            while (eg_map_get(&m, eg_map_key(hash, i), &v))
                i++;
            assert_int_equal(i, n);
            assert_int_equal(eg_map_add(&m, eg_map_key(hash, i), n), 1);
        }
    assert_true(eg_map_get(&m, eg_map_key(1, 2), &v) && !strcmp(names[v], "c"));
    assert_false(eg_map_get(&m, eg_map_key(1, 3), &v));
    eg_map_fini(&m);
}

/** What an attacker would choose, had a key the same place in every process: the inverse of a known
 * factor makes products that are equal in all bits that choose a place. And texts of one
 * eg_hash. */
static void map_of_chosen_keys(void **state)
{
    enum { KEYS = 1 << 16 };
    const uint64_t inverse = UINT64_C(0xf1de83e19937733d); // of 0x9e3779b97f4a7c15
    static const char *const same[] = { "costarring", "liquid" };
    struct eg_map m = { 0 };

    (void)state;
    for (int shape = 0; shape < 3; shape++) {
        size_t run = 0, longest = 0;

        for (uint64_t i = 1; i <= KEYS; i++)
            assert_int_equal(eg_map_add(&m, shape ? i << (shape == 1 ? 12 : 44) : i * inverse, i),
                             1);
        for (size_t i = 0; i < m.cap; i++) {
            run = m.slots[i].key ? run + 1 : 0;
            longest = EG_MAX(longest, run);
        }
        assert_in_range(longest, 1, 1000); // about 60; KEYS if all fall on one place
        eg_map_fini(&m);
    }
    assert_int_equal(eg_hash(same[0], 10), eg_hash(same[1], 6));
    assert_int_not_equal(eg_map_hash(same[0], 10), eg_map_hash(same[1], 6));
    assert_int_equal(eg_map_hash(same[0], 10), eg_map_hash("costarring", 10));
}

enum { MANY_HOLES = (1 << 20) + 5 };

/** What a file holds: not the zeros that it claims, and the same bytes at two addresses once. */
static void stored(void **state)
{
    static const uint8_t bytes[8192];
    struct eg_space *mem, *as;
    struct eg_view *v = malloc(sizeof *v);

    (void)state;
    eg_view_init(v, NULL);
    assert_int_equal(eg_memory_open(&mem, bytes, sizeof bytes, NULL), 0);
    {
        const struct eg_segment s[] = {
            { 0x1000, 0x1fff, mem, 0, 0x1000, EG_OK },
            { 0x4000, UINT64_C(1) << 62, mem, 0x1000, 0x800, EG_OK }, // and zeros
        };

        assert_int_equal(eg_segments_open(&as, "zeros", s, 2, NULL, NULL), 0);
        assert_true(eg_mapped_bytes(v, as) > UINT64_C(1) << 61);
        assert_int_equal(eg_stored_bytes(v, as), 0x1800);
        eg_view_forget(v, as);
        eg_space_close(as);
    }
    {
        const struct eg_segment s[] = {
            { 0x0000, 0x1fff, mem, 0, 0x2000, EG_OK },
            { 0x4000, 0x5fff, mem, 0, 0x2000, EG_OK },
            { 0x8000, 0x9fff, mem, 0, 0x2000, EG_OK },
        };

        assert_int_equal(eg_segments_open(&as, "again", s, 3, NULL, NULL), 0);
        assert_int_equal(eg_mapped_bytes(v, as), 0x6000);
        assert_int_equal(eg_stored_bytes(v, as), 0x2000);
        eg_view_forget(v, as);
        eg_space_close(as);
    }
    eg_space_close(mem);
    eg_view_fini(v);
    free(v);
}

static void holes_extent(struct eg_view *v, struct eg_space *as, uint64_t addr,
                         struct eg_extent *out)
{
    (void)v;
    *out = (struct eg_extent){ .start = addr, .last = addr, .why = EG_ABSENT };
    if (addr >= MANY_HOLES)
        *out = (struct eg_extent){ .start = MANY_HOLES, .last = as->last, .zero = true };
}

static unsigned no_steps(struct eg_view *v, struct eg_space *as, uint64_t addr,
                         struct eg_table_step *out, unsigned max)
{
    (void)v, (void)as, (void)addr, (void)out, (void)max;
    return 0;
}

/** More than a million holes in a row are skipped, except in page tables, which may have a cycle.
 * The search ends when the user stops the command. */
static void many_holes(void **state)
{
    static const struct eg_space_ops plain = { .name = "holes", .extent = holes_extent }, tables = {
        .name = "tables", .extent = holes_extent, .steps = no_steps
    };
    struct eg_space as = { .ops = &plain, .last = MANY_HOLES + 100 };
    struct eg_view *v = malloc(sizeof *v);
    struct eg_extent x;

    (void)state;
    eg_view_init(v, NULL);
    assert_true(eg_next_mapped(v, &as, 0, UINT64_MAX, &x) && x.start == MANY_HOLES);
    assert_false(eg_next_mapped(v, &as, 0, MANY_HOLES - 1, &x));
    assert_int_equal(v->why, EG_OK); // that was the end
    as.ops = &tables;
    assert_false(eg_next_mapped(v, &as, 0, UINT64_MAX, &x));
    assert_int_equal(v->why, EG_BAD_VALUE);
    assert_int_equal(v->why_addr, 1 << 20);
    assert_true(eg_next_mapped(v, &as, v->why_addr, UINT64_MAX, &x)); // one may go on
    as.ops = &plain;
    eg_cancelled = 1;
    assert_false(eg_next_mapped(v, &as, 0, UINT64_MAX, &x));
    assert_int_equal(v->why, EG_BAD_VALUE); // not the end
    assert_int_equal(v->why_addr, 0);
    eg_cancelled = 0;
    eg_view_fini(v);
    free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lower_bound),
        cmocka_unit_test(map_of_texts),
        cmocka_unit_test(map_of_chosen_keys),
        cmocka_unit_test(many_holes),
        cmocka_unit_test(stored),
        cmocka_unit_test(arithmetic),
        cmocka_unit_test(arena),
        cmocka_unit_test(map),
        cmocka_unit_test(parallel),
        cmocka_unit_test(segments),
        cmocka_unit_test(made),
        cmocka_unit_test(nonsense),
        cmocka_unit_test(file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
