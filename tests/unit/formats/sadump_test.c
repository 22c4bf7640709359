/* sadump_test.c - sadumps of a partition, of a set of disks and of a backup give the pages that
 * went in; what is missing says so; damage costs what it covers. */
#include "mkdump.h"
#include <stdio.h>
#include <unistd.h>

enum {
    BLOCK = 4096,
    PAGES = 200,
    CPUS = 3,
    SUB = 2, // blocks
    EFER_LMA = 1 << 10,
};
#define CR0_PG UINT64_C(0x80000000)

/** A dump to write; zeros are usual. */
struct shape {
    uint32_t block;
    unsigned disks; // of the set; 0: no set
    unsigned disk;  // the one to write, from 1
    unsigned media; // sequential number
    bool narrow;    // CPUs in 32-bit mode
    uint32_t version, compressed;
    uint64_t claimed;
};

static bool is_ram(unsigned pfn)
{
    return pfn < 70 || pfn >= 150;
}
static bool is_written(unsigned pfn)
{
    return is_ram(pfn) && pfn % 7 != 3;
}
static unsigned rank_of(unsigned pfn)
{
    unsigned n = 0;

    for (unsigned i = 0; i < pfn; i++)
        n += is_written(i);
    return n;
}

/** The first of the written pages on @disk, counted from 1. */
static unsigned first_on(const struct shape *s, unsigned disk)
{
    static const unsigned edges[] = { 0, 20, 21, 70 };

    return disk > s->disks ? rank_of(PAGES) : edges[disk - 1];
}

static void part_header(size_t at, const struct shape *s, uint64_t used)
{
    uint32_t magic = 77;

    memcpy(file.at + at, "sadump\0", 8);
    put_at(at + 8, 1, 4);
    memset(file.at + at + 88, 0x11, 16);
    memset(file.at + at + 104, 0x22, 16);
    memset(file.at + at + 120, (int)s->disk, 16);
    put_at(at + 152, s->disks ? s->disk : 0, 4);
    put_at(at + 160, used, 8);
    for (size_t i = 168; i < s->block; i += 4, magic = (magic + 7) * 11)
        put_at(at + i, magic, 4);
}

/** @return where the bitmap of written pages is. */
static size_t dump_header(const struct shape *s)
{
    const size_t at = file.len, ram = at + (1 + SUB) * s->block, written = ram + s->block;

    memcpy(file.at + at, "sadump\0", 8);
    put_at(at + 8, s->version, 4);
    put_at(at + 36, s->compressed, 4);
    put_at(at + 40, s->block, 4);
    put_at(at + 48, SUB, 4);
    put_at(at + 52, 1, 4);
    put_at(at + 56, 1, 4);
    put_at(at + 60, s->version ? 1 : s->claimed, 4);
    put_at(at + 80, CPUS, 4);
    put_at(at + 88, s->version ? s->claimed : 0, 8);
    put_at(at + s->block, 1024 * CPUS, 4);
    for (unsigned i = 0; i < CPUS; i++) {
        const size_t cpu = at + s->block + 4 + 16 * CPUS + 1024 * i;

        put_at(cpu + 576, 0x6f0, 4);
        put_at(cpu + 580, ~UINT64_C(0), 8); // reserved
        put_at(cpu + 796, 15, 8);           // r15
        put_at(cpu + 860, 100, 8);          // rax
        put_at(cpu + 984, 0x1234 + i, 8);
        put_at(cpu + 992, s->narrow ? 0 : EFER_LMA, 8);
        put_at(cpu + 1008, i == 1 ? 0 : 0x2a10000 + BLOCK * i, 8);
        put_at(cpu + 1016, CR0_PG, 8);
    }
    for (unsigned i = 0; i < PAGES; i++) {
        file.at[ram + i / 8] |= (uint8_t)(is_ram(i) << (7 - i % 8));
        file.at[written + i / 8] |= (uint8_t)(is_written(i) << (7 - i % 8));
    }
    file.len = written + s->block;
    return written;
}

