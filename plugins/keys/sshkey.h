/** sshkey.h - private keys as OpenSSH's programs keep them in memory (since 8.1): serialized, and
 * encrypted with a key that 16 KiB of random bytes beside them give. Without libcrypto they can
 * be taken apart, not decrypted. */
#ifndef KEYS_SSHKEY_H
#define KEYS_SSHKEY_H

#include "encode.h"

enum { EG_SSH_PREKEY = 16 << 10 }; /**< SSHKEY_SHIELD_PREKEY_LEN */

/** Encrypt or decrypt @len bytes with what @prekey (EG_SSH_PREKEY bytes) gives: SHA-512 of it is
 * the key and the counter of AES-256-CTR. @return false: no libcrypto. */
EG_API bool eg_ssh_unshield(const uint8_t *prekey, const uint8_t *from, size_t len, uint8_t *out);

/** A key as sshkey_private_serialize() writes it: its type, public and private parts, 1, 2, 3, … to
 * the end. */
struct eg_sshkey {
    struct eg_key_bytes type, fields[8];
    size_t n_fields;
    bool token;                   /**< the secret is in a security token: this only names it */
    struct eg_key_bytes handle;   /**< of a token: what it is asked with */
    struct eg_key_bytes material; /**< what the handle is for: "ssh:" */
};
EG_API bool eg_sshkey_read(const uint8_t *p, size_t len, struct eg_sshkey *out);

/** The public key as SSH sends it. */
EG_API void eg_sshkey_public(const struct eg_sshkey *key, struct eg_key_buf *out);
/** The key as a file of OpenSSH has it, not encrypted (PROTOCOL.key). */
EG_API void eg_sshkey_file(const struct eg_sshkey *key, const char *comment,
                           struct eg_key_buf *out);
/** That as text, with the lines around it. @return its length; 0: it has no room. */
EG_API size_t eg_sshkey_text(const struct eg_key_buf *file, char *out, size_t size);

#endif
