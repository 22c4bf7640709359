/** x509.h - certificates (RFC 5280), as libcrypto reads them. */
#ifndef KEYS_X509_H
#define KEYS_X509_H

#include "der.h"

enum eg_certificate_form { CERTIFICATE_DER, CERTIFICATE_PEM };
/** How many bytes at @p, of which @len can be read, have the outer form of a certificate; 0: they
 * have not, or it is not whole. */
EG_API size_t eg_certificate_size(enum eg_certificate_form form, const uint8_t *p, size_t len);

struct eg_certificate {
    char subject[512], issuer[512], serial[64], names[512];
    char algorithm[32]; /**< of its public key: "RSA-2048", "EC P-256" */
    int64_t from, to;   /**< seconds since 1970 */
    bool authority;     /**< it may sign others */
    bool own;           /**< its own key has signed it */
    uint8_t sum[32];    /**< SHA-256 of its DER */
    uint8_t key[32];    /**< of its SubjectPublicKeyInfo */
    char pem[2 * KEY_MAX];
};
/** @p has the @len bytes that eg_certificate_size() measured. @return false: it is none. */
EG_API bool eg_certificate_read(enum eg_certificate_form form, const uint8_t *p, size_t len,
                                struct eg_certificate *out);
/** The digest of the public key of a private one, as PKCS#8; to compare with a certificate's. */
EG_API bool eg_certificate_key(const uint8_t *der, size_t len, uint8_t out[32]);

#endif
