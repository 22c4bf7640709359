/* io_uring - rings, the requests that wait in them, what is registered, and who works for them. */
#include "../../core/map.h"
#include "../linux/fs/fdtable.h"
#include "../linux/fs/file.h"
#include "../linux/fs/flags.h"
#include "../linux/fs/uring.h"
#include "../linux/mm/mm.h"
#include "../linux/sched/task.h"

#include <stdio.h>
#include <string.h>

EG_FIELDS(io_ring_ctx, cached_sq_head, cq_entries, defer_list, flags, ltimeout_list, rings,
          sq_array, sq_data, sq_entries, sq_sqes, timeout_list);
// Requests that wait for a poll: a table and a number until 5.18; two tables until 6.12; one since.
EG_FIELD_AS(ctx_hash, io_ring_ctx, "cancel_hash");
EG_FIELD_AS(ctx_hash_bits, io_ring_ctx, "cancel_hash_bits");
EG_FIELD_AS(ctx_table, io_ring_ctx, "cancel_table");
EG_FIELD_AS(ctx_table_locked, io_ring_ctx, "cancel_table_locked");
EG_FIELD_AS(ctx_futexes, io_ring_ctx, "futex_list");            // 6.7
EG_FIELD_AS(ctx_waitids, io_ring_ctx, "waitid_list");           // 6.7
EG_FIELD_AS(ctx_commands, io_ring_ctx, "cancelable_uring_cmd"); // 6.8
EG_FIELDS(io_hash_table, hash_bits, hbs);
EG_FIELDS(io_hash_bucket, list);
// What is registered: arrays and their lengths until 6.12, then io_rsrc_data.
EG_FIELD_AS(ctx_nr_bufs, io_ring_ctx, "nr_user_bufs");
EG_FIELD_AS(ctx_bufs, io_ring_ctx, "user_bufs");
EG_FIELD_AS(ctx_buf_data, io_ring_ctx, "buf_table");
EG_FIELD_AS(rsrc_nr, io_rsrc_data, "nr");
EG_FIELD_AS(rsrc_nodes, io_rsrc_data, "nodes");
EG_FIELD_AS(node_buf, io_rsrc_node, "buf");
EG_FIELDS(io_mapped_ubuf, len, ubuf, ubuf_end); // len since 6.10
EG_FIELD_AS(rings_sq_tail, io_rings, "sq.tail");
EG_FIELD_AS(rings_cq_head, io_rings, "cq.head");
EG_FIELD_AS(rings_cq_tail, io_rings, "cq.tail");
EG_FIELDS(io_kiocb, ctx, file, link, opcode);
EG_FIELD_AS(request_node, io_kiocb, "hash_node");
EG_FIELD_AS(request_data, io_kiocb, "cqe.user_data|user_data"); // in cqe since 5.19
EG_FIELD_AS(request_work, io_kiocb, "work");
EG_FIELD_AS(timeout_list, io_timeout, "list");
EG_FIELD_AS(defer_list, io_defer_entry, "list");
EG_FIELD_AS(defer_request, io_defer_entry, "req");
EG_FIELD_AS(task_worker, task_struct, "worker_private|pf_io_worker"); // renamed in 5.17
EG_FIELD_AS(worker_work, io_worker, "cur_work");
// Work that no worker has begun: queues of each NUMA node until 6.2, of the whole since.
EG_FIELD_AS(tctx_wq, io_uring_task, "io_wq");
EG_FIELD_AS(wq_nodes, io_wq, "wqes");
EG_FIELD_AS(wq_queues, io_wq, "acct");
EG_FIELD_AS(node_wq, io_wqe, "wq");
EG_FIELD_AS(node_queues, io_wqe, "acct");
EG_FIELD_AS(node_queue_first, io_wqe_acct, "work_list.first");
EG_FIELD_AS(queue_first, io_wq_acct, "work_list.first");
EG_FIELD_AS(work_next, io_wq_work, "list.next");
EG_FIELDS(io_wq_work, list);
EG_FIELD_AS(sqd_thread, io_sq_data, "thread");
EG_FIELD_AS(ring_file_private, file, "private_data");
EG_FIELDS(io_uring_sqe, addr, fd, flags, opcode, user_data);
EG_TYPE(io_worker);

