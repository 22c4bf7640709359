/* userland: what programs keep in their own memory: an allocator's chunks, an environment that
 * changed, what was typed into shells.  A program of its own with Debian's libc of the guest, where
 * scene is static.  The name it is called by (a link) says which.
 *
 *     heaps      chunks of malloc in every state, in two arenas
 *     changer    three processes that changed their environment
 *     typist     shells and others at terminals; each says what its history is, in /tmp/history-NAME */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <malloc.h>
#include <pthread.h>
#include <pty.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

__attribute__((format(printf, 1, 2))) static void fact(const char *format, ...)
{
    static char line[4096]; /* no memory of malloc's */
    va_list args;
    int fd = open("/run/lab/facts.jsonl", O_WRONLY | O_APPEND | O_CLOEXEC);
    va_start(args, format);
    int n = vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    line[n++] = '\n';
    if (write(fd, line, (size_t)n) != n)
        perror("facts");
    close(fd);
}

static void check(bool ok, const char *what)
{
    if (!ok)
        fact("{\"kind\":\"failed\",\"actor\":\"%s\",\"what\":\"%s\",\"why\":\"%s\"}",
             program_invocation_short_name, what, strerror(errno));
}

static void sleep_for_ever(void)
{
    for (;;)
        pause();
}

/* ---- chunks of malloc ---- */

struct chunk {
    const char *state; /* what becomes of it: "in use", "tcache", … */
    size_t size;
    unsigned char *at;
    size_t usable;
};

/* Bytes that follow from the size: a text, which free() spoils at its beginning alone. */
static void take(struct chunk *c)
{
    c->at = malloc(c->size);
    c->usable = malloc_usable_size(c->at);
    for (size_t i = 0; i < c->size; i++)
        c->at[i] = (unsigned char)('a' + (i + c->size) % 23);
    c->at[c->size - 1] = 0;
}

static void tell(const struct chunk *c, size_t count, const char *arena)
{
    for (size_t i = 0; i < count; i++)
        fact("{\"kind\":\"chunk\",\"pid\":%d,\"arena\":\"%s\",\"at\":\"%p\",\"asked\":%zu,"
             "\"usable\":%zu,\"state\":\"%s\"}",
             getpid(), arena, (void *)c[i].at, c[i].size, c[i].usable, c[i].state);
}

/* Of one size in a thread's cache: 7, with glibc 2.43 16. */
enum { CACHED = 7, PERHAPS_CACHED = 17 };

/* Several of one size with one in use between them: those that are freed first go to the cache, the
 * last to @state. */
static size_t many_of(struct chunk *c, size_t size, const char *state, size_t others)
{
    size_t n = 0;
    for (size_t i = 0; i < PERHAPS_CACHED + others; i++) {
        c[n++] = (struct chunk){ .state = i < CACHED           ? "tcache"
                                          : i < PERHAPS_CACHED ? "freed"
                                                               : state,
                                 .size = size };
        c[n++] = (struct chunk){ .state = "in use", .size = 24 };
    }
    return n;
}

static size_t prepare(struct chunk *c)
{
    size_t n = 0;
    static const size_t kept[] = { 1, 24, 25, 100, 1000, 1032, 1033, 5000, 100000 };
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        c[n++] = (struct chunk){ .state = "in use", .size = kept[i] };
    n += many_of(c + n, 56, "fastbin", 3);
    n += many_of(c + n, 600, "small", 2);
    c[n++] = (struct chunk){ .state = "large", .size = 3000 };
    c[n++] = (struct chunk){ .state = "in use", .size = 24 };
    c[n++] = (struct chunk){ .state = "large", .size = 50000 };
    c[n++] = (struct chunk){ .state = "in use", .size = 24 };
    c[n++] = (struct chunk){ .state = "unsorted", .size = 1500 };
    c[n++] = (struct chunk){ .state = "in use", .size = 24 };
    return n;
}

static void free_all(struct chunk *c, size_t n, const char *state)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(c[i].state, state))
            free(c[i].at);
}

