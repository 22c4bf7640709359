// SPDX-License-Identifier: GPL-2.0
/* marks_more: functions in objects that only one process, file or folder has, and in what drivers
 * register; each new function hands on to the one that was there, or does nothing.
 *
 *     insmod marks_more.ko server=PID mapper=PID odd=PATH plain=PATH locked=PATH parameter=PATH */
#include "marks.h"

#include <linux/console.h>
#include <linux/cpuhotplug.h>
#include <linux/dcache.h>
#include <linux/debugfs.h>
#include <linux/fdtable.h>
#include <linux/fs.h>
#include <linux/hw_breakpoint.h>
#include <linux/interrupt.h>
#include <linux/kmsg_dump.h>
#include <linux/kobject.h>
#include <linux/mmu_notifier.h>
#include <linux/namei.h>
#include <linux/perf_event.h>
#include <linux/proc_fs.h>
#include <linux/reboot.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/sysctl.h>
#include <linux/sysfs.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#include <linux/filelock.h>
#endif
#ifdef CONFIG_X86
#include <asm/nmi.h>
#endif

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("plants marks for integrity checks: objects with functions of their own");

static int server, mapper;
static char *odd = "", *plain = "", *locked = "";
module_param(server, int, 0444);
module_param(mapper, int, 0444);
module_param(odd, charp, 0444);
module_param(plain, charp, 0444);
module_param(locked, charp, 0444);

IN_PLACE(fault)
IN_PLACE(show)
IN_PLACE(handler)
IN_PLACE(poll)

static struct task_struct *task_of(int pid)
{
    struct pid *p = pid > 0 ? find_get_pid(pid) : NULL;
    struct task_struct *t = p ? get_pid_task(p, PIDTYPE_PID) : NULL;

    put_pid(p);
    return t;
}

static struct inode *inode_of(const char *name)
{
    struct path path; /* kept: the inode stays in memory */

    return *name && !kern_path(name, LOOKUP_FOLLOW, &path) ? d_inode(path.dentry) : NULL;
}

/* ---- mappings ------------------------------------------------------------------------------- */

static struct vm_operations_struct mapping_operations;

static void change_mapping(struct mm_struct *mm)
{
    struct vm_area_struct *vma;
    word was;

    mmap_read_lock(mm);
    for (vma = find_vma(mm, 0); vma; vma = find_vma(mm, vma->vm_end))
        if (vma->vm_file && vma->vm_ops && vma->vm_ops->fault)
            break;
    if (vma) {
        was = (word)vma->vm_ops;
        mapping_operations = *vma->vm_ops;
        first_fault = (void *)mapping_operations.fault;
        mapping_operations.fault = (void *)new_fault;
        vma->vm_ops = &mapping_operations;
        mark("\"vm_ops\",\"pid\":%d,\"vma\":\"%lx\",\"start\":\"%lx\",\"was\":\"%lx\",\"is\":\"%"
             "lx\",\"function\":\"%lx\"",
             mapper, (word)vma, vma->vm_start, was, (word)vma->vm_ops, (word)new_fault);
    }
    mmap_read_unlock(mm);
}

static void new_release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
}

static const struct mmu_notifier_ops notice = { .release = new_release };
static struct mmu_notifier watcher = { .ops = &notice };

static void change_memory(void)
{
    struct task_struct *t = task_of(mapper);
    struct mm_struct *mm = t ? get_task_mm(t) : NULL;

    if (!mm)
        return;
    change_mapping(mm);
    if (!mmu_notifier_register(&watcher, mm))
        mark("\"mmu_notifier\",\"pid\":%d,\"structure\":\"%lx\",\"ops\":\"%lx\",\"function\":\"%"
             "lx\"",
             mapper, (word)&watcher, (word)&notice, (word)new_release);
}

/* ---- one file, one name, one lock ----------------------------------------------------------- */

/* A table of another file system's in one inode alone: nothing of it is a module's. */
static void change_inode(void)
{
    struct inode *inode = inode_of(odd);
    word table = look_up("ramfs_file_operations"), was;

    if (!inode || !table)
        return;
    was = (word)inode->i_fop;
    inode->i_fop = (void *)table;
    mark("\"odd_fops\",\"path\":\"%s\",\"inode\":\"%lx\",\"was\":\"%lx\",\"is\":\"%lx\"", odd,
         (word)inode, was, table);
}

