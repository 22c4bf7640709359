/** outtree.h - folders, files and links below a folder that an option names. Each step on the way
 * down is opened by itself and must be a folder, not a symbolic link: whatever lies in that folder,
 * nothing is written outside of it. Names are those of outnames.h. */
#ifndef EG_OUTTREE_H
#define EG_OUTTREE_H

#include "base.h"

struct eg_run;
struct eg_outtree;

/** The folder @dir that @option names ("-o"), which is made if it is missing. It is closed when the
 * run ends. NULL: the run failed; also if @dir is NULL. */
struct eg_outtree *eg_outtree_open(struct eg_run *r, const char *option, const char *dir);
/** The same for secrets: folders that are made are their owner's only. */
struct eg_outtree *eg_outtree_open_private(struct eg_run *r, const char *option, const char *dir);
/** Create the file @path; one that exists is refused, or with --force replaced. @return a
 * descriptor, which the caller closes; -1: the run failed. */
int eg_outtree_create(struct eg_outtree *t, const char *path);
/** Open a folder, made if it is missing. @return a descriptor, which the caller closes, or -1. */
int eg_outtree_folder(struct eg_outtree *t, const char *path);
/** @path becomes another name of the file @of. @return false: this disk cannot; or, if the run
 * failed, it exists already. */
bool eg_outtree_link(struct eg_outtree *t, const char *of, const char *path);

#endif
