/** user/minidebug.h - .gnu_debugdata: symbols of functions that a program's .dynsym lacks, as some
 * distributions leave them in stripped programs (gdb's manual, "MiniDebugInfo"). */
#ifndef EG_LINUX_MINIDEBUG_H
#define EG_LINUX_MINIDEBUG_H

#include "../mm/elf.h"

/** The symbols of the ELF file that the section has, in xz. @return how many, by value; 0: none, it
 * cannot be read, or this build has no liblzma. */
EG_API size_t linux_minidebug_symbols(struct eg_run *r, const struct linux_elf *file,
                                      struct linux_elf_symbol **out);

#endif
