/* cfi_expression.c - DWARF expressions as call frame information has them (DWARF 5, 2.5): PLT code
 * and signal frames are described by them. */
#include "cfi.h"

enum { DEEPEST = 64, STEPS = 1000 };

/* ORDER: DWARF 5, table 7.9 */
enum op {
    OP_ADDR = 0x03,
    OP_DEREF = 0x06,
    OP_CONST1U = 0x08,
    OP_CONST8S = 0x0f,
    OP_CONSTU = 0x10,
    OP_CONSTS,
    OP_DUP,
    OP_DROP,
    OP_OVER,
    OP_PICK,
    OP_SWAP,
    OP_ROT,
    OP_ABS = 0x19,
    OP_AND,
    OP_DIV,
    OP_MINUS,
    OP_MOD,
    OP_MUL,
    OP_NEG,
    OP_NOT,
    OP_OR,
    OP_PLUS,
    OP_PLUS_UCONST,
    OP_SHL,
    OP_SHR,
    OP_SHRA,
    OP_XOR,
    OP_BRA,
    OP_EQ,
    OP_GE,
    OP_GT,
    OP_LE,
    OP_LT,
    OP_NE,
    OP_SKIP,
    OP_LIT0 = 0x30,
    OP_LIT31 = 0x4f,
    OP_BREG0 = 0x70,
    OP_BREG31 = 0x8f,
    OP_BREGX = 0x92,
    OP_DEREF_SIZE = 0x94,
    OP_NOP = 0x96,
};

struct machine {
    struct linux_cfi_bytes code;
    uint64_t first; // of the expression
    const struct linux_cfi *t;
    const struct linux_cfi_registers *regs;
    uint64_t stack[DEEPEST];
    unsigned n;
    bool bad;
};

/* Values are as wide as an address. */
static uint64_t narrow(const struct machine *m, uint64_t value)
{
    return m->t->word == 4 ? (uint32_t)value : value;
}

static int64_t as_signed(const struct machine *m, uint64_t value)
{
    return m->t->word == 4 ? (int32_t)value : (int64_t)value;
}

static void push(struct machine *m, uint64_t value)
{
    if (m->n == DEEPEST)
        m->bad = true;
    else
        m->stack[m->n++] = narrow(m, value);
}

/* The @i-th from the top. */
static uint64_t peek(struct machine *m, uint64_t i)
{
    if (i < m->n)
        return m->stack[m->n - 1 - i];
    m->bad = true;
    return 0;
}

static uint64_t pop(struct machine *m)
{
    const uint64_t value = peek(m, 0);

    m->n -= m->n > 0;
    return value;
}

static void push_memory(struct machine *m, uint64_t size)
{
    struct linux_cfi_bytes b = { .v = m->code.v, .space = m->t->space, .at = pop(m) };

    b.big_endian = m->code.big_endian;
    if (m->bad || !size || size > m->t->word || !eg_add(b.at, size, &b.end)) {
        m->bad = true;
        return;
    }
    push(m, linux_cfi_fixed(&b, (unsigned)size));
    m->bad |= b.bad;
}

static void push_register(struct machine *m, uint64_t number, int64_t offset)
{
    if (number < LINUX_CFI_REGISTERS && m->regs->known >> number & 1)
        push(m, m->regs->value[number] + (uint64_t)offset);
    else
        m->bad = true;
}

static void jump(struct machine *m, int16_t by)
{
    const uint64_t to = m->code.at + (uint64_t)(int64_t)by;

    if (to < m->first || to > m->code.end)
        m->bad = true;
    else
        m->code.at = to;
}

static void constant(struct machine *m, uint8_t op)
{
    const unsigned size = 1u << ((op - OP_CONST1U) / 2);
    uint64_t value = linux_cfi_fixed(&m->code, size);

    if ((op & 1) && size < 8) // signed ones have odd numbers
        value = (uint64_t)((int64_t)(value << (64 - 8 * size)) >> (64 - 8 * size));
    push(m, value);
}

static void divide(struct machine *m, int64_t a, int64_t b, uint64_t ua, uint64_t ub, bool rest)
{
    if (!b || (b == -1 && a == INT64_MIN))
        m->bad = true;
    else
        push(m, rest ? ua % ub : (uint64_t)(a / b));
}

