/* idt - the gates of the interrupt descriptor table (Intel SDM volume 3, "64-Bit Mode IDT";
 * arch/x86/kernel/idt.c), and which table the processors have. */
#include "../../core/image.h"
#include "../../core/system.h"
#include "../linux/kernel/codeof.h"
#include "../linux/kernel/percpu.h"
#include "../linux/own/code.h"
#include "../linux/text.h"
#include <inttypes.h>
#include <string.h>

EG_FIELDS(tlb_state, cr4);
EG_SYMBOL(cpu_tlbstate, "tlb_state");

#define COLUMNS(C)                                                                                 \
    C(TABLE, TEXT, "idt_table, or of which processor another one is")                              \
    C(INDEX, INT, "the number of the interrupt")                                                   \
    C(NAME, TEXT, "what raises it, of those that the processor knows")                             \
    C(TYPE, TEXT, "interrupt, trap, call or task gate; absent")                                    \
    C(DPL, INT, "who may raise it by an instruction: 3: programs")                                 \
    C(IST, INT, "which stack of the task state segment it changes to; 0: none", EG_MINOR)          \
    C(FUNCTION, ADDR, "the code that is entered")                                                  \
    C(SYMBOL, TEXT, "its name")                                                                    \
    C(MODULE, TEXT, "whose code it is")                                                            \
    C(EXPECTED, TEXT, "the function that Linux has for it, if it is another", EG_MINOR)            \
    C(HINTS, TEXT, "what is odd about it")
EG_COLUMNS(COLUMNS);

enum {
    GATES = 256,
    GATE = 16,
    LIMIT = GATES * GATE - 1,
    KERNEL_CS = 0x10,
    INTERRUPT = 14,
    OVERFLOW = 4,
    BREAKPOINT = 3,
    SYSCALL = 0x80,
};
#define CR4_FRED (UINT64_C(1) << 32)

static const struct {
    const char *name, *handler;
} exceptions[32] = {
    { "divide error", "asm_exc_divide_error" },
    { "debug", "asm_exc_debug" },
    { "NMI", "asm_exc_nmi" },
    { "breakpoint", "asm_exc_int3" },
    { "overflow", "asm_exc_overflow" },
    { "bounds", "asm_exc_bounds" },
    { "invalid opcode", "asm_exc_invalid_op" },
    { "no coprocessor", "asm_exc_device_not_available" },
    { "double fault", "asm_exc_double_fault" },
    { "coprocessor segment overrun", "asm_exc_coproc_segment_overrun" },
    { "invalid TSS", "asm_exc_invalid_tss" },
    { "segment not present", "asm_exc_segment_not_present" },
    { "stack segment", "asm_exc_stack_segment" },
    { "general protection", "asm_exc_general_protection" },
    { "page fault", "asm_exc_page_fault" },
    { NULL, "asm_exc_spurious_interrupt_bug" },
    { "floating point", "asm_exc_coprocessor_error" },
    { "alignment check", "asm_exc_alignment_check" },
    { "machine check", "asm_exc_machine_check" },
    { "SIMD floating point", "asm_exc_simd_coprocessor_error" },
    { "virtualization", "asm_exc_virtualization_exception" },
    { "control protection", "asm_exc_control_protection" },
    [28] = { "hypervisor injection", NULL },
    { "VMM communication", "asm_exc_vmm_communication" },
    { "security", NULL },
};

struct state {
    struct eg_run *r;
    const char *table, *odd; /**< @odd: about the table; NULL: nothing */
    uint64_t entry_first, entry_end;
};

static bool begins_with(const char *text, const char *prefix)
{
    return text && !strncmp(text, prefix, strlen(prefix));
}

static const char *type_name(unsigned type)
{
    switch (type) {
    case 5:
        return "task";
    case 12:
        return "call";
    case INTERRUPT:
        return "interrupt";
    case 15:
        return "trap";
    default:
        return "reserved";
    }
}

