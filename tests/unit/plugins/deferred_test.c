/* deferred_test.c - ktimers, workqueues, deferred, livepatches, uprobes, perf_events: whose code
 * waits to be called, and what is close to it. */
#include "check.h"
#include "mkcode.h"
#include <stdio.h>
#include <stdlib.h>

/* ---- timers ---- */

#define RB_TYPES                                                                                   \
    "struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right, *rb_left; };"     \
    "struct rb_root { struct rb_node *rb_node; };"
#define WORK_TYPES                                                                                 \
    "struct timer_list { struct hlist_node entry; unsigned long expires; void *function;"          \
    "  u32 flags; };"                                                                              \
    "struct work_struct { unsigned long data; struct list_head entry; void *func; };"              \
    "struct workqueue_struct { struct list_head pwqs, list; char name[24]; };"                     \
    "struct delayed_work { struct work_struct work; struct timer_list timer;"                      \
    "  struct workqueue_struct *wq; };"                                                            \
    "struct timer_base { struct timer_list *running_timer; struct hlist_head vectors[8]; };"
static const char timer_types[] = WORK_TYPES RB_TYPES
    "struct rb_root_cached { struct rb_root rb_root; struct rb_node *rb_leftmost; };"
    "struct timerqueue_head { struct rb_root_cached rb_root; };"
    "struct timerqueue_node { struct rb_node node; s64 expires; };"
    "struct hrtimer { struct timerqueue_node node; void *function; u8 is_soft, is_hard; };"
    "struct hrtimer_clock_base { int clockid; struct hrtimer *running;"
    "  struct timerqueue_head active; };"
    "struct hrtimer_cpu_base { struct hrtimer_clock_base clock_base[2]; };";
// Since 7.1 the nodes of the tree are a list, too.
static const char linked_types[] = WORK_TYPES RB_TYPES
    "struct rb_node_linked { struct rb_node node; struct rb_node_linked *prev, *next; };"
    "struct rb_root_linked { struct rb_root rb_root; struct rb_node_linked *rb_leftmost; };"
    "struct timerqueue_linked_head { struct rb_root_linked rb_root; };"
    "struct timerqueue_linked_node { struct rb_node_linked node; s64 expires; };"
    "struct hrtimer { struct timerqueue_linked_node node; void *function; u8 is_soft, is_hard; };"
    "struct hrtimer_clock_base { int clockid; struct hrtimer *running;"
    "  struct timerqueue_linked_head active; };"
    "struct hrtimer_cpu_base { struct hrtimer_clock_base clock_base[2]; };";

struct timed {
    struct mk_code c;
    struct mk *k;
    uint64_t bases, clocks, size, handler, delayed;
};

static struct timed timed(const struct mk_machine *m, bool linked)
{
    struct timed t = { .c = mk_code(m, linked ? linked_types : timer_types) };

    t.k = t.c.k;
    t.size = 9 * mk_model(t.k)->ptr_size; // of a timer_base
    t.bases = mk_percpu(&t.c, "timer_bases", 2 * t.size);
    t.clocks = mk_percpu(&t.c, "hrtimer_bases", 16 * mk_model(t.k)->ptr_size);
    t.handler = mk_function(&t.c, "handler");
    t.delayed = mk_function(&t.c, "delayed_work_timer_fn");
    return t;
}

static void start(struct timed *t, uint64_t base, unsigned bucket, uint64_t timer,
                  uint64_t function)
{
    mk_put(t->k, timer, "timer_list.function", function);
    mk_hlist_add(t->k, mk_at(t->k, base, "timer_base.vectors") + bucket * mk_model(t->k)->ptr_size,
                 timer);
}

static const char *const called = "KIND CPU SYMBOL MODULE FLAGS DETAIL HINTS";

