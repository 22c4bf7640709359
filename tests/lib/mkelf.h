/** mkelf.h - a small ELF library of any class and byte order: two segments, a dynamic section with
 * either hash table, symbols, relocations, and sections. */
#ifndef MK_ELF_H
#define MK_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    MK_ELF_FILE = 0x2000,   /**< bytes of the file */
    MK_ELF_MEMORY = 0x4000, /**< of what it becomes in memory */
    MK_ELF_VADDR = 0x10000, /**< of the first segment */
    MK_ELF_HASH = 0x200,    /**< offsets in the file, and in the first segment */
    MK_ELF_GNU_HASH = 0x280,
    MK_ELF_SYMBOLS = 0x300,
    MK_ELF_TEXT = 0x600,
    MK_ELF_RELA = 0x700,
    MK_ELF_PLT = 0x800,
    MK_ELF_DATA = 0x1000, /**< the second segment, at MK_ELF_VADDR + 0x2000 */
    MK_ELF_GOT = 0x2380,  /**< of three words, zeros, in memory */
    MK_ELF_SECTIONS = 0x1800,
};

struct mk_elf {
    bool wide, big;
    uint16_t machine;
    bool gnu, sysv;               /**< hash tables */
    uint64_t debug;               /**< DT_DEBUG; 0: none */
    uint64_t added;               /**< to pointers in the dynamic section, as glibc does */
    uint8_t at[MK_ELF_FILE + 64]; /**< the file */
    uint8_t in[MK_ELF_MEMORY];    /**< the same as it is mapped */
};

static inline void mk_elf_put(const struct mk_elf *e, uint8_t *p, unsigned size, uint64_t v)
{
    for (unsigned i = 0; i < size; i++)
        p[e->big ? size - 1 - i : i] = (uint8_t)(v >> 8 * i);
}

/** A word of the class at *@p, which moves on. */
static inline void mk_elf_word(const struct mk_elf *e, uint8_t **p, uint64_t v)
{
    const unsigned size = e->wide ? 8 : 4;

    mk_elf_put(e, *p, size, v);
    *p += size;
}

static inline void mk_elf_segment(struct mk_elf *e, unsigned i, uint32_t type, uint64_t offset,
                                  uint64_t vaddr, uint64_t filesz, uint64_t memsz)
{
    uint8_t *p = e->at + (e->wide ? 64 + 56 * i : 52 + 32 * i);

    mk_elf_put(e, p, 4, type);
    mk_elf_put(e, p + (e->wide ? 4 : 24), 4, offset ? 6 : 5); // code, then data
    p += e->wide ? 8 : 4;
    mk_elf_word(e, &p, offset);
    mk_elf_word(e, &p, vaddr);
    mk_elf_word(e, &p, vaddr);
    mk_elf_word(e, &p, filesz);
    mk_elf_word(e, &p, memsz);
}

static inline void mk_elf_symbol(struct mk_elf *e, uint64_t table, unsigned i, uint32_t name,
                                 unsigned info, unsigned section, uint64_t value, uint64_t size)
{
    uint8_t *p = e->at + table + (e->wide ? 24 : 16) * i;

    mk_elf_put(e, p, 4, name);
    if (e->wide) {
        p[4] = (uint8_t)info;
        mk_elf_put(e, p + 6, 2, section);
        mk_elf_put(e, p + 8, 8, value);
        mk_elf_put(e, p + 16, 8, size);
    } else {
        mk_elf_put(e, p + 4, 4, value);
        mk_elf_put(e, p + 8, 4, size);
        p[12] = (uint8_t)info;
        mk_elf_put(e, p + 14, 2, section);
    }
}

static inline void mk_elf_section(struct mk_elf *e, unsigned i, uint32_t name, uint32_t type,
                                  uint64_t offset, uint64_t size, uint32_t link)
{
    uint8_t *p = e->at + MK_ELF_SECTIONS + (e->wide ? 64 : 40) * i;

    mk_elf_put(e, p, 4, name);
    mk_elf_put(e, p + 4, 4, type);
    p += 8;
    mk_elf_word(e, &p, 0);
    mk_elf_word(e, &p, 0);
    mk_elf_word(e, &p, offset);
    mk_elf_word(e, &p, size);
    mk_elf_put(e, p, 4, link);
}

static inline void mk_elf_reloc(struct mk_elf *e, uint64_t table, unsigned i, uint64_t vaddr,
                                uint32_t symbol, uint32_t type, uint64_t addend)
{
    uint8_t *p = e->at + table + (e->wide ? 24 : 12) * i;

    mk_elf_word(e, &p, vaddr);
    mk_elf_word(e, &p, e->wide ? (uint64_t)symbol << 32 | type : symbol << 8 | type);
    mk_elf_word(e, &p, addend);
}

/** What is loaded: bytes of the file at their places. */
static inline void mk_elf_load(struct mk_elf *e)
{
    memset(e->in, 0, sizeof e->in);
    memcpy(e->in, e->at, 0x1000);
    memcpy(e->in + 0x2000, e->at + MK_ELF_DATA, 0x400);
}

/** Symbols 1 "imported", 2 "work" (a function at +0x900, 0x40 bytes), 3 "choose" (an IFUNC at
 * +0x940); in .symtab 1 "hidden" at +0x980. */
