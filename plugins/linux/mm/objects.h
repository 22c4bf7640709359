/** mm/objects.h - what an ELF file imports and exports, read once for all processes that map it. */
#ifndef EG_LINUX_OBJECTS_H
#define EG_LINUX_OBJECTS_H

#include "images.h"

struct linux_object {
    struct linux_elf_symbol *exports; /**< defined dynamic symbols, by name */
    size_t n_exports;
    struct linux_elf_symbol *functions; /**< the same by value: only functions */
    size_t n_functions;
    struct linux_import {
        uint64_t vaddr;
        enum linux_elf_reloc_kind kind; /**< SLOT, GLOBAL, RESOLVED */
        const char *name;               /**< "" of RESOLVED */
    } * imports;
    size_t n_imports;
    const char *const *needed; /**< DT_NEEDED */
    size_t n_needed;
    const char *soname; /**< NULL: none */
};
/** All that a run has read; in its memory. */
struct linux_objects {
    struct eg_map *of; /**< by the file's page cache */
    uint64_t work;     /**< symbols and relocations so far, of which there is a limit */
};
/** From the page cache, else from the process's memory. NULL: it has no dynamic section that can be
 * read. */
EG_API const struct linux_object *linux_object_of(struct eg_run *r, struct linux_objects *all,
                                                  const struct linux_images *images,
                                                  const struct linux_image *image);
/** Exports of this name: the first, and *@n of them. */
EG_API const struct linux_elf_symbol *linux_object_exports(const struct linux_object *o,
                                                           const char *name, size_t *n);

#endif
