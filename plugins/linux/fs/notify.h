/** fs/notify.h - what inotify and fanotify watch (fs/notify/). */
#ifndef EG_LINUX_NOTIFY_H
#define EG_LINUX_NOTIFY_H

#include "../../../core/engram.h"

enum linux_watched {
    LINUX_WATCHED_UNKNOWN,
    LINUX_WATCHED_INODE,
    LINUX_WATCHED_MOUNT,
    LINUX_WATCHED_SUPERBLOCK,
    LINUX_WATCHED_NAMESPACE, /**< of mounts, since 6.15 */
};
struct linux_mark {
    struct eg_obj mark; /**< struct fsnotify_mark */
    enum linux_watched what;
    uint64_t object; /**< inode, mount, super_block; 0: it cannot be read, or was taken away */
    uint32_t mask, ignored; /**< events; fanotify: events that are not told */
};

/** The marks of a struct fsnotify_group: `linux_each_mark(r, group, m)`. */
struct linux_mark_walk {
    struct eg_obj group;
    struct eg_list_walk list;
    bool begun;
};
EG_API bool linux_next_mark(struct eg_run *r, struct linux_mark_walk *w, struct linux_mark *out);
#define linux_each_mark(r, group_, m)                                                              \
    for (struct linux_mark_walk EG_CAT(w_, __LINE__) = { .group = (group_) };                      \
         linux_next_mark((r), &EG_CAT(w_, __LINE__), &(m));)

/** The group of an open file, whose path is "anon_inode:inotify" or "anon_inode:[fanotify]". */
EG_API struct eg_obj linux_file_group(struct eg_run *r, struct eg_obj file);
/** "MODIFY|CREATE|ISDIR", the names of IN_… and FAN_… without these letters. */
EG_API const char *linux_watch_text(struct eg_run *r, uint32_t mask);
/** inotify's number of a mark, which is one of inotify. */
EG_API struct eg_cell linux_mark_wd(struct eg_run *r, const struct linux_mark *m);
/** The path of what is watched; NULL: not known. */
EG_API const char *linux_mark_path(struct eg_run *r, const struct linux_mark *m);

#endif
