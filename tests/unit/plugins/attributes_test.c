/* attributes_test.c - ptrace, rlimits, capabilities, signals, timers: what a process has for
 * itself. */
#include "check.h"
#include "mkguest.h"
#include <stdio.h>

static const char *const kernel[] = {
    "struct signal_struct { struct list_head thread_head; };",
    "typedef struct { unsigned long sig[64 / 8 / sizeof(long)]; } sigset_t;"
    "struct hrtimer_clock_base { unsigned int index; int clockid; };"
    "struct hrtimer { s64 _softexpires; struct hrtimer_clock_base *base; u8 state; };"
    "struct cpu_itimer { u64 expires, incr; };"
    "struct rlimit { unsigned long rlim_cur, rlim_max; };"
    "struct sigpending { struct list_head list; sigset_t signal; };"
    "union sigval { int sival_int; void *sival_ptr; };"
    "struct kill_info { int _pid; u32 _uid; };"
    "struct rt_info { int _pid; u32 _uid; union sigval _sigval; };"
    "union sifields { struct kill_info _kill; struct rt_info _rt; };"
    "struct siginfo { int si_signo, si_errno, si_code; union sifields _sifields; };"
    "struct sigqueue { struct list_head list; int flags; struct siginfo info; };"
    "struct sigaction { void *sa_handler; unsigned long sa_flags; sigset_t sa_mask; };"
    "struct k_sigaction { struct sigaction sa; };"
    "struct sighand_struct { struct k_sigaction action[64]; };"
    "struct cpu_timer { void *head; };"
    "struct real_timer { struct hrtimer timer; };"
    "union any_timer { struct real_timer real; struct cpu_timer cpu; };"
    "struct k_itimer { struct list_head list; int it_clock, it_id, it_sigev_notify;"
    "  s64 it_interval; struct pid *it_pid; struct sigqueue *sigq; union any_timer it; };"
    "struct signal_struct { struct list_head thread_head, posix_timers;"
    "  struct hrtimer real_timer; s64 it_real_incr; struct cpu_itimer it[2];"
    "  struct sigpending shared_pending; struct rlimit rlim[16]; };",
    "struct css_set *cgroups; };",
    "struct css_set *cgroups; unsigned int ptrace; struct list_head ptraced, ptrace_entry;"
    "  struct task_struct *parent; sigset_t blocked; struct sigpending pending;"
    "  struct sighand_struct *sighand; unsigned long sas_ss_sp, sas_ss_size; };",
    NULL
};

/** sizeof in a declaration is not for the types' parser. */
static const char *const *kernel_of(const struct mk_machine *m)
{
    static char first[4096];
    static const char *edits[5];
    const char *odd = strstr(kernel[1], "64 / 8 / sizeof(long)");

    snprintf(first, sizeof first, "%.*s%d%s", (int)(odd - kernel[1]), kernel[1], m->arch ? 1 : 2,
             odd + strlen("64 / 8 / sizeof(long)"));
    memcpy(edits, kernel, sizeof kernel);
    edits[1] = first;
    return edits;
}

/** A set of signals, on machines with words of either size. */
static void put_set(struct mk_guest *g, uint64_t at, uint64_t set)
{
    if (mk_model(g->k)->long_size == 8) {
        mk_write_ptr(g->k, at, set);
    } else {
        mk_write_ptr(g->k, at, (uint32_t)set);
        mk_write_ptr(g->k, at + 4, set >> 32);
    }
}

#define BIT(n) (UINT64_C(1) << ((n)-1))

/* ---- ptrace ---- */

