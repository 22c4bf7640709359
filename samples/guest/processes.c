/* processes: trees, threads, states, names. */
#define _GNU_SOURCE
#include "scene.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- a service: a tree of three generations, several users and sessions, listening sockets
 * --------------------------- */

static void job(void)
{
    setsid();
    become(BOB);
    sleep_for_ever();
}

static void worker(void)
{
    become(WEB);
    char *buffer = malloc(100000);
    memset(buffer, 'w', 100000);
    sleep_for_ever();
}

static void worker_with_job(void)
{
    pid_t pid = child("web-job", job);
    become(WEB);
    fact("{\"kind\":\"worker\",\"pid\":%d,\"job\":%d,\"uid\":%d}", getpid(), pid, WEB);
    sleep_for_ever();
}

void webd(void)
{
    setsid();
    listen_on(AF_INET, 8080);
    listen_on(AF_INET6, 8443);
    pid_t a = child("web-worker", worker), b = child("web-worker", worker_with_job),
          c = child("web-logger", worker);
    fact("{\"kind\":\"service\",\"pid\":%d,\"workers\":[%d,%d,%d],\"tcp\":8080,\"tcp6\":8443}",
         getpid(), a, b, c);
    sleep_for_ever();
}

/* An orphan: its parent is gone, init has it. */
void orphan(void)
{
    pid_t was = getpid();
    pid_t pid = fork();
    if (pid)
        _exit(0);
    setsid();
    call_me("orphan-child");
    while (getppid() == was)
        usleep(1000);
    fact("{\"kind\":\"orphan\",\"pid\":%d,\"born_of\":%d,\"parent\":%d}", getpid(), was, getppid());
    sleep_for_ever();
}

/* ---- threads
 * --------------------------------------------------------------------------------------------------------
 */

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static pid_t thread_ids[8];
static int thread_pipe[2];

static void *thread(void *arg)
{
    static const char *const names[] = { "io-0", "io-1", "db-flush", "gc", "net-poll", "timer" };
    intptr_t i = (intptr_t)arg;
    char c;
    call_me(names[i]);
    thread_ids[i] = gettid();
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(0, &cpus);
    switch (i) {
    case 0:
        if (read(thread_pipe[0], &c, 1) < 0)
            break;
        break;
    case 1:
        setpriority(PRIO_PROCESS, 0, 7);
        pthread_mutex_lock(&held);
        break;
    case 2:
        sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){ 0 });
        sched_setaffinity(0, sizeof cpus, &cpus);
        break;
    case 3:
        sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){ 0 });
        break;
    case 4:
        sched_setscheduler(0, SCHED_RR, &(struct sched_param){ .sched_priority = 11 });
        epoll_wait(epoll_create1(0), &(struct epoll_event){ 0 }, 1, -1);
        break;
    default:
        sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 22 });
        child("thread-child", sleep_for_ever); // whose real parent is this thread, not the process
        sleep(1000000);
    }
    sleep_for_ever();
    return NULL;
}

void threads(void)
{
    pthread_t t[6];
    pthread_mutex_lock(&held);
    check(!pipe(thread_pipe), "pipe");
    for (intptr_t i = 0; i < 6; i++)
        pthread_create(&t[i], NULL, thread, (void *)i);
    sleep(1);
    fact("{\"kind\":\"threads\",\"pid\":%d,\"io-0\":%d,\"io-1\":%d,\"db-flush\":%d,\"gc\":%d,\"net-"
         "poll\":%d,\"timer\":%d}",
         getpid(), thread_ids[0], thread_ids[1], thread_ids[2], thread_ids[3], thread_ids[4],
         thread_ids[5]);
    sleep_for_ever();
}

/* The leader has ended, a thread lives on: the process shows as a zombie and is none. */
static void *survivor(void *arg)
{
    (void)arg;
    call_me("survivor");
    sleep(1);
    fact("{\"kind\":\"headless\",\"pid\":%d,\"survivor\":%d}", getpid(), gettid());
    sleep_for_ever();
    return NULL;
}

