/** parallel.h - work in numbered pieces on all cores, results in the order of the numbers.
 *
 *  A piece must not depend on another. The caller's thread works too; with one thread nothing is
 * started. */
#ifndef EG_PARALLEL_H
#define EG_PARALLEL_H

#include "base.h"
#include <stdatomic.h>

/** Called for each piece, in no order, @worker < @threads names the thread. @return nonzero: start
 * no further pieces. */
typedef int (*eg_piece_fn)(void *context, size_t piece, unsigned worker);

/** @threads 0: eg_cores(). @return the return value of the lowest-numbered piece that returned
 * nonzero, or 0; all pieces below it have been done. Small stacks are not assumed: 8 MiB each. */
int eg_parallel(unsigned threads, size_t pieces, eg_piece_fn fn, void *context);
unsigned eg_cores(void); /**< that this process may run on, at most 256 */

/** Ctrl-C: set by the command's signal handler, asked by everything long, on every thread. */
extern atomic_int eg_cancelled;

/** Progress on standard error, with its rate and the time that is left: only on a terminal, only
 * after a second, erased at the end. From any thread. @unit "B" is scaled, NULL: only the share is
 * shown; @total 0: not known. */
struct eg_progress_line;
struct eg_progress_line *eg_progress_begin(const char *what, uint64_t total, const char *unit,
                                           bool quiet);          /**< may be NULL */
void eg_progress_add(struct eg_progress_line *p, uint64_t done); /**< NULL-safe */
void eg_progress_end(struct eg_progress_line *p);                /**< NULL-safe */

#endif
