/* vma.c - the mappings of an address space: maple tree since 6.1, list and red-black tree before.
 */
#include "../linux.h"

EG_FIELDS(mm_struct, mm_mt, mmap, mm_rb, map_count);
EG_FIELDS(vm_area_struct, vm_start, vm_end, vm_mm, vm_next, vm_rb);

enum { START, MAPLE, LIST, TREE, DONE };

/* Its own mm and a range above the last one's: so a damaged walk ends, and gives nothing twice. */
static bool is_next(struct linux_vma_walk *w, struct eg_obj vma)
{
    uint64_t mm, start, end;

    if (!eg_get(&mm, vma, vm_area_struct.vm_mm) || mm != w->mm.addr ||
        !eg_get(&start, vma, vm_area_struct.vm_start) ||
        !eg_get(&end, vma, vm_area_struct.vm_end) || start >= end || start < w->last_end)
        return false;
    w->last_end = end;
    w->n++;
    return true;
}

static bool next_in_maple(struct eg_run *r, struct linux_vma_walk *w, struct eg_obj *vma)
{
    struct eg_entry e;

    while (eg_maple_next(&w->maple, &e)) {
        struct eg_obj o = eg_object(r, vm_area_struct, e.value);

        if (e.value & 3) // no pointer: a mark left by a fork that failed
            continue;
        if (is_next(w, o))
            return *vma = o, true;
    }
    return false;
}

static bool next_in_list(struct eg_run *r, struct linux_vma_walk *w, struct eg_obj *vma)
{
    struct eg_obj o = eg_object(r, vm_area_struct, w->cur);

    if (!w->cur)
        return false;
    if (!is_next(w, o) || !eg_get(&w->cur, o, vm_area_struct.vm_next)) {
        eg_note(r, "mm_struct at %#llx: its list of mappings broke at %#llx: going on by the tree",
                (unsigned long long)w->mm.addr, (unsigned long long)w->cur);
        w->rb = eg_rb_begin_(eg_at(w->mm, mm_struct.mm_rb), eg_f_vm_area_struct.vm_rb.id);
        w->state = TREE;
        return false;
    }
    return *vma = o, true;
}

static bool next_in_tree(struct linux_vma_walk *w, struct eg_obj *vma)
{
    while (eg_rb_next_(&w->rb, vma))
        if (is_next(w, *vma))
            return true;
    return false;
}

static void begin(struct eg_run *r, struct linux_vma_walk *w)
{
    if (w->mm.kind == EG_K_PTR)
        w->mm = eg_deref(w->mm);
    if (w->mm.why) {
        w->state = DONE;
    } else if (eg_has(r, mm_struct.mm_mt)) {
        w->maple = eg_maple_begin(eg_at(w->mm, mm_struct.mm_mt));
        w->state = MAPLE;
    } else {
        w->state = eg_get(&w->cur, w->mm, mm_struct.mmap) ? LIST : DONE;
    }
}

bool linux_next_vma(struct eg_run *r, struct linux_vma_walk *w, struct eg_obj *vma)
{
    uint32_t count;

    if (w->state == START)
        begin(r, w);
    if (w->state == MAPLE && next_in_maple(r, w, vma))
        return true;
    if (w->state == LIST && next_in_list(r, w, vma))
        return true;
    if (w->state == TREE && next_in_tree(w, vma))
        return true;
    if (w->state != DONE && eg_get(&count, w->mm, mm_struct.map_count) && count != w->n)
        eg_note(r, "mm_struct at %#llx: %llu mappings found, the kernel counted %u",
                (unsigned long long)w->mm.addr, (unsigned long long)w->n, count);
    w->state = DONE;
    return false;
}

static bool next_vma(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out)
{
    struct linux_vma_walk *w = state;

    if (w->state == START)
        w->mm = arg;
    return linux_next_vma(r, w, out);
}

EG_WALKER(vmas) = {
    .os = "linux",
    .help = "mappings of an address space, by address",
    .arg = "mm_struct",
    .elem = "vm_area_struct",
    .state = sizeof(struct linux_vma_walk),
    .next = next_vma,
};
