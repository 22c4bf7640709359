/** locate.h - what a candidate still lacks once its tables were read. */
#ifndef EG_LINUX_LOCATE_H
#define EG_LINUX_LOCATE_H

#include "finder.h"

/* ---- locate.c ---- */

/** The shift and the root, if they are not known yet, from what has been loaded; then its space. */
void linux_locate(struct linux_finder *f, struct linux_candidate *c);

/* ---- derived.c ---- */

/** Variables that no table names, found by what leads to them. @c has its space. The caller frees;
 * NULL: none. */
struct eg_profile *linux_derive(struct linux_finder *f, const struct linux_candidate *c);

#endif
