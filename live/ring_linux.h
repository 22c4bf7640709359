/** ring_linux.h - what QEMU's plugin has to know of a Linux kernel: where each processor's task is,
 * where its registers were saved, and where system calls enter and leave. */
#ifndef EG_LIVE_RING_LINUX_H
#define EG_LIVE_RING_LINUX_H

#include "../core/run.h"
#include "ring.h"

/** @return false: the run has failed, with what is not known. x86-64 and AArch64. */
bool live_ring_linux(struct eg_run *r, struct ring_linux *out);

/** Where system calls enter and leave: addresses of the kernel's code. */
struct ring_gate {
    uint64_t address;
    bool leaves;
    unsigned bits; /**< of the programs: 64, 32 */
    const char *name;
};
enum { RING_GATES = 8 };
/** @return how many; 0: none is known. */
unsigned live_ring_gates(struct eg_run *r, struct ring_gate out[RING_GATES]);

#endif
