/** newfile.h - output files. None replaces a file that is there unless that is asked for. */
#ifndef EG_NEWFILE_H
#define EG_NEWFILE_H

#include "base.h"
#include <stdio.h>

struct eg_newfile {
    FILE *f; /**< to write to; NULL: nothing is open */
    char *temporary;
    const char *path; /**< borrowed */
    bool replace;
};

/** Do both exist and are they the same file? For checks that an input is not overwritten. */
bool eg_same_file(const char *a, const char *b);

/** Create the file @path, which is visible while it is written. A file that exists is refused, or
 * with @replace removed first, so that its other names (hard links) keep the content. A device, a
 * FIFO or a socket is opened as it is. A symbolic link is followed only to one of these.
 * @return a descriptor, or -EG_E… */
int eg_newfile_create(const char *path, bool replace, struct eg_error *e);

/** May @path be written by eg_newfile_open()? If it exists, @replace must be set, and it must not
 * be a device. For work that takes long before the file is opened. */
int eg_newfile_check(const char *path, bool replace, struct eg_error *e);
/** Open a temporary file beside @path, after eg_newfile_check(). */
int eg_newfile_open(struct eg_newfile *n, const char *path, bool replace, struct eg_error *e);
/** Sync the file to disk and rename it to @path. If it cannot be written, it is removed; if only
 * the rename fails, it stays under the name that the error message says. */
int eg_newfile_keep(struct eg_newfile *n, struct eg_error *e);
void eg_newfile_drop(struct eg_newfile *n); /**< remove it; does nothing after eg_newfile_keep */

#endif
