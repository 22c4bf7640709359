/** net/device.h - network interfaces (struct net_device, include/linux/netdevice.h). */
#ifndef EG_LINUX_DEVICE_H
#define EG_LINUX_DEVICE_H

#include "net.h"

EG_FIELD_AS(net_device_net, net_device, "nd_net.net");

/** Where the data of an interface's driver begins: netdev_priv(). @return false: not known. */
EG_API bool linux_netdev_priv(struct eg_run *r, struct eg_obj dev, uint64_t *at);
/** The address of an interface: of Ethernet in hex with colons; of an IP tunnel, where it is the
 * address of this end, as an IP address. Unset: it has none. */
EG_API struct eg_cell linux_netdev_address(struct eg_run *r, struct eg_obj dev);

/** @n bytes in hex with colons; NULL for none. In the run's memory. */
EG_API const char *linux_mac_text(struct eg_run *r, const void *bytes, size_t n);
/** The same of bytes in the kernel's memory: a cell with the reason where they cannot be read. */
EG_API struct eg_cell linux_mac(struct eg_run *r, struct eg_obj o, size_t n);

#endif
