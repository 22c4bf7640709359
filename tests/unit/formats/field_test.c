/* field_test.c - files as they come from the field: cut up, with damaged headers, with zeros left
 * out, and those that are no image of a machine. */
#include "../../../core/image.h"
#include "../../../formats/pool.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants these first */
#include <cmocka.h>

enum { EM_X86_64 = 62 };

static struct eg_image *img;
static struct eg_view *view;
static uint8_t file[1 << 18];
static size_t len;

static void put(uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        file[len++] = (uint8_t)(v >> 8 * i);
}

static void fill(int c, size_t n)
{
    memset(file + len, c, n);
    len += n;
}

static int open_as(const char *format, struct eg_error *e)
{
    const struct eg_open_options o = { .format = format, .quiet = true };
    struct eg_space *as;

    assert_int_equal(eg_memory_open(&as, file, len, NULL), 0);
    return eg_image_open_space(&img, as, "test", &o, e);
}

static int open_(struct eg_error *e)
{
    return open_as(NULL, e);
}

static void open_ok(void)
{
    struct eg_error e = { 0 };

    if (open_(&e) != 0)
        fail_msg("%s", e.text);
}

static int setup(void **state)
{
    (void)state;
    view = malloc(sizeof *view);
    eg_view_init(view, NULL);
    len = 0;
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

static bool noted(const char *part)
{
    for (size_t i = 0; i < img->notes.n; i++)
        if (strstr(img->notes.at[i], part))
            return true;
    return false;
}

/* ---- LiME ---- */

static size_t header(uint64_t first, uint64_t last)
{
    const size_t at = len;

    put(0x4c694d45, 4);
    put(1, 4);
    put(first, 8);
    put(last, 8);
    put(0, 8);
    return at;
}

static void range(uint64_t first, uint64_t last, int c)
{
    header(first, last);
    fill(c, last - first + 1);
}

/** A header directly behind a header: the first one's range is zeros, and its bytes are not there. */
static void zeros_not_stored(void **state)
{
    (void)state;
    range(0x1000, 0x1fff, 1);
    header(0x2000, 0x101fff);
    header(0x102000, 0x201fff);
    range(0x202000, 0x202fff, 2);
    header(0x203000, 0x203fff);
    range(0x300000, 0x300fff, 3);
    open_ok();
    assert_int_equal(peek(0x1fff), 1);
    assert_int_equal(peek(0x2000), 0);
    assert_int_equal(peek(0x201fff), 0);
    assert_int_equal(peek(0x202000), 2);
    assert_int_equal(peek(0x203fff), 0);
    assert_int_equal(peek(0x204000), -EG_ABSENT);
    assert_int_equal(peek(0x300fff), 3);
    assert_true(noted("2 MiB have a header and no bytes"));
    assert_int_equal(img->notes.n, 1);
}

/** Memory that begins with a header, as it is in a file that somebody just read, is memory. */
static void header_in_memory(void **state)
{
    (void)state;
    header(0x1000, 0x1fff);
    header(0x900000, 0x900fff);
    fill(7, 0x1000 - 32);
    range(0x2000, 0x2fff, 2);
    open_ok();
    assert_int_equal(peek(0x1000), 'E');
    assert_int_equal(peek(0x1fff), 7);
    assert_int_equal(peek(0x2000), 2);
    assert_int_equal(peek(0x900000), -EG_ABSENT);
    assert_int_equal(img->notes.n, 0);
}

static void damaged_header(void **state)
{
    size_t second;

    (void)state;
    range(0x1000, 0x1fff, 1);
    second = header(0x5000, 0x5fff);
    fill(5, 0x1000);
    range(0x8000, 0x8fff, 8);
    memset(file + second, 0, 4); // its magic number only: the rest fits
    open_ok();
    assert_int_equal(peek(0x1000), 1);
    assert_int_equal(peek(0x5000), 5);
    assert_int_equal(peek(0x8000), 8);
    assert_true(noted("at 0x1020 has no magic number"));
    eg_image_close(img);
    eg_view_fini(view);
    eg_view_init(view, NULL);

    memset(file + second, 0xff, 32); // all of it: on from the next one
    open_ok();
    assert_int_equal(peek(0x1000), 1);
    assert_int_equal(peek(0x5000), -EG_ABSENT);
    assert_int_equal(peek(0x8fff), 8);
    assert_true(noted("4128 bytes up to the next one at 0x2040"));
    assert_int_equal(img->notes.n, 1);
}

static void something_appended(void **state)
{
    (void)state;
    range(0x1000, 0x1fff, 1);
    fill('x', 92);
    open_ok();
    assert_int_equal(peek(0x1fff), 1);
    assert_true(noted("the last 92 bytes"));
}

/* ---- ELF ---- */

struct segment {
    uint32_t type;
    uint64_t offset, vaddr, paddr, filesz, memsz;
};

static void elf(const struct segment *s, size_t n)
{
    static const uint8_t ident[16] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };

    memcpy(file, ident, sizeof ident);
    len = sizeof ident;
    put(4, 2); // ET_CORE
    put(EM_X86_64, 2);
    put(1, 4);
    put(0, 8);
    put(64, 8);
    put(0, 8);
    put(0, 4);
    put(64, 2);
    put(56, 2);
    put(n, 2);
    put(0, 6);
    for (size_t i = 0; i < n; i++) {
        put(s[i].type, 4);
        put(0, 4);
        put(s[i].offset, 8);
        put(s[i].vaddr, 8);
        put(s[i].paddr, 8);
        put(s[i].filesz, 8);
        put(s[i].memsz, 8);
        put(0, 8);
    }
    fill(0, 0x1000 - len);
}