/* On both CPUs, in each base of one, in any bucket; and what a work's timer leads to. */
static void timers(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct timed t = timed(m, false);
        uint64_t one = mk_object(t.k, "timer_list"), two = mk_object(t.k, "timer_list");
        uint64_t runs = mk_object(t.k, "timer_list"), queue = mk_object(t.k, "workqueue_struct");
        uint64_t work[2];
        char want[1024];

        start(&t, t.bases, 0, one, t.handler);
        mk_put(t.k, one, "timer_list.flags", 0x00200000 | 1);
        start(&t, t.bases + t.size + MK_CPU, 7, two, t.c.nobody);
        mk_put(t.k, runs, "timer_list.function", t.c.module);
        mk_put(t.k, t.bases, "timer_base.running_timer", runs);
        mk_puts(t.k, queue, "workqueue_struct.name", "events");
        for (int i = 0; i < 2; i++) {
            work[i] = mk_object(t.k, "delayed_work");
            mk_put(t.k, mk_at(t.k, work[i], "delayed_work.work"), "work_struct.func",
                   i ? t.c.nobody : t.handler);
            mk_put(t.k, work[i], "delayed_work.wq", queue);
            start(&t, t.bases + MK_CPU, 1 + (unsigned)i, mk_at(t.k, work[i], "delayed_work.timer"),
                  t.delayed);
        }
        snprintf(want, sizeof want,
                 "timer|0||extra|RUNNING||" MK_OUTSIDE "\n"
                 "timer|0|handler|kernel|IRQSAFE||\n"
                 "timer|1|delayed_work_timer_fn|kernel||work handler of events|\n"
                 "timer|1|delayed_work_timer_fn|kernel||work %#llx of events|work: " MK_NOBODY "\n"
                 "timer|1|||||" MK_NOBODY,
                 (unsigned long long)t.c.nobody);
        assert_string_equal(mk_code_rows(&t.c, "ktimers", NULL, called), want);
        mk_free(t.k);
    }
}

static void hrtimers(void **state)
{
    (void)state;
    mk_each_machine(m) for (int linked = 0; linked < 2; linked++)
    {
        struct timed t = timed(m, linked);
        uint64_t one = mk_object(t.k, "hrtimer"), two = mk_object(t.k, "hrtimer"), clocks;

        clocks = mk_at(t.k, t.clocks + MK_CPU, "hrtimer_cpu_base.clock_base");
        mk_put(t.k, one, "hrtimer.function", t.handler);
        mk_put(t.k, one, "hrtimer.is_soft", 1);
        mk_put(t.k, two, "hrtimer.function", t.c.nobody);
        mk_put(t.k, one, "rb_node.rb_right", two);
        mk_put(t.k, two, "rb_node.__rb_parent_color", one);
        mk_put(t.k, clocks, "hrtimer_clock_base.clockid", 1);
        mk_write_ptr(t.k, mk_at(t.k, clocks, "hrtimer_clock_base.active"), one);
        assert_string_equal(mk_code_rows(&t.c, "ktimers", NULL, called),
                            "hrtimer|1|handler|kernel|SOFT||\n"
                            "hrtimer|1|||||" MK_NOBODY);
        mk_free(t.k);
    }
}

/* ---- work queues ---- */

static const char queue_types[] =
    WORK_TYPES "struct worker_pool { int cpu, id; struct list_head worklist, workers; };"
               "struct pool_workqueue { struct worker_pool *pool; struct workqueue_struct *wq;"
               "  struct list_head inactive_works, pwqs_node; };"
               "struct worker { struct work_struct *current_work; void *current_func;"
               "  struct pool_workqueue *current_pwq; struct list_head scheduled, node;"
               "  struct task_struct *task; };"
               "struct task_struct { int pid; char comm[16]; };";

static uint64_t make_work(struct mk_code *c, uint64_t func, uint64_t pwq)
{
    uint64_t work = mk_object(c->k, "work_struct");

    mk_put(c->k, work, "work_struct.func", func);
    mk_put(c->k, work, "work_struct.data", pwq ? pwq | 5 : 0);
    return work;
}

