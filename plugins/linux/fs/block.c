/* block.c - disks and partitions: a block_device each since 5.11, before an hd_struct each and a
 * block_device of those that are open. */
#include "block.h"
#include "../../../core/cache.h"
#include "../../../core/map.h"
#include "../../../core/run.h"
#include "inode.h"
#include "superblock.h"
#include <stdio.h>
#include <stdlib.h>

EG_FIELD_AS(disk_name_of, gendisk, "disk_name");
EG_FIELD_AS(disk_flags, gendisk, "flags");
EG_FIELD_AS(disk_state, gendisk, "state");
EG_FIELD_AS(disk_part0, gendisk, "part0");
EG_FIELD_AS(bdev_bits, block_device, "__bd_flags.counter"); // since 6.10
EG_FIELD_AS(bdev_part, block_device, "bd_partno");
EG_FIELD_AS(bdev_ro, block_device, "bd_read_only");
EG_FIELD_AS(bdev_start, block_device, "bd_start_sect");
EG_FIELD_AS(bdev_sectors, block_device, "bd_nr_sectors"); // since 5.16
EG_FIELD_AS(bdev_device, block_device, "bd_device");      // since 5.11
EG_FIELD_AS(bdev_hd, block_device, "bd_part");            // before
EG_FIELDS(hd_struct, __dev, nr_sects, partno, policy, start_sect);
EG_FIELD_AS(bdev_of_inode, bdev_inode, "bdev");
EG_FIELD_AS(inode_of_bdev, bdev_inode, "vfs_inode");
EG_FIELD_AS(device_devt, device, "devt");
EG_FIELD_AS(device_parent, device, "parent");
EG_FIELD_AS(class_private, class, "p"); // until 6.3
EG_FIELD_AS(subsys_devices, subsys_private, "klist_devices.k_list");
EG_FIELD_AS(subsys_class, subsys_private, "class");
EG_FIELD_AS(subsys_kobj, subsys_private, "subsys.kobj");
EG_FIELD_AS(device_node, device_private, "knode_class.n_node");
EG_FIELD_AS(device_of, device_private, "device");
EG_FIELD_AS(kset_list, kset, "list");
EG_FIELD_AS(kobject_entry, kobject, "entry");
EG_SYMBOL(block_class, "class");
EG_SYMBOL(class_kset, "kset *");

enum {
    GENHD_REMOVABLE = 1,
    GD_READ_ONLY = 2, // gendisk.state, since 5.13
    BD_PARTNO = 0xff, // block_device.__bd_flags (include/linux/blk_types.h)
    BD_READ_ONLY = 0x100,
    DEVICES_MAX = 1 << 20, // a dev_t has so many of a driver
};

const struct eg_constant linux_blockdev_from_names[] = {
    { "class", LINUX_BLOCKDEV_CLASS },
    { "inode", LINUX_BLOCKDEV_INODE },
    { NULL, 0 },
};

struct kept {
    struct linux_blockdevs out;
    EG_VEC(struct linux_blockdev) all;
    struct eg_map of; /**< block_device, before 5.11 hd_struct → its number in all */
    bool failed;
};

/** The kernel's rule (block/genhd.c, bdevname): a name that ends in a digit gets a p. */
static void make_name(struct eg_run *r, struct linux_blockdev *b)
{
    struct eg_obj disk = eg_object(r, gendisk, b->disk);
    const char *name = eg_string(r, eg_at(disk, disk_name_of), 32);
    const size_t n = name ? strlen(name) : 0;

    if (b->no_part)
        b->wrong = "the number of its partition";
    else if (!n)
        b->wrong = "the name of its disk";
    else if (b->part)
        snprintf(b->name, sizeof b->name, "%.31s%s%u", name,
                 name[n - 1] >= '0' && name[n - 1] <= '9' ? "p" : "", b->part);
    else
        snprintf(b->name, sizeof b->name, "%.31s", name);
    b->removable = eg_get_or(0u, disk, disk_flags) & GENHD_REMOVABLE;
    if (eg_get_or((uint64_t)0, disk, disk_state) & GD_READ_ONLY && !eg_has_type(r, hd_struct))
        b->read_only |= !b->part;
}

static struct linux_blockdev *add(struct kept *k, uint64_t key, unsigned from)
{
    struct linux_blockdev *new;
    uint64_t i;

    if (eg_map_get(&k->of, key, &i)) {
        k->all.at[i].from |= from;
        return NULL;
    }
    if (k->all.n == DEVICES_MAX)
        return NULL;
    new = eg_vec_push(&k->all);
    if (!new || eg_map_add(&k->of, key, k->all.n - 1) < 0) {
        k->failed = true;
        return NULL;
    }
    new->from = from;
    return new;
}

/** Since 5.11. */
static void take_bdev(struct eg_run *r, struct kept *k, struct eg_obj bdev, unsigned from)
{
    const struct eg_slot *in = eg_slot(r, eg_f_bdev_of_inode.id);
    struct linux_blockdev *b;
    uint64_t disk;
    uint32_t dev, bits = 0;

    // The root of the file system bdev has a block_device of nothing.
    if (!eg_get(&disk, bdev, bdev_disk) || !disk || !eg_get(&dev, bdev, bdev_dev) ||
        !(b = add(k, bdev.addr, from)))
        return;
    b->disk = disk;
    b->bdev = bdev.addr;
    b->dev = dev;
    if (eg_get(&bits, bdev, bdev_bits)) {
        b->part = bits & BD_PARTNO;
        b->read_only = bits & BD_READ_ONLY;
    } else {
        if (!eg_get(&b->part, bdev, bdev_part))
            b->no_part = true;
        b->read_only = eg_get_or(0u, bdev, bdev_ro);
    }
    b->start = eg_get_or((uint64_t)0, bdev, bdev_start);
    if (!eg_get(&b->sectors, bdev, bdev_sectors)) {
        // Its inode lies behind it.
        struct eg_obj inode =
            eg_object(r, inode, bdev.addr - in->off + eg_slot(r, eg_f_inode_of_bdev.id)->off);

        if (in->kind && eg_get(&b->sectors, inode, inode.i_size))
            b->sectors /= 512;
        else
            b->wrong = "its size";
    }
    make_name(r, b);
}

