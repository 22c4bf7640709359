/** ranges.h - the headers that LiME and AVML put before each range of memory, and how to go on where
 * one is damaged. 32 bytes, all little-endian:
 *
 *   0 u32 magic   4 u32 version   8 u64 first address   16 u64 last address   24 8 zeros  */
#ifndef EG_RANGES_H
#define EG_RANGES_H

#include "../core/image.h"

enum { EG_RANGE_HEADER = 32 };

struct eg_range_kind {
    uint32_t magic, version;
};
struct eg_range_header {
    uint64_t first, last; /**< physical, inclusive */
};

/** Is a header at @at? Only its magic, its version and the order of its addresses are asked. */
bool eg_range_header(struct eg_view *v, struct eg_space *file, uint64_t at,
                     const struct eg_range_kind *kind, struct eg_range_header *out);

/** The same where no header needs to be: also its zeros, and an address past @after, which is the
 * last one of the range before. */
bool eg_range_credible(struct eg_view *v, struct eg_space *file, uint64_t at,
                       const struct eg_range_kind *kind, uint64_t after,
                       struct eg_range_header *out);

/** Where the next credible header is, at or after @at; the file's size: nowhere. */
uint64_t eg_range_search(struct eg_view *v, struct eg_space *file, uint64_t at,
                         const struct eg_range_kind *kind, uint64_t after);

#endif
