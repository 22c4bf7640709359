/* run.c - the life of a run: its memory, notes, failure and progress. */
#include "run.h"
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

enum { NOTES_MAX = 1000 };

static const struct eg_run_options no_options;

/* ---- life ---- */

int eg_run_open(struct eg_run **out, struct eg_system *sys, const struct eg_run_options *o,
                struct eg_error *e)
{
    struct eg_run *r = calloc(1, sizeof *r);

    if (!r)
        return eg_fail(e, EG_ENOMEM, "run: out of memory");
    r->sys = sys;
    r->options = o ? o : &no_options;
    r->arena.limit = r->options->memory_limit ? r->options->memory_limit : (size_t)1 << 30;
    eg_view_init(&r->view, r);
    *out = r;
    return 0;
}

void eg_run_close(struct eg_run *r)
{
    if (!r)
        return;
    while (r->deferred.n) {
        struct eg_run_deferred d = r->deferred.at[--r->deferred.n];

        d.fn(d.arg);
    }
    eg_progress_end(r->progress);
    eg_vec_fini(&r->outputs);
    eg_vec_fini(&r->deferred);
    eg_vec_fini(&r->notes);
    eg_vec_fini(&r->wanted);
    eg_vec_fini(&r->bytes);
    eg_view_fini(&r->view);
    eg_arena_fini(&r->arena);
    free(r);
}

/** Bytes that had to be unpacked were not: what was read as a hole may be none. */
static void fail_if_starved(struct eg_run *r)
{
    if (r->view.starved)
        eg_run_fail(r, EG_ENOMEM, "memory: none for bytes that must be unpacked");
}

int eg_run_do(struct eg_run *r, int (*fn)(struct eg_run *r, void *context), void *context)
{
    jmp_buf *const outer = r->out;
    jmp_buf here;
    volatile int rc = 0;

    r->out = &here;
    if (_setjmp(here) == 0)
        rc = fn(r, context);
    r->out = outer;
    fail_if_starved(r);
    return r->status ? r->status : rc;
}

_Noreturn void eg_run_leave(struct eg_run *r)
{
    if (r->arena.used >= r->arena.limit / 2)
        eg_run_fail(r, EG_ENOMEM, "memory: the limit of %zu MiB for one run is reached",
                    r->arena.limit >> 20);
    else
        eg_run_fail(r, EG_ENOMEM, "memory: a request cannot be met, with %zu MiB in use",
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

/* ---- memory, notes, failure ---- */

void *eg_tmp(struct eg_run *r, size_t len)
{
    void *p = eg_arena_alloc(&r->arena, len);

    if (!p)
        eg_run_leave(r);
    return p;
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

static bool past(uint64_t deadline)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec > deadline;
}

bool eg_stopped(struct eg_run *r)
{
    if (r)
        fail_if_starved(r);
    return eg_cancelled ||
           (r && (r->status || (r->options->deadline && past(r->options->deadline))));
}

/* ---- what a run stands on ---- */

struct eg_view *eg_view_of(struct eg_run *r)
{
    return &r->view;
}

struct eg_system *eg_system_of(struct eg_run *r)
{
    return r->sys;
}

struct eg_space *eg_kernel(struct eg_run *r)
{
    return r->sys->kernel;
}

struct eg_space *eg_physical(struct eg_run *r)
{
    return r->sys->image->phys;
}

const struct eg_binding *eg_binding_of(struct eg_run *r)
{
    return &r->sys->bind;
}

bool eg_lookup(struct eg_run *r, const char *name, uint64_t *addr)
{
    return eg_system_symbol(r->sys, name, addr);
}

const char *eg_name_of(struct eg_run *r, uint64_t addr)
{
    const char *name, *module;
    uint64_t off;

    if (!eg_system_symbol_at(r->sys, addr, &name, &off, &module))
        return NULL;
    if (!module)
        return off ? eg_strf(r, "%s+%#" PRIx64, name, off) : eg_strf(r, "%s", name);
    return off ? eg_strf(r, "%s+%#" PRIx64 " [%s]", name, off, module)
               : eg_strf(r, "%s [%s]", name, module);
}

void eg_progress(struct eg_run *r, uint64_t done, uint64_t total)
{
    if (!r->progress && !r->progressed)
        r->progress = eg_progress_begin(r->plugin ? r->plugin->name : "working", total, NULL,
                                        r->options->quiet);
    if (done > r->progressed)
        eg_progress_add(r->progress, done - r->progressed);
    r->progressed = EG_MAX(done, r->progressed);
}
