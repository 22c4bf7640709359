/* stacks_test.c - kstack and regs: threads that sleep, run, are new; every way from frame to frame;
 * and stacks and tables that are damaged. */
#include "../../../plugins/linux/state.h"
#include "check.h"
#include "image.h"
#include "mkguest.h"
#include <stdio.h>

enum { SIZE = 0x4000, REGS = 168, TEXT_SIZE = 0x1000, ORC_SIZE = 6, ENTRIES = 320 };
enum { RENUMBERED = 1, NO_SYMBOLS = 2 };

/* ---- a guest of x86-64 ---- */

static const char *const x86_types[] = {
    "struct task_struct { unsigned int __state, flags;",
    MK_X86_64_REGS
    "struct orc_entry { s16 sp_offset, bp_offset; u16 sp_reg:4; u16 bp_reg:4; u16 type:3;"
    "  u16 signal:1; };"
    "struct irq_stack { char stack[16384]; };"
    "struct llist_node { struct llist_node *next; };"
    "struct syscall_metadata { const char *name; int syscall_nr, nb_args; const char **types;"
    "  const char **args; };"
    "struct llist_head { struct llist_node *first; };"
    "struct rethook_node { void *rcu[2]; struct llist_node llist; void *rethook;"
    "  unsigned long ret_addr, frame; };"
    "struct ftrace_ret_stack { unsigned long ret, func; unsigned long *retp; };"
    "struct ftrace_ops { unsigned long flags; struct list_head list;"
    "  unsigned long trampoline, trampoline_size; };"
    "struct bpf_ksym { unsigned long start, end; char name[64]; struct list_head lnode; };"
    "struct thread_struct { unsigned long sp; u16 es, ds, fsindex, gsindex;"
    "  unsigned long fsbase, gsbase; };"
    "struct task_struct { unsigned int __state, flags; void *stack; int on_cpu;"
    "  unsigned int cpu; struct llist_head rethooks; unsigned long *ret_stack;"
    "  struct thread_struct thread;",
    NULL
};

/* Functions of 0x100 bytes each. */
enum { SCHEDULE, WAIT, ENTRY, KTHREAD, FORK, FAULT, OLD, HANDLER, TRAMPOLINE, RETURNED, FUNCTIONS };
static const char *const names[] = { "__schedule",       "do_wait",       "entry",
                                     "kthread",          "ret_from_fork", "asm_exc",
                                     "no_data",          "irq_handler",   "arch_rethook_trampoline",
                                     "return_to_handler" };
/* sp_offset, bp_offset, sp_reg, bp_reg, type, signal: the kernel's numbers before 7.1 */
static const int entries[][6] = {
    [SCHEDULE] = { 24, 0, 5, 0, 2, 0 },  [WAIT] = { 16, -16, 4, 1, 2, 0 },
    [ENTRY] = { 0x248, 0, 5, 0, 3, 1 },  [KTHREAD] = { 8, 0, 5, 0, 2, 0 },
    [FORK] = { 0, 0, 0, 0, 1, 0 },       [FAULT] = { 8, 0, 5, 0, 3, 1 },
    [OLD] = { 0, 0, 0, 0, 0, 0 },        [HANDLER] = { 16, -16, 4, 1, 2, 0 },
    [TRAMPOLINE] = { 8, 0, 5, 0, 2, 0 }, [RETURNED] = { 8, 0, 5, 0, 2, 0 },
    [FUNCTIONS] = { 0, 0, 0, 0, 0, 0 },
};
struct x86 {
    struct mk_guest g;
    struct mk *k;
    uint64_t text, ip, orc, n;
};

static const struct mk_machine *machine(const char *arch)
{
    mk_each_machine(m) if (m->arch && strcmp(m->arch, arch) == 0) return m;
    return NULL;
}

/** @how: RENUMBERED, as since 7.1; NO_SYMBOLS: none names the tables. */
static struct x86 x86_guest(int how)
{
    static const uint8_t since_7_1[] = { 0, 8, 2, 5, 4, 3, 6, 7, 10, 9 };
    struct x86 x = { .g = mk_guest(machine("x86_64"), x86_types), .n = ENTRIES };
    struct mk *k = x.k = x.g.k;
    uint64_t first = mk_alloc_aligned(k, SIZE, SIZE);