static void ptrace(void **state)
{
    static const struct {
        uint32_t flags; // of the second task
        bool listed;
        const char *rows, *note;
    } cases[] = {
        { 0, false, "", NULL },
        { 1, true, "10|10|gdb|||11|\n11|11|prog|10|gdb||PT_PTRACED", NULL },
        { 0x10000 | 1 | 8, true,
          "10|10|gdb|||11|\n11|11|prog|10|gdb||PT_PTRACED|PTRACE_O_TRACESYSGOOD|PT_SEIZED", NULL },
        { 1, false, "11|11|prog|10|gdb||PT_PTRACED", "is not on the list of its parent" },
        { 0, true, "10|10|gdb|||11|", "is not traced by its own word" },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct mk_guest g = mk_guest(m, kernel_of(m));
        uint64_t gdb = mk_guest_task(&g, 10, "gdb", 0), t = mk_guest_task(&g, 11, "prog", 0);

        mk_put(g.k, t, "task_struct.parent", gdb);
        mk_put(g.k, t, "task_struct.ptrace", cases[i].flags);
        if (cases[i].listed)
            mk_list_append(g.k, mk_at(g.k, gdb, "task_struct.ptraced"),
                           mk_at(g.k, t, "task_struct.ptrace_entry"));
        assert_string_equal(mk_guest_rows(&g, "ptrace", NULL), cases[i].rows);
        assert_int_equal(mk_row_notes(NULL), cases[i].note ? 1 : 0);
        assert_int_equal(mk_row_notes(cases[i].note), cases[i].note ? 1 : 0);
        assert_string_equal(mk_guest_rows(&g, "ptrace", "pid=12"), "");
        mk_free(g.k);
    }
}

/* ---- rlimits ---- */

static void rlimits(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = mk_guest(m, kernel_of(m));
        uint64_t a = mk_guest_task(&g, 1, "init", 0), b = mk_guest_task(&g, 2, "prog", a);
        const uint64_t tasks[] = { a, b };

        for (size_t i = 0; i < 2; i++) {
            uint64_t signal = mk_of(&g, tasks[i], "task_struct.signal");
            uint64_t at = mk_at(g.k, signal, "signal_struct.rlim");
            const unsigned word = mk_model(g.k)->long_size;

            mk_write_ptr(g.k, at, UINT64_MAX);
            mk_write_ptr(g.k, at + word, UINT64_MAX);
            mk_write_ptr(g.k, at + word * 14, 1024); // RLIMIT_NOFILE
            mk_write_ptr(g.k, at + word * 15, 4096);
            if (i)
                mk_write_ptr(g.k, at + word * 8, 7); // RLIMIT_CORE
        }
        if (m->arch)
            assert_memory_equal(mk_guest_rows(&g, "rlimits", "pid=2"),
                                "2|prog|RLIMIT_CPU|unlimited|unlimited|seconds\n", 46);
        assert_non_null(
            strstr(mk_guest_rows(&g, "rlimits", NULL), "\n1|init|RLIMIT_NOFILE|1024|4096|files\n"));
        assert_non_null(strstr(mk_guest_rows(&g, "rlimits", NULL), "\n1|init|RLIMIT_NICE|0|0|\n"));
        assert_string_equal(mk_guest_rows(&g, "rlimits", "changed pid=2"),
                            "2|prog|RLIMIT_CORE|7|0|bytes");
        mk_put(g.k, b, "task_struct.signal", 0x10);
        assert_memory_equal(mk_guest_rows(&g, "rlimits", "pid=2"), "2|prog|RLIMIT_CPU|-|-|", 22);
        mk_put(g.k, b, "task_struct.signal", 0);
        assert_string_equal(mk_guest_rows(&g, "rlimits", "pid=2"), "");
        assert_int_equal(mk_row_notes("its limits cannot be read"), 1);
        mk_free(g.k);
    }
}

/* ---- capabilities: one number since 6.3, two words before ---- */

