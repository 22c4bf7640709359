/* linux_kthread_test.c - kernel threads: what they run, their whole names, their work queues. */
#include "check.h"
#include "mkguest.h"

static const char *const edits[] = {
    "struct pid_namespace { struct ns_common ns; };",
    "struct kthread { int (*threadfn)(void *); void *data; char *full_name; };"
    "struct workqueue_struct { char name[24]; };"
    "struct pool_workqueue { struct workqueue_struct *wq; };"
    "struct worker { void *current_work; void (*current_func)(void);"
    "  struct pool_workqueue *current_pwq; struct task_struct *task; void *pool; char desc[24];"
    "  struct workqueue_struct *rescue_wq; };"
    "struct pid_namespace { struct ns_common ns; };",
    "struct css_set *cgroups; };",
    "struct css_set *cgroups; void *worker_private; };",
    NULL,
};

enum { TASKS = 4, FIRST = 10 };

struct world {
    struct mk_guest g;
    uint64_t task[TASKS];
};

static struct world make_with(const struct mk_machine *m, const char *const *types)
{
    struct world w = { .g = mk_guest(m, types) };

    for (int i = 0; i < TASKS; i++)
        w.task[i] = mk_guest_task(&w.g, FIRST + i, "task", 0);
    return w;
}

static uint64_t kernel_thread(struct world *w, int i, const char *comm, uint64_t flags)
{
    uint64_t kthread = mk_object(w->g.k, "kthread");

    mk_put(w->g.k, w->task[i], "task_struct.flags", MK_KTHREAD | flags);
    mk_puts(w->g.k, w->task[i], "task_struct.comm", comm);
    mk_put(w->g.k, w->task[i], "task_struct.worker_private", kthread);
    return kthread;
}

static void kernel_threads(void **state)
{
    enum { WQ_WORKER = 0x20 };

    (void)state;
    mk_each_machine(m)
    {
        struct world w = make_with(m, edits);
        struct mk *k = w.g.k;
        uint64_t kthread, worker = mk_object(k, "worker"), queue = mk_object(k, "workqueue_struct");
        uint64_t pwq = mk_object(k, "pool_workqueue");

        mk_symbol(k, "tasks_kthread", 0x9000);
        kthread = kernel_thread(&w, 1, "rcu_tasks_kthre", 0);
        mk_put(k, kthread, "kthread.threadfn", 0x9000);
        mk_put(k, kthread, "kthread.full_name", mk_text(k, "rcu_tasks_kthread"));
        kthread = kernel_thread(&w, 2, "kworker/0:1", WQ_WORKER);
        mk_put(k, kthread, "kthread.data", worker);
        mk_put(k, worker, "worker.task", w.task[2]);
        mk_puts(k, worker, "worker.desc", "events");
        mk_put(k, worker, "worker.pool", worker);
        kernel_thread(&w, 3, "kthreadd", 0);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "kthreads", NULL), 3, 8),
                            "rcu_tasks_kthread|0x9000|kernel|tasks_kthread||\n"
                            "kworker/0:1-events|-|||events|\n"
                            "kthreadd|-||||");
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "psaux", "pid=11,12"), 5, 5),
                            "[rcu_tasks_kthread]\n[kworker/0:1-events]");
        // While it works; and a worker that is another's is none.
        mk_puts(k, queue, "workqueue_struct.name", "writeback");
        mk_put(k, pwq, "pool_workqueue.wq", queue);
        mk_put(k, worker, "worker.current_work", queue);
        mk_put(k, worker, "worker.current_pwq", pwq);
        mk_put(k, worker, "worker.current_func", 0x9000);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "kthreads", "pid=12"), 3, 8),
                            "kworker/0:1+events|-|||writeback|tasks_kthread");
        mk_put(k, worker, "worker.task", w.task[3]);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "kthreads", "pid=12"), 3, 8),
                            "kworker/0:1|-||||");
        mk_free(k);
    }
}

/** Kernels before 5.8 do not keep the function, and have the rest elsewhere: rows all the same. */
static void old_kernel_threads(void **state)
{
    static const char *old[2 * 16];
    size_t n = 0;

    (void)state;
    for (; edits[n]; n++)
        old[n] = edits[n];
    old[n] = "int (*threadfn)(void *); void *data; char *full_name; };";
    old[n + 1] = "void *data; };";
    old[n + 2] = "void *worker_private; };";
    old[n + 3] = "int *set_child_tid; };";
    mk_each_machine(m)
    {
        struct world w = make_with(m, old);

        mk_put(w.g.k, w.task[2], "task_struct.flags", MK_KTHREAD);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "kthreads", NULL), 1, 8),
                            "12|12|task|-||||");
        mk_free(w.g.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(kernel_threads),
                                        cmocka_unit_test(old_kernel_threads) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
