/* lsblk - disks, partitions, and what lies over and under them. */
#include "lsblk.h"
#include "../../core/base.h"
#include "../linux/fs/inode.h"
#include "../linux/fs/superblock.h"
#include "../linux/mm/swap.h"

EG_FIELD_AS_OF("btrfs", btrfs_disks, btrfs_fs_info, "fs_devices");
EG_FIELDS_OF("btrfs", btrfs_fs_devices, devices);
EG_FIELDS_OF("btrfs", btrfs_device, bdev, dev_list);
EG_TYPE_("btrfs", btrfs_fs_info);

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the block_device is, before Linux 5.11 the gendisk", EG_MINOR)          \
    C(NAME, TEXT, "the kernel's name")                                                             \
    C(MAJOR, INT, "number of its driver")                                                          \
    C(MINOR, INT, "its number there")                                                              \
    C(TYPE, TEXT, "disk, part, loop, rom, raid1, crypt, lvm")                                      \
    C(SIZE, INT, "bytes")                                                                          \
    C(START_SECTOR, INT, "of a partition: where it begins, in 512 bytes", EG_MINOR)                \
    C(READ_ONLY, BOOL, "it cannot be written to")                                                  \
    C(REMOVABLE, BOOL, "its medium can be taken out", EG_MINOR)                                    \
    C(FSTYPE, TEXT, "the mounted file system on it; swap")                                         \
    C(MOUNT_POINT, TEXT, "where that is mounted; [SWAP]")                                          \
    C(MAPPED_NAME, TEXT, "the name that device mapper knows it by", EG_MINOR)                      \
    C(BACKED_BY, TEXT, "the disk that a partition is of; the devices or the file below it")        \
    C(FILE_OFFSET, INT, "of a loop device: where in that file it begins", EG_MINOR)                \
    C(HOLDERS, TEXT, "the devices over it", EG_MINOR)                                              \
    C(UUID, TEXT, "the id that device mapper knows it by", EG_MINOR)                               \
    C(DM_TABLE, TEXT, "what device mapper makes it of, as `dmsetup table` shows it", EG_LIST)      \
    C(HINTS, TEXT, "autoclear, partscan, direct-io, limit, disks, connections", EG_MINOR)          \
    C(FOUND_BY, TEXT, "what leads to it: class, inode", EG_MINOR)
EG_COLUMNS(COLUMNS);

static const struct linux_blockdev *by_dev(const struct linux_blockdevs *all, uint32_t dev)
{
    const size_t at = eg_lower_bound(all->n, i, all->at[i].dev < dev);

    return at < all->n && all->at[at].dev == dev ? &all->at[at] : NULL;
}

static struct lsblk_below look(struct eg_run *r, const struct linux_blockdev *b)
{
    struct lsblk_below below = { .type = NULL };

    if (b->part || b->wrong)
        return below;
    if (!lsblk_dm(r, b, &below) && !lsblk_loop(r, b, &below) && !lsblk_md(r, b, &below))
        lsblk_nbd(r, b, &below);
    return below;
}

static const char *usual_type(const struct linux_blockdev *b)
{
    if (b->part)
        return "part";
    if (strncmp(b->name, "sr", 2) == 0)
        return "rom";
    return strncmp(b->name, "loop", 4) == 0 ? "loop" : "disk";
}

static const char *name_of(struct eg_run *r, const struct linux_blockdevs *all, uint32_t dev)
{
    const struct linux_blockdev *b = by_dev(all, dev);

    return b && *b->name ? b->name : eg_strf(r, "%u:%u", linux_major(dev), linux_minor(dev));
}

/** The devices below, by their names; the file below; of a partition its disk. */
static const char *backed_by(struct eg_run *r, const struct linux_blockdevs *all,
                             const struct linux_blockdev *b, const struct lsblk_below *below)
{
    const char *text = below->file;

    for (unsigned i = 0; i < below->n; i++)
        text =
            eg_strf(r, "%s%s%s", text ? text : "", text ? " " : "", name_of(r, all, below->dev[i]));
    for (size_t i = 0; b->part && !text && i < all->n; i++)
        if (all->at[i].disk == b->disk && !all->at[i].part)
            text = all->at[i].name;
    return text;
}

static const char *holders(struct eg_run *r, const struct linux_blockdevs *all,
                           const struct lsblk_below *below, uint32_t dev)
{
    const char *text = NULL;

    for (size_t i = 0; i < all->n; i++)
        for (unsigned k = 0; k < below[i].n; k++)
            if (below[i].dev[k] == dev)
                text = eg_strf(r, "%s%s%s", text ? text : "", text ? " " : "", all->at[i].name);
    return text;
}

static bool is_swap(struct eg_run *r, const struct linux_blockdev *b)
{
    const struct linux_swap *swap = linux_swap(r);
    uint32_t dev;

    for (unsigned i = 0; swap && i < swap->n; i++)
        if (swap->device[i].info && swap->device[i].block &&
            eg_get(&dev, eg_object(r, swap_info_struct, swap->device[i].info),
                   swap_info_struct.bdev, bdev_dev) &&
            dev == b->dev)
            return true;
    return false;
}

