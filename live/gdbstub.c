/* gdbstub.c - requests to QEMU's gdbstub, their answers, and stops. */
#include "gdbstub.h"
#include "../core/parallel.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    ANSWER_MS = 30000,
    AGAIN_MAX = 4,
    NOISE_MAX = 4096,
    MONITOR_MAX = 4 << 20,
    READ_AT_ONCE = 64
};

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- bytes ---- */

static int closed(struct gdbstub *g, struct eg_error *e, const char *why)
{
    g->closed = true;
    return eg_fail(e, EG_ENOTFOUND, "the machine: %s", why);
}

/* What is in g->out. */
static int send_all(struct gdbstub *g, struct eg_error *e)
{
    const uint64_t end = now_ms() + ANSWER_MS;
    size_t done = 0;

    if (g->closed)
        return closed(g, e, "the connection is closed");
    if (g->out.failed)
        return eg_fail(e, EG_ENOMEM, "out of memory for a packet");
    while (done < g->out.at.n) {
        const ssize_t n = send(g->fd, g->out.at.at + done, g->out.at.n - done, MSG_NOSIGNAL);
        struct pollfd p = { g->fd, POLLOUT, 0 };

        if (n > 0)
            done += (size_t)n;
        else if (n < 0 && errno != EINTR && errno != EAGAIN)
            return closed(g, e, strerror(errno));
        else if (now_ms() > end)
            return closed(g, e, "it takes no more packets");
        else if (n < 0 && errno == EAGAIN)
            poll(&p, 1, 100);
    }
    return 0;
}

static void begin_send(struct gdbstub *g)
{
    g->out.at.n = 0;
    g->out.failed = false;
    if (!g->owes)
        return;
    g->owes = false;
    if (eg_vec_reserve(&g->out.at, 1))
        g->out.at.at[g->out.at.n++] = '+';
    else
        g->out.failed = true;
}

/* A stub speaks when it is asked; the monitor greets: {"QMP": …, or "QEMU 7.2.22 monitor - …". */
static bool greets(const struct gdbstub *g)
{
    return !g->layout.arch && g->filled > 6 &&
           (!memcmp(g->buffer, "{\"QMP\"", 6) || !memcmp(g->buffer, "QEMU ", 5));
}

/* More bytes, at most until @end. @return 1; 0: none. */
static int more_bytes(struct gdbstub *g, uint64_t end, bool can_cancel, struct eg_error *e)
{
    for (;;) {
        const uint64_t now = now_ms();
        struct pollfd p = { g->fd, POLLIN, 0 };
        ssize_t n;
        int rc;

        if (can_cancel && eg_cancelled)
            return 0;
        if (now > end + ANSWER_MS)
            return closed(g, e, "it does not stop to speak");
        rc = poll(&p, 1, now < end ? (int)EG_MIN(end - now, UINT64_C(200)) : 0);
        if (rc < 0 && errno != EINTR)
            return closed(g, e, strerror(errno));
        n = rc > 0 ? recv(g->fd, g->buffer, sizeof g->buffer, 0) : -1;
        if (rc > 0 && n == 0)
            return closed(g, e, "it has ended, or its debugger's port was closed");
        if (rc > 0 && n < 0 && errno != EINTR && errno != EAGAIN)
            return closed(g, e, strerror(errno));
        if (n > 0) {
            g->taken = 0;
            g->filled = (size_t)n;
            if (!greets(g))
                return 1;
            g->closed = true;
            return eg_fail(e, EG_EFORMAT,
                           "this is QEMU's monitor (QMP); trace needs its gdbstub: -gdb "
                           "unix:PATH,server,nowait opens that");
        }
        if (rc <= 0 && now >= end)
            return 0;
    }
}

/* ---- packets ---- */

static bool is_stop(const struct gdbstub *g)
{
    return g->in.data.n && g->in.data.at[0] && strchr("TSWX", g->in.data.at[0]);
}

static void keep_stop(struct gdbstub *g)
{
    const size_t n = EG_MIN(g->in.data.n, sizeof g->stop - 1);

    memcpy(g->stop, g->in.data.at, n);
    g->stop[n] = 0;
    g->stopped = true;
    g->running = false;
}

/* The next packet. @return 1; 0: none until @end; -EG_EFORMAT with g->in broken: send again. */
static int next_packet(struct gdbstub *g, uint64_t end, bool can_cancel, bool *again,
                       struct eg_error *e)
{
    unsigned noise = 0;

