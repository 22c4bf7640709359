/* anon.c - what open files say that are in no folder. The words are those of /proc/PID/fdinfo. */
#include "anon.h"
#include "../sched/signal.h"
#include "../sched/task.h"
#include "file.h"
#include "notify.h"
#include <inttypes.h>
#include <string.h>

EG_FIELD_AS(own_data, file, "private_data");
EG_FIELD_AS(own_inode, file, "f_inode");
EG_FIELD_AS(inode_own, inode, "i_private");
EG_FIELDS(eventfd_ctx, count, flags, id); // id since 5.3
EG_FIELDS(signalfd_ctx, sigmask);
EG_FIELDS(timerfd_ctx, clockid, ticks, tintv);
EG_FIELD_AS(epoll_tree, eventpoll, "rbr");
EG_FIELD_AS(epoll_node, epitem, "rbn");
EG_FIELD_AS(epoll_file, epitem, "ffd.file");
EG_FIELD_AS(epoll_fd, epitem, "ffd.fd");
EG_FIELD_AS(epoll_events, epitem, "event.events");
EG_FIELD_AS(epoll_data, epitem, "event.data");
EG_FIELD_AS(pid_numbers, pid, "numbers");
EG_FIELD_AS(pid_first, pid, "tasks");
EG_FIELD_AS(hlist_first, hlist_head, "first");
EG_FIELD_AS(task_links, task_struct, "pid_links");
EG_FIELD_AS(upid_nr, upid, "nr");
EG_FIELD_AS(prog_id, bpf_prog, "aux");
EG_FIELD_AS(aux_id, bpf_prog_aux, "id");
EG_FIELD_AS(aux_name, bpf_prog_aux, "name");
EG_FIELDS(bpf_map, id, name, key_size, value_size, max_entries);
EG_FIELDS(bpf_link, id, prog);
EG_FIELDS(btf, id, name);
EG_FIELD_AS(sb_type_name, file_system_type, "name");
EG_FIELD_AS(sb_type, super_block, "s_type");
EG_FIELD_AS(inode_sb, inode, "i_sb");
EG_FIELD_AS(shmem_seals, shmem_inode_info, "seals");
EG_FIELD_AS(shmem_inode, shmem_inode_info, "vfs_inode");
EG_FIELD_AS(huge_seals, hugetlbfs_inode_info, "seals");
EG_FIELD_AS(huge_inode, hugetlbfs_inode_info, "vfs_inode");
EG_FIELD_AS(event_type, perf_event, "attr.type");
EG_FIELD_AS(event_config, perf_event, "attr.config");
EG_FIELD_AS(event_cpu, perf_event, "cpu");
EG_FIELD_AS(event_task, perf_event, "hw.target");
EG_TYPE(eventpoll);
EG_TYPE(bpf_prog);
EG_TYPE(perf_event);
EG_TYPE(pid);
EG_TYPE(upid);

enum { SHOWN_MAX = 64 };
// What a program can ask for: the rest of the mask the kernel sets (fs/notify/inotify).
#define INOTIFY_ASKED 0x84000fffu

static const struct eg_constant polls[] = {
    // include/uapi/linux/eventpoll.h
    { "IN", 1 },
    { "PRI", 2 },
    { "OUT", 4 },
    { "ERR", 8 },
    { "HUP", 0x10 },
    { "NVAL", 0x20 },
    { "RDNORM", 0x40 },
    { "RDBAND", 0x80 },
    { "WRNORM", 0x100 },
    { "WRBAND", 0x200 },
    { "MSG", 0x400 },
    { "RDHUP", 0x2000 },
    { "EXCLUSIVE", 1 << 28 },
    { "WAKEUP", 1 << 29 },
    { "ONESHOT", 1 << 30 },
    { "ET", 1u << 31 },
    { NULL, 0 },
};
static const struct eg_constant clocks[] = {
    // include/uapi/linux/time.h
    { "CLOCK_REALTIME", 0 },       { "CLOCK_MONOTONIC", 1 },      { "CLOCK_BOOTTIME", 7 },
    { "CLOCK_REALTIME_ALARM", 8 }, { "CLOCK_BOOTTIME_ALARM", 9 }, { NULL, 0 },
};

