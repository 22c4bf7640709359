/* sparse_test.c - bytes are found, and files opened, in a time that does not depend on zeros that
 * are not stored. */
#include "../../../formats/pagemap.h"
#include "../../../formats/sparse.h"
#include "config.h"
#include "qemu_stream.h"
#include <zstd.h>
#ifdef HAVE_BZIP2
#include <bzlib.h>
#endif
#ifdef HAVE_XZ
#include <lzma.h>
#endif

#define FAR_AWAY (UINT64_C(1) << 62)

/** Two pages, zeros up to FAR_AWAY, a hole of a page, a page. */
static void in_a_space(void **state)
{
    static uint8_t bytes[3 * PAGE];
    struct eg_space *memory, *as;
    const uint64_t size = FAR_AWAY + 2 * PAGE;

    (void)state;
    memset(bytes, 1, 3 * PAGE);
    memcpy(bytes + 100, "needle", 6);
    memcpy(bytes + 2 * PAGE - 3, "nee", 3); // zeros follow
    memcpy(bytes + 2 * PAGE + 50, "needle", 6);
    assert_int_equal(eg_memory_open(&memory, bytes, sizeof bytes, NULL), 0);
    assert_int_equal(
        eg_segments_open(&as, "test",
                         (struct eg_segment[]){ { 0, FAR_AWAY - 1, memory, 0, 2 * PAGE, EG_OK },
                                                { FAR_AWAY + PAGE, FAR_AWAY + 2 * PAGE - 1, memory,
                                                  2 * PAGE, PAGE, EG_OK } },
                         2, NULL, NULL),
        0);
    assert_int_equal(eg_find_bytes(view, as, 0, size, "needle", 6), 100);
    assert_true(eg_find_bytes(view, as, 101, size, "needle", 6) == FAR_AWAY + PAGE + 50);
    assert_true(eg_find_bytes(view, as, FAR_AWAY + PAGE + 51, size, "needle", 6) == size);
    assert_int_equal(eg_find_bytes(view, as, 0, 105, "needle", 6), 105); // it ends too late
    assert_int_equal(eg_find_bytes(view, as, 101, size, "nee\0\0\0", 6), 2 * PAGE - 3);
    assert_int_equal(eg_skip_zeros(view, as, 5, size), 5);
    assert_true(eg_skip_zeros(view, as, 2 * PAGE, size) == FAR_AWAY); // a hole is not zeros
    assert_int_equal(eg_skip_zeros(view, as, 2 * PAGE, 3 * PAGE), 3 * PAGE);
    assert_int_equal(eg_zeros_before(view, as, FAR_AWAY), 2 * PAGE);
    assert_true(eg_zeros_before(view, as, FAR_AWAY + 1) == FAR_AWAY + 1);
    assert_int_equal(eg_zeros_before(view, as, 77), 77);
    eg_view_forget(view, as);
    eg_space_close(as);
    eg_view_forget(view, memory);
    eg_space_close(memory);
}

/** A bitmap of as many pages as there can be, in a hole of almost 2^62 bytes. */
static void a_bitmap(void **state)
{
    static uint8_t bytes[2 * PAGE] = { 3, [2 * PAGE - 1] = 1 };
    struct eg_space *memory, *as;
    struct eg_pagemap m = { .pages = UINT64_MAX };
    uint64_t rank;

    (void)state;
    assert_int_equal(eg_memory_open(&memory, bytes, sizeof bytes, NULL), 0);
    assert_int_equal(eg_segments_open(&as, "test",
                                      (struct eg_segment[]){
                                          { 0, FAR_AWAY - 1, memory, 0, sizeof bytes, EG_OK } },
                                      1, NULL, NULL),
                     0);
    m.file = as;
    m.block = PAGE;
    assert_true(eg_pagemap_open(&m, view));
    assert_int_equal(m.n_written, 3);
    assert_true(eg_pagemap_rank(view, &m, m.pages, &rank));
    assert_int_equal(rank, 3);
    eg_pagemap_fini(&m);
    eg_view_forget(view, as);
    eg_space_close(as);
    eg_view_forget(view, memory);
    eg_space_close(memory);
}

