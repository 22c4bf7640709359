/** store.h - .egp, the file format of profiles: the arrays of struct eg_profile, see
 * docs/egp.md. */
#ifndef EG_STORE_H
#define EG_STORE_H

#include "../core/profile.h"

/** Write @n profiles (the kernel's first, then modules') to @path, by way of a temporary file
 * beside it; @replace as for eg_newfile_open(). */
int eg_store_write(const char *path, bool replace, const struct eg_profile *const *profiles,
                   size_t n, struct eg_error *e);

/** Read the first profiles of the file. *@n in: room in @out; out: how many the file has, which may
 * be more. Those of modules use the first one: free it last. */
int eg_store_read(const char *path, struct eg_profile **out, size_t *n, struct eg_error *e);
/** The same for bytes in memory, which are not kept. */
int eg_store_read_bytes(const uint8_t *bytes, size_t len, const char *source,
                        struct eg_profile **out, size_t *n, struct eg_error *e);

/** The build id of a file, without reading all of it, for the search in profile folders. @hex has
 * 64 bytes. */
bool eg_store_build_id(const char *path, char *hex);

#endif
