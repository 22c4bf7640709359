/* kdiff_arm64.c - what the kernel writes into its own code on AArch64: alternatives, run-time
 * constants, addresses, and what is patched while it runs. */
#include "../kernel/codeof.h"
#include "../kernel/ftrace.h"
#include "kdiff_work.h"
#include <string.h>

enum {
    WORD = 4,
    ENTRY = 12,        /* of a table of alternatives */
    ALTERNATIVES = 64, /* so many, one behind the other, are the table */
};
#define NOP 0xd503201fu
EG_FIELD_AS(next_ops, ftrace_ops, "next");

static uint32_t now(const struct linux_kdiff_work *w, uint64_t at)
{
    return eg_le32(w->live + (at - w->p->first));
}

static uint32_t was(const struct linux_kdiff_work *w, uint64_t at)
{
    return eg_le32(w->want + (at - w->p->first));
}

/* ---- addresses ---- */

/* Code that runs by the hypervisor's tables. */
static bool is_hyp(struct linux_kdiff_work *w, uint64_t at)
{
    const struct eg_system *sys = eg_system_of(w->r);
    uint64_t first, end;

    return (eg_system_own_symbol(sys, "__hyp_idmap_text_start", &first, NULL) &&
            eg_system_own_symbol(sys, "__hyp_text_end", &end, NULL) && at >= first && at < end) ||
           linux_kdiff_named(w, at, "__bp_harden_hyp_vecs");
}

/* Code of the hypervisor keeps addresses as they are there: the lower bits are those of the
 * kernel's (kvm_apply_hyp_relocations(), arch/arm64/kvm/va_layout.c). */
static bool is_hyp_address(struct linux_kdiff_work *w, uint64_t at, uint64_t old, uint64_t value)
{
    enum { SAME = 20 };

    // Where the file has nothing, only its table of relocations could tell.
    return value >> 52 == 0 && is_hyp(w, at) &&
           (!old || !((value ^ (old + (uint64_t)w->f->shift)) & ((1u << SAME) - 1)));
}

/* Words of the table of relocations: the file has nothing there, or the address that the linker
 * gave. */
static void addresses(struct linux_kdiff_work *w)
{
    const struct linux_kfile_section *image = linux_kfile_section(w->f, ".image");

    for (uint64_t at = eg_align_up(w->p->first, 8); linux_kdiff_inside(w, at, 8); at += 8) {
        const uint64_t old = eg_le64(w->want + (at - w->p->first)),
                       value = eg_le64(w->live + (at - w->p->first));

        if (value == old || (old && old >> 47 != 0x1ffff))
            continue;
        if ((old && value - old == (uint64_t)w->f->shift) || is_hyp_address(w, at, old, value) ||
            (!old && image && value - image->addr < image->size))
            linux_kdiff_accept(w, at, 8, LINUX_KDIFF_ADDRESS);
    }
}

/* ---- alternatives ---- */

/* What callbacks write: nothing, constants, masks of addresses, calls of the firmware; in code of
 * the hypervisor also the jump to its vectors. */
static bool is_made(struct linux_kdiff_work *w, uint64_t at, uint32_t op)
{
    return op == NOP || (op & 0xffe0001c) == 0xd4000000 ||     // HVC, SMC, SVC
           (op & 0x1f800000) == 0x12800000 ||                  // MOVN, MOVZ, MOVK
           (op & 0x1f800000) == 0x12000000 ||                  // AND, ORR, EOR with a constant
           (op & 0x1f800000) == 0x11000000 ||                  // ADD, SUB with a constant
           (op & 0x7fa00000) == 0x13800000 ||                  // EXTR
           ((op & 0xfffffc1f) == 0xd61f0000 && is_hyp(w, at)); // BR
}

/* The same instruction at two places: by what it leads to, or the page that it names; within what
 * is replaced it may lead to the same place there (get_alt_insn() in alternative.c). */
