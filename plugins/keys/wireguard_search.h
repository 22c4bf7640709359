/** wireguard_search.h - WireGuard's keys in the data of an interface whose types are not known:
 * they prove themselves. */
#ifndef KEYS_WIREGUARD_SEARCH_H
#define KEYS_WIREGUARD_SEARCH_H

#include "../../core/engram.h"
#include "crypto.h"

enum { WG_SEARCH_PEERS = 1 << 10 };
struct eg_wg_pair {
    uint64_t at; /**< of the private key */
    uint8_t public[X25519_SIZE], private[X25519_SIZE];
};
/** The key pair of the device whose driver's data begins at @priv: a public key, and behind it the
 * private one that it follows from. */
bool eg_wg_search_device(struct eg_run *r, uint64_t priv, struct eg_wg_pair *out);

struct eg_wg_peer {
    uint64_t at; /**< of its preshared key */
    uint8_t public[X25519_SIZE], preshared[X25519_SIZE];
};
/** Its peers, at most WG_SEARCH_PEERS: on a list that begins there, each with the secret that
 * @own and its public key make, and its preshared key behind that. @return how many. */
size_t eg_wg_search_peers(struct eg_run *r, uint64_t priv, const uint8_t *own,
                          struct eg_wg_peer **out);

#endif
