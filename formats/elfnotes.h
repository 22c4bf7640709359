/** elfnotes.h - reads the notes of an ELF core: VMCOREINFO, CPU state. */
#ifndef EG_ELFNOTES_H
#define EG_ELFNOTES_H

#include "../core/image.h"

/** How the file stores numbers, and its processor. */
struct eg_elf_class {
    bool wide, big; /**< 64 bits; big-endian */
    uint16_t machine;
};
static inline uint16_t eg_elf16(struct eg_elf_class c, const uint8_t *p)
{
    return c.big ? eg_be16(p) : eg_le16(p);
}
static inline uint32_t eg_elf32(struct eg_elf_class c, const uint8_t *p)
{
    return c.big ? eg_be32(p) : eg_le32(p);
}
static inline uint64_t eg_elf64(struct eg_elf_class c, const uint8_t *p)
{
    return c.big ? eg_be64(p) : eg_le64(p);
}

/** The number of CPU notes of each kind read so far; initially zeroed. The k-th notes of all kinds
 * belong to the same CPU. */
struct eg_elf_cpus {
    size_t prstatus, qemu;
    bool program; /**< there are notes that only the core of a process has */
};

/** Read one PT_NOTE segment into @img. It stops at a damaged note, and @img gets a note. */
void eg_elf_notes(struct eg_image *img, struct eg_elf_class c, const uint8_t *bytes, size_t len,
                  struct eg_elf_cpus *cpus);

/** Say what makedumpfile erased (its note ERASEINFO, or a kdump's text of that name): @len
 * bytes. */
void eg_elf_erased(struct eg_image *img, const char *text, size_t len);

#endif
