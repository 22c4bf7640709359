/** unpack.h - decompresses all pieces of a file to a sparse, unlinked temporary file, on all cores:
 * for pieces too large to be decompressed on each read. */
#ifndef EG_UNPACK_H
#define EG_UNPACK_H

#include "pieces.h"

enum eg_unpack_step {
    EG_UNPACK_MORE,
    EG_UNPACK_END,      /**< the end of the piece */
    EG_UNPACK_DOUBTFUL, /**< the end, but the checksum is wrong */
    EG_UNPACK_DAMAGED,  /**< damaged; what was returned before is correct */
    EG_UNPACK_SPOILT,   /**< damaged; what was returned before may be wrong, too */
    EG_UNPACK_STARVED,  /**< out of memory */
};

struct eg_unpacker {
    const char *name;
    /** Make a decompressor; NULL: out of memory. @alone: it is the only one, so it may use all
     * cores. */
    void *(*start)(const void *context, bool alone);
    void (*stop)(void *state);
    /** Start piece @i. */
    bool (*reset)(void *state, size_t i);
    /** Consume at most *@in_len bytes and produce at most *@out_len; both are set to how many.
     * *@want: the best amount of input for the next call, never 0. */
    enum eg_unpack_step (*step)(void *state, const uint8_t *in, size_t *in_len, uint8_t *out,
                                size_t *out_len, size_t *want);
};

enum { EG_UNPACK_UNBOUNDED = 62 }; /**< a last piece of unknown size has 2^this bytes */

/** @pieces has @n + 1 elements; the last marks the ends. @exact: the sizes are known; else they are
 * upper bounds, and each piece is placed right behind the previous one. The temporary file may be
 * added to the files of @img. */
int eg_unpack(struct eg_space **out, struct eg_image *img, struct eg_space *file,
              const struct eg_unpacker *how, const void *context, const struct eg_piece *pieces,
              size_t n, bool exact, const struct eg_open_options *o, struct eg_error *e);

#endif
