/** mms.h - the address spaces of processes, each once, and their mappings. */
#ifndef EG_LINUX_MMS_H
#define EG_LINUX_MMS_H

#include "../../../core/engram.h"

/** The most address spaces that are told apart. */
enum { LINUX_MMS_MAX = (1 << 19) - 1 };

/** A mapping of a process: [start, last]. */
struct linux_span {
    uint64_t start, last;
    uint64_t vma;     /**< its vm_area_struct */
    const char *name; /**< of linux_span_name(); NULL: not asked for */
};

/** An address space, and the first process (by its id) that uses it. */
struct linux_mm {
    uint64_t mm;            /**< its mm_struct */
    struct eg_space *space; /**< kept by the system */
    uint64_t last;          /**< of the addresses that are the process's */
    int64_t pid;
    const char *comm;         /**< that process's name; NULL: it cannot be read */
    struct linux_span *spans; /**< of linux_mm_spans(); NULL: not asked for */
    size_t n_spans;
};
/** All of them by process id, each once; @given: only those of processes that --pid names.
 * @return how many, in the run's memory. */
size_t linux_mms(struct eg_run *r, bool given, struct linux_mm **out);
/** Walk its mappings, once. */
void linux_mm_spans(struct eg_run *r, struct linux_mm *mm);
/** The mapping that holds @va; NULL: none, as far as is known. */
struct linux_span *linux_mm_span_at(const struct linux_mm *mm, uint64_t va);
/** As /proc/PID/maps names it; NULL: it has none. */
const char *linux_span_name(struct eg_run *r, const struct linux_mm *mm, struct linux_span *s);

#endif
