/* owners.c - who uses a place in physical memory. */
#include "owners.h"
#include "../../../core/cache.h"
#include "../../../core/run.h"
#include "../mm/mm.h"
#include "../mm/vma.h"
#include "../state.h"
#include "pages.h"
#include "regions.h"

/* Where owners go. */
struct sink {
    void (*each)(void *context, const struct eg_owner *o);
    void *context;
    unsigned n;
};

static void give(void *sink, const struct eg_owner *owner)
{
    struct sink *s = sink;

    s->each(s->context, owner);
    s->n++;
}

/* ---- the tables ---- */

static bool keep_mms(struct eg_run *r, struct linux_owner_tables *t)
{
    struct linux_mm *mms;
    const size_t n = linux_mms(r, false, &mms);

    for (size_t i = 0; i < n; i++) {
        struct linux_mm *new = eg_vec_push(&t->mms);
        const char *comm = mms[i].comm;

        if (!new)
            return false;
        *new = mms[i];
        if (comm && !(new->comm = eg_arena_strndup(&t->texts, comm, strlen(comm))))
            return false;
    }
    return true;
}

static bool make(struct eg_system *sys, struct eg_run *r, void *kept)
{
    struct linux_owner_tables *t = kept;
    uint64_t addr;

    // Reads the symbols of modules, of which linux_kernel_owner() looks at the ranges.
    eg_lookup(r, "?", &addr);
    if (sys->no_room_for_symbols)
        eg_run_fail(r, EG_ENOMEM, "%s", "out of memory for the symbols of modules");
    t->has_delta = linux_direct_map(r, &t->delta);
    if (!keep_mms(r, t))
        eg_run_fail(r, EG_ENOMEM, "%s", "out of memory for processes");
    linux_find_mounts(r, t);
    linux_find_stacks(r, t);
    linux_find_buffers(r, t);
    linux_find_users(r, t);
    return !eg_stopped(r);
}

static void forget(void *kept)
{
    struct linux_owner_tables *t = kept;

    eg_vec_fini(&t->mms);
    eg_arena_fini(&t->texts);
    eg_vec_fini(&t->users.blocks);
    eg_map_fini(&t->users.tables);
    eg_map_fini(&t->mounts);
    eg_vec_fini(&t->stacks);
    eg_vec_fini(&t->buffers);
}

static const struct eg_cache owner_tables = { .size = sizeof(struct linux_owner_tables),
                                              .make = make,
                                              .fini = forget };

/* ---- a run ---- */

static void free_users(void *users)
{
    struct linux_users *u = users;

    eg_vec_fini(&u->list);
}

static void *open_(struct eg_run *r)
{
    struct linux_owners *o = eg_tmp(r, sizeof *o);

    o->r = r;
    eg_run_defer(r, free_users, &o->users);
    o->names = eg_run_map(r);
    o->n_areas = linux_areas(r, &o->areas);
    o->memmap = linux_memmap(r);
    o->tables = eg_system_cache(eg_system_of(r), r, &owner_tables);
    if (!o->memmap || !o->tables)
        return NULL;
    o->n_mms = o->tables->mms.n;
    o->mms = eg_tmp(r, o->n_mms * sizeof *o->mms);
    if (o->n_mms)
        memcpy(o->mms, o->tables->mms.at, o->n_mms * sizeof *o->mms);
    return r->status ? NULL : o;
}

/* The address in the kernel's map of all memory; 0: not known. */
static uint64_t direct(const struct linux_owners *o, uint64_t pa)
{
    return o->tables->has_delta ? pa + o->tables->delta : 0;
}

/* @taken: the page is the kernel's own since boot, or nothing is known of it. Else an address of
 * the image is a remainder: what it held until then was given back. */
static void give_kernel(struct linux_owners *o, bool taken, struct sink *s)
{
    const struct linux_state *state = linux_state(eg_system_of(o->r));

    for (size_t i = 0; i < o->users.list.n; i++) {
        const struct linux_user *u = &o->users.list.at[i];
        struct eg_owner owner;

        if (u->mm == o->n_mms && linux_kernel_owner(o, u->va, &owner) &&
            (taken || u->va < state->image_start || u->va >= state->image_end))
            give(s, &owner);
    }
}