    x.text = mk_alloc_aligned(k, TEXT_SIZE, 0x1000);
    x.ip = mk_alloc(k, (4 + ORC_SIZE) * x.n);
    x.orc = x.ip + 4 * x.n;
    for (unsigned i = 0; i < x.n; i++) {
        const int *e = i <= FUNCTIONS ? entries[i] : entries[KTHREAD];
        const uint64_t at = 0x100 * (uint64_t)FUNCTIONS + 4 * (uint64_t)(i - FUNCTIONS);
        const unsigned sp = how & RENUMBERED ? since_7_1[e[2]] : (unsigned)e[2];
        const unsigned bp = how & RENUMBERED ? since_7_1[e[3]] : (unsigned)e[3];
        const uint8_t bytes[] = { (uint8_t)e[0],           (uint8_t)(e[0] >> 8),
                                  (uint8_t)e[1],           (uint8_t)(e[1] >> 8),
                                  (uint8_t)(sp | bp << 4), (uint8_t)(e[4] | e[5] << 3) };

        mk_write_u32(k, x.ip + 4 * i,
                     (uint32_t)(x.text + (i < FUNCTIONS ? 0x100 * i : at) - (x.ip + 4 * i)));
        mk_write(k, x.orc + ORC_SIZE * i, bytes, sizeof bytes);
        if (i < FUNCTIONS)
            mk_symbol(k, names[i], x.text + 0x100 * i);
    }
    mk_symbol(k, "_etext", x.text + 0x100 * FUNCTIONS);
    mk_symbol(k, "__start_init_stack", first);
    mk_symbol(k, "__end_init_stack", first + SIZE);
    if (how & NO_SYMBOLS)
        return x;
    mk_symbol(k, "__start_orc_unwind_ip", x.ip);
    mk_symbol(k, "__stop_orc_unwind_ip", x.ip + 4 * x.n);
    mk_symbol(k, "__start_orc_unwind", x.orc);
    mk_symbol(k, "__stop_orc_unwind", x.orc + ORC_SIZE * x.n);
    return x;
}

/** A place in function @f, which a call at the end of the code before it returns to. */
static uint64_t in(const struct x86 *x, unsigned f, unsigned offset)
{
    return x->text + 0x100 * f + offset;
}

/** A thread that sleeps at __schedule+0x10, called from do_wait, called from the entry.
 * @return its stack. */
static uint64_t sleeper(struct x86 *x, int pid, const char *comm, uint64_t *task)
{
    struct mk *k = x->k;
    const uint64_t s = mk_alloc_aligned(k, SIZE, SIZE), regs = s + SIZE - REGS;
    const uint64_t t = mk_guest_task(&x->g, pid, comm, 0);

    mk_put(k, t, "task_struct.stack", s);
    mk_put(k, t, "task_struct.thread.sp", s + 0x3c00);
    mk_put(k, t, "task_struct.thread.fsbase", 0x7f0000001000);
    mk_put(k, s + 0x3c00, "inactive_task_frame.bp", s + 0x3d00);
    mk_put(k, s + 0x3c00, "inactive_task_frame.ret_addr", in(x, SCHEDULE, 0x10));
    mk_write_ptr(k, s + 0x3c48, in(x, WAIT, 0x20));
    mk_write_ptr(k, s + 0x3c60, in(x, KTHREAD, 0x44)); // looks like a frame, and is left over
    mk_write_ptr(k, s + 0x3d08, in(x, ENTRY, 0x30));
    mk_put(k, regs, "pt_regs.ip", 0x401000);
    mk_put(k, regs, "pt_regs.sp", 0x7ffd00001000);
    mk_put(k, regs, "pt_regs.ax", (uint64_t)-38);
    mk_put(k, regs, "pt_regs.orig_ax", 61);
    mk_put(k, regs, "pt_regs.cs", 0x33);
    mk_put(k, regs, "pt_regs.ss", 0x2b);
    *task = t;
    return s;
}

enum { FUNCTION = 5, STACK = 7, FOUND_BY = 9, ENDS = 10 };

static void same(const char *rows, int column, const char *want)
{
    assert_string_equal(mk_columns(rows, column, column), want);
}

#define COMPLETE "__schedule+0x10/0x100\ndo_wait+0x20/0x100\nentry+0x30/0x100"

