/** elfnotes.h - what the notes of an ELF core say of the machine: VMCOREINFO, CPU state. */
#ifndef EG_ELFNOTES_H
#define EG_ELFNOTES_H

#include "../core/image.h"

/** How the file stores numbers. */
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

/** Where each kind of CPU note has arrived; zeroed at first. The k-th of each kind is one CPU. */
struct eg_elf_cpus {
    size_t prstatus, qemu;
    bool program; /**< notes that only the core of a program has */
};

/** Take the hints of one PT_NOTE segment's bytes into @img. Damaged notes end it early, with a note
 * of @img. */
void eg_elf_notes(struct eg_image *img, struct eg_elf_class c, const uint8_t *bytes, size_t len,
                  struct eg_elf_cpus *cpus);

#endif
