/* unwind.c - from a frame to its caller. */
#include "unwind.h"
#include "../../../core/system.h"

enum { FRAMES_MOST = 1024, VM_EXEC_ = 4, UNKNOWN = 0xff };

/* Numbers of DWARF (System V ABI supplements of the processors), by place in eg_arch.registers. */
struct linux_user_abi {
    const char *arch;
    uint8_t word;
    bool compat;
    uint8_t sp, pc, fp;
    uint8_t link; // AArch64: the return address of a function that calls none; else UNKNOWN
    uint8_t number[34];
    uint8_t n;
    /** A return from a signal handler, as code that has no CFI makes it; where the saved registers
     * are, from the stack pointer on. */
    const char *trampoline;
    uint8_t trampoline_len;
    uint16_t saved;
    uint8_t saved_order[33], n_saved;
};

static const struct linux_user_abi abis[] = {
    { .arch = "x86_64",
      .word = 8,
      .sp = 7,
      .pc = 16,
      .fp = 6,
      .link = UNKNOWN,
      // rax rbx rcx rdx rsi rdi rsp rbp r8…
      .number = { 0, 3, 2, 1, 4, 5, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, UNKNOWN },
      .n = 18,
      // mov $15, %rax; syscall. struct ucontext is at the stack pointer, its sigcontext at 40
      // (arch/x86/include/uapi/asm/sigcontext.h)
      .trampoline = "\x48\xc7\xc0\x0f\0\0\0\x0f\x05",
      .trampoline_len = 9,
      .saved = 40,
      .saved_order = { 8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, 16 },
      .n_saved = 17 },
    { .arch = "x86_64",
      .word = 4,
      .compat = true,
      .sp = 4,
      .pc = 8,
      .fp = 5,
      .link = UNKNOWN,
      .number = { 0, 3, 1, 2, 6, 7, 4, 5, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN,
                  UNKNOWN, UNKNOWN, 8, UNKNOWN },
      .n = 18 },
    { .arch = "aarch64",
      .word = 8,
      .sp = 31,
      .pc = 32,
      .fp = 29,
      .link = 30,
      .number = { 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16,
                  17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, UNKNOWN },
      .n = 34,
      // mov x8, #139; svc #0. A siginfo of 128 bytes, then struct ucontext, whose sigcontext is at
      // 176 and has the registers at 8 (arch/arm64/include/uapi/asm/{ucontext,sigcontext}.h)
      .trampoline = "\x68\x11\x80\xd2\x01\0\0\xd4",
      .trampoline_len = 8,
      .saved = 128 + 176 + 8,
      .saved_order = { 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16,
                       17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32 },
      .n_saved = 33 },
};

void linux_user_unwinder_open(struct eg_run *r, struct linux_whole *whole,
                              struct linux_user_unwinder *u)
{
    u->r = r;
    u->whole = whole;
    u->n_objects = 0;
    __builtin_memset(u->objects, 0, sizeof u->objects);
}

static const struct linux_user_abi *abi_of(struct eg_run *r, bool compat)
{
    for (size_t i = 0; i < countof(abis); i++)
        if (!__builtin_strcmp(abis[i].arch, eg_system_of(r)->arch->name) &&
            abis[i].compat == compat)
            return &abis[i];
    return NULL;
}

struct linux_user_unwinding linux_user_unwind(struct linux_user_unwinder *u,
                                              const struct linux_regs *regs)
{
    struct linux_user_unwinding w = { .u = u };

    u->abi = abi_of(u->r, regs->compat);
    if (!u->abi)
        return w;
    for (unsigned i = 0; i < u->abi->n; i++) {
        const uint8_t to = u->abi->number[i];

        if (to == UNKNOWN || !(regs->known >> i & 1))
            continue;
        w.regs.value[to] = u->abi->word == 4 ? (uint32_t)regs->value[i] : regs->value[i];
        w.regs.known |= UINT64_C(1) << to;
    }
    return w;
}

/* ---- one step ---- */

static uint64_t plain(const struct linux_user_unwinder *u, uint64_t va)
{
    const struct eg_system *sys = eg_system_of(u->r);

    return sys->arch->plain ? sys->arch->plain(&sys->chosen->paging, va) : va;
}

static bool known(const struct linux_cfi_registers *regs, uint8_t n, uint64_t *out)
{
    if (n >= LINUX_CFI_REGISTERS || !(regs->known >> n & 1))
        return false;
    *out = regs->value[n];
    return true;
}

