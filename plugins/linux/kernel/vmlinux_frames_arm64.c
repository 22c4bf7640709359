/* vmlinux_frames_arm64.c - .debug_frame of an AArch64 kernel, from what its functions do to the
 * stack. The kernel keeps frame records: x29 leads to the caller's x29 and x30.
 *
 *  What counts is how a function sets up its record and takes it down again; in between the record
 * tells where everything is. Code that calls and sets up none is assembly: the record that x29
 * leads to then is the caller's (arch/arm64/kernel/entry.S makes one of the interrupted code), or
 * zeros, where the stack ends.
 *
 *  Return addresses that the function signed (paciasp) get back the upper bits of the kernel's
 * addresses, so that a debugger needs no keys and no masks. */
#include "../../../core/run.h"
#include "vmlinux_frames.h"

enum {
    FP = 29,
    LINK = 30,
    SP = 31,
    SAVED_FIRST = 19, // registers that a function must keep: x19 to x28
    SAVED_LAST = 28,
    CODE_MAX = 1 << 16,
};
static const uint32_t PACIASP = 0xd503233f, PACIBSP = 0xd503237f, RET = 0xd65f03c0,
                      RETAA = 0xd65f0bff, RETAB = 0xd65f0fff;

/* The stack at one place of a function. */
struct state {
    int64_t sp;  // CFA - sp, while the record is not set up
    bool saved;  // x29 and x30 are on the stack, the first at CFA - record
    bool framed; // x29 leads there
    int64_t record;
    bool is_signed;
};

static bool is(uint32_t code, uint32_t mask, uint32_t value)
{
    return (code & mask) == value;
}

static int64_t pair_offset(uint32_t code) // imm7, of 8 bytes
{
    return ((int64_t)((uint64_t)(code >> 15 & 127) << 57) >> 57) * 8;
}

static int64_t immediate(uint32_t code) // imm12 of add and sub
{
    return (int64_t)(code >> 10 & 0xfff) << (code >> 22 & 1 ? 12 : 0);
}

static bool is_return(uint32_t code)
{
    return code == RET || code == RETAA || code == RETAB || is(code, 0xfc000000, 0x14000000) ||
           is(code, 0xfffffc1f, 0xd61f0000);
}

static bool is_call(uint32_t code)
{
    return is(code, 0xfc000000, 0x94000000) || is(code, 0xfffffc1f, 0xd63f0000);
}

/* What one instruction changes. @return whether it changed anything. */
static bool step(struct state *s, uint32_t code)
{
    const struct state was = *s;

    if (is(code, 0xffc07fff, 0xa9807bfd) && !s->saved) { // stp x29, x30, [sp, #-n]!
        s->sp -= pair_offset(code);
        s->record = s->sp;
        s->saved = true;
    } else if (is(code, 0xffc07fff, 0xa9007bfd) && !s->saved) { // stp x29, x30, [sp, #n]
        s->record = s->sp - pair_offset(code);
        s->saved = true;
    } else if (is(code, 0xffc003ff, 0x910003fd) && s->saved && !s->framed) { // add x29, sp, #n
        s->framed = s->sp - immediate(code) == s->record;
    } else if (is(code, 0xff8003ff, 0xd10003ff) && !s->framed) { // sub sp, sp, #n
        s->sp += immediate(code);
    } else if (is(code, 0xff8003ff, 0x910003ff) && !s->framed) { // add sp, sp, #n
        s->sp -= immediate(code);
    } else if (is(code, 0xffc07fff, 0xa8c07bfd) && s->saved) { // ldp x29, x30, [sp], #n
        s->sp = 0;
        s->saved = s->framed = false;
    } else if (is(code, 0xffc07fff, 0xa9407bfd) && s->saved) { // ldp x29, x30, [sp, #n]
        s->sp = s->record + pair_offset(code);
        s->saved = s->framed = false;
    } else if (code == PACIASP || code == PACIBSP) {
        s->is_signed = true;
    }
    return memcmp(&was, s, sizeof was) != 0;
}

struct frames {
    struct linux_vmlinux *x;
    struct linux_rules rules;
    size_t cie;
    uint64_t mask;       // upper bits of the kernel's addresses
    uint64_t to_program; // where the kernel returns to a program; 0: not known
};

static void put_state(struct frames *f, const struct state *s)
{
    struct linux_rules *c = &f->rules;

    if (s->framed)
        linux_rules_cfa(c, FP, s->record);
    else
        linux_rules_cfa(c, SP, s->sp);
    if (!s->saved) {
        linux_rules_same(c, FP);
        linux_rules_same(c, LINK);
        return;
    }
    linux_rules_saved(c, FP, -s->record);
    if (s->is_signed)
        linux_rules_saved_or(c, LINK, 8 - s->record, f->mask);
    else
        linux_rules_saved(c, LINK, 8 - s->record);
}

/* Where it keeps x19 to x28, before it calls anything. */
static void put_saved(struct frames *f, const struct state *s, uint32_t code)
{
    const unsigned a = code & 31, b = code >> 10 & 31;

    if (!s->saved)
        return;
    if (is(code, 0xffc003e0, 0xa90003e0)) { // stp xa, xb, [sp, #n]
        const int64_t at = pair_offset(code) - s->sp;

        if (a >= SAVED_FIRST && a <= SAVED_LAST)
            linux_rules_saved(&f->rules, a, at);
        if (b >= SAVED_FIRST && b <= SAVED_LAST)
            linux_rules_saved(&f->rules, b, at + 8);
    } else if (is(code, 0xffc003e0, 0xf90003e0) && a >= SAVED_FIRST && a <= SAVED_LAST) {
        linux_rules_saved(&f->rules, a,
                          (int64_t)(code >> 10 & 0xfff) * 8 - s->sp); // str xa, [sp, #n]
    }
}

