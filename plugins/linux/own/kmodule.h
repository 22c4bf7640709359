/** own/kmodule.h - modules as their files have them, .ko and packed ones: relocated to where the
 * image has the module. */
#ifndef EG_LINUX_KMODULE_H
#define EG_LINUX_KMODULE_H

#include "kfile.h"

/** What modules export, by name. */
struct linux_kexports {
    struct linux_kexport {
        const char *name;
        uint64_t addr;
    } * at;
    size_t n;
};
EG_API void linux_kexports(struct eg_run *r, struct linux_kexports *out);

/** The module's file that is open as @k, relocated. It lives as long as @k. @return false with
 * *@why, in the run's memory: it is no module, or another build of it. */
EG_API bool linux_kmodule_of(struct eg_run *r, struct linux_kelf *k, struct eg_obj module,
                             const struct linux_kexports *exports, struct linux_kfile *out,
                             const char **why);

/* kmodule_reloc.c */
/** Write into the @room bytes at @p, which lie at @at, what a relocation to @value makes of them.
 * @return how many; 0: the kernel knows no such type, or they are too few. */
EG_API unsigned linux_kmodule_relocate(uint16_t machine, uint32_t type, uint8_t *p, size_t room,
                                       uint64_t at, uint64_t value);
/** Is it a call or jump of AArch64 that does not reach @value, so that the kernel made a veneer? */
EG_API bool linux_kmodule_far(uint16_t machine, uint32_t type, uint64_t at, uint64_t value);

/** Files that may be of modules: of a folder, or what the image holds of files. */
struct linux_kmodule_file {
    const char *name;    /**< of the module: "kvm_intel" of kvm-intel.ko.xz */
    const char *path;    /**< in the run's memory */
    struct eg_obj inode; /**< of the image; bad: it is a file of this machine */
};
struct linux_kmodule_files {
    struct linux_kmodule_file *at; /**< by name, then path */
    size_t n, cap;
    bool cut;
};
/** Files below the folder @path. @return false: it cannot be read. */
EG_API bool linux_kmodule_folder(struct eg_run *r, const char *path,
                                 struct linux_kmodule_files *out);
/** Files of which the page cache has pages. */
EG_API void linux_kmodule_cached(struct eg_run *r, struct linux_kmodule_files *out);
/** The index of the first of @name, or of what comes after it. */
EG_API size_t linux_kmodule_first(const struct linux_kmodule_files *f, const char *name);

#endif
