/* linux_hidden_test.c - tasks by every trace that they leave: who is hidden, and who ended, was
 * born or is an idle task. Ids of pid namespaces; the search of memory. */
#include "../../../plugins/linux/state.h"
#include "check.h"
#include "mkguest.h"

static const char *const edits[] = {
    "struct pid_namespace { struct ns_common ns; };",
    "struct idr { struct xarray idr_rt; unsigned int idr_base; };"
    "struct xa_node { u8 shift, offset, count, nr_values; struct xa_node *parent; void *array;"
    "  void *slots[64]; };"
    "struct pid_namespace { struct ns_common ns; struct idr idr; unsigned int level; };",
    "struct pid { unsigned int level; struct upid numbers[1]; };",
    "struct pid { unsigned int level; struct hlist_head tasks[4]; struct upid numbers[1]; };",
    "struct signal_struct { struct list_head thread_head; };",
    "struct signal_struct { struct list_head thread_head; int nr_threads; };",
    "  struct user_namespace *user_ns; };",
    "  struct user_namespace *user_ns; long usage; };",
    "struct css_set *cgroups; };",
    "struct css_set *cgroups; struct list_head children, sibling; struct hlist_node pid_links[4];"
    "  struct sched_class *sched_class; void *stack; };",
    NULL,
};

enum { FIRST = 10, TASKS = 4, SECOND = 1000000000, CLASS = 0x7000, ZOMBIE = 0x20, DEAD = 0x10 };

struct world {
    struct mk_guest g;
    uint64_t task[TASKS]; // 10 to 13; 11 to 13 are children of 10
    uint64_t ns, ids;     // init_pid_ns, and the node of its ids
    uint64_t clock;       // timekeeper
};

static uint64_t at(const struct world *w, uint64_t object, const char *member)
{
    return mk_at(w->g.k, object, member);
}

static void set_id(const struct world *w, uint64_t node, int id, uint64_t pid)
{
    mk_write_ptr(w->g.k, at(w, node, "xa_node.slots") + (uint64_t)id * mk_model(w->g.k)->ptr_size,
                 pid);
}

/** All that the kernel has of a task beside its list. */
static void know(const struct world *w, uint64_t t, int pid, uint64_t parent)
{
    struct mk *k = w->g.k;
    const uint64_t id = mk_of((struct mk_guest *)&w->g, t, "task_struct.thread_pid");
    const uint64_t link = at(w, t, "task_struct.pid_links"), head = at(w, id, "pid.tasks");
    const uint64_t stack = mk_alloc(k, 64);

    mk_write_ptr(k, head, link);
    mk_write_ptr(k, link + mk_model(k)->ptr_size, head);
    mk_list(k, at(w, t, "task_struct.children"), NULL, 0);
    mk_list_append(k, at(w, parent, "task_struct.children"), at(w, t, "task_struct.sibling"));
    mk_put(k, t, "task_struct.sched_class", CLASS);
    mk_put(k, t, "task_struct.start_boottime", (uint64_t)pid * SECOND);
    mk_put(k, mk_of((struct mk_guest *)&w->g, t, "task_struct.signal"), "signal_struct.nr_threads",
           1);
    mk_put(k, mk_of((struct mk_guest *)&w->g, t, "task_struct.cred"), "cred.usage", 1);
    mk_write_u32(k, stack, 0x57AC6E9D);
    mk_put(k, t, "task_struct.stack", stack);
    set_id(w, w->ids, pid, id);
}

static struct world make_with(const struct mk_machine *m, const char *const *types, int first)
{
    struct world w = { .g = mk_guest(m, types) };
    struct mk *k = w.g.k;
    uint64_t tk = mk_alloc(k, 256);

