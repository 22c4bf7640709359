/** net/sock_detail.h - what `ss -e -i -m -o` tells of a socket beside its ends. */
#ifndef EG_LINUX_SOCK_DETAIL_H
#define EG_LINUX_SOCK_DETAIL_H

#include "sock.h"

/** What does not apply to a socket's kind is a cell that is not set. */
struct linux_sock_detail {
    /** As Recv-Q and Send-Q of `ss`: bytes; of a listening socket how many connections wait to be
     * accepted, and how many may. */
    struct eg_cell receive_queue, send_queue;
    const char *timer;     /**< "on", "keepalive", "timewait", "persist", as ss; NULL: none runs */
    struct eg_obj expires; /**< when, in jiffies; a bad cursor: none runs */
    struct eg_cell retransmits;
    const char *options;    /**< "reuseaddr,nodelay,ts,sack,wscale:7,7"; "": none */
    const char *congestion; /**< "cubic"; NULL: no TCP */
    const char *filter;     /**< NULL: none; else "cBPF ldh [12]; …", "eBPF 33 name" */
    const char *cgroup;     /**< NULL: none */
    const char *groups;     /**< of netlink: the numbers of its multicast groups */
    const char *interface;  /**< that it is bound to; NULL: none */
    struct eg_cell mark, bytes_sent, bytes_received;
    struct eg_obj last_sent, last_received; /**< in jiffies, 32 bits; bad: no TCP */
    bool kernel;                            /**< made by the kernel for itself */
};
EG_API void linux_sock_details(struct eg_run *r, const struct linux_sock *s,
                               struct linux_sock_detail *out);

#endif
