/* vmlinux_frames.c - .debug_frame of the kernel's ELF file (DWARF 5, section 6.4) from ORC.
 *
 *  An entry of ORC becomes a row: where the caller's stack pointer is, which is the CFA, and where
 * the frame pointer and the return address were saved. ORC says nothing of the other registers, so
 * they are not known in the caller; but entry code saves them all in a pt_regs, which is a row too.
 *
 *  A debugger looks at the call before a return address, except below a "signal frame", whose
 * caller was interrupted. ORC has that mark for each entry, CFI for a function: it is set for those
 * that gates of the interrupt descriptor table lead to. Code of system calls is none of them. */
#include "vmlinux_frames.h"
#include "../../../core/run.h"
#include "../mm/elf.h"
#include "orc.h"
#include "step.h"
#include "unwind.h"
#include <stdlib.h>

enum {
    DX = 1, // DWARF numbers of registers (psABI x86-64, figure 3.36)
    DI = 5,
    BP = 6,
    SP = 7,
    R10 = 10,
    R13 = 13,
    IP = 16,
    PT_IP = 128, // in struct pt_regs
    PT_SP = 152,
    IRET_SP = 24, // behind the ip of what the processor pushes
    CHUNK = 4096, // entries that are read at once
    GATES = 256,  // of the interrupt descriptor table
    ROWS_MAX = 512,
};
/* Registers in the order of struct pt_regs, by their DWARF numbers. */
static const uint8_t saved[] = { 15, 14, 13, 12, 6, 3, 11, 10, 9, 8, 0, 2, 1, 4, 5 };

struct frames {
    struct linux_vmlinux *x;
    struct linux_rules rules;
    size_t cie[2]; // of calls; of signal frames
    size_t symbol; // the next one, by address
    bool open;     // a function has begun
    bool signal;
    unsigned rows;
    uint64_t gates[2 * GATES]; // code that exceptions and interrupts enter, by address
    size_t n_gates;
    struct linux_orc row; // in force; of an open function it is written
};

/* ---- rows ---- */

static void put_cfa(struct linux_rules *c, const struct linux_orc *o)
{
    static const uint8_t number[LINUX_ORC_REGS] = {
        [LINUX_ORC_AX] = 0,  [LINUX_ORC_DX] = DX,   [LINUX_ORC_DI] = DI,  [LINUX_ORC_BP] = BP,
        [LINUX_ORC_SP] = SP, [LINUX_ORC_R10] = R10, [LINUX_ORC_R13] = R13
    };

    switch (o->sp_reg) {
    case LINUX_ORC_SP_INDIRECT:
        linux_rules_cfa_deref(c, SP, 0, o->sp_offset);
        break;
    case LINUX_ORC_BP_INDIRECT:
        linux_rules_cfa_deref(c, BP, o->sp_offset, 0);
        break;
    case LINUX_ORC_SP:
    case LINUX_ORC_BP:
        linux_rules_cfa(c, number[o->sp_reg], o->sp_offset);
        break;
    default: // the kernel adds no offset
        linux_rules_cfa(c, number[o->sp_reg], 0);
    }
}

static void put_bp(struct linux_rules *c, const struct linux_orc *o)
{
    if (o->bp_reg == LINUX_ORC_PREV_SP)
        linux_rules_saved(c, BP, o->bp_offset);
    else if (o->bp_reg == LINUX_ORC_BP)
        linux_rules_saved_at(c, BP, BP, o->bp_offset);
    else if (o->type == LINUX_ORC_FULL_REGS)
        linux_rules_saved(c, BP, 32);
    else
        linux_rules_same(c, BP);
}

static void put_type(struct linux_rules *c, const struct linux_orc *o)
{
    for (size_t i = 0; i < sizeof saved; i++)
        if (saved[i] != BP && o->type == LINUX_ORC_FULL_REGS)
            linux_rules_saved(c, saved[i], 8 * (int64_t)i);
        else if (saved[i] != BP && o->type == LINUX_ORC_IRET_REGS)
            linux_rules_same(c, saved[i]);
        else if (saved[i] != BP)
            linux_rules_undefined(c, saved[i]);
    if (o->type == LINUX_ORC_CALL) {
        linux_rules_saved(c, IP, -8);
        linux_rules_is_cfa(c, SP);
    } else {
        linux_rules_saved(c, IP, o->type == LINUX_ORC_FULL_REGS ? PT_IP : 0);
        linux_rules_saved(c, SP, o->type == LINUX_ORC_FULL_REGS ? PT_SP : IRET_SP);
    }
}

/* An unknown return address alone ends a stack. Of the stack pointer nothing is said: lldb, which
 * does not know that it is the CFA again in a row behind this one, would stop there too. */
static void put_end(struct linux_rules *c)
{
    for (size_t i = 0; i < sizeof saved; i++)
        linux_rules_undefined(c, saved[i]);
    linux_rules_undefined(c, IP);
}

