/* ring_linux.c - what QEMU's plugin has to know of a Linux kernel: on x86-64
 * (arch/x86/include/asm/current.h, asm/ptrace.h, entry/common.c) and on AArch64 (arch/arm64/
 * include/asm/ptrace.h, kernel/process.c, entry-common.c, syscall.c). */
#include "ring_linux.h"
#include "../plugins/linux/kernel/percpu.h"
#include "../plugins/linux/sched/regs.h"
#include "../plugins/linux/sched/task.h"
#include <inttypes.h>
#include <string.h>

enum { X86 = 62, ARM64 = 183 }; // EM_…

EG_SYMBOL(current_task, "void *");
EG_SYMBOL(pcpu_hot, "pcpu_hot");   // 6.2 to 6.14
EG_SYMBOL(__entry_task, "void *"); // AArch64: written at each switch
EG_SYMBOL(asm_fred_entrypoint_user, "u8");
EG_FIELD_AS(ring_hot_task, pcpu_hot, "current_task");
EG_FIELD_AS(ring_pgd, mm_struct, "pgd");
EG_FIELD_AS(ring_ax, pt_regs, "ax");
EG_FIELD_AS(ring_orig_ax, pt_regs, "orig_ax");
EG_FIELD_AS(ring_bx, pt_regs, "bx");
EG_FIELD_AS(ring_cx, pt_regs, "cx");
EG_FIELD_AS(ring_dx, pt_regs, "dx");
EG_FIELD_AS(ring_si, pt_regs, "si");
EG_FIELD_AS(ring_di, pt_regs, "di");
EG_FIELD_AS(ring_bp, pt_regs, "bp");
EG_FIELD_AS(ring_r8, pt_regs, "r8");
EG_FIELD_AS(ring_r9, pt_regs, "r9");
EG_FIELD_AS(ring_r10, pt_regs, "r10");
EG_FIELD_AS(ring_cs, pt_regs, "cs");
EG_FIELD_AS(ring_regs, pt_regs, "regs");
EG_FIELD_AS(ring_pstate, pt_regs, "pstate");
EG_FIELD_AS(ring_orig_x0, pt_regs, "orig_x0");
EG_FIELD_AS(ring_syscallno, pt_regs, "syscallno");
EG_TYPE(pt_regs);

static const struct eg_field *const of_both[] = {
    &eg_f_task_struct.stack,
    &eg_f_task_struct.mm,
    &eg_f_task_struct.pid,
    &eg_f_task_struct.tgid,
    &eg_f_task_struct.comm,
    &eg_f_ring_pgd,
    NULL,
};
static const struct eg_field *const of_x86[] = {
    &eg_f_ring_ax,  &eg_f_ring_orig_ax, &eg_f_ring_bx, &eg_f_ring_cx, &eg_f_ring_dx,
    &eg_f_ring_si,  &eg_f_ring_di,      &eg_f_ring_bp, &eg_f_ring_r8, &eg_f_ring_r9,
    &eg_f_ring_r10, &eg_f_ring_cs,      NULL,
};
static const struct eg_field *const of_arm64[] = {
    &eg_f_ring_regs, &eg_f_ring_pstate, &eg_f_ring_orig_x0, &eg_f_ring_syscallno, NULL,
};

static uint16_t machine(struct eg_run *r)
{
    return eg_system_of(r)->arch->elf_machine;
}

static bool has_all(struct eg_run *r, const struct eg_field *const *fields)
{
    for (; *fields; fields++)
        if (!eg_slot(r, (*fields)->id)->kind)
            return false;
    return true;
}

/* Where @cpu keeps the address of the task that it runs. */
static struct eg_obj current_of(struct eg_run *r, unsigned cpu)
{
    struct eg_obj task;

    if (machine(r) == ARM64)
        return linux_percpu(r, eg_sym(r, __entry_task), cpu);
    task = linux_percpu(r, eg_sym(r, current_task), cpu);
    return task.why ? eg_at(linux_percpu(r, eg_sym(r, pcpu_hot), cpu), ring_hot_task) : task;
}

static bool find_tasks(struct eg_run *r, struct ring_linux *out)
{
    struct eg_view *v = eg_view_of(r);
    unsigned n = 0;

    for (unsigned cpu = ~0u; linux_next_cpu(r, &cpu) && cpu < RING_CPUS;) {
        struct eg_obj task = current_of(r, cpu);
        uint64_t at;

        if (task.why || !eg_translate(v, eg_kernel(r), task.addr, eg_physical(r), &at))
            continue;
        out->current[cpu] = at;
        out->direct = task.addr - at; // memory of processors is in the direct map
        n++;
    }
    if (!n)
        eg_failed(r, "where the processors keep the task that they run is not known");
    return n;
}

