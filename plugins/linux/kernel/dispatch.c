/* dispatch.c - the code of a switch, followed for one number (Intel SDM volume 2). */
#include "dispatch.h"
#include "../../../core/arch.h"
#include "../../../core/system.h"
#include "codeof.h"

enum {
    SWITCH_MAX = 1 << 16, /**< bytes of code */
    STEPS_MAX = 512,      /**< instructions for a number; a tree of comparisons has twenty */
    RSI = 6,              /**< the second argument */
    RSP = 4,
    NONE = 16,
    JUMP_SHORT = 0xeb,
    JUMP = 0xe9,
    CALL = 0xe8,
};

struct value {
    uint64_t v;
    bool known;
};

/** The last comparison: of a and b, as a subtraction or as a conjunction. */
struct flags {
    uint64_t a, b;
    bool known, conjunction, wide;
};

struct machine {
    struct eg_run *run;
    const struct linux_switch *sw;
    struct value reg[NONE + 1]; /**< the last is never known */
    struct flags flags;
    uint64_t pc;
};

/** An instruction: prefixes, opcode, operands. */
struct op {
    uint8_t code, size;
    bool two, wide, is_reg, rip;
    uint8_t reg, rm; /**< ModRM; @rm is a register if @is_reg */
    uint8_t base, index, scale;
    int64_t disp, imm;
};

/* ---- decoding ---- */

static bool take(const uint8_t **p, size_t *left, unsigned n, int64_t *out)
{
    if (*left < n)
        return false;
    *out = n == 1 ? (int8_t) * *p : (int32_t)eg_le32(*p);
    *p += n;
    *left -= n;
    return true;
}

static bool modrm(const uint8_t **p, size_t *left, uint8_t rex, struct op *o)
{
    int64_t byte, sib;
    unsigned mod;

    if (!take(p, left, 1, &byte))
        return false;
    mod = (unsigned)byte >> 6 & 3;
    o->reg = (uint8_t)((byte >> 3 & 7) | (rex & 4) << 1);
    o->rm = (uint8_t)((byte & 7) | (rex & 1) << 3);
    o->is_reg = mod == 3;
    o->base = o->rm;
    o->index = NONE;
    if (o->is_reg)
        return true;
    if ((byte & 7) == 4) {
        if (!take(p, left, 1, &sib))
            return false;
        o->base = (uint8_t)((sib & 7) | (rex & 1) << 3);
        o->index = (uint8_t)((sib >> 3 & 7) | (rex & 2) << 2);
        o->index = o->index == RSP ? NONE : o->index;
        o->scale = (uint8_t)sib >> 6;
        if ((sib & 7) == 5 && !mod) {
            o->base = NONE;
            return take(p, left, 4, &o->disp);
        }
    } else if ((byte & 7) == 5 && !mod) {
        o->base = NONE;
        o->rip = true;
        return take(p, left, 4, &o->disp);
    }
    return !mod || take(p, left, mod == 1 ? 1 : 4, &o->disp);
}

/** What follows an opcode that a switch may have: 'm' ModRM, 'b' 8 and 'z' 32 bits, 'B' and 'Z'
 * both; '.' nothing; 0: none of them. */
static char shape(bool two, uint8_t code)
{
    if (two) // jcc; endbr64, nop; movzx
        return (code & 0xf0) == 0x80                                   ? 'z'
               : code == 0x1e || code == 0x1f || (code & 0xfe) == 0xb6 ? 'm'
                                                                       : 0;
    if ((code & 0xf0) == 0x70 || code == JUMP_SHORT)
        return 'b';
    if (code == JUMP || code == CALL || (code & 0xf8) == 0xb8 || (code < 0x40 && (code & 7) == 5) ||
        code == 0xa9)
        return 'z';
    if ((code & 0xf0) == 0x50 || code == 0x90 || code == 0xc3 || code == 0xcc || code == 0xc9)
        return '.';
    if (code == 0x81 || code == 0xc7)
        return 'Z';
    if (code == 0x83 || code == 0xc1)
        return 'B';
    return (code < 0x40 && ((code & 7) == 1 || (code & 7) == 3)) || code == 0x63 || code == 0x85 ||
                   code == 0x89 || code == 0x8b || code == 0x8d || code == 0xff
               ? 'm'
               : 0;
}

static bool decode(const struct machine *m, struct op *o)
{
    const size_t off = m->pc - m->sw->at;
    const uint8_t *p = m->sw->code + off, *const begin = p;
    size_t left = EG_MIN(m->sw->size - off, (size_t)15);
    uint8_t rex = 0;
    bool halves = false;
    char s;

    *o = (struct op){ .index = NONE, .base = NONE };
    while (left && (*p == 0x66 || *p == 0x2e || *p == 0x3e || *p == 0xf3)) {
        halves |= *p == 0x66;
        p++, left--;
    }
    if (left && (*p & 0xf0) == 0x40)
        rex = *p++, left--;
    o->wide = rex & 8;
    if (left && *p == 0x0f)
        o->two = true, p++, left--;
    if (!left)
        return false;
    o->code = *p++, left--;
    s = shape(o->two, o->code);
    if (!s || (halves && o->code != 0x90 && !(o->two && o->code == 0x1f)))
        return false;
    if (!o->two && s == 'z' && (o->code & 0xf8) == 0xb8) {
        o->rm = (uint8_t)((o->code & 7) | (rex & 1) << 3);
        if (o->wide) // an address of 64 bits
            return false;
    }
    if ((s == 'm' || s == 'B' || s == 'Z') && !modrm(&p, &left, rex, o))
        return false;
    if (!o->two && o->code == 0xff && (o->reg & 7) != 2 && (o->reg & 7) != 4)
        return false;
    if ((s == 'b' || s == 'B') && !take(&p, &left, 1, &o->imm))
        return false;
    if ((s == 'z' || s == 'Z') && !take(&p, &left, 4, &o->imm))
        return false;
    o->size = (uint8_t)(p - begin);
    return true;
}