bool linux_next_watched(struct eg_run *r, struct linux_epoll_walk *w, struct linux_epoll_item *out)
{
    struct eg_obj item;

    (void)r;
    if (!w->begun) {
        w->items = eg_rb_begin_(eg_at(w->poll, epoll_tree), eg_f_epoll_node.id);
        w->begun = true;
    }
    if (!eg_rb_next_(&w->items, &item))
        return false;
    *out = (struct linux_epoll_item){ .file = eg_deref(eg_at(item, epoll_file)), .fd = -1 };
    eg_get(&out->fd, item, epoll_fd);
    eg_get(&out->events, item, epoll_events);
    eg_read(item.view, item.space, eg_at(item, epoll_data).addr, &out->data, sizeof out->data);
    return true;
}

/** Lines that become one, with an end where there are too many. */
static const char *join(struct eg_run *r, const char *before, const char *one, unsigned n)
{
    if (n < SHOWN_MAX)
        return before ? eg_strf(r, "%s; %s", before, one) : one;
    return n == SHOWN_MAX ? eg_strf(r, "%s; …", before) : before;
}

static const char *epoll(struct eg_run *r, struct eg_obj file, struct eg_obj task)
{
    struct linux_epoll_item item;
    const char *text = NULL;
    unsigned n = 0;

    linux_each_watched(r, eg_deref(eg_cast(eg_at(file, own_data), eventpoll)), item)
    {
        const char *path = n < SHOWN_MAX ? linux_file_path(r, item.file, task) : NULL;

        text = join(r, text,
                    eg_strf(r, "fd %d %s %s", item.fd, eg_bits_text(r, polls, item.events, "|"),
                            path ? path : "?"),
                    n++);
    }
    return text ? text : "nothing is watched";
}

static const char *eventfd(struct eg_run *r, struct eg_obj file, struct eg_obj task)
{
    struct eg_obj ctx = eg_deref(eg_cast(eg_at(file, own_data), eventfd_ctx));
    uint64_t count;
    const char *id = "";

    (void)task;
    if (!eg_get(&count, ctx, eventfd_ctx.count))
        return NULL;
    if (eg_has(r, eventfd_ctx.id))
        id = eg_strf(r, ", id %d", eg_get_or(-1, ctx, eventfd_ctx.id));
    return eg_strf(r, "count %" PRIu64 "%s%s", count, id,
                   eg_get_or(0u, ctx, eventfd_ctx.flags) & 1 ? ", semaphore" : "");
}

static const char *timerfd(struct eg_run *r, struct eg_obj file, struct eg_obj task)
{
    struct eg_obj ctx = eg_deref(eg_cast(eg_at(file, own_data), timerfd_ctx));
    uint32_t clock;
    const char *name;
    int64_t ns = 0;

    (void)task;
    if (!eg_get(&clock, ctx, timerfd_ctx.clockid))
        return NULL;
    name = eg_constant_name(clocks, clock);
    eg_get(&ns, ctx, timerfd_ctx.tintv);
    return eg_strf(r, "%s, ticks %" PRIu64 ", interval %" PRId64 ".%06" PRId64 " s",
                   name ? name : eg_strf(r, "clock %u", clock),
                   eg_get_or((uint64_t)0, ctx, timerfd_ctx.ticks), ns / 1000000000,
                   ns % 1000000000 / 1000);
}

static const char *signalfd(struct eg_run *r, struct eg_obj file, struct eg_obj task)
{
    uint64_t mask;

    (void)task;
    if (!linux_sigset(
            eg_at(eg_deref(eg_cast(eg_at(file, own_data), signalfd_ctx)), signalfd_ctx.sigmask),
            &mask))
        return NULL;
    return linux_sigset_text(r, ~mask); // what it does not take is kept
}

