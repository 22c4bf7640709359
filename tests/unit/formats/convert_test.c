/* convert_test.c - memory written as another format is the same memory, and a file is whole or not
 * there. */
#include "../../../core/newfile.h"
#include "../../../formats/write/convert.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka wants these first */
#include <cmocka.h>

enum { PAGE = 4096 };

static char folder[] = "/tmp/engram-convert-XXXXXX";
static struct eg_view *view;

static const char *path(const char *name)
{
    static char text[256];

    snprintf(text, sizeof text, "%s/%s", folder, name);
    return text;
}

/** A LiME image of @n runs of one page each, with holes of a page between; page i is full of i. */
static struct eg_image *image(size_t n, uint64_t first)
{
    const size_t len = n * (32 + PAGE);
    uint8_t *bytes = calloc(1, len), *p = bytes;
    struct eg_error e = { 0 };
    struct eg_image *img;
    FILE *f = fopen(path("in.lime"), "wb");

    assert_non_null(bytes);
    assert_non_null(f);
    for (size_t i = 0; i < n; i++, p += PAGE) {
        const uint64_t start = first + 2 * i * PAGE, last = start + PAGE - 1;

        memcpy(p, "EMiL\1\0\0\0", 8);
        for (int k = 0; k < 8; k++) {
            p[8 + k] = (uint8_t)(start >> 8 * k);
            p[16 + k] = (uint8_t)(last >> 8 * k);
        }
        p += 32;
        memset(p, (int)i, PAGE);
    }
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
    free(bytes);
    if (eg_image_open(&img, path("in.lime"), &(struct eg_open_options){ .quiet = true }, &e))
        fail_msg("%s", e.text);
    return img;
}

static void same(const char *name, size_t n, uint64_t first, bool holes_are_zeros)
{
    struct eg_error e = { 0 };
    struct eg_image *img;
    uint8_t page[PAGE], wanted[PAGE];

    if (eg_image_open(&img, path(name), &(struct eg_open_options){ .quiet = true }, &e))
        fail_msg("%s", e.text);
    assert_int_equal(img->notes.n, 0);
    for (size_t i = 0; i < n; i++) {
        memset(wanted, (int)i, PAGE);
        assert_true(eg_read(view, img->phys, first + 2 * i * PAGE, page, PAGE));
        assert_memory_equal(page, wanted, PAGE);
        if (i + 1 < n)
            assert_int_equal(eg_read(view, img->phys, first + (2 * i + 1) * PAGE, page, PAGE),
                             holes_are_zeros);
    }
    eg_view_fini(view);
    eg_view_init(view, NULL);
    eg_image_close(img);
}

static void each_format(void **state)
{
    static const char *const to[] = { "raw", "lime", "elf", "pack" };
    struct eg_convert_result done;
    struct eg_error e = { 0 };

    (void)state;
    for (size_t i = 0; i < countof(to); i++) {
        for (size_t n = 1; n <= 300; n += 299) {
            const struct eg_convert_options o = { .to = to[i],
                                                  .elf_machine = 62,
                                                  .replace = true,
                                                  .quiet = true,
                                                  .vmcoreinfo = "A=1\n" };
            struct eg_image *img = image(n, 2 * PAGE);

            if (eg_convert(img, path("out"), &o, &done, &e))
                fail_msg("%s", e.text);
            assert_int_equal(done.ranges, n);
            assert_int_equal(done.written, n * PAGE);
            assert_int_equal(done.lost, 0);
            eg_image_close(img);
            same("out", n, 2 * PAGE, !strcmp(to[i], "raw"));
        }
    }
}

/** More segments than an ELF header can count: section 0 does. */
static void many_ranges_as_elf(void **state)
{
    enum { N = 70000 };
    const struct eg_convert_options o = { .to = "elf", .replace = true, .quiet = true };
    struct eg_image *img = image(N, 0);
    struct eg_convert_result done;
    struct eg_error e = { 0 };

    (void)state;
    if (eg_convert(img, path("out"), &o, &done, &e))
        fail_msg("%s", e.text);
    assert_int_equal(done.ranges, N);
    eg_image_close(img);
    same("out", N, 0, false);
}

static void vmcoreinfo_is_kept(void **state)
{
    const struct eg_convert_options o = {
        .to = "elf", .replace = true, .quiet = true, .vmcoreinfo = "OSRELEASE=x\nPAGESIZE=4096\n"
    };
    struct eg_image *img = image(2, 0);
    struct eg_convert_result done;

    (void)state;
    assert_int_equal(eg_convert(img, path("out"), &o, &done, NULL), 0);
    eg_image_close(img);
    assert_int_equal(eg_image_open(&img, path("out"), NULL, NULL), 0);
    assert_string_equal(img->vmcoreinfo, o.vmcoreinfo);
    eg_image_close(img);
}

