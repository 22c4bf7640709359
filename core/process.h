/** process.h - the options of every plugin whose rows have a PID: which processes (--pid, --name,
 * --uid, --container, --tree), and what else is said of each (--context). Plugins do nothing for
 * it; one that walks processes declares `pid` and asks eg_arg_match(), so that it does no work for
 * those that are not wanted. */
#ifndef EG_PROCESS_H
#define EG_PROCESS_H

#include "registry.h"

/** What an operating system tells of one process (eg_os.processes). Texts live as long as the
 * system. */
struct eg_process {
    int64_t pid;
    int64_t parent;                               /**< -1: not known */
    int64_t uid, euid;                            /**< real and effective user; -1: not known */
    const char *name;                             /**< NULL: it cannot be read */
    const char *container, *runtime, *pod, *unit; /**< of its control group; NULL: none */
    const char *ids; /**< in each pid namespace, the outermost first: "4711,1"; NULL: not known */
    uint64_t pid_ns; /**< inode number of the innermost one; 0: not known */
    enum eg_why why; /**< not EG_OK: container, runtime, pod and unit are not known */
    uint64_t why_addr;
    uint64_t object; /**< where the kernel's structure of it is */
};

/** What every such plugin takes; the last one has the name NULL. */
extern const struct eg_arg eg_process_args[];
/** Have its rows a PID? */
bool eg_has_processes(const struct eg_plugin *p);
/** An option of a plugin by name, also one of eg_process_args; NULL: it has none. */
const struct eg_arg *eg_plugin_arg(const struct eg_plugin *p, const char *name);
/** Does it declare this option itself? */
bool eg_declares(const struct eg_plugin *p, const char *name);
/** Is it one of eg_process_args; and one that says which processes? */
bool eg_is_process_arg(const char *name);
bool eg_is_selection(const char *name);
/** The @nth option of this name that was given; NULL: there are fewer. */
const struct eg_given_arg *eg_given(const struct eg_given_arg *args, size_t n, const char *name,
                                    size_t nth);
/** The columns of a plugin's rows when it is run with these options: its own, and those of
 * --context that it does not have itself. @return p->columns, or an array in @a; NULL: out of
 * memory. */
const struct eg_column *eg_plugin_columns(const struct eg_plugin *p,
                                          const struct eg_given_arg *args, size_t n,
                                          struct eg_arena *a);

/** What --context says, in the order of its columns. */
enum eg_context {
    EG_CONTEXT_CONTAINER,
    EG_CONTEXT_RUNTIME,
    EG_CONTEXT_POD,
    EG_CONTEXT_UNIT,
    EG_CONTEXT_PID_NS,
    EG_CONTEXT_NSPID,
    EG_CONTEXT_HEALTH,
    EG_N_CONTEXT
};
extern const struct eg_column eg_context_columns[EG_N_CONTEXT];

/* ---- of a run ---- */

struct eg_run_processes {
    const struct eg_process *at; /**< by pid; NULL: not asked for yet */
    size_t n;
    uint8_t *chosen;     /**< of each; NULL: not worked out */
    const char **health; /**< of each: what contradicts itself, "": nothing, NULL: not asked for */
    size_t pid;          /**< the column */
    size_t own;          /**< how many columns are the plugin's own */
    uint8_t context[EG_N_CONTEXT]; /**< which of the columns of --context follow them */
    bool chooses;                  /**< --name, --uid, --container or --tree is given */
    bool filters; /**< rows of other processes are dropped: the plugin has no --pid */
};

/** Check the values of these options. @return 0 or -EG_EUSAGE, -EG_EUNSUP. */
int eg_processes_check(struct eg_system *sys, const struct eg_plugin_reg *p,
                       const struct eg_run_options *o, struct eg_error *e);
/** Set r->processes, r->columns and r->n_columns from the plugin and the options. @return 0 or
 * -EG_ENOMEM. */
int eg_processes_begin(struct eg_run *r, struct eg_error *e);
/** Do --name, --uid, --container and --tree choose this process? True when none was given. */
bool eg_process_chosen(struct eg_run *r, int64_t pid);
/** Set the values of --context, behind the plugin's own. */
void eg_process_context(struct eg_run *r, struct eg_value *values);
/** Add notes for choices that nothing matches. */
void eg_processes_unmatched(struct eg_run *r);

#endif
