/* attributes: what a process has set for itself: timers, signals, system call filters, limits, a
 * tracer; names that mislead; io_uring with work of every sort. */
#define _GNU_SOURCE
#include "scene.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined __x86_64__
#define OWN_ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define OWN_ARCH AUDIT_ARCH_AARCH64
#else
#define OWN_ARCH AUDIT_ARCH_RISCV64
#endif

/* ---- timers ---- */

static void timed(void)
{
    timer_t id;
    struct sigevent by_signal = { .sigev_notify = SIGEV_SIGNAL,
                                  .sigev_signo = SIGUSR1,
                                  .sigev_value.sival_ptr = (void *)0x1ab };
    struct sigevent by_nothing = { .sigev_notify = SIGEV_NONE };
    struct sigevent by_thread = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + 2 };
    by_thread._sigev_un._tid = getpid();
    struct itimerspec often = { .it_value.tv_sec = 70000, .it_interval.tv_sec = 60 };

    check(!timer_create(CLOCK_MONOTONIC, &by_signal, &id) && !timer_settime(id, 0, &often, NULL),
          "timer");
    check(!timer_create(CLOCK_REALTIME, &by_nothing, &id), "timer");
    check(!timer_create(CLOCK_PROCESS_CPUTIME_ID, &by_thread, &id), "timer");
    check(!timer_settime(id, 0, &(struct itimerspec){ .it_value.tv_sec = 5000 }, NULL), "timer");
    check(!timer_create(CLOCK_BOOTTIME, &by_thread, &id) && !timer_settime(id, 0, &often, NULL),
          "timer");
    setitimer(ITIMER_VIRTUAL, &(struct itimerval){ { 3, 0 }, { 4000, 0 } }, NULL);
    setitimer(ITIMER_PROF, &(struct itimerval){ { 0, 500000 }, { 6000, 0 } }, NULL);
    int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC);
    check(!timerfd_settime(fd, 0, &often, NULL), "timerfd");
    sleep_for_ever();
}

/* ---- signals ---- */

static void handle(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
}

static void signalled(void)
{
    static char stack[65536];
    struct sigaction act = { .sa_sigaction = handle,
                             .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };
    sigset_t blocked;

    check(!sigaltstack(&(stack_t){ .ss_sp = stack, .ss_size = sizeof stack }, NULL), "altstack");
    sigaddset(&act.sa_mask, SIGTERM);
    sigaction(SIGINT, &act, NULL);
    act.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGRTMIN + 5, &act, NULL);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigaddset(&blocked, SIGUSR2);
    sigaddset(&blocked, SIGRTMIN + 3);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    kill(getpid(), SIGUSR1);
    syscall(SYS_tgkill, getpid(), getpid(), SIGUSR2);
    for (int i = 0; i < 3; i++)
        check(!sigqueue(getpid(), SIGRTMIN + 3, (union sigval){ .sival_int = 0x1ab + i }),
              "sigqueue");
    sleep_for_ever();
}

/* ---- filters of system calls ---- */

#define LOAD(member)             BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define IF_EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))
#define RETURN(what)             BPF_STMT(BPF_RET | BPF_K, (what))