/* ---- what instructions do ---- */

static uint64_t cut(const struct op *o, uint64_t v)
{
    return o->wide ? v : v & UINT32_MAX;
}

static struct value address(const struct machine *m, const struct op *o)
{
    struct value v = { (uint64_t)o->disp, true };

    if (o->rip)
        v.v += m->pc + o->size;
    if (o->base != NONE) {
        v.v += m->reg[o->base].v;
        v.known &= m->reg[o->base].known;
    }
    if (o->index != NONE) {
        v.v += m->reg[o->index].v << o->scale;
        v.known &= m->reg[o->index].known;
    }
    return v;
}

/** The register or memory that ModRM names, @n bytes of it. */
static struct value operand(const struct machine *m, const struct op *o, unsigned n)
{
    struct value at = address(m, o);
    const uint8_t *p;

    if (o->is_reg)
        return m->reg[o->rm];
    p = at.known ? eg_bytes(eg_view_of(m->run), eg_kernel(m->run), at.v, n) : NULL;
    return p ? (struct value){ eg_load_(p, n, false), true } : (struct value){ 0 };
}

static void set(struct machine *m, const struct op *o, uint8_t reg, struct value v)
{
    m->reg[reg] = (struct value){ cut(o, v.v), v.known };
}

/** @what: the number of the operation in its opcode: add, or, adc, sbb, and, sub, xor, cmp. */
static void compute(struct machine *m, const struct op *o, unsigned what, uint8_t reg,
                    struct value a, struct value b)
{
    struct value out = { 0, a.known && b.known };
    const uint64_t x = cut(o, a.v), y = cut(o, b.v);

    m->flags = (struct flags){ x, y, out.known && (what == 4 || what == 5 || what == 7), what == 4,
                               o->wide };
    switch (what) {
    case 0:
        out.v = x + y;
        break;
    case 1:
        out.v = x | y;
        break;
    case 4:
        out.v = x & y;
        break;
    case 5:
        out.v = x - y;
        break;
    case 6:
        out.v = x ^ y;
        break;
    case 7:
        return;
    default:
        out.known = false;
    }
    set(m, o, reg, out);
}

/** Is the condition @cc of a jump true? */
static bool holds(const struct flags *f, unsigned cc)
{
    const uint64_t top = UINT64_C(1) << (f->wide ? 63 : 31);
    const uint64_t result = (f->conjunction ? f->a & f->b : f->a - f->b) & (top | (top - 1));
    const bool zero = !result, sign = result & top, carry = !f->conjunction && f->a < f->b;
    const bool over = !f->conjunction && (f->a ^ f->b) & (f->a ^ result) & top;
    bool is;

    switch (cc >> 1) {
    case 0:
        is = over;
        break;
    case 1:
        is = carry;
        break;
    case 2:
        is = zero;
        break;
    case 3:
        is = carry || zero;
        break;
    case 4:
        is = sign;
        break;
    case 6:
        is = sign != over;
        break;
    default: // 7; parity is refused before
        is = zero || sign != over;
    }
    return is != (cc & 1);
}

