/* ktimers - timers of the kernel: when they go off, and whose code they call. */
#include "../linux/kernel/hook.h"
#include "../linux/kernel/time.h"
#include "../linux/kernel/timers.h"
#include "../linux/kernel/work.h"
#include "../linux/net/bpfprog.h"
#include <inttypes.h>
#include <string.h>

EG_FIELD_AS(sleep_timer, process_timer, "timer"); // kernel/time/timer.c
EG_FIELD_AS(sleep_task, process_timer, "task");
EG_FIELD_AS(wake_timer, hrtimer_sleeper, "timer"); // include/linux/hrtimer.h
EG_FIELD_AS(wake_task, hrtimer_sleeper, "task");
EG_FIELD_AS(task_name, task_struct, "comm");
EG_FIELD_AS(task_number, task_struct, "pid");
EG_FIELD_AS(bpf_timer, bpf_hrtimer, "timer"); // kernel/bpf/helpers.c
EG_FIELD_AS(bpf_timer_prog, bpf_hrtimer, "cb.prog|prog");

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the struct is: timer_list, hrtimer", EG_MINOR)                          \
    C(KIND, TEXT, "\"timer\", which counts jiffies; \"hrtimer\"")                                  \
    C(CPU, INT, "the CPU that it waits on")                                                        \
    C(EXPIRES, TIME, "when it goes off")                                                           \
    C(FUNCTION, ADDR, "what is called", EG_MINOR)                                                  \
    C(SYMBOL, TEXT, "its name")                                                                    \
    C(MODULE, TEXT, "whose code it is")                                                            \
    C(FLAGS, FLAGS,                                                                                \
      "RUNNING: the function was being called; DEFERRABLE: when a CPU is awake "                   \
      "anyhow; PINNED; IRQSAFE; SOFT, HARD: in which interrupt")                                   \
    C(DETAIL, TEXT,                                                                                \
      "the work that is put into a queue then, the thread that is woken, the BPF "                 \
      "program")                                                                                   \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

/* TIMER_… (include/linux/timer.h) */
static const struct eg_constant timer_flags[] = {
    { "DEFERRABLE", 0x00080000 }, { "PINNED", 0x00100000 }, { "IRQSAFE", 0x00200000 }, { NULL, 0 }
};
enum { TIMER_FLAGS = 0x00380000 };

static const char *thread(struct eg_run *r, struct eg_obj task)
{
    const char *comm = eg_string(r, eg_at(task, task_name), 16);
    uint32_t pid;

    return comm && eg_get(&pid, task, task_number) ? eg_strf(r, "thread %u %s", pid, comm) : NULL;
}

/* What a function of the kernel's does for others. */
static const char *timer_detail(struct eg_run *r, const struct linux_timer *t,
                                const struct linux_hook *h, const char **hints)
{
    struct linux_work work;

    if (linux_hook_is(h, "process_timeout"))
        return thread(r, eg_at(eg_container(t->at, sleep_timer), sleep_task));
    if (!linux_work_of_timer(r, t->at, h, &work))
        return NULL;
    *hints = linux_hints_of(r, *hints, "work", &work.function);
    return work.text;
}

static const char *hrtimer_detail(struct eg_run *r, const struct linux_timer *t,
                                  const struct linux_hook *h)
{
    struct linux_bpfprog program;
    uint64_t at;

    if (linux_hook_is(h, "hrtimer_wakeup"))
        return thread(r, eg_at(eg_container(t->at, wake_timer), wake_task));
    if (linux_hook_is(h, "bpf_timer_cb") && eg_has(r, bpf_timer) &&
        eg_get(&at, eg_container(t->at, bpf_timer), bpf_timer_prog)) {
        linux_bpfprog(r, at, &program);
        return program.text;
    }
    return NULL;
}

static void show(struct eg_run *r, const struct linux_timer *t, const char *kind,
                 struct eg_cell expires, const struct linux_hook *h, struct eg_obj function,
                 const char *flags, const char *detail, const char *hints)
{
    if (t->running)
        flags = *flags ? eg_strf(r, "RUNNING %s", flags) : "RUNNING";
    eg_row(r, .OFFSET = eg_addr(t->at), .KIND = eg_text(kind), .CPU = eg_uint(t->cpu),
           .EXPIRES = expires, .FUNCTION = eg_cell_of(function), .SYMBOL = eg_text(h->code.symbol),
           .MODULE = eg_text(h->code.module), .FLAGS = eg_text(flags), .DETAIL = eg_text(detail),
           .HINTS = eg_text(hints));
}

static void timer(struct eg_run *r, void *state, const struct linux_timer *t)
{
    struct eg_obj function = eg_at(t->at, timer_list.function);
    const char *hints, *detail;
    struct linux_hook h;
    uint32_t flags = 0;

    (void)state;
    linux_hook(r, function, &h);
    hints = h.code.hint;
    detail = timer_detail(r, t, &h, &hints);
    eg_get(&flags, t->at, timer_list.flags);
    show(r, t, "timer", linux_wall_of(r, LINUX_JIFFIES, eg_at(t->at, timer_list.expires)), &h,
         function, eg_bits_text(r, timer_flags, flags & TIMER_FLAGS, " "), detail, hints);
}

static void hrtimer(struct eg_run *r, void *state, const struct linux_timer *t)
{
    struct eg_obj function = eg_at(t->at, hrtimer_function), at = eg_at(t->at, hrtimer_when);
    struct linux_hook h;
    uint8_t soft = 0, hard = 0;

    (void)state;
    linux_hook(r, function, &h);
    eg_get(&soft, t->at, hrtimer_soft);
    eg_get(&hard, t->at, hrtimer_hard);
    show(r, t, "hrtimer",
         t->clock == LINUX_CLOCK_MONOTONIC  ? linux_wall_of(r, LINUX_MONOTONIC, at)
         : t->clock == LINUX_CLOCK_BOOTTIME ? linux_wall_of(r, LINUX_BOOTTIME, at)
                                            : eg_cell_of(at), // TAI is up to a minute ahead
         &h, function,
         soft   ? "SOFT"
         : hard ? "HARD"
                : "",
         hrtimer_detail(r, t, &h), h.code.hint);
}

static int run(struct eg_run *r)
{
    linux_timers(r, timer, NULL);
    linux_hrtimers(r, hrtimer, NULL);
    return 0;
}

EG_PLUGIN(ktimers) = {
    .os = "linux",
    .help = "List timers of the kernel, and whose code they call",
    .manual =
        "As /proc/timer_list, and also the timers that count jiffies. HINTS has something where "
        "the function, or that of the work which it puts into a queue, is code of no module that "
        "is listed, begins inside a function or is of a module that did not come with the kernel. "
        "It cannot see a timer that is stopped, nor what a function of the kernel's calls in turn "
        "by data that is not decoded here. Timers of programs are in timers.",
    .aliases = EG_NAMES("timer", "timer_list"),
    .looks_for = EG_NAMES("code of nobody that waits to be called"),
    .columns = columns,
    .needs = EG_NEEDS(timer_list.function, hrtimer_function),
    .run = run,
};
