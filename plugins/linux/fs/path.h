/** fs/path.h - paths as the kernel gives them (fs/d_path.c). */
#ifndef EG_LINUX_PATH_H
#define EG_LINUX_PATH_H

#include "../../../core/engram.h"

/** The path of a struct path, from the root of the task (or of init when @task is bad):
 * "/usr/bin/x", "/x (deleted)", "socket:[12]", "pipe:[3]", "/memfd:name (deleted)". Cut with a note
 * when broken; NULL when nothing of it can be read. */
EG_API const char *linux_path(struct eg_run *r, struct eg_obj path, struct eg_obj task);
/** Where a mount is, seen from the root of @task (or of init); *@reached: is it below that root? */
EG_API const char *linux_mount_point(struct eg_run *r, struct eg_obj mount, struct eg_obj task,
                                     bool *reached);

#endif