static void complete(void **state)
{
    (void)state;
    for (int renumbered = 0; renumbered < 2; renumbered++) {
        struct x86 x = x86_guest(renumbered);
        uint64_t t;
        const char *rows;

        sleeper(&x, 1, "init", &t);
        rows = mk_guest_rows(&x.g, "kstack", NULL);
        same(rows, FUNCTION, COMPLETE);
        same(rows, FOUND_BY, "saved\norc\norc");
        same(rows, STACK, "task\ntask\ntask");
        same(rows, ENDS, "\n\n");
        assert_int_equal(mk_row_notes(NULL), 0);
        assert_string_equal(mk_guest_rows(&x.g, "kstack", "tid=2"), "");
        mk_free(x.k);
    }
}

static void ends(void **state)
{
    (void)state;
    struct x86 x = x86_guest(0);
    uint64_t t, s = sleeper(&x, 1, "init", &t);
    const char *rows;

    // a call that never returns was the last of its function: what follows is another one's
    mk_write_ptr(x.k, s + 0x3c48, in(&x, ENTRY, 0));
    same(mk_guest_rows(&x.g, "kstack", NULL), FUNCTION,
         "__schedule+0x10/0x100\ndo_wait+0x100/0x100\nentry+0x30/0x100");
    // code that nothing called
    mk_write_ptr(x.k, s + 0x3c48, in(&x, FORK, 1));
    rows = mk_guest_rows(&x.g, "kstack", NULL);
    same(rows, FUNCTION, "__schedule+0x10/0x100\nret_from_fork+0x1/0x100");
    same(rows, ENDS, "\n");
    // a new thread: it stands at the beginning
    mk_put(x.k, s + 0x3c00, "inactive_task_frame.ret_addr", in(&x, FORK, 0));
    rows = mk_guest_rows(&x.g, "kstack", NULL);
    same(rows, FUNCTION, "ret_from_fork+0x0/0x100");
    same(rows, ENDS, "");
    mk_put(x.k, s + 0x3c00, "inactive_task_frame.ret_addr", in(&x, SCHEDULE, 0x10));
    // an exception: do_wait was interrupted at its first instruction
    mk_write_ptr(x.k, s + 0x3c48, in(&x, FAULT, 0x10));
    mk_put(x.k, s + 0x3c58, "pt_regs.ip", in(&x, WAIT, 0));
    mk_put(x.k, s + 0x3c58, "pt_regs.sp", s + 0x3d00);
    mk_put(x.k, s + 0x3c58, "pt_regs.cs", 0x10);
    mk_put(x.k, s + 0x3c58, "pt_regs.bp", s + 0x3d00);
    rows = mk_guest_rows(&x.g, "kstack", NULL);
    same(rows, FUNCTION,
         "__schedule+0x10/0x100\nasm_exc+0x10/0x100\ndo_wait+0x0/0x100\nentry+0x30/0x100");
    same(rows, FOUND_BY, "saved\norc\nregisters\norc");
    mk_free(x.k);
}

static void damaged(void **state)
{
    static const struct {
        uint64_t at;    // in the stack
        uint64_t value; // 0..FUNCTIONS: in that function; 0x7777: of no place; else in the stack
        const char *functions, *ends;
    } cases[] = {
        { 0x3c48, OLD, "__schedule+0x10/0x100\nno_data+0x8/0x100",
          "\nthe code has no unwind data" },
        { 0x3c48, 0x7777, "__schedule+0x10/0x100",
          "the frame's return address is not one of code" },
        { 0x3c28, 0x3c00, "__schedule+0x10/0x100\ndo_wait+0x20/0x100",
          "\nthe next frame is not above this one" },
        { 0x3c28, 0x4000, "__schedule+0x10/0x100\ndo_wait+0x20/0x100",
          "\nthe caller's frame is on no stack of the thread, or cannot be read" },
        { 0x3c28, 0x3d04, "__schedule+0x10/0x100\ndo_wait+0x20/0x100",
          "\nthe caller's frame is on no stack of the thread, or cannot be read" },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct x86 x = x86_guest(0);
        uint64_t t, s = sleeper(&x, 1, "init", &t);
        const char *rows;

        mk_write_ptr(x.k, s + cases[i].at,
                     cases[i].value < FUNCTIONS ? in(&x, (unsigned)cases[i].value, 8)
                     : cases[i].value == 0x7777 ? 0x7777
                                                : s + cases[i].value);
        rows = mk_guest_rows(&x.g, "kstack", NULL);
        same(rows, FUNCTION, cases[i].functions);
        same(rows, ENDS, cases[i].ends);
        assert_int_equal(mk_row_notes("end early"), 1);
        mk_free(x.k);
    }
}

