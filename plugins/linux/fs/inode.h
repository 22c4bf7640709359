/** fs/inode.h - inodes and their file systems. */
#ifndef EG_LINUX_INODE_H
#define EG_LINUX_INODE_H

#include "../../../core/engram.h"

EG_FIELDS(address_space, host);
EG_FIELD_AS(mapping_pages, address_space, "i_pages|page_tree"); // renamed in 4.17
EG_FIELDS(inode, i_blkbits, i_data, i_dentry, i_hash, i_ino, i_mapping, i_mode, i_nlink, i_private,
          i_rdev, i_sb, i_sb_list, i_size);
EG_FIELD_AS(inode_uid, inode, "i_uid.val");
EG_FIELD_AS(inode_gid, inode, "i_gid.val");
EG_FIELDS(super_block, s_bdev, s_blocksize, s_dev, s_flags, s_fs_info, s_id, s_inodes, s_list,
          s_magic, s_mounts, s_op, s_root, s_roots, s_subtype, s_type, s_user_ns, s_uuid);
EG_FIELDS(file_system_type, name);

/** A dev_t's parts (include/linux/kdev_t.h). */
static inline uint32_t linux_major(uint32_t dev)
{
    return dev >> 20;
}
static inline uint32_t linux_minor(uint32_t dev)
{
    return dev & 0xfffff;
}

/** Cells for the parts of the dev_t that a cursor leads to. */
static inline struct eg_cell linux_major_cell(struct eg_obj dev)
{
    uint64_t v;

    return eg_load(&v, dev) ? eg_uint(linux_major((uint32_t)v)) : eg_cell_of(dev);
}
static inline struct eg_cell linux_minor_cell(struct eg_obj dev)
{
    uint64_t v;

    return eg_load(&v, dev) ? eg_uint(linux_minor((uint32_t)v)) : eg_cell_of(dev);
}

#endif
