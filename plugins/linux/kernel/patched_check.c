/* patched_check.c - what may stand where the kernel patches its code. */
#include "../mm/elf.h"
#include "codeof.h"
#include "patched.h"
#include "step.h"

#include <string.h>

enum { // include/linux/ftrace.h; the bits have not moved since 4.10
    FTRACE_DIRECT = 1 << 23,
    FTRACE_DISABLED = 1 << 25,
};
#define FTRACE_ENABLED (UINT64_C(1) << 31)

/* arch/x86/include/asm/nops.h: 66 90, 0f 1f /0 and what older processors had. */
static size_t x86_nop(const uint8_t *b, size_t len)
{
    const struct eg_arch x86 = { .elf_machine = ELF_X86_64 };
    struct linux_step s;
    size_t i = 0;

    if (!linux_step_at(&x86, b, len, 0, &s))
        return 0;
    while (i < s.size && (b[i] == 0x66 || b[i] == 0x2e || b[i] == 0x3e))
        i++;
    if (i + 1 == s.size && b[i] == 0x90)
        return s.size;
    if (i + 2 < s.size && b[i] == 0x0f && b[i + 1] == 0x1f)
        return s.size;
    if (i + 3 < s.size && b[i] == 0x8d && b[i + 1] == 0x74 && b[i + 2] == 0x26 && !b[i + 3])
        return s.size; // lea 0(%rsi), %esi
    return 0;
}

bool linux_nops(const struct eg_arch *arch, const uint8_t *bytes, size_t len)
{
    for (size_t n = 0, one; n < len; n += one) {
        if (arch->elf_machine == ELF_AARCH64)
            one = len - n >= 4 && eg_le32(bytes + n) == 0xd503201f ? 4 : 0;
        else
            one = x86_nop(bytes + n, len - n);
        if (!one)
            return false;
    }
    return len;
}

static bool is_named(struct eg_run *r, uint64_t at, const char *const *names)
{
    uint64_t addr;

    for (; *names; names++)
        if (eg_system_own_symbol(eg_system_of(r), *names, &addr, NULL) && addr == at)
            return true;
    return false;
}

/* DEFINE_BPF_DISPATCHER (include/linux/bpf.h): a function that BPF makes jump into its code. */
static bool is_dispatcher(struct eg_run *r, uint64_t at, uint64_t target)
{
    struct linux_codeof code;

    if (linux_whose_code(linux_codes(r), target, NULL) != LINUX_CODE_BPF)
        return false;
    linux_codeof(r, at, &code);
    return code.symbol && !strncmp(code.symbol, "bpf_dispatcher_", 15);
}

static const char *ftrace_hint(struct eg_run *r, const struct linux_patch *p, const uint8_t *b,
                               size_t len)
{
    static const char *const entries[] = { "ftrace_caller", "ftrace_regs_caller", "__fentry__",
                                           "_mcount", NULL };
    const struct eg_arch *arch = eg_system_of(r)->arch;
    const size_t size = arch->elf_machine == ELF_AARCH64 ? 4 : 5;
    enum linux_code_kind kind;
    struct linux_step s;

    if (len < size || linux_nops(arch, b, size))
        return NULL;
    if (linux_step_at(arch, b, len, p->at, &s) && s.direct && is_dispatcher(r, p->at, s.target))
        return NULL;
    // Since 6.19 a function that something has for itself jumps there (ftrace_is_jmp()).
    if (!linux_step_at(arch, b, len, p->at, &s) || !s.direct ||
        (s.flow != EG_FLOW_CALL && (s.flow != EG_FLOW_JUMP || !(p->flags & FTRACE_DIRECT))))
        return "neither a call of ftrace nor a nop";
    kind = linux_whose_code(linux_codes(r), s.target, NULL);
    if (kind == LINUX_CODE_FTRACE || is_named(r, s.target, entries))
        return p->flags & (FTRACE_ENABLED | FTRACE_DISABLED) || is_named(r, s.target, entries + 2)
                   ? NULL
                   : "a call of ftrace that its record does not have";
    if (p->flags & FTRACE_DIRECT && kind == LINUX_CODE_MODULE)
        return "calls a module, not ftrace";
    if (p->flags & FTRACE_DIRECT && (kind == LINUX_CODE_KERNEL || kind == LINUX_CODE_BPF))
        return NULL;
    if (kind == LINUX_CODE_BPF)
        return p->flags & FTRACE_ENABLED ? NULL : "calls BPF, which its record does not have";
    return "calls other code than ftrace's";
}

