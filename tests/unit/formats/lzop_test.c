/* lzop_test.c - lzop's blocks: with each sort of checksum, cut at every byte, damaged. */
#include "../../../core/image.h"
#include "config.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <zlib.h>
/* cmocka wants these first */
#include <cmocka.h>
#ifdef HAVE_LZO
#include <lzo/lzo1x.h>

enum { PAGE = 4096, BLOCK = 3 * PAGE + 100, BLOCKS = 4 };

static struct {
    uint8_t at[1 << 18];
    size_t len;
} file;
static uint8_t content[BLOCKS * BLOCK];
static struct eg_image *img;
static struct eg_view *view;

static void put(uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        file.at[file.len++] = (uint8_t)(v >> 8 * (n - 1 - i));
}

static void bytes(const void *p, size_t n)
{
    memcpy(file.at + file.len, p, n);
    file.len += n;
}

/** The content, raw memory, behind a header with @flags. Block 1 is stored as it is. */
static void lzop(uint32_t flags, uint16_t version)
{
    static uint8_t work[LZO1X_1_MEM_COMPRESS], packed[2 * BLOCK];

    file.len = 0;
    bytes("\x89LZO\0\r\n\x1a\n", 9);
    put(version, 2);
    put(0x20a0, 2);
    if (version >= 0x940)
        put(0x940, 2);
    put(1, 1);
    if (version >= 0x940)
        put(5, 1);
    put(flags, 4);
    if (flags & 0x800)
        put(1, 4);
    put(0644, 4);
    put(0, version >= 0x940 ? 8 : 4);
    put(3, 1);
    bytes("mem", 3);
    put(0, 4);
    if (flags & 0x40) {
        put(5, 4);
        bytes("extra", 5);
        put(0, 4);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        uint8_t *p = content + i * BLOCK;
        lzo_uint n = BLOCK;

        memset(p, (int)i + 1, BLOCK);
        if (i != 1)
            assert_int_equal(lzo1x_1_compress(p, BLOCK, packed, &n, work), LZO_E_OK);
        put(BLOCK, 4);
        put(n, 4);
        if (flags & 1)
            put(adler32(1, p, BLOCK), 4);
        if (flags & 0x100)
            put(crc32(0, p, BLOCK), 4);
        if (flags & 2 && i != 1)
            put(0, 4);
        if (flags & 0x200 && i != 1)
            put(0, 4);
        bytes(i == 1 ? p : packed, n);
    }
    put(0, 4);
}

static int open_file(struct eg_error *e)
{
    const struct eg_open_options o = { .quiet = true };
    struct eg_space *as;

    if (img) {
        eg_view_fini(view); // it knows places in spaces that are about to go
        eg_view_init(view, NULL);
        eg_image_close(img);
        img = NULL;
    }
    assert_int_equal(eg_memory_open(&as, file.at, file.len, NULL), 0);
    return eg_image_open_space(&img, as, "test", &o, e);
}

static int setup(void **state)
{
    (void)state;
    view = malloc(sizeof *view);
    eg_view_init(view, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    eg_view_fini(view);
    free(view);
    eg_image_close(img);
    img = NULL;
    return 0;
}

static int peek(uint64_t addr)
{
    const uint8_t *p = eg_bytes(view, img->phys, addr, 1);

    return p ? *p : -view->why;
}

static void healthy(void **state)
{
    static const uint32_t flags[] = { 0, 1, 3, 0x100, 0x303, 0x840 };
    static uint8_t got[sizeof content];
    struct eg_error e;

    (void)state;
    for (size_t i = 0; i < 2 * countof(flags); i++) {
        lzop(flags[i / 2], i & 1 ? 0x1040 : 0x0930);
        assert_int_equal(open_file(&e), 0);
        assert_string_equal(img->format, "raw physical memory on lzop");
        assert_int_equal(img->phys->last, sizeof content - 1);
        assert_true(eg_read(view, img->phys, 0, got, sizeof got));
        assert_memory_equal(got, content, sizeof content);
    }
}

static void damaged(void **state)
{
    struct eg_error e;
    size_t total, opens = 0;

    (void)state;
    lzop(1, 0x1040);
    file.at[9 + 8 + 4 + 4 + 8 + 8 + 8] ^= 1; // the first block's checksum
    assert_int_equal(open_file(&e), 0);
    assert_int_equal(peek(0), -EG_UNREADABLE);
    assert_int_equal(peek(5 * PAGE), 2);
    lzop(1, 0x1040);
    total = file.len;
    for (file.len = 9; file.len < total; file.len++)
        if (open_file(&e) == 0) {
            opens++;
            assert_int_equal(peek(0), 1);
        }
    assert_true(opens > BLOCK);
    lzop(1, 0x1040);
    memset(file.at + 9 + 8 + 4 + 4 + 8 + 8, 0xff, 8); // its sizes
    assert_int_equal(open_file(&e), -EG_EFORMAT);
    file.at[15] = 77; // no method that there is
    assert_int_equal(open_file(&e), -EG_EFORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(healthy, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    return 77; // skipped
}

#endif
