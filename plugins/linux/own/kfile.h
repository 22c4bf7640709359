/** own/kfile.h - the kernel as its file has it: vmlinux, or the boot image vmlinuz of x86 unpacked,
 * at the addresses where it runs. */
#ifndef EG_LINUX_KFILE_H
#define EG_LINUX_KFILE_H

#include "../../../core/system.h"

struct linux_kfile_section {
    const char *name;
    uint64_t addr, size;  /**< where it runs, before start-up code was given back */
    const uint8_t *bytes; /**< NULL: it has none, or they are not kept */
};
/** All of it lives as long as the run. */
struct linux_kfile {
    struct linux_kfile_section *sections;
    size_t n_sections;
    int64_t shift;  /**< run-time minus link-time address */
    bool relocated; /**< the file has a table of relocations, which was applied; else absolute
                         addresses in code are as the linker wrote them */
};
/** @shift: of the system. @return false with *@why, in the run's memory: it cannot be opened, or is
 * no kernel. */
EG_API bool linux_kfile_open(struct eg_run *r, const char *path, int64_t shift,
                             struct linux_kfile *out, const char **why);
/** The @len bytes at the run-time address @addr; NULL: no section has them all. */
EG_API const uint8_t *linux_kfile_at(const struct linux_kfile *f, uint64_t addr, size_t len);
EG_API const struct linux_kfile_section *linux_kfile_section(const struct linux_kfile *f,
                                                             const char *name);

#endif