/** Instructions that do not jump. */
static void step(struct machine *m, const struct op *o)
{
    const struct value imm = { (uint64_t)o->imm, true };
    struct value v;

    if (o->two) {
        if ((o->code & 0xfe) == 0xb6)
            set(m, o, o->reg, (struct value){ 0 });
        return;
    }
    if (o->code < 0x40) {
        const bool to_rm = (o->code & 7) == 1, acc = (o->code & 7) == 5;
        const struct value rm = acc ? m->reg[0] : operand(m, o, o->wide ? 8 : 4);
        const uint8_t out = acc ? 0 : to_rm ? o->is_reg ? o->rm : NONE : o->reg;

        if (!acc && o->code >> 3 == 6 && o->is_reg && o->rm == o->reg) // xor of itself
            set(m, o, o->reg, (struct value){ 0, true });
        else
            compute(m, o, o->code >> 3, out, to_rm || acc ? rm : m->reg[o->reg],
                    acc     ? imm
                    : to_rm ? m->reg[o->reg]
                            : rm);
        m->reg[NONE].known = false;
        return;
    }
    switch (o->code) {
    case 0x63: // movsxd
        v = operand(m, o, 4);
        set(m, o, o->reg, (struct value){ (uint64_t)(int64_t)(int32_t)v.v, v.known });
        break;
    case 0x81:
    case 0x83:
        compute(m, o, o->reg & 7, o->is_reg ? o->rm : NONE, operand(m, o, o->wide ? 8 : 4), imm);
        break;
    case 0x85:
        v = operand(m, o, o->wide ? 8 : 4);
        m->flags = (struct flags){ cut(o, v.v), cut(o, m->reg[o->reg].v),
                                   v.known && m->reg[o->reg].known, true, o->wide };
        break;
    case 0x89:
        if (o->is_reg)
            set(m, o, o->rm, m->reg[o->reg]);
        break;
    case 0x8b:
        set(m, o, o->reg, operand(m, o, o->wide ? 8 : 4));
        break;
    case 0x8d:
        set(m, o, o->reg, address(m, o));
        break;
    case 0xc7:
        if (o->is_reg)
            set(m, o, o->rm, imm);
        break;
    case 0xc1: // shifts
        set(m, o, o->is_reg ? o->rm : NONE, (struct value){ 0 });
        m->flags.known = false;
        break;
    default:
        if ((o->code & 0xf8) == 0xb8)
            set(m, o, o->rm, imm);
        else if ((o->code & 0xf8) == 0x58)
            m->reg[(o->code & 7)].known = false;
        else if (o->code == 0xa9)
            m->flags.known = false;
    }
    m->reg[NONE].known = false;
}

/* ---- the way ---- */

/** Code at the beginning that ftrace put there: what it calls comes back. */
static bool traced(const struct machine *m, uint64_t target)
{
    const uint64_t off = m->pc - m->sw->at;
    const enum linux_code_kind kind = linux_whose_code(linux_codes(m->run), target, NULL);

    return (off == 0 || off == 4) &&
           (kind == LINUX_CODE_KERNEL || kind == LINUX_CODE_FTRACE || kind == LINUX_CODE_BPF);
}

/** Where a jump or call leads; not known: it is none, or the place is not known. */
static struct value target_of(const struct machine *m, const struct op *o)
{
    if (!o->two && o->code == 0xff && ((o->reg & 7) == 2 || (o->reg & 7) == 4))
        return operand(m, o, 8);
    return (struct value){ m->pc + o->size + (uint64_t)o->imm, true };
}

static bool is_jump(const struct op *o)
{
    return o->two ? (o->code & 0xf0) == 0x80
                  : (o->code & 0xf0) == 0x70 || o->code == JUMP || o->code == JUMP_SHORT ||
                        o->code == CALL || o->code == 0xff;
}

/** One instruction. @return why the way ends here without an answer; NULL: it goes on, or @ends
 * with the answer. */
static const char *follow(struct machine *m, const struct op *o, struct linux_case *out, bool *ends)
{
    struct value to;
    bool call;

    *ends = true;
    if (!o->two && o->code == 0xcc)
        return "a breakpoint is on the way";
    if (!o->two && o->code == 0xc3)
        return "it returns without a call";
    if (!is_jump(o)) {
        *ends = false;
        step(m, o);
        m->pc += o->size;
        return NULL;
    }
    to = target_of(m, o);
    call = !o->two && (o->code == CALL || (o->code == 0xff && (o->reg & 7) == 2));
    if (!to.known)
        return "a jump by something else than the number";
    if (call && traced(m, to.v)) {
        *ends = false;
        m->pc += o->size;
        return NULL;
    }
    if (o->two || (o->code & 0xf0) == 0x70) {
        const unsigned cc = o->code & 15;

        if (!m->flags.known || cc >> 1 == 5)
            return "a branch by something else than the number";
        if (!holds(&m->flags, cc))
            to.v = m->pc + o->size;
    }
    *ends = call || to.v - m->sw->at >= m->sw->size;
    out->target = to.v;
    if (!*ends)
        m->pc = to.v;
    return NULL;
}

struct linux_case linux_switch_case(struct eg_run *r, const struct linux_switch *s, uint32_t number)
{
    struct machine m = { .run = r, .sw = s, .pc = s->at };
    struct linux_case out = { .why = "the code does not end" };
    bool ends;

    m.reg[RSI] = (struct value){ number, true };
    for (unsigned i = 0; i < STEPS_MAX; i++) {
        struct op o;

        out.from = m.pc;
        if (m.pc - s->at >= s->size || !decode(&m, &o)) {
            out.why = "an instruction that no switch has";
            return out;
        }
        out.why = follow(&m, &o, &out, &ends);
        if (ends)
            return out;
        out.why = "the code does not end";
    }
    return out;
}

bool linux_switch_open(struct eg_run *r, const char *name, struct linux_switch *out)
{
    struct eg_symbol_extent extent;
    uint8_t *code;
    uint64_t at;

    if (!eg_system_own_symbol(eg_system_of(r), name, &at, &extent) || !extent.room)
        return false;
    out->at = at;
    out->size = EG_MIN(extent.room, (uint64_t)SWITCH_MAX);
    code = eg_tmp(r, out->size);
    out->code = code;
    return eg_read(eg_view_of(r), eg_kernel(r), at, code, out->size);
}
