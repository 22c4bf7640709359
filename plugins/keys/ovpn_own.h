/** ovpn_own.h - between openvpn.c, which adds keys of OpenVPN, and openvpn_data.c, which computes
 * them from the secrets of TLS. */
#ifndef KEYS_OVPN_OWN_H
#define KEYS_OVPN_OWN_H

#include "tls_own.h"
#include "vault.h"

struct eg_openvpn_key {
    const struct eg_key_process *process;
    const char *name, *purpose, *algorithm, *proof;
    uint64_t at;
    const uint8_t *key, *iv; /**< @iv: the end of each nonce, of an AEAD */
    size_t len, iv_len;
};
void eg_openvpn_add(struct eg_vault *v, const struct eg_openvpn_key *key);

/** The socket of the process, if it has only one; NULL: it has others. */
const char *eg_openvpn_name(struct eg_vault *v, const struct eg_key_process *p);

/** Keys of the data channel that follow from these connections, and are in the process. */
void eg_openvpn_derived(struct eg_tls *t);

#endif
