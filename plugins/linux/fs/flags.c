/* flags.c - bits of mounts, file systems and inodes by name. */
#include "flags.h"
#include "../../../core/arch.h"
#include "../../../core/system.h"

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

/* include/uapi/asm-generic/fcntl.h; four of them have other numbers on Arm and POWER
 * (arch/arm64/include/uapi/asm/fcntl.h). */
#define OPEN_FLAGS(direct, largefile, directory, nofollow)                                         \
    { "__FMODE_EXEC", 0x20 }, { "O_CREAT", 0100 }, { "O_EXCL", 0200 }, { "O_NOCTTY", 0400 },       \
        { "O_TRUNC", 01000 }, { "O_APPEND", 02000 }, { "O_NONBLOCK", 04000 },                      \
        { "O_DSYNC", 010000 }, { "O_ASYNC", 020000 }, { "O_DIRECT", direct },                      \
        { "O_LARGEFILE", largefile }, { "O_DIRECTORY", directory }, { "O_NOFOLLOW", nofollow },    \
        { "O_NOATIME", 01000000 }, { "O_CLOEXEC", LINUX_O_CLOEXEC }, { "__O_SYNC", 04000000 },     \
        { "O_PATH", 010000000 }, { "__O_TMPFILE", 020000000 },                                     \
    {                                                                                              \
        NULL, 0                                                                                    \
    }
static const struct eg_constant open_generic[] = { OPEN_FLAGS(040000, 0100000, 0200000, 0400000) };
static const struct eg_constant open_arm[] = { OPEN_FLAGS(0200000, 0400000, 040000, 0100000) };

const char *linux_open_flags(struct eg_run *r, uint32_t flags)
{
    enum { ELF_PPC = 20, ELF_PPC64 = 21, ELF_ARM = 40, ELF_AARCH64 = 183 };
    const uint16_t machine = eg_system_of(r)->arch->elf_machine;
    const bool arm =
        machine == ELF_ARM || machine == ELF_AARCH64 || machine == ELF_PPC || machine == ELF_PPC64;

    return eg_bits_text(r, arm ? open_arm : open_generic, flags, "|");
}

/* IORING_SETUP_… (include/uapi/linux/io_uring.h) */
const struct eg_constant linux_io_uring_setup[] = {
    { "IOPOLL", UINT64_C(1) << 0 },         { "SQPOLL", UINT64_C(1) << 1 },
    { "SQ_AFF", UINT64_C(1) << 2 },         { "CQSIZE", UINT64_C(1) << 3 },
    { "CLAMP", UINT64_C(1) << 4 },          { "ATTACH_WQ", UINT64_C(1) << 5 },
    { "R_DISABLED", UINT64_C(1) << 6 },     { "SUBMIT_ALL", UINT64_C(1) << 7 },
    { "COOP_TASKRUN", UINT64_C(1) << 8 },   { "TASKRUN_FLAG", UINT64_C(1) << 9 },
    { "SQE128", UINT64_C(1) << 10 },        { "CQE32", UINT64_C(1) << 11 },
    { "SINGLE_ISSUER", UINT64_C(1) << 12 }, { "DEFER_TASKRUN", UINT64_C(1) << 13 },
    { "NO_MMAP", UINT64_C(1) << 14 },       { "REGISTERED_FD_ONLY", UINT64_C(1) << 15 },
    { "NO_SQARRAY", UINT64_C(1) << 16 },    { "HYBRID_IOPOLL", UINT64_C(1) << 17 },
    { "CQE_MIXED", UINT64_C(1) << 18 },     { "SQE_MIXED", UINT64_C(1) << 19 },
    { "SQ_REWIND", UINT64_C(1) << 20 },     { NULL, 0 },
};
EG_CONSTANTS(io_uring_setup) = {
    .os = "linux",
    .help = "bits of io_ring_ctx.flags, without IORING_SETUP_",
    .list = linux_io_uring_setup,
};

/* IORING_OP_… (the same file) */
const struct eg_constant linux_io_uring_ops[] = {
    { "NOP", 0 },
    { "READV", 1 },
    { "WRITEV", 2 },
    { "FSYNC", 3 },
    { "READ_FIXED", 4 },
    { "WRITE_FIXED", 5 },
    { "POLL_ADD", 6 },
    { "POLL_REMOVE", 7 },
    { "SYNC_FILE_RANGE", 8 },
    { "SENDMSG", 9 },
    { "RECVMSG", 10 },
    { "TIMEOUT", 11 },
    { "TIMEOUT_REMOVE", 12 },
    { "ACCEPT", 13 },
    { "ASYNC_CANCEL", 14 },
    { "LINK_TIMEOUT", 15 },
    { "CONNECT", 16 },
    { "FALLOCATE", 17 },
    { "OPENAT", 18 },
    { "CLOSE", 19 },
    { "FILES_UPDATE", 20 },
    { "STATX", 21 },
    { "READ", 22 },
    { "WRITE", 23 },
    { "FADVISE", 24 },
    { "MADVISE", 25 },
    { "SEND", 26 },
    { "RECV", 27 },
    { "OPENAT2", 28 },
    { "EPOLL_CTL", 29 },
    { "SPLICE", 30 },
    { "PROVIDE_BUFFERS", 31 },
    { "REMOVE_BUFFERS", 32 },
    { "TEE", 33 },
    { "SHUTDOWN", 34 },
    { "RENAMEAT", 35 },
    { "UNLINKAT", 36 },
    { "MKDIRAT", 37 },
    { "SYMLINKAT", 38 },
    { "LINKAT", 39 },
    { "MSG_RING", 40 },
    { "FSETXATTR", 41 },
    { "SETXATTR", 42 },
    { "FGETXATTR", 43 },
    { "GETXATTR", 44 },
    { "SOCKET", 45 },
    { "URING_CMD", 46 },
    { "SEND_ZC", 47 },
    { "SENDMSG_ZC", 48 },
    { "READ_MULTISHOT", 49 },
    { "WAITID", 50 },
    { "FUTEX_WAIT", 51 },
    { "FUTEX_WAKE", 52 },
    { "FUTEX_WAITV", 53 },
    { "FIXED_FD_INSTALL", 54 },
    { "FTRUNCATE", 55 },
    { "BIND", 56 },
    { "LISTEN", 57 },
    { "RECV_ZC", 58 },
    { "EPOLL_WAIT", 59 },
    { "READV_FIXED", 60 },
    { "WRITEV_FIXED", 61 },
    { "PIPE", 62 },
    { "NOP128", 63 },
    { "URING_CMD128", 64 },
    { NULL, 0 },
};
EG_CONSTANTS(io_uring_ops) = {
    .os = "linux",
    .help = "values of io_kiocb.opcode, without IORING_OP_",
    .list = linux_io_uring_ops,
};

const char *linux_permissions(struct eg_run *r, unsigned mode)
{
    char text[] = "rwxrwxrwx";

    for (unsigned i = 0; i < sizeof text - 1; i++)
        if (!(mode >> (sizeof text - 2 - i) & 1))
            text[i] = '-';
    return eg_strf(r, "%s", text);
}
