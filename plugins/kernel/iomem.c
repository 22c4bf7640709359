/* iomem - the map of physical addresses, as /proc/iomem (kernel/resource.c). */
#include "../../core/engram.h"

EG_FIELDS(resource, start, end, name, parent, sibling, child);
EG_SYMBOL(iomem_resource, "resource");

#define COLUMNS(C)                                                                                 \
    C(NAME, TEXT, "who claimed it")                                                                \
    C(START, ADDR, "first address")                                                                \
    C(LAST, ADDR, "last address")                                                                  \
    C(PARENT_START, ADDR, "first address of the range it lies in; none at the top")
EG_COLUMNS(COLUMNS);

/* Of one parent, behind the one before it, and not the top, whose parent nobody has asked for: so
 * no damage makes a circle. */
static bool is_next(struct eg_obj o, uint64_t parent, bool first, uint64_t last_end)
{
    uint64_t start, end, up;

    return eg_get(&start, o, resource.start) && eg_get(&end, o, resource.end) && start <= end &&
           (first || start > last_end) && eg_get(&up, o, resource.parent) && up == parent;
}

static struct eg_obj child_or_bad(struct eg_run *r, struct eg_obj o, struct eg_obj pointer,
                                  uint64_t parent, bool first)
{
    struct eg_obj next = eg_deref(pointer);

    if (next.why == EG_NULL)
        return next;
    if (!next.why && next.addr != eg_sym(r, iomem_resource).addr &&
        is_next(next, parent, first, eg_get_or((uint64_t)0, o, resource.end)))
        return next;
    eg_note(r, "resource at %#llx: what it leads to is not its %s: left out",
            (unsigned long long)o.addr, first ? "part" : "neighbour");
    return eg_bad(next, EG_BAD_VALUE, next.addr);
}

static void emit(struct eg_run *r, struct eg_obj o, unsigned depth)
{
    struct eg_cell none = { 0 };

    eg_row_tree(r, depth, .NAME = eg_val(o, resource.name), .START = eg_val(o, resource.start),
                .LAST = eg_val(o, resource.end),
                .PARENT_START = depth ? eg_val(o, resource.parent, resource.start) : none);
}

static int run(struct eg_run *r)
{
    struct eg_obj root = eg_sym(r, iomem_resource);
    struct eg_obj o = root, next;
    unsigned depth = 0;

    next = child_or_bad(r, o, eg_at(o, resource.child), o.addr, true);
    while (!next.why && !eg_stopped(r)) {
        o = next;
        emit(r, o, depth);
        next = child_or_bad(r, o, eg_at(o, resource.child), o.addr, true);
        if (!next.why) {
            depth++;
            continue;
        }
        for (;;) {
            struct eg_obj parent = eg_deref(eg_at(o, resource.parent));

            next = child_or_bad(r, o, eg_at(o, resource.sibling), parent.addr, false);
            if (!next.why || !depth)
                break;
            o = parent;
            depth--;
        }
    }
    return 0;
}

EG_PLUGIN(iomem) = {
    .os = "linux",
    .help = "Show the map of physical addresses: RAM, devices, the kernel's own parts",
    .aliases = EG_NAMES("linux.iomem.IOMem"),
    .columns = columns,
    .needs = EG_NEEDS(resource.start, resource.end, resource.child, resource.sibling),
    .needs_symbols = EG_NEEDS_SYMBOLS(iomem_resource),
    .tree = true,
    .run = run,
};
