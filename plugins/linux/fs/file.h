/** fs/file.h - open files. */
#ifndef EG_LINUX_FILE_H
#define EG_LINUX_FILE_H

#include "../../../core/engram.h"

/** The path of a struct file, as linux_path() has it. */
EG_API const char *linux_file_path(struct eg_run *r, struct eg_obj file, struct eg_obj task);
/** The inode that the file's user sees: with overlayfs and the like not the one below. */
EG_API struct eg_obj linux_file_inode(struct eg_run *r, struct eg_obj file);
/** Why a file is in no folder: "removed", "memfd", "System V", "huge pages", "shared memory"; NULL
 * when it is in one, or cannot be read. */
EG_API const char *linux_file_gone(struct eg_run *r, struct eg_obj file);

#endif
