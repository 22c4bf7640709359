/* kdump_test.c - kdumps of every codec, version, byte order and page size give the bytes that went
 * in; what was not written says why; damage costs the pages that it hits; split sets are put
 * together. */
#include "config.h"
#include "mkdump.h"
#include <stdio.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#ifdef HAVE_LZO
#include <lzo/lzo1x.h>
#endif
#ifdef HAVE_SNAPPY
#include <snappy-c.h>
#endif

enum { ZLIB = 1, LZO = 2, SNAPPY = 4, INCOMPLETE = 8, ZSTD = 0x20, PAGES = 200 };

static uint8_t page[1 << 16], got[1 << 20];

/** A dump to write; zeros are usual. */
struct shape {
    const char *name, *signature, *machine;
    bool narrow, big, padded;
    int version, codec, status;
    uint32_t block;
    uint32_t from, to; // split
    uint64_t claimed;  // pages; 0: PAGES
    bool one;          // bitmap
};

enum sort { ABSENT, EXCLUDED, ZERO, NOISE, TEXT };

static enum sort sort_of(uint64_t pfn)
{
    static const uint8_t sorts[] = { TEXT,     TEXT, NOISE, TEXT, ZERO,  TEXT, TEXT,
                                     EXCLUDED, TEXT, ZERO,  ZERO, NOISE, NOISE };

    return pfn >= 70 && pfn < 150    ? ABSENT
           : pfn >= 160 && pfn < 180 ? EXCLUDED
                                     : (enum sort)sorts[pfn % sizeof sorts];
}
static bool is_written(uint64_t pfn)
{
    return sort_of(pfn) >= ZERO;
}

static const uint8_t *content(uint64_t pfn, uint32_t block)
{
    uint32_t x = (uint32_t)pfn * 2654435761u + 1;

    for (uint32_t i = 0; i < block; i++) {
        x = x * 1103515245 + 12345;
        page[i] = sort_of(pfn) == ZERO    ? 0
                  : sort_of(pfn) == NOISE ? (uint8_t)(x >> 24)
                                          : (uint8_t)(i / 9 % 7 + pfn);
    }
    return page;
}

static void put_long(const struct shape *s, size_t at, uint64_t v)
{
    put_at(at, v, s->narrow ? 4 : 8);
}
/** @return bytes at @to; 0: larger than the page, or this build cannot. */
static size_t pack(int codec, const uint8_t *from, uint32_t block, uint8_t *to)
{
    uLongf n = 2 * block;

    if (codec == ZLIB)
        return compress2(to, &n, from, block, 1) == Z_OK && n < block ? n : 0;
    if (codec == ZSTD) // an error is a large number
        return (n = ZSTD_compress(to, 2 * block, from, block, 1)) < block ? n : 0;
#ifdef HAVE_LZO
    if (codec == LZO) {
        static uint8_t work[LZO1X_1_MEM_COMPRESS];
        lzo_uint k = 2 * block;

        return lzo1x_1_compress(from, block, to, &k, work) == LZO_E_OK && k < block ? k : 0;
    }
#endif
#ifdef HAVE_SNAPPY
    if (codec == SNAPPY) {
        size_t k = snappy_max_compressed_length(block);

        return snappy_compress((const char *)from, block, (char *)to, &k) == SNAPPY_OK && k < block
                   ? k
                   : 0;
    }
#endif
    return 0;
}

/** A note of @n bytes of @data at @at. @return bytes. */
static size_t put_note(size_t at, const char *name, int type, const void *data, size_t n)
{
    const size_t name_len = strlen(name) + 1, gap = (name_len + 3) & ~(size_t)3;

    put_at(at, name_len, 4);
    put_at(at + 4, n, 4);
    put_at(at + 8, (uint64_t)type, 4);
    memcpy(file.at + at + 12, name, name_len);
    memcpy(file.at + at + 12 + gap, data, n);
    return 12 + gap + ((n + 3) & ~(size_t)3);
}

