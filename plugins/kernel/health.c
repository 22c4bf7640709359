/* health - is the dump of one moment? What the kernel counted against what can be counted, links
 * against links back, and times against the clock. */
#include "../linux/own/health.h"
#include "../../core/run.h"
#include "../../core/space.h"
#include "../linux/kernel/iomem.h"
#include "../linux/kernel/percpu.h"
#include "../linux/kernel/time.h"
#include "../linux/mm/slab.h"
#include "../linux/sched/rq.h"
#include "../linux/sched/task.h"
#include <inttypes.h>

#define COLUMNS(C)                                                                                 \
    C(KEY, TEXT, "what is looked at; process: one in which something does not fit")                \
    C(VALUE, TEXT, "what there is")                                                                \
    C(EXPECTED, TEXT, "what there is in a dump of one moment")                                     \
    C(HEALTH, TEXT, "good; worn: a few do not fit, as of a machine that ran on; bad; unknown")     \
    C(CHECKED, INT, "how many were looked at", EG_MINOR)                                           \
    C(WRONG, INT, "how many do not fit", EG_MINOR)                                                 \
    C(PHYSICAL, ADDR, "of a time: where the part of memory begins that has it", EG_MINOR)          \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_COMM(C)
EG_COLUMNS(COLUMNS);

EG_FIELD_AS(rq_clock, rq, "clock");
EG_FIELD_AS(task_ran, task_struct, "se.exec_start");
EG_SYMBOL(nr_threads, "int");
EG_SYMBOL(nr_dentry, "long");
EG_SYMBOL(init_task, "task_struct");
EG_SYMBOL(modules, "void");
EG_SYMBOL(slab_caches, "void");
EG_SYMBOL(super_blocks, "void");
EG_SYMBOL(vmap_area_list, "void");

enum { PARTS = 16 };
#define SECOND INT64_C(1000000000)

struct look {
    struct eg_run *r;
    bool quick;
    uint64_t made, wrong; // of all rows
    bool bad, worn;
};

static const char *judged(struct look *l, uint64_t made, uint64_t wrong)
{
    l->made += made;
    l->wrong += wrong;
    if (!made)
        return "unknown";
    if (!wrong)
        return "good";
    // One in a hundred: what a machine changes while a part of its memory is written.
    if (wrong * 100 <= made) {
        l->worn = true;
        return "worn";
    }
    l->bad = true;
    return "bad";
}

static void emit_checks(struct look *l, const char *what, uint64_t made, uint64_t wrong)
{
    const char *health = judged(l, made, wrong);

    eg_row(l->r, .KEY = eg_text(what),
           .VALUE =
               eg_text(made ? eg_strf(l->r, "%" PRIu64 " of %" PRIu64 " do not fit", wrong, made)
                            : "none could be looked at"),
           .EXPECTED = eg_text("0"), .HEALTH = eg_text(health), .CHECKED = eg_uint(made),
           .WRONG = eg_uint(wrong));
}

/* ---- lists ---- */

static void look_at_lists(struct look *l)
{
    struct eg_obj task = eg_sym(l->r, init_task), t, leader;
    uint64_t links, wrong, made = 0, bad = 0;
    const struct {
        const char *what;
        struct eg_obj head;
    } heads[] = {
        { "links back in the list of tasks", eg_at(task, task_struct.tasks) },
        { "links back in the list of modules", eg_sym(l->r, modules) },
        { "links back in the list of slab caches", eg_sym(l->r, slab_caches) },
        { "links back in the list of file systems", eg_sym(l->r, super_blocks) },
        { "links back in the list of areas of vmalloc", eg_sym(l->r, vmap_area_list) },
    };

    for (size_t i = 0; i < countof(heads); i++) {
        if (heads[i].head.why)
            continue;
        linux_list_health(l->r, heads[i].head.addr, &links, &wrong);
        emit_checks(l, heads[i].what, links, wrong);
    }
    linux_each_process(l->r, leader) {
        t = eg_at(leader, task_struct.thread_node);
        if (t.why)
            continue;
        linux_list_health(l->r, t.addr, &links, &wrong);
        made += links;
        bad += wrong;
    }
    emit_checks(l, "links back in the lists of threads", made, bad);
}

/* ---- counts ---- */

