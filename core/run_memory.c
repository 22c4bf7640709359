/* run_memory.c - the memory, the notes and the failure of a run. */
#include "run.h"
#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

enum { NOTES_MAX = 1000 };

/* ---- failure ---- */

int eg_run_fail(struct eg_run *r, enum eg_errno code, const char *format, ...)
{
    va_list ap;

    if (r->status)
        return r->status;
    va_start(ap, format);
    vsnprintf(r->error, sizeof r->error, format, ap);
    va_end(ap);
    return r->status = -(int)code;
}

int eg_failed(struct eg_run *r, const char *format, ...)
{
    char text[sizeof r->error];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    return eg_run_fail(r, EG_EFORMAT, "%s", text);
}

int eg_refused(struct eg_run *r, const char *format, ...)
{
    char text[sizeof r->error];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    return eg_run_fail(r, EG_EUSAGE, "%s", text);
}

_Noreturn void eg_run_leave(struct eg_run *r)
{
    if (r->arena.used >= r->arena.limit / 2)
        eg_run_fail(r, EG_ENOMEM, "out of memory: this run has reached its limit of %zu MiB",
                    r->arena.limit >> 20);
    else
        eg_run_fail(r, EG_ENOMEM, "out of memory, with %zu MiB in use by this run",
                    r->arena.used >> 20);
    assert(r->out);
    _longjmp(*r->out, 1);
}

void eg_run_defer(struct eg_run *r, void (*fn)(void *arg), void *arg)
{
    struct eg_run_deferred *d = eg_vec_push(&r->deferred);

    if (!d) {
        fn(arg);
        eg_run_leave(r);
    }
    *d = (struct eg_run_deferred){ fn, arg };
}

/* ---- memory ---- */

void *eg_tmp(struct eg_run *r, size_t len)
{
    void *p = eg_arena_alloc(&r->arena, len);

    if (!p)
        eg_run_leave(r);
    return p;
}

void *eg_grow(struct eg_run *r, void *at, size_t n, size_t *cap, size_t size)
{
    const size_t room = n ? 2 * n : 32;
    void *more;

    if (n < *cap)
        return at;
    more = eg_arena_array_(&r->arena, size, room);
    if (!more)
        eg_run_leave(r);
    if (n)
        memcpy(more, at, n * size);
    *cap = room;
    return more;
}

char *eg_strf(struct eg_run *r, const char *format, ...)
{
    va_list ap;
    char *s;

    va_start(ap, format);
    s = eg_arena_vstrf(&r->arena, format, ap);
    va_end(ap);
    if (!s)
        eg_run_leave(r);
    return s;
}

/* ---- notes ---- */

void eg_note(struct eg_run *r, const char *format, ...)
{
    struct eg_run_note *note;
    char text[1024];
    uint32_t hash;
    va_list ap;

    if (!r)
        return;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    hash = eg_hash(text, strlen(text));
    for (size_t i = 0; i < r->notes.n; i++)
        if (r->notes.at[i].hash == hash && !strcmp(r->notes.at[i].text, text))
            return;
    if (r->notes.n == NOTES_MAX) {
        r->n_lost_notes++;
        return;
    }
    note = eg_vec_push(&r->notes);
    if (!note)
        eg_run_leave(r);
    *note = (struct eg_run_note){ "", hash };
    note->text = eg_strf(r, "%s", text);
}
