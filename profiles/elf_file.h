/** elf_file.h - an ELF file that describes a program: its sections as bytes, its symbols, its
 * identity.
 *
 *  Sections are used where they lie in the file's map. What is compressed, or has relocations to
 * apply, is made once in an unlinked temporary file ($TMPDIR, or /var/tmp) and mapped shared, so
 * that it is never private memory. */
#ifndef EG_ELF_FILE_H
#define EG_ELF_FILE_H

#include "../core/mapped.h"
#include "../core/profile.h"

enum { EG_ELF_MAPS_MAX = 16 };

struct eg_elf {
    const char *path; /**< borrowed */
    struct Elf *elf;
    const uint8_t *bytes;
    uint64_t size;
    struct eg_model model;
    uint16_t machine;
    bool relocatable;                        /**< a module or an object: addresses mean nothing */
    struct eg_mapped *maps[EG_ELF_MAPS_MAX]; /**< the file, and sections that were made */
    unsigned n_maps;
};

int eg_elf_open(struct eg_elf *f, const char *path, struct eg_error *e);
/** The same of bytes that outlive it. @path is for messages. */
int eg_elf_open_bytes(struct eg_elf *f, const void *bytes, uint64_t len, const char *path,
                      struct eg_error *e);
/** Were all bytes that were looked at really read? Pages of a failing disk, or of a file that was cut
 * short meanwhile, are zeros: what was made of them is wrong. */
int eg_elf_check(const struct eg_elf *f, struct eg_error *e);
void eg_elf_close(struct eg_elf *f); /**< of a zeroed struct: nothing */

/** The first section of that name, unpacked and relocated; no bytes (*@len 0) where there is none.
 * Lives as long as @f. Call it once for each section. */
int eg_elf_section(struct eg_elf *f, const char *name, const uint8_t **p, uint64_t *len,
                   struct eg_error *e);
/** Is there one with bytes in the file? */
bool eg_elf_has(const struct eg_elf *f, const char *name);

/** Hex of .note.gnu.build-id. @hex has 64 bytes. @return false: none. */
bool eg_elf_build_id(const struct eg_elf *f, char *hex);
/** The module's name: .modinfo's, else the file's without folder and suffixes. "" for a program. */
void eg_elf_module(struct eg_elf *f, char *name, size_t size);
/** Push .symtab's symbols, or .dynsym's; none of a relocatable file. Sizes as the file has them. */
void eg_elf_symbols(const struct eg_elf *f, struct eg_builder *b);

#endif
