/** user/sections_parts.h - between sections.c, which makes tables of sections, and
 * sections_frames.c, which finds .eh_frame. */
#ifndef EG_LINUX_SECTIONS_PARTS_H
#define EG_LINUX_SECTIONS_PARTS_H

#include "sections.h"

enum { LINUX_SECTION_MOST = 16 << 20 }; /* bytes of one that is copied */

/** .eh_frame: the part of it that has whole entries. Where others are missing in between, and where
 * an entry's common entry is missing, @made has an empty common entry of that length instead. */
struct linux_frames {
    uint64_t at, len; /**< in the file */
    uint8_t *made;    /**< NULL: nothing is missing; in the run's memory */
    uint64_t end;     /**< of its segment */
    uint64_t *known;  /**< where entries are, sorted */
    size_t n_known;
};
/** @return false: none that is there. */
bool linux_sections_frames(struct eg_run *r, const struct linux_elf *e,
                           const struct linux_content *c, struct linux_frames *out);
/** The segment that has the file's byte @offset; NULL: none. */
const struct linux_elf_segment *linux_sections_load(const struct linux_elf *e, uint64_t offset);
/** Bytes of the file, those that are there; @out keeps what it has of the others. */
void linux_sections_copy(struct eg_run *r, const struct linux_elf *e, const struct linux_content *c,
                         uint64_t at, uint8_t *out, uint64_t len);

static inline void linux_sections_put(const struct linux_elf *e, uint8_t **p, unsigned size,
                                      uint64_t v)
{
    for (unsigned i = 0; i < size; i++)
        (*p)[e->big_endian ? size - 1 - i : i] = (uint8_t)(v >> 8 * i);
    *p += size;
}

#endif
