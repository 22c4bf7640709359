/* guardian.c - the process that detaches from a gdbstub when its debugger is killed. It runs
 * between fork and _exit with what is safe there: system calls. */
#include "guardian.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRIES = 10, SETTLE_MS = 50, ANSWER_MS = 2000, LEAVE_SECONDS = 60 };

/* Is `$OK#9a` in what comes within @ms? */
static bool said_ok(int fd, int ms)
{
    static const char ok[] = "$OK#9a";
    size_t at = 0;

    for (;;) {
        struct pollfd p = { fd, POLLIN, 0 };
        char bytes[256];
        ssize_t n;

        if (poll(&p, 1, ms) <= 0)
            return false;
        n = read(fd, bytes, sizeof bytes);
        if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
            return true; // the machine is not there any more
        for (ssize_t i = 0; i < n; i++) {
            at = bytes[i] == ok[at] ? at + 1 : bytes[i] == ok[0];
            if (!ok[at])
                return true;
        }
    }
}

static void say(int fd, const char *text)
{
    const ssize_t n = write(fd, text, strlen(text));

    (void)n;
}

/* Whatever was being said: the byte 3 stops a machine that runs, `#00` ends a packet that was
 * begun, and $ drops an answer that was not acknowledged. */
static void leave(int fd)
{
    for (int i = 0; i < TRIES; i++) {
        say(fd, "\003");
        said_ok(fd, SETTLE_MS);
        say(fd, "#00$Qqemu.PhyMemMode:0#76");
        said_ok(fd, SETTLE_MS);
        say(fd, "$D#44");
        if (said_ok(fd, ANSWER_MS))
            return;
    }
}

static void watch(int fd, int end)
{
    char word;
    ssize_t n;

    // Ends all else that it has of its parent: a pipe's reader must see the end of what that wrote.
    setsid();
    if (fd != 3)
        dup2(fd, 3);
    if (end != 4)
        dup2(end, 4);
    syscall(SYS_close_range, 5u, ~0u, 0);
    close(0);
    close(1);
    close(2);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    while ((n = read(4, &word, 1)) < 0 && errno == EINTR)
        ;
    if (n == 0) {
        alarm(LEAVE_SECONDS); // a stub that does not read, or does not stop to speak
        leave(3);
    }
    _exit(0);
}

int guardian_start(struct guardian *g, int fd, struct eg_error *e)
{
    int ends[2], high, stub;
    pid_t pid;

    *g = (struct guardian){ .pipe = -1 };
    if (pipe2(ends, O_CLOEXEC))
        return eg_fail(e, EG_EIO, "a pipe: %s", strerror(errno));
    high = fcntl(ends[0], F_DUPFD_CLOEXEC, 10); // above the numbers that it takes
    stub = fcntl(fd, F_DUPFD_CLOEXEC, 10);
    pid = high >= 0 && stub >= 0 ? fork() : -1;
    if (pid == 0)
        watch(stub, high);
    close(ends[0]);
    if (high >= 0)
        close(high);
    if (stub >= 0)
        close(stub);
    if (pid < 0) {
        close(ends[1]);
        return eg_fail(e, EG_EIO, "a process that lets the machine go on if this one is killed: %s",
                       strerror(errno));
    }
    *g = (struct guardian){ ends[1], pid };
    return 0;
}

void guardian_end(struct guardian *g)
{
    ssize_t n;

    if (g->pipe < 0)
        return;
    n = write(g->pipe, "x", 1);
    (void)n;
    close(g->pipe);
    while (waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    g->pipe = -1;
}
