/** spool.h - many writers, one output in a fixed order. */
#ifndef EG_CLI_SPOOL_H
#define EG_CLI_SPOOL_H

#include <stddef.h>
#include <stdio.h>

struct cli_spools;
/** @n files whose bytes reach @out one after another: the first at once, a later one when those
 * before it are closed; until then in memory, and past 4 MiB in an unlinked file in @tmp_dir. */
struct cli_spools *cli_spools_open(FILE *out, size_t n, const char *tmp_dir);
FILE *cli_spool(struct cli_spools *s, size_t i); /**< NULL: out of memory; fclose it */
int cli_spools_close(struct cli_spools *s);      /**< @return 0, or an errno */

#endif
