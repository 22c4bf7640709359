/* iomem - the map of physical addresses, as /proc/iomem (kernel/resource.c). */
#include "../linux/kernel/iomem.h"

#define COLUMNS(C)                                                                                 \
    C(NAME, TEXT, "who claimed it")                                                                \
    C(START, ADDR, "first address")                                                                \
    C(LAST, ADDR, "last address")                                                                  \
    C(PARENT_START, ADDR, "first address of the range it lies in; none at the top")
EG_COLUMNS(COLUMNS);

static void emit(struct eg_run *r, struct eg_obj o, unsigned depth)
{
    struct eg_cell none = { 0 };

    eg_row_tree(r, depth, .NAME = eg_val(o, resource.name), .START = eg_val(o, resource.start),
                .LAST = eg_val(o, resource.end),
                .PARENT_START = depth ? eg_val(o, resource.parent, resource.start) : none);
}

static int run(struct eg_run *r)
{
    struct linux_resource_walk w = { 0 };
    struct eg_obj o;

    while (linux_next_resource(r, &w, &o))
        emit(r, o, w.depth);
    return 0;
}

EG_PLUGIN(iomem) = {
    .os = "linux",
    .help = "Show the map of physical addresses: RAM, devices, the kernel's own parts",
    .aliases = EG_NAMES("linux.iomem.IOMem"),
    .columns = columns,
    .uses = EG_NAMES("resources"),
    .tree = true,
    .run = run,
};
