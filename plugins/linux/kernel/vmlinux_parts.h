/** kernel/vmlinux_parts.h - between vmlinux*.c: what an ELF file of the kernel is made of. */
#ifndef EG_LINUX_VMLINUX_PARTS_H
#define EG_LINUX_VMLINUX_PARTS_H

#include "../../../profiles/dwarf_write.h"
#include "../state.h"
#include "vmlinux.h"

enum { LINUX_OF_KERNEL = 0 }; /**< the layer of types that is the kernel's */

struct linux_vmlinux_symbol {
    uint64_t addr, size; /**< size 0: not known */
    const char *name;    /**< in the run's memory, or the system's */
    uint32_t length;     /**< of the name */
    uint32_t module;     /**< its number among @modules, from 1; 0: the kernel's */
    char letter;         /**< as nm's; '?': not known */
};
struct linux_vmlinux_module {
    const char *name;
    uint64_t first, end; /**< its code; 0, 0: not known */
    uint32_t layer;      /**< of its types; 0: none */
};
struct linux_vmlinux {
    struct eg_run *r;
    const struct linux_vmlinux_options *o;
    struct linux_vmlinux_counts *counts;
    uint64_t image_start, image_end;
    uint64_t shift; /**< what addresses in the image lose: 0, or KASLR's shift */
    struct linux_vmlinux_symbol *symbols;
    size_t n_symbols, cap_symbols;
    struct linux_vmlinux_module *modules;
    size_t n_modules, cap_modules;
    struct eg_types types; /**< with const and the like, if they are the image's BTF */
    bool own_types;
    EG_VEC(struct eg_profile *) profiles; /**< of these */
    struct eg_dwarf_sections dwarf;
    struct eg_dwarf_section frame; /**< .debug_frame */
};

/** An address as the file has it. */
static inline uint64_t linux_vmlinux_address(const struct linux_vmlinux *x, uint64_t addr)
{
    return addr >= x->image_start && addr <= x->image_end ? addr - x->shift : addr;
}
/** Is it code, by the letter of nm? */
static inline bool linux_vmlinux_code(const struct linux_vmlinux_symbol *s)
{
    return s->letter == 't' || s->letter == 'T';
}

/** x->modules and x->symbols, which are by address then. */
void linux_vmlinux_symbols(struct linux_vmlinux *x);
/** x->dwarf. */
void linux_vmlinux_types(struct linux_vmlinux *x);
/** How many of the @size bytes at @at are whole notes; 0: none, or too many bytes. */
uint64_t linux_vmlinux_notes(struct eg_run *r, uint64_t at, uint64_t size);
/** x->frame. */
void linux_vmlinux_frames(struct linux_vmlinux *x);

#endif