/** What is odd about the code that a gate leads to; NULL: nothing. */
static const char *code_hints(const struct state *s, uint64_t addr, const struct linux_codeof *of)
{
    // The stubs of external interrupts, of which only the first has a name; and what exceptions
    // that Linux has no handler for led to at boot.
    const bool stub = begins_with(of->symbol, "irq_entries_start+") ||
                      begins_with(of->symbol, "spurious_entries_start+");
    const char *hints = NULL;

    if (begins_with(of->symbol, "early_idt_handler_array"))
        return NULL;
    if (of->kind == LINUX_CODE_MODULE)
        hints = "in a module";
    else if (!stub || addr % 8 || of->kind != LINUX_CODE_KERNEL)
        hints = of->hint;
    if (of->kind == LINUX_CODE_KERNEL && s->entry_end > s->entry_first &&
        (addr < s->entry_first || addr >= s->entry_end))
        hints = linux_hints(s->r, hints, "not in the kernel's entry code");
    return linux_hints(s->r, hints, linux_leaves_kernel(s->r, addr));
}

/** The function that Linux has for an exception, if the gate leads elsewhere. */
static const char *expected(const struct state *s, unsigned i, uint64_t addr,
                            const struct linux_codeof *of)
{
    const char *name = i == SYSCALL              ? "asm_int80_emulation"
                       : i < countof(exceptions) ? exceptions[i].handler
                                                 : NULL;
    uint64_t at;

    if (!name || begins_with(of->symbol, "early_idt_handler_array") ||
        !eg_system_own_symbol(eg_system_of(s->r), name, &at, NULL) || at == addr)
        return NULL;
    return name;
}

static void gate(const struct state *s, unsigned i, const uint8_t *p)
{
    struct eg_run *r = s->r;
    const uint64_t addr =
        eg_le16(p) | (uint64_t)eg_le16(p + 6) << 16 | (uint64_t)eg_le32(p + 8) << 32;
    const unsigned type = p[5] & 15, dpl = p[5] >> 5 & 3;
    const bool present = p[5] & 0x80;
    struct linux_codeof of = { 0 };
    const char *other = NULL, *hints = i ? NULL : s->odd;

    if (present) {
        linux_codeof(r, addr, &of);
        hints = linux_hints(r, hints, code_hints(s, addr, &of));
        other = expected(s, i, addr, &of);
        if (other && !hints)
            hints = "another function than the exception's";
        if (type != INTERRUPT)
            hints = linux_hints(r, hints, "not an interrupt gate");
        if (eg_le16(p + 2) != KERNEL_CS)
            hints = linux_hints(r, hints, "another code segment than the kernel's");
        if (dpl && i != BREAKPOINT && i != OVERFLOW && i != SYSCALL)
            hints = linux_hints(r, hints, "programs may raise it");
    }
    eg_row(r, .TABLE = eg_text(s->table), .INDEX = eg_uint(i),
           .NAME = eg_text(i == SYSCALL              ? "32-bit system calls"
                           : i < countof(exceptions) ? exceptions[i].name
                                                     : NULL),
           .TYPE = eg_text(present ? type_name(type) : "absent"),
           .DPL = present ? eg_uint(dpl) : (struct eg_cell){ 0 },
           .IST = present ? eg_uint(p[4] & 7) : (struct eg_cell){ 0 },
           .FUNCTION = present ? eg_uint(addr) : (struct eg_cell){ 0 },
           .SYMBOL = eg_text(of.symbol), .MODULE = eg_text(of.module), .EXPECTED = eg_text(other),
           .HINTS = eg_text(hints));
}

static void table(struct state *s, uint64_t at)
{
    for (unsigned i = 0; i < GATES && !eg_stopped(s->r); i++) {
        const uint8_t *p = eg_bytes(eg_view_of(s->r), eg_kernel(s->r), at + GATE * i, GATE);

        if (p)
            gate(s, i, p);
        else
            eg_row(s->r, .TABLE = eg_text(s->table), .INDEX = eg_uint(i),
                   .FUNCTION = eg_missing(eg_view_of(s->r)->why, at + GATE * i));
    }
}

