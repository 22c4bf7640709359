/* sched/regs.c - registers of threads, from where the kernel or the dump saved them.
 *
 * A thread that sleeps left what a call preserves on its stack (x86) or in its thread_struct; when
 * its program entered the kernel, all of the program's registers were saved in a pt_regs at the top
 * of its stack. */
#include "regs.h"
#include "../../../core/cache.h"
#include "../../../core/image.h"
#include "../state.h"
#include "flags.h"
#include "rq.h"
#include "task.h"

enum { X86 = 62, ARM64 = 183, RISCV = 243 }; // EM_… of the processors whose layouts are known

/* include/asm/ptrace.h of arch/x86, arch/arm64 and arch/riscv */
EG_FIELDS(pt_regs, r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip,
          cs, flags, sp, ss, regs, pc, pstate, syscallno, epc, ra, gp, tp, t0, t1, t2, s0, s1, a0,
          a1, a2, a3, a4, a5, a6, a7, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, t3, t4, t5, t6,
          status);
/* arch/x86/include/asm/switch_to.h: what __switch_to_asm pushes */
EG_FIELD_AS(switch_r15, inactive_task_frame, "r15");
EG_FIELD_AS(switch_r14, inactive_task_frame, "r14");
EG_FIELD_AS(switch_r13, inactive_task_frame, "r13");
EG_FIELD_AS(switch_r12, inactive_task_frame, "r12");
EG_FIELD_AS(switch_bx, inactive_task_frame, "bx");
EG_FIELD_AS(switch_bp, inactive_task_frame, "bp");
EG_FIELD_AS(switch_ip, inactive_task_frame, "ret_addr");
EG_TYPE(inactive_task_frame);
/* struct thread_struct of each processor, arch/.../include/asm/processor.h */
EG_FIELD_AS(thread_sp, task_struct, "thread.sp");
EG_FIELD_AS(thread_fsbase, task_struct, "thread.fsbase");
EG_FIELD_AS(thread_gsbase, task_struct, "thread.gsbase");
EG_FIELD_AS(thread_ds, task_struct, "thread.ds");
EG_FIELD_AS(thread_es, task_struct, "thread.es");
EG_FIELD_AS(thread_fs, task_struct, "thread.fsindex");
EG_FIELD_AS(thread_gs, task_struct, "thread.gsindex");
EG_FIELD_AS(thread_x19, task_struct, "thread.cpu_context.x19");
EG_FIELD_AS(thread_fp, task_struct, "thread.cpu_context.fp");
EG_FIELD_AS(thread_ctx_sp, task_struct, "thread.cpu_context.sp");
EG_FIELD_AS(thread_pc, task_struct, "thread.cpu_context.pc");
EG_FIELD_AS(thread_tp, task_struct, "thread.uw.tp_value|thread.tp_value");
EG_FIELD_AS(thread_ra, task_struct, "thread.ra");
EG_FIELD_AS(thread_s, task_struct, "thread.s");
EG_FIELD_AS(stack_pages, task_struct, "stack_vm_area");
EG_FIELD_AS(area_pages, vm_struct, "nr_pages");
/* A new thread returns to it from its first switch; the name for x86 changed in 6.6. */
EG_SYMBOL_AS(fork_return, "ret_from_fork_asm|ret_from_fork", "u8");
EG_SYMBOL_AS(init_stack_first, "__start_init_stack|__start_init_task", "u8"); // renamed in 6.10
EG_SYMBOL_AS(init_stack_end, "__end_init_stack|__end_init_task", "u8");
/* Built only with CONFIG_X86_FRED (6.9), which leaves 16 bytes free above the user's pt_regs, also
 * on processors without FRED (TOP_OF_KERNEL_STACK_PADDING, arch/x86/include/asm/thread_info.h). */
EG_SYMBOL(asm_fred_entrypoint_user, "u8");

static uint16_t machine(struct eg_run *r)
{
    return eg_system_of(r)->arch->elf_machine;
}

/* ---- what is alike for all threads ---- */

