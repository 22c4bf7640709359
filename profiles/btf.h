/** btf.h - types from BTF (kernel Documentation/bpf/btf.rst): of a kernel, or of a module based on
 * it. */
#ifndef EG_BTF_H
#define EG_BTF_H

#include "../core/profile.h"

/** Is there a plausible BTF header at @p? Only the header is checked. @total: bytes of header and
 * sections. */
bool eg_btf_header(const uint8_t *p, size_t len, bool big_endian, uint64_t *total);

/** Do the records end exactly at the end of the type section, and are all names inside the strings?
 * @n_types: their number. Only for BTF without a base, because names of a module can be in the
 * base. Allocates nothing. */
bool eg_btf_valid(const uint8_t *p, size_t len, bool big_endian, uint32_t *n_types);

/** A quick check of possible BTF of which only @len bytes are available: the number of records that
 * begin in them, at most @max. 0: one of them is invalid. Allocates nothing. */
uint32_t eg_btf_records(const uint8_t *p, size_t len, bool big_endian, uint32_t max);

/** Parse BTF. For split BTF @base is the kernel's profile, made by this reader, and @module the
 * module's name; else both are NULL. @p is not kept. A section of variables (DATASEC) becomes a
 * struct of the same name (".data..percpu") whose members are the variables, at their offsets in
 * the section. */
int eg_btf_read(struct eg_profile **out, const uint8_t *p, size_t len, struct eg_model model,
                const struct eg_profile *base, const char *module, const char *source,
                struct eg_error *e);
/** The same with const, volatile and restrict (eg_builder_qualified), as @base must be. The ids are
 * the same. A function is a void with a name, whose ref is its EG_T_FUNC: so are those of
 * eg_btf_read. */
int eg_btf_read_qualified(struct eg_profile **out, const uint8_t *p, size_t len,
                          struct eg_model model, const struct eg_profile *base, const char *module,
                          const char *source, struct eg_error *e);

#endif
