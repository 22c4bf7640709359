/** registry.h - the declarations of this program, of modules (shared objects) and of scripts, by
 * kind and name; the ids of handles; running plugins. */
#ifndef EG_REGISTRY_H
#define EG_REGISTRY_H

#include "reader.h"
#include "records.h"
#include "system.h"
#include "table.h"

/** Assign an id to every handle of the program: once per process, before any system opens, and
 * again after a .so was loaded. Handles with the same type and member (or symbol and type) get the
 * same id. */
int eg_registry_init(struct eg_error *e);

/** Handles by id, for resolution. @return NULL past the end. */
enum eg_handle_kind { EG_H_FIELD = 1, EG_H_TYPE, EG_H_SYMBOL, EG_H_ENUM };
struct eg_handle {
    enum eg_handle_kind kind;
    const char *type, *name, *module; /**< type: of a symbol its type expression, of an enumerator
                                           the enum; name: NULL for types */
    const char *from; /**< the file that declares it if that is outside this tree; else NULL */
};
const struct eg_handle *eg_handle(uint32_t id);
uint32_t eg_handle_count(void); /**< ids are 1..count-1 */
/** The paths in the source of all plugins, by id. */
const struct eg_pathref *eg_pathref(uint32_t id);
uint32_t eg_pathref_count(void);

const struct eg_plugin_reg *eg_plugin_nth(size_t i); /**< sorted by name */
/** By name, alias, or as Volatility names them ("linux.pslist", "linux.pslist.PsList"). */
const struct eg_plugin_reg *eg_plugin_find(const char *name);
const struct eg_walker_reg *eg_walker_nth(size_t i);
const struct eg_os_reg *eg_os_nth(size_t i);

const struct eg_function_reg *eg_function_nth(size_t i);   /**< sorted by name; NULL past the end */
const struct eg_constants_reg *eg_constants_nth(size_t i); /**< the same of constants */
/** The most arguments that a function can take. */
enum { EG_FUNCTION_ARGS = 4 };
/** How many arguments it takes, by its .args. */
void eg_function_args(const struct eg_function *f, unsigned *min, unsigned *max);
/** How many values a walker gives; 0: it gives places. */
unsigned eg_walker_values(const struct eg_walker *w);
/** What it returns: "boolean" and the words of eg_function.returns. */
const char *eg_function_returns(const struct eg_function *f);
/** Call it. @return an unset cell where there is no answer (a .is of what cannot be read). @n is
 * within eg_function_args. The run fails when an argument is an empty cursor. */
struct eg_cell eg_function_call(struct eg_run *r, const struct eg_function *f,
                                const struct eg_obj *args, unsigned n);
/** Add the declarations of a module: of a shared object, or made at run time (scripts, tests). They
 * must stay until the process ends. Call it before any image is opened. @return -EG_EUNSUP: built
 * with other headers; -EG_EFORMAT: a declaration lacks something; -EG_EUSAGE: a name is taken. */
int eg_registry_add(const struct eg_module *m, struct eg_error *e);
/** Load all *.so of a folder; each must have the EG_ABI of this build. *@loaded: how many. */
int eg_registry_load(const char *dir, size_t *loaded, struct eg_error *e);

/** What a module can declare. */
enum eg_record_kind {
    EG_R_PLUGINS,
    EG_R_WALKERS,
    EG_R_FUNCTIONS,
    EG_R_CONSTANTS,
    EG_R_FORMATS,
    EG_R_READERS,
    EG_R_KINDS
};
/** Check a record of a module before it is added: is it complete, and is its name free? @return 0,
 * -EG_EFORMAT or -EG_EUSAGE. */
int eg_record_check(enum eg_record_kind kind, const void *record, struct eg_error *e);
int eg_record_clash(enum eg_record_kind kind, const void *record, const void *other,
                    struct eg_error *e);

/** The most similar name, for "did you mean"; NULL when none is similar. */
const char *eg_nearest(const char *name, const char *const *names);

/** The first name in .uses that no walker or function has: a mistake of the plugin's author. NULL:
 * none. */
const char *eg_plugin_unknown_use(const struct eg_plugin *p);

/** The members and symbols that the plugin, or a walker or function that it uses, needs and this
 * system lacks, as text in @a: "task_struct.mm, symbol modules". NULL: none, it can run. */
char *eg_plugin_lacks(struct eg_system *sys, const struct eg_plugin *p, struct eg_arena *a);

struct eg_given_arg {
    const char *name, *value; /**< value: NULL for flags; a name may occur several times */
};
struct eg_run_options {
    const struct eg_given_arg *args;
    size_t n_args;
    const char *out_dir; /**< -o */
    bool replace;        /**< files that exist in it */
    unsigned threads;
    size_t memory_limit; /**< of a run's arena; 0: 1 GiB */
    bool quiet;
    unsigned seconds;       /**< time limit of a script; 0: 600 */
    size_t script_memory;   /**< limit of a script, bytes; 0: memory_limit, or 512 MiB if that is
                                 0 */
    uint64_t script_steps;  /**< limit of a script, instructions; 0: 200,000 million */
    uint64_t script_output; /**< limit of a script, bytes of all files that it writes; 0: 4 GiB */
    uint64_t *script_used;  /**< the instructions that a script executed are added here; may be
                                 NULL */
    unsigned depth;         /**< how many runs, each started by the one before, lead to this one; 0:
                                 started by the command */
    uint64_t deadline;      /**< of a run that another started: when it is stopped, ns of
                            CLOCK_MONOTONIC; 0: none */
};
/** Receives the rows of a run as they are emitted. */
struct eg_sink {
    void (*row)(void *context, unsigned depth, const struct eg_value *v, size_t n);
    void *context;
};
struct eg_run_result {
    int status;   /**< 0, or -EG_E… */
    char *error;  /**< text when status is not 0 */
    char **notes; /**< NULL-terminated */
    size_t n_notes, n_rows;
    const char **files; /**< what it wrote into the folder of -o: names; a name may come again */
    size_t n_files;
    struct eg_arena arena; /**< memory of these texts: the caller calls eg_arena_fini */
};
/** Run one plugin on one system. Arguments that the plugin does not declare are ignored: the
 * command checks them before. */
void eg_plugin_run(struct eg_system *sys, const struct eg_plugin_reg *p,
                   const struct eg_run_options *o, struct eg_sink sink, struct eg_run_result *out);

#endif
