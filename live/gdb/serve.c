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

/* The answer of the last packet is kept: it may be asked for again. */
static int answer(struct gdb *g, struct rsp_in *in, enum rsp_what what, int out)
{
    int rc = 0;

    switch (what) {
    case RSP_PACKET:
        if (!g->no_acks && (rc = send_all(out, (const uint8_t *)"+", 1)))
            return rc;
        g->out.at.n = 0;
        gdb_answer(g, (const char *)in->data.at, in->data.n);
        return send_all(out, g->out.at.at, g->out.at.n);
    case RSP_BROKEN:
        return g->no_acks ? 0 : send_all(out, (const uint8_t *)"-", 1);
    case RSP_NACK:
        return g->no_acks ? 0 : send_all(out, g->out.at.at, g->out.at.n);
    default: // Ctrl-C of the debugger: nothing runs that it could stop
        return 0;
    }
}

int gdb_serve(struct gdb *g, int in_fd, int out_fd)
{
    struct rsp_in in = { .keeps_runs = true };
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
            at += rsp_take(&in, bytes + at, (size_t)n - at, &what);
            rc = answer(g, &in, what, out_fd);
        }
    }
    rsp_in_fini(&in);
    return rc == -EG_EIO ? 0 : rc; // a debugger may hang up whenever it likes
}
