/** system.c - opens a system: each operating system searches for its kernels, and the best
 * candidate is opened. */
#include "system.h"
#include "registry.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct eg_candidate *eg_candidate_new(struct eg_system *sys, const struct eg_os *os)
{
    struct eg_candidate *c = eg_vec_push(&sys->candidates);

    if (!c)
        return NULL;
    c->os = os;
    c->order = sys->n_candidates++;
    return c;
}

static struct eg_check *add_check(struct eg_candidate *c, const char *name, const char *format,
                                  va_list ap)
{
    struct eg_check *k;

    if (c->n_checks == EG_CHECKS_MAX)
        return NULL;
    k = &c->checks[c->n_checks++];
    *k = (struct eg_check){ .points = 0 };
    snprintf(k->name, sizeof k->name, "%s", name);
    vsnprintf(k->detail, sizeof k->detail, format, ap);
    return k;
}

bool eg_candidate_check(struct eg_candidate *c, const char *name, int points, bool passed,
                        const char *format, ...)
{
    struct eg_check *k;
    va_list ap;

    c->max_score += points;
    if (passed)
        c->score += points;
    va_start(ap, format);
    k = add_check(c, name, format, ap);
    va_end(ap);
    if (k) {
        k->points = (int8_t)(passed ? points : 0);
        k->passed = passed;
    }
    return passed;
}

void eg_candidate_skip(struct eg_candidate *c, const char *name, const char *format, ...)
{
    struct eg_check *k;
    va_list ap;

    va_start(ap, format);
    k = add_check(c, name, format, ap);
    va_end(ap);
    if (k)
        k->skipped = true;
}

int eg_system_add_profile(struct eg_system *sys, struct eg_profile *p, uint64_t shift,
                          struct eg_error *e)
{
    struct eg_profile **owned = eg_vec_push(&sys->profiles);
    int rc = 0;

    if (!owned) {
        eg_profile_free(p);
        return eg_fail(e, EG_ENOMEM, "%s", "profile: out of memory");
    }
    *owned = p;
    if (p->n_types > 1 || p->base_count > 1) {
        if (sys->types.n_layers)
            rc = eg_types_add(&sys->types, p, e);
        else
            rc = eg_types_init(&sys->types, p, e);
    }
    if (rc == 0 && p->n_symbols && !p->module) {
        struct eg_symbols *s = eg_vec_push(&sys->symbols);

        if (!s)
            return eg_fail(e, EG_ENOMEM, "%s", "symbols: out of memory");
        *s = (struct eg_symbols){ p, shift, p->source, NULL, { { 0, UINT64_MAX } }, 1, 0 };
    }
    return rc;
}

/** The binding that cursors need even when no types were found. */
static int no_types(struct eg_system *sys, struct eg_error *e)
{
    const struct eg_arch *arch = sys->arch;
    struct eg_model model = arch ? arch->model : (struct eg_model){ 8, 8, false };
    struct eg_profile **slot, *p;
    struct eg_builder *b = eg_builder_new(model, "no types");
    int rc;

    if (!b)
        return eg_fail(e, EG_ENOMEM, "%s", "types: out of memory");
    rc = eg_builder_finish(b, &p, NULL, e);
    if (rc < 0)
        return rc;
    slot = eg_vec_push(&sys->profiles);
    if (!slot) {
        eg_profile_free(p);
        return eg_fail(e, EG_ENOMEM, "%s", "types: out of memory");
    }
    *slot = p;
    return eg_types_init(&sys->types, p, e);
}

bool eg_candidate_better(const struct eg_candidate *a, const struct eg_candidate *b)
{
    const int a_lacks = a->max_score - a->score, b_lacks = b->max_score - b->score;

    if (a->opens != b->opens)
        return a->opens;
    if (!a->opens && a->score != b->score)
        return a->score > b->score;
    if (a_lacks != b_lacks)
        return a_lacks < b_lacks;
    if (a->clock != b->clock)
        return a->clock > b->clock;
    if (a->score != b->score)
        return a->score > b->score;
    return a->order < b->order;
}

static int best_first(const void *a, const void *b)
{
    return eg_candidate_better(a, b) ? -1 : eg_candidate_better(b, a);
}

/** Two candidates that pass all checks are two kernels: remains of an earlier boot, a crash kernel,
 * a nested guest. */