    *again = false;
    for (;;) {
        enum rsp_what what;
        int rc;

        if (g->taken == g->filled && (rc = more_bytes(g, end, can_cancel, e)) <= 0)
            return rc;
        g->taken += rsp_take(&g->in, g->buffer + g->taken, g->filled - g->taken, &what);
        if (what == RSP_PACKET) {
            g->owes = true;
            return 1;
        }
        *again = what == RSP_NACK || what == RSP_BROKEN;
        if (*again)
            return 1;
        if (what != RSP_MORE && ++noise > NOISE_MAX)
            return closed(g, e, "what it says is no protocol of gdb");
    }
}

/* The answer to what is in g->out, which is sent again when it did not arrive. */
static int answer(struct gdbstub *g, struct eg_error *e)
{
    const uint64_t end = now_ms() + ANSWER_MS;
    bool again;

    for (unsigned tries = 0, stops = 0; tries < AGAIN_MAX && stops < NOISE_MAX;) {
        const int rc = next_packet(g, end, false, &again, e);

        if (rc < 0)
            return rc;
        if (!rc)
            return closed(g, e, "it does not answer");
        if (again) {
            g->owes = false;
            tries++;
            if ((send_all(g, e)) < 0)
                return -EG_ENOTFOUND;
        } else if (is_stop(g)) { // QEMU 7.2 tells the first one without being asked
            keep_stop(g);
            stops++;
        } else {
            return 0;
        }
    }
    return closed(g, e, "it understands nothing");
}

static int vask(struct gdbstub *g, struct eg_error *e, const char *format, va_list ap)
{
    char text[512];

    vsnprintf(text, sizeof text, format, ap);
    begin_send(g);
    rsp_begin(&g->out);
    rsp_text(&g->out, "%s", text);
    rsp_end(&g->out);
    return send_all(g, e);
}

int gdbstub_ask(struct gdbstub *g, struct eg_error *e, const char *format, ...)
{
    va_list ap;
    int rc;

    va_start(ap, format);
    rc = vask(g, e, format, ap);
    va_end(ap);
    return rc ? rc : answer(g, e);
}

int gdbstub_order(struct gdbstub *g, struct eg_error *e, const char *format, ...)
{
    va_list ap;
    int rc;

    va_start(ap, format);
    rc = vask(g, e, format, ap);
    va_end(ap);
    if (!rc)
        rc = answer(g, e);
    if (!rc && strcmp((const char *)g->in.data.at, "OK") != 0)
        rc = eg_fail(e, EG_EUSAGE, "refused: '%.40s'", (const char *)g->in.data.at);
    return rc;
}

/* Its text comes as packets O, in hex, and ends with OK. */
int gdbstub_monitor(struct gdbstub *g, const char *command, char **text, struct eg_error *e)
{
    EG_VEC(char) all = { 0 };
    bool again;
    int rc;

    begin_send(g);
    rsp_begin(&g->out);
    rsp_text(&g->out, "qRcmd,");
    rsp_hex(&g->out, command, strlen(command));
    rsp_end(&g->out);
    rc = send_all(g, e);
    while (!rc && !(rc = answer(g, e))) {
        const char *p = (const char *)g->in.data.at;
        const size_t n = g->in.data.n;

        if (*p != 'O' || !strcmp(p, "OK"))
            break;
        if (all.n + n / 2 > MONITOR_MAX || !eg_vec_reserve(&all, all.n + n / 2 + 1)) {
            rc = closed(g, e, "too much text of its monitor");
            break;
        }
        all.n += rsp_unhex(p + 1, p + n, all.at + all.n, n / 2);
        (void)again;
    }
    if (!rc && (strcmp((const char *)g->in.data.at, "OK") != 0 || !eg_vec_reserve(&all, all.n + 1)))
        rc = eg_fail(e, EG_EUSAGE, "it passes no commands to a monitor");
    if (rc) {
        eg_vec_fini(&all);
        return rc;
    }
    all.at[all.n] = 0;
    *text = all.at;
    return 0;
}

/* ---- running ---- */

int gdbstub_go(struct gdbstub *g, struct eg_error *e, const char *format, ...)
{
    va_list ap;
    int rc;

    va_start(ap, format);
    rc = vask(g, e, format, ap);
    va_end(ap);
    g->running = !rc;
    g->stopped = false;
    return rc;
}

