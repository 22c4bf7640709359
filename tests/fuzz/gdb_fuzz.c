/* gdb_fuzz.c - any lines as packets of a debugger: each answer is whole packets of a size that was
 * promised. The first byte: which processes are inferiors from the beginning. */
#include "../../live/gdb/gdb.h"
#include "mkgdb.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void monitor(void *context, const char *line, struct eg_arena *a, char **out)
{
    (void)context;
    *out = eg_arena_strf(a, "%s\n", line);
}

static void check(const struct gdb *g)
{
    struct rsp_in in = { .keeps_runs = true };
    enum rsp_what what;

    for (size_t at = 0; at < g->out.at.n;) {
        at += rsp_take(&in, g->out.at.at + at, g->out.at.n - at, &what);
        if (what != RSP_PACKET || in.data.n > RSP_PACKET_MAX)
            abort();
    }
    rsp_in_fini(&in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t pids[] = { 700, 9 };
    static const struct gdb_hooks hooks = { .monitor = monitor };
    static const struct eg_run_options limits = { .memory_limit = 4 << 20 };
    static struct mk_gdb guest;
    struct gdb_options o = { .pids = pids };
    const uint8_t *p = data + 1, *end = data + size;
    struct eg_run *r;
    struct gdb *g;

    if (!size)
        return 0;
    if (!guest.r)
        guest = mk_gdb();
    o.n_pids = data[0] & 3 ? (data[0] & 3u) - 1 : 0;
    o.all = data[0] & 4;
    if (eg_run_open(&r, eg_system_of(guest.r), &limits, NULL))
        return 0;
    g = gdb_open(r, &o, &hooks, NULL);
    while (g && !g->done && p < end) {
        const uint8_t *line_end = memchr(p, '\n', (size_t)(end - p));
        const size_t len = (size_t)((line_end ? line_end : end) - p);
        char *copy = malloc(len + 1);

        if (!copy)
            abort();
        memcpy(copy, p, len);
        copy[len] = 0;
        g->out.at.n = 0;
        gdb_answer(g, copy, len);
        free(copy);
        if (g->out.failed)
            abort();
        check(g);
        p += len + (line_end != NULL);
    }
    gdb_close(g);
    eg_run_close(r);
    return 0;
}
