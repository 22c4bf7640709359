/** hand.h - what the verbs by hand share: an image, a run to read with, and the address space that
 * --phys and --pid choose. */
#ifndef EG_CLI_HAND_H
#define EG_CLI_HAND_H

#include "../core/address.h"
#include "../core/run.h"
#include "open.h"
#include "table.h"

struct cli_hand {
    struct cli *cli;
    const char *name; /**< of the verb: the table's */
    struct cli_opened o;
    struct eg_run *run;
    struct eg_space *space;
    struct eg_obj task; /**< of --pid */
    int64_t pid;        /**< -1: none */
    bool phys;
    struct cli_table table; /**< the body's, when it has one; ended by cli_by_hand */
};
/** The options that choose the space. */
extern const struct eg_arg cli_space_args[];

/** Open, call @body inside a run, end its table, close. @return an exit status. */
int cli_by_hand(struct cli *c, int (*body)(struct eg_run *r, void *hand));
/** An address (core/address.h) of the space; the run fails when it is none. */
int cli_address(struct cli_hand *h, const char *text, uint64_t *out);
/** ADDR and LEN, or a range in their place: the first word and the next. @return 0, or the run's
 * status; out->range is false where there is only an address. */
int cli_range(struct cli_hand *h, struct eg_addresses *out);

/** End it: its tail, or without a table the notes and the error as lines. @code: the run's status.
 */
int cli_hand_end(struct cli_hand *h, int code);
/** The body's table, once. */
int cli_hand_table(struct cli_hand *h, const struct eg_column *columns, bool tree);

#endif
