/** mm/images.h - the ELF images of a process: what it maps, beside what its dynamic loader says. */
#ifndef EG_LINUX_IMAGES_H
#define EG_LINUX_IMAGES_H

#include "elf.h"

/** An ELF file that is mapped, and its entry in the loader's list. At least one of the two. */
struct linux_image {
    enum linux_image_kind {
        LINUX_IMAGE_LIBRARY,
        LINUX_IMAGE_PROGRAM,
        LINUX_IMAGE_LOADER,
        LINUX_IMAGE_VDSO,
    } kind;
    bool mapped;             /**< the next eight say where */
    bool headless;           /**< its header is not in memory: @elf is empty */
    struct linux_elf elf;    /**< in the process's memory, the page cache behind it */
    uint64_t start, end;     /**< from the header to behind its last segment */
    bool executable;         /**< some of it is executable */
    struct eg_obj file;      /**< the struct file; bad: anonymous memory */
    const char *path;        /**< as /proc/PID/maps names it; "" for anonymous memory */
    struct eg_space *cached; /**< its file in the page cache; NULL: none */

    bool listed;            /**< the loader has it: the next five */
    uint64_t link_map;      /**< where its struct link_map is */
    uint64_t bias, dynamic; /**< l_addr, l_ld */
    const char *name;       /**< l_name: "" of the program; NULL: it cannot be read */
    unsigned list;          /**< which namespace of the loader (dlmopen) */
    bool one_way;           /**< only backward pointers lead to it */
};
struct linux_images {
    struct linux_image *at; /**< by address, then those that are only listed; in the run's memory */
    size_t n, n_mapped;     /**< the mapped ones come first */
    struct eg_space *space; /**< linux_mm_backed_space() */
    const char *interpreter; /**< of the program; NULL: none */
    uint64_t debug;          /**< the loader's struct r_debug; 0: not found */
    bool is_static;          /**< it has no loader, and none is to be expected */
    bool broken;             /**< the list could not be followed to its end; a note says where */
};
/** @return false: no memory of its own, or none that can be read. */
EG_API bool linux_images(struct eg_run *r, struct eg_obj task, struct linux_images *out);
/** The image that holds @va; NULL: none. */
EG_API struct linux_image *linux_image_at(const struct linux_images *images, uint64_t va);

/** A value of the auxiliary vector that the kernel gave the program: AT_PHDR… */
enum linux_auxv {
    AT_PHDR_ = 3,
    AT_PHENT_,
    AT_PHNUM_,
    AT_PAGESZ_,
    AT_BASE_,
    AT_ENTRY_ = 9,
    AT_VDSO_ = 33
};
/** @wide (may be NULL): it is of a 64-bit program. */
EG_API bool linux_auxv(struct eg_run *r, struct eg_obj mm, uint64_t key, uint64_t *value,
                       bool *wide);
enum { LINUX_AUXV_BYTES = 64 * 2 * 8 };
/** All of it with its end, AT_NULL, as the program was given it. @out has LINUX_AUXV_BYTES. @return
 * how many it wrote; 0: it cannot be read. */
EG_API size_t linux_auxv_bytes(struct eg_run *r, struct eg_obj mm, uint8_t *out, bool *wide);

#endif