struct layout {
    uint64_t stack;   // THREAD_SIZE; 0: not known
    uint64_t padding; // bytes above the pt_regs
};

enum { STACK_MIN = 4096, STACK_MAX = 1 << 20 };

static bool is_stack_size(uint64_t size)
{
    return size >= STACK_MIN && size <= STACK_MAX && !(size & (size - 1));
}

static bool saved_sp(struct eg_run *r, struct eg_obj task, uint64_t *sp)
{
    return eg_has(r, thread_sp) ? eg_get(sp, task, thread_sp) : eg_get(sp, task, thread_ctx_sp);
}

/* The linker's script says how large the first stack is. Where symbols of data are not known: the
 * pages that a stack was given; and where stacks are not made of pages, how far the deepest of
 * several saved stack pointers is above its stack's beginning, for threads of the kernel begin in
 * the last kilobyte. */
static uint64_t find_stack_size(struct eg_run *r)
{
    enum { TASKS = 256 };
    const struct eg_system *sys = eg_system_of(r);
    const unsigned shift =
        sys->chosen->paging.granule ? sys->chosen->paging.granule : sys->arch->page_shift;
    uint64_t size = eg_sym(r, init_stack_end).addr - eg_sym(r, init_stack_first).addr;
    uint64_t stack, sp, pages, deepest = 0;
    struct eg_obj task;
    unsigned n = 0;

    if (eg_has_symbol(r, init_stack_first) && eg_has_symbol(r, init_stack_end) &&
        is_stack_size(size))
        return size;
    linux_each_process(r, task) {
        if (n++ == TASKS)
            break;
        if (eg_get(&pages, task, stack_pages, area_pages) &&
            pages <= (uint64_t)STACK_MAX >> shift && is_stack_size(pages << shift))
            return pages << shift;
        if (eg_get(&stack, task, task_struct.stack) && saved_sp(r, task, &sp) && sp > stack &&
            sp - stack < STACK_MAX && sp - stack > deepest)
            deepest = sp - stack;
    }
    for (size = STACK_MIN; deepest && size < deepest; size <<= 1)
        ;
    return deepest ? size : 0;
}

static bool find_layout(struct eg_system *sys, struct eg_run *r, void *kept)
{
    struct layout *l = kept;

    (void)sys;
    l->stack = find_stack_size(r);
    l->padding = eg_has_symbol(r, asm_fred_entrypoint_user) ? 16 : 0;
    if (!l->stack)
        eg_note(r, "the size of the kernel's stacks is not known");
    return !eg_stopped(r);
}

static const struct eg_cache layouts = { .size = sizeof(struct layout),
                                         .make = find_layout,
                                         .lasts = true };

static const struct layout *layout_of(struct eg_run *r)
{
    static const struct layout none = { 0 };
    const struct layout *l = eg_system_cache(eg_system_of(r), r, &layouts);

    return l ? l : &none;
}

uint64_t linux_kernel_stack_size(struct eg_run *r)
{
    return layout_of(r)->stack;
}

bool linux_kernel_stack(struct eg_run *r, struct eg_obj task, uint64_t *first, uint64_t *last)
{
    const uint64_t size = layout_of(r)->stack;
    uint64_t stack;

    return size && eg_get(&stack, task, task_struct.stack) && stack &&
           eg_add(stack, size - 1, last) && (*first = stack, true);
}

/* ---- pt_regs ---- */

