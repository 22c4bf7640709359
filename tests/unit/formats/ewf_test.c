/* ewf_test.c - EWF images: a small one of the corpus, whole, damaged, cut off, and in memory. Where
 * libewf is not built in, it is refused by name. */
#include "../../../core/image.h"
#include "config.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
/* cmocka wants these first */
#include <cmocka.h>

enum { PAGE = 4096, PAGES = 20 }; // the corpus file: each page is full of its number, and one

static struct file {
    uint8_t at[1 << 14];
    size_t len;
} file;

static char folder[64];

static const char *path_of(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name)
{
    FILE *f = fopen(path_of(name), "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(file.at, 1, file.len, f), file.len);
    assert_int_equal(fclose(f), 0);
}

static int open_file(struct eg_image **img, const char *name, struct eg_error *e)
{
    const struct eg_open_options o = { .quiet = true };

    return eg_image_open(img, path_of(name), &o, e);
}

static int setup(void **state)
{
    char path[512];
    FILE *f;

    (void)state;
    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/image/ewf", getenv("SOURCE_ROOT"));
    f = fopen(path, "rb");
    if (!f)
        return -1;
    file.len = fread(file.at, 1, sizeof file.at, f);
    fclose(f);
    strcpy(folder, "/tmp/ewf_test.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path_of("a.E01"));
    return rmdir(folder);
}

static bool noted(const struct eg_image *img, const char *part)
{
    for (size_t i = 0; i < img->notes.n; i++)
        if (strstr(img->notes.at[i], part))
            return true;
    return false;
}

static void in_memory(void **state)
{
    struct eg_space *as;
    struct eg_image *img;
    struct eg_error e;

    (void)state;
    assert_int_equal(eg_memory_open(&as, file.at, file.len, NULL), 0);
    assert_int_equal(eg_image_open_space(&img, as, "test", NULL, &e), -EG_EUNSUP);
    assert_non_null(strstr(e.text, "EWF"));
}

#ifdef HAVE_EWF
/* libewf 20140813 leaks a chunk for each one that is missing. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libewf.so";
}

/** The number of pages that are right; no other may be readable. */
static unsigned right_pages(struct eg_image *img)
{
    struct eg_view *view = malloc(sizeof *view);
    unsigned n = 0;

    eg_view_init(view, NULL);
    for (unsigned i = 0; i < PAGES; i++) {
        const uint8_t *p = eg_bytes(view, img->phys, i * PAGE, PAGE);

        if (!p)
            assert_int_equal(view->why, EG_UNREADABLE);
        for (unsigned k = 0; p && k < PAGE; k++)
            assert_int_equal(p[k], i + 1);
        n += p != NULL;
    }
    assert_null(eg_bytes(view, img->phys, PAGES * PAGE, 1));
    assert_int_equal(view->why, EG_ABSENT);
    eg_view_fini(view);
    free(view);
    return n;
}

static void whole(void **state)
{
    struct eg_image *img;
    struct eg_error e;

    (void)state;
    write_file("a.E01");
    if (open_file(&img, "a.E01", &e) != 0)
        fail_msg("%s", e.text);
    assert_string_equal(img->format, "raw physical memory on EWF");
    assert_true(noted(img, "EWF: stored MD5"));
    assert_int_equal(right_pages(img), PAGES);
    eg_image_close(img);
}

/** Each byte is changed once: an image that opens has the right bytes, or holes. */
static void damaged(void **state)
{
    unsigned opened = 0, holes = 0;

    (void)state;
    for (size_t i = 0; i < file.len; i += 3) {
        struct eg_image *img;
        struct eg_error e;

        file.at[i] ^= 0x55;
        write_file("a.E01");
        file.at[i] ^= 0x55;
        if (i < 8 || open_file(&img, "a.E01", &e) != 0)
            continue;
        opened++;
        if (eg_space_size(img->phys) == PAGES * PAGE)
            holes += right_pages(img) < PAGES;
        eg_image_close(img);
    }
    assert_true(opened && holes);
}

static void cut(void **state)
{
    const size_t whole_len = file.len;

    (void)state;
    for (file.len = 8; file.len < whole_len; file.len += 50) {
        struct eg_image *img;
        struct eg_error e;

        write_file("a.E01");
        if (open_file(&img, "a.E01", &e) != 0)
            continue;
        right_pages(img);
        eg_image_close(img);
    }
    file.len = whole_len;
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_memory),
#ifdef HAVE_EWF
        cmocka_unit_test(whole),
        cmocka_unit_test(damaged),
        cmocka_unit_test(cut),
#endif
    };

    return cmocka_run_group_tests_name("ewf", tests, setup, teardown);
}