static void give_process(struct linux_owners *o, const struct linux_user *u, struct sink *s)
{
    struct linux_mm *mm = &o->mms[u->mm];
    struct eg_owner owner = { .kind = "process", .pid = mm->pid, .comm = mm->comm, .addr = u->va };
    struct linux_span *span;

    linux_mm_spans(o->r, mm);
    span = linux_mm_span_at(mm, u->va);
    if (span) {
        struct eg_obj vma = eg_object(o->r, vm_area_struct, span->vma);
        uint64_t file, pages = 0;

        if (eg_get(&file, vma, vm_area_struct.vm_file) && file)
            pages = eg_get_or(UINT64_C(0), vma, vm_area_struct.vm_pgoff);
        owner.name = linux_span_name(o->r, mm, span);
        owner.offset = (pages << o->memmap->shift) + (u->va - span->start);
    }
    give(s, &owner);
}

static void give_table(struct linux_owners *o, uint64_t pa, struct sink *s)
{
    struct eg_owner owner = {
        .kind = "page table", .pid = -1, .addr = direct(o, pa), .offset = pa & (PAGE - 1)
    };
    uint64_t mm;

    if (!eg_map_get(&o->tables->users.tables, pa >> PAGE_SHIFT, &mm))
        return;
    if (mm < o->n_mms) {
        owner.pid = o->mms[mm].pid;
        owner.comm = o->mms[mm].comm;
    }
    give(s, &owner);
}

static const char *slab_name(struct linux_owners *o, const struct linux_page *p)
{
    const char *name;
    uint64_t kept;

    if (eg_map_get(o->names, p->cache, &kept))
        return (const char *)(uintptr_t)kept;
    name = linux_slab_name(o->r, p);
    eg_run_map_add(o->r, o->names, p->cache, (uintptr_t)name);
    return name;
}

/* What the kernel notes of the page. */
static void give_page(struct linux_owners *o, const struct linux_page *p, uint64_t pa,
                      struct sink *s)
{
    struct eg_owner owner = { .pid = -1, .addr = direct(o, pa), .offset = pa - p->first };
    uint64_t object;

    if (p->use == LINUX_PAGE_SLAB) {
        owner.kind = "slab";
        owner.name = slab_name(o, p);
        if (linux_slab_object(o->r, o->memmap, p, pa, &object, &owner.offset))
            owner.addr = direct(o, object);
        give(s, &owner);
    } else if (p->use == LINUX_PAGE_FILE) {
        owner.kind = "page cache";
        owner.addr = 0;
        owner.name = linux_inode_name(o, p->inode);
        owner.offset += p->index << o->memmap->shift;
        give(s, &owner);
    } else if (p->use == LINUX_PAGE_TYPED && !s->n) {
        owner.kind = p->name;
        give(s, &owner);
    } else if (p->use == LINUX_PAGE_RESERVED && !s->n) {
        struct eg_owner percpu;

        owner.kind = "reserved";
        give(s, linux_percpu_owner(o, owner.addr, &percpu) ? &percpu : &owner);
    }
}

static void owners(struct eg_run *r, void *state, uint64_t pa,
                   void (*each)(void *context, const struct eg_owner *o), void *context)
{
    struct linux_owners *o = state;
    struct sink s = { each, context, 0 };
    struct eg_owner rest = { .kind = "unknown", .pid = -1, .addr = direct(o, pa) };
    struct linux_page p;

    (void)r;
    linux_users_of(o, pa);
    linux_page_at(o->r, o->memmap, pa, &p);
    give_kernel(o, !o->memmap->found || p.use == LINUX_PAGE_RESERVED, &s);
    give_table(o, pa, &s);
    give_page(o, &p, pa, &s);
    linux_give_buffers(o, pa, give, &s);
    for (size_t i = 0; i < o->users.list.n; i++)
        if (o->users.list.at[i].mm < o->n_mms)
            give_process(o, &o->users.list.at[i], &s);
    if (s.n)
        return;
    if (p.use == LINUX_PAGE_FREE) {
        rest.kind = "free";
        rest.offset = pa - p.first;
    } else if (p.use == LINUX_PAGE_ANON) {
        rest.kind = "anonymous";
    } else if (p.use == LINUX_PAGE_UNREFERENCED) {
        rest.kind = "unreferenced";
    } else if (p.use == LINUX_PAGE_NONE) {
        rest.kind = "not managed";
        rest.addr = 0;
    }
    give(&s, &rest);
}

const struct eg_memory_ops linux_memory = {
    .regions = linux_regions,
    .process = linux_task_space,
    .owners_open = open_,
    .owners = owners,
};
