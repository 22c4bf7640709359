/** procfs.h - /proc as the guest itself would show it to its own root, made of the image: for
 * debuggers and for whatever shows files. Knows nothing of either.
 *
 *  Paths begin with "/proc". What the image does not have is not there: no line, no name. A path is
 * a stranger's text. */
#ifndef EG_LIVE_PROCFS_H
#define EG_LIVE_PROCFS_H

#include "../core/run.h"

enum procfs_kind { PROCFS_NONE, PROCFS_FILE, PROCFS_LINK, PROCFS_FOLDER };

/** What is at @path. */
enum procfs_kind procfs_kind(struct eg_run *r, const char *path);
/** Where a link leads: "/usr/bin/cat", "socket:[12]"; in the run's memory. NULL: it is none, or
 * memory does not have it. */
const char *procfs_link(struct eg_run *r, const char *path);
/** Give each name in a folder to @give, until that returns false. @return false: no folder. */
bool procfs_each(struct eg_run *r, const char *path,
                 bool (*give)(void *context, const char *name, enum procfs_kind kind),
                 void *context);
/** The text of a file. The caller frees *@out, which has a NUL behind its *@len bytes. It is made
 * in a run of its own, so that nothing is left of it. @return 0; -EG_ENOTFOUND: no such file;
 * -EG_E…. */
int procfs_text(struct eg_system *sys, const char *path, char **out, size_t *len,
                struct eg_error *e);

#endif
