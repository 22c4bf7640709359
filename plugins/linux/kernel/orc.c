/* orc.c - entries of ORC, and one step to the caller. */
#include "orc.h"
#include <string.h>

/* s16 sp_offset, s16 bp_offset, then from bit 0: sp_reg:4 bp_reg:4 and
 *   until 6.2   type:2 end:1
 *   6.3         type:2 signal:1 end:1
 *   since 6.4   type:3 signal:1
 * without padding, of little endian. */
bool linux_orc_decode(const struct linux_orc_format *f, const uint8_t *entry, struct linux_orc *out)
{
    static const uint8_t before_7_1[16] = {
        LINUX_ORC_UNDEFINED,   LINUX_ORC_PREV_SP,     LINUX_ORC_DX,   LINUX_ORC_DI,
        LINUX_ORC_BP,          LINUX_ORC_SP,          LINUX_ORC_R10,  LINUX_ORC_R13,
        LINUX_ORC_BP_INDIRECT, LINUX_ORC_SP_INDIRECT, LINUX_ORC_REGS, LINUX_ORC_REGS,
        LINUX_ORC_REGS,        LINUX_ORC_REGS,        LINUX_ORC_REGS, LINUX_ORC_REGS,
    };
    static const uint8_t since_7_1[16] = {
        LINUX_ORC_UNDEFINED, LINUX_ORC_AX,          LINUX_ORC_DX,          LINUX_ORC_SP,
        LINUX_ORC_BP,        LINUX_ORC_DI,          LINUX_ORC_R10,         LINUX_ORC_R13,
        LINUX_ORC_PREV_SP,   LINUX_ORC_SP_INDIRECT, LINUX_ORC_BP_INDIRECT, LINUX_ORC_REGS,
        LINUX_ORC_REGS,      LINUX_ORC_REGS,        LINUX_ORC_REGS,        LINUX_ORC_REGS,
    };
    static const uint8_t types_with_end[4] = { LINUX_ORC_CALL, LINUX_ORC_FULL_REGS,
                                               LINUX_ORC_IRET_REGS, LINUX_ORC_NONE };
    const uint8_t *const numbers = f->renumbered ? since_7_1 : before_7_1;
    const unsigned bits = entry[5];

    *out = (struct linux_orc){ .sp_offset = (int16_t)(entry[0] | entry[1] << 8),
                               .bp_offset = (int16_t)(entry[2] | entry[3] << 8),
                               .sp_reg = numbers[entry[4] & 15],
                               .bp_reg = numbers[entry[4] >> 4] };
    if (f->has_end) {
        out->type = types_with_end[bits & 3];
        out->signal = f->has_signal ? bits >> 2 & 1 : out->type >= LINUX_ORC_FULL_REGS;
        if (out->sp_reg == LINUX_ORC_UNDEFINED)
            out->type = bits >> (f->has_signal ? 3 : 2) & 1 ? LINUX_ORC_END : LINUX_ORC_NONE;
    } else {
        if ((bits & 7) > LINUX_ORC_IRET_REGS)
            return false;
        out->type = (uint8_t)(bits & 7);
        out->signal = bits >> 3 & 1;
    }
    return out->sp_reg < LINUX_ORC_REGS && out->bp_reg < LINUX_ORC_REGS;
}

bool linux_orc_renumbered(const uint8_t *entries, size_t n)
{
    size_t five = 0, three = 0;

    for (size_t i = 0; i < n; i++) {
        five += (entries[LINUX_ORC_SIZE * i + 4] & 15) == 5;
        three += (entries[LINUX_ORC_SIZE * i + 4] & 15) == 3;
    }
    return three > five;
}

/* struct pt_regs of x86-64 as assembly pushes it: r15 first; behind orig_ax what the processor
 * pushes. */
enum { PT_IP = 128, PT_CS = 136, PT_SP = 152, BP = 7, USER = 3 };

static bool read_regs(struct linux_orc_state *s, uint64_t at, linux_orc_read *read, void *context)
{
    static const uint8_t order[] = { 15, 14, 13, 12, 7, 1, 11, 10, 9, 8, 0, 2, 3, 4, 5 };

    for (size_t i = 0; i < sizeof order; i++)
        if (!read(context, at + 8 * i, &s->regs[order[i]]))
            return false;
    s->known = 0xffff;
    return true;
}

