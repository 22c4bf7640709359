/** drain.h - what can be read only once, from its beginning to its end (a pipe, standard input), as
 * a space: it is copied to a temporary file first. */
#ifndef EG_DRAIN_H
#define EG_DRAIN_H

#include "space.h"

/** Is @path "-", standard input, or a pipe, a socket or a device of characters? */
bool eg_is_stream(const char *path);
/** Copy it to an unlinked, sparse file in @tmp_dir (NULL: eg_tmpdir()) and open that; what is a
 * file after all (`engram - < FILE`) is opened in place. Stops before the disk is full. */
int eg_drain(struct eg_space **out, const char *path, const char *tmp_dir, bool quiet,
             struct eg_error *e);

#endif
