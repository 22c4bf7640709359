/* kmodule_reloc.c - relocations of modules, by processor (apply_relocate_add(), arch/x86/kernel/
 * module.c and arch/arm64/kernel/module.c). */
#include "../mm/elf.h"
#include "kmodule.h"

static void put(uint8_t *p, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        p[i] = (uint8_t)(value >> 8 * i);
}

static unsigned x86_64(uint32_t type, uint8_t *p, size_t room, uint64_t at, uint64_t value)
{
    enum { R_64 = 1, R_PC32 = 2, R_PLT32 = 4, R_32 = 10, R_32S = 11, R_PC64 = 24 };
    const bool relative = type == R_PC32 || type == R_PLT32 || type == R_PC64;
    const unsigned size = type == R_64 || type == R_PC64              ? 8
                          : relative || type == R_32 || type == R_32S ? 4
                                                                      : 0;

    if (!size || size > room)
        return 0;
    put(p, value - (relative ? at : 0), size);
    return size;
}

/* What AArch64's instructions have of an address. */
static const struct field {
    uint16_t first, last; /* types */
    uint8_t bit, width;   /* of the instruction */
    uint8_t shift;        /* of the value */
    bool relative;
} fields[] = {
    { 263, 264, 5, 16, 0, false },  // MOVW_UABS_G0
    { 265, 266, 5, 16, 16, false }, // G1
    { 267, 268, 5, 16, 32, false }, // G2
    { 269, 269, 5, 16, 48, false }, // G3
    { 273, 273, 5, 19, 2, true },   // LD_PREL_LO19
    { 277, 278, 10, 12, 0, false }, // ADD_ABS_LO12_NC, LDST8
    { 279, 279, 5, 14, 2, true },   // TSTBR14
    { 280, 280, 5, 19, 2, true },   // CONDBR19
    { 282, 283, 0, 26, 2, true },   // JUMP26, CALL26
    { 284, 284, 10, 11, 1, false }, // LDST16_ABS_LO12_NC
    { 285, 285, 10, 10, 2, false }, // LDST32
    { 286, 286, 10, 9, 3, false },  // LDST64
    { 299, 299, 10, 8, 4, false },  // LDST128
};

static unsigned aarch64(uint32_t type, uint8_t *p, size_t room, uint64_t at, uint64_t value)
{
    enum { ABS64 = 257, ABS32, ABS16, PREL64, PREL32, PREL16, ADR = 274, ADRP, ADRP_NC };
    const bool relative = type >= PREL64;
    const uint64_t distance = value - at, pages = (value >> 12) - (at >> 12);
    unsigned size;

    if (type >= ABS64 && type <= PREL16) {
        size = 8u >> (type - (relative ? PREL64 : ABS64));
        if (size <= room)
            put(p, relative ? distance : value, size);
        return size <= room ? size : 0;
    }
    if (room < 4)
        return 0;
    if (type >= ADR && type <= ADRP_NC) {
        const uint64_t imm = type == ADR ? distance : pages;

        put(p,
            (eg_le32(p) & 0x9f00001f) | (uint32_t)(imm & 3) << 29 |
                (uint32_t)(imm >> 2 & 0x7ffff) << 5,
            4);
        return 4;
    }
    for (size_t i = 0; i < countof(fields); i++) {
        const struct field *f = &fields[i];
        const uint32_t mask = (UINT32_C(1) << f->width) - 1;

        if (type < f->first || type > f->last)
            continue;
        put(p,
            (eg_le32(p) & ~(mask << f->bit)) |
                ((uint32_t)((f->relative ? distance : value) >> f->shift) & mask) << f->bit,
            4);
        return 4;
    }
    return 0;
}

unsigned linux_kmodule_relocate(uint16_t machine, uint32_t type, uint8_t *p, size_t room,
                                uint64_t at, uint64_t value)
{
    return machine == ELF_X86_64    ? x86_64(type, p, room, at, value)
           : machine == ELF_AARCH64 ? aarch64(type, p, room, at, value)
                                    : 0;
}

bool linux_kmodule_far(uint16_t machine, uint32_t type, uint64_t at, uint64_t value)
{
    const int64_t distance = (int64_t)(value - at);

    return machine == ELF_AARCH64 && (type == 282 || type == 283) &&
           (distance < -(INT64_C(1) << 27) || distance >= INT64_C(1) << 27);
}
