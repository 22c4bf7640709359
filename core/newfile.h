/** newfile.h - an output file that appears under its name only when it is complete. */
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

/** Open a temporary file beside @path. If @path exists, @replace must be set, and it must not be a
 * device. */
int eg_newfile_open(struct eg_newfile *n, const char *path, bool replace, struct eg_error *e);
/** Sync the file to disk and rename it to @path. If it cannot be written, it is removed; if only
 * the rename fails, it stays under the name that the error message says. */
int eg_newfile_keep(struct eg_newfile *n, struct eg_error *e);
void eg_newfile_drop(struct eg_newfile *n); /**< remove it; does nothing after eg_newfile_keep */

#endif