/* Members in the order of eg_arch.registers; NULL ends them. */
static const struct eg_field *const x86_members[] = {
    &eg_f_pt_regs.ax,
    &eg_f_pt_regs.bx,
    &eg_f_pt_regs.cx,
    &eg_f_pt_regs.dx,
    &eg_f_pt_regs.si,
    &eg_f_pt_regs.di,
    &eg_f_pt_regs.sp,
    &eg_f_pt_regs.bp,
    &eg_f_pt_regs.r8,
    &eg_f_pt_regs.r9,
    &eg_f_pt_regs.r10,
    &eg_f_pt_regs.r11,
    &eg_f_pt_regs.r12,
    &eg_f_pt_regs.r13,
    &eg_f_pt_regs.r14,
    &eg_f_pt_regs.r15,
    &eg_f_pt_regs.ip,
    &eg_f_pt_regs.flags,
    NULL,
};
static const struct eg_field *const arm64_members[] = {
    &eg_f_pt_regs.sp, &eg_f_pt_regs.pc, &eg_f_pt_regs.pstate, NULL, // behind x0..x30
};
static const struct eg_field *const riscv_members[] = {
    &eg_f_pt_regs.epc, &eg_f_pt_regs.ra, &eg_f_pt_regs.sp,
    &eg_f_pt_regs.gp,  &eg_f_pt_regs.tp, &eg_f_pt_regs.t0,
    &eg_f_pt_regs.t1,  &eg_f_pt_regs.t2, &eg_f_pt_regs.s0,
    &eg_f_pt_regs.s1,  &eg_f_pt_regs.a0, &eg_f_pt_regs.a1,
    &eg_f_pt_regs.a2,  &eg_f_pt_regs.a3, &eg_f_pt_regs.a4,
    &eg_f_pt_regs.a5,  &eg_f_pt_regs.a6, &eg_f_pt_regs.a7,
    &eg_f_pt_regs.s2,  &eg_f_pt_regs.s3, &eg_f_pt_regs.s4,
    &eg_f_pt_regs.s5,  &eg_f_pt_regs.s6, &eg_f_pt_regs.s7,
    &eg_f_pt_regs.s8,  &eg_f_pt_regs.s9, &eg_f_pt_regs.s10,
    &eg_f_pt_regs.s11, &eg_f_pt_regs.t3, &eg_f_pt_regs.t4,
    &eg_f_pt_regs.t5,  &eg_f_pt_regs.t6, NULL,
};
enum { X86_SP = 6, X86_BP = 7, X86_R12 = 12, X86_PC = 16, X86_FLAGS = 17 };
enum { ARM64_FP = 29, ARM64_SP = 31, ARM64_PC = 32, ARM64_PSTATE = 33, AARCH32 = 0x10 };
enum { ARM_FP = 11, ARM_SP = 13 }; // of AArch32, whose registers are the first of x0 to x30
enum { RISCV_PC = 0, RISCV_SP = 2, RISCV_TP = 4, RISCV_S0 = 8, RISCV_S1 = 9, RISCV_S2 = 18 };

static void set(struct linux_regs *out, unsigned i, uint64_t value)
{
    out->value[i] = value;
    out->known |= UINT64_C(1) << i;
}

/* @return false: one of them cannot be read. */
static bool members(struct eg_run *r, struct linux_regs *out, unsigned first, uint64_t at,
                    const struct eg_field *const *list)
{
    struct eg_view *v = eg_view_of(r);
    uint64_t value;

    for (unsigned i = first; *list; i++, list++) {
        const struct eg_slot *s = eg_slot(r, (*list)->id);

        if (!s->kind || s->size != 8 || !eg_read_u64(v, eg_kernel(r), at + s->off, false, &value))
            return false;
        set(out, i, value);
    }
    return true;
}

/* The same by role. @return whether it is a state of the processor that can be. */
static bool by_role(struct eg_run *r, struct linux_regs *out, bool user)
{
    const struct eg_arch *arch = eg_system_of(r)->arch;
    unsigned pc, sp, fp;

    switch (machine(r)) {
    case X86:
        pc = X86_PC, sp = X86_SP, fp = X86_BP;
        break;
    case ARM64:
        pc = ARM64_PC;
        sp = user && out->compat ? ARM_SP : ARM64_SP;
        fp = user && out->compat ? ARM_FP : ARM64_FP;
        break;
    case RISCV:
        pc = RISCV_PC, sp = RISCV_SP, fp = RISCV_S0;
        break;
    default:
        return false;
    }
    out->pc = out->value[pc];
    out->sp = out->value[sp];
    out->fp = out->value[fp];
    out->user = user;
    if (!(out->known >> pc & 1) || !(out->known >> sp & 1))
        return false;
    return user ? out->pc < arch->kernel_min : true;
}

