/** given.h - types and symbols from files that the user named or that are in profile folders. */
#ifndef EG_LINUX_GIVEN_H
#define EG_LINUX_GIVEN_H

#include "finder.h"

/* ---- given.c ---- */

/** Transfer @p to the system. @return false: out of memory, and @p is freed. */
bool linux_own(struct eg_system *sys, struct eg_profile *p);

/** Read the files that --profile, --vmlinux and --system-map name. @return 0 with NULL if there
 * are none. */
int linux_given_read(struct eg_system *sys, struct linux_given **out, struct eg_error *e);
/** The same for one file. */
int linux_given_file(struct eg_system *sys, const char *path, struct linux_given **out,
                     struct eg_error *e);
/** Compare the offsets of important members in @a, a given profile, and @b, the types of the
 * image. A difference becomes a note: the profile is of another kernel. */
void linux_compare_types(struct eg_system *sys, const struct eg_types *a, const struct eg_types *b);

/* ---- folders.c ---- */

/** Read the files of the profile folders that belong to this kernel: an .egp with its build id;
 * if the image has no types, an ELF file with its build id or an ISF file with its banner; if it
 * has no symbols, a System.map with its release. NULL: none. */
const struct linux_given *linux_given_find(struct linux_finder *f, const struct linux_candidate *c);
void linux_folders_free(struct linux_finder *f);

#endif
