/* entrypoints - where programs and exceptions enter the kernel: the processors' registers, and the
 * code there (arch/x86/entry/, arch/arm64/kernel/entry.S). */
#include "../../core/disasm.h"
#include "../../core/image.h"
#include "../../core/run.h"
#include "../../core/system.h"
#include "../linux/kernel/codeof.h"
#include "../linux/own/code.h"
#include <inttypes.h>
#include <string.h>

#define COLUMNS(C)                                                                                 \
    C(KIND, TEXT,                                                                                  \
      "register: of a processor; function: where the kernel is entered; branch: in "               \
      "the code there, to code of somebody else; table: that it reads, not the kernel's")          \
    C(CPU, INT, "the processor", EG_ASKED)                                                         \
    C(NAME, TEXT, "the register, or the function")                                                 \
    C(VALUE, TEXT, "what the register has, if it is not an address", EG_ASKED)                     \
    C(OFFSET, ADDR, "the instruction that branches", EG_ASKED)                                     \
    C(FUNCTION, ADDR, "where it leads")                                                            \
    C(SYMBOL, TEXT, "the function there")                                                          \
    C(MODULE, TEXT, "whose code it is")                                                            \
    C(EXPECTED, TEXT, "the function that Linux has for it, if it is another", EG_ASKED)            \
    C(HINTS, TEXT, "what is odd about it")
EG_COLUMNS(COLUMNS);

enum { CODE_MAX = 1 << 16, FUNCTION_MAX = 1 << 13, BRANCHES_MAX = 256, VECTORS = 16, VECTOR = 128 };

/* ---- registers ---- */

static const struct {
    const char *name;
    enum eg_x86_state state;
    const char *expected[4]; /**< any of these; none: no address */
} registers[] = {
    { "LSTAR", EG_X86_LSTAR, { "entry_SYSCALL_64", "xen_entry_SYSCALL_64" } },
    { "CSTAR",
      EG_X86_CSTAR,
      { "entry_SYSCALL_compat", "entry_SYSCALL32_ignore", "ignore_sysret",
        "xen_entry_SYSCALL_compat" } },
    { "SYSENTER_EIP", EG_X86_SYSENTER, { "entry_SYSENTER_compat", "xen_entry_SYSENTER_compat" } },
    { "STAR", EG_X86_STAR, { NULL } },
    { "FMASK", EG_X86_FMASK, { NULL } },
    { "EFER", EG_X86_EFER, { NULL } },
};

static bool fits(struct eg_run *r, const char *const *names, size_t n, uint64_t value)
{
    uint64_t at;

    for (size_t i = 0; i < n && names[i]; i++)
        if (eg_system_own_symbol(eg_system_of(r), names[i], &at, NULL) && at == value)
            return true;
    return false;
}

static void show_register(struct eg_run *r, size_t cpu, size_t i, uint64_t value)
{
    const char *const *expected = registers[i].expected;
    struct linux_codeof of = { 0 };
    const char *hints = NULL;
    bool fit = true;

    if (!*expected) {
        eg_row(r, .KIND = eg_text("register"), .CPU = eg_uint(cpu),
               .NAME = eg_text(registers[i].name), .VALUE = eg_text(eg_strf(r, "%#" PRIx64, value)),
               .HINTS = eg_text(NULL));
        return;
    }
    if (value) { // 0: 32-bit programs have no such way
        linux_codeof(r, value, &of);
        fit = fits(r, expected, countof(registers[i].expected), value);
        hints = of.kind == LINUX_CODE_MODULE ? "in a module" : of.hint;
        if (!fit && !hints)
            hints = "another function than Linux has for it";
    }
    eg_row(r, .KIND = eg_text("register"), .CPU = eg_uint(cpu), .NAME = eg_text(registers[i].name),
           .FUNCTION = eg_uint(value), .SYMBOL = eg_text(of.symbol), .MODULE = eg_text(of.module),
           .EXPECTED = eg_text(fit ? NULL : *expected), .HINTS = eg_text(hints));
}

