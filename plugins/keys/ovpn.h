/** ovpn.h - the keys of OpenVPN's data channel, as they follow from TLS's secrets, and the files of
 * its static keys.
 *
 *  Since 2.6 both ends ask TLS's exporter for 256 bytes (struct key2): for each direction 64 of
 * which the cipher's key is the beginning, and 64 for an HMAC, of which an AEAD takes 8 as the end
 * of its nonces. Since 2.7 the first 32 of a direction can be a secret instead, from which the keys
 * of its epochs follow one after the other. */
#ifndef KEYS_OVPN_H
#define KEYS_OVPN_H

#include "../../core/base.h"
#include "../../core/view.h"

enum {
    OVPN_KEYS = 256, /**< of both directions: that of the client's packets is first */
    OVPN_KEY = 128,
    OVPN_CIPHER = 64, /**< bytes for the cipher; those for the HMAC are behind */
    OVPN_EPOCH = 32,
    OVPN_KEY_MAX = 1536,  /**< of a file */
    OVPN_FILE_MAX = 4096, /**< bytes of its text */
};

/** By TLS 1.3's exporter secret of @hash bytes; by TLS 1.2's master secret of 48 and both randoms.
 * @return false: this build has no libcrypto. */
EG_API bool eg_ovpn_export13(size_t hash, const uint8_t *exporter, uint8_t out[OVPN_KEYS]);
EG_API bool eg_ovpn_export12(size_t hash, const uint8_t *master, const uint8_t *client,
                             const uint8_t *server, uint8_t out[OVPN_KEYS]);
/** What follows from the secret of an epoch: "data_key", "data_iv", "datakey upd" (the next
 * epoch's secret). @len: at most 32. */
EG_API bool eg_ovpn_epoch(const uint8_t secret[OVPN_EPOCH], const char *label, uint8_t *out,
                          size_t len);

enum eg_ovpn_sort { OVPN_STATIC, OVPN_V2_SERVER, OVPN_V2_CLIENT, OVPN_SORTS };
struct eg_ovpn_file {
    enum eg_ovpn_sort sort;
    size_t text; /**< bytes of the file's text, from its first line to its last */
    size_t len;  /**< bytes of the key */
    uint8_t key[OVPN_KEY_MAX];
};
/** Does the text of a whole key begin at @p? */
EG_API bool eg_ovpn_file(const uint8_t *p, size_t len, struct eg_ovpn_file *out);

#endif
