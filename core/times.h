/** times.h - what the renderers share that write a line for each time of a row. */
#ifndef EG_TIMES_H
#define EG_TIMES_H

#include "table.h"

/** Does the renderer of this name write times only, so that a plugin without any has no result? */
bool eg_wants_times(const char *renderer);
/** Does one of these columns hold a time? */
bool eg_has_times(const struct eg_column *columns);
/** Is cell @i a time? A plugin may say in words why there is none. */
static inline bool eg_is_time(const struct eg_result_head *h, size_t i, const struct eg_value *v)
{
    return h->columns[i].kind == EG_COL_TIME && (v[i].tag == EG_V_INT || v[i].tag == EG_V_UINT);
}
/** The column named @name, of any kind but of times; n_columns: there is none. */
size_t eg_times_column(const struct eg_result_head *h, const char *name);
/** What the time in cell @i is of: its column's name, or in rows of `timeline` what KIND says. */
const char *eg_times_kind(struct eg_arena *a, const struct eg_result_head *h,
                          const struct eg_value *v, size_t i);
/** Who tells it: the plugin, or in rows of `timeline` what SOURCE says. */
const char *eg_times_source(struct eg_arena *a, const struct eg_result_head *h,
                            const struct eg_value *v);
/** The other cells of a row that have a value, as "PID=1 COMM=init", without those that the two
 * above say, and of `timeline` TEXT as it is; NULL: out of memory. */
char *eg_times_text(struct eg_arena *a, const struct eg_result_head *h, const struct eg_value *v);

#endif
