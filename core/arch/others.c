/* others.c - processors whose page tables are not known here: what is needed to read their dumps
 * and debug files. Numbers are EM_… and R_… of <elf.h>. */
#include "../arch.h"

EG_ARCH(arm) = {
    .name = "arm",
    .model = { .ptr_size = 4, .long_size = 4 },
    .elf_machine = 40,
    .elf_abs32 = 2,
};
EG_ARCH(i386) = {
    .name = "i386",
    .model = { .ptr_size = 4, .long_size = 4 },
    .elf_machine = 3,
    .elf_abs32 = 1,
    .uname = "i?86",
};
EG_ARCH(ia64) = { .name = "ia64", .model = { 8, 8, false }, .elf_machine = 50 };
EG_ARCH(loongarch64) = { .name = "loongarch64", .model = { 8, 8, false }, .elf_machine = 258 };
EG_ARCH(mips) = { .name = "mips", .model = { 4, 4, true }, .elf_machine = 8 };
EG_ARCH(mips64) = { .name = "mips64", .model = { 8, 8, true }, .elf_machine = 8 };
EG_ARCH(ppc) = { .name = "ppc", .model = { 4, 4, true }, .elf_machine = 20 };
EG_ARCH(ppc64) = {
    .name = "ppc64",
    .model = { .ptr_size = 8, .long_size = 8, .big_endian = true },
    .elf_machine = 21,
    .elf_abs64 = 38,
    .elf_abs32 = 1,
};
EG_ARCH(ppc64le) = {
    .name = "ppc64le",
    .model = { .ptr_size = 8, .long_size = 8 },
    .elf_machine = 21,
    .elf_abs64 = 38,
    .elf_abs32 = 1,
};
EG_ARCH(s390x) = {
    .name = "s390x",
    .model = { .ptr_size = 8, .long_size = 8, .big_endian = true },
    .elf_machine = 22,
    .elf_abs64 = 22,
    .elf_abs32 = 4,
};
