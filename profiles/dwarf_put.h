/** dwarf_put.h - numbers of DWARF behind each other: what writes .debug_info and .debug_frame. */
#ifndef EG_DWARF_PUT_H
#define EG_DWARF_PUT_H

#include "../core/base.h"

/** A section, or a part of one; malloc's. */
struct eg_dwarf_section {
    uint8_t *at;
    size_t n, cap;
    bool big;    /**< numbers are big-endian */
    bool failed; /**< out of memory: everything is ignored from then on */
};
void eg_dwarf_section_fini(struct eg_dwarf_section *s);

/** @n bytes at the end, which the caller fills; NULL: out of memory. */
uint8_t *eg_dwarf_room(struct eg_dwarf_section *s, size_t n);
void eg_dwarf_put(struct eg_dwarf_section *s, unsigned size, uint64_t v);
void eg_dwarf_put_bytes(struct eg_dwarf_section *s, const void *p, size_t n);
/** LEB128. */
void eg_dwarf_put_u(struct eg_dwarf_section *s, uint64_t v);
void eg_dwarf_put_s(struct eg_dwarf_section *s, int64_t v);
/** Replace what is at @at already. */
void eg_dwarf_set(struct eg_dwarf_section *s, size_t at, unsigned size, uint64_t v);

#endif
