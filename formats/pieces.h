/** pieces.h - a space over a file of independently compressed pieces, each decompressed when it is
 * read. Shared by zstd, xz, lz4, bzip2 and AVML. */
#ifndef EG_PIECES_H
#define EG_PIECES_H

#include "../core/image.h"

/** One piece begins at @in of the file (in a unit that the codec defines) and @out of the content,
 * in bytes. It ends where the next one begins, in the file possibly earlier. */
struct eg_piece {
    uint64_t in, out;
};

struct eg_codec {
    const char *name;
    bool slow; /**< to decompress a piece takes longer than to write it to a disk */
    void *(*start)(const void *context); /**< makes a decompressor; NULL result: out of memory.
                                              NULL: the codec needs none */
    void (*stop)(void *state);
    /** Make bytes [@skip, @skip + @len) of the content of piece @i: all of it unless it is larger
     * than EG_FILL_MAX. Called from many threads, each with its own state. @return false: damaged,
     * or out of memory after eg_view_starved. */
    bool (*make)(struct eg_view *v, void *context, void *state, size_t i, uint64_t skip, void *to,
                 size_t len);
    void (*fini)(void *context);
};

/** Where pieces are large, what is read more than once (slow codecs: at all) is kept in a temporary
 * file in o->tmp_dir, if that is possible: reads here and there would decompress them again and
 * again. @pieces has @n + 1 elements; the last marks the ends. @zero has one bit per piece: its
 * content is all zeros and is never decompressed; NULL: none is known. Both are owned by @context,
 * which the space owns unless this fails. */
int eg_pieces_open(struct eg_space **out, const char *name, struct eg_space *file,
                   const struct eg_codec *codec, void *context, const struct eg_piece *pieces,
                   size_t n, const uint8_t *zero, const struct eg_open_options *o,
                   struct eg_error *e);

/** @len contiguous bytes of the file: in place, or in *@copy, which the caller frees. NULL:
 * unreadable, or out of memory after eg_view_starved. */
const uint8_t *eg_pieces_input(struct eg_view *v, struct eg_space *file, uint64_t at, size_t len,
                               uint8_t **copy);

/** The offset in @h of the first frame that is not a skippable one of zstd and lz4; the length of
 * @h if it is not in there. */
size_t eg_pieces_skippable(const struct eg_head *h);

/** Does each piece fit into one extent of at most EG_FILL_MAX bytes? */
bool eg_pieces_small(const struct eg_piece *pieces, size_t n);

#endif