static void lost(void **state)
{
    (void)state;
    struct x86 x = x86_guest(0);
    uint64_t t, s = sleeper(&x, 1, "init", &t), u;

    sleeper(&x, 2, "other", &u);
    mk_put(x.k, u, "task_struct.stack", 0); // it has ended
    mk_unmap(x.k, s + 0x3000);              // the page with all frames
    assert_string_equal(mk_columns(mk_guest_rows(&x.g, "kstack", NULL), 0, FUNCTION),
                        "1|1|init|0|-|-");
    mk_put(x.k, t, "task_struct.thread.sp", s - 8); // not in the stack
    assert_string_equal(mk_columns(mk_guest_rows(&x.g, "kstack", NULL), 0, FUNCTION),
                        "1|1|init|0|-|-");
    mk_free(x.k);

    x = x86_guest(0);
    sleeper(&x, 1, "init", &t);
    mk_unmap(x.k, x.ip); // the tables
    same(mk_guest_rows(&x.g, "kstack", NULL), FUNCTION, "__schedule+0x10/0x100");
    same(mk_guest_rows(&x.g, "kstack", NULL), ENDS, "the kernel's unwind data is lost");
    assert_int_equal(mk_row_notes("ORC"), 1);
    mk_free(x.k);
}

/* kallsyms lists functions only: the unwinder's own code has the addresses of its tables. */
static void by_code(void **state)
{
    (void)state;
    for (int broken = 0; broken < 2; broken++) {
        struct x86 x = x86_guest(NO_SYMBOLS);
        const uint64_t code = x.text + 0xf00;
        const uint8_t lea[2][3] = { { 0x48, 0x8d, 0x05 }, { 0x48, 0x8d, 0x0d } };
        uint64_t t;
        const char *rows;

        sleeper(&x, 1, "init", &t);
        mk_symbol(x.k, "unwind_next_frame", code);
        mk_write(x.k, code, lea[0], 3);
        mk_write_u32(x.k, code + 3, (uint32_t)(x.ip - (code + 7)));
        mk_write(x.k, code + 7, lea[1], 3);
        mk_write_u32(x.k, code + 10, (uint32_t)(x.orc - (code + 14)));
        if (broken) // places of code are in order
            mk_write_u32(x.k, x.ip + 4 * 100, 0x1000);
        mk_guest_rows(&x.g, "pslist", NULL);
        linux_state(mk_system(x.k))->image_start = x.text;
        linux_state(mk_system(x.k))->image_end = x.text + (1 << 20);
        rows = mk_guest_rows(&x.g, "kstack", NULL);
        same(rows, FUNCTION, broken ? "__schedule+0x10/0x100" : COMPLETE);
        assert_int_equal(mk_row_notes("no symbol names them"), broken);
        mk_free(x.k);
    }
}

/* ---- tracers, programs made at run time ---- */

