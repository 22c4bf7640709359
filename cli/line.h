/** line.h - lines that a person types: with editing, recall and completion where the terminal and
 * libedit allow, else as they come. */
#ifndef EG_CLI_LINE_H
#define EG_CLI_LINE_H

#include "../lua/shell.h"

struct cli_lines;
/** @completer, @history (a file) may be NULL. @return NULL: out of memory. */
struct cli_lines *cli_lines_open(struct eg_shell *completer, const char *history);
/** @return false: the history could not be written; errno. NULL-safe. */
bool cli_lines_close(struct cli_lines *l);

enum cli_line_end { CLI_LINE, CLI_LINE_STOPPED /**< Ctrl-C */, CLI_LINE_END };
/** The next line with its newline, until the next call. @more: it goes on what was not complete. */
enum cli_line_end cli_line_read(struct cli_lines *l, bool more, const char **text, size_t *len);
/** Is somebody there? */
bool cli_lines_are_typed(const struct cli_lines *l);

#endif
