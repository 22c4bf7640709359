/** procfs_own.h - between the files that make /proc. */
#ifndef EG_LIVE_PROCFS_OWN_H
#define EG_LIVE_PROCFS_OWN_H

#include "../core/run.h"

/** A text that grows, in the memory of its run. */
struct procfs_out {
    struct eg_run *r;
    char *at;
    size_t n, cap;
};
void procfs_add(struct procfs_out *o, const char *format, ...) EG_PRINTF(2, 3);
void procfs_bytes(struct procfs_out *o, const void *p, size_t n);
/** Text with those of its characters that are in @special as \ooo (seq_path and the like). */
void procfs_escaped(struct procfs_out *o, const char *text, const char *special);
/** The name of a task as stat and status have it (proc_task_name). */
void procfs_name(struct procfs_out *o, const char *text);

/** Whose file it is. */
struct procfs_task {
    struct eg_obj task, leader;
    bool thread; /**< below task/TID: of this thread alone */
};

/** One file for each process; @return false: this one has none. */
typedef bool procfs_make(struct procfs_out *o, const struct procfs_task *t);
procfs_make procfs_maps, procfs_smaps, procfs_cmdline, procfs_environ, procfs_auxv, procfs_cgroup,
    procfs_mountinfo, procfs_status, procfs_stat, procfs_statm, procfs_limits, procfs_comm;

/** The same of the machine; @t is empty. */
procfs_make procfs_version, procfs_kernel_cmdline, procfs_modules;

/** Pages of each kind that an mm_struct counts: of files, anonymous, swapped out, shared memory. */
struct procfs_rss {
    int64_t of[4];
};
struct procfs_rss procfs_rss(struct eg_run *r, struct eg_obj mm);
/** The id of a struct pid in the pid namespace of level @level, if that is @ns (0: whatever it is);
 * 0: it has none there. */
int32_t procfs_pid_number(struct eg_run *r, struct eg_obj pid, uint32_t level, uint64_t ns);

#endif