static void lime(void)
{
    clear();
    put(0x4c694d45, 4);
    put(1, 4);
    put(0, 8);
    put(PAGE - 1, 8);
    put(0, 8);
    fill(7, PAGE + 32); // the second header is damaged
}

static void qemu(void)
{
    begin("pc-i440fx-7.2");
    blocks("pc.ram", 256 * PAGE, NULL, 0);
    section(START, OTHER_ID, "unknown");
}

static void gzip(void)
{
    z_stream z = { .avail_in = PAGE };
    uint8_t page[PAGE] = { 1 };

    clear();
    z.next_in = page;
    z.next_out = file.at;
    z.avail_out = 2 * PAGE;
    assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    file.len = z.total_out;
    deflateEnd(&z);
}

static void zstd(void)
{
    uint8_t page[PAGE] = { 1 };

    clear();
    for (int i = 0; i < 2; i++) {
        file.len += ZSTD_compress(file.at + file.len, 2 * PAGE, page, PAGE, 1);
        page[PAGE / 2] = 1;
    }
    memset(file.at + file.len - 8, 0xff, 8); // the second frame is damaged
}

#ifdef HAVE_XZ
static void xz(void)
{
    uint8_t page[PAGE] = { 1 };

    clear();
    assert_int_equal(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, page, PAGE, file.at,
                                             &file.len, 2 * PAGE),
                     LZMA_OK);
}
#endif

#ifdef HAVE_BZIP2
static void bzip2(void)
{
    unsigned n = 2 * PAGE;
    char page[PAGE] = { 1 };

    clear();
    assert_int_equal(BZ2_bzBuffToBuffCompress((char *)file.at, &n, page, PAGE, 1, 0, 0), BZ_OK);
    file.len = n;
}
#endif

static void in_files(void **state)
{
    static const struct {
        const char *what;
        void (*write)(void);
        uint64_t size;
        const char *note;
    } cases[] = {
        { "LiME", lime, FAR_AWAY, "no range header" },
        { "QEMU", qemu, FAR_AWAY, "the stream ends before" },
        { "gzip", gzip, FAR_AWAY, NULL },
        { "zstd", zstd, FAR_AWAY, "damaged" },
#ifdef HAVE_XZ
        { "xz", xz, FAR_AWAY, NULL },
#endif
#ifdef HAVE_BZIP2
        { "bzip2", bzip2, UINT64_C(1) << 40, NULL }, // what is found is kept for each 4 MiB
#endif
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct eg_error e = { 0 };

        cases[i].write();
        make_sparse(cases[i].size);
        if (open_dump(&e))
            fail_msg("%s: %s", cases[i].what, e.text);
        if (!strstr(img->format, cases[i].what) && !cases[i].note)
            fail_msg("%s: %s", cases[i].what, img->format);
        if (cases[i].note && !noted(cases[i].note))
            fail_msg("%s: no note", cases[i].what);
    }
}

/** Between two members are so many bytes that a guess of what they held would be 2^58 bytes. */
static void no_guess(void **state)
{
    uint8_t member[PAGE];
    struct eg_error e;
    size_t len;

    (void)state;
    gzip();
    len = file.len;
    memcpy(member, file.at, len);
    fill('x', 100);
    make_sparse(UINT64_C(1) << 53);
    file.len -= 16; // the end mark
    put(UINT64_C(1) << 52, 8);
    put(len, 8);
    append(member, len);
    fill(0xff, 16);
    assert_int_equal(open_dump(&e), 0);
    assert_true(noted("bytes of the file belong to something else"));
    assert_int_equal(img->phys->last, PAGE - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(in_a_space, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bitmap, setup, teardown),
        cmocka_unit_test_setup_teardown(in_files, setup, teardown),
        cmocka_unit_test_setup_teardown(no_guess, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