/* Privilege in CS; in PSTATE the mode, where 0 is EL0 and bit 4 is AArch32; in riscv's status SPP.
 * The rest of x86's cs and ss is FRED's (struct fred_cs, 6.9). */
bool linux_pt_regs(struct eg_run *r, uint64_t at, struct linux_regs *out)
{
    enum { CPL = 3, USER32_CS = 0x23, EL = 0xf, SPP = 0x100 };
    struct eg_obj regs = eg_object(r, pt_regs, at);
    uint64_t mode, value;
    int32_t nr;

    *out = (struct linux_regs){ .source = LINUX_REGS_ENTRY, .at = at, .cpu = -1 };
    switch (machine(r)) {
    case X86:
        if (!members(r, out, 0, at, x86_members) || !eg_get(&mode, regs, pt_regs.cs) ||
            !eg_get(&value, regs, pt_regs.ss))
            return false;
        out->x86.cs = mode & 0xffff;
        out->x86.ss = value & 0xffff;
        out->compat = out->x86.cs == USER32_CS;
        if (eg_get(&value, regs, pt_regs.orig_ax)) {
            out->has_syscall = true;
            out->syscall = (int64_t)value;
        }
        return by_role(r, out, (mode & CPL) == CPL);
    case ARM64:
        for (unsigned i = 0; i < ARM64_SP; i++) {
            if (!eg_load(&value, eg_index(eg_at(regs, pt_regs.regs), i)))
                return false;
            set(out, i, value);
        }
        if (!members(r, out, ARM64_SP, at, arm64_members))
            return false;
        mode = out->value[ARM64_PSTATE];
        out->compat = !(mode & EL) && mode & AARCH32;
        if (eg_get(&nr, regs, pt_regs.syscallno)) {
            out->has_syscall = true;
            out->syscall = nr;
        }
        return by_role(r, out, !(mode & EL));
    case RISCV:
        if (!members(r, out, 0, at, riscv_members) || !eg_get(&mode, regs, pt_regs.status))
            return false;
        return by_role(r, out, !(mode & SPP));
    default:
        return false;
    }
}

static bool user_frame(struct eg_run *r, struct eg_obj task, uint64_t *at)
{
    const uint64_t size = eg_size(r, pt_regs), align = machine(r) == RISCV ? 16 : 1;
    uint64_t first, last;

    if (!size || size > STACK_MIN || !linux_kernel_stack(r, task, &first, &last))
        return false;
    *at = last + 1 - layout_of(r)->padding - eg_align_up(size, align);
    return true;
}

/* ---- CPUs ---- */

bool linux_task_runs(struct eg_run *r, struct eg_obj task)
{
    const struct linux_state *s = linux_state(eg_system_of(r));
    struct eg_obj rq = eg_sym(r, runqueues);
    uint64_t curr;

    if (eg_has(r, task_on_cpu))
        return eg_get_or(0u, task, task_on_cpu) != 0;
    if (s->percpu_offset && s->n_cpus) // a kernel for one processor
        rq.addr += s->percpu_offset[0];
    return eg_get(&curr, rq, rq.curr) && curr == task.addr;
}

/* The dump's record of the CPU that runs @task: by the kernel's GS base, which is the CPU's per-CPU
 * offset; by the task's id, which a kernel writes into its own notes; by a stack pointer in the
 * task's stack; else by number, as QEMU writes them. */