#define COLUMNS(C)                                                                                 \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_TID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(OFFSET, ADDR, "where the struct io_ring_ctx is, which all rows of a ring have")              \
    C(KIND, TEXT,                                                                                  \
      "ring; request: it waits; submission: written by the program, not taken yet; past: taken "   \
      "before (--past); file, buffer: registered; worker, poller: a thread that works for it")     \
    C(FD, INT, "the ring's number among the open files")                                           \
    C(INDEX, INT, "of a file or a buffer its number; of a submission its slot")                    \
    C(OPCODE, TEXT, "what is asked for")                                                           \
    C(WAITS_FOR, TEXT, "poll, timeout, worker, …")                                                 \
    C(TARGET, TEXT, "file, path, or range of user memory that it is about")                        \
    C(USER_DATA, ADDR, "the program's name for a request")                                         \
    C(RING_FLAGS, FLAGS, "how the ring was set up")                                                \
    C(SQ_HEAD, INT, "submissions that the kernel has taken", EG_MINOR)                             \
    C(SQ_TAIL, INT, "submissions that were written", EG_MINOR)                                     \
    C(SQ_ENTRIES, INT, "room for submissions", EG_MINOR)                                           \
    C(CQ_HEAD, INT, "completions that the program has taken", EG_MINOR)                            \
    C(CQ_TAIL, INT, "completions that were written", EG_MINOR)                                     \
    C(CQ_ENTRIES, INT, "room for completions", EG_MINOR)                                           \
    C(WORKS_ON, TEXT,                                                                              \
      "what sort of system calls it does without: network, files; nothing: of pipes, timers and "  \
      "the like")
EG_COLUMNS(COLUMNS);

enum {
    RINGS_MAX = 4096,
    REQUESTS_MAX = 65536,
    ENTRIES_MAX = 32768,
    REGISTERED_MAX = 1 << 20,
    BITS_MAX = 16,
    LINKS_MAX = 256,
    NODES_MAX = 64,
    STEPS_MAX = 1 << 21,
    PF_IO_WORKER = 0x10
};
enum { SETUP_SQE128 = 1 << 10 };

static const char *opcode_name(struct eg_run *r, uint8_t opcode)
{
    const char *name = eg_constant_name(linux_io_uring_ops, opcode);

    return name ? name : eg_strf(r, "%u", opcode);
}

/* By what is asked for, or of reading, writing and polling by what it is about. */
static const char *work_of(const char *opcode, const char *target)
{
    static const char network[] = " SENDMSG RECVMSG ACCEPT CONNECT SEND RECV SHUTDOWN SOCKET "
                                  "SEND_ZC SENDMSG_ZC BIND LISTEN RECV_ZC ";
    static const char files[] = " FSYNC SYNC_FILE_RANGE FALLOCATE OPENAT OPENAT2 STATX FADVISE "
                                "RENAMEAT UNLINKAT MKDIRAT SYMLINKAT LINKAT FSETXATTR SETXATTR "
                                "FGETXATTR GETXATTR FTRUNCATE ";
    char name[32];
    const int n = opcode ? snprintf(name, sizeof name, " %s ", opcode) : 0;

    if (n > 0 && n < (int)sizeof name && strstr(network, name))
        return "network";
    if (n > 0 && n < (int)sizeof name && strstr(files, name))
        return "files";
    if (target && !strncmp(target, "socket:", 7))
        return "network";
    return target && *target == '/' ? "files" : NULL;
}

