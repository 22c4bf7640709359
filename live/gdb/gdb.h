/** gdb.h - the server of `engram gdb`: one connection of a debugger, and what it may ask of an
 * image (gdb's manual, "Remote Serial Protocol"; lldb's docs/resources/lldbgdbremote).
 *
 *  The kernel is one inferior, GDB_KERNEL, whose threads are all tasks; each process is another.
 * What is costly to find (tasks, registers) is found once, for an image does not change. Everything
 * that arrives is a stranger's: lengths, numbers and names are checked. Memory is of one run, which
 * lives as long as the connection; answers are made in @out. */
#ifndef EG_LIVE_GDB_H
#define EG_LIVE_GDB_H

#include "../../core/run.h"
#include "../../plugins/linux/sched/regs.h"
#include "../../plugins/linux/user/whole.h"
#include "../rsp.h"

/** The process id of the kernel's inferior: that of kthreadd, which no program ever has. */
enum { GDB_KERNEL = 2, GDB_IDLE_TID = 1 << 22 /**< + the CPU: thread ids of the idle tasks */ };

struct gdb_thread {
    struct eg_obj task; /**< task_struct */
    uint32_t pid;       /**< of its process (tgid) */
    uint32_t tid;
    int cpu; /**< -1: not known */
    bool idle;
    const char *name;
    /* Found when they are asked for: gdb_registers(), gdb_thread_text(). */
    const struct linux_regs *kernel, *user; /**< NULL: not looked for, or @why_… */
    uint8_t why_kernel, why_user;           /**< enum eg_why: why there are none */
    const char *text;
};
struct gdb_process {
    uint32_t pid;
    struct eg_obj leader, mm; /**< of a leader that has ended another of its threads */
    struct linux_whole whole; /**< its memory as it would read it */
    bool compat;              /**< a 32-bit program */
    bool attached;
    bool described; /**< the debugger has read what registers it has */
    struct gdb_process *next;
};
struct gdb_file;
struct gdb_layout;
struct gdb_options {
    const uint32_t *pids; /**< processes that are inferiors from the beginning */
    size_t n_pids;
    bool all; /**< all processes are */
    /** Of gdb_mint_kernel(), which takes longer than a debugger waits for an answer where the
     * computer is busy; size 0: it is made when it is asked for. */
    int kernel_file;
    uint64_t kernel_size;
};
struct gdb {
    struct eg_run *r;
    const struct gdb_options *options;
    const struct gdb_hooks *hooks;
    void *context;      /**< of the hooks */
    struct rsp_out out; /**< the answer */
    struct gdb_thread *threads;
    size_t n_threads;              /**< sorted by tid */
    struct gdb_process *processes; /**< those that were asked for, in order */
    bool kernel;                   /**< it is an inferior: it was not detached */
    uint32_t pid, tid;      /**< of the last Hg: GDB_KERNEL or a process; a thread of @threads */
    struct gdb_file *files; /**< open ones of vFile */
    uint32_t fs_pid;        /**< of vFile:setfs: whose mount namespace; 0: the first */
    const struct gdb_layout *layouts[4]; /**< registers.c */
    struct {                             /* the object that is being sent: query.c */
        const char *name, *annex;
        uint32_t pid, tid;
        const uint8_t *at;
        size_t len;
    } object;
    struct { /* what qsThreadInfo goes on with: threads.c */
        size_t inferior, thread;
        uint32_t pid;
    } listed;
    bool multiprocess, no_acks, physical;
    bool error_texts; /**< the debugger reads E.text */
    bool lldb, error_strings, thread_suffix, list_threads,
        tried_p; /**< what lldb says of itself, and tries */
    bool done;   /**< the debugger has gone, or the run has failed: send @out and hang up */
};
/** What the command gives: running plugins. */
struct gdb_hooks {
    /** Run `monitor LINE`. The text of all results goes to @out, which ends with a newline. */
    void (*monitor)(void *context, const char *line, struct eg_arena *a, char **out);
    /** A plugin's rows as the XML of qXfer:osdata; @name "": the list of tables. NULL: no such
     * plugin. */
    const char *(*osdata)(void *context, const char *name, struct eg_arena *a);
};

/** Make the kernel's ELF file (kernel/vmlinux.h), in a run of its own. @return a descriptor, which
 * the caller closes; -1: a note of @r says why. */
int gdb_mint_kernel(struct eg_run *r, uint64_t *size);

/** @o and @hooks are borrowed, and may be NULL. @return NULL: the run has failed. Not inside of
 * eg_run_do(), nor are the next two. */
struct gdb *gdb_open(struct eg_run *r, const struct gdb_options *o, const struct gdb_hooks *hooks,
                     void *context);
/** Answer one packet (a NUL is behind it): whole packets are added to g->out, which the caller
 * sends and empties. */
void gdb_answer(struct gdb *g, const char *packet, size_t len);
void gdb_close(struct gdb *g); /**< NULL-safe */
/** Answer what comes from @in on @out until the debugger goes (either may be a pipe; SIGPIPE has to
 * be ignored). @return 0; -EG_ECANCEL: Ctrl-C. */
int gdb_serve(struct gdb *g, int in, int out);

/* ---- between the files of this folder ---- */

/* All of them are called inside of eg_run_do(): eg_tmp() is at hand, and lasts until the debugger
 * goes. What a packet alone needs is not taken from it. */

struct gdb_thread *gdb_thread_find(struct gdb *g, uint32_t tid);
/** The thread of the last Hg; NULL: none is left. Is it seen as one of its process, not of the
 * kernel? */
struct gdb_thread *gdb_current(struct gdb *g);
bool gdb_in_process(const struct gdb *g);
/** Its registers in the kernel, or those of its program; NULL: none, t->why_kernel or t->why_user.
 */
const struct linux_regs *gdb_registers(struct gdb *g, struct gdb_thread *t, bool user);
/** The process of @pid, with its memory; NULL: none, or a kernel thread. It may not be attached. */
struct gdb_process *gdb_process_find(struct gdb *g, uint32_t pid);

/** Text that is made once and sent in pieces (qXfer), of the inferior and thread of the last Hg. In
 * the run's memory. It is made again when another object, annex or thread was asked for in between.
 */
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

/** Which files memory did not have whole, and what was given instead: `monitor files`. */
const char *gdb_files_text(struct gdb *g);

/** One answer: Enn, with the text where the debugger reads one. */
void gdb_error(struct gdb *g, unsigned number, const char *format, ...) EG_PRINTF(3, 4);
/** The same, an answer of one packet. */
void gdb_reply(struct gdb *g, const char *format, ...) EG_PRINTF(2, 3);

#endif