static void capabilities(void **state)
{
    (void)state;
    mk_each_machine(m) for (int old = 0; old <= (m->arch != NULL); old++)
    {
        static const char *const words[] = { "typedef struct { u64 val; } kernel_cap_t",
                                             "typedef struct { u32 cap[2]; } kernel_cap_t", NULL };
        struct mk_guest g = mk_guest(m, old ? words : NULL);
        uint64_t init = mk_guest_task(&g, 1, "init", 0), t = mk_guest_task(&g, 5, "prog", init);
        uint64_t thread = mk_guest_task(&g, 6, "none", init);
        const bool high_first = mk_model(g.k)->big_endian;
        uint64_t cred = mk_of(&g, init, "task_struct.real_cred");
        uint64_t at = mk_at(g.k, cred, "cred.cap_effective");

        mk_write_u32(g.k, mk_at(g.k, mk_of(&g, thread, "task_struct.real_cred"), "cred.cap_bset"),
                     1);
        mk_write_u32(g.k, at + (high_first ? 4 : 0), 0xffffffff);
        mk_write_u32(g.k, at + (high_first ? 0 : 4), 0x1ff);
        cred = mk_of(&g, t, "task_struct.real_cred");
        at = mk_at(g.k, cred, "cred.cap_permitted");
        mk_write_u32(g.k, at + (high_first ? 4 : 0), 1 << 10);
        mk_write_u32(g.k, at + (high_first ? 0 : 4), 1 << 8);
        at = mk_at(g.k, cred, "cred.cap_bset");
        mk_write_u32(g.k, at + (high_first ? 4 : 0), 1);
        assert_string_equal(mk_guest_rows(&g, "capabilities", "some"),
                            "1|1|0|init|0|all|||||100\n"
                            "5|5|1|prog|0||net_bind_service,checkpoint_restore|||chown|100");
        assert_string_equal(mk_columns(mk_guest_rows(&g, "capabilities", "threads"), 0, 1),
                            "1|1\n5|5\n6|6");
        mk_put(g.k, init, "task_struct.real_cred", 0);
        mk_guest_rows(&g, "capabilities", "pid=5");
        assert_int_equal(mk_row_notes("none are called all"), 1);
        mk_free(g.k);
    }
}

/* ---- signals ---- */

static uint64_t add_queued(struct mk_guest *g, uint64_t pending, int number, int code, int pid,
                           uint64_t value)
{
    uint64_t q = mk_object(g->k, "sigqueue");

    mk_put(g->k, q, "sigqueue.info.si_signo", (uint64_t)number);
    mk_put(g->k, q, "sigqueue.info.si_code", (uint64_t)(int64_t)code);
    mk_put(g->k, q, "sigqueue.info._sifields._rt._pid", (uint64_t)pid);
    mk_put(g->k, q, "sigqueue.info._sifields._rt._uid", 1000);
    mk_put(g->k, q, "sigqueue.info._sifields._rt._sigval.sival_ptr", value);
    mk_list_append(g->k, pending, mk_at(g->k, q, "sigqueue.list"));
    return q;
}

