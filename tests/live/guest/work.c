/* work.c - what a test's guest does, and how often: `work NAME [N [K]]`, N times (0: without end),
 * K rounds of an empty loop before each. It says when it begins and, in numbers, what it has done:
 * "work: NAME begins PID", "work: NAME done N". */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
    printf("work: %s: %s\n", what, strerror(errno));
    exit(1);
}

/** Processes that keep still: actor0, actor1, …. Each has a file open and memory of its own. */
static void idle(long n)
{
    int ready[2];

    if (pipe(ready))
        die("pipe");
    for (long i = 0; i < n; i++) {
        const pid_t child = fork();
        char byte;

        if (child < 0)
            die("fork");
        if (!child) {
            char name[16], path[32];
            uint8_t *own =
                mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

            snprintf(name, sizeof name, "actor%ld", i);
            snprintf(path, sizeof path, "/tmp/actor%ld", i);
            prctl(PR_SET_NAME, name);
            if (open(path, O_RDWR | O_CREAT, 0600) < 0 || own == MAP_FAILED)
                die("actor");
            memset(own, (int)i, 1 << 16);
            if (write(ready[1], "", 1) != 1)
                die("actor");
            close(ready[0]);
            close(ready[1]);
            for (;;)
                pause();
        }
        if (read(ready[0], &byte, 1) != 1)
            die("actor");
        printf("work: actor%ld %d\n", i, child);
    }
    close(ready[0]);
    close(ready[1]);
}

static void forks(long i)
{
    const pid_t child = fork();

    if (!child) {
        char name[16];

        snprintf(name, sizeof name, "child%ld", i % 1000);
        prctl(PR_SET_NAME, name);
        _exit(0);
    }
    if (child > 0)
        waitpid(child, NULL, 0);
}

static void execs(long i)
{
    const pid_t child = fork();

    (void)i;
    if (!child) {
        execl("/bin/busybox", "true", (char *)NULL);
        _exit(1);
    }
    if (child > 0)
        waitpid(child, NULL, 0);
}

static void maps(long i)
{
    void *at[16];

    for (size_t k = 0; k < 16; k++) {
        at[k] =
            mmap(NULL, 4096 << (k & 3), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at[k] != MAP_FAILED)
            *(volatile long *)at[k] = i;
    }
    for (size_t k = 0; k < 16; k++)
        munmap(at[k], 4096 << (k & 3));
}

static void *thread(void *arg)
{
    return arg;
}

static void threads(long i)
{
    pthread_t t;

    (void)i;
    if (!pthread_create(&t, NULL, thread, NULL))
        pthread_join(t, NULL);
}

static void opens(long i)
{
    (void)i;
    close(open("/etc/passwd", O_RDONLY));
}

static void getppids(long i)
{
    (void)i;
    syscall(SYS_getppid);
}

/** A cheap mixture, each a system call with arguments that can be known again. */
static void syscalls(long i)
{
    char b[8];
    int p[2];

    close(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
    syscall(SYS_getppid);
    if (pipe(p) == 0) {
        if (write(p[1], "engram", 6) == 6 && read(p[0], b, sizeof b) != 6)
            die("pipe");
        close(p[0]);
        close(p[1]);
    }
    access(i & 1 ? "/etc/passwd" : "/etc/none", R_OK);
}

static void setuids(long i)
{
    const pid_t child = fork();

    if (!child) {
        if (setresuid(1000 + i % 10, 1000 + i % 10, 1000 + i % 10))
            _exit(1);
        _exit(0);
    }
    if (child > 0)
        waitpid(child, NULL, 0);
}

/** A connection through the loopback device to a port of its own. */
static void connects(long i)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    const int at = socket(AF_INET, SOCK_STREAM, 0), s = socket(AF_INET, SOCK_STREAM, 0);
    int got = -1;

    (void)i;
    if (bind(at, (struct sockaddr *)&a, sizeof a) == 0 && listen(at, 1) == 0 &&
        getsockname(at, (struct sockaddr *)&a, &len) == 0 &&
        connect(s, (struct sockaddr *)&a, sizeof a) == 0)
        got = accept(at, NULL, NULL);
    close(got);
    close(s);
    close(at);
}

static void protects(long i)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)i;
    if (p != MAP_FAILED) {
        *(volatile uint8_t *)p = 0xc3;
        mprotect(p, 4096, PROT_READ | PROT_EXEC);
        munmap(p, 4096);
    }
}

static void traces(long i)
{
    const pid_t child = fork();

    (void)i;
    if (!child)
        for (;;)
            pause();
    if (child > 0) {
        if (ptrace(PTRACE_ATTACH, child, NULL, NULL) == 0)
            waitpid(child, NULL, 0);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
}

/** All of it at once: what moves most of the kernel's lists. */
static void storm(long i)
{
    forks(i);
    maps(i);
    threads(i);
    opens(i);
    if (i % 8 == 0)
        execs(i);
}

static void loop(long i)
{
    for (volatile long k = 0; k < 1000; k++)
        ;
    (void)i;
}

static const struct {
    const char *name;
    void (*run)(long i);
} works[] = {
    { "forks", forks },       { "execs", execs },       { "maps", maps },
    { "threads", threads },   { "opens", opens },       { "getppids", getppids },
    { "setuids", setuids },   { "connects", connects }, { "loop", loop },
    { "protects", protects }, { "traces", traces },     { "storm", storm },
    { "syscalls", syscalls },
};

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "idle";
    const long n = argc > 2 ? atol(argv[2]) : 0;
    const long every = argc > 3 ? atol(argv[3]) : 0;
    struct timespec from, to;
    long i = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    clock_gettime(CLOCK_MONOTONIC, &from);
    printf("work: %s begins %d\n", name, getpid());
    if (!strcmp(name, "idle")) {
        idle(n ? n : 3);
        printf("work: idle done %ld\n", n ? n : 3);
        for (;;)
            pause();
    }
    for (size_t k = 0; k < sizeof works / sizeof *works; k++)
        if (!strcmp(name, works[k].name)) {
            for (; !n || i < n; i++) {
                for (volatile long pause = 0; pause < every; pause++)
                    ;
                works[k].run(i);
            }
            clock_gettime(CLOCK_MONOTONIC, &to);
            printf("work: %s done %ld in %ld us\n", name, i,
                   (to.tv_sec - from.tv_sec) * 1000000 + (to.tv_nsec - from.tv_nsec) / 1000);
            return 0;
        }
    printf("work: %s: unknown\n", name);
    return 1;
}
