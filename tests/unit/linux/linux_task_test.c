/* linux_task_test.c - processes, threads and their tree, whole and damaged. */
#include "check.h"
#include "mklinux.h"

static const char types[] = MK_LIST_TYPES
    "typedef struct { unsigned int val; } kuid_t;"
    "struct upid { int nr; void *ns; };"
    "struct pid { unsigned int level; struct upid numbers[1]; };"
    "struct cred { kuid_t uid, gid, euid, egid; };"
    "struct signal_struct { struct list_head thread_head; };"
    "struct timespec64 { s64 tv_sec; long tv_nsec; };"
    "struct tk_read_base { u32 shift; u64 xtime_nsec; };"
    "struct timekeeper { struct tk_read_base tkr_mono; u64 xtime_sec;"
    "                    struct timespec64 wall_to_monotonic; s64 offs_real, offs_boot; };"
    "struct task_struct { unsigned int __state, flags; struct list_head tasks; int exit_state;"
    "                     int pid, tgid; struct task_struct *real_parent, *group_leader;"
    "                     struct list_head thread_node; struct pid *thread_pid;"
    "                     u64 start_boottime; struct cred *real_cred; char comm[16];"
    "                     struct signal_struct *signal; struct mm_struct *mm; };"
    "struct mm_struct { unsigned long arg_start, arg_end; };";

enum { RAM = 1 << 20, TASKS = 6 };

struct world {
    struct mk *k;
    uint64_t init, task[TASKS], cred, signal;
};

static void make_task(struct world *w, uint64_t t, int pid, const char *comm, uint64_t parent)
{
    uint64_t id = mk_object(w->k, "pid");
    uint64_t signal = mk_object(w->k, "signal_struct");
    uint64_t node = mk_at(w->k, t, "task_struct.thread_node");

    mk_put(w->k, t, "task_struct.pid", (uint64_t)pid);
    mk_put(w->k, t, "task_struct.tgid", (uint64_t)pid);
    mk_puts(w->k, t, "task_struct.comm", comm);
    mk_put(w->k, t, "task_struct.real_parent", parent);
    mk_put(w->k, t, "task_struct.group_leader", t);
    mk_put(w->k, t, "task_struct.real_cred", w->cred);
    mk_put(w->k, t, "task_struct.thread_pid", id);
    mk_put(w->k, t, "task_struct.start_boottime", 1500000000ull * (uint64_t)pid);
    mk_put(w->k, t, "task_struct.signal", signal);
    mk_list(w->k, mk_at(w->k, signal, "signal_struct.thread_head"), &node, 1);
    mk_write_u32(w->k, mk_at(w->k, id, "pid.numbers"), (uint32_t)pid);
}

/** 1 has 2 and 3, 3 has 4, 4 has 5 and 6. */
static struct world make(const struct mk_machine *m)
{
    static const int parents[TASKS] = { 0, 1, 1, 3, 4, 4 };
    struct world w = { .k = mk_new(m, RAM, types) };
    uint64_t links[TASKS], tk = mk_alloc(w.k, 256), keeper = tk + 8;
    char comm[16] = "task-1";

    w.cred = mk_object(w.k, "cred");
    w.init = mk_object(w.k, "task_struct");
    mk_write_u32(w.k, mk_at(w.k, w.cred, "cred.uid"), 1000);
    mk_write_u32(w.k, mk_at(w.k, w.cred, "cred.gid"), 1001);
    mk_write_u32(w.k, mk_at(w.k, w.cred, "cred.euid"), 1002);
    mk_write_u32(w.k, mk_at(w.k, w.cred, "cred.egid"), 4294967294u);
    for (int i = 0; i < TASKS; i++) {
        w.task[i] = mk_object(w.k, "task_struct");
        links[i] = mk_at(w.k, w.task[i], "task_struct.tasks");
    }
    for (int i = 0; i < TASKS; i++, comm[5]++)
        make_task(&w, w.task[i], i + 1, comm, parents[i] ? w.task[parents[i] - 1] : w.init);
    mk_list(w.k, mk_at(w.k, w.init, "task_struct.tasks"), links, TASKS);
    mk_symbol(w.k, "init_task", w.init);
    // booted at 1000 s; offs_real = 1002 s, offs_boot = 2 s
    mk_put(w.k, keeper, "timekeeper.offs_real", 1002000000000);
    mk_put(w.k, keeper, "timekeeper.offs_boot", 2000000000);
    mk_put(w.k, keeper, "timekeeper.wall_to_monotonic.tv_sec", (uint64_t)-1002);
    mk_symbol(w.k, "tk_core", tk);
    return w;
}