static const struct eg_cpu *record_of(struct eg_run *r, struct eg_obj task, int cpu)
{
    const struct eg_system *sys = eg_system_of(r);
    const struct linux_state *s = linux_state(sys);
    const uint64_t base =
        s->percpu_offset && cpu >= 0 && (unsigned)cpu < s->n_cpus ? s->percpu_offset[cpu] : 0;
    const uint32_t pid = eg_get_or(0u, task, task_struct.pid);
    const struct eg_cpu *c, *end;
    uint64_t first, last;
    bool has_base = false, has_pid = false;

    if (!sys->image->cpus.n)
        return NULL;
    end = sys->image->cpus.at + sys->image->cpus.n;
    for (c = sys->image->cpus.at; c < end; c++) {
        if (base && c->gs_base == base && c->n_regs)
            return c;
        has_base |= c->gs_base != 0;
        has_pid |= c->pid != 0;
    }
    if (has_base)
        return NULL;
    for (c = sys->image->cpus.at; c < end && pid; c++)
        if (c->pid == pid && c->n_regs)
            return c;
    if (linux_kernel_stack(r, task, &first, &last))
        for (c = sys->image->cpus.at; c < end; c++) {
            struct linux_regs regs = { .known = UINT64_MAX };

            memcpy(regs.value, c->regs, sizeof c->regs);
            if (c->n_regs && by_role(r, &regs, false) && regs.sp >= first && regs.sp <= last)
                return c;
        }
    if (cpu < 0 || (size_t)cpu >= sys->image->cpus.n)
        return NULL;
    c = sys->image->cpus.at + cpu;
    return c->n_regs && (!has_pid || c->pid == pid) ? c : NULL;
}

static bool cpu_regs(struct eg_run *r, struct eg_obj task, struct linux_regs *out)
{
    const struct eg_cpu *c = record_of(r, task, out->cpu);

    if (!c)
        return false;
    out->source = LINUX_REGS_CPU;
    for (unsigned i = 0; i < c->n_regs && i < countof(out->value); i++)
        set(out, i, c->regs[i]);
    if (!by_role(r, out, false))
        return false;
    if (out->pc >= eg_system_of(r)->arch->kernel_min)
        return true;
    out->compat = machine(r) == ARM64 && out->value[ARM64_PSTATE] & AARCH32;
    return by_role(r, out, true);
}

/* ---- threads ---- */

static void saved_tls(struct eg_run *r, struct eg_obj task, struct linux_regs *out)
{
    switch (machine(r)) {
    case X86:
        out->has_tls = eg_get(&out->tls, task, thread_fsbase);
        out->x86.gs_base = eg_get_or((uint64_t)0, task, thread_gsbase);
        out->x86.ds = eg_get_or((uint16_t)0, task, thread_ds);
        out->x86.es = eg_get_or((uint16_t)0, task, thread_es);
        out->x86.fs = eg_get_or((uint16_t)0, task, thread_fs);
        out->x86.gs = eg_get_or((uint16_t)0, task, thread_gs);
        break;
    case ARM64:
        out->has_tls = eg_get(&out->tls, task, thread_tp);
        break;
    case RISCV:
        out->has_tls = out->known >> RISCV_TP & 1;
        out->tls = out->value[RISCV_TP];
        break;
    default:
        break;
    }
}