static inline void mk_elf_make(struct mk_elf *e)
{
    static const char text[] = "\0imported\0work\0choose\0hidden\0libwork.so\0",
                      names[] = "\0.debug\0.note\0";
    const uint64_t v = MK_ELF_VADDR, added = e->added;
    uint8_t *p = e->at;

    memset(e->at, 0, sizeof e->at);
    memcpy(p, "\177ELF", 4);
    p[4] = e->wide ? 2 : 1;
    p[5] = e->big ? 2 : 1;
    p[6] = 1;
    mk_elf_put(e, p + 16, 2, 3);
    mk_elf_put(e, p + 18, 2, e->machine);
    p += 24;
    mk_elf_word(e, &p, v + 0x900);
    mk_elf_word(e, &p, e->wide ? 64 : 52);
    mk_elf_word(e, &p, MK_ELF_SECTIONS);
    mk_elf_put(e, p + 6, 2, e->wide ? 56 : 32);
    mk_elf_put(e, p + 8, 2, 3);
    mk_elf_put(e, p + 10, 2, e->wide ? 64 : 40);
    mk_elf_put(e, p + 12, 2, 5);
    mk_elf_put(e, p + 14, 2, 3);
    mk_elf_segment(e, 0, 1, 0, v, 0x1000, 0x1000);
    mk_elf_segment(e, 1, 1, MK_ELF_DATA, v + 0x2000, 0x400, 0x800);
    mk_elf_segment(e, 2, 2, MK_ELF_DATA, v + 0x2000, 0x200, 0x200);
    memcpy(e->at + MK_ELF_TEXT, text, sizeof text);
    mk_elf_symbol(e, MK_ELF_SYMBOLS, 1, 1, 0x12, 0, 0, 0);
    mk_elf_symbol(e, MK_ELF_SYMBOLS, 2, 10, 0x12, 7, v + 0x900, 0x40);
    mk_elf_symbol(e, MK_ELF_SYMBOLS, 3, 15, 0x1a, 7, v + 0x940, 0x10);
    // DT_HASH: buckets, symbols.
    mk_elf_put(e, e->at + MK_ELF_HASH, 4, 1);
    mk_elf_put(e, e->at + MK_ELF_HASH + 4, 4, 4);
    // DT_GNU_HASH: two buckets, the first symbol, one word of filter; the chain of 2 and 3.
    mk_elf_put(e, e->at + MK_ELF_GNU_HASH, 4, 2);
    mk_elf_put(e, e->at + MK_ELF_GNU_HASH + 4, 4, 2);
    mk_elf_put(e, e->at + MK_ELF_GNU_HASH + 8, 4, 1);
    p = e->at + MK_ELF_GNU_HASH + (e->wide ? 24 : 20);
    mk_elf_put(e, p + 4, 4, 2);
    mk_elf_put(e, p + 8, 4, 0x10);
    mk_elf_put(e, p + 12, 4, 0x21);
    p = e->at + MK_ELF_DATA;
    if (e->debug)
        mk_elf_word(e, &p, 21), mk_elf_word(e, &p, e->debug);
    if (e->gnu)
        mk_elf_word(e, &p, 0x6ffffef5), mk_elf_word(e, &p, v + MK_ELF_GNU_HASH + added);
    if (e->sysv)
        mk_elf_word(e, &p, 4), mk_elf_word(e, &p, v + MK_ELF_HASH + added);
    mk_elf_word(e, &p, 5), mk_elf_word(e, &p, v + MK_ELF_TEXT + added);
    mk_elf_word(e, &p, 6), mk_elf_word(e, &p, v + MK_ELF_SYMBOLS + added);
    mk_elf_word(e, &p, 10), mk_elf_word(e, &p, sizeof text);
    mk_elf_word(e, &p, 7), mk_elf_word(e, &p, v + MK_ELF_RELA + added);
    mk_elf_word(e, &p, 8), mk_elf_word(e, &p, e->wide ? 48 : 24);
    mk_elf_word(e, &p, 23), mk_elf_word(e, &p, v + MK_ELF_PLT + added);
    mk_elf_word(e, &p, 2), mk_elf_word(e, &p, e->wide ? 24 : 12);
    mk_elf_word(e, &p, 20), mk_elf_word(e, &p, 7);
    mk_elf_word(e, &p, 1), mk_elf_word(e, &p, 29); // it needs libwork.so
    mk_elf_word(e, &p, 3), mk_elf_word(e, &p, v + MK_ELF_GOT + added);
    mk_elf_section(e, 1, 0, 2, 0x1400, e->wide ? 48 : 32, 2);
    mk_elf_section(e, 2, 0, 3, MK_ELF_TEXT, sizeof text, 0);
    mk_elf_section(e, 3, 0, 3, 0x1500, sizeof names, 0);
    mk_elf_section(e, 4, 1, 1, 0x1600, 0x80, 0);
    memcpy(e->at + 0x1500, names, sizeof names);
    mk_elf_symbol(e, 0x1400, 1, 22, 2, 7, v + 0x980, 8);
    mk_elf_load(e);
}

#endif
