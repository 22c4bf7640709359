/** jwk.h - private keys as JSON Web Keys (RFC 7517, 8037), and as PEM that is in base64 once more,
 * as kubeconfig files have it. */
#ifndef KEYS_JWK_H
#define KEYS_JWK_H

#include "der.h"

enum { EG_JWK_MAX = 8192 };

/** The object around @at, where its member "kty" begins: @return its length, 0: it is none, or not
 * a private one; @begin: where in @p. */
EG_API size_t eg_jwk_form(const uint8_t *p, size_t n, size_t at, size_t *begin);

struct eg_jwk {
    char type[16], curve[16]; /**< "EC", "P-256" */
    char name[64];            /**< its kid */
    const char *proof;        /**< NULL: nothing could be computed */
};
/** @return false: it is none, or its parts do not belong together. */
EG_API bool eg_jwk_read(const uint8_t *p, size_t n, struct eg_jwk *out);

/** PEM in base64 that begins here: how many characters of it; 0: none. */
EG_API size_t eg_pem64_form(const uint8_t *p, size_t n);

#endif