/* What a switch saved. */
static bool switch_regs(struct eg_run *r, struct eg_obj task, struct linux_regs *out)
{
    static const struct {
        const struct eg_field *member;
        unsigned number;
    } pushed[] = {
        { &eg_f_switch_bx, 1 },      { &eg_f_switch_bp, X86_BP }, { &eg_f_switch_r12, X86_R12 },
        { &eg_f_switch_r13, 13 },    { &eg_f_switch_r14, 14 },    { &eg_f_switch_r15, 15 },
        { &eg_f_switch_ip, X86_PC },
    };
    struct eg_obj at;
    uint64_t value;

    out->source = LINUX_REGS_SWITCH;
    switch (machine(r)) {
    case X86:
        if (!eg_get(&out->at, task, thread_sp))
            return false;
        for (size_t i = 0; i < countof(pushed); i++) {
            const struct eg_slot *s = eg_slot(r, pushed[i].member->id);

            if (!s->kind ||
                !eg_read_u64(eg_view_of(r), eg_kernel(r), out->at + s->off, false, &value))
                return false;
            set(out, pushed[i].number, value);
        }
        set(out, X86_SP, out->at + eg_size(r, inactive_task_frame));
        break;
    case ARM64:
        at = eg_at(task, thread_x19);
        for (unsigned i = 19; i < ARM64_FP; i++, at.addr += 8) {
            if (!eg_load(&value, at))
                return false;
            set(out, i, value);
        }
        if (!eg_get(&out->value[ARM64_FP], task, thread_fp) ||
            !eg_get(&out->value[ARM64_SP], task, thread_ctx_sp) ||
            !eg_get(&out->value[ARM64_PC], task, thread_pc))
            return false;
        out->known |= UINT64_C(1) << ARM64_FP | UINT64_C(1) << ARM64_SP | UINT64_C(1) << ARM64_PC;
        out->at = out->value[ARM64_SP];
        break;
    case RISCV:
        at = eg_at(task, thread_s);
        for (unsigned i = 0; i < 12; i++) {
            if (!eg_load(&value, eg_index(at, i)))
                return false;
            set(out, i < 2 ? RISCV_S0 + i : RISCV_S2 - 2 + i, value);
        }
        if (!eg_get(&out->value[RISCV_PC], task, thread_ra) ||
            !eg_get(&out->value[RISCV_SP], task, thread_sp))
            return false;
        out->known |= UINT64_C(1) << RISCV_PC | UINT64_C(1) << RISCV_SP;
        out->at = out->value[RISCV_SP];
        break;
    default:
        return false;
    }
    if (!by_role(r, out, false))
        return false;
    if (eg_has_symbol(r, fork_return) && out->pc == eg_sym(r, fork_return).addr)
        out->source = LINUX_REGS_NEW;
    return true;
}

static enum eg_why reason(struct eg_run *r)
{
    const enum eg_why why = (enum eg_why)eg_view_of(r)->why;

    return why ? why : EG_UNREADABLE;
}

bool linux_kernel_regs(struct eg_run *r, struct eg_obj task, struct linux_regs *out,
                       enum eg_why *why)
{
    uint64_t first, last;

    *out = (struct linux_regs){ .cpu = eg_get_or(-1, task, task_cpu) };
    if (linux_task_runs(r, task)) {
        const bool found = cpu_regs(r, task, out);

        *why = found ? EG_NULL : EG_ABSENT;
        return found && !out->user;
    }
    if (!eg_get(&first, task, task_struct.stack) || !first) {
        *why = task.why ? (enum eg_why)task.why : EG_NULL;
        return false;
    }
    if (!switch_regs(r, task, out)) {
        *why = reason(r);
        return false;
    }
    *why = EG_BAD_VALUE;
    return !linux_kernel_stack(r, task, &first, &last) ||
           (out->at >= first && out->at <= last && out->pc >= eg_system_of(r)->arch->kernel_min);
}

bool linux_user_regs(struct eg_run *r, struct eg_obj task, struct linux_regs *out, enum eg_why *why)
{
    const int cpu = eg_get_or(-1, task, task_cpu);
    uint64_t at, stack;

    *out = (struct linux_regs){ .cpu = cpu };
    *why = EG_NULL;
    if (linux_task_has(task, PF_KTHREAD) || !eg_get(&stack, task, task_struct.stack) || !stack)
        return false;
    if (linux_task_runs(r, task)) {
        if (!cpu_regs(r, task, out)) {
            *why = EG_ABSENT;
            return false;
        }
        if (out->user) {
            saved_tls(r, task, out);
            return true;
        }
    }
    *why = EG_NO_SYMBOL;
    if (!user_frame(r, task, &at))
        return false;
    if (!linux_pt_regs(r, at, out)) {
        *why = reason(r);
        return false;
    }
    out->cpu = cpu;
    *why = out->pc || out->sp ? EG_BAD_VALUE : EG_NULL; // the kernel's own helpers have zeros there
    if (!out->user || !out->pc)
        return false;
    saved_tls(r, task, out);
    return true;
}
