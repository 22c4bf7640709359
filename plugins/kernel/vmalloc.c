/* vmalloc - areas of the kernel's memory that are contiguous only in virtual addresses, as
 * /proc/vmallocinfo (mm/vmalloc.c). */
#include "../linux/own/purpose.h"
#include "../linux/sched/task.h"

#define COLUMNS(C)                                                                                 \
    C(START, ADDR, "first address")                                                                \
    C(END, ADDR, "first address behind it, with its guard page")                                   \
    C(SIZE, INT, "bytes, with the guard page")                                                     \
    C(KIND, TEXT,                                                                                  \
      "vmalloc, vmap, ioremap, user, dma-coherent, sparse, vpages; vm_map_ram; "                   \
      "unpurged: given back, but still mapped")                                                    \
    C(PAGES, INT, "pages of memory that it has")                                                   \
    C(PHYSICAL, ADDR, "of ioremap: where the device's memory begins", EG_MINOR)                    \
    C(ALLOCATED_BY, TEXT, "the code that asked for it")                                            \
    C(PURPOSE, TEXT, "what it is for, as far as can be told")                                      \
    C(MODULE, TEXT, "whose memory it is, or whose code asked for it", EG_MINOR)                    \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_TID(C)                                                                            \
    C(COMM, TEXT, "of a kernel stack: the thread's name")
EG_COLUMNS(COLUMNS);

// include/linux/vmalloc.h; in the order in which /proc names them
static const struct eg_constant kinds[] = {
    { "ioremap", 1 }, { "vmalloc", 2 },       { "vmap", 4 }, { "sparse", 0x1000 }, // since 6.9
    { "user", 8 },    { "dma-coherent", 16 }, { NULL, 0 },
};
enum { NAMED = 0x101f };

struct listing {
    struct eg_run *r;
    struct linux_purposes *purposes;
    const struct linux_area *areas;
    size_t n;
};

/* The array of pages lies in an area itself. */
static bool in_area(const struct listing *l, uint64_t at)
{
    size_t low = 0, high = l->n;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (l->areas[middle].last < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low < l->n && l->areas[low].first <= at;
}

static struct eg_cell kind_of(const struct listing *l, struct eg_obj vm)
{
    uint64_t flags, pages;
    const char *text;

    if (!eg_get(&flags, vm, vm_struct.flags))
        return eg_val(vm, vm_struct.flags);
    text = eg_bits_text(l->r, kinds, flags & NAMED, " ");
    if (eg_get(&pages, vm, vm_struct.pages) && pages && in_area(l, pages))
        text = eg_strf(l->r, "%s%svpages", text, *text ? " " : "");
    return eg_text(text);
}

static void emit(const struct listing *l, const struct linux_area *a)
{
    struct eg_obj vm = eg_object(l->r, vm_struct, a->vm), caller = eg_at(vm, vm_struct.caller);
    const struct eg_cell none = { 0 };
    struct linux_purpose p;
    uint64_t at, pa, pages;
    const char *name = NULL;

    linux_purpose_of(l->purposes, a, &p);
    if (!a->vm) {
        eg_row(l->r, .START = eg_uint(a->first), .END = eg_uint(a->last + 1),
               .SIZE = eg_uint(a->last - a->first + 1),
               .KIND = eg_text(a->unpurged ? "unpurged" : "vm_map_ram"));
        return;
    }
    if (eg_load(&at, caller) && at) {
        name = eg_name_of(l->r, at);
        name = name ? name : eg_strf(l->r, "%#llx", (unsigned long long)at);
    }
    eg_row(
        l->r, .START = eg_uint(a->first), .END = eg_uint(a->last + 1),
        .SIZE = eg_uint(a->last - a->first + 1), .KIND = kind_of(l, vm),
        .PAGES = eg_get(&pages, vm, vm_struct.nr_pages) && !pages ? none
                                                                  : eg_val(vm, vm_struct.nr_pages),
        .PHYSICAL =
            eg_get(&pa, vm, vm_struct.phys_addr) && !pa ? none : eg_val(vm, vm_struct.phys_addr),
        .ALLOCATED_BY = name                   ? eg_text(name)
                        : eg_load(&at, caller) ? none
                                               : eg_cell_of(caller),
        .PURPOSE = eg_text(p.text), .MODULE = eg_text(p.module),
        .PID = p.task.why ? none : linux_pid(p.task), .TID = p.task.why ? none : linux_tid(p.task),
        .COMM = p.task.why ? none : linux_comm(p.task));
}

static int run(struct eg_run *r)
{
    struct listing l = { .r = r, .purposes = linux_purposes(r) };
    const struct linux_area *others;
    size_t n_others = linux_areas_unowned(r, &others), k = 0;

    l.n = linux_areas(r, &l.areas);
    for (size_t i = 0; (i < l.n || k < n_others) && !eg_stopped(r);)
        if (k == n_others || (i < l.n && l.areas[i].first <= others[k].first))
            emit(&l, &l.areas[i++]);
        else
            emit(&l, &others[k++]);
    return 0;
}

EG_PLUGIN(vmalloc) = {
    .os = "linux",
    .help = "List the areas of vmalloc: size, kind, who asked for it and what for",
    .manual =
        "As /proc/vmallocinfo has them, by address. What an area is for follows from what lies "
        "in it (a thread's stack, a module, a BPF program), from the device that it maps, or "
        "from the function that asked for it; where none of these tells, PURPOSE is empty. "
        "An area of an unlisted module has the loader as its ALLOCATED_BY and no MODULE.",
    .aliases = EG_NAMES("vmallocinfo", "kmem-v"),
    .columns = columns,
    .needs = EG_NEEDS(vm_struct.addr, vm_struct.size),
    .uses = EG_NAMES("tasks"),
    .run = run,
};
