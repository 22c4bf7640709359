/** mkplay.h - a door whose events a test plays, and a session of a script at it: rows, notes and
 * errors as text. */
#ifndef MKPLAY_H
#define MKPLAY_H

#include "../../core/arch.h"
#include "../../live/events.h"
#include "../../lua/trace.h"
#include "check.h"
#include <stdio.h>
#include <string.h>

enum { PLAY_EVENTS = 24, PLAY_POINTS = 64 };

struct play {
    struct events events;
    const char *arch; /**< of the processor; NULL: x86_64 */
    struct event queue[PLAY_EVENTS];
    size_t n, next;
    struct event_point points[PLAY_POINTS];
    bool used[PLAY_POINTS];
    size_t n_used, room;          /**< room: for so many points; 0: for all */
    size_t seen[PLAY_EVENTS + 1]; /**< n_used before each event */
    unsigned added, removed;
    bool all_wait; /**< each point has to be one that the machine waits at */
    bool closed, refuses;
    const struct eg_image *image;
    unsigned n_states; /**< processors whose state was known at the end */
};

static int play_add(struct events *s, const struct event_point *p, uint32_t id, struct eg_error *e)
{
    struct play *play = s->priv;

    if (play->refuses)
        return eg_fail(e, EG_EUSAGE, "no more");
    if (play->n_used == (play->room ? play->room : PLAY_POINTS))
        return eg_fail(e, EG_EUSAGE, "room for %zu points", play->n_used);
    assert_false(play->used[id]);
    assert_true(p->waits || !play->all_wait);
    play->used[id] = true;
    play->points[id] = *p;
    play->n_used++;
    play->added++;
    return 0;
}

static int play_remove(struct events *s, uint32_t id, struct eg_error *e)
{
    struct play *play = s->priv;

    (void)e;
    assert_true(play->used[id]);
    play->used[id] = false;
    play->n_used--;
    play->removed++;
    return 0;
}

/* The point of an event is that which has its address. */
static int play_next(struct events *s, struct event *out, int ms, struct eg_error *e)
{
    struct play *play = s->priv;

    (void)ms;
    play->seen[play->next] = play->n_used;
    if (play->next == play->n)
        return eg_fail(e, EG_ENOTFOUND, "the machine has ended");
    *out = play->queue[play->next++];
    out->point = EVENT_POINTS_MAX;
    for (uint32_t i = 0; i < PLAY_POINTS; i++)
        if (play->used[i] && play->points[i].address == out->address &&
            play->points[i].kind == out->kind)
            out->point = i;
    return 1;
}

static uint64_t play_lost(struct events *s)
{
    (void)s;
    return 7;
}

static void play_close(struct events *s)
{
    struct play *play = s->priv;

    play->closed = true;
    for (size_t i = 0; i < play->image->cpus.n; i++)
        play->n_states += play->image->cpus.at[i].n_regs != 0;
}

static struct event *play_event(struct play *p, enum event_kind kind, uint64_t address)
{
    struct event *ev = &p->queue[p->n++];

    assert_true(p->n <= PLAY_EVENTS);
    *ev =
        (struct event){ .kind = kind, .address = address, .number = p->n - 1, .known = UINT64_MAX };
    ev->state.arch = eg_arch_find(p->arch ? p->arch : "x86_64");
    ev->state.n_regs = p->arch && !strcmp(p->arch, "aarch64") ? 34 : 18;
    return ev;
}

/* ---- a session ---- */

struct said {
    char rows[4096], notes[4096], errors[4096];
};

static void said_line(char *to, const char *text)
{
    strncat(to, text, 4095 - strlen(to));
    strncat(to, "\n", 4095 - strlen(to));
}
static void said_error(void *context, const char *text)
{
    said_line(((struct said *)context)->errors, text);
}
static void said_note(void *context, const char *text)
{
    said_line(((struct said *)context)->notes, text);
}
static void said_row(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    char line[512] = "", cell[128];

    (void)depth;
    for (size_t i = 0; i < n; i++) {
        if (v[i].tag == EG_V_TEXT)
            snprintf(cell, sizeof cell, "%.*s", (int)v[i].bytes.len, (const char *)v[i].bytes.p);
        else if (v[i].tag == EG_V_INT || v[i].tag == EG_V_UINT)
            snprintf(cell, sizeof cell, "%lld", (long long)v[i].i);
        else
            snprintf(cell, sizeof cell, "%s", v[i].tag == EG_V_BAD ? "-" : "");
        strcat(strcat(line, i ? "|" : ""), cell);
    }
    said_line(((struct said *)context)->rows, line);
}

/* @return what went wrong, and 0 for the machine's end; the events are run, and all is closed. */
static int play_run(struct play *p, struct eg_system *sys, const char *script, struct said *said,
                    struct eg_trace_counts *n, struct eg_error *e)
{
    static const struct events_ops ops = { .name = "play",
                                           .add = play_add,
                                           .remove = play_remove,
                                           .next = play_next,
                                           .lost = play_lost,
                                           .close = play_close };
    static const struct eg_trace_ops trace_ops = { .error = said_error, .note = said_note };
    const struct eg_trace_options o = {
        .name = "t.lua", .text = script, .len = strlen(script), .seconds = 1
    };
    struct eg_trace *t;
    int rc;

    *said = (struct said){ 0 };
    p->image = sys->image;
    p->events = (struct events){ &ops, p, false };
    assert_int_equal(eg_trace_new(&t, &p->events, e), 0);
    rc = eg_trace_begin(t, sys, &o, &trace_ops, said, e);
    if (!rc) {
        eg_trace_sink(t, (struct eg_sink){ said_row, said });
        rc = eg_trace_start(t, e);
        while (!rc && !eg_trace_stopped(t)) {
            rc = eg_trace_step(t, 10, e);
            if (rc > 0)
                rc = 0;
        }
        if (rc == -EG_ENOTFOUND || eg_trace_stopped(t))
            rc = 0;
        eg_trace_end(t);
    }
    if (n)
        eg_trace_counts(t, n);
    eg_trace_close(t);
    eg_vec_fini(&sys->image->cpus); // of events; nobody else frees them here
    assert_true(p->closed);
    return rc;
}

#endif
