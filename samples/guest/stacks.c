/* stacks.c - threads that sleep in calls they know: each function writes down where it returns to, so
 * that what an unwinder finds can be compared with what was written by nobody's tables. */
#define _GNU_SOURCE
#include "scene.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#pragma GCC optimize("omit-frame-pointer")

enum { CALLS_MOST = 100, DEPTH = 60 };

/* The calls of one thread, the outermost first. */
static __thread struct {
    int n;
    uintptr_t back[CALLS_MOST]; /* where a function returns to */
    const char *name[CALLS_MOST];
    uintptr_t interrupted;
} calls;

/* Not `inline`, no jump instead of a call at their end: these are the calls that there are. */
#define CALL    __attribute__((noinline, noclone, noipa))
#define AFTER() __asm__ volatile("" ::: "memory")

#define ENTER()                                                                                    \
    do {                                                                                           \
        calls.name[calls.n] = __func__;                                                            \
        calls.back[calls.n++] = (uintptr_t)__builtin_return_address(0);                            \
    } while (0)

static void tell(const char *thread)
{
    char line[1800];
    int at = 0;

    for (int i = calls.n; i-- > 0;)
        at += snprintf(line + at, sizeof line - (size_t)at, "%s\"%#lx\"", at ? "," : "",
                       (unsigned long)calls.back[i]);
    fact("{\"kind\":\"stack\",\"pid\":%d,\"tid\":%ld,\"thread\":\"%s\",\"innermost\":\"%s\","
         "\"outermost\":\"%s\",\"interrupted\":\"%#lx\",\"calls\":[%s]}",
         getpid(), syscall(SYS_gettid), thread, calls.name[calls.n - 1], calls.name[0],
         (unsigned long)calls.interrupted, line);
}

CALL static void rest(const char *thread)
{
    ENTER();
    tell(thread);
    sleep_for_ever();
    AFTER();
}

CALL static long dive(int depth)
{
    ENTER();
    if (!depth)
        rest("deep");
    else
        return dive(depth - 1) + depth;
    AFTER();
    return 1;
}

CALL static void *deep(void *arg)
{
    ENTER();
    dive(DEPTH);
    AFTER();
    return arg;
}

/* A handler that does not come back, on the thread's stack or on one of its own. */
CALL static void struck(int number, siginfo_t *info, void *context)
{
    const ucontext_t *u = context;

    (void)info;
#if defined __x86_64__
    calls.interrupted = (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
#elif defined __aarch64__
    calls.interrupted = (uintptr_t)u->uc_mcontext.pc;
#else
    (void)u;
#endif
    rest(number == SIGUSR1 ? "signal" : "signal-stack");
    AFTER();
}

CALL static void strike(int number)
{
    ENTER();
    syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), number);
    AFTER();
}

CALL static void *handled(void *arg)
{
    static char room[65536];
    const stack_t other = { .ss_sp = room, .ss_size = sizeof room };

    ENTER();
    if (arg)
        check(!sigaltstack(&other, NULL), "sigaltstack");
    strike(arg ? SIGUSR2 : SIGUSR1);
    AFTER();
    return arg;
}

CALL static int compare(const void *a, const void *b)
{
    ENTER();
    rest("callback");
    AFTER();
    return *(const int *)a - *(const int *)b;
}

CALL static void *sorted(void *arg)
{
    int numbers[] = { 5, 3, 8, 1, 9, 2 };

    ENTER();
    qsort(numbers, sizeof numbers / sizeof *numbers, sizeof *numbers, compare);
    AFTER();
    return arg;
}

/* A frame of a size that only its run knows, with a place that asks for more than the ABI aligns. */
CALL static void *aligned(void *arg)
{
    char place[64] __attribute__((aligned(128)));
    volatile char *more;

    ENTER();
    more = __builtin_alloca(100 + (size_t)getpid() % 1000);
    snprintf(place, sizeof place, "aligned");
    more[0] = place[0];
    rest(place);
    AFTER();
    return arg;
}

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

CALL static void *waits_for_lock(void *arg)
{
    ENTER();
    tell("futex");
    pthread_mutex_lock(&held);
    AFTER();
    return arg;
}

