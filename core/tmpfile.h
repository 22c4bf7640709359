/** tmpfile.h - a file without a name, for data that does not fit into memory. It disappears when
 * its descriptor is closed, also after a crash. */
#ifndef EG_TMPFILE_H
#define EG_TMPFILE_H

#include "base.h"

/** The folder for such files: @dir, else $TMPDIR, else /var/tmp. Borrowed. */
const char *eg_tmpdir(const char *dir);

/** A new, empty file in eg_tmpdir(@dir), open for reading and writing. The caller closes it.
 * @return the descriptor, or -1 and errno. */
int eg_tmpfile(const char *dir);

/** Write all of @n bytes at @at. @return false and errno: not all were. */
bool eg_write_at(int fd, const uint8_t *p, size_t n, uint64_t at);

#endif
