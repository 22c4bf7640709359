/* holders.c - who holds an open file. */
#include "holders.h"
#include "../../../core/cache.h"
#include "../../../core/map.h"
#include "../../../core/run.h"
#include "../../../core/vec.h"
#include "../fs/fdtable.h"
#include "../fs/file.h"
#include "../fs/uring.h"
#include "../mm/mm.h"
#include "../mm/swap.h"
#include "../mm/vma.h"
#include "../sched/pid.h"
#include "../sched/task.h"
#include <inttypes.h>

EG_FIELD_AS(fs_pwd, fs_struct, "pwd.dentry");
EG_FIELD_AS(fs_root, fs_struct, "root.dentry");
EG_FIELD_AS(dentry_names, dentry, "d_inode");
EG_FIELD_AS(mm_program, mm_struct, "exe_file");
EG_FIELD_AS(private_data, file, "private_data");
EG_FIELD_AS(space_accounts, pid_namespace, "bacct");
EG_FIELD_AS(accounts_pin, bsd_acct_struct, "pin");
EG_FIELD_AS(accounts_file, bsd_acct_struct, "file");
EG_FIELDS_OF("loop", loop_device, lo_backing_file);
EG_TYPE(idr);
EG_TYPE(bsd_acct_struct);
EG_TYPE(io_ring_ctx);
EG_TYPE(file);

enum { HOLDERS_MAX = 1 << 21, LOOPS_MAX = 1 << 16, REGISTERED_MAX = 1 << 23 };

struct holding {
    struct eg_run *r;
    EG_VEC(struct linux_holder) all;
    struct linux_anon_kind ring; /**< files of io_uring */
    struct eg_map processes, rings, tables, places, spaces;
    uint64_t registered; /**< places for files that rings claim */
    bool starved, full;
};

static void add(struct holding *h, enum linux_hold how, struct eg_obj file, uint64_t inode,
                struct eg_obj task, uint64_t number)
{
    struct linux_holder *new;

    if (h->all.n == HOLDERS_MAX) {
        h->full = true;
        return;
    }
    new = eg_vec_push(&h->all);
    if (!new) {
        h->starved = true;
        return;
    }
    *new = (struct linux_holder){
        .file = file.why ? 0 : file.addr,
        .inode = inode,
        .task = task.why ? 0 : task.addr,
        .number = number,
        .pid = task.why ? -1 : eg_get_or((int64_t)-1, task, task_struct.tgid),
        .how = how,
    };
}

/** A file that cannot be read has no inode. */
static void add_file(struct holding *h, enum linux_hold how, struct eg_obj file, struct eg_obj task,
                     uint64_t number)
{
    struct eg_obj inode;

    if (file.why == EG_NULL)
        return;
    inode = file.why ? file : linux_file_inode(h->r, file);
    add(h, how, file, inode.why ? 0 : inode.addr, task, number);
}

/** Is this address new in @map? Of null and what cannot be read: no. */
static bool is_new(struct holding *h, struct eg_map *map, struct eg_obj pointer)
{
    uint64_t at;
    int added;

    if (!eg_load(&at, pointer) || !at)
        return false;
    added = eg_map_add(map, at, 0);
    h->starved |= added < 0;
    return added > 0;
}

/* ---- io_uring ---- */

static void ring(struct holding *h, struct eg_obj task, struct eg_obj ctx)
{
    struct linux_ring_file_walk w = { .ctx = ctx };
    struct eg_obj file;
    uint32_t number;

    if (ctx.why || h->registered > REGISTERED_MAX || eg_map_add(&h->rings, ctx.addr, 0) != 1)
        return;
    while (linux_next_ring_file(h->r, &w, &number, &file) && !h->full && !h->starved)
        add_file(h, LINUX_HOLD_RING, file, task, ctx.addr);
    h->registered += w.n;
    if (h->registered > REGISTERED_MAX)
        eg_note(h->r, "more than %d files are registered with rings: the others are left out",
                REGISTERED_MAX);
}

/* ---- a thread, a process ---- */