static void refused(void **state)
{
    struct eg_image *img = image(2, UINT64_C(1) << 50);
    struct eg_convert_options o = { .to = "raw", .quiet = true };
    struct eg_convert_result done;
    struct eg_error e = { 0 };
    struct stat st;

    (void)state;
    unlink(path("out"));
    assert_int_equal(eg_convert(img, path("out"), &o, &done, &e),
                     -EG_EUNSUP); // a file of 2^50 bytes
    o.to = "floppy";
    assert_int_equal(eg_convert(img, path("out"), &o, &done, &e), -EG_EUSAGE);
    assert_non_null(strstr(e.text, "lime"));
    assert_int_equal(stat(path("out"), &st), -1);
    o.to = "lime";
    assert_int_equal(eg_convert(img, path("out"), &o, &done, &e), 0);
    assert_int_equal(eg_convert(img, path("out"), &o, &done, &e), -EG_EUSAGE); // it exists
    o.replace = true;
    assert_int_equal(eg_convert(img, path("out"), &o, &done, &e), 0);
    assert_int_equal(eg_convert(img, "/dev/null", &o, &done, &e), -EG_EUSAGE);
    assert_int_equal(eg_convert(img, path("no/folder"), &o, &done, &e), -EG_EIO);
    eg_image_close(img);
}

/** What cannot be read becomes zeros, and is counted. */
static void lost(void **state)
{
    struct eg_image *img = image(3, 0);
    struct eg_convert_options o = { .to = "lime", .replace = true, .quiet = true };
    struct eg_convert_result done;
    uint8_t byte;

    (void)state;
    assert_int_equal(truncate(path("in.lime"), 2 * (32 + PAGE)), 0); // while the image is open
    assert_int_equal(eg_convert(img, path("out"), &o, &done, NULL), 0);
    assert_true(done.lost > 0 && done.lost <= PAGE);
    o.to = "pack";
    assert_int_equal(eg_convert(img, path("out"), &o, &done, NULL), 0);
    assert_true(done.lost > 0 && done.lost <= PAGE);
    eg_image_close(img);
    assert_int_equal(eg_image_open(&img, path("out"), NULL, NULL), 0);
    assert_true(eg_read(view, img->phys, 5 * PAGE - 1, &byte, 1));
    assert_int_equal(byte, 0);
    eg_view_fini(view);
    eg_view_init(view, NULL);
    eg_image_close(img);
}

/** 4 TiB of which two bytes are stored: neither read nor written as a whole. */
static void sparse(void **state)
{
    static const uint64_t size = UINT64_C(1) << 42;
    const struct eg_convert_options o = { .to = "lime", .replace = true, .quiet = true };
    struct eg_convert_result done;
    struct eg_image *img;
    struct eg_error e = { 0 };
    uint8_t byte;
    const int fd = open(path("in.lime"), O_CREAT | O_TRUNC | O_RDWR, 0600);

    (void)state;
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    assert_int_equal(pwrite(fd, "a", 1, 0), 1);
    assert_int_equal(pwrite(fd, "z", 1, (off_t)size - 1), 1);
    close(fd);
    for (int twice = 0; twice < 2; twice++) {
        if (eg_image_open(&img, path(twice ? "out" : "in.lime"), NULL, &e))
            fail_msg("%s", e.text);
        if (!twice && eg_convert(img, path("out"), &o, &done, &e))
            fail_msg("%s", e.text);
        assert_true(eg_read(view, img->phys, 0, &byte, 1) && byte == 'a');
        assert_true(eg_read(view, img->phys, 1, &byte, 1) && byte == 0);
        assert_true(eg_read(view, img->phys, size - 1, &byte, 1) && byte == 'z');
        eg_view_fini(view);
        eg_view_init(view, NULL);
        eg_image_close(img);
    }
    assert_true(done.written == size && !done.lost);
}

static void a_file_is_whole_or_not_there(void **state)
{
    struct eg_newfile n;
    struct stat st;

    (void)state;
    unlink(path("new"));
    assert_int_equal(eg_newfile_open(&n, path("new"), false, NULL), 0);
    fputs("half", n.f);
    eg_newfile_drop(&n);
    assert_int_equal(stat(path("new"), &st), -1);
    assert_int_equal(eg_newfile_open(&n, path("new"), false, NULL), 0);
    assert_int_equal(stat(path("new"), &st), -1);
    assert_int_equal(close(open(path("new"), O_CREAT | O_WRONLY, 0600)),
                     0); // the name is taken meanwhile
    assert_int_equal(eg_newfile_keep(&n, NULL), -EG_EIO);
    assert_int_equal(stat(path("new"), &st), 0);
    assert_int_equal(st.st_size, 0);
}

static int setup(void **state)
{
    (void)state;
    view = malloc(sizeof *view);
    if (!view || !mkdtemp(folder))
        return -1;
    eg_view_init(view, NULL);
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = { "in.lime", "out", "new", "" };

    (void)state;
    eg_view_fini(view);
    free(view);
    for (size_t i = 0; i < countof(names); i++)
        remove(path(names[i]));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lost), // first: cmocka takes SIGBUS at the start of each test
        cmocka_unit_test(each_format),
        cmocka_unit_test(many_ranges_as_elf),
        cmocka_unit_test(vmcoreinfo_is_kept),
        cmocka_unit_test(refused),
        cmocka_unit_test(sparse),
        cmocka_unit_test(a_file_is_whole_or_not_there),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