static void signals(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = mk_guest(m, kernel_of(m));
        uint64_t t = mk_guest_task(&g, 5, "prog", 0), sighand = mk_object(g.k, "sighand_struct");
        uint64_t kt = mk_guest_task(&g, 6, "kt", 0), mm = MK_MM(&g, t, "prog\0", ""), at;
        uint64_t signal = mk_of(&g, t, "task_struct.signal");
        uint64_t pending = mk_at(g.k, t, "task_struct.pending");
        uint64_t shared = mk_at(g.k, signal, "signal_struct.shared_pending");
        const uint64_t list = mk_at(g.k, 0, "sigpending.list");
        const uint64_t set = mk_at(g.k, 0, "sigpending.signal");
        const uint64_t one = mk_at(g.k, mk_object(g.k, "sighand_struct"), "sighand_struct.action");

        (void)one;
        mk_put(g.k, kt, "task_struct.flags", MK_KTHREAD);
        mk_put(g.k, t, "task_struct.sighand", sighand);
        mk_put(g.k, kt, "task_struct.sighand", sighand);
        mk_guest_vma(&g, mm, 10, 2, 5, mk_guest_file(&g, mk_guest_dentry(&g, g.top, "prog")));
        mk_list_append(g.k, pending + list, pending + list); // empty
        mk_write_ptr(g.k, pending + list, pending + list);
        mk_write_ptr(g.k, pending + list + mk_model(g.k)->ptr_size, pending + list);
        mk_write_ptr(g.k, shared + list, shared + list);
        mk_write_ptr(g.k, shared + list + mk_model(g.k)->ptr_size, shared + list);
        assert_string_equal(mk_guest_rows(&g, "signals", NULL), "5|5|prog|||||||||");
        assert_int_equal(mk_row_notes(NULL), 0);

        put_set(&g, pending + set, BIT(12));
        put_set(&g, shared + set, BIT(37));
        add_queued(&g, pending + list, 12, -6, 77, 0);
        add_queued(&g, shared + list, 37, -1, 78, 0x1ab);
        add_queued(&g, shared + list, 37, 5, 78, 0x1ab);
        put_set(&g, mk_at(g.k, t, "task_struct.blocked"), ~(BIT(9) | BIT(19)));
        mk_put(g.k, t, "task_struct.sas_ss_sp", 0x1000);
        mk_put(g.k, t, "task_struct.sas_ss_size", 0x800);
        at = mk_at(g.k, sighand, "sighand_struct.action");
        mk_put(g.k, at, "k_sigaction.sa.sa_handler", 1); // SIGHUP
        at += mk_at(g.k, 0, "sigaction.sa_mask") + 8;    // the size of one
        mk_put(g.k, at, "k_sigaction.sa.sa_handler", 10 * g.page + 0x123);
        mk_put(g.k, at, "k_sigaction.sa.sa_flags", 0x10000004);
        put_set(&g, mk_at(g.k, at, "k_sigaction.sa.sa_mask"), BIT(15));
        at += mk_at(g.k, 0, "sigaction.sa_mask") + 8;
        mk_put(g.k, at, "k_sigaction.sa.sa_handler", 99 * g.page);
        {
            char want[512];

            snprintf(want, sizeof want,
                     "5|5|prog|SIGUSR2|SIGRTMIN+3|SIGUSR2 by tgkill of 77, user 1000; SIGRTMIN+3 "
                     "shared by sigqueue of 78, user 1000, value 0x1ab; SIGRTMIN+3 shared by code "
                     "5|all but SIGKILL,SIGSTOP|SIGHUP|SIGINT,SIGQUIT|SIGINT %#llx "
                     "SA_SIGINFO|SA_RESTART blocks SIGTERM /prog+0x123; SIGQUIT %#llx not "
                     "mapped|0x1000|2048",
                     (unsigned long long)(10 * g.page + 0x123), (unsigned long long)(99 * g.page));
            assert_string_equal(mk_guest_rows(&g, "signals", NULL), want);
        }
        assert_string_equal(mk_columns(mk_guest_rows(&g, "signals", "all"), 0, 0), "5\n6");
        assert_string_equal(mk_columns(mk_guest_rows(&g, "signals", "threads pid=5"), 0, 1), "5|5");
        for (int i = 0; i < 70; i++) // a long queue is counted, and not shown to its end
            add_queued(&g, pending + list, 12, -6, 77, 0);
        assert_non_null(strstr(mk_guest_rows(&g, "signals", "pid=5"), "; 7 more"));
        mk_put(g.k, t, "task_struct.sighand", 0); // it has ended
        assert_string_equal(mk_columns(mk_guest_rows(&g, "signals", NULL), 7, 9), "-|-|-");
        mk_free(g.k);
    }
}

/* ---- timers: on a list until 6.12, on an hlist since ---- */