static void descriptors(struct holding *h, struct eg_obj task)
{
    struct eg_obj file;
    uint64_t fd;

    linux_each_fd(h->r, task, fd, file)
    {
        if (h->full || h->starved)
            break;
        add_file(h, LINUX_HOLD_FD, file, task, fd);
        if (!file.why && linux_file_of_kind(h->r, file, &h->ring))
            ring(h, task, eg_deref(eg_cast(eg_at(file, private_data), io_ring_ctx)));
    }
}

static void place(struct holding *h, enum linux_hold how, struct eg_obj task, struct eg_obj dentry)
{
    struct eg_obj inode = eg_deref(eg_at(dentry, dentry_names));

    if (inode.why != EG_NULL)
        add(h, how, LINUX_NOBODY, inode.why ? 0 : inode.addr, task, 0);
}

static void mappings(struct holding *h, struct eg_obj task, struct eg_obj mm)
{
    uint64_t last = 0;
    struct eg_obj vma;

    add_file(h, LINUX_HOLD_EXE, eg_deref(eg_at(mm, mm_program)), task, 0);
    linux_each_vma(h->r, mm, vma) {
        struct eg_obj file = eg_deref(eg_at(vma, vm_area_struct.vm_file));

        if (h->full || h->starved)
            break;
        // The parts of a program lie behind each other: the others are left out when all is sorted.
        if (file.why == EG_NULL || file.addr == last)
            continue;
        last = file.addr;
        add_file(h, LINUX_HOLD_MAPPING, file, task,
                 eg_get_or(UINT64_C(0), vma, vm_area_struct.vm_start));
    }
}

static void thread(struct holding *h, struct eg_obj task)
{
    struct eg_obj ctx;

    if (is_new(h, &h->tables, eg_at(task, task_files)))
        descriptors(h, task);
    if (is_new(h, &h->places, eg_at(task, task_struct.fs))) {
        place(h, LINUX_HOLD_CWD, task, eg_at(task, task_struct.fs, fs_pwd));
        place(h, LINUX_HOLD_ROOT, task, eg_at(task, task_struct.fs, fs_root));
    }
    if (is_new(h, &h->spaces, eg_at(task, task_struct.mm)))
        mappings(h, task, eg_deref(eg_at(task, task_struct.mm)));
    linux_each_used_ring(h->r, task, ctx) ring(h, task, ctx);
}

static void process(struct holding *h, struct eg_obj leader)
{
    struct eg_obj t;
    const int added = eg_map_add(&h->processes, leader.addr, 0);

    h->starved |= added < 0;
    if (added != 1)
        return;
    // What threads share is told once; processes that share it have it each.
    eg_map_fini(&h->tables);
    eg_map_fini(&h->places);
    eg_map_fini(&h->spaces);
    linux_each_thread(h->r, leader, t) {
        if (h->full || h->starved)
            break;
        thread(h, t);
    }
}

/* ---- what only the kernel holds ---- */

static void accounts(struct holding *h, struct eg_obj space)
{
    struct eg_obj pin = eg_deref(eg_at(space, space_accounts)), by;

    if (pin.why)
        return;
    by = eg_object(h->r, bsd_acct_struct, pin.addr - eg_offset(h->r, accounts_pin));
    add_file(h, LINUX_HOLD_ACCT, eg_deref(eg_at(by, accounts_file)), LINUX_NOBODY, 0);
}

/** Processes that are not on the list of tasks, and pid namespaces with accounting. */
static void by_ids(struct holding *h)
{
    struct linux_pid_entry e;
    uint64_t last = 0;

    linux_each_pid(h->r, e)
    {
        if (h->full || h->starved)
            break;
        if (e.ns.addr != last && eg_has(h->r, space_accounts))
            accounts(h, e.ns);
        last = e.ns.addr;
        if (!e.task.why && eg_get_or((uint64_t)0, e.task, task_struct.group_leader) == e.task.addr)
            process(h, e.task);
    }
}

