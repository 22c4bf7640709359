// SPDX-License-Identifier: GPL-2.0
/* marks_hooks: hangs functions where the kernel calls what was registered: tracers, probes,
 * notifiers, security modules, timers, work; some of them in memory that belongs to no module. */
#include "marks.h"

#include <asm/cacheflush.h>
#include <linux/ftrace.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/kdebug.h>
#include <linux/keyboard.h>
#include <linux/kthread.h>
#include <linux/lsm_hooks.h>
#include <linux/namei.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/reboot.h>
#include <linux/timer.h>
#include <linux/tracepoint.h>
#include <linux/uprobes.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("plants marks for integrity checks: hooks");

static char *program = "";
static ulong offset;
module_param(program, charp, 0444); /* a file, and the offset of an instruction in it */
module_param(offset, ulong, 0444);

/* ---- notifiers, netfilter ------------------------------------------------------------------- */

static unsigned int new_hook(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
    return NF_ACCEPT;
}

static struct nf_hook_ops packet_hook = {
    .hook = new_hook, .pf = NFPROTO_IPV4, .hooknum = NF_INET_PRE_ROUTING, .priority = -171
};

static int new_notice(struct notifier_block *block, unsigned long code, void *param)
{
    return NOTIFY_DONE;
}

static struct notifier_block on_key = { .notifier_call = new_notice, .priority = 171 };
static struct notifier_block on_device = { .notifier_call = new_notice, .priority = 172 };
static struct notifier_block on_reboot = { .notifier_call = new_notice, .priority = 173 };
static struct notifier_block on_die = { .notifier_call = new_notice, .priority = 174 };

static void mark_notifier(const char *kind, const char *chain, const struct notifier_block *block)
{
    mark("\"%s\",\"chain\":\"%s\",\"priority\":%d,\"function\":\"%lx\",\"block\":\"%lx\"", kind,
         chain, block->priority, (unsigned long)block->notifier_call, (unsigned long)block);
}

static void set_notifiers(void)
{
    if (!nf_register_net_hook(&init_net, &packet_hook))
        mark("\"netfilter\",\"pf\":\"ipv4\",\"hook\":\"prerouting\",\"priority\":-171,\"function\":"
             "\"%lx\",\"ops\":\"%lx\"",
             (unsigned long)new_hook, (unsigned long)&packet_hook);
    if (!register_keyboard_notifier(&on_key))
        mark_notifier("keyboard", "keyboard_notifier_list", &on_key);
    if (!register_netdevice_notifier(&on_device))
        mark_notifier("notifier", "netdev_chain", &on_device);
    if (!register_reboot_notifier(&on_reboot))
        mark_notifier("notifier", "reboot_notifier_list", &on_reboot);
    if (!register_die_notifier(&on_die))
        mark_notifier("notifier", "die_chain", &on_die);
}

/* ---- tracers and probes --------------------------------------------------------------------- */

static void new_trace(unsigned long ip, unsigned long parent, struct ftrace_ops *ops, void *regs)
{
}

static void new_modify(unsigned long ip, unsigned long parent, struct ftrace_ops *ops, void *regs)
{
}

static struct ftrace_ops follower = { .func = (void *)new_trace };
static struct ftrace_ops modifier = { .func = (void *)new_modify,
                                      .flags = FTRACE_OPS_FL_IPMODIFY
#ifdef CONFIG_DYNAMIC_FTRACE_WITH_REGS
                                               | FTRACE_OPS_FL_SAVE_REGS
#endif
};

static void mark_trace(const char *kind, const char *name, const struct ftrace_ops *ops)
{
    mark("\"%s\",\"symbol\":\"%s\",\"at\":\"%lx\",\"function\":\"%lx\",\"ops\":\"%lx\"", kind, name,
         look_up(name), (unsigned long)ops->func, (unsigned long)ops);
}

static void set_traces(void)
{
    static const char *const names[] = {
        "vfs_statfs",  "vfs_mknod", "vfs_link",     "vfs_rename",
        "vfs_symlink", "vfs_fsync", "vfs_truncate", "vfs_fallocate"
    };
    static const char modified[] = "vfs_rmdir";
    char name[32];
    size_t i;

    for (i = 0; i < ARRAY_SIZE(names); i++) {
        strcpy(name, names[i]);
        if (ftrace_set_filter(&follower, name, strlen(name), i == 0))
            return;
    }
    if (!register_ftrace_function(&follower))
        for (i = 0; i < ARRAY_SIZE(names); i++)
            mark_trace("ftrace", names[i], &follower);
    strcpy(name, modified);
    if (!ftrace_set_filter(&modifier, name, strlen(name), 1) &&
        !register_ftrace_function(&modifier))
        mark_trace("ftrace_ipmodify", modified, &modifier);
}

static int new_probe(struct kprobe *probe, struct pt_regs *regs)
{
    return 0;
}

static int new_return(struct kretprobe_instance *instance, struct pt_regs *regs)
{
    return 0;
}

