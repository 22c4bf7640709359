/* mount.c - the mounts of a namespace: red-black tree since 6.8, list before. */
#include "mount.h"
#include "flags.h"

enum { START, TREE, LIST };

bool linux_next_mount(struct eg_run *r, struct linux_mount_walk *w, struct eg_obj *mount)
{
    if (w->state == START) {
        // `mounts` was a number before it was a tree.
        w->state = eg_has(r, mount.mnt_node) ? TREE : LIST;
        if (w->state == TREE)
            w->rb = eg_rb_begin_(eg_at(w->ns, mnt_namespace.mounts), eg_f_mount.mnt_node.id);
        else
            w->list = eg_list_begin_(eg_at(w->ns, mnt_namespace.list), eg_f_mount.mnt_list.id);
    }
    if (w->state == TREE)
        return eg_rb_next_(&w->rb, mount);
    while (eg_list_next_(&w->list, mount))
        if (!(eg_get_or(0u, *mount, mount_flags) & MNT_CURSOR))
            return true;
    return false;
}

static bool next_mount(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out)
{
    struct linux_mount_walk *w = state;

    if (w->state == START)
        w->ns = arg;
    return linux_next_mount(r, w, out);
}

EG_WALKER(mounts) = {
    .os = "linux",
    .help = "mounts of a mount namespace",
    .arg = "mnt_namespace",
    .elem = "mount",
    .needs = EG_NEEDS(mount.mnt),
    .state = sizeof(struct linux_mount_walk),
    .next = next_mount,
};
