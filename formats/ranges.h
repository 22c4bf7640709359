/** ranges.h - the headers that LiME and AVML write before each range of memory, and the search for
 * the next one after a damaged one. 32 bytes, little-endian:
 *
 *   0 u32 magic   4 u32 version   8 u64 first address   16 u64 last address   24 8 zeros */
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

/** Read the header at @at. @return false: its magic, version or order of addresses is wrong. */
bool eg_range_header(struct eg_view *v, struct eg_space *file, uint64_t at,
                     const struct eg_range_kind *kind, struct eg_range_header *out);

/** The same for a place where a header is only suspected: its zeros are checked too, and that its
 * address is above @after, the last address of the previous range. */
bool eg_range_credible(struct eg_view *v, struct eg_space *file, uint64_t at,
                       const struct eg_range_kind *kind, uint64_t after,
                       struct eg_range_header *out);

/** Find the next credible header at or after @at. @return the size of the file: there is none. */
uint64_t eg_range_search(struct eg_view *v, struct eg_space *file, uint64_t at,
                         const struct eg_range_kind *kind, uint64_t after);
/** The same from the beginning of a file that no format recognises; the size also if it is known to
 * be something else (known.h), which may contain a dump. */
uint64_t eg_range_first(struct eg_view *v, struct eg_space *file, const struct eg_range_kind *kind);

#endif
