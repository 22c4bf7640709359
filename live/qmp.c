/* qmp.c - the monitor of QEMU: connections, commands, answers between events. */
#include "qmp.h"
#include "../core/parallel.h"
#include "../core/vec.h"
#include "connect.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CONNECT_SECONDS = 3, SLICE_MS = 100, CHUNK = 1 << 14 };

static const char libvirt[] = "libvirt:";

struct qmp {
    char *where;
    const char *domain; // of libvirt; NULL: a socket
    int fd;             // -1: libvirt
    bool is_unix, ended;
    unsigned resets;
    uint64_t id;          // of the last command
    EG_VEC(char) in;      // what was received
    size_t taken;         // of it, as lines
    pthread_mutex_t lock; // one command at a time
    int guard;            // the pipe to the process that holds the monitor too; -1: none
    pid_t guard_pid;
};

/* ---- time, bytes ---- */

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/** Wait for @events of @fd. @return 1, 0: not until @until, or a negative error. */
static int wait_for(int fd, short events, uint64_t until, struct eg_error *e)
{
    for (;;) {
        const uint64_t now = now_ms();
        struct pollfd p = { .fd = fd, .events = events };
        int n;

        if (atomic_load(&eg_cancelled))
            return eg_fail(e, EG_ECANCEL, "stopped");
        n = poll(&p, 1, now < until ? (int)EG_MIN(until - now, (uint64_t)SLICE_MS) : 0);
        if (n > 0)
            return 1;
        if (n < 0 && errno != EINTR)
            return eg_fail(e, EG_EIO, "%s", strerror(errno));
        if (now >= until)
            return 0;
    }
}

static int ended(struct qmp *q, struct eg_error *e)
{
    q->ended = true;
    return eg_fail(e, EG_ENOTFOUND, "%s: QEMU has ended, or closed its monitor", q->where);
}

/** Receive more. @return 1, 0: nothing until @until, or a negative error. */
static int receive(struct qmp *q, uint64_t until, struct eg_error *e)
{
    int rc = wait_for(q->fd, POLLIN, until, e);
    ssize_t n;

    if (rc <= 0)
        return rc;
    if (now_ms() > until + QMP_SECONDS * 1000) // events without end, or a line byte by byte
        return eg_fail(e, EG_EIO, "%s: does not stop to speak", q->where);
    if (q->taken) {
        memmove(q->in.at, q->in.at + q->taken, q->in.n - q->taken);
        q->in.n -= q->taken;
        q->taken = 0;
    }
    if (q->in.n > QMP_LINE_MAX)
        return eg_fail(e, EG_EFORMAT, "%s: an answer of more than %d MiB", q->where,
                       QMP_LINE_MAX >> 20);
    if (!eg_vec_reserve(&q->in, q->in.n + CHUNK))
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", q->where);
    n = recv(q->fd, q->in.at + q->in.n, CHUNK, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && (errno == ECONNRESET || errno == EPIPE)))
        return ended(q, e);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR
                   ? 1
                   : eg_fail(e, EG_EIO, "%s: %s", q->where, strerror(errno));
    q->in.n += (size_t)n;
    return 1;
}

/** The next line. @return 1, 0: none until @until, or a negative error. */
static int next_line(struct qmp *q, const char **line, size_t *len, uint64_t until,
                     struct eg_error *e)
{
    size_t seen = 0;
    int rc;

    for (;;) {
        const char *from = q->in.at ? q->in.at + q->taken : NULL, *end;
        const size_t have = q->in.n - q->taken;

        end = from ? memchr(from + seen, '\n', have - seen) : NULL;
        if (end) {
            *line = from;
            *len = (size_t)(end - from);
            q->taken += *len + 1;
            return 1;
        }
        seen = have;
        rc = receive(q, until, e);
        if (rc <= 0)
            return rc;
    }
}

/** The next object that is not an event; of those, what matters is kept. */
static int next_answer(struct qmp *q, struct qmp_value **out, uint64_t until, struct eg_error *e)
{
    for (;;) {
        struct qmp_value *v;
        const char *line, *event;
        size_t len;
        int rc = next_line(q, &line, &len, until, e);

        if (rc <= 0)
            return rc;
        while (len && isspace((unsigned char)line[len - 1]))
            len--;
        if (!len)
            continue;
        rc = qmp_parse(&v, line, len, e);
        if (rc)
            return rc;
        event = qmp_text(qmp_member(v, "event"));
        if (!event) {
            *out = v;
            return 1;
        }
        q->resets += !strcmp(event, "RESET");
        q->ended |= !strcmp(event, "SHUTDOWN");
        qmp_free(v);
    }
}

/* ---- connecting ---- */