static uint32_t offset(struct eg_run *r, const struct eg_field *f)
{
    return (uint32_t)eg_slot(r, f->id)->off;
}

static void x86_calls(struct eg_run *r, struct ring_linux *out)
{
    enum { USER32_CS = 0x23 };
    static const struct eg_field *const args[2][6] = {
        { &eg_f_ring_di, &eg_f_ring_si, &eg_f_ring_dx, &eg_f_ring_r10, &eg_f_ring_r8,
          &eg_f_ring_r9 },
        { &eg_f_ring_bx, &eg_f_ring_cx, &eg_f_ring_dx, &eg_f_ring_si, &eg_f_ring_di,
          &eg_f_ring_bp },
    };

    for (int kind = 0; kind < 2; kind++) {
        out->number[kind][0] = out->number[kind][1] = offset(r, &eg_f_ring_orig_ax);
        for (int i = 0; i < 6; i++)
            out->args[kind][i] = offset(r, args[kind][i]);
    }
    out->number_len = 8;
    out->result = offset(r, &eg_f_ring_ax);
    out->mode = offset(r, &eg_f_ring_cs);
    out->mode_mask = 0xffff; // the rest is FRED's
    out->mode_32 = USER32_CS;
}

/* In x8, and in r7 of 32-bit programs; when it leaves the kernel has it elsewhere, for an exec
 * clears registers. */
static void arm64_calls(struct eg_run *r, struct ring_linux *out)
{
    enum { AARCH32 = 0x10 };
    const uint32_t regs = offset(r, &eg_f_ring_regs);

    for (int kind = 0; kind < 2; kind++) {
        out->number[kind][0] = regs + 8 * (kind ? 7 : 8);
        out->number[kind][1] = offset(r, &eg_f_ring_syscallno);
        for (uint32_t i = 0; i < 6; i++)
            out->args[kind][i] = regs + 8 * i;
    }
    out->number_len = 4;
    out->result = regs;
    out->first = offset(r, &eg_f_ring_orig_x0);
    out->mode = offset(r, &eg_f_ring_pstate);
    out->mode_mask = out->mode_32 = AARCH32;
}

static void page_tables(const struct eg_paging *p, struct ring_linux *out)
{
    const uint32_t shift = p->granule ? p->granule : 12, bits = shift - 3;

    out->root = p->root;
    out->page_shift = shift;
    out->levels = p->levels;
    if (!out->levels && p->va_bits)
        out->levels = (p->va_bits - shift + bits - 1) / bits;
    out->va_bits = p->va_bits ? p->va_bits : EG_MIN(shift + bits * out->levels, 52u);
}

bool live_ring_linux(struct eg_run *r, struct ring_linux *out)
{
    const uint64_t size = eg_size(r, pt_regs), stack = linux_kernel_stack_size(r),
                   padding = eg_has_symbol(r, asm_fred_entrypoint_user) ? 16 : 0;
    const bool x86 = machine(r) == X86;

    *out = (struct ring_linux){ 0 };
    if (!x86 && machine(r) != ARM64)
        return !eg_failed(r, "tasks and system calls are told of x86-64 and AArch64 guests only");
    if (!has_all(r, of_both) || !has_all(r, x86 ? of_x86 : of_arm64))
        return !eg_failed(r, "the kernel's types do not have all that events of it need");
    if (!size || size > RING_ENTRY_MAX || stack <= size + padding)
        return !eg_failed(r, "where the kernel saves registers is not known");
    page_tables(&eg_system_of(r)->chosen->paging, out);
    out->direct_len = eg_physical(r)->last + 1;
    out->stack = offset(r, &eg_f_task_struct.stack);
    out->mm = offset(r, &eg_f_task_struct.mm);
    out->pid = offset(r, &eg_f_task_struct.pid);
    out->tgid = offset(r, &eg_f_task_struct.tgid);
    out->comm = offset(r, &eg_f_task_struct.comm);
    out->pgd = offset(r, &eg_f_ring_pgd);
    out->entry = (uint32_t)(stack - padding - size);
    out->entry_len = (uint32_t)size;
    if (x86)
        x86_calls(r, out);
    else
        arm64_calls(r, out);
    return find_tasks(r, out);
}

/* ---- gates ---- */

static bool code_at(struct eg_run *r, const char *name, uint64_t *at, size_t *size)
{
    struct eg_symbol_extent extent;

    if (!eg_system_own_symbol(eg_system_of(r), name, at, &extent))
        return false;
    *size = (size_t)EG_MIN(extent.size ? extent.size : extent.room, 8192);
    return *size;
}

