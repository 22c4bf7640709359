/** mkdump.h - a dump that a test writes into our memory, opens and looks at: what the tests of
 * formats share. */
#ifndef MKDUMP_H
#define MKDUMP_H

#include "../../core/image.h"
#include "check.h"
#include <stdlib.h>
#include <sys/mman.h>

enum { FILE_MAX = 64 << 20 };

/** The file that is being written; what was not written is zeros. */
static struct {
    uint8_t *at;
    size_t len;
    bool big; /**< put() writes big-endian numbers */
} file;
static struct eg_image *img;
static struct eg_view *view;

static inline void close_image(void)
{
    eg_view_fini(view); // it points into spaces that are about to be closed
    eg_view_init(view, NULL);
    eg_image_close(img);
    img = NULL;
}

/** Begin a new, empty file. */
static inline void clear(void)
{
    close_image();
    if (file.at)
        munmap(file.at, FILE_MAX);
    memset(&file, 0, sizeof file);
    // Not calloc(): it writes all of it where MALLOC_PERTURB_ is set, as `meson test` does.
    file.at = mmap(NULL, FILE_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(file.at, MAP_FAILED);
}

static inline int setup(void **state)
{
    (void)state;
    view = malloc(sizeof *view);
    assert_non_null(view);
    eg_view_init(view, NULL);
    clear();
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    close_image();
    eg_view_fini(view);
    free(view);
    munmap(file.at, FILE_MAX);
    memset(&file, 0, sizeof file);
    return 0;
}

static inline void put_at(size_t at, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const size_t byte = file.big ? n - 1 - i : i;

        file.at[at + i] = (uint8_t)(byte < 8 ? v >> 8 * byte : 0);
    }
}

/** A number of @n bytes at the end. */
static inline void put(uint64_t v, size_t n)
{
    put_at(file.len, v, n);
    file.len += n;
}

static inline void append(const void *p, size_t n)
{
    memcpy(file.at + file.len, p, n);
    file.len += n;
}

static inline void fill(int c, size_t n)
{
    memset(file.at + file.len, c, n);
    file.len += n;
}

/** Make the file a flattened stream: of itself, and of zeros up to @size. */
static inline void make_sparse(uint64_t size)
{
    const size_t len = file.len;
    uint8_t *bytes = malloc(len);

    assert_non_null(bytes);
    memcpy(bytes, file.at, len);
    clear();
    file.big = true;
    append("makedumpfile\0\0\0", 16);
    put(1, 8); // type and version
    put(1, 8);
    file.len = 4096;
    put(0, 8); // a record: offset, length, bytes
    put(len, 8);
    append(bytes, len);
    put(size - 1, 8);
    put(1, 8);
    put(0, 1);
    fill(0xff, 16);
    free(bytes);
}

static inline int open_with(const struct eg_open_options *o, struct eg_error *e)
{
    struct eg_space *as;

    close_image();
    assert_int_equal(eg_memory_open(&as, file.at, file.len, NULL), 0);
    return eg_image_open_space(&img, as, "test", o, e);
}

/** @format as in --format. */
static inline int open_as(const char *format, struct eg_error *e)
{
    const struct eg_open_options o = { .format = format, .quiet = true, .threads = 3 };

    return open_with(&o, e);
}

static inline int open_dump(struct eg_error *e)
{
    return open_as(NULL, e);
}

/** The first @len bytes of the file. */
static inline int open_cut(size_t len, struct eg_error *e)
{
    const size_t whole = file.len;
    int rc;

    file.len = len;
    rc = open_dump(e);
    file.len = whole;
    return rc;
}

static inline void open_ok(void)
{
    struct eg_error e = { 0 };

    if (open_dump(&e))
        fail_msg("%s", e.text);
}

/** What is at @addr: a byte, or minus the reason. */
static inline int peek_in(struct eg_space *as, uint64_t addr)
{
    const uint8_t *p = eg_bytes(view, as, addr, 1);

    return p ? *p : -view->why;
}

static inline int peek(uint64_t addr)
{
    return peek_in(img->phys, addr);
}

static inline bool noted(const char *part)
{
    for (size_t i = 0; i < img->notes.n; i++)
        if (strstr(img->notes.at[i], part))
            return true;
    return false;
}

#endif
