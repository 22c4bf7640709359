/** rows.h - what verbs by hand show, for the shell too: a table of rows, in a run. */
#ifndef EG_CLI_ROWS_H
#define EG_CLI_ROWS_H

#include "hand.h"

int cli_hexdump_rows(struct cli_hand *h, uint64_t at, uint64_t last); /**< hexdump.c */
int cli_dis_rows(struct cli_hand *h, uint64_t at, uint64_t n);        /**< dis.c */
/** An object with its values. @type: as C writes it; @depth: levels of structs inside structs.
 * (dt.c) */
int cli_dt_rows(struct cli_hand *h, struct eg_obj o, const char *name, const char *type,
                unsigned depth);

#endif
