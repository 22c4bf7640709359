/* find_ranges_test.c - raw memory whose addresses are not its offsets: where each range was is
 * derived. */
#include "check.h"
#include "mkkernel.h"
#include "registry.h"
#include <stdlib.h>

/* Raw memory written without its holes: no page is at the offset that is its address. */
static void without_holes(void **state)
{
    enum { FIRST = 0x1000, HOLE = 0x9fc00, BEHIND = 0x100000, LESS = FIRST + BEHIND - HOLE };
    struct mk_kernel k;
    struct eg_system *sys;
    bool said = false;

    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        mk_kernel_init(&k, levels);
        memmove(k.ram, k.ram + FIRST, HOLE - FIRST);
        memmove(k.ram + HOLE - FIRST, k.ram + BEHIND, MK_RAM - BEHIND);
        sys = mk_kernel_open(&k, MK_RAM - LESS, 0, NULL);
        mk_kernel_explain(sys);
        assert_true(mk_kernel_opens(sys));
        assert_int_equal(sys->chosen->score, sys->chosen->max_score);
        assert_int_equal(sys->chosen->kernel_pa_delta, MK_DELTA);
        assert_non_null(strstr(sys->chosen->trace, "raw offset derived: 0x61400"));
        for (size_t i = 0; i < sys->notes.n; i++)
            said |= strstr(sys->notes.at[i], "raw memory without its holes") != NULL;
        assert_true(said);
        mk_kernel_close(sys);
        mk_kernel_fini(&k);
    }
}

struct ram {
    uint64_t start, len;
};

/** The boot loader's map of memory, where the kernel keeps it. */
static void put_map(struct mk_kernel *k, const struct ram *ram, size_t n)
{
    uint8_t *p = k->ram + MK_DATA + 0x10000, *e = p + 0x2d0;

    p[0x1e8] = (uint8_t)(n + 1);
    p[0x1fe] = 0x55;
    p[0x1ff] = 0xaa;
    memcpy(p + 0x202, "HdrS", 4);
    for (size_t i = 0; i <= n; i++, e += 20) { // the first is reserved
        const struct ram r = i ? ram[i - 1] : (struct ram){ 0xf0000, 0x10000 };

        memcpy(e, &r, sizeof r);
        e[16] = i ? 1 : 2;
    }
}

/* Raw memory that lacks two holes: the map of memory says where each range was. */
static void ranges_by_map(void **state)
{
    static const struct ram ram[] = { { 0, 0x9fc00 },
                                      { 0x100000, (16 << 20) - 0x100000 },
                                      { 18 << 20, MK_RAM - (18 << 20) } };
    static const uint64_t root = MK_ROOT;

    (void)state;
    for (unsigned wrong = 0; wrong < 2; wrong++) {
        struct mk_kernel k;
        struct eg_system *sys;
        uint64_t len, word = 0;

        mk_kernel_init(&k, 4);
        put_map(&k, ram, countof(ram));
        memcpy(k.ram + (24 << 20), &root, sizeof root);
        len = 0x9fc00 - 0x1000;
        memmove(k.ram, k.ram + 0x1000, len);
        memmove(k.ram + len, k.ram + ram[1].start, ram[1].len);
        len += ram[1].len;
        memmove(k.ram + len, k.ram + ram[2].start, ram[2].len);
        len += ram[2].len;
        // A file that is not as large as the map says is not believed to be so.
        sys = mk_kernel_open(&k, len - (wrong ? 4096 : 0), 0, NULL);
        mk_kernel_explain(sys);
        assert_true(mk_kernel_opens(sys));
        assert_int_equal(sys->chosen->score, sys->chosen->max_score);
        assert_int_equal(mk_kernel_says(sys, "without its holes, 3 ranges"), !wrong);
        eg_read(sys->view, sys->image->phys, 24 << 20, &word, sizeof word);
        assert_int_equal(word == root, !wrong);
        mk_kernel_close(sys);
        mk_kernel_fini(&k);
    }
}

static void put64(struct mk_kernel *k, uint64_t at, uint64_t v)
{
    memcpy(k->ram + at, &v, sizeof v);
}

/* A backing file: what is behind 16 MiB in it is at 4 GiB. There is a page table of the linear map,
 * and the second task. @low_end: where the map says that the memory below the hole ends. */