/* What is freed last stays unsorted; a request that nothing fits sorts what was freed before. */
static size_t play(struct chunk *c)
{
    size_t n = prepare(c);
    for (size_t i = 0; i < n; i++)
        take(&c[i]);
    free_all(c, n, "tcache");
    free_all(c, n, "freed");
    free_all(c, n, "small");
    free_all(c, n, "large");
    c[n] = (struct chunk){ .state = "in use", .size = 60000 };
    take(&c[n++]);
    free_all(c, n, "unsorted");
    free_all(c, n, "fastbin");
    return n;
}

static struct chunk in_main[128], in_thread[128];
static size_t thread_count;
static pthread_barrier_t barrier;

static void *second_arena(void *arg)
{
    thread_count = play(in_thread);
    pthread_barrier_wait(&barrier);
    sleep_for_ever();
    return arg;
}

/* The main thread plays last: a large request would sort what it has freed. */
static void heaps(void)
{
    pthread_t thread;
    size_t n;
    struct chunk large[] = { { .state = "mmapped", .size = 300000 },
                             { .state = "mmapped", .size = 1 << 20 } };
    take(&large[0]);
    take(&large[1]);
    pthread_barrier_init(&barrier, NULL, 2);
    check(!pthread_create(&thread, NULL, second_arena, NULL), "thread");
    pthread_barrier_wait(&barrier);
    n = play(in_main);
    tell(in_main, n, "main");
    tell(large, 2, "main");
    tell(in_thread, thread_count, "thread");
    fact("{\"kind\":\"heaps\",\"pid\":%d,\"glibc\":\"%s\"}", getpid(), gnu_get_libc_version());
    sleep_for_ever();
}

/* ---- an environment that changed ---- */

/* Strings of ours alone: nothing in them needs an escape. */
static void tell_environment(const char *how)
{
    static char text[3000];
    size_t n = 0;
    for (char **e = environ; e && *e && n < sizeof text - 200; e++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s\"%s\"", n ? "," : "", *e);
    fact("{\"kind\":\"environment\",\"pid\":%d,\"how\":\"%s\",\"now\":[%s]}", getpid(), how, text);
}

static pid_t child(const char *name, void (*run)(void))
{
    pid_t pid = fork();
    if (pid)
        return pid;
    prctl(PR_SET_NAME, name);
    run();
    sleep_for_ever();
    return 0;
}

static void adds(void)
{
    static char put[] = "LAB_PUT=by putenv";
    setenv("LAB_ADDED", "by setenv", 1);
    setenv("LAB_CHANGED", "another value, which is longer", 1);
    setenv("LAB_KEPT", "not this one", 0);
    unsetenv("LAB_REMOVED");
    putenv(put);
    for (int i = 0; i < 40; i++) { /* the array moves several times */
        char name[32];
        snprintf(name, sizeof name, "LAB_MORE_%d", i);
        setenv(name, "more", 1);
        if (i % 2)
            unsetenv(name);
    }
    tell_environment("adds");
}

static void in_place(void) /* the array is the one that exec laid down */
{
    unsetenv("LAB_REMOVED");
    setenv("LAB_CHANGED", "in place", 1);
    tell_environment("in place");
}

static void clears(void)
{
    clearenv();
    tell_environment("clears");
}

static void changer(void)
{
    child("env-adds", adds);
    child("env-in-place", in_place);
    child("env-clears", clears);
    tell_environment("as it began");
    usleep(500000);
    fact("{\"kind\":\"changer\",\"pid\":%d}", getpid());
    sleep_for_ever();
}

/* ---- what is typed ---- */

static pid_t at_terminal(const char *program, char *const *argv, char *const *env,
                         const char *const *typed)
{
    int master;
    char c[256];
    pid_t pid = forkpty(&master, NULL, NULL, &(struct winsize){ 25, 100, 0, 0 });
    if (!pid) {
        execve(program, argv, env);
        _exit(1);
    }
    fcntl(master, F_SETFL, O_NONBLOCK);
    usleep(1500000); /* an interpreter starts slowly here */
    for (; *typed; typed++) {
        usleep(400000);
        while (read(master, c, sizeof c) > 0)
            ;
        check(write(master, *typed, strlen(*typed)) > 0 && write(master, "\r", 1) == 1, "type");
    }
    sleep(1);
    while (read(master, c, sizeof c) > 0)
        ;
    return pid;
}

