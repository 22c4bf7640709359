/* cfi_rows.c - what the instructions of an entry say of the caller's registers (DWARF 5, 6.4.2). */
#include "cfi_entry.h"

enum { REMEMBERED_MOST = 16 }; // DW_CFA_remember_state
/* Instructions: the upper two bits, else all. */
enum {
    CFA_ADVANCE_LOC = 1,
    CFA_OFFSET,
    CFA_RESTORE,
    CFA_NOP = 0,
    CFA_SET_LOC,
    CFA_ADVANCE_LOC1,
    CFA_ADVANCE_LOC2,
    CFA_ADVANCE_LOC4,
    CFA_OFFSET_EXTENDED,
    CFA_RESTORE_EXTENDED,
    CFA_UNDEFINED,
    CFA_SAME_VALUE,
    CFA_REGISTER,
    CFA_REMEMBER_STATE,
    CFA_RESTORE_STATE,
    CFA_DEF_CFA,
    CFA_DEF_CFA_REGISTER,
    CFA_DEF_CFA_OFFSET,
    CFA_DEF_CFA_EXPRESSION,
    CFA_EXPRESSION,
    CFA_OFFSET_EXTENDED_SF,
    CFA_DEF_CFA_SF,
    CFA_DEF_CFA_OFFSET_SF,
    CFA_VAL_OFFSET,
    CFA_VAL_OFFSET_SF,
    CFA_VAL_EXPRESSION,
    CFA_AARCH64_NEGATE_RA_STATE_WITH_PC = 0x2c,
    CFA_GNU_WINDOW_SAVE = 0x2d, // AArch64: negate_ra_state
    CFA_GNU_ARGS_SIZE = 0x2e,
    CFA_GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f,
};

struct states {
    struct linux_cfi_row row;
    struct linux_cfi_rule initial[LINUX_CFI_REGISTERS];
    struct {
        struct linux_cfi_rule cfa, of[LINUX_CFI_REGISTERS];
    } kept[REMEMBERED_MOST];
    unsigned n_kept;
    uint64_t loc;
    bool bad;
};

static void set(struct states *s, uint64_t reg, uint8_t how, uint64_t value)
{
    // Those of vectors and of floating point lead nowhere.
    if (reg < LINUX_CFI_REGISTERS)
        s->row.of[reg] = (struct linux_cfi_rule){ .how = how, .value = value };
}

static void set_cfa(struct states *s, uint64_t reg, uint64_t offset)
{
    s->bad |= reg >= LINUX_CFI_REGISTERS;
    s->row.cfa = (struct linux_cfi_rule){ LINUX_CFI_IS, (uint8_t)reg, 0, offset };
}

static struct linux_cfi_rule expression(struct states *s, struct linux_cfi_bytes *b, uint8_t how)
{
    const uint64_t len = linux_cfi_uleb(b);
    struct linux_cfi_rule rule = { how, 0, (uint16_t)len, b->at };

    if (b->bad || len > b->end - b->at || len > UINT16_MAX)
        s->bad = true;
    else
        b->at += len;
    return rule;
}

static void restore(struct states *s, uint64_t reg)
{
    if (reg < LINUX_CFI_REGISTERS)
        s->row.of[reg] = s->initial[reg];
}

static void remember(struct states *s)
{
    if (s->n_kept == REMEMBERED_MOST) {
        s->bad = true;
        return;
    }
    s->kept[s->n_kept].cfa = s->row.cfa;
    memcpy(s->kept[s->n_kept++].of, s->row.of, sizeof s->row.of);
}

static void recall(struct states *s)
{
    if (!s->n_kept) {
        s->bad = true;
        return;
    }
    s->row.cfa = s->kept[--s->n_kept].cfa;
    memcpy(s->row.of, s->kept[s->n_kept].of, sizeof s->row.of);
}

