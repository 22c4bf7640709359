/* ipcs - shared memory, semaphores and message queues of System V, and POSIX message queues, of
 * every ipc namespace (ipc/). */
#include "../../core/base.h"
#include "../../core/map.h"
#include "../linux/fs/dentry.h"
#include "../linux/fs/flags.h"
#include "../linux/fs/inode.h"
#include "../linux/fs/nsfs.h"
#include "../linux/mm/page.h"
#include "../linux/own/holders.h"
#include "../linux/sched/nsproxy.h"
#include "../linux/sched/task.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

EG_FIELD_AS(task_ipc, nsproxy, "ipc_ns");
EG_FIELDS(ipc_namespace, ids, mq_mnt);
EG_FIELD_AS(ipc_inum, ipc_namespace, "ns.inum");
EG_FIELD_AS(ipc_common, ipc_namespace, "ns");
EG_FIELD_AS(ids_table, ipc_ids, "ipcs_idr");
EG_FIELDS(kern_ipc_perm, deleted, id, key, mode);
EG_FIELD_AS(perm_uid, kern_ipc_perm, "uid.val");
EG_FIELD_AS(perm_gid, kern_ipc_perm, "gid.val");
EG_FIELDS(shmid_kernel, shm_atim, shm_cprid, shm_ctim, shm_dtim, shm_file, shm_lprid, shm_nattch,
          shm_perm, shm_segsz);
EG_FIELDS(sem_array, sem_ctime, sem_nsems, sem_perm, sems);
EG_FIELDS(sem, pending_alter, pending_const, sem_otime, sempid, semval);
EG_FIELDS(msg_queue, q_cbytes, q_ctime, q_lspid, q_messages, q_perm, q_qnum, q_rtime, q_stime);
EG_FIELDS(msg_msg, m_list, m_ts, m_type, next);
EG_FIELD_AS(segment_next, msg_msgseg, "next");
EG_FIELD_AS(mq_inode, mqueue_inode_info, "vfs_inode");
EG_FIELD_AS(mq_waiting, mqueue_inode_info, "attr.mq_curmsgs");
EG_FIELD_AS(mq_bytes, mqueue_inode_info, "qsize");
EG_FIELD_AS(mq_tree, mqueue_inode_info, "msg_tree");
EG_FIELD_AS(mq_notify, mqueue_inode_info, "notify_owner");
EG_FIELDS(posix_msg_tree_node, msg_list, rb_node);
EG_FIELD_AS(mount_of, vfsmount, "mnt_sb");
EG_FIELD_AS(ids_of_pid, pid, "numbers");
EG_FIELD_AS(id_number, upid, "nr");
EG_FIELD_AS(opened_inode, file, "f_inode");
EG_FIELD_AS(list_first, hlist_head, "first");
EG_TYPE(msg_msgseg);
EG_TYPE(upid);
EG_SYMBOL(init_ipc_ns, "ipc_namespace");

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the kernel's object is", EG_MINOR)                                      \
    C(NS, INT, "inode number of the ipc namespace", EG_MINOR)                                      \
    C(KIND, TEXT, "shm, sem, msg; mqueue: of POSIX")                                               \
    C(KEY, TEXT, "as programs name it")                                                            \
    C(ID, INT, "as the kernel numbers it; of mqueue the inode number")                             \
    C(UID, INT, "owner")                                                                           \
    C(GID, INT, "group")                                                                           \
    C(PERMISSIONS, TEXT, "who may read and write it")                                              \
    C(SIZE, INT, "bytes: of a segment; that wait in a queue")                                      \
    C(ITEMS, INT, "processes' mappings of a segment, semaphores of a set, messages in a queue")    \
    C(PID, INT, "process that made a segment, or has asked to be told of a message")               \
    C(LAST_PID, INT, "process that attached or detached it, or sent to it, last")                  \
    C(OPENED_BY, TEXT, "processes that have mapped a segment, or opened an mqueue")                \
    C(USED_TIME, TIME, "last attached; last operation; last sent to")                              \
    C(LEFT_TIME, TIME, "last detached; last received from", EG_MINOR)                              \
    C(CHANGED_TIME, TIME, "made, or its owner or permissions changed")                             \
    C(DETAIL, TEXT, "values of semaphores and how many wait; types and bytes of messages",         \
      EG_LIST)                                                                                     \
    C(FILE, TEXT, "--data: the file in the folder of -o with the messages", EG_ASKED)
