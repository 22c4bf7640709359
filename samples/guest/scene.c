/* scene: the actors of a sample.  The name it is called by (a link) says which.
 *
 * Each actor puts one thing on stage that an analyst looks for, writes a line of facts to
 * /run/lab/facts.jsonl, and sleeps.  All names, words and keys are invented.
 *
 *     processes.c  trees, threads, states, names
 *     rights.c     users, capabilities, namespaces
 *     memory.c     keys and regions
 *     objects.c    sockets, files, a terminal, the kernel's own programs
 *
 * of the scene "rich":
 *
 *     network.c    sockets of every family and state
 *     programs.c   BPF
 *     hunger.c     swapped memory, io_uring
 *     attributes.c timers, signals, filters of system calls, misleading names, io_uring
 *     stacks.c     threads that know which calls they are in
 *     openfiles.c  descriptors of every sort, files in flight, watches
 *     exchange.c   locks, System V and POSIX queues, semaphores, memory
 *     sockets.c    more families, options, unread words
 *     records.c    logins, terminals, a network block device, hostile names
 *
 * of the scene "bpf":
 *
 *     bpf.c        bpf() by hand, for both
 *     kinds.c      maps of every sort
 *     attached.c   programs at every place
 *
 * and of the scene "marks":
 *
 *     planted.c    what an intruder leaves without a kernel module
 *     hiders.c     BPF as intruders use it
 *
 * and of the scene "intruder":
 *
 *     intruder.c   processes as one leaves them who has no kernel module */
#define _GNU_SOURCE
#include "scene.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/kexec.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

static int facts_fd = -1;

void fact(const char *format, ...)
{
    char line[2048];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    if (n <= 0 || (size_t)n >= sizeof line - 1)
        return;
    line[n++] = '\n';
    if (write(facts_fd, line, (size_t)n) != n)
        perror("facts");
}

void sleep_for_ever(void)
{
    for (;;)
        pause();
}

void check(bool ok, const char *what)
{
    if (ok)
        return;
    fact("{\"kind\":\"failed\",\"actor\":\"%s\",\"what\":\"%s\",\"why\":\"%s\"}",
         program_invocation_short_name, what, strerror(errno));
}

void call_me(const char *name)
{
    prctl(PR_SET_NAME, name);
}

void become(uid_t uid)
{
    gid_t groups[] = { 1500, 27 };
    check(!setgroups(2, groups) && !setresgid(uid, uid, uid) && !setresuid(uid, uid, uid),
          "become");
}

pid_t child(const char *name, void (*run)(void))
{
    pid_t pid = fork();
    if (pid)
        return pid;
    call_me(name);
    run();
    _exit(0);
}

int listen_on(int family, int port)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in a4 = { .sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_in6 a6 = { .sin6_family = AF_INET6,
                               .sin6_port = htons(port),
                               .sin6_addr = in6addr_any };
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    bool v4 = family == AF_INET;
    check(!bind(fd, v4 ? (void *)&a4 : (void *)&a6, v4 ? sizeof a4 : sizeof a6) && !listen(fd, 16),
          "listen");
    return fd;
}

void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    check(fd >= 0 && write(fd, text, strlen(text)) > 0, path);
    close(fd);
}

static void *idle_thread(void *arg)
{
    (void)arg;
    sleep_for_ever();
    return NULL;
}

/* many N: N sleepers, every third with two more threads. */
static void many(int count)
{
    for (int i = 0; i < count; i++) {
        pid_t pid = fork();
        if (pid < 0)
            break;
        if (pid)
            continue;
        char name[16];
        snprintf(name, sizeof name, "sleeper-%d", i % 100000);
        call_me(name);
        pthread_attr_t attr;
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, 32768);
        pthread_t t;
        for (int k = 0; k < (i % 3 ? 0 : 2); k++)
            pthread_create(&t, &attr, idle_thread, NULL);
        if (i % 5 == 0)
            become((uid_t)(2000 + i));
        sleep_for_ever();
    }
    sleep(2);
    fact("{\"kind\":\"many\",\"pid\":%d,\"count\":%d}", getpid(), count);
    sleep_for_ever();
}

