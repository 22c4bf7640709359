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

/** Of a thing that is being made: for a run that is left in the middle. */
struct making {
    struct kept *c;
    bool done;
};

static void leave(void *context)
{
    struct making *m = context;

    if (m->done)
        return;
    m->done = true;
    drop(m->c);
    pthread_mutex_unlock(&m->c->lock);
}

/** Keep the notes that the run got from @from on. */
static bool keep_notes(struct kept *c, const struct eg_run *r, size_t from)
{
    for (size_t i = from; r && i < r->notes.n; i++) {
        char **place = eg_vec_push(&c->notes);

        if (!place || !(*place = strdup(r->notes.at[i].text)))
            return false;
    }
    return true;
}

/** Locked; unlocks. */
static void make(struct eg_system *sys, struct eg_run *r, struct kept *c)
{
    const size_t notes = r ? r->notes.n : 0;
    struct making own = { .c = c }, *m = &own;

    if (r) {
        pthread_mutex_unlock(&c->lock); // these two may leave the run
        m = eg_tmp(r, sizeof *m);
        *m = (struct making){ .c = c, .done = true };
        eg_run_defer(r, leave, m);
        pthread_mutex_lock(&c->lock);
        m->done = false;
    }
    if (!c->made) {
        c->made = c->what->make(sys, r, c->at) && keep_notes(c, r, notes);
        if (!c->made)
            drop(c);
    }
    m->done = true;
    pthread_mutex_unlock(&c->lock);
}

void *eg_system_cache(struct eg_system *sys, struct eg_run *r, const struct eg_cache *what)
{
    struct kept *c = entry(sys, what);
    bool made;

    if (!c) {
        if (r)
            eg_run_fail(r, EG_ENOMEM, "out of memory");
        return NULL;
    }
    pthread_mutex_lock(&c->lock);
    if (!c->made) {
        make(sys, r, c);
        pthread_mutex_lock(&c->lock);
    }
    made = c->made;
    pthread_mutex_unlock(&c->lock);
    for (size_t i = 0; made && r && i < c->notes.n; i++)
        eg_note(r, "%s", c->notes.at[i]);
    return made ? c->at : NULL;
}
