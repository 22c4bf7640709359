/** files/lsblk.h - what is below a block device: device mapper, md, loop, nbd; for lsblk.c. */
#ifndef EG_LSBLK_H
#define EG_LSBLK_H

#include "../linux/fs/block.h"

enum { LSBLK_BELOW_MAX = 64 };
struct lsblk_below {
    const char *type;  /**< as lsblk names it: "crypt", "raid1"; NULL: the usual */
    const char *name;  /**< that the driver gives it: "lab-crypt"; NULL: none */
    const char *table; /**< of device mapper, as `dmsetup table` shows it; NULL: none */
    const char *uuid, *file, *hints;
    uint64_t offset; /**< in @file */
    uint32_t dev[LSBLK_BELOW_MAX];
    unsigned n; /**< devices below it */
    bool is_file;
};

/** Each: is it a device of this driver, and can it be read? Then @out is filled. */
bool lsblk_dm(struct eg_run *r, const struct linux_blockdev *b, struct lsblk_below *out);
bool lsblk_md(struct eg_run *r, const struct linux_blockdev *b, struct lsblk_below *out);
bool lsblk_loop(struct eg_run *r, const struct linux_blockdev *b, struct lsblk_below *out);
bool lsblk_nbd(struct eg_run *r, const struct linux_blockdev *b, struct lsblk_below *out);

#endif