/** The tables that the processors have, where the dump says: one that is not idt_table is shown
 * too. */
static void processors(struct state *s, uint64_t own)
{
    const struct eg_image *img = eg_system_of(s->r)->image;
    struct eg_space *kernel = eg_kernel(s->r), *physical = eg_physical(s->r);
    struct eg_view *v = eg_view_of(s->r);
    const uint16_t need = 1 << EG_X86_IDT | 1 << EG_X86_IDT_LIMIT;
    uint64_t at = 0, pa, shown = 0;
    size_t known = 0;

    for (size_t i = 0; i < img->cpus.n; i++) {
        const struct eg_cpu *cpu = &img->cpus.at[i];
        const uint64_t base = cpu->x86[EG_X86_IDT];

        if ((cpu->x86_known & need) != need)
            continue;
        known++;
        if (own && eg_translate(v, kernel, own, physical, &at) &&
            eg_translate(v, kernel, base, physical, &pa) && at == pa &&
            cpu->x86[EG_X86_IDT_LIMIT] == LIMIT)
            continue;
        if (base == shown)
            continue;
        shown = base;
        s->table = eg_strf(s->r, "CPU %zu", i);
        s->odd = cpu->x86[EG_X86_IDT_LIMIT] != LIMIT
                     ? "the processor's table has another size"
                     : "the processor has another table than idt_table";
        table(s, base);
    }
    if (!known)
        eg_note(s->r, "the dump has no registers that say which table the processors have: "
                      "idt_table is shown, which the kernel gives them");
}

static int run(struct eg_run *r)
{
    struct state s = { .r = r, .table = "idt_table" };
    const struct eg_system *sys = eg_system_of(r);
    struct eg_obj state;
    uint64_t own = 0, cr4;

    if (strcmp(sys->arch->name, "x86_64") != 0) {
        eg_note(r, "this processor has no such tables: they are of x86 only");
        return 0;
    }
    if (!eg_system_own_symbol(sys, "__entry_text_start", &s.entry_first, NULL) ||
        !eg_system_own_symbol(sys, "__entry_text_end", &s.entry_end, NULL))
        s.entry_first = s.entry_end = 0;
    if (eg_system_own_symbol(sys, "idt_table", &own, NULL))
        table(&s, own);
    else
        eg_note(r, "idt_table: no symbol of this name: only the tables that the dump has a "
                   "processor's register for are shown");
    processors(&s, own);
    linux_each_percpu(r, eg_sym(r, cpu_tlbstate), state)
    {
        if (eg_get(&cr4, state, tlb_state.cr4) && cr4 & CR4_FRED) {
            eg_note(r, "the processors have FRED on: they enter the kernel at "
                       "asm_fred_entrypoint_user, and not by this table");
            break;
        }
    }
    return 0;
}

EG_PLUGIN(idt) = {
    .os = "linux",
    .help = "List the gates of the interrupt descriptor table, with whose code each leads to",
    .manual =
        "All 256 are shown. HINTS has something where a gate leads to code of no module that is "
        "listed, in a module, outside of the kernel's entry code, inside of a function, or to "
        "another one than Linux has for the exception (EXPECTED); where that code begins with a "
        "jump out of the kernel; where a gate is of another kind than Linux makes, or lets "
        "programs raise it; and where a processor has another table than idt_table, if the dump "
        "has the register (ELF files and migration streams of QEMU do).\n"
        "Not seen: changes of the code behind the first instruction, and handlers of single "
        "interrupts, which are in interrupts. With FRED, which a note says, the processor does "
        "not use the table.",
    .aliases = EG_NAMES("linux.check_idt.Check_idt", "linux.malware.check_idt.Check_idt",
                        "check_idt", "linux_idt"),
    .looks_for = EG_NAMES("changed interrupt handlers"),
    .columns = columns,
    .run = run,
};
