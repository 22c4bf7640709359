/* procfs_stat.c - /proc/PID/stat, statm and limits (fs/proc/array.c, fs/proc/base.c). */
#include "../plugins/linux/kernel/time.h"
#include "../plugins/linux/mm/mm.h"
#include "../plugins/linux/sched/flags.h"
#include "../plugins/linux/sched/kthread.h"
#include "../plugins/linux/sched/pid.h"
#include "../plugins/linux/sched/regs.h"
#include "../plugins/linux/sched/signal.h"
#include "../plugins/linux/sched/task.h"
#include "procfs_own.h"

EG_FIELD_AS(t_min_flt, task_struct, "min_flt");
EG_FIELD_AS(t_maj_flt, task_struct, "maj_flt");
EG_FIELD_AS(t_utime, task_struct, "utime");
EG_FIELD_AS(t_stime, task_struct, "stime");
EG_FIELD_AS(t_gtime, task_struct, "gtime");
EG_FIELD_AS(t_prev_utime, task_struct, "prev_cputime.utime");
EG_FIELD_AS(t_prev_stime, task_struct, "prev_cputime.stime");
EG_FIELD_AS(t_runtime, task_struct, "se.sum_exec_runtime");
EG_FIELD_AS(t_prio, task_struct, "prio");
EG_FIELD_AS(t_static_prio, task_struct, "static_prio");
EG_FIELD_AS(t_rt_prio, task_struct, "rt_priority");
EG_FIELD_AS(t_policy, task_struct, "policy");
EG_FIELD_AS(t_exit_signal, task_struct, "exit_signal");
EG_FIELD_AS(t_exit_code, task_struct, "exit_code");
EG_FIELD_AS(t_delay, task_struct, "delays");
EG_FIELD_AS(t_pending, task_struct, "pending");
EG_FIELD_AS(t_blocked, task_struct, "blocked");
EG_FIELD_AS(delay_blkio, task_delay_info, "blkio_delay");
EG_FIELD_AS(delay_swapin, task_delay_info, "swapin_delay");
EG_FIELD_AS(s_tty, signal_struct, "tty");
EG_FIELD_AS(s_pids, signal_struct, "pids");
EG_FIELD_AS(s_exit_code, signal_struct, "group_exit_code");
EG_FIELD_AS(s_flags, signal_struct, "flags");
EG_FIELD_AS(s_prev_utime, signal_struct, "prev_cputime.utime");
EG_FIELD_AS(s_prev_stime, signal_struct, "prev_cputime.stime");
EG_FIELD_AS(s_runtime, signal_struct, "sum_sched_runtime");
EG_FIELD_AS(s_cmin_flt, signal_struct, "cmin_flt");
EG_FIELD_AS(s_cmaj_flt, signal_struct, "cmaj_flt");
EG_FIELD_AS(s_min_flt, signal_struct, "min_flt");
EG_FIELD_AS(s_maj_flt, signal_struct, "maj_flt");
EG_FIELD_AS(s_utime, signal_struct, "utime");
EG_FIELD_AS(s_stime, signal_struct, "stime");
EG_FIELD_AS(s_cutime, signal_struct, "cutime");
EG_FIELD_AS(s_cstime, signal_struct, "cstime");
EG_FIELD_AS(s_gtime, signal_struct, "gtime");
EG_FIELD_AS(s_cgtime, signal_struct, "cgtime");
EG_FIELDS(tty_struct, driver, index);
EG_FIELDS(tty_driver, major, minor_start);
EG_FIELD_AS(tty_pgrp, tty_struct, "ctrl.pgrp|pgrp"); // ctrl since 5.16
EG_FIELD_AS(m_start_code, mm_struct, "start_code");
EG_FIELD_AS(m_end_code, mm_struct, "end_code");
EG_FIELD_AS(m_start_data, mm_struct, "start_data");
EG_FIELD_AS(m_end_data, mm_struct, "end_data");
EG_FIELD_AS(m_total, mm_struct, "total_vm");
EG_FIELD_AS(m_data, mm_struct, "data_vm");
EG_FIELD_AS(m_stack, mm_struct, "stack_vm");
EG_FIELD_AS(m_rss_array, mm_struct, "rss_stat");
EG_FIELD_AS(m_rss_count, mm_struct, "rss_stat.count"); // until 6.1
EG_FIELD_AS(percpu_count, percpu_counter, "count");    // since 6.2
EG_FIELDS(rlimit, rlim_cur, rlim_max);

enum { PGID = 2, SID = 3, TICK = 10000000 /* ns: USER_HZ is 100 */ };

static uint64_t ticks(uint64_t ns)
{
    return ns / TICK;
}

