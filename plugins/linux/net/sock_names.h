/* sock_names.h - numbers of sockets as words, and small families. Only for net/sock*.c. */
#ifndef EG_LINUX_SOCK_NAMES_H
#define EG_LINUX_SOCK_NAMES_H

#include "sock.h"

extern const struct eg_constant linux_sock_families[], linux_sock_types[], linux_ip_protocols[],
    linux_netlink_protocols[], linux_ether_protocols[], linux_bluetooth_protocols[];

/** What small families have of their own: AF_ALG, AF_XDP, AF_TIPC. */
void linux_sock_other(struct eg_run *r, struct linux_sock *s);
/** The state as a word; NULL: it has no name. */
const char *linux_sock_state_name(uint32_t family, uint32_t protocol, uint32_t state);

#endif