/** What is the same for all rows of a ring. */
struct ring {
    struct eg_obj ctx, task;
    struct eg_space *user; /**< the process's memory, for paths */
    struct eg_map *seen;   /**< requests that were shown */
    uint64_t *left;        /**< steps along lists that the run may still make */
};
#define RING_ROW(ring_, kind_)                                                                     \
    .PID = linux_pid((ring_)->task), .TID = linux_tid((ring_)->task),                              \
    .COMM = linux_comm((ring_)->task), .OFFSET = eg_addr((ring_)->ctx), .KIND = eg_text(kind_)

/* ---- requests ---- */

static bool is_new(struct eg_run *r, struct ring *g, uint64_t at)
{
    return g->seen->n < REQUESTS_MAX && eg_run_map_add(r, g->seen, at, 1);
}

/** May one more step be made? Lists of a damaged ring can be those of others, and be long. */
static bool step(struct eg_run *r, struct ring *g)
{
    if (*g->left && !--*g->left)
        eg_note(r, "more requests of rings than are looked at: the rest is left out");
    return *g->left;
}

/** A request and those that are linked behind it. It must be of this ring. */
static void request(struct eg_run *r, struct ring *g, struct eg_obj q, const char *waits)
{
    for (unsigned n = 0; !q.why && n < LINKS_MAX; n++) {
        uint64_t ctx = 0;
        uint8_t opcode;
        struct eg_obj file = eg_deref(eg_at(q, io_kiocb.file));
        const char *target = file.why ? NULL : linux_file_path(r, file, g->task), *asked = NULL;

        if (!eg_get(&ctx, q, io_kiocb.ctx) || ctx != g->ctx.addr) {
            eg_note(r, "a request at %#llx is not of the ring at %#llx that it was found by",
                    (unsigned long long)q.addr, (unsigned long long)g->ctx.addr);
            return;
        }
        if (!is_new(r, g, q.addr))
            return;
        if (eg_get(&opcode, q, io_kiocb.opcode))
            asked = opcode_name(r, opcode);
        eg_row(r, RING_ROW(g, "request"),
               .OPCODE = asked ? eg_text(asked) : eg_val(q, io_kiocb.opcode),
               .WAITS_FOR = eg_text(n ? "the one before" : waits), .TARGET = eg_text(target),
               .USER_DATA = eg_val(q, request_data), .WORKS_ON = eg_text(work_of(asked, target)));
        q = eg_deref(eg_at(q, io_kiocb.link));
    }
}

static void hash_list(struct eg_run *r, struct ring *g, struct eg_obj head, const char *waits)
{
    struct eg_obj q;
    unsigned n = 0;

    eg_each_hlist(q, head, request_node)
        if (n++ == REQUESTS_MAX || !step(r, g))
            break;
        else
            request(r, g, q, waits);
}

static void hash_table(struct eg_run *r, struct ring *g, struct eg_obj table)
{
    struct eg_obj buckets = eg_at(table, io_hash_table.hbs);
    uint32_t bits;

    if (!eg_get(&bits, table, io_hash_table.hash_bits) || bits > BITS_MAX || buckets.why)
        return;
    for (uint64_t i = 0; i < UINT64_C(1) << bits && !eg_stopped(r); i++)
        hash_list(r, g, eg_at(eg_index(buckets, i), io_hash_bucket.list), "poll");
}

static void polls(struct eg_run *r, struct ring *g)
{
    uint32_t bits;

    if (eg_has(r, ctx_hash)) {
        if (eg_get(&bits, g->ctx, ctx_hash_bits) && bits <= BITS_MAX)
            for (uint64_t i = 0; i < UINT64_C(1) << bits && !eg_stopped(r); i++)
                hash_list(r, g, eg_index(eg_at(g->ctx, ctx_hash), i), "poll");
        return;
    }
    hash_table(r, g, eg_at(g->ctx, ctx_table));
    if (eg_has(r, ctx_table_locked))
        hash_table(r, g, eg_at(g->ctx, ctx_table_locked));
}

