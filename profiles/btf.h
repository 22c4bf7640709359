/** btf.h - types from BTF (kernel Documentation/bpf/btf.rst): a kernel's, or a module's on top of
 * it. */
#ifndef EG_BTF_H
#define EG_BTF_H

#include "../core/profile.h"

/** Is there a BTF header at @p that could be true? Checks the header alone. @total: bytes of header
 * and sections. */
bool eg_btf_header(const uint8_t *p, size_t len, bool big_endian, uint64_t *total);

/** Does the type section walk to exactly its end, with every name inside the strings? @n_types
 * counts. No allocation. Of a section that stands alone: a module's names lead into its base's. */
bool eg_btf_valid(const uint8_t *p, size_t len, bool big_endian, uint32_t *n_types);

/** A short look at what may be a BTF, of which @len bytes are at hand: how many records begin in
 * them, at most @max. 0: one of these is none. No allocation. */
uint32_t eg_btf_records(const uint8_t *p, size_t len, bool big_endian, uint32_t max);

/** Parse. @base: the kernel's profile for split BTF (made by this reader), else NULL; @module its
 * name.
 *  @p is copied from, not kept. A section of variables (DATASEC) is a struct by its name
 * (".data..percpu") whose members are the variables, at their offsets in the section. */
int eg_btf_read(struct eg_profile **out, const uint8_t *p, size_t len, struct eg_model model,
                const struct eg_profile *base, const char *module, const char *source,
                struct eg_error *e);

#endif
