/** base.h - find the physical address of the first byte of a raw image and move the image there.
 * A move sets f->again: everything that was found before has another address now. */
#ifndef EG_LINUX_BASE_H
#define EG_LINUX_BASE_H

#include "ranges.h"

/** Do @c's page tables map symbols of its image where they are? Root and delta must be known. */
bool linux_holds(struct linux_finder *f, const struct linux_candidate *c);
/** Find the address of the first byte for which @c's page tables are valid, and move the image
 * there. @c's addresses are physical ones. @return false: there is none. */
bool linux_move_to(struct linux_finder *f, const struct linux_candidate *c);
/** The same if the VMCOREINFO of @c is at file offset @at, which need not be aligned to a page:
 * memory without its first holes, as LiME's format=raw writes it. */
bool linux_move_up(struct linux_finder *f, const struct linux_candidate *c, uint64_t at);
/** Move the image to the ranges @r if @c's page tables and its linear map are valid there. */
bool linux_move_to_ranges(struct linux_finder *f, const struct linux_candidate *c,
                          const struct linux_ranges *r);
/** Like linux_move_to(), for a kernel whose symbols are known but whose addresses are file
 * offsets. */
bool linux_move_by_symbols(struct linux_finder *f, const struct linux_candidate *c);

#endif
