/** own/tasks.h - every trace of a task: by the kernel's own lists and tables, by its place in a
 * slab, and by what it looks like in physical memory. */
#ifndef EG_LINUX_TASKS_H
#define EG_LINUX_TASKS_H

#include "../../../core/engram.h"
#include "../../../core/map.h"
#include "../../../core/vec.h"

/** What leads to a task. */
enum linux_task_source {
    LINUX_BY_LIST = 1,      /**< init_task.tasks, along next */
    LINUX_BY_BACK = 2,      /**< the same along prev */
    LINUX_BY_THREADS = 4,   /**< the list of threads of its process */
    LINUX_BY_PIDS = 8,      /**< the tables of ids of the pid namespaces */
    LINUX_BY_CHILDREN = 16, /**< its parent's list of children */
    LINUX_BY_CGROUPS = 32,  /**< the lists of control groups */
    LINUX_BY_QUEUES = 64,   /**< the run queues */
    LINUX_BY_SLAB = 128,    /**< an allocated object of the cache of tasks */
    LINUX_BY_SCAN = 256,    /**< physical memory that looks like one */
};
/** Lists and tables of the kernel: who is in one of these is a task to the kernel. */
#define LINUX_BY_KERNEL                                                                            \
    (LINUX_BY_LIST | LINUX_BY_BACK | LINUX_BY_THREADS | LINUX_BY_PIDS | LINUX_BY_CHILDREN |        \
     LINUX_BY_CGROUPS | LINUX_BY_QUEUES)

/** Marks of a task_struct, each independent of the others. */
enum linux_task_mark {
    LINUX_MARK_CLASS = 1,    /**< sched_class leads to a scheduling class */
    LINUX_MARK_COMM = 2,     /**< its name is text, and ends within its 16 bytes */
    LINUX_MARK_IDS = 4,      /**< pid and tgid are in their range */
    LINUX_MARK_LEADER = 8,   /**< its group_leader has its tgid */
    LINUX_MARK_CRED = 16,    /**< its credentials are credentials */
    LINUX_MARK_STACK = 32,   /**< its kernel stack ends with the magic number of one */
    LINUX_MARK_PID = 64,     /**< its struct pid has its number */
    LINUX_MARK_SIGNAL = 128, /**< its signal_struct has as many threads as some process has */
    LINUX_MARK_SLAB = 256,   /**< it is where an object of the cache of tasks begins */
};
extern const struct eg_constant linux_task_marks[];

enum linux_task_place {
    LINUX_TASK_ALLOCATED = 1, /**< of the cache of tasks */
    LINUX_TASK_FREE,          /**< on a free list or in a sheaf: what is left of one that ended */
    LINUX_TASK_UNKNOWN,       /**< in a slab whose free lists are damaged, or slabs are not known */
    LINUX_TASK_OUTSIDE,       /**< in no slab of tasks: the page was given back */
    LINUX_TASK_STATIC,        /**< init_task, a part of the kernel's image */
};
struct linux_task_trace {
    uint64_t va, pa; /**< pa UINT64_MAX: its first byte is not in the image */
    int32_t tgid, pid;
    uint16_t sources, marks;
    uint8_t place, confidence; /**< enum linux_task_place; percent of the marks that it can have */
    bool is_new; /**< fork has not finished it: it is a copy of its parent still, or TASK_NEW, and
                    on no list */
};
struct linux_tasks {
    EG_VEC(struct linux_task_trace) at; /**< by tgid, pid, va */
    struct eg_map by_va;                /**< number in @at */
    uint16_t available; /**< sources that this image has; what others say is not known */
    bool whole;         /**< the list comes back to init_task, both ways */
    bool failed;        /**< out of memory */
    int64_t newest;     /**< the latest start of a task that the list has, ns since boot */
};
/** Kept by the system. NULL: the run was stopped, or failed. */
EG_API const struct linux_tasks *linux_tasks(struct eg_run *r);

/** For tasks_scan.c: where physical memory looks like a task_struct, by address.
 * @delta: virtual - physical address. @return false: out of memory, or stopped. */
struct linux_task_anchor {
    uint64_t class_first, class_last; /**< addresses of scheduling classes; 0: none known */
    uint64_t class_off, leader_off;   /**< of the members */
    bool has_leader;
    uint64_t delta;
};
struct linux_task_hits {
    EG_VEC(uint64_t) at; /**< physical addresses of task_structs, sorted, each once */
    bool cut; /**< somewhere more looks like tasks than there can be: only some are here */
};
bool linux_task_scan(struct eg_run *r, const struct linux_task_anchor *a,
                     struct linux_task_hits *out);

#endif