static void set(struct linux_cfi_registers *regs, uint8_t n, uint64_t value)
{
    regs->value[n] = value;
    regs->known |= UINT64_C(1) << n;
}

static bool load(struct linux_user_unwinding *w, uint64_t at, uint64_t *out)
{
    const struct linux_user_abi *abi = w->u->abi;
    const uint8_t *p = eg_bytes(eg_view_of(w->u->r), w->u->whole->space, at, abi->word);

    if (!p) {
        w->why_at = at;
        w->why_not = (enum eg_why)eg_view_of(w->u->r)->why;
        return false;
    }
    *out = eg_load_(p, abi->word, false);
    return true;
}

static bool is_code(struct linux_user_unwinding *w, uint64_t pc)
{
    const struct linux_mapping *m = linux_mapping_at(w->u->whole, pc);

    return m && m->flags & VM_EXEC_;
}

/* Is there a call before @pc? For what no table says: so that a word that merely looks like an
 * address of code is not taken for a return address. */
static bool follows_call(struct linux_user_unwinding *w, uint64_t pc)
{
    const bool is_arm = w->u->abi->link != UNKNOWN;
    const unsigned n = is_arm ? 4 : 7;
    uint8_t code[7];
    uint32_t word;

    if (pc < n || !eg_read(eg_view_of(w->u->r), w->u->whole->space, pc - n, code, n))
        return false;
    if (is_arm) { // bl; blr, also those that authenticate
        word = eg_le32(code);
        return word >> 26 == 0x25 || (word & 0xfffffc1f) == 0xd63f0000 ||
               (word & 0xfefff800) == 0xd63f0800;
    }
    if (code[2] == 0xe8 || (code[5] == 0xff && (code[6] & 0x38) == 0x10))
        return true;
    for (unsigned i = 0; i < 5; i++) // call through memory or a register: 2 to 7 bytes
        if (code[i] == 0xff && (code[i + 1] & 0x38) == 0x10)
            return true;
    return false;
}

static bool in_trampoline(struct linux_user_unwinding *w)
{
    const struct linux_user_abi *abi = w->u->abi;
    uint8_t code[16];

    return abi->trampoline &&
           eg_read(eg_view_of(w->u->r), w->u->whole->space, w->frame.pc, code,
                   abi->trampoline_len) &&
           !__builtin_memcmp(code, abi->trampoline, abi->trampoline_len);
}

static bool by_trampoline(struct linux_user_unwinding *w, struct linux_cfi_registers *out)
{
    const struct linux_user_abi *abi = w->u->abi;
    uint64_t value;

    out->known = 0;
    for (unsigned i = 0; i < abi->n_saved; i++) {
        if (!load(w, w->frame.sp + abi->saved + i * abi->word, &value))
            return false;
        set(out, abi->saved_order[i], value);
    }
    return true;
}

/* {the caller's frame pointer, return address}, on x86 and AArch64 alike. */
static bool by_pointer(struct linux_user_unwinding *w, struct linux_cfi_registers *out)
{
    const struct linux_user_abi *abi = w->u->abi;
    uint64_t fp, next, pc;

    if (!known(&w->regs, abi->fp, &fp) || fp < w->frame.sp || fp & (abi->word - 1u) ||
        linux_mapping_at(w->u->whole, fp) != linux_mapping_at(w->u->whole, w->frame.sp) ||
        !load(w, fp, &next) || !load(w, fp + abi->word, &pc))
        return false;
    pc = plain(w->u, pc);
    if (!is_code(w, pc) || !follows_call(w, pc))
        return false;
    out->known = 0;
    set(out, abi->fp, next);
    set(out, abi->pc, pc);
    // On AArch64 the two are the lowest of the frame, of which nobody knows how large it is.
    w->above = fp + 2u * abi->word;
    if (abi->link == UNKNOWN)
        set(out, abi->sp, w->above);
    return true;
}