struct procfs_rss procfs_rss(struct eg_run *r, struct eg_obj mm)
{
    struct eg_obj old = eg_at(mm, m_rss_count), all = old.why ? eg_at(mm, m_rss_array) : old;
    struct procfs_rss out = { { 0 } };

    for (unsigned i = 0; i < countof(out.of); i++) {
        struct eg_obj one = eg_index(all, i);
        uint64_t v = 0;

        if (old.why) // what CPUs have not added yet is not counted, nor is it by the kernel
            eg_get(&v, one, percpu_count);
        else if (!one.why) // atomic_long_t
            eg_uint_at(r, one.addr, one.bind->model.long_size, &v);
        out.of[i] = EG_MAX((int64_t)v, (int64_t)0);
    }
    return out;
}

/* ---- times ---- */

/* What was counted of a thread, or of a process: its threads and those that have ended. */
struct spent {
    uint64_t utime, stime, runtime, gtime, min_flt, maj_flt;
    uint64_t prev_utime, prev_stime; /* what was told of it last */
};

static void add_thread(struct spent *s, struct eg_obj t)
{
    s->utime += eg_get_or((uint64_t)0, t, t_utime);
    s->stime += eg_get_or((uint64_t)0, t, t_stime);
    s->gtime += eg_get_or((uint64_t)0, t, t_gtime);
    s->runtime += eg_get_or((uint64_t)0, t, t_runtime);
    s->min_flt += eg_get_or((uint64_t)0, t, t_min_flt);
    s->maj_flt += eg_get_or((uint64_t)0, t, t_maj_flt);
}

static struct spent spent_of(struct eg_run *r, const struct procfs_task *t)
{
    struct eg_obj signal = eg_at(t->task, task_struct.signal), thread;
    struct spent s = { 0 };

    if (t->thread) {
        add_thread(&s, t->task);
        s.prev_utime = eg_get_or((uint64_t)0, t->task, t_prev_utime);
        s.prev_stime = eg_get_or((uint64_t)0, t->task, t_prev_stime);
        return s;
    }
    s.utime = eg_get_or((uint64_t)0, signal, s_utime);
    s.stime = eg_get_or((uint64_t)0, signal, s_stime);
    s.gtime = eg_get_or((uint64_t)0, signal, s_gtime);
    s.runtime = eg_get_or((uint64_t)0, signal, s_runtime);
    s.min_flt = eg_get_or((uint64_t)0, signal, s_min_flt);
    s.maj_flt = eg_get_or((uint64_t)0, signal, s_maj_flt);
    s.prev_utime = eg_get_or((uint64_t)0, signal, s_prev_utime);
    s.prev_stime = eg_get_or((uint64_t)0, signal, s_prev_stime);
    linux_each_thread(r, t->leader, thread)
        add_thread(&s, thread);
    return s;
}

__extension__ typedef unsigned __int128 wide_number;

/* Ticks say how the exact run time is divided; what was told before never becomes less (cputime_
 * adjust, kernel/sched/cputime.c). */
static void adjust(struct eg_run *r, struct spent *s)
{
    uint64_t stime = s->stime, utime = s->utime;
    const uint64_t rtime = s->runtime;

    if (!eg_has(r, t_prev_stime)) // counted exactly
        return;
    if (s->prev_stime + s->prev_utime >= rtime) {
        s->stime = s->prev_stime;
        s->utime = s->prev_utime;
        return;
    }
    if (!stime)
        utime = rtime;
    else if (!utime)
        stime = rtime;
    else
        stime = (uint64_t)((wide_number)stime * rtime / (stime + utime));
    stime = EG_MIN(EG_MAX(stime, s->prev_stime), rtime);
    utime = rtime - stime;
    if (utime < s->prev_utime) {
        utime = s->prev_utime;
        stime = rtime - utime;
    }
    s->stime = stime;
    s->utime = utime;
}

/* ---- stat ---- */

static void number(struct procfs_out *o, uint64_t v)
{
    procfs_add(o, " %llu", (unsigned long long)v);
}

static void signed_number(struct procfs_out *o, int64_t v)
{
    procfs_add(o, " %lld", (long long)v);
}

static int32_t outer_id(struct eg_run *r, struct eg_obj pid)
{
    return procfs_pid_number(r, eg_deref(pid), 0, 0);
}

/* The terminal, as user space numbers devices (new_encode_dev), and who is in front of it. */
static void terminal(struct procfs_out *o, struct eg_obj signal)
{
    struct eg_obj tty = eg_deref(eg_at(signal, s_tty));
    uint32_t major, minor, index;

    if (tty.why || !eg_get(&major, tty, tty_struct.driver, tty_driver.major) ||
        !eg_get(&minor, tty, tty_struct.driver, tty_driver.minor_start) ||
        !eg_get(&index, tty, tty_struct.index)) {
        procfs_add(o, " 0 -1");
        return;
    }
    minor += index;
    signed_number(o, (int32_t)((minor & 0xff) | major << 8 | (minor & ~0xffu) << 12));
    signed_number(o,
                  eg_deref(eg_at(tty, tty_pgrp)).why ? -1 : outer_id(o->r, eg_at(tty, tty_pgrp)));
}

