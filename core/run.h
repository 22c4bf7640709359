/** run.h - a run: one plugin (or one task of core, of the shell or of an operating system's layer)
 * at work on one system, in one thread. It owns the memory from eg_tmp(), the notes, the files that
 * it writes and the deferred calls; eg_run_close() frees all of them.
 *
 *  eg_tmp() may only be called inside of eg_run_do(). When the memory limit is reached, the run
 * fails and returns to eg_run_do() by longjmp. So clean-up must be deferred (eg_run_defer): code
 * after the call of eg_tmp() may never be reached. */
#ifndef EG_RUN_H
#define EG_RUN_H

#include "parallel.h"
#include "process.h"
#include <setjmp.h>

struct eg_run_note {
    char *text; /**< in the run's arena */
    uint32_t hash;
};
struct eg_run_deferred {
    void (*fn)(void *arg);
    void *arg;
};
/** A file in the folder of -o. */
struct eg_run_output {
    FILE *f;          /**< NULL: closed */
    const char *name; /**< in the folder; in the run's arena */
};
/** One value of a list that the user gave: --pid 1,2 has two. */
struct eg_run_wanted {
    const char *name;
    int64_t value;
    bool matched;
    bool shown; /**< of --pid: there is a row of this process */
};
struct eg_run {
    struct eg_system *sys;
    const struct eg_plugin_reg *plugin; /**< NULL: not the run of a plugin */
    const struct eg_run_options *options;
    struct eg_sink sink;
    struct eg_arena arena;
    struct eg_view view;
    EG_VEC(struct eg_run_note) notes;
    size_t n_lost_notes; /**< notes that were dropped because there were too many */
    EG_VEC(struct eg_run_deferred) deferred;
    EG_VEC(struct eg_run_wanted) wanted; /**< values of the lists that eg_arg_match() reads */
    EG_VEC(struct eg_run_output) outputs;
    struct eg_run_processes processes; /**< which ones, and what is said of them */
    const struct eg_column *columns;   /**< the plugin's, and those of --context */
    struct eg_value *values;           /**< of one row, n_columns of them, in the arena */
    size_t n_columns, n_rows;
    EG_VEC(uint8_t) bytes; /**< texts and arrays of one row that were copied from the image */
    struct eg_progress_line *progress;
    uint64_t progressed;
    struct eg_pass *pass; /**< the search it takes part in (search_pass.h); NULL: none */
    bool keeps;           /**< Ctrl-C is ignored: what was found before is being passed on */
    jmp_buf *out;         /**< where the innermost eg_run_do() continues */
    int status;           /**< 0, or -EG_E… of the first failure */
    char error[512];
};

/** @o may be NULL. @o and @sys must stay valid until the run is closed. */
int eg_run_open(struct eg_run **out, struct eg_system *sys, const struct eg_run_options *o,
                struct eg_error *e);
void eg_run_close(struct eg_run *r); /**< NULL-safe */

/** For a run that goes on while the machine does: all that it has read, noted and allocated is
 * given up, as if it was opened now. What holds any of it (walkers, texts) must not be used again;
 * places stay what they are. Not inside eg_run_do(). */
void eg_run_renew(struct eg_run *r);

/** Call @fn, which may end early by eg_run_leave(). @return the run's status if it is not 0, else
 * what @fn returned. */
int eg_run_do(struct eg_run *r, int (*fn)(struct eg_run *r, void *context), void *context);

/** Call @fn(@arg) when the run is closed; the last deferred call is made first. If memory for this
 * runs out, @fn is called now and the run fails. */
void eg_run_defer(struct eg_run *r, void (*fn)(void *arg), void *arg);

/** Fail the run with the code @code; eg_failed() always uses EG_EFORMAT. Only the first failure is
 * kept. @return the run's status. */
int eg_run_fail(struct eg_run *r, enum eg_errno code, const char *format, ...) EG_PRINTF(3, 4);

/** Close the files of eg_output(). If that fails, the run fails. (run_files.c) */
void eg_run_close_outputs(struct eg_run *r);
/** Out of memory: fail the run and return to eg_run_do() by longjmp. */
_Noreturn void eg_run_leave(struct eg_run *r);

/** The unsigned number of @size bytes (at most 8), or the pointer, at @addr of the kernel's memory.
 * @return false: it cannot be read; the view has the reason. */
bool eg_uint_at(struct eg_run *r, uint64_t addr, unsigned size, uint64_t *out);
bool eg_pointer_at(struct eg_run *r, uint64_t addr, uint64_t *out);

#endif
