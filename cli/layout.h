/** layout.h - text for people, broken into lines. */
#ifndef EG_CLI_LAYOUT_H
#define EG_CLI_LAYOUT_H

#include <stddef.h>
#include <stdio.h>

/** @text, its lines but the first indented. @at: columns that are used already. */
void cli_wrapped(FILE *f, const char *text, size_t at, size_t indent);
/** "  NAME   what it is" */
void cli_entry(FILE *f, const char *name, const char *help);

#endif