/* What a timeout keeps lies where its request begins (io_kiocb_to_cmd). */
static void timeouts(struct eg_run *r, struct ring *g, struct eg_obj head, const char *waits)
{
    struct eg_obj t;
    unsigned n = 0;

    eg_each_list(t, head, timeout_list)
        if (n++ == REQUESTS_MAX || !step(r, g))
            break;
        else
            request(r, g, eg_object(r, io_kiocb, t.addr), waits);
}

/** The queue that begins at @first, of requests of all rings of a process. */
static void queue(struct eg_run *r, struct ring *g, struct eg_obj first)
{
    struct eg_obj work = eg_deref(first);
    const uint64_t begin = work.addr;

    for (unsigned n = 0; !work.why && (!n || work.addr != begin) && n < REQUESTS_MAX &&
                         step(r, g) && !eg_stopped(r);
         n++) {
        struct eg_obj q;

        work = eg_container(eg_object(r, io_wq_work, work.addr), io_wq_work.list);
        q = eg_container(work, request_work);
        if (eg_get_or((uint64_t)0, q, io_kiocb.ctx) == g->ctx.addr)
            request(r, g, q, "a free worker");
        work = eg_deref(eg_at(work, work_next));
    }
}

static void queues(struct eg_run *r, struct ring *g, struct eg_obj wq)
{
    for (unsigned i = 0; i < 2 && eg_has(r, wq_queues); i++)
        queue(r, g, eg_at(eg_index(eg_at(wq, wq_queues), i), queue_first));
    for (unsigned n = 0; n < NODES_MAX && eg_has(r, wq_nodes); n++) {
        struct eg_obj node = eg_deref(eg_index(eg_at(wq, wq_nodes), n));

        if (eg_get_or((uint64_t)0, node, node_wq) != wq.addr)
            break; // there are no more nodes
        for (unsigned i = 0; i < 2; i++)
            queue(r, g, eg_at(eg_index(eg_at(node, node_queues), i), node_queue_first));
    }
}

static void requests(struct eg_run *r, struct ring *g)
{
    struct eg_obj d, thread;
    unsigned n = 0;

    polls(r, g);
    timeouts(r, g, eg_at(g->ctx, io_ring_ctx.timeout_list), "timeout");
    timeouts(r, g, eg_at(g->ctx, io_ring_ctx.ltimeout_list), "timeout of a linked one");
    if (eg_has(r, ctx_futexes))
        hash_list(r, g, eg_at(g->ctx, ctx_futexes), "futex");
    if (eg_has(r, ctx_waitids))
        hash_list(r, g, eg_at(g->ctx, ctx_waitids), "child process");
    if (eg_has(r, ctx_commands))
        hash_list(r, g, eg_at(g->ctx, ctx_commands), "command");
    eg_each_list(d, eg_at(g->ctx, io_ring_ctx.defer_list), defer_list)
        if (n++ == REQUESTS_MAX || !step(r, g))
            break;
        else
            request(r, g, eg_deref(eg_at(d, defer_request)), "all before it");
    linux_each_thread(r, g->task, thread) {
        struct eg_obj wq = eg_deref(eg_at(thread, task_io_uring, tctx_wq));
        struct eg_obj worker, work, q;

        if (!wq.why)
            queues(r, g, wq);
        if (!linux_task_has(thread, PF_IO_WORKER))
            continue;
        worker = eg_cast(eg_at(thread, task_worker), io_worker);
        work = eg_deref(eg_at(worker, worker_work));
        q = work.why ? work : eg_container(work, request_work);
        // A worker has no ring of its own: the one that its request is of.
        if (!q.why && eg_get_or((uint64_t)0, q, io_kiocb.ctx) == g->ctx.addr)
            request(r, g, q, "worker");
    }
}

/* ---- submissions: entries that the program wrote ---- */

