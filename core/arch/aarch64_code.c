/* aarch64_code.c - the addresses that AArch64 code computes with ADRP, ADD, and loads and stores
 * with an offset (Arm ARM, DDI 0487, C4.1 and C6.2).
 *
 *  The code is followed in the order of its addresses. An instruction that writes a register
 * replaces the known value. After an unconditional branch the registers are those of an earlier
 * branch to that place, so that the known values always belong to one path through the code. Places
 * that only branches back reach are read in further passes. */
#include "../arch.h"
#include <string.h>

enum { REGISTERS = 31, JUMPS_MAX = 32, PASSES = 4, CALL_KEEPS = 19, CALL_KEEPS_LAST = 29 };

struct code {
    uint64_t held[REGISTERS]; /**< what each register holds; 0: not known */
    uint64_t start, end;      /**< of the code; exclusive */
    bool unknown;             /**< no path to this instruction has been followed */
    struct jump {
        uint64_t to, held[REGISTERS];
    } jumps[2 * JUMPS_MAX], back[JUMPS_MAX]; /**< branches forward and back */
    size_t n_jumps, n_back;
    struct eg_targets out;
};

static uint64_t get(const struct code *c, unsigned r)
{
    return r < REGISTERS ? c->held[r] : 0;
}

static void set(struct code *c, unsigned r, uint64_t value)
{
    if (r < REGISTERS)
        c->held[r] = value;
}

static int64_t extended(uint32_t op, unsigned from, unsigned bits)
{
    const int64_t sign = INT64_C(1) << (bits - 1);

    return (((op >> from) & ((1u << bits) - 1)) ^ sign) - sign;
}

/* ---- branches ---- */

static void keep(struct jump *jumps, size_t *n, size_t max, uint64_t to, const uint64_t *held)
{
    if (*n == max)
        return;
    jumps[*n].to = to;
    memcpy(jumps[(*n)++].held, held, sizeof jumps->held);
}

static void jump(struct code *c, uint64_t pc, int64_t words)
{
    const uint64_t to = pc + (uint64_t)words * 4;

    if (c->unknown || to < c->start || to >= c->end)
        return;
    if (to > pc) {
        keep(c->jumps, &c->n_jumps, countof(c->jumps), to, c->held);
        return;
    }
    for (size_t i = 0; i < c->n_back; i++)
        if (c->back[i].to == to)
            return;
    keep(c->back, &c->n_back, countof(c->back), to, c->held);
}

/** The next instruction is only reached by a branch. */
static void stop(struct code *c)
{
    memset(c->held, 0, sizeof c->held);
    c->unknown = true;
}

/** At @pc: forget the branches to here; if no path reaches it otherwise, continue with the
 * registers of the first of them. */
static void arrive(struct code *c, uint64_t pc)
{
    size_t kept = 0;

    for (size_t i = 0; i < c->n_jumps; i++) {
        if (c->jumps[i].to != pc) {
            c->jumps[kept++] = c->jumps[i];
        } else if (c->unknown) {
            memcpy(c->held, c->jumps[i].held, sizeof c->held);
            c->unknown = false;
        }
    }
    c->n_jumps = kept;
}

/** A called function preserves x19 to x29 (Procedure Call Standard, AAPCS64, 6.1.1). */
static void call(struct code *c)
{
    for (unsigned r = 0; r < REGISTERS; r++)
        if (r < CALL_KEEPS || r > CALL_KEEPS_LAST)
            c->held[r] = 0;
}

static void see_branch(struct code *c, uint64_t pc, uint32_t op)
{
    if ((op & 0xfc000000) == 0x14000000) { // B
        jump(c, pc, extended(op, 0, 26));
        stop(c);
    } else if ((op & 0xfc000000) == 0x94000000) { // BL
        call(c);
    } else if ((op & 0xfe000000) == 0xd6000000) { // BR, BLR, RET and the like
        if ((op >> 21 & 7) == 1)
            call(c);
        else
            stop(c);
    } else if ((op & 0xfe000000) == 0x54000000 || (op & 0x7e000000) == 0x34000000) {
        jump(c, pc, extended(op, 5, 19));         // B.cond, CBZ, CBNZ
    } else if ((op & 0x7e000000) == 0x36000000) { // TBZ, TBNZ
        jump(c, pc, extended(op, 5, 14));
    } else if ((op & 0xffe0001f) == 0xd4000002 || (op & 0xffe0001f) == 0xd4000003) { // HVC, SMC
        call(c);
    } else if ((op & 0xfff00000) == 0xd5200000 || (op & 0xfff00000) == 0xd5300000) { // MRS, SYSL
        set(c, op & 31, 0);
    }
}

/* ---- loads and stores ---- */

/** A load or store at @base + @offset. @writes: the base becomes that sum; else @behind is added to
 * the base. */
static void access(struct code *c, unsigned rn, int64_t offset, bool writes, int64_t behind)
{
    const uint64_t base = get(c, rn);

    if (base)
        eg_targets_add(&c->out, base + (uint64_t)offset);
    if (writes)
        set(c, rn, base ? base + (uint64_t)(offset + behind) : 0);
}

