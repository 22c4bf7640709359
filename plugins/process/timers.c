/* timers - what processes wait for: POSIX timers, interval timers, timerfd. */
#include "../linux/fs/fdtable.h"
#include "../linux/kernel/time.h"
#include "../linux/sched/signal.h"
#include "../linux/sched/task.h"

// A list until 6.12, an hlist since 6.13.
EG_FIELD_AS(timers_are_list, signal_struct, "posix_timers.next");
EG_FIELD_AS(timer_list, k_itimer, "list");
EG_FIELDS(k_itimer, it_clock, it_id, it_interval, it_pid, it_sigev_notify, sigq);
EG_FIELD_AS(timer_real, k_itimer, "it.real.timer");
EG_FIELD_AS(timer_alarm, k_itimer, "it.alarm.alarmtimer");
EG_FIELD_AS(timer_cpu, k_itimer, "it.cpu");
EG_FIELD_AS(hrtimer_expires, hrtimer, "_softexpires");
EG_FIELD_AS(hrtimer_queued, hrtimer, "is_queued|state"); // is_queued since 7.2
EG_FIELDS(hrtimer, base);
EG_FIELDS(hrtimer_clock_base, clockid);
EG_FIELD_AS(alarm_expires, alarm, "node.expires");
EG_FIELD_AS(alarm_state, alarm, "state");
EG_FIELD_AS(cpu_head, cpu_timer, "head");
EG_FIELD_AS(cpu_itimer_expires, cpu_itimer, "expires");
EG_FIELD_AS(cpu_itimer_incr, cpu_itimer, "incr");
EG_FIELD_AS(pid_numbers, pid, "numbers");
EG_FIELD_AS(upid_nr, upid, "nr");
EG_FIELD_AS(file_private, file, "private_data");
EG_FIELD_AS(timerfd_timer, timerfd_ctx, "t.tmr");
EG_FIELD_AS(timerfd_alarm, timerfd_ctx, "t.alarm");
EG_FIELD_AS(timerfd_interval, timerfd_ctx, "tintv");
EG_FIELD_AS(timerfd_clock, timerfd_ctx, "clockid");

#define COLUMNS(C)                                                                                 \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(KIND, TEXT, "posix, itimer, timerfd")                                                        \
    C(ID, INT, "of a POSIX timer its number, of a timerfd that of the open file")                  \
    C(CLOCK, TEXT, "what it counts by")                                                            \
    C(ARMED, BOOL, "it runs")                                                                      \
    C(EXPIRES, TIME, "when it goes off; not known of CPU time")                                    \
    C(REMAINING, DURATION, "until then, in its own clock; less than 0: it is late")                \
    C(INTERVAL, DURATION, "how often it goes off afterwards; none: once")                          \
    C(SIGNAL, TEXT, "what it sends")                                                               \
    C(NOTIFY, TEXT, "how it tells, and whether a process or one thread")                           \
    C(TARGET_PID, INT, "id of the process or thread that it tells")                                \
    C(SIGNAL_VALUE, ADDR, "value that it sends along", EG_MINOR)
EG_COLUMNS(COLUMNS);

/* include/uapi/linux/time.h */
enum { REALTIME = 0, MONOTONIC = 1, PROCESS_CPU = 2, THREAD_CPU = 3, BOOTTIME = 7, TAI = 11 };
static const struct eg_constant clocks[] = {
    { "CLOCK_REALTIME", REALTIME },
    { "CLOCK_MONOTONIC", MONOTONIC },
    { "CLOCK_PROCESS_CPUTIME_ID", PROCESS_CPU },
    { "CLOCK_THREAD_CPUTIME_ID", THREAD_CPU },
    { "CLOCK_MONOTONIC_RAW", 4 },
    { "CLOCK_REALTIME_COARSE", 5 },
    { "CLOCK_MONOTONIC_COARSE", 6 },
    { "CLOCK_BOOTTIME", BOOTTIME },
    { "CLOCK_REALTIME_ALARM", 8 },
    { "CLOCK_BOOTTIME_ALARM", 9 },
    { "CLOCK_TAI", TAI },
    { NULL, 0 },
};
enum { TIMERS_MAX = 1 << 20 };

/** A clock's name. A negative one is of CPU time: the inverted pid, and in its lower three bits
 * what is counted, of a thread or a process (include/linux/posix-timers_types.h). */
static const char *clock_name(struct eg_run *r, int32_t clock)
{
    static const char *const counted[] = { "user and system time", "user time", "CPU time", "?" };
    const char *name = eg_constant_name(clocks, (uint32_t)clock);

    if (name)
        return name;
    if (clock >= 0)
        return eg_strf(r, "clock %d", clock);
    if ((clock & 7) == 3)
        return "clock of a device";
    if ((clock & 3) == 2 && clock >> 3 == -1) // pid 0: its own
        return clock & 4 ? "CLOCK_THREAD_CPUTIME_ID" : "CLOCK_PROCESS_CPUTIME_ID";
    return eg_strf(r, "%s of %s %d", counted[clock & 3], clock & 4 ? "thread" : "process",
                   ~(clock >> 3));
}