static void open_backing_file(uint64_t low_end, bool fits)
{
    enum { LOW = 16 << 20, HIGH = MK_RAM - LOW, TABLE = 1 << 20, TASK = 8 << 20, HUGE = 2 << 20 };
    enum { TASKS = 16, PID = 32, PARENT = 40, LEADER = 48, COMM = 56 }; // as in mkkernel.c
    const uint64_t four = UINT64_C(1) << 32, linear = UINT64_C(0xffff888000000000);
    const struct ram ram[] = { { 0, 0x9fc00 }, { 0x100000, low_end - 0x100000 }, { four, HIGH } };
    const uint64_t at = LOW + TASK, va = linear + four + TASK, init = MK_TASK + MK_DELTA;
    struct mk_kernel k;
    struct eg_system *sys;
    uint32_t pid = 0;

    mk_kernel_init(&k, 4);
    put_map(&k, ram, countof(ram));
    put64(&k, MK_ROOT + 0x4000 + 8 * 4, (four + TABLE) | 3);
    for (uint64_t i = 0; i < HIGH / HUGE; i++)
        put64(&k, LOW + TABLE + 8 * i, (four + i * HUGE) | 0x83);
    put64(&k, MK_TASK + TASKS, va + TASKS);
    put64(&k, MK_TASK + TASKS + 8, va + TASKS);
    put64(&k, at + TASKS, init + TASKS);
    put64(&k, at + TASKS + 8, init + TASKS);
    put64(&k, at + PARENT, init);
    put64(&k, at + LEADER, va);
    k.ram[at + PID] = 1;
    memcpy(k.ram + at + COMM, "init", 4);
    sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
    mk_kernel_explain(sys);
    assert_int_equal(mk_kernel_says(sys, "without the hole below 4 GiB, 2 ranges"), fits);
    if (fits) {
        assert_true(mk_kernel_opens(sys));
        assert_int_equal(sys->chosen->score, sys->chosen->max_score);
        assert_true(eg_read(sys->view, sys->image->phys, four + TASK + PID, &pid, sizeof pid));
        assert_int_equal(pid, 1);
    }
    mk_kernel_close(sys);
    mk_kernel_fini(&k);
}

static void hole_below_4g(void **state)
{
    (void)state;
    open_backing_file((16 << 20) - 0x100000, true);
    open_backing_file((16 << 20) + 0x1000, false); // more than the file has there
}

/* --offset below zero: the first bytes of the file are no memory. */
static void negative_offset(void **state)
{
    enum { HEAD = 0x1200 };
    struct eg_open_options raw = { .format = "raw", .offset = -HEAD, .quiet = true };
    uint8_t bytes[HEAD + 4096] = { 0 };
    struct eg_space *file;
    struct eg_image *img;

    (void)state;
    bytes[HEAD] = 42;
    assert_int_equal(eg_memory_open(&file, bytes, sizeof bytes, NULL), 0);
    assert_int_equal(eg_image_open_space(&img, file, "a test", &raw, NULL), 0);
    assert_int_equal(img->phys->last, 4095);
    assert_int_equal(img->notes.n, 0);
    assert_false(img->movable);
    {
        struct eg_extent x;
        struct eg_view *v = malloc(sizeof *v);

        eg_view_init(v, NULL);
        eg_extent_at(v, img->phys, 0, &x);
        assert_int_equal(x.below_addr, HEAD);
        eg_view_fini(v);
        free(v);
    }
    eg_image_close(img);
    raw.offset = -(int64_t)sizeof bytes;
    assert_int_equal(eg_memory_open(&file, bytes, sizeof bytes, NULL), 0);
    assert_int_equal(eg_image_open_space(&img, file, "a test", &raw, NULL), -EG_EUSAGE);
}

/* Only what is in the file once, and at no address twice, is memory. */
static void image_ranges(void **state)
{
    enum { LEN = 0x4000 };
    static const struct {
        struct eg_image_range at[2];
        bool right;
    } cases[] = {
        { { { 0x2000, 0x100000, 0x2000 }, { 0, 0x200000, 0x2000 } }, true },
        { { { 0, 0x1000, 0x2000 }, { 0x2000, 0x2000, 0x1000 } }, false },
        { { { 0, 0, 0x1000 }, { 0x1000, 0x1000, LEN } }, false },
        { { { 0, 0, 0x1000 }, { UINT64_MAX, 0x1000, 2 } }, false },
        { { { 0, 0, 0x1000 }, { 0x1000, UINT64_MAX, 2 } }, false },
        { { { 0, 0, 0x1000 }, { 0x1000, 0x1000, 0 } }, false },
    };
    static uint8_t bytes[LEN];

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        const struct eg_open_options raw = { .format = "raw", .quiet = true };
        struct eg_space *file;
        struct eg_image *img;
        int rc;

        assert_int_equal(eg_memory_open(&file, bytes, sizeof bytes, NULL), 0);
        assert_int_equal(eg_image_open_space(&img, file, "a test", &raw, NULL), 0);
        rc = eg_image_move(img, cases[i].at, 2, NULL);
        assert_int_equal(rc, cases[i].right ? 0 : -EG_EUSAGE);
        assert_int_equal(img->phys->last, cases[i].right ? 0x201fff : LEN - 1);
        assert_int_equal(img->movable, !cases[i].right);
        eg_image_close(img);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_holes), cmocka_unit_test(ranges_by_map),
        cmocka_unit_test(hole_below_4g), cmocka_unit_test(negative_offset),
        cmocka_unit_test(image_ranges),
    };

    if (eg_registry_init(NULL) < 0)
        return 99;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