static void workqueues(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_code c = mk_code(m, queue_types);
        struct mk *k = c.k;
        uint64_t handler = mk_function(&c, "handler"), head = mk_alloc(k, 16), link, links[2];
        uint64_t queue = mk_object(k, "workqueue_struct"), pool = mk_object(k, "worker_pool");
        uint64_t pwq = mk_alloc_aligned(k, 256, 256), worker = mk_object(k, "worker");
        uint64_t task = mk_object(k, "task_struct"), idle;

        mk_percpu(&c, "timer_bases", 9 * mk_model(k)->ptr_size);
        mk_puts(k, queue, "workqueue_struct.name", "events");
        link = mk_at(k, queue, "workqueue_struct.list");
        mk_list(k, head, &link, 1);
        mk_symbol(k, "workqueues", head);
        link = mk_at(k, pwq, "pool_workqueue.pwqs_node");
        mk_list(k, mk_at(k, queue, "workqueue_struct.pwqs"), &link, 1);
        mk_put(k, pwq, "pool_workqueue.wq", queue);
        mk_put(k, pwq, "pool_workqueue.pool", pool);
        link = mk_at(k, make_work(&c, c.module, 0), "work_struct.entry");
        mk_list(k, mk_at(k, pwq, "pool_workqueue.inactive_works"), &link, 1);
        links[0] = mk_at(k, make_work(&c, handler, pwq), "work_struct.entry");
        links[1] = mk_at(k, make_work(&c, c.nobody, pwq), "work_struct.entry");
        mk_list(k, mk_at(k, pool, "worker_pool.worklist"), links, 2);
        idle = mk_object(k, "worker");
        mk_list(k, mk_at(k, idle, "worker.scheduled"), NULL, 0);
        links[0] = mk_at(k, idle, "worker.node");
        links[1] = mk_at(k, worker, "worker.node");
        mk_list(k, mk_at(k, pool, "worker_pool.workers"), links, 2);
        mk_list(k, mk_at(k, worker, "worker.scheduled"), NULL, 0);
        mk_put(k, worker, "worker.current_func", handler + 4);
        mk_put(k, worker, "worker.current_pwq", pwq);
        mk_put(k, worker, "worker.task", task);
        mk_put(k, task, "task_struct.pid", 17);
        mk_puts(k, task, "task_struct.comm", "kworker");
        assert_string_equal(
            mk_code_rows(&c, "workqueues", NULL, "KIND WORKQUEUE CPU PID SYMBOL MODULE HINTS"),
            "inactive||0|||extra|" MK_OUTSIDE "\n"
            "pending|events|0||handler|kernel|\n"
            "pending|events|0||||" MK_NOBODY "\n"
            "running|events|0|17|handler+0x4|kernel|inside a function");
        mk_free(k);
    }
}

/* ---- soft interrupts, tasklets, RCU, irq_work ---- */

static const char later_types[] =
    "struct softirq_action { void *action; };"
    "struct tasklet_struct { struct tasklet_struct *next; void *func; };"
    "struct tasklet_head { struct tasklet_struct *head; };"
    "struct callback_head { struct callback_head *next; void *func; };"
    "struct rcu_segcblist { struct callback_head *head; };"
    "struct rcu_data { struct rcu_segcblist cblist; };"
    "struct llist_node { struct llist_node *next; }; struct llist_head { struct llist_node *first; "
    "};"
    "struct __call_single_node { struct llist_node llist; };"
    "struct irq_work { struct __call_single_node node; void *func; };";

static void link_after(struct mk *k, uint64_t head, uint64_t node)
{
    mk_write_ptr(k, node, mk_read_ptr(k, head));
    mk_write_ptr(k, head, node);
}

static void deferred(void **state)
{
    (void)state;
    mk_each_machine(m) for (int circle = 0; circle < 2; circle++)
    {
        struct mk_code c = mk_code(m, later_types);
        struct mk *k = c.k;
        const uint64_t word = mk_model(k)->ptr_size;
        uint64_t handler = mk_function(&c, "handler"), soft = mk_alloc(k, 10 * word), last = 0;
        uint64_t tasklets = mk_percpu(&c, "tasklet_vec", word), one;
        uint64_t rcu = mk_percpu(&c, "rcu_data", word), raised = mk_percpu(&c, "raised_list", word);
        const uint64_t functions[] = { handler, c.nobody, 16, handler };

        mk_percpu(&c, "tasklet_hi_vec", word);
        mk_percpu(&c, "lazy_list", word);
        mk_symbol_sized(k, "softirq_vec", soft, (uint32_t)(10 * word));
        mk_write_ptr(k, soft + 3 * word, handler);
        mk_write_ptr(k, soft + 4 * word, c.module);
        one = mk_object(k, "tasklet_struct");
        mk_put(k, one, "tasklet_struct.func", c.nobody);
        link_after(k, tasklets + MK_CPU, one);
        for (size_t i = 0; i < countof(functions); i++) {
            one = mk_object(k, "callback_head");
            mk_put(k, one, "callback_head.func", functions[i]);
            link_after(k, rcu, one);
            last = last ? last : one;
        }
        if (circle)
            mk_write_ptr(k, last, one);
        one = mk_object(k, "irq_work");
        mk_put(k, one, "irq_work.func", c.module);
        link_after(k, raised, one);
        if (!circle)
            assert_string_equal(
                mk_code_rows(&c, "deferred", NULL, "KIND NAME CPU COUNT SYMBOL MODULE HINTS"),
                "softirq|NET_RX|||handler|kernel|\n"
                "softirq|BLOCK||||extra|" MK_OUTSIDE "; a soft interrupt is a module's\n"
                "rcu||0|2|handler|kernel|\n"
                "rcu||0|1|||" MK_NOBODY "\n"
                "irq_work||0|1||extra|" MK_OUTSIDE "\n"
                "tasklet||1|1|||" MK_NOBODY);
        else // each of the circle's is counted a few times
            for (const char *n = mk_code_rows(&c, "deferred", NULL, "COUNT"); n;
                 n = strchr(n, '\n') ? strchr(n, '\n') + 1 : NULL)
                assert_in_range(strtoul(n, NULL, 10), 0, 32);
        assert_int_equal(mk_row_notes("they go in a circle"), circle);
        assert_int_equal(mk_row_notes("is not known on every CPU"), 0);
        mk_free(k);
    }
}