static void emit_count(struct look *l, const char *what, int64_t has, uint64_t counted,
                       uint64_t room)
{
    const uint64_t off = has < 0 || (uint64_t)has < counted
                             ? counted - (uint64_t)EG_MAX(has, INT64_C(0))
                             : (uint64_t)has - counted;
    const uint64_t wrong = off > room ? off : 0;
    const char *health = judged(l, counted, EG_MIN(wrong, counted));

    eg_row(l->r, .KEY = eg_text(what), .VALUE = eg_text(eg_strf(l->r, "%" PRIu64, counted)),
           .EXPECTED = eg_text(eg_strf(l->r, room ? "%" PRId64 ", about" : "%" PRId64, has)),
           .HEALTH = eg_text(health), .CHECKED = eg_uint(counted), .WRONG = eg_uint(wrong));
}

static void look_at_counts(struct look *l)
{
    struct eg_obj leader, t, part, cache;
    struct linux_slab_counts c;
    uint64_t threads = 0;
    int64_t sum = 0, one;
    bool any = false;
    int32_t has;

    linux_each_process(l->r, leader)
        linux_each_thread(l->r, leader, t)
            threads++;
    if (eg_load(&has, eg_sym(l->r, nr_threads)))
        emit_count(l, "threads of the system", has, threads, 0);
    if (l->quick)
        return;
    linux_each_percpu(l->r, eg_sym(l->r, nr_dentry), part) if (eg_load(&one, part))
    {
        sum += one;
        any = true;
    }
    cache = linux_cache_named(l->r, "dentry");
    // Some that were given back wait for a grace period of RCU.
    if (any && !cache.why && linux_slab_count(l->r, cache, &c) && c.objects)
        emit_count(l, "dentries", sum, c.allocated, c.objects / 50 + 64);
}

/* ---- processes ---- */

static void look_at_processes(struct look *l)
{
    struct linux_health sum = { 0 };
    struct eg_obj leader;

    linux_each_process(l->r, leader) {
        const char *wrong;

        if (!linux_pid_asked(l->r, leader))
            continue;
        wrong = linux_process_health(l->r, leader, true, &sum);
        if (wrong)
            eg_row(l->r, .KEY = eg_text("process"), .VALUE = eg_text(wrong),
                   .EXPECTED = eg_text("nothing"), .HEALTH = eg_text("bad"),
                   .PID = linux_pid(leader), .COMM = linux_comm(leader));
    }
    for (int i = 0; i < LINUX_CHECKS; i++)
        emit_checks(l, linux_check_text((enum linux_check)i), sum.checks[i].made,
                    sum.checks[i].wrong);
}

/* ---- times ---- */

/* The latest time that each part of memory knows: when its tasks ran last, and the clocks of CPUs.
 * In a dump of one moment none is later than the clock of the whole machine; in one that was
 * written part by part, what was written later is. */
struct times {
    uint64_t first, step; // physical: parts of memory
    struct {
        int64_t latest;
        uint64_t n;
    } part[PARTS];
};

static void add_time(struct look *l, struct times *t, struct eg_obj o)
{
    uint64_t pa, at;
    int64_t ns;

    if (!eg_load(&ns, o) || ns <= 0 ||
        !eg_translate(eg_view_of(l->r), eg_kernel(l->r), o.addr, eg_physical(l->r), &pa) ||
        pa < t->first)
        return;
    at = EG_MIN((pa - t->first) / t->step, (uint64_t)(PARTS - 1));
    t->part[at].n++;
    t->part[at].latest = EG_MAX(t->part[at].latest, ns);
}

static void emit_part(struct look *l, const struct times *t, int i, int64_t now)
{
    const int64_t off = t->part[i].latest - now;
    const bool ahead = off > SECOND;

    l->bad |= ahead;
    l->made++;
    l->wrong += ahead;
    eg_row(l->r, .KEY = eg_text("latest time in a part of memory"),
           .VALUE = eg_text(eg_strf(l->r, "%.3f s, the clock %+.3f s",
                                    (double)t->part[i].latest / 1e9, (double)off / 1e9)),
           .EXPECTED = eg_text(eg_strf(l->r, "at most the clock, %.3f s", (double)now / 1e9)),
           .HEALTH = eg_text(ahead ? "bad" : "good"), .CHECKED = eg_uint(t->part[i].n),
           .WRONG = eg_uint(ahead), .PHYSICAL = eg_uint(t->first + (uint64_t)i * t->step));
}