static bool has_path(uint8_t opcode)
{
    return opcode == 18 || opcode == 28 || opcode == 21 || opcode == 36 || opcode == 37;
}

static void submission(struct eg_run *r, struct ring *g, uint32_t slot, uint32_t flags,
                       const char *kind)
{
    struct eg_obj q = eg_index(eg_at(g->ctx, io_ring_ctx.sq_sqes),
                               flags & SETUP_SQE128 ? 2 * (uint64_t)slot : slot);
    uint8_t opcode = 0;
    int32_t fd = -1;
    uint64_t addr = 0;
    const char *target;

    if (!eg_get(&opcode, q, io_uring_sqe.opcode)) {
        eg_row(r, RING_ROW(g, kind), .INDEX = eg_uint(slot),
               .OPCODE = eg_val(q, io_uring_sqe.opcode));
        return;
    }
    eg_get(&fd, q, io_uring_sqe.fd);
    eg_get(&addr, q, io_uring_sqe.addr);
    target =
        eg_strf(r, "%s %d", eg_get_or((uint8_t)0, q, io_uring_sqe.flags) & 1 ? "file" : "fd", fd);
    if (has_path(opcode) && g->user && addr) {
        struct linux_buffer buf = { 0 };
        struct eg_cell missing;
        size_t len = 0;
        const char *path = linux_user_bytes(r, g->user, addr, addr + 256, &buf, &len, &missing);

        if (path && len)
            target = eg_strf(r, "%.*s", (int)strnlen(path, len), path);
    }
    eg_row(r, RING_ROW(g, kind), .INDEX = eg_uint(slot), .OPCODE = eg_text(opcode_name(r, opcode)),
           .TARGET = eg_text(target), .USER_DATA = eg_val(q, io_uring_sqe.user_data),
           .WORKS_ON = eg_text(work_of(opcode_name(r, opcode), target)));
}

static void submissions(struct eg_run *r, struct ring *g, bool past)
{
    struct eg_obj rings = eg_at(g->ctx, io_ring_ctx.rings), order;
    uint32_t head, tail, entries, flags = eg_get_or(UINT32_C(0), g->ctx, io_ring_ctx.flags);
    uint8_t *waits;

    if (!eg_get(&head, g->ctx, io_ring_ctx.cached_sq_head) ||
        !eg_get(&tail, rings, rings_sq_tail) || !eg_get(&entries, g->ctx, io_ring_ctx.sq_entries) ||
        !entries)
        return;
    if (entries > ENTRIES_MAX || entries & (entries - 1) || tail - head > entries) {
        eg_note(r, "the ring at %#llx: its queue of submissions cannot be as it says",
                (unsigned long long)g->ctx.addr);
        return;
    }
    order = eg_at(g->ctx, io_ring_ctx.sq_array);
    waits = eg_tmp(r, entries);
    for (; head != tail; head++) {
        uint32_t slot = head & (entries - 1);

        if (order.why != EG_NULL && !eg_deref(order).why)
            eg_load(&slot, eg_index(order, head & (entries - 1)));
        if (slot >= entries)
            continue; // the kernel drops it
        waits[slot] = 1;
        submission(r, g, slot, flags, "submission");
    }
    for (uint32_t slot = 0; past && slot < entries; slot++) {
        struct eg_obj q = eg_index(eg_at(g->ctx, io_ring_ctx.sq_sqes),
                                   flags & SETUP_SQE128 ? 2 * (uint64_t)slot : slot);

        if (!waits[slot] && (eg_get_or((uint8_t)0, q, io_uring_sqe.opcode) ||
                             eg_get_or((uint64_t)0, q, io_uring_sqe.user_data)))
            submission(r, g, slot, flags, "past");
    }
}

/* ---- what is registered ---- */

