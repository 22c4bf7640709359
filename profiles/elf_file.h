/** elf_file.h - an ELF file as a source of types and symbols: its sections, symbols and build id.
 *
 *  Sections are used in place in the mapped file. A section that is compressed or needs relocations
 * is written once to an unlinked temporary file ($TMPDIR, or /var/tmp), which is mapped shared, so
 * that it uses no private memory; a small one to memory, as object files have thousands. */
#ifndef EG_ELF_FILE_H
#define EG_ELF_FILE_H

#include "../core/arena.h"
#include "../core/mapped.h"
#include "../core/profile.h"
#include "../core/vec.h"

enum { EG_ELF_MAPS_MAX = 16 };

struct eg_elf {
    const char *path; /**< borrowed */
    struct Elf *elf;
    const uint8_t *bytes;
    uint64_t size;
    struct eg_model model;
    uint16_t machine;
    bool relocatable;                        /**< a module or an object file: its addresses are not
                                                  final */
    struct eg_mapped *maps[EG_ELF_MAPS_MAX]; /**< the file, and sections in temporary files */
    unsigned n_maps;
    struct eg_arena small; /**< sections that are less than a map is worth */
    EG_VEC(struct eg_elf_relocations) relocations; /**< by target; listed when first needed */
    bool listed;
};

int eg_elf_open(struct eg_elf *f, const char *path, struct eg_error *e);
/** The same for bytes that live longer than @f. @path is for messages. */
int eg_elf_open_bytes(struct eg_elf *f, const void *bytes, uint64_t len, const char *path,
                      struct eg_error *e);
/** Fails when a page of the file could not be read (a failing disk, a file truncated meanwhile).
 * Such pages read as zeros, so that results from them are wrong: call this last. */
int eg_elf_check(const struct eg_elf *f, struct eg_error *e);
void eg_elf_close(struct eg_elf *f); /**< does nothing for a zeroed struct */

/** The first section of that name, decompressed and relocated; *@len is 0 if there is none. It
 * lives as long as @f. Call this once for each section. */
int eg_elf_section(struct eg_elf *f, const char *name, const uint8_t **p, uint64_t *len,
                   struct eg_error *e);
/** The same for each section of that name, for (size_t i = 0;;): *@i is of the last one that was
 * returned. After the last one *@len is 0. */
int eg_elf_next_section(struct eg_elf *f, const char *name, size_t *i, const uint8_t **p,
                        uint64_t *len, struct eg_error *e);
/** Is there a section of that name with bytes in the file? */
bool eg_elf_has(const struct eg_elf *f, const char *name);

/** Hex of .note.gnu.build-id. @hex has 64 bytes. @return false: none. */
bool eg_elf_build_id(const struct eg_elf *f, char *hex);
/** The name of the module: from .modinfo, else the file name without folder and suffixes; "" if the
 * file is not a module. */
void eg_elf_module(struct eg_elf *f, char *name, size_t size);
/** Push the symbols of .symtab, or else of .dynsym, with their sizes; none for a relocatable
 * file. */
void eg_elf_symbols(const struct eg_elf *f, struct eg_builder *b);

#endif
