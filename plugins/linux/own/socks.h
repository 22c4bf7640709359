/** own/socks.h - what memory holds of sockets that nothing leads to any more. */
#ifndef EG_LINUX_SOCKS_H
#define EG_LINUX_SOCKS_H

#include "../../../core/map.h"

struct eg_run;

struct linux_sock_trace {
    uint64_t va, pa; /**< of the struct sock, or of one of the two small kinds */
    enum {
        LINUX_SOCK_ALLOCATED, /**< an object of a slab, in use */
        LINUX_SOCK_FREED,     /**< a free object of a slab */
        LINUX_SOCK_LEFTOVER,  /**< in memory that is something else now, or nothing */
    } life;
};
/** Search physical memory once, on all cores, for sockets that are not in @known (by their
 * addresses). They are told by a pointer to a protocol that the kernel has, and one behind it to a
 * network namespace. @return how many, in the run's memory, by physical address. */
size_t linux_sock_scan(struct eg_run *r, const struct eg_map *known, struct linux_sock_trace **out);

#endif