EG_COLUMNS(COLUMNS);

enum { OBJECTS_MAX = 1 << 18, SHOWN_MAX = 64, SEMS_MAX = 32000, MESSAGES_MAX = 1 << 16 };
enum { ITEMS_MAX = 1 << 22, ITEM_LEN = 64 }; // of all objects; bytes of the text of one, at most
enum { MESSAGE_MAX = 1 << 24, WRITTEN_MAX = 1 << 30, SHM_DEST = 01000, SHM_LOCKED = 02000 };
enum { SEM, MSG, SHM }; // places in ipc_namespace.ids (ipc/util.h)

struct listing {
    struct eg_run *r;
    const struct linux_holders *all;
    struct eg_obj ns;
    uint64_t inum;
    struct eg_map *seen;  /**< objects; of a damaged image several ids lead to one */
    struct eg_map *named; /**< number → address of the object whose file has it in its name */
    unsigned left, items; /**< objects; semaphores, messages and who waits, that may follow */
    uint64_t room;        /**< bytes of messages that may still be written */
    char text[SHOWN_MAX * ITEM_LEN]; /**< DETAIL of the row at hand */
    size_t len;
};

/** One more object. @return false: it was seen before, or there are too many. */
static bool is_next(struct listing *l, uint64_t at)
{
    if (!l->left)
        return false;
    if (!--l->left)
        eg_note(l->r, "more than %d objects: the rest is left out", OBJECTS_MAX);
    l->len = 0;
    l->text[0] = 0;
    return l->left && eg_run_map_add(l->r, l->seen, at, 0);
}

/** One more part of an object. @return false: there are too many. */
static bool is_next_item(struct listing *l)
{
    if (l->items && !--l->items)
        eg_note(l->r, "more than %d semaphores, messages and processes: the rest is left out",
                ITEMS_MAX);
    return l->items;
}

static void say(struct listing *l, const char *format, ...) EG_PRINTF(2, 3);
static void say(struct listing *l, const char *format, ...)
{
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(l->text + l->len, sizeof l->text - l->len, format, ap);
    va_end(ap);
    l->len = EG_MIN(l->len + (size_t)EG_MAX(n, 0), sizeof l->text - 1);
}

/** The number of a struct pid, or the number itself (before 4.17). */
static struct eg_cell pid_of(struct eg_run *r, struct eg_obj o)
{
    struct eg_obj pid;

    if (o.kind != EG_K_PTR)
        return eg_cell_of(o);
    pid = eg_deref(o);
    if (pid.why == EG_NULL)
        return (struct eg_cell){ 0 };
    return eg_val(eg_object(r, upid, eg_at(pid, ids_of_pid).addr), id_number);
}

/** Seconds since 1970; 0: never. */
static struct eg_cell time_of(struct eg_obj o)
{
    uint64_t s;
    int64_t ns;

    if (!eg_load(&s, o))
        return eg_cell_of(o);
    if (!s)
        return (struct eg_cell){ 0 };
    return __builtin_mul_overflow((int64_t)s, INT64_C(1000000000), &ns)
               ? eg_missing(EG_BAD_VALUE, o.addr)
               : eg_int(ns);
}

/** "5,9": who holds the inode. */
static struct eg_cell users_of(struct listing *l, uint64_t inode)
{
    size_t n;
    const struct linux_holder *h = linux_holders_of(l->all, inode, &n);
    int64_t pids[SHOWN_MAX];
    char text[SHOWN_MAX * ITEM_LEN / 2] = "";
    size_t len = 0;
    unsigned count = 0, k;

