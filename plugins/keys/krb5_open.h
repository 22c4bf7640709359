/** krb5_open.h - does a server's key open a ticket? Its ciphertext has a keyed digest, so that no
 * other key does (RFC 3961, 3962; libcrypto). */
#ifndef KEYS_KRB5_OPEN_H
#define KEYS_KRB5_OPEN_H

#include "krb5.h"

enum { EG_KRB5_TICKET_MAX = 1 << 13, EG_KRB5_KEY_MAX = 32 };
/** @key: @len bytes of encryption type @type: aes128-cts-hmac-sha1-96 or aes256-cts-hmac-sha1-96.
 * @session: the session key that the ticket has, @session_len bytes of it. @return false: it does
 * not open it, or is of another type, or this build has no libcrypto. */
EG_API bool eg_krb5_open(uint16_t type, const uint8_t *key, size_t len, struct eg_key_bytes ticket,
                         uint8_t session[EG_KRB5_KEY_MAX], size_t *session_len);

#endif