static void timers(void **state)
{
    (void)state;
    mk_each_machine(m) for (int newer = 0; newer < 2; newer++)
    {
        const char *edits[12];
        struct mk_guest g;
        uint64_t t, timer[3], signal, base, q;
        size_t n = 0;

        for (const char *const *e = kernel_of(m); *e; e++)
            edits[n++] = *e;
        if (newer) {
            edits[n++] = "struct list_head thread_head, posix_timers;";
            edits[n++] = "struct list_head thread_head; struct hlist_head posix_timers;";
            edits[n++] = "struct k_itimer { struct list_head list;";
            edits[n++] = "struct k_itimer { struct hlist_node list;";
            edits[n++] = "struct sigqueue *sigq;";
            edits[n++] = "struct sigqueue sigq;";
        }
        edits[n] = NULL;
        g = mk_guest(m, edits);
        t = mk_guest_task(&g, 5, "prog", 0);
        signal = mk_of(&g, t, "task_struct.signal");
        base = mk_object(g.k, "hrtimer_clock_base");
        mk_put(g.k, base, "hrtimer_clock_base.clockid", 11); // TAI
        if (!newer) {
            uint64_t head = mk_at(g.k, signal, "signal_struct.posix_timers");

            mk_list(g.k, head, NULL, 0);
        }
        assert_string_equal(mk_guest_rows(&g, "timers", NULL), "");
        for (int i = 0; i < 3; i++) {
            timer[i] = mk_object(g.k, "k_itimer");
            mk_put(g.k, timer[i], "k_itimer.it_id", (uint64_t)i);
            mk_put(g.k, timer[i], "k_itimer.it_pid", mk_of(&g, t, "task_struct.thread_pid"));
            q = newer ? mk_at(g.k, timer[i], "k_itimer.sigq") : mk_object(g.k, "sigqueue");
            if (!newer)
                mk_put(g.k, timer[i], "k_itimer.sigq", q);
            mk_put(g.k, q, "sigqueue.info.si_signo", (uint64_t)(10 + i));
            mk_put(g.k, timer[i], "k_itimer.it.real.timer.base", base);
        }
        mk_put(g.k, timer[0], "k_itimer.it.real.timer.state", 1);
        mk_put(g.k, timer[0], "k_itimer.it_interval", 2500000000);
        mk_put(g.k, timer[0], "k_itimer.it_clock", 11);
        // Of CPU time, by its name or as the clock of process 0.
        mk_put(g.k, timer[1], "k_itimer.it_clock", newer ? 2 : (uint64_t)-6);
        mk_put(g.k, timer[1], "k_itimer.it_sigev_notify", 4);
        mk_put(g.k, timer[1], "k_itimer.it.cpu.head", 0x1234);
        mk_put(g.k, timer[2], "k_itimer.it_clock", (uint64_t)(-78 * 8 + 2));
        mk_put(g.k, timer[2], "k_itimer.it_sigev_notify", 1);
        mk_put(g.k, timer[2], "k_itimer.it.cpu.head", 0);
        if (newer) {
            uint64_t from = mk_at(g.k, signal, "signal_struct.posix_timers");

            for (int i = 0; i < 3; i++) {
                uint64_t node = mk_at(g.k, timer[i], "k_itimer.list");

                mk_write_ptr(g.k, from, node);
                mk_write_ptr(g.k, node + mk_model(g.k)->ptr_size, from);
                from = node;
            }
        } else {
            uint64_t nodes[3];

            for (int i = 0; i < 3; i++)
                nodes[i] = mk_at(g.k, timer[i], "k_itimer.list");
            mk_list(g.k, mk_at(g.k, signal, "signal_struct.posix_timers"), nodes, 3);
        }
        mk_put(g.k, mk_at(g.k, signal, "signal_struct.it"), "cpu_itimer.expires", 7);
        mk_put(g.k, mk_at(g.k, signal, "signal_struct.it"), "cpu_itimer.incr", 1000000);
        assert_string_equal(
            mk_guest_rows(&g, "timers", NULL),
            "5|prog|posix|0|CLOCK_TAI|true|||2.500000|SIGUSR1|signal/pid|5|0x0\n"
            "5|prog|posix|1|CLOCK_PROCESS_CPUTIME_ID|true||||SIGSEGV|signal/tid|5|0x0\n"
            "5|prog|posix|2|CPU time of process 77|false||||SIGUSR2|none/pid|5|0x0\n"
            "5|prog|itimer||ITIMER_PROF|true|||0.001000|SIGPROF|signal/pid|5|");
        mk_put(g.k, signal, "signal_struct.real_timer.state", 1);
        mk_put(g.k, signal, "signal_struct.real_timer.base", base);
        assert_non_null(strstr(mk_guest_rows(&g, "timers", "pid=5"),
                               "\n5|prog|itimer||ITIMER_REAL|true||||SIGALRM|signal/pid|5|\n"));
        assert_string_equal(mk_guest_rows(&g, "timers", "pid=6"), "");
        mk_free(g.k);
    }
}

/* ---- creds ---- */

static const char *const counted[] = {
    "struct cred { kuid_t uid,",
    "struct user_struct { kuid_t uid; }; struct cred { struct count usage;"
    "  struct user_struct *user; kuid_t uid,",
    "typedef struct { unsigned int val; } kuid_t;",
    "typedef struct { unsigned int val; } kuid_t; struct count { long counter; };", NULL
};