CALL static void *polls(void *arg)
{
    ENTER();
    tell("poll");
    poll(NULL, 0, -1);
    AFTER();
    return arg;
}

CALL static void *naps(void *arg)
{
    const struct timespec day = { .tv_sec = 86400 };

    ENTER();
    tell("nanosleep");
    nanosleep(&day, NULL);
    AFTER();
    return arg;
}

CALL static void from_made_code(void)
{
    ENTER();
    rest("made");
    AFTER();
}

/* Code made at run time, with a frame pointer and no tables: it calls what it is given. */
CALL static void *made(void *arg)
{
#if defined __x86_64__ /* push %rbp; mov %rsp, %rbp; call *%rdi; pop %rbp; ret */
    static const uint8_t code[] = { 0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3 };
#elif defined                                                                                      \
    __aarch64__ /* stp x29, x30, [sp, -16]!; mov x29, sp; blr x0; ldp x29, x30, [sp], 16; ret */
    static const uint32_t code[] = { 0xa9bf7bfd, 0x910003fd, 0xd63f0000, 0xa8c17bfd, 0xd65f03c0 };
#else
    static const uint8_t code[] = { 0 };
#endif
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void (*run)(void (*)(void));

    ENTER();
    if (sizeof code < 2 || page == MAP_FAILED)
        return arg;
    memcpy(page, code, sizeof code);
    mprotect(page, 4096, PROT_READ | PROT_EXEC);
    __builtin___clear_cache(page, (char *)page + sizeof code);
    memcpy(&run, &page, sizeof run);
    run(from_made_code);
    AFTER();
    return arg;
}

/* In a system call with a vector register that has known bytes: the kernel gives it back. */
CALL static void *vector(void *arg)
{
    static const uint8_t bytes[16] = "words in vector";
    bool upper = false;

    ENTER();
    tell("vector");
#if defined __x86_64__
    upper = __builtin_cpu_supports("avx");
#endif
    fact(
        "{\"kind\":\"vector\",\"pid\":%d,\"tid\":%ld,\"register\":15,\"text\":\"%s\",\"upper\":%s}",
        getpid(), syscall(SYS_gettid), (const char *)bytes, upper ? "true" : "false");
    for (;;) {
#if defined __x86_64__
        long result = SYS_pause;

        if (upper) /* both halves of ymm15 */
            __asm__ volatile("vbroadcastf128 %1, %%ymm15; syscall"
                             : "+a"(result)
                             : "m"(bytes)
                             : "rcx", "r11", "memory", "xmm15");
        else
            __asm__ volatile("movdqu %1, %%xmm15; syscall"
                             : "+a"(result)
                             : "m"(bytes)
                             : "rcx", "r11", "memory", "xmm15");
#elif defined __aarch64__
        register long number __asm__("x8") = SYS_ppoll;
        register long none __asm__("x0") = 0;
        register long more __asm__("x1") = 0, when __asm__("x2") = 0, mask __asm__("x3") = 0;

        __asm__ volatile("ldr q15, %1; svc #0"
                         : "+r"(none)
                         : "m"(bytes), "r"(number), "r"(more), "r"(when), "r"(mask)
                         : "memory", "v15");
#else
        pause();
#endif
    }
    return arg;
}

void stacks(void)
{
    static void *(*const threads[])(void *) = { deep,           handled, handled, sorted, aligned,
                                                waits_for_lock, polls,   naps,    made,   vector };
    struct sigaction action = { .sa_sigaction = struck, .sa_flags = SA_SIGINFO };
    char page[4096];
    pthread_t t;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    while (read(fd, page, sizeof page) > 0) /* so that all of it is in memory: tables, symbols */
        ;
    close(fd);
    call_me("stacks");
    sigaction(SIGUSR1, &action, NULL);
    action.sa_flags |= SA_ONSTACK;
    sigaction(SIGUSR2, &action, NULL);
    pthread_mutex_lock(&held);
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++)
        check(!pthread_create(&t, NULL, threads[i], i == 2 ? &t : NULL), "a thread");
    sleep(2);
    fact("{\"kind\":\"stacks\",\"pid\":%d,\"count\":%zu}", getpid(),
         sizeof threads / sizeof *threads);
    sleep_for_ever();
}