    for (size_t i = 0; h && i < n && count < SHOWN_MAX && is_next_item(l); i++) {
        for (k = 0; k < count && pids[k] != h[i].pid;)
            k++;
        if (k < count || h[i].pid < 0)
            continue;
        pids[count++] = h[i].pid;
        len +=
            (size_t)snprintf(text + len, sizeof text - len, "%s%" PRId64, len ? "," : "", h[i].pid);
    }
    return eg_text(eg_strf(l->r, "%s", text));
}

static void emit(struct listing *l, struct row *row)
{
    row->NS = eg_uint(l->inum);
    eg_emit_(l->r, 0, (const struct eg_cell *)(const void *)row,
             sizeof *row / sizeof(struct eg_cell));
}

/** What all of System V have. @return false: it is not one, or was removed. */
static bool common(struct listing *l, struct eg_obj perm, const char *kind, struct row *row,
                   uint32_t *mode)
{
    uint32_t key;

    if (eg_get_or(0u, perm, kern_ipc_perm.deleted) || !eg_get(mode, perm, kern_ipc_perm.mode) ||
        !eg_get(&key, perm, kern_ipc_perm.key))
        return false;
    *row = (struct row){ .OFFSET = eg_addr(perm),
                         .KIND = eg_text(kind),
                         .KEY = eg_text(eg_strf(l->r, "0x%08x", key)),
                         .ID = eg_val(perm, kern_ipc_perm.id),
                         .UID = eg_val(perm, perm_uid),
                         .GID = eg_val(perm, perm_gid),
                         .PERMISSIONS = eg_text(linux_permissions(l->r, *mode & 0777)) };
    return true;
}

static void segment(struct listing *l, uint64_t at)
{
    struct eg_obj shm = eg_object(l->r, shmid_kernel, at), inode;
    struct row row;
    uint32_t mode;

    if (!common(l, eg_at(shm, shmid_kernel.shm_perm), "shm", &row, &mode))
        return;
    inode = eg_deref(eg_at(shm, shmid_kernel.shm_file, opened_inode));
    row.SIZE = eg_val(shm, shmid_kernel.shm_segsz);
    row.ITEMS = eg_val(shm, shmid_kernel.shm_nattch);
    row.PID = pid_of(l->r, eg_at(shm, shmid_kernel.shm_cprid));
    row.LAST_PID = pid_of(l->r, eg_at(shm, shmid_kernel.shm_lprid));
    row.USED_TIME = time_of(eg_at(shm, shmid_kernel.shm_atim));
    row.LEFT_TIME = time_of(eg_at(shm, shmid_kernel.shm_dtim));
    row.CHANGED_TIME = time_of(eg_at(shm, shmid_kernel.shm_ctim));
    if (!inode.why)
        row.OPENED_BY = users_of(l, inode.addr);
    row.DETAIL = eg_text(eg_strf(l->r, "%s%s%s", mode & SHM_DEST ? "dest" : "",
                                 (mode & SHM_DEST) && (mode & SHM_LOCKED) ? "," : "",
                                 mode & SHM_LOCKED ? "locked" : ""));
    emit(l, &row);
}

static unsigned waiting(struct listing *l, struct eg_obj head)
{
    struct eg_list_walk w = eg_list_begin_(head, eg_f_msg_msg.m_list.id); // only counted
    struct eg_obj o;
    unsigned n = 0;

    while (n < MESSAGES_MAX && eg_list_next_(&w, &o) && is_next_item(l))
        n++;
    return n;
}