static void traced(void **state)
{
    (void)state;
    struct x86 x = x86_guest(0);
    uint64_t t, s = sleeper(&x, 1, "init", &t), node, list = mk_alloc(x.k, 4096);
    uint64_t ksym, head = mk_alloc(x.k, 16), ops, traces = mk_alloc(x.k, 16);
    const char *rows;

    node = mk_object(x.k, "rethook_node");
    ksym = mk_object(x.k, "bpf_ksym");
    mk_symbol(x.k, "bpf_kallsyms", head);
    mk_put(x.k, ksym, "bpf_ksym.start", x.text - 0x1000000);
    mk_put(x.k, ksym, "bpf_ksym.end", x.text - 0x1000000 + 0x40);
    mk_puts(x.k, ksym, "bpf_ksym.name", "bpf_prog_1");
    mk_list(x.k, head, &(uint64_t){ mk_at(x.k, ksym, "bpf_ksym.lnode") }, 1);
    ops = mk_object(x.k, "ftrace_ops");
    mk_symbol(x.k, "ftrace_ops_trampoline_list", traces);
    mk_symbol(x.k, "ftrace_caller", in(&x, KTHREAD, 0));
    mk_put(x.k, ops, "ftrace_ops.trampoline", x.text - 0x2000000);
    mk_put(x.k, ops, "ftrace_ops.trampoline_size", 0x40);
    mk_list(x.k, traces, &(uint64_t){ mk_at(x.k, ops, "ftrace_ops.list") }, 1);
    // a kretprobe waits for do_wait's end
    mk_put(x.k, node, "rethook_node.frame", s + 0x3d08);
    mk_put(x.k, node, "rethook_node.ret_addr", in(&x, ENTRY, 0x30));
    mk_put(x.k, t, "task_struct.rethooks.first", mk_at(x.k, node, "rethook_node.llist"));
    mk_write_ptr(x.k, s + 0x3d08, in(&x, TRAMPOLINE, 0));
    rows = mk_guest_rows(&x.g, "kstack", NULL);
    same(rows, FUNCTION, COMPLETE);
    same(rows, FOUND_BY, "saved\norc\norc, traced");
    // the graph tracer
    mk_write_ptr(x.k, s + 0x3d08, in(&x, RETURNED, 0));
    mk_put(x.k, list + 0x30, "ftrace_ret_stack.ret", in(&x, ENTRY, 0x30));
    mk_put(x.k, list + 0x30, "ftrace_ret_stack.retp", s + 0x3d08);
    mk_put(x.k, t, "task_struct.ret_stack", list);
    same(mk_guest_rows(&x.g, "kstack", NULL), FUNCTION, COMPLETE);
    // its list does not have the place: what is on the stack is shown
    mk_put(x.k, list + 0x30, "ftrace_ret_stack.retp", s + 0x3d10);
    rows = mk_guest_rows(&x.g, "kstack", "pid=1");
    assert_non_null(strstr(mk_columns(rows, FUNCTION, FUNCTION), "return_to_handler+0x0"));
    // a BPF program keeps a frame pointer
    mk_write_ptr(x.k, s + 0x3c48, x.text - 0x1000000 + 8);
    mk_write_ptr(x.k, s + 0x3d08, in(&x, ENTRY, 0x30));
    same(mk_guest_rows(&x.g, "kstack", NULL), FUNCTION,
         "__schedule+0x10/0x100\nbpf_prog_1+0x8/0x40\nentry+0x30/0x100");
    // a trampoline of ftrace is a copy of ftrace_caller
    mk_write_ptr(x.k, s + 0x3c48, x.text - 0x2000000 + 8);
    mk_write_ptr(x.k, s + 0x3c50, in(&x, WAIT, 0x20));
    rows = mk_guest_rows(&x.g, "kstack", NULL);
    assert_non_null(strstr(rows, "|ftrace_trampoline+0x8/0x40|"));
    assert_non_null(strstr(rows, "|do_wait+0x20/0x"));
    assert_non_null(strstr(rows, "|entry+0x30/0x100|"));
    mk_free(x.k);
}

/* ---- CPUs ---- */

