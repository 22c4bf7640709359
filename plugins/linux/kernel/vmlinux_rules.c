/* vmlinux_cfi.c - the instructions of .debug_frame. */
#include "vmlinux_frames.h"

enum { // DW_CFA_…
    ADVANCE = 0x40,
    OFFSET = 0x80,
    ADVANCE1 = 0x02,
    ADVANCE2 = 0x03,
    ADVANCE4 = 0x04,
    UNDEFINED = 0x07,
    SAME = 0x08,
    DEF_CFA = 0x0c,
    DEF_CFA_SF = 0x12,
    DEF_EXPRESSION = 0x0f,
    EXPRESSION = 0x10,
    OFFSET_SF = 0x11,
    VAL_EXPRESSION = 0x16,
    OP_DEREF = 0x06, // DW_OP_…
    OP_CONST8U = 0x0e,
    OP_OR = 0x21,
    OP_BREG = 0x70,
    OP_CONSTS = 0x11,
    OP_PLUS = 0x22,
    OP_NOP = 0x96,
};

static void put(struct linux_rules *c, unsigned size, uint64_t v)
{
    eg_dwarf_put(c->out, size, v);
}

size_t linux_rules_cie(struct linux_rules *c, bool is_signal, unsigned link)
{
    const char *augmentation = is_signal ? "zS" : "";

    c->start = c->out->n;
    put(c, 4, 0);
    put(c, 4, UINT32_MAX);
    put(c, 1, 3);
    eg_dwarf_put_bytes(c->out, augmentation, strlen(augmentation) + 1);
    eg_dwarf_put_u(c->out, c->code ? c->code : 1);
    eg_dwarf_put_s(c->out, c->factor);
    eg_dwarf_put_u(c->out, link);
    if (is_signal)
        eg_dwarf_put_u(c->out, 0); // bytes of augmentation
    return c->start;
}

void linux_rules_end(struct linux_rules *c)
{
    while ((c->out->n - c->start) % 8 && !c->out->failed)
        put(c, 1, 0); // DW_CFA_nop
    eg_dwarf_set(c->out, c->start, 4, c->out->n - c->start - 4);
}

void linux_rules_fde(struct linux_rules *c, size_t cie, uint64_t from)
{
    c->start = c->out->n;
    c->from = c->at = from;
    put(c, 4, 0);
    put(c, 4, cie);
    put(c, 8, from);
    put(c, 8, 0);
    // A CIE's augmentation, if it has one, is of three bytes behind its version.
    if (!c->out->failed && c->out->at[cie + 9])
        eg_dwarf_put_u(c->out, 0);
}

bool linux_rules_fde_end(struct linux_rules *c, uint64_t to)
{
    if (to <= c->from) {
        c->out->n = c->start;
        return false;
    }
    eg_dwarf_set(c->out, c->start + 16, 8, to - c->from);
    linux_rules_end(c);
    return true;
}

void linux_rules_advance(struct linux_rules *c, uint64_t to)
{
    const uint64_t n = (to - c->at) / (c->code ? c->code : 1);

    c->at = to;
    if (n < ADVANCE) {
        put(c, 1, ADVANCE | n);
    } else if (n <= UINT8_MAX) {
        put(c, 1, ADVANCE1);
        put(c, 1, n);
    } else if (n <= UINT16_MAX) {
        put(c, 1, ADVANCE2);
        put(c, 2, n);
    } else {
        put(c, 1, ADVANCE4);
        put(c, 4, n);
    }
}

static void based(struct eg_dwarf_section *s, unsigned reg, int64_t offset)
{
    eg_dwarf_put(s, 1, OP_BREG + reg);
    eg_dwarf_put_s(s, offset);
}

static unsigned length(int64_t offset) // of the LEB128
{
    unsigned n = 1;

    for (; offset < -64 || offset > 63; offset >>= 7)
        n++;
    return n;
}

void linux_rules_cfa(struct linux_rules *c, unsigned reg, int64_t offset)
{
    if (offset >= 0) {
        put(c, 1, DEF_CFA);
        eg_dwarf_put_u(c->out, reg);
        eg_dwarf_put_u(c->out, (uint64_t)offset);
    } else if (offset % c->factor == 0) {
        put(c, 1, DEF_CFA_SF);
        eg_dwarf_put_u(c->out, reg);
        eg_dwarf_put_s(c->out, offset / c->factor);
    } else {
        put(c, 1, DEF_EXPRESSION);
        eg_dwarf_put_u(c->out, 1 + length(offset));
        based(c->out, reg, offset);
    }
}

void linux_rules_cfa_deref(struct linux_rules *c, unsigned reg, int64_t offset, int64_t more)
{
    put(c, 1, DEF_EXPRESSION);
    eg_dwarf_put_u(c->out, 4 + length(offset) + length(more));
    based(c->out, reg, offset);
    put(c, 1, OP_DEREF);
    put(c, 1, OP_CONSTS);
    eg_dwarf_put_s(c->out, more);
    put(c, 1, OP_PLUS);
}

void linux_rules_saved(struct linux_rules *c, unsigned reg, int64_t offset)
{
    if (offset % c->factor) { // the CFA is on the stack of an expression
        put(c, 1, EXPRESSION);
        eg_dwarf_put_u(c->out, reg);
        eg_dwarf_put_u(c->out, 2 + length(offset));
        put(c, 1, OP_CONSTS);
        eg_dwarf_put_s(c->out, offset);
        put(c, 1, OP_PLUS);
    } else if (offset / c->factor >= 0) {
        put(c, 1, OFFSET | reg);
        eg_dwarf_put_u(c->out, (uint64_t)(offset / c->factor));
    } else {
        put(c, 1, OFFSET_SF);
        eg_dwarf_put_u(c->out, reg);
        eg_dwarf_put_s(c->out, offset / c->factor);
    }
}

void linux_rules_saved_at(struct linux_rules *c, unsigned reg, unsigned base, int64_t offset)
{
    put(c, 1, EXPRESSION);
    eg_dwarf_put_u(c->out, reg);
    eg_dwarf_put_u(c->out, 1 + length(offset));
    based(c->out, base, offset);
}

void linux_rules_saved_or(struct linux_rules *c, unsigned reg, int64_t offset, uint64_t mask)
{
    put(c, 1, VAL_EXPRESSION); // of the CFA
    eg_dwarf_put_u(c->out, reg);
    eg_dwarf_put_u(c->out, 13 + length(offset));
    put(c, 1, OP_CONSTS);
    eg_dwarf_put_s(c->out, offset);
    put(c, 1, OP_PLUS);
    put(c, 1, OP_DEREF);
    put(c, 1, OP_CONST8U);
    put(c, 8, mask);
    put(c, 1, OP_OR);
}

/* lldb knows no DW_CFA_val_offset: it reads the operands as instructions. */
void linux_rules_is_cfa(struct linux_rules *c, unsigned reg)
{
    put(c, 1, VAL_EXPRESSION); // the CFA is on the stack of it
    eg_dwarf_put_u(c->out, reg);
    eg_dwarf_put_u(c->out, 1);
    put(c, 1, OP_NOP);
}

void linux_rules_same(struct linux_rules *c, unsigned reg)
{
    put(c, 1, SAME);
    eg_dwarf_put_u(c->out, reg);
}

void linux_rules_undefined(struct linux_rules *c, unsigned reg)
{
    put(c, 1, UNDEFINED);
    eg_dwarf_put_u(c->out, reg);
}
