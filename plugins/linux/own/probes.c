/* probes.c - uprobes: a tree by inode and offset (kernel/events/uprobes.c). */
#include "probes.h"

EG_FIELDS(uprobe, rb_node, inode, offset);
EG_SYMBOL(uprobes_tree, "rb_root");

uint64_t linux_uprobe_at(struct eg_run *r, uint64_t inode, uint64_t offset)
{
    struct eg_obj probe;
    uint64_t of, at;

    if (eg_sym(r, uprobes_tree).why)
        return 0;
    eg_each_rb(probe, eg_sym(r, uprobes_tree), uprobe.rb_node)
        if (eg_get(&of, probe, uprobe.inode) && of == inode && eg_get(&at, probe, uprobe.offset) &&
            at == offset)
            return probe.addr;
    return 0;
}