enum linux_orc_result linux_orc_step(const struct linux_orc *o, struct linux_orc_state *s,
                                     linux_orc_read *read, void *context)
{
    enum { AX = 0, DX = 3, DI = 5, R10 = 10, R13 = 13 };
    static const int8_t number[LINUX_ORC_REGS] = {
        [LINUX_ORC_AX] = AX,   [LINUX_ORC_DX] = DX,   [LINUX_ORC_DI] = DI,
        [LINUX_ORC_R10] = R10, [LINUX_ORC_R13] = R13,
    };
    struct linux_orc_state next = *s;
    uint64_t sp, cs, iret;

    if (o->type == LINUX_ORC_END)
        return LINUX_ORC_LAST;
    switch (o->type == LINUX_ORC_NONE ? LINUX_ORC_UNDEFINED : o->sp_reg) {
    case LINUX_ORC_SP:
        sp = s->sp + (uint64_t)o->sp_offset;
        break;
    case LINUX_ORC_BP:
        sp = s->bp + (uint64_t)o->sp_offset;
        break;
    case LINUX_ORC_SP_INDIRECT:
        // The offset is added behind since 5.12; before, the kernel's own code had none.
        if (!read(context, s->sp, &sp))
            return LINUX_ORC_BAD_STACK;
        sp += (uint64_t)o->sp_offset;
        break;
    case LINUX_ORC_BP_INDIRECT:
        if (!read(context, s->bp + (uint64_t)o->sp_offset, &sp))
            return LINUX_ORC_BAD_STACK;
        break;
    case LINUX_ORC_AX:
    case LINUX_ORC_DX:
    case LINUX_ORC_DI:
    case LINUX_ORC_R10:
    case LINUX_ORC_R13:
        if (!(s->known >> number[o->sp_reg] & 1))
            return LINUX_ORC_NO_REG;
        sp = s->regs[number[o->sp_reg]]; // the kernel adds no offset
        break;
    default:
        return LINUX_ORC_NO_DATA;
    }
    next.known = 0;
    next.from_regs = 0;
    next.exact = o->signal;
    switch (o->type) {
    case LINUX_ORC_CALL:
        next.at = sp - 8;
        if (!read(context, next.at, &next.ip))
            return LINUX_ORC_BAD_STACK;
        next.sp = sp;
        break;
    case LINUX_ORC_FULL_REGS:
    case LINUX_ORC_IRET_REGS:
        iret = o->type == LINUX_ORC_FULL_REGS ? sp + PT_IP : sp;
        if (o->type == LINUX_ORC_FULL_REGS && !read_regs(&next, sp, read, context))
            return LINUX_ORC_BAD_STACK;
        if (!read(context, iret, &next.ip) || !read(context, iret + (PT_CS - PT_IP), &cs) ||
            !read(context, iret + (PT_SP - PT_IP), &next.sp))
            return LINUX_ORC_BAD_STACK;
        // Nothing of a partial frame but what the processor pushed was saved yet: the registers
        // are those of the code that was interrupted.
        if (o->type == LINUX_ORC_IRET_REGS)
            next.known = s->known;
        next.regs[6] = next.sp;
        next.at = iret;
        next.from_regs = sp;
        if ((cs & USER) == USER) {
            *s = next;
            return LINUX_ORC_TO_USER;
        }
        break;
    default:
        return LINUX_ORC_NO_DATA;
    }
    switch (o->bp_reg) {
    case LINUX_ORC_UNDEFINED:
        if (next.known >> BP & 1)
            next.bp = next.regs[BP];
        break;
    case LINUX_ORC_PREV_SP:
        if (!read(context, sp + (uint64_t)o->bp_offset, &next.bp))
            return LINUX_ORC_BAD_STACK;
        break;
    case LINUX_ORC_BP:
        if (!read(context, s->bp + (uint64_t)o->bp_offset, &next.bp))
            return LINUX_ORC_BAD_STACK;
        break;
    default:
        return LINUX_ORC_NO_DATA;
    }
    *s = next;
    return LINUX_ORC_STEPPED;
}
