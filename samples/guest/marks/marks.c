// SPDX-License-Identifier: GPL-2.0
/* marks: changes a running kernel in the ways that integrity checks look for, and says in the log
 * what it changed and where: lines "lab: mark {...}".  For isolated guests of the farm alone:
 * nothing here hides, nothing survives a boot, and every replaced function does what the original
 * did.
 *
 *     insmod marks.ko task=PID donor=PID heir=PID */
#include <linux/cred.h>
#include <linux/ftrace.h>
#include <linux/keyboard.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/vmalloc.h>
#include <net/net_namespace.h>

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("plants marks for integrity checks");

static int task, donor, heir;
module_param(task, int, 0444);
module_param(donor, int, 0444);
module_param(heir, int, 0444);

#define mark(format, ...) pr_notice("lab: mark {\"kind\":" format "}\n", ##__VA_ARGS__)

/* No module may ask for a name since 5.7; a kprobe tells the address of the function that is asked.
 */
static unsigned long (*look_up)(const char *name);

static bool find_look_up(void)
{
    struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };

    if (register_kprobe(&probe))
        return false;
    look_up = (void *)probe.addr;
    unregister_kprobe(&probe);
    /* the probe may stand behind an endbr64 of 4 bytes: an indirect call needs it */
    if (*(u32 *)((u8 *)probe.addr - 4) == 0xfa1e0ff3)
        look_up = (void *)((u8 *)probe.addr - 4);
    return true;
}

/* Writes to what is read-only, through a second mapping of its pages. */
static bool overwrite(unsigned long at, const void *data, size_t size)
{
    struct page *pages[2];
    unsigned long start = at & PAGE_MASK;
    u8 *alias;
    int i;

    for (i = 0; i < 2; i++)
        pages[i] = pfn_to_page(__pa_symbol(start + i * PAGE_SIZE) >> PAGE_SHIFT);
    alias = vmap(pages, 2, VM_MAP, PAGE_KERNEL);
    if (!alias)
        return false;
    memcpy(alias + (at - start), data, size);
    vunmap(alias);
    return true;
}

/* ---- a system call's entry in the table
 * ------------------------------------------------------------------------------ */

enum { CALL = 171 /* setdomainname */ };
static long (*first_call)(const struct pt_regs *regs);

static long new_call(const struct pt_regs *regs)
{
    return first_call(regs);
}

static void change_call(void)
{
    unsigned long *table = (void *)look_up("sys_call_table"), entry = (unsigned long)new_call;

    if (!table)
        return;
    first_call = (void *)table[CALL];
    if (overwrite((unsigned long)&table[CALL], &entry, sizeof(entry)))
        mark("\"syscall\",\"number\":%d,\"entry\":\"%lx\",\"was\":\"%lx\",\"is\":\"%lx\"", CALL,
             (unsigned long)&table[CALL], (unsigned long)first_call, table[CALL]);
}

/* ---- the show operation of a seq file
 * -------------------------------------------------------------------------------- */

static int (*first_show)(struct seq_file *file, void *v);

static int new_show(struct seq_file *file, void *v)
{
    return first_show(file, v);
}

static void change_show(void)
{
    struct seq_operations *ops = (void *)look_up("tcp4_seq_ops");
    unsigned long entry = (unsigned long)new_show;

    if (!ops)
        return;
    first_show = ops->show;
    if (overwrite((unsigned long)&ops->show, &entry, sizeof(entry)))
        mark("\"seq_show\",\"operations\":\"%lx\",\"symbol\":\"tcp4_seq_ops\",\"was\":\"%lx\","
             "\"is\":\"%lx\"",
             (unsigned long)ops, (unsigned long)first_show, (unsigned long)ops->show);
}

/* ---- the entry of a function: a jump
 * ----------------------------------------------------------------------------------- */

static noinline long new_acct(const struct pt_regs *regs)
{
    return -ENOSYS;
}

