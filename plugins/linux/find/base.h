/** base.h - raw memory may begin at any physical address: at which? Where it was moved, f->again is
 *  set, and all that was found before lies elsewhere. */
#ifndef EG_LINUX_BASE_H
#define EG_LINUX_BASE_H

#include "ranges.h"

/** Do @c's page tables, of which root and shift are known, map the image's own places? */
bool linux_holds(struct linux_finder *f, const struct linux_candidate *c);
/** Find the address at which they do (@c is of the true addresses), and move the image there.
 *  @return false: they do nowhere. */
bool linux_move_to(struct linux_finder *f, const struct linux_candidate *c);
/** The same where the page of @c's VMCOREINFO is at @at, which may be no multiple of a page: memory
 * that lacks its first holes, as LiME's format=raw writes it. */
bool linux_move_up(struct linux_finder *f, const struct linux_candidate *c, uint64_t at);
/** Let memory consist of @r, if @c's page tables and its linear map of all memory are right there. */
bool linux_move_to_ranges(struct linux_finder *f, const struct linux_candidate *c,
                          const struct linux_ranges *r);
/** As linux_move_to(), of a kernel of which only symbols and places in the file are known. */
bool linux_move_by_symbols(struct linux_finder *f, const struct linux_candidate *c);

#endif
