/* nsfs.c - namespaces that open files, mounts and the kernel's own trees have. */
#include "nsfs.h"
#include "../../../core/map.h"
#include "../sched/task.h"
#include "dentry.h"
#include "fdtable.h"
#include "inode.h"
#include "mount.h"
#include "superblock.h"
#include <string.h>

EG_FIELD_AS(ns_name_of, ns_common, "ops");
EG_FIELD_AS(ns_ops_name, proc_ns_operations, "name");
EG_FIELD_AS(ns_node, ns_common, "ns_tree_node"); // 6.18
EG_FIELD_AS(ns_entry, ns_common, "ns_tree_node.ns_list_entry");
EG_FIELD_AS(ns_tree_rb, ns_tree, "ns_tree");
EG_FIELD_AS(ns_root_list, ns_tree_root, "ns_list_head");
EG_FIELD_AS(ns_file_inode, file, "f_inode");
EG_TYPE(ns_common);
EG_TYPE(ns_tree);
EG_TYPE(ns_tree_root);

struct looking {
    struct eg_run *r;
    const char *kind;
    void (*take)(void *context, uint64_t common);
    void *context;
};

/** A file of nsfs stands for a namespace of some kind (fs/nsfs.c). "pid_for_children" is one of
 * pid. */
static void look_at(const struct looking *l, struct eg_obj inode)
{
    const size_t len = strlen(l->kind);
    const char *name;
    uint64_t common;

    if (!eg_get(&common, inode, inode.i_private) || !common)
        return;
    name = eg_string(l->r, eg_at(eg_object(l->r, ns_common, common), ns_name_of, ns_ops_name), 32);
    if (name && !strncmp(name, l->kind, len) && (!name[len] || name[len] == '_'))
        l->take(l->context, common);
}

void linux_kept_ns(struct eg_run *r, const char *kind, void (*take)(void *context, uint64_t common),
                   void *context)
{
    const struct looking l = { r, kind, take, context };
    struct eg_map *seen = eg_run_map(r);
    struct eg_obj sb, m, process, task, file;
    uint64_t nsfs = 0, at, fd;

    linux_each_superblock(r, sb)
    {
        const char *name = eg_string(r, eg_at(sb, super_block.s_type, file_system_type.name), 16);

        if (!name || strcmp(name, "nsfs") != 0)
            continue;
        nsfs = sb.addr;
        linux_each_sb_mount(r, sb, m) look_at(&l, eg_deref(eg_at(m, mount_root, dentry.d_inode)));
    }
    linux_each_process(r, process) {
        linux_each_thread(r, process, task) {
            if (!nsfs || !eg_get(&at, task, task_files) || !at || !eg_run_map_add(r, seen, at, 0))
                continue;
            linux_each_fd(r, task, fd,
                          file) if (eg_get(&at, file, ns_file_inode, inode.i_sb) && at == nsfs)
                look_at(&l, eg_deref(eg_at(file, ns_file_inode)));
        }
    }
}

void linux_tree_of_ns(struct eg_run *r, const char *tree,
                      void (*take)(void *context, uint64_t common), void *context)
{
    struct eg_obj it;
    uint64_t at;

    if (!eg_lookup(r, tree, &at))
        return;
    // A struct ns_tree (6.18), then a struct ns_tree_root with a list (6.19).
    if (eg_has(r, ns_entry) && eg_has(r, ns_root_list)) {
        eg_each_list(it, eg_at(eg_object(r, ns_tree_root, at), ns_root_list), ns_entry)
            take(context, it.addr);
    } else if (eg_has(r, ns_node) && eg_has(r, ns_tree_rb)) {
        eg_each_rb(it, eg_at(eg_object(r, ns_tree, at), ns_tree_rb), ns_node)
            take(context, it.addr);
    }
}
