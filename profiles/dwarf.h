/** dwarf.h - types of an ELF file's DWARF 4 or 5, C units only, on all cores from one shared map;
 * and its symbols. */
#ifndef EG_DWARF_H
#define EG_DWARF_H

#include "../core/profile.h"

/** Types and ELF symbols of a vmlinux, a .ko.debug or any ELF with debug data. @module NULL: from
 * the file (.modinfo). */
int eg_dwarf_read(struct eg_profile **out, const char *path, unsigned threads, struct eg_error *e);

#endif
