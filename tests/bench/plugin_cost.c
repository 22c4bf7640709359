/* plugin_cost - what an event costs in QEMU's plugin, over the QEMU and the guest of the unit test:
 * nanoseconds of processor time for one that a filter drops, for a system call with its registers,
 * ids and path, and for a function with all registers. What QEMU needs to call it, and for
 * registers and memory of its own, is not in it. */
#include "../../live/events_ring.h"
#include "mkqemu.h"
#include <stdio.h>
#include <time.h>

enum { ROUNDS = 60, EACH = 10000 };

static struct events *door;
static struct eg_error e;

static uint64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void measure(const char *what, uint64_t at)
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
    printf("%-12s %5" PRIu64 " ns", what, best / EACH);
    if (read != UINT64_MAX)
        printf(", read in %" PRIu64 " ns", read);
    printf("\n");
}

int main(void)
{
    static const uint8_t texts[2][RING_CALLS] = { { [257] = 2 } };
    static const uint64_t none[2][RING_CALLS / 64];
    const uint64_t code[] = { CALL_AT, LEAVE_AT };
    char ring[80], memory[80];
    char *argv[] = { ring, memory };
    const qemu_info_t info = { "x86_64", { 2, 4 }, true, { { 1, 1 } } };

    snprintf(memory_path, sizeof memory_path, "/dev/shm/plugin-cost-m-%d", (int)getpid());
    snprintf(ring_path, sizeof ring_path, "/dev/shm/plugin-cost-r-%d", (int)getpid());
    make_guest();
    snprintf(ring, sizeof ring, "ring=%s", ring_path);
    snprintf(memory, sizeof memory, "memory=%s", memory_path);
    if (qemu_plugin_install(1, &info, 2, argv) || events_ring_open(&door, ring_path, &e))
        return 1;
    regs[18].value = ROOT;
    events_ring_os(door, &os, texts);
    events_ring_calls(door, none);
    door->ops->add(door, &(struct event_point){ .kind = EVENT_SYSCALL, .address = CALL_AT }, 1, &e);
    door->ops->add(door, &(struct event_point){ .kind = EVENT_CALL, .address = LEAVE_AT }, 2, &e);
    on_idle(1, 0);
    translate(code, 2);
    measure("filtered", CALL_AT);
    events_ring_calls(door, (const uint64_t[2][RING_CALLS / 64]){ { [4] = 2 } });
    on_idle(1, 0);
    measure("system call", CALL_AT);
    measure("function", LEAVE_AT);
    door->ops->close(door);
    unlink(ring_path);
    unlink(memory_path);
    return 0;
}
