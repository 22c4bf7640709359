/** guest_text.h - what QEMU's monitor prints for people, read: the map of physical memory, and the
 * registers of processors. */
#ifndef EG_LIVE_GUEST_TEXT_H
#define EG_LIVE_GUEST_TEXT_H

#include "../core/image.h"

/** A range of physical memory that a block of QEMU's is. */
struct guest_range {
    uint64_t start, last; /**< physical, inclusive */
    uint64_t at;          /**< the offset of start in the block */
    char block[128];      /**< its name, without "/objects/" */
};
struct guest_map {
    EG_VEC(struct guest_range) at; /**< by address, neighbours of one block joined, no overlaps */
};
enum { GUEST_RANGES_MAX = 1 << 14 };

/** Read the text of `info mtree -f`: RAM and ROM of the view whose root is "system". @return 0;
 * -EG_EFORMAT: it has none, or more than GUEST_RANGES_MAX. */
int guest_map_read(struct guest_map *m, const char *text, struct eg_error *e);
void guest_map_fini(struct guest_map *m);

/** Read the text of `info registers -a` and push each processor to @img. @return how many. */
size_t guest_registers_read(struct eg_image *img, const struct eg_arch *arch, const char *text);

/** Read "Host virtual address for 0x1000 (mem0) is 0x7fedb8fff000". */
bool guest_host_address(const char *text, uint64_t *out);
/** Read what `xp /Nxg` prints: @len bytes, a multiple of 8, at @at. @return false: not all. */
bool guest_words_read(const char *text, uint64_t at, void *out, size_t len);

#endif
