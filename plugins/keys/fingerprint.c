/* fingerprint.c - what a key is told by without being shown. */
#include "fingerprint.h"
#include "../../core/base.h"
#include "crypto.h"
#include <inttypes.h>

const char *eg_key_fingerprint(struct eg_run *r, const void *key, size_t len)
{
    uint8_t sum[CRYPTO_DIGEST_MAX];

    return eg_crypto_digest("sha256", key, len, sum) ? eg_strf(r, "%016" PRIx64, eg_be64(sum))
                                                     : NULL;
}