static void sub_header(const struct shape *s)
{
    static const uint8_t wide[] = { 8, 12, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96 };
    static const uint8_t packed[] = { 4, 8, 12, 16, 20, 28, 32, 40, 44, 52, 56, 64, 72 };
    static const uint8_t padded[] = { 4, 8, 12, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88 };
    const uint8_t *l = !s->narrow ? wide : s->padded ? padded : packed;
    static const char text[] = "OSRELEASE=1.2.3\n", erased[] = "erase secret 8\n";
    const size_t at = s->block, notes = at + 200;
    uint8_t status[336] = { 0 };
    size_t n;

    put_at(at + l[0], 31, 4);
    if (s->version >= 2) {
        put_at(at + l[1], s->to != 0, 4);
        put_long(s, at + l[2], s->from);
        put_long(s, at + l[3], s->to);
    }
    memcpy(file.at + at + 120, text, sizeof text - 1);
    if (s->version >= 3) {
        put_at(at + l[4], at + 120, 8);
        put_long(s, at + l[5], sizeof text - 1);
    }
    if (s->version >= 4) {
        status[s->big ? 35 : 32] = 77;
        n = put_note(notes, "CORE", 1, status, sizeof status);
        n += put_note(notes + n, "VMCOREINFO", 0, text, sizeof text - 1);
        put_at(at + l[6], notes, 8);
        put_long(s, at + l[7], n);
    }
    if (s->version >= 5) {
        memcpy(file.at + at + 160, erased, sizeof erased - 1);
        put_at(at + l[8], at + 160, 8);
        put_long(s, at + l[9], sizeof erased - 1);
    }
    if (s->version >= 6) {
        put_at(at + l[10], s->from, 8);
        put_at(at + l[11], s->to, 8);
        put_at(at + l[12], s->claimed ? s->claimed : PAGES, 8);
    }
}

static struct shape full(const struct shape *given)
{
    struct shape s = *given;

    s.signature = s.signature ? s.signature : "KDUMP   ";
    s.machine = s.machine ? s.machine : "x86_64";
    s.block = s.block ? s.block : 4096;
    return s;
}

static size_t descs_of(const struct shape *s)
{
    return (size_t)full(s).block * (s->one ? 3 : 4);
}

static void write_dump(const struct shape *given)
{
    const struct shape s = full(given);
    const size_t at = s.narrow ? 412 : 424;
    const uint32_t to = s.to ? s.to : PAGES;
    size_t desc = descs_of(&s), data = desc, zeros;

    clear();
    file.big = s.big;
    memcpy(file.at, s.signature, 8);
    put_at(8, (uint64_t)s.version, 4);
    memcpy(file.at + 12 + 4 * 65, s.machine, strlen(s.machine));
    put_at(s.narrow ? 404 : 408, 1700000000, 4);
    put_at(at, (uint64_t)(s.codec | s.status), 4);
    put_at(at + 4, s.block, 4);
    put_at(at + 8, 1, 4);
    put_at(at + 12, s.one ? 1 : 2, 4);
    put_at(at + 16, s.version >= 6 ? 64 : s.claimed ? s.claimed : PAGES, 4); // 32 bits only
    put_at(at + 24, 9, 4);                                                   // blocks of the device
    if (s.version && memcmp(s.signature, "DISK", 4))
        sub_header(&s);
    for (uint32_t i = 0; i < PAGES; i++) {
        if (sort_of(i) != ABSENT && !s.one)
            file.at[2 * s.block + i / 8] |= (uint8_t)(1 << i % 8);
        if (is_written(i))
            file.at[(s.one ? 2 : 3) * s.block + i / 8] |= (uint8_t)(1 << i % 8);
    }
    for (uint32_t i = s.from; i < to; i++)
        data += is_written(i) ? 24 : 0;
    zeros = data;
    data += s.block;
    for (uint32_t i = s.from; i < to; i++) {
        size_t n;

        if (!is_written(i))
            continue;
        content(i, s.block);
        n = sort_of(i) == ZERO ? 0 : pack(s.codec, page, s.block, file.at + data);
        put_at(desc, sort_of(i) == ZERO ? zeros : data, 8);
        put_at(desc + 8, n ? n : s.block, 4);
        put_at(desc + 12, n ? (uint64_t)s.codec : 0, 4);
        put_at(desc + 16, 0, 8);
        desc += 24;
        if (!n)
            memcpy(file.at + data, page, s.block);
        data += sort_of(i) == ZERO ? 0 : n ? n : s.block;
    }
    file.len = data;
}

