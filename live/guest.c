/* guest.c - a running guest of QEMU: its map, the ways to its memory, its registers, its pauses. */
#include "guest.h"
#include "../core/arch.h"
#include "guest_memory.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- what it is ---- */

static int find_arch(struct live_guest *g, struct eg_error *e)
{
    struct qmp_value *v = NULL;
    const char *name;
    int rc = qmp_call(g->qmp, &v, "query-target", NULL, -1, e);

    if (rc)
        return rc;
    name = qmp_text(qmp_member(qmp_member(v, "return"), "arch"));
    g->arch = name ? eg_arch_find(name) : NULL;
    if (!g->arch)
        rc = eg_fail(e, EG_EUNSUP, "%s: a guest with a processor that is not known: %s", g->where,
                     name ? name : "?");
    qmp_free(v);
    return rc;
}

/** Is @block one of @backends, the answer of query-memdev? */
static bool is_backend(struct qmp_value *backends, const char *block)
{
    struct qmp_value *list = qmp_member(backends, "return"), *one;
    const size_t len = strlen(block);

    for (size_t i = 0; (one = qmp_item(list, i)); i++) {
        const char *id = qmp_text(qmp_member(one, "id"));

        if (id && !strcmp(id, block))
            return true;
    }
    // Of QEMU before 5.0: "pc.ram", "mach-virt.ram", which no backend object has.
    return !qmp_item(list, 0) && len > 4 && !strcmp(block + len - 4, ".ram");
}

static int read_map(struct live_guest *g, struct eg_error *e)
{
    struct qmp_value *backends = NULL;
    eg_cleanup(eg_free_) char *text = qmp_monitor(g->qmp, "info mtree -f", e);
    size_t n = 0;
    int rc = text ? guest_map_read(&g->map, text, e) : -EG_EUNSUP;

    if (!rc)
        rc = qmp_call(g->qmp, &backends, "query-memdev", NULL, -1, e);
    for (size_t i = 0; !rc && i < g->map.at.n; i++) {
        const struct guest_range r = g->map.at.at[i];

        if (is_backend(backends, r.block)) {
            g->map.at.at[n++] = r;
            g->bytes += r.last - r.start + 1;
        }
    }
    qmp_free(backends);
    g->map.at.n = n;
    if (!rc && !n)
        rc = eg_fail(e, EG_EUNSUP, "%s: no memory of a guest in QEMU's map (`info mtree -f`)",
                     g->where);
    return rc;
}

int live_guest_open(struct live_guest **out, const char *where, struct eg_error *e)
{
    struct live_guest *g = calloc(1, sizeof *g);
    int rc;

    if (!g || !(g->where = strdup(where))) {
        free(g);
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", where);
    }
    pthread_mutex_init(&g->lock, NULL);
    rc = qmp_open(&g->qmp, where, e);
    if (!rc)
        rc = find_arch(g, e);
    if (!rc)
        rc = read_map(g, e);
    if (!rc)
        rc = guest_memory_find(g, e);
    if (rc) {
        live_guest_close(g);
        return rc;
    }
    *out = g;
    return 0;
}

void live_guest_close(struct live_guest *g)
{
    if (!g)
        return;
    if (g->paused)
        live_guest_resume(g, NULL, NULL);
    qmp_close(g->qmp);
    guest_memory_fini(g);
    guest_map_fini(&g->map);
    pthread_mutex_destroy(&g->lock);
    free(g->where);
    free(g);
}

enum live_way live_guest_way(const struct live_guest *g)
{
    return g->way;
}

/* ---- processors ---- */

