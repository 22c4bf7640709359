/* trace_points.c - what a trace asks of its door: functions, memory that is watched, returns. */
#include "trace_own.h"
#include <stdlib.h>

static uint32_t free_id(struct eg_trace *t)
{
    for (size_t i = 0; i < t->points.n; i++)
        if (t->points.at[i].is == TRACE_FREE)
            return (uint32_t)i;
    if (t->points.n >= EVENT_POINTS_MAX || !eg_vec_push(&t->points))
        return UINT32_MAX;
    t->points.at[t->points.n - 1] = (struct trace_point){ 0 };
    return (uint32_t)(t->points.n - 1);
}

int trace_catch(struct eg_trace *t, const struct event_point *p, struct trace_point what,
                struct eg_error *e)
{
    const uint32_t id = free_id(t);
    int rc;

    if (id == UINT32_MAX)
        return eg_fail(e, EG_EUSAGE, "more than %d places to catch", EVENT_POINTS_MAX);
    rc = t->from->ops->add(t->from, p, id, e);
    if (!rc)
        t->points.at[id] = what;
    return rc;
}

int trace_catch_all(struct eg_trace *t, struct eg_error *e)
{
    int rc = 0;

    for (size_t i = 0; i < t->targets.n && !rc; i++) {
        const struct event_point p = { .kind = EVENT_CALL, .address = t->targets.at[i].address };

        rc = trace_catch(t, &p, (struct trace_point){ TRACE_TARGET, (uint32_t)i, NULL }, e);
    }
    for (size_t i = 0; i < t->writes.n && !rc; i++) {
        const struct event_point p = { .kind = EVENT_WRITE,
                                       .address = t->writes.at[i].address,
                                       .len = t->writes.at[i].len };

        rc = trace_catch(t, &p, (struct trace_point){ TRACE_WRITE, (uint32_t)i, NULL }, e);
    }
    return rc;
}

/** @return the id of the pending return that @which selects by its place, or UINT32_MAX. */
static uint32_t same_frame(const struct eg_trace *t, const struct tracee_call *call)
{
    for (size_t i = 0; i < t->points.n; i++)
        if (t->points.at[i].is == TRACE_RETURN && t->points.at[i].pending->call.sp == call->sp)
            return (uint32_t)i;
    return UINT32_MAX;
}

static uint32_t oldest(const struct eg_trace *t)
{
    uint32_t found = UINT32_MAX;

    for (size_t i = 0; i < t->points.n; i++)
        if (t->points.at[i].is == TRACE_RETURN &&
            (found == UINT32_MAX ||
             t->points.at[i].pending->number < t->points.at[found].pending->number))
            found = (uint32_t)i;
    return found;
}

void trace_follow(struct eg_trace *t, uint32_t target)
{
    const struct event_point p = { .kind = EVENT_RETURN,
                                   .address = t->call->returns_to,
                                   .sp = t->call->sp };
    struct trace_pending *new;
    uint32_t id;
    struct eg_error e;

    if (!p.address || !p.sp) {
        t->counts.missed++;
        return;
    }
    // A frame in the same place: its call never returned (its task has ended).
    while ((id = same_frame(t, t->call)) != UINT32_MAX) {
        t->counts.missed++;
        trace_drop(t, id);
    }
    if (t->n_pending >= TRACE_PENDING_MAX && (id = oldest(t)) != UINT32_MAX) {
        t->counts.missed++;
        trace_drop(t, id);
    }
    new = malloc(sizeof *new);
    if (new)
        *new = (struct trace_pending){ target, *t->call, t->task.why ? 0 : t->task.addr,
                                       t->counts.events };
    if (!new || trace_catch(t, &p, (struct trace_point){ TRACE_RETURN, target, new }, &e)) {
        t->counts.missed++;
        free(new);
        return;
    }
    t->n_pending++;
}

void trace_drop(struct eg_trace *t, uint32_t id)
{
    struct eg_error e;

    if (t->from && !t->no_more && t->from->ops->remove(t->from, id, &e) == -EG_ENOTFOUND)
        t->no_more = true;
    free(t->points.at[id].pending);
    t->points.at[id] = (struct trace_point){ 0 };
    t->n_pending--;
}

void trace_drop_all(struct eg_trace *t)
{
    for (size_t i = 0; i < t->points.n; i++)
        if (t->points.at[i].is == TRACE_RETURN)
            free(t->points.at[i].pending);
    eg_vec_fini(&t->points);
    t->n_pending = 0;
}
