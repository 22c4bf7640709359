/* text.c - a text that grows. */
#include "text.h"
#include "../../core/base.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool room(struct linux_text *t, size_t n)
{
    if (t->cut || n > LINUX_TEXT_MAX - t->n) {
        if (!t->cut)
            eg_note(t->r, "a text of more than %d bytes is cut", LINUX_TEXT_MAX);
        t->cut = true;
        return false;
    }
    if (t->cap - t->n < n + 1) {
        const size_t cap = EG_MAX(2 * t->cap, t->n + n + 64);
        char *more = eg_tmp(t->r, cap);

        if (t->n)
            memcpy(more, t->at, t->n);
        t->at = more;
        t->cap = cap;
    }
    return true;
}

void linux_text_bytes(struct linux_text *t, const void *bytes, size_t n)
{
    if (!n || !room(t, n))
        return;
    memcpy(t->at + t->n, bytes, n);
    t->n += n;
    t->at[t->n] = 0;
}

void linux_text_add(struct linux_text *t, const char *format, ...)
{
    va_list ap, again;
    int n;

    va_start(ap, format);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, format, ap);
    if (n > 0 && room(t, (size_t)n)) {
        vsnprintf(t->at + t->n, (size_t)n + 1, format, again);
        t->n += (size_t)n;
    }
    va_end(again);
    va_end(ap);
}

const char *linux_text_of(const struct linux_text *t)
{
    return t->at ? t->at : "";
}

const char *linux_hints(struct eg_run *r, const char *hints, const char *more)
{
    if (!hints || !more)
        return hints ? hints : more;
    return strstr(hints, more) ? hints : eg_strf(r, "%s; %s", hints, more);
}
