/** inflate.h - random access to deflate streams, shared by gzip and zlib files. One pass over the
 * stream makes an index of access points, each with the 32 KiB of content before it.
 *
 *  The index has at most some 40 MiB: larger streams have points farther apart. */
#ifndef EG_INFLATE_H
#define EG_INFLATE_H

#include "../core/image.h"

enum eg_inflate_kind { EG_INFLATE_ZLIB = 15, EG_INFLATE_GZIP = 31 }; /**< zlib's windowBits */

/** @return 0, or -EG_E…: nothing can be inflated, out of memory, cancelled. Truncation and damage
 * are notes of @img. */
int eg_inflate_open(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                    enum eg_inflate_kind kind, const char *name, const struct eg_open_options *o,
                    struct eg_error *e);

#endif
