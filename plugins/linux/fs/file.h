/** fs/file.h - open files. */
#ifndef EG_LINUX_FILE_H
#define EG_LINUX_FILE_H

#include "../../../core/engram.h"

/** The path of a struct file, as linux_path() has it. */
EG_API const char *linux_file_path(struct eg_run *r, struct eg_obj file, struct eg_obj task);
/** The inode that the file's user sees: with overlayfs and the like not the one below. */
EG_API struct eg_obj linux_file_inode(struct eg_run *r, struct eg_obj file);
/** Is @inode the file's, or that of the overlay which opened it for its user? */
EG_API bool linux_file_is(struct eg_run *r, struct eg_obj file, uint64_t inode);
/** Why a file is in no folder: "removed", "memfd", "System V", "huge pages", "shared memory"; NULL
 * when it is in one, or cannot be read. */
EG_API const char *linux_file_gone(struct eg_run *r, struct eg_obj file);

#endif