/* The lowest 31 signals, which is all that this old form has. */
static uint64_t old_set(struct eg_obj set)
{
    uint64_t bits;

    return linux_sigset(set, &bits) ? bits & 0x7fffffff : 0;
}

static void rights(struct procfs_out *o, struct eg_obj mm, struct eg_obj task, bool waits)
{
    uint64_t ignored = 0, caught = 0, pc = 0, sp = 0;
    struct linux_regs regs;
    enum eg_why why;

    number(o, mm.why ? 0 : eg_get_or((uint64_t)0, mm, m_start_code));
    number(o, mm.why ? 0 : eg_get_or((uint64_t)0, mm, m_end_code));
    number(o, mm.why ? 0 : eg_get_or((uint64_t)0, mm, mm_struct.start_stack));
    if (linux_task_has(task, PF_EXITING) && linux_user_regs(o->r, task, &regs, &why)) {
        pc = regs.pc; // told only of one that ends
        sp = regs.sp;
    }
    number(o, sp);
    number(o, pc);
    number(o, old_set(eg_at(task, t_pending, sigpending.signal)));
    number(o, old_set(eg_at(task, t_blocked)));
    linux_signal_actions(o->r, task, &ignored, &caught);
    number(o, ignored & 0x7fffffff);
    number(o, caught & 0x7fffffff);
    number(o, waits);
    procfs_add(o, " 0 0");
}

bool procfs_stat(struct procfs_out *o, const struct procfs_task *t)
{
    const struct eg_obj task = t->task, mm = eg_deref(eg_at(task, task_struct.mm));
    struct eg_obj signal = eg_deref(eg_at(task, task_struct.signal)), pids = eg_at(signal, s_pids);
    const struct eg_cell name = linux_task_name(o->r, task);
    const struct procfs_rss rss = mm.why ? (struct procfs_rss){ { 0 } } : procfs_rss(o->r, mm);
    const char *comm = eg_string(o->r, eg_at(task, task_struct.comm), 64);
    const char state = linux_task_state(o->r, task);
    struct spent s = spent_of(o->r, t);
    const unsigned shift = linux_page_shift(o->r);
    const int32_t threads = eg_get_or(0, signal, signal_threads);
    int64_t started = 0;
    uint64_t flags = 0, code = 0;
    enum { RSS = 5, GROUP_EXIT = 4, STOPPED = 1 };

    adjust(o->r, &s);
    procfs_add(o, "%d (", eg_get_or(0, task, task_struct.pid));
    if (name.tag == EG_CELL_TEXT)
        procfs_name(o, eg_strf(o->r, "%.*s", (int)name.bytes.len, (const char *)name.bytes.p));
    else if (comm)
        procfs_name(o, comm);
    procfs_add(o, ") %c %d", state, eg_get_or(0, linux_parent(o->r, task), task_struct.tgid));
    signed_number(o, outer_id(o->r, eg_index(pids, PGID)));
    signed_number(o, outer_id(o->r, eg_index(pids, SID)));
    terminal(o, signal);
    number(o, eg_get_or((uint32_t)0, task, task_struct.flags));
    number(o, s.min_flt);
    number(o, eg_get_or((uint64_t)0, signal, s_cmin_flt));
    number(o, s.maj_flt);
    number(o, eg_get_or((uint64_t)0, signal, s_cmaj_flt));
    number(o, ticks(s.utime));
    number(o, ticks(s.stime));
    signed_number(o, (int64_t)ticks(eg_get_or((uint64_t)0, signal, s_cutime)));
    signed_number(o, (int64_t)ticks(eg_get_or((uint64_t)0, signal, s_cstime)));
    signed_number(o, eg_get_or(0, task, t_prio) - 100); // MAX_RT_PRIO
    signed_number(o, eg_get_or(0, task, t_static_prio) - 120);
    signed_number(o, threads);
    procfs_add(o, " 0");
    linux_task_started(task, &started);
    number(o, ticks((uint64_t)started));
    number(o, mm.why ? 0 : eg_get_or((uint64_t)0, mm, m_total) << shift);
    number(o, (uint64_t)(rss.of[0] + rss.of[1] + rss.of[3]));
    number(o, eg_get_or((uint64_t)0, eg_index(eg_at(signal, signal_struct.rlim), RSS),
                        rlimit.rlim_cur));
    rights(o, mm, task, state != 'R' && (!t->thread ? threads < 2 : true));
    signed_number(o, eg_get_or(0, task, t_exit_signal));
    signed_number(o, eg_get_or(0, task, task_cpu));
    number(o, eg_get_or(0u, task, t_rt_prio));
    number(o, eg_get_or(0u, task, t_policy));
    number(o, ticks(eg_get_or((uint64_t)0, task, t_delay, delay_blkio) +
                    eg_get_or((uint64_t)0, task, t_delay, delay_swapin)));
    number(o, ticks(s.gtime));
    signed_number(o, (int64_t)ticks(eg_get_or((uint64_t)0, signal, s_cgtime)));
    if (mm.why) {
        procfs_add(o, " 0 0 0 0 0 0 0");
    } else {
        number(o, eg_get_or((uint64_t)0, mm, m_start_data));
        number(o, eg_get_or((uint64_t)0, mm, m_end_data));
        number(o, eg_get_or((uint64_t)0, mm, mm_struct.start_brk));
        number(o, eg_get_or((uint64_t)0, mm, mm_struct.arg_start));
        number(o, eg_get_or((uint64_t)0, mm, mm_struct.arg_end));
        number(o, eg_get_or((uint64_t)0, mm, mm_struct.env_start));
        number(o, eg_get_or((uint64_t)0, mm, mm_struct.env_end));
    }
    eg_get(&flags, signal, s_flags);
    eg_get(&code, task, t_exit_code);
    if (!t->thread && flags & (GROUP_EXIT | STOPPED))
        eg_get(&code, signal, s_exit_code);
    signed_number(o, (int32_t)code);
    procfs_add(o, "\n");
    return true;
}