static const char *jump_hint(const struct eg_arch *arch, const struct linux_patch *p,
                             const uint8_t *b, size_t len)
{
    const bool arm64 = arch->elf_machine == ELF_AARCH64;
    struct linux_step s;
    size_t size = 5;

    if (arm64)
        size = 4;
    else if (len > 1 && (b[0] == 0xeb || (b[0] == 0x66 && b[1] == 0x90)))
        size = 2;
    if (len < size)
        return NULL;
    if (linux_nops(arch, b, size))
        return p->known && p->on ? "a nop, and by its key it is a jump" : NULL;
    if (!linux_step_at(arch, b, len, p->at, &s) || !s.direct || s.flow != EG_FLOW_JUMP)
        return "neither a jump nor a nop";
    if (s.target != p->to)
        return "jumps elsewhere than its record says";
    return p->known && !p->on ? "a jump, and by its key it is a nop" : NULL;
}

/* The code that a processor runs for "return": ret, or a jump to a thunk of the kernel. */
bool linux_returns(struct eg_run *r, const uint8_t *b, size_t len, uint64_t at)
{
    static const char *const thunks[] = { "__x86_return_thunk",      "srso_return_thunk",
                                          "srso_alias_return_thunk", "retbleed_return_thunk",
                                          "its_return_thunk",        "call_depth_return_thunk",
                                          "srso_untrain_ret",        NULL };
    struct linux_step s;

    return linux_step_at(eg_system_of(r)->arch, b, len, at, &s) &&
           (s.flow == EG_FLOW_RETURN ||
            (s.flow == EG_FLOW_JUMP && s.direct && is_named(r, s.target, thunks)));
}

/* "xor eax, eax" of five bytes, in place of a call of __static_call_return0 (arch/x86/kernel/
 * static_call.c). */
static bool returns_zero(const uint8_t *b, size_t len)
{
    return len >= 5 && b[3] == 0x31 && b[4] == 0xc0 &&
           (!memcmp(b, "\x2e\x2e\x2e", 3) || !memcmp(b, "\x66\x66\x66", 3) ||
            !memcmp(b, "\x66\x66\x48", 3));
}

static const char *call_hint(struct eg_run *r, const struct linux_patch *p, const uint8_t *b,
                             size_t len)
{
    // arch_static_call_transform(); the second calls count the depth of calls (callthunks.c), and
    // begin before the function, in its padding.
    enum { PADDING = 16 };
    static const char *const zero[] = { "__static_call_return0", NULL },
                             *const none[] = { "__static_call_return", "__static_call_nop", NULL },
                             *const warn[] = { "__WARN_trap", NULL },
                             *const unlock[] = { "__raw_callee_save___native_queued_spin_unlock",
                                                 NULL };
    const struct eg_arch *arch = eg_system_of(r)->arch;
    const bool trampoline = p->kind == LINUX_PATCH_TRAMPOLINE;
    struct linux_step s;

    if (!p->known || len < 6)
        return NULL;
    if (!p->to && (linux_nops(arch, b, 5) || linux_returns(r, b, len, p->at)))
        return NULL;
    if (is_named(r, p->to, zero) &&
        (returns_zero(b, len) || linux_returns(r, b, len, p->at) || (b[0] == 0x31 && b[1] == 0xc0)))
        return NULL;
    // WARN() is an instruction that traps (since 6.19): ud1 (%edx), %rdi.
    if (!memcmp(b, "\x67\x48\x0f\xb9\x3a", 5) && is_named(r, p->to, warn))
        return NULL;
    // To unlock is one instruction where no hypervisor has to be told (7.3): movb $0, (%rdi).
    if (!memcmp(b, "\x3e\x3e\xc6\x07\x00", 5) && is_named(r, p->to, unlock))
        return NULL;
    if (!linux_step_at(arch, b, len, p->at, &s) || !s.direct || s.flow == EG_FLOW_NEXT)
        return p->to ? "no call of its key's function" : "no nop, and its key has no function";
    if (s.target == p->to || (p->to - s.target <= PADDING && s.target < p->to))
        return NULL;
    if ((!p->to || is_named(r, p->to, zero)) && is_named(r, s.target, none))
        return NULL;
    // A site that is not patched yet calls the trampoline.
    for (size_t i = linux_patch_from(linux_patches(r), s.target); !trampoline; i++) {
        const struct linux_patches *all = linux_patches(r);

        if (i >= all->n || all->at[i].at != s.target)
            break;
        if (all->at[i].kind == LINUX_PATCH_TRAMPOLINE && all->at[i].key == p->key)
            return NULL;
    }
    return "calls another function than its key has";
}

const char *linux_patch_hint(struct eg_run *r, const struct linux_patch *p, const uint8_t *bytes,
                             size_t len)
{
    switch ((enum linux_patch_kind)p->kind) {
    case LINUX_PATCH_FTRACE:
        return ftrace_hint(r, p, bytes, len);
    case LINUX_PATCH_JUMP:
        return jump_hint(eg_system_of(r)->arch, p, bytes, len);
    case LINUX_PATCH_CALL:
    case LINUX_PATCH_TRAMPOLINE:
        return call_hint(r, p, bytes, len);
    default:
        return NULL;
    }
}
