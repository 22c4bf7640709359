/** user/sections.h - a table of sections for an ELF file that memory does not have whole, so that a
 * debugger takes what is there: the file's own table without the sections that are missing, or one
 * that is made of its segments, its dynamic section and its unwind table. */
#ifndef EG_LINUX_SECTIONS_H
#define EG_LINUX_SECTIONS_H

#include "../mm/content.h"
#include "../mm/elf.h"

/** What a reader of the file is to be given in place of its bytes, in the run's memory: the ELF
 * header, and at @at, behind the end of the file, @len bytes. */
struct linux_sections {
    uint8_t head[64];
    unsigned head_len;
    uint64_t at;
    uint8_t *bytes;
    size_t len;
    bool own;         /**< the table is the file's own */
    unsigned n_empty; /**< its sections that are not there */
};
/** Has memory all that only a file has: its table of sections, and what that names but for code and
 * data, which a debugger reads from the process? Then the file can be given as it is. @space: of
 * linux_file_space(); @c: what it has of the file. */
EG_API bool linux_sections_whole(struct eg_run *r, struct eg_space *space,
                                 const struct linux_content *c);
/** Make a table. A section is in it only if all of its bytes are there, but for code and data, and
 * for .eh_frame, which ends before its first entry that is not. @return false: no ELF file, or
 * neither symbols nor an unwind table are there. */
EG_API bool linux_sections_make(struct eg_run *r, struct eg_space *space,
                                const struct linux_content *c, struct linux_sections *out);

#endif
