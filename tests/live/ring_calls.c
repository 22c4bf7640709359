/* ring_calls - what QEMU's plugin tells of system calls, for tests and measurements of the door
 * alone: `ring_calls IMAGE ring:FILE[,sync] MS [NAME…]`, where IMAGE is the guest's memory.
 * Prints a line for each event of the named calls, all without a name: "number cpu pid comm
 * name(arguments)", and with "= value" where it leaves; at the end, after MS without an event,
 * how many there were. With -q the last line alone. */
#include "../../core/registry.h"
#include "../../live/events_ring.h"
#include "../../live/ring_linux.h"
#include "../../live/syscalls.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct work {
    struct events *s;
    char **names, *image;
    int n_names, ms;
    bool quiet;
    struct eg_error e;
};

static int print_one(struct eg_run *r, void *context)
{
    struct {
        struct work *w;
        const struct ring_linux *os;
        const struct syscalls *calls;
        const struct event *ev;
    } *c = context;
    const struct ring_record *n = events_ring_record(c->w->s);
    struct syscall_seen seen;
    const struct syscall *call;

    if (!live_syscall_of_record(r, c->os, n, &seen)) {
        printf("%" PRIu64 " %u - no registers\n", c->ev->number, c->ev->cpu);
        return 0;
    }
    call =
        seen.number >= 0 && seen.number < RING_CALLS ? &c->calls->of[seen.kind][seen.number] : NULL;
    printf("%" PRIu64 " %u %u %s ", c->ev->number, c->ev->cpu, n->tgid, n->comm);
    if (call && call->name)
        printf("%s(%s)", call->name, live_syscall_args_text(r, call, &seen));
    else
        printf("call_%" PRId64 "()", seen.number);
    if (c->ev->kind == EVENT_SYSRET)
        printf(" = %s", live_syscall_value_text(r, seen.value));
    printf("\n");
    return 0;
}

static int work(struct eg_run *r, void *context)
{
    struct work *w = context;
    struct ring_gate gates[RING_GATES];
    struct ring_linux os;
    struct syscalls *calls = live_syscalls_open(r);
    uint8_t texts[2][RING_CALLS];
    uint64_t wanted[2][RING_CALLS / 64] = { { 0 } };
    uint64_t n = 0, first = 0, last = 0, waited = 0;
    struct timespec from, to;
    unsigned described = 0;

    for (unsigned i = 0; i < RING_CALLS; i++)
        described += calls->of[0][i].source != NULL;
    events_ring_memory(w->s, w->image, NULL, 0);
    if (!live_ring_linux(r, &os))
        return -1;
    live_syscalls_texts(calls, texts);
    events_ring_os(w->s, &os, texts);
    for (int i = 0; i < w->n_names; i++) {
        const int nr = live_syscalls_number(calls, 0, w->names[i]);

        if (nr >= 0)
            wanted[0][nr / 64] |= UINT64_C(1) << nr % 64;
    }
    if (w->n_names)
        events_ring_calls(w->s, (const uint64_t(*)[RING_CALLS / 64]) wanted);
    const unsigned g = live_ring_gates(r, gates);

    for (unsigned i = 0; i < g; i++) {
        const struct event_point p = { .kind = gates[i].leaves ? EVENT_SYSRET : EVENT_SYSCALL,
                                       .address = gates[i].address,
                                       .len = gates[i].bits };

        fprintf(stderr, "gate %s %#" PRIx64 "\n", gates[i].name, gates[i].address);
        if (w->s->ops->add(w->s, &p, i, &w->e))
            return -1;
    }
    clock_gettime(CLOCK_MONOTONIC, &from);
    if (!events_ring_ready(w->s, 5000))
        fprintf(stderr, "not ready\n");
    clock_gettime(CLOCK_MONOTONIC, &to);
    waited = (uint64_t)(to.tv_sec - from.tv_sec) * 1000000u +
             (uint64_t)((to.tv_nsec - from.tv_nsec) / 1000);
    fprintf(stderr, "ready after %" PRIu64 " us, %u calls described, memory %u\n", waited,
            described, events_ring_head(w->s)->memory);
    for (;;) {
        struct event ev;
        struct eg_run *one;
        const int rc = w->s->ops->next(w->s, &ev, w->ms, &w->e);

        if (rc < 0)
            fprintf(stderr, "%s\n", w->e.text);
        if (rc <= 0)
            break;
        if (!n)
            first = ev.number;
        last = ev.number;
        n++;
        if (w->quiet)
            continue;
        if (eg_run_open(&one, r->sys, NULL, &w->e))
            break;
        struct {
            struct work *w;
            const struct ring_linux *os;
            const struct syscalls *calls;
            const struct event *ev;
        } c = { w, &os, calls, &ev };

        (void)eg_run_do(one, print_one, &c);
        eg_run_close(one);
    }
    fprintf(stderr, "events %" PRIu64 " lost %" PRIu64 " span %" PRIu64 " flushes %u timeouts %u\n",
            n, w->s->ops->lost(w->s), n ? last - first + 1 : 0, events_ring_head(w->s)->flushes,
            events_ring_head(w->s)->timeouts);
    return 0;
}

int main(int argc, char **argv)
{
    struct work w = { .quiet = argc > 1 && !strcmp(argv[1], "-q") };
    struct eg_image *img;
    struct eg_system *sys;
    struct eg_run *r;
    int rc;

    argc -= w.quiet;
    argv += w.quiet;
    if (argc < 4) {
        fprintf(stderr, "usage: ring_calls [-q] IMAGE FILE[,sync] MS [NAME...]\n");
        return 3;
    }
    w.image = argv[1];
    w.ms = atoi(argv[3]);
    w.names = argv + 4;
    w.n_names = argc - 4;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (eg_registry_init(&w.e) < 0 ||
        eg_image_open(&img, argv[1], &(struct eg_open_options){ .quiet = true }, &w.e) < 0 ||
        eg_system_open(&sys, img, &(struct eg_find_options){ .quiet = true }, &w.e) < 0 ||
        eg_run_open(&r, sys, NULL, &w.e) < 0 || events_ring_open(&w.s, argv[2], &w.e) < 0) {
        fprintf(stderr, "%s\n", w.e.text);
        return 2;
    }
    rc = eg_run_do(r, work, &w);
    if (rc)
        fprintf(stderr, "failed: %s %s\n", r->error, w.e.text);
    w.s->ops->close(w.s);
    eg_run_close(r);
    eg_system_close(sys);
    eg_image_close(img);
    return rc ? 1 : 0;
}
