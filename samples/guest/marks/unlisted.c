// SPDX-License-Identifier: GPL-2.0
/* unlisted: a module that takes itself off the list of modules, from a timer: while it is being
 * loaded the kernel needs the list. It stays in /sys/module. */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/workqueue.h>

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("is not on the list of modules");

static void leave(struct work_struct *work);
static DECLARE_DELAYED_WORK(later, leave);

static void leave(struct work_struct *work)
{
    list_del_init(&THIS_MODULE->list);
    pr_notice("lab: mark "
              "{\"kind\":\"unlisted\",\"name\":\"%s\",\"module\":\"%lx\",\"function\":\"%lx\"}\n",
              THIS_MODULE->name, (unsigned long)THIS_MODULE, (unsigned long)leave);
}

static int __init plant(void)
{
    schedule_delayed_work(&later, HZ);
    return 0;
}

module_init(plant);
