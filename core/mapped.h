/** mapped.h - files mapped into our memory.
 *
 *  A page of a mapped file that cannot be read (the disk fails, somebody cuts the file short) would
 * end the process with SIGBUS. Here such a page becomes zeros and is marked as bad. All files are
 * mapped by these functions. */
#ifndef EG_MAPPED_H
#define EG_MAPPED_H

#include "base.h"
#include <stdatomic.h>

enum { EG_MAPPED_PAGE = 4096 };

struct eg_mapped {
    uint8_t *bytes;
    uint64_t size;
    int prot;
    atomic_uint_fast64_t faults; /**< pages that could not be read */
    uint8_t *bad;                /**< a bit for each page; core/mapped.c */
    size_t bad_len;
};

/** Map the first @size bytes (not 0) of @fd, shared. @fd may be closed afterwards. @name is for
 * messages. */
int eg_mapped_open(struct eg_mapped **out, int fd, uint64_t size, bool writable, const char *name,
                   struct eg_error *e);
void eg_mapped_close(struct eg_mapped *m); /**< NULL-safe */

/** Open an input for reading. The time of its last access is not changed if the file system and the
 * file's owner allow that. @folder: as for openat(). @flags: more of them. @return a descriptor, or
 * -1 with errno. (file.c) */
int eg_open_input(int folder, const char *path, int flags);

/** Was the page that holds byte @at found unreadable? */
bool eg_mapped_is_bad(const struct eg_mapped *m, uint64_t at);

#endif
