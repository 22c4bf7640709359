/* optables_sysfs.c - what reads and writes the files of sysfs: an attribute's own functions. */
#include "../linux/fs/inode.h"
#include "../linux/fs/superblock.h"
#include "../linux/sched/cgroup.h"
#include "optables.h"
#include <string.h>

EG_FIELD_AS(attr_children, kernfs_node, "dir.children");
EG_FIELD_AS(attr_ops, kernfs_node, "attr.ops");
EG_FIELD_AS(attr_parent, kernfs_node, "__parent|parent"); // renamed in 6.15
EG_FIELD_AS(attr_root, super_block, "s_fs_info");
EG_FIELD_AS(root_of_sb, kernfs_super_info, "root");
EG_FIELD_AS(node_of_root, kernfs_root, "kn");
EG_FIELD_AS(kobject_type, kobject, "ktype");
EG_TYPE(kobject);
EG_FIELD_AS(ktype_ops, kobj_type, "sysfs_ops");
EG_FIELD_AS(ops_show, sysfs_ops, "show");
EG_TYPE(kernfs_super_info);

enum { NODES_MAX = 1 << 20, PATH_MAX_ = 32 };
enum { NODE_KIND = 15, NODE_DIR = 1, NODE_FILE = 2 }; // include/linux/kernfs.h

/* What an attribute is, by the function that shows those of its object's type. */
static const struct {
    const char *show, *type;
} shows[] = {
    { "kobj_attr_show", "kobj_attribute" },
    { "dev_attr_show", "device_attribute" },
    { "drv_attr_show", "driver_attribute" },
    { "bus_attr_show", "bus_attribute" },
    { "class_attr_show", "class_attribute" },
    { "module_attr_show", "module_attribute" },
    { "slab_attr_show", "slab_attribute" },
    { "elv_attr_show", "elv_fs_entry" },
    { "queue_attr_show", "queue_sysfs_entry" },
    { "rx_queue_attr_show", "rx_queue_attribute" },
    { "netdev_queue_attr_show", "netdev_queue_attribute" },
};

struct attributes {
    struct optables *o;
    struct eg_map *types; /* function that shows → type */
    struct optables_type *binary, *ops;
    struct eg_map *seen;
    uint64_t *todo;
    size_t n, cap;
};

static const char *say_node(struct eg_run *r, uint64_t at)
{
    const char *path = "";

    for (unsigned i = 0; i < PATH_MAX_; i++) {
        struct eg_obj node = eg_object(r, kernfs_node, at);
        const char *name = eg_string(r, eg_at(node, kernfs_node.name), 256);

        if (!name || !*name || !eg_get(&at, node, attr_parent) || !at)
            break;
        path = eg_strf(r, "/%s%s", name, path);
    }
    return eg_strf(r, "/sys%s", path);
}

static struct optables_type *type_of(struct attributes *a, struct eg_obj object)
{
    struct optables_type *type = NULL;
    const char *name;
    uint64_t show, kept;

    if (!eg_get(&show, object, kobject_type, ktype_ops, ops_show) || !show)
        return NULL;
    if (eg_map_get(a->types, show, &kept))
        return (struct optables_type *)(uintptr_t)kept;
    name = eg_name_of(a->o->r, show);
    for (size_t i = 0; name && i < countof(shows); i++)
        if (!strcmp(name, shows[i].show) && (type = optables_type(a->o, shows[i].type)))
            type->object = type->own = true;
    eg_run_map_add(a->o->r, a->types, show, (uintptr_t)type);
    return type;
}

static void file(struct attributes *a, struct eg_obj node, struct eg_obj parent)
{
    struct eg_run *r = a->o->r;
    const struct optables_user user = { say_node, node.addr, NULL };
    struct optables_type *type;
    const char *name;
    uint64_t ops, priv, object;

    if (!eg_get(&ops, node, attr_ops) || !ops || !eg_get(&priv, node, kernfs_node.priv))
        return;
    optables_table(a->o, a->ops, ops, user);
    name = eg_name_of(r, ops);
    if (!name || strncmp(name, "sysfs_", 6) != 0)
        return;
    type = strstr(name, "_bin_") ? a->binary
           : eg_get(&object, parent, kernfs_node.priv) && object
               ? type_of(a, eg_object(r, kobject, object))
               : NULL;
    optables_object(a->o, type, priv, user);
}

static void folder(struct attributes *a, struct eg_obj dir)
{
    struct eg_run *r = a->o->r;
    struct eg_obj node;
    uint32_t flags;

    eg_each_rb(node, eg_at(dir, attr_children), kernfs_node.rb) {
        if (a->n == NODES_MAX || !eg_run_map_add(r, a->seen, node.addr, 0))
            return;
        if (!eg_get(&flags, node, kernfs_node.flags))
            continue;
        if ((flags & NODE_KIND) == NODE_FILE)
            file(a, node, dir);
        if ((flags & NODE_KIND) != NODE_DIR)
            continue;
        a->todo = eg_grow(r, a->todo, a->n, &a->cap, sizeof *a->todo);
        a->todo[a->n++] = node.addr;
    }
}

void optables_sysfs(struct optables *o)
{
    struct attributes a = { .o = o,
                            .types = eg_run_map(o->r),
                            .seen = eg_run_map(o->r),
                            .binary = optables_type(o, "bin_attribute"),
                            .ops = optables_type(o, "kernfs_ops") };
    struct eg_obj sb;

    if (a.binary)
        a.binary->object = a.binary->own = true;
    linux_each_superblock(o->r, sb)
    {
        const char *name =
            eg_string(o->r, eg_at(sb, super_block.s_type, file_system_type.name), 64);
        struct eg_obj info;

        if (!name || strcmp(name, "sysfs") != 0)
            continue;
        info = eg_cast(eg_at(sb, attr_root), kernfs_super_info);
        folder(&a, eg_deref(eg_at(info, root_of_sb, node_of_root)));
    }
    for (size_t i = 0; i < a.n && !eg_stopped(o->r); i++) // it grows
        folder(&a, eg_object(o->r, kernfs_node, a.todo[i]));
    if (a.n == NODES_MAX)
        eg_note(o->r, "only the first %d folders of sysfs are looked at", NODES_MAX);
}