static void whole(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        const char *rows = mk_rows(w.k, "pslist", (const char *[]){ "pid=3", NULL });

        assert_string_equal(mk_columns(rows, 1, 12), "3|3|1|task-3|1000|1001|1002|4294967294|R|"
                                                     "1970-01-01T00:16:44.5Z|3|TASK_RUNNING");
        rows = mk_rows(w.k, "psaux", (const char *[]){ "pid=3", NULL });
        assert_string_equal(mk_columns(rows, 0, 4), "3|1|task-3|1002|1970-01-01T00:16:44.5Z");
        assert_string_equal(mk_columns(mk_rows(w.k, "pslist", NULL), 1, 1), "1\n2\n3\n4\n5\n6");
        assert_int_equal(mk_row_notes(NULL), 0);
        mk_free(w.k);
    }
}

/** What cannot be read is no number: least of all root. */
static void unreadable(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        const char *const third[] = { "pid=3", NULL };

        mk_put(w.k, w.task[2], "task_struct.real_cred", 0);
        mk_put(w.k, w.task[2], "task_struct.real_parent", 0x10000);
        mk_put(w.k, w.task[2], "task_struct.thread_pid", 0);
        assert_string_equal(mk_columns(mk_rows(w.k, "pslist", third), 1, 12),
                            "3|3|-|task-3|-|-|-|-|R|1970-01-01T00:16:44.5Z|-|TASK_RUNNING");
        mk_free(w.k);
    }
}

static void times(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        struct eg_run *r = mk_run(w.k);
        uint64_t tk;

        assert_true(eg_lookup(r, "tk_core", &tk));
        mk_put(w.k, tk + 8, "timekeeper.wall_to_monotonic.tv_nsec", 1); // no longer says one thing
        assert_string_equal(
            mk_columns(mk_rows(w.k, "pslist", (const char *[]){ "pid=1", NULL }), 10, 10), "-");
        mk_put(w.k, tk + 8, "timekeeper.wall_to_monotonic.tv_nsec", (uint64_t)-5);
        mk_put(w.k, tk + 8, "timekeeper.offs_real", 1002000000005);
        assert_string_equal(
            mk_columns(mk_rows(w.k, "pslist", (const char *[]){ "pid=1", NULL }), 10, 10),
            "1970-01-01T00:16:41.500000005Z");
        mk_free(w.k);
    }
}

static void states(void **state)
{
    static const struct {
        uint32_t state, exit_state;
        const char *letter, *exit;
    } cases[] = {
        { 0, 0, "R", "TASK_RUNNING" },      { 1, 0, "S", "TASK_RUNNING" },
        { 2, 0, "D", "TASK_RUNNING" },      { 0x102, 0, "D", "TASK_RUNNING" },
        { 0x402, 0, "I", "TASK_RUNNING" },  { 4, 0, "T", "TASK_RUNNING" },
        { 8, 0, "t", "TASK_RUNNING" },      { 0x40, 0, "P", "TASK_RUNNING" },
        { 0x80, 0x10, "X", "EXIT_DEAD" },   { 0x80, 0x20, "Z", "EXIT_ZOMBIE" },
        { 0x1000, 0, "D", "TASK_RUNNING" }, { 0x8000, 0, "D", "TASK_RUNNING" },
        { 0x80, 0x30, "Z", "EXIT_TRACE" },  { 1, 0x77, "P", "-" },
    };

    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);

        for (size_t i = 0; i < countof(cases); i++) {
            const char *rows;

            mk_put(w.k, w.task[0], "task_struct.__state", cases[i].state);
            mk_put(w.k, w.task[0], "task_struct.exit_state", cases[i].exit_state);
            rows = mk_rows(w.k, "pslist", (const char *[]){ "pid=1", NULL });
            assert_string_equal(mk_columns(rows, 9, 9), cases[i].letter);
            assert_string_equal(mk_columns(rows, 12, 12), cases[i].exit);
        }
        mk_free(w.k);
    }
}