int gdbstub_wait(struct gdbstub *g, int ms, struct eg_error *e)
{
    const uint64_t end = now_ms() + (uint64_t)EG_MAX(ms, 0);
    bool again;

    for (unsigned noise = 0; !g->stopped; noise++) {
        const int rc = next_packet(g, end, true, &again, e);

        if (rc <= 0)
            return rc;
        if (!again && is_stop(g))
            keep_stop(g);
        else if (noise > NOISE_MAX)
            return closed(g, e, "what it says is no stop");
    }
    return 1;
}

int gdbstub_halt(struct gdbstub *g, struct eg_error *e)
{
    const uint64_t end = now_ms() + ANSWER_MS;
    bool again;
    int rc;

    if (!g->running)
        return 0;
    begin_send(g);
    if (!eg_vec_reserve(&g->out.at, g->out.at.n + 1))
        return eg_fail(e, EG_ENOMEM, "out of memory for a packet");
    g->out.at.at[g->out.at.n++] = 3;
    if ((rc = send_all(g, e)))
        return rc;
    while (g->running) {
        rc = next_packet(g, end, false, &again, e);
        if (rc < 0)
            return rc;
        if (!rc)
            return closed(g, e, "it does not stop");
        if (!again && is_stop(g))
            keep_stop(g);
    }
    return 0;
}

struct gdbstub_stop gdbstub_stop_of(const char *text)
{
    const char *end = text + strlen(text), *p = text + 1;
    struct gdbstub_stop s = { 0 };
    uint8_t signal = 0;

    s.ended = *text == 'W' || *text == 'X';
    if (rsp_unhex(p, end, &signal, 1) == 1)
        p += 2;
    s.signal = signal;
    while (p < end) {
        const char *colon = memchr(p, ':', (size_t)(end - p));
        const char *next = memchr(p, ';', (size_t)(end - p));
        const char *value = colon ? colon + 1 : end;

        if (!colon || !next || colon > next)
            break;
        if (!strncmp(p, "thread:", 7)) {
            if (*value == 'p') // of a process of the stub
                value = memchr(value, '.', (size_t)(next - value)) ? strchr(value, '.') + 1 : end;
            s.has_thread = rsp_number(&value, next, &s.thread);
        } else if (!strncmp(p, "watch:", 6) || !strncmp(p, "awatch:", 7)) {
            s.is_watch = rsp_number(&value, next, &s.watched);
        }
        p = next + 1;
    }
    return s;
}

/* ---- memory ---- */

static int set_physical(struct gdbstub *g, bool physical, struct eg_error *e)
{
    int rc;

    if (g->physical == physical)
        return 0;
    if (physical && !g->has_physical)
        return eg_fail(e, EG_EUSAGE, "it gives no physical memory");
    rc = gdbstub_order(g, e, "Qqemu.PhyMemMode:%d", physical);
    if (!rc)
        g->physical = physical;
    return rc;
}

/* Several requests in one go: the stub takes a new one as the acknowledgement of its last answer.
 */
static int64_t read_batch(struct gdbstub *g, uint64_t at, uint8_t *to, size_t len,
                          struct eg_error *e)
{
    const uint64_t end = now_ms() + ANSWER_MS;
    size_t n = 0, got = 0;
    bool cut = false, again;
    int rc;

    begin_send(g);
    for (size_t done = 0; done < len; done += g->packet, n++) {
        rsp_begin(&g->out);
        rsp_text(&g->out, "m%" PRIx64 ",%zx", at + done, EG_MIN(g->packet, len - done));
        rsp_end(&g->out);
    }
    if ((rc = send_all(g, e)))
        return rc;
    for (size_t i = 0; i < n;) {
        const size_t want = EG_MIN(g->packet, len - i * g->packet);
        size_t part;

        rc = next_packet(g, end, false, &again, e);
        if (rc < 0)
            return rc;
        if (!rc || again)
            return closed(g, e, "it does not answer");
        if (is_stop(g)) {
            keep_stop(g);
            continue;
        }
        part =
            cut ? 0
                : rsp_unhex((const char *)g->in.data.at, (const char *)g->in.data.at + g->in.data.n,
                            to + i * g->packet, want);
        got += part;
        cut |= part < want;
        i++;
    }
    return (int64_t)got;
}