/* @return false, with w->why set, or NULL where this is the outermost frame. */
static bool by_cfi(struct linux_user_unwinding *w, struct linux_cfi_registers *out, bool *is_signal)
{
    const struct linux_user_abi *abi = w->u->abi;
    struct linux_user_object *o = w->frame.object;
    struct eg_view *v = eg_view_of(w->u->r);
    struct linux_cfi_row row;
    uint64_t cfa, pc;

    if (o && !o->cfi.header)
        linux_user_object_index(w->u, o);
    if (!o || (!o->cfi.header && !o->cfi.n_index)) {
        w->why = o ? "its file has no call frame information"
                 : w->frame.mapping && w->frame.mapping->file
                     ? "its file has no ELF header that can be read"
                     : "code that is in no ELF file";
        return false;
    }
    v->why = EG_OK; // so that a hole is told from nonsense
    w->why = linux_cfi_find(v, &o->cfi, w->frame.pc - !w->frame.exact, &row);
    if (!w->why && row.of[row.ra].how == LINUX_CFI_UNDEFINED)
        return false;
    if (!w->why)
        w->why = linux_cfi_apply(v, &o->cfi, &row, &w->regs, out, &cfa);
    if (w->why || !known(out, row.ra, &pc)) {
        w->why_not = (enum eg_why)v->why;
        w->why_at = v->why ? v->why_addr : 0;
        if (!w->why)
            w->why = "the return address is not known";
        return false;
    }
    if (row.of[abi->sp].how == LINUX_CFI_UNSPECIFIED)
        set(out, abi->sp, cfa);
    *is_signal = row.is_signal;
    set(out, abi->pc, plain(w->u, pc));
    return true;
}

static bool finish(struct linux_user_unwinding *w, const char *why)
{
    w->why = why;
    return false;
}

static void look(struct linux_user_unwinding *w)
{
    struct linux_user_frame *f = &w->frame;

    f->mapping = linux_mapping_at(w->u->whole, f->pc - !f->exact);
    f->object = f->mapping ? linux_user_object_at(w->u, f->mapping) : NULL;
}

/* The caller of w->frame into @out. */
static bool step(struct linux_user_unwinding *w, struct linux_cfi_registers *out,
                 enum linux_user_frame_how *how)
{
    enum eg_why why_not;
    const char *why;
    uint64_t at;
    bool is_signal = false;

    *how = LINUX_USER_FRAME_CFI;
    w->why_at = 0;
    w->why_not = EG_OK;
    if (by_cfi(w, out, &is_signal)) {
        if (is_signal)
            *how = LINUX_USER_FRAME_SIGNAL;
        return true;
    }
    why = w->why;
    at = w->why_at;
    why_not = w->why_not;
    if (!why)
        return false;
    *how = LINUX_USER_FRAME_SIGNAL;
    if (in_trampoline(w))
        return by_trampoline(w, out) || finish(w, "what a signal interrupted cannot be read");
    *how = LINUX_USER_FRAME_POINTER;
    if (by_pointer(w, out))
        return true;
    w->why_at = at;
    w->why_not = why_not;
    return finish(w, why);
}

bool linux_next_user_frame(struct linux_user_unwinding *w)
{
    const struct linux_user_abi *abi = w->u->abi;
    struct linux_cfi_registers next;
    enum linux_user_frame_how how;
    uint64_t pc, sp;

    if (!abi)
        return finish(w, "how this processor's programs use their stack is not known");
    if (!w->begun) {
        w->begun = true;
        w->frame = (struct linux_user_frame){ .how = LINUX_USER_FRAME_REGISTERS, .exact = true };
        if (!known(&w->regs, abi->pc, &w->frame.pc) || !known(&w->regs, abi->sp, &w->frame.sp))
            return finish(w, "its registers are not known");
        look(w);
        return true;
    }
    if (w->frame.number + 1 == FRAMES_MOST)
        return finish(w, "there are more frames than are shown");
    if (!step(w, &next, &how))
        return false;
    if (!known(&next, abi->pc, &pc) || !pc)
        return finish(w, NULL);
    if (!known(&next, abi->sp, &sp) && how == LINUX_USER_FRAME_POINTER)
        sp = w->above;
    else if (!known(&next, abi->sp, &sp))
        return finish(w, "the stack pointer of the caller is not known");
    // Each caller is further up the stack; but a function of AArch64 needs none, and a signal can
    // have a stack of its own.
    if (how != LINUX_USER_FRAME_SIGNAL &&
        (sp < w->frame.sp || (sp == w->frame.sp && (w->frame.number || abi->link == UNKNOWN))))
        return finish(w, "the caller's frame is below its own");
    if (!is_code(w, pc - (how != LINUX_USER_FRAME_SIGNAL))) {
        w->why_at = pc;
        return finish(w, "the return address is in no code");
    }
    w->regs = next;
    w->frame.number++;
    w->frame.pc = pc;
    w->frame.sp = sp;
    w->frame.how = how;
    w->frame.exact = how == LINUX_USER_FRAME_SIGNAL;
    look(w);
    return true;
}