static void see_pair(struct code *c, uint32_t op)
{
    const unsigned mode = op >> 23 & 3, opc = op >> 30;
    const bool simd = op >> 26 & 1, after = mode == 1;
    const int64_t offset = extended(op, 15, 7) * (simd ? 4 << opc : opc == 2 ? 8 : 4);

    access(c, op >> 5 & 31, after ? 0 : offset, mode & 1, after ? offset : 0);
    if (op >> 22 & 1 && !simd) {
        set(c, op & 31, 0);
        set(c, op >> 10 & 31, 0);
    }
}

static void see_single(struct code *c, uint32_t op)
{
    const unsigned rn = op >> 5 & 31, mode = op >> 10 & 3, opc = op >> 22 & 3, size = op >> 30;
    const bool simd = op >> 26 & 1, prefetch = size == 3 && opc == 2;
    const bool atomic = (op >> 21 & 9) == 1 && mode != 2; // or with an authenticated base
    const int64_t small = extended(op, 12, 9);

    if (op >> 24 & 1) { // with an offset of 12 bits
        access(c, rn, (int64_t)(op >> 10 & 0xfff) << (simd ? (opc & 2) << 1 | size : size), false,
               0);
    } else if (!(op >> 21 & 1)) { // with a small offset; in modes 1 and 3 the base is written
        access(c, rn, mode == 1 ? 0 : small, mode & 1, mode == 1 ? small : 0);
    } else if (atomic) { // the old value, or a status
        set(c, mode ? rn : op >> 16 & 31, 0);
    }
    if (!simd && (atomic || (opc && !prefetch)))
        set(c, op & 31, 0);
}

static void see_memory(struct code *c, uint32_t op)
{
    const bool simd = op >> 26 & 1, small_offset = op >> 24 & 1;

    switch (op >> 28 & 3) {
    case 0:
        if (simd) { // structures; with this bit the base is written
            set(c, op >> 23 & 1 ? op >> 5 & 31 : 31, 0);
            break;
        }
        // Exclusive: a status, one or two values. Compare and swap: the old value, or two.
        set(c, op >> 16 & 31, 0);
        if ((op & 0x80a00000) == 0x00200000)
            set(c, (op >> 16 & 31) + 1, 0);
        if (op >> 22 & 1) {
            set(c, op & 31, 0);
            set(c, op >> 10 & 31, 0);
        }
        break;
    case 1: // PC-relative loads; ordered ones with a small offset; memory copies
        if (!simd && (small_offset || op >> 30 != 3))
            set(c, op & 31, 0);
        if (small_offset) {
            set(c, op >> 5 & 31, 0);
            set(c, op >> 16 & 31, 0);
        }
        break;
    case 2:
        see_pair(c, op);
        break;
    default:
        see_single(c, op);
    }
}

/* ---- the rest ---- */

static void see_computation(struct code *c, uint64_t pc, uint32_t op)
{
    const unsigned rd = op & 31, rn = op >> 5 & 31, rm = op >> 16 & 31;

    if ((op & 0x9f000000) == 0x90000000) { // ADRP
        set(c, rd,
            (pc & ~UINT64_C(4095)) + (uint64_t)((extended(op, 5, 19) * 4 + (op >> 29 & 3)) * 4096));
    } else if ((op & 0xff800000) == 0x91000000 && get(c, rn)) { // ADD, 64 bits wide
        set(c, rd, get(c, rn) + ((uint64_t)(op >> 10 & 0xfff) << (op >> 22 & 1 ? 12 : 0)));
        eg_targets_add(&c->out, get(c, rd));
    } else if ((op & 0xffe0ffe0) == 0xaa0003e0) { // MOV
        set(c, rd, get(c, rm));
    } else if ((op & 0x1fe00000) != 0x1a400000) { // all except CCMP and CCMN write one register
        set(c, rd, 0);
    }
}

static void see(struct code *c, uint64_t pc, uint32_t op)
{
    arrive(c, pc);
    if ((op & 0x1c000000) == 0x14000000)
        see_branch(c, pc, op);
    else if ((op & 0x0a000000) == 0x08000000)
        see_memory(c, op);
    else
        see_computation(c, pc, op);
}

static void pass(struct code *c, const uint8_t *code, size_t len)
{
    memset(c->held, 0, sizeof c->held);
    c->unknown = false;
    for (size_t at = 0; at + 4 <= len; at += 4)
        see(c, c->start + at, eg_le32(code + at));
}

size_t eg_aarch64_targets(const uint8_t *code, size_t len, uint64_t va, uint64_t *out, size_t max)
{
    struct code c = { .start = va, .end = va + len, .out = { out, 0, max } };
    size_t known;

    for (unsigned i = 0; i < PASSES; i++) {
        known = c.n_back;
        memcpy(c.jumps, c.back, known * sizeof *c.back);
        c.n_jumps = known;
        pass(&c, code, len);
        if (c.n_back == known)
            break;
    }
    return c.out.n;
}