#define PLAIN "PATH=/bin:/usr/bin", "TERM=dumb", "HOME=/root"

static pid_t busybox(void)
{
    static const char *const typed[] = { "echo words typed to busybox", "cd /srv", "ls | wc -l",
                                         "history > /tmp/history-busybox", NULL };
    return at_terminal("/bin/busybox", (char *[]){ "ash", "-i", NULL },
                       (char *[]){ PLAIN, "HISTFILE=/root/.ash_history", NULL }, typed);
}

static pid_t zsh(void)
{
    static const char *const typed[] = { "echo words typed to zsh",
                                         "cd /srv",
                                         "for i in 1 2; do",
                                         "echo $i",
                                         "done",
                                         "sleep 2",
                                         "fc -l -t %s 1 > /tmp/history-zsh",
                                         NULL };
    return at_terminal("/usr/bin/zsh", (char *[]){ "zsh", "-f", "-i", NULL },
                       (char *[]){ PLAIN, "HISTSIZE=500", NULL }, typed);
}

static pid_t python(void)
{
    static const char *const typed[] = {
        "import readline", "print('words typed to python')", "secret = 'of the lab'",
        "open('/tmp/history-python', 'w').write('\\n'.join(readline.get_history_item(i + 1) for i "
        "in "
        "range(readline.get_current_history_length())))",
        NULL
    };
    return at_terminal("/usr/bin/python3", (char *[]){ "python3", NULL },
                       (char *[]){ PLAIN, "PYTHON_BASIC_REPL=1", NULL }, typed);
}

/* bash under another name and title, whose history is long: what is read of a file has its times. */
static pid_t renamed(void)
{
    static const char *const typed[] = { "echo words typed to a renamed shell",
                                         "export LAB_SHELL=exported",
                                         "lab_list=(one two three)",
                                         "declare -A lab_map=([key]='value of a key')",
                                         "declare -r lab_fixed=7",
                                         "unset LAB_GONE",
                                         "lab_function() { echo; }",
                                         "ls > /dev/null",
                                         "ls > /dev/null",
                                         "uname > /dev/null",
                                         "hash > /tmp/shell-hash",
                                         "env > /tmp/shell-env",
                                         "declare -p > /tmp/shell-declare",
                                         "HISTTIMEFORMAT='%s ' history > /tmp/history-renamed",
                                         NULL };
    FILE *f = fopen("/tmp/history.txt", "w");
    for (int i = 0; i < 3000; i++)
        fprintf(f, "#%d\necho command %d of before\n", 1700000000 + 60 * i, i);
    fclose(f);
    check(!system("cp /bin/bash /tmp/lab-agent"), "copy");
    return at_terminal(
        "/tmp/lab-agent", (char *[]){ "[kworker/7:7]", "--norc", "--noprofile", "-i", NULL },
        (char *[]){ PLAIN, "HISTFILE=/tmp/history.txt", "HISTSIZE=5000", "LAB_GONE=soon", NULL },
        typed);
}

/* A list that was full drops what is oldest. */
static pid_t stifled(void)
{
    static const char *const typed[] = { "echo 1",
                                         "echo 2",
                                         "echo 3",
                                         "echo 4",
                                         "echo 5",
                                         "echo 6",
                                         "HISTTIMEFORMAT='%s ' history > /tmp/history-stifled",
                                         NULL };
    return at_terminal("/bin/bash", (char *[]){ "bash", "--norc", "--noprofile", "-i", NULL },
                       (char *[]){ PLAIN, "HISTSIZE=4", NULL }, typed);
}

static void typist(void)
{
    pid_t a = busybox(), b = renamed(), c = stifled(), d = zsh(), e = python();
    fact("{\"kind\":\"typist\",\"pid\":%d,\"busybox\":%d,\"renamed\":%d,\"stifled\":%d,\"zsh\":%d,"
         "\"python\":%d}",
         getpid(), a, b, c, d, e);
    sleep_for_ever();
}

int main(void)
{
    const char *me = program_invocation_short_name;
    if (!strcmp(me, "heaps"))
        heaps();
    if (!strcmp(me, "changer"))
        changer();
    if (!strcmp(me, "typist"))
        typist();
    return 1;
}