static void show_registers(struct eg_run *r)
{
    const struct eg_image *img = eg_system_of(r)->image;
    bool any = false;

    for (size_t cpu = 0; cpu < img->cpus.n; cpu++)
        for (size_t i = 0; i < countof(registers); i++)
            if (img->cpus.at[cpu].x86_known & 1u << registers[i].state) {
                any = true;
                show_register(r, cpu, i, img->cpus.at[cpu].x86[registers[i].state]);
            }
    if (!any)
        eg_note(r, "the dump has no registers that say where system calls enter the kernel: "
                   "migration streams of QEMU do");
}

/* ---- code ---- */

struct sweep {
    struct eg_run *r;
    struct eg_disasm *d;
    bool x86;
    unsigned n;
};

/** Not the kernel's, nor made by it. */
static bool foreign(struct eg_run *r, uint64_t target)
{
    switch (linux_whose_code(linux_codes(r), target, NULL)) {
    case LINUX_CODE_KERNEL:
    case LINUX_CODE_STARTUP: // branches that were patched away lead there
    case LINUX_CODE_BPF:
    case LINUX_CODE_FTRACE:
    case LINUX_CODE_KPROBES:
        return false;
    default:
        return true;
    }
}

/** The table of an instruction that takes an element of one, as "mov rax, [rax * 8 + table]"; 0: it
 * is none. So the dispatch of system calls reads the kernel's table where it is no switch. */
static uint64_t table_of(const uint8_t *code, size_t size)
{
    enum { REX = 0x40, MOV = 0x8b, CALL_OR_JUMP = 0xff };
    const size_t at = size && (code[0] & 0xf0) == REX;

    // ModRM: memory that SIB tells; SIB: an index times 8, and no base but 32 bits with a sign.
    if (size < at + 7 || (code[at] != MOV && code[at] != CALL_OR_JUMP) ||
        (code[at + 1] & 0xc7) != 0x04 || (code[at + 2] & 0xc7) != 0xc5)
        return 0;
    return (uint64_t)(int64_t)(int32_t)eg_load_(code + at + 3, 4, false);
}

static void table(struct sweep *s, const char *name, uint64_t at, uint64_t to)
{
    const char *who = NULL, *where = eg_name_of(s->r, at);
    struct linux_codeof of;

    if (linux_whose_code(linux_codes(s->r), to, &who) == LINUX_CODE_DATA && who &&
        !strcmp(who, "kernel"))
        return;
    linux_codeof(s->r, to, &of);
    eg_row(s->r, .KIND = eg_text("table"), .NAME = eg_text(where ? where : name),
           .OFFSET = eg_uint(at), .FUNCTION = eg_uint(to), .SYMBOL = eg_text(of.symbol),
           .MODULE = eg_text(who),
           .HINTS = eg_text(who ? "a table in a module" : "a table in memory of nobody"));
}

/** Every call, jump and branch of the code from @at on that leads out of the kernel. */
static void sweep(struct sweep *s, const char *name, uint64_t at, uint64_t size)
{
    struct eg_run *r = s->r;
    const unsigned unit = EG_MAX(eg_system_of(r)->arch->code_unit, 1);
    uint8_t *code;
    struct eg_instruction in;

    size = EG_MIN(size, (uint64_t)CODE_MAX);
    code = eg_tmp(r, size + 1);
    if (!eg_read(eg_view_of(r), eg_kernel(r), at, code, size)) {
        eg_note(r, "%s: its code cannot be read", name);
        return;
    }
    for (uint64_t i = 0; i < size && !eg_stopped(r); i += in.size) {
        struct linux_codeof of;
        const char *where;

        if (!eg_disasm_one(s->d, code + i, size - i, at + i, &in)) {
            in.size = unit;
            continue;
        }
        if (s->x86 && table_of(code + i, in.size))
            table(s, name, at + i, table_of(code + i, in.size));
        if (!in.direct || !foreign(r, in.target))
            continue;
        if (s->n++ >= BRANCHES_MAX) {
            eg_note(r, "only the first %d branches out of the kernel are shown", BRANCHES_MAX);
            return;
        }
        linux_codeof(r, in.target, &of);
        where = eg_name_of(r, at + i);
        eg_row(r, .KIND = eg_text("branch"), .NAME = eg_text(where ? where : name),
               .OFFSET = eg_uint(at + i), .FUNCTION = eg_uint(in.target),
               .SYMBOL = eg_text(of.symbol), .MODULE = eg_text(of.module),
               .HINTS = eg_text(of.kind == LINUX_CODE_MODULE ? "into a module" : of.hint));
    }
}

