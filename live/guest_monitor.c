/* guest_monitor.c - a guest's memory through its monitor: pmemsave into a file that QEMU was given,
 * else words as text (xp). Both are slow, so what was read is kept for some seconds. */
#include "guest_memory.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 1 << 18, WORDS_CHUNK = 1 << 12, KEPT_SECONDS = 5, TABLE = 1 << 12 };

struct chunk {
    uint64_t at;
    uint64_t when; // ns; 0: nothing
    uint8_t *bytes;
};
struct guest_pages {
    uint32_t size; // of a chunk
    int fd;        // that QEMU writes to; -1: words
    char path[64]; // by which QEMU finds it
    double speed;  // MiB/s
    struct chunk at[TABLE];
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/** Have QEMU write memory to the file that it was given. */
static bool save(struct live_guest *g, uint64_t at, uint8_t *to, size_t len)
{
    char arguments[200];

    snprintf(arguments, sizeof arguments, "{\"val\":%" PRIu64 ",\"size\":%zu,\"filename\":\"%s\"}",
             at, len, g->pages->path);
    return !qmp_call(g->qmp, NULL, "pmemsave", arguments, -1, NULL) &&
           pread(g->pages->fd, to, len, 0) == (ssize_t)len;
}

static bool words(struct live_guest *g, uint64_t at, uint8_t *to, size_t len)
{
    char line[64];
    eg_cleanup(eg_free_) char *text = NULL;

    snprintf(line, sizeof line, "xp /%zuxg 0x%" PRIx64, len / 8, at);
    text = qmp_monitor(g->qmp, line, NULL);
    return text && guest_words_read(text, at, to, len);
}

static bool read_chunk(struct live_guest *g, uint64_t at, uint8_t *to, size_t len)
{
    return g->pages->fd >= 0 ? save(g, at, to, len) : words(g, at, to, len);
}

/** Give QEMU a file of ours: it opens it again by the number that it has there. */
static bool give_file(struct live_guest *g)
{
    struct guest_pages *p = g->pages;
    struct qmp_value *v = NULL;
    uint64_t number;

    if (!qmp_takes_files(g->qmp))
        return false;
    p->fd = memfd_create("memory", MFD_CLOEXEC);
    if (p->fd >= 0 && !qmp_call(g->qmp, &v, "add-fd", NULL, p->fd, NULL) &&
        qmp_number(qmp_member(qmp_member(v, "return"), "fd"), &number)) {
        uint8_t byte[8];

        snprintf(p->path, sizeof p->path, "/proc/self/fd/%" PRIu64, number);
        qmp_free(v);
        if (save(g, g->map.at.at[0].start, byte, sizeof byte))
            return true;
    } else {
        qmp_free(v);
    }
    eg_close_fd_(&p->fd);
    p->fd = -1;
    return false;
}

/** The chunk at @at, read now if what is kept is too old. */
static const uint8_t *chunk_at(struct live_guest *g, uint64_t at)
{
    struct guest_pages *p = g->pages;
    struct chunk *c = &p->at[at / p->size % TABLE];
    const uint64_t now = now_ns();

    if (c->bytes && c->when && c->at == at && now - c->when < (uint64_t)KEPT_SECONDS * 1000000000)
        return c->bytes;
    if (!c->bytes && !(c->bytes = malloc(p->size)))
        return NULL;
    c->when = 0;
    c->at = at;
    if (!read_chunk(g, at, c->bytes, p->size))
        return NULL;
    c->when = now;
    return c->bytes;
}

static bool copy(void *priv, uint64_t at, void *to, size_t len)
{
    struct live_guest *g = priv;
    bool ok = true;

    pthread_mutex_lock(&g->lock);
    for (size_t done = 0; done < len && ok;) {
        const uint64_t from = at + done, in = from % g->pages->size;
        const size_t n = (size_t)EG_MIN((uint64_t)(len - done), g->pages->size - in);
        const uint8_t *bytes = chunk_at(g, from - in);

        if ((ok = bytes != NULL))
            memcpy((uint8_t *)to + done, bytes + in, n);
        done += n;
    }
    pthread_mutex_unlock(&g->lock);
    return ok;
}

void guest_pages_free(struct guest_pages *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < TABLE; i++)
        free(p->at[i].bytes);
    eg_close_fd_(&p->fd);
    free(p);
}

double guest_pages_speed(const struct live_guest *g, const char **how)
{
    *how = g->pages && g->pages->fd >= 0 ? "pmemsave" : "xp";
    return g->pages ? g->pages->speed : 0;
}

/** How fast it is: by some of its memory. */
static bool measure(struct live_guest *g)
{
    const uint64_t at = g->map.at.at[g->map.at.n - 1].start, began = now_ns();
    const uint64_t in = at % g->pages->size;
    uint64_t took;

    if (!chunk_at(g, at - in))
        return false;
    took = now_ns() - began;
    g->pages->speed = (double)g->pages->size / 1048576 / ((double)(took ? took : 1) / 1e9);
    return true;
}

int guest_pages_open(struct eg_space **out, struct live_guest *g, struct eg_error *e)
{
    eg_cleanup(eg_free_) struct eg_segment *segs = calloc(g->map.at.n, sizeof *segs);
    struct eg_space *as, **slot;
    int rc;

    if (!g->pages && (g->pages = calloc(1, sizeof *g->pages)))
        g->pages->fd = -1;
    slot = eg_vec_push(&g->spaces);
    if (!segs || !g->pages || !slot)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", g->where);
    *slot = NULL;
    if (strncmp(g->where, "libvirt:", 8) == 0)
        return eg_fail(e, EG_EUNSUP,
                       "%s: %s: give the domain <memoryBacking> with <access mode='shared'/>, or "
                       "dump it: virsh dump --memory-only",
                       g->where, g->why_slow);
    g->pages->size = give_file(g) ? CHUNK : WORDS_CHUNK;
    if (!measure(g))
        return eg_fail(e, EG_EUNSUP, "%s: %s; and the monitor does not read it either", g->where,
                       g->why_slow);
    rc = eg_copied_open(&as, g->where, UINT64_MAX, &(struct eg_copier){ copy, NULL, g }, e);
    if (rc)
        return rc;
    *slot = as;
    for (size_t i = 0; i < g->map.at.n; i++) {
        const struct guest_range *r = &g->map.at.at[i];

        segs[i] =
            (struct eg_segment){ r->start, r->last, as, r->start, r->last - r->start + 1, EG_OK };
    }
    return eg_segments_open(out, g->where, segs, g->map.at.n, NULL, e);
}
