/** newfile.h - a file that is there when it is complete, or not at all. */
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

/** Both there, and one file: what is read is never written over. */
bool eg_same_file(const char *a, const char *b);

/** Open a file beside @path that takes its name when it is kept. @path may be there only with
 * @replace, and is never a device. */
int eg_newfile_open(struct eg_newfile *n, const char *path, bool replace, struct eg_error *e);
/** Write all of it to the disk and give it its name. What cannot be written is dropped; what only
 * cannot get the name is kept under another one, which the error says. */
int eg_newfile_keep(struct eg_newfile *n, struct eg_error *e);
void eg_newfile_drop(struct eg_newfile *n); /**< nothing after eg_newfile_keep */

#endif
