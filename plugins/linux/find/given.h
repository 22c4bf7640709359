/** given.h - types and symbols from files: named by the user, or found in profile folders. */
#ifndef EG_LINUX_GIVEN_H
#define EG_LINUX_GIVEN_H

#include "finder.h"

/* ---- given.c ---- */

/** The system owns @p now. @return false: out of memory, and it is freed. */
bool linux_own(struct eg_system *sys, struct eg_profile *p);

/** What --profile, --vmlinux and --system-map name. @return 0 with NULL when they name nothing. */
int linux_given_read(struct eg_system *sys, struct linux_given **out, struct eg_error *e);
/** The same of one file. */
int linux_given_file(struct eg_system *sys, const char *path, struct linux_given **out,
                     struct eg_error *e);
/** Note where the members that matter most lie elsewhere in @a than in @b: another kernel's
 * profile. */
void linux_compare_types(struct eg_system *sys, const struct eg_types *a, const struct eg_types *b);

/* ---- folders.c ---- */

/** What the profile folders have for this kernel: an .egp of its build; where it lacks types of its
 * own, an ELF file of its build or an ISF of its banner; where it lacks symbols, a System.map of
 * its release. NULL: nothing. */
const struct linux_given *linux_given_find(struct linux_finder *f, const struct linux_candidate *c);
void linux_folders_free(struct linux_finder *f);

#endif