/** Every page has what was put in, or the reason @lost instead of it. @return how many are lost. */
static unsigned pages_right(uint32_t block, uint64_t pages, enum eg_why lost)
{
    unsigned n = 0;

    for (uint64_t pfn = 0; pfn < pages; pfn++) {
        const enum sort sort = sort_of(pfn);
        enum eg_why why;

        eg_read_some(view, img->phys, pfn * block, got, block, &why);
        if (!is_written(pfn) && why != (sort == ABSENT ? EG_ABSENT : EG_EXCLUDED))
            fail_msg("page %d: no hole of its kind, but %s", (int)pfn, eg_why_text(why));
        if (is_written(pfn) && why && why != lost)
            fail_msg("page %d: %s", (int)pfn, eg_why_text(why));
        if (is_written(pfn) && !why && memcmp(got, content(pfn, block), block))
            fail_msg("page %d is wrong", (int)pfn);
        n += is_written(pfn) && why;
    }
    return n;
}

static void every_shape(void **state)
{
    static const struct shape shapes[] = {
        { "zlib", .version = 6, .codec = ZLIB },
        { "zstd", .version = 6, .codec = ZSTD },
        { "stored", .version = 6 },
#ifdef HAVE_LZO
        { "lzo", .version = 6, .codec = LZO },
#endif
#ifdef HAVE_SNAPPY
        { "snappy", .version = 6, .codec = SNAPPY },
#endif
        { "version 1", .version = 1, .codec = ZLIB },
        { "version 3", .version = 3, .codec = ZLIB },
        { "version 4", .version = 4, .codec = ZLIB },
        { "version 5", .version = 5, .codec = ZLIB },
        { "later", .version = 9, .codec = ZLIB },
        { "16K", .version = 6, .codec = ZLIB, .block = 16384, .machine = "aarch64" },
        { "64K", .version = 6, .codec = ZSTD, .block = 65536, .machine = "ppc64le" },
        { "s390x", .version = 6, .codec = ZLIB, .big = true, .machine = "s390x" },
        { "i686", .version = 6, .codec = ZLIB, .narrow = true, .machine = "i686" },
        { "arm", .version = 6, .codec = ZLIB, .narrow = true, .padded = true, .machine = "armv7l" },
        { "arm of QEMU", .version = 6, .codec = ZLIB, .narrow = true, .machine = "armv7l" },
        { "ppc", .version = 6, .codec = ZLIB, .narrow = true, .big = true, .padded = true,
          .machine = "ppc" },
        { "i686, version 2", .version = 2, .codec = ZLIB, .narrow = true, .machine = "i686" },
        { "nameless", .version = 6, .codec = ZLIB, .narrow = true, .machine = "?" },
        { "diskdump", "DISKDUMP", .codec = ZLIB, .version = 1 },
        { "i686, diskdump", "DISKDUMP", .codec = ZLIB, .version = 1, .narrow = true,
          .machine = "i686", .claimed = 4096 },
    };

    (void)state;
    for (size_t i = 0; i < countof(shapes); i++) {
        const struct shape *s = &shapes[i];
        const bool kdump = !s->signature;

        write_dump(s);
        open_ok();
        if (pages_right(full(s).block, PAGES, EG_OK))
            fail_msg("%s", s->name);
        assert_true(eg_space_size(img->phys) ==
                    (s->claimed ? s->claimed : PAGES) * (uint64_t)full(s).block);
        assert_int_equal(noted("dump level 31 (zero, cache, private cache, user, free pages)"),
                         kdump);
        assert_false(noted("do not agree"));
        assert_int_equal(noted("erase secret"), s->version >= 5 && kdump);
        if (s->version >= 3 && kdump)
            assert_string_equal(img->vmcoreinfo, "OSRELEASE=1.2.3\n");
        else
            assert_null(img->vmcoreinfo);
        if (s->version >= 4 && !s->narrow) {
            assert_int_equal(img->cpus.n, 1);
            assert_int_equal(img->cpus.at[0].pid, 77);
        }
    }
}

static void one_bitmap(void **state)
{
    const struct shape s = { .version = 1, .one = true, .codec = ZLIB, .signature = "DISKDUMP" };
    enum eg_why why;

    (void)state;
    write_dump(&s);
    put_at(424 + 16, 4096 * 5, 4); // more pages than half of it has bits
    open_ok();
    assert_int_equal(eg_read_some(view, img->phys, 0, got, 4096, &why), 4096);
    assert_memory_equal(got, content(0, 4096), 4096);
    eg_read_some(view, img->phys, 7 * 4096, got, 4096,
                 &why); // left out: nothing says that it is RAM
    assert_int_equal(why, EG_ABSENT);
}

