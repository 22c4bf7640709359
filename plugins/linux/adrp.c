/** adrp.c - what AArch64 code addresses: ADRP, ADD, and loads and stores with an offset (Arm ARM,
 *  DDI 0487, C4.1 and C6.2). */
#include "find.h"

enum { REGISTERS = 31 };

/** What each register holds, as far as it follows from the instructions before; 0: not known. */
struct code {
    uint64_t held[REGISTERS + 1];
    uint64_t *out;
    size_t n, max;
};

static void emit(struct code *c, uint64_t target)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->out[i] == target)
            return;
    if (c->n < c->max)
        c->out[c->n++] = target;
}

static void see(struct code *c, uint64_t pc, uint32_t op)
{
    const unsigned rd = op & 31, rn = op >> 5 & 31;
    const uint64_t base = rn < REGISTERS ? c->held[rn] : 0;

    if ((op & 0x9f000000) == 0x90000000) { // ADRP
        const uint32_t pages = (op >> 29 & 3) | (op >> 5 & 0x7ffff) << 2;

        c->held[rd] =
            (pc & ~UINT64_C(4095)) + ((pages ^ UINT64_C(0x100000)) - UINT64_C(0x100000)) * 4096;
    } else if ((op & 0xff800000) == 0x91000000) { // ADD, 64 bits wide
        const uint64_t offset = (uint64_t)(op >> 10 & 0xfff) << (op >> 22 & 1 ? 12 : 0);

        c->held[rd] = base ? base + offset : 0;
        if (base)
            emit(c, base + offset);
    } else if ((op & 0xffe0ffe0) == 0xaa0003e0) { // MOV
        const unsigned rm = op >> 16 & 31;

        c->held[rd] = rm < REGISTERS ? c->held[rm] : 0;
    } else if ((op & 0x3b000000) == 0x39000000 && base) { // LDR, STR with an unsigned offset
        emit(c, base + ((uint64_t)(op >> 10 & 0xfff) << (op >> 30)));
    }
}

size_t linux_arm64_targets(const uint8_t *code, size_t len, uint64_t va, uint64_t *out, size_t max)
{
    struct code c = { .out = out, .max = max };

    for (size_t at = 0; at + 4 <= len; at += 4)
        see(&c, va + at, eg_le32(code + at));
    return c.n;
}