static void registered_buffer(struct eg_run *r, struct ring *g, uint32_t i, struct eg_obj buf)
{
    uint64_t at, end;

    if (buf.why == EG_NULL)
        return;
    if (!eg_get(&at, buf, io_mapped_ubuf.ubuf) ||
        !(eg_has(r, io_mapped_ubuf.ubuf_end) ? eg_get(&end, buf, io_mapped_ubuf.ubuf_end)
                                             : eg_get(&end, buf, io_mapped_ubuf.len))) {
        eg_row(r, RING_ROW(g, "buffer"), .INDEX = eg_uint(i),
               .TARGET = eg_val(buf, io_mapped_ubuf.ubuf));
        return;
    }
    if (!eg_has(r, io_mapped_ubuf.ubuf_end))
        end += at;
    if (end > at) // else a place that was given up: the kernel's dummy
        eg_row(r, RING_ROW(g, "buffer"), .INDEX = eg_uint(i),
               .TARGET = eg_text(
                   eg_strf(r, "%#llx-%#llx", (unsigned long long)at, (unsigned long long)end)));
}

static void registered(struct eg_run *r, struct ring *g)
{
    struct eg_obj bufs = eg_at(g->ctx, ctx_buf_data), file;
    uint32_t n = 0, shown;

    linux_each_ring_file(r, g->ctx, n, file)
    {
        const char *path = linux_file_path(r, file, g->task);

        eg_row(r, RING_ROW(g, "file"), .INDEX = eg_uint(n), .TARGET = eg_text(path),
               .WORKS_ON = eg_text(work_of(NULL, path)));
    }
    n = 0;
    if (eg_has(r, ctx_buf_data))
        eg_get(&n, bufs, rsrc_nr);
    else
        eg_get(&n, g->ctx, ctx_nr_bufs);
    shown = n < REGISTERED_MAX ? n : REGISTERED_MAX;
    for (uint32_t i = 0; i < shown && !eg_stopped(r); i++) {
        struct eg_obj place = eg_has(r, ctx_buf_data) ? eg_index(eg_at(bufs, rsrc_nodes), i)
                                                      : eg_index(eg_at(g->ctx, ctx_bufs), i);
        uint64_t unused;

        if (!eg_load(&unused, place))
            break;
        registered_buffer(r, g, i,
                          eg_deref(eg_has(r, ctx_buf_data) ? eg_at(place, node_buf) : place));
    }
}

/* ---- rings ---- */

struct rings {
    struct eg_map *seen;
    uint64_t left; /**< see struct ring */
    struct linux_anon_kind kind;
};

/** Show one with all that is in it. @fd: -1: found by the list of a task. */
static void show(struct eg_run *r, struct rings *known, struct eg_obj task, struct eg_obj ctx,
                 int64_t fd)
{
    struct ring g = {
        .ctx = ctx, .task = task, .user = linux_task_space(r, task), .left = &known->left
    };
    struct eg_obj rings = eg_at(ctx, io_ring_ctx.rings), thread;
    uint32_t flags;

    if (fd < 0 && eg_map_get(known->seen, ctx.addr, &(uint64_t){ 0 }))
        return;
    if (!eg_get(&flags, ctx, io_ring_ctx.flags)) {
        eg_note(r, "process %lld: the ring at %#llx cannot be read",
                (long long)eg_get_or((int64_t)-1, task, task_struct.tgid),
                (unsigned long long)ctx.addr);
        return;
    }
    eg_row(
        r, RING_ROW(&g, "ring"), .FD = fd >= 0 ? eg_int(fd) : (struct eg_cell){ 0 },
        .RING_FLAGS = eg_text(eg_bits_text(r, linux_io_uring_setup, flags, "|")),
        .SQ_HEAD = eg_val(ctx, io_ring_ctx.cached_sq_head), .SQ_TAIL = eg_val(rings, rings_sq_tail),
        .SQ_ENTRIES = eg_val(ctx, io_ring_ctx.sq_entries), .CQ_HEAD = eg_val(rings, rings_cq_head),
        .CQ_TAIL = eg_val(rings, rings_cq_tail), .CQ_ENTRIES = eg_val(ctx, io_ring_ctx.cq_entries));
    if (known->seen->n == RINGS_MAX || !eg_run_map_add(r, known->seen, ctx.addr, 1))
        return; // another open file of the same
    g.seen = eg_run_map(r);
    requests(r, &g);
    submissions(r, &g, eg_arg_flag(r, "past"));
    registered(r, &g);
    thread = eg_deref(eg_at(ctx, io_ring_ctx.sq_data, sqd_thread));
    if (!thread.why)
        eg_row(r, .PID = linux_pid(thread), .TID = linux_tid(thread), .COMM = linux_comm(thread),
               .OFFSET = eg_addr(ctx), .KIND = eg_text("poller"));
}

