/** below.h - a column that text writes below the row, not in the table: a longer text. One more of
 * the words behind a column's help (engram.h: eg_column.shown), for plugins of this tree. */
#ifndef EG_BELOW_H
#define EG_BELOW_H

#define EG_BELOW 32 /**< " | " in it ends a line */

#endif
