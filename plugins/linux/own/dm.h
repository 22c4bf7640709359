/** own/dm.h - device mapper: names, tables and targets of its devices (drivers/md/dm*.c), and what
 * its target "crypt" knows.
 *
 *  Types of modules are in memory since Linux 5.11; before, the layouts are those of 5.10. A device
 * is believed when its mapped_device names the disk, and its table the mapped_device. */
#ifndef EG_LINUX_DM_H
#define EG_LINUX_DM_H

#include "../fs/block.h"
#include "../mm/place.h"

/** A member of the kernel's struct at @at; then its offset and size in 5.10. */
#define linux_dm_get(r, at, out, field, ...)                                                       \
    linux_dm_get_((r), (at), linux_place((r), field, __VA_ARGS__), (out))
bool linux_dm_get_(struct eg_run *r, uint64_t at, struct linux_place p, uint64_t *out);
/** Text of at most 511 bytes; NULL: there is none. */
const char *linux_dm_text(struct eg_run *r, uint64_t at);

struct linux_dm {
    uint64_t table, targets; /**< struct dm_table, its targets; 0: none is loaded */
    uint32_t n;              /**< targets */
    const char *name, *uuid; /**< NULL: none */
    bool is_bad;             /**< its table cannot be read */
};
/** @return false: @b is not of device mapper. */
bool linux_dm(struct eg_run *r, const struct linux_blockdev *b, struct linux_dm *out);

struct linux_dm_target {
    uint64_t at, begin, len, own; /**< @begin, @len: sectors; @own: struct of its kind */
    const char *kind;             /**< "linear", "crypt" */
};
bool linux_dm_target(struct eg_run *r, const struct linux_dm *dm, uint32_t i,
                     struct linux_dm_target *out);
/** The number of the device of a struct dm_dev. */
bool linux_dm_dev(struct eg_run *r, uint64_t at, uint32_t *dev);

enum { LINUX_DM_KEY_MAX = 4096 };
struct linux_dm_crypt {
    uint64_t at, dev;          /**< struct crypt_config, struct dm_dev */
    uint64_t start, iv_offset; /**< sectors */
    uint64_t flags;            /**< enum linux_dm_crypt_flag */
    uint32_t key_size, sector_size;
    const char *cipher;
    const char *key_string; /**< the name of its key in a keyring; NULL: none */
    const char *options;    /**< of the table: " 1 allow_discards"; "": none */
};
enum linux_dm_crypt_flag { // bits
    LINUX_DM_CRYPT_SUSPENDED = 1,
    LINUX_DM_CRYPT_KEY_VALID = 2,
    LINUX_DM_CRYPT_SAME_CPU = 4,
    LINUX_DM_CRYPT_HIGH_PRIORITY = 8,
    LINUX_DM_CRYPT_NO_OFFLOAD = 16,
    LINUX_DM_CRYPT_NO_READ_WORKQUEUE = 32,
    LINUX_DM_CRYPT_NO_WRITE_WORKQUEUE = 64,
    LINUX_DM_CRYPT_AEAD = 128,
    LINUX_DM_CRYPT_IV_LARGE_SECTORS = 256,
};
extern const struct eg_constant linux_dm_crypt_flags[];
bool linux_dm_crypt(struct eg_run *r, const struct linux_dm_target *t, struct linux_dm_crypt *out);
/** What stands behind "crypt" in a line of `dmsetup table`. */
const char *linux_dm_crypt_text(struct eg_run *r, const struct linux_dm_crypt *c, const char *key,
                                const char *device);

#endif
