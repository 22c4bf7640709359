// SPDX-License-Identifier: GPL-2.0
/* marks_deep: changes behind what checks look at first: the middle of functions, which page is
 * mapped, what waits for a task, the marks that a process or module has of itself.
 *
 *     insmod marks_deep.ko task=PID rooted=PID false_thread=PID */
#include "marks.h"

#include <linux/cred.h>
#include <linux/extable.h>
#include <linux/ftrace.h>
#include <linux/gfp.h>
#include <linux/kallsyms.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/srcu.h>
#include <linux/task_work.h>

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("plants marks for integrity checks: deep ones");

static int task, rooted, false_thread;
module_param(task, int, 0444);
module_param(rooted, int, 0444);
module_param(false_thread, int, 0444);

static struct task_struct *task_of(int pid)
{
    struct pid *p = pid > 0 ? find_get_pid(pid) : NULL;
    struct task_struct *t = p ? get_pid_task(p, PIDTYPE_PID) : NULL;

    put_pid(p);
    return t;
}

/* ---- what waits ----------------------------------------------------------------------------- */

DEFINE_STATIC_SRCU(never);
static struct rcu_head of_srcu, of_tasks;
static struct callback_head of_task;

static void new_srcu(struct rcu_head *head)
{
}

/* Asks for itself again and again: at any moment it is waiting. */
static void new_tasks(struct rcu_head *head)
{
    void (*call)(struct rcu_head *, rcu_callback_t) = (void *)look_up("call_rcu_tasks");

    call(head, new_tasks);
}

static void new_task_work(struct callback_head *head)
{
}

static long new_restart(struct restart_block *block)
{
    return -EINTR;
}

static void mark_waiting(const char *kind, const void *head, const void *function)
{
    mark("\"%s\",\"pid\":%d,\"head\":\"%lx\",\"function\":\"%lx\"", kind, task, (word)head,
         (word)function);
}

static void set_waiting(void)
{
    struct task_struct *t = task_of(task);
    int (*add)(struct task_struct *, struct callback_head *, int) =
        (void *)look_up("task_work_add");

    (void)srcu_read_lock(&never); /* and nobody unlocks it */
    call_srcu(&never, &of_srcu, new_srcu);
    mark_waiting("srcu", &of_srcu, new_srcu);
    if (look_up("call_rcu_tasks")) {
        new_tasks(&of_tasks);
        mark_waiting("rcu_tasks", &of_tasks, new_tasks);
    }
    if (!t)
        return;
    of_task.func = new_task_work;
    if (add && !add(t, &of_task, 0)) /* when it next returns to its program */
        mark_waiting("task_work", &of_task, new_task_work);
    t->restart_block.fn = new_restart;
    mark_waiting("restart_block", &t->restart_block, new_restart);
}

/* ---- processes ------------------------------------------------------------------------------ */

static void change_processes(void)
{
    struct task_struct *t = task_of(rooted);
    struct cred *first = (void *)look_up("init_cred");

    if (t && first) {
        get_cred(first); /* one for cred, one for real_cred */
        get_cred(first);
        rcu_assign_pointer(t->cred, first);
        rcu_assign_pointer(t->real_cred, first);
        mark("\"init_cred\",\"pid\":%d,\"cred\":\"%lx\"", rooted, (word)first);
    }
    t = task_of(false_thread);
    if (t) {
        t->flags |= PF_KTHREAD | PF_NOFREEZE;
        strscpy(t->comm, "kworker/1:7", sizeof(t->comm));
        mark("\"false_thread\",\"pid\":%d,\"task\":\"%lx\",\"comm\":\"%s\"", false_thread, (word)t,
             t->comm);
    }
}

#ifdef CONFIG_X86

/* ---- the middle of functions ---------------------------------------------------------------- */

/* Where the function ends. */
static word end_of(word at)
{
    int (*size_of)(word, word *, word *) = (void *)look_up("kallsyms_lookup_size_offset");
    word size = 0, offset;

    return size_of && size_of(at, &size, &offset) ? at + size : at;
}

static noinline void new_middle(void)
{
}
static void *middle = new_middle;

