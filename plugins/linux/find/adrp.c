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

/** A load or a store of register @rt at @base + @offset; @writes: that goes back to the base. */
static void access(struct code *c, unsigned rn, unsigned rt, int64_t offset, bool load, bool writes)
{
    const uint64_t base = rn < REGISTERS ? c->held[rn] : 0;

    if (base)
        emit(c, base + (uint64_t)offset);
    if (base && writes)
        c->held[rn] = base + (uint64_t)offset;
    if (load)
        c->held[rt] = 0;
}

static int64_t extended(uint32_t op, unsigned from, unsigned bits)
{
    const int64_t sign = INT64_C(1) << (bits - 1);

    return (((op >> from) & ((1u << bits) - 1)) ^ sign) - sign;
}

static void see(struct code *c, uint64_t pc, uint32_t op)
{
    enum { AFTER = 1, BEFORE = 3 };
    const unsigned rd = op & 31, rn = op >> 5 & 31, rm = op >> 16 & 31, mode = op >> 10 & 3;
    const bool load = op >> 22 & 3 && !(op >> 26 & 1);

    if ((op & 0x9f000000) == 0x90000000) { // ADRP
        c->held[rd] =
            (pc & ~UINT64_C(4095)) + (uint64_t)((extended(op, 5, 19) * 4 + (op >> 29 & 3)) * 4096);
    } else if ((op & 0xff800000) == 0x91000000) { // ADD, 64 bits wide
        const uint64_t offset = (uint64_t)(op >> 10 & 0xfff) << (op >> 22 & 1 ? 12 : 0);
        const uint64_t base = rn < REGISTERS ? c->held[rn] : 0;

        c->held[rd] = base ? base + offset : 0;
        if (base)
            emit(c, base + offset);
    } else if ((op & 0xffe0ffe0) == 0xaa0003e0) { // MOV
        c->held[rd] = rm < REGISTERS ? c->held[rm] : 0;
    } else if ((op & 0x3b000000) == 0x39000000) { // LDR, STR
        access(c, rn, rd, (int64_t)(op >> 10 & 0xfff) << (op >> 30), load, false);
    } else if ((op & 0x3b200000) == 0x38000000 && mode != 2) { // the same with a small offset
        access(c, rn, rd, mode == AFTER ? 0 : extended(op, 12, 9), load, mode == BEFORE);
    } else if ((op & 0xfe000000) == 0xa8000000) { // LDP, STP, 64 bits wide
        access(c, rn, rd, (op >> 23 & 3) == AFTER ? 0 : extended(op, 15, 7) * 8, op >> 22 & 1,
               (op >> 23 & 3) == BEFORE);
    }
}

size_t linux_arm64_targets(const uint8_t *code, size_t len, uint64_t va, uint64_t *out, size_t max)
{
    struct code c = { .out = out, .max = max };

    for (size_t at = 0; at + 4 <= len; at += 4)
        see(&c, va + at, eg_le32(code + at));
    return c.n;
}
