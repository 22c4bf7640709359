/** store.h - .egp, the stored form of a profile: see docs/egp.md. */
#ifndef EG_STORE_H
#define EG_STORE_H

#include "../core/profile.h"

/** Write @n profiles (the kernel's first, then modules') to @path, through a temporary name. */
int eg_store_write(const char *path, const struct eg_profile *const *profiles, size_t n,
                   struct eg_error *e);

/** Read all of them; *@n in: room in @out, out: how many. */
int eg_store_read(const char *path, struct eg_profile **out, size_t *n, struct eg_error *e);

/** Build id of a file without reading it whole, for finding a profile in folders. @hex has 64
 * bytes. */
bool eg_store_build_id(const char *path, char *hex);

#endif
