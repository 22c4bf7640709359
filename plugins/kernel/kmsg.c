/* kmsg - the kernel's log. */
#include "../../core/base.h"
#include "../linux/kernel/printk.h"
#include "../linux/kernel/time.h"
#include "../linux/sched/pid.h"
#include "../linux/sched/task.h"

#define COLUMNS(C)                                                                                 \
    C(SEQ, INT, "number of the record since boot")                                                 \
    C(FACILITY, TEXT, "kern, or a program's that wrote to /dev/kmsg", EG_MINOR)                    \
    C(LEVEL, TEXT, "emerg, alert, crit, err, warn, notice, info, debug")                           \
    C(TIMESTAMP, DURATION, "seconds of the CPUs' own clock since boot")                            \
    C(TIME, TIME, "when, by the wall clock: boot and TIMESTAMP", EG_MINOR)                         \
    C(PID, INT, "the process that the thread's id belongs to now", EG_MINOR)                       \
    C(TID, INT, "the thread that wrote it, where the kernel keeps that", EG_MINOR)                 \
    C(CALLER, TEXT, "T and the thread's id, or C and the CPU's where it was an interrupt",         \
      EG_MINOR)                                                                                    \
    C(DEVICE_SUBSYSTEM, TEXT, "of the device it is about", EG_MINOR)                               \
    C(DEVICE, TEXT,                                                                                \
      "the device it is about: b block, c character (with numbers), n net, + others", EG_MINOR)    \
    C(TEXT, TEXT, "the text; may have several lines")
EG_COLUMNS(COLUMNS);

static const char *const levels[] = {
    "emerg", "alert", "crit", "err", "warn", "notice", "info", "debug",
};
static const char *const facilities[] = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7",
};

static void emit(struct eg_run *r, void *state, const struct linux_log_record *rec)
{
    const uint32_t cpu = UINT32_C(1) << 31;
    const char *facility = rec->facility < countof(facilities) ? facilities[rec->facility]
                                                               : eg_strf(r, "%u", rec->facility);
    const bool thread = rec->has_caller && !(rec->caller & cpu);
    int64_t pid = 0, at = 0;
    const bool known = thread && linux_process_of(r, rec->caller, &pid);
    const char *caller = rec->has_caller
                             ? eg_strf(r, "%c%u", rec->caller & cpu ? 'C' : 'T', rec->caller & ~cpu)
                             : NULL;

    (void)state;
    if (known ? !eg_arg_match(r, "pid", pid) : eg_arg_limits(r, "pid"))
        return;
    eg_row(r, .SEQ = eg_uint(rec->seq), .FACILITY = eg_text(facility),
           .LEVEL = eg_text(levels[rec->level & 7]),
           .TIMESTAMP =
               rec->ts_nsec > INT64_MAX ? eg_missing(EG_BAD_VALUE, 0) : eg_uint(rec->ts_nsec),
           .TIME = linux_boot_time(r, &at) && rec->ts_nsec <= INT64_MAX &&
                           !__builtin_add_overflow(at, (int64_t)rec->ts_nsec, &at)
                       ? eg_int(at)
                       : eg_missing(EG_BAD_VALUE, 0),
           .PID = known ? eg_int(pid) : (struct eg_cell){ 0 },
           .TID = thread ? eg_uint(rec->caller) : (struct eg_cell){ 0 }, .CALLER = eg_text(caller),
           .DEVICE_SUBSYSTEM = eg_text(rec->subsystem), .DEVICE = eg_text(rec->device),
           .TEXT = eg_textn(rec->text, rec->len));
}

static int run(struct eg_run *r)
{
    if (linux_log_ring(r, emit, NULL) || linux_log_buffer(r, emit, NULL))
        return 0;
    if (eg_has(r, task_struct.comm))
        eg_note(r, "this kernel was built without a log (no CONFIG_PRINTK): it has neither struct "
                   "printk_ringbuffer nor struct printk_log");
    else
        return eg_failed(r, "neither struct printk_ringbuffer nor struct printk_log is known: give "
                            "a profile of this kernel");
    return 0;
}

EG_PLUGIN(kmsg) = {
    .os = "linux",
    .help = "Print the kernel's log",
    .manual =
        "Every record that is whole, the newest too. A record that a CPU was still writing is "
        "left out with a note. TIME moves with the wall clock; the log's own clock stands still "
        "while the machine sleeps, and differs from the others by fractions of a second. PID is "
        "the process that the thread's id belongs to now: ids are used again.",
    .aliases = EG_NAMES("linux.kmsg.Kmsg", "dmesg", "log"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only lines of these processes")),
    .run = run,
    .key = EG_NAMES("SEQ"),
    .moves = EG_NAMES("TIME"),
};