#define MORE_TYPES(tasks_rcu)                                                                      \
    "struct callback_head { struct callback_head *next; void *func; };"                            \
    "struct rcu_segcblist { struct callback_head *head; };" tasks_rcu                              \
    "struct srcu_data { long lock; struct rcu_segcblist srcu_cblist; };"                           \
    "struct llist_node { struct llist_node *next; };"                                              \
    "struct llist_head { struct llist_node *first; };"                                             \
    "struct __call_single_node { struct llist_node llist; unsigned int u_flags; };"                \
    "struct __call_single_data { struct __call_single_node node; void *func; };"                   \
    "struct signal_struct { struct list_head thread_head; };"                                      \
    "struct restart_block { long arch_data; void *fn; };"                                          \
    "struct task_struct { struct list_head tasks, thread_node; int pid; char comm[16];"            \
    "  struct signal_struct *signal; struct callback_head *task_works;"                            \
    "  struct restart_block restart_block; };"
static const char percpu_types[] =
    MORE_TYPES("struct rcu_tasks_percpu { struct rcu_segcblist cblist; };"
               "struct rcu_tasks { int gp_state; struct rcu_tasks_percpu *rtpcpu; };");
static const char single_types[] =
    MORE_TYPES("struct rcu_tasks { struct callback_head *cbs_head; };");

static uint64_t call_back(struct mk *k, uint64_t head, uint64_t function)
{
    const uint64_t one = mk_object(k, "callback_head");

    mk_put(k, one, "callback_head.func", function);
    link_after(k, head, one);
    return one;
}

/* A task with a thread, which is itself. */
static uint64_t make_task(struct mk *k, int pid, const char *comm)
{
    const uint64_t task = mk_object(k, "task_struct"), signal = mk_object(k, "signal_struct");
    const uint64_t node = mk_at(k, task, "task_struct.thread_node");

    mk_put(k, task, "task_struct.pid", (uint64_t)pid);
    mk_puts(k, task, "task_struct.comm", comm);
    mk_put(k, task, "task_struct.signal", signal);
    mk_list(k, mk_at(k, signal, "signal_struct.thread_head"), &node, 1);
    return task;
}

