/** guest_memory.h - the ways to a guest's memory, for guest.c: what QEMU shares, its own memory,
 * its monitor. */
#ifndef EG_LIVE_GUEST_MEMORY_H
#define EG_LIVE_GUEST_MEMORY_H

#include "guest.h"
#include "guest_text.h"
#include "qmp.h"
#include <pthread.h>
#include <sys/types.h>

/** A range of memory, as it is in QEMU's process. */
struct guest_piece {
    uint64_t start, last; /**< physical */
    uint64_t host;        /**< QEMU's address of start; 0: not known */
    uint64_t at;          /**< offset of start in the file */
    size_t file;          /**< of live_guest.files */
};
struct guest_file {
    dev_t dev;
    ino_t ino;
    int fd; /**< -1: given away */
};
struct guest_pages; /* what was read through the monitor */

struct live_guest {
    char *where;
    struct qmp *qmp;
    const struct eg_arch *arch;
    struct guest_map map;
    uint64_t bytes; /**< of memory */
    enum live_way way;
    pid_t pid;            /**< of QEMU; 0: not known, or not allowed */
    const char *why_slow; /**< LIVE_MONITOR: what does not let us read its memory */
    EG_VEC(struct guest_piece) pieces;
    EG_VEC(struct guest_file) files;
    struct guest_pages *pages;
    EG_VEC(struct eg_space *) spaces; /**< below the one that was given out */
    pthread_mutex_t lock;
    bool paused, stood; /**< stood: it was stopped before us */
    uint64_t since;     /**< ns, when it was paused */
};

/** Find the best way, and the pieces. */
int guest_memory_find(struct live_guest *g, struct eg_error *e);
void guest_memory_fini(struct live_guest *g);

/** guest_monitor.c: the space of all physical memory through the monitor. */
int guest_pages_open(struct eg_space **out, struct live_guest *g, struct eg_error *e);
void guest_pages_free(struct guest_pages *p);
/** MiB a second that the first read got; *@how: "pmemsave", "xp". */
double guest_pages_speed(const struct live_guest *g, const char **how);

#endif