/** @return where the bitmap of written pages is. */
static size_t write_dump(struct shape s)
{
    size_t part, bitmap = 0;
    unsigned from = 0, to = rank_of(PAGES);

    clear();
    s.block = s.block ? s.block : BLOCK;
    s.claimed = s.claimed ? s.claimed : PAGES;
    if (s.media) {
        memset(file.at, 0x11, 16);
        memset(file.at + 16, 0x22, 16);
        file.at[48] = (uint8_t)s.media;
        file.len = BLOCK;
    }
    part = file.len;
    file.len += s.block;
    if (s.disks) {
        from = first_on(&s, s.disk);
        to = first_on(&s, s.disk + 1);
    }
    if (s.disk == 1) {
        put_at(file.len, 1, 4);
        put_at(file.len + 4, s.disks, 4);
        file.len += s.block;
    }
    if (s.disk < 2)
        bitmap = dump_header(&s);
    for (unsigned i = 0; i < PAGES; i++)
        if (is_written(i) && rank_of(i) >= from && rank_of(i) < to)
            fill((int)i, s.block);
    part_header(part, &s, file.len);
    return bitmap;
}

/** Pages that are not as they should be. */
static unsigned wrong(uint32_t block)
{
    unsigned n = 0;

    for (unsigned i = 0; i < PAGES; i++) {
        const int want = is_written(i) ? (int)i : is_ram(i) ? -EG_EXCLUDED : -EG_ABSENT;

        n += peek(i * (uint64_t)block) != want || peek((i + 1) * (uint64_t)block - 1) != want;
    }
    return n;
}

static void every_shape(void **state)
{
    static const struct shape shapes[] = {
        { .version = 1 },
        { .version = 0 },
        { .version = 1, .block = 16384 },
        { .version = 1, .media = 1 },
        { .version = 1, .narrow = true },
    };

    (void)state;
    for (size_t i = 0; i < countof(shapes); i++) {
        write_dump(shapes[i]);
        open_ok();
        assert_string_equal(img->format, "sadump");
        assert_int_equal(wrong(shapes[i].block ? shapes[i].block : BLOCK), 0);
        assert_int_equal(img->notes.n, 1);
        assert_true(noted("18 pages (0 MiB) were excluded") || shapes[i].block);
        assert_int_equal(img->cpus.n, shapes[i].narrow ? 0 : CPUS - 1);
        assert_int_equal(img->elf_machine, shapes[i].narrow ? 3 : 62);
        if (shapes[i].narrow)
            continue;
        assert_int_equal(img->cpus.at[1].root, 0x2a10000 + 2 * BLOCK);
        assert_int_equal(img->cpus.at[0].control, 0x6f0);
        assert_int_equal(img->cpus.at[0].regs[0], 100);
        assert_int_equal(img->cpus.at[0].regs[15], 15);
        assert_int_equal(img->cpus.at[1].regs[16], 0x1236);
    }
}

/** Pages in a row are one extent, and a search need not ask for each. */
static void extents(void **state)
{
    struct eg_extent x;

    (void)state;
    write_dump((struct shape){ .version = 1 });
    open_ok();
    eg_extent_at(view, img->phys, 63 * BLOCK, &x);
    assert_int_equal(x.start, 60 * BLOCK);
    assert_int_equal(x.last, 66 * BLOCK - 1);
    eg_extent_at(view, img->phys, 100 * BLOCK, &x);
    assert_int_equal(x.why, EG_ABSENT);
    assert_int_equal(x.last, 150 * BLOCK - 1);
}

static void damaged(void **state)
{
    const struct shape s = { .version = 1 };
    struct eg_error e;
    size_t bitmap;

    (void)state;
    write_dump(s);
    memset(file.at, 0xff, BLOCK); // the partition header
    open_ok();
    assert_int_equal(wrong(BLOCK), 0);
    assert_true(noted("partition header is damaged"));
    write_dump((struct shape){ .version = 1, .media = 1 });
    memset(file.at, 0xff, BLOCK); // the media header
    open_ok();
    assert_int_equal(wrong(BLOCK), 0);
    memset(file.at + BLOCK, 0, BLOCK); // and the next
    open_ok();
    assert_int_equal(wrong(BLOCK), 0);

    bitmap = write_dump(s);
    file.at[bitmap] ^= 0x10;
    open_ok();
    assert_true(noted("bitmap has 103 pages, its headers 102"));
    memset(file.at + bitmap, 0, BLOCK);
    assert_int_equal(open_dump(&e), -EG_EFORMAT);

    write_dump(s);
    file.at[BLOCK] = 0; // the dump header
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    assert_non_null(strstr(e.text, "dump header is damaged"));
    write_dump((struct shape){ .version = 1, .media = 2 });
    memset(file.at + 2 * BLOCK, 0, BLOCK);
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    assert_non_null(strstr(e.text, "is medium 2"));
    write_dump((struct shape){ .version = 1, .compressed = 4 });
    open_ok();
    assert_true(noted("compressed (4)"));
    write_dump((struct shape){ .version = 1, .claimed = 198 });
    open_ok();
    assert_true(noted("has 198 pages, but its bitmap has some behind them"));
    assert_int_equal(wrong(BLOCK), 0);
}