static void bytes_win_over_zeros(void **state)
{
    static const struct segment s[] = {
        { 1, 0x1000, 0xa000, 0xa000, 0x2000, 0x8000 },
        { 1, 0x3000, 0xc000, 0xc000, 0x2000, 0x4000 },
    };

    (void)state;
    elf(s, countof(s));
    fill(0x55, 0x2000);
    fill(0xaa, 0x2000);
    open_ok();
    assert_int_equal(peek(0xbfff), 0x55);
    assert_int_equal(peek(0xc000), 0xaa);
    assert_int_equal(peek(0xdfff), 0xaa);
    assert_int_equal(peek(0xe000), 0);
    assert_int_equal(peek(0x11fff), 0);
    assert_int_equal(peek(0x12000), -EG_ABSENT);
}

/** NT_AUXV, NT_FILE and NT_SIGINFO are in no core of a machine. */
static void program(void **state)
{
    static const uint32_t types[] = { 6, 0x46494c45, 0x53494749 };
    struct eg_error e;

    (void)state;
    for (size_t i = 0; i < countof(types); i++) {
        static const struct segment s[] = {
            { 4, 0x1000, 0, 0, 0x24, 0x24 },
            { 1, 0x2000, 0x400000, 0, 0x1000, 0x1000 },
            { 1, 0x3000, 0xffffffffff600000, 0, 0x1000, 0x1000 }, // vsyscall
        };

        elf(s, countof(s));
        put(5, 4);
        put(16, 4);
        put(types[i], 4);
        memcpy(file + len, "CORE\0\0\0", 8);
        len += 8;
        fill(0, 16);
        fill(0, 0x4000 - len);
        assert_int_equal(open_(&e), -EG_EUNSUP);
        assert_non_null(strstr(e.text, "core of a program"));
    }
}

/** A copy of /proc/kcore: views without a physical address are larger than any file. */
static void nothing_lost_of_a_view(void **state)
{
    static const struct segment s[] = {
        { 1, 0x1000, 0xffff888000000000, 0x1000, 0x1000, 0x1000 },
        { 1, 0x2000, 0xffffc90000000000, UINT64_MAX, UINT64_C(1) << 45, UINT64_C(1) << 45 },
    };

    (void)state;
    elf(s, countof(s));
    fill(1, 0x1000);
    open_ok();
    assert_int_equal(peek(0x1fff), 1);
    assert_false(noted("truncated"));
}

/* ---- no images ---- */

static void named(void **state)
{
    static const struct {
        const char *magic;
        size_t n, at;
        const char *what;
    } cases[] = {
        { "PK\3\4", 4, 0, "a zip archive" },
        { "ustar", 5, 257, "a tar archive" },
        { "\x5d\0\0\x10\0\xff\xff\xff\xff\xff\xff\xff\xff", 13, 0, "lzma" },
        { "\x1f\x9d\x90", 3, 0, "compress" },
        { "AVML", 4, 0, "another version" },
        { "QEVM", 4, 0, "not of version 3" },
        { "PAGEDU64", 8, 0, "a Windows crash dump" },
        { "MDMP", 4, 0, "a Windows minidump" },
        { "{\"metadata\": {\"linux\"", 21, 0, "a JSON text" },
        { "<!DOCTYPE html>", 15, 0, "a web page" },
        { "SWAPSPACE2", 10, 4086, "a swap space" },
        { "SWAPSPACE2", 10, 65526, "a swap space" },
        { "S1SUSPEND", 9, 4086, "hibernated" },
        { "CD001", 5, 0x8001, "an ISO image" },
        { "\x53\xef", 2, 1080, "a file system (ext" },
        { "_BHRfS_M", 8, 0x10040, "a file system (btrfs)" },
    };
    struct eg_error e;

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        len = 0;
        fill(0, 1 << 17);
        memcpy(file + cases[i].at, cases[i].magic, cases[i].n);
        assert_int_equal(open_(&e), -EG_EUNSUP);
        if (!strstr(e.text, cases[i].what))
            fail_msg("%s: %s", cases[i].what, e.text);
        assert_int_equal(open_as("raw", &e), 0); // the user knows better
        eg_image_close(img);
        img = NULL;
        file[cases[i].at] ^= 0x80; // no longer: raw memory
        assert_int_equal(open_(&e), 0);
        eg_image_close(img);
        img = NULL;
    }
}

