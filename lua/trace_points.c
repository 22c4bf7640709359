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

int trace_catch_id(struct eg_trace *t, const struct event_point *p, struct trace_point what,
                   uint32_t *out, struct eg_error *e)
{
    const uint32_t id = free_id(t);
    int rc;

    if (id == UINT32_MAX)
        return eg_fail(e, EG_EUSAGE, "more than %d places to catch", EVENT_POINTS_MAX);
    rc = t->from->ops->add(t->from, p, id, e);
    if (!rc) {
        t->points.at[id] = what;
        *out = id;
    }
    return rc;
}

int trace_catch(struct eg_trace *t, const struct event_point *p, struct trace_point what,
                struct eg_error *e)
{
    uint32_t id;

    return trace_catch_id(t, p, what, &id, e);
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
    return rc ? rc : trace_user_hooks(t, e);
}

/** @return the id of the pending return from the same place of a stack, or UINT32_MAX. Stacks of
 * the kernel are of one task; those of programs can be at one address in many. */
static uint32_t same_frame(const struct eg_trace *t, const struct trace_pending *call)
{
    for (size_t i = 0; i < t->points.n; i++) {
        const struct trace_pending *p = t->points.at[i].pending;

        if (t->points.at[i].is == TRACE_RETURN && p->user == call->user &&
            p->call.sp == call->call.sp &&
            (!p->user ||
             (p->task == call->task && p->file == call->file && p->target == call->target)))
            return (uint32_t)i;
    }
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

void trace_follow(struct eg_trace *t, const struct trace_pending *call)
{
    const struct event_point p = { .kind = EVENT_RETURN,
                                   .address = call->call.returns_to,
                                   .sp = call->call.sp,
                                   .waits = call->user };
    struct trace_pending *new, filled = *call;
    uint32_t id;
    struct eg_error e;

    filled.task = t->task.why ? 0 : t->task.addr;
    filled.number = t->counts.events;
    if (!p.address || !p.sp) {
        t->counts.missed++;
        return;
    }
    // A frame in the same place: its call never returned (its task has ended).
    while ((id = same_frame(t, &filled)) != UINT32_MAX) {
        t->counts.missed++;
        trace_drop(t, id);
    }
    if (t->n_pending >= TRACE_PENDING_MAX && (id = oldest(t)) != UINT32_MAX) {
        t->counts.missed++;
        trace_drop(t, id);
    }
    new = malloc(sizeof *new);
    if (new)
        *new = filled;
    if (!new || trace_catch(t, &p, (struct trace_point){ TRACE_RETURN, call->target, new }, &e)) {
        t->counts.missed++;
        free(new);
        return;
    }
    t->n_pending++;
}

static void take_away(struct eg_trace *t, uint32_t id)
{
    struct eg_error e;

    if (t->from && !t->no_more && t->from->ops->remove(t->from, id, &e) == -EG_ENOTFOUND)
        t->no_more = true;
    t->points.at[id] = (struct trace_point){ 0 };
}

void trace_release(struct eg_trace *t, uint32_t id)
{
    take_away(t, id);
}

void trace_drop(struct eg_trace *t, uint32_t id)
{
    free(t->points.at[id].pending);
    take_away(t, id);
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
