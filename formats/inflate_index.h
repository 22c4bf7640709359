/** inflate_index.h - where a deflate stream can be begun, and a reader that goes on from there. */
#ifndef EG_INFLATE_INDEX_H
#define EG_INFLATE_INDEX_H

#include "../core/vec.h"
#include "inflate.h"
#include <zlib.h>

enum { EG_INFLATE_RUN = 1 << 18 }; /**< bytes that are made at once */

/** A place to begin: @in of the file is the next byte, the last @bits bits of the one before belong
 * to what follows. */
struct eg_inflate_point {
    uint64_t in, out;
    uint8_t *window; /**< the content before it, as zstd; NULL: a member begins here */
    uint32_t packed; /**< bytes of window */
    uint8_t bits;
};

struct eg_inflate_index {
    const char *name;
    struct eg_space *file;
    enum eg_inflate_kind kind;
    EG_VEC(struct eg_inflate_point) points;
    uint64_t spacing, windows; /**< content from point to point; bytes of all windows */
    uint64_t size;             /**< of the content */
    uint8_t *zero;             /**< a bit per EG_INFLATE_RUN that is all zeros */
    uint64_t zero_len;
    bool unread; /**< sizes are those of headers (BGZF): what is inflated is checked when it is made
                  */
};

struct eg_inflater {
    z_stream z;
    bool open, raw;   /**< raw: begun inside a member, so that its end is ours to pass */
    bool inside;      /**< a member */
    uint64_t in, out; /**< where the next bytes come from, and what they are */
};

enum eg_inflated {
    EG_INFLATED_MORE, /**< as much as was asked for; or @block and one ended */
    EG_INFLATED_END,  /**< of the last member */
    EG_INFLATED_CUT,  /**< the file ends */
    EG_INFLATED_BAD,
    EG_INFLATED_CHECK, /**< a member's checksum is wrong; the next call goes on behind it */
    EG_INFLATED_STARVED,
};

/** The next *@len bytes of content, or fewer: *@len says how many. @to NULL: they are skipped. */
enum eg_inflated eg_inflate_some(struct eg_inflater *r, const struct eg_inflate_index *x,
                                 struct eg_view *v, uint8_t *to, size_t *len, bool block);
/** Go to @p. @return false: out of memory. */
bool eg_inflate_seek(struct eg_inflater *r, const struct eg_inflate_index *x,
                     const struct eg_inflate_point *p);
void eg_inflater_fini(struct eg_inflater *r);

int eg_inflate_index(struct eg_inflate_index *x, struct eg_image *img, bool quiet,
                     struct eg_error *e);
void eg_inflate_index_fini(struct eg_inflate_index *x);

#endif