static bool is_same(const struct linux_kdiff_work *w, uint64_t at, uint32_t a, uint64_t from,
                    uint32_t b)
{
    uint8_t x[WORD], y[WORD];
    struct linux_step s, t;

    if (a == b)
        return true;
    if ((a & 0x9f00001f) == (b & 0x9f00001f) && (a & 0x9f000000) == 0x90000000) { // ADRP
        const int64_t p = ((int64_t)(a >> 5 & 0x7ffff) << 2 | (a >> 29 & 3)),
                      q = ((int64_t)(b >> 5 & 0x7ffff) << 2 | (b >> 29 & 3));

        return (((at >> 12) + (uint64_t)p) & 0x1fffff) == (((from >> 12) + (uint64_t)q) & 0x1fffff);
    }
    for (unsigned i = 0; i < WORD; i++) {
        x[i] = (uint8_t)(a >> 8 * i);
        y[i] = (uint8_t)(b >> 8 * i);
    }
    return linux_kdiff_step(w, x, WORD, at, &s) && linux_kdiff_step(w, y, WORD, from, &t) &&
           s.direct && t.direct && s.flow == t.flow && s.target == t.target;
}

/** One entry: struct alt_instr (arch/arm64/include/asm/alternative.h). */
static void alternative(struct linux_kdiff_work *w, const struct linux_kfile_section *image,
                        uint64_t n)
{
    const uint8_t *e = image->bytes + n, *code;
    const uint64_t at = linux_kdiff_place(image, n), from = linux_kdiff_place(image, n + 4);
    const uint8_t len = e[10], made = e[11];

    if (len % WORD || !linux_kdiff_inside(w, at, len))
        return;
    code = made ? linux_kfile_at(w->f, from, made) : NULL;
    for (uint8_t i = 0; i < len; i += WORD)
        if (code ? i + WORD <= made &&
                       is_same(w, at + i, now(w, at + i), from + i, eg_le32(code + i))
                 : !made && is_made(w, at + i, now(w, at + i)))
            linux_kdiff_accept(w, at + i, WORD, LINUX_KDIFF_ALTERNATIVE);
}

static bool is_entry(const struct linux_kdiff_work *w, const struct linux_kfile_section *image,
                     uint64_t n)
{
    const uint8_t *e = image->bytes + n;
    const uint64_t from = linux_kdiff_place(image, n + 4), at = linux_kdiff_place(image, n);

    return e[10] && e[10] % WORD == 0 && (!e[11] || e[11] == e[10]) && at % WORD == 0 &&
           at - image->addr < image->size && from % WORD == 0 && from - image->addr < image->size &&
           !eg_stopped(w->r);
}

/* The table is among start-up data, which is given back; few kernels keep its name. Where there is
 * none: every place of the file where many entries follow each other. */
static void alternatives(struct linux_kdiff_work *w)
{
    const struct linux_kfile_section *image = linux_kfile_section(w->f, ".image");
    const struct eg_system *sys = eg_system_of(w->r);
    uint64_t first, end, run;

    if (!image || w->p->first < image->addr)
        return;
    if (eg_system_own_symbol(sys, "__alt_instructions", &first, NULL) &&
        eg_system_own_symbol(sys, "__alt_instructions_end", &end, NULL) && first >= image->addr) {
        for (uint64_t n = first - image->addr;
             eg_within(n, ENTRY, image->size) && image->addr + n < end; n += ENTRY)
            alternative(w, image, n);
        return;
    }
    for (uint64_t n = eg_align_up(w->p->last - image->addr, WORD); n + ENTRY <= image->size;) {
        for (run = 0; n + (run + 1) * ENTRY <= image->size && is_entry(w, image, n + run * ENTRY);)
            run++;
        for (uint64_t i = 0; run >= ALTERNATIVES && i < run; i++)
            alternative(w, image, n + i * ENTRY);
        n += run >= ALTERNATIVES ? run * ENTRY : WORD;
    }
}

/* ---- run-time constants (arch/arm64/include/asm/runtime-const.h, since 6.11) ---- */

/* Four instructions that the compiler was given with 0x0123456789abcdef, and a shift by 12. */
static void constants(struct linux_kdiff_work *w)
{
    static const uint32_t pointer[] = { 0xd299bde0, 0xf2b13560, 0xf2c8ace0, 0xf2e02460 };

    for (uint64_t at = eg_align_up(w->p->first, WORD); linux_kdiff_inside(w, at, 4 * WORD);
         at += WORD) {
        const uint32_t old = was(w, at), op = now(w, at);
        bool fits = (old & 0xffffffe0) == pointer[0];

        if (old == op)
            continue;
        for (unsigned i = 0; fits && i < 4; i++)
            fits = (was(w, at + WORD * i) & 0xffffffe0) == pointer[i] &&
                   ((was(w, at + WORD * i) ^ now(w, at + WORD * i)) & ~(0xffffu << 5)) == 0;
        if (fits)
            linux_kdiff_accept(w, at, 4 * WORD, LINUX_KDIFF_RUNTIME);
        else if ((old & 0xfffffc00) == 0x530c7c00 && ((old ^ op) & ~(0x3fu << 16)) == 0) // LSR #12
            linux_kdiff_accept(w, at, WORD, LINUX_KDIFF_RUNTIME);
    }
}