    w.ns = mk_object(k, "pid_namespace");
    w.ids = mk_object(k, "xa_node");
    w.clock = tk + 8;
    mk_put(k, w.ns, "pid_namespace.ns.inum", 4000);
    mk_put(k, w.ns, "pid_namespace.idr.idr_rt.xa_head", w.ids | 2);
    mk_symbol(k, "init_pid_ns", w.ns);
    mk_symbol(k, "tk_core", tk);
    mk_symbol(k, "fair_sched_class", CLASS);
    mk_put(k, w.clock, "timekeeper.xtime_sec", 1060);
    mk_put(k, w.clock, "timekeeper.offs_real", 1000ull * SECOND); // it is 60 s after the start
    mk_put(k, w.clock, "timekeeper.wall_to_monotonic.tv_sec", (uint64_t)-1000);
    mk_put(k, w.g.swapper, "task_struct.sched_class", CLASS);
    mk_list(k, at(&w, w.g.swapper, "task_struct.children"), NULL, 0);
    mk_alloc_aligned(k, 1, w.g.page);
    for (int i = 0; i < TASKS; i++) {
        const int pid = first + i;
        char comm[16] = "task-a";

        comm[5] = (char)('a' + i);
        w.task[i] = mk_guest_task(&w.g, pid, comm, i ? w.task[0] : 0);
        know(&w, w.task[i], pid, i ? w.task[0] : w.g.swapper);
    }
    return w;
}

static struct world make(const struct mk_machine *m)
{
    return make_with(m, edits, FIRST);
}

static void unlink_node(const struct world *w, uint64_t node)
{
    const unsigned ptr = mk_model(w->g.k)->ptr_size;
    const uint64_t next = mk_read_ptr(w->g.k, node), prev = mk_read_ptr(w->g.k, node + ptr);

    mk_write_ptr(w->g.k, prev, next);
    mk_write_ptr(w->g.k, next + ptr, prev);
}

/** The verdict and reason of process 12. */
static const char *verdict(struct world *w)
{
    return mk_columns(mk_guest_rows(&w->g, "psxview", "pid=12"), 14, 15);
}

static void off_list(const struct world *w, bool self, bool poison)
{
    const uint64_t node = at(w, w->task[2], "task_struct.tasks");
    const unsigned ptr = mk_model(w->g.k)->ptr_size;

    unlink_node(w, node);
    if (self) {
        mk_write_ptr(w->g.k, node, node);
        mk_write_ptr(w->g.k, node + ptr, node);
    }
    if (poison)
        mk_write_ptr(w->g.k, node + ptr, 0x122);
}

static void off_other(const struct world *w, int which)
{
    const uint64_t t = w->task[2],
                   signal = mk_of((struct mk_guest *)&w->g, t, "task_struct.signal");

    if (which == 0)
        set_id(w, w->ids, FIRST + 2, 0);
    else if (which == 1)
        unlink_node(w, at(w, t, "task_struct.sibling"));
    else
        mk_list(w->g.k, at(w, signal, "signal_struct.thread_head"), NULL, 0);
}

static void nobody_hidden(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);

        // No control groups, run queues or slabs here; without process 1 no search either.
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "psxview", "pid=12"), 1, 15),
                            "12|12|10|task-c|true|true|true|true|true|||||normal|");
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "psxview", NULL), 14, 14),
                            "normal\nnormal\nnormal\nnormal\nnormal");
        assert_int_equal(mk_row_notes("hidden"), 0);
        assert_int_equal(mk_row_notes("uncertain"), 0);
        mk_free(w.g.k);
    }
}

static void hidden(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);

        off_list(&w, true, false);
        assert_string_equal(verdict(&w),
                            "hidden|taken off the task list: its link leads to itself");
        assert_int_equal(mk_row_notes("1 hidden"), 1);
        mk_free(w.g.k);
        w = make(m);
        off_list(&w, false, true);
        assert_string_equal(
            verdict(&w),
            "hidden|taken off the task list: its link leads nowhere, and it has not ended");
        mk_free(w.g.k);
        w = make(m);
        off_list(&w, false, false);
        assert_string_equal(verdict(&w),
                            "hidden|taken off the task list: its neighbours pass it by");
        mk_free(w.g.k);
    }
}