static const char *marks(struct eg_run *r, struct eg_obj file, bool inotify)
{
    struct linux_mark m;
    const char *text = NULL;
    unsigned n = 0;

    linux_each_mark(r, linux_file_group(r, file), m)
    {
        const char *path = n < SHOWN_MAX ? linux_mark_path(r, &m) : NULL;
        uint64_t wd = 0;

        if (inotify)
            eg_load(&wd, linux_mark_wd(r, &m).obj);
        text = join(r, text,
                    eg_strf(r, "%s%s %s",
                            inotify                              ? eg_strf(r, "wd %d ", (int)wd)
                            : m.what == LINUX_WATCHED_MOUNT      ? "mount "
                            : m.what == LINUX_WATCHED_SUPERBLOCK ? "file system "
                                                                 : "",
                            path ? path : "?",
                            linux_watch_text(r, inotify ? m.mask & INOTIFY_ASKED : m.mask)),
                    n++);
    }
    return text ? text : "nothing is watched";
}

static const char *inotify(struct eg_run *r, struct eg_obj file, struct eg_obj task)
{
    (void)task;
    return marks(r, file, true);
}

static const char *fanotify(struct eg_run *r, struct eg_obj file, struct eg_obj task)
{
    (void)task;
    return marks(r, file, false);
}

/* The struct pid is in the file, since 6.9 in its inode (fs/pidfs.c). */
static const char *pidfd(struct eg_run *r, struct eg_obj file, struct eg_obj task)
{
    struct eg_obj pid = eg_deref(eg_cast(eg_at(file, own_data), pid)), of;
    uint64_t node;
    int32_t nr;
    const char *comm;

    (void)task;
    if (pid.why)
        pid = eg_deref(eg_cast(eg_at(file, own_inode, inode_own), pid));
    if (!eg_get(&nr, eg_object(r, upid, eg_at(pid, pid_numbers).addr), upid_nr))
        return NULL;
    if (!eg_get(&node, eg_index(eg_at(pid, pid_first), 0), hlist_first) || !node ||
        !eg_has(r, task_links))
        return eg_strf(r, "process %d, which has ended", nr);
    of = eg_object(r, task_struct, node - eg_offset(r, task_links));
    comm = eg_string(r, eg_at(of, task_struct.comm), 16);
    return eg_strf(r, "process %d %s", nr, comm ? comm : "?");
}

static const char *bpf_prog(struct eg_run *r, struct eg_obj file, struct eg_obj task)
{
    struct eg_obj aux = eg_at(eg_deref(eg_cast(eg_at(file, own_data), bpf_prog)), prog_id);
    const char *name = eg_string(r, eg_at(aux, aux_name), 16);
    uint32_t id;

    (void)task;
    return eg_get(&id, aux, aux_id) ? eg_strf(r, "prog %u %s", id, name ? name : "?") : NULL;
}

static const char *bpf_map(struct eg_run *r, struct eg_obj file, struct eg_obj task)
{
    struct eg_obj map = eg_deref(eg_cast(eg_at(file, own_data), bpf_map));
    const char *name = eg_string(r, eg_at(map, bpf_map.name), 16);
    uint32_t id;

    (void)task;
    if (!eg_get(&id, map, bpf_map.id))
        return NULL;
    return eg_strf(r, "map %u %s, key %u, value %u, entries %u", id, name ? name : "?",
                   eg_get_or(0u, map, bpf_map.key_size), eg_get_or(0u, map, bpf_map.value_size),
                   eg_get_or(0u, map, bpf_map.max_entries));
}

static const char *bpf_link(struct eg_run *r, struct eg_obj file, struct eg_obj task)
{
    struct eg_obj link = eg_deref(eg_cast(eg_at(file, own_data), bpf_link));
    uint32_t id, prog;

    (void)task;
    if (!eg_get(&id, link, bpf_link.id))
        return NULL;
    return eg_get(&prog, link, bpf_link.prog, prog_id, aux_id)
               ? eg_strf(r, "link %u, prog %u", id, prog)
               : eg_strf(r, "link %u", id);
}