void headless(void)
{
    pthread_t t;
    pthread_create(&t, NULL, survivor, NULL);
    pthread_exit(NULL);
}

/* ---- states
 * ---------------------------------------------------------------------------------------------------------
 */

static void exit_three(void)
{
    _exit(3);
}

static void die_by_signal(void)
{
    raise(SIGKILL);
}

static void stop(void)
{
    raise(SIGSTOP);
}

static void let_trace(void)
{
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGUSR1);
    sleep_for_ever();
}

void states(void)
{
    pid_t z1 = child("dead-by-exit", exit_three), z2 = child("dead-by-signal", die_by_signal);
    pid_t stopped = child("stopped-job", stop), traced = child("traced-job", let_trace);
    sleep(1);
    fact("{\"kind\":\"states\",\"pid\":%d,\"zombies\":[%d,%d],\"stopped\":%d,\"traced\":%d}",
         getpid(), z1, z2, stopped, traced);
    sleep_for_ever();
}

/* Uses the processor for a while, so that times are not all zero. */
void burner(void)
{
    setpriority(PRIO_PROCESS, 0, 10);
    volatile uint64_t n = 0;
    struct rusage used;
    do {
        for (int i = 0; i < 100000; i++)
            n += (uint64_t)i;
        getrusage(RUSAGE_SELF, &used);
    } while (used.ru_utime.tv_sec < 1);
    fact("{\"kind\":\"burner\",\"pid\":%d,\"nice\":10}", getpid());
    sleep_for_ever();
}

/* ---- names, arguments, environment
 * ------------------------------------------------------------------------------------ */

extern char **environ;

/* Overwrites its own argument and environment memory in place and takes the name of a kernel
 * thread. */
void renamer(char **argv)
{
    char *first = argv[0], *last = argv[0];
    for (char **a = argv; *a; a++)
        last = *a + strlen(*a);
    memset(first, 0, (size_t)(last - first));
    snprintf(first, (size_t)(last - first), "[kworker/9:9]");
    for (char **e = environ; *e; e++) {
        char *value = strstr(*e, "LAB_SECRET=");
        if (value)
            memset(value + 11, 'x', strlen(value + 11));
    }
    call_me("kworker/9:9");
    fact("{\"kind\":\"renamer\",\"pid\":%d,\"cmdline\":\"[kworker/9:9]\",\"comm\":\"kworker/"
         "9:9\",\"real\":\"renamer\"}",
         getpid());
    sleep_for_ever();
}

/* Runs on with its file removed. */
void deleted(void)
{
    char path[64];
    if (strcmp(program_invocation_short_name, "gone-agent")) {
        int from = open("/proc/self/exe", O_RDONLY);
        snprintf(path, sizeof path, "/tmp/gone-agent");
        int to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
        char buffer[65536];
        for (ssize_t n; (n = read(from, buffer, sizeof buffer)) > 0;)
            check(write(to, buffer, (size_t)n) == n, "copy");
        close(to);
        close(from);
        execl(path, "gone-agent", "--quiet", NULL);
        check(false, "exec");
    }
    unlink("/tmp/gone-agent");
    fact("{\"kind\":\"deleted\",\"pid\":%d,\"exe\":\"/tmp/gone-agent (deleted)\"}", getpid());
    sleep_for_ever();
}

/* Runs from memory that no file system names. */
void memexec(void)
{
    if (strcmp(program_invocation_short_name, "mem-agent")) {
        int from = open("/proc/self/exe", O_RDONLY),
            to = memfd_create("lab-memfd-exec", MFD_CLOEXEC);
        char buffer[65536];
        for (ssize_t n; (n = read(from, buffer, sizeof buffer)) > 0;)
            check(write(to, buffer, (size_t)n) == n, "copy");
        fexecve(to, (char *[]){ "mem-agent", "-v", NULL }, environ);
        check(false, "fexecve");
    }
    call_me("mem-agent");
    fact("{\"kind\":\"memfd-exec\",\"pid\":%d}", getpid());
    sleep_for_ever();
}