/** Another thread of a process, with the same credentials. */
static uint64_t add_thread(struct mk_guest *g, uint64_t leader, int tid)
{
    uint64_t t = mk_object(g->k, "task_struct"), signal = mk_of(g, leader, "task_struct.signal");

    mk_put(g->k, t, "task_struct.pid", (uint64_t)tid);
    mk_put(g->k, t, "task_struct.tgid", mk_of(g, leader, "task_struct.tgid") & 0xffff);
    mk_put(g->k, t, "task_struct.group_leader", leader);
    mk_put(g->k, t, "task_struct.signal", signal);
    mk_put(g->k, t, "task_struct.real_cred", mk_of(g, leader, "task_struct.real_cred"));
    mk_put(g->k, t, "task_struct.cred", mk_of(g, leader, "task_struct.real_cred"));
    mk_list_append(g->k, mk_at(g->k, signal, "signal_struct.thread_head"),
                   mk_at(g->k, t, "task_struct.thread_node"));
    return t;
}

static void set_user(struct mk_guest *g, uint64_t task, uint32_t uid)
{
    static const char *const ids[] = { "cred.uid", "cred.euid", "cred.suid", "cred.fsuid" };
    uint64_t cred = mk_of(g, task, "task_struct.real_cred");
    uint64_t user = mk_object(g->k, "user_struct");

    for (size_t i = 0; i < countof(ids); i++)
        mk_write_u32(g->k, mk_at(g->k, cred, ids[i]), uid);
    mk_write_u32(g->k, mk_at(g->k, user, "user_struct.uid"), uid);
    mk_put(g->k, cred, "cred.user", user);
    mk_put(g->k, cred, "cred.usage.counter", 4);
}

static void put_caps(struct mk_guest *g, uint64_t cred, const char *member, uint32_t low)
{
    mk_write_u32(g->k, mk_at(g->k, cred, member) + (mk_model(g->k)->big_endian ? 4 : 0), low);
}

enum what {
    NOTHING,
    SHARED,
    FEW,
    FREED,
    USER,
    EFFECTIVE,
    AMBIENT,
    ACTING,
    ACTING_KERNEL,
    ROOT,
    ROOT_SUID,
    ROOT_ELSEWHERE,
    ROOT_OF_ROOT,
    FIRST,
};