/* ---- what is patched while the kernel runs ---- */

/* Since 6.3 a function has before it the struct ftrace_ops that its entry calls
 * (CONFIG_DYNAMIC_FTRACE_WITH_CALL_OPS). */
static bool is_ops(struct linux_kdiff_work *w, const struct linux_ftrace *f, uint64_t ops)
{
    static const char *const own[] = { "ftrace_nop_ops", "ftrace_list_ops" };
    uint64_t at;

    for (size_t i = 0; i < countof(own); i++)
        if (eg_system_own_symbol(eg_system_of(w->r), own[i], &at, NULL) && at == ops)
            return true;
    for (size_t i = 0; i < f->n_ops; i++)
        if (f->ops[i].at.addr == ops)
            return true;
    return false;
}

/* Before the place of the call: a nop that saves the return address, and before the function, or
 * its landing place, the ops. */
static void function_entry(struct linux_kdiff_work *w, const struct linux_ftrace *f, uint64_t ip)
{
    if (linux_kdiff_inside(w, ip - WORD, WORD) && was(w, ip - WORD) == NOP &&
        now(w, ip - WORD) == LINUX_KDIFF_MOV_X9_X30)
        linux_kdiff_accept(w, ip - WORD, WORD, LINUX_KDIFF_LIVE);
    for (unsigned n = 3; n <= 4; n++) {
        const uint64_t at = ip - n * WORD;

        if (at % 8 == 0 && linux_kdiff_inside(w, at, 8) && was(w, at) == NOP &&
            was(w, at + WORD) == NOP && is_ops(w, f, eg_le64(w->live + (at - w->p->first))))
            linux_kdiff_accept(w, at, 8, LINUX_KDIFF_LIVE);
    }
}

static void live_patches(struct linux_kdiff_work *w)
{
    const struct linux_patches *all = linux_patches(w->r);
    struct linux_ftrace f = { 0 };

    if (eg_has(w->r, next_ops))
        linux_ftrace(w->r, &f);
    for (size_t i = all ? linux_patch_from(all, w->p->first) : 0; all && i < all->n; i++) {
        const struct linux_patch *p = &all->at[i];

        if (!linux_kdiff_inside(w, p->at, WORD))
            break;
        if (p->at % WORD || linux_patch_hint(w->r, p, w->live + (p->at - w->p->first), WORD))
            continue;
        linux_kdiff_accept(w, p->at, WORD, LINUX_KDIFF_LIVE);
        if (p->kind == LINUX_PATCH_FTRACE)
            function_entry(w, &f, p->at);
    }
}

/* What ftrace's own entry calls (ftrace_update_ftrace_func(), arch/arm64/kernel/ftrace.c). */
static void ftrace_entries(struct linux_kdiff_work *w)
{
    static const char *const calls[] = { "ftrace_call", "ftrace_graph_call" };
    static const char *const leads[] = { "ftrace_ops_list_func", "arch_ftrace_ops_list_func",
                                         "ftrace_stub", "ftrace_graph_caller" };
    struct linux_step s;
    uint64_t at;

    for (size_t i = 0; i < countof(calls); i++) {
        if (!eg_system_own_symbol(eg_system_of(w->r), calls[i], &at, NULL) ||
            !linux_kdiff_inside(w, at, WORD) ||
            !linux_kdiff_step(w, w->live + (at - w->p->first), WORD, at, &s) || !s.direct)
            continue;
        for (size_t k = 0; k < countof(leads); k++)
            if (linux_kdiff_named(w, s.target, leads[k]))
                linux_kdiff_accept(w, at, WORD, LINUX_KDIFF_LIVE);
    }
}

void linux_kdiff_arm64(struct linux_kdiff_work *w)
{
    addresses(w);
    alternatives(w);
    constants(w);
    live_patches(w);
    ftrace_entries(w);
}
