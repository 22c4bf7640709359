/* blockcache.c - the page caches of block devices: see blockcache.h. */
#include "blockcache.h"
#include "../fs/inode.h"
#include "../mm/filemap.h"
#include "../mm/place.h"

EG_FIELD_AS(cache_bdev, bdev_inode, "bdev");
EG_FIELD_AS(cache_inode, bdev_inode, "vfs_inode");
EG_FIELD_AS(cache_private, gendisk, "private_data");
EG_FIELD_AS_OF("loop", cache_loop_file, loop_device, "lo_backing_file");
EG_FIELD_AS_OF("loop", cache_loop_disk, loop_device, "lo_disk");
EG_FIELD_AS_OF("loop", cache_loop_device, loop_device, "lo_device");
EG_FIELD_AS_OF("loop", cache_loop_offset, loop_device, "lo_offset");
EG_TYPE(file);

struct eg_obj linux_block_inode(struct eg_run *r, const struct linux_blockdev *b)
{
    if (!b->bdev || !eg_has(r, cache_bdev) || !eg_has(r, cache_inode))
        return eg_object(r, inode, 0);
    return eg_object(r, inode, b->bdev - eg_offset(r, cache_bdev) + eg_offset(r, cache_inode));
}

/** Without the module's types (before 5.11) the layout of 5.10; believed when it names the
 * device. */
bool linux_block_loop(struct eg_run *r, const struct linux_blockdev *b, struct eg_obj *inode,
                      uint64_t *offset)
{
    const struct linux_reader m = { eg_kernel(r), eg_binding_of(r)->model.big_endian };
    struct eg_view *v = eg_view_of(r);
    uint64_t lo, back, file;
    uint32_t dev;

    if (strncmp(b->name, "loop", 4) != 0 || b->part ||
        !eg_get(&lo, eg_object(r, gendisk, b->disk), cache_private) || !lo)
        return false;
    if (eg_has(r, cache_loop_disk)) {
        if (!linux_place_get(&m, v, lo, linux_place(r, cache_loop_disk, 0), &back) ||
            back != b->disk)
            return false;
    } else if (!linux_place_get(&m, v, lo, linux_place(r, cache_loop_device, 0xf8, 8), &back) ||
               !eg_get(&dev, eg_object(r, block_device, back), bdev_dev) || dev != b->dev) {
        return false;
    }
    if (!linux_place_get(&m, v, lo, linux_place(r, cache_loop_file, 0xf0, 8), &file) || !file ||
        !linux_place_get(&m, v, lo, linux_place(r, cache_loop_offset, 8, 8), offset))
        return false;
    *inode = linux_file_data(r, eg_object(r, file, file));
    return !inode->why;
}