static void workers(struct eg_run *r, struct eg_obj task)
{
    struct eg_obj thread;

    linux_each_thread(r, task, thread) {
        struct eg_obj worker = eg_deref(eg_cast(eg_at(thread, task_worker), io_worker)), work, q;
        uint8_t opcode = 0;

        if (!linux_task_has(thread, PF_IO_WORKER) || worker.why)
            continue; // pollers have that flag too
        work = eg_deref(eg_at(worker, worker_work));
        q = work.why ? work : eg_container(work, request_work);
        eg_row(r, .PID = linux_pid(thread), .TID = linux_tid(thread), .COMM = linux_comm(thread),
               .OFFSET = q.why ? (struct eg_cell){ 0 } : eg_val(q, io_kiocb.ctx),
               .KIND = eg_text("worker"),
               .OPCODE = !q.why && eg_get(&opcode, q, io_kiocb.opcode)
                             ? eg_text(opcode_name(r, opcode))
                             : (struct eg_cell){ 0 },
               .USER_DATA = q.why ? (struct eg_cell){ 0 } : eg_val(q, request_data));
    }
}

static void of_task(struct eg_run *r, struct rings *known, struct eg_obj task)
{
    struct eg_obj file, thread, ctx;
    uint64_t fd;

    linux_each_fd(r, task, fd, file) if (linux_file_of_kind(r, file, &known->kind))
        show(r, known, task, eg_deref(eg_cast(eg_at(file, ring_file_private), io_ring_ctx)),
             (int64_t)fd);
    linux_each_thread(r, task, thread)
        linux_each_used_ring(r, thread, ctx) // its file may be closed, or registered only
            show(r, known, task, ctx, -1);
    workers(r, task);
}

static int run(struct eg_run *r)
{
    struct rings known = { .seen = eg_run_map(r),
                           .left = STEPS_MAX,
                           .kind = { .path = "anon_inode:[io_uring]" } };
    struct eg_obj task;

    linux_each_process(r, task)
        if (linux_pid_asked(r, task))
            of_task(r, &known, task);
    return 0;
}

EG_PLUGIN(io_uring) = {
    .os = "linux",
    .help = "List io_uring rings, requests that wait, registered files and buffers, workers",
    .manual =
        "A program that works through io_uring makes few system calls that others see. Rings "
        "are found by open files, and by what each thread has used. A ring that several "
        "processes have open is shown in full with the first. --past shows entries of the "
        "queue that were taken before and not yet written over: what the program has asked "
        "for lately. Of a path "
        "that the program named, its memory is shown as it is now. WORKS_ON says which rows are "
        "work on the network or on files, which is no sign of anything by itself; what was "
        "done and written over in the queue is not seen.",
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes"),
                    EG_ARG(past, FLAG, "entries that were taken before, too")),
    .needs = EG_NEEDS(io_ring_ctx.flags, io_ring_ctx.rings, io_kiocb.opcode),
    .uses = EG_NAMES("tasks", "threads"),
    .run = run,
    .moves = EG_NAMES("SQ_HEAD", "SQ_TAIL", "CQ_HEAD", "CQ_TAIL", "WORKS_ON"),
};