/** A process of three threads, in a namespace of its own; the list of threads closes. */
static void threads(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        uint64_t signal = mk_read_ptr(w.k, mk_at(w.k, w.task[1], "task_struct.signal"));
        uint64_t node[3] = { mk_at(w.k, w.task[1], "task_struct.thread_node") }, id, numbers;
        const char *rows;

        for (int i = 1; i < 3; i++) {
            uint64_t t = mk_object(w.k, "task_struct");

            make_task(&w, t, 20 + i, "thread", w.task[0]);
            mk_put(w.k, t, "task_struct.tgid", 2);
            node[i] = mk_at(w.k, t, "task_struct.thread_node");
        }
        mk_list(w.k, mk_at(w.k, signal, "signal_struct.thread_head"), node, 3);
        id = mk_alloc(w.k, 64);
        mk_put(w.k, id, "pid.level", 2);
        numbers = mk_at(w.k, id, "pid.numbers");
        for (uint32_t i = 0; i < 3; i++)
            mk_write_u32(w.k, numbers + i * 2 * mk_model(w.k)->ptr_size, 70 + i);
        mk_put(w.k, w.task[1], "task_struct.thread_pid", id);
        rows = mk_rows(w.k, "pslist", (const char *[]){ "pid=2", "threads", NULL });
        assert_string_equal(mk_columns(rows, 1, 2), "2|2\n2|21\n2|22");
        rows = mk_rows(w.k, "pslist", (const char *[]){ "pid=2", NULL });
        assert_string_equal(mk_columns(rows, 11, 11), "70,71,72");
        mk_free(w.k);
    }
}

static const char *tree_of(struct mk *k, const char *const *args)
{
    static char out[256];
    const char *rows = mk_rows(k, "pstree", args);
    size_t n = 0;

    // dots and the last digit of the pid: "1 .2 .3 ..4"
    for (const char *line = rows, *end; line; line = end ? end + 1 : NULL) {
        const char *bar;

        for (; *line == '.'; line++)
            out[n++] = '.';
        end = strchr(line, '\n');
        bar = strchr(line, '|');
        out[n++] = bar[1];
        out[n++] = ' ';
    }
    out[n ? n - 1 : 0] = 0;
    return out;
}

static void tree(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);

        assert_string_equal(tree_of(w.k, NULL), "1 .2 .3 ..4 ...5 ...6");
        assert_string_equal(tree_of(w.k, (const char *[]){ "pid=4", NULL }), "4 .5 .6");
        assert_string_equal(tree_of(w.k, (const char *[]){ "pid=3,5,2", NULL }), "2 3 .4 ..5 ..6");
        // A thread of 1 made 3; the parent of 4 is not on the list; 5 and 6 are each other's.
        mk_put(w.k, w.init, "task_struct.group_leader", w.task[0]);
        mk_put(w.k, w.task[2], "task_struct.real_parent", w.init);
        mk_put(w.k, w.task[3], "task_struct.real_parent", w.cred);
        mk_put(w.k, w.task[4], "task_struct.real_parent", w.task[5]);
        mk_put(w.k, w.task[5], "task_struct.real_parent", w.task[4]);
        assert_string_equal(tree_of(w.k, NULL), "1 .2 .3 4 5 .6");
        assert_int_equal(mk_row_notes("in a ring"), 1);
        mk_put(w.k, w.task[4], "task_struct.real_parent", w.task[4]); // its own
        assert_string_equal(tree_of(w.k, NULL), "1 .2 .3 4 5 .6");
        mk_free(w.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole),  cmocka_unit_test(unreadable), cmocka_unit_test(times),
        cmocka_unit_test(states), cmocka_unit_test(threads),    cmocka_unit_test(tree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
