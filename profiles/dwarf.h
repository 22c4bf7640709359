/** dwarf.h - types of an ELF file's DWARF (2 to 5), C units only, on all cores from one shared map;
 * and its symbols. */
#ifndef EG_DWARF_H
#define EG_DWARF_H

#include "../core/profile.h"

/** Types and ELF symbols of a vmlinux, or any ELF with debug data; of a .ko.debug the types, with
 * the module's name. The result is the same for any number of threads (0: all cores). */
int eg_dwarf_read(struct eg_profile **out, const char *path, unsigned threads, struct eg_error *e);

/** A module's types on top of @base's (its kernel's): types that are equal there are not repeated.
 * @base must outlive the result's use. */
int eg_dwarf_read_module(struct eg_profile **out, const char *path, const struct eg_profile *base,
                         unsigned threads, struct eg_error *e);

/** The same for a file that is already open. */
struct eg_elf;
int eg_dwarf_read_elf(struct eg_profile **out, struct eg_elf *f, const struct eg_profile *base,
                      unsigned threads, struct eg_error *e);

#endif
