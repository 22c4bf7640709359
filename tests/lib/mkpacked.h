/** mkpacked.h - content that a test packs into mkdump.h's file, and the comparison of what is read
 * with it: what the tests of compressed files share. */
#ifndef MKPACKED_H
#define MKPACKED_H

#include "mkdump.h"

enum { SIZE = 12 << 20 };

static uint8_t *content;

/** Zeros, noise and text, in stretches that are no multiple of a page; some MiB of zeros. */
static inline int setup_content(void **state)
{
    uint32_t x = 1;

    setup(state);
    content = malloc(SIZE);
    assert_non_null(content);
    for (size_t i = 0; i < SIZE; i++) {
        x = x * 1103515245 + 12345;
        content[i] = i % 300007 < 100000 || (i > 4 << 20 && i < 7 << 20) ? 0
                     : i % 300007 < 200000                               ? (uint8_t)(x >> 24)
                                                                         : (uint8_t)(i / 37 % 61);
    }
    content[0] = 'x';
    return 0;
}

static inline int teardown_content(void **state)
{
    free(content);
    return teardown(state);
}

/** Bytes of [@from, @to) that cannot be read; what can be must be right. */
static inline size_t holes(size_t from, size_t to)
{
    static uint8_t buf[10000];
    size_t lost = 0;

    for (size_t at = from, n; at < to; at += n) {
        n = EG_MIN(sizeof buf, to - at);
        if (eg_read(view, img->phys, at, buf, n)) {
            if (memcmp(buf, content + at, n))
                fail_msg("wrong bytes near %#zx", at);
        } else {
            for (size_t i = 0; i < n; i++) {
                const uint8_t *p = eg_bytes(view, img->phys, at + i, 1);

                lost += !p;
                if (p && *p != content[at + i])
                    fail_msg("wrong byte at %#zx", at + i);
            }
        }
    }
    return lost;
}

/** All of @len bytes, from both ends and in leaps. */
static inline void check_all(const char *what, size_t len)
{
    if (img->phys->last != len - 1)
        fail_msg("%s: %lu bytes instead of %zu", what, img->phys->last + 1, len);
    for (size_t at = 0; at < len; at += 777777)
        if (holes(at, EG_MIN(at + 5000, len)))
            fail_msg("%s: a hole near %#zx", what, at);
    for (size_t at = len - len % 500000; at; at -= 500000)
        if (holes(at - 3, EG_MIN(at + 2, len)))
            fail_msg("%s: a hole near %#zx", what, at);
    if (holes(0, len))
        fail_msg("%s: holes", what);
}

/** Is the outermost file decompressed when it is read, not unpacked to a file? */
static inline bool in_place(void)
{
    struct eg_extent x;

    eg_extent_at(view, img->files[img->n_files - 1], 0, &x);
    return x.made || x.host;
}

/** Open, and compare with @len bytes of content. */
static inline void opens(const char *what, size_t len, bool place, size_t notes)
{
    struct eg_error e = { 0 };

    notes += len % 4096 != 0; // raw memory comes in pages
    if (open_dump(&e) != 0)
        fail_msg("%s: %s", what, e.text);
    check_all(what, len);
    if (in_place() != place || img->notes.n != notes)
        fail_msg("%s: in place %d, %zu notes: %s", what, in_place(), img->notes.n,
                 img->notes.n ? img->notes.at[0] : "");
}

#endif
