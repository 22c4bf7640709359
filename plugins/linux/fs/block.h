/** fs/block.h - disks and partitions (block/genhd.c, block/bdev.c). */
#ifndef EG_LINUX_BLOCK_H
#define EG_LINUX_BLOCK_H

#include "../../../core/engram.h"

EG_FIELD_AS(bdev_dev, block_device, "bd_dev");
EG_FIELD_AS(bdev_disk, block_device, "bd_disk");
EG_TYPE(block_device);
EG_TYPE(gendisk);

enum linux_blockdev_from {    // bits
    LINUX_BLOCKDEV_CLASS = 1, /**< the devices of the class "block" */
    LINUX_BLOCKDEV_INODE = 2, /**< an inode of the file system bdev */
};
extern const struct eg_constant linux_blockdev_from_names[];
struct linux_blockdev {
    uint64_t disk;           /**< struct gendisk */
    uint64_t bdev;           /**< struct block_device; 0: nobody opened it (before 5.11) */
    uint64_t start, sectors; /**< in units of 512 bytes */
    uint32_t dev, part;      /**< dev_t; number of the partition, 0: the disk */
    bool read_only, removable;
    bool no_dev, no_part; /**< @dev, @part cannot be read */
    unsigned from;        /**< enum linux_blockdev_from */
    const char *wrong;    /**< what of it cannot be read; NULL: nothing */
    char name[32 + 12];   /**< "sda1", "nvme0n1p2" */
};
/** Sorted by their numbers. Kept by the system; NULL: the run was stopped, or failed. */
struct linux_blockdevs {
    const struct linux_blockdev *at;
    size_t n;
};
EG_API const struct linux_blockdevs *linux_blockdevs(struct eg_run *r);

#endif