/** QEMU's note of each processor, in a dump of one byte of memory. It stops the guest meanwhile. */
static int by_dump(struct live_guest *g, struct eg_image *img, struct eg_error *e)
{
    eg_cleanup(eg_free_) char *arguments = NULL;
    eg_cleanup(eg_close_fd_) int fd = memfd_create("registers", MFD_CLOEXEC);
    struct eg_space *file;
    struct eg_image *dump;
    size_t ram = 0;
    int rc;

    if (!qmp_takes_files(g->qmp) || fd < 0)
        return eg_fail(e, EG_EUNSUP, "%s: takes no file", g->where);
    while (ram + 1 < g->map.at.n && g->map.at.at[ram].last < 1 << 20)
        ram++; // below 1 MiB some of it is ROM, which QEMU does not dump
    if (asprintf(&arguments,
                 "{\"paging\":false,\"protocol\":\"fd:engram\",\"begin\":%" PRIu64 ",\"length\":1}",
                 EG_MAX(g->map.at.at[ram].start, (uint64_t)(1 << 20))) < 0) {
        arguments = NULL;
        return eg_fail(e, EG_ENOMEM, "out of memory");
    }
    rc = qmp_call(g->qmp, NULL, "getfd", "{\"fdname\":\"engram\"}", fd, e);
    if (!rc)
        rc = qmp_call(g->qmp, NULL, "dump-guest-memory", arguments, -1, e);
    if (rc || (rc = eg_file_open_fd(&file, fd, "registers", e))) {
        fd = rc == 0 ? -1 : fd;
        return rc;
    }
    fd = -1; // the space's
    rc = eg_image_open_space(&dump, file, "registers", NULL, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < dump->cpus.n; i++) {
        struct eg_cpu *cpu = eg_vec_push(&img->cpus);

        if (cpu)
            *cpu = dump->cpus.at[i];
    }
    rc = dump->cpus.n ? 0 : eg_fail(e, EG_EFORMAT, "%s: a dump without processors", g->where);
    if (dump->vmcoreinfo && !img->vmcoreinfo)
        img->vmcoreinfo = eg_arena_strndup(&img->arena, dump->vmcoreinfo, strlen(dump->vmcoreinfo));
    eg_image_close(dump);
    return rc;
}

static int by_text(struct live_guest *g, struct eg_image *img, struct eg_error *e)
{
    eg_cleanup(eg_free_) char *text = qmp_monitor(g->qmp, "info registers -a", e);

    if (!text)
        return -EG_EUNSUP;
    return guest_registers_read(img, g->arch, text)
               ? 0
               : eg_fail(e, EG_EFORMAT, "%s: no registers in what `info registers -a` says",
                         g->where);
}

int live_guest_cpus(struct live_guest *g, struct eg_image *img, struct eg_error *e)
{
    // The text does not stop the guest; the dump knows more.
    if (g->paused)
        return by_dump(g, img, NULL) ? by_text(g, img, e) : 0;
    return by_text(g, img, NULL) ? by_dump(g, img, e) : 0;
}

/* ---- pauses ---- */

int live_guest_pause(struct live_guest *g, struct eg_error *e)
{
    struct qmp_value *v = NULL;
    int rc;

    if (g->paused)
        return 0;
    rc = qmp_call(g->qmp, &v, "query-status", NULL, -1, e);
    if (rc)
        return rc;
    g->stood = !qmp_true(qmp_member(qmp_member(v, "return"), "running"));
    qmp_free(v);
    if (g->stood) { // somebody else's pause: it is not ended here
        g->paused = true;
        g->since = now_ns();
        return 0;
    }
    rc = qmp_guard(g->qmp, e);
    if (!rc) {
        g->since = now_ns();
        rc = qmp_call(g->qmp, NULL, "stop", NULL, -1, e);
    }
    if (rc)
        qmp_let_go(g->qmp, true);
    else
        g->paused = true;
    return rc;
}

int live_guest_resume(struct live_guest *g, uint64_t *ns, struct eg_error *e)
{
    int rc;

    if (!g->paused)
        return eg_fail(e, EG_EUSAGE, "%s: it was not stopped", g->where);
    rc = g->stood ? 0 : qmp_call(g->qmp, NULL, "cont", NULL, -1, e);
    if (ns)
        *ns = now_ns() - g->since;
    g->paused = false;
    if (!g->stood)
        qmp_let_go(g->qmp, rc != 0);
    return rc;
}

bool live_guest_alive(struct live_guest *g, const char **why)
{
    unsigned resets = 0;

    if (!qmp_events(g->qmp, &resets)) {
        *why = "QEMU has ended";
        return false;
    }
    if (resets) {
        *why = "the guest was reset";
        return false;
    }
    return true;
}
