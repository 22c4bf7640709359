/** layout.h - text for people: broken into lines; quoted for a shell. */
#ifndef EG_CLI_LAYOUT_H
#define EG_CLI_LAYOUT_H

#include "../core/arena.h"
#include <stddef.h>
#include <stdio.h>

/** @text, its lines but the first indented. @at: columns that are used already. */
void cli_wrapped(FILE *f, const char *text, size_t at, size_t indent);
/** "  NAME   what it is" */
void cli_entry(FILE *f, const char *name, const char *help);
/** @text as one word of a shell command, in @a; NULL: out of memory. */
const char *cli_shell_word(struct eg_arena *a, const char *text);

#endif