static void running(void **state)
{
    (void)state;
    struct x86 x = x86_guest(0);
    uint64_t t, s = sleeper(&x, 1, "init", &t), irq = mk_alloc_aligned(x.k, SIZE, SIZE);
    uint64_t pointer = mk_alloc(x.k, 8);
    struct eg_cpu cpu = { .n_regs = 18 };
    const char *rows;

    mk_symbol(x.k, "hardirq_stack_ptr", pointer);
    mk_write_ptr(x.k, pointer, irq + SIZE - 8);
    mk_put(x.k, t, "task_struct.on_cpu", 1);
    assert_string_equal(mk_columns(mk_guest_rows(&x.g, "kstack", NULL), 0, FUNCTION),
                        "1|1|init|0|-|-");
    assert_int_equal(mk_row_notes("no record"), 1);
    // an interrupt, on its own stack, of do_wait
    mk_system(x.k)->image->cpus.at = &cpu;
    mk_system(x.k)->image->cpus.n = 1;
    cpu.pid = 1;
    cpu.regs[16] = in(&x, HANDLER, 0x18);
    cpu.regs[6] = irq + 0x3e00;
    cpu.regs[7] = irq + 0x3f00;
    mk_write_ptr(x.k, irq + 0x3f08, in(&x, FAULT, 0x40));
    mk_write_ptr(x.k, irq + 0x3f00, 0);
    mk_put(x.k, irq + 0x3f18, "pt_regs.ip", in(&x, WAIT, 0x20));
    mk_put(x.k, irq + 0x3f18, "pt_regs.sp", s + 0x3c50);
    mk_put(x.k, irq + 0x3f18, "pt_regs.bp", s + 0x3d00);
    mk_put(x.k, irq + 0x3f18, "pt_regs.cs", 0x10);
    rows = mk_guest_rows(&x.g, "kstack", NULL);
    same(rows, FUNCTION,
         "irq_handler+0x18/0x100\nasm_exc+0x40/0x100\ndo_wait+0x20/0x100\nentry+0x30/0x100");
    same(rows, STACK, "irq\nirq\ntask\ntask");
    same(rows, FOUND_BY, "cpu\norc\nregisters\norc");
    same(rows, ENDS, "\n\n\n");
    // back to the stack that it left
    mk_write_ptr(x.k, s + 0x3d08, in(&x, FAULT, 0x40));
    mk_put(x.k, s + 0x3d18, "pt_regs.ip", in(&x, WAIT, 0x20));
    mk_put(x.k, s + 0x3d18, "pt_regs.sp", irq + 0x3f80);
    mk_put(x.k, s + 0x3d18, "pt_regs.cs", 0x10);
    assert_non_null(strstr(mk_guest_rows(&x.g, "kstack", NULL), "the next frame is not above"));
    // it ran in its program
    cpu.regs[16] = 0x401000;
    assert_string_equal(mk_guest_rows(&x.g, "kstack", NULL), "");
    assert_string_equal(mk_columns(mk_guest_rows(&x.g, "regs", NULL), 4, 6), "user|cpu|0x401000");
    // the record is another task's
    cpu.pid = 2;
    assert_string_equal(mk_columns(mk_guest_rows(&x.g, "regs", NULL), 4, 6),
                        "kernel|-|-\nuser|-|-");
    mk_system(x.k)->image->cpus.at = NULL;
    mk_system(x.k)->image->cpus.n = 0;
    mk_free(x.k);
}

/* ---- registers ---- */

static void registers(void **state)
{
    (void)state;
    struct x86 x = x86_guest(0);
    uint64_t t, u, s = sleeper(&x, 1, "init", &t), regs = s + SIZE - REGS;
    const char *rows;
    char want[200];

    sleeper(&x, 2, "kthreadd", &u);
    mk_put(x.k, u, "task_struct.flags", MK_KTHREAD);
    rows = mk_guest_rows(&x.g, "regs", NULL);
    snprintf(want, sizeof want, "kernel|switch|%#llx|%#llx|__schedule+0x10||\nuser|entry|0x401000|",
             (unsigned long long)in(&x, SCHEDULE, 0x10), (unsigned long long)s + 0x3c38);
    assert_true(strncmp(mk_columns(rows, 4, 10), want, strlen(want)) == 0);
    assert_non_null(strstr(rows, "user|entry|0x401000|0x7ffd00001000||0x7f0000001000|61|"
                                 "rax=0xffffffffffffffda "));
    assert_non_null(strstr(rows, "kthreadd|0|kernel|switch|"));
    assert_null(strstr(rows, "kthreadd|0|user"));
    mk_put(x.k, regs, "pt_regs.cs", 0x23);
    assert_non_null(strstr(mk_guest_rows(&x.g, "regs", "pid=1"), "|user, 32-bit|entry|0x401000|"));
    mk_put(x.k, regs, "pt_regs.cs", 0x10); // the kernel's: no registers of a program
    assert_non_null(strstr(mk_guest_rows(&x.g, "regs", "pid=1"), "|user|-|-|"));
    mk_put(x.k, regs, "pt_regs.cs", 0x33);
    mk_put(x.k, regs, "pt_regs.ip", x.text);
    assert_non_null(strstr(mk_guest_rows(&x.g, "regs", "pid=1"), "|user|-|-|"));
    mk_free(x.k);
}