static int reach(struct qmp *q, struct eg_error *e)
{
    struct eg_error why;

    q->fd = live_connect(q->where, &q->is_unix, &why);
    if (q->fd >= 0)
        return 0;
    return eg_fail(e, why.code,
                   "%s: %s: QEMU opens such a monitor with -qmp %s:%s,server=on,wait=off", q->where,
                   why.text, q->is_unix ? "unix" : "tcp", q->where);
}

/** Nothing was said: is it QEMU's gdbstub? That has stopped the guest for its new debugger, so the
 * word is "detach", which a monitor that is held by another program never gets to read. */
static bool is_gdbstub(struct qmp *q)
{
    static const char detach[] = "$D#44";
    char answer[2] = "";

    return send(q->fd, detach, sizeof detach - 1, MSG_NOSIGNAL) == sizeof detach - 1 &&
           wait_for(q->fd, POLLIN, now_ms() + 1000, NULL) == 1 &&
           recv(q->fd, answer, sizeof answer, MSG_DONTWAIT) > 0 && strchr("+$", answer[0]);
}

/** The greeting, and the command that ends it. */
static int greet(struct qmp *q, struct eg_error *e)
{
    struct qmp_value *v = NULL;
    int rc = next_answer(q, &v, now_ms() + CONNECT_SECONDS * 1000, e);

    if ((!rc || rc == -EG_EFORMAT) && is_gdbstub(q))
        return eg_fail(e, EG_EFORMAT,
                       "%s: is QEMU's gdbstub, not its monitor: -qmp unix:PATH,server,nowait opens "
                       "that; `engram trace gdb:%s` is for the gdbstub",
                       q->where, q->where);
    if (rc < 0)
        return rc == -EG_EFORMAT ? eg_fail(e, EG_EFORMAT,
                                           "%s: is not a monitor of QEMU (QMP): it speaks first, "
                                           "but not JSON",
                                           q->where)
                                 : rc;
    if (!rc)
        return eg_fail(
            e, EG_EIO,
            "%s: no greeting in %d s: another program holds this monitor, or it is none: "
            "QEMU serves one at a time; a second -qmp gives it another",
            q->where, CONNECT_SECONDS);
    rc = qmp_member(v, "QMP") ? 0
                              : eg_fail(e, EG_EFORMAT,
                                        "%s: is not a monitor of QEMU (QMP): its "
                                        "greeting is another",
                                        q->where);
    qmp_free(v);
    return rc ? rc : qmp_call(q, NULL, "qmp_capabilities", NULL, -1, e);
}

int qmp_open(struct qmp **out, const char *where, struct eg_error *e)
{
    struct qmp *q = calloc(1, sizeof *q);
    int rc = 0;

    if (q) {
        *q = (struct qmp){ .where = strdup(where), .fd = -1, .guard = -1 };
        pthread_mutex_init(&q->lock, NULL);
    }
    if (!q || !q->where)
        rc = eg_fail(e, EG_ENOMEM, "%s: out of memory", where);
    else if (!strncmp(where, libvirt, sizeof libvirt - 1))
        q->domain = q->where + sizeof libvirt - 1;
    else
        rc = reach(q, e);
    if (!rc && q->domain && (!*q->domain || *q->domain == '-'))
        rc = eg_fail(e, EG_EUSAGE, "%s: is not the name of a domain", where);
    if (!rc && !q->domain)
        rc = greet(q, e);
    if (rc) {
        qmp_close(q);
        return rc;
    }
    *out = q;
    return 0;
}

void qmp_close(struct qmp *q)
{
    if (!q)
        return;
    qmp_let_go(q, true);
    eg_close_fd_(&q->fd);
    eg_vec_fini(&q->in);
    pthread_mutex_destroy(&q->lock);
    free(q->where);
    free(q);
}

/* ---- commands ---- */

/** Send all of @text, and @fd with its first byte. */
static int send_text(struct qmp *q, const char *text, size_t len, int fd, struct eg_error *e)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = { 0 };
    size_t done = 0;

    while (done < len) {
        struct iovec part = { (char *)(uintptr_t)text + done, len - done };
        struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
        ssize_t n;

        if (fd >= 0 && !done) {
            struct cmsghdr *c;

            m.msg_control = control.bytes;
            m.msg_controllen = sizeof control.bytes;
            c = CMSG_FIRSTHDR(&m);
            c->cmsg_level = SOL_SOCKET;
            c->cmsg_type = SCM_RIGHTS;
            c->cmsg_len = CMSG_LEN(sizeof fd);
            memcpy(CMSG_DATA(c), &fd, sizeof fd);
        }
        n = sendmsg(q->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            done += (size_t)n;
        } else if (errno == EAGAIN) {
            int rc = wait_for(q->fd, POLLOUT, now_ms() + QMP_SECONDS * 1000, e);

            if (rc <= 0)
                return rc ? rc : eg_fail(e, EG_EIO, "%s: does not read", q->where);
        } else if (errno != EINTR) {
            return errno == EPIPE || errno == ECONNRESET
                       ? ended(q, e)
                       : eg_fail(e, EG_EIO, "%s: %s", q->where, strerror(errno));
        }
    }
    return 0;
}