/** btrfs keeps its disks in a list of its own; its super block names none. */
static bool is_of_btrfs(struct eg_run *r, struct eg_obj sb, uint64_t bdev)
{
    const char *type = eg_string(r, eg_at(sb, super_block.s_type, file_system_type.name), 8);
    struct eg_obj info, device;
    uint64_t own;

    if (!type || strcmp(type, "btrfs") != 0 || !eg_has(r, btrfs_disks))
        return false;
    info = eg_cast(eg_at(sb, super_block.s_fs_info), btrfs_fs_info);
    eg_each_list(device, eg_at(eg_deref(eg_at(info, btrfs_disks)), btrfs_fs_devices.devices),
                 btrfs_device.dev_list)
        if (eg_get(&own, device, btrfs_device.bdev) && own == bdev)
            return true;
    return false;
}

/** The file system on it; bad: none that is mounted. */
static struct eg_obj file_system(struct eg_run *r, const struct linux_blockdev *b)
{
    struct eg_obj sb, found = { .why = EG_NULL };
    uint64_t bdev;
    uint32_t dev;

    linux_each_superblock(r, sb)
    {
        if ((!b->no_dev && eg_get(&dev, sb, super_block.s_dev) && dev == b->dev) ||
            (b->bdev && eg_get(&bdev, sb, super_block.s_bdev) && bdev == b->bdev) ||
            (b->bdev && is_of_btrfs(r, sb, b->bdev)))
            found = sb;
    }
    return found;
}

static void show(struct eg_run *r, const struct linux_blockdevs *all,
                 const struct lsblk_below *below, size_t i)
{
    const struct linux_blockdev *b = &all->at[i];
    const bool swap = is_swap(r, b);
    struct eg_obj sb = file_system(r, b);
    const struct eg_cell unread = eg_missing(EG_UNREADABLE, b->disk);
    struct eg_cell file = eg_text(backed_by(r, all, b, &below[i]));

    if (below[i].is_file && !below[i].file)
        file = unread;
    eg_row(r, .OFFSET = b->bdev || b->disk ? eg_uint(b->bdev ? b->bdev : b->disk) : unread,
           .NAME = *b->name ? eg_text(b->name) : eg_missing(EG_UNREADABLE, b->disk),
           .MAJOR = b->no_dev ? unread : eg_uint(linux_major(b->dev)),
           .MINOR = b->no_dev ? unread : eg_uint(linux_minor(b->dev)),
           .TYPE = b->no_part ? unread : eg_text(below[i].type ? below[i].type : usual_type(b)),
           .SIZE = b->sectors <= UINT64_MAX / 512 ? eg_uint(b->sectors * 512)
                                                  : eg_missing(EG_BAD_VALUE, b->disk),
           .START_SECTOR = b->part ? eg_uint(b->start) : (struct eg_cell){ 0 },
           .READ_ONLY = eg_uint(b->read_only), .REMOVABLE = eg_uint(b->removable),
           .FSTYPE = swap     ? eg_text("swap")
                     : sb.why ? (struct eg_cell){ 0 }
                              : linux_superblock_type(r, sb),
           .MOUNT_POINT = swap     ? eg_text("[SWAP]")
                          : sb.why ? (struct eg_cell){ 0 }
                                   : eg_text(linux_superblock_where(r, sb)),
           .MAPPED_NAME = eg_text(below[i].name), .BACKED_BY = file,
           .FILE_OFFSET = below[i].is_file ? eg_uint(below[i].offset) : (struct eg_cell){ 0 },
           .HOLDERS = eg_text(holders(r, all, below, b->dev)), .UUID = eg_text(below[i].uuid),
           .DM_TABLE = eg_text(below[i].table), .HINTS = eg_text(below[i].hints),
           .FOUND_BY = eg_text(eg_bits_text(r, linux_blockdev_from_names, b->from, " ")));
}

static int run(struct eg_run *r)
{
    enum { SHOWN_MAX = 1 << 12 }; // each is compared with each
    const struct linux_blockdevs *all = linux_blockdevs(r);
    struct linux_blockdevs some;
    struct lsblk_below *below;

    if (!all)
        return 0;
    some = (struct linux_blockdevs){ all->at, EG_MIN(all->n, SHOWN_MAX) };
    if (some.n < all->n)
        eg_note(r, "%zu block devices: the first %zu are shown", all->n, some.n);
    below = eg_tmp(r, (some.n + 1) * sizeof *below);
    for (size_t i = 0; i < some.n; i++)
        below[i] = look(r, &some.at[i]);
    for (size_t i = 0; i < some.n && !eg_stopped(r); i++) {
        if (some.at[i].wrong)
            eg_note(r, "the block device %u:%u: %s cannot be read", linux_major(some.at[i].dev),
                    linux_minor(some.at[i].dev), some.at[i].wrong);
        show(r, &some, below, i);
    }
    return 0;
}

EG_PLUGIN(lsblk) = {
    .os = "linux",
    .help = "List disks and partitions, with what they are made of and what is on them",
    .manual =
        "As lsblk, losetup and dmsetup together. Disks and partitions come from the device class "
        "\"block\" and from the inodes of block devices: one that is in a single way (FOUND_BY) "
        "was "
        "not opened yet, or was taken out of a list. DM_TABLE has zeros in place of keys; `; ` "
        "stands between the lines of a table, `...` for what only the target's own module can "
        "read. "
        "File systems are those that are mounted; what is on others is on the disk alone.",
    .aliases = EG_NAMES("linux.lsblk.LsBlk", "dmsetup", "losetup", "blkid"),
    .columns = columns,
    .needs = EG_NEEDS(bdev_disk),
    .uses = EG_NAMES("superblocks"),
    .run = run,
};
