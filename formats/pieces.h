/** pieces.h - content that lies in a file in pieces, each compressed by itself: a space that makes
 * a run of pages from its piece when it is wanted. What zstd, xz, lz4, bzip2 and AVML share. */
#ifndef EG_PIECES_H
#define EG_PIECES_H

#include "../core/image.h"

/** One piece: from @in of the file (what it counts is the codec's) to at most the next one's, @out
 * of the content to the next one's. */
struct eg_piece {
    uint64_t in, out;
};

struct eg_codec {
    const char *name;
    void *(*start)(const void *context); /**< a decompressor's state; NULL: out of memory. Or has
                                             none */
    void (*stop)(void *state);
    /** Bytes [@skip, @skip + @len) of the content of piece @i: all of it unless it is larger than
     * EG_FILL_MAX. Called from many threads, each with a state of its own. @return false: damaged,
     * or eg_view_starved. */
    bool (*make)(struct eg_view *v, void *context, void *state, size_t i, uint64_t skip, void *to,
                 size_t len);
    void (*fini)(void *context);
};

/** @pieces has one more than @n, the ends, and lives in @context. @zero, too: a bit per piece whose
 * content is all zeros and is not made; NULL: none is known. Takes @context over, unless it fails.
 */
int eg_pieces_open(struct eg_space **out, const char *name, struct eg_space *file,
                   const struct eg_codec *codec, void *context, const struct eg_piece *pieces,
                   size_t n, const uint8_t *zero, struct eg_error *e);

/** @len bytes of the file on end: in place, or in *@copy, which the caller frees. NULL: unreadable,
 * or eg_view_starved. */
const uint8_t *eg_pieces_input(struct eg_view *v, struct eg_space *file, uint64_t at, size_t len,
                               uint8_t **copy);

/** Skippable frames are zstd's and lz4's: where in @h the first other frame begins; its length if
 * that cannot be seen there. */
size_t eg_pieces_skippable(const struct eg_head *h);

/** Are all pieces small enough for runs of at most EG_FILL_MAX, whole pieces each? */
bool eg_pieces_small(const struct eg_piece *pieces, size_t n);

#endif
