/** nft_set_own.h - sets and their elements, shared by nft_set.c and nft_set_text.c. */
#ifndef EG_LINUX_NFT_SET_OWN_H
#define EG_LINUX_NFT_SET_OWN_H

#include "../../../core/system.h"
#include "nft_own.h"
#include "rhash.h"
#include <stdlib.h>

struct nft_elem {
    uint64_t ext;
    uint8_t key[NFT_KEY_MAX], key_end[NFT_KEY_MAX], data[NFT_KEY_MAX];
    bool end;      /**< of an interval: the first value behind it */
    bool catchall; /**< "*" */
    bool has_end, has_data;
    /** Offsets from ext; 0: it has none. */
    uint64_t objref, timeout, expiration, udata, exprs;
};
struct nft_set_view {
    struct linux_nft *n;
    uint64_t set, priv, elemsize;
    uint32_t flags, ktype, dtype;
    unsigned klen, dlen, n_offsets;
    bool interval, host, tree;
    bool unknown; /**< a kind that is not known */
    uint8_t udata[256];
    size_t udlen;
    struct nft_elem *at; /**< sorted */
    size_t count, cap, lost;
};
void nft_set_view(struct linux_nft *n, uint64_t set, struct nft_set_view *v);
void nft_set_elements(struct nft_set_view *v);

#endif
