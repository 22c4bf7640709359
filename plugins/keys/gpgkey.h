/** gpgkey.h - private keys as GnuPG's agent has them: S-expressions of libgcrypt, in canonical form
 * ("(11:private-key(3:rsa(1:n…") or as text ("(private-key (rsa (n #00C4…#)"), the form of its
 * files since 2.2. */
#ifndef KEYS_GPGKEY_H
#define KEYS_GPGKEY_H

#include "privkey.h"
#include "sshkey.h"

struct eg_gpg_key {
    bool protected;                /**< the secret parts are encrypted with a passphrase */
    char algorithm[16], curve[32]; /**< "rsa", "ecc"; "Ed25519", "NIST P-256"; "" */
    bool eddsa, djb;               /**< flags of ecc: for signatures of EdDSA; X25519's numbers */
    struct eg_key_bytes of[26];    /**< the parts, by the letters that name them */
    size_t size;                   /**< of the whole expression, as it was found */
    size_t used;
    uint8_t store[KEY_MAX]; /**< the bytes of the parts */
};
/** Read the expression that begins at @p. @return false: it is none, or not whole. */
EG_API bool eg_gpg_read(const uint8_t *p, size_t len, struct eg_gpg_key *out);
/** Does one seem to begin at @p? @return bytes of its first words; 0: no. */
EG_API size_t eg_gpg_begins(const uint8_t *p, size_t len);

/** The keygrip, which names the file of a key: 40 digits of hex and a 0. @return false: the curve
 * is not known, or there is no libcrypto. */
enum { EG_KEYGRIP = 41 };
EG_API bool eg_gpg_grip(const struct eg_gpg_key *key, char out[EG_KEYGRIP]);

/** What libcrypto says of an unprotected key; of ElGamal @out->der is the secret number.
 * @return false: its parts do not belong together, or its kind is not known. */
EG_API bool eg_gpg_prove(const struct eg_gpg_key *key, struct eg_privkey *out);

#endif
