/* x86_64_code.c - the addresses that x86-64 code names: relative to the next instruction, and as
 * 32 bits that are sign-extended, which is how a kernel in the last 2 GB of addresses names its own
 * data (Intel SDM volume 2, chapter 2 and appendix A).
 *
 *  Only the lengths of instructions and their displacements and immediate values are decoded. Bytes
 * that are no instruction end the code. */
#include "../arch.h"

/* What follows an opcode:
 *   .  nothing           m  ModRM             x  no instruction, or not in 64-bit mode
 *   b  8 bits            B  ModRM, 8 bits     w  16 bits           e  24 bits (ENTER)
 *   z  32 bits           Z  ModRM, 32 bits    j  a jump's 32 bits
 *   v  32 bits, or 64 (MOV)                   a  an address of 64 bits
 *   t  ModRM, and in TEST 8 bits              T  ModRM, and in TEST 32 bits
 * With an operand size of 16 bits, 32 are 16, except in a jump. */
static const char one_byte[] = "mmmmbzxxmmmmbzxx" // 00
                               "mmmmbzxxmmmmbzxx"
                               "mmmmbzxxmmmmbzxx"
                               "mmmmbzxxmmmmbzxx"
                               "xxxxxxxxxxxxxxxx" // 40: REX prefixes
                               "................"
                               "xxxmxxxxzZbB...." // 60
                               "bbbbbbbbbbbbbbbb"
                               "BZxBmmmmmmmmmmmm" // 80
                               "..........x....."
                               "aaaa....bz......" // a0
                               "bbbbbbbbvvvvvvvv"
                               "BBw.xxBZe.w..bx." // c0
                               "mmmmxxx.mmmmmmmm"
                               "bbbbbbbbjjxb...." // e0
                               "x.xx..tT......mm";
static const char two_bytes[] = "mmmmx.....x.xm.B" // 00
                                "mmmmmmmmmmmmmmmm"
                                "mmmmxxxxmmmmmmmm" // 20
                                "......x.mxBxxxxx"
                                "mmmmmmmmmmmmmmmm" // 40
                                "mmmmmmmmmmmmmmmm"
                                "mmmmmmmmmmmmmmmm" // 60
                                "BBBBmmm.mmmmmmmm"
                                "jjjjjjjjjjjjjjjj" // 80
                                "mmmmmmmmmmmmmmmm"
                                "...mBmxx...mBmmm" // a0
                                "mmmmmmmmmmBmmmmm"
                                "mmBmBBBm........" // c0
                                "mmmmmmmmmmmmmmmm"
                                "mmmmmmmmmmmmmmmm" // e0
                                "mmmmmmmmmmmmmmmm";
/* The opcodes of three bytes all have ModRM; those behind 0f 3a have 8 bits behind it. */
enum { MAP_0F38 = 2, MAP_0F3A };

struct code {
    const uint8_t *at, *end;
    bool short_operands, wide, short_addresses; /**< prefixes 66, REX.W, 67 */
    uint64_t relative; /**< to the end of this instruction; valid if is_relative */
    bool is_relative;
    struct eg_targets out;
};

static uint64_t extended(const uint8_t *p)
{
    return (uint64_t)(int64_t)(int32_t)eg_le32(p);
}

static bool skip(struct code *c, size_t n)
{
    if ((size_t)(c->end - c->at) < n)
        return false;
    c->at += n;
    return true;
}

/** Small numbers are no addresses: of the kernel's all have the top bit. */
static void emit_extended(struct code *c, const uint8_t *p)
{
    if (extended(p) >> 63)
        eg_targets_add(&c->out, extended(p));
}

/** The ModRM byte, SIB and displacement. */
static bool see_modrm(struct code *c, uint8_t *modrm)
{
    const uint8_t *p = c->at;
    unsigned mod, rm;
    bool no_base = false;

    if (!skip(c, 1))
        return false;
    *modrm = *p++;
    mod = *modrm >> 6;
    rm = *modrm & 7;
    if (mod == 3)
        return true;
    if (rm == 4) {
        if (!skip(c, 1))
            return false;
        no_base = (*p++ & 7) == 5;
    }
    if (mod == 1)
        return skip(c, 1);
    if (mod == 0 && rm != 5 && !no_base)
        return true;
    if (!skip(c, 4))
        return false;
    if (mod == 0 && rm == 5) {
        c->relative = extended(p);
        c->is_relative = true;
    } else if (!c->short_addresses) {
        emit_extended(c, p);
    }
    return true;
}

