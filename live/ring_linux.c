/* ring_linux.c - what QEMU's plugin has to know of a Linux kernel on x86-64
 * (arch/x86/include/asm/current.h, asm/ptrace.h, entry/common.c). */
#include "ring_linux.h"
#include "../plugins/linux/kernel/percpu.h"
#include "../plugins/linux/sched/regs.h"
#include "../plugins/linux/sched/task.h"
#include <inttypes.h>
#include <string.h>

EG_SYMBOL(current_task, "void *");
EG_SYMBOL(pcpu_hot, "pcpu_hot"); // 6.2 to 6.14
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
EG_TYPE(pt_regs);

static const struct eg_field *const needed[] = {
    &eg_f_task_struct.stack, &eg_f_task_struct.mm, &eg_f_task_struct.pid, &eg_f_task_struct.tgid,
    &eg_f_task_struct.comm,  &eg_f_ring_pgd,       &eg_f_ring_ax,         &eg_f_ring_orig_ax,
    &eg_f_ring_bx,           &eg_f_ring_cx,        &eg_f_ring_dx,         &eg_f_ring_si,
    &eg_f_ring_di,           &eg_f_ring_bp,        &eg_f_ring_r8,         &eg_f_ring_r9,
    &eg_f_ring_r10,
};

/* Where @cpu keeps the address of the task that it runs. */
static struct eg_obj current_of(struct eg_run *r, unsigned cpu)
{
    struct eg_obj task = linux_percpu(r, eg_sym(r, current_task), cpu);

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

bool live_ring_linux(struct eg_run *r, struct ring_linux *out)
{
    const struct eg_system *sys = eg_system_of(r);
    const uint64_t size = eg_size(r, pt_regs), stack = linux_kernel_stack_size(r),
                   padding = eg_has_symbol(r, asm_fred_entrypoint_user) ? 16 : 0;
    const uint32_t args[2][6] = {
        { (uint32_t)eg_offset(r, ring_di), (uint32_t)eg_offset(r, ring_si),
          (uint32_t)eg_offset(r, ring_dx), (uint32_t)eg_offset(r, ring_r10),
          (uint32_t)eg_offset(r, ring_r8), (uint32_t)eg_offset(r, ring_r9) },
        { (uint32_t)eg_offset(r, ring_bx), (uint32_t)eg_offset(r, ring_cx),
          (uint32_t)eg_offset(r, ring_dx), (uint32_t)eg_offset(r, ring_si),
          (uint32_t)eg_offset(r, ring_di), (uint32_t)eg_offset(r, ring_bp) },
    };

    *out = (struct ring_linux){ 0 };
    if (strcmp(sys->arch->name, "x86_64") != 0)
        return !eg_failed(r, "tasks and system calls are told of x86-64 guests only");
    for (size_t i = 0; i < countof(needed); i++)
        if (!eg_slot(r, needed[i]->id)->kind)
            return !eg_failed(r, "the kernel's types do not have all that events of it need");
    if (!size || size > RING_ENTRY_MAX || stack <= size + padding)
        return !eg_failed(r, "where the kernel saves registers is not known");
    out->root = sys->chosen->paging.root;
    out->levels = sys->chosen->paging.levels;
    out->direct_len = eg_physical(r)->last + 1;
    out->stack = (uint32_t)eg_offset(r, task_struct.stack);
    out->mm = (uint32_t)eg_offset(r, task_struct.mm);
    out->pid = (uint32_t)eg_offset(r, task_struct.pid);
    out->tgid = (uint32_t)eg_offset(r, task_struct.tgid);
    out->comm = (uint32_t)eg_offset(r, task_struct.comm);
    out->pgd = (uint32_t)eg_offset(r, ring_pgd);
    out->entry = (uint32_t)(stack - padding - size);
    out->entry_len = (uint32_t)size;
    out->number = (uint32_t)eg_offset(r, ring_orig_ax);
    out->accumulator = (uint32_t)eg_offset(r, ring_ax);
    memcpy(out->args, args, sizeof args);
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

/* The instruction behind the call of @callee in the code of @caller. A call is e8 and a distance:
 * those bytes with this distance are nothing else. */
static bool behind_call(struct eg_run *r, const char *caller, const char *callee, uint64_t *out)
{
    enum { CALL = 0xe8, LEN = 5 };
    uint64_t at, to;
    size_t size, none;
    uint8_t *code;

    if (!code_at(r, caller, &at, &size) || !code_at(r, callee, &to, &none))
        return false;
    code = eg_tmp(r, size);
    if (!eg_read(eg_view_of(r), eg_kernel(r), at, code, size))
        return false;
    for (size_t i = 0; i + LEN <= size; i++)
        if (code[i] == CALL &&
            at + i + LEN + (uint64_t)(int64_t)(int32_t)eg_le32(code + i + 1) == to) {
            *out = at + i + LEN;
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
unsigned live_ring_gates(struct eg_run *r, struct ring_gate out[RING_GATES])
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
