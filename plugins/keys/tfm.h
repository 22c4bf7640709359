/** tfm.h - the AES keys that a transform of the kernel's crypto API has expanded: its own, and
 * those of the transforms that it is made of (include/linux/crypto.h). */
#ifndef KEYS_TFM_H
#define KEYS_TFM_H

#include "../../core/engram.h"
#include "aes.h"

enum eg_tfm_role {
    TFM_ANY,
    TFM_DATA,  /**< of XTS: the first half of its key */
    TFM_TWEAK, /**< of XTS: the second half */
};
enum { TFM_KEYS_MAX = 16 };
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

#endif
