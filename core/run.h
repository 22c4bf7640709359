/** run.h - a run: one plugin (or one piece of core's, the shell's or an operating system's own
 * work) on one system, on one thread. It owns what eg_tmp() gives, the notes, the files written and
 * what was deferred; eg_run_close gives all back.
 *
 *  Everything that may call eg_tmp() stands inside eg_run_do(): past the memory limit the run fails
 * and is left by longjmp, so what must be undone is deferred, not written after the call. */
#ifndef EG_RUN_H
#define EG_RUN_H

#include "parallel.h"
#include "registry.h"
#include <setjmp.h>

struct eg_run_note {
    char *text; /**< in the run's arena */
    uint32_t hash;
};
struct eg_run_deferred {
    void (*fn)(void *arg);
    void *arg;
};
/** A value of a list that the user gave, as --pid 1,2 has two. */
struct eg_run_wanted {
    const char *name;
    int64_t value;
    bool matched;
};
struct eg_run {
    struct eg_system *sys;
    const struct eg_plugin_reg *plugin; /**< NULL: not a plugin's */
    const struct eg_run_options *options;
    struct eg_sink sink;
    struct eg_arena arena;
    struct eg_view view;
    EG_VEC(struct eg_run_note) notes;
    size_t n_lost_notes; /**< different ones that came when there were too many */
    EG_VEC(struct eg_run_deferred) deferred;
    EG_VEC(struct eg_run_wanted) wanted; /**< of the lists that eg_arg_match() was asked about */
    EG_VEC(FILE *) outputs;              /**< NULL: closed early */
    struct eg_value *values;             /**< one row's, n_columns of them, in the arena */
    size_t n_columns, n_rows;
    EG_VEC(uint8_t) bytes; /**< one row's, of texts and arrays that come from the image */
    struct eg_progress_line *progress;
    uint64_t progressed;
    struct eg_pass *pass; /**< that it searches in (search_pass.h); NULL */
    jmp_buf *out;         /**< of the innermost eg_run_do */
    int status;           /**< 0, or the first failure's -EG_E… */
    char error[512];
};

/** @o may be NULL; borrowed like @sys until the run closes. */
int eg_run_open(struct eg_run **out, struct eg_system *sys, const struct eg_run_options *o,
                struct eg_error *e);
void eg_run_close(struct eg_run *r); /**< NULL-safe */

/** Call @fn, guarded. @return the run's status when that is not 0, else what @fn returned. */
int eg_run_do(struct eg_run *r, int (*fn)(struct eg_run *r, void *context), void *context);

/** Call @fn(@arg) when the run closes, last deferred first. Out of memory: at once, and the run is
 * left. */
void eg_run_defer(struct eg_run *r, void (*fn)(void *arg), void *arg);

/** The run failed, with a code of its own: eg_failed() says EG_EFORMAT. @return the run's status.
 */
int eg_run_fail(struct eg_run *r, enum eg_errno code, const char *format, ...) EG_PRINTF(3, 4);

/** Close the files of eg_output(); a failure is the run's. (run_files.c) */
void eg_run_close_outputs(struct eg_run *r);
/** Out of memory: the run has failed, and is left. */
_Noreturn void eg_run_leave(struct eg_run *r);

#endif
