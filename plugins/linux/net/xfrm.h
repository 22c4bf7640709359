/** net/xfrm.h - IPsec: the states of a network namespace (struct xfrm_state,
 * include/net/xfrm.h). */
#ifndef EG_LINUX_XFRM_H
#define EG_LINUX_XFRM_H

#include "net.h"

EG_FIELD_AS(net_xfrm_states, net, "xfrm.state_all");
EG_FIELD_AS(xfrm_link, xfrm_state, "km.all");

enum linux_xfrm_proto { LINUX_XFRM_ESP = 50, LINUX_XFRM_AH = 51, LINUX_XFRM_COMP = 108 };
enum {
    LINUX_XFRM_ALGS = 3,
    LINUX_XFRM_KEY = 1024, /**< bytes; more than any algorithm takes */
};

/** One algorithm of a state. */
struct linux_xfrm_alg {
    enum { LINUX_XFRM_AEAD, LINUX_XFRM_ENC, LINUX_XFRM_AUTH } what;
    const char *name; /**< "cbc(aes)"; of letters, digits and "(),-_" alone */
    uint64_t at;      /**< of its key */
    uint32_t len;     /**< of its key, in bytes */
    uint32_t icv; /**< bits of what packets are authenticated with; 0: as the algorithm has it */
    uint8_t key[LINUX_XFRM_KEY];
};
struct linux_xfrm {
    struct eg_obj state;
    unsigned family; /**< of both addresses */
    const char *source, *destination;
    uint32_t spi;
    unsigned proto;
    uint64_t data; /**< what its protocol keeps: of ESP a struct crypto_aead */
    size_t n;
    struct linux_xfrm_alg alg[LINUX_XFRM_ALGS];
};
/** @return false: it is dead, or cannot be read. A part that cannot be read is a note. */
EG_API bool linux_xfrm_read(struct eg_run *r, struct eg_obj state, struct linux_xfrm *out);
/** What `ip` takes to make it: "xfrm state add src … dst … …", with its keys. */
EG_API const char *linux_xfrm_command(struct eg_run *r, struct eg_obj net,
                                      const struct linux_xfrm *x);

#endif