/* RCU of tasks, in both forms; SRCU; what another CPU asked for; work of a task. */
static void more_deferred(void **state)
{
    enum { ASYNC = 1, WAKE_UP = 0x30 };

    (void)state;
    mk_each_machine(m) for (int percpu = 0; percpu < 2; percpu++)
    {
        struct mk_code c = mk_code(m, percpu ? percpu_types : single_types);
        struct mk *k = c.k;
        const uint64_t word = mk_model(k)->ptr_size, handler = mk_function(&c, "handler");
        const uint64_t rcu = mk_object(k, "rcu_tasks"), task = make_task(k, 7, "sleep");
        const uint64_t init = make_task(k, 0, "swapper"), of = mk_percpu(&c, "waiting", word);
        const uint64_t srcu = mk_percpu(&c, "lab_srcu_data", 2 * word);
        const uint64_t queue = mk_percpu(&c, "call_single_queue", word);
        const uint64_t link = mk_at(k, task, "task_struct.tasks");
        const uint64_t restart = mk_at(k, task, "task_struct.restart_block");
        uint64_t one = mk_object(k, "__call_single_data");

        mk_symbol(k, "rcu_tasks", rcu);
        mk_symbol(k, "init_task", init);
        mk_list(k, mk_at(k, init, "task_struct.tasks"), &link, 1);
        mk_put(k, restart, "restart_block.fn", handler);
        assert_string_equal(mk_code_rows(&c, "deferred", NULL, "KIND"), "");

        if (percpu)
            mk_put(k, rcu, "rcu_tasks.rtpcpu", of);
        call_back(k, percpu ? of + MK_CPU : rcu, c.nobody);
        call_back(k, mk_at(k, srcu, "srcu_data.srcu_cblist"), c.module);
        call_back(k, mk_at(k, srcu, "srcu_data.srcu_cblist"), 16); // a distance, for kfree
        mk_put(k, one, "__call_single_data.func", c.nobody);
        mk_put(k, mk_at(k, one, "__call_single_data.node"), "__call_single_node.u_flags", ASYNC);
        link_after(k, queue, one);
        one = mk_object(k, "__call_single_data"); // is part of a task
        mk_put(k, one, "__call_single_data.func", c.nobody + 8);
        mk_put(k, mk_at(k, one, "__call_single_data.node"), "__call_single_node.u_flags", WAKE_UP);
        link_after(k, queue, one);
        call_back(k, mk_at(k, task, "task_struct.task_works"), handler);
        mk_put(k, restart, "restart_block.fn", c.nobody);
        assert_string_equal(
            mk_code_rows(&c, "deferred", NULL, "KIND NAME CPU COUNT SYMBOL MODULE HINTS"),
            percpu ? "call||0|1|||" MK_NOBODY "\n"
                     "rcu_tasks|rcu_tasks|1|1|||" MK_NOBODY "\n"
                     "srcu|lab|0|1||extra|" MK_OUTSIDE "\n"
                     "task_work|sleep (7)||1|handler|kernel|\n"
                     "restart|sleep (7)|||||" MK_NOBODY
                   : "call||0|1|||" MK_NOBODY "\n"
                     "rcu_tasks|rcu_tasks||1|||" MK_NOBODY "\n"
                     "srcu|lab|0|1||extra|" MK_OUTSIDE "\n"
                     "task_work|sleep (7)||1|handler|kernel|\n"
                     "restart|sleep (7)|||||" MK_NOBODY);
        mk_free(k);
    }
}

/* ---- pointers to code ---- */

static const char reference_types[] = "struct vm_struct { void *addr; };";

static void coderefs(void **state)
{
    (void)state;
    mk_each_machine(m) for (int outside = 0; outside < 2; outside++)
    {
        struct mk_code c = mk_code(m, reference_types);
        struct mk *k = c.k;
        const uint64_t handler = mk_function(&c, "handler"), data = c.kernel + 0x2000;
        const uint64_t word = mk_model(k)->ptr_size;

        mk_symbol(k, "_stext", c.kernel);
        mk_symbol(k, "_etext", data - 64);
        mk_symbol_sized(k, "variable", data, 64);
        mk_symbol_sized(k, "new_call", c.module, 64); // of no module's symbols: it has no name
        if (!outside)
            mk_put(k, c.of, "module.taints", 0);
        mk_write_ptr(k, data, handler);
        mk_write_ptr(k, data + 8 * word, c.nobody); // in no area of vmalloc: it may be a number
        assert_string_equal(mk_code_rows(&c, "coderefs", NULL, "KIND"), "");
        mk_write_ptr(k, data + 2 * word, c.module);
        mk_write_ptr(k, c.of, c.module); // in what is no memory of the kernel's image
        assert_string_equal(mk_code_rows(&c, "coderefs", NULL, "KIND NAME POINTS_TO MODULE HINTS"),
                            outside ? "kernel|variable|code|extra|" MK_OUTSIDE : "");
        mk_free(k);
    }
}

/* ---- livepatches ---- */

static const char patch_types[] =
    "struct klp_patch { struct module *mod; bool replace, enabled; struct list_head list, "
    "obj_list; "
    "};"
    "struct klp_object { char *name; struct list_head func_list, node; };"
    "struct klp_func { char *old_name; void *new_func, *old_func; struct list_head node; bool nop; "
    "};";

