/* trace_scripts.c - scripts of traces: those of the product, and files. */
#include "library.h"
#include "load.h"
#include "trace.h"
#include <stdlib.h>
#include <string.h>

/** "-- exec - programs that are started": the first line of each. */
bool eg_trace_script_nth(size_t i, struct eg_trace_script *out)
{
    const struct script_file *f = &trace_library[i];
    const char *base, *help;

    if (!f->name)
        return false;
    base = strrchr(f->name, '/') + 1;
    help = strstr(f->text, " - ");
    snprintf(out->name, sizeof out->name, "%.*s", (int)strcspn(base, "."), base);
    snprintf(out->help, sizeof out->help, "%.*s", help ? (int)strcspn(help + 3, "\n") : 0,
             help ? help + 3 : "");
    out->text = f->text;
    out->len = f->len;
    return true;
}

int eg_trace_read(const char *path, char **text, size_t *len, struct eg_error *e)
{
    int rc = script_read_file(path, 0, text, len, e);

    if (!rc && (rc = script_check(path, *text, *len, e))) {
        free(*text);
        *text = NULL;
    }
    return rc;
}
