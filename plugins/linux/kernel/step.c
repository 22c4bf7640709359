/* step.c - how long an instruction is: x86-64 (Intel's manual, volume 2, appendix A) and AArch64.
 */
#include "step.h"
#include "../../../core/base.h"
#include "../mm/elf.h"

/* What follows an opcode: . nothing, m ModRM, b imm8, z imm32 (imm16 with 66), M ModRM and imm8,
 * Z ModRM and imm32, v imm64 with REX.W, o an address, w imm16, e imm16 and imm8, g and G ModRM and
 * for TEST an immediate, j rel8, J rel32, p a prefix, 0 another table, V VEX, E EVEX, x no
 * instruction of 64-bit code. */
static const char one[] = "mmmmbzxxmmmmbzx0mmmmbzxxmmmmbzxx"  // 00
                          "mmmmbzpxmmmmbzpxmmmmbzpxmmmmbzpx"  // 20
                          "pppppppppppppppp................"  // 40
                          "xxEmppppzZbM....jjjjjjjjjjjjjjjj"  // 60
                          "MZxMmmmmmmmmmmmm..........x....."  // 80
                          "oooo....bz......bbbbbbbbvvvvvvvv"  // a0
                          "MMw.VVMZe.w..bx.mmmmxx..mmmmmmmm"  // c0
                          "jjjjbbbbJJxj....p.pp..gG......mm"; // e0
static const char two[] = "mmmmx.....x.xm.Mmmmmmmmmmmmmmmmm"  // 0f 00
                          "mmmmxxxxmmmmmmmm........0x0xxxxx"  // 0f 20
                          "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm"  // 0f 40
                          "mmmmmmmmmmmmmmmmMMMMmmm.mmmmmmmm"  // 0f 60
                          "JJJJJJJJJJJJJJJJmmmmmmmmmmmmmmmm"  // 0f 80
                          "...mMmmm...mMmmmmmmmmmmmmmMmmmmm"  // 0f a0
                          "mmMmMMMm........mmmmmmmmmmmmmmmm"  // 0f c0
                          "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm"; // 0f e0

struct code {
    const uint8_t *b;
    size_t len, n; /* n: bytes used so far */
    bool narrow;   /* 66 */
    bool wide;     /* REX.W */
    bool addr32;   /* 67 */
};

static uint8_t next(struct code *c)
{
    return c->n < c->len ? c->b[c->n++] : (c->n++, 0);
}

/* ModRM, SIB and displacement; @return ModRM. */
static uint8_t modrm(struct code *c)
{
    const uint8_t m = next(c), mod = m >> 6;
    uint8_t base = m & 7;

    if (mod == 3)
        return m;
    if (base == 4)
        base = next(c) & 7;
    if (mod == 1)
        c->n += 1;
    else if (mod == 2 || base == 5)
        c->n += 4;
    return m;
}

/* VEX and EVEX name the table in bits. @return what follows the opcode. */
static char vex(struct code *c, uint8_t first, uint8_t *op)
{
    const uint8_t p = next(c);
    const uint8_t map = first == 0xc5 ? 1 : p & (first == 0x62 ? 7 : 31);

    if (first != 0xc5)
        next(c);
    if (first == 0x62)
        next(c);
    *op = next(c);
    if (map == 1)
        return two[*op] == 'J' ? 'm' : two[*op];
    return map == 3 ? 'M' : 'm';
}

static char follows(struct code *c, uint8_t *op, unsigned *table)
{
    char what;

    for (;;) {
        *op = next(c);
        what = one[*op];
        if (what != 'p')
            break;
        c->narrow |= *op == 0x66;
        c->addr32 |= *op == 0x67;
        c->wide = (*op & 0xf8) == 0x48; // REX counts as the last prefix only
        if (c->n >= 15)
            return 'x';
    }
    if (what == 'V' || what == 'E') {
        *table = 3;
        return vex(c, *op, op);
    }
    if (what != '0')
        return what;
    *table = 1;
    *op = next(c);
    what = two[*op];
    if (what != '0')
        return what;
    *table = 2;
    what = *op == 0x3a ? 'M' : 'm';
    *op = next(c);
    return what;
}

static void immediate(struct code *c, char what, uint8_t m)
{
    const unsigned z = c->narrow ? 2 : 4;
    const bool test = (m >> 3 & 7) < 2;

    switch (what) {
    case 'b':
    case 'M':
    case 'j':
        c->n += 1;
        break;
    case 'z':
    case 'Z':
        c->n += z;
        break;
    case 'J':
        c->n += 4;
        break;
    case 'v':
        c->n += c->wide ? 8 : z;
        break;
    case 'o':
        c->n += c->addr32 ? 4 : 8;
        break;
    case 'w':
        c->n += 2;
        break;
    case 'e':
        c->n += 3;
        break;
    case 'g':
        c->n += test ? 1 : 0;
        break;
    case 'G':
        c->n += test ? z : 0;
        break;
    default:
        break;
    }
}

