/** forms.h - the forms of private keys: how long one is; and those of PuTTY and OpenPGP programs,
 * taken apart. */
#ifndef KEYS_FORMS_H
#define KEYS_FORMS_H

#include "encode.h"

enum eg_key_form { KEY_PEM, KEY_DER, KEY_OPENSSH, KEY_PUTTY, KEY_PGP };
/** How many bytes at @p, of which @len can be read, have the outer form of a private key; 0: they
 * have not, or it is not whole. */
EG_API size_t eg_key_size(enum eg_key_form form, const uint8_t *p, size_t len);

/** Is it PKCS#8's EncryptedPrivateKeyInfo? */
EG_API bool eg_pkcs8_encrypted(struct eg_key_bytes der);
/** A key of PKCS#8 as its first version has it, in @room: without the attributes and the public key
 * that RFC 5958 added, which libcrypto does not read everywhere. Anything else as it is. */
EG_API struct eg_key_bytes eg_pkcs8_plain(struct eg_key_bytes der, struct eg_key_buf *room);

/** The bytes of base64 in @text, in which ends of lines may stand; @out has @size bytes.
 * @return false: it is none, or has no room. */
EG_API bool eg_base64(struct eg_key_bytes text, uint8_t *out, size_t size, size_t *n);

/** A .ppk file (PuTTY's manual, appendix C), version 2 or 3. */
struct eg_putty {
    unsigned version;
    struct eg_key_bytes type, encryption, comment;
    uint8_t public[4096], private[4096]; /**< as SSH sends it; its other numbers, each a string */
    size_t n_public, n_private;
    uint8_t mac[32];
    size_t n_mac;
    size_t size; /**< of the text */
};
EG_API bool eg_putty_read(const uint8_t *p, size_t len, struct eg_putty *out);
/** A key that is not encrypted, as OpenSSH lists its parts: they point into @from and @room.
 * @return false: the parts are not those of its type, or its checksum is wrong. */
EG_API bool eg_putty_key(const struct eg_putty *from, struct eg_key_buf *room,
                         struct eg_openssh *out);

/** A block "PGP PRIVATE KEY BLOCK" (RFC 4880 and 9580). */
EG_API size_t eg_pgp_size(const uint8_t *p, size_t len);
struct eg_pgp {
    uint8_t bytes[KEY_MAX]; /**< what the armour has */
    size_t n;
};
EG_API bool eg_pgp_read(const uint8_t *p, size_t len, struct eg_pgp *out);
/** Its first key. @encrypted: a passphrase is needed. @algorithm is a text of ours, of what is no
 * SSH key too; @type of @out is empty then. */
EG_API bool eg_pgp_key(const struct eg_pgp *from, struct eg_key_buf *room, struct eg_openssh *out,
                       const char **algorithm);

enum {
    EG_KEY_BITS_MAX = 16384, /**< of RSA's and DSA's modulus */
    EG_DSA_ORDER_MAX = 512,  /**< of DSA's exponents; FIPS 186-4 has at most 256 */
};
/** May libcrypto be asked what this is? Of PKCS#8 with DSA and Diffie-Hellman it computes the
 * public key, however large the numbers are. @return false: it is no private key in DER, of others
 * than we read, or too large. */
bool eg_key_der_bounded(struct eg_key_bytes der);

#endif