static void creds(void **state)
{
    static const struct {
        enum what what;
        const char *row; // of the task: SCORE, USERS, REASON
    } cases[] = {
        { NOTHING, "" },
        { SHARED, "3|3|2 processes share it; used 6 times at least, and counted 4: taken without "
                  "asking" },
        { FEW, "3|2|used 4 times at least, and counted 3: taken without asking" },
        { FREED, "3|2|its count of users is 0: it was freed" },
        { USER, "3|2|its user is 7 and its user's record is of 1000: changed in place" },
        { EFFECTIVE, "3|2|effective capabilities that it is not permitted: changed in place" },
        { AMBIENT, "3|2|ambient capabilities that it cannot have: changed in place" },
        { ACTING, "2|2|1 of its threads acts with other credentials" },
        { ACTING_KERNEL, "" },
        { ROOT, "1|2|root, whose parent is not and whose program is not set-user-id (doas and some "
                "su do so too)" },
        { ROOT_SUID, "" },
        { ROOT_ELSEWHERE, "" },
        { ROOT_OF_ROOT, "" },
        { FIRST, "3|2|a process has the kernel's first credentials (init_cred)" },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct mk_guest g = mk_guest(m, counted);
        const enum what what = cases[i].what;
        uint64_t shell = mk_guest_task(&g, 40, "shell", 0),
                 t = mk_guest_task(&g, 50, "prog", shell);
        uint64_t thread = add_thread(&g, t, 51), mm = MK_MM(&g, t, "prog\0", "");
        uint64_t dentry = mk_guest_dentry(&g, g.top, "prog");
        uint64_t cred = mk_of(&g, t, "task_struct.real_cred");

        mk_put(g.k, mm, "mm_struct.exe_file", mk_guest_file(&g, dentry));
        set_user(&g, shell, 1000);
        set_user(&g, t, 1000);
        if (what == SHARED) {
            mk_put(g.k, shell, "task_struct.real_cred", cred);
            mk_put(g.k, shell, "task_struct.cred", cred);
        }
        if (what == FEW || what == FREED)
            mk_put(g.k, cred, "cred.usage.counter", what == FEW ? 3 : 0);
        if (what == USER)
            mk_write_u32(g.k, mk_at(g.k, cred, "cred.uid"), 7);
        if (what == EFFECTIVE)
            put_caps(&g, cred, "cred.cap_effective", 3);
        if (what == EFFECTIVE)
            put_caps(&g, cred, "cred.cap_permitted", 2);
        if (what == AMBIENT)
            put_caps(&g, cred, "cred.cap_ambient", 2);
        if (what == AMBIENT)
            put_caps(&g, cred, "cred.cap_permitted", 2);
        if (what == ACTING || what == ACTING_KERNEL)
            mk_put(g.k, thread, "task_struct.cred", mk_object(g.k, "cred"));
        if (what == ACTING_KERNEL)
            mk_put(g.k, thread, "task_struct.flags", MK_KTHREAD);
        if (what >= ROOT && what <= ROOT_OF_ROOT)
            set_user(&g, t, 0);
        if (what == ROOT_SUID)
            mk_put(g.k, mk_of(&g, dentry, "dentry.d_inode"), "inode.i_mode", 0104755);
        if (what == ROOT_ELSEWHERE)
            mk_put(g.k, cred, "cred.user_ns", mk_object(g.k, "user_namespace"));
        if (what == ROOT_OF_ROOT)
            set_user(&g, shell, 0);
        mk_put(g.k, g.swapper, "task_struct.real_cred",
               what == FIRST ? cred : mk_object(g.k, "cred"));
        {
            const char *rows = mk_guest_rows(&g, "creds", NULL);
            char got[256];

            snprintf(got, sizeof got, "%s", mk_columns(rows, 0, 0));
            if (*got)
                snprintf(got + 1, sizeof got - 1, "|%s", mk_columns(rows, 7, 7));
            if (*got)
                snprintf(got + 3, sizeof got - 3, "|%s", mk_columns(rows, 9, 9));
            assert_string_equal(got, cases[i].row);
        }
        assert_int_equal(mk_row_notes("credentials cannot be read"), 0);
        assert_string_equal(mk_guest_rows(&g, "creds", "pid=41"), "");
        assert_string_equal(mk_columns(mk_guest_rows(&g, "creds", "pid=50 all"), 8, 8),
                            what == SHARED ? "40 50" : "50");
        mk_put(g.k, thread, "task_struct.real_cred", 0x10);
        mk_put(g.k, shell, "task_struct.real_cred", 0);
        mk_guest_rows(&g, "creds", NULL);
        assert_int_equal(mk_row_notes("credentials cannot be read"), 2);
        mk_free(g.k);
    }
}

/* ---- namespaces that no process is in: in nsfs, on the list of network namespaces, in the tree of
 * all; and those of a thread ---- */