static void put_restored(struct frames *f)
{
    for (unsigned reg = SAVED_FIRST; reg <= SAVED_LAST; reg++)
        linux_rules_same(&f->rules, reg);
}

static bool is_save(uint32_t code)
{
    return is(code, 0xffc003e0, 0xa90003e0) || is(code, 0xffc003e0, 0xf90003e0);
}

/* Assembly: it calls, and has no record of its own. */
static bool is_bare(const uint8_t *code, size_t n)
{
    bool calls = false;

    for (size_t i = 0; i + 4 <= n; i += 4) {
        const uint32_t c = eg_le32(code + i);

        if (is(c, 0xffc07fff, 0xa9807bfd) || is(c, 0xffc07fff, 0xa9007bfd))
            return false;
        calls |= is_call(c);
    }
    return calls;
}

/* Where processors begin: nothing called it, and it makes a record of zeros. */
static bool begins(const char *name)
{
    return !strcmp(name, "__primary_switched") || !strcmp(name, "__secondary_switched");
}

/* Does it go on to where the kernel returns to a program? Then a program or nobody called it. */
static bool is_first(const struct frames *f, uint64_t addr, const uint8_t *code, size_t n)
{
    for (size_t i = 0; i + 4 <= n; i += 4) {
        const uint32_t c = eg_le32(code + i);

        if (is(c, 0xfc000000, 0x14000000) && f->to_program && // b
            addr + i + (uint64_t)((int64_t)((uint64_t)c << 38) >> 36) == f->to_program)
            return true;
    }
    return false;
}

static void function(struct frames *f, const char *name, uint64_t addr, const uint8_t *code,
                     size_t n)
{
    const struct state none = { 0 };
    const struct state record = { .saved = true, .framed = true, .record = 16 };
    struct state s = none, body = none;
    bool called = false, has_body = false;

    linux_rules_fde(&f->rules, f->cie, linux_vmlinux_address(f->x, addr));
    if (is_bare(code, n)) {
        if (begins(name) || is_first(f, addr, code, n)) // its x29 may be 0, which lldb refuses
            linux_rules_undefined(&f->rules, LINK);
        else
            put_state(f, &record);
        return;
    }
    for (size_t i = 0; i + 4 <= n; i += 4) {
        const uint32_t c = eg_le32(code + i);
        const uint64_t next = linux_vmlinux_address(f->x, addr + i + 4);
        const bool framed = s.framed;

        called |= is_call(c);
        if (is_return(c) && has_body && !s.saved && i + 4 < n) {
            // What follows is reached from the body, where the record stands.
            s = body;
            linux_rules_advance(&f->rules, next);
            put_state(f, &s);
        } else if (step(&s, c)) {
            linux_rules_advance(&f->rules, next);
            put_state(f, &s);
            if (framed && !s.saved)
                put_restored(f);
        } else if (!called && !has_body && s.saved && is_save(c)) {
            linux_rules_advance(&f->rules, next);
            put_saved(f, &s, c);
        } else if (!called && s.framed && is_save(c)) {
            linux_rules_advance(&f->rules, next);
            put_saved(f, &s, c);
        }
        if (s.framed && !has_body) {
            has_body = true;
            body = s;
        }
    }
}

static void each_function(struct frames *f)
{
    const struct linux_vmlinux *x = f->x;
    uint8_t *code = eg_tmp(x->r, CODE_MAX);
    uint64_t done = 0;

    for (size_t i = 0; i < x->n_symbols && !eg_stopped(x->r); i++) {
        const struct linux_vmlinux_symbol *s = &x->symbols[i];
        const uint64_t size = EG_MIN(s->size & ~UINT64_C(3), (uint64_t)CODE_MAX);

        if (!linux_vmlinux_code(s) || s->addr == done) // it may have several names
            continue;
        done = s->addr;
        if (size < 4 || s->addr % 4 ||
            !eg_read(eg_view_of(x->r), eg_kernel(x->r), s->addr, code, (size_t)size))
            continue;
        function(f, s->name, s->addr, code, (size_t)size);
        if (linux_rules_fde_end(&f->rules, linux_vmlinux_address(x, s->addr) + size))
            x->counts->frames++;
    }
}

void linux_vmlinux_frames_arm64(struct linux_vmlinux *x)
{
    struct frames f = { .x = x, .rules = { .out = &x->frame, .factor = -8, .code = 4 } };
    const uint64_t differs = ~x->image_start;

    f.mask = differs ? ~(UINT64_MAX >> __builtin_clzll(differs)) : 0;
    f.cie = linux_rules_cie(&f.rules, false, LINK);
    linux_rules_cfa(&f.rules, SP, 0);
    linux_rules_end(&f.rules);
    if (!eg_system_own_symbol(eg_system_of(x->r), "ret_to_user", &f.to_program, NULL))
        f.to_program = 0;
    each_function(&f);
}