/* The first direct call of a function to another's start, with room for @size bytes behind. */
static word find_call(word start, size_t size)
{
    int (*size_of)(word, word *, word *) = (void *)look_up("kallsyms_lookup_size_offset");
    word at, bytes, offset, end = end_of(start);

    for (at = start + 5; at + size <= end; at++)
        if (*(u8 *)at == 0xe8 && size_of(at + 5 + *(s32 *)(at + 1), &bytes, &offset) && !offset)
            return at;
    return 0;
}

/* In the function that answers a system call, which has the name of its kernel's macros. */
static void patch_middle(const char *kind, const char *call, const u8 *is, size_t size)
{
    static const char *const names[] = { "__do_sys_%s", "__se_sys_%s", "__x64_sys_%s" };
    char symbol[40];
    size_t i;

    for (i = 0; i < ARRAY_SIZE(names); i++) {
        word start, at;

        snprintf(symbol, sizeof(symbol), names[i], call);
        start = look_up(symbol);
        at = start ? find_call(start, size) : 0;
        if (!at)
            continue;
        if (overwrite(at, is, size))
            mark("\"%s\",\"symbol\":\"%s\",\"function\":\"%lx\",\"at\":\"%lx\",\"is\":\"%*ph\","
                 "\"to\":\"%lx\"",
                 kind, symbol, start, at, (int)size, (void *)at, (word)new_middle);
        return;
    }
}

/* Functions that never run here. */
static void patch_middles(void)
{
    u8 far[12] = { 0x48, 0xb8 }, push[6] = { 0x68 }, slot[7] = { 0xff, 0x24, 0x25 };
    static const u8 stop[] = { 0xcc };
    u8 pair[14] = { 0x68, 0, 0, 0, 0, 0xc7, 0x44, 0x24, 4 };
    word to = (word)new_middle;
    s32 distance;

    memcpy(far + 2, &to, 8); /* movabs rax, to; jmp rax */
    far[10] = 0xff;
    far[11] = 0xe0;
    patch_middle("patched_far", "quotactl", far, sizeof(far));
    memcpy(push + 1, &to, 4); /* push to; ret: addresses of code are numbers of 32 bits with sign */
    push[5] = 0xc3;
    patch_middle("patched_push", "swapoff", push, sizeof(push));
    memcpy(pair + 1, &to, 4); /* push; mov dword [rsp+4]; ret */
    memcpy(pair + 9, (u8 *)&to + 4, 4);
    pair[13] = 0xc3;
    patch_middle("patched_pair", "add_key", pair, sizeof(pair));
    patch_middle("patched_stop", "kexec_load", stop, sizeof(stop));
    distance = (s32)(word)&middle; /* jmp through a pointer of this module */
    memcpy(slot + 3, &distance, 4);
    patch_middle("patched_slot", "pivot_root", slot, sizeof(slot));
}

/* ---- a copy of the table of system calls, which the dispatch reads --------------------------- */

static word calls[512];

/* The instruction that takes an element of the table; newer kernels have a switch. */
static void copy_table(void)
{
    word at = look_up("do_syscall_64"), end = at ? end_of(at) : 0,
         table = look_up("sys_call_table");
    s32 distance = (s32)(word)calls;

    for (; at && table && at + 4 <= end; at++) {
        if (*(s32 *)at != (s32)table)
            continue;
        memcpy(calls, (void *)table, sizeof(calls));
        if (overwrite(at, &distance, sizeof(distance)))
            mark("\"copied_table\",\"at\":\"%lx\",\"was\":\"%lx\",\"is\":\"%lx\"", at, table,
                 (word)calls);
        return;
    }
}

/* ---- a tracer's trampoline, whose call leads elsewhere -------------------------------------- */

static void new_trace(word ip, word parent, struct ftrace_ops *ops, void *regs)
{
}

static struct ftrace_ops tracer = { .func = (void *)new_trace };