static struct kprobe probe = { .symbol_name = "vfs_unlink", .pre_handler = new_probe };
static struct kretprobe return_probe = { .kp.symbol_name = "vfs_mkdir", .handler = new_return };

static void new_fork(void *data, void *parent, void *child)
{
}

static void find_fork(struct tracepoint *point, void *found)
{
    if (!strcmp(point->name, "sched_process_fork"))
        *(struct tracepoint **)found = point;
}

static int new_user_probe(struct uprobe_consumer *consumer, struct pt_regs *regs, u64 *data)
{
    return 0;
}

static struct uprobe_consumer user_probe = { .handler = (void *)new_user_probe };

static void set_user_probe(void)
{
    struct path path; /* kept: the inode stays in memory */

    if (!offset || kern_path(program, LOOKUP_FOLLOW, &path))
        return;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
    if (IS_ERR(uprobe_register(d_inode(path.dentry), offset, 0, &user_probe)))
        return;
#else
    if (uprobe_register(d_inode(path.dentry), offset, &user_probe))
        return;
#endif
    mark("\"uprobe\",\"path\":\"%s\",\"offset\":\"%lx\",\"consumer\":\"%lx\",\"function\":\"%lx\"",
         program, offset, (unsigned long)&user_probe, (unsigned long)new_user_probe);
}

static void set_probes(void)
{
    struct tracepoint *fork = NULL;

    if (!register_kprobe(&probe))
        mark("\"kprobe\",\"symbol\":\"%s\",\"at\":\"%lx\",\"function\":\"%lx\",\"probe\":\"%lx\"",
             probe.symbol_name, (unsigned long)probe.addr, (unsigned long)new_probe,
             (unsigned long)&probe);
    if (!register_kretprobe(&return_probe))
        mark(
            "\"kretprobe\",\"symbol\":\"%s\",\"at\":\"%lx\",\"function\":\"%lx\",\"probe\":\"%lx\"",
            return_probe.kp.symbol_name, (unsigned long)return_probe.kp.addr,
            (unsigned long)new_return, (unsigned long)&return_probe);
    for_each_kernel_tracepoint(find_fork, &fork);
    if (fork && !tracepoint_probe_register(fork, (void *)new_fork, NULL))
        mark("\"tracepoint\",\"name\":\"%s\",\"tracepoint\":\"%lx\",\"function\":\"%lx\"",
             fork->name, (unsigned long)fork, (unsigned long)new_fork);
}

/* ---- security modules: one more answer to sb_statfs ----------------------------------------- */

static int new_statfs(struct dentry *dentry)
{
    return 0;
}

static struct security_hook_list security = { .hook.sb_statfs = new_statfs };

#ifdef MAX_LSM_COUNT
static void set_security(void)
{
    void (*update)(struct static_call_key *, void *, void *) =
        (void *)look_up("__static_call_update");
    struct lsm_static_calls_table *table = (void *)look_up("static_calls_table");
    struct security_hook_list *hook = &security;
    struct lsm_static_call *call = NULL;
    int i;

    for (i = 0; update && table && i < MAX_LSM_COUNT; i++)
        if (!table->sb_statfs[i].hl)
            call = &table->sb_statfs[i];
    if (!call)
        return;
    update(call->key, call->trampoline, new_statfs);
    overwrite((unsigned long)&call->hl, &hook, sizeof(hook));
    static_key_enable(&call->active->key);
    mark("\"lsm\",\"hook\":\"sb_statfs\",\"call\":\"%lx\",\"key\":\"%lx\",\"list\":\"%lx\","
         "\"function\":\"%lx\"",
         (unsigned long)call, (unsigned long)call->key, (unsigned long)hook,
         (unsigned long)new_statfs);
}
#else
static void set_security(void)
{
    struct security_hook_heads *heads = (void *)look_up("security_hook_heads");
    struct hlist_node *node = &security.list, *next;

    if (!heads)
        return;
    next = heads->sb_statfs.first;
    security.head = &heads->sb_statfs;
    security.lsm = "lab";
    node->next = next;
    node->pprev = &heads->sb_statfs.first;
    if (next)
        overwrite((unsigned long)&next->pprev, (void *[]){ &node->next }, sizeof(void *));
    if (overwrite((unsigned long)&heads->sb_statfs.first, &node, sizeof(node)))
        mark(
            "\"lsm\",\"hook\":\"sb_statfs\",\"head\":\"%lx\",\"list\":\"%lx\",\"function\":\"%lx\"",
            (unsigned long)security.head, (unsigned long)&security, (unsigned long)new_statfs);
}
#endif

/* ---- code in memory of no module ------------------------------------------------------------ */

