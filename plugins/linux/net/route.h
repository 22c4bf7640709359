/** net/route.h - names of what routes and rules have as numbers, as `ip` prints them
 * (include/uapi/linux/rtnetlink.h). */
#ifndef EG_LINUX_ROUTE_H
#define EG_LINUX_ROUTE_H

#include "../../../core/engram.h"

/** "main", "local", "default", or the number. */
EG_API const char *linux_route_table(struct eg_run *r, uint32_t id);
/** "unicast", "blackhole"; what has no name is a number. */
EG_API const char *linux_route_type(struct eg_run *r, uint32_t type);
/** "global", "link", "host". */
EG_API const char *linux_route_scope(struct eg_run *r, uint32_t scope);
/** Who made it: "kernel", "boot", "static", "ra", "dhcp", "bgp". */
EG_API const char *linux_route_origin(struct eg_run *r, uint32_t protocol);

#endif