static enum eg_flow x86_flow(uint8_t op, unsigned table, uint8_t m, bool jump)
{
    const uint8_t reg = m >> 3 & 7;

    if (table == 1) {
        if (jump)
            return EG_FLOW_BRANCH;
        return op == 0x0b || op == 0xb9 || op == 0xff ? EG_FLOW_TRAP
               : op == 0x07 || op == 0x35             ? EG_FLOW_RETURN
                                                      : EG_FLOW_NEXT;
    }
    if (table)
        return EG_FLOW_NEXT;
    switch (op) {
    case 0xe8:
        return EG_FLOW_CALL;
    case 0xe9:
    case 0xeb:
        return EG_FLOW_JUMP;
    case 0xc2:
    case 0xc3:
    case 0xca:
    case 0xcb:
    case 0xcf:
        return EG_FLOW_RETURN;
    case 0xcc:
    case 0xd6: // since 2025 an undefined instruction by promise
        return EG_FLOW_TRAP;
    case 0xff:
        return reg == 2 || reg == 3   ? EG_FLOW_CALL
               : reg == 4 || reg == 5 ? EG_FLOW_JUMP
                                      : EG_FLOW_NEXT;
    default:
        return jump ? EG_FLOW_BRANCH : EG_FLOW_NEXT;
    }
}

static bool x86_step(const uint8_t *bytes, size_t len, uint64_t at, struct linux_step *out)
{
    struct code c = { .b = bytes, .len = EG_MIN(len, (size_t)15) };
    unsigned table = 0;
    uint8_t op, m = 0;
    const char what = follows(&c, &op, &table);

    if (what == 'x')
        return false;
    if (what == 'm' || what == 'M' || what == 'Z' || what == 'g' || what == 'G')
        m = modrm(&c);
    immediate(&c, what, m);
    if (c.n > c.len)
        return false;
    *out = (struct linux_step){ .size = (uint8_t)c.n };
    out->direct = what == 'j' || what == 'J';
    out->flow = (uint8_t)x86_flow(op, table, m, out->direct);
    if (out->direct) {
        out->width = what == 'j' ? 1 : 4;
        out->target = at + c.n +
                      (what == 'j' ? (uint64_t)(int64_t)(int8_t)bytes[c.n - 1]
                                   : (uint64_t)(int64_t)(int32_t)eg_le32(bytes + c.n - 4));
    }
    return true;
}

/* A field of @bits bits at @shift that counts words, with its sign. */
static uint64_t words(uint32_t code, unsigned shift, unsigned bits)
{
    return (uint64_t)((int64_t)((uint64_t)(code >> shift) << (64 - bits)) >> (62 - bits));
}

/* Arm Architecture Reference Manual, "Branches, Exception Generating and System instructions". */
static bool arm64_step(const uint8_t *bytes, size_t len, uint64_t at, struct linux_step *out)
{
    uint32_t code;

    if (len < 4)
        return false;
    code = eg_le32(bytes);
    *out = (struct linux_step){ .size = 4, .flow = EG_FLOW_NEXT };
    if ((code & 0x7c000000) == 0x14000000) { // b, bl
        out->flow = code >> 31 ? EG_FLOW_CALL : EG_FLOW_JUMP;
        out->target = at + words(code, 0, 26);
    } else if ((code & 0xff000000) == 0x54000000 || (code & 0x7e000000) == 0x34000000) {
        out->flow = EG_FLOW_BRANCH; // b.cond, cbz, cbnz
        out->target = at + words(code, 5, 19);
    } else if ((code & 0x7e000000) == 0x36000000) { // tbz, tbnz
        out->flow = EG_FLOW_BRANCH;
        out->target = at + words(code, 5, 14);
    } else if ((code & 0xfe000000) == 0xd6000000) { // br, blr, ret, eret
        const unsigned opc = code >> 21 & 15;

        out->flow = (opc & 7) == 1 ? EG_FLOW_CALL : (opc & 7) == 0 ? EG_FLOW_JUMP : EG_FLOW_RETURN;
        return true;
    } else if ((code & 0xffe0001f) == 0xd4200000 || !(code >> 16)) { // brk, udf
        out->flow = EG_FLOW_TRAP;
        return true;
    } else {
        return true;
    }
    out->direct = true;
    return true;
}

bool linux_steps(const struct eg_arch *arch)
{
    return arch->elf_machine == ELF_X86_64 || arch->elf_machine == ELF_AARCH64;
}

bool linux_step_at(const struct eg_arch *arch, const uint8_t *bytes, size_t len, uint64_t at,
                   struct linux_step *out)
{
    if (arch->elf_machine == ELF_X86_64)
        return x86_step(bytes, len, at, out);
    return arch->elf_machine == ELF_AARCH64 && arm64_step(bytes, len, at, out);
}