/** Expiry and what remains, of @ns in the clock @base. */
static void when(struct eg_run *r, int32_t base, struct eg_obj ns, struct row *row)
{
    struct eg_cell wall;
    int64_t now, boot, at;

    if (base == MONOTONIC)
        wall = linux_wall_of(r, LINUX_MONOTONIC, ns);
    else if (base == BOOTTIME)
        wall = linux_wall_of(r, LINUX_BOOTTIME, ns);
    else if (base == REALTIME)
        wall = eg_load(&at, ns) ? eg_int(at) : eg_cell_of(ns);
    else
        return; // TAI: how far it is ahead is not known here
    row->EXPIRES = wall;
    if ((wall.tag == EG_CELL_INT || wall.tag == EG_CELL_UINT) && linux_now(r, &now, &boot)) {
        int64_t left;

        if (!__builtin_sub_overflow(wall.i, now, &left))
            row->REMAINING = eg_int(left);
    }
}

/** An hrtimer: @row's ARMED, EXPIRES, REMAINING. */
static void of_hrtimer(struct eg_run *r, struct eg_obj timer, struct row *row)
{
    const int32_t base = eg_get_or(-1, timer, hrtimer.base, hrtimer_clock_base.clockid);
    uint8_t queued;

    if (!eg_get(&queued, timer, hrtimer_queued)) {
        row->ARMED = eg_val(timer, hrtimer_queued);
        return;
    }
    row->ARMED = eg_uint(queued & 1);
    if (queued & 1)
        when(r, base, eg_at(timer, hrtimer_expires), row);
}

static void of_alarm(struct eg_run *r, struct eg_obj alarm, int32_t clock, struct row *row)
{
    uint32_t state;

    if (!eg_get(&state, alarm, alarm_state)) {
        row->ARMED = eg_val(alarm, alarm_state);
        return;
    }
    row->ARMED = eg_uint(state & 1);
    if (state & 1)
        when(r, clock == 8 ? REALTIME : BOOTTIME, eg_at(alarm, alarm_expires), row);
}

static struct eg_cell interval(struct eg_obj ns)
{
    int64_t v;

    if (!eg_load(&v, ns))
        return eg_cell_of(ns);
    return v ? eg_int(v) : (struct eg_cell){ 0 };
}

static void posix_timer(struct eg_run *r, struct eg_obj task, struct eg_obj timer)
{
    static const char *const how[] = { "signal", "none", "thread" };
    struct row row = { .PID = linux_pid(task), .COMM = linux_comm(task), .KIND = eg_text("posix") };
    struct eg_obj signal = eg_at(timer, k_itimer.sigq); // a pointer until 6.12, then the struct
    const int32_t clock = eg_get_or(-1, timer, k_itimer.it_clock);
    const uint32_t notify = eg_get_or(UINT32_C(~0), timer, k_itimer.it_sigev_notify);
    uint32_t number;

    if (signal.kind == EG_K_PTR)
        signal = eg_deref(signal);
    row.ID = eg_val(timer, k_itimer.it_id);
    row.CLOCK = eg_at(timer, k_itimer.it_clock).why ? eg_val(timer, k_itimer.it_clock)
                                                    : eg_text(clock_name(r, clock));
    if (clock < 0 || clock == PROCESS_CPU || clock == THREAD_CPU) {
        uint64_t head;

        row.ARMED = eg_get(&head, timer, timer_cpu, cpu_head) ? eg_uint(head != 0)
                                                              : eg_val(timer, timer_cpu, cpu_head);
    } else if (clock == 8 || clock == 9) {
        of_alarm(r, eg_at(timer, timer_alarm), clock, &row);
    } else {
        of_hrtimer(r, eg_at(timer, timer_real), &row);
    }
    row.INTERVAL = interval(eg_at(timer, k_itimer.it_interval));
    if (eg_get(&number, signal, sigqueue_signo))
        row.SIGNAL = eg_text(number ? linux_signal_name(r, number) : NULL); // SIGEV_NONE
    else
        row.SIGNAL = eg_val(signal, sigqueue_signo);
    row.SIGNAL_VALUE = eg_val(signal, sigqueue_value);
    if ((notify & ~4U) < 3) // SIGEV_THREAD_ID is a bit
        row.NOTIFY = eg_text(eg_strf(r, "%s/%s", how[notify & ~4U], notify & 4 ? "tid" : "pid"));
    row.TARGET_PID = eg_val(eg_index(eg_at(timer, k_itimer.it_pid, pid_numbers), 0), upid_nr);
    eg_emit_(r, 0, (const struct eg_cell *)(const void *)&row, sizeof row / sizeof(struct eg_cell));
}

