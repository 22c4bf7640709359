/* vma.c - the mappings of an address space: maple tree since 6.1, list and red-black tree before.
 */
#include "vma.h"
#include "flags.h"
#include "mm.h"

EG_FIELD_AS(mm_context_flags, mm_struct, "context.flags");
EG_SYMBOL(gate_vma, "vm_area_struct"); // x86: the vsyscall page
EG_SYMBOL(vsyscall_mode, "int");

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

struct eg_obj linux_gate_vma(struct eg_run *r, struct eg_obj mm)
{
    enum { MODE_NONE = 2, HAS_VSYSCALL = 2 }; // arch/x86/entry/vsyscall; asm/mmu.h
    struct eg_obj gate = eg_sym(r, gate_vma);
    int mode;

    if (eg_load(&mode, eg_sym(r, vsyscall_mode)) && mode != MODE_NONE &&
        eg_get_or(0u, mm, mm_context_flags) & HAS_VSYSCALL)
        return gate;
    return gate.why ? gate : eg_bad(gate, EG_NULL, 0);
}

struct eg_cell linux_vma_flags(struct eg_run *r, struct eg_obj vma)
{
    struct eg_obj flags = eg_at(vma, vm_area_struct.vm_flags);
    uint64_t f;

    if (!eg_load(&f, flags))
        return eg_cell_of(flags);
    return eg_text(eg_strf(r, "%c%c%c%c", f & VM_READ ? 'r' : '-', f & VM_WRITE ? 'w' : '-',
                           f & VM_EXEC ? 'x' : '-', f & VM_MAYSHARE ? 's' : 'p'));
}

EG_FUNCTION(vma_flags) = {
    .os = "linux",
    .help = "what a mapping allows, as /proc/PID/maps has it: \"r-xp\"",
    .args = "vma",
    .returns = "text",
    .needs = EG_NEEDS(vm_area_struct.vm_flags),
    .cell = linux_vma_flags,
};

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
    .needs = EG_NEEDS(vm_area_struct.vm_start, vm_area_struct.vm_end, vm_area_struct.vm_mm),
    .state = sizeof(struct linux_vma_walk),
    .next = next_vma,
};