static int install(struct sock_filter *code, size_t n, unsigned flags)
{
    struct sock_fprog program = { .len = (unsigned short)n, .filter = code };
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static void filtered(void)
{
    /* some are refused; of personality only one argument */
    struct sock_filter deny[] = {
        LOAD(arch),
        IF_EQUAL(OWN_ARCH, 1, 0),
        RETURN(SECCOMP_RET_KILL_PROCESS),
        LOAD(nr),
        IF_EQUAL(SYS_ptrace, 5, 0),
        IF_EQUAL(SYS_mount, 5, 0),
        IF_EQUAL(SYS_personality, 0, 2),
        LOAD(args[0]),
        IF_EQUAL(0xffffffff, 0, 2),
        RETURN(SECCOMP_RET_ALLOW),
        RETURN(SECCOMP_RET_KILL_PROCESS),
        RETURN(SECCOMP_RET_ERRNO | EPERM),
    };
    /* few are allowed */
    struct sock_filter allow[] = {
        LOAD(nr),
        IF_EQUAL(SYS_read, 5, 0),
        IF_EQUAL(SYS_write, 4, 0),
        IF_EQUAL(SYS_ppoll, 3, 0),
        IF_EQUAL(SYS_seccomp, 2, 0),
        IF_EQUAL(SYS_rt_sigreturn, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 500, 0, 1),
        RETURN(SECCOMP_RET_ALLOW),
        RETURN(SECCOMP_RET_LOG),
    };
    struct sock_filter tell[] = {
        LOAD(nr),
        IF_EQUAL(SYS_chroot, 0, 1),
        RETURN(SECCOMP_RET_USER_NOTIF),
        RETURN(SECCOMP_RET_ALLOW),
    };

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    check(!install(deny, sizeof deny / sizeof *deny, SECCOMP_FILTER_FLAG_LOG), "seccomp");
    check(!install(allow, sizeof allow / sizeof *allow, SECCOMP_FILTER_FLAG_TSYNC), "seccomp");
    check(install(tell, sizeof tell / sizeof *tell, SECCOMP_FILTER_FLAG_NEW_LISTENER) >= 0,
          "seccomp");
    sleep_for_ever();
}

/* ---- limits, a tracer ---- */

static void limited(void)
{
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 77, 99 });
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 1 << 20, RLIM_INFINITY });
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    setpriority(PRIO_PROCESS, 0, 7);
    sleep_for_ever();
}

static void tracer(void)
{
    pid_t pid = child("seized", sleep_for_ever);
    check(!ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEEXIT | PTRACE_O_TRACESYSGOOD), "seize");
    sleep_for_ever();
}

/* ---- names ---- */

/* Run again under the name of a kernel thread; `scene.c` knows that name as pretend(). */
static void worker(void)
{
    execl("/usr/bin/scene", "[kworker/0:2-events]", NULL);
    check(false, "exec");
}

void pretend(void)
{
    call_me("kworker/0:2");
    sleep_for_ever();
}

/* Unmap the own program, and put another in its place: /proc/PID/exe then leads to that. What does
 * so must lie elsewhere. */
struct part {
    uint64_t start, length;
};
extern char lab_away[], lab_away_end[];
#if defined __x86_64__
__asm__(".pushsection .text\n.globl lab_away\nlab_away:\n"
        "mov %rdi, %rbx\nmov %rsi, %rbp\nmov %rdx, %r12\n"
        "1: test %rbp, %rbp\njz 2f\n"
        "mov (%rbx), %rdi\nmov 8(%rbx), %rsi\nmov $11, %eax\nsyscall\n"
        "add $16, %rbx\ndec %rbp\njmp 1b\n"
        "2: mov $157, %eax\nmov $35, %edi\nmov $13, %esi\nmov %r12, %rdx\n"
        "xor %r10d, %r10d\nxor %r8d, %r8d\nsyscall\n"
        "3: mov $34, %eax\nsyscall\njmp 3b\n"
        ".globl lab_away_end\nlab_away_end:\n.popsection");
#elif defined __aarch64__
__asm__(".pushsection .text\n.globl lab_away\nlab_away:\n"
        "mov x19, x0\nmov x20, x1\nmov x21, x2\n"
        "1: cbz x20, 2f\n"
        "ldp x0, x1, [x19], #16\nmov x8, #215\nsvc #0\n"
        "sub x20, x20, #1\nb 1b\n"
        "2: mov x0, #35\nmov x1, #13\nmov x2, x21\nmov x3, #0\nmov x4, #0\nmov x8, #167\nsvc #0\n"
        "3: mov x0, #0\nmov x1, #0\nmov x2, #0\nmov x3, #0\nmov x4, #0\nmov x8, #73\nsvc #0\nb 3b\n"
        ".globl lab_away_end\nlab_away_end:\n.popsection");
#else
__asm__(".pushsection .text\n.globl lab_away\nlab_away:\n1: j 1b\n"
        ".globl lab_away_end\nlab_away_end:\n.popsection");
#endif

