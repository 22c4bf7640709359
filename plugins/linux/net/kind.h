/** net/kind.h - what drivers of virtual interfaces keep of them. Their types are those of modules,
 * which a kernel has in memory since 5.11; without them there is no detail. */
#ifndef EG_LINUX_NETKIND_H
#define EG_LINUX_NETKIND_H

#include "device.h"

/** The kind of an interface, as its driver calls it: "veth"; NULL: hardware, lo, or unreadable. */
EG_API const char *linux_netdev_kind(struct eg_run *r, struct eg_obj dev);
/** What its kind has of its own: "id 7 802.1Q", "tap owner 1000"; NULL: nothing is known. */
EG_API const char *linux_netdev_detail(struct eg_run *r, struct eg_obj dev);
/** The other end of a veth, which names this one in turn; a bad cursor: none. */
EG_API struct eg_obj linux_veth_peer(struct eg_run *r, struct eg_obj dev);
/** What stands at the beginning of a driver's data as a T; a bad cursor without the type. */
#define linux_netdev_priv_as(r, dev, T) linux_netdev_priv_as_((r), (dev), (eg_t_##T).id)
EG_API struct eg_obj linux_netdev_priv_as_(struct eg_run *r, struct eg_obj dev, uint32_t type);
/** The IP address in a struct sockaddr_in or sockaddr_in6 (also a union of both); NULL: of another
 * family, or any address. @port: 0 where it has none; may be NULL. */
EG_API const char *linux_sockaddr_ip(struct eg_run *r, struct eg_obj sockaddr, uint16_t *port);

#endif
