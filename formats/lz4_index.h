/** lz4_index.h - where the frames and blocks of an lz4 file are, and how large their content is
 * (lz4, doc/lz4_Frame_format.md). */
#ifndef EG_LZ4_INDEX_H
#define EG_LZ4_INDEX_H

#include "../core/vec.h"
#include "pieces.h"

enum { EG_LZ4_MAGIC = 0x184d2204, EG_LZ4_LEGACY = 0x184c2102, EG_LZ4_LEGACY_BLOCK = 8 << 20 };

/* Flags in a block's place in the file, and a mask of the place. */
#define EG_LZ4_CHECKED (UINT64_C(1) << 63) // a checksum follows the block
#define EG_LZ4_LARGE   (UINT64_C(1) << 62) // of a legacy frame: it is always compressed
#define EG_LZ4_PLACE   (EG_LZ4_LARGE - 1)

struct eg_lz4 {
    struct eg_space *file;          /**< borrowed */
    EG_VEC(struct eg_piece) blocks; /**< until @exact each is taken to be of the largest size */
    EG_VEC(struct eg_piece) frames; /**< for unpacking; the sizes of content are upper bounds */
    uint64_t end, out;              /**< bytes of the file; of content so far */
    uint64_t trials; /**< bytes that were decompressed to find blocks behind damage */
    struct {
        uint64_t most;    /**< bytes of the largest whole frame in the file */
        uint64_t content; /**< bytes of content of the last whole frame */
        uint64_t header;  /**< bytes of the last header */
        unsigned flags;   /**< of the last whole frame */
        uint32_t max;     /**< bytes of content that a block of it can have */
    } last;
    bool sized;     /**< the content of the last frame, which is damaged, has been added */
    bool linked;    /**< some blocks need those before them */
    bool exact;     /**< all frames state their sizes */
    bool unchecked; /**< some frames have a checksum of their whole content only */
};

/** The content of the block at @in (flags and place) of at most @room bytes. @return 0: damaged. */
size_t eg_lz4_unblock(struct eg_view *v, const struct eg_lz4 *z, uint64_t in, void *to,
                      size_t room);

/** Fill @z, of which file and end are set. Behind damage it goes on at the next block or frame,
 * with notes. */
int eg_lz4_index(struct eg_lz4 *z, struct eg_image *img, struct eg_error *e);

#endif
