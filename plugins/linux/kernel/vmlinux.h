/** kernel/vmlinux.h - an ELF file of the kernel that is made of its image alone: what gdb, crash,
 * drgn and lldb expect of a vmlinux with debug information.
 *
 *  Symbols are those of kallsyms, types (DWARF 5) those of BTF, and .debug_frame comes from ORC
 * (x86-64) or from frame records (AArch64), text and data from memory. All addresses are those
 * of the run: nothing has to be relocated. */
#ifndef EG_LINUX_VMLINUX_H
#define EG_LINUX_VMLINUX_H

#include "../../../core/run.h"
#include <stdio.h>

struct linux_vmlinux_options {
    bool modules;   /**< their symbols, types and frames too */
    bool no_text;   /**< without the bytes of the image, text and data: a debugger that reads memory
                       elsewhere has them there */
    bool link_time; /**< addresses of the kernel's image as the linker gave them, without KASLR's
                         shift: drgn wants them so */
};
struct linux_vmlinux_counts {
    uint64_t symbols, types, functions, variables, frames, modules;
    uint64_t text, missing; /**< bytes of memory that are in it, and that the image lacks */
    uint64_t size;          /**< of the file */
};
/** Write it. Where something is lacking (no BTF, no ORC) there is a note. @return false: the run
 * has failed, or writing to @f did. */
bool linux_vmlinux_write(struct eg_run *r, const struct linux_vmlinux_options *o, FILE *f,
                         struct linux_vmlinux_counts *out);

#endif