static void note_tie(struct eg_system *sys)
{
    const struct eg_candidate *a = &sys->candidates.at[0], *b = a + 1;

    if (!sys->options.kernel && sys->candidates.n > 1 && b->opens && b->score == b->max_score)
        eg_system_note(sys,
                       "two kernels pass every check: the one found by %s is used, its clock is "
                       "%s; --kernel 2 uses the one found by %s",
                       a->trace, a->clock > b->clock ? "later" : "the same", b->trace);
}

static int choose(struct eg_system *sys, struct eg_error *e)
{
    const unsigned wanted = sys->options.kernel;

    if (sys->candidates.n > 1)
        qsort(sys->candidates.at, sys->candidates.n, sizeof *sys->candidates.at, best_first);
    if (wanted > sys->candidates.n)
        return eg_fail(e, EG_EUSAGE, "--kernel %u: %zu were found; `engram IMAGE` lists them",
                       wanted, sys->candidates.n);
    if (wanted) {
        sys->chosen = &sys->candidates.at[wanted - 1];
        if (!sys->chosen->opens)
            return eg_fail(e, EG_ENOTFOUND,
                           "--kernel %u: it does not pass what is needed to open it; `engram "
                           "IMAGE` says which checks failed",
                           wanted);
    } else if (sys->candidates.n && sys->candidates.at[0].opens) {
        sys->chosen = &sys->candidates.at[0];
        note_tie(sys);
    }
    return 0;
}

static int find_and_open(struct eg_system *sys, struct eg_error *e)
{
    int rc;

    for (size_t i = 0; eg_os_nth(i); i++) {
        rc = eg_os_nth(i)->os->find(sys, e);
        if (rc < 0)
            return rc;
    }
    rc = choose(sys, e);
    if (rc < 0)
        return rc;
    sys->kernel = NULL;
    if (sys->chosen) {
        sys->os = sys->chosen->os;
        sys->arch = sys->chosen->paging.arch;
        rc = sys->os->open(sys, e);
        if (rc < 0)
            return rc;
        sys->bind.model = sys->arch->model;
    } else {
        sys->arch = eg_arch_of_elf(sys->image->elf_machine, false);
        sys->bind.model = sys->arch ? sys->arch->model : (struct eg_model){ 8, 8, false };
    }
    if (!sys->types.n_layers && (rc = no_types(sys, e)) < 0)
        return rc;
    sys->bind.types = &sys->types;
    return eg_system_resolve(sys, e);
}

int eg_system_open(struct eg_system **out, struct eg_image *img, const struct eg_find_options *o,
                   struct eg_error *e)
{
    struct eg_system *sys = calloc(1, sizeof *sys);
    int rc;

    if (!sys)
        return eg_fail(e, EG_ENOMEM, "%s", "system: out of memory");
    pthread_mutex_init(&sys->lock, NULL);
    sys->image = img;
    if (o)
        sys->options = *o;
    sys->view = malloc(sizeof *sys->view);
    if (!sys->view) {
        rc = eg_fail(e, EG_ENOMEM, "%s", "system: out of memory");
    } else {
        eg_view_init(sys->view, NULL);
        rc = find_and_open(sys, e);
        if (sys->view->starved)
            rc = eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    }
    if (rc < 0) {
        eg_system_close(sys);
        return rc;
    }
    *out = sys;
    return 0;
}

void eg_system_close(struct eg_system *sys)
{
    if (!sys)
        return;
    while (sys->cached) {
        struct eg_cached *c = sys->cached;

        sys->cached = c->next;
        c->free(c);
    }
    for (size_t i = 0; eg_os_nth(i); i++)
        if (eg_os_nth(i)->os->close)
            eg_os_nth(i)->os->close(sys);
    eg_space_close(sys->kernel);
    eg_types_fini(&sys->types);
    while (sys->profiles.n) // in reverse, because all profiles of one .egp are in the memory of the
                            // first
        eg_profile_free(sys->profiles.at[--sys->profiles.n]);
    eg_vec_fini(&sys->profiles);
    eg_vec_fini(&sys->symbols);
    eg_vec_fini(&sys->module_symbols);
    eg_vec_fini(&sys->candidates);
    eg_vec_fini(&sys->notes);
    free(sys->bind.slots);
    free(sys->bind.paths);
    if (sys->view)
        eg_view_fini(sys->view);
    free(sys->view);
    eg_arena_fini(&sys->arena);
    pthread_mutex_destroy(&sys->lock);
    free(sys);
}
