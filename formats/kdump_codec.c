/* kdump_codec.c - decompresses a page of a kdump. zlib and zstd need a context, which is reused. */
#include "config.h"
#include "kdump.h"
#include "pool.h"
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>
#ifdef HAVE_LZO
#include <lzo/lzo1x.h>
#endif
#ifdef HAVE_SNAPPY
#include <snappy-c.h>
#endif

struct codec {
    z_stream zlib;
    ZSTD_DCtx *zstd; // NULL until it is wanted
    uint8_t *bytes;  // a copy of packed bytes that are not contiguous in our memory
    size_t room;
};
struct eg_kdump_codecs {
    struct eg_pool pool;
};

const char *eg_kdump_lacks(uint32_t flags)
{
#ifndef HAVE_LZO
    if (flags & EG_KDUMP_LZO)
        return "lzo2";
#endif
#ifndef HAVE_SNAPPY
    if (flags & EG_KDUMP_SNAPPY)
        return "snappy";
#endif
    (void)flags;
    return NULL;
}

static void stop(void *codec)
{
    struct codec *c = codec;

    inflateEnd(&c->zlib);
    ZSTD_freeDCtx(c->zstd);
    free(c->bytes);
    free(c);
}

static void *start(const void *context)
{
    struct codec *c = calloc(1, sizeof *c);

    (void)context;
    if (c && inflateInit(&c->zlib) != Z_OK) {
        free(c);
        c = NULL;
    }
    return c;
}

struct eg_kdump_codecs *eg_kdump_codecs_new(void)
{
    struct eg_kdump_codecs *c = calloc(1, sizeof *c);

    if (c) {
        c->pool = (struct eg_pool){ .start = start, .stop = stop };
        eg_pool_init(&c->pool);
    }
    return c;
}

void eg_kdump_codecs_free(struct eg_kdump_codecs *c)
{
    if (c)
        eg_pool_fini(&c->pool);
    free(c);
}

/** The packed bytes, contiguous; NULL: unreadable, or out of memory. */
static const uint8_t *packed_bytes(struct eg_view *v, struct codec *c, struct eg_space *file,
                                   uint64_t at, uint32_t packed)
{
    size_t n = packed;
    const uint8_t *p = eg_map_some(v, file, at, &n);

    if (!p || n == packed)
        return p;
    if (c->room < packed) {
        free(c->bytes);
        c->bytes = malloc(packed);
        c->room = c->bytes ? packed : 0;
    }
    if (!c->bytes)
        eg_view_starved(v);
    return c->bytes && eg_read(v, file, at, c->bytes, packed) ? c->bytes : NULL;
}

static bool unzlib(struct codec *c, const uint8_t *p, uint32_t packed, void *to, uint32_t len)
{
    if (inflateReset(&c->zlib) != Z_OK)
        return false;
    c->zlib.next_in = (Bytef *)(uintptr_t)p;
    c->zlib.avail_in = packed;
    c->zlib.next_out = to;
    c->zlib.avail_out = len;
    return inflate(&c->zlib, Z_FINISH) == Z_STREAM_END && !c->zlib.avail_out;
}

static bool unlzo(const uint8_t *p, uint32_t packed, void *to, uint32_t len)
{
#ifdef HAVE_LZO
    lzo_uint got = len;

    return lzo1x_decompress_safe(p, packed, to, &got, NULL) == LZO_E_OK && got == len;
#else
    (void)p, (void)packed, (void)to, (void)len;
    return false;
#endif
}

static bool unsnappy(const uint8_t *p, uint32_t packed, void *to, uint32_t len)
{
#ifdef HAVE_SNAPPY
    size_t got = len;

    return snappy_uncompress((const char *)p, packed, to, &got) == SNAPPY_OK && got == len;
#else
    (void)p, (void)packed, (void)to, (void)len;
    return false;
#endif
}

static bool unzstd(struct eg_view *v, struct codec *c, const uint8_t *p, uint32_t packed, void *to,
                   uint32_t len)
{
    if (!c->zstd)
        c->zstd = ZSTD_createDCtx();
    if (!c->zstd)
        eg_view_starved(v);
    return c->zstd && ZSTD_decompressDCtx(c->zstd, to, len, p, packed) == len;
}

bool eg_kdump_unpack(struct eg_view *v, struct eg_kdump_codecs *all, uint32_t flags,
                     struct eg_space *file, uint64_t at, uint32_t packed, void *to, uint32_t len)
{
    struct codec *c = eg_pool_take(&all->pool);
    const uint8_t *p = c ? packed_bytes(v, c, file, at, packed) : NULL;
    bool ok;

    if (!c) {
        eg_view_starved(v);
        return false;
    }
    if (!p)
        ok = false;
    else if (flags & EG_KDUMP_ZLIB)
        ok = unzlib(c, p, packed, to, len);
    else if (flags & EG_KDUMP_LZO)
        ok = unlzo(p, packed, to, len);
    else if (flags & EG_KDUMP_SNAPPY)
        ok = unsnappy(p, packed, to, len);
    else
        ok = unzstd(v, c, p, packed, to, len);
    eg_pool_give(&all->pool, c);
    return ok;
}
