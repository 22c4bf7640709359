/** tls_capture.h - TLS connections in a file of captured packets (pcap, pcapng): which random is
 * the client's, and does a secret decrypt a record?
 *
 *  Only the beginning of each connection is read, in the order of TCP's numbers; segments that come
 * too early are left out. */
#ifndef KEYS_TLS_CAPTURE_H
#define KEYS_TLS_CAPTURE_H

#include "tlskdf.h"

struct eg_tls_capture;
struct eg_tls_flow;

/** What is in the @len bytes of a file, which are not needed any more after the call.
 * @return NULL: no capture, or out of memory. */
EG_API struct eg_tls_capture *eg_tls_capture_open(const uint8_t *file, size_t len);
EG_API void eg_tls_capture_close(struct eg_tls_capture *c); /**< NULL-safe */
/** How many connections have a ClientHello in it. */
EG_API size_t eg_tls_capture_count(const struct eg_tls_capture *c);

/** The connection that began with these randoms, of 32 bytes each; NULL: it is not in the file. */
EG_API const struct eg_tls_flow *eg_tls_capture_find(const struct eg_tls_capture *c,
                                                     const uint8_t *client, const uint8_t *server);
/** How many connections eg_tls_capture_flow knows. */
EG_API size_t eg_tls_capture_flows(const struct eg_tls_capture *c);
/** The @i-th of all connections; NULL: one of its Hello messages is not in the file. */
EG_API const struct eg_tls_flow *eg_tls_capture_flow(const struct eg_tls_capture *c, size_t i);
EG_API const uint8_t *eg_tls_flow_random(const struct eg_tls_flow *f); /**< the client's */

/** Is a record that @server (or the client) sent the first one under this traffic secret? */
EG_API bool eg_tls_flow_opens(const struct eg_tls_flow *f, bool server, size_t hash,
                              const uint8_t *secret);
/** Does this master secret lead to the key of the client's first encrypted record? Of AEAD only. */
EG_API bool eg_tls_flow_opens_12(const struct eg_tls_flow *f, size_t hash, const uint8_t *master);

#endif