/* Those that only set rules. */
static void rule(struct states *s, struct linux_cfi_bytes *b, uint8_t op, int64_t align)
{
    uint64_t reg = linux_cfi_uleb(b), value = 0;
    struct linux_cfi_rule by = { 0 };

    switch (op) {
    case CFA_OFFSET_EXTENDED:
        set(s, reg, LINUX_CFI_AT, linux_cfi_uleb(b) * (uint64_t)align);
        break;
    case CFA_OFFSET_EXTENDED_SF:
        set(s, reg, LINUX_CFI_AT, (uint64_t)linux_cfi_sleb(b) * (uint64_t)align);
        break;
    case CFA_GNU_NEGATIVE_OFFSET_EXTENDED:
        set(s, reg, LINUX_CFI_AT, 0 - linux_cfi_uleb(b) * (uint64_t)align);
        break;
    case CFA_VAL_OFFSET:
        set(s, reg, LINUX_CFI_IS, linux_cfi_uleb(b) * (uint64_t)align);
        break;
    case CFA_VAL_OFFSET_SF:
        set(s, reg, LINUX_CFI_IS, (uint64_t)linux_cfi_sleb(b) * (uint64_t)align);
        break;
    case CFA_REGISTER:
        value = linux_cfi_uleb(b);
        if (reg < LINUX_CFI_REGISTERS && value < LINUX_CFI_REGISTERS)
            s->row.of[reg] = (struct linux_cfi_rule){ LINUX_CFI_REGISTER, (uint8_t)value, 0, 0 };
        break;
    case CFA_EXPRESSION:
    case CFA_VAL_EXPRESSION:
        by = expression(s, b,
                        op == CFA_EXPRESSION ? LINUX_CFI_AT_EXPRESSION : LINUX_CFI_IS_EXPRESSION);
        if (reg < LINUX_CFI_REGISTERS)
            s->row.of[reg] = by;
        break;
    case CFA_RESTORE_EXTENDED:
        restore(s, reg);
        break;
    case CFA_UNDEFINED:
        set(s, reg, LINUX_CFI_UNDEFINED, 0);
        break;
    case CFA_SAME_VALUE:
        set(s, reg, LINUX_CFI_SAME, 0);
        break;
    case CFA_DEF_CFA:
        set_cfa(s, reg, linux_cfi_uleb(b));
        break;
    case CFA_DEF_CFA_SF:
        set_cfa(s, reg, (uint64_t)linux_cfi_sleb(b) * (uint64_t)align);
        break;
    case CFA_DEF_CFA_REGISTER:
        set_cfa(s, reg, s->row.cfa.value);
        break;
    default:
        s->bad = true; // not known: what it does to the frame neither
    }
}

/* One instruction; @return false: the row for @pc is complete. */
static bool instruction(struct states *s, struct linux_cfi_bytes *b, const struct linux_cfi *t,
                        const struct linux_cfi_common *c, uint64_t pc)
{
    const uint8_t byte = (uint8_t)linux_cfi_fixed(b, 1), op = byte & 0x3f;
    uint64_t by = UINT64_MAX;

    switch (byte >> 6) {
    case CFA_ADVANCE_LOC:
        by = op;
        break;
    case CFA_OFFSET:
        set(s, op, LINUX_CFI_AT, linux_cfi_uleb(b) * (uint64_t)c->data_align);
        return true;
    case CFA_RESTORE:
        restore(s, op);
        return true;
    default:
        switch (op) {
        case CFA_NOP:
            return true;
        case CFA_SET_LOC:
            s->loc = linux_cfi_pointer(b, t, c->encoding);
            return s->loc <= pc;
        case CFA_ADVANCE_LOC1:
            by = linux_cfi_fixed(b, 1);
            break;
        case CFA_ADVANCE_LOC2:
            by = linux_cfi_fixed(b, 2);
            break;
        case CFA_ADVANCE_LOC4:
            by = linux_cfi_fixed(b, 4);
            break;
        case CFA_REMEMBER_STATE:
            remember(s);
            return true;
        case CFA_RESTORE_STATE:
            recall(s);
            return true;
        case CFA_DEF_CFA_OFFSET:
            s->row.cfa.value = linux_cfi_uleb(b);
            return true;
        case CFA_DEF_CFA_OFFSET_SF:
            s->row.cfa.value = (uint64_t)linux_cfi_sleb(b) * (uint64_t)c->data_align;
            return true;
        case CFA_DEF_CFA_EXPRESSION:
            s->row.cfa = expression(s, b, LINUX_CFI_IS_EXPRESSION);
            return true;
        case CFA_GNU_ARGS_SIZE:
            linux_cfi_uleb(b);
            return true;
        case CFA_GNU_WINDOW_SAVE:
        case CFA_AARCH64_NEGATE_RA_STATE_WITH_PC:
            s->bad |= !t->is_aarch64;
            s->row.is_signed = !s->row.is_signed;
            return true;
        default:
            rule(s, b, op, c->data_align);
            return true;
        }
    }
    // An advance that overflows is behind every place.
    if (!eg_mul(by, c->code_align, &by) || !eg_add(s->loc, by, &s->loc))
        return false;
    return s->loc <= pc;
}

