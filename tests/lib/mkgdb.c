/* mkgdb.c - a guest for a debugger. */
#include "mkgdb.h"
#include <string.h>

enum { STACK = 0x4000, REGS = 168, FRAME = 56, DEPTH = 0x400, READ = 1, WRITE = 2, EXEC = 4 };

static const char *const types[] = {
    "struct task_struct { unsigned int __state, flags;",
    MK_X86_64_REGS "struct thread_struct { unsigned long sp; u16 es, ds, fsindex, gsindex;"
                   "  unsigned long fsbase, gsbase; };"
                   "struct task_struct { unsigned int __state, flags; void *stack; int on_cpu;"
                   "  unsigned int cpu; struct thread_struct thread;",
    NULL
};

static const struct mk_machine *x86(void)
{
    mk_each_machine(m) if (m->arch && strcmp(m->arch, "x86_64") == 0) return m;
    return NULL;
}

/* Asleep in the kernel, which its program, if @pc is not 0, entered there by read(). */
static void asleep(struct mk_gdb *d, unsigned i, uint64_t pc)
{
    struct mk *k = d->g.k;
    const uint64_t stack = mk_alloc_aligned(k, STACK, STACK), frame = stack + STACK - DEPTH;
    const uint64_t regs = stack + STACK - REGS;

    d->sp[i] = frame + FRAME;
    mk_put(k, d->task[i], "task_struct.stack", stack);
    mk_put(k, d->task[i], "task_struct.__state", 1);
    mk_put(k, d->task[i], "task_struct.cpu", i);
    mk_put(k, mk_at(k, d->task[i], "task_struct.thread"), "thread_struct.sp", frame);
    mk_put(k, frame, "inactive_task_frame.bx", 0xb0b);
    mk_put(k, frame, "inactive_task_frame.ret_addr", d->code + 0x10 + i);
    if (!pc)
        return;
    mk_put(k, mk_at(k, d->task[i], "task_struct.thread"), "thread_struct.fsbase", 0x7f0000001740);
    mk_put(k, regs, "pt_regs.ip", pc);
    mk_put(k, regs, "pt_regs.sp", MK_GDB_WRITABLE + 0x800);
    mk_put(k, regs, "pt_regs.ax", (uint64_t)-38);
    mk_put(k, regs, "pt_regs.cs", 0x33);
    mk_put(k, regs, "pt_regs.ss", 0x2b);
    mk_put(k, regs, "pt_regs.flags", 0x202);
    mk_put(k, regs, "pt_regs.orig_ax", 0);
}

static uint64_t second_thread(struct mk_gdb *d, uint64_t leader, int tid)
{
    struct mk *k = d->g.k;
    const uint64_t t = mk_object(k, "task_struct"),
                   signal = mk_of(&d->g, leader, "task_struct.signal");

    mk_put(k, t, "task_struct.pid", (uint64_t)tid);
    mk_put(k, t, "task_struct.tgid",
           (uint64_t)mk_of(&d->g, leader, "task_struct.tgid") & 0xffffffff);
    mk_puts(k, t, "task_struct.comm", "a<&\"\033\\}");
    mk_put(k, t, "task_struct.group_leader", leader);
    mk_put(k, t, "task_struct.signal", signal);
    mk_put(k, t, "task_struct.mm", mk_of(&d->g, leader, "task_struct.mm"));
    mk_list_append(k, mk_at(k, signal, "signal_struct.thread_head"),
                   mk_at(k, t, "task_struct.thread_node"));
    return t;
}

struct mk_gdb mk_gdb(void)
{
    struct mk_gdb d = { .g = mk_guest(x86(), types) };
    struct mk *k = d.g.k;
    const uint64_t first = mk_alloc_aligned(k, STACK, STACK);
    uint8_t bytes[0x1000];
    uint64_t mm;

    mk_symbol(k, "__start_init_stack", first);
    mk_symbol(k, "__end_init_stack", first + STACK);
    d.code = mk_alloc_aligned(k, 0x1000, 0x1000);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(0xf0 + i);
    mk_write(k, d.code, bytes, sizeof bytes);
    mk_symbol(k, "_text", d.code);
    d.task[0] = mk_guest_task(&d.g, 1, "init", 0);
    d.task[1] = mk_guest_task(&d.g, 2, "kthreadd", 0);
    d.task[2] = mk_guest_task(&d.g, 700, "two", d.task[0]);
    MK_MM(&d.g, d.task[0], "init\0", "A=1\0");
    mm = MK_MM(&d.g, d.task[2], "two\0", "A=1\0");
    d.task[3] = second_thread(&d, d.task[2], 701);
    mk_put(k, d.task[1], "task_struct.flags", MK_KTHREAD);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    mk_guest_write(&d.g, mm, MK_GDB_PAGE, bytes, sizeof bytes);
    mk_guest_write(&d.g, mm, MK_GDB_WRITABLE, "", 1);
    mk_guest_vma(&d.g, mm, MK_GDB_PAGE / 0x1000, 1, READ | EXEC, 0);
    mk_guest_vma(&d.g, mm, MK_GDB_WRITABLE / 0x1000, 1, READ | WRITE, 0);
    asleep(&d, 0, 0x400000);
    asleep(&d, 1, 0);
    asleep(&d, 2, MK_GDB_PC);
    asleep(&d, 3, MK_GDB_PC + 0x10);
    mk_guest_rows(&d.g, "pslist", NULL); // maps the pages of programs
    d.r = mk_run(k);
    return d;
}

void mk_gdb_free(struct mk_gdb *d)
{
    mk_free(d->g.k);
}
