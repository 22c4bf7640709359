/** own/health.h - does what the kernel counted agree with what can be counted? In a dump of one
 * moment it does; in one that was taken while the machine ran, and where memory was damaged or
 * changed by hand, it does not. */
#ifndef EG_LINUX_HEALTH_H
#define EG_LINUX_HEALTH_H

#include "../../../core/engram.h"

struct eg_process;

enum linux_check {
    LINUX_CHECK_THREADS,   /**< signal_struct.nr_threads: threads of a process */
    LINUX_CHECK_MM_USERS,  /**< mm_struct.mm_users: threads that use it */
    LINUX_CHECK_FILES,     /**< files_struct.count: threads that share it */
    LINUX_CHECK_FS,        /**< fs_struct.users: threads that share it */
    LINUX_CHECK_CRED,      /**< cred.usage: at least the threads that have it */
    LINUX_CHECK_MAP_COUNT, /**< mm_struct.map_count: mappings */
    LINUX_CHECK_TOTAL_VM,  /**< mm_struct.total_vm: their pages */
    LINUX_CHECK_MAPLE,     /**< each node of a maple tree names its parent */
    LINUX_CHECK_PAGES,     /**< page tables lead to pages that somebody holds */
    LINUX_CHECKS
};
struct linux_health {
    struct {
        uint64_t made, wrong;
    } checks[LINUX_CHECKS];
};
/** What is checked, in words. */
EG_API const char *linux_check_text(enum linux_check check);

/** Check a process (the leader of its threads), and add to @sum, which may be NULL. @pages: its
 * page tables too, which takes longer. @return what does not fit, "map_count 12: 9 mappings; …";
 * NULL: all does, as far as it can be read. In the run's memory. */
EG_API const char *linux_process_health(struct eg_run *r, struct eg_obj leader, bool pages,
                                        struct linux_health *sum);

/** The same of a process of the table (eg_os.process_health), without its page tables. */
const char *linux_health_of(struct eg_run *r, const struct eg_process *p);

/** A circular list_head at @head: how many links were followed, and of how many the next one does
 * not point back. */
EG_API void linux_list_health(struct eg_run *r, uint64_t head, uint64_t *links, uint64_t *wrong);

#endif
