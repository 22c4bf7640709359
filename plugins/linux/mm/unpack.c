/* unpack.c - each compressor by its name. */
#include "unpack.h"
#include "config.h"
#include <limits.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#ifdef HAVE_LZ4
#include <lz4.h>
#endif

enum { NO_MEMORY = -2, FAILED = -1 };

static ptrdiff_t lzo(const struct linux_dictionary *dict, const uint8_t *p, size_t n, uint8_t *out,
                     size_t len)
{
    (void)dict;
    return linux_unlzo(p, n, out, len);
}

static ptrdiff_t sw842(const struct linux_dictionary *dict, const uint8_t *p, size_t n,
                       uint8_t *out, size_t len)
{
    (void)dict;
    return linux_un842(p, n, out, len);
}

#ifdef HAVE_LZ4
/* One block without a frame. */
static ptrdiff_t lz4(const struct linux_dictionary *dict, const uint8_t *p, size_t n, uint8_t *out,
                     size_t len)
{
    if (n > INT_MAX || len > INT_MAX || (dict && dict->len > INT_MAX))
        return FAILED;
    return LZ4_decompress_safe_usingDict((const char *)p, (char *)out, (int)n, (int)len,
                                         dict ? dict->at : NULL, dict ? (int)dict->len : 0);
}
#endif

static ptrdiff_t zstd(const struct linux_dictionary *dict, const uint8_t *p, size_t n, uint8_t *out,
                      size_t len)
{
    ZSTD_DCtx *d = ZSTD_createDCtx();
    size_t got;

    if (!d)
        return NO_MEMORY;
    got =
        ZSTD_decompress_usingDict(d, out, len, p, n, dict ? dict->at : NULL, dict ? dict->len : 0);
    ZSTD_freeDCtx(d);
    return ZSTD_isError(got) ? FAILED : (ptrdiff_t)got;
}

/* Raw, without zlib's header (crypto/deflate.c). */
static ptrdiff_t deflate_(const struct linux_dictionary *dict, const uint8_t *p, size_t n,
                          uint8_t *out, size_t len)
{
    z_stream z = { .next_in = (Bytef *)(uintptr_t)p,
                   .avail_in = (uInt)n,
                   .next_out = out,
                   .avail_out = (uInt)len };
    int rc;

    (void)dict; // the driver has none for it
    if (n > UINT_MAX || len > UINT_MAX || inflateInit2(&z, -MAX_WBITS) != Z_OK)
        return NO_MEMORY;
    rc = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    return rc == Z_STREAM_END ? (ptrdiff_t)(len - z.avail_out) : FAILED;
}

struct compressor {
    const char *name;
    ptrdiff_t (*unpack)(const struct linux_dictionary *dict, const uint8_t *p, size_t n,
                        uint8_t *out, size_t len);
};
static const struct compressor *compressor(const char *name)
{
    static const struct compressor all[] = {
        { "842", sw842 },   { "deflate", deflate_ }, { "lzo", lzo },
        { "lzo-rle", lzo }, { "zstd", zstd },
#ifdef HAVE_LZ4
        { "lz4", lz4 },     { "lz4hc", lz4 },
#endif
    };

    for (size_t i = 0; name && i < sizeof all / sizeof *all; i++)
        if (!strcmp(all[i].name, name))
            return &all[i];
    return NULL;
}

bool linux_unpacks(const char *name)
{
    return compressor(name);
}

enum linux_unpacked linux_unpack(const char *name, const struct linux_dictionary *dict,
                                 const uint8_t *p, size_t n, uint8_t *out, size_t len)
{
    const struct compressor *c = compressor(name);
    ptrdiff_t got;

    if (!c)
        return LINUX_UNPACK_UNKNOWN;
    got = c->unpack(dict, p, n, out, len);
    if (got == NO_MEMORY)
        return LINUX_UNPACK_NO_MEMORY;
    return got >= 0 && (size_t)got == len ? LINUX_UNPACKED : LINUX_UNPACK_DAMAGED;
}
