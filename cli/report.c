/* report.c - lines for the user, on standard error: one line each, nothing in it that moves a
 * terminal. */
#include "cli.h"
#include <stdarg.h>
#include <stdio.h>

static void line(const char *format, va_list ap) EG_PRINTF(1, 0);
static void line(const char *format, va_list ap)
{
    char text[2048], safe[8192];
    int n = vsnprintf(text, sizeof text, format, ap);

    if (n < 0)
        return;
    eg_escape(safe, sizeof safe, text, EG_MIN((size_t)n, sizeof text - 1));
    fflush(stdout); // so that a terminal shows both in the order of events
    fprintf(stderr, "engram: %s\n", safe);
}

int cli_fail(int status, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    line(format, ap);
    va_end(ap);
    return status;
}

void cli_warn(const struct cli *c, const char *format, ...)
{
    va_list ap;

    if (c->quiet)
        return;
    va_start(ap, format);
    line(format, ap);
    va_end(ap);
}

size_t cli_notes(const struct cli *c, const char *const *notes)
{
    size_t n = 0;

    while (notes && notes[n])
        cli_warn(c, "note: %s", notes[n++]);
    return n;
}
