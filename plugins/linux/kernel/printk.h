/** printk.h - records of the kernel's log, from either of its two formats. */
#ifndef EG_LINUX_PRINTK_H
#define EG_LINUX_PRINTK_H

#include "../../../core/engram.h"

struct linux_log_record {
    uint64_t seq, ts_nsec;
    unsigned level, facility;
    bool has_caller;
    uint32_t caller;  /**< a thread's id, or with the top bit a CPU's */
    const char *text; /**< not ended by a NUL; valid until the run ends */
    size_t len;
    const char *subsystem, *device; /**< of dev_printk(); NULL: none */
};
typedef void linux_log_fn(struct eg_run *r, void *state, const struct linux_log_record *record);

/** Both return false where this kernel has no such log. The ring of descriptors, since 5.10
 * (kernel/printk/printk_ringbuffer.h). */
bool linux_log_ring(struct eg_run *r, linux_log_fn *emit, void *state);
/** The buffer of struct printk_log, 3.11 to 5.9 (kernel/printk/printk.c). */
bool linux_log_buffer(struct eg_run *r, linux_log_fn *emit, void *state);

#endif
