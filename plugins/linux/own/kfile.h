/** own/kfile.h - the kernel as its file has it: vmlinux, or the boot image vmlinuz of x86 unpacked,
 * at the addresses where it runs; modules are in kmodule.h. */
#ifndef EG_LINUX_KFILE_H
#define EG_LINUX_KFILE_H

#include "kelf.h"

struct linux_kfile_section {
    const char *name;
    uint64_t addr, size;  /**< where it runs, before start-up code was given back */
    const uint8_t *bytes; /**< NULL: it has none, or they are not kept */
    bool code;            /**< instructions, among them what replaces others */
};
/** All of it lives as long as the run. */
struct linux_kfile {
    struct linux_kfile_section *sections;
    size_t n_sections;
    int64_t shift;    /**< run-time minus link-time address */
    uint64_t unknown; /**< places in code that lead to what has no known name: as in the image */
    bool module;      /**< it is a module's, and its tables name every place that is patched */
    bool other;       /**< of another build of the module, or of another kernel */
    bool relocated;   /**< the file has a table of relocations, which was applied; else absolute
                         addresses in code are as the linker wrote them */
};
/** The file @path of the running kernel. @return false with *@why, in the run's memory: it cannot
 * be opened, is no kernel, or the KASLR shift is not known. */
EG_API bool linux_kfile_open(struct eg_run *r, const char *path, struct linux_kfile *out,
                             const char **why);
/** The same of a file that is open, and of a kernel that runs @shift above its link-time
 * address. */
EG_API bool linux_kfile_of(struct eg_run *r, struct linux_kelf *k, int64_t shift,
                           struct linux_kfile *out, const char **why);
/** The @len bytes at the run-time address @addr; NULL: no section has them all. */
EG_API const uint8_t *linux_kfile_at(const struct linux_kfile *f, uint64_t addr, size_t len);
EG_API const struct linux_kfile_section *linux_kfile_section(const struct linux_kfile *f,
                                                             const char *name);

#endif
