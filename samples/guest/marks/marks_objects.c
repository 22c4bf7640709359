// SPDX-License-Identifier: GPL-2.0
/* marks_objects: changes what the kernel says of tasks, credentials, memory and itself.  The last
 * one to be loaded.
 *
 *     insmod marks_objects.ko task=PID gone=PID donor=PID heir=PID risen=PID */
#include "marks.h"

#include <linux/cred.h>
#include <linux/idr.h>
#include <linux/ioport.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("plants marks for integrity checks: objects");

static int task, gone, donor, heir, risen;
static bool cut;
module_param(cut, bool, 0444); /* only some pages are relabelled */
module_param(task, int, 0444);
module_param(gone, int, 0444);
module_param(donor, int, 0444);
module_param(heir, int, 0444);
module_param(risen, int, 0444);

/* ---- tasks ---------------------------------------------------------------------------------- */

static struct task_struct *task_of(int pid)
{
    struct pid *p = pid > 0 ? find_get_pid(pid) : NULL;
    struct task_struct *t = p ? get_pid_task(p, PIDTYPE_PID) : NULL;

    put_pid(p);
    return t;
}

/* The lock of the list has no name where the kernel's names are those of functions only. */
static void take(rwlock_t *lock)
{
    if (lock)
        write_lock_irq(lock);
    else
        local_irq_disable();
}

static void give(rwlock_t *lock)
{
    if (lock)
        write_unlock_irq(lock);
    else
        local_irq_enable();
}

static void unlink_task(void)
{
    struct task_struct *t = task_of(task);
    rwlock_t *lock = (void *)look_up("tasklist_lock");

    if (!t)
        return;
    take(lock);
    list_del_init(&t->tasks);
    give(lock);
    mark("\"task\",\"pid\":%d,\"comm\":\"%s\",\"task\":\"%lx\"", task, t->comm, (unsigned long)t);
}

