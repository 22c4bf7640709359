/** fs/fdtable.h - the open files of a process (include/linux/fdtable.h). */
#ifndef EG_LINUX_FDTABLE_H
#define EG_LINUX_FDTABLE_H

#include "../../../core/engram.h"

EG_FIELD_AS(task_files, task_struct, "files");

/** Open files by their numbers: `linux_each_fd(r, task, fd, file)`. Threads share them as a rule.
 * What cannot be read is a bad cursor; a table that cannot be is a note. */
struct linux_fd_walk {
    struct eg_obj task, table, bitmap;
    uint64_t at, limit;
    uint64_t good, bad; /**< files so far that can be read, and that cannot */
    bool begun;
};
EG_API bool linux_next_fd(struct eg_run *r, struct linux_fd_walk *w, uint64_t *fd,
                          struct eg_obj *file);
#define linux_each_fd(r, task_, fd, file)                                                          \
    for (struct linux_fd_walk EG_CAT(w_, __LINE__) = { .task = (task_) };                          \
         linux_next_fd((r), &EG_CAT(w_, __LINE__), &(fd), &(file));)
/** A kind of file that no folder has, by its name: { "anon_inode:[timerfd]" }. What is learnt of
 * its operations is kept here, for kernels do not always name those by a symbol. */
struct linux_anon_kind {
    const char *path;
    uint64_t is, others[64];
    unsigned n;
};
EG_API bool linux_file_of_kind(struct eg_run *r, struct eg_obj file, struct linux_anon_kind *kind);

#endif
