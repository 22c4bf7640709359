/* lime_zlib.c - what the LiME module writes with compress=1 (github.com/504ensicsLabs/LiME,
 * src/deflate.c and src/main.c): one zlib stream (RFC 1950; a window of 2 KiB) of everything that
 * it writes, in any of its formats. Its end may be missing: the module flushes a page at most. */
#include "inflate.h"
#include <zlib.h>

enum { HEAD = 1 << 16, PAGE = 4096, LIME_MAGIC = 0x4c694d45 };

/** A zlib header has only 16 bits, so what follows is decompressed, too. */
static int probe(const struct eg_head *h)
{
    z_stream z = { .next_in = (uint8_t *)(uintptr_t)h->at, .avail_in = (uInt)h->len };
    uint8_t buf[PAGE];
    int rc, score = 0;

    if (h->len < 2 || (h->at[0] & 15) != Z_DEFLATED || h->at[0] >> 4 > 7 || h->at[1] & 32 ||
        (h->at[0] << 8 | h->at[1]) % 31 || inflateInit(&z) != Z_OK)
        return 0;
    do {
        z.next_out = buf;
        z.avail_out = sizeof buf;
        rc = inflate(&z, Z_NO_FLUSH);
        if (!score && (rc == Z_OK || rc == Z_STREAM_END) && sizeof buf - z.avail_out >= 4)
            score = eg_le32(buf) == LIME_MAGIC ? 95 : 80;
    } while (rc == Z_OK);
    inflateEnd(&z);
    return rc == Z_STREAM_END || rc == Z_BUF_ERROR || score == 95 ? score : 0;
}

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    return eg_inflate_open(out, img, file, EG_INFLATE_ZLIB, "zlib", o, e);
}

EG_FORMAT(zlib) = {
    .desc = "zlib",
    .container = true,
    .head = HEAD,
    .probe = probe,
    .open = open_,
};