static void hidden_elsewhere(void **state)
{
    static const char *const expected[] = {
        "hidden|its id is in no table of ids: /proc does not show it",
        "hidden|not among its parent's children",
        "hidden|not on its process's list of threads",
    };

    (void)state;
    mk_each_machine(m)
    {
        for (int i = 0; i < 3; i++) {
            struct world w = make(m);

            off_other(&w, i);
            assert_string_equal(verdict(&w), expected[i]);
            mk_free(w.g.k);
        }
    }
}

/** What has ended is on no list any more, or on all. */
static void ended(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);

        off_list(&w, false, true);
        off_other(&w, 0);
        mk_put(w.g.k, w.task[2], "task_struct.exit_state", DEAD);
        assert_string_equal(verdict(&w), "normal|has ended; its memory is not given back yet");
        mk_free(w.g.k);
        w = make(m);
        mk_put(w.g.k, w.task[2], "task_struct.exit_state", ZOMBIE);
        assert_string_equal(verdict(&w),
                            "normal|has ended; its parent has not asked for its exit status");
        mk_free(w.g.k);
    }
}

/** A task that was started after the clock was copied shows that the machine ran on: then what only
 * lists do not agree on is uncertain, but not one that was plainly taken off. */
static void moments(void **state)
{
    static const struct {
        int late; // the task that was started then,
        uint64_t at;
        bool own_link, no_cred; // and what of task 2, off the list, is not as it was
        const char *verdict;
    } cases[] = {
        { 3, 61, false, false,
          "uncertain|not on the task list, which changed while the image was taken" },
        { 3, 61, true, false, "hidden|taken off the task list: its link leads to itself" },
        // Nor does a start of its own, in the far future, explain that.
        { 2, 90000, false, false, "hidden|taken off the task list: its neighbours pass it by" },
        { 2, 61, true, false, "hidden|taken off the task list: its link leads to itself" },
        // Born then; and one that had already lost its credentials.
        { 2, 61, false, false, "normal|was being created while the image was taken" },
        { 3, 61, false, true,
          "normal|was born, or ended, while the image was taken: parts of it are not there" },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    {
        struct world w = make(m);

        mk_put(w.g.k, w.task[cases[i].late], "task_struct.start_boottime", cases[i].at * SECOND);
        if (cases[i].no_cred)
            mk_put(w.g.k, w.task[2], "task_struct.real_cred", 0);
        off_list(&w, cases[i].own_link, false);
        assert_string_equal(verdict(&w), cases[i].verdict);
        if (!i)
            assert_int_equal(mk_row_notes("more than one moment"), 1);
        mk_free(w.g.k);
    }
}

/** A list that smear broke: both parts are walked and joined, and what was lost is said. Nobody is
 * called hidden for it. */
static void broken(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        const unsigned ptr = mk_model(w.g.k)->ptr_size;
        const uint64_t node = at(&w, w.task[1], "task_struct.tasks");

        mk_write_ptr(w.g.k, node, 0x1230);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "pslist", NULL), 1, 1),
                            "10\n11\n13\n12");
        assert_int_equal(mk_row_notes("broken after 2 entries"), 1);
        assert_int_equal(mk_row_notes("walked from the other end, 2 more"), 1);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "psxview", "pid=12"), 5, 6),
                            "false|true");
        assert_string_equal(verdict(&w), "normal|");
        mk_free(w.g.k);
        // From neither end: 12 is between 11 and 13, whose outer links are gone.
        w = make(m);
        mk_write_ptr(w.g.k, at(&w, w.task[1], "task_struct.tasks"), 0x1230);
        mk_write_ptr(w.g.k, at(&w, w.task[3], "task_struct.tasks") + ptr, 0x1230);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "pslist", NULL), 1, 1), "10\n11\n13");
        assert_int_equal(mk_row_notes("broken after"), 1);
        assert_string_equal(verdict(&w), "uncertain|not on the task list, which changed while the "
                                         "image was taken");
        mk_free(w.g.k);
    }
}