/** Adjacent pages are one extent, holes too; zeros are known without decompressing. */
static void extents(void **state)
{
    const struct shape s = { .version = 6, .codec = ZLIB };
    struct eg_extent x;

    (void)state;
    write_dump(&s);
    open_ok();
    eg_extent_at(view, img->phys, 0x1800, &x);
    assert_true(x.made && x.start == 0 && x.last == 0x3fff);
    eg_extent_at(view, img->phys, 9 * 4096, &x);
    assert_true(x.zero && x.last == 11 * 4096 - 1);
    eg_extent_at(view, img->phys, 11 * 4096, &x);
    assert_true(x.below && !x.made);
    eg_extent_at(view, img->phys, 80 * 4096, &x);
    assert_true(x.why == EG_ABSENT && x.last == 150 * 4096 - 1);
    eg_extent_at(view, img->phys, 160 * 4096, &x);
    assert_true(x.why == EG_EXCLUDED && x.last == 180 * 4096 - 1);
}

static void truncated(void **state)
{
    const struct shape s = { .version = 6, .codec = ZSTD };
    size_t whole;
    unsigned last = 0;

    (void)state;
    write_dump(&s);
    whole = file.len;
    for (size_t cut = 8; cut < whole; cut += 1013) {
        struct eg_error e;

        file.len = cut;
        if (open_as("kdump", &e)) {
            assert_true(cut < 4 * 4096);
            assert_non_null(strstr(e.text, "kdump"));
            continue;
        }
        assert_true(noted("truncated") || img->phys->last < PAGES * 4096 - 1);
        last = pages_right(4096, eg_space_size(img->phys) / 4096, EG_UNREADABLE);
    }
    assert_true(last > 0 && last < 4); // the smallest cut loses the fewest pages
}

/** As many pages as the marks of the index divide: also the pages after the last mark are
 * counted. */
static void round_number(void **state)
{
    const struct shape s = { .version = 6, .codec = ZLIB, .claimed = 512 };
    struct shape part = s;
    struct eg_extent x;

    (void)state;
    write_dump(&s);
    open_ok();
    eg_extent_at(view, img->phys, 9 * 4096, &x);
    assert_true(x.zero); // the shared page of zeros is known
    file.len -= 3000;
    open_ok();
    assert_true(noted("truncated"));
    write_dump(&s);
    file.at[3 * 4096] ^= 1;
    open_ok();
    assert_true(noted("do not agree"));

    part.from = 66;
    part.to = PAGES;
    write_dump(&part);
    put_at(4096 + 24, 512, 8); // it has the pages up to the end, both in 32 and in 64 bits
    put_at(4096 + 88, 512, 8);
    open_ok();
    assert_true(noted("has 0x42000-0x1fffff"));
    assert_false(noted("do not agree") || noted("truncated"));
}

/** Rank of a written page among all. */
static size_t rank_of(uint64_t pfn)
{
    size_t n = 0;

    for (uint64_t i = 0; i < pfn; i++)
        n += is_written(i);
    return n;
}

static void false_values(void **state)
{
    const struct shape s = { .version = 6, .codec = ZLIB };
    const size_t at[] = { descs_of(&s) + 24 * rank_of(1), descs_of(&s) + 24 * rank_of(21),
                          descs_of(&s) + 24 * rank_of(28), descs_of(&s) + 24 * rank_of(45),
                          descs_of(&s) + 24 * rank_of(53) };
    struct shape other = s;
    struct eg_error e;

    (void)state;
    write_dump(&s);
    for (int i = 0; i < 10; i += 9) { // one bit fewer, or more, than descriptors
        file.at[3 * 4096 + i] ^= 1;
        open_ok();
        assert_true(noted("do not agree"));
        file.at[3 * 4096 + i] ^= 1;
    }
    put_at(at[0], UINT64_C(1) << 60, 8); // outside the file
    put_at(at[1] + 8, 4097, 4);          // larger than a page
    put_at(at[2], 0, 8);                 // never written
    put_at(at[3] + 12, 0x40, 4);         // not packed, but smaller than a page
    put_at(at[4] + 8, 3, 4);             // cut short, and not the first of its run
    file.at[eg_le64(file.at + descs_of(&s) + 24 * rank_of(60)) + 2] ^= 0x55; // damaged
    open_ok();
    assert_int_equal(pages_right(4096, PAGES, EG_UNREADABLE), 6);
    open_ok();
    assert_int_equal(eg_read_some(view, img->phys, 0, got, 70 * 4096, NULL),
                     (size_t)(70 - 6) * 4096 - 5 * 4096); // in one piece; 5 are excluded

    other.claimed = UINT64_MAX;
    write_dump(&other);
    open_ok();
    assert_true(noted("bitmaps hold 65536 of 18446744073709551615"));
    other = s;
    other.status = INCOMPLETE;
    write_dump(&other);
    open_ok();
    assert_true(noted("ended early"));

    write_dump(&s);
    put_at(424 + 4, 4095, 4); // a block of
    assert_int_equal(open_as(NULL, &e), -EG_EFORMAT);
    write_dump(&s);
    put_at(424 + 8, INT32_MAX, 4); // blocks of the sub-header
    assert_int_equal(open_as(NULL, &e), -EG_EFORMAT);
    write_dump(&s);
    put_at(4096 + 48, 1 << 30, 8); // notes
    open_ok();
    assert_true(noted("its notes cannot be read"));
    assert_string_equal(img->vmcoreinfo, "OSRELEASE=1.2.3\n");
}