/** Before. @bdev: bad when nobody opened it. */
static void take_hd(struct eg_run *r, struct kept *k, struct eg_obj hd, struct eg_obj bdev,
                    unsigned from)
{
    struct eg_obj device = eg_at(hd, hd_struct.__dev), whole = hd;
    struct linux_blockdev *b = NULL;
    uint64_t i, parent;

    if (hd.why)
        return;
    b = add(k, hd.addr, from);
    if (!b && eg_map_get(&k->of, hd.addr, &i) && !bdev.why)
        k->all.at[i].bdev = bdev.addr;
    if (!b)
        return;
    b->bdev = bdev.why ? 0 : bdev.addr;
    b->no_dev = !eg_get(&b->dev, device, device_devt);
    if (!eg_get(&b->part, hd, hd_struct.partno))
        b->no_part = true;
    b->start = eg_get_or((uint64_t)0, hd, hd_struct.start_sect);
    b->read_only = eg_get_or(0u, hd, hd_struct.policy) != 0;
    if (!eg_get(&b->sectors, hd, hd_struct.nr_sects))
        b->wrong = "its size";
    if (b->part && eg_get(&parent, device, device_parent) && parent)
        whole = eg_object(r, hd_struct, parent - eg_offset(r, hd_struct.__dev));
    if (!b->no_part) // else it may be the disk, or another
        b->disk = eg_container(whole, disk_part0).addr;
    make_name(r, b);
}

static void take_device(struct eg_run *r, struct kept *k, struct eg_obj device)
{
    if (device.why)
        return;
    if (eg_has(r, bdev_device))
        take_bdev(r, k, eg_object(r, block_device, device.addr - eg_offset(r, bdev_device)),
                  LINUX_BLOCKDEV_CLASS);
    else if (eg_has_type(r, hd_struct))
        take_hd(r, k, eg_object(r, hd_struct, device.addr - eg_offset(r, hd_struct.__dev)),
                (struct eg_obj){ .why = EG_NULL }, LINUX_BLOCKDEV_CLASS);
}

static void take_class(struct eg_run *r, struct kept *k)
{
    struct eg_obj class = eg_sym(r, block_class), subsys, kobj, it;
    uint64_t own;

    if (class.why || !eg_has(r, device_node) || !eg_has(r, subsys_devices))
        return;
    subsys = eg_deref(eg_at(class, class_private));
    if (!eg_has(r, class_private) && eg_has_symbol(r, class_kset)) {
        struct eg_obj set = eg_deref(eg_sym(r, class_kset));

        eg_each_list(kobj, eg_at(set, kset_list), kobject_entry) {
            it = eg_container(kobj, subsys_kobj);
            if (eg_get(&own, it, subsys_class) && own == class.addr)
                subsys = it;
        }
    }
    if (subsys.why)
        return;
    eg_each_list(it, eg_at(subsys, subsys_devices), device_node)
        take_device(r, k, eg_deref(eg_at(it, device_of)));
}

static void take_inodes(struct eg_run *r, struct kept *k)
{
    struct eg_obj sb, inode;

    if (!eg_has(r, bdev_of_inode) || !eg_has(r, inode.i_sb_list))
        return;
    linux_each_superblock(r, sb)
    {
        const char *type = eg_string(r, eg_at(sb, super_block.s_type, file_system_type.name), 8);

        if (!type || strcmp(type, "bdev") != 0)
            continue;
        eg_each_list(inode, eg_at(sb, super_block.s_inodes), inode.i_sb_list) {
            struct eg_obj bdev =
                eg_object(r, block_device,
                          inode.addr - eg_offset(r, inode_of_bdev) + eg_offset(r, bdev_of_inode));

            if (eg_has(r, bdev_device))
                take_bdev(r, k, bdev, LINUX_BLOCKDEV_INODE);
            else
                take_hd(r, k, eg_deref(eg_at(bdev, bdev_hd)), bdev, LINUX_BLOCKDEV_INODE);
        }
    }
}

static int by_number(const void *a, const void *b)
{
    const struct linux_blockdev *x = a, *y = b;

    if (x->dev != y->dev)
        return x->dev < y->dev ? -1 : 1;
    return x->disk < y->disk ? -1 : x->disk > y->disk;
}

static bool gather(struct eg_system *sys, struct eg_run *r, void *kept)
{
    struct kept *k = kept;

    (void)sys;
    take_class(r, k);
    take_inodes(r, k);
    if (k->failed)
        eg_run_fail(r, EG_ENOMEM, "out of memory for the block devices");
    if (k->all.n)
        qsort(k->all.at, k->all.n, sizeof *k->all.at, by_number);
    eg_map_fini(&k->of);
    k->out = (struct linux_blockdevs){ k->all.at, k->all.n };
    return !eg_stopped(r);
}

static void forget(void *kept)
{
    struct kept *k = kept;

    eg_vec_fini(&k->all);
    eg_map_fini(&k->of);
}

static const struct eg_cache devices = { .size = sizeof(struct kept),
                                         .make = gather,
                                         .fini = forget };

const struct linux_blockdevs *linux_blockdevs(struct eg_run *r)
{
    const struct kept *k = eg_system_cache(eg_system_of(r), r, &devices);

    return k ? &k->out : NULL;
}