static void livepatches(void **state)
{
    enum { NOBODY, OWN, KERNEL, NOP };
    static const char *const rows[] = {
        "extra|vmlinux|old|||ENABLED|" MK_NOBODY,
        "extra|vmlinux|old||extra|ENABLED|" MK_OUTSIDE,
        "extra|vmlinux|old|handler|kernel|ENABLED|not code of the livepatch's module",
        "extra|vmlinux|old|handler|kernel|ENABLED NOP|",
    };

    (void)state;
    mk_each_machine(m) for (int i = 0; i < 4; i++)
    {
        struct mk_code c = mk_code(m, patch_types);
        struct mk *k = c.k;
        uint64_t patch = mk_object(k, "klp_patch"), object = mk_object(k, "klp_object"), link;
        uint64_t func = mk_object(k, "klp_func"), head = mk_alloc(k, 16), name = mk_alloc(k, 8);
        const uint64_t handler = mk_function(&c, "handler");
        const uint64_t at[] = { c.nobody, c.module, handler, handler };

        link = mk_at(k, patch, "klp_patch.list");
        mk_list(k, head, &link, 1);
        mk_symbol(k, "klp_patches", head);
        mk_put(k, patch, "klp_patch.mod", c.of);
        mk_put(k, patch, "klp_patch.enabled", 1);
        link = mk_at(k, object, "klp_object.node");
        mk_list(k, mk_at(k, patch, "klp_patch.obj_list"), &link, 1);
        link = mk_at(k, func, "klp_func.node");
        mk_list(k, mk_at(k, object, "klp_object.func_list"), &link, 1);
        mk_write(k, name, "old", 4);
        mk_put(k, func, "klp_func.old_name", name);
        mk_put(k, func, "klp_func.new_func", at[i]);
        mk_put(k, func, "klp_func.nop", i == NOP);
        assert_string_equal(
            mk_code_rows(&c, "livepatches", NULL, "NAME OBJECT HOOKED SYMBOL MODULE FLAGS HINTS"),
            rows[i]);
        mk_free(k);
    }
}

/* ---- uprobes ---- */

#define PROBE_TYPES RB_TYPES "struct inode { unsigned long i_ino; };"
static const char chain_types[] = PROBE_TYPES
    "struct uprobe_consumer { void *handler, *ret_handler; struct uprobe_consumer *next; "
    "};"
    "struct uprobe { struct rb_node rb_node; struct uprobe_consumer *consumers;"
    "  struct inode *inode; s64 offset; };";
static const char list_types[] = PROBE_TYPES
    "struct uprobe_consumer { void *handler, *ret_handler; struct list_head cons_node; };"
    "struct uprobe { struct rb_node rb_node; struct list_head consumers;"
    "  struct inode *inode; s64 offset; };";

static void uprobes(void **state)
{
    (void)state;
    mk_each_machine(m) for (int list = 0; list < 2; list++)
    {
        struct mk_code c = mk_code(m, list ? list_types : chain_types);
        struct mk *k = c.k;
        uint64_t root = mk_alloc(k, 8), probe = mk_object(k, "uprobe"), all;
        uint64_t one[2] = { mk_object(k, "uprobe_consumer"), mk_object(k, "uprobe_consumer") };

        mk_write_ptr(k, root, probe);
        mk_symbol(k, "uprobes_tree", root);
        mk_put(k, probe, "uprobe.inode", mk_object(k, "inode"));
        mk_put(k, probe, "uprobe.offset", 0x20);
        mk_put(k, one[0], "uprobe_consumer.handler", mk_function(&c, "handler"));
        mk_put(k, one[1], "uprobe_consumer.ret_handler", c.nobody);
        all = mk_at(k, probe, "uprobe.consumers");
        if (list) {
            uint64_t links[] = { mk_at(k, one[0], "uprobe_consumer.cons_node"),
                                 mk_at(k, one[1], "uprobe_consumer.cons_node") };

            mk_list(k, all, links, 2);
        } else {
            mk_write_ptr(k, all, one[0]);
            mk_put(k, one[0], "uprobe_consumer.next", one[1]);
        }
        assert_string_equal(
            mk_code_rows(&c, "uprobes", NULL, "KIND FILE_OFFSET SYMBOL MODULE HINTS"),
            "uprobe|32|handler|kernel|\n"
            "uretprobe|32|||" MK_NOBODY);
        assert_int_equal(mk_row_notes("not all that it calls"), 0);
        if (!list) { // a chain that leads back
            mk_put(k, one[1], "uprobe_consumer.next", one[0]);
            assert_string_equal(mk_code_rows(&c, "uprobes", NULL, "KIND"), "uprobe\nuretprobe");
            assert_int_equal(mk_row_notes("not all that it calls"), 1);
        }
        mk_free(k);
    }
}