static void patch_entry(void)
{
    unsigned long at = look_up("__x64_sys_acct");
    u8 jump[5] = { 0xe9 };
    s32 distance = (s32)((unsigned long)new_acct - (at + 5));
    u8 was[5];

    if (!at)
        return;
    memcpy(was, (void *)at, 5);
    memcpy(jump + 1, &distance, 4);
    if (overwrite(at, jump, 5))
        mark("\"patched\",\"symbol\":\"__x64_sys_acct\",\"at\":\"%lx\",\"was\":\"%5ph\",\"is\":\"%"
             "5ph\",\"to\":\"%lx\"",
             at, was, (void *)at, (unsigned long)new_acct);
}

/* ---- hooks that the kernel offers
 * ---------------------------------------------------------------------------------------- */

static unsigned int new_hook(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
    return NF_ACCEPT;
}

static struct nf_hook_ops packet_hook = {
    .hook = new_hook, .pf = NFPROTO_IPV4, .hooknum = NF_INET_PRE_ROUTING, .priority = -171
};

static int new_key(struct notifier_block *block, unsigned long code, void *param)
{
    return NOTIFY_OK;
}

static struct notifier_block key_hook = { .notifier_call = new_key, .priority = 171 };

static void new_trace(unsigned long ip, unsigned long parent, struct ftrace_ops *ops,
                      struct ftrace_regs *regs)
{
}

static struct ftrace_ops trace_hook = { .func = new_trace };

static void set_hooks(void)
{
    char name[] = "vfs_statfs";

    if (!nf_register_net_hook(&init_net, &packet_hook))
        mark("\"netfilter\",\"pf\":\"ipv4\",\"hook\":\"prerouting\",\"priority\":-171,\"function\":"
             "\"%lx\",\"ops\":\"%lx\"",
             (unsigned long)new_hook, (unsigned long)&packet_hook);
    if (!register_keyboard_notifier(&key_hook))
        mark("\"keyboard\",\"function\":\"%lx\",\"block\":\"%lx\"", (unsigned long)new_key,
             (unsigned long)&key_hook);
    if (!ftrace_set_filter(&trace_hook, name, sizeof(name) - 1, 1) &&
        !register_ftrace_function(&trace_hook))
        mark("\"ftrace\",\"symbol\":\"%s\",\"at\":\"%lx\",\"function\":\"%lx\",\"ops\":\"%lx\"",
             name, look_up(name), (unsigned long)new_trace, (unsigned long)&trace_hook);
}

/* ---- tasks
 * ---------------------------------------------------------------------------------------------------------------
 */

static struct task_struct *task_of(int pid)
{
    struct pid *p = pid > 0 ? find_get_pid(pid) : NULL;
    struct task_struct *t = p ? get_pid_task(p, PIDTYPE_PID) : NULL;

    put_pid(p);
    return t;
}

static void unlink_task(void)
{
    struct task_struct *t = task_of(task);
    rwlock_t *lock = (void *)look_up("tasklist_lock");

    if (!t || !lock)
        return;
    write_lock_irq(lock);
    list_del_init(&t->tasks);
    write_unlock_irq(lock);
    mark("\"task\",\"pid\":%d,\"comm\":\"%s\",\"task\":\"%lx\"", task, t->comm, (unsigned long)t);
}

static void share_credentials(void)
{
    struct task_struct *from = task_of(donor), *to = task_of(heir);
    const struct cred *shared;

    if (!from || !to)
        return;
    shared = get_task_cred(from);
    get_cred(shared); /* one for cred, one for real_cred */
    rcu_assign_pointer(to->cred, shared);
    rcu_assign_pointer(to->real_cred, shared);
    mark("\"credentials\",\"donor\":%d,\"heir\":%d,\"cred\":\"%lx\"", donor, heir,
         (unsigned long)shared);
}

static int __init plant(void)
{
    if (!find_look_up())
        return -ENOENT;
    mark("\"module\",\"name\":\"%s\",\"module\":\"%lx\"", THIS_MODULE->name,
         (unsigned long)THIS_MODULE);
    change_call();
    change_show();
    patch_entry();
    set_hooks();
    unlink_task();
    share_credentials();
    return 0;
}

module_init(plant); /* and no exit: it stays */
