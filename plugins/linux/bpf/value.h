/** bpf/value.h - keys and values of BPF maps as text, by the types that the map's program brought
 * with it (BTF), or as bytes. */
#ifndef EG_LINUX_BPF_VALUE_H
#define EG_LINUX_BPF_VALUE_H

#include "../../../core/engram.h"

struct linux_bpf_types;
/** The types of the struct btf at @btf, read once for a run. NULL: 0, or they cannot be read. */
struct linux_bpf_types *linux_bpf_types(struct eg_run *r, uint64_t btf);

/** @len bytes as a value of type @id: "5", "{ .pid = 7, .comm = \"x\" }". @types may be NULL and
 * @id 0: then numbers of 1, 2, 4 and 8 bytes are numbers, texts texts, and all else hex. */
const char *linux_bpf_value(struct eg_run *r, const struct linux_bpf_types *types, uint32_t id,
                            const uint8_t *bytes, size_t len);
/** The same by the kernel's own types. */
const char *linux_bpf_kernel_value(struct eg_run *r, uint32_t id, const uint8_t *bytes, size_t len);

#endif
