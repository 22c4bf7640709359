/** cachedfile.h - small files that the page cache holds, chosen by name: what programs keep
 * passwords, tickets and tokens in. */
#ifndef KEYS_CACHEDFILE_H
#define KEYS_CACHEDFILE_H

#include "vault.h"

enum { EG_CACHED_FILE_MAX = 1 << 20 };
struct eg_cached_file {
    const char *path;
    const char *name; /**< the end of @path */
    const uint8_t *bytes;
    size_t len;
    bool whole; /**< all of the file; else zeros stand for what is not cached, or the file is
                     longer */
};
/** Call @use for each regular file that @wanted says yes to by one of its names, removed ones
 * that are still open too. Bytes are valid during the call. */
void eg_cached_files(struct eg_vault *v, bool (*wanted)(const char *name),
                     void (*use)(struct eg_vault *v, const struct eg_cached_file *f, void *context),
                     void *context);

#endif