static void swapped_program(void)
{
    char *away =
        mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct part *parts = (struct part *)(void *)(away + 4096);
    char line[512], own[256] = "";
    uint64_t start, end, n = 0;
    int fd = open("/bin/bash", O_RDONLY | O_CLOEXEC);
    FILE *maps = fopen("/proc/self/maps", "re");

    check(fd >= 0 && maps && readlink("/proc/self/exe", own, sizeof own - 1) > 0, "own program");
    while (n < 32 && maps && fgets(line, sizeof line, maps))
        if (sscanf(line, "%lx-%lx", &start, &end) == 2 && strstr(line, own))
            parts[n++] = (struct part){ start, end - start };
    memcpy(away, lab_away, (size_t)(lab_away_end - lab_away));
    __builtin___clear_cache(away, away + 4096);
    ((void (*)(struct part *, uint64_t, uint64_t))(void *)away)(parts, n, (uint64_t)fd);
}

/* ---- io_uring ---- */

/* Work that waits in every way: for a poll (accept, recv), in a worker thread (read), and two
 * entries that were written into the queue and not submitted. */
static void ring_work(void)
{
    struct io_uring_params p = { 0 };
    int ring = (int)syscall(SYS_io_uring_setup, 8, &p), ends[2], pair[2];
    int server = listen_on(AF_INET, 7600);
    static char line[3][64];

    check(ring >= 0 && !pipe(ends) && !socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "io_uring");
    char *queue = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
    struct io_uring_sqe *entry = mmap(NULL, p.sq_entries * sizeof *entry, PROT_READ | PROT_WRITE,
                                      MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
    check(queue != MAP_FAILED && entry != MAP_FAILED, "io_uring mmap");
    entry[0] = (struct io_uring_sqe){ .opcode = IORING_OP_ACCEPT, .fd = server, .user_data = 11 };
    entry[1] = (struct io_uring_sqe){ .opcode = IORING_OP_RECV,
                                      .fd = pair[0],
                                      .addr = (uintptr_t)line[0],
                                      .len = 64,
                                      .user_data = 12 };
    entry[2] = (struct io_uring_sqe){ .opcode = IORING_OP_READ,
                                      .flags = IOSQE_ASYNC,
                                      .fd = ends[0],
                                      .addr = (uintptr_t)line[1],
                                      .len = 64,
                                      .user_data = 13 };
    entry[3] = (struct io_uring_sqe){ .opcode = IORING_OP_NOP, .user_data = 14 };
    entry[4] = (struct io_uring_sqe){ .opcode = IORING_OP_OPENAT,
                                      .fd = AT_FDCWD,
                                      .addr = (uintptr_t) "/etc/shadow",
                                      .user_data = 15 };
    entry[5] = (struct io_uring_sqe){ .opcode = IORING_OP_CONNECT, .fd = pair[1], .user_data = 16 };
    for (uint32_t i = 0; i < 6; i++)
        ((uint32_t *)(void *)(queue + p.sq_off.array))[i] = i;
    __atomic_store_n((uint32_t *)(void *)(queue + p.sq_off.tail), 6, __ATOMIC_RELEASE);
    check(syscall(SYS_io_uring_enter, ring, 4, 0, 0, NULL, 0) == 4, "io_uring enter");
    sleep(1);
    fact("{\"kind\":\"ring-work\",\"pid\":%d,\"fd\":%d,\"server\":%d,\"recv\":%d,\"read\":%d,"
         "\"waiting\":[\"accept\",\"recv\",\"read\"],\"queued\":[\"openat\",\"connect\"],"
         "\"completed\":1}",
         getpid(), ring, server, pair[0], ends[0]);
    sleep_for_ever();
}

void attributes(void)
{
    pid_t a = child("timed", timed), b = child("signalled", signalled),
          c = child("filtered", filtered), d = child("limited", limited),
          e = child("tracer", tracer), f = child("worker", worker),
          g = child("swapped-program", swapped_program), h = child("ring-work", ring_work);
    sleep(2);
    fact("{\"kind\":\"attributes\",\"pid\":%d,\"timed\":%d,\"signalled\":%d,\"filtered\":%d,"
         "\"limited\":%d,\"tracer\":%d,\"worker\":%d,\"swapped_program\":%d,\"ring_work\":%d}",
         getpid(), a, b, c, d, e, f, g, h);
    sleep_for_ever();
}