bool procfs_statm(struct procfs_out *o, const struct procfs_task *t)
{
    const struct eg_obj mm = eg_deref(eg_at(t->task, task_struct.mm));
    const unsigned shift = linux_page_shift(o->r);
    const uint64_t page = UINT64_C(1) << shift;
    struct procfs_rss rss = { { 0 } };
    uint64_t first = 0, last = 0;

    if (mm.why) {
        procfs_add(o, "0 0 0 0 0 0 0\n");
        return mm.why == EG_NULL;
    }
    rss = procfs_rss(o->r, mm);
    eg_get(&first, mm, m_start_code);
    eg_get(&last, mm, m_end_code);
    procfs_add(o, "%llu %lld %lld %llu 0 %llu 0\n",
               (unsigned long long)eg_get_or((uint64_t)0, mm, m_total),
               (long long)(rss.of[0] + rss.of[1] + rss.of[3]), (long long)(rss.of[0] + rss.of[3]),
               (unsigned long long)((eg_align_up(last, page) - (first & ~(page - 1))) >> shift),
               (unsigned long long)(eg_get_or((uint64_t)0, mm, m_data) +
                                    eg_get_or((uint64_t)0, mm, m_stack)));
    return true;
}

/* ---- limits ---- */

static void limit(struct procfs_out *o, uint64_t v)
{
    const bool wide = eg_binding_of(o->r)->model.long_size == 8;

    if (v == (wide ? UINT64_MAX : UINT32_MAX)) // RLIM_INFINITY
        procfs_add(o, "%-20s ", "unlimited");
    else
        procfs_add(o, "%-20llu ", (unsigned long long)v);
}

bool procfs_limits(struct procfs_out *o, const struct procfs_task *t)
{
    static const char *const names[][2] = {
        { "Max cpu time", "seconds" },     { "Max file size", "bytes" },
        { "Max data size", "bytes" },      { "Max stack size", "bytes" },
        { "Max core file size", "bytes" }, { "Max resident set", "bytes" },
        { "Max processes", "processes" },  { "Max open files", "files" },
        { "Max locked memory", "bytes" },  { "Max address space", "bytes" },
        { "Max file locks", "locks" },     { "Max pending signals", "signals" },
        { "Max msgqueue size", "bytes" },  { "Max nice priority", NULL },
        { "Max realtime priority", NULL }, { "Max realtime timeout", "us" },
    };
    struct eg_obj all = eg_at(t->task, task_struct.signal, signal_struct.rlim);

    procfs_add(o, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (unsigned i = 0; i < countof(names); i++) {
        uint64_t soft, hard;

        if (!eg_get(&soft, eg_index(all, i), rlimit.rlim_cur) ||
            !eg_get(&hard, eg_index(all, i), rlimit.rlim_max))
            return false;
        procfs_add(o, "%-25s ", names[i][0]);
        limit(o, soft);
        limit(o, hard);
        procfs_add(o, names[i][1] ? "%-10s\n" : "\n", names[i][1]);
    }
    return true;
}
