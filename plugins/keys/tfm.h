/** tfm.h - the keys of AES, Serpent and Twofish that a transform of the kernel's crypto API has
 * expanded, and those of ChaCha, which it keeps as they are: its own, and those of the transforms
 * that it is made of (include/linux/crypto.h). */
#ifndef KEYS_TFM_H
#define KEYS_TFM_H

#include "../../core/engram.h"
#include "aes.h"

enum eg_tfm_role {
    TFM_ANY,
    TFM_DATA,   /**< of XTS: the first half of its key */
    TFM_TWEAK,  /**< of XTS: the second half */
    TFM_STREAM, /**< of ChaCha */
};
enum { TFM_KEYS_MAX = 72 };
struct eg_tfm_keys {
    struct eg_tfm_key {
        uint8_t key[AES_KEY_MAX];
        uint32_t size; /**< bytes of @key */
        enum eg_tfm_role role;
    } at[TFM_KEYS_MAX];
    size_t n;
};
/** Those of the transform (struct crypto_skcipher, crypto_aead, crypto_cipher) at @tfm, each once,
 * behind those that are in @out. */
void eg_tfm_keys(struct eg_run *r, uint64_t tfm, struct eg_tfm_keys *out);
/** Are these bytes in the context of that transform (also a struct crypto_ahash or crypto_shash),
 * or of one that it is made of, at a multiple of 4? So are the keys of ChaCha20, and what a hash
 * has begun with for HMAC. */
bool eg_tfm_has(struct eg_run *r, uint64_t tfm, const void *bytes, size_t len);
/** What tells that a transform works with @key: "schedule" where it has expanded it for AES,
 * "context of the cipher" where that has the key as it is; NULL: neither. */
const char *eg_tfm_proof(struct eg_run *r, uint64_t tfm, const void *key, size_t len);

#endif