static void two(struct machine *m, uint8_t op)
{
    const uint64_t b = pop(m), a = pop(m);
    const int64_t sa = as_signed(m, a), sb = as_signed(m, b);
    const unsigned bits = 8u * m->t->word;

    switch (op) {
    case OP_AND:
        push(m, a & b);
        break;
    case OP_DIV:
    case OP_MOD:
        divide(m, sa, sb, a, b, op == OP_MOD);
        break;
    case OP_MINUS:
        push(m, a - b);
        break;
    case OP_MUL:
        push(m, a * b);
        break;
    case OP_OR:
        push(m, a | b);
        break;
    case OP_PLUS:
        push(m, a + b);
        break;
    case OP_SHL:
        push(m, b < bits ? a << b : 0);
        break;
    case OP_SHR:
        push(m, b < bits ? a >> b : 0);
        break;
    case OP_SHRA:
        push(m, (uint64_t)(sa >> (b < bits ? b : bits - 1)));
        break;
    case OP_XOR:
        push(m, a ^ b);
        break;
    case OP_EQ:
        push(m, sa == sb);
        break;
    case OP_GE:
        push(m, sa >= sb);
        break;
    case OP_GT:
        push(m, sa > sb);
        break;
    case OP_LE:
        push(m, sa <= sb);
        break;
    case OP_LT:
        push(m, sa < sb);
        break;
    case OP_NE:
        push(m, sa != sb);
        break;
    default:
        m->bad = true;
    }
}

static void exchange(struct machine *m, uint8_t op)
{
    const uint64_t a = pop(m), b = pop(m);
    uint64_t c;

    if (op == OP_SWAP) {
        push(m, a);
        push(m, b);
        return;
    }
    c = pop(m); // the top becomes the third
    push(m, a);
    push(m, c);
    push(m, b);
}

static void step(struct machine *m)
{
    struct linux_cfi_bytes *b = &m->code;
    const uint8_t op = (uint8_t)linux_cfi_fixed(b, 1);
    uint64_t number;
    int16_t by;

    if (op >= OP_LIT0 && op <= OP_LIT31) {
        push(m, op - OP_LIT0);
        return;
    }
    if (op >= OP_BREG0 && op <= OP_BREG31) {
        push_register(m, op - OP_BREG0, linux_cfi_sleb(b));
        return;
    }
    if (op >= OP_CONST1U && op <= OP_CONST8S) {
        constant(m, op);
        return;
    }
    switch (op) {
    case OP_ADDR:
        push(m, linux_cfi_fixed(b, m->t->word));
        break;
    case OP_DEREF:
        push_memory(m, m->t->word);
        break;
    case OP_DEREF_SIZE:
        push_memory(m, linux_cfi_fixed(b, 1));
        break;
    case OP_CONSTU:
        push(m, linux_cfi_uleb(b));
        break;
    case OP_CONSTS:
        push(m, (uint64_t)linux_cfi_sleb(b));
        break;
    case OP_DUP:
        push(m, peek(m, 0));
        break;
    case OP_DROP:
        pop(m);
        break;
    case OP_OVER:
        push(m, peek(m, 1));
        break;
    case OP_PICK:
        push(m, peek(m, linux_cfi_fixed(b, 1)));
        break;
    case OP_SWAP:
    case OP_ROT:
        exchange(m, op);
        break;
    case OP_ABS:
        number = pop(m);
        push(m, as_signed(m, number) < 0 ? 0 - number : number);
        break;
    case OP_NEG:
        push(m, 0 - pop(m));
        break;
    case OP_NOT:
        push(m, ~pop(m));
        break;
    case OP_PLUS_UCONST:
        push(m, pop(m) + linux_cfi_uleb(b));
        break;
    case OP_SKIP:
    case OP_BRA:
        by = (int16_t)linux_cfi_fixed(b, 2);
        if (op == OP_SKIP || pop(m))
            jump(m, by);
        break;
    case OP_BREGX:
        number = linux_cfi_uleb(b);
        push_register(m, number, linux_cfi_sleb(b));
        break;
    case OP_NOP:
        break;
    default:
        two(m, op);
    }
}

bool linux_cfi_evaluate(struct eg_view *v, const struct linux_cfi *t, uint64_t at, uint32_t len,
                        const struct linux_cfi_registers *regs, const uint64_t *cfa, uint64_t *out)
{
    struct machine m = { .first = at, .t = t, .regs = regs };

    m.code = (struct linux_cfi_bytes){ v, t->space, at, 0, t->big_endian, false };
    if (!eg_add(at, len, &m.code.end))
        return false;
    if (cfa)
        push(&m, *cfa);
    for (int i = 0; m.code.at < m.code.end; i++) {
        if (i == STEPS || m.bad || m.code.bad)
            return false;
        step(&m);
    }
    *out = pop(&m);
    return !m.bad && !m.code.bad;
}
