/** sched/flags.h - bits and enumerations of tasks by name (include/linux/sched.h). */
#ifndef EG_LINUX_SCHED_FLAGS_H
#define EG_LINUX_SCHED_FLAGS_H

#include "../../../core/engram.h"

enum linux_pf {
    PF_IDLE = 0x2,
    PF_EXITING = 0x4,
    PF_IO_WORKER = 0x10,
    PF_WQ_WORKER = 0x20,
    PF_KTHREAD = 0x00200000
};

extern const struct eg_constant linux_exit_states[];
extern const struct eg_constant linux_capabilities[];

#endif
