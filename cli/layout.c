/* layout.c - text for people: broken into lines; quoted for a shell. */
#include "layout.h"
#include <string.h>

enum { WIDTH = 100, NAMES = 26 }; // columns of a line, and of what stands left in it

void cli_wrapped(FILE *f, const char *text, size_t at, size_t indent)
{
    while (*text) {
        const size_t n = strcspn(text, " \n");

        if (at > indent && at + n + 1 > WIDTH) {
            fprintf(f, "\n%*s", (int)indent, "");
            at = indent;
        } else if (at > indent) {
            putc(' ', f);
            at++;
        }
        fwrite(text, 1, n, f);
        at += n;
        text += n + strspn(text + n, " \n");
    }
    putc('\n', f);
}

void cli_entry(FILE *f, const char *name, const char *help)
{
    const size_t len = strlen(name) + 2;

    if (len >= NAMES)
        fprintf(f, "  %s\n%*s", name, NAMES, "");
    else
        fprintf(f, "  %-*s", NAMES - 2, name);
    cli_wrapped(f, help, NAMES, NAMES);
}

const char *cli_shell_word(struct eg_arena *a, const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=,@%+-";
    const char *out = "'", *rest = text;

    if (*text && strspn(text, plain) == strlen(text))
        return text;
    for (size_t n; out && *rest; rest += n + (rest[n] != 0)) {
        n = strcspn(rest, "'");
        out = eg_arena_strf(a, "%s%.*s%s", out, (int)n, rest, rest[n] ? "'\"'\"'" : "");
    }
    return out ? eg_arena_strf(a, "%s'", out) : NULL;
}
