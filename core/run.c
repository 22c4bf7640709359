/* run.c - the life of a run: memory, notes, failure, files, and running a plugin from its needs to
 * its result. */
#include "run.h"
#include "search.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

/** @return false when what was written did not reach the disk. */
static bool close_output(FILE *f)
{
    bool ok = !ferror(f);

    return fclose(f) == 0 && ok;
}

/** Close all files; a failure is the run's. */
static void close_outputs(struct eg_run *r)
{
    for (size_t i = 0; i < r->outputs.n; i++)
        if (r->outputs.at[i] && !close_output(r->outputs.at[i]))
            eg_run_fail(r, EG_EIO, "-o %s: %s", r->options->out_dir, strerror(errno));
    r->outputs.n = 0;
}

void eg_run_close(struct eg_run *r)
{
    if (!r)
        return;
    close_outputs(r);
    while (r->deferred.n) {
        struct eg_run_deferred d = r->deferred.at[--r->deferred.n];

        d.fn(d.arg);
    }
    eg_progress_end(r->progress);
    eg_vec_fini(&r->outputs);
    eg_vec_fini(&r->deferred);
    eg_vec_fini(&r->notes);
    eg_vec_fini(&r->bytes);
    eg_view_fini(&r->view);
    eg_arena_fini(&r->arena);
    free(r);
}

int eg_run_do(struct eg_run *r, int (*fn)(struct eg_run *r, void *context), void *context)
{
    jmp_buf *const outer = r->out;
    jmp_buf here;
    int rc = 0;

    r->out = &here;
    if (_setjmp(here) == 0)
        rc = fn(r, context);
    r->out = outer;
    return r->status ? r->status : rc;
}

/** Out of memory: the run has failed, and is left. */
static _Noreturn void leave(struct eg_run *r)
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
        leave(r);
    }
    *d = (struct eg_run_deferred){ fn, arg };
}

/* ---- memory, notes, failure ---- */

void *eg_tmp(struct eg_run *r, size_t len)
{
    void *p = eg_arena_alloc(&r->arena, len);

    if (!p)
        leave(r);
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
        leave(r);
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
        leave(r);
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

/* ---- files ---- */

void *eg_output(struct eg_run *r, const char *name)
{
    const char *dir = r->options->out_dir;
    FILE **place, *f;
    int at, fd;

    if (!dir) {
        eg_run_fail(r, EG_EUSAGE, "files are written into the folder that -o DIR names");
        return NULL;
    }
    if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, "..")) {
        eg_failed(r, "'%s' is no name for a file in %s", name, dir);
        return NULL;
    }
    if (mkdir(dir, 0777) < 0 && errno != EEXIST) {
        eg_run_fail(r, EG_EIO, "-o %s: %s", dir, strerror(errno));
        return NULL;
    }
    place = eg_vec_push(&r->outputs);
    if (!place)
        leave(r);
    at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fd =
        at < 0 ? -1 : openat(at, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    f = fd < 0 ? NULL : fdopen(fd, "wb");
    if (!f) {
        eg_run_fail(r, EG_EIO, "%s/%s: %s", dir, name, strerror(errno));
        if (fd >= 0)
            close(fd);
    }
    if (at >= 0)
        close(at);
    return *place = f;
}

bool eg_output_done(struct eg_run *r, void *file)
{
    for (size_t i = r->outputs.n; i-- > 0;) {
        if (!file || r->outputs.at[i] != file)
            continue;
        r->outputs.at[i] = NULL;
        if (i == r->outputs.n - 1)
            r->outputs.n--;
        if (close_output(file))
            return true;
        eg_run_fail(r, EG_EIO, "-o %s: %s", r->options->out_dir, strerror(errno));
        return false;
    }
    return false;
}

/* ---- plugins ---- */

char *eg_plugin_lacks(struct eg_system *sys, const struct eg_plugin *p, struct eg_arena *a)
{
    char text[512];
    size_t n = 0;

    for (const struct eg_need *need = p->needs; need && need->field; need++)
        if (n < sizeof text && !sys->bind.slots[need->field->id].kind)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s.%s", n ? ", " : "",
                                  need->field->type, need->field->name);
    for (const struct eg_need *need = p->needs_symbols; need && need->symbol; need++)
        if (n < sizeof text && !sys->bind.slots[need->symbol->id].kind)
            n += (size_t)snprintf(text + n, sizeof text - n, "%ssymbol %s", n ? ", " : "",
                                  need->symbol->name);
    return n ? eg_arena_strf(a, "%s", text) : NULL;
}

