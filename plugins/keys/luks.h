/** luks.h - headers of LUKS1 and LUKS2, as far as they say which volume key is the right one: its
 * digests (the LUKS On-Disk Format Specifications, 1.2.3 and LUKS2 1.1.3). */
#ifndef KEYS_LUKS_H
#define KEYS_LUKS_H

#include "../../core/base.h"
#include "../../core/engram.h"

enum {
    LUKS_DIGESTS_MAX = 8,
    LUKS_HEADER_MAX = 4 << 20,      /**< of LUKS2, with its JSON */
    LUKS_ITERATIONS_MAX = 10000000, /**< of one digest: some seconds of work */
};
struct eg_luks_digest {
    char hash[32];
    uint64_t iterations;
    uint8_t salt[64], digest[64];
    size_t salt_len, digest_len;
};
struct eg_luks {
    unsigned version; /**< 1 or 2 */
    char uuid[41];
    uint32_t key_size; /**< bytes; 0: it is not said */
    bool checked;      /**< LUKS2: the header's own checksum is right */
    bool second;       /**< LUKS2: it is the second copy */
    struct eg_luks_digest digest[LUKS_DIGESTS_MAX];
    size_t n;
};

/** Read bytes of a disk. @return false: they are not there. */
typedef bool eg_luks_bytes(void *context, uint64_t at, void *to, size_t len);
/** The header at the beginning of a disk; of the two copies of LUKS2 the one whose checksum is
 * right. NULL: read; else why it could not be, in words. */
EG_API const char *eg_luks_read(eg_luks_bytes *bytes, void *context, struct eg_luks *out);

enum eg_luks_answer { LUKS_NO, LUKS_YES, LUKS_TOO_LONG, LUKS_NO_HASH };
/** Is this the volume key? Computed by libcrypto; LUKS_NO_HASH: it cannot compute that hash, or
 * this build has no libcrypto. @work: iterations that may still be done. */
EG_API enum eg_luks_answer eg_luks_is_key(const struct eg_luks *l, const void *key, size_t len,
                                          uint64_t *work);

/** For luks.c: the digests in the JSON of LUKS2. @return false: it is no JSON, has none, or this
 * build reads no JSON. */
bool eg_luks_json(const char *text, size_t len, struct eg_luks *out);
bool eg_luks_has_json(void);

#endif
