/** find.c - where is the Linux kernel in this image? Traces from the cheapest on; each makes a
 * guess, each guess is completed and checked. */
#include "find.h"
#include "open.h"
#include <stdio.h>
#include <stdlib.h>

void linux_guess_fini(struct eg_view *v, struct linux_guess *g)
{
    eg_types_fini(&g->ts);
    eg_profile_free(g->symbols);
    eg_profile_free(g->types);
    eg_profile_free(g->exports);
    g->symbols = g->types = g->exports = NULL;
    if (g->space)
        eg_view_forget(v, g->space);
    eg_space_close(g->space);
    g->space = NULL;
}

/** One more trace of a kernel that we have: its image lies where the other's does. One that did not
 * open is no reason to turn down a trace that may know its root better. */
static bool joins_another(struct linux_finder *f, const struct linux_guess *g)
{
    for (size_t i = 0; g->has_delta && i < f->sys->candidates.n; i++) {
        struct eg_candidate *c = &f->sys->candidates.at[i];
        const struct linux_guess *other = c->priv;
        size_t len = strlen(c->trace);

        if (c->os != f->os || !other->has_delta || other->delta != g->delta ||
            (!c->opens && (!g->has_root || other->paging.root != g->paging.root)))
            continue;
        snprintf(c->trace + len, sizeof c->trace - len, ", %s", g->trace);
        return true;
    }
    return false;
}

/** Free what only an opened kernel needs: of all candidates but the one in the lead. */
static void keep_only(struct linux_finder *f, const struct eg_candidate *lead)
{
    for (size_t i = 0; i < f->sys->candidates.n; i++) {
        struct eg_candidate *c = &f->sys->candidates.at[i];

        if (c->os == f->os && c != lead)
            linux_guess_fini(f->v, c->priv);
    }
}

static const struct eg_candidate *leader(const struct linux_finder *f)
{
    const struct eg_candidate *best = NULL;

    for (size_t i = 0; i < f->sys->candidates.n; i++) {
        const struct eg_candidate *c = &f->sys->candidates.at[i];

        if (c->os == f->os && c->opens && (!best || c->score > best->score))
            best = c;
    }
    return best;
}

void linux_try(struct linux_finder *f, struct linux_guess *g)
{
    struct linux_guess *kept;
    struct eg_candidate *c;

    if (f->done || joins_another(f, g)) {
        linux_guess_fini(f->v, g);
        return;
    }
    g->given = f->given;
    linux_load(f, g);
    linux_locate(f, g);
    if (joins_another(f, g) || (!g->symbols && !g->exports && !g->has_root)) {
        linux_guess_fini(f->v, g);
        return;
    }
    kept = eg_arena_new(&f->sys->arena, struct linux_guess);
    c = kept ? eg_candidate_new(f->sys, f->os) : NULL;
    if (!c) {
        linux_guess_fini(f->v, g);
        return;
    }
    *kept = *g;
    /* The type list points into the guess by value only: its layers are on the heap. */
    c->priv = kept;
    snprintf(c->trace, sizeof c->trace, "%s", g->trace);
    c->paging = g->paging;
    c->kernel_pa_delta = g->delta;
    linux_check(f, kept, c);
    keep_only(f, leader(f));
    f->done = c->opens && c->score == c->max_score && !f->sys->options.exhaustive &&
              !f->sys->options.kernel;
}

/** Why nothing opens, and what to try, as the last note. */
static void say_why(struct linux_finder *f)
{
    const struct eg_candidate *best = NULL;
    const struct eg_check *k;
    const char *hint;

    for (size_t i = 0; i < f->sys->candidates.n; i++) {
        const struct eg_candidate *c = &f->sys->candidates.at[i];

        if (c->os == f->os && (!best || c->score > best->score))
            best = c;
    }
    if (!best) {
        eg_system_note(f->sys, "no trace of a Linux kernel: no VMCOREINFO, no page table of its "
                               "boot, no BTF, no kallsyms; is it all of the memory of a Linux "
                               "machine, neither encrypted nor compressed, and in order?");
        return;
    }
    for (k = best->checks; k < best->checks + best->n_checks && k->passed; k++)
        ;
    if (!strcmp(k->name, "page tables"))
        hint = "the memory that holds its page tables is not in the image, or these are the "
               "remains of an earlier boot; --dtb gives another root";
    else if (f->given)
        hint = "the profile or System.map given is of another kernel";
    else
        hint = "a part of the kernel's memory is not in the image, or this is a copy of a kernel "
               "that never ran";
    eg_system_note(f->sys,
                   "traces of a Linux kernel (%s), but it fails the check of its %s (%s): %s",
                   best->trace, k->name, k->detail, hint);
}

static int find(struct eg_system *sys, struct eg_error *e);
static void close_(struct eg_system *sys);

EG_OS(linux) = {
    .name = "linux",
    .find = find,
    .open = linux_open,
    .close = close_,
    .module_types = linux_module_types,
    .module_symbols = linux_module_symbols,
};

static int find(struct eg_system *sys, struct eg_error *e)
{
    static void (*const traces[])(struct linux_finder *) = {
        linux_trace_container,
        linux_trace_low_roots,
        linux_trace_pages,
        linux_trace_tables,
    };
    struct linux_finder f = { .sys = sys, .v = sys->view, .phys = sys->image->phys };

    int rc;

    f.os = &eg_os_linux;
    if (!f.phys)
        return 0;
    rc = linux_given_read(sys, &f.given, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < countof(traces) && !f.done && !eg_cancelled; i++)
        traces[i](&f);
    if (eg_cancelled)
        return eg_fail(e, EG_ECANCEL, "%s", "stopped");
    if (!leader(&f))
        say_why(&f);
    return 0;
}

static void close_(struct eg_system *sys)
{
    for (size_t i = 0; i < sys->candidates.n; i++)
        if (sys->candidates.at[i].os == &eg_os_linux)
            linux_guess_fini(sys->view, sys->candidates.at[i].priv);
    linux_close(sys);
}
