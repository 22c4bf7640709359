/* qcow2_test.c - memory in the snapshots of a disk image: healthy, truncated, with false values. */
#include "qemu_stream.h"

enum {
    BITS = 9,
    CLUSTER = 1 << BITS,
    DISK = 1000, // one entry of the first table: 32 KiB
    L1 = CLUSTER,
    SNAPSHOTS = 2 * CLUSTER,
    L2 = 3 * CLUSTER,
    DATA = 8 * CLUSTER,
};

/** A healthy stream in clusters, the last first; @all snapshots, of which one has no memory. */
static void disk(unsigned all)
{
    static uint8_t stream[1 << 16];
    size_t n, size, at = SNAPSHOTS;

    healthy();
    size = file.len;
    n = (size + CLUSTER - 1) / CLUSTER;
    assert_true(n <= 64);
    memcpy(stream, file.at, size);
    memset(file.at, 0, DATA + n * CLUSTER);
    memcpy(file.at, "QFI\xfb", 4);
    put_at(4, 3, 4);
    put_at(20, BITS, 4);
    put_at(24, DISK, 8);
    put_at(60, all, 4);
    put_at(64, SNAPSHOTS, 8);
    put_at(L1 + 8, L2 | UINT64_C(1) << 63, 8);
    for (unsigned i = 0; i < all; i++) {
        put_at(at, L1, 8);
        put_at(at + 8, 2, 4);
        put_at(at + 12, 1, 2);
        put_at(at + 14, 3, 2);
        put_at(at + 32, size, 4);
        put_at(at + 36, i == 1 ? 0 : 16, 4); // the second is of an old QEMU
        if (i != 1) {
            put_at(at + 40, i == 2 ? 0 : size, 8);
            put_at(at + 48, DISK, 8);
        }
        at += 40 + (i == 1 ? 0 : 16);
        memcpy(file.at + at, "1abc", 4);
        file.at[at + 3] = (uint8_t)('a' + i);
        at = (at + 4 + 7) & ~(size_t)7;
    }
    for (size_t i = 0; i < n; i++) {
        const size_t to = DATA + (n - 1 - i) * CLUSTER;

        put_at(L2 + 8 * i, to | UINT64_C(1) << 63, 8);
        memcpy(file.at + to, stream + i * CLUSTER, EG_MIN((size_t)CLUSTER, size - i * CLUSTER));
    }
    file.len = DATA + n * CLUSTER;
}

static void snapshots(void **state)
{
    (void)state;
    for (unsigned all = 1; all <= 3; all++) {
        disk(all);
        open_ok();
        assert_string_equal(img->format, "QEMU migration stream on qcow2 snapshot");
        assert_int_equal(noted("2 snapshots with memory: the last one, abb"), all > 1);
        check_healthy();
    }
}

static void wrong(void **state)
{
    static const struct {
        size_t at;
        uint64_t value;
        size_t n;
        int rc;
    } all[] = {
        { 60, 0, 4, -EG_EFORMAT },                         // no snapshot
        { 20, 99, 4, -EG_EFORMAT },                        // size of a cluster
        { 32, 1, 4, -EG_EUNSUP },                          // encrypted
        { 72, 4, 8, -EG_EUNSUP },                          // data elsewhere
        { 64, UINT64_MAX, 8, -EG_EFORMAT },                // the table of snapshots is nowhere
        { SNAPSHOTS, UINT64_MAX, 8, -EG_EFORMAT },         // nor the first table
        { SNAPSHOTS + 8, 1, 4, -EG_EFORMAT },              // which is too small
        { SNAPSHOTS + 40, UINT64_MAX, 8, -EG_EFORMAT },    // memory of 2^64 bytes
        { SNAPSHOTS + 48, UINT64_MAX, 8, -EG_EFORMAT },    // disk, too
        { L2, DATA | UINT64_C(1) << 62, 8, -EG_EFORMAT },  // packed
        { L2, DATA | 1, 8, -EG_EFORMAT },                  // zeros
        { L2, UINT64_C(0xffffffffffe00), 8, -EG_EFORMAT }, // nowhere
    };
    struct eg_error e;
    size_t total;

    (void)state;
    for (size_t i = 0; i < countof(all); i++) {
        disk(1);
        put_at(all[i].at, all[i].value, all[i].n);
        if (open_dump(&e) != all[i].rc)
            fail_msg("case %zu: %s", i, e.text);
    }
    disk(1);
    total = file.len;
    for (size_t n = 8; n < total; n += 7)
        (void)open_cut(n, &e);
    // A missing part of the memory is a hole in the stream.
    put_at(L2 + 8 * 20, UINT64_C(1) << 62, 8);
    open_ok();
    assert_int_equal(peek(0), 0x10);
}

/** A damaged entry of a later snapshot does not hide an earlier one. */
static void damaged_table(void **state)
{
    const size_t second = SNAPSHOTS + 64; // its entry
    struct eg_error e;

    (void)state;
    for (int i = 0; i < 4; i++) {
        disk(2);
        if (i == 0)
            put_at(second, UINT64_MAX, 8); // its table is nowhere
        else if (i == 1)
            put_at(second, SNAPSHOTS, 8); // it is something else
        else if (i == 2)
            put_at(60, 60000, 4); // there are not so many
        else
            put_at(SNAPSHOTS + 36, UINT32_MAX, 4); // the end of the first is unknown
        open_ok();
        assert_int_equal(peek(0), 0x10);
        if (i < 2)
            assert_true(noted("of 1 more snapshots the memory is not a migration stream"));
        else if (i == 2)
            assert_true(noted("more snapshots the memory") || noted("damaged or cut off behind"));
        else
            assert_true(noted("damaged or cut off behind 1 of 2"));
    }
    disk(1);
    put_at(SNAPSHOTS, SNAPSHOTS, 8);
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    assert_non_null(strstr(e.text, "tables are damaged"));
}

/** A claim of 2^50 bytes in a few tables: what is not there is a few extents. */
static void claims_much(void **state)
{
    struct eg_extent x;
    uint64_t at = 0;
    size_t n = 0;

    (void)state;
    disk(1);
    put_at(SNAPSHOTS + 8, 10, 4); // entries of the first table: only the second has clusters
    put_at(SNAPSHOTS + 40, UINT64_C(1) << 50, 8);
    open_ok();
    assert_int_equal(peek(0), 0x10);
    for (; at < UINT64_C(1) << 50 && n < 1000; at = x.last + 1, n++)
        eg_extent_at(view, img->files[1], at, &x);
    assert_true(at == UINT64_C(1) << 50 && n < 100);
    assert_int_equal(x.why, EG_UNREADABLE);
    eg_extent_at(view, img->files[1], 33 << 10, &x);
    assert_true(x.zero && x.last + 1 - x.start == 32 << 10);

    put_at(SNAPSHOTS + 8, UINT32_MAX, 4); // more entries than the file has room for
    open_ok();
    for (at = n = 0; at < UINT64_C(1) << 50 && n < 1 << 20; at = x.last + 1, n++)
        eg_extent_at(view, img->files[1], at, &x);
    assert_true(at == UINT64_C(1) << 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(snapshots, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_table, setup, teardown),
        cmocka_unit_test_setup_teardown(claims_much, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
