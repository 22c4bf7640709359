/* xattr_disk.c - extended attributes that a file system has on its disk, from memory: ext4's stand
 * behind the inode and in one block (fs/ext4/xattr.h), which the page cache of the disk has; xfs
 * keeps short ones in its inode (fs/xfs/libxfs/xfs_da_format.h). */
#include "xattr_disk.h"
#include "../../../core/run.h"
#include "../fs/inode.h"
#include "filemap.h"

EG_FIELDS(ext4_inode_info, i_file_acl, vfs_inode);
EG_FIELDS(ext4_sb_info, s_desc_per_block, s_desc_per_block_bits, s_desc_size, s_group_desc,
          s_inode_size, s_inodes_per_group);
EG_FIELDS(buffer_head, b_data);
EG_FIELD_AS(bdev_inode, block_device, "bd_inode"); // until 6.9
EG_FIELD_AS(bdev_mapping, block_device, "bd_mapping");
EG_FIELD_AS_OF("xfs", xfs_vfs_inode, xfs_inode, "i_vnode");
EG_FIELD_AS_OF("xfs", xfs_attrs, xfs_inode, "i_af|i_afp"); // a pointer until 6.0
EG_FIELD_AS_OF("xfs", xfs_data, xfs_inode, "i_df");
EG_FIELDS_OF("xfs", xfs_ifork, if_bytes, if_format);
EG_FIELD_AS_OF("xfs", xfs_fork_data, xfs_ifork, "if_data|if_u1.if_data");

enum {
    OLD_INODE = 128, // what all of ext4's inodes have
    BLOCK_MAX = 65536,
    NAME_SIZE = 256,
    XFS_LOCAL = 1, // XFS_DINODE_FMT_LOCAL
    XFS_SHORT_MAX = 2048,
};

static const uint32_t ext4_magic = 0xea020000;

static const char *ext4_prefix(unsigned index)
{
    static const char *const of[] = { "",
                                      "user.",
                                      "system.posix_acl_access",
                                      "system.posix_acl_default",
                                      "trusted.",
                                      NULL,
                                      "security.",
                                      "system." };

    return index && index < countof(of) ? of[index] : NULL;
}

bool linux_xattrs_ext4_area(struct linux_xattr_list *l, const uint8_t *bytes, size_t len, size_t at,
                            size_t base)
{
    enum { ENTRY = 16, ACL = 2, ACL_DEFAULT = 3 };

    while (at + 4 <= len && eg_le32(bytes + at)) {
        const uint8_t *e = bytes + at;
        size_t name_len, offset, size;
        const char *prefix;

        if (at + ENTRY > len || at + ENTRY + e[0] > len)
            return false;
        name_len = e[0];
        prefix = ext4_prefix(e[1]);
        offset = base + eg_le16(e + 2);
        size = eg_le32(e + 8);
        at += (ENTRY + name_len + 3) & ~(size_t)3;
        if (eg_le32(e + 4) || !prefix || e[1] == ACL || e[1] == ACL_DEFAULT)
            continue; // in an inode of its own; encryption's; as the kernel has it
        if (!eg_within(offset, size, len))
            return false;
        linux_xattr_add(l, eg_strf(l->r, "%s%.*s", prefix, (int)name_len, (const char *)e + ENTRY),
                        bytes + offset, size);
    }
    return true;
}

static struct eg_space *disk_of(struct eg_run *r, struct eg_obj inode)
{
    struct eg_obj bdev = eg_deref(eg_at(inode, inode.i_sb, super_block.s_bdev));
    struct eg_obj disk = eg_deref(eg_at(bdev, bdev_inode));

    if (disk.why)
        disk = eg_deref(eg_at(bdev, bdev_mapping, address_space.host));
    return disk.why ? NULL : linux_file_space(r, disk);
}

/* Where the inode stands on the disk (fs/ext4/inode.c, __ext4_get_inode_loc). */
static bool place_of(struct eg_run *r, struct eg_obj inode, uint64_t *place, uint64_t *inode_size)
{
    enum { TABLE_LOW = 8, TABLE_HIGH = 0x28, LARGE = 64 };
    struct eg_obj sbi = eg_cast(eg_at(inode, inode.i_sb, super_block.s_fs_info), ext4_sb_info);
    struct eg_obj head;
    uint64_t ino, per_group, block, desc_size, per_block, group, data, shift;
    uint8_t desc[LARGE] = { 0 };

    sbi = eg_deref(sbi);
    if (!eg_get(&ino, inode, inode.i_ino) || !ino ||
        !eg_get(&block, inode, inode.i_sb, super_block.s_blocksize) || block > BLOCK_MAX ||
        !eg_get(&per_group, sbi, ext4_sb_info.s_inodes_per_group) || !per_group ||
        !eg_get(&desc_size, sbi, ext4_sb_info.s_desc_size) || desc_size < 32 ||
        desc_size > BLOCK_MAX || !eg_get(&per_block, sbi, ext4_sb_info.s_desc_per_block) ||
        !per_block || !eg_get(&shift, sbi, ext4_sb_info.s_desc_per_block_bits) || shift > 32 ||
        !eg_get(inode_size, sbi, ext4_sb_info.s_inode_size) || *inode_size < OLD_INODE ||
        *inode_size > BLOCK_MAX)
        return false;
    group = (ino - 1) / per_group;
    head = eg_deref(eg_index(eg_at(sbi, ext4_sb_info.s_group_desc), group >> shift));
    if (!eg_get(&data, head, buffer_head.b_data) ||
        !eg_read(eg_view_of(r), eg_kernel(r), data + (group & (per_block - 1)) * desc_size, desc,
                 (size_t)EG_MIN(desc_size, (uint64_t)LARGE)))
        return false;
    *place = eg_le32(desc + TABLE_LOW) | (uint64_t)eg_le32(desc + TABLE_HIGH) << 32;
    return eg_mul(*place, block, place) &&
           eg_add(*place, (ino - 1) % per_group * *inode_size, place);
}