static bool is_end(const struct linux_orc *o)
{
    static const bool usable[LINUX_ORC_REGS] = {
        [LINUX_ORC_AX] = true,  [LINUX_ORC_DX] = true,          [LINUX_ORC_DI] = true,
        [LINUX_ORC_BP] = true,  [LINUX_ORC_SP] = true,          [LINUX_ORC_R10] = true,
        [LINUX_ORC_R13] = true, [LINUX_ORC_BP_INDIRECT] = true, [LINUX_ORC_SP_INDIRECT] = true,
    };

    return o->type < LINUX_ORC_CALL || o->type > LINUX_ORC_IRET_REGS ||
           o->sp_reg >= LINUX_ORC_REGS || !usable[o->sp_reg] ||
           (o->bp_reg != LINUX_ORC_UNDEFINED && o->bp_reg != LINUX_ORC_PREV_SP &&
            o->bp_reg != LINUX_ORC_BP);
}

void linux_rules_orc(struct linux_rules *c, const struct linux_orc *was, const struct linux_orc *o)
{
    const bool new_type = was->type != o->type || is_end(was);

    if (is_end(o)) { // nothing called this code, or nothing is known of it: the stack ends
        put_end(c);
        return;
    }
    if (was->sp_reg != o->sp_reg || was->sp_offset != o->sp_offset || is_end(was))
        put_cfa(c, o);
    if (new_type)
        put_type(c, o);
    if (new_type || was->bp_reg != o->bp_reg || was->bp_offset != o->bp_offset)
        put_bp(c, o);
}

const struct linux_orc linux_rules_called = {
    .sp_reg = LINUX_ORC_SP, .sp_offset = 8, .bp_reg = LINUX_ORC_UNDEFINED, .type = LINUX_ORC_CALL
};

static void put_cies(struct frames *f)
{
    const struct linux_orc nothing = { 0 };

    for (int i = 0; i < 2; i++) {
        f->cie[i] = linux_rules_cie(&f->rules, i, IP);
        linux_rules_orc(&f->rules, &nothing, &linux_rules_called);
        linux_rules_end(&f->rules);
    }
}

/* ---- functions ---- */

static bool same_row(const struct linux_orc *a, const struct linux_orc *b)
{
    return (is_end(a) && is_end(b)) ||
           (a->type == b->type && a->sp_reg == b->sp_reg && a->sp_offset == b->sp_offset &&
            a->bp_reg == b->bp_reg && a->bp_offset == b->bp_offset);
}

static void begin(struct frames *f, uint64_t at)
{
    linux_rules_fde(&f->rules, f->cie[f->signal], linux_vmlinux_address(f->x, at));
    linux_rules_orc(&f->rules, &linux_rules_called, &f->row);
    f->rows = 0;
    f->open = true;
}

static void end(struct frames *f, uint64_t at)
{
    if (f->open && linux_rules_fde_end(&f->rules, linux_vmlinux_address(f->x, at)))
        f->x->counts->frames++;
    f->open = false;
}

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* The targets of gates, and what those jump to that only push a number (irq_entries_start,
 * arch/x86/include/asm/idtentry.h). */
static void find_gates(struct frames *f)
{
    enum { GATE = 16, STUB = 24, STEPS = 4 };
    struct eg_run *r = f->x->r;
    const struct eg_system *sys = eg_system_of(r);
    uint8_t gate[GATE], code[STUB];
    struct linux_step s;
    uint64_t table;

    if (!eg_system_own_symbol(sys, "idt_table", &table, NULL))
        return;
    for (uint64_t i = 0; i < GATES; i++) {
        size_t at = 0;
        uint64_t va;

        if (!eg_read(eg_view_of(r), eg_kernel(r), table + GATE * i, gate, GATE))
            continue;
        va = eg_le16(gate) | (uint64_t)eg_le16(gate + 6) << 16 | (uint64_t)eg_le32(gate + 8) << 32;
        f->gates[f->n_gates++] = va;
        if (!eg_read(eg_view_of(r), eg_kernel(r), va, code, STUB))
            continue;
        for (int n = 0; n < STEPS && linux_step_at(sys->arch, code + at, STUB - at, va + at, &s);
             n++, at += s.size)
            if (s.flow != EG_FLOW_NEXT) {
                if (s.flow == EG_FLOW_JUMP && s.direct)
                    f->gates[f->n_gates++] = s.target;
                break;
            }
    }
    qsort(f->gates, f->n_gates, sizeof *f->gates, by_value);
}

static bool is_interrupt(const struct frames *f, uint64_t at)
{
    const size_t i = eg_lower_bound(f->n_gates, k, f->gates[k] < at);

    return i < f->n_gates && f->gates[i] == at;
}

/* Functions that begin up to @at, where a row comes into force. Each has an entry of its own, also
 * where the rules go on: lldb counts from the symbol to find the row, and takes the first entry
 * that it covers. What stands before a function for tracers (__pfx_NAME) is no code that anybody
 * is in. @return does one begin at @at? */
