/** sectors.h - sectors that dm-crypt encrypted, decrypted by libcrypto (drivers/md/dm-crypt.c). */
#ifndef KEYS_SECTORS_H
#define KEYS_SECTORS_H

#include "../../core/base.h"
#include "../../core/engram.h"

struct eg_sectors_how {
    const char *cipher; /**< as in a table: "aes-xts-plain64", "capi:xts(aes)-plain64" */
    const uint8_t *key;
    size_t key_size;
    uint32_t sector_size; /**< 512 to 4096 */
    uint64_t iv_offset;   /**< in 512 bytes */
    bool iv_large;        /**< sectors are counted in their own size */
};
/** What one thread needs to decrypt. */
struct eg_sectors;
/** NULL: *@why says, in words, why this cannot be decrypted. */
EG_API struct eg_sectors *eg_sectors_open(const struct eg_sectors_how *how, const char **why);
EG_API void eg_sectors_close(struct eg_sectors *s); /**< NULL-safe */
/** Decrypt one sector. @sector: its number in the volume, in 512 bytes. @return false: libcrypto
 * refused. */
EG_API bool eg_sectors_decrypt(struct eg_sectors *s, uint64_t sector, const uint8_t *in,
                               uint8_t *out);

/** What a volume's plain text begins with: "ext4", "LUKS", "swap"; NULL: nothing that is known.
 * @bytes: its first @len bytes. What says it cannot be chance: 4 bytes and more. */
EG_API const char *eg_volume_content(const uint8_t *bytes, size_t len);
enum { EG_VOLUME_CONTENT_LEN = 72 << 10 };

#endif