static void function(struct sweep *s, const char *name, bool whole)
{
    struct eg_run *r = s->r;
    struct eg_symbol_extent extent;
    struct linux_codeof of;
    uint64_t at;

    if (!eg_system_own_symbol(eg_system_of(r), name, &at, &extent))
        return;
    linux_codeof(r, at, &of);
    eg_row(r, .KIND = eg_text("function"), .NAME = eg_text(name), .FUNCTION = eg_uint(at),
           .SYMBOL = eg_text(of.symbol), .MODULE = eg_text(of.module),
           .HINTS = eg_text(linux_leaves_kernel(r, at)));
    if (whole && s->d && extent.room)
        sweep(s, name, at, EG_MIN(extent.room, (uint64_t)FUNCTION_MAX));
}

/** All the code that entries have in common. */
static void entry_text(struct sweep *s)
{
    const struct eg_system *sys = eg_system_of(s->r);
    uint64_t first, end;

    if (!eg_system_own_symbol(sys, "__entry_text_start", &first, NULL) ||
        !eg_system_own_symbol(sys, "__entry_text_end", &end, NULL) || end <= first)
        eg_note(s->r, "where the entry code begins and ends is not known: it has no symbols");
    else if (s->d)
        sweep(s, "entry code", first, end - first);
}

/* Is it the same memory as the kernel's @from to @to (@to NULL: just there)? What runs with the
 * tables of programs is mapped at another address (arch/arm64/mm/mmu.c, TRAMP_VALIAS). */
static bool is_memory_of(struct eg_run *r, uint64_t va, const char *from, const char *to)
{
    struct eg_system *sys = eg_system_of(r);
    uint64_t first, end, pa, first_pa;

    if (!eg_system_own_symbol(sys, from, &first, NULL) ||
        (to && !eg_system_own_symbol(sys, to, &end, NULL)))
        return false;
    return eg_translate(eg_view_of(r), eg_kernel(r), va, sys->image->phys, &pa) &&
           eg_translate(eg_view_of(r), eg_kernel(r), first, sys->image->phys, &first_pa) &&
           (to ? pa >= first_pa && pa - first_pa < end - first : pa == first_pa);
}

/* VBAR_EL1 of each CPU, where the dump has it: vectors, those that first make branch predictors
 * safe, or those of a CPU that runs a program with tables of its own. */
static void arm_registers(struct eg_run *r)
{
    const struct eg_image *img = eg_system_of(r)->image;
    bool any = false;

    for (size_t cpu = 0; cpu < img->cpus.n; cpu++) {
        const uint64_t value = img->cpus.at[cpu].vectors;
        struct linux_codeof of;
        bool fit;

        if (!value)
            continue;
        any = true;
        linux_codeof(r, value, &of);
        fit = is_memory_of(r, value, "vectors", NULL) ||
              is_memory_of(r, value, "__bp_harden_el1_vectors", "__entry_text_end") ||
              is_memory_of(r, value, "__entry_tramp_text_start", "__entry_tramp_text_end") ||
              // Until 6.1 those have no names: code of the kernel at an address of its own.
              (of.kind != LINUX_CODE_KERNEL && is_memory_of(r, value, "_stext", "_etext"));
        eg_row(r, .KIND = eg_text("register"), .CPU = eg_uint(cpu), .NAME = eg_text("VBAR_EL1"),
               .FUNCTION = eg_uint(value), .SYMBOL = eg_text(of.symbol),
               .MODULE = eg_text(of.module), .EXPECTED = eg_text(fit ? NULL : "vectors"),
               .HINTS = eg_text(fit       ? ""
                                : of.hint ? of.hint
                                          : "other vectors than Linux has for it"));
    }
    if (!any)
        eg_note(r, "the dump has no VBAR_EL1, which says where exceptions enter the kernel: "
                   "migration streams of QEMU do");
}