static void change_trampoline(void)
{
    char name[] = "vfs_readlink";
    s32 distance;
    word at;

    if (ftrace_set_filter(&tracer, name, strlen(name), 1) || register_ftrace_function(&tracer))
        return;
    for (at = tracer.trampoline; at && at < tracer.trampoline + 0x200; at++) {
        word to = at + 5 + *(s32 *)(at + 1);

        if (*(u8 *)at != 0xe8 || (to != (word)new_trace && to != look_up("ftrace_ops_assist_func")))
            continue;
        distance = (s32)((word)new_middle - (at + 5));
        if (overwrite(at + 1, &distance, 4))
            mark("\"trampoline\",\"ops\":\"%lx\",\"trampoline\":\"%lx\",\"at\":\"%lx\",\"was\":\"%"
                 "lx\",\"is\":\"%lx\"",
                 (word)&tracer, tracer.trampoline, at, to, (word)new_middle);
        return;
    }
}

/* ---- another page in the place of one of code ----------------------------------------------- */

/* The same bytes: what is mapped is the copy; the map of all memory has the page that was there. */
static void replace_page(const char *kind, const char *symbol)
{
    word at = look_up(symbol), start = at & PAGE_MASK;
    int (*split)(word, int) = (void *)look_up("set_memory_4k");
    void (*flush)(void) = (void *)look_up("flush_tlb_all");
    struct page *page = alloc_page(GFP_KERNEL);
    unsigned int level;
    pte_t *pte;
    u64 was;

    if (!at || !page || !split || !flush)
        return;
    pte = lookup_address(start, &level);
    if (pte && level != PG_LEVEL_4K && !split(start, 1))
        pte = lookup_address(start, &level);
    if (!pte || level != PG_LEVEL_4K)
        return;
    memcpy(page_address(page), (void *)start, PAGE_SIZE);
    was = pte_val(*pte) & PTE_PFN_MASK;
    WRITE_ONCE(*pte, __pte((pte_val(*pte) & ~(pteval_t)PTE_PFN_MASK) | (u64)page_to_pfn(page)
                                                                           << PAGE_SHIFT));
    flush();
    mark("\"%s\",\"symbol\":\"%s\",\"at\":\"%lx\",\"was\":\"%llx\",\"physical\":\"%llx\"", kind,
         symbol, start, was, (u64)page_to_pfn(page) << PAGE_SHIFT);
}

static void change_processor_code(void)
{
    patch_middles();
    copy_table();
    change_trampoline();
    replace_page("remapped_module", "dummy_xmit");
    replace_page("remapped_text", "__x64_sys_swapon");
}
#else
static void change_processor_code(void)
{
}
#endif

/* ---- tables of distances -------------------------------------------------------------------- */

static void new_far(void)
{
}

/* What a table says at @at: how far its target is from there. */
static void change_distance(const char *kind, const char *name, word at)
{
    s32 distance = (s32)((word)new_far - at);
    word was = at + *(s32 *)at;

    if (overwrite(at, &distance, sizeof(distance)))
        mark("\"%s\",\"symbol\":\"%s\",\"at\":\"%lx\",\"was\":\"%lx\",\"is\":\"%lx\"", kind, name,
             at, was, (word)new_far);
}

/* What is exported to modules, and where code goes on that faulted: of functions that never run. */
static void change_distances(void)
{
    word at = look_up("__start___ksymtab");
    struct exception_table_entry *e = (void *)look_up("__start___ex_table"),
                                 *last = (void *)look_up("__stop___ex_table");
    char name[KSYM_SYMBOL_LEN];

    if (at) { /* the first: no module that is loaded later uses it */
        sprint_symbol(name, at + *(s32 *)at);
        change_distance("export", name, at);
    }
    for (; e && e < last; e++) {
        sprint_symbol(name, (word)&e->insn + e->insn);
        if (!strstr(name, "quota") && !strstr(name, "msr_safe"))
            continue;
        change_distance("exception", name, (word)&e->fixup);
        break;
    }
}

/* ---- a module's own marks ------------------------------------------------------------------- */

static void clear_own_taints(void)
{
    word was = THIS_MODULE->taints;

    THIS_MODULE->taints = 0;
    mark("\"own_taints\",\"name\":\"%s\",\"module\":\"%lx\",\"was\":\"%lx\"", THIS_MODULE->name,
         (word)THIS_MODULE, was);
}

static int __init plant(void)
{
    if (!in_the_farm())
        return -EPERM;
    set_waiting();
    change_processes();
    change_processor_code();
    change_distances();
    clear_own_taints();
    return 0;
}

module_init(plant); /* and no exit: it stays */
