/* listen.c - sockets that wait for a connection. */
#include "listen.h"
#include "../core/parallel.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE = 500 /* ms between two looks whether Ctrl-C was pressed */ };

static int listen_unix(struct live_listener *l, const char *path, struct eg_error *e)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    mode_t mask;
    int rc;

    if (!*path || strlen(path) >= sizeof a.sun_path || strlen(path) >= sizeof l->name)
        return eg_fail(e, EG_EUSAGE, "unix:%s: a path of 1 to %zu bytes is wanted", path,
                       sizeof a.sun_path - 1);
    memcpy(a.sun_path, path, strlen(path) + 1);
    memcpy(l->name, path, strlen(path) + 1);
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l->fd < 0)
        return eg_fail(e, EG_EIO, "unix:%s: %s", path, strerror(errno));
    mask = umask(077); // its owner alone may connect
    rc = bind(l->fd, (const struct sockaddr *)&a, sizeof a);
    umask(mask);
    if (rc || listen(l->fd, 8)) {
        const int error = errno;

        close(l->fd);
        return eg_fail(e, EG_EIO, "unix:%s: %s%s", path, strerror(error),
                       error == EADDRINUSE ? "; remove it if nothing listens there" : "");
    }
    l->unix_socket = true;
    return 0;
}

static bool is_loopback(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24 == 127;
    return a->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}

static void name_of(struct live_listener *l)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    char host[128], port[32];

    if (getsockname(l->fd, (struct sockaddr *)&a, &len) ||
        getnameinfo((const struct sockaddr *)&a, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV))
        return;
    snprintf(l->name, sizeof l->name, a.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    l->open = !is_loopback((const struct sockaddr *)&a);
}

static int listen_tcp(struct live_listener *l, const char *where, struct eg_error *e)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    const char *colon = strrchr(where, ':'), *port = colon ? colon + 1 : where;
    const int on = 1;
    char host[200] = "127.0.0.1";
    struct addrinfo *list, *a;
    int rc, error = 0;

    if (colon > where) {
        const bool brackets = *where == '[' && colon[-1] == ']';
        const size_t len = (size_t)(colon - where) - 2 * brackets;

        if (len >= sizeof host)
            return eg_fail(e, EG_EUSAGE, "%s: too long for a host's name", where);
        memcpy(host, where + brackets, len);
        host[len] = 0;
    }
    if (!*port || strspn(port, "0123456789") != strlen(port))
        return eg_fail(e, EG_EUSAGE, "'%s': HOST:PORT or unix:PATH is wanted", where);
    if (strlen(port) > 5 || atoi(port) > UINT16_MAX) // getaddrinfo takes the low 16 bits
        return eg_fail(e, EG_EUSAGE, "'%s': a port is at most 65535", where);
    rc = getaddrinfo(host, port, &hints, &list);
    if (rc)
        return eg_fail(e, EG_EUSAGE, "%s: %s", where, gai_strerror(rc));
    l->fd = -1;
    for (a = list; a && l->fd < 0; a = a->ai_next) {
        l->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (l->fd < 0) {
            error = errno;
            continue;
        }
        setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (bind(l->fd, a->ai_addr, a->ai_addrlen) || listen(l->fd, 8)) {
            error = errno;
            close(l->fd);
            l->fd = -1;
        }
    }
    freeaddrinfo(list);
    if (l->fd < 0)
        return eg_fail(e, EG_EIO, "%s: %s", where, strerror(error));
    name_of(l);
    return 0;
}

int live_listen(struct live_listener *out, const char *where, struct eg_error *e)
{
    struct live_listener l = { .fd = -1 };
    const int rc =
        strncmp(where, "unix:", 5) == 0 ? listen_unix(&l, where + 5, e) : listen_tcp(&l, where, e);

    if (!rc)
        *out = l;
    return rc;
}

int live_accept(struct live_listener *l)
{
    struct pollfd p = { .fd = l->fd, .events = POLLIN };
    const int on = 1;

    for (;;) {
        const int n = poll(&p, 1, PATIENCE);
        int fd;

        if (eg_cancelled)
            return -EG_ECANCEL;
        if (n < 0 && errno != EINTR)
            return -EG_EIO;
        if (n <= 0)
            continue;
        fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            if (!l->unix_socket) // packets are small, and each is waited for
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            return fd;
        }
        if (errno != EINTR && errno != ECONNABORTED && errno != EAGAIN)
            return -EG_EIO;
    }
}

void live_listen_end(struct live_listener *l)
{
    close(l->fd);
    if (l->unix_socket)
        unlink(l->name);
}
