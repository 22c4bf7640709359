/* outside.c - a plugin of its own shared object, as users write it outside of this tree. */
#include "engram.h"

EG_FIELDS(task, pid, from_outside);
EG_SYMBOL(init_task, "task_struct");

#define COLUMNS(C) C(PID, INT, "process id") C(KTHREAD, BOOL, "is the first task a kernel thread?")
EG_COLUMNS(COLUMNS);

static int run(struct eg_run *r)
{
    const struct eg_obj init = eg_sym(r, init_task);

    eg_row(r, .PID = eg_int((int64_t)eg_has(r, task.pid) + eg_has(r, task.from_outside)),
           .KTHREAD = init.why ? (struct eg_cell){ 0 } : eg_call(r, "is_kthread", &init, 1));
    return 0;
}

EG_PLUGIN(outside) = {
    .help = "Say whether a plugin of its own works",
    .columns = columns,
    .run = run,
};
