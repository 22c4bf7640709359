/* probes.c - uprobes: a tree by inode and offset (kernel/events/uprobes.c). */
#include "probes.h"

EG_FIELD_AS(mm_flags, mm_struct, "flags.__mm_flags|flags"); // a bitmap since 6.18
EG_TYPE(mm_struct);

enum { MMF_HAS_UPROBES = 19 }; // include/linux/sched/coredump.h, mm_types.h

uint64_t linux_uprobe_at(struct eg_run *r, struct eg_obj mm, uint64_t inode, uint64_t offset)
{
    struct eg_obj probe, flags = eg_at(mm, mm_flags);
    uint64_t of, at, bits;

    if (eg_sym(r, uprobes_tree).why) {
        if (flags.kind == EG_K_ARRAY)
            flags = eg_index(flags, 0);
        return eg_load(&bits, flags) && bits >> MMF_HAS_UPROBES & 1 ? inode + offset : 0;
    }
    eg_each_rb(probe, eg_sym(r, uprobes_tree), uprobe.rb_node)
        if (eg_get(&of, probe, uprobe.inode) && of == inode && eg_get(&at, probe, uprobe.offset) &&
            at == offset)
            return probe.addr;
    return 0;
}
