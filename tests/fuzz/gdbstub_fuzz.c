/* gdbstub_fuzz.c - any bytes as what a gdbstub says, which then hangs up: its registers, stops,
 * threads, memory, and the map of memory that its monitor prints. */
#include "../../live/gdbstub.h"
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(struct gdbstub *g)
{
    struct gdbstub_ram ram[8];
    uint64_t threads[16], known, task;
    uint8_t bytes[5000];
    struct eg_cpu cpu;
    struct eg_error e;
    char *text;
    int64_t got;

    gdbstub_threads(g, threads, countof(threads), &e);
    gdbstub_cpu(g, 1, &cpu, &known, &task, &e);
    got = gdbstub_read(g, false, 0x1000, bytes, sizeof bytes, &e);
    if (got > (int64_t)sizeof bytes)
        abort();
    if (!gdbstub_monitor(g, "info mtree -f", &text, &e)) {
        const size_t n = gdbstub_ram_of(text, ram, countof(ram));

        for (size_t i = 0; i < n; i++)
            if (ram[i].last < ram[i].first || (i && ram[i].first <= ram[i - 1].last))
                abort();
        free(text);
    }
    if (!gdbstub_go(g, &e, "vCont;c"))
        gdbstub_wait(g, 0, &e);
    gdbstub_detach(g, &e);
}

/* Long inputs would have to be written while the other end reads. */
enum { INPUT_MAX = 60000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gdbstub *g;
    struct eg_error e;
    int ends[2];

    if (size > INPUT_MAX || socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
        return 0;
    if (write(ends[0], data, size) == (ssize_t)size && !shutdown(ends[0], SHUT_WR)) {
        if (!gdbstub_open(&g, ends[1], &e)) {
            use(g);
            gdbstub_close(g);
        }
    } else {
        close(ends[1]);
    }
    close(ends[0]);
    return 0;
}
