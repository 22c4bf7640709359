/** fs/flags.h - bits of mounts, file systems and inodes by name. */
#ifndef EG_LINUX_FS_FLAGS_H
#define EG_LINUX_FS_FLAGS_H

#include "../../../core/engram.h"

/* vfsmount.mnt_flags (include/linux/mount.h); T_ are those of mount.mnt_t_flags, since 6.17. */
enum linux_mnt {
    MNT_READONLY = 0x40,
    MNT_SHARED = 0x1000,
    MNT_UNBINDABLE = 0x2000,
    MNT_UMOUNT = 0x8000000,  // taken away, and still in use
    MNT_CURSOR = 0x10000000, // a reader's place in the list (5.8 to 6.7), no mount
    T_SHARED = 1,
    T_UNBINDABLE = 2,
};
/* super_block.s_flags (include/linux/fs.h); NOUSER: of the kernel alone (init_pseudo) */
enum linux_sb { SB_RDONLY = 1, SB_NOUSER_BIT = 31 };

/** The bits that mountinfo shows as options, by its names. */
extern const struct eg_constant linux_mount_option_names[], linux_sb_option_names[];

/** "rwxr-x---": the bits of a mode that say who may do what with a file. */
EG_API const char *linux_permissions(struct eg_run *r, unsigned mode);
/** Bits of file.f_flags but for the access mode, as open(2) has them: "O_APPEND|O_LARGEFILE". */
EG_API const char *linux_open_flags(struct eg_run *r, uint32_t flags);
enum { LINUX_O_CLOEXEC = 02000000 }; // kept in the table of descriptors, not in f_flags

extern const struct eg_constant linux_io_uring_setup[], linux_io_uring_ops[];

#endif