/** The answer to command @id: late ones to others are left out. */
static int answer_to(struct qmp *q, struct qmp_value **out, uint64_t id, struct eg_error *e)
{
    const uint64_t until = now_ms() + QMP_SECONDS * 1000;

    for (;;) {
        struct qmp_value *v = NULL;
        uint64_t of;
        int rc = next_answer(q, &v, until, e);

        if (rc < 0)
            return rc;
        if (!rc)
            return eg_fail(e, EG_EIO, "%s: no answer in %d s: is QEMU stopped?", q->where,
                           QMP_SECONDS);
        // QEMU cannot tell of which command it could not read the id.
        if (!qmp_member(v, "id") || (qmp_number(qmp_member(v, "id"), &of) && of == id)) {
            *out = v;
            return 0;
        }
        qmp_free(v);
    }
}

/** Run libvirt's command with one command for QEMU. */
static int through_libvirt(struct qmp *q, struct qmp_value **out, const char *text,
                           struct eg_error *e)
{
    EG_VEC(char) said = { 0 };
    int to[2], status = 0, rc = 0;
    pid_t child;
    ssize_t n = 1;

    if (pipe2(to, O_CLOEXEC) != 0)
        return eg_fail(e, EG_EIO, "%s: %s", q->where, strerror(errno));
    child = fork();
    if (!child) {
        dup2(to[1], STDOUT_FILENO);
        execlp("virsh", "virsh", "qemu-monitor-command", "--domain", q->domain, "--cmd", text,
               (char *)NULL);
        _exit(127);
    }
    close(to[1]);
    if (child < 0)
        rc = eg_fail(e, EG_EIO, "%s: %s", q->where, strerror(errno));
    while (!rc && n > 0) {
        rc = wait_for(to[0], POLLIN, now_ms() + QMP_SECONDS * 1000, e);
        if (rc == 0)
            rc = eg_fail(e, EG_EIO, "%s: virsh does not answer in %d s", q->where, QMP_SECONDS);
        else if (rc > 0)
            rc = said.n <= QMP_LINE_MAX && eg_vec_reserve(&said, said.n + CHUNK)
                     ? 0
                     : eg_fail(e, EG_EFORMAT, "%s: an answer that is too long", q->where);
        n = rc ? 0 : read(to[0], said.at + said.n, CHUNK);
        said.n += n > 0 ? (size_t)n : 0;
    }
    close(to[0]);
    if (rc && child > 0)
        kill(child, SIGKILL);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (!rc && status)
        rc = eg_fail(e, EG_EIO, "%s: %s", q->where,
                     WIFEXITED(status) && WEXITSTATUS(status) == 127
                         ? "virsh is not installed"
                         : "virsh failed: what it said is above");
    if (!rc)
        rc = qmp_parse(out, said.at ? said.at : "", said.n, e);
    eg_vec_fini(&said);
    return rc;
}

static int run(struct qmp *q, struct qmp_value **out, const char *command, const char *arguments,
               int fd, struct eg_error *e)
{
    eg_cleanup(eg_free_) char *text = NULL;
    struct qmp_value *v = NULL;
    char id[40] = ""; // libvirt adds its own, and refuses one that is there
    const char *why;
    int rc;

    q->id++;
    if (!q->domain)
        snprintf(id, sizeof id, ",\"id\":%" PRIu64, q->id);
    if (asprintf(&text, "{\"execute\":\"%s\"%s%s%s}\n", command, arguments ? ",\"arguments\":" : "",
                 arguments ? arguments : "", id) < 0) {
        text = NULL;
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", q->where);
    }
    if (q->domain) {
        rc = through_libvirt(q, &v, text, e);
    } else {
        rc = send_text(q, text, strlen(text), fd, e);
        if (!rc)
            rc = answer_to(q, &v, q->id, e);
    }
    if (rc)
        return rc;
    if (!qmp_member(v, "return")) {
        why = qmp_text(qmp_member(qmp_member(v, "error"), "desc"));
        rc = eg_fail(e, EG_EUNSUP, "%s: %s: %s", q->where, command,
                     why ? why : "an answer that is none");
    } else if (out) {
        *out = v;
        return 0;
    }
    qmp_free(v);
    return rc;
}

