/** fs/uring.h - rings of io_uring that a task has, and the files that are registered with one. */
#ifndef EG_LINUX_URING_H
#define EG_LINUX_URING_H

#include "../../../core/engram.h"

EG_FIELD_AS(task_io_uring, task_struct, "io_uring");

/** Rings that a thread has used, though their file may be closed (cursors on struct io_ring_ctx):
 * `linux_each_used_ring(r, thread, ctx)`. */
struct linux_used_ring_walk {
    struct eg_obj task;
    struct eg_index_walk rings;
    bool begun;
};
EG_API bool linux_next_used_ring(struct eg_run *r, struct linux_used_ring_walk *w,
                                 struct eg_obj *ctx);
#define linux_each_used_ring(r, task_, ctx)                                                        \
    for (struct linux_used_ring_walk EG_CAT(w_, __LINE__) = { .task = (task_) };                   \
         linux_next_used_ring((r), &EG_CAT(w_, __LINE__), &(ctx));)

/** The files that are registered with a ring, by their numbers: `linux_each_ring_file(r, ctx, i,
 * file)`; cursors on struct file. */
struct linux_ring_file_walk {
    struct eg_obj ctx;
    uint32_t at, n;
    bool begun;
};
EG_API bool linux_next_ring_file(struct eg_run *r, struct linux_ring_file_walk *w, uint32_t *number,
                                 struct eg_obj *file);
#define linux_each_ring_file(r, ctx_, number, file)                                                \
    for (struct linux_ring_file_walk EG_CAT(w_, __LINE__) = { .ctx = (ctx_) };                     \
         linux_next_ring_file((r), &EG_CAT(w_, __LINE__), &(number), &(file));)

#endif
