/** own/kelf.h - an ELF file that the kernel, or a module, is loaded from, packed or not: its
 * section headers, checked. */
#ifndef EG_LINUX_KELF_H
#define EG_LINUX_KELF_H

#include "../../../core/system.h"

enum { LINUX_KELF_MAX = 256 << 20 }; /**< bytes that are unpacked, or read, of one file */

struct linux_kelf_section {
    const char *name;
    uint32_t type, link, info; /**< SHT_… */
    uint64_t flags, addr, offset, size;
};
struct linux_kelf {
    struct eg_space *file;              /**< borrowed */
    uint64_t size;                      /**< its bytes */
    uint8_t *image;                     /**< the file in memory, or what it has packed; else NULL */
    size_t len;                         /**< of @image */
    struct linux_kelf_section *section; /**< in the run's memory; NULL: not read yet */
    unsigned n_sections;
    uint16_t machine; /**< EM_… */
    uint64_t end;     /**< of the table of sections, behind which a boot image has relocations */
    struct linux_kelf_kept *kept;
};

/** @file: as it is, unpacked by linux_kelf_unpack(). What it gives lives until linux_kelf_close(),
 * which the run calls at its end. */
EG_API void linux_kelf_open(struct eg_run *r, struct eg_space *file, uint64_t size,
                            struct linux_kelf *out);
/** The same of a file on this machine. @return false with *@why: it cannot be opened. */
EG_API bool linux_kelf_open_path(struct eg_run *r, const char *path, struct linux_kelf *out,
                                 const char **why);
EG_API void linux_kelf_close(struct eg_run *r, struct linux_kelf *k);

/** Read the whole file into memory. @return false: it is larger than @max, or not readable. */
EG_API bool linux_kelf_read(struct eg_run *r, struct linux_kelf *k, uint64_t max);
/** Is @p the beginning of what linux_kelf_unpack() unpacks? */
bool linux_kelf_packed(const uint8_t *p, size_t n);
/** The @n bytes at @p of the image in memory become the image, unpacked: @len bytes; 0: not
 * known. */
bool linux_kelf_unpack(struct eg_run *r, struct linux_kelf *k, const uint8_t *p, size_t n,
                       size_t len, const char **why);
/** Read the section headers. @return false: no ELF file of 64 bits, little-endian, with
 * sections. */
EG_API bool linux_kelf_sections(struct eg_run *r, struct linux_kelf *k);
/** The @len bytes at @at of the file, or image; NULL: there are none, or too much was asked for. */
const uint8_t *linux_kelf_bytes(struct eg_run *r, struct linux_kelf *k, uint64_t at, uint64_t len);
/** A section's bytes as a copy that may be changed; NULL: it has none. */
uint8_t *linux_kelf_copy(struct eg_run *r, struct linux_kelf *k,
                         const struct linux_kelf_section *s);

#endif
