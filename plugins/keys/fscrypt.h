/** fscrypt.h - between fscrypt.c, which reads the kernel's structures, and fscrypt_key.c, which
 * computes (fs/crypto/, Documentation/filesystems/fscrypt.rst). */
#ifndef KEYS_FSCRYPT_H
#define KEYS_FSCRYPT_H

#include "../../core/engram.h"
#include "kdf.h"
#include "tfm.h"

enum { FSCRYPT_RAW_MAX = 64, FSCRYPT_SPEC_MAX = 16, FSCRYPT_NONCE = 16, FSCRYPT_UUID = 16 };
enum { FSCRYPT_DESCRIPTOR = 1, FSCRYPT_IDENTIFIER = 2 }; // fscrypt_key_specifier.type

/** A master key. */
struct eg_fscrypt_master {
    uint64_t sb;                    /**< file system that has it; 0: any, it is in a keyring */
    uint32_t type;                  /**< FSCRYPT_DESCRIPTOR, FSCRYPT_IDENTIFIER */
    uint8_t spec[FSCRYPT_SPEC_MAX]; /**< descriptor or identifier */
    uint8_t raw[FSCRYPT_RAW_MAX];
    uint32_t size; /**< of @raw; 0: the kernel has wiped it */
    uint64_t at;   /**< where @raw is, or the first of the two states of @hmac */
    struct eg_hmac512 hmac;
    bool has_hmac;            /**< and the identifier derives from it */
    const char *proof, *from; /**< @from: what has it, a keyring's key; NULL: the file system */
};

/** What a file's policy says (union fscrypt_policy). */
struct eg_fscrypt_policy {
    uint8_t version, contents, names, flags;
    uint8_t spec[FSCRYPT_SPEC_MAX];
};
bool eg_fscrypt_policy(const uint8_t *bytes, size_t len, struct eg_fscrypt_policy *out);
/** Is there one key for all files of a mode? */
static inline bool eg_fscrypt_shared(const struct eg_fscrypt_policy *p)
{
    return (p->flags & 0x1c) != 0;
}

/** Find the two states of an HMAC-SHA512 in @bytes from which the identifier of @m derives. @tries:
 * how many pairs may still be tested. @return where the first one is in @bytes, or -1. */
int64_t eg_fscrypt_find(struct eg_fscrypt_master *m, const uint8_t *bytes, size_t len, bool big,
                        uint32_t *tries);
/** @hmac from the raw key; is the identifier that of the raw key? */
bool eg_fscrypt_check(struct eg_fscrypt_master *m);
/** Set @hmac and @spec, the identifier, from the raw key. */
bool eg_fscrypt_identify(struct eg_fscrypt_master *m);

/** The key of a file that is encrypted with @size bytes of key in mode number @mode. @return false:
 * the master key has not what it takes. */
bool eg_fscrypt_derive(const struct eg_fscrypt_master *m, const struct eg_fscrypt_policy *p,
                       const uint8_t *nonce, const uint8_t *uuid, uint8_t mode, size_t size,
                       uint8_t *out);
/** Is a key what AES works with, whole or as the two of XTS? */
bool eg_fscrypt_scheduled(const struct eg_tfm_keys *made, const uint8_t *key, size_t size);
/** The key of @size bytes from what AES works with alone. @return false: there are several. */
bool eg_fscrypt_from_schedule(const struct eg_tfm_keys *made, size_t size, uint8_t *out);

#endif