static const char *btf(struct eg_run *r, struct eg_obj file, struct eg_obj task)
{
    struct eg_obj btf = eg_deref(eg_cast(eg_at(file, own_data), btf));
    const char *name = eg_string(r, eg_at(btf, btf.name), 56);
    uint32_t id;

    (void)task;
    return eg_get(&id, btf, btf.id) ? eg_strf(r, "btf %u %s", id, name ? name : "") : NULL;
}

static const char *perf(struct eg_run *r, struct eg_obj file, struct eg_obj task)
{
    static const char *const types[] = { "hardware", "software", "tracepoint",
                                         "cache",    "raw",      "breakpoint" };
    struct eg_obj event = eg_deref(eg_cast(eg_at(file, own_data), perf_event));
    struct eg_obj of = eg_deref(eg_at(event, event_task));
    uint32_t type;
    int32_t cpu = -1;
    const char *whose = "";

    (void)task;
    if (!eg_get(&type, event, event_type))
        return NULL;
    eg_get(&cpu, event, event_cpu);
    if (!of.why)
        whose = eg_strf(r, ", of thread %" PRId64, eg_get_or((int64_t)-1, of, task_struct.pid));
    return eg_strf(r, "%s %#" PRIx64 "%s%s",
                   type < sizeof types / sizeof *types ? types[type] : eg_strf(r, "type %u", type),
                   eg_get_or((uint64_t)0, event, event_config),
                   cpu < 0 ? "" : eg_strf(r, ", CPU %d", cpu), whose);
}

/* What fcntl(F_GET_SEALS) gives of a memfd (mm/memfd.c). */
static const char *memfd(struct eg_run *r, struct eg_obj file)
{
    static const struct eg_constant seals[] = {
        // include/uapi/linux/fcntl.h
        { "SEAL", 1 },          { "SHRINK", 2 }, { "GROW", 4 }, { "WRITE", 8 },
        { "FUTURE_WRITE", 16 }, { "EXEC", 32 },  { NULL, 0 },
    };
    struct eg_obj inode = eg_deref(eg_at(file, own_inode));
    const char *type = eg_string(r, eg_at(inode, inode_sb, sb_type, sb_type_name), 16);
    uint32_t bits;

    if (!type)
        return NULL;
    if (!strcmp(type, "hugetlbfs")
            ? !eg_get(&bits, eg_container(inode, huge_inode), huge_seals)
            : strcmp(type, "tmpfs") != 0 ||
                  !eg_get(&bits, eg_container(inode, shmem_inode), shmem_seals))
        return NULL;
    return bits ? eg_strf(r, "seals %s", eg_bits_text(r, seals, bits, "|")) : "no seals";
}

const char *linux_anon_text(struct eg_run *r, struct eg_obj file, const char *path,
                            struct eg_obj task)
{
    static const struct {
        const char *name;
        const char *(*say)(struct eg_run *r, struct eg_obj file, struct eg_obj task);
    } kinds[] = {
        { "[eventfd]", eventfd },   { "[eventpoll]", epoll }, { "[timerfd]", timerfd },
        { "[signalfd]", signalfd }, { "inotify", inotify },   { "[fanotify]", fanotify },
        { "[pidfd]", pidfd },       { "bpf-prog", bpf_prog }, { "bpf-map", bpf_map },
        { "bpf_link", bpf_link },   { "[perf_event]", perf }, { "btf", btf },
    };
    const char *const kind = "anon_inode:";

    if (path && !strncmp(path, "/memfd:", 7))
        return memfd(r, file);
    if (!path || strncmp(path, kind, strlen(kind)) != 0)
        return NULL;
    path += strlen(kind);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(path, kinds[i].name))
            return kinds[i].say(r, file, task);
    return NULL;
}
