/** changes.h - two results of one plugin, of one machine at two times: which rows were born, are
 * gone, have changed.
 *
 *  Rows are found again by their key: what the plugin declares (.key), else OFFSET with PID, TID
 * and FD, else all columns that stand still. Keys need not be unique: of the rows of one key, those
 * that are equal cancel out; what is left is paired in order, each pair a change, and the rest is
 * born or gone. A cell that cannot be read in one of the two is no change, and counted. Columns of
 * .moves are not compared. In another boot of the machine, what a boot gives out (addresses, times,
 * ids of processes, namespaces and the like) is neither key nor compared. */
#ifndef EG_CHANGES_H
#define EG_CHANGES_H

#include "table.h"
#include "vec.h"

/** How the rows of one plugin are compared. */
struct eg_comparison {
    const struct eg_column *columns; /**< borrowed, as the plugin is */
    size_t n_columns;
    uint8_t *key, *compared; /**< of each column: is it part of the key; is it compared */
    size_t created; /**< the column CREATION_TIME, which moves with the wall clock; SIZE_MAX */
};
struct eg_comparison_options {
    const char *ignore; /**< "PPID,UID": these are not compared; NULL: none more */
    const char *only;   /**< only these are compared; NULL: all */
    bool all;           /**< those of .moves too */
    bool other_boot;    /**< the machine was booted in between */
    /** Columns that this plugin has not are passed over: another one has them. */
    bool lenient;
};
/** @columns: what the plugin emits with the options it is run with. @return -EG_ENOTFOUND: there is
 * no such column; -EG_ENOMEM. */
int eg_comparison_init(struct eg_comparison *c, const struct eg_plugin *p,
                       const struct eg_column *columns, const struct eg_comparison_options *o,
                       struct eg_error *e);
void eg_comparison_fini(struct eg_comparison *c);

/** The rows of a result, copied. A zeroed struct has none. */
struct eg_kept_row {
    struct eg_value *values;
    unsigned depth;
};
struct eg_kept {
    struct eg_arena arena;
    EG_VEC(struct eg_kept_row) at;
    int64_t clock; /**< wall clock minus time since boot, in ns, as that result had it */
    bool no_room;  /**< rows are missing: more than 1 GiB of them, or no memory */
};
void eg_kept_fini(struct eg_kept *k);
/** Rows that are given to the result are copied to @k. */
struct eg_sink eg_kept_sink(struct eg_kept *k);

struct eg_change {
    enum { EG_SAME = 1, EG_BORN, EG_GONE, EG_CHANGED } kind;
    const struct eg_kept_row *was, *is; /**< NULL where there is none */
};
struct eg_changes {
    EG_VEC(struct eg_change)
    at;                  /**< what is gone, in the order of @a; then the rows of @b in order,
                                      also those that are the same */
    uint64_t unreadable; /**< cells that could not be read in one of the two: not compared */
};
/** @return 0 or -EG_ENOMEM. The result refers to the rows of both. */
int eg_changes_find(struct eg_changes *out, const struct eg_comparison *c, const struct eg_kept *a,
                    const struct eg_kept *b);
void eg_changes_fini(struct eg_changes *c);

/** Does column @i differ in a row that has changed? */
bool eg_change_in(const struct eg_comparison *c, const struct eg_change *change, size_t i);
/** Is the value the same, whatever is compared? Two values that cannot be read are. */
bool eg_value_same(const struct eg_value *a, const struct eg_value *b);

#endif
