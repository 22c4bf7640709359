/* report.c - lines for the user, on standard error: one line each, nothing in it that moves a
 * terminal. */
#include "report.h"
#include "../core/times.h"
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

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

int cli_no_memory(void)
{
    return cli_fail(CLI_FAILED, "out of memory");
}

int cli_cannot(const struct eg_error *e)
{
    return cli_fail(e->code == EG_EUSAGE    ? CLI_USAGE
                    : e->code == EG_ECANCEL ? CLI_FAILED
                                            : CLI_CANNOT_OPEN,
                    "%s", e->text);
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

int cli_result(const struct cli *c, const char *name, const char *const *notes, const char *error,
               bool shown)
{
    size_t n = 0;

    for (; notes && notes[n]; n++)
        if (!strcmp(c->render, "csv") ||
            eg_wants_times(c->render)) // the other formats have a place for them
            cli_fail(0, "%s: note: %s", name, notes[n]);
    if (error && (!shown || (strcmp(c->render, "text") && strcmp(c->render, "pretty")) ||
                  !isatty(STDOUT_FILENO)))
        cli_fail(0, "%s: %s", name, error);
    return error || (n && c->strict) ? CLI_FAILED : CLI_OK;
}
