/* events_gdb.c - events by QEMU's gdbstub: breakpoints at functions, watchpoints on memory.
 *
 * The machine stands from a stop to the next call of next(). What stops it at a breakpoint must
 * step over it before it runs on; where the accelerator sees breakpoints in memory or in registers
 * of the processor (KVM), the breakpoint is lifted for that step. */
#include "../core/arch.h"
#include "../core/parallel.h"
#include "../core/space.h"
#include "connect.h"
#include "events.h"
#include "gdbstub.h"
#include "guardian.h"
#include "told.h"
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { STEP_MS = 10000, HARDWARE_MAX = 4, X86 = 62, ARM64 = 183, ARM64_PC = 32 };

struct point {
    struct event_point is;
    uint32_t id;
};
/* What was asked of the stub, for all points at the same place. */
struct place {
    uint64_t address;
    uint32_t len;
    char type; /**< '0' breakpoint, '1' the processor's own, '2' watchpoint for writes */
    uint32_t users;
};
struct door {
    struct events events; /**< first: what the caller has */
    struct gdbstub *stub;
    struct guardian guardian;
    struct eg_space *memory;
    bool tcg; /**< its breakpoints need not be lifted for a step */
    bool watches_reset;
    EG_VEC(struct point) points;
    EG_VEC(struct place) places;
    EG_VEC(struct event) queue;
    size_t given;          /**< of the queue */
    uint64_t stepping;     /**< the thread that stands at a breakpoint; 0: none */
    struct instant stands; /**< where it does */
    struct told told;
    uint64_t begun, number;
    uint64_t stood, since; /**< ns in all; when it stopped last, 0: it runs */
};

static struct door *door_of(struct events *s)
{
    return s->priv;
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* ---- breakpoints ---- */

static unsigned kind_of(const struct door *d, const struct place *p)
{
    return p->type == '2' ? p->len : d->stub->layout.arch->code_unit;
}

static int insert(struct door *d, const struct place *p, struct eg_error *e)
{
    return gdbstub_order(d->stub, e, "Z%c,%" PRIx64 ",%x", p->type, p->address, kind_of(d, p));
}

static int lift(struct door *d, const struct place *p, struct eg_error *e)
{
    return gdbstub_order(d->stub, e, "z%c,%" PRIx64 ",%x", p->type, p->address, kind_of(d, p));
}

static struct place *place_of(struct door *d, const struct event_point *p)
{
    const bool write = p->kind == EVENT_WRITE;