static int new_delete(const struct dentry *dentry)
{
    return 0;
}

static const struct dentry_operations name_operations = { .d_delete = new_delete };

static void change_name(void)
{
    struct path path; /* kept */

    if (!*plain || kern_path(plain, 0, &path))
        return;
    path.dentry->d_op = &name_operations; /* no flag of d_flags says that there is one */
    mark("\"d_op\",\"path\":\"%s\",\"dentry\":\"%lx\",\"is\":\"%lx\",\"function\":\"%lx\"", plain,
         (word)path.dentry, (word)&name_operations, (word)new_delete);
}

/* The table of one open file becomes a copy in allocated memory. */
static void change_file(void)
{
    struct task_struct *t = task_of(server);
    struct file_operations *copy = kmalloc(sizeof(*copy), GFP_KERNEL);
    struct fdtable *table;
    unsigned int i;
    word was;

    rcu_read_lock();
    table = t && t->files && copy ? rcu_dereference_raw(t->files->fdt) : NULL;
    for (i = 0; table && i < table->max_fds; i++) {
        struct file *file = rcu_dereference_raw(table->fd[i]);

        if (!file || !S_ISSOCK(file_inode(file)->i_mode) || !file->f_op->poll)
            continue;
        was = (word)file->f_op;
        *copy = *file->f_op;
        first_poll = (void *)copy->poll;
        copy->poll = (void *)new_poll;
        copy->owner = NULL;
        file->f_op = copy;
        mark("\"file_fop\",\"pid\":%d,\"fd\":%u,\"file\":\"%lx\",\"was\":\"%lx\",\"is\":\"%"
             "lx\",\"function\":\"%lx\"",
             server, i, (word)file, was, (word)copy, (word)new_poll);
        break;
    }
    rcu_read_unlock();
}

static void new_release_lock(struct file_lock *lock)
{
}

static const struct file_lock_operations lock_operations = { .fl_release_private =
                                                                 new_release_lock };

static void change_lock(void)
{
    struct inode *inode = inode_of(locked);
    struct file_lock_context *context = inode ? READ_ONCE(inode->i_flctx) : NULL;
    struct file_lock *lock;

    if (!context || list_empty(&context->flc_flock))
        return;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
    lock = list_first_entry(&context->flc_flock, struct file_lock, c.flc_list);
#else
    lock = list_first_entry(&context->flc_flock, struct file_lock, fl_list);
#endif
    lock->fl_ops = &lock_operations;
    mark("\"lock_ops\",\"path\":\"%s\",\"lock\":\"%lx\",\"is\":\"%lx\",\"function\":\"%lx\"",
         locked, (word)lock, (word)&lock_operations, (word)new_release_lock);
}

/* ---- sysfs, sysctl, /proc, debugfs ---------------------------------------------------------- */

static ssize_t new_text(struct kobject *object, struct kobj_attribute *attribute, char *text)
{
    return sprintf(text, "lab\n");
}

static int new_file(struct seq_file *m, void *v)
{
    seq_puts(m, "lab\n");
    return 0;
}

static ssize_t new_read(struct file *file, char __user *to, size_t size, loff_t *at)
{
    return 0;
}

static struct kobj_attribute own = { .attr = { .name = "lab_attribute", .mode = 0444 },
                                     .show = new_text };
static const struct file_operations debug_operations = { .read = new_read };

static void change_word(const char *kind, const char *symbol, word at, word new, word *first)
{
    *first = *(word *)at;
    if (*first && overwrite(at, &new, sizeof(new)))
        mark("\"%s\",\"symbol\":\"%s\",\"entry\":\"%lx\",\"was\":\"%lx\",\"is\":\"%lx\"", kind,
             symbol, at, *first, *(word *)at);
}