/* A page of functions that answer 0, or NULL. */
static u8 *orphan_code(void)
{
    static const u8 answer[] = {
#ifdef CONFIG_X86
        0xf3, 0x0f, 0x1e, 0xfa, 0x31, 0xc0, 0xc3 /* endbr64; xor eax, eax; ret */
#else
        0x5f, 0x24, 0x03, 0xd5, 0x00, 0x00,
        0x80, 0xd2, 0xc0, 0x03, 0x5f, 0xd6 /* bti c; mov x0, #0; ret */
#endif
    };
    int (*make_ro)(unsigned long, int) = (void *)look_up("set_memory_ro");
    int (*make_x)(unsigned long, int) = (void *)look_up("set_memory_x");
    u8 *code = vmalloc(PAGE_SIZE);
    size_t i;

    if (!code || !make_ro || !make_x)
        return NULL;
    memset(code, 0xcc, PAGE_SIZE);
    for (i = 0; i < PAGE_SIZE; i += 64)
        memcpy(code + i, answer, sizeof(answer));
    flush_icache_range((unsigned long)code, (unsigned long)code + PAGE_SIZE);
    if (make_ro((unsigned long)code, 1) || make_x((unsigned long)code, 1))
        return NULL;
    mark("\"orphan_code\",\"at\":\"%lx\",\"size\":%lu", (unsigned long)code, PAGE_SIZE);
    return code;
}

/* ---- timers, work, threads ------------------------------------------------------------------ */

#define FAR (1000000ul * HZ)

static struct timer_list timers[2];
static struct hrtimer hrtimers[2];
static struct delayed_work works[2];
static struct notifier_block orphan_block = { .priority = -171 };
static struct rcu_head always;

static void new_timer(struct timer_list *timer)
{
}

static enum hrtimer_restart new_hrtimer(struct hrtimer *timer)
{
    return HRTIMER_NORESTART;
}

static void new_work(struct work_struct *work)
{
}

static int new_thread(void *data)
{
    while (!kthread_should_stop())
        schedule_timeout_interruptible(FAR);
    return 0;
}

/* Asks for itself again and again: at any moment it is waiting. */
static void new_callback(struct rcu_head *head)
{
    call_rcu(head, new_callback);
}

static void start_hrtimer(struct hrtimer *timer, void *function)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
    hrtimer_setup(timer, function, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
#else
    hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
    timer->function = function;
#endif
    hrtimer_start(timer, ktime_set(1000000, 0), HRTIMER_MODE_REL);
}

/* @i: 0: functions of this module; 1: of no module. */
static void set_deferred(int i, const char *whose, void *timer, void *hrtimer, void *work)
{
    timer_setup(&timers[i], timer, 0);
    mod_timer(&timers[i], jiffies + FAR);
    mark("\"timer\",\"whose\":\"%s\",\"timer\":\"%lx\",\"function\":\"%lx\"", whose,
         (unsigned long)&timers[i], (unsigned long)timer);
    start_hrtimer(&hrtimers[i], hrtimer);
    mark("\"hrtimer\",\"whose\":\"%s\",\"timer\":\"%lx\",\"function\":\"%lx\"", whose,
         (unsigned long)&hrtimers[i], (unsigned long)hrtimer);
    INIT_DELAYED_WORK(&works[i], work);
    schedule_delayed_work(&works[i], FAR);
    mark("\"delayed_work\",\"whose\":\"%s\",\"work\":\"%lx\",\"function\":\"%lx\"", whose,
         (unsigned long)&works[i], (unsigned long)work);
}

static void mark_thread(const char *whose, const struct task_struct *t, const void *function)
{
    mark("\"kthread\",\"whose\":\"%s\",\"pid\":%d,\"comm\":\"%s\",\"task\":\"%lx\",\"function\":\"%"
         "lx\"",
         whose, t->pid, t->comm, (unsigned long)t, (unsigned long)function);
}

static void set_orphans(void)
{
    struct task_struct *t;
    u8 *code = orphan_code();

    if (!code)
        return;
    set_deferred(1, "nobody", code + 64, code + 128, code + 192);
    orphan_block.notifier_call = (void *)(code + 256);
    if (!register_reboot_notifier(&orphan_block))
        mark_notifier("orphan_notifier", "reboot_notifier_list", &orphan_block);
    t = kthread_create((void *)(code + 320), NULL, "lab-orphan"); /* and it is never woken */
    if (!IS_ERR(t))
        mark_thread("nobody", t, code + 320);
}

static int __init plant(void)
{
    struct task_struct *t;

    if (!in_the_farm())
        return -EPERM;
    mark_module(THIS_MODULE);
    set_notifiers();
    set_traces();
    set_probes();
    set_user_probe();
    set_security();
    set_deferred(0, "module", new_timer, new_hrtimer, new_work);
    t = kthread_run(new_thread, NULL, "lab-thread");
    if (!IS_ERR(t))
        mark_thread("module", t, new_thread);
    call_rcu(&always, new_callback);
    mark("\"rcu\",\"head\":\"%lx\",\"function\":\"%lx\"", (unsigned long)&always,
         (unsigned long)new_callback);
    set_orphans();
    return 0;
}

module_init(plant); /* and no exit: it stays */
