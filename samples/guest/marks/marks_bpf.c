// SPDX-License-Identifier: GPL-2.0
/* marks_bpf: takes a BPF program, its link and a map out of the kernel's tables of numbers while they
 * stay in use, redirects a call in the machine code of another program, and takes a program out of the
 * list of the control group /lab, in which it still works.
 *
 *     insmod marks_bpf.ko program=ID link=ID map=ID patched=ID group=ID */
#include "marks.h"

#include <linux/bpf-cgroup.h>
#include <linux/bpf.h>
#include <linux/cgroup.h>
#include <linux/filter.h>
#include <linux/idr.h>

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("plants marks for integrity checks: BPF");

static int program, link, map, patched, group;
module_param(program, int, 0444);
module_param(link, int, 0444);
module_param(map, int, 0444);
module_param(patched, int, 0444);
module_param(group, int, 0444);

static void forget(const char *kind, const char *table, int id)
{
    struct idr *numbers = (void *)look_up(table);
    void *object;

    if (!numbers || !id)
        return;
    local_bh_disable();
    object = idr_remove(numbers, id);
    local_bh_enable();
    if (object)
        mark("\"%s\",\"id\":%d,\"table\":\"%s\",\"object\":\"%lx\"", kind, id, table,
             (unsigned long)object);
}

/* The group's flags stay as they are, so that those below still take their programs from it. */
static void ungroup(void)
{
    struct cgroup *lab = cgroup_get_from_path("/lab");
    struct bpf_prog_list *each, *found = NULL;
    int i;

    if (IS_ERR(lab))
        return;
    for (i = 0; group && i < (int)ARRAY_SIZE(lab->bpf.progs) && !found; i++) {
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 0, 0)
        hlist_for_each_entry(each, &lab->bpf.progs[i], node)
#else
        list_for_each_entry(each, &lab->bpf.progs[i], node)
#endif
            if (each->prog && (int)each->prog->aux->id == group) found = each;
    }
    if (found) {
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 0, 0)
        hlist_del_init(&found->node);
#else
        list_del_init(&found->node);
#endif
        mark("\"bpf_group_gone\",\"id\":%d,\"prog\":\"%lx\",\"entry\":\"%lx\"", group,
             (unsigned long)found->prog, (unsigned long)found);
    }
    cgroup_put(lab);
}

#ifdef CONFIG_X86

static unsigned long (*first_helper)(unsigned long, unsigned long, unsigned long, unsigned long,
                                     unsigned long);

static unsigned long new_helper(unsigned long a, unsigned long b, unsigned long c, unsigned long d,
                                unsigned long e)
{
    return first_helper(a, b, c, d, e);
}

/* The first call of the program, which is of a helper. */
static void redirect(void)
{
    struct idr *numbers = (void *)look_up("prog_idr");
    struct bpf_prog *prog = numbers ? idr_find(numbers, patched) : NULL;
    unsigned long at, end, to = (unsigned long)new_helper;
    unsigned long helper = look_up("bpf_ktime_get_ns");
    s32 distance;
    u8 was[5];

    if (!prog || !prog->jited || !helper)
        return;
    end = (unsigned long)prog->bpf_func + prog->jited_len;
    for (at = (unsigned long)prog->bpf_func; at + 5 <= end; at++) {
        if (*(u8 *)at != 0xe8 || at + 5 + *(s32 *)(at + 1) != helper)
            continue;
        memcpy(was, (void *)at, 5);
        first_helper = (void *)helper;
        distance = (s32)(to - (at + 5));
        if (overwrite(at + 1, &distance, 4))
            mark(
                "\"bpf_code\",\"id\":%d,\"prog\":\"%lx\",\"at\":\"%lx\",\"was\":\"%5ph\",\"is\":\"%"
                "5ph\",\"was_to\":\"%lx\",\"to\":\"%lx\"",
                patched, (unsigned long)prog, at, was, (void *)at, helper, to);
        return;
    }
}
#else
static void redirect(void)
{
}
#endif

static int __init plant(void)
{
    if (!in_the_farm())
        return -EPERM;
    mark_module(THIS_MODULE);
    forget("bpf_program_gone", "prog_idr", program);
    forget("bpf_link_gone", "link_idr", link);
    forget("bpf_map_gone", "map_idr", map);
    redirect();
    ungroup();
    return 0;
}

module_init(plant); /* and no exit: it stays */