static bool next_function(struct frames *f, uint64_t at)
{
    static const char pad[] = "__pfx_";
    const struct linux_vmlinux *x = f->x;
    bool begins = false;

    for (; f->symbol < x->n_symbols && x->symbols[f->symbol].addr <= at; f->symbol++) {
        const struct linux_vmlinux_symbol *s = &x->symbols[f->symbol];

        if (!linux_vmlinux_code(s) ||
            (s->length >= strlen(pad) && !memcmp(s->name, pad, strlen(pad))))
            continue;
        f->signal = is_interrupt(f, s->addr);
        if (s->addr == at) {
            begins = true;
        } else if (f->open) { // no entry of ORC begins with it
            end(f, s->addr);
            begin(f, s->addr);
        }
    }
    return begins;
}

static void row(struct frames *f, uint64_t at, const struct linux_orc *o)
{
    const struct linux_orc was = f->row;
    const bool begins = next_function(f, at);

    f->row = *o;
    if (begins || !f->open || f->rows >= ROWS_MAX) {
        end(f, at);
        begin(f, at);
    } else if (!same_row(&was, o)) {
        linux_rules_advance(&f->rules, linux_vmlinux_address(f->x, at));
        linux_rules_orc(&f->rules, &was, o);
        f->rows++;
    }
}

/* ---- tables ---- */

/* Where @table's entries from @i on are, up to @n. @return how many could be read. */
static uint32_t read_entries(struct eg_run *r, const struct linux_orc_table *t, uint32_t i,
                             uint32_t n, uint8_t *ip, uint8_t *entries)
{
    struct eg_view *v = eg_view_of(r);

    n = EG_MIN(n, t->n - i);
    for (; n > 1; n /= 2) // up to what is missing
        if (eg_read(v, eg_kernel(r), t->ip + 4 * (uint64_t)i, ip, 4 * (size_t)n) &&
            eg_read(v, eg_kernel(r), t->entries + LINUX_ORC_SIZE * (uint64_t)i, entries,
                    LINUX_ORC_SIZE * (size_t)n))
            return n;
    return eg_read(v, eg_kernel(r), t->ip + 4 * (uint64_t)i, ip, 4) &&
           eg_read(v, eg_kernel(r), t->entries + LINUX_ORC_SIZE * (uint64_t)i, entries,
                   LINUX_ORC_SIZE);
}

/* An entry waits for the next one: of several for one place the last counts. */
static void table(struct frames *f, const struct linux_orc_table *t,
                  const struct linux_orc_format *format, uint8_t *ip, uint8_t *entries)
{
    struct eg_run *r = f->x->r;
    struct linux_orc waits = { 0 }, o;
    uint64_t at = t->first, lost = 0;
    bool any = false;

    f->symbol = eg_lower_bound(f->x->n_symbols, k, f->x->symbols[k].addr < t->first);
    f->signal = false;
    for (uint32_t i = 0, n; i < t->n && !eg_stopped(r); i += n) {
        n = read_entries(r, t, i, CHUNK, ip, entries);
        if (!n) { // how far the entry before it reaches is not known
            if (f->open)
                end(f, at);
            any = false;
            lost++;
            n = 1;
            continue;
        }
        for (uint32_t k = 0; k < n; k++) {
            const uint64_t slot = t->ip + 4 * (uint64_t)(i + k);
            const uint64_t place = slot + (uint64_t)(int32_t)eg_le32(ip + 4 * k);

            if (place < t->first || place > t->last)
                continue; // of a module's start-up code, which is gone
            if (place < at || !linux_orc_decode(format, entries + LINUX_ORC_SIZE * k, &o)) {
                lost++;
                continue;
            }
            if (any && place > at)
                row(f, at, &waits);
            waits = o;
            at = place;
            any = true;
        }
    }
    if (any && at <= t->last)
        row(f, at, &waits);
    end(f, t->last + 1);
    if (lost)
        eg_note(r, "%llu entries of ORC are damaged or cannot be read", (unsigned long long)lost);
}

static void by_orc(struct linux_vmlinux *x)
{
    const struct linux_unwind_tables *tables = linux_unwind_tables(x->r);
    struct frames *f = eg_tmp(x->r, sizeof *f);
    uint8_t *ip = eg_tmp(x->r, 4 * CHUNK), *entries = eg_tmp(x->r, LINUX_ORC_SIZE * CHUNK);
    struct linux_orc_format format;
    struct linux_orc_table t;

    if (!tables || !linux_unwind_has_orc(tables))
        return;
    f->x = x;
    f->rules = (struct linux_rules){ .out = &x->frame, .factor = -8 };
    find_gates(f);
    put_cies(f);
    for (size_t i = 0; linux_unwind_table(tables, i, &t, &format); i++)
        if (!i || x->o->modules)
            table(f, &t, &format, ip, entries);
}

void linux_vmlinux_frames(struct linux_vmlinux *x)
{
    if (eg_system_of(x->r)->arch->elf_machine == ELF_X86_64)
        by_orc(x);
    else if (eg_system_of(x->r)->arch->elf_machine == ELF_AARCH64)
        linux_vmlinux_frames_arm64(x);
}
