/* boottime - when the machine started, and when its clocks stood still. */
#include "../../core/map.h"
#include "../linux/kernel/time.h"
#include "../linux/sched/nsproxy.h"
#include "../linux/sched/task.h"

EG_FIELD_AS(time_ns_inum, time_namespace, "ns.inum");
EG_FIELD_AS(time_ns_sec, time_namespace, "offsets.boottime.tv_sec");
EG_FIELD_AS(time_ns_nsec, time_namespace, "offsets.boottime.tv_nsec");

#define COLUMNS(C)                                                                                 \
    C(NS, INT, "inode number of the time namespace; none before 5.6, or without them")             \
    C(BOOT_TIME, TIME, "wall clock minus time since boot; moves when the wall clock is set")       \
    C(CAPTURE_TIME, TIME, "wall clock at the kernel's last tick: when the image was taken")        \
    C(UPTIME, DURATION, "seconds since boot, as /proc/uptime counts them")
EG_COLUMNS(COLUMNS);

enum { NSEC = 1000000000 };

static void emit_unknown(struct eg_run *r, struct eg_cell ns, struct eg_cell none)
{
    eg_row(r, .NS = ns, .BOOT_TIME = none, .CAPTURE_TIME = none, .UPTIME = none);
}

static void emit(struct eg_run *r, struct eg_cell ns, int64_t offset)
{
    int64_t boot, now, up;

    if (!linux_boot_time(r, &boot) || __builtin_sub_overflow(boot, offset, &boot)) {
        emit_unknown(r, ns, eg_missing(EG_NO_SYMBOL, 0));
    } else if (!linux_now(r, &now, &up) || __builtin_add_overflow(up, offset, &up)) {
        eg_row(r, .NS = ns, .BOOT_TIME = eg_int(boot));
    } else {
        eg_row(r, .NS = ns, .BOOT_TIME = eg_int(boot), .CAPTURE_TIME = eg_int(now),
               .UPTIME = up < 0 ? eg_missing(EG_BAD_VALUE, 0) : eg_int(up));
    }
}

/* Time namespaces put the boot elsewhere. */
static bool offset_of(struct eg_obj ns, int64_t *offset)
{
    int64_t sec, nsec;

    return eg_get(&sec, ns, time_ns_sec) && eg_get(&nsec, ns, time_ns_nsec) &&
           !__builtin_mul_overflow(sec, NSEC, offset) &&
           !__builtin_add_overflow(*offset, nsec, offset);
}

static void list(struct eg_run *r, struct eg_obj ns)
{
    int64_t offset;
    uint32_t inum;

    if (offset_of(ns, &offset))
        emit(r, eg_val(ns, time_ns_inum), offset);
    else if (eg_get(&inum, ns, time_ns_inum))
        emit_unknown(r, eg_uint(inum), eg_missing(EG_BAD_VALUE, eg_at(ns, time_ns_sec).addr));
    else
        eg_note(r, "the time namespace at %#llx cannot be read: left out",
                (unsigned long long)eg_deref(ns).addr);
}

static int run(struct eg_run *r)
{
    struct eg_map *seen = eg_run_map(r);
    bool without = false, listed = false;
    struct eg_obj task;
    uint64_t at;

    if (!eg_has(r, nsproxy.time_ns)) {
        emit(r, (struct eg_cell){ 0 }, 0);
        return 0;
    }
    linux_each_process(r, task) {
        struct eg_obj ns = eg_at(task, task_struct.nsproxy, nsproxy.time_ns);

        if (!eg_load(&at, ns))
            continue;
        without |= !at;
        if (at && eg_run_map_add(r, seen, at, 0)) {
            list(r, ns);
            listed = true;
        }
    }
    if (without && !listed) // a kernel without time namespaces has the pointer all the same
        emit(r, (struct eg_cell){ 0 }, 0);
    return 0;
}

EG_PLUGIN(boottime) = {
    .os = "linux",
    .help = "Tell when the machine was booted and the image taken, for each time namespace",
    .aliases = EG_NAMES("linux.boottime.Boottime"),
    .columns = columns,
    .uses = EG_NAMES("tasks", "boot_time"),
    .run = run,
    .key = EG_NAMES("NS"),
    .moves = EG_NAMES("CAPTURE_TIME", "UPTIME"),
};
