/** fs/anon.h - what open files say that are in no folder: eventfd, epoll, pidfd, BPF, … */
#ifndef EG_LINUX_ANON_H
#define EG_LINUX_ANON_H

#include "../../../core/engram.h"

/** One line of what a file says of itself, by the @path that linux_file_path() gave: "count 7" of
 * an eventfd; NULL: there is nothing to say, or it cannot be read. @task: whose root names are seen
 * from. */
EG_API const char *linux_anon_text(struct eg_run *r, struct eg_obj file, const char *path,
                                   struct eg_obj task);

/** What an epoll watches (a cursor on a struct eventpoll): `linux_each_watched(r, poll, w)`. */
struct linux_epoll_item {
    struct eg_obj file;
    int32_t fd;
    uint32_t events;
    uint64_t data;
};
struct linux_epoll_walk {
    struct eg_obj poll;
    struct eg_rb_walk items;
    bool begun;
};
EG_API bool linux_next_watched(struct eg_run *r, struct linux_epoll_walk *w,
                               struct linux_epoll_item *out);
#define linux_each_watched(r, poll_, item)                                                         \
    for (struct linux_epoll_walk EG_CAT(w_, __LINE__) = { .poll = (poll_) };                       \
         linux_next_watched((r), &EG_CAT(w_, __LINE__), &(item));)

#endif
