/* serve.c - a connection's bytes: packets in, answers out, acknowledgements. */
#include "../../core/parallel.h"
#include "gdb.h"
#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { CHUNK = 1 << 16, PATIENCE = 500 /* ms between two looks whether Ctrl-C was pressed */ };

/* @return 0; -EG_EIO: the other side has gone; -EG_ECANCEL: Ctrl-C. */
static int wait_for(int fd, short what)
{
    struct pollfd p = { .fd = fd, .events = what };

    for (;;) {
        const int n = poll(&p, 1, PATIENCE);

        if (eg_cancelled)
            return -EG_ECANCEL;
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return -EG_EIO;
    }
}

static int send_all(int fd, const uint8_t *p, size_t len)
{
    while (len) {
        int rc = wait_for(fd, POLLOUT);
        ssize_t n;

        if (rc)
            return rc;
        n = write(fd, p, len);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            return -EG_EIO;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

struct line {
    struct rsp_in in;
    int out;
    bool unheard;          // the last answer, which is kept, was not acknowledged
    EG_VEC(uint8_t) asked; // the packet that it answers
};

/* A debugger that waits too long sends a packet again: two answers would be one too many. */
static bool is_repeated(const struct gdb *g, struct line *l)
{
    const size_t n = l->in.data.n;

    if (!g->no_acks && l->unheard && n == l->asked.n && memcmp(l->in.data.at, l->asked.at, n) == 0)
        return true;
    l->asked.n = 0;
    if (eg_vec_reserve(&l->asked, n + 1)) {
        memcpy(l->asked.at, l->in.data.at, n);
        l->asked.n = n;
    }
    l->unheard = true;
    return false;
}

static int answer(struct gdb *g, struct line *l, enum rsp_what what)
{
    int rc = 0;

    switch (what) {
    case RSP_PACKET:
        if (!g->no_acks && (rc = send_all(l->out, (const uint8_t *)"+", 1)))
            return rc;
        if (is_repeated(g, l))
            return 0;
        g->out.at.n = 0;
        gdb_answer(g, (const char *)l->in.data.at, l->in.data.n);
        return send_all(l->out, g->out.at.at, g->out.at.n);
    case RSP_ACK:
        l->unheard = false;
        return 0;
    case RSP_BROKEN:
        return g->no_acks ? 0 : send_all(l->out, (const uint8_t *)"-", 1);
    case RSP_NACK:
        return g->no_acks ? 0 : send_all(l->out, g->out.at.at, g->out.at.n);
    default: // Ctrl-C of the debugger: nothing runs that it could stop
        return 0;
    }
}

int gdb_serve(struct gdb *g, int in_fd, int out_fd)
{
    struct line l = { .in.keeps_runs = true, .out = out_fd };
    uint8_t bytes[CHUNK];
    enum rsp_what what;
    int rc = 0;

    while (!rc && !g->done) {
        ssize_t n;
        size_t at = 0;

        if ((rc = wait_for(in_fd, POLLIN)))
            break;
        n = read(in_fd, bytes, sizeof bytes);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            break;
        while (at < (size_t)n && !rc && !g->done) {
            at += rsp_take(&l.in, bytes + at, (size_t)n - at, &what);
            rc = answer(g, &l, what);
        }
    }
    rsp_in_fini(&l.in);
    eg_vec_fini(&l.asked);
    return rc == -EG_EIO ? 0 : rc; // a debugger may hang up whenever it likes
}
