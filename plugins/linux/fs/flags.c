/* flags.c - bits of mounts, file systems and inodes by name. */
#include "flags.h"

const struct eg_constant linux_mount_option_names[] = {
    { "nosuid", 1 },      { "nodev", 2 },     { "noexec", 4 },        { "noatime", 8 },
    { "nodiratime", 16 }, { "relatime", 32 }, { "nosymfollow", 128 }, { NULL, 0 },
};

const struct eg_constant linux_sb_option_names[] = {
    { "sync", 16 }, { "dirsync", 128 }, { "mand", 64 }, { "lazytime", 1 << 25 }, { NULL, 0 },
};

static const struct eg_constant mnt_flags[] = {
    { "MNT_NOSUID", 1 },
    { "MNT_NODEV", 2 },
    { "MNT_NOEXEC", 4 },
    { "MNT_NOATIME", 8 },
    { "MNT_NODIRATIME", 0x10 },
    { "MNT_RELATIME", 0x20 },
    { "MNT_READONLY", MNT_READONLY },
    { "MNT_NOSYMFOLLOW", 0x80 },
    { NULL, 0 },
};

EG_CONSTANTS(mnt_flags) = {
    .os = "linux",
    .help = "bits of vfsmount.mnt_flags that are options of a mount",
    .list = mnt_flags,
};

/* include/uapi/linux/stat.h */
static const struct eg_constant modes[] = {
    { "S_IFIFO", 0010000 },  { "S_IFCHR", 0020000 }, { "S_IFDIR", 0040000 },
    { "S_IFBLK", 0060000 },  { "S_IFREG", 0100000 }, { "S_IFLNK", 0120000 },
    { "S_IFSOCK", 0140000 }, { "S_IFMT", 0170000 },  { "S_ISUID", 04000 },
    { "S_ISGID", 02000 },    { "S_ISVTX", 01000 },   { "S_IRUSR", 0400 },
    { "S_IWUSR", 0200 },     { "S_IXUSR", 0100 },    { "S_IRGRP", 040 },
    { "S_IWGRP", 020 },      { "S_IXGRP", 010 },     { "S_IROTH", 04 },
    { "S_IWOTH", 02 },       { "S_IXOTH", 01 },      { NULL, 0 },
};

EG_CONSTANTS(mode) = {
    .os = "linux",
    .help = "bits of inode.i_mode; the kind of file is mode & S_IFMT",
    .list = modes,
};