/* Off the list, and its number off the table of numbers. */
static void unlink_number(void)
{
    struct task_struct *t = task_of(gone);
    rwlock_t *lock = (void *)look_up("tasklist_lock");
    struct pid *pid;

    if (!t)
        return;
    pid = task_pid(t);
    take(lock);
    list_del_init(&t->tasks);
    idr_remove(&init_pid_ns.idr, gone);
    give(lock);
    mark("\"task_number\",\"pid\":%d,\"comm\":\"%s\",\"task\":\"%lx\",\"number\":\"%lx\"", gone,
         t->comm, (unsigned long)t, (unsigned long)pid);
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

/* A user's process becomes root's, in place: whose account it is (cred.user) stays. */
static void write_credentials(void)
{
    struct task_struct *t = task_of(risen);
    struct cred *cred = t ? (struct cred *)rcu_dereference_raw(t->real_cred) : NULL;
    uid_t was;

    if (!cred)
        return;
    was = cred->uid.val;
    cred->uid = cred->suid = cred->euid = cred->fsuid = GLOBAL_ROOT_UID;
    cred->gid = cred->sgid = cred->egid = cred->fsgid = GLOBAL_ROOT_GID;
    cred->cap_permitted = cred->cap_effective = cred->cap_bset;
    mark("\"altered_credentials\",\"pid\":%d,\"cred\":\"%lx\",\"was\":%u,\"is\":%u,\"account\":%u",
         risen, (unsigned long)cred, was, cred->uid.val, cred->user->uid.val);
}

/* ---- memory --------------------------------------------------------------------------------- */

/* This page of RAM is called something else: what dumps memory from inside passes it by. */
static void cut_memory(struct resource *ram, u64 at)
{
    static struct resource hole, rest;

    hole = rest = *ram;
    hole.name = "Reserved";
    hole.start = at;
    hole.end = at + PAGE_SIZE - 1;
    hole.child = rest.child = NULL;
    rest.start = at + PAGE_SIZE;
    ram->end = at - 1;
    hole.sibling = &rest;
    ram->sibling = &hole;
    mark("\"iomem_cut\",\"resource\":\"%lx\",\"start\":\"%llx\",\"end\":\"%llx\",\"was\":\"%s\","
         "\"is\":\"%s\"",
         (unsigned long)&hole, (u64)hole.start, (u64)hole.end, ram->name, hole.name);
}

/* The RAM that the kernel lies in, or a page of this module, is called something else. */
static void relabel_memory(void)
{
    u64 kernel = __pa_symbol(look_up("_stext"));
    u64 own = (u64)page_to_pfn(page_of((unsigned long)task_of & PAGE_MASK)) << PAGE_SHIFT;
    struct resource *each;

    for (each = iomem_resource.child; each; each = each->sibling) {
        u64 at = cut ? own : kernel;

        if (at < each->start || at > each->end)
            continue;
        if (cut) {
            cut_memory(each, own);
            return;
        }
        each->name = "Reserved";
        mark("\"iomem\",\"resource\":\"%lx\",\"start\":\"%llx\",\"end\":\"%llx\",\"was\":\"System "
             "RAM\",\"is\":\"%s\","
             "\"name\":\"%lx\"",
             (unsigned long)each, (u64)each->start, (u64)each->end, each->name,
             (unsigned long)each->name);
    }
}

/* A page of text that cannot be read through the map of all memory. */
static void unmap_text(const char *what, unsigned long at)
{
    int (*unmap)(struct page *) = (void *)look_up("set_direct_map_invalid_noflush");
    void (*flush)(void) = (void *)look_up("flush_tlb_all");
    struct page *page = at ? page_of(at & PAGE_MASK) : NULL;

    if (!page || !unmap || unmap(page))
        return;
    if (flush)
        flush();
    mark("\"unmapped\",\"what\":\"%s\",\"at\":\"%lx\",\"physical\":\"%llx\",\"alias\":\"%lx\"",
         what, at & PAGE_MASK, (u64)page_to_pfn(page) << PAGE_SHIFT,
         (unsigned long)page_address(page));
}

#ifdef CONFIG_X86
/* Pages of vmalloc with rights or places that none of the kernel should have; nothing uses them. */
static void change_page(const char *kind, pteval_t set, pteval_t clear, u64 frame, u8 fill)
{
    void (*flush)(void) = (void *)look_up("flush_tlb_all");
    unsigned long at = (unsigned long)vmalloc(PAGE_SIZE);
    unsigned int level;
    pteval_t value;
    pte_t *pte;

    if (!at)
        return;
    memset((void *)at, fill, PAGE_SIZE);
    pte = lookup_address(at, &level);
    if (!pte || level != PG_LEVEL_4K)
        return;
    value = (pte_val(*pte) & ~clear) | set;
    if (frame)
        value = (value & ~(pteval_t)PTE_PFN_MASK) | frame;
    WRITE_ONCE(*pte, __pte(value));
    if (flush)
        flush();
    mark("\"%s\",\"at\":\"%lx\",\"entry\":\"%llx\",\"physical\":\"%llx\"", kind, at, (u64)value,
         (u64)(value & PTE_PFN_MASK));
}

static void change_pages(void)
{
    change_page("page_wx", _PAGE_RW, _PAGE_NX, 0, 0xc3);
    change_page("page_user", _PAGE_USER, _PAGE_NX | _PAGE_RW, 0, 0xc3);
    change_page("page_zero", 0, _PAGE_NX | _PAGE_RW, 0, 0);
    change_page("page_absent", 0, _PAGE_NX | _PAGE_RW, 0x700000000ull, 0xc3);
}
#else
static void change_pages(void)
{
}
#endif

/* ---- the kernel's word on its own state ----------------------------------------------------- */

/* These modules are built elsewhere and not signed: the kernel said so when it loaded them. */
static void clear_taints(void)
{
    unsigned long *mask = (void *)look_up("tainted_mask"), was;

    if (!mask)
        return;
    was = *mask;
    *mask &= ~(1ul << TAINT_OOT_MODULE | 1ul << TAINT_UNSIGNED_MODULE);
    mark("\"taints\",\"symbol\":\"tainted_mask\",\"at\":\"%lx\",\"was\":\"%lx\",\"is\":\"%lx\","
         "\"of_module\":\"%lx\"",
         (unsigned long)mask, was, *mask, THIS_MODULE->taints);
}

static int __init plant(void)
{
    if (!in_the_farm())
        return -EPERM;
    mark_module(THIS_MODULE);
    unlink_task();
    unlink_number();
    share_credentials();
    write_credentials();
    relabel_memory();
    unmap_text("module", (unsigned long)task_of);
#ifdef CONFIG_X86
    if (!cut) /* what dumps memory from inside would fall over it */
        unmap_text("kernel", look_up("__x64_sys_acct"));
#endif
    change_pages();
    clear_taints();
    return 0;
}

module_init(plant); /* and no exit: it stays */
