/* typed_read - task->mm->pgd many times, by handles and by hand-written offsets through the same
 * TLB, in turns; the benchmark also counts the instructions of both functions. */
#include "engram.h"
#include <time.h>

EG_FIELDS(task_struct, tasks, mm);
EG_FIELDS(mm_struct, pgd);
EG_SYMBOL(init_task, "task_struct");

#define COLUMNS(C)                                                                                 \
    C(MODE, TEXT, "handles or offsets")                                                            \
    C(READS, INT, "reads of task->mm->pgd in a turn that gave a value")                            \
    C(SUM, ADDR, "their sum: equal in both modes")                                                 \
    C(PS, INT, "picoseconds of CPU time for a read, in the best turn")
EG_COLUMNS(COLUMNS);

enum { TASKS_MAX = 1024 };

struct tasks {
    struct eg_obj at[TASKS_MAX];
    unsigned n;
};

static __attribute__((__noinline__)) uint64_t by_handles(const struct tasks *t, int64_t rounds,
                                                         int64_t *reads)
{
    uint64_t sum = 0, pgd;

    for (int64_t round = 0; round < rounds; round++)
        for (unsigned i = 0; i < t->n; i++)
            if (eg_get(&pgd, t->at[i], task_struct.mm, mm_struct.pgd)) {
                sum += pgd;
                ++*reads;
            }
    return sum;
}

static __attribute__((__noinline__)) uint64_t by_offsets(struct eg_run *r, const struct tasks *t,
                                                         int64_t rounds, int64_t *reads)
{
    const uint64_t mm_off = eg_offset(r, task_struct.mm), pgd_off = eg_offset(r, mm_struct.pgd);
    struct eg_view *v = eg_view_of(r);
    struct eg_space *kernel = eg_kernel(r);
    uint64_t sum = 0;

    for (int64_t round = 0; round < rounds; round++)
        for (unsigned i = 0; i < t->n; i++) {
            const uint8_t *p = eg_bytes(v, kernel, t->at[i].addr + mm_off, 8);
            uint64_t mm, pgd;

            if (!p)
                continue;
            __builtin_memcpy(&mm, p, 8);
            if (!mm || !(p = eg_bytes(v, kernel, mm + pgd_off, 8)))
                continue;
            __builtin_memcpy(&pgd, p, 8);
            sum += pgd;
            ++*reads;
        }
    return sum;
}

static int64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int run(struct eg_run *r)
{
    struct tasks *tasks = eg_tmp(r, sizeof *tasks);
    int64_t rounds = 1, turns = 1, reads[2] = { 0 }, best[2] = { INT64_MAX, INT64_MAX };
    uint64_t sum[2] = { 0 }, mm;
    struct eg_obj t;

    eg_arg_int(r, "rounds", &rounds);
    eg_arg_int(r, "turns", &turns);
    eg_each_list(t, eg_at(eg_sym(r, init_task), task_struct.tasks), task_struct.tasks)
        if (tasks->n < TASKS_MAX && eg_get(&mm, t, task_struct.mm) && mm)
            tasks->at[tasks->n++] = t;
    for (int64_t i = 0; i < 2 * turns; i++) {
        const int64_t begun = cpu_ns();
        const int k = i % 2;

        reads[k] = 0;
        sum[k] = k ? by_offsets(r, tasks, rounds, &reads[k]) : by_handles(tasks, rounds, &reads[k]);
        if (cpu_ns() - begun < best[k])
            best[k] = cpu_ns() - begun;
    }
    for (int k = 0; k < 2; k++)
        eg_row(r, .MODE = eg_text(k ? "offsets" : "handles"), .READS = eg_int(reads[k]),
               .SUM = eg_uint(sum[k]),
               .PS = reads[k] ? eg_int(best[k] * 1000 / reads[k]) : eg_missing(EG_BAD_VALUE, 0));
    return 0;
}

EG_PLUGIN(typed_read) = {
    .os = "linux",
    .help = "Benchmark of a typed read through two pointers",
    .columns = columns,
    .args = EG_ARGS(EG_ARG(rounds, INT, "how often over all processes, in a turn"),
                    EG_ARG(turns, INT, "how many turns for each")),
    .needs = EG_NEEDS(task_struct.tasks, task_struct.mm, mm_struct.pgd),
    .needs_symbols = EG_NEEDS_SYMBOLS(init_task),
    .run = run,
};