    for (size_t i = 0; i < d->places.n; i++) {
        struct place *at = &d->places.at[i];

        if (at->address == p->address && (at->type == '2') == write &&
            (!write || at->len == p->len))
            return at;
    }
    return NULL;
}

static int add_place(struct door *d, const struct event_point *p, struct eg_error *e)
{
    struct place new = { p->address, p->len, p->kind == EVENT_WRITE ? '2' : '1', 1 };
    size_t hardware = 0;
    struct place *at;
    int rc;

    for (size_t i = 0; i < d->places.n; i++)
        hardware += d->places.at[i].type != '0';
    // The processor's own change no byte of the machine, but it has four of them.
    if (new.type == '1' && !d->tcg && hardware >= HARDWARE_MAX)
        new.type = '0';
    rc = insert(d, &new, e);
    if (rc == -EG_EUSAGE && new.type == '1') {
        new.type = '0';
        rc = insert(d, &new, e);
    }
    if (rc == -EG_EUSAGE)
        return eg_fail(e, EG_EUSAGE, "the machine takes no %s at %#" PRIx64 "%s",
                       new.type == '2' ? "watchpoint" : "breakpoint", p->address,
                       new.type == '2' ? ": on KVM 1, 2, 4 or 8 bytes, aligned, and four in all"
                                       : "");
    if (rc)
        return rc;
    at = eg_vec_push(&d->places);
    if (!at) {
        lift(d, &new, NULL);
        return eg_fail(e, EG_ENOMEM, "out of memory for a breakpoint");
    }
    *at = new;
    return 0;
}

static int add(struct events *s, const struct event_point *p, uint32_t id, struct eg_error *e)
{
    struct door *d = door_of(s);
    struct place *at;
    struct point *new;
    int rc = 0;

    if (p->kind != EVENT_CALL && p->kind != EVENT_RETURN && p->kind != EVENT_WRITE)
        return eg_fail(e, EG_EUSAGE, "this kind of event is not seen by a debugger's port");
    if (p->kind == EVENT_WRITE && !p->len)
        return eg_fail(e, EG_EUSAGE, "no bytes to watch");
    if ((rc = gdbstub_halt(d->stub, e)))
        return rc;
    new = eg_vec_push(&d->points);
    if (!new)
        return eg_fail(e, EG_ENOMEM, "out of memory for a breakpoint");
    *new = (struct point){ *p, id };
    at = place_of(d, p);
    if (at)
        at->users++;
    else
        rc = add_place(d, p, e);
    if (rc)
        d->points.n--;
    return rc;
}

static int remove_(struct events *s, uint32_t id, struct eg_error *e)
{
    struct door *d = door_of(s);
    int rc = gdbstub_halt(d->stub, e);

    for (size_t i = 0; i < d->points.n && !rc; i++) {
        struct place *at;

        if (d->points.at[i].id != id)
            continue;
        at = place_of(d, &d->points.at[i].is);
        d->points.at[i] = d->points.at[--d->points.n];
        if (!at || --at->users)
            return 0;
        rc = lift(d, at, e);
        *at = d->places.at[--d->places.n];
        return rc == -EG_EUSAGE ? 0 : rc;
    }
    return rc;
}

/* ---- running ---- */

static void ran(struct door *d)
{
    d->stub->thread = 0;
    if (d->memory)
        gdbstub_memory_renew(d->memory);
}

static int ended(const struct gdbstub_stop *s, struct eg_error *e)
{
    enum { QUIT = 3 }; // QEMU's for a machine that was shut down
    if (s->ended || s->signal == QUIT)
        return eg_fail(e, EG_ENOTFOUND, "the machine has ended");
    return 0;
}

static bool in_root(const struct event_point *p, const struct eg_cpu *c)
{
    const uint64_t half = UINT64_C(0x1000); // page table isolation: the half of the same process

    return !p->root || ((p->root ^ c->root) & ~half & ~UINT64_C(0xfff)) == 0;
}

static bool met(const struct event_point *p, const struct gdbstub_stop *s, const struct eg_cpu *c,
                uint64_t pc, uint64_t sp)
{
    if (!in_root(p, c))
        return false;
    switch (p->kind) {
    case EVENT_WRITE:
        return s->is_watch && s->watched - p->address < p->len;
    case EVENT_RETURN:
        return !s->is_watch && p->address == pc && (!p->sp || p->sp == sp);
    default:
        return !s->is_watch && p->address == pc;
    }
}

/* Where a processor begins behind a reset: x86's vector, whose instruction pointer lacks the base
 * of its segment; of QEMU's AArch64 machines the firmware's memory, or QEMU's own words to a
 * kernel. */
static const struct {
    uint16_t machine;
    uint64_t place, pc;
} resets[] = { { X86, 0xfffffff0, 0xfff0 }, { ARM64, 0, 0 }, { ARM64, 1 << 30, 1 << 30 } };

static uint16_t machine(const struct door *d)
{
    return d->stub->layout.arch->elf_machine;
}

/* Programs can have code there, but not without page tables. */
static bool is_reset(const struct door *d, const struct eg_cpu *c, uint64_t pc)
{
    bool is = false;

    for (size_t i = 0; i < countof(resets); i++)
        is |= resets[i].machine == machine(d) && resets[i].pc == pc;
    return is && !c->root && d->watches_reset;
}

static struct instant instant_of(const struct door *d, const struct eg_cpu *c)
{
    const struct gdbstub_layout *l = &d->stub->layout;
    struct instant at = { 0 };

