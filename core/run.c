/* run.c - opening, executing and closing a run; what a run works on; its progress. */
#include "run.h"
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

static const struct eg_run_options no_options;

/* ---- opening, executing, closing ---- */

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

static void call_deferred(struct eg_run *r)
{
    while (r->deferred.n) {
        struct eg_run_deferred d = r->deferred.at[--r->deferred.n];

        d.fn(d.arg);
    }
}

void eg_run_renew(struct eg_run *r)
{
    call_deferred(r);
    eg_run_close_outputs(r);
    r->outputs.n = r->notes.n = r->n_lost_notes = 0;
    eg_view_fini(&r->view);
    r->view.starved = false;
    eg_arena_reset(&r->arena);
    r->status = 0;
}

void eg_run_close(struct eg_run *r)
{
    if (!r)
        return;
    call_deferred(r);
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

/** Fail the run if memory ran out while bytes were decompressed: they were read as holes, so that
 * results may be wrong. */
static void fail_if_starved(struct eg_run *r)
{
    if (r->view.starved)
        eg_run_fail(r, EG_ENOMEM, "out of memory for decompressed bytes");
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
    return (eg_cancelled && !(r && r->keeps)) ||
           (r && (r->status || (r->options->deadline && past(r->options->deadline))));
}

/* ---- what a run works on ---- */

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

bool eg_uint_at(struct eg_run *r, uint64_t addr, unsigned size, uint64_t *out)
{
    const uint8_t *p = eg_bytes(&r->view, eg_kernel(r), addr, size);

    if (p)
        *out = eg_load_(p, size, eg_binding_of(r)->model.big_endian);
    return p;
}

bool eg_pointer_at(struct eg_run *r, uint64_t addr, uint64_t *out)
{
    return eg_uint_at(r, addr, eg_binding_of(r)->model.ptr_size, out);
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
