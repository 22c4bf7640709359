/* connect.c - connections by path or by port. */
#include "connect.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONNECT_MS = 3000 };

static int failed(int fd, int error, struct eg_error *e)
{
    eg_close_fd_(&fd);
    return eg_fail(e, EG_EIO, "%s", strerror(error));
}

static int connect_unix(const char *path, struct eg_error *e)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    const size_t len = strlen(path);
    int fd;

    if (len >= sizeof a.sun_path)
        return eg_fail(e, EG_EUSAGE, "the path of a unix socket has at most %zu bytes",
                       sizeof a.sun_path - 1);
    memcpy(a.sun_path, path, len);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && !connect(fd, (struct sockaddr *)&a, sizeof a) ? fd : failed(fd, errno, e);
}

/* @return 0, or why not. */
static int connect_in_time(int fd, const struct addrinfo *a)
{
    struct pollfd p = { fd, POLLOUT, 0 };
    int error = connect(fd, a->ai_addr, a->ai_addrlen) ? errno : 0;
    socklen_t len = sizeof error;

    if (error == EINPROGRESS &&
        (poll(&p, 1, CONNECT_MS) <= 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len)))
        return ETIMEDOUT;
    if (!error && fcntl(fd, F_SETFL, 0)) // from now on it may wait
        return errno;
    return error;
}

static int connect_tcp(const char *where, const char *colon, struct eg_error *e)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    const int one = 1, len = (int)(colon - where);
    const bool brackets = len > 2 && *where == '[' && colon[-1] == ']';
    struct addrinfo *all;
    int fd = -1, error = ECONNREFUSED, rc;
    char host[256];

    if ((size_t)len >= sizeof host)
        return eg_fail(e, EG_EUSAGE, "HOST:PORT is wanted");
    snprintf(host, sizeof host, "%.*s", len - 2 * brackets, where + brackets);
    rc = getaddrinfo(*host ? host : "localhost", colon + 1, &hints, &all);
    if (rc)
        return eg_fail(e, EG_EIO, "%s", gai_strerror(rc));
    for (const struct addrinfo *a = all; a && error; a = a->ai_next) {
        eg_close_fd_(&fd);
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        error = fd >= 0 ? connect_in_time(fd, a) : errno;
    }
    freeaddrinfo(all);
    if (error)
        return failed(fd, error, e);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

int live_connect(const char *where, bool *is_unix, struct eg_error *e)
{
    const char *colon = strrchr(where, ':');

    *is_unix = !colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
               !access(where, F_OK);
    return *is_unix ? connect_unix(where, e) : connect_tcp(where, colon, e);
}
