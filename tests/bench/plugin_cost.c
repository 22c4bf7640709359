/* plugin_cost - what an event costs in QEMU's plugin, over the QEMU and the guest of the unit test:
 * nanoseconds of processor time for one that a filter drops, for a system call with its registers,
 * ids and path, and for a function with all registers; and by the clock for one that waits until a
 * reader in another thread has answered. What QEMU needs to call it, and for registers and memory
 * of its own, is not in it. */
#include "../../live/events_ring.h"
#include "mkqemu.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

enum { ROUNDS = 60, EACH = 10000, WAITING = 1000 };

static struct events *door;
static struct eg_error e;

static uint64_t ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
static uint64_t cpu_ns(void)
{
    return ns(CLOCK_THREAD_CPUTIME_ID);
}

static void told(const char *what, uint64_t took, uint64_t budget)
{
    printf("%-28s %6" PRIu64 " ns  at most %5" PRIu64 " ns  %s\n", what, took, budget,
           took <= budget ? "met" : "NOT MET");
}

static void measure(const char *what, uint64_t at, uint64_t budget)
{
    uint64_t best = UINT64_MAX, read = UINT64_MAX;
    struct event ev;

    for (int i = 0; i < ROUNDS; i++) {
        uint64_t from = cpu_ns(), n = 0;

        for (int k = 0; k < EACH; k++)
            execute(0, at);
        best = EG_MIN(best, cpu_ns() - from);
        from = cpu_ns();
        while (door->ops->next(door, &ev, 0, &e) == 1)
            n++;
        if (n)
            read = EG_MIN(read, (cpu_ns() - from) / n);
    }
    told(what, best / EACH, budget);
    if (read != UINT64_MAX)
        printf("  read by Engram %19" PRIu64 " ns\n", read);
}

static atomic_bool over;

static void *reader(void *unused)
{
    struct event ev;

    (void)unused;
    while (!atomic_load(&over))
        door->ops->next(door, &ev, 10, &e);
    return NULL;
}

/* The least of many: what is slower was disturbed. A thread answers as Engram's process does. */
static void measure_waiting(uint64_t at)
{
    uint64_t best = UINT64_MAX;
    pthread_t t;

    if (pthread_create(&t, NULL, reader, NULL))
        return;
    for (int i = 0; i < ROUNDS; i++) {
        const uint64_t from = ns(CLOCK_MONOTONIC);

        for (int k = 0; k < WAITING; k++)
            execute(0, at);
        best = EG_MIN(best, ns(CLOCK_MONOTONIC) - from);
    }
    atomic_store(&over, true);
    pthread_join(t, NULL);
    told("a function, until answered", best / WAITING, 10000);
}

int main(void)
{
    static const uint8_t texts[2][RING_CALLS] = { { [257] = 2 } };
    static const uint64_t none[2][RING_CALLS / 64];
    const uint64_t code[] = { CALL_AT, LEAVE_AT };
    char ring[80], memory[80], where[80];
    char *argv[] = { ring, memory };
    const qemu_info_t info = { "x86_64", { 2, 4 }, true, { { 1, 1 } } };

    snprintf(memory_path, sizeof memory_path, "/dev/shm/plugin-cost-m-%d", (int)getpid());
    snprintf(ring_path, sizeof ring_path, "/dev/shm/plugin-cost-r-%d", (int)getpid());
    make_guest();
    snprintf(ring, sizeof ring, "ring=%s", ring_path);
    snprintf(memory, sizeof memory, "memory=%s", memory_path);
    snprintf(where, sizeof where, "%s,async", ring_path);
    if (qemu_plugin_install(1, &info, 2, argv) || events_ring_open(&door, where, &e))
        return 1;
    regs[18].value = ROOT;
    events_ring_os(door, &os, texts);
    events_ring_calls(door, none);
    door->ops->add(door, &(struct event_point){ .kind = EVENT_SYSCALL, .address = CALL_AT }, 1, &e);
    door->ops->add(door, &(struct event_point){ .kind = EVENT_CALL, .address = LEAVE_AT }, 2, &e);
    on_idle(1, 0);
    translate(code, 2);
    measure("a system call, filtered out", CALL_AT, 100);
    events_ring_calls(door, (const uint64_t[2][RING_CALLS / 64]){ { [4] = 2 } });
    on_idle(1, 0);
    measure("a system call", CALL_AT, 2000);
    measure("a function", LEAVE_AT, 2000);
    door->ops->close(door);
    on_idle(1, 0);
    if (events_ring_open(&door, ring_path, &e))
        return 1;
    door->ops->add(door, &(struct event_point){ .kind = EVENT_CALL, .address = LEAVE_AT }, 1, &e);
    on_idle(1, 0);
    translate(code, 2);
    measure_waiting(LEAVE_AT);
    door->ops->close(door);
    unlink(ring_path);
    unlink(memory_path);
    return 0;
}