static void semaphores(struct listing *l, uint64_t at)
{
    struct eg_run *r = l->r;
    struct eg_obj set = eg_object(r, sem_array, at), first = eg_at(set, sem_array.sems);
    struct row row;
    uint32_t mode, n = 0;
    uint64_t last = 0, used = 0;

    if (!common(l, eg_at(set, sem_array.sem_perm), "sem", &row, &mode))
        return;
    row.ITEMS = eg_val(set, sem_array.sem_nsems);
    row.CHANGED_TIME = time_of(eg_at(set, sem_array.sem_ctime));
    eg_get(&n, set, sem_array.sem_nsems);
    n = EG_MIN(n, (uint32_t)SEMS_MAX);
    for (uint32_t i = 0; i < n && !first.why && is_next_item(l) && !eg_stopped(r); i++) {
        struct eg_obj sem = eg_object(r, sem, first.addr + (uint64_t)i * eg_size(r, sem));
        uint64_t time = 0;
        int32_t value;
        unsigned wait;

        if (!eg_get(&value, sem, sem.semval))
            break;
        wait =
            waiting(l, eg_at(sem, sem.pending_alter)) + waiting(l, eg_at(sem, sem.pending_const));
        if (i < SHOWN_MAX)
            say(l, wait ? "%s%d (%u wait)" : "%s%d", i ? "," : "", value, wait);
        if (eg_get(&time, sem, sem.sem_otime) && time >= used && time) {
            used = time;
            last = i;
        }
    }
    if (used) {
        struct eg_obj sem = eg_object(r, sem, first.addr + last * eg_size(r, sem));

        row.USED_TIME = time_of(eg_at(sem, sem.sem_otime));
        row.LAST_PID = pid_of(r, eg_at(sem, sem.sempid));
    }
    if (n > SHOWN_MAX)
        say(l, ",…");
    row.DETAIL = eg_text(l->text);
    emit(l, &row);
}

/* ---- messages, of both kinds: the bytes are behind each piece's header (ipc/msgutil.c) ---- */

static bool write_message(struct listing *l, FILE *f, struct eg_obj msg, uint64_t len)
{
    const struct linux_memmap *m = linux_memmap(l->r);
    const uint64_t page = UINT64_C(1) << (m && m->found ? m->shift : 12);
    uint64_t at = msg.addr + eg_size(l->r, msg_msg), next = 0, room = page - eg_size(l->r, msg_msg);
    uint8_t bytes[512];

    if (eg_size(l->r, msg_msg) >= page || eg_size(l->r, msg_msgseg) >= page)
        return false; // types that no kernel has
    l->room -= len;
    eg_get(&next, msg, msg_msg.next);
    while (len && !eg_stopped(l->r)) {
        uint64_t n = EG_MIN(len, room);

        len -= n;
        while (n) {
            const size_t some = EG_MIN(n, sizeof bytes);

            if (!eg_read(eg_view_of(l->r), eg_kernel(l->r), at, bytes, some))
                return false;
            fwrite(bytes, 1, some, f);
            at += some;
            n -= some;
        }
        if (!len)
            break;
        if (!next)
            return false;
        at = next + eg_size(l->r, msg_msgseg);
        room = page - eg_size(l->r, msg_msgseg);
        if (!eg_get(&next, eg_object(l->r, msg_msgseg, next), segment_next))
            return false;
    }
    return true;
}

/** The messages of a list; what the row says of them, and with --data their bytes into @f. */
static void messages(struct listing *l, struct eg_obj head, unsigned *n, FILE *f, const char *name)
{
    struct eg_obj msg;

    eg_each_list(msg, head, msg_msg.m_list) {
        uint64_t len = 0;
        int64_t type = 0;

        if (!is_next_item(l))
            break;
        if (++*n > MESSAGES_MAX) {
            eg_note(l->r, "a queue of more than %d messages: the rest is left out", MESSAGES_MAX);
            break;
        }
        eg_get(&len, msg, msg_msg.m_ts);
        eg_get(&type, msg, msg_msg.m_type);
        if (*n <= SHOWN_MAX)
            say(l, "%stype %" PRId64 ", %" PRIu64 " bytes", l->len ? "; " : "", type, len);
        if (f && len <= MESSAGE_MAX && len > l->room) {
            eg_note(l->r, "messages past %d bytes are not written", WRITTEN_MAX);
            l->room = 0;
            f = NULL;
        }
        if (f && (len > MESSAGE_MAX || !write_message(l, f, msg, len)))
            eg_note(l->r, "%s: the message at %#" PRIx64 " cannot be read to its end", name,
                    msg.addr);
    }
}