static bool execute(struct states *s, struct linux_cfi_bytes *b, const struct linux_cfi *t,
                    const struct linux_cfi_common *c, uint64_t pc)
{
    while (b->at < b->end && instruction(s, b, t, c, pc))
        if (b->bad || s->bad)
            return false;
    return !b->bad && !s->bad;
}

const char *linux_cfi_find(struct eg_view *v, struct linux_cfi *t, uint64_t pc,
                           struct linux_cfi_row *out)
{
    struct states s;
    struct linux_cfi_entry e;
    const char *why = linux_cfi_entry_at(v, t, pc, &e);

    if (why)
        return why;
    memset(&s.row, 0, sizeof s.row);
    memset(s.initial, 0, sizeof s.initial);
    s.n_kept = 0;
    s.bad = false;
    s.loc = e.first;
    if (!execute(&s, &e.common.code, t, &e.common, UINT64_MAX))
        return "the instructions of its common entry (CIE) cannot be understood";
    memcpy(s.initial, s.row.of, sizeof s.initial);
    s.loc = e.first;
    if (!execute(&s, &e.code, t, &e.common, pc))
        return "the instructions of its table entry (FDE) cannot be understood";
    *out = s.row;
    out->first = e.first;
    out->end = e.end;
    out->ra = e.common.ra;
    out->is_signal = e.common.is_signal;
    return NULL;
}

/* ---- applying a row ---- */

static bool load(struct eg_view *v, const struct linux_cfi *t, uint64_t at, uint64_t *out)
{
    const uint8_t *p = eg_bytes(v, t->space, linux_cfi_narrow(t, at), t->word);

    if (!p)
        return false;
    *out = eg_load_(p, t->word, t->big_endian);
    return true;
}

static bool apply_rule(struct eg_view *v, const struct linux_cfi *t, unsigned reg,
                       const struct linux_cfi_rule *r, const struct linux_cfi_registers *in,
                       uint64_t cfa, uint64_t *out)
{
    unsigned from = reg;
    uint64_t at;

    switch (r->how) {
    case LINUX_CFI_UNDEFINED:
        return false;
    case LINUX_CFI_AT:
        return load(v, t, cfa + r->value, out);
    case LINUX_CFI_IS:
        return *out = linux_cfi_narrow(t, cfa + r->value), true;
    case LINUX_CFI_AT_EXPRESSION:
        return linux_cfi_evaluate(v, t, r->value, r->len, in, &cfa, &at) && load(v, t, at, out);
    case LINUX_CFI_IS_EXPRESSION:
        return linux_cfi_evaluate(v, t, r->value, r->len, in, &cfa, out);
    case LINUX_CFI_REGISTER:
        from = r->reg;
        break;
    default:
        break;
    }
    if (!(in->known >> from & 1))
        return false;
    *out = in->value[from];
    return true;
}

const char *linux_cfi_apply(struct eg_view *v, const struct linux_cfi *t,
                            const struct linux_cfi_row *row, const struct linux_cfi_registers *in,
                            struct linux_cfi_registers *out, uint64_t *cfa)
{
    const struct linux_cfi_rule *c = &row->cfa;

    if (c->how == LINUX_CFI_IS_EXPRESSION) {
        if (!linux_cfi_evaluate(v, t, c->value, c->len, in, NULL, cfa))
            return "the expression for its frame cannot be computed";
    } else if (c->how == LINUX_CFI_IS && in->known >> c->reg & 1) {
        *cfa = linux_cfi_narrow(t, in->value[c->reg] + c->value);
    } else {
        return "the register that its frame hangs on is not known";
    }
    out->known = 0;
    for (unsigned i = 0; i < LINUX_CFI_REGISTERS; i++) {
        if (!apply_rule(v, t, i, &row->of[i], in, *cfa, &out->value[i]))
            continue;
        out->known |= UINT64_C(1) << i;
    }
    return NULL;
}