    for (size_t i = 0; i < countof(l->of) && i < c->n_regs; i++) {
        at.pc = l->of[i] == l->pc ? c->regs[i] : at.pc;
        at.sp = l->of[i] == l->sp ? c->regs[i] : at.sp;
    }
    return at;
}

static struct event *queue(struct door *d, const struct event *ev, struct eg_error *e)
{
    struct event *out = eg_vec_push(&d->queue);

    if (!out) {
        eg_fail(e, EG_ENOMEM, "out of memory for an event");
        return NULL;
    }
    *out = *ev;
    out->number = d->number++;
    return out;
}

/* What the stop means: events into the queue. @behind: where the processor is if the store was
 * done; 0: it was. */
static int understand(struct door *d, const struct gdbstub_stop *s, uint64_t behind,
                      struct eg_error *e)
{
    struct event ev = { .time = now_ns() - d->begun };
    struct instant at;
    uint64_t pc, sp;
    bool told;
    int rc = gdbstub_cpu(d->stub, s->thread, &ev.state, &ev.known, &ev.task, e);

    if (rc)
        return rc;
    at = instant_of(d, &ev.state);
    pc = at.pc;
    sp = at.sp;
    if (!d->since)
        d->since = now_ns();
    ev.cpu = s->thread ? (uint32_t)(s->thread - 1) : 0;
    d->queue.n = d->given = 0;
    if (behind && pc != behind) // it faulted, and will be done again
        return 0;
    if (is_reset(d, &ev.state, pc)) {
        ev.kind = EVENT_RESET;
        ev.point = EVENT_POINTS_MAX;
        d->stepping = s->thread;
        return queue(d, &ev, e) ? 0 : -EG_ENOMEM;
    }
    told = !s->is_watch && events_told_take(&d->told, at);
    for (size_t i = 0; i < d->points.n && !told; i++) {
        const struct event_point *p = &d->points.at[i].is;
        struct event *out;

        if (!met(p, s, &ev.state, pc, sp))
            continue;
        out = queue(d, &ev, e);
        if (!out)
            return -EG_ENOMEM;
        out->kind = p->kind;
        out->point = d->points.at[i].id;
        out->address = p->kind == EVENT_WRITE ? p->address : pc;
        if (p->kind == EVENT_WRITE) {
            uint8_t bytes[8] = { 0 };
            const size_t len = EG_MIN(p->len, (uint32_t)sizeof bytes);
            const int64_t got = gdbstub_read(d->stub, false, p->address, bytes, len, e);

            if (got < 0 && got != -EG_EUSAGE)
                return (int)got;
            out->len = got == (int64_t)len ? (uint8_t)len : 0;
            out->value = eg_le64(bytes);
        }
    }
    // It stands before the instruction, which must be passed, whether or not anyone wanted it.
    for (size_t i = 0; i < d->places.n && !s->is_watch; i++)
        if (d->places.at[i].type != '2' && d->places.at[i].address == pc)
            d->stepping = s->thread;
    d->stands = at;
    return 0;
}

/* Lift, or put back, all breakpoints or all watchpoints. */
static int set_all(struct door *d, bool watchpoints, bool on, struct eg_error *e)
{
    for (size_t i = 0; i < d->places.n; i++) {
        const struct place *p = &d->places.at[i];
        int rc = 0;

        if ((p->type == '2') == watchpoints)
            rc = on ? insert(d, p, e) : lift(d, p, e);
        if (rc && rc != -EG_EUSAGE)
            return rc;
    }
    return 0;
}

/* Let @thread pass one instruction, which @stores to what is watched; *@out: what it ended with, a
 * stop without a name, or at something that is watched. */
static int step_once(struct door *d, uint64_t thread, bool stores, struct gdbstub_stop *out,
                     struct eg_error *e)
{
    int rc = d->tcg ? 0 : set_all(d, false, false, e);

