/** mksource.h - a profile as other sources of types have it: BTF, and an ELF file with DWARF 5.
 * With mkisf.h: the same types through every reader. */
#ifndef MK_SOURCE_H
#define MK_SOURCE_H

#include "profile.h"

struct mk_bytes {
    uint8_t *at; /**< the caller frees */
    size_t n, cap;
};

struct mk_variable {
    const char *name;
    uint32_t type;
};

struct mk_bytes mk_btf(const struct eg_profile *p);
/** With @more variables, the last of which has the name NULL; may be NULL. */
struct mk_bytes mk_dwarf(const struct eg_profile *p, const struct mk_variable *more);

/** An ELF file of the profile's machine with these sections, of .debug_info, .debug_abbrev and
 * .debug_str (may be NULL). */
struct mk_bytes mk_elf(const struct eg_profile *p, const struct mk_bytes *info,
                       const struct mk_bytes *abbrev, const struct mk_bytes *str);
/** What eg_dwarf_write() makes of it. */
struct mk_bytes mk_written(const struct eg_profile *p);

/** Append @size bytes of a number in the profile's byte order. */
void mk_push(struct mk_bytes *b, const struct eg_profile *p, uint64_t v, unsigned size);
void mk_append(struct mk_bytes *b, const void *bytes, size_t n);

#endif
