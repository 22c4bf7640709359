/** select.h - which rows and columns of a result are shown, and in which order: --filter, --sort,
 * --columns, --limit. It stands between a plugin and a renderer, and belongs to one thread.
 *
 *      EXPR     COLUMN OP VALUE, COLUMN is missing, COLUMN is not missing, not EXPR, EXPR and EXPR,
 *               EXPR or EXPR, (EXPR); `not` binds closest, then `and`
 *      OP       = (or ==), !=, <, <=, >, >=; ~ and !~: a regular expression (PCRE2) matches, or not
 *      VALUE    ends at a blank, or at a parenthesis that closes one of the EXPR; or is in quotes,
 *               ' or ", where \ is an escape only before the same quote. A NUMBER (address.h) for
 *               numbers and addresses; a time (zone.h) for times; true or false
 *
 *  A cell that is bad or was not computed fulfils no comparison, and no negation of one. */
#ifndef EG_SELECT_H
#define EG_SELECT_H

#include "registry.h"
#include "zone.h"

struct eg_select_options {
    const char *filter, *sort, *columns; /**< NULL: not given */
    uint64_t limit;
    bool limited;
    const struct eg_zone *zone; /**< of times that are written without one; NULL: UTC */
};

struct eg_select;
/** @columns: what the plugin emits; borrowed. *@out is NULL where nothing is to be selected.
 * @return -EG_EUSAGE; -EG_ENOTFOUND: a column is not there; -EG_ENOMEM. The text begins with the
 * option. */
int eg_select_open(struct eg_select **out, const struct eg_select_options *o, const char *plugin,
                   const struct eg_column *columns, bool tree, struct eg_error *e);
void eg_select_close(struct eg_select *s); /**< NULL-safe */

/** What the renderer will see: columns, and whether there is a tree. NULL-safe. */
void eg_select_head(const struct eg_select *s, struct eg_result_head *h);

/** Rows that are given to the result pass on to @to; with --sort when eg_select_finish is called.
 * NULL-safe: then it is @to. */
struct eg_sink eg_select_sink(struct eg_select *s, struct eg_sink to);
void eg_select_finish(struct eg_select *s); /**< NULL-safe */

const struct eg_selected *eg_select_result(const struct eg_select *s);
/** "12 of 106 rows match". NULL: nothing that needs to be said. @out has 160 bytes. */
const char *eg_select_summary(const struct eg_select *s, char *out);

/* ---- the expression (select_parse.c) ---- */

struct eg_filter;
int eg_filter_open(struct eg_filter **out, const char *text, const char *plugin,
                   const struct eg_column *columns, const struct eg_zone *zone, struct eg_error *e);
void eg_filter_close(struct eg_filter *f); /**< NULL-safe */
/** *@unknown is counted up where a regular expression reached its bounds. */
bool eg_filter_match(struct eg_filter *f, const struct eg_value *row, uint64_t *unknown);

/** The column of this name, in any case of letters. @len: of @name. @return
 * -EG_ENOTFOUND, with the nearest name, or all of them. */
int eg_column_find(const struct eg_column *columns, const char *name, size_t len,
                   const char *plugin, size_t *out, struct eg_error *e);

#endif