static void namespaces(void **state)
{
    static const char *const edits[] = {
        "struct net { struct ns_common ns; };",
        "struct net { struct ns_common ns; struct list_head list; };",
        "struct css_set *cgroups; };",
        "struct css_set *cgroups; struct files_struct *files; };"
        "struct fdtable { unsigned int max_fds; struct file **fd; unsigned long *open_fds; };"
        "struct files_struct { struct fdtable *fdt; };",
        "struct ns_common { void *ops; unsigned int inum; };",
        "struct ns_tree_root { void *ns_rb; struct list_head ns_list_head; };"
        "struct ns_tree_node { void *ns_node; struct list_head ns_list_entry; };"
        "struct proc_ns_operations { const char *name; };"
        "struct ns_common { struct proc_ns_operations *ops; unsigned int inum, ns_type;"
        "  struct ns_tree_node ns_unified_node; };",
        NULL
    };

    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = mk_guest(m, edits);
        uint64_t t = mk_guest_task(&g, 5, "prog", 0), thread = add_thread(&g, t, 6);
        uint64_t proxy = mk_object(g.k, "nsproxy"), uts = mk_object(g.k, "uts_namespace");
        uint64_t net = mk_object(g.k, "net"), user = mk_object(g.k, "user_namespace");
        uint64_t ipc = mk_object(g.k, "ipc_namespace"), ops = mk_alloc(g.k, 64);
        uint64_t file = mk_guest_file(&g, mk_guest_dentry(&g, g.top, "user"));
        uint64_t inode = mk_of(&g, file, "file.f_inode");
        uint64_t files = mk_object(g.k, "files_struct"), table = mk_object(g.k, "fdtable");
        uint64_t nets = mk_alloc(g.k, 16), root = mk_object(g.k, "ns_tree_root");
        uint64_t open = mk_alloc(g.k, 64), bits = mk_alloc(g.k, 64);
        const uint64_t on_nets[] = { mk_at(g.k, net, "net.list") };
        const uint64_t in_tree[] = { mk_at(g.k, ipc,
                                           "ipc_namespace.ns.ns_unified_node"
                                           ".ns_list_entry") };

        // A thread that went elsewhere.
        mk_put(g.k, uts, "uts_namespace.ns.inum", 200);
        mk_put(g.k, proxy, "nsproxy.uts_ns", uts);
        mk_put(g.k, thread, "task_struct.nsproxy", proxy);
        // One that a file keeps.
        mk_put(g.k, user, "user_namespace.ns.inum", 201);
        mk_put(g.k, user, "user_namespace.ns.ops", ops);
        mk_write_ptr(g.k, ops, mk_text(g.k, "user"));
        mk_put(g.k, inode, "inode.i_private", mk_at(g.k, user, "user_namespace.ns"));
        mk_put(g.k, t, "task_struct.files", files);
        mk_put(g.k, files, "files_struct.fdt", table);
        mk_put(g.k, table, "fdtable.max_fds", 8);
        mk_put(g.k, table, "fdtable.fd", open);
        mk_put(g.k, table, "fdtable.open_fds", bits);
        mk_write_ptr(g.k, bits, 1 << 3);
        mk_write_ptr(g.k, open + 3 * (uint64_t)mk_model(g.k)->ptr_size, file);
        {
            uint64_t sb = mk_object(g.k, "super_block"), kind = mk_object(g.k, "file_system_type");

            mk_put(g.k, kind, "file_system_type.name", mk_text(g.k, "nsfs"));
            mk_put(g.k, sb, "super_block.s_type", kind);
            mk_put(g.k, inode, "inode.i_sb", sb);
        }
        mk_put(g.k, net, "net.ns.inum", 202);
        mk_list(g.k, nets, on_nets, 1);
        mk_symbol(g.k, "net_namespace_list", nets);
        mk_put(g.k, ipc, "ipc_namespace.ns.inum", 203);
        mk_put(g.k, ipc, "ipc_namespace.ns.ns_type", 0x08000000);
        mk_list(g.k, mk_at(g.k, root, "ns_tree_root.ns_list_head"), in_tree, 1);
        mk_symbol(g.k, "ns_unified_root", root);
        {
            const char *rows = mk_columns(mk_guest_rows(&g, "namespaces", "others"), 1, 6);

            assert_non_null(strstr(rows, "uts|200|false|1|5|prog"));
            assert_non_null(strstr(rows, "user|201|false|0||"));
            assert_non_null(strstr(rows, "net|202|false|0||"));
            assert_non_null(strstr(rows, "ipc|203|false|0||"));
        }
        assert_null(strstr(mk_guest_rows(&g, "namespaces", "pid=5"), "|203|"));
        assert_null(strstr(mk_guest_rows(&g, "namespaces", "type=net"), "|203|"));
        mk_free(g.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ptrace), cmocka_unit_test(rlimits),    cmocka_unit_test(capabilities),
        cmocka_unit_test(creds),  cmocka_unit_test(namespaces), cmocka_unit_test(signals),
        cmocka_unit_test(timers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
