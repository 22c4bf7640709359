/** ike.h - encrypted messages of IKEv2 (RFC 7296, 3.1 and 3.14), and whether keys are theirs. */
#ifndef KEYS_IKE_H
#define KEYS_IKE_H

#include "../../core/base.h"
#include "../../core/view.h"

enum {
    IKE_SPIS = 16, /**< the initiator's and the responder's, with which a message begins */
    IKE_HEAD = 32, /**< of a message and of its encrypted payload: what is authenticated only */
    IKE_MESSAGE_MAX = 1 << 13,
    IKE_SALT = 4,
};

/** Does a message begin at @p whose only payload is an encrypted one? All but the SPIs is looked
 * at: an allocator writes over those of a message that was freed. @return its length, which may be
 * more than @room; 0: it is none. */
EG_API size_t eg_ike_message(const uint8_t *p, size_t room);
/** Is it of the one that began the connection? */
static inline bool eg_ike_is_initiators(const uint8_t *p)
{
    return (p[19] & 8) != 0;
}

/** What follows of a whole message: does HMAC with this key authenticate it? @return bytes of the
 * checksum: 12 of SHA-1 (a key of 20), 16 of SHA-256, 24 of SHA-384, 32 of SHA-512; 0: no. */
EG_API size_t eg_ike_mac(const uint8_t *p, size_t len, const uint8_t *key, size_t key_len);
/** Does AES-GCM with this key open it? */
EG_API bool eg_ike_gcm(const uint8_t *p, size_t len, const uint8_t *key, size_t key_len,
                       const uint8_t salt[IKE_SALT]);
/** What AES makes of zeros with this key: GCM's subkey. @return false: no key of 16 or 32 bytes. */
EG_API bool eg_ike_subkey(const uint8_t *key, size_t key_len, uint8_t out[16]);
/** Does AES-CBC with this key open it, with a checksum of @mac bytes? @return how many payloads
 * are in it; -1: no. Of a message that is empty (0) the last byte alone says so. */
EG_API int eg_ike_cbc(const uint8_t *p, size_t len, size_t mac, const uint8_t *key, size_t key_len);

#endif
