/* lzop_test.c - lzop's blocks: with each sort of checksum, cut at every byte, damaged. */
#include "config.h"
#include "mkdump.h"
#include <zlib.h>
#ifdef HAVE_LZO
#include <lzo/lzo1x.h>

enum { PAGE = 4096, BLOCK = 3 * PAGE + 100, BLOCKS = 4 };

static uint8_t content[BLOCKS * BLOCK];

/** The content, raw memory, behind a header with @flags. Block 1 is stored as it is. */
static void lzop(uint32_t flags, uint16_t version)
{
    static uint8_t work[LZO1X_1_MEM_COMPRESS], packed[2 * BLOCK];

    clear();
    file.big = true;
    append("\x89LZO\0\r\n\x1a\n", 9);
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
    append("mem", 3);
    put(0, 4);
    if (flags & 0x40) {
        put(5, 4);
        append("extra", 5);
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
        append(i == 1 ? p : packed, n);
    }
    put(0, 4);
}

static void healthy(void **state)
{
    static const uint32_t flags[] = { 0, 1, 3, 0x100, 0x303, 0x840 };
    static uint8_t got[sizeof content];
    struct eg_error e;

    (void)state;
    for (size_t i = 0; i < 2 * countof(flags); i++) {
        lzop(flags[i / 2], i & 1 ? 0x1040 : 0x0930);
        assert_int_equal(open_dump(&e), 0);
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
    assert_int_equal(open_dump(&e), 0);
    assert_int_equal(peek(0), -EG_UNREADABLE);
    assert_int_equal(peek(5 * PAGE), 2);
    lzop(1, 0x1040);
    total = file.len;
    for (file.len = 9; file.len < total; file.len++)
        if (open_dump(&e) == 0) {
            opens++;
            assert_int_equal(peek(0), 1);
        }
    assert_true(opens > BLOCK);
    lzop(1, 0x1040);
    put(0x89, 7);
    assert_int_equal(open_dump(&e), 0);
    assert_true(noted("the 7 bytes after the end of the first file"));
    lzop(1, 0x1040);
    memset(file.at + 9 + 8 + 4 + 4 + 8 + 8, 0xff, 8); // its sizes
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    file.at[15] = 77; // an unknown method
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
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
    return 0;
}

#endif
