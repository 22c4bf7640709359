/** registry.h - all that was declared, by kind and name; handles' ids; running plugins. */
#ifndef EG_REGISTRY_H
#define EG_REGISTRY_H

#include "system.h"
#include "table.h"

/** Give every handle of the program its id, once per process, before any system opens; again after
 * a .so was loaded. Same type and member (or symbol and type), same id, whoever declared it. */
int eg_registry_init(struct eg_error *e);

/** Handles by id, for resolution. @return NULL past the end. */
enum eg_handle_kind { EG_H_FIELD = 1, EG_H_TYPE, EG_H_SYMBOL, EG_H_ENUM };
struct eg_handle {
    enum eg_handle_kind kind;
    const char *type, *name, *module; /**< type of a symbol: its type expression; of an enumerator:
                                         the enum. name: of a type NULL */
    const char *from; /**< the file that declares it, where that is not in this tree; NULL */
};
const struct eg_handle *eg_handle(uint32_t id);
uint32_t eg_handle_count(void); /**< ids are 1..count-1 */
/** The paths that the source of plugins holds, by id, as handles are. */
const struct eg_pathref *eg_pathref(uint32_t id);
uint32_t eg_pathref_count(void);

const struct eg_plugin_reg *eg_plugin_nth(size_t i); /**< sorted by name */
/** By name, alias, or Volatility's habit ("linux.pslist", "linux.pslist.PsList"). */
const struct eg_plugin_reg *eg_plugin_find(const char *name);
const struct eg_walker_reg *eg_walker_nth(size_t i);
const struct eg_os_reg *eg_os_nth(size_t i);

const struct eg_function_reg *eg_function_nth(size_t i);   /**< sorted by name; NULL past the end */
const struct eg_constants_reg *eg_constants_nth(size_t i); /**< the same of constants */
/** How many arguments it takes, by its .args. */
void eg_function_args(const struct eg_function *f, unsigned *min, unsigned *max);
/** What it returns: "boolean" and the words of eg_function.returns. */
const char *eg_function_returns(const struct eg_function *f);
/** Call it. @return an unset cell where there is no answer (a .is of what cannot be read). @n is
 * within eg_function_args. */
struct eg_cell eg_function_call(struct eg_run *r, const struct eg_function *f,
                                const struct eg_obj *args, unsigned n);
/** Add what a module declares: a shared object's, a test program's own (&eg_module), or plugins
 * made at run time. The module's records must stay until the process ends. Before any system opens. */
int eg_registry_add(const struct eg_module *m, struct eg_error *e);
/** Load a folder's *.so; each must carry this build's EG_ABI. */
int eg_registry_load(const char *dir, struct eg_error *e);
/** The nearest known name, for "did you mean"; NULL when none is near. */
const char *eg_nearest(const char *name, const char *const *names);

/** What of its needs, and those of what it uses, this system lacks, as text ("task_struct.mm, symbol modules"); NULL: it can run.
 * In @a. */
char *eg_plugin_lacks(struct eg_system *sys, const struct eg_plugin *p, struct eg_arena *a);

struct eg_given_arg {
    const char *name, *value; /**< value: NULL for flags; several of one name add up */
};
struct eg_run_options {
    const struct eg_given_arg *args;
    size_t n_args;
    const char *out_dir; /**< -o */
    unsigned threads;
    size_t memory_limit; /**< of a run's arena; 0: 1 GiB */
    bool quiet;
    unsigned seconds;       /**< that a script may take; 0: 600 */
    size_t script_memory;   /**< of a script; 0: memory_limit, and without one 512 MiB */
    uint64_t script_steps;  /**< of a script's virtual machine; 0: 200,000 million */
    uint64_t script_output; /**< bytes of all files that a script writes; 0: 4 GiB */
    uint64_t *script_used;  /**< the steps that a script took are added here; may be NULL */
    unsigned depth;         /**< of a run that another one asked for; 0: it is nobody's */
    uint64_t deadline; /**< of such a run, on CLOCK_MONOTONIC in ns: it is stopped then; 0: none */
};
/** Where a run's rows go, as they come. */
struct eg_sink {
    void (*row)(void *context, unsigned depth, const struct eg_value *v, size_t n);
    void *context;
};
struct eg_run_result {
    int status;   /**< 0, or -EG_E… */
    char *error;  /**< text when status is not 0 */
    char **notes; /**< NULL-terminated */
    size_t n_notes, n_rows;
    struct eg_arena arena; /**< holds error and notes: eg_arena_fini when done */
};
/** Run one plugin on one system. Options it does not declare are ignored here: the command checks.
 */
void eg_plugin_run(struct eg_system *sys, const struct eg_plugin_reg *p,
                   const struct eg_run_options *o, struct eg_sink sink, struct eg_run_result *out);

#endif
