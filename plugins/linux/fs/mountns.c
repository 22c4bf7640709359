/* mountns.c - mount namespaces: of tasks, of mounts, kept by files, in the kernel's tree. */
#include "mountns.h"
#include "../../../core/cache.h"
#include "../../../core/map.h"
#include "../../../core/run.h"
#include "../sched/nsproxy.h"
#include "../sched/task.h"
#include "mount.h"
#include "nsfs.h"
#include "superblock.h"
#include <stdlib.h>

EG_FIELD_AS(mnt_ns_common, mnt_namespace, "ns");
EG_FIELD_AS(mnt_ns_node, mnt_namespace, "mnt_ns_tree_node"); // 6.11 to 6.17
EG_SYMBOL_AS(mnt_tree_rb, "mnt_ns_tree", "rb_root");         // later another struct: fs/nsfs.h

enum { NAMESPACES_MAX = 1 << 20 };

const struct eg_constant linux_mount_ns_from_names[] = {
    { "task", LINUX_MOUNT_NS_TASK },
    { "mount", LINUX_MOUNT_NS_MOUNT },
    { "file", LINUX_MOUNT_NS_FILE },
    { "tree", LINUX_MOUNT_NS_TREE },
    { NULL, 0 },
};

struct kept {
    struct linux_mount_namespaces out;
    EG_VEC(struct linux_mount_ns) all;
    struct eg_map of;
    bool failed;
};

static void take(struct kept *k, struct eg_obj ns, uint64_t task, unsigned from)
{
    struct linux_mount_ns *new;
    uint64_t i, inum;

    if (ns.why)
        return;
    if (eg_map_get(&k->of, ns.addr, &i)) {
        k->all.at[i].from |= from;
        return;
    }
    if (!eg_get(&inum, ns, mnt_ns_inum) || k->all.n == NAMESPACES_MAX)
        return;
    new = eg_vec_push(&k->all);
    if (!new || eg_map_add(&k->of, ns.addr, k->all.n - 1) < 0)
        k->failed = true;
    else
        *new = (struct linux_mount_ns){ ns.addr, task, from };
}

static void take_tasks(struct eg_run *r, struct kept *k)
{
    struct eg_obj process, task;
    uint64_t at;

    linux_each_process(r, process) {
        linux_each_thread(r, process, task) {
            struct eg_obj ns = eg_at(task, task_struct.nsproxy, nsproxy.mnt_ns);

            if (eg_load(&at, ns) && at)
                take(k, eg_deref(ns), task.addr, LINUX_MOUNT_NS_TASK);
            else if (!eg_load(&at, ns) && ns.why != EG_NULL) // it has ended
                eg_note(r, "the task at %#llx: its mount namespace cannot be read",
                        (unsigned long long)task.addr);
        }
    }
}

static struct eg_obj of_common(struct eg_run *r, uint64_t common)
{
    return eg_object(r, mnt_namespace, common - eg_offset(r, mnt_ns_common));
}

struct taking {
    struct eg_run *r;
    struct kept *kept;
    unsigned from;
};

static void take_common(void *context, uint64_t common)
{
    struct taking *t = context;

    take(t->kept, of_common(t->r, common), 0, t->from);
}

static void take_tree(struct eg_run *r, struct kept *k)
{
    struct taking t = { r, k, LINUX_MOUNT_NS_TREE };
    struct eg_obj it;

    if (eg_has(r, mnt_ns_node) && eg_has_symbol(r, mnt_tree_rb)) {
        eg_each_rb(it, eg_sym(r, mnt_tree_rb), mnt_ns_node)
            take(k, it, 0, LINUX_MOUNT_NS_TREE);
    } else {
        linux_tree_of_ns(r, "mnt_ns_tree", take_common, &t);
    }
}

static bool gather(struct eg_system *sys, struct eg_run *r, void *kept)
{
    struct kept *k = kept;
    struct eg_obj sb, m;

    (void)sys;
    take_tasks(r, k);
    linux_each_superblock(r, sb)
    {
        linux_each_sb_mount(r, sb, m)
        {
            take(k, linux_mount_ns(r, m), 0, LINUX_MOUNT_NS_MOUNT);
        }
    }
    linux_kept_ns(r, "mnt", take_common, &(struct taking){ r, k, LINUX_MOUNT_NS_FILE });
    take_tree(r, k);
    if (k->failed)
        eg_run_fail(r, EG_ENOMEM, "out of memory for the mount namespaces");
    eg_map_fini(&k->of);
    k->out = (struct linux_mount_namespaces){ k->all.at, k->all.n };
    return !eg_stopped(r);
}

static void forget(void *kept)
{
    struct kept *k = kept;

    eg_vec_fini(&k->all);
    eg_map_fini(&k->of);
}

static const struct eg_cache namespaces = { .size = sizeof(struct kept),
                                            .make = gather,
                                            .fini = forget };

const struct linux_mount_namespaces *linux_mount_namespaces(struct eg_run *r)
{
    const struct kept *k = eg_system_cache(eg_system_of(r), r, &namespaces);

    return k ? &k->out : NULL;
}

struct walk {
    const struct linux_mount_namespaces *all;
    size_t i;
};

static bool next(struct eg_run *r, struct eg_obj arg, void *state, struct eg_cell *out)
{
    struct walk *w = state;

    (void)arg;
    if ((!w->all && !(w->all = linux_mount_namespaces(r))) || w->i == w->all->n)
        return false;
    out[0] = eg_cell_of(eg_object(r, mnt_namespace, w->all->at[w->i].ns));
    out[1] = eg_uint(w->all->at[w->i++].from);
    return true;
}

EG_WALKER(mount_namespaces) = {
    .os = "linux",
    .help = "mount namespaces, also without tasks, and the ways that lead to each "
            "(linux.mount_ns_from)",
    .values = "ns: mnt_namespace, from: integer",
    .needs = EG_NEEDS(mnt_ns_inum),
    .state = sizeof(struct walk),
    .next_values = next,
};

EG_CONSTANTS(mount_ns_from) = {
    .os = "linux",
    .help = "ways that lead to a mount namespace",
    .list = linux_mount_ns_from_names,
};
