/** fs/locks.h - locks and leases of files (fs/locks.c). */
#ifndef EG_LINUX_LOCKS_H
#define EG_LINUX_LOCKS_H

#include "../../../core/engram.h"

struct linux_lock {
    struct eg_obj lock; /**< file_lock, or file_lease (of its own since 6.9) */
    const char *type;   /**< as /proc/locks: "POSIX", "FLOCK", "OFDLCK", "LEASE", "DELEG" */
    const char *access; /**< "READ", "WRITE", "UNLCK"; NULL: it cannot be read */
    const char *state;  /**< of a lease "ACTIVE", "BREAKING", "BREAKER"; "waits": for another one;
                             else "held" */
    struct eg_cell pid; /**< of who asked for it; OFDLCK: -1 */
    uint64_t file;      /**< struct file; 0: none */
    uint64_t owner;     /**< POSIX: the files_struct */
    struct eg_cell first, last; /**< bytes; @last is not set where it reaches to the end */
};

/** Locks of a file (a cursor on its inode) and who waits for them: `linux_each_lock(r, inode, l)`.
 * Of each kind in the kernel's order; who waits stands behind what he waits for. */
struct linux_lock_walk {
    struct eg_obj inode;
    struct eg_list_walk list, waiting;
    uint8_t kind;
    bool going, waits;
};
EG_API bool linux_next_lock(struct eg_run *r, struct linux_lock_walk *w, struct linux_lock *out);
#define linux_each_lock(r, inode_, l)                                                              \
    for (struct linux_lock_walk EG_CAT(w_, __LINE__) = { .inode = (inode_) };                      \
         linux_next_lock((r), &EG_CAT(w_, __LINE__), &(l));)

/** What a file_lock (a cursor) says of itself. */
EG_API void linux_lock_read(struct eg_run *r, struct eg_obj lock, struct linux_lock *out);

#endif