static void false_values(void **state)
{
    static const uint8_t members[] = { 40, 48, 52, 56, 60, 80, 88, 92 };

    (void)state;
    for (size_t i = 0; i < sizeof members; i++)
        for (int k = 0; k < 3; k++) {
            struct eg_error e;

            write_dump((struct shape){ .version = 1 });
            put_at(BLOCK + members[i], k == 0 ? UINT32_MAX : k == 1 ? 0 : INT32_MAX, 4);
            if (open_dump(&e) == 0)
                wrong(BLOCK);
            else
                assert_non_null(strstr(e.text, "sadump"));
        }
    write_dump((struct shape){ .version = 1 });
    put_at(2 * BLOCK, UINT32_MAX, 4); // bytes of the CPUs
    open_ok();
    assert_int_equal(img->cpus.n, 1);
}

static void cut(void **state)
{
    size_t whole;

    (void)state;
    write_dump((struct shape){ .version = 1 });
    whole = file.len;
    for (size_t len = 100; len < whole; len += 1999) {
        struct eg_error e;

        file.len = len;
        if (open_as("sadump", &e)) {
            assert_true(len < 7 * BLOCK);
            continue;
        }
        assert_true(noted("truncated"));
        assert_int_equal(peek(0) == 0, len > 6 * BLOCK);
        assert_int_equal(peek((PAGES - 1) * BLOCK - 1), -EG_UNREADABLE);
    }
}

/* ---- sets of disks ---- */

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

static int open_disk(const char *name, struct eg_error *e)
{
    const struct eg_open_options o = { .quiet = true, .threads = 1 };

    close_image();
    return eg_image_open(&img, path_of(name), &o, e);
}

static void save_set(void)
{
    static const char *const names[] = { "one", "two", "three" };

    for (unsigned i = 0; i < 3; i++) {
        write_dump((struct shape){ .version = 1, .disks = 3, .disk = i + 1 });
        if (i == 2)
            fill(0, 5 * BLOCK); // the rest of the partition
        save(names[i]);
    }
}

static void disks(void **state)
{
    struct eg_error e;

    (void)state;
    strcpy(folder, "/tmp/sadump_test.XXXXXX");
    assert_non_null(mkdtemp(folder));
    save_set();
    write_dump((struct shape){ .version = 1, .disks = 3, .disk = 2 });
    save("two.copy");
    memset(file.at + 88, 0x33, 16); // of another machine
    save("other");
    for (const char *name = "one\0two\0three\0"; *name; name += strlen(name) + 1) {
        assert_int_equal(open_disk(name, &e), 0);
        assert_int_equal(wrong(BLOCK), 0);
        assert_true(noted("two.copy is disk 2") || !strcmp(name, "two.copy"));
        assert_int_equal(img->notes.n, 2);
    }
    unlink(path_of("two.copy"));

    // Without the second disk what is on the third is placed from the end.
    unlink(path_of("two"));
    assert_int_equal(open_disk("three", &e), 0);
    assert_true(noted("disk 2 of the set is not in the folder: 4 KiB"));
    assert_int_equal(wrong(BLOCK), 1);
    assert_int_equal(peek((PAGES - 1) * BLOCK - 1), PAGES - 2);
    unlink(path_of("three"));
    assert_int_equal(open_disk("one", &e), 0);
    assert_true(noted("disk 2") && noted("disk 3"));
    assert_int_equal(wrong(BLOCK), rank_of(PAGES) - 20);

    // A false number of bytes: the disk is used up to its end.
    save_set();
    write_dump((struct shape){ .version = 1, .disks = 3, .disk = 1 });
    put_at(160, 3, 8);
    save("one");
    assert_int_equal(open_disk("two", &e), 0);
    assert_true(noted("one says that 3 bytes of it are used"));
    assert_int_equal(wrong(BLOCK), 0);

    unlink(path_of("one"));
    assert_int_equal(open_disk("three", &e), -EG_ENOTFOUND);
    assert_non_null(strstr(e.text, "is disk 3 of a set"));
    for (const char *name = "two\0three\0other\0"; *name; name += strlen(name) + 1)
        unlink(path_of(name));
    assert_int_equal(rmdir(folder), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_shape), T(extents), T(damaged), T(false_values), T(cut), T(disks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
