/* gdbfile_fuzz.c - any lines as packets of files (vFile:): each has one answer of a size that was
 * promised, and /proc is text of the image whatever its path. */
#include "../../live/gdb/gdb.h"
#include "../../live/procfs.h"
#include "mkgdb.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct gdb *g)
{
    struct rsp_in in = { .keeps_runs = true };
    enum rsp_what what;
    size_t n = 0, at = 0;

    while (at < g->out.at.n) {
        at += rsp_take(&in, g->out.at.at + at, g->out.at.n - at, &what);
        if (what != RSP_PACKET || in.data.n > RSP_PACKET_MAX)
            abort();
        n++;
    }
    if (n != 1)
        abort();
    rsp_in_fini(&in);
}

static void line(struct gdb *g, const uint8_t *p, size_t len)
{
    static const char verb[] = "vFile:";
    char *copy = malloc(sizeof verb + len), *text = NULL;
    size_t n;

    if (!copy)
        abort();
    memcpy(copy, verb, sizeof verb);
    memcpy(copy + sizeof verb - 1, p, len);
    copy[sizeof verb - 1 + len] = 0;
    g->out.at.n = 0;
    gdb_answer(g, copy, sizeof verb - 1 + len);
    if (g->out.failed)
        abort();
    check(g);
    if (!procfs_text(eg_system_of(g->r), copy + sizeof verb - 1, &text, &n, NULL) && text[n])
        abort();
    free(text);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct eg_run_options limits = { .memory_limit = 4 << 20 };
    static struct mk_gdb guest;
    const uint8_t *p = data, *end = data + size;
    struct eg_run *r;
    struct gdb *g;

    if (!guest.r)
        guest = mk_gdb();
    if (eg_run_open(&r, eg_system_of(guest.r), &limits, NULL))
        return 0;
    g = gdb_open(r, NULL, NULL, NULL);
    while (g && !g->done && p < end) {
        const uint8_t *line_end = memchr(p, '\n', (size_t)(end - p));
        const size_t len = (size_t)((line_end ? line_end : end) - p);

        line(g, p, len);
        p += len + (line_end != NULL);
    }
    gdb_close(g);
    eg_run_close(r);
    return 0;
}
