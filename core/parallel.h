/** parallel.h - work on numbered pieces on all cores, with results in the order of the numbers.
 *
 *  Pieces must not depend on each other. The calling thread works too; with one thread no other is
 * started. */
#ifndef EG_PARALLEL_H
#define EG_PARALLEL_H

#include "base.h"
#include <stdatomic.h>

/** Called for each piece, in any order. @worker, less than @threads, identifies the thread. @return
 * nonzero: start no more pieces. */
typedef int (*eg_piece_fn)(void *context, size_t piece, unsigned worker);

/** @threads 0: eg_cores(). @return what the lowest-numbered piece that failed returned, or 0; all
 * pieces before it have been done. Each thread has a stack of 8 MiB. */
int eg_parallel(unsigned threads, size_t pieces, eg_piece_fn fn, void *context);
unsigned eg_cores(void);              /**< cores that this process may use, at most 256 */
unsigned eg_threads(unsigned wanted); /**< the most that eg_parallel uses for @wanted */

/** Set by the command's signal handler on Ctrl-C. All long work, on every thread, checks it. */
extern atomic_int eg_cancelled;

/** Progress on standard error, with rate and remaining time: only on a terminal, after one second,
 * and erased at the end. Any thread may call these. @unit "B" is scaled (KiB, MiB); NULL: only the
 * percentage is shown. @total 0: not known. */
struct eg_progress_line;
/** Set by the command for --quiet: nobody shows progress, whatever @quiet is. */
extern atomic_bool eg_progress_off;
struct eg_progress_line *eg_progress_begin(const char *what, uint64_t total, const char *unit,
                                           bool quiet);          /**< may be NULL */
void eg_progress_add(struct eg_progress_line *p, uint64_t done); /**< NULL-safe */
void eg_progress_end(struct eg_progress_line *p);                /**< NULL-safe */

#endif