static void lacking(void **state)
{
    (void)state;
#ifndef HAVE_LZO
    const struct shape s = { .version = 6, .codec = LZO }; // none is packed with it
    struct eg_error e;

    write_dump(&s);
    assert_int_equal(open_as(NULL, &e), -EG_EUNSUP);
    assert_non_null(strstr(e.text, "liblzo2"));
    put_at(descs_of(&s) + 12, LZO, 4);
    assert_int_equal(open_as("kdump", &e), 0);
    assert_true(noted("liblzo2"));
    assert_int_equal(pages_right(4096, PAGES, EG_UNREADABLE), 1);
#endif
}

/* ---- split sets ---- */

static char folder[64], path[128];

static const char *path_of(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void save(const char *name)
{
    FILE *f = fopen(path_of(name), "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(file.at, 1, file.len, f), file.len);
    fclose(f);
}

static void save_part(const char *name, uint32_t from, uint32_t to, uint8_t time)
{
    const struct shape s = { .version = 6, .codec = ZLIB, .from = from, .to = to };

    write_dump(&s);
    file.at[409] = time;
    save(name);
}

static void open_part(const char *name)
{
    const struct eg_open_options o = { .quiet = true, .threads = 1 };
    struct eg_error e;

    close_image();
    if (eg_image_open(&img, path_of(name), &o, &e))
        fail_msg("%s", e.text);
}

static void split(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/kdump_test.XXXXXX");
    assert_non_null(mkdtemp(folder));
    save_part("b", 30, 66, 1);
    save_part("a", 0, 30, 1);
    save_part("a.copy", 0, 30, 1);
    save_part("a.other", 0, 30, 2);
    save_part("empty", PAGES, PAGES, 1);
    save_part("c", 66, PAGES, 1);
    open_part("b");
    assert_int_equal(pages_right(4096, PAGES, EG_OK), 0);
    assert_true(noted("a has 0-0x1dfff") && noted("c has 0x42000-"));
    assert_false(noted("copy") || noted("other") || noted("empty"));

    save_part("empty", PAGES, PAGES, 1);
    file.len = 3 * 4096 + PAGES / 8; // makedumpfile ends it after the last bit
    save("empty");
    open_part("empty");
    assert_int_equal(pages_right(4096, PAGES, EG_OK), 0);

    save_part("c", 66, PAGES, 1);
    file.at[3 * 4096 + 190 / 8] ^= 0xff; // part c says other pages were written
    save("c");
    open_part("a");
    assert_true(noted("c seems to be") && noted("part 0x42000-0xc7fff is not in the folder"));
    assert_int_equal(pages_right(4096, PAGES, EG_UNREADABLE), rank_of(PAGES) - rank_of(66));
    unlink(path_of("a"));
    unlink(path_of("a.copy"));
    open_part("b");
    assert_true(noted("part 0-0x1dfff is not in the folder"));
    assert_int_equal(pages_right(4096, 66, EG_UNREADABLE), rank_of(30));
    for (const char *name = "a.other\0b\0c\0empty\0"; *name; name += strlen(name) + 1)
        unlink(path_of(name));
    assert_int_equal(rmdir(folder), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_shape),  T(one_bitmap),   T(extents), T(truncated),
        T(round_number), T(false_values), T(lacking), T(split),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
