/* inodes_times.c - the times and the mode of an inode. */
#include "../../../core/base.h"
#include "flags.h"
#include "inode.h"
#include "inodes.h"

// Seconds and nanoseconds apart since 6.11; __i_ctime since 6.6, __i_atime and __i_mtime since 6.7.
EG_FIELD_AS(atime_sec, inode, "i_atime_sec|__i_atime.tv_sec|i_atime.tv_sec");
EG_FIELD_AS(atime_nsec, inode, "i_atime_nsec|__i_atime.tv_nsec|i_atime.tv_nsec");
EG_FIELD_AS(mtime_sec, inode, "i_mtime_sec|__i_mtime.tv_sec|i_mtime.tv_sec");
EG_FIELD_AS(mtime_nsec, inode, "i_mtime_nsec|__i_mtime.tv_nsec|i_mtime.tv_nsec");
EG_FIELD_AS(ctime_sec, inode, "i_ctime_sec|__i_ctime.tv_sec|i_ctime.tv_sec");
EG_FIELD_AS(ctime_nsec, inode, "i_ctime_nsec|__i_ctime.tv_nsec|i_ctime.tv_nsec");

/* What file systems keep of a time of birth, behind or before the inode. */
#define BIRTH(n, module, type, inode_, sec, nsec)                                                  \
    EG_FIELD_AS_OF(module, n##_inode, type, inode_);                                               \
    EG_FIELD_AS_OF(module, n##_sec, type, sec);                                                    \
    EG_FIELD_AS_OF(module, n##_nsec, type, nsec)
BIRTH(ext4, "ext4", ext4_inode_info, "vfs_inode", "i_crtime.tv_sec", "i_crtime.tv_nsec");
BIRTH(xfs, "xfs", xfs_inode, "i_vnode", "i_crtime.tv_sec|i_d.di_crtime.tv_sec",
      "i_crtime.tv_nsec|i_d.di_crtime.tv_nsec"); // in i_d until 5.13
BIRTH(btrfs, "btrfs", btrfs_inode, "vfs_inode", "i_otime_sec|i_otime.tv_sec",
      "i_otime_nsec|i_otime.tv_nsec"); // apart since 6.7
BIRTH(shmem, NULL, shmem_inode_info, "vfs_inode", "i_crtime.tv_sec", "i_crtime.tv_nsec"); // 5.19
BIRTH(f2fs, "f2fs", f2fs_inode_info, "vfs_inode", "i_crtime.tv_sec", "i_crtime.tv_nsec");
BIRTH(fat, "fat", msdos_inode_info, "vfs_inode", "i_crtime.tv_sec", "i_crtime.tv_nsec");
BIRTH(exfat, "exfat", exfat_inode_info, "vfs_inode", "i_crtime.tv_sec", "i_crtime.tv_nsec");
BIRTH(ntfs3, "ntfs3", ntfs_inode, "vfs_inode", "i_crtime.tv_sec", "i_crtime.tv_nsec");

EG_FIELD_AS_OF("xfs", xfs_size, xfs_inode, "i_disk_size|i_d.di_size"); // moved in 5.13

struct birth {
    const char *type;
    const struct eg_field *inode, *sec, *nsec;
};
#define BIRTH_OF(type, n)                                                                          \
    {                                                                                              \
        type, &eg_f_##n##_inode, &eg_f_##n##_sec, &eg_f_##n##_nsec                                 \
    }
static const struct birth births[] = {
    BIRTH_OF("ext4", ext4),   BIRTH_OF("ext3", ext4),      BIRTH_OF("ext2", ext4),
    BIRTH_OF("xfs", xfs),     BIRTH_OF("btrfs", btrfs),    BIRTH_OF("tmpfs", shmem),
    BIRTH_OF("f2fs", f2fs),   BIRTH_OF("devtmpfs", shmem), BIRTH_OF("vfat", fat),
    BIRTH_OF("exfat", exfat), BIRTH_OF("ntfs3", ntfs3),
};

enum { NS_PER_S = 1000000000 };

static struct eg_cell time_cell(struct eg_obj sec, struct eg_obj nsec)
{
    uint64_t s, ns;
    int64_t at;

    if (!eg_load(&s, sec))
        return eg_cell_of(sec);
    if (!eg_load(&ns, nsec))
        return eg_cell_of(nsec);
    // Since 6.13 bit 31 of i_ctime_nsec says that the time was read (I_CTIME_QUERIED).
    ns &= 0x7fffffff;
    if (ns >= NS_PER_S || __builtin_mul_overflow((int64_t)s, NS_PER_S, &at) ||
        __builtin_add_overflow(at, (int64_t)ns, &at))
        return eg_missing(EG_BAD_VALUE, sec.addr);
    return eg_int(at);
}

/** A member of what the file system has around the inode. */
static struct eg_obj beside(struct eg_run *r, struct eg_obj inode, const struct eg_field *own,
                            const struct eg_field *member)
{
    const struct eg_slot *in = eg_slot(r, own->id), *slot = eg_slot(r, member->id);

    if (inode.why)
        return inode;
    if (!in->kind || !slot->kind)
        return eg_bad(inode, slot->why ? (enum eg_why)slot->why : EG_NO_MEMBER, inode.addr);
    inode.addr += slot->off - in->off;
    inode.type = slot->type;
    inode.size = slot->size;
    inode.kind = slot->kind;
    inode.shift = inode.bits = 0;
    return inode;
}

/** The type of its file system: "" when it cannot be read. */
static void type_of(struct eg_obj inode, char name[16])
{
    uint64_t at;

    memset(name, 0, 16);
    if (eg_get(&at, inode, inode.i_sb, super_block.s_type, file_system_type.name))
        eg_read_some(inode.view, inode.space, at, name, 15, NULL);
}

static struct eg_cell birth(struct eg_run *r, struct eg_obj inode)
{
    char name[16];
    struct eg_cell cell;

    type_of(inode, name);
    for (size_t i = 0; i < countof(births); i++) {
        const struct birth *b = &births[i];

        if (strcmp(name, b->type) != 0)
            continue;
        if (eg_slot(r, b->inode->id)->kind && !eg_slot(r, b->sec->id)->kind)
            break; // it keeps none in this release
        cell = time_cell(beside(r, inode, b->inode, b->sec), beside(r, inode, b->inode, b->nsec));
        // A file system whose inodes have no room for it leaves it 0.
        return cell.tag == EG_CELL_INT && !cell.i ? (struct eg_cell){ 0 } : cell;
    }
    return (struct eg_cell){ 0 };
}

/** Of an inode of the kernel's own file systems: sockfs and bdev set no time, and leave 0. A file
 * that somebody set to 1970 is on another one. */
static struct eg_cell kept(struct eg_obj inode, struct eg_cell time)
{
    const uint64_t flags = eg_get_or((uint64_t)0, inode, inode.i_sb, super_block.s_flags);

    return time.tag == EG_CELL_INT && !time.i && flags >> SB_NOUSER_BIT & 1 ? (struct eg_cell){ 0 }
                                                                            : time;
}

struct eg_cell linux_inode_time(struct eg_run *r, struct eg_obj inode, enum linux_inode_time which)
{
    if (inode.kind == EG_K_PTR)
        inode = eg_deref(inode);
    switch (which) {
    case LINUX_ATIME:
        return kept(inode, time_cell(eg_at(inode, atime_sec), eg_at(inode, atime_nsec)));
    case LINUX_MTIME:
        return kept(inode, time_cell(eg_at(inode, mtime_sec), eg_at(inode, mtime_nsec)));
    case LINUX_CTIME:
        return kept(inode, time_cell(eg_at(inode, ctime_sec), eg_at(inode, ctime_nsec)));
    case LINUX_BTIME:
        return birth(r, inode);
    }
    return (struct eg_cell){ 0 };
}

struct eg_cell linux_inode_size(struct eg_run *r, struct eg_obj inode)
{
    enum { FORMAT = 0170000, REGULAR = 0100000 };
    char name[16];
    uint32_t mode;

    if (inode.kind == EG_K_PTR)
        inode = eg_deref(inode);
    if (eg_get(&mode, inode, inode.i_mode) && (mode & FORMAT) != REGULAR) {
        type_of(inode, name);
        if (!strcmp(name, "xfs"))
            return eg_cell_of(beside(r, inode, &eg_f_xfs_inode, &eg_f_xfs_size));
    }
    return eg_val(inode, inode.i_size);
}

struct eg_cell linux_inode_mode(struct eg_run *r, struct eg_obj inode)
{
    static const char kinds[16] = "?pc?d?b?-?l?s???"; // by bits 12 to 15 (uapi/linux/stat.h)
    static const char set[3][2] = { { 'S', 's' }, { 'S', 's' }, { 'T', 't' } };
    char text[11] = "?rwxrwxrwx";
    uint32_t mode;

    if (!eg_get(&mode, inode, inode.i_mode))
        return eg_val(inode, inode.i_mode);
    text[0] = kinds[mode >> 12 & 15];
    for (unsigned i = 0; i < 9; i++)
        if (!(mode >> (8 - i) & 1))
            text[1 + i] = '-';
    // Set-user-id, set-group-id and sticky take the place of an x.
    for (unsigned i = 0; i < 3; i++)
        if (mode >> (11 - i) & 1)
            text[3 + 3 * i] = set[i][text[3 + 3 * i] == 'x'];
    return eg_text(memcpy(eg_tmp(r, sizeof text), text, sizeof text));
}

/* ---- the same by name ---- */

#define TIME_FUNCTION(n, which, what)                                                              \
    static struct eg_cell n(struct eg_run *r, struct eg_obj inode)                                 \
    {                                                                                              \
        return linux_inode_time(r, inode, which);                                                  \
    }                                                                                              \
    EG_FUNCTION(inode_##n) = {                                                                     \
        .os = "linux",                                                                             \
        .help = what,                                                                              \
        .args = "inode",                                                                           \
        .returns = "time",                                                                         \
        .cell = n,                                                                                 \
    }
TIME_FUNCTION(atime, LINUX_ATIME, "when a file was read last, as its inode has it");
TIME_FUNCTION(mtime, LINUX_MTIME, "when a file's contents were changed last");
TIME_FUNCTION(ctime, LINUX_CTIME, "when a file's inode was changed last");
TIME_FUNCTION(btime, LINUX_BTIME, "when a file was made; nil where its file system does not say");

EG_FUNCTION(inode_mode) = {
    .os = "linux",
    .help = "type and permissions of an inode: \"-rwsr-xr-x\"",
    .args = "inode",
    .returns = "text",
    .cell = linux_inode_mode,
};

EG_FUNCTION(inode_size) = {
    .os = "linux",
    .help = "bytes of a file or folder, as stat() has them",
    .args = "inode",
    .returns = "integer",
    .cell = linux_inode_size,
};
