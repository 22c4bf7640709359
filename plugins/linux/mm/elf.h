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
    uint64_t phoff, shoff;
    uint16_t n_sections, section_names, section_size;
    struct linux_elf_segment {
        uint32_t type, flags; /**< PT_…, PF_… */
        uint64_t offset, vaddr, filesz, memsz, align;
    } * segments; /**< in the run's memory; without those that cannot be read */
    unsigned n_segments;
};
enum linux_elf_constants {
    ELF_LOAD = 1, /**< PT_… */
    ELF_DYNAMIC = 2,
    ELF_INTERP = 3,
    ELF_NOTE = 4,
    ELF_PHDR = 6,
    ELF_EH_FRAME = 0x6474e550,
    ELF_X = 1, /**< PF_… */
    ELF_W = 2,
    ELF_R = 4,
    ELF_386 = 3, /**< EM_… */
    ELF_ARM = 40,
    ELF_X86_64 = 62,
    ELF_AARCH64 = 183,
    ELF_FUNC = 2, /**< STT_… */
    ELF_IFUNC = 10,
    ELF_NOBITS = 8, /**< SHT_… */
    ELF_ALLOC = 2,  /**< SHF_… */
    ELF_EXECINSTR = 4,
};

/** Read the header at @at. @is_file with an @at: a whole file that lies in memory, as the vdso.
 * @return false: no ELF file, or not readable. */
EG_API bool linux_elf_open(struct eg_run *r, struct eg_space *space, uint64_t at, bool is_file,
                           struct linux_elf *out);
/** The same of a program whose header may not be mapped, from its program headers: AT_PHDR and
 * AT_PHNUM of the auxiliary vector. @wide, @big_endian: of the process. */
EG_API bool linux_elf_of_headers(struct eg_run *r, struct eg_space *space, uint64_t headers,
                                 uint64_t n, bool wide, bool big_endian, struct linux_elf *out);

/** Where the @len bytes that the file calls @vaddr are in e->space. @return false: no segment has
 * them. */
EG_API bool linux_elf_place(const struct linux_elf *e, uint64_t vaddr, uint64_t len, uint64_t *at);
/** The same of a pointer in the dynamic section, to which a loader may have added the bias. */
EG_API bool linux_elf_pointer(const struct linux_elf *e, uint64_t value, uint64_t len,
                              uint64_t *at);

/** A table of symbols: of .dynsym through PT_DYNAMIC, or of .symtab through section headers, which
 * only a file has. */
struct linux_elf_symbol {
    const char *name; /**< in the run's memory */
    uint64_t value;   /**< st_value: add the bias */
    uint64_t size;
    uint8_t type, bind; /**< STT_…, STB_… */
    uint16_t section;   /**< st_shndx */
};
/** Those that have a place and whose name can be read, by value; also functions of others that a
 * program which is not relocatable has one address for, in its PLT. @return how many; 0: none. */
EG_API size_t linux_elf_symbols(struct eg_run *r, const struct linux_elf *e, bool dynamic,
                                struct linux_elf_symbol **out);
/** Where a table of symbols is, and its strings: places in e->space. */
struct linux_elf_table {
    uint64_t at, n, text, text_len;
};
EG_API bool linux_elf_dynamic_table(struct eg_run *r, const struct linux_elf *e,
                                    struct linux_elf_table *out);
EG_API bool linux_elf_symbol_in(struct eg_run *r, const struct linux_elf *e,
                                const struct linux_elf_table *t, uint32_t number,
                                struct linux_elf_symbol *out);
/** One of .dynsym by its number, defined or not. */
EG_API bool linux_elf_symbol_at(struct eg_run *r, const struct linux_elf *e, uint32_t number,
                                struct linux_elf_symbol *out);
/** The symbol of a sorted table that holds @value; NULL: none. */
EG_API const struct linux_elf_symbol *linux_elf_symbol_of(const struct linux_elf_symbol *table,
                                                          size_t n, uint64_t value);

/** A value of the dynamic section (DT_…), as it is in memory. */
EG_API bool linux_elf_dynamic(struct eg_run *r, const struct linux_elf *e, uint64_t tag,
                              uint64_t *value);
/** The same of a tag that there may be several of (DT_NEEDED), from 0 on. */
EG_API bool linux_elf_dynamic_nth(struct eg_run *r, const struct linux_elf *e, uint64_t tag,
                                  unsigned nth, uint64_t *value);

/** Relocations of the dynamic section that name a symbol or a resolver: `linux_elf_each_reloc`. */
struct linux_elf_reloc {
    uint64_t vaddr; /**< of the word that is relocated */
    uint32_t type;  /**< R_…, of e->machine */
    uint32_t symbol;
    uint64_t addend; /**< 0 where the word itself has it */
    bool plt;        /**< of DT_JMPREL */
};
struct linux_elf_reloc_walk {
    uint64_t at, left, entry;
    int table;
    bool addends;
};
EG_API bool linux_elf_next_reloc(struct eg_run *r, const struct linux_elf *e,
                                 struct linux_elf_reloc_walk *w, struct linux_elf_reloc *out);
#define linux_elf_each_reloc(r, e, rel)                                                            \
    for (struct linux_elf_reloc_walk EG_CAT(w_, __LINE__) = { 0 };                                 \
         linux_elf_next_reloc((r), (e), &EG_CAT(w_, __LINE__), &(rel));)
/** What a relocation does, alike for all processors. */
enum linux_elf_reloc_kind {
    ELF_RELOC_OTHER = 0,
    ELF_RELOC_SLOT,     /**< of a called function (R_…_JUMP_SLOT) */
    ELF_RELOC_GLOBAL,   /**< the address of a symbol (R_…_GLOB_DAT) */
    ELF_RELOC_ABSOLUTE, /**< an address in data (R_X86_64_64, R_AARCH64_ABS64) */
    ELF_RELOC_RESOLVED, /**< what a resolver in the object itself returned (R_…_IRELATIVE) */
};
EG_API enum linux_elf_reloc_kind linux_elf_reloc_kind(uint16_t machine, uint32_t type);

/** A section of a file by its name: where its bytes are in e->space. */
EG_API bool linux_elf_section(struct eg_run *r, const struct linux_elf *e, const char *name,
                              uint64_t *offset, uint64_t *size, uint64_t *vaddr);

/** Text that ends with a NUL, in the run's memory; NULL: it cannot be read, or has no end within
 * @max bytes (512 at most). */
EG_API char *linux_elf_text(struct eg_run *r, struct eg_space *space, uint64_t at, size_t max);

#endif
