/* fingerprint.c - what a key is told by without being shown. */
#include "fingerprint.h"
#include "../../core/digest.h"
#include <inttypes.h>

const char *eg_key_fingerprint(struct eg_run *r, const void *key, size_t len)
{
    struct eg_digest *d = eg_digest_open(1u << EG_SHA256);
    struct eg_sums sums;
    const bool good =
        d && eg_digest_begin(d) && eg_digest_add(d, key, len) && eg_digest_end(d, &sums);

    eg_digest_close(d);
    return good ? eg_strf(r, "%016" PRIx64, eg_be64(sums.of[EG_SHA256])) : NULL;
}
