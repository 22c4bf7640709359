/* gzip.c - a file inside gzip (RFC 1952), one member or many. BGZF, whose members state their size,
 * is indexed by headers alone. */
#include "inflate.h"

static int probe(const struct eg_head *h)
{
    static const uint8_t magic[] = { 0x1f, 0x8b, 8 };

    // The flags' upper bits are reserved.
    return h->len >= 10 && !memcmp(h->at, magic, sizeof magic) && !(h->at[3] & 0xe0) ? 95 : 0;
}

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    return eg_inflate_open(out, img, file, EG_INFLATE_GZIP, "gzip", o, e);
}

EG_FORMAT(gzip) = {
    .desc = "gzip",
    .suffix = ".gz",
    .container = true,
    .head = 10,
    .probe = probe,
    .open = open_,
};
