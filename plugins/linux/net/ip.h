/** net/ip.h - addresses and ports of the Internet protocols, which memory has in network order. */
#ifndef EG_LINUX_IP_H
#define EG_LINUX_IP_H

#include "../../../core/engram.h"

/** The text of @len bytes, 4 or 16: "192.0.2.1", "fe80::1". In the run's memory. */
EG_API const char *linux_ip_text(struct eg_run *r, const uint8_t *bytes, size_t len);
/** The same of a cursor on a __be32 or a struct in6_addr: a text, or the reason why not. */
EG_API struct eg_cell linux_ip(struct eg_run *r, struct eg_obj address);
/** A __be16 or __be32, as a number. False: not readable. */
EG_API bool linux_be(struct eg_obj o, uint32_t *out);
/** A __be16: a number, or the reason why not. */
EG_API struct eg_cell linux_be16(struct eg_obj port);

#endif
