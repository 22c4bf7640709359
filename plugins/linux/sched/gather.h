/** sched/gather.h - tasks that a function hands out by calling back, kept so that a walker by name
 * can give them one by one. */
#ifndef EG_LINUX_GATHER_H
#define EG_LINUX_GATHER_H

#include "task.h"

enum { LINUX_GATHER_PIECE = 126 };
struct linux_gather_piece {
    uint64_t at[LINUX_GATHER_PIECE];
    struct linux_gather_piece *next;
};
/** The state of such a walker, zeroed. */
struct linux_gather {
    struct eg_run *run;
    struct linux_gather_piece *first, *last;
    uint64_t n, i; /**< gathered; given */
};

/** For the function that calls back: the context is the struct linux_gather, with its run set. */
static inline void linux_gather_add(void *context, struct eg_obj task)
{
    struct linux_gather *g = context;

    if (task.why)
        return;
    if (g->n % LINUX_GATHER_PIECE == 0) {
        struct linux_gather_piece *piece = eg_tmp(g->run, sizeof *piece);

        if (g->last)
            g->last->next = piece;
        else
            g->first = piece;
        g->last = piece;
    }
    g->last->at[g->n++ % LINUX_GATHER_PIECE] = task.addr;
}

/** The next task; the first call lets @each gather them all. @return false: there is none. */
static inline bool linux_gather_next(struct eg_run *r, struct linux_gather *g,
                                     bool (*each)(struct eg_run *r,
                                                  void (*take)(void *, struct eg_obj), void *),
                                     struct eg_obj *out)
{
    if (!g->run) {
        g->run = r;
        each(r, linux_gather_add, g);
    }
    if (g->i == g->n)
        return false;
    if (g->i && g->i % LINUX_GATHER_PIECE == 0)
        g->first = g->first->next;
    *out = eg_object(r, task_struct, g->first->at[g->i++ % LINUX_GATHER_PIECE]);
    return true;
}

#endif
