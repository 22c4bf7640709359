/* kmsg - the kernel's log. */
#include "../../core/base.h"
#include "../linux/kernel/printk.h"
#include "../linux/sched/task.h"

#define COLUMNS(C)                                                                                 \
    C(SEQ, INT, "number of the record since boot")                                                 \
    C(FACILITY, TEXT, "kern, or a program's that wrote to /dev/kmsg", EG_MINOR)                    \
    C(LEVEL, TEXT, "emerg, alert, crit, err, warn, notice, info, debug")                           \
    C(TIMESTAMP, DURATION, "seconds of the CPUs' own clock since boot")                            \
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

static void emit(struct eg_run *r, const struct linux_log_record *rec)
{
    const uint32_t cpu = UINT32_C(1) << 31;
    const char *facility = rec->facility < countof(facilities) ? facilities[rec->facility]
                                                               : eg_strf(r, "%u", rec->facility);
    const char *caller = rec->has_caller
                             ? eg_strf(r, "%c%u", rec->caller & cpu ? 'C' : 'T', rec->caller & ~cpu)
                             : NULL;

    eg_row(r, .SEQ = eg_uint(rec->seq), .FACILITY = eg_text(facility),
           .LEVEL = eg_text(levels[rec->level & 7]),
           .TIMESTAMP =
               rec->ts_nsec > INT64_MAX ? eg_missing(EG_BAD_VALUE, 0) : eg_uint(rec->ts_nsec),
           .CALLER = eg_text(caller), .DEVICE_SUBSYSTEM = eg_text(rec->subsystem),
           .DEVICE = eg_text(rec->device), .TEXT = eg_textn(rec->text, rec->len));
}

static int run(struct eg_run *r)
{
    if (linux_log_ring(r, emit) || linux_log_buffer(r, emit))
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
        "left out with a note. `timeline` has the same lines at times of the wall clock: "
        "`--filter 'SOURCE = kmsg and TIME > 2026-03-14T09:26:55'`.",
    .aliases = EG_NAMES("linux.kmsg.Kmsg", "dmesg", "log"),
    .columns = columns,
    .run = run,
};
