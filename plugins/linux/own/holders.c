/* holders.c - who holds an open file. */
#include "holders.h"
#include "../../../core/cache.h"
#include "../../../core/map.h"
#include "../../../core/run.h"
#include "../../../core/vec.h"
#include "../fs/fdtable.h"
#include "../fs/file.h"
#include "../fs/inode.h"
#include "../fs/superblock.h"
#include "../fs/uring.h"
#include "../mm/mm.h"
#include "../mm/swap.h"
#include "../mm/vma.h"
#include "../net/sock.h"
#include "../sched/pid.h"
#include "../sched/task.h"
#include <inttypes.h>
#include <string.h>

EG_FIELD_AS(fs_pwd, fs_struct, "pwd.dentry");
EG_FIELD_AS(fs_root, fs_struct, "root.dentry");
EG_FIELD_AS(dentry_names, dentry, "d_inode");
EG_FIELD_AS(mm_program, mm_struct, "exe_file");
EG_FIELD_AS(private_data, file, "private_data");
EG_FIELD_AS(space_accounts, pid_namespace, "bacct");
EG_FIELD_AS(accounts_pin, bsd_acct_struct, "pin");
EG_FIELD_AS(accounts_file, bsd_acct_struct, "file");
EG_FIELDS_OF("loop", loop_device, lo_backing_file);
EG_FIELD_AS(disk_name, gendisk, "disk_name");
EG_FIELD_AS(disk_major, gendisk, "major");
EG_FIELD_AS(disk_own, gendisk, "private_data");
EG_FIELD_AS(block_device, bdev_inode, "bdev");
EG_FIELD_AS(block_inode, bdev_inode, "vfs_inode");
EG_FIELD_AS(device_disk, block_device, "bd_disk");
EG_FIELD_AS(file_inode, file, "f_inode");
EG_FIELD_AS(file_mapping, file, "f_mapping");
EG_TYPE(file);
EG_TYPE(bsd_acct_struct);
EG_TYPE(idr);
EG_TYPE(io_ring_ctx);

enum { HOLDERS_MAX = 1 << 21, LOOPS_MAX = 1 << 16, REGISTERED_MAX = 1 << 23 };

struct holding {
    struct eg_run *r;
    EG_VEC(struct linux_holder) all;
    struct linux_anon_kind ring; /**< files of io_uring */
    struct eg_map processes, rings, tables, places, spaces, seen;
    EG_VEC(uint64_t) sockets; /**< unix sockets, whose queues are looked at last */
    uint64_t registered;      /**< places for files that rings claim */
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

/** A unix socket may have files in its queue. */
static void note_socket(struct holding *h, struct eg_obj file, struct eg_obj inode)
{
    uint16_t mode, family;
    struct eg_obj sock;
    uint64_t *new;
    int added;

    if (!eg_get(&mode, inode, inode.i_mode) || (mode & 0170000) != 0140000)
        return;
    sock = linux_file_sock(h->r, file);
    if (!eg_get(&family, sock, sock_family) || family != LINUX_AF_UNIX)
        return;
    added = eg_map_add(&h->seen, sock.addr, 0);
    new = added > 0 ? eg_vec_push(&h->sockets) : NULL;
    h->starved |= added < 0 || (added && !new);
    if (new)
        *new = sock.addr;
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
    if (how == LINUX_HOLD_FD || how == LINUX_HOLD_RING || how == LINUX_HOLD_PASSED)
        note_socket(h, file, inode);
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

/** Files that were sent over a unix socket: sockets among them may have others in their queues. */
static void passed(struct holding *h)
{
    struct eg_obj file;

    for (size_t i = 0; i < h->sockets.n && !h->full && !h->starved && !eg_stopped(h->r); i++) {
        const uint64_t at = h->sockets.at[i];

        linux_each_passed_file(h->r, eg_object(h->r, sock, at), file)
        {
            if (h->full || h->starved)
                break;
            add_file(h, LINUX_HOLD_PASSED, file, LINUX_NOBODY, at);
        }
    }
}

/** Of a loop device without types (its module has none of its own on some kernels): the first word
 * that leads to an open file. */
static struct eg_obj file_behind(struct holding *h, uint64_t loop)
{
    enum { LOOP_WORDS = 32 };
    const unsigned size = eg_binding_of(h->r)->model.ptr_size;
    uint8_t word[8];

    for (unsigned i = 0; i < LOOP_WORDS; i++) {
        struct eg_obj file;
        uint64_t at, mapping, same;

        if (!eg_read(eg_view_of(h->r), eg_kernel(h->r), loop + i * size, word, size))
            break;
        at = eg_load_(word, size, eg_binding_of(h->r)->model.big_endian);
        file = eg_object(h->r, file, at);
        if (at && eg_get(&mapping, file, file_mapping) && mapping &&
            eg_get(&same, file, file_inode, inode.i_mapping) && same == mapping)
            return file;
    }
    return eg_object(h->r, file, 0);
}

static void loop(struct holding *h, uint64_t at, uint64_t number)
{
    const int added = at ? eg_map_add(&h->seen, at, 0) : 0;

    h->starved |= added < 0;
    if (added > 0)
        add_file(
            h, LINUX_HOLD_LOOP,
            eg_has(h->r, loop_device.lo_backing_file)
                ? eg_deref(eg_at(eg_object(h->r, loop_device, at), loop_device.lo_backing_file))
                : file_behind(h, at),
            LINUX_NOBODY, number);
}

/** The loop device that a block device is: its disk is called "loop7". */
static void loop_of(struct holding *h, struct eg_obj disk)
{
    enum { LOOP_MAJOR = 7 };
    const char *name;
    uint64_t number = 0;

    if (eg_get_or(0u, disk, disk_major) != LOOP_MAJOR)
        return;
    name = eg_string(h->r, eg_at(disk, disk_name), 32);
    if (!name || strncmp(name, "loop", 4) != 0)
        return;
    for (const char *c = name + 4; *c >= '0' && *c <= '9' && number < LOOPS_MAX; c++)
        number = 10 * number + (uint64_t)(*c - '0');
    loop(h, eg_get_or((uint64_t)0, disk, disk_own), number);
}

/** Loop devices, by the driver's own table, where its symbol is known, and by the file system that
 * block devices have, where until 5.10 only those that are open know their disk. */
static void loops(struct holding *h)
{
    struct eg_obj sb, inode;
    struct eg_entry entry;
    unsigned n = 0;
    uint64_t at;

    if (eg_lookup(h->r, "loop_index_idr", &at))
        eg_each_xa(entry, eg_object(h->r, idr, at)) {
            if (n++ == LOOPS_MAX || h->full || h->starved)
                break;
            loop(h, entry.value, entry.index);
        }
    n = 0;
    linux_each_superblock(h->r, sb)
    {
        const char *type = eg_string(h->r, eg_at(sb, super_block.s_type, file_system_type.name), 8);

        if (!type || strcmp(type, "bdev") != 0)
            continue;
        eg_each_list(inode, eg_at(sb, super_block.s_inodes), inode.i_sb_list) {
            if (n++ == LOOPS_MAX || h->full || h->starved)
                break;
            loop_of(h,
                    eg_deref(eg_at(eg_container(inode, block_inode), block_device, device_disk)));
        }
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
    eg_map_fini(&h->seen);
    eg_vec_fini(&h->sockets);
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
    passed(h);
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
