/** sched/gather.h - tasks that a function hands out by calling back, kept so that a walker by name
 * can give them one by one. */
#ifndef EG_LINUX_GATHER_H
#define EG_LINUX_GATHER_H

#include "../../../core/engram.h"

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
    bool begun;
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

/** The address of the next one. @return false: there is none. */
static inline bool linux_gather_next(struct linux_gather *g, uint64_t *addr)
{
    if (g->i == g->n)
        return false;
    if (g->i && g->i % LINUX_GATHER_PIECE == 0)
        g->first = g->first->next;
    *addr = g->first->at[g->i++ % LINUX_GATHER_PIECE];
    return true;
}

#endif
