/* typed_read - task->mm->pgd many times, by handles and by hand-written offsets through the same
 * TLB. The benchmark runs both under a clock and under an instruction counter; their difference is
 * what a typed read costs. */
#include "engram.h"

EG_FIELDS(task_struct, tasks, mm);
EG_FIELDS(mm_struct, pgd);
EG_SYMBOL(init_task, "task_struct");

#define COLUMNS(C)                                                                                 \
    C(MODE, TEXT, "handles, offsets or nothing (the loop alone)")                                  \
    C(READS, INT, "reads of task->mm->pgd that gave a value")                                      \
    C(SUM, ADDR, "their sum: equal in both modes")
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

static int run(struct eg_run *r)
{
    struct tasks *tasks = eg_tmp(r, sizeof *tasks);
    const char *mode = eg_arg_text(r, "mode");
    int64_t rounds = 1, reads = 0;
    struct eg_obj t;
    uint64_t sum = 0, mm;

    if (!mode || !eg_arg_int(r, "rounds", &rounds))
        return eg_failed(r, "typed_read wants --mode and --rounds");
    eg_each_list(t, eg_at(eg_sym(r, init_task), task_struct.tasks), task_struct.tasks)
        if (tasks->n < TASKS_MAX && eg_get(&mm, t, task_struct.mm) && mm)
            tasks->at[tasks->n++] = t;
    if (mode[0] == 'h')
        sum = by_handles(tasks, rounds, &reads);
    else if (mode[0] == 'o')
        sum = by_offsets(r, tasks, rounds, &reads);
    eg_row(r, .MODE = eg_text(mode), .READS = eg_int(reads), .SUM = eg_uint(sum));
    return 0;
}

EG_PLUGIN(typed_read) = {
    .os = "linux",
    .help = "Benchmark of a typed read through two pointers",
    .columns = columns,
    .args = EG_ARGS(EG_ARG(mode, TEXT, "handles, offsets or nothing"),
                    EG_ARG(rounds, INT, "how often over all processes")),
    .needs = EG_NEEDS(task_struct.tasks, task_struct.mm, mm_struct.pgd),
    .needs_symbols = EG_NEEDS_SYMBOLS(init_task),
    .run = run,
};