    if (!rc && stores)
        rc = set_all(d, true, false, e);
    if (!rc)
        rc = gdbstub_go(d->stub, e, "vCont;s:%" PRIx64, thread);
    if (!rc)
        rc = gdbstub_wait(d->stub, STEP_MS, e);
    if (rc < 0 || (!d->stub->stopped && (rc = gdbstub_halt(d->stub, e)))) // cancelled, or very slow
        return rc;
    *out = gdbstub_stop_of(d->stub->stop);
    d->stub->stopped = false;
    ran(d);
    rc = ended(out, e);
    if (!rc && !d->tcg)
        rc = set_all(d, false, true, e);
    return !rc && stores ? set_all(d, true, true, e) : rc;
}

/* x86 stops behind a store, AArch64 before it, so that it would stop there for ever. */
static int watched(struct door *d, const struct gdbstub_stop *s, struct eg_error *e)
{
    struct eg_cpu before;
    uint64_t known, task;
    struct gdbstub_stop end;
    int rc;

    if (machine(d) != ARM64)
        return understand(d, s, 0, e);
    rc = gdbstub_cpu(d->stub, s->thread, &before, &known, &task, e);
    if (!rc)
        rc = step_once(d, s->thread, true, &end, e);
    return rc ? rc : understand(d, s, before.regs[ARM64_PC] + 4, e);
}

static int step(struct door *d, struct eg_error *e)
{
    const uint64_t thread = d->stepping;
    uint64_t known, task;
    struct gdbstub_stop s;
    struct eg_cpu now;
    int rc;

    d->stepping = 0;
    rc = step_once(d, thread, false, &s, e);
    if (!rc)
        rc = gdbstub_cpu(d->stub, thread, &now, &known, &task, e);
    if (rc)
        return rc;
    events_told_step(&d->told, d->stands, instant_of(d, &now), machine(d) == X86);
    return s.is_watch ? watched(d, &s, e) : 0;
}

static int go_on(struct door *d, struct eg_error *e)
{
    if (d->since)
        d->stood += now_ns() - d->since;
    d->since = 0;
    return gdbstub_go(d->stub, e, "vCont;c");
}

static bool take(struct door *d, struct event *out)
{
    if (d->given == d->queue.n)
        return false;
    *out = d->queue.at[d->given++];
    return true;
}

static int next(struct events *s, struct event *out, int ms, struct eg_error *e)
{
    const uint64_t end = now_ns() + (uint64_t)EG_MAX(ms, 0) * UINT64_C(1000000);
    struct door *d = door_of(s);
    int rc;

    for (;;) {
        const uint64_t now = now_ns();
        struct gdbstub_stop stop;

        if (take(d, out))
            return 1;
        if (d->stepping && (rc = step(d, e)))
            return rc;
        if (d->given < d->queue.n)
            continue;
        if (!d->stub->running && !d->stub->stopped && (rc = go_on(d, e)))
            return rc;
        ran(d);
        rc = gdbstub_wait(d->stub, now < end ? (int)((end - now) / 1000000) + 1 : 0, e);
        if (rc <= 0)
            return rc;
        stop = gdbstub_stop_of(d->stub->stop);
        d->stub->stopped = false;
        if ((rc = ended(&stop, e)))
            return rc;
        if (stop.has_thread && stop.signal == 5 &&
            (rc = stop.is_watch ? watched(d, &stop, e) : understand(d, &stop, 0, e)))
            return rc;
        if (now >= end && d->given == d->queue.n && !d->stepping)
            return go_on(d, e);
    }
}

static uint64_t stood(struct events *s)
{
    const struct door *d = door_of(s);

    return d->stood + (d->since ? now_ns() - d->since : 0);
}

static int stand(struct events *s, struct eg_error *e)
{
    struct door *d = door_of(s);
    int rc = gdbstub_halt(d->stub, e);

    ran(d);
    return rc;
}

/* ---- what it is ---- */

static int memory(struct events *s, struct eg_space **out, struct eg_error *e)
{
    struct door *d = door_of(s);
    int rc = d->memory ? 0 : gdbstub_memory_open(&d->memory, d->stub, e);

    if (!rc)
        *out = d->memory;
    return rc;
}

static int cpus(struct events *s, struct eg_image *img, struct eg_error *e)
{
    struct door *d = door_of(s);
    uint64_t threads[EVENT_CPUS_MAX], known, task;
    int n = gdbstub_halt(d->stub, e);

    if (!n)
        n = gdbstub_threads(d->stub, threads, countof(threads), e);
    for (int i = 0; i < n; i++) {
        struct eg_cpu *c = eg_vec_push(&img->cpus);
        int rc;

        if (!c)
            return eg_fail(e, EG_ENOMEM, "out of memory for the processors");
        if ((rc = gdbstub_cpu(d->stub, threads[i], c, &known, &task, e)))
            return rc;
    }
    return EG_MIN(n, 0);
}

static void close_(struct events *s)
{
    struct door *d = door_of(s);
    struct eg_error e;

    // Where that fails, the guardian must not be told that all is well.
    if (!d->stub->closed && gdbstub_detach(d->stub, &e) && !d->stub->closed) {
        close(d->guardian.pipe);
        d->guardian.pipe = -1;
    }
    gdbstub_close(d->stub);
    guardian_end(&d->guardian);
    eg_space_close(d->memory);
    eg_vec_fini(&d->points);
    eg_vec_fini(&d->places);
    eg_vec_fini(&d->queue);
    free(d);
}

static const struct events_ops ops = {
    .name = "gdb",
    .add = add,
    .remove = remove_,
    .next = next,
    .stand = stand,
    .stood = stood,
    .memory = memory,
    .cpus = cpus,
    .close = close_,
};

/* ---- connecting ---- */

/* Without KVM the emulator looks for breakpoints itself, and a step passes them. */
static bool is_tcg(struct gdbstub *g)
{
    struct eg_error e;
    char *text = NULL;
    bool is;

    if (gdbstub_monitor(g, "info kvm", &text, &e))
        return false;
    is = strstr(text, "disabled") || strstr(text, "not compiled");
    free(text);
    return is;
}

/* The stub does not tell of a reset, but that stops at a breakpoint as well. Of KVM's four none is
 * taken for that. */
static int watch_reset(struct door *d, struct eg_error *e)
{
    for (size_t i = 0; i < countof(resets) && d->tcg; i++) {
        const struct event_point p = { .kind = EVENT_RESET, .address = resets[i].place };
        const int rc = resets[i].machine == machine(d) ? add_place(d, &p, e) : 0;

        if (rc && rc != -EG_EUSAGE)
            return rc;
        d->watches_reset |= !rc;
    }
    return 0;
}

int events_gdb_open_fd(struct events **out, int fd, struct eg_error *e)
{
    struct door *d = calloc(1, sizeof *d);
    int rc;

    if (!d) {
        close(fd);
        return eg_fail(e, EG_ENOMEM, "out of memory for a connection");
    }
    d->guardian.pipe = -1;
    rc = guardian_start(&d->guardian, fd, e);
    if (rc)
        close(fd);
    else
        rc = gdbstub_open(&d->stub, fd, e);
    if (rc) { // whatever was said by then: the guardian lets it go on
        if (d->guardian.pipe >= 0)
            close(d->guardian.pipe);
        free(d);
        return rc;
    }
    d->tcg = is_tcg(d->stub);
    d->begun = now_ns();
    if ((rc = watch_reset(d, e))) {
        close_(&d->events);
        return rc;
    }
    d->events = (struct events){ &ops, d, d->tcg };
    *out = &d->events;
    return 0;
}

int events_gdb_open(struct events **out, const char *where, struct eg_error *e)
{
    struct eg_error why;
    bool is_unix;
    const int fd = live_connect(where, &is_unix, &why);

    if (fd < 0)
        return eg_fail(e, why.code, "gdb:%s: %s: QEMU's option -gdb %s opens it", where, why.text,
                       is_unix ? "unix:PATH,server,nowait" : "tcp:127.0.0.1:PORT");
    return events_gdb_open_fd(out, fd, e);
}