static void in_inode(struct linux_xattr_list *l, struct eg_space *disk, struct eg_obj inode)
{
    uint64_t place, size;
    uint8_t *bytes;
    size_t at;

    if (!place_of(l->r, inode, &place, &size) || size < OLD_INODE + 8)
        return;
    bytes = eg_tmp(l->r, (size_t)size);
    if (!eg_read(eg_view_of(l->r), disk, place, bytes, (size_t)size))
        return;
    at = OLD_INODE + eg_le16(bytes + OLD_INODE);
    if (at + 4 <= size && eg_le32(bytes + at) == ext4_magic)
        linux_xattrs_ext4_area(l, bytes, (size_t)size, at + 4, at + 4);
}

static void in_block(struct linux_xattr_list *l, struct eg_space *disk, struct eg_obj inode)
{
    enum { HEAD = 32 };
    struct eg_obj info = eg_container(inode, ext4_inode_info.vfs_inode);
    uint64_t acl, block, place;
    uint8_t *bytes;

    if (!eg_get(&acl, info, ext4_inode_info.i_file_acl) || !acl ||
        !eg_get(&block, inode, inode.i_sb, super_block.s_blocksize) || block < 1024 ||
        block > BLOCK_MAX || !eg_mul(acl, block, &place))
        return;
    bytes = eg_tmp(l->r, (size_t)block);
    if (eg_read(eg_view_of(l->r), disk, place, bytes, (size_t)block) &&
        eg_le32(bytes) == ext4_magic)
        linux_xattrs_ext4_area(l, bytes, (size_t)block, HEAD, 0);
}

void linux_xattrs_ext4(struct linux_xattr_list *l, struct eg_obj inode)
{
    struct eg_space *disk = disk_of(l->r, inode);

    if (!disk)
        return;
    in_inode(l, disk, inode);
    in_block(l, disk, inode);
}

/* ---- xfs ---- */

bool linux_xattrs_xfs_area(struct linux_xattr_list *l, const uint8_t *bytes, size_t len)
{
    enum { HEAD = 4, ENTRY = 3, ROOT = 2, SECURE = 4, INCOMPLETE = 128, PARENT = 8 };
    size_t at = HEAD, n;

    if (len < HEAD)
        return false;
    n = bytes[2];
    for (size_t i = 0; i < n; i++) {
        const uint8_t *e = bytes + at;
        size_t name, value;

        if (!eg_within(at, ENTRY, len) || !eg_within(at + ENTRY, (size_t)e[0] + e[1], len))
            return false;
        name = e[0];
        value = e[1];
        at += ENTRY + name + value;
        if (e[2] & (INCOMPLETE | PARENT))
            continue;
        linux_xattr_add(l,
                        eg_strf(l->r, "%s%.*s",
                                e[2] & ROOT     ? "trusted."
                                : e[2] & SECURE ? "security."
                                                : "user.",
                                (int)name, (const char *)e + ENTRY),
                        e + ENTRY + name, value);
    }
    return true;
}

/* Of a part of xfs's inode the bytes that are in it themselves. */
static uint8_t *local_bytes(struct eg_run *r, struct eg_obj fork, size_t *len)
{
    uint64_t at, n;
    uint8_t *bytes;

    if (fork.kind == EG_K_PTR)
        fork = eg_deref(fork);
    if (eg_get_or(0u, fork, xfs_ifork.if_format) != XFS_LOCAL ||
        !eg_get(&n, fork, xfs_ifork.if_bytes) || !n || n > XFS_SHORT_MAX ||
        !eg_get(&at, fork, xfs_fork_data))
        return NULL;
    bytes = eg_tmp(r, (size_t)n + 1);
    *len = (size_t)n;
    return eg_read(eg_view_of(r), eg_kernel(r), at, bytes, (size_t)n) ? bytes : NULL;
}

static struct eg_obj xfs_of(struct eg_obj inode)
{
    return eg_container(inode, xfs_vfs_inode);
}

void linux_xattrs_xfs(struct linux_xattr_list *l, struct eg_obj inode)
{
    uint8_t *bytes;
    size_t len;

    bytes = local_bytes(l->r, eg_at(xfs_of(inode), xfs_attrs), &len);
    if (bytes)
        linux_xattrs_xfs_area(l, bytes, len);
}

const char *linux_link_xfs(struct eg_run *r, struct eg_obj inode, uint64_t size)
{
    struct eg_obj type = eg_at(inode, inode.i_sb, super_block.s_type, file_system_type.name);
    const char *fs = eg_string(r, type, 16);
    uint8_t *bytes;
    size_t len;

    if (!fs || strcmp(fs, "xfs") != 0)
        return NULL;
    bytes = local_bytes(r, eg_at(xfs_of(inode), xfs_data), &len);
    return bytes && size <= len ? eg_strf(r, "%.*s", (int)size, (const char *)bytes) : NULL;
}