/** Hostile lists end: circles, wild pointers, a task that is its own child. */
static void circles(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        const uint64_t own = at(&w, w.task[2], "task_struct.tasks");

        mk_write_ptr(w.g.k, own, at(&w, w.task[1], "task_struct.tasks"));
        mk_list(w.g.k, at(&w, w.task[2], "task_struct.children"),
                (const uint64_t[]){ at(&w, w.task[2], "task_struct.sibling") }, 1);
        set_id(&w, w.ids, 40, 0x77777770);
        set_id(&w, w.ids, 41, w.ns); // no struct pid
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "psxview", "pid=11"), 14, 14), "normal");
        mk_guest_rows(&w.g, "pidhashtable", NULL);
        mk_guest_rows(&w.g, "psscan", NULL);
        mk_free(w.g.k);
    }
}

/* ---- ids ---- */

/** A task of an inner namespace has a row in each table, also when only the inner one has it. */
static void namespaces(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        struct mk *k = w.g.k;
        const uint64_t size = at(&w, 0, "upid.ns") + mk_model(k)->ptr_size;
        uint64_t inner = mk_object(k, "pid_namespace"), ids = mk_object(k, "xa_node");
        uint64_t id = mk_alloc(k, 256), numbers = at(&w, id, "pid.numbers"), link;

        mk_put(k, inner, "pid_namespace.ns.inum", 4001);
        mk_put(k, inner, "pid_namespace.level", 1);
        mk_put(k, inner, "pid_namespace.idr.idr_rt.xa_head", ids | 2);
        mk_put(k, id, "pid.level", 1);
        mk_write_u32(k, numbers, 12);
        mk_write_ptr(k, numbers + at(&w, 0, "upid.ns"), w.ns);
        mk_write_u32(k, numbers + size, 1);
        mk_write_ptr(k, numbers + size + at(&w, 0, "upid.ns"), inner);
        link = at(&w, w.task[2], "task_struct.pid_links");
        mk_write_ptr(k, at(&w, id, "pid.tasks"), link);
        mk_put(k, w.task[2], "task_struct.thread_pid", id);
        set_id(&w, w.ids, 12, id);
        set_id(&w, ids, 1, id);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "pidhashtable", "pid=12"), 1, 6),
                            "12|12|10|task-c|4000|12\n12|12|10|task-c|4001|1");
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "pidhashtable", NULL), 6, 6),
                            "10\n11\n12\n13\n1");
        mk_free(k);
    }
}

/** Until 4.14 one hash had the ids of all namespaces, and a task its links to struct pid in an
 * array of another kind. */