int qmp_call(struct qmp *q, struct qmp_value **out, const char *command, const char *arguments,
             int fd, struct eg_error *e)
{
    int rc;

    pthread_mutex_lock(&q->lock);
    rc = run(q, out, command, arguments, fd, e);
    pthread_mutex_unlock(&q->lock);
    return rc;
}

char *qmp_monitor(struct qmp *q, const char *line, struct eg_error *e)
{
    eg_cleanup(eg_free_) char *arguments = NULL;
    struct qmp_value *v = NULL;
    const char *text;
    char *copy;

    // Lines are ours alone: nothing in them needs an escape.
    if (asprintf(&arguments, "{\"command-line\":\"%s\"}", line) < 0) {
        arguments = NULL;
        eg_fail(e, EG_ENOMEM, "%s: out of memory", q->where);
        return NULL;
    }
    if (qmp_call(q, &v, "human-monitor-command", arguments, -1, e))
        return NULL;
    text = qmp_text(qmp_member(v, "return"));
    copy = text ? strdup(text) : NULL;
    if (!copy)
        eg_fail(e, EG_EFORMAT, "%s: %s: no text", q->where, line);
    qmp_free(v);
    return copy;
}

int qmp_pid(const struct qmp *q)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    return q->is_unix && getsockopt(q->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 ? peer.pid
                                                                                      : 0;
}

bool qmp_is_here(const struct qmp *q)
{
    struct sockaddr_storage a;
    const struct sockaddr_in *in4 = (const struct sockaddr_in *)&a;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&a;
    socklen_t len = sizeof a;

    if (q->is_unix)
        return true;
    if (q->domain || getpeername(q->fd, (struct sockaddr *)&a, &len) != 0)
        return false;
    return a.ss_family == AF_INET    ? ntohl(in4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET
           : a.ss_family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr)
                                     : false;
}

bool qmp_takes_files(const struct qmp *q)
{
    return q->is_unix;
}

bool qmp_events(struct qmp *q, unsigned *resets)
{
    const uint64_t until = now_ms(); // what is there is read, nothing waited for
    struct eg_error e;

    pthread_mutex_lock(&q->lock);
    while (!q->domain && !q->ended) {
        struct qmp_value *v = NULL;
        const int rc = next_answer(q, &v, until, &e);

        qmp_free(v); // late
        if (rc <= 0)
            break;
    }
    *resets = q->resets;
    pthread_mutex_unlock(&q->lock);
    return !q->ended;
}

/* ---- the process that lets the guest go on ---- */

static const char go_on[] = "\n{\"execute\":\"cont\"}\n";

/** In the child: only what is safe after a fork of one thread of many. */
static void guard(const struct qmp *q, int end)
{
    char byte, dump[512];
    ssize_t n;

    setsid(); // Ctrl-C is not for it
    for (int fd = 0; fd < 4096; fd++)
        if (fd != end && fd != q->fd)
            close(fd);
    do
        n = read(end, &byte, 1);
    while (n < 0 && errno == EINTR);
    if (n == 1) // the guest goes on already
        _exit(0);
    alarm(QMP_SECONDS); // a monitor that does not read, or does not stop to speak
    if (q->domain) {
        execlp("virsh", "virsh", "qemu-monitor-command", "--domain", q->domain, "--cmd",
               "{\"execute\":\"cont\"}", (char *)NULL);
        _exit(1);
    }
    // A command of the process that ended may be half sent: 0xff ends it for QEMU's reader.
    if (write(q->fd, "\xff", 1) == 1 && write(q->fd, go_on, sizeof go_on - 1) > 0) {
        struct pollfd p = { .fd = q->fd, .events = POLLIN };

        while (poll(&p, 1, 1000) > 0 && (n = recv(q->fd, dump, sizeof dump, 0)) > 0)
            if (memmem(dump, (size_t)n, "RESUME", 6))
                break;
    }
    _exit(0);
}

int qmp_guard(struct qmp *q, struct eg_error *e)
{
    int ends[2];
    pid_t child;

    if (q->guard >= 0)
        return 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return eg_fail(e, EG_EIO, "%s: %s", q->where, strerror(errno));
    child = fork();
    if (!child) {
        close(ends[1]);
        guard(q, ends[0]);
    }
    close(ends[0]);
    if (child < 0) {
        close(ends[1]);
        return eg_fail(e, EG_EIO, "%s: %s", q->where, strerror(errno));
    }
    q->guard = ends[1];
    q->guard_pid = child;
    return 0;
}

void qmp_let_go(struct qmp *q, bool must_go_on)
{
    if (q->guard < 0)
        return;
    if (!must_go_on && write(q->guard, "", 1) != 1)
        return;
    close(q->guard);
    q->guard = -1;
    while (waitpid(q->guard_pid, NULL, 0) < 0 && errno == EINTR)
        ;
}
