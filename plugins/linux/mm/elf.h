/** mm/elf.h - ELF programs and libraries in memory: of a process's mappings, or of a file as the
 * page cache holds it. Every count and offset of theirs is checked and bounded. */
#ifndef EG_LINUX_ELF_H
#define EG_LINUX_ELF_H

#include "../../../core/space.h"

/** An ELF header with its program headers. */
struct linux_elf {
    struct eg_space *space; /**< of a process, or of a file */
    uint64_t at;            /**< where the header is in it: 0 in a file */
    uint64_t bias;          /**< address in @space minus p_vaddr; of a file 0 */
    bool is_file;           /**< addresses are offsets in the file: p_offset counts */
    bool wide, big_endian;  /**< ELFCLASS64, ELFDATA2MSB */
    uint16_t machine, type; /**< EM_…, ET_… */
    uint64_t entry;
    uint64_t shoff;
    uint16_t n_sections, section_names, section_size;
    struct linux_elf_segment {
        uint32_t type, flags; /**< PT_…, PF_… */
        uint64_t offset, vaddr, filesz, memsz, align;
    } * segments; /**< in the run's memory */
    unsigned n_segments;
};
/** Read the header at @at. @return false: no ELF file, or not readable. */
EG_API bool linux_elf_open(struct eg_run *r, struct eg_space *space, uint64_t at, bool is_file,
                           struct linux_elf *out);

/** A table of symbols: of .dynsym through PT_DYNAMIC, or of .symtab through section headers, which
 * only a file has. */
struct linux_elf_symbol {
    const char *name; /**< in the run's memory */
    uint64_t value;   /**< st_value: add the bias */
    uint64_t size;
    uint8_t type, bind; /**< STT_…, STB_… */
    uint16_t section;   /**< st_shndx */
};
/** By value. @return how many; 0: none that can be read. */
EG_API size_t linux_elf_symbols(struct eg_run *r, const struct linux_elf *e, bool dynamic,
                                struct linux_elf_symbol **out);
/** A value of the dynamic section (DT_…), as it is in memory. */
EG_API bool linux_elf_dynamic(struct eg_run *r, const struct linux_elf *e, uint64_t tag,
                              uint64_t *value);
/** A section of a file by its name: where its bytes are in e->space. */
EG_API bool linux_elf_section(struct eg_run *r, const struct linux_elf *e, const char *name,
                              uint64_t *offset, uint64_t *size, uint64_t *vaddr);

#endif
