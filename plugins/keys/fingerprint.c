/* fingerprint.c - see fingerprint.h. */
#include "fingerprint.h"
#include "../../core/base.h"
#include "../../core/digest.h"

const char *eg_key_fingerprint(struct eg_run *r, const uint8_t *key, size_t size)
{
    struct eg_digest *d = eg_digest_open(1u << EG_SHA256);
    struct eg_sums sums;
    const bool good =
        d && eg_digest_begin(d) && eg_digest_add(d, key, size) && eg_digest_end(d, &sums);

    eg_digest_close(d);
    return good ? eg_strf(r, "%016llx", (unsigned long long)eg_be64(sums.of[EG_SHA256])) : NULL;
}