static void hashed(void **state)
{
    static const char *old[2 * 16];
    size_t n = 0;

    (void)state;
    for (; edits[n]; n++)
        old[n] = edits[n];
    old[n] = "struct upid { int nr; struct pid_namespace *ns; };";
    old[n + 1] = "struct pid_link { struct hlist_node node; struct pid *pid; };"
                 "struct upid { int nr; struct pid_namespace *ns; struct hlist_node pid_chain; };";
    old[n + 2] = "struct idr idr; unsigned int level; };";
    old[n + 3] = "unsigned int level; };";
    old[n + 4] = "struct pid *thread_pid;";
    old[n + 5] = "struct pid_link pids[4];";
    old[n + 6] = "struct hlist_node pid_links[4];";
    old[n + 7] = "";
    mk_each_machine(m)
    {
        struct mk_guest g;
        uint64_t ns, hash, place, id, node, t;
        unsigned ptr;

        g = mk_guest(m, old);
        ptr = mk_model(g.k)->ptr_size;
        t = mk_object(g.k, "task_struct");
        ns = mk_object(g.k, "pid_namespace");
        id = mk_object(g.k, "pid");
        hash = mk_alloc(g.k, 4 * 8);
        place = mk_alloc(g.k, 16);
        mk_symbol(g.k, "init_pid_ns", ns);
        mk_symbol(g.k, "pid_hash", place);
        mk_symbol(g.k, "pidhash_shift", place + 8);
        mk_write_ptr(g.k, place, hash);
        mk_write_u32(g.k, place + 8, 2);
        mk_put(g.k, ns, "pid_namespace.ns.inum", 4000);
        mk_put(g.k, t, "task_struct.pid", 12);
        mk_put(g.k, t, "task_struct.tgid", 12);
        mk_puts(g.k, t, "task_struct.comm", "old");
        mk_put(g.k, t, "task_struct.real_parent", g.swapper);
        mk_write_ptr(g.k, mk_at(g.k, id, "pid.tasks"), mk_at(g.k, t, "task_struct.pids"));
        mk_write_u32(g.k, mk_at(g.k, id, "pid.numbers"), 12);
        mk_write_ptr(g.k, mk_at(g.k, id, "pid.numbers") + mk_at(g.k, 0, "upid.ns"), ns);
        node = mk_at(g.k, id, "pid.numbers") + mk_at(g.k, 0, "upid.pid_chain");
        mk_write_ptr(g.k, hash + 3 * ptr, node);
        mk_write_ptr(g.k, node + ptr, hash + 3 * ptr);
        assert_string_equal(mk_columns(mk_guest_rows(&g, "pidhashtable", NULL), 1, 6),
                            "12|12|0|old|4000|12");
        mk_free(g.k);
    }
}

/* ---- memory ---- */

/** Process 1 and three others whose task_structs are in its page, which is where memory is known to
 * be. */
static struct world make_searched(const struct mk_machine *m)
{
    return make_with(m, edits, 1);
}

/** Is the task with this id found, what became of it, and does a list lead to it? "" if not. */
static const char *scanned(struct world *w, const char *pid)
{
    return mk_columns(mk_guest_rows(&w->g, "psscan", pid), 7, 8);
}

static void forget(const struct world *w, uint64_t t, int pid)
{
    unlink_node(w, at(w, t, "task_struct.tasks"));
    unlink_node(w, at(w, t, "task_struct.sibling"));
    set_id(w, w->ids, pid, 0);
}

static void searched(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make_searched(m);
        const uint64_t t = w.task[1];

        assert_true(t / w.g.page == w.task[0] / w.g.page);
        assert_string_equal(scanned(&w, "pid=2"), "living|true");
        mk_free(w.g.k);
        // No list has it: neither a scheduling class that is overwritten hides it nor its leader.
        for (int i = 0; i < 3; i++) {
            w = make_searched(m);
            forget(&w, t, 2);
            if (i == 1)
                mk_put(w.g.k, t, "task_struct.sched_class", 0x1234);
            if (i == 2)
                mk_puts(w.g.k, t, "task_struct.comm", "\x01\x02");
            assert_string_equal(scanned(&w, "pid=2"), i == 2 ? "" : "living|false");
            mk_free(w.g.k);
        }
        // A copy has its leader elsewhere, and ids are in a range.
        w = make_searched(m);
        forget(&w, t, 2);
        mk_put(w.g.k, t, "task_struct.group_leader", w.task[0]);
        assert_string_equal(scanned(&w, "pid=2"), "");
        mk_free(w.g.k);
        w = make_searched(m);
        forget(&w, t, 2);
        mk_put(w.g.k, t, "task_struct.pid", (1 << 22) + 1);
        assert_string_equal(scanned(&w, "pid=2"), "");
        mk_free(w.g.k);
    }
}

/** Task 2 has a thread, 3, which forks. @return the child, when dup_task_struct() has just made it:
 * a copy of the thread. */
