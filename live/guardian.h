/** guardian.h - a small process beside this one, which lets a stopped machine go on when this one
 * has gone in whatever way: QEMU keeps breakpoints of a debugger whose connection ended, and
 * stands. */
#ifndef EG_LIVE_GUARDIAN_H
#define EG_LIVE_GUARDIAN_H

#include "../core/base.h"

struct guardian {
    int pipe; /**< its end tells the guardian; -1: there is none */
    int pid;
};
/** Watch over the stub at the other end of @fd. */
int guardian_start(struct guardian *g, int fd, struct eg_error *e);
/** It is no longer needed: the machine was left in order. */
void guardian_end(struct guardian *g);

#endif