/* Does the instruction at @code, which is at @at, call @to? x86's call is e8 and a distance: those
 * bytes with this distance are nothing else. AArch64's is bl. @return its length; 0: no. */
static size_t calls(uint16_t machine, const uint8_t *code, size_t left, uint64_t at, uint64_t to)
{
    enum { CALL = 0xe8, LEN = 5 };

    if (machine == X86)
        return left >= LEN && *code == CALL &&
                       at + LEN + (uint64_t)(int64_t)(int32_t)eg_le32(code + 1) == to
                   ? LEN
                   : 0;
    return left >= 4 && eg_le32(code) >> 26 == 0x25 &&
                   at + (uint64_t)((int64_t)(int32_t)(eg_le32(code) << 6) >> 4) == to
               ? 4
               : 0;
}

/* The instruction behind the call of @callee in the code of @caller. */
static bool behind_call(struct eg_run *r, const char *caller, const char *callee, uint64_t *out)
{
    const size_t unit = machine(r) == X86 ? 1 : 4;
    uint64_t at, to;
    size_t size, none, len;
    uint8_t *code;

    if (!code_at(r, caller, &at, &size) || !code_at(r, callee, &to, &none))
        return false;
    code = eg_tmp(r, size);
    if (!eg_read(eg_view_of(r), eg_kernel(r), at, code, size))
        return false;
    for (size_t i = 0; i < size; i += unit)
        if ((len = calls(machine(r), code + i, size - i, at + i, to))) {
            *out = at + i + len;
            return true;
        }
    return false;
}

static void gate(struct ring_gate *out, unsigned *n, uint64_t at, bool leaves, unsigned bits,
                 const char *name)
{
    if (*n < RING_GATES)
        out[(*n)++] = (struct ring_gate){ at, leaves, bits, name };
}

/* A call enters where its registers have just been saved. It has left where the result is among
 * them, and no signal has yet changed them: at the first function of the way out, or in kernels
 * where that was inlined, behind the call of the function that does all. */
static unsigned x86_gates(struct eg_run *r, struct ring_gate out[RING_GATES])
{
    static const struct {
        const char *name;
        unsigned bits;
    } enters[] = {
        { "do_syscall_64", 64 },      { "do_fast_syscall_32", 32 }, { "do_int80_syscall_32", 32 },
        { "do_int80_emulation", 32 }, { "int80_emulation", 32 },
    };
    static const char *const all = "entry_SYSCALL_64_after_hwframe";
    unsigned n = 0;
    uint64_t at;
    size_t size;

    for (size_t i = 0; i < countof(enters); i++)
        if (code_at(r, enters[i].name, &at, &size))
            gate(out, &n, at, false, enters[i].bits, enters[i].name);
    if (behind_call(r, "do_syscall_64", "syscall_exit_to_user_mode", &at) &&
        code_at(r, "syscall_exit_to_user_mode", &at, &size))
        gate(out, &n, at, true, 64, "syscall_exit_to_user_mode");
    else if (behind_call(r, "entry_SYSCALL_64", "do_syscall_64", &at) ||
             behind_call(r, all, "do_syscall_64", &at))
        gate(out, &n, at, true, 64, all);
    return n;
}

/* The function that dispatches a call returns to one that may be part of the exception's handler.
 */
static unsigned arm64_gates(struct eg_run *r, struct ring_gate out[RING_GATES])
{
    static const struct {
        const char *name;
        unsigned bits;
        const char *callers[3];
    } doors[] = {
        { "do_el0_svc", 64, { "el0_svc", "el0t_64_sync_handler", "el0_sync_handler" } },
        { "do_el0_svc_compat",
          32,
          { "el0_svc_compat", "el0t_32_sync_handler", "el0_sync_compat_handler" } },
    };
    unsigned n = 0;
    uint64_t at;
    size_t size;

    for (size_t i = 0; i < countof(doors); i++) {
        if (!code_at(r, doors[i].name, &at, &size))
            continue;
        gate(out, &n, at, false, doors[i].bits, doors[i].name);
        for (size_t k = 0; k < countof(doors[i].callers); k++)
            if (behind_call(r, doors[i].callers[k], doors[i].name, &at)) {
                gate(out, &n, at, true, doors[i].bits, doors[i].callers[k]);
                break;
            }
    }
    return n;
}

unsigned live_ring_gates(struct eg_run *r, struct ring_gate out[RING_GATES])
{
    return machine(r) == ARM64 ? arm64_gates(r, out) : x86_gates(r, out);
}