/* One that sleeps has its clock stand still: only one that is ahead says something. */
static void emit_clock(struct look *l, struct eg_obj clock, unsigned cpu, int64_t now)
{
    int64_t ns;
    uint64_t pa;
    const bool known = eg_load(&ns, clock) && ns > 0;
    const bool ahead = known && ns - now > SECOND;

    if (!known)
        return;
    l->bad |= ahead;
    l->made++;
    l->wrong += ahead;
    eg_row(l->r, .KEY = eg_text(eg_strf(l->r, "clock of CPU %u", cpu)),
           .VALUE = eg_text(eg_strf(l->r, "%.3f s, the clock %+.3f s", (double)ns / 1e9,
                                    (double)(ns - now) / 1e9)),
           .EXPECTED = eg_text(eg_strf(l->r, "at most the clock, %.3f s", (double)now / 1e9)),
           .HEALTH = eg_text(ahead ? "bad" : "good"), .CHECKED = eg_uint(1),
           .WRONG = eg_uint(ahead),
           .PHYSICAL =
               eg_translate(eg_view_of(l->r), eg_kernel(l->r), clock.addr, eg_physical(l->r), &pa)
                   ? eg_uint(pa)
                   : eg_missing((enum eg_why)eg_view_of(l->r)->why, clock.addr));
}

static void look_at_times(struct look *l)
{
    struct linux_ram *ram;
    const size_t n = linux_ram(l->r, &ram);
    struct eg_obj queue, leader, task;
    struct times t = { 0 };
    unsigned cpu = ~0u;
    int64_t wall, now;

    if (!n || !linux_now(l->r, &wall, &now))
        return;
    t.first = ram[0].first;
    t.step = (ram[n - 1].last - t.first) / PARTS + 1;
    while (linux_next_cpu(l->r, &cpu)) {
        queue = linux_percpu(l->r, eg_sym(l->r, runqueues), cpu);
        add_time(l, &t, eg_at(queue, rq_clock));
        emit_clock(l, eg_at(queue, rq_clock), cpu, now);
    }
    linux_each_process(l->r, leader)
        linux_each_thread(l->r, leader, task) {
            add_time(l, &t, eg_at(task, task_ran));
            add_time(l, &t, eg_at(task, task_started));
        }
    for (int i = 0; i < PARTS; i++)
        if (t.part[i].n)
            emit_part(l, &t, i, now);
}

static int run(struct eg_run *r)
{
    struct look l = { .r = r, .quick = eg_arg_flag(r, "quick") };

    look_at_lists(&l);
    look_at_counts(&l);
    look_at_times(&l);
    if (!l.quick)
        look_at_processes(&l);
    eg_row(r, .KEY = eg_text("all"),
           .VALUE = eg_text(eg_strf(r, "%" PRIu64 " of %" PRIu64 " do not fit", l.wrong, l.made)),
           .EXPECTED = eg_text("0"),
           .HEALTH = eg_text(!l.made  ? "unknown"
                             : l.bad  ? "bad"
                             : l.worn ? "worn"
                                      : "good"),
           .CHECKED = eg_uint(l.made), .WRONG = eg_uint(l.wrong));
    return 0;
}

EG_PLUGIN(health) = {
    .os = "linux",
    .help = "Tell whether the dump is of one moment: links, counts and times that do not fit",
    .manual =
        "A dump that was written while the machine ran has parts of different moments: pointers "
        "lead to what is gone, and counts do not agree with what is there. Each row is one thing "
        "that a dump of one moment has right, with how often it is wrong here; a process in "
        "which something is wrong has a row of its own. Times are the latest that a part of "
        "memory knows (when tasks there ran last): a part that knows a later time than the "
        "machine's clock was written later. A rootkit that takes a task off a list makes counts "
        "wrong too: compare with psxview. What the image lacks: quality.",
    .aliases = EG_NAMES("smear"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "of processes, only these"),
                    EG_ARG(quick, FLAG, "lists, threads and times only")),
    .uses = EG_NAMES("tasks"),
    .run = run,
};
