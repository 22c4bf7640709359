/** zstd_frames.h - finds the frames of a zstd file: by its seek table, or frame by frame (RFC 8878,
 * and the seekable format of zstd's contrib/seekable_format). Nothing is decompressed. */
#ifndef EG_ZSTD_FRAMES_H
#define EG_ZSTD_FRAMES_H

#include "pieces.h"

enum {
    EG_ZSTD_MAGIC = (int)0xfd2fb528,
    EG_ZSTD_SKIPPABLE = 0x184d2a50,  /**< and the next 15 values */
    EG_ZSTD_SEEK_FRAME = 0x184d2a5e, /**< the skippable frame that holds the seek table */
    EG_ZSTD_SEEK_MAGIC = (int)0x8f92eab1,
    EG_ZSTD_SEEK_FOOTER = 9, /**< u32 number of frames, u8 flags, u32 magic */
    EG_ZSTD_SEEK_CHECKS = 0x80,
};

struct eg_zstd_index {
    EG_VEC(struct eg_piece) frames; /**< the last element marks the ends */
    bool seekable;                  /**< they are from a seek table */
    bool exact;                     /**< sizes are known; else they are upper bounds */
    uint64_t checks; /**< place of the first frame's checksum in the seek table; 0: none */
};

/** @return 0, or -EG_E…: nothing can be unpacked, too many frames, out of memory, cancelled.
 * Truncation and damage are notes of @img. */
int eg_zstd_index(struct eg_zstd_index *out, struct eg_image *img, struct eg_space *file,
                  bool quiet, struct eg_error *e);
void eg_zstd_index_fini(struct eg_zstd_index *x);
static inline size_t eg_zstd_count(const struct eg_zstd_index *x)
{
    return x->frames.n - 1;
}

#endif