/* churn: processes that come and go until the freeze. */
static void churn(void)
{
    fact("{\"kind\":\"churn\",\"pid\":%d}", getpid());
    for (unsigned n = 0;; n++) {
        pid_t pid = fork();
        if (!pid) {
            char name[16];
            snprintf(name, sizeof name, "mayfly-%u", n % 1000000);
            call_me(name);
            usleep(20000 + n % 7 * 10000);
            _exit(0);
        }
        usleep(5000);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    }
}

/* wipe: fills the free memory with zeros and gives it back, so that the image packs small. */
static void wipe(void)
{
    write_text("/proc/sys/vm/drop_caches", "3");
    write_text("/proc/self/oom_score_adj", "1000");
    struct sysinfo s;
    size_t step = 1 << 18, n = 0;
    while (!sysinfo(&s) && s.freeram * s.mem_unit > 6u << 20) {
        void *p = mmap(NULL, step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            break;
        for (size_t i = 0; i < step; i += 4096)
            ((volatile char *)p)[i] = 0; /* the kernel zeroes a page that it hands out */
        n++;
    }
    printf("lab: wiped %zu KB\n", n * step >> 10);
}

/* again KERNEL INITRD COMMAND-LINE: boots another kernel in the same memory.  crash ...: only loads
 * it, for when this one dies. */
static void again(char **argv, bool crash)
{
    int kernel = open(argv[1], O_RDONLY | O_CLOEXEC), initrd = open(argv[2], O_RDONLY | O_CLOEXEC);
    check(kernel >= 0 && initrd >= 0, "open the kernel");
    check(!syscall(SYS_kexec_file_load, kernel, initrd, strlen(argv[3]) + 1, argv[3],
                   crash ? KEXEC_FILE_ON_CRASH : 0),
          "kexec_file_load");
    if (crash)
        return;
    sync();
    check(!reboot(0x45584543 /* to the loaded kernel */), "reboot");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } actors[] = {
        { "webd", webd },           { "orphan", orphan },
        { "threads", threads },     { "headless", headless },
        { "states", states },       { "burner", burner },
        { "deleted", deleted },     { "memexec", memexec },
        { "gone-agent", deleted },  { "mem-agent", memexec },
        { "rights", rights },       { "nest", nest },
        { "keeper", keeper },       { "regions", regions },
        { "sockets", sockets },     { "files", files },
        { "session", session },     { "filter", filter },
        { "churn", churn },         { "wipe", wipe },
        { "logins", logins },       { "network", network },
        { "programs", programs },   { "hog", hog },
        { "rings", rings },         { "attributes", attributes },
        { "0:2-events]", pretend }, { "packed", packed },
        { "stacks", stacks },       { "openfiles", openfiles },
        { "exchange", exchange },   { "families", families },
        { "records", records },     { "terminals", terminals },
        { "blocks", blocks },       { "names", names },
        { "planted", planted },     { "intruder", intruder },
        { ".agent", posing },       { "u8:3-events]", posing },
        { "nginx", posing },        { "xmrig", posing },
        { "ssh", posing },          { "", posing },
        { "kinds", kinds },         { "attached", attached },
        { "hiders", hiders },
    };
    facts_fd = open("/run/lab/facts.jsonl", O_WRONLY | O_CREAT | O_APPEND, 0644);
    const char *me = program_invocation_short_name;
    if (!strcmp(me, "renamer"))
        renamer(argv);
    if ((!strcmp(me, "again") || !strcmp(me, "crash")) && argc == 4) {
        again(argv, !strcmp(me, "crash"));
        return 0;
    }
    if (!strcmp(me, "prefer") && argc == 3)
        return prefer(argv[1], atoi(argv[2]));
    if (!strcmp(me, "as-alice") && argc > 1) {
        become(ALICE);
        close(facts_fd);
        execvp(argv[1], argv + 1);
        check(false, argv[1]);
    }
    if (!strcmp(me, "many"))
        many(argc > 1 ? atoi(argv[1]) : 100);
    for (size_t i = 0; i < sizeof actors / sizeof *actors; i++)
        if (!strcmp(me, actors[i].name)) {
            actors[i].run();
            return 0;
        }
    for (size_t i = 0; i < sizeof actors / sizeof *actors; i++)
        printf("%s ", actors[i].name);
    printf("renamer many as-alice again crash prefer\n");
    return 1;
}
