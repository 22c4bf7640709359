/* events_ring.c - the door of QEMU's plugin: events come through a ring in shared memory (ring.h).
 *
 *  The other process may be anybody's, and the guest may own it: of what lies in the file only
 * copies are used, each number is checked, and a file that is cut short ends the trace, no more. */
#include "events_ring.h"
#include "../core/mapped.h"
#include "../core/parallel.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct ring {
    struct events base;
    int fd;
    enum { BY_KIND, SYNC, ASYNC } mode;
    struct eg_mapped *m;
    struct ring_head head; /**< as it was when it was opened */
    struct ring_head *live_head;
    struct ring_control *control;
    struct ring_record *records;
    struct ring_control mine; /**< what is written to *control */
    bool synchronous;         /**< some point is */
    struct ring_record now;
    const struct eg_arch *arch;
    uint64_t tail, next_number, begun;
    uint32_t ticket, ticket_cpu; /**< of the event that was given last; 0: nobody waits */
};

#define LOAD(p)     __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define STORE(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)

static const struct events_ops ring_ops;

static struct ring *ring_of(const struct events *s)
{
    return s->priv;
}

bool events_is_ring(const struct events *s)
{
    return s->ops == &ring_ops;
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- what the plugin is to look for ---- */

static void publish(struct ring *r)
{
    const uint32_t g = r->mine.generation;
    const size_t first = offsetof(struct ring_control, timed),
                 behind = offsetof(struct ring_control, tail),
                 rest = offsetof(struct ring_control, memory);

    STORE(&r->control->generation, g + 1);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    r->control->timeout_ms = r->mine.timeout_ms;
    memcpy((char *)r->control + first, (char *)&r->mine + first, behind - first);
    memcpy((char *)r->control + rest, (char *)&r->mine + rest,
           offsetof(struct ring_control, points) - rest +
               r->mine.n_points * sizeof(struct ring_point));
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    r->mine.generation = g + 2 ? g + 2 : 2;
    STORE(&r->control->generation, r->mine.generation);
}

/* Of a function or a store only that moment's memory tells what it is about; of a system call the
 * record has all. */
static bool waits(const struct ring *r, const struct event_point *p)
{
    return p->waits || r->mode == SYNC ||
           (r->mode == BY_KIND && p->kind != EVENT_SYSCALL && p->kind != EVENT_SYSRET &&
            p->kind != EVENT_RESET);
}

static int add(struct events *s, const struct event_point *p, uint32_t id, struct eg_error *e)
{
    static const uint8_t want[] = {
        [EVENT_CALL] = RING_WANT_REGS | RING_WANT_TASK,
        [EVENT_RETURN] = RING_WANT_REGS | RING_WANT_TASK,
        [EVENT_WRITE] = RING_WANT_REGS | RING_WANT_TASK,
        [EVENT_SYSCALL] = RING_WANT_ENTRY | RING_WANT_TASK | RING_WANT_TEXT,
        [EVENT_SYSRET] = RING_WANT_ENTRY | RING_WANT_TASK,
        [EVENT_RESET] = 0,
    };
    struct ring *r = ring_of(s);

    if (p->kind < EVENT_CALL || p->kind > EVENT_RESET)
        return eg_fail(e, EG_EUSAGE, "the plugin has no events of kind %d", (int)p->kind);
    if (r->mine.n_points == RING_POINTS)
        return eg_fail(e, EG_EUSAGE, "the plugin has room for %d points", RING_POINTS);
    if (p->sp && !r->head.n_regs)
        return eg_fail(e, EG_EUSAGE,
                       "the return of a call cannot be followed: QEMU 7.2 shows its plugins no "
                       "registers; QEMU 9.0 and newer do");
    if (p->sp && r->mode == ASYNC && !p->waits)
        return eg_fail(e, EG_EUSAGE,
                       "the return of a call can only be followed while the guest waits for it: "
                       "ring:FILE,sync");
    r->synchronous |= waits(r, p);
    r->mine.points[r->mine.n_points++] = (struct ring_point){
        .address = p->address,
        .root = p->root,
        .sp = p->sp,
        .id = id,
        .kind = (uint8_t)p->kind,
        .want = (uint8_t)(want[p->kind] | (waits(r, p) ? RING_WANT_SYNC : 0)),
        .abi = (p->kind == EVENT_SYSCALL || p->kind == EVENT_SYSRET) && p->len == 32,
        .len = p->len,
    };
    publish(r);
    return 0;
}

static int take_away(struct events *s, uint32_t id, struct eg_error *e)
{
    struct ring *r = ring_of(s);

    for (uint32_t i = 0; i < r->mine.n_points; i++)
        if (r->mine.points[i].id == id) {
            r->mine.points[i] = r->mine.points[--r->mine.n_points];
            publish(r);
            return 0;
        }
    return eg_fail(e, EG_EUSAGE, "there is no point %" PRIu32, id);
}

void events_ring_os(struct events *s, const struct ring_linux *os,
                    const uint8_t texts[2][RING_CALLS])
{
    struct ring *r = ring_of(s);

    r->mine.os = *os;
    memcpy(r->mine.texts, texts, sizeof r->mine.texts);
    publish(r);
}

void events_ring_calls(struct events *s, const uint64_t calls[2][RING_CALLS / 64])
{
    struct ring *r = ring_of(s);

    memcpy(r->mine.calls, calls, sizeof r->mine.calls);
    publish(r);
}

void events_ring_memory(struct events *s, const char *path, const struct ring_range *ranges,
                        unsigned n)
{
    struct ring *r = ring_of(s);

    snprintf(r->mine.memory, sizeof r->mine.memory, "%s", path);
    r->mine.n_ranges = n < RING_RANGES ? n : RING_RANGES;
    if (r->mine.n_ranges)
        memcpy(r->mine.ranges, ranges, r->mine.n_ranges * sizeof *ranges);
    publish(r);
}

bool events_ring_ready(struct events *s, int ms)
{
    const struct timespec a_bit = { 0, 500000 };
    struct ring *r = ring_of(s);
    const uint64_t until = now_ns() + (uint64_t)ms * 1000000u;

    while (LOAD(&r->live_head->applied) != r->mine.generation) {
        if (now_ns() > until || atomic_load(&eg_cancelled))
            return false;
        nanosleep(&a_bit, NULL);
    }
    return true;
}

/* ---- events ---- */

static long futex(uint32_t *word, int op, uint32_t value, const struct timespec *ts)
{
    return syscall(SYS_futex, word, op, value, ts, NULL, 0);
}

static void answer(struct ring *r)
{
    if (!r->ticket)
        return;
    STORE(&r->control->answered[r->ticket_cpu], r->ticket);
    (void)futex(&r->control->answered[r->ticket_cpu], FUTEX_WAKE, 1, NULL);
    r->ticket = 0;
}

/* QEMU keeps a lock on the file as long as it lives. */
static bool has_ended(const struct ring *r)
{
    struct flock f = { .l_type = F_WRLCK, .l_len = 1 };

    return !fcntl(r->fd, F_OFD_GETLK, &f) && f.l_type == F_UNLCK;
}

/* Make every number in it one that can be used. @return false: it is no record. */
static bool check(struct ring_record *n)
{
    if (n->kind < RING_CALL || n->kind > RING_RESET || n->cpu >= RING_CPUS)
        return false;
    n->n_regs = EG_MIN(n->n_regs, RING_REGS_MAX);
    n->entry_len = EG_MIN(n->entry_len, RING_ENTRY_MAX);
    n->len = EG_MIN(n->len, 64);
    for (int i = 0; i < RING_TEXTS; i++) {
        n->text_len[i] = EG_MIN(n->text_len[i], RING_TEXT_MAX);
        if (n->text_arg[i] >= 6)
            n->text_len[i] = 0;
    }
    n->comm[sizeof n->comm - 1] = 0;
    return true;
}

/* The next record, if it was published: into r->now. */
static bool take(struct ring *r)
{
    const struct ring_record *at = &r->records[r->tail & (r->head.n_records - 1)];

    if (LOAD(&at->seq) != r->tail + 1)
        return false;
    memcpy(&r->now, at, offsetof(struct ring_record, regs));
    r->now.n_regs = EG_MIN(r->now.n_regs, RING_REGS_MAX);
    memcpy(r->now.regs, at->regs, r->now.n_regs * sizeof *at->regs);
    r->now.entry_len = EG_MIN(r->now.entry_len, RING_ENTRY_MAX);
    memcpy(r->now.entry, at->entry, r->now.entry_len);
    for (int i = 0; i < RING_TEXTS; i++) {
        r->now.text_len[i] = EG_MIN(r->now.text_len[i], RING_TEXT_MAX);
        memcpy(r->now.text[i], at->text[i], r->now.text_len[i]);
    }
    r->tail++;
    STORE(&r->control->tail, r->tail);
    return true;
}

static void tell(struct ring *r, struct event *out)
{
    const struct ring_record *n = &r->now;
    const uint64_t number = r->tail - 1 + n->lost;

    *out = (struct event){
        .kind = (enum event_kind)n->kind,
        .point = n->point,
        .cpu = n->cpu,
        .number = EG_MAX(number, r->next_number),
        .time = n->time > r->begun ? n->time - r->begun : 0,
        .address = n->kind == RING_WRITE ? n->address : n->pc,
        .value = n->has_value ? n->value : 0,
        .len = n->len,
        .task = n->task,
        .state = { .arch = r->arch, .root = n->root, .n_regs = n->n_regs },
    };
    r->next_number = out->number + 1;
    memcpy(out->state.regs, n->regs, n->n_regs * sizeof *n->regs);
    out->known = n->n_regs ? (UINT64_C(1) << n->n_regs) - 1 : 0;
    r->ticket = n->ticket;
    r->ticket_cpu = n->cpu;
}

static int next(struct events *s, struct event *out, int ms, struct eg_error *e)
{
    enum { SPINS = 2000 };
    struct ring *r = ring_of(s);
    const uint64_t until = now_ns() + (uint64_t)(ms > 0 ? ms : 0) * 1000000u;
    long pause = 50000;

    answer(r);
    for (unsigned spins = 0;;) {
        const uint32_t asked = LOAD(&r->live_head->asked);

        if (take(r)) {
            if (!check(&r->now))
                return eg_fail(e, EG_EFORMAT, "record %" PRIu64 " of the ring is no record",
                               r->tail - 1);
            tell(r, out);
            return 1;
        }
        if (atomic_load(&r->m->faults))
            return eg_fail(e, EG_EIO, "the file of the ring was cut short");
        if (r->synchronous && spins++ < SPINS) {
            ring_pause();
            continue;
        }
        if (has_ended(r) && LOAD(&r->records[r->tail & (r->head.n_records - 1)].seq) != r->tail + 1)
            return eg_fail(e, EG_ENOTFOUND, "QEMU has ended");
        if (now_ns() >= until || atomic_load(&eg_cancelled))
            return 0;
        if (r->synchronous) // events that do not wait do not wake
            (void)futex(&r->live_head->asked, FUTEX_WAIT, asked, &(struct timespec){ 0, pause });
        else
            nanosleep(&(struct timespec){ 0, pause }, NULL);
        pause = EG_MIN(2 * pause, 1000000);
        spins = 0;
    }
}

static uint64_t lost(struct events *s)
{
    return LOAD(&ring_of(s)->live_head->lost);
}

const struct ring_record *events_ring_record(const struct events *s)
{
    return &ring_of(s)->now;
}

const struct ring_head *events_ring_head(const struct events *s)
{
    return ring_of(s)->live_head;
}

static const char *file(struct events *s)
{
    const struct ring *r = ring_of(s);

    return r->head.memory_file[0] ? r->head.memory_file : NULL;
}

static void ring_close(struct events *s)
{
    struct ring *r = ring_of(s);

    if (r->control) {
        r->mine.n_points = 0;
        publish(r);
        answer(r);
    }
    eg_mapped_close(r->m);
    if (r->fd >= 0)
        close(r->fd); // and with it the lock, by which the plugin knows that nobody answers
    free(r);
}

/* ---- opening ---- */

static int check_head(const struct ring_head *h, uint64_t size, const char *path,
                      struct eg_error *e)
{
    if (h->magic != RING_MAGIC)
        return eg_fail(e, EG_EFORMAT, "%s: is not a ring of QEMU's plugin", path);
    if (h->version != RING_VERSION || h->record_size != sizeof(struct ring_record) ||
        h->control_at != RING_CONTROL_AT || h->records_at != RING_RECORDS_AT)
        return eg_fail(e, EG_EFORMAT,
                       "%s: the plugin is of another release: build it from this one's "
                       "contrib/qemu-plugin",
                       path);
    if (!h->n_records || h->n_records > RING_RECORDS_MAX || h->n_records & (h->n_records - 1) ||
        size < RING_RECORDS_AT + (uint64_t)h->n_records * sizeof(struct ring_record))
        return eg_fail(e, EG_EFORMAT, "%s: the ring is not as long as it says", path);
    if (h->machine != 62 && h->machine != 183)
        return eg_fail(e, EG_EUNSUP, "%s: the guest's processor is neither x86-64 nor AArch64",
                       path);
    return 0;
}

static int open_file(struct ring *r, const char *path, struct eg_error *e)
{
    struct stat st;
    int rc;

    r->fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (r->fd < 0 || fstat(r->fd, &st))
        return eg_fail(e, errno == ENOENT ? EG_ENOTFOUND : EG_EIO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_size < RING_RECORDS_AT)
        return eg_fail(e, EG_EFORMAT, "%s: is not a ring of QEMU's plugin", path);
    if (pread(r->fd, &r->head, sizeof r->head, 0) != (ssize_t)sizeof r->head)
        return eg_fail(e, EG_EIO, "%s: cannot be read", path);
    r->head.memory_file[sizeof r->head.memory_file - 1] = 0;
    r->head.n_regs = EG_MIN(r->head.n_regs, RING_REGS_MAX);
    rc = check_head(&r->head, (uint64_t)st.st_size, path, e);
    if (rc)
        return rc;
    if (flock(r->fd, LOCK_EX | LOCK_NB))
        return eg_fail(e, EG_EUSAGE, "%s: another process reads it", path);
    return eg_mapped_open(
        &r->m, r->fd, RING_RECORDS_AT + (uint64_t)r->head.n_records * sizeof(struct ring_record),
        true, path, e);
}

int events_ring_open(struct events **out, const char *where, struct eg_error *e)
{
    enum { TIMEOUT_MS = 10000 };
    const size_t len = strlen(where);
    const bool sync = len > 5 && !strcmp(where + len - 5, ",sync"),
               async = len > 6 && !strcmp(where + len - 6, ",async");
    struct ring *r = calloc(1, sizeof *r);
    char *path = strndup(where, sync ? len - 5 : async ? len - 6 : len);
    int rc;

    if (!r || !path) {
        free(r);
        free(path);
        return eg_fail(e, EG_ENOMEM, "out of memory for a ring");
    }
    r->base = (struct events){ .ops = &ring_ops, .priv = r };
    r->mode = sync ? SYNC : async ? ASYNC : BY_KIND;
    rc = open_file(r, path, e);
    free(path);
    if (rc) {
        ring_close(&r->base);
        return rc;
    }
    r->live_head = (struct ring_head *)(void *)r->m->bytes;
    r->control = (struct ring_control *)(void *)(r->m->bytes + RING_CONTROL_AT);
    r->records = (struct ring_record *)(void *)(r->m->bytes + RING_RECORDS_AT);
    // What was there before belongs to points of somebody who has gone.
    r->tail = LOAD(&r->live_head->head);
    r->next_number = r->tail + LOAD(&r->live_head->lost);
    STORE(&r->control->tail, r->tail);
    r->mine.generation = (LOAD(&r->control->generation) & ~UINT32_C(1));
    r->mine.timeout_ms = TIMEOUT_MS;
    r->mine.timed = 1;
    memset(r->mine.calls, 0xff, sizeof r->mine.calls);
    r->arch = eg_arch_find(r->head.machine == 62 ? "x86_64" : "aarch64");
    r->begun = now_ns();
    *out = &r->base;
    return 0;
}

static const struct events_ops ring_ops = {
    .name = "ring",
    .add = add,
    .remove = take_away,
    .next = next,
    .lost = lost,
    .file = file,
    .close = ring_close,
};
