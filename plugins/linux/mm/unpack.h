/** mm/unpack.h - the compressors of zram and zswap, as the kernel's crypto and zram drivers use
 * them: raw streams of one page, without the containers of files. */
#ifndef EG_LINUX_UNPACK_H
#define EG_LINUX_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A dictionary that zram was given (since 6.12); NULL: none. */
struct linux_dictionary {
    const void *at;
    size_t len;
};

enum linux_unpacked {
    LINUX_UNPACKED,       /**< all bytes were made */
    LINUX_UNPACK_DAMAGED, /**< it is not data of this compressor, or makes another length */
    LINUX_UNPACK_UNKNOWN, /**< no compressor that this program knows, or that it was built with */
    LINUX_UNPACK_NO_MEMORY,
};
/** Unpack @n bytes that the compressor of this name (lzo, lzo-rle, lz4, lz4hc, zstd, deflate, 842)
 * made: exactly @len bytes. Any thread may call it. */
enum linux_unpacked linux_unpack(const char *name, const struct linux_dictionary *dict,
                                 const uint8_t *p, size_t n, uint8_t *out, size_t len);
/** Is it one of these, and was this program built with what unpacks it? */
bool linux_unpacks(const char *name);

/* lzo.c, sw842.c. @return how many bytes were made; -1: damaged. */
ptrdiff_t linux_unlzo(const uint8_t *p, size_t n, uint8_t *out, size_t len);
ptrdiff_t linux_un842(const uint8_t *p, size_t n, uint8_t *out, size_t len);

#endif
