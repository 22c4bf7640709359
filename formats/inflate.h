/** inflate.h - deflate streams read in place: indexed in one pass that keeps places to begin at,
 * each with the 32 KiB of content before it. What gzip and zlib files share.
 *
 *  The index is bounded: some 40 MiB whatever the size, by keeping fewer places. */
#ifndef EG_INFLATE_H
#define EG_INFLATE_H

#include "../core/image.h"

enum eg_inflate_kind { EG_INFLATE_ZLIB = 15, EG_INFLATE_GZIP = 31 }; /**< zlib's windowBits */

/** @return 0, or -EG_E…: nothing there that can be inflated, memory, cancelled. What is cut off or
 * damaged is a note of @img. */
int eg_inflate_open(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                    enum eg_inflate_kind kind, const char *name, const struct eg_open_options *o,
                    struct eg_error *e);

#endif