/** Bits of 32 that are sign-extended where the operands have 64. */
static bool see_immediate(struct code *c)
{
    const uint8_t *p = c->at;

    if (c->short_operands)
        return skip(c, 2);
    if (!skip(c, 4))
        return false;
    if (c->wide)
        emit_extended(c, p);
    return true;
}

static bool see_operands(struct code *c, char form)
{
    const uint8_t *p = c->at;
    uint8_t modrm = 0;

    switch (form) {
    case '.':
        return true;
    case 'b':
        return skip(c, 1);
    case 'w':
        return skip(c, 2);
    case 'e':
        return skip(c, 3);
    case 'j':
        return skip(c, 4);
    case 'a':
        return skip(c, c->short_addresses ? 4 : 8);
    case 'z':
        return see_immediate(c);
    case 'v':
        if (!c->wide)
            return skip(c, c->short_operands ? 2 : 4);
        if (!skip(c, 8))
            return false;
        eg_targets_add(&c->out, eg_le64(p));
        return true;
    case 'm':
        return see_modrm(c, &modrm);
    case 'B':
        return see_modrm(c, &modrm) && skip(c, 1);
    case 'Z':
        return see_modrm(c, &modrm) && see_immediate(c);
    case 't':
        return see_modrm(c, &modrm) && (modrm & 0x30 || skip(c, 1));
    case 'T':
        return see_modrm(c, &modrm) && (modrm & 0x30 || see_immediate(c));
    default:
        return false;
    }
}

/** Instructions of vectors: C5 and C4 (VEX) have two and three bytes before the opcode, 62 (EVEX)
 * four. */
static bool see_vector(struct code *c, uint8_t first)
{
    const uint8_t *p = c->at;
    const unsigned map = first == 0xc5 ? 1 : *p & 7;
    char form = 'm';

    if (!skip(c, first == 0xc5 ? 2 : first == 0xc4 ? 3 : 4))
        return false;
    if (map == 1)
        form = two_bytes[c->at[-1]];
    else if (map == MAP_0F3A)
        form = 'B';
    return see_operands(c, form);
}

static bool is_prefix(struct code *c, uint8_t byte)
{
    c->short_operands |= byte == 0x66;
    c->short_addresses |= byte == 0x67;
    return byte == 0x66 || byte == 0x67 || byte == 0xf0 || byte == 0xf2 || byte == 0xf3 ||
           (byte & 0xe7) == 0x26 || (byte & 0xfe) == 0x64; // segments
}

static bool see(struct code *c)
{
    enum { LONGEST = 15 };
    const uint8_t *const start = c->at, *const end = c->end;
    const char *table = one_byte;
    uint8_t op;
    bool right;

    c->short_operands = c->wide = c->short_addresses = c->is_relative = false;
    c->end = start + EG_MIN((size_t)(end - start), (size_t)LONGEST);
    do
        if (c->at == c->end)
            return false;
    while (is_prefix(c, op = *c->at++));
    if ((op & 0xf0) == 0x40) {
        c->wide = op & 8;
        c->short_operands &= !c->wide;
        if (c->at == c->end)
            return false;
        op = *c->at++;
    }
    if ((op == 0xc4 || op == 0xc5 || op == 0x62) && c->at < c->end) {
        right = see_vector(c, op);
    } else if (op == 0x0f && c->at < c->end) {
        op = *c->at++;
        table = two_bytes;
        right = op == 0x38 || op == 0x3a ? skip(c, 1) && see_operands(c, op == 0x38 ? 'm' : 'B')
                                         : see_operands(c, table[op]);
    } else {
        c->wide |= op == 0x68; // PUSH always extends
        right = see_operands(c, table[op]);
    }
    c->end = end;
    return right;
}

size_t eg_x86_64_targets(const uint8_t *code, size_t len, uint64_t va, uint64_t *out, size_t max)
{
    struct code c = { .at = code, .end = code + len, .out = { out, 0, max } };

    while (c.at < c.end && see(&c))
        if (c.is_relative)
            eg_targets_add(&c.out, va + (uint64_t)(c.at - code) + c.relative);
    return c.out.n;
}