static void loops(struct holding *h)
{
    struct eg_entry entry;
    unsigned n = 0;
    uint64_t at;

    // A module's, as a rule; the driver that is built in has the same name (drivers/block/loop.c).
    if (!eg_has(h->r, loop_device.lo_backing_file) || !eg_lookup(h->r, "loop_index_idr", &at))
        return;
    eg_each_xa(entry, eg_object(h->r, idr, at)) {
        struct eg_obj loop = eg_object(h->r, loop_device, entry.value);

        if (n++ == LOOPS_MAX || h->full || h->starved)
            break;
        add_file(h, LINUX_HOLD_LOOP, eg_deref(eg_at(loop, loop_device.lo_backing_file)),
                 LINUX_NOBODY, entry.index);
    }
}

static void swaps(struct holding *h)
{
    const struct linux_swap *s = linux_swap(h->r);

    for (unsigned i = 0; s && i < s->n; i++)
        if (s->device[i].info)
            add_file(h, LINUX_HOLD_SWAP,
                     eg_deref(eg_at(eg_object(h->r, swap_info_struct, s->device[i].info),
                                    swap_info_struct.swap_file)),
                     LINUX_NOBODY, i);
}

/* ---- all of them, in order ---- */

static int compare(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int by_inode(const void *a, const void *b)
{
    const struct linux_holder *x = a, *y = b;
    int c = compare(x->inode, y->inode);

    c = c ? c : compare(x->file, y->file);
    c = c ? c : compare(x->how, y->how);
    c = c ? c : compare((uint64_t)x->pid, (uint64_t)y->pid);
    c = c ? c : compare(x->task, y->task);
    return c ? c : compare(x->number, y->number);
}

static bool is_same_mapping(const struct linux_holder *x, const struct linux_holder *y)
{
    return x->how == LINUX_HOLD_MAPPING && y->how == LINUX_HOLD_MAPPING && x->file == y->file &&
           x->inode == y->inode && x->task == y->task;
}

struct kept {
    struct linux_holders out;
    struct linux_holder *at;
};

static void end(void *holding)
{
    struct holding *h = holding;

    eg_vec_fini(&h->all);
    eg_map_fini(&h->processes);
    eg_map_fini(&h->rings);
    eg_map_fini(&h->tables);
    eg_map_fini(&h->places);
    eg_map_fini(&h->spaces);
}

static bool gather(struct eg_system *sys, struct eg_run *r, void *kept)
{
    struct kept *k = kept;
    struct holding *h = eg_tmp(r, sizeof *h);
    struct eg_obj leader;
    size_t n = 0;

    (void)sys;
    h->r = r;
    h->ring.path = "anon_inode:[io_uring]";
    eg_run_defer(r, end, h);
    linux_each_process(r, leader) {
        if (h->full || h->starved)
            break;
        process(h, leader);
    }
    by_ids(h);
    loops(h);
    swaps(h);
    if (h->starved)
        eg_run_fail(r, EG_ENOMEM, "%s", "out of memory for open files");
    if (h->full)
        eg_note(r, "more than %d open files: the others are left out", HOLDERS_MAX);
    if (h->all.n)
        qsort(h->all.at, h->all.n, sizeof *h->all.at, by_inode);
    for (size_t i = 0; i < h->all.n; i++)
        if (!n || !is_same_mapping(&h->all.at[n - 1], &h->all.at[i]))
            h->all.at[n++] = h->all.at[i];
    k->at = h->all.at;
    k->out = (struct linux_holders){ k->at, n };
    h->all.at = NULL;
    return !h->starved && !eg_stopped(r);
}

static void forget(void *kept)
{
    struct kept *k = kept;

    free(k->at);
}

static const struct eg_cache holders = { .size = sizeof(struct kept),
                                         .make = gather,
                                         .fini = forget };

const struct linux_holders *linux_holders(struct eg_run *r)
{
    const struct kept *k = eg_system_cache(eg_system_of(r), r, &holders);

    return k ? &k->out : NULL;
}

const struct linux_holder *linux_holders_of(const struct linux_holders *h, uint64_t inode,
                                            size_t *n)
{
    size_t low = 0, high = h->n, end;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;

        if (h->at[mid].inode < inode)
            low = mid + 1;
        else
            high = mid;
    }
    for (end = low; end < h->n && h->at[end].inode == inode; end++)
        ;
    *n = end - low;
    return *n && inode ? &h->at[low] : NULL;
}