/** A vmlinux is named; memory that begins with a copy of an ELF file is memory. */
static void elf_at_the_start(void **state)
{
    static const uint8_t ident[] = {
        0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0
    };
    const uint64_t size = 32 << 20;
    uint8_t *big = calloc(1, size);
    struct eg_error e;

    (void)state;
    memcpy(big, ident, sizeof ident);
    for (int own = 0; own < 2; own++) {
        const uint64_t sections = own ? size - 4096 : 9000;
        struct eg_space *as;

        for (int i = 0; i < 8; i++)
            big[40 + i] = (uint8_t)(sections >> 8 * i);
        assert_int_equal(eg_memory_open(&as, big, size, NULL), 0);
        assert_int_equal(eg_image_open_space(&img, as, "test", NULL, &e), own ? -EG_EUNSUP : 0);
        if (!own)
            eg_image_close(img);
        img = NULL;
    }
    free(big);
}

/* ---- pool ---- */

struct counted {
    int started, stopped, most;
};

static void *start(const void *context)
{
    struct counted *c = (void *)(uintptr_t)context;

    return c->started - c->stopped < c->most ? (c->started++, calloc(1, sizeof(uint64_t))) : NULL;
}

static struct counted counted;

static void stop(void *decoder)
{
    counted.stopped++;
    free(decoder);
}

static uint64_t rank(const void *key, const void *decoder)
{
    const uint64_t wanted = *(const uint64_t *)key, place = *(const uint64_t *)decoder;

    return place <= wanted ? place : 0;
}

static void pool(void **state)
{
    struct eg_pool p = { .start = start, .stop = stop, .context = &counted };
    uint64_t *d[EG_POOL_IDLE_MAX + 1], key;

    (void)state;
    counted = (struct counted){ .most = 1000 };
    eg_pool_init(&p);
    d[0] = eg_pool_take(&p);
    eg_pool_give(&p, d[0]);
    assert_ptr_equal(eg_pool_take(&p), d[0]); // used again
    assert_int_equal(counted.started, 1);
    for (unsigned i = 1; i < countof(d); i++)
        d[i] = eg_pool_take(&p);
    for (unsigned i = 0; i < countof(d); i++) {
        *d[i] = 10 * (i + 1);
        eg_pool_give(&p, d[i]);
    }
    assert_int_equal(counted.stopped, 1); // one more than may be idle
    key = 35;
    assert_ptr_equal(eg_pool_take_ranked(&p, rank, &key), d[2]); // the nearest at or before it
    eg_pool_give(&p, d[2]);
    key = 5;
    assert_ptr_equal(eg_pool_take_ranked(&p, rank, &key), d[0]); // none: the longest unused
    eg_pool_drop(&p, d[0]);
    d[0] = eg_pool_take_ranked(&p, rank, &key);
    assert_ptr_not_equal(d[0], d[1]); // there is room for a new one
    eg_pool_give(&p, d[0]);
    assert_int_equal(counted.started, EG_POOL_IDLE_MAX + 2);
    eg_pool_fini(&p);
}

/** Where no more than a few can be had. */
static void small_pool(void **state)
{
    struct eg_pool p = { .start = start, .stop = stop, .context = &counted, .max = 4 };
    void *a, *b;

    (void)state;
    counted = (struct counted){ .most = 2 };
    eg_pool_init(&p);
    a = eg_pool_take(&p);
    b = eg_pool_take(&p);
    assert_true(a && b);
    eg_pool_give(&p, b);
    assert_ptr_equal(eg_pool_take(&p), b);
    eg_pool_drop(&p, b);
    b = eg_pool_take(&p);
    assert_non_null(b);
    eg_pool_give(&p, a);
    eg_pool_give(&p, b);
    eg_pool_fini(&p);
    assert_int_equal(counted.started, 3);
    assert_int_equal(counted.stopped, 3);
    counted.most = 0;
    eg_pool_init(&p);
    assert_null(eg_pool_take(&p)); // not even one
    eg_pool_fini(&p);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(zeros_not_stored),
        T(header_in_memory),
        T(damaged_header),
        T(something_appended),
        T(bytes_win_over_zeros),
        T(program),
        T(nothing_lost_of_a_view),
        T(named),
        T(elf_at_the_start),
        T(pool),
        T(small_pool),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
