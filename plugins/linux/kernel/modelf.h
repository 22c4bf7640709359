/** kernel/modelf.h - memory of a module as an ELF file: sections and symbols at the addresses where
 * they were, so that debuggers and disassemblers need no relocation. */
#ifndef EG_LINUX_MODELF_H
#define EG_LINUX_MODELF_H

#include "../mm/copy.h"

struct linux_modelf_part { /**< memory that becomes a segment */
    uint64_t first, size;
    bool write, execute;
    uint64_t offset; /**< of the file; set by linux_modelf_write() */
};
struct linux_modelf_section {
    const char *name;
    uint64_t addr, size;
    bool write, execute;
    bool outside; /**< has no bytes in the file: what the module's code leads to */
};
struct linux_modelf_symbol {
    const char *name;
    uint64_t addr, size;
    uint8_t info; /**< st_info */
};
/** Arrays in the run's memory; parts and sections by address. */
struct linux_modelf {
    struct linux_modelf_part *parts;
    size_t n_parts, cap_parts;
    struct linux_modelf_section *sections;
    size_t n_sections, cap_sections;
    struct linux_modelf_symbol *symbols;
    size_t n_symbols, cap_symbols;
};
/** Write @elf to c->f, and close it. @return false: it could not be written, or the user
 * stopped. */
bool linux_modelf_write(struct eg_run *r, struct linux_modelf *elf, struct linux_copy *c);

#endif