static void posix_timers(struct eg_run *r, struct eg_obj task)
{
    struct eg_obj head = eg_at(task, task_struct.signal, signal_struct.posix_timers), timer;
    unsigned n = 0;

    if (eg_has(r, timers_are_list)) {
        eg_each_list(timer, head, timer_list)
            if (n++ < TIMERS_MAX)
                posix_timer(r, task, timer);
    } else {
        eg_each_hlist(timer, head, timer_list)
            if (n++ < TIMERS_MAX)
                posix_timer(r, task, timer);
    }
}

/* setitimer(): of real time an hrtimer of the process, which is there always; of CPU time two
 * numbers, the first of CPUCLOCK_PROF, the other of CPUCLOCK_VIRT. */
static void itimers(struct eg_run *r, struct eg_obj task)
{
    static const char *const names[] = { "ITIMER_PROF", "ITIMER_VIRTUAL" };
    static const char *const sends[] = { "SIGPROF", "SIGVTALRM" };
    struct eg_obj signal = eg_at(task, task_struct.signal);
    struct eg_obj real = eg_at(signal, signal_struct.real_timer);
    uint8_t queued = eg_get_or((uint8_t)0, real, hrtimer_queued);
    struct row row;

    if (queued & 1) {
        row = (struct row){ .PID = linux_pid(task),
                            .COMM = linux_comm(task),
                            .KIND = eg_text("itimer"),
                            .CLOCK = eg_text("ITIMER_REAL"),
                            .SIGNAL = eg_text("SIGALRM"),
                            .NOTIFY = eg_text("signal/pid"),
                            .TARGET_PID = linux_pid(task) };
        of_hrtimer(r, real, &row);
        row.INTERVAL = interval(eg_at(signal, signal_struct.it_real_incr));
        eg_emit_(r, 0, (const struct eg_cell *)(const void *)&row,
                 sizeof row / sizeof(struct eg_cell));
    }
    for (unsigned i = 0; i < 2; i++) {
        struct eg_obj it = eg_index(eg_at(signal, signal_struct.it), i);

        if (!eg_get_or((uint64_t)0, it, cpu_itimer_expires))
            continue;
        eg_row(r, .PID = linux_pid(task), .COMM = linux_comm(task), .KIND = eg_text("itimer"),
               .CLOCK = eg_text(names[i]), .ARMED = eg_uint(1),
               .INTERVAL = interval(eg_at(it, cpu_itimer_incr)), .SIGNAL = eg_text(sends[i]),
               .NOTIFY = eg_text("signal/pid"), .TARGET_PID = linux_pid(task));
    }
}

EG_TYPE(timerfd_ctx);

static void timerfds(struct eg_run *r, struct eg_obj task, struct linux_anon_kind *kind)
{
    struct eg_obj file;
    uint64_t fd;

    linux_each_fd(r, task, fd, file)
    {
        struct row row = { .PID = linux_pid(task),
                           .COMM = linux_comm(task),
                           .KIND = eg_text("timerfd"),
                           .ID = eg_uint(fd),
                           .NOTIFY = eg_text("file") };
        struct eg_obj timer;
        int32_t clock;

        if (!linux_file_of_kind(r, file, kind))
            continue;
        timer = eg_cast(eg_at(file, file_private), timerfd_ctx);
        if (eg_get(&clock, timer, timerfd_clock)) {
            row.CLOCK = eg_text(clock_name(r, clock));
            if (clock == 8 || clock == 9)
                of_alarm(r, eg_at(timer, timerfd_alarm), clock, &row);
            else
                of_hrtimer(r, eg_at(timer, timerfd_timer), &row);
        } else {
            row.CLOCK = eg_val(timer, timerfd_clock);
        }
        row.INTERVAL = interval(eg_at(timer, timerfd_interval));
        eg_emit_(r, 0, (const struct eg_cell *)(const void *)&row,
                 sizeof row / sizeof(struct eg_cell));
    }
}

static int run(struct eg_run *r)
{
    struct linux_anon_kind kind = { .path = "anon_inode:[timerfd]" };
    struct eg_obj task;

    linux_each_process(r, task) {
        if (!linux_pid_asked(r, task))
            continue;
        posix_timers(r, task);
        itimers(r, task);
        timerfds(r, task, &kind);
    }
    return 0;
}

EG_PLUGIN(timers) = {
    .os = "linux",
    .help = "List timers of processes: POSIX timers, interval timers, timerfd",
    .manual = "What timer_create, setitimer and alarm, and timerfd_create made. Timers that count "
              "CPU time have no time when they go off. What a thread waits for in a system call "
              "(sleep, poll with a timeout) is not here, nor are timers of the kernel itself. "
              "EXPIRES of CLOCK_REALTIME moves with the wall clock.",
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes")),
    .needs = EG_NEEDS(task_struct.signal, signal_struct.posix_timers, k_itimer.it_id),
    .uses = EG_NAMES("tasks"),
    .run = run,
    .key = EG_NAMES("PID", "KIND", "ID"),
    .moves = EG_NAMES("ARMED", "EXPIRES", "REMAINING"),
};