static void change_parameters(void)
{
    struct kobj_attribute *known = (void *)look_up("fscaps_attr");
    struct ctl_table *table = (void *)look_up("uts_kern_table");
    struct dentry *dentry;

    if (known)
        change_word("attribute", "fscaps_attr", (word)&known->show, (word)new_show,
                    (word *)&first_show);
    if (!sysfs_create_file(kernel_kobj, &own.attr))
        mark("\"own_attribute\",\"path\":\"/sys/kernel/lab_attribute\",\"structure\":\"%lx\","
             "\"function\":\"%lx\"",
             (word)&own, (word)new_text);
    if (table)
        change_word("proc_handler", "uts_kern_table", (word)&table->proc_handler, (word)new_handler,
                    (word *)&first_handler);
    if (proc_create_single("lab_single", 0444, NULL, new_file))
        mark("\"proc_single\",\"path\":\"/proc/lab_single\",\"function\":\"%lx\"", (word)new_file);
    dentry = debugfs_create_file("lab_debug", 0400, NULL, NULL, &debug_operations);
    if (!IS_ERR_OR_NULL(dentry))
        mark("\"debugfs\",\"path\":\"/sys/kernel/debug/lab_debug\",\"dentry\":\"%lx\",\"is\":\"%"
             "lx\",\"function\":\"%lx\"",
             (word)dentry, (word)&debug_operations, (word)new_read);
}

/* ---- what drivers register ------------------------------------------------------------------ */

static int new_restart(struct notifier_block *block, unsigned long code, void *param)
{
    return NOTIFY_DONE;
}

static irqreturn_t new_interrupt(int number, void *device)
{
    return IRQ_NONE;
}

static void new_dump(struct kmsg_dumper *dumper, void *reason)
{
}

static void new_write(struct console *console, const char *text, unsigned int size)
{
}

static int new_online(unsigned int cpu)
{
    return 0;
}

static void new_overflow(struct perf_event *event, struct perf_sample_data *data,
                         struct pt_regs *regs)
{
}

static struct notifier_block on_restart = { .notifier_call = new_restart, .priority = 171 };
static struct kmsg_dumper dumper = { .dump = (void *)new_dump };
static struct console listener = {
    .name = "lab", .write = new_write, .flags = CON_ENABLED, .index = -1
};
static word watched;

static void set_breakpoint(void)
{
    struct perf_event_attr attr;

    hw_breakpoint_init(&attr);
    attr.bp_addr = (word)&watched;
    attr.bp_len = HW_BREAKPOINT_LEN_4;
    attr.bp_type = HW_BREAKPOINT_W;
    if (!IS_ERR((void __force *)register_wide_hw_breakpoint(&attr, new_overflow, NULL)))
        mark("\"breakpoint\",\"at\":\"%lx\",\"function\":\"%lx\"", (word)&watched,
             (word)new_overflow);
}

#ifdef CONFIG_X86
static int new_nmi(unsigned int kind, struct pt_regs *regs)
{
    return NMI_DONE;
}
#endif

static void register_more(void)
{
    int state;

    if (!register_restart_handler(&on_restart))
        mark("\"restart_handler\",\"chain\":\"restart_handler_list\",\"block\":\"%lx\","
             "\"function\":\"%lx\"",
             (word)&on_restart, (word)new_restart);
    if (!request_irq(9, new_interrupt, IRQF_SHARED, "lab", &on_restart))
        mark("\"irq_handler\",\"irq\":9,\"function\":\"%lx\"", (word)new_interrupt);
    if (!kmsg_dump_register(&dumper))
        mark("\"kmsg_dumper\",\"structure\":\"%lx\",\"function\":\"%lx\"", (word)&dumper,
             (word)new_dump);
    state = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "lab:online", new_online, NULL);
    if (state >= 0)
        mark("\"cpuhp\",\"number\":%d,\"function\":\"%lx\"", state, (word)new_online);
    register_console(&listener);
    mark("\"console\",\"structure\":\"%lx\",\"function\":\"%lx\"", (word)&listener,
         (word)new_write);
    set_breakpoint();
#ifdef CONFIG_X86
    if (!register_nmi_handler(NMI_LOCAL, new_nmi, 0, "lab"))
        mark("\"nmi_handler\",\"function\":\"%lx\"", (word)new_nmi);
#endif
}

static int __init plant(void)
{
    if (!in_the_farm())
        return -EPERM;
    mark_module(THIS_MODULE);
    change_memory();
    change_inode();
    change_name();
    change_file();
    change_lock();
    change_parameters();
    register_more();
    return 0;
}

module_init(plant); /* and no exit: it stays */
