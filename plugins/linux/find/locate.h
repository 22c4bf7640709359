/** locate.h - complete a candidate after its tables were read. */
#ifndef EG_LINUX_LOCATE_H
#define EG_LINUX_LOCATE_H

#include "finder.h"

/** Find delta and root, if they are not known yet, and open the candidate's space. */
void linux_locate(struct linux_finder *f, struct linux_candidate *c);

/** Symbols that no table lists, derived from code and objects that refer to them (derived.c). @c
 * has a space. The caller frees; NULL: none. */
struct eg_profile *linux_derive(struct linux_finder *f, const struct linux_candidate *c);
/** The variables that plugins use, that no table lists and that could not be derived, each with
 * these plugins. The text is in @a; NULL: there are none, or no types. */
const char *linux_not_derived(const struct linux_candidate *c, struct eg_arena *a);

#endif
