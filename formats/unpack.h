/** unpack.h - all pieces of a compressed file to a sparse, unlinked temporary file, on all cores:
 * for what is too large to be made piece by piece. */
#ifndef EG_UNPACK_H
#define EG_UNPACK_H

#include "pieces.h"

enum eg_unpack_step {
    EG_UNPACK_MORE,
    EG_UNPACK_END,      /**< of the piece */
    EG_UNPACK_DOUBTFUL, /**< the end, but the content is not what its checksum says */
    EG_UNPACK_DAMAGED,  /**< what was given counts */
    EG_UNPACK_SPOILT,   /**< nothing of the piece counts */
    EG_UNPACK_STARVED,  /**< out of memory */
};

struct eg_unpacker {
    const char *name;
    /** A decompressor's state; NULL: out of memory. @alone: no other works beside it. */
    void *(*start)(const void *context, bool alone);
    void (*stop)(void *state);
    /** Begin with piece @i. */
    bool (*reset)(void *state, size_t i);
    /** Take *@in_len bytes or less, give *@out_len or less, and say how many. *@want: as many bytes
     * of input are best given next, never 0. */
    enum eg_unpack_step (*step)(void *state, const uint8_t *in, size_t *in_len, uint8_t *out,
                                size_t *out_len, size_t *want);
};

enum { EG_UNPACK_UNBOUNDED = 62 }; /**< a last piece of 2^this bytes: nobody knows its size */

/** @pieces has one more than @n, the ends. @exact: their sizes are known; else each is at most as
 * large as it says, and is put behind the one before. May add the file to @img. */
int eg_unpack(struct eg_space **out, struct eg_image *img, struct eg_space *file,
              const struct eg_unpacker *how, const void *context, const struct eg_piece *pieces,
              size_t n, bool exact, const struct eg_open_options *o, struct eg_error *e);

#endif
