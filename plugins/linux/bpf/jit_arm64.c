/* jit_arm64.c - machine code of BPF programs on AArch64 (arch/arm64/net/bpf_jit_comp.c). */
#include "jit_arm64.h"
#include "../../../core/base.h"

enum { WORD = 4, ENTRY_MAX = 16, PIECES_MAX = 4 };
#define STP_FRAME 0xa9bf7bfdu /* stp x29, x30, [sp, #-16]! */
#define MOV_FRAME 0x910003fdu /* mov x29, sp */
#define CALLBACK  0xaa0203fdu /* mov x29, x2: of an exception, which has its program's frame */

static uint32_t word(const uint8_t *p, uint32_t i)
{
    return eg_le32(p + (size_t)WORD * i);
}

bool linux_bpf_arm64_begins(const uint8_t *p, uint32_t n)
{
    for (uint32_t i = 0; i + 1 < n / WORD && i < ENTRY_MAX; i++)
        if (word(p, i) == CALLBACK || (word(p, i) == STP_FRAME && word(p, i + 1) == MOV_FRAME))
            return true;
    return false;
}

/** What the instructions before the @i-th put into the register @r: MOVZ or MOVN, and MOVKs. */
static bool constant(const uint8_t *p, uint32_t i, unsigned r, uint64_t *value)
{
    uint64_t known = 0, set = 0;

    for (unsigned n = 0; n < PIECES_MAX && i--; n++) {
        const uint32_t op = word(p, i);
        const unsigned shift = 16 * (op >> 21 & 3);
        const uint64_t piece = UINT64_C(0xffff) << shift, is = (uint64_t)(op >> 5 & 0xffff)
                                                               << shift;

        if ((op & 31) != r || (op & 0x9f800000) != 0x92800000) // 64 bits wide
            return false;
        if ((op >> 29 & 3) != 3) { // the first: all that nothing behind it sets
            *value = known | (((op >> 29 & 3) ? is : ~is) & ~set);
            return (op >> 29 & 3) != 1;
        }
        known |= is & ~set;
        set |= piece;
    }
    return false;
}

bool linux_bpf_arm64_call(const uint8_t *p, uint32_t n, uint64_t at, uint32_t *i, uint64_t *target)
{
    for (; *i < n / WORD; ++*i) {
        const uint32_t op = word(p, *i);

        if ((op & 0x7c000000) == 0x14000000) { // B, BL
            const int64_t words = (int64_t)((op & 0x3ffffff) ^ 0x2000000) - 0x2000000;

            *target = at + (uint64_t)*i * WORD + (uint64_t)(words * WORD);
        } else if ((op & 0xfffffc1f) != 0xd63f0000 || // BLR
                   !constant(p, *i, op >> 5 & 31, target)) {
            continue;
        }
        ++*i;
        return true;
    }
    return false;
}