/** The file for the messages of the queue at @at; NULL: not wanted. Of a damaged image several have
 * one number. */
static FILE *output(struct listing *l, const char *kind, uint64_t id, uint64_t at,
                    const char **name)
{
    const uint64_t key = (l->inum << 32 | (id & UINT32_MAX)) * 2 + (kind[1] == 'q');
    uint64_t first = at;

    if (!eg_arg_flag(l->r, "data"))
        return NULL;
    if (!eg_map_get(l->named, key, &first))
        eg_run_map_add(l->r, l->named, key, at);
    *name = first == at ? eg_strf(l->r, "%s-%" PRIu64 "-%" PRIu64 ".bin", kind, l->inum, id)
                        : eg_strf(l->r, "%s-%" PRIu64 "-%" PRIu64 "-%" PRIx64 ".bin", kind, l->inum,
                                  id, at);
    return eg_output(l->r, *name);
}

static void queue(struct listing *l, uint64_t at)
{
    struct eg_obj q = eg_object(l->r, msg_queue, at);
    struct row row;
    uint32_t mode, id = 0;
    uint64_t n_messages = 0;
    unsigned n = 0;
    const char *name = NULL;
    FILE *f = NULL;

    if (!common(l, eg_at(q, msg_queue.q_perm), "msg", &row, &mode))
        return;
    eg_get(&id, eg_at(q, msg_queue.q_perm), kern_ipc_perm.id);
    if (eg_get(&n_messages, q, msg_queue.q_qnum) && n_messages)
        f = output(l, "msg", id, at, &name);
    row.SIZE = eg_val(q, msg_queue.q_cbytes);
    row.ITEMS = eg_val(q, msg_queue.q_qnum);
    row.LAST_PID = pid_of(l->r, eg_at(q, msg_queue.q_lspid));
    row.USED_TIME = time_of(eg_at(q, msg_queue.q_stime));
    row.LEFT_TIME = time_of(eg_at(q, msg_queue.q_rtime));
    row.CHANGED_TIME = time_of(eg_at(q, msg_queue.q_ctime));
    messages(l, eg_at(q, msg_queue.q_messages), &n, f, name);
    row.DETAIL = eg_text(l->text);
    if (f && eg_output_done(l->r, f))
        row.FILE = eg_text(name);
    emit(l, &row);
}

static void system_v(struct listing *l, unsigned which, void (*one)(struct listing *, uint64_t))
{
    struct eg_entry e;

    eg_each_xa(e, eg_at(eg_index(eg_at(l->ns, ipc_namespace.ids), which), ids_table)) {
        if (!l->left)
            return;
        if (is_next(l, e.value))
            one(l, e.value);
    }
}