static uint64_t fork_thread(const struct world *w)
{
    struct mk *k = w->g.k;
    const uint64_t size = at(w, 0, "task_struct.stack") + mk_model(k)->ptr_size;
    const uint64_t thread = w->task[2], child = mk_object(k, "task_struct");
    const uint64_t signal = mk_of((struct mk_guest *)&w->g, w->task[1], "task_struct.signal");

    assert_true(child / w->g.page == w->task[0] / w->g.page && child > thread);
    unlink_node(w, at(w, thread, "task_struct.tasks"));
    unlink_node(w, at(w, thread, "task_struct.sibling"));
    mk_put(k, thread, "task_struct.tgid", 2);
    mk_put(k, thread, "task_struct.group_leader", w->task[1]);
    mk_put(k, thread, "task_struct.signal", signal);
    mk_put(k, signal, "signal_struct.nr_threads", 2);
    mk_list_append(k, at(w, signal, "signal_struct.thread_head"),
                   at(w, thread, "task_struct.thread_node"));
    for (uint64_t i = 0; i < size; i += mk_model(k)->ptr_size)
        mk_write_ptr(k, child + i, mk_read_ptr(k, thread + i));
    return child;
}

/** What fork has not finished is new, and hides nothing; what differs from its parent in more than
 * a copy does is another task that no list has. */
static void forked(void **state)
{
    static const char *const own[] = { "task_struct.thread_pid", "task_struct.signal",
                                       "task_struct.group_leader", "task_struct.start_boottime" };

    (void)state;
    mk_each_machine(m)
    {
        struct world w = make_searched(m);
        uint64_t child = fork_thread(&w);

        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "psscan", "pid=2"), 3, 8),
                            "2|1|task-b|TASK_RUNNING|living|true\n"
                            "3|1|task-c|TASK_RUNNING|living|true\n"
                            "3|1|task-c|TASK_RUNNING|new|false");
        assert_string_equal(
            mk_columns(mk_guest_rows(&w.g, "psxview", "pid=2 threads"), 14, 15),
            "normal|\nnormal|\n"
            "normal|was being created while the image was taken: still a copy of its parent");
        mk_free(w.g.k);
        for (size_t i = 0; i < countof(own); i++) {
            w = make_searched(m);
            child = fork_thread(&w);
            mk_put(w.g.k, child, own[i], mk_of(&w.g, w.task[3], own[i]));
            assert_string_equal(scanned(&w, "pid=2"), "living|true\nliving|true\nliving|false");
            assert_string_equal(mk_columns(mk_guest_rows(&w.g, "psxview", "pid=2"), 14, 14),
                                "normal\nhidden");
            mk_free(w.g.k);
        }
        // With ids of its own, and on no list yet.
        w = make_searched(m);
        forget(&w, w.task[1], 2);
        mk_put(w.g.k, w.task[1], "task_struct.__state", 0x800);
        assert_string_equal(scanned(&w, "pid=2"), "new|false");
        mk_free(w.g.k);
    }
}

/** Memory that is full of what begins like a task takes no more room than tasks could. */
static void flooded(void **state)
{
    enum { FLOOD = 64 << 10 };

    (void)state;
    mk_each_machine(m)
    {
        struct world w = make_searched(m);
        const unsigned ptr = mk_model(w.g.k)->ptr_size;
        const uint64_t flood = mk_alloc_aligned(w.g.k, FLOOD, w.g.page);

        for (uint64_t i = 0; i < FLOOD; i += ptr)
            mk_write_ptr(w.g.k, flood + i, CLASS);
        assert_string_equal(scanned(&w, "pid=2"), "living|true");
        assert_int_equal(mk_row_notes("not all was searched"), 1);
        mk_free(w.g.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_hidden),    cmocka_unit_test(hidden),
        cmocka_unit_test(hidden_elsewhere), cmocka_unit_test(ended),
        cmocka_unit_test(moments),          cmocka_unit_test(broken),
        cmocka_unit_test(circles),          cmocka_unit_test(namespaces),
        cmocka_unit_test(hashed),           cmocka_unit_test(searched),
        cmocka_unit_test(flooded),          cmocka_unit_test(forked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
