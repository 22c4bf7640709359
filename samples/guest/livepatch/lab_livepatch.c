// SPDX-License-Identifier: GPL-2.0
/* lab_livepatch: a live patch as distributions have them: one function of the kernel is replaced. */
#include <linux/kernel.h>
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/ptrace.h>

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("replaces a system call that nobody calls");
MODULE_INFO(livepatch, "Y");

static long no_accounting(const struct pt_regs *regs)
{
    return -ENOSYS;
}

static struct klp_func functions[] = {
    { .old_name = "__x64_sys_acct", .new_func = no_accounting },
    {},
};

static struct klp_object objects[] = {
    { .funcs = functions }, /* of the kernel: no name */
    {},
};

static struct klp_patch patch = { .mod = THIS_MODULE, .objs = objects };

static int __init start(void)
{
    return klp_enable_patch(&patch);
}

static void __exit stop(void)
{
}

module_init(start);
module_exit(stop);