static int prepare(struct eg_system *sys, const struct eg_plugin_reg *p,
                   const struct eg_run_options *o, struct eg_error *e)
{
    const char *os = p->plugin->os, *lacks;
    struct eg_arena a = { 0 };
    int rc;

    if (os && (!sys->os || strcmp(sys->os->name, os) != 0))
        return eg_fail(e, EG_EUNSUP, "it reads %s, of which none was found in the image", os);
    rc = eg_args_check(sys, p, o, e);
    if (rc < 0)
        return rc;
    lacks = eg_plugin_lacks(sys, p->plugin, &a);
    if (lacks)
        rc = eg_fail(e, EG_EUNSUP, "this kernel's profile lacks %s", lacks);
    eg_arena_fini(&a);
    return rc;
}

static void take_notes(struct eg_run *r, struct eg_run_result *out)
{
    size_t n = r->notes.n + (r->n_lost_notes != 0);

    out->notes = eg_arena_array(&out->arena, char *, n + 1);
    for (size_t i = 0; out->notes && i < r->notes.n; i++)
        out->notes[i] =
            eg_arena_strndup(&out->arena, r->notes.at[i].text, strlen(r->notes.at[i].text));
    if (out->notes && r->n_lost_notes)
        out->notes[n - 1] = eg_arena_strf(&out->arena, "%zu more notes", r->n_lost_notes);
    out->n_notes = out->notes ? n : 0;
}

static void take_error(struct eg_run_result *out, int rc, const char *text)
{
    out->status = rc;
    out->error = rc ? eg_arena_strf(&out->arena, "%s", text) : NULL;
    if (!out->notes)
        out->notes = eg_arena_array(&out->arena, char *, 1);
}

struct eg_run *eg_run_begin(struct eg_system *sys, const struct eg_plugin_reg *p,
                            const struct eg_run_options *o, struct eg_sink sink,
                            struct eg_run_result *out)
{
    struct eg_error e = { 0 };
    struct eg_run *r = NULL;
    int rc = prepare(sys, p, o, &e);

    *out = (struct eg_run_result){ 0 };
    if (rc == 0)
        rc = eg_run_open(&r, sys, o, &e);
    if (rc == 0) {
        r->plugin = p;
        r->sink = sink;
        while (p->plugin->columns && p->plugin->columns[r->n_columns].name)
            r->n_columns++;
        r->values = eg_arena_array(&r->arena, struct eg_value, r->n_columns + 1);
        if (!r->values)
            rc = eg_fail(&e, EG_ENOMEM, "run: out of memory");
    }
    if (rc < 0) {
        eg_run_close(r);
        take_error(out, rc, e.text);
        return NULL;
    }
    return r;
}

void eg_run_end(struct eg_run *r, int rc, struct eg_run_result *out)
{
    close_outputs(r);
    if (!r->status && eg_cancelled)
        eg_run_fail(r, EG_ECANCEL, "stopped before it was done");
    if (!r->status && rc)
        eg_failed(r, "it failed with %d and no word why", rc);
    out->n_rows = r->n_rows;
    take_notes(r, out);
    take_error(out, r->status, r->error);
    eg_run_close(r);
}

static int call(struct eg_run *r, void *context)
{
    (void)context;
    return r->plugin->plugin->run(r);
}

void eg_plugin_run(struct eg_system *sys, const struct eg_plugin_reg *p,
                   const struct eg_run_options *o, struct eg_sink sink, struct eg_run_result *out)
{
    struct eg_run *r;

    if (p->plugin->scan) {
        eg_search(sys, &p, 1, o, &sink, out);
        return;
    }
    r = eg_run_begin(sys, p, o ? o : &no_options, sink, out);
    if (r)
        eg_run_end(r, eg_run_do(r, call, NULL), out);
}
