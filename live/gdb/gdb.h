/** gdb.h - the server of `engram gdb`: one connection of a debugger, and what it may ask of an
 * image (gdb's manual, "Remote Serial Protocol"; lldb's docs/resources/lldbgdbremote).
 *
 *  The kernel is one inferior, GDB_KERNEL, whose threads are all tasks; each process is another. What
 * is costly to find (tasks, registers) is found once, for an image does not change. Everything that
 * arrives is a stranger's: lengths, numbers and names are checked. Memory is of one run, which lives
 * as long as the connection; answers are made in @out. */
#ifndef EG_LIVE_GDB_H
#define EG_LIVE_GDB_H

#include "../../core/run.h"
#include "../../plugins/linux/sched/regs.h"
#include "../../plugins/linux/user/whole.h"
#include "../rsp.h"

/** The process id of the kernel's inferior: that of kthreadd, which no program ever has. */
enum { GDB_KERNEL = 2, GDB_IDLE_TID = 1 << 22 /**< + the CPU: thread ids of the idle tasks */ };

struct gdb_thread {
    uint64_t task; /**< task_struct */
    uint32_t pid;  /**< of its process (tgid) */
    uint32_t tid;
    int cpu;         /**< -1: not known */
    const char *name;
    const char *extra; /**< free text of `info threads`; NULL: not made yet */
    struct linux_regs *kernel, *user; /**< NULL: not looked for yet, or see the reasons */
    uint8_t no_kernel, no_user;       /**< enum eg_why; EG_OK: not looked for, or there */
};
struct gdb_process {
    uint32_t pid;
    struct eg_obj leader, mm;
    struct linux_whole whole; /**< its memory as it would read it */
    bool attached;
    struct gdb_process *next;
};
struct gdb_file;
struct gdb {
    struct eg_run *r;
    struct rsp_out out; /**< the answer */
    struct gdb_thread *threads;
    size_t n_threads; /**< sorted by tid */
    struct gdb_process *processes; /**< those that were asked for */
    uint32_t pid, tid; /**< of the last Hg; pid GDB_KERNEL or a process's */
    struct gdb_file *files; /**< open ones of vFile */
    uint32_t fs_pid;        /**< of vFile:setfs: whose mount namespace; 0: the first */
    bool no_acks, multiprocess, error_texts, done;
    const struct gdb_hooks *hooks;
    void *context;
};
/** What the command gives: running plugins. */
struct gdb_hooks {
    /** Run `monitor LINE`. The text of all results goes to @out, which ends with a newline. */
    void (*monitor)(void *context, const char *line, struct eg_arena *a, char **out);
    /** A plugin's rows as the XML of qXfer:osdata; @name "": the list of tables. NULL: no such
     * plugin. */
    const char *(*osdata)(void *context, const char *name, struct eg_arena *a);
};

struct gdb *gdb_open(struct eg_run *r, const struct gdb_hooks *hooks, void *context);
/** Answer one packet: whole packets are added to g->out. */
void gdb_answer(struct gdb *g, const char *packet, size_t len);
void gdb_close(struct gdb *g);

/* ---- between the files of this folder ---- */

struct gdb_thread *gdb_thread_find(struct gdb *g, uint32_t tid);
/** The process of @pid, with its memory; NULL: none, or a kernel thread. */
struct gdb_process *gdb_process_find(struct gdb *g, uint32_t pid);

/** Text that is made once and sent in pieces (qXfer). NULL: E01. Lives as long as the run, or until
 * the same object is asked for with another annex. */
struct gdb_object {
    const char *name; /**< "auxv", "libraries-svr4", … */
    /** @return the bytes; NULL with *@error: none. */
    const uint8_t *(*make)(struct gdb *g, const char *annex, size_t *len, const char **error);
};
extern const struct gdb_object gdb_objects_process[]; /**< objects.c: auxv, exec-file,
                                                           libraries-svr4, siginfo, osdata; the last
                                                           has the name NULL */

/** vFile:… (files.c): open, close, pread, fstat, stat, readlink, setfs. @return false: not one of
 * them. Names under /proc are made of the image; others come from the page cache, in the mount
 * namespace and root of g->fs_pid; the kernel's file is minted (kernel/vmlinux.h). */
bool gdb_vfile(struct gdb *g, const char *packet, size_t len);
/** The name under which the kernel's minted file is opened: exec-file of GDB_KERNEL. */
#define GDB_KERNEL_FILE "/proc/kernel.elf"

/** /proc/PID/NAME as the guest's own would be (procfs.c): maps, cmdline, environ, status, stat,
 * comm, auxv, task/TID/…, links cwd exe root fd/N. NULL: no such. */
const char *gdb_proc_text(struct gdb *g, const char *path, size_t *len);
const char *gdb_proc_link(struct gdb *g, const char *path);

void gdb_error(struct gdb *g, unsigned number, const char *format, ...)
    EG_PRINTF(3, 4); /**< E.text where the debugger reads that, else Enn */

#endif