/* ---- perf_events: of CPUs ---- */

#define EVENT_TYPES                                                                                \
    "struct signal_struct { struct list_head thread_head; };"                                      \
    "struct task_struct { int pid, tgid, flags; char comm[16]; struct list_head tasks;"            \
    "  struct signal_struct *signal; struct list_head thread_node;"                                \
    "  struct perf_event_context *perf_event_ctxp; };"                                             \
    "struct perf_event_attr { u32 type; u64 config; };"                                            \
    "struct perf_event { struct list_head event_entry; struct pmu *pmu; int state, cpu;"           \
    "  struct perf_event_attr attr; struct task_struct *owner; void *overflow_handler, *prog;"     \
    "  void *tp_event; };"                                                                         \
    "struct perf_event_context { struct list_head event_list; };"                                  \
    "struct perf_cpu_context { struct perf_event_context ctx; };"
static const char event_types[] = EVENT_TYPES "struct pmu { struct list_head entry; char *name; };";
static const char shared_types[] = EVENT_TYPES
    "struct pmu { struct list_head entry; char *name; struct perf_cpu_context *pmu_cpu_context; };";

static void perf_events(void **state)
{
    (void)state;
    mk_each_machine(m) for (int shared = 0; shared < 2; shared++)
    {
        struct mk_code c = mk_code(m, shared ? shared_types : event_types);
        struct mk *k = c.k;
        uint64_t contexts = mk_percpu(&c, "perf_cpu_context", 2 * mk_model(k)->ptr_size), links[2];
        uint64_t event[2] = { mk_object(k, "perf_event"), mk_object(k, "perf_event") };
        uint64_t pmu[2] = { mk_object(k, "pmu"), mk_object(k, "pmu") }, head = mk_alloc(k, 16);
        uint64_t owner = mk_object(k, "task_struct");

        mk_put(k, owner, "task_struct.tgid", 17);
        for (int i = 0; i < 2; i++) {
            mk_put(k, event[i], "perf_event.attr.type", 1);
            mk_put(k, event[i], "perf_event.overflow_handler",
                   i ? c.nobody : mk_function(&c, "perf_event_output"));
            mk_put(k, event[i], "perf_event.owner", i ? owner : UINT64_MAX);
            mk_put(k, event[i], "perf_event.cpu", (uint64_t)i);
            mk_put(k, event[i], "perf_event.state", i ? 1 : UINT64_MAX);
            links[0] = mk_at(k, event[i], "perf_event.event_entry");
            mk_list(k, contexts + (uint64_t)i * MK_CPU, links, 1);
            if (shared)
                mk_put(k, pmu[i], "pmu.pmu_cpu_context", contexts);
            links[i] = mk_at(k, pmu[i], "pmu.entry");
        }
        links[0] = mk_at(k, pmu[0], "pmu.entry");
        mk_list(k, head, links, 2);
        mk_symbol(k, "pmus", head);
        links[0] = mk_at(k, owner, "task_struct.tasks");
        mk_list(k, links[0], NULL, 0);
        mk_symbol(k, "init_task", owner);
        assert_string_equal(
            mk_code_rows(&c, "perf_events", NULL, "CPU KIND STATE OWNER_PID SYMBOL MODULE HINTS"),
            "0|software|off||perf_event_output|kernel|\n"
            "1|software|active|17|||" MK_NOBODY);
        mk_free(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers),      cmocka_unit_test(hrtimers),
        cmocka_unit_test(workqueues),  cmocka_unit_test(deferred),
        cmocka_unit_test(livepatches), cmocka_unit_test(uprobes),
        cmocka_unit_test(perf_events), cmocka_unit_test(more_deferred),
        cmocka_unit_test(coderefs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
