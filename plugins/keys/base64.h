/** base64.h - base64 and base64url (RFC 4648), base58check and bech32: bytes as texts. */
#ifndef KEYS_BASE64_H
#define KEYS_BASE64_H

#include "../../core/engram.h"

/** How many characters of base64 (or, @url, of base64url) @p begins with, without "=". */
EG_API size_t eg_base64_run(const uint8_t *p, size_t n, bool url);
/** Decode @n characters of either alphabet, without "=". @out has room for 3 * @n / 4 bytes.
 * @return how many bytes; 0: none, or the last character has bits that no byte has. */
EG_API size_t eg_base64_decode(const uint8_t *p, size_t n, uint8_t *out);

/** How many characters of base58 @p begins with. */
EG_API size_t eg_base58_run(const uint8_t *p, size_t n);
/** Decode @n characters of base58, with four bytes of the double SHA-256 behind the bytes: at most
 * EG_BASE58_MAX characters. @return how many bytes; 0: the checksum does not fit, or this build has
 * no SHA-256. */
enum { EG_BASE58_MAX = 128 };
EG_API size_t eg_base58_check(const uint8_t *p, size_t n, uint8_t out[EG_BASE58_MAX]);

/** Does the checksum of a bech32 text fit (BIP 173), of upper or lower case? */
EG_API bool eg_bech32_check(const uint8_t *p, size_t n);

#endif
