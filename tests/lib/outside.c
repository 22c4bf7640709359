/* outside.c - a plugin of its own shared object, as users write it outside of this tree. */
#include "engram.h"

EG_FIELDS(task, pid, from_outside);

#define COLUMNS(C) C(PID, INT, "process id")
EG_COLUMNS(COLUMNS);

static int run(struct eg_run *r)
{
    eg_row(r, .PID = eg_int((int64_t)eg_has(r, task.pid) + eg_has(r, task.from_outside)));
    return 0;
}

EG_PLUGIN(outside) = {
    .help = "Say whether a plugin of its own works",
    .columns = columns,
    .run = run,
};
