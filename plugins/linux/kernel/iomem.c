/* iomem.c - the tree of resources below iomem_resource. */
#include "iomem.h"
#include "../../../core/base.h"
#include "../mm/mm.h"

EG_SYMBOL(max_pfn, "unsigned long");

/* Of one parent, behind the one before it, and not the top, whose parent nobody has asked for: so
 * no damage makes a circle. */
static bool is_next(struct eg_obj o, uint64_t parent, bool first, uint64_t last_end)
{
    uint64_t start, end, up;

    return eg_get(&start, o, resource.start) && eg_get(&end, o, resource.end) && start <= end &&
           (first || start > last_end) && eg_get(&up, o, resource.parent) && up == parent;
}

static struct eg_obj child_or_bad(struct eg_run *r, struct linux_resource_walk *w, struct eg_obj o,
                                  struct eg_obj pointer, uint64_t parent, bool first)
{
    struct eg_obj next = eg_deref(pointer);

    if (next.why == EG_NULL)
        return next;
    if (!next.why && next.addr != eg_sym(r, iomem_resource).addr &&
        is_next(next, parent, first, eg_get_or((uint64_t)0, o, resource.end)))
        return next;
    eg_note(r, "resource at %#llx: what it leads to is not its %s: left out",
            (unsigned long long)o.addr, first ? "part" : "neighbour");
    w->broken = true;
    return eg_bad(next, EG_BAD_VALUE, next.addr);
}

bool linux_next_resource(struct eg_run *r, struct linux_resource_walk *w, struct eg_obj *out)
{
    struct eg_obj o = w->begun ? w->at : eg_sym(r, iomem_resource);
    struct eg_obj next = child_or_bad(r, w, o, eg_at(o, resource.child), o.addr, true);

    if (eg_stopped(r))
        return false;
    if (!next.why)
        w->depth += w->begun;
    while (w->begun && next.why) {
        struct eg_obj parent = eg_deref(eg_at(o, resource.parent));

        next = child_or_bad(r, w, o, eg_at(o, resource.sibling), parent.addr, false);
        if (!next.why || !w->depth)
            break;
        o = parent;
        w->depth--;
    }
    w->begun = true;
    w->at = *out = next;
    return !next.why;
}

static bool next_resource(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out)
{
    (void)arg;
    return linux_next_resource(r, state, out);
}

EG_WALKER(resources) = {
    .os = "linux",
    .help = "ranges of physical addresses as /proc/iomem has them, each before those inside of it",
    .elem = "resource",
    .needs = EG_NEEDS(resource.start, resource.end, resource.child, resource.sibling),
    .needs_symbols = EG_NEEDS_SYMBOLS(iomem_resource),
    .state = sizeof(struct linux_resource_walk),
    .next = next_resource,
};

/* ---- memory ---- */

static bool is_named(struct eg_run *r, struct eg_obj o, const char *name)
{
    const char *own = eg_string(r, eg_at(o, resource.name), 64);

    return own && !strncmp(own, name, strlen(name));
}

static size_t ranges(struct eg_run *r, const char *name, struct linux_ram **out)
{
    const uint64_t in_page = (UINT64_C(1) << linux_page_shift(r)) - 1;
    struct linux_resource_walk count = { 0 }, w = { 0 };
    struct eg_obj o;
    size_t max = 0, n = 0;

    *out = NULL;
    if (!eg_has(r, resource.child) || eg_sym(r, iomem_resource).why)
        return 0;
    while (linux_next_resource(r, &count, &o))
        max += is_named(r, o, name);
    if (count.broken)
        return 0;
    *out = eg_tmp(r, (max + 1) * sizeof **out);
    while (n < max && linux_next_resource(r, &w, &o)) {
        uint64_t first, last;

        if (!is_named(r, o, name) || !eg_get(&first, o, resource.start) ||
            !eg_get(&last, o, resource.end) || !eg_add(first, in_page, &first))
            continue;
        first &= ~in_page;
        if (last < UINT64_MAX)
            last = ((last + 1) & ~in_page) - 1;
        if (last < first || last == UINT64_MAX)
            continue;
        if (n && first <= (*out)[n - 1].last) // inside of the one before
            continue;
        if (n && first == (*out)[n - 1].last + 1)
            (*out)[n - 1].last = last;
        else
            (*out)[n++] = (struct linux_ram){ first, last };
    }
    return n;
}

size_t linux_ram(struct eg_run *r, struct linux_ram **out)
{
    return ranges(r, "System RAM", out);
}

size_t linux_ram_kept(struct eg_run *r, struct linux_ram **out)
{
    return ranges(r, "Crash kernel", out);
}

bool linux_ram_end(struct eg_run *r, uint64_t *end)
{
    const unsigned shift = linux_page_shift(r);
    uint64_t pages;

    if (!eg_load(&pages, eg_sym(r, max_pfn)) || !pages || pages >> (63 - shift))
        return false;
    *end = pages << shift;
    return true;
}
