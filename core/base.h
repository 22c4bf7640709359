/** base.h - what everything uses: checked arithmetic, byte order, errors in a struct of the
 * caller's.
 *
 *  There are three kinds of errors. Damage in an image is a value: a hole with a reason, a bad
 * cursor. An operation that fails returns a negative EG_E… and fills the caller's eg_error.
 * Mistakes of our own code are asserted. */
#ifndef EG_BASE_H
#define EG_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define countof(a)      (sizeof(a) / sizeof((a)[0]))
#define EG_MIN(a, b)    ((a) < (b) ? (a) : (b))
#define EG_MAX(a, b)    ((a) > (b) ? (a) : (b))
#define EG_PRINTF(f, a) __attribute__((__format__(__printf__, f, a)))

/** @return false when the result does not fit; then *@out is untouched. */
static inline bool eg_add(uint64_t a, uint64_t b, uint64_t *out)
{
    uint64_t sum;

    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *out = sum;
    return true;
}

static inline bool eg_mul(uint64_t a, uint64_t b, uint64_t *out)
{
    uint64_t product;

    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *out = product;
    return true;
}

/** Is [@at, @at + @len) inside [0, @size)? */
static inline bool eg_within(uint64_t at, uint64_t len, uint64_t size)
{
    return at <= size && len <= size - at;
}

static inline bool eg_all_zero(const void *p, size_t len)
{
    const uint8_t *b = p;

    return !len || (!*b && !memcmp(b, b + 1, len - 1));
}

/** @align is a power of two. Wraps at 2^64: check the result where the value comes from an image.
 */
static inline uint64_t eg_align_up(uint64_t v, uint64_t align)
{
    return (v + align - 1) & ~(align - 1);
}

/** Unaligned loads of a given byte order. A file format defines its byte order; that of a machine
 * is in its eg_model. */
static inline uint16_t eg_le16(const void *p)
{
    const uint8_t *b = p;
    return (uint16_t)(b[0] | b[1] << 8);
}
static inline uint32_t eg_le32(const void *p)
{
    const uint8_t *b = p;
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}
static inline uint64_t eg_le64(const void *p)
{
    return eg_le32(p) | (uint64_t)eg_le32((const uint8_t *)p + 4) << 32;
}
static inline uint16_t eg_be16(const void *p)
{
    return __builtin_bswap16(eg_le16(p));
}
static inline uint32_t eg_be32(const void *p)
{
    return __builtin_bswap32(eg_le32(p));
}
static inline uint64_t eg_be64(const void *p)
{
    return __builtin_bswap64(eg_le64(p));
}

/** The first index of a sorted array for which @before is false, or @n: `eg_lower_bound(s->n, i,
 * s->at[i].last < addr)` is the first that ends at or after addr. @i names the index in @before. */
#define eg_lower_bound(n, i, before)                                                               \
    __extension__({                                                                                \
        size_t eg_from_ = 0, eg_to_ = (n);                                                         \
                                                                                                   \
        while (eg_from_ < eg_to_) {                                                                \
            const size_t i = eg_from_ + (eg_to_ - eg_from_) / 2;                                   \
                                                                                                   \
            if (before)                                                                            \
                eg_from_ = i + 1;                                                                  \
            else                                                                                   \
                eg_to_ = i;                                                                        \
        }                                                                                          \
        eg_from_;                                                                                  \
    })

/** FNV-1a with a final mix: the hash of every name index. The .egp format stores it, so it never
 * changes. */
static inline uint32_t eg_hash(const void *p, size_t len)
{
    const uint8_t *b = p;
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < len; i++)
        h = (h ^ b[i]) * 16777619u;
    return h ^ h >> 15;
}

/** An operation that fails returns one of these, negated. */
enum eg_errno {
    EG_ENOMEM = 1, /**< out of memory */
    EG_EIO,        /**< the file could not be read or written */
    EG_EFORMAT,    /**< the input is not what it says it is */
    EG_EUSAGE,     /**< the caller's or user's request is invalid */
    EG_ENOTFOUND,  /**< nothing by that name, or no kernel in the image */
    EG_EUNSUP,     /**< known, but not supported by this build or in this case */
    EG_ECANCEL,    /**< the user stopped it */
};

/** One failure, in the caller's memory, never on the heap. The text is one line: what failed,
 * where, and what to try. */
struct eg_error {
    int code;
    char text[512];
};

/** Fill @e (may be NULL) and return -@code. Functions return at once after a failure, so that a
 * second one never replaces the text. */
int eg_fail(struct eg_error *e, int code, const char *format, ...) EG_PRINTF(3, 4);

/** @len bytes in hexadecimal and a NUL to @out, which has 2 * @len + 1 bytes. */
void eg_hex(char *out, const void *bytes, size_t len);

/** `eg_cleanup(free_)` on a local: called with its address when it leaves scope. */
#define eg_cleanup(fn) __attribute__((__cleanup__(fn)))
void eg_free_(void *pointer_to_pointer); /* free(*p) */
void eg_close_fd_(int *fd);              /* close(*fd) unless negative */

#endif