static void arm_vectors(struct sweep *s)
{
    static const char *const kinds[] = { "sync", "irq", "fiq", "error" };
    static const char *const from[] = { "el1t", "el1h", "el0 64-bit", "el0 32-bit" };
    uint64_t at;

    if (!eg_system_own_symbol(eg_system_of(s->r), "vectors", &at, NULL)) {
        eg_note(s->r, "vectors: no symbol of this name");
        return;
    }
    for (unsigned i = 0; i < VECTORS; i++) {
        const char *name = eg_strf(s->r, "vector %u: %s %s", i, from[i / 4], kinds[i % 4]);
        struct linux_codeof of;

        linux_codeof(s->r, at + VECTOR * i, &of);
        eg_row(s->r, .KIND = eg_text("function"), .NAME = eg_text(name),
               .FUNCTION = eg_uint(at + VECTOR * i), .SYMBOL = eg_text(of.symbol),
               .MODULE = eg_text(of.module),
               .HINTS = eg_text(linux_leaves_kernel(s->r, at + VECTOR * i)));
        if (s->d)
            sweep(s, name, at + VECTOR * i, VECTOR);
    }
}

static void close_(void *d)
{
    eg_disasm_close(d);
}

static int run(struct eg_run *r)
{
    static const char *const entries[] = {
        "entry_SYSCALL_64",           "entry_SYSCALL_compat", "entry_SYSENTER_compat",
        "entry_INT80_compat",         "asm_int80_emulation",  "asm_fred_entrypoint_user",
        "asm_fred_entrypoint_kernel",
    };
    static const char *const callers[] = {
        "do_syscall_64",   "do_int80_syscall_32",  "do_int80_emulation",
        "int80_emulation", "__do_fast_syscall_32", "do_fast_syscall_32",
        "do_SYSENTER_32",  "fred_entry_from_user", "fred_entry_from_kernel",
        "do_el0_svc",      "do_el0_svc_compat",    "el0_svc_common",
        "invoke_syscall",
    };
    const bool x86 = !strcmp(eg_system_of(r)->arch->name, "x86_64");
    const char *why;
    struct sweep s = { .r = r,
                       .d = eg_disasm_open(eg_system_of(r)->arch, false, &why),
                       .x86 = x86 };

    if (!x86 && strcmp(eg_system_of(r)->arch->name, "aarch64") != 0) {
        eg_disasm_close(s.d);
        eg_note(r, "where this processor enters the kernel is not known here");
        return 0;
    }
    if (s.d)
        eg_run_defer(r, close_, s.d);
    else
        eg_note(r, "only the beginnings of functions are looked at, not their calls: %s", why);
    if (x86) {
        show_registers(r);
    } else {
        arm_registers(r);
        arm_vectors(&s);
    }
    for (size_t i = 0; i < countof(entries); i++)
        function(&s, entries[i], false);
    for (size_t i = 0; i < countof(callers); i++)
        function(&s, callers[i], true);
    entry_text(&s);
    return 0;
}

EG_PLUGIN(entrypoints) = {
    .os = "linux",
    .help = "List where programs and exceptions enter the kernel, and branches out of it there",
    .manual =
        "Registers (LSTAR and its like; VBAR_EL1 of AArch64) are in migration streams of QEMU "
        "only; of other dumps a note says so. The code is that of the entries, of the functions "
        "that look up a system "
        "call, and on AArch64 the vectors: HINTS has something where a register leads elsewhere "
        "than Linux has it, where a function begins with a jump out of the kernel, and each "
        "direct call, jump or branch to code that is not the kernel's is a row, as is a table of "
        "functions that is not the kernel's. Not seen: "
        "indirect calls through registers, and changes that stay within the kernel's code.",
    .looks_for = EG_NAMES("changed entries of the kernel"),
    .columns = columns,
    .run = run,
};
