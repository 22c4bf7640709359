/** krb5_derive.h - the keys that Kerberos works with, which are derived from one key by what they
 * are used for (RFC 3961, RFC 3962, RFC 8009); by libcrypto. */
#ifndef KEYS_KRB5_DERIVE_H
#define KEYS_KRB5_DERIVE_H

#include "../../core/engram.h"

enum eg_krb5_for { KRB5_SUM = 0x99, KRB5_CIPHER = 0xaa, KRB5_INTEGRITY = 0x55 };
enum { EG_KRB5_DERIVED_MAX = 32 };

/** Can keys of this encryption type be derived? Those of AES, in a build with libcrypto. */
EG_API bool eg_krb5_derives(uint32_t type);
/** The key for @what of a usage number, from @key of @len bytes. @return its length; 0: another
 * type, or another length than the type's. */
EG_API size_t eg_krb5_derive(uint32_t type, const uint8_t *key, size_t len, uint32_t usage,
                             enum eg_krb5_for what, uint8_t out[EG_KRB5_DERIVED_MAX]);

/** One block of AES, either way; false: no libcrypto. */
EG_API bool eg_krb5_block(const uint8_t *key, size_t len, bool encrypt, const uint8_t in[16],
                          uint8_t out[16]);

#endif