/** POSIX message queues are files of a file system of their own. */
static void posix(struct listing *l)
{
    struct eg_run *r = l->r;
    struct eg_obj sb = eg_deref(eg_at(l->ns, ipc_namespace.mq_mnt, mount_of)), inode;

    if (sb.why)
        return;
    eg_each_list(inode, eg_at(sb, super_block.s_inodes), inode.i_sb_list) {
        struct eg_obj q = eg_container(inode, mq_inode), node;
        struct row row = { .OFFSET = eg_addr(q), .KIND = eg_text("mqueue") };
        uint32_t mode;
        uint64_t first, ino = 0;
        unsigned n = 0;
        const char *name = NULL;
        FILE *f = NULL;
        int64_t waits = 0;

        if (!l->left)
            return;
        if (!is_next(l, inode.addr))
            continue;
        if (!eg_get(&mode, inode, inode.i_mode) || (mode & 0170000) != 0100000)
            continue; // the folder itself
        eg_get(&ino, inode, inode.i_ino);
        if (eg_get(&waits, q, mq_waiting) && waits > 0)
            f = output(l, "mqueue", ino, inode.addr, &name);
        if (eg_get(&first, eg_at(inode, inode.i_dentry), list_first) && first &&
            eg_has(r, dentry_alias))
            row.KEY = eg_text(
                linux_dentry_path(r, eg_object(r, dentry, first - eg_offset(r, dentry_alias))));
        row.ID = eg_uint(ino);
        row.UID = eg_val(inode, inode_uid);
        row.GID = eg_val(inode, inode_gid);
        row.PERMISSIONS = eg_text(linux_permissions(r, mode & 0777));
        row.SIZE = eg_val(q, mq_bytes);
        row.ITEMS = eg_val(q, mq_waiting);
        row.PID = pid_of(r, eg_at(q, mq_notify));
        row.OPENED_BY = users_of(l, inode.addr);
        eg_each_rb(node, eg_at(q, mq_tree), posix_msg_tree_node.rb_node)
            messages(l, eg_at(node, posix_msg_tree_node.msg_list), &n, f, name);
        row.DETAIL = eg_text(l->text);
        if (f && eg_output_done(r, f))
            row.FILE = eg_text(name);
        emit(l, &row);
    }
}

static void list(struct listing *l, struct eg_obj ns, struct eg_map *seen)
{
    if (ns.why || !eg_run_map_add(l->r, seen, ns.addr, 0))
        return;
    l->ns = ns;
    l->inum = eg_get_or((uint64_t)0, ns, ipc_inum);
    system_v(l, SHM, segment);
    system_v(l, SEM, semaphores);
    system_v(l, MSG, queue);
    posix(l);
}

struct found {
    struct listing *l;
    struct eg_map *seen;
};

static void list_kept(void *context, uint64_t common)
{
    struct found *f = context;

    list(f->l, eg_object(f->l->r, ipc_namespace, common - eg_offset(f->l->r, ipc_common)), f->seen);
}

static int run(struct eg_run *r)
{
    struct listing *l = eg_tmp(r, sizeof *l);
    struct eg_map *seen = eg_run_map(r);
    struct found found = { l, seen };
    struct eg_obj task, t;

    l->r = r;
    l->all = linux_holders(r);
    l->seen = eg_run_map(r);
    l->named = eg_run_map(r);
    l->left = OBJECTS_MAX;
    l->items = ITEMS_MAX;
    l->room = WRITTEN_MAX;
    if (!l->all)
        return 0;
    list(l, eg_sym(r, init_ipc_ns), seen);
    linux_each_process(r, task)
        linux_each_thread(r, task, t)
            list(l, eg_deref(eg_at(t, task_struct.nsproxy, task_ipc)), seen);
    if (!eg_has(r, ipc_common))
        return 0;
    linux_kept_ns(r, "ipc", list_kept, &found);
    linux_tree_of_ns(r, "ipc_ns_tree", list_kept, &found);
    return 0;
}

EG_PLUGIN(ipcs) = {
    .os = "linux",
    .help = "List shared memory, semaphores and message queues of every ipc namespace",
    .manual =
        "System V's as ipcs shows them, and POSIX message queues, of the first ipc namespace, "
        "of those that processes are in, and of those that an open file or a mount keeps, or "
        "since Linux 6.19 the kernel's tree of them. --data writes the messages that wait in a "
        "queue, the oldest first (of a POSIX queue the lowest priority first). POSIX shared "
        "memory is a file of a tmpfs: see `files` and `lsof`.",
    .columns = columns,
    .args = EG_ARGS(EG_ARG(data, FLAG, "write messages that wait to files of -o")),
    .needs = EG_NEEDS(ipc_namespace.ids, ids_table, kern_ipc_perm.id),
    .uses = EG_NAMES("tasks"),
    .run = run,
    .key = EG_NAMES("NS", "KIND", "ID"),
    .moves = EG_NAMES("ITEMS", "USED_TIME", "LEFT_TIME", "LAST_PID"),
};
