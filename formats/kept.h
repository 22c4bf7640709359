/** kept.h - unpacked files that are kept for the next command (--cache), in $XDG_CACHE_HOME/engram
 * or ~/.cache/engram. An entry's name is a hash of what was packed; the hash has a secret in that
 * folder, so that nobody can make two files with the same one. An entry is used only if a hash of
 * its content is right. Several processes may use the folder at the same time. */
#ifndef EG_KEPT_H
#define EG_KEPT_H

#include "../core/image.h"

struct eg_kept;

/** The place for the unpacked content of @file. @return NULL: nothing is kept, and a note says why
 * if it should be. */
struct eg_kept *eg_kept_open(struct eg_image *img, struct eg_space *file,
                             const struct eg_open_options *o);
void eg_kept_close(struct eg_kept *k); /**< NULL-safe */

/** Use the entry, if there is one that is intact: the content, and in *@file the file that it lies
 * in, which the caller closes after it. @return false: there is none. */
bool eg_kept_load(struct eg_kept *k, struct eg_space **content, struct eg_space **file);

/** A new file in the folder, to unpack to, which the caller closes; -1: none can be made there. */
int eg_kept_new(const struct eg_kept *k);
/** Keep that file, whose first @size bytes hold the content as @segs say, if no other process has
 * already; @temp is its space. Then the oldest entries are removed until all fit. */
void eg_kept_store(struct eg_kept *k, int fd, struct eg_space *temp, uint64_t size,
                   const struct eg_segment *segs, size_t n);

#endif