/* What a program gave a system call: only where the frame's function is that call. */
static void arguments(void **state)
{
    static const char *const types[] = { "pid_t", "int *", "unsigned long" };
    static const char *const args[] = { "upid", "stat_addr", "options" };

    (void)state;
    struct x86 x = x86_guest(0);
    uint64_t t, s = sleeper(&x, 1, "init", &t), regs = s + SIZE - REGS;
    uint64_t calls = mk_alloc(x.k, 8 * 62), table = mk_alloc(x.k, 8), lists = mk_alloc(x.k, 112);
    uint64_t meta = mk_object(x.k, "syscall_metadata");
    enum { ARGUMENTS = 11 };

    mk_symbol(x.k, "__x64_sys_wait4", in(&x, WAIT, 0x10));
    mk_symbol(x.k, "syscalls_metadata", table);
    mk_write_ptr(x.k, table, calls);
    mk_write_ptr(x.k, calls + 8 * 61, meta);
    mk_put(x.k, meta, "syscall_metadata.name", mk_text(x.k, "sys_wait4"));
    mk_put(x.k, meta, "syscall_metadata.nb_args", 3);
    mk_put(x.k, meta, "syscall_metadata.types", lists);
    mk_put(x.k, meta, "syscall_metadata.args", lists + 56);
    for (unsigned i = 0; i < 7; i++) {
        mk_write_ptr(x.k, lists + 8 * i, mk_text(x.k, types[i % 3]));
        mk_write_ptr(x.k, lists + 56 + 8 * i, mk_text(x.k, args[i % 3]));
    }
    mk_put(x.k, regs, "pt_regs.di", 0xffffffff);
    mk_put(x.k, regs, "pt_regs.si", 0x7ffd00001234);
    mk_put(x.k, regs, "pt_regs.dx", 9);
    same(mk_guest_rows(&x.g, "kstack", NULL), ARGUMENTS,
         "\nupid=-1, stat_addr=0x7ffd00001234, options=9\n");
    mk_put(x.k, meta, "syscall_metadata.name", mk_text(x.k, "sys_wait")); // another call's
    same(mk_guest_rows(&x.g, "kstack", NULL), ARGUMENTS, "\n\n");
    mk_put(x.k, meta, "syscall_metadata.name", mk_text(x.k, "sys_wait4"));
    mk_put(x.k, meta, "syscall_metadata.nb_args", 7); // cannot be
    same(mk_guest_rows(&x.g, "kstack", NULL), ARGUMENTS, "\n\n");
    mk_put(x.k, meta, "syscall_metadata.nb_args", 3);
    mk_put(x.k, regs, "pt_regs.cs", 0x23); // a 32-bit program has other numbers
    same(mk_guest_rows(&x.g, "kstack", NULL), ARGUMENTS, "\n\n");
    mk_free(x.k);
}

/* FRED leaves 16 bytes free above the registers; a new thread's first place. */
static void fred(void **state)
{
    (void)state;
    struct x86 x = x86_guest(0);
    uint64_t t, s = sleeper(&x, 1, "init", &t), regs = s + SIZE - REGS - 16;

    mk_symbol(x.k, "asm_fred_entrypoint_user", x.text + 0xf00);
    mk_put(x.k, regs, "pt_regs.ip", 0x402000);
    mk_put(x.k, regs, "pt_regs.sp", 0x7ffd00002000);
    mk_put(x.k, regs, "pt_regs.cs", 0xabcd0033);
    mk_put(x.k, regs, "pt_regs.ss", 0x2b);
    mk_put(x.k, s + 0x3c00, "inactive_task_frame.ret_addr", in(&x, FORK, 0));
    assert_non_null(strstr(mk_guest_rows(&x.g, "regs", NULL), "kernel|new|"));
    assert_non_null(strstr(mk_guest_rows(&x.g, "regs", NULL), "user|entry|0x402000|"));
    mk_free(x.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(complete), cmocka_unit_test(ends),      cmocka_unit_test(damaged),
        cmocka_unit_test(lost),     cmocka_unit_test(by_code),   cmocka_unit_test(traced),
        cmocka_unit_test(running),  cmocka_unit_test(registers), cmocka_unit_test(arguments),
        cmocka_unit_test(fred),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
