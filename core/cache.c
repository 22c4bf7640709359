/* cache.c - what is made once for a system. One mutex for each thing is held while it is made, so
 * that others wait for it and not for each other. */
#include "cache.h"
#include "run.h"
#include <stdlib.h>

struct kept {
    struct eg_cached head; /**< first: a struct eg_cached is one of these */
    const struct eg_cache *what;
    pthread_mutex_t lock; /**< guards the rest */
    bool made;
    EG_VEC(char *) notes;
    size_t n_lost_notes; // as the run's
    _Alignas(max_align_t) unsigned char at[];
};

static void drop(struct kept *c)
{
    if (c->what->fini)
        c->what->fini(c->at);
    memset(c->at, 0, c->what->size);
    for (size_t i = 0; i < c->notes.n; i++)
        free(c->notes.at[i]);
    eg_vec_fini(&c->notes);
    c->n_lost_notes = 0;
}

static void free_kept(struct eg_cached *head)
{
    struct kept *c = (struct kept *)head;

    if (c->made)
        drop(c);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static struct kept *entry(struct eg_system *sys, const struct eg_cache *what)
{
    struct kept *c;

    pthread_mutex_lock(&sys->lock);
    for (c = (struct kept *)sys->cached; c && c->what != what; c = (struct kept *)c->head.next)
        ;
    if (!c && (c = calloc(1, sizeof *c + what->size))) {
        c->what = what;
        c->head = (struct eg_cached){ sys->cached, free_kept };
        sys->cached = &c->head;
        pthread_mutex_init(&c->lock, NULL);
    }
    pthread_mutex_unlock(&sys->lock);
    return c;
}

/** Keep the notes of the run that made it. */
static bool keep_notes(struct kept *c, const struct eg_run *own)
{
    for (size_t i = 0; i < own->notes.n; i++) {
        char **place = eg_vec_push(&c->notes);

        if (!place || !(*place = strdup(own->notes.at[i].text)))
            return false;
    }
    c->n_lost_notes = own->n_lost_notes;
    return true;
}

static int make_kept(struct eg_run *own, void *context)
{
    struct kept *c = context;

    c->made = c->what->make(own->sys, own, c->at);
    if (c->made && !keep_notes(c, own))
        return eg_run_fail(own, EG_ENOMEM, "out of memory");
    return 0;
}

/** Locked. In a run of its own: its notes are all that belong to the thing, whatever @r has said
 * before, and when memory runs out only this run is left, not @r with the lock held. */
static int make(struct eg_system *sys, struct eg_run *r, struct kept *c, struct eg_error *e)
{
    struct eg_run *own = NULL;
    int rc = 0;

    if (!r) {
        c->made = c->what->make(sys, NULL, c->at);
    } else if (!(rc = eg_run_open(&own, sys, r->options, e))) {
        rc = eg_run_do(own, make_kept, c);
        if (rc)
            eg_fail(e, (enum eg_errno) - rc, "%s", own->error);
    }
    if (rc || !c->made)
        drop(c);
    c->made = !rc && c->made;
    eg_run_close(own);
    return rc;
}

void *eg_system_cache(struct eg_system *sys, struct eg_run *r, const struct eg_cache *what)
{
    struct kept *c = entry(sys, what);
    struct eg_error e;
    bool made;
    int rc = 0;

    if (!c) {
        if (r)
            eg_run_fail(r, EG_ENOMEM, "out of memory");
        return NULL;
    }
    pthread_mutex_lock(&c->lock);
    if (!c->made)
        rc = make(sys, r, c, &e);
    made = c->made;
    pthread_mutex_unlock(&c->lock);
    if (rc && r)
        eg_run_fail(r, (enum eg_errno) - rc, "%s", e.text);
    for (size_t i = 0; made && r && i < c->notes.n; i++)
        eg_note(r, "%s", c->notes.at[i]);
    if (made && r) // it may ask again
        r->n_lost_notes = EG_MAX(r->n_lost_notes, c->n_lost_notes);
    return made ? c->at : NULL;
}

void eg_system_forget(struct eg_system *sys)
{
    pthread_mutex_lock(&sys->lock);
    for (struct eg_cached **at = &sys->cached; *at;) {
        struct eg_cached *c = *at;

        if (((struct kept *)c)->what->lasts) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        c->free(c);
    }
    pthread_mutex_unlock(&sys->lock);
}
