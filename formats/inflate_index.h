/** inflate_index.h - the access points of a deflate stream, and a reader that starts at one. */
#ifndef EG_INFLATE_INDEX_H
#define EG_INFLATE_INDEX_H

#include "../core/vec.h"
#include "inflate.h"
#include <zlib.h>

enum { EG_INFLATE_RUN = 1 << 18 }; /**< bytes that are decompressed at once */

/** An access point: decompression continues at byte @in of the file and, if @bits is not 0, with
 * the last @bits bits of the byte before it. */
struct eg_inflate_point {
    uint64_t in, out;
    uint8_t *window; /**< the byte before @in, then the 32 KiB of content before the point,
                          compressed with zstd; NULL: a member begins here */
    uint32_t packed; /**< bytes of window */
    uint8_t bits;
    bool behind_gap; /**< nothing before it can be decompressed */
};

/** Content that damage has made unreadable. */
struct eg_inflate_gap {
    uint64_t from, to;
};

struct eg_inflate_index {
    const char *name;
    struct eg_space *file;
    enum eg_inflate_kind kind;
    EG_VEC(struct eg_inflate_point) points;
    uint64_t spacing, windows; /**< bytes of content between points; bytes of all windows */
    EG_VEC(struct eg_inflate_gap) gaps;
    uint64_t size; /**< of the content */
    uint8_t *zero; /**< one bit per EG_INFLATE_RUN bytes of content: they are all
                                    zeros */
    uint64_t zero_len;
    bool unread; /**< indexed by headers alone (BGZF): content is checked when it is decompressed */
};

/** In the file, and in the content. */
struct eg_inflate_place {
    uint64_t in, out;
};

struct eg_inflater {
    z_stream z;
    bool open, raw;   /**< raw: started inside a member, so zlib does not read the member's
                           trailer */
    bool inside;      /**< inside a member */
    bool wrong;       /**< EG_INFLATED_CHECK: the sum of the content is, not only its size */
    uint64_t in, out; /**< where it is */
    struct eg_inflate_place member, /**< where the last one began */
        usual;        /**< the most bytes of one, and the content of the last, that ended well */
    uint64_t padding; /**< the most zeros before a member */
};

enum eg_inflated {
    EG_INFLATED_MORE, /**< as much as was asked for; or, with @block, a block ended */
    EG_INFLATED_END,  /**< the last member has ended */
    EG_INFLATED_CUT,  /**< the file is truncated */
    EG_INFLATED_BAD,
    EG_INFLATED_CHECK, /**< a member's checksum is wrong; the next call continues behind it */
    EG_INFLATED_STARVED,
};

/** Decompress the next *@len bytes of content or fewer; *@len is set to how many. @to NULL: skip
 * them. */
enum eg_inflated eg_inflate_some(struct eg_inflater *r, const struct eg_inflate_index *x,
                                 struct eg_view *v, uint8_t *to, size_t *len, bool block);
/** Continue at @p. @return false: out of memory. */
bool eg_inflate_seek(struct eg_inflater *r, const struct eg_inflate_index *x,
                     const struct eg_inflate_point *p);
void eg_inflater_fini(struct eg_inflater *r);

/** The member at @in, if its header states its size (BGZF): its bytes, and those of its content, at
 * most 64 KiB. */
bool eg_inflate_bgzf(const struct eg_inflate_index *x, struct eg_view *v, uint64_t in,
                     uint64_t *len, uint64_t *content);

int eg_inflate_index(struct eg_inflate_index *x, struct eg_image *img, bool quiet,
                     struct eg_error *e);
void eg_inflate_index_fini(struct eg_inflate_index *x);

#endif