int64_t gdbstub_read(struct gdbstub *g, bool physical, uint64_t at, void *to, size_t len,
                     struct eg_error *e)
{
    const size_t batch = g->packet * READ_AT_ONCE;
    size_t done = 0;
    int rc = set_physical(g, physical, e);

    if (rc)
        return rc;
    while (done < len) {
        const size_t n = EG_MIN(batch, len - done);
        const int64_t got = read_batch(g, at + done, (uint8_t *)to + done, n, e);

        if (got < 0)
            return got;
        done += (size_t)got;
        if ((size_t)got < n)
            break;
    }
    return (int64_t)done;
}

/* ---- processors ---- */

int gdbstub_threads(struct gdbstub *g, uint64_t *out, size_t max, struct eg_error *e)
{
    size_t n = 0;
    int rc = gdbstub_ask(g, e, "qfThreadInfo");

    for (unsigned asked = 0; !rc && g->in.data.n && g->in.data.at[0] == 'm' && asked < NOISE_MAX;
         asked++) {
        const char *p = (const char *)g->in.data.at + 1;
        const char *end = (const char *)g->in.data.at + g->in.data.n;
        uint64_t id;

        while (n < max && rsp_number(&p, end, &id)) {
            out[n++] = id;
            if (p < end && *p == ',')
                p++;
        }
        rc = gdbstub_ask(g, e, "qsThreadInfo");
    }
    return rc ? rc : (int)n;
}

/* ---- life ---- */

static size_t packet_of(const char *text)
{
    const char *p = strstr(text, "PacketSize=");
    const char *end = text + strlen(text);
    uint64_t size = 0;

    if (!p || (p += strlen("PacketSize="), !rsp_number(&p, end, &size)))
        size = 400;
    return (size_t)EG_MAX(EG_MIN(size, (uint64_t)RSP_PACKET_MAX) / 2, UINT64_C(32));
}

static int begin(struct gdbstub *g, struct eg_error *e)
{
    int rc = gdbstub_ask(g, e, "qSupported:xmlRegisters=i386,arm,aarch64");

    if (rc)
        return rc;
    g->packet = packet_of((const char *)g->in.data.at);
    // It stands still: connecting stopped it. What it says now also tells that it is there.
    begin_send(g);
    rsp_begin(&g->out);
    rsp_text(&g->out, "?");
    rsp_end(&g->out);
    g->stopped = false;
    if ((rc = send_all(g, e)))
        return rc;
    rc = gdbstub_wait(g, ANSWER_MS, e);
    if (rc <= 0)
        return rc ? rc : closed(g, e, "it does not say whether it stands");
    g->stopped = false;
    if ((rc = gdbstub_ask(g, e, "vCont?")))
        return rc;
    if (!strstr((const char *)g->in.data.at, ";c") || !strstr((const char *)g->in.data.at, ";s"))
        return eg_fail(e, EG_EUNSUP,
                       "the stub cannot step one processor (vCont): QEMU 4 or later "
                       "is wanted");
    if ((rc = gdbstub_ask(g, e, "qqemu.PhyMemMode")))
        return rc;
    g->has_physical = g->in.data.n == 1 && strchr("01", g->in.data.at[0]);
    g->physical = g->has_physical && g->in.data.at[0] == '1';
    return gdbstub_describe(g, e);
}

int gdbstub_open(struct gdbstub **out, int fd, struct eg_error *e)
{
    struct gdbstub *g = calloc(1, sizeof *g);
    int rc;

    if (!g) {
        close(fd);
        return eg_fail(e, EG_ENOMEM, "out of memory for a connection");
    }
    g->fd = fd;
    pthread_mutex_init(&g->lock, NULL);
    rc = begin(g, e);
    if (rc)
        gdbstub_close(g);
    else
        *out = g;
    return rc;
}

void gdbstub_close(struct gdbstub *g)
{
    if (!g)
        return;
    close(g->fd);
    rsp_in_fini(&g->in);
    rsp_out_fini(&g->out);
    eg_vec_fini(&g->layout.all);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

int gdbstub_detach(struct gdbstub *g, struct eg_error *e)
{
    int rc = gdbstub_halt(g, e);

    if (!rc)
        rc = set_physical(g, false, e);
    return rc ? rc : gdbstub_order(g, e, "D");
}
