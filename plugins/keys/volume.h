/** volume.h - encrypted volumes that are open (dm-crypt), their keys, and how those are proven. */
#ifndef KEYS_VOLUME_H
#define KEYS_VOLUME_H

#include "../linux/own/dm.h"
#include "luks.h"
#include "sectors.h"
#include "tfm.h"
#include "volume_disk.h"

/** A part of a volume's key. */
struct eg_volume_part {
    const char *purpose; /**< "cipher key", "integrity key", "IV seed", "whitening", "ESSIV key" */
    const uint8_t *key;
    uint32_t size;
    const char *algorithm; /**< NULL: the volume's */
    const char *proof;     /**< NULL: there is none */
    bool is_computed;      /**< it is no part of the volume's key, but follows from it */
};
enum { VOLUME_PARTS_MAX = 5 };

struct eg_volume {
    struct eg_run *r;
    struct eg_volume_work *work;
    const struct linux_blockdev *b, *below; /**< @below: with the encrypted data; NULL: not known */
    const char *backed_by;                  /**< its name, or its numbers; NULL: cannot be read */
    struct linux_dm dm;
    struct linux_dm_target t;
    struct linux_dm_crypt c;
    struct eg_tfm_keys made; /**< keys that its cipher has expanded */
    uint32_t cipher_size;    /**< of the key: without what signs and what makes vectors */
    uint32_t extra_size, mac_size;
    uint32_t ciphers; /**< how many share the key */
    uint8_t key[LINUX_DM_KEY_MAX];
    uint32_t has; /**< bytes of @key that are known, from the first: all, those of the cipher, 0 */
    uint64_t at;  /**< where they are; 0: put together */
    const char *from;     /**< "crypt_config", "schedule", "context"; NULL: there is no key */
    const char *verified; /**< words of all proofs, with commas; NULL: there is none */
    const char *hints;
    struct eg_volume_disk disk;
    struct eg_luks luks; /**< the header that was read last */
    const char *why_no_header;
    bool refused; /**< that header has the digest of another key */
};
static inline bool eg_volume_has_all(const struct eg_volume *v)
{
    return v->has && v->has == v->c.key_size;
}

/** Each volume, with its key and the proofs. @v is @each's until it returns. */
typedef void eg_volume_fn(void *context, struct eg_volume *v);
EG_API void eg_volumes(struct eg_run *r, eg_volume_fn *each, void *context);

/** "LUKS1", "LUKS2", "plain", "TCRYPT", … by what cryptsetup called it; NULL: it does not say. */
const char *eg_volume_format(const struct eg_volume *v);
/** The parts of a key that has some. @return how many. */
size_t eg_volume_parts(struct eg_volume *v, struct eg_volume_part *out);
/** The line of a table of device mapper that opens it again, with its key. */
const char *eg_volume_table(const struct eg_volume *v);

struct eg_sectors_how eg_volume_how(const struct eg_volume *v);
/** What the volume begins with, as eg_volume_content() has it. */
const char *eg_volume_begins(const struct eg_volume *v, const struct eg_volume_source *s,
                             struct eg_sectors *sectors);

/** For volume.c: add proofs to @v.verified. volume_proof.c */
void eg_volume_prove(struct eg_volume *v);
void eg_volume_proven(struct eg_volume *v, const char *how);

#endif
