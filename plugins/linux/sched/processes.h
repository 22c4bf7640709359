/** sched/processes.h - all processes in one table: for options that choose among them, and for
 * --context (core/process.h). */
#ifndef EG_LINUX_PROCESSES_H
#define EG_LINUX_PROCESSES_H

#include "../../../core/process.h"

/** By pid, kept by the system: eg_os.processes. */
const struct eg_process *linux_processes(struct eg_run *r, size_t *n);
/** Why nothing was found of a process or thread that is there: eg_os.why_nothing. */
const char *linux_why_nothing(struct eg_run *r, const char *option, int64_t id);

#endif
