/* page_walk - what a walk of page tables costs. `walk IMAGE`: visits every mapped page of the
 * kernel in runs of 64 and more, as 4K pages in sequence, and prints pages, reads of tables and
 * nanoseconds. `heads IMAGE`: seconds that a loop over the first word of each page of the file
 * takes, the bare minimum of looking everywhere. `keys IMAGE`: seconds of one thread that loads
 * every vector of the file, and that looks for AES schedules everywhere. `searches IMAGE`: the same
 * first number, and of each source of `keys` that searches its name and its seconds, and of all. */
#include "../../core/registry.h"
#include "../../core/search_pass.h"
#include "../../plugins/keys/aes.h"
#include "../../plugins/keys/own.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PAGES_MAX = 1 << 20, RUN_MAX = 1 << 14, SEQUENCE = 64 };

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Physical memory that counts how often it is asked: a view's TLB does not ask for the table that
 * it has just read, so what is counted is tables fetched. */
struct counting {
    struct eg_space as;
    struct eg_space *real;
    uint64_t asked;
};

static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    struct counting *c = as->priv;

    c->asked++;
    eg_extent_at(v, c->real, addr, out);
}

static int walk(const char *path)
{
    static const struct eg_space_ops ops = { .name = "counting", .extent = extent };
    struct eg_view *v = malloc(sizeof *v);
    struct eg_error e;
    struct eg_image *img;
    struct eg_system *sys;
    struct eg_space *as;
    struct counting c;
    uint64_t pages = 0, reads = 0, before, at = UINT64_C(0xff) << 56;
    struct eg_extent x;
    double begun;

    if (!v || eg_registry_init(&e) < 0 ||
        eg_image_open(&img, path, &(struct eg_open_options){ .quiet = true }, &e) < 0 ||
        eg_system_open(&sys, img, &(struct eg_find_options){ .quiet = true }, &e) < 0) {
        fprintf(stderr, "page_walk: %s\n", e.text);
        return 1;
    }
    c = (struct counting){ { .ops = &ops, .below = img->phys, .last = img->phys->last, .priv = &c },
                           img->phys,
                           0 };
    if (!sys->chosen || eg_paging_open(&as, NULL, &c.as, &sys->chosen->paging, &e) < 0)
        return 1;
    eg_view_init(v, NULL);
    begun = now();
    // A page at a time, as a reader that does not know what comes: 4K steps through all that is
    // mapped.
    for (before = 0; pages < PAGES_MAX && eg_next_mapped(v, as, at, UINT64_MAX, &x);
         before = c.asked) {
        const uint64_t last = x.last, first = EG_MAX(at, x.start);
        const uint64_t n = ((last - first) >> EG_VIEW_SHIFT) + 1;

        for (uint64_t i = 0; n >= SEQUENCE && i < EG_MIN(n, (uint64_t)RUN_MAX); i++, pages++)
            eg_extent_at(v, as, first + (i << EG_VIEW_SHIFT), &x);
        if (n >= SEQUENCE)
            reads += c.asked - before; // with what finding the run took
        if (last == UINT64_MAX)
            break;
        at = last + 1;
    }
    printf("%" PRIu64 " %" PRIu64 " %.0f\n", pages, reads, (now() - begun) * 1e9);
    eg_view_fini(v);
    free(v);
    eg_space_close(as);
    eg_system_close(sys);
    eg_image_close(img);
    return pages ? 0 : 1;
}

static int heads(const char *path)
{
    int fd = open(path, O_RDONLY);
    struct stat st;
    double best = 0;

    if (fd < 0 || fstat(fd, &st) < 0)
        return 1;
    for (int round = 0; round < 5; round++) {
        double begun = now(), took;
        uint64_t sum = 0;
        const uint8_t *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);

        if (p == MAP_FAILED)
            return 1;
        for (uint64_t at = 0; at + 8 <= (uint64_t)st.st_size; at += EG_VIEW_PAGE)
            sum += eg_le64(p + at);
        __asm__ volatile("" : : "r"(sum)); // keeps the loop
        munmap((void *)(uintptr_t)p, (size_t)st.st_size);
        took = now() - begun;
        best = round && best < took ? best : took;
    }
    printf("%.6f\n", best);
    close(fd);
    return 0;
}

typedef uint64_t vector __attribute__((vector_size(32), aligned(1), may_alias));

/* With the widest vectors that the processor has. */
#ifdef __x86_64__
__attribute__((target_clones("avx512f", "avx2", "default")))
#endif
static void
load_all(const uint8_t *p, size_t len)
{
    vector sum = { 0 };

    for (size_t i = 0; i + sizeof sum <= len; i += sizeof sum)
        sum ^= *(const vector *)(const void *)(p + i);
    __asm__ volatile("" : : "r"(sum[0] ^ sum[1] ^ sum[2] ^ sum[3]));
}

static void found(void *context, size_t at, const struct eg_aes_schedule *s)
{
    (void)context, (void)at, (void)s;
}

static void find_keys(const uint8_t *p, size_t len)
{
    eg_aes_find(p, len, found, NULL);
}

static const uint8_t *map(const char *path, size_t *len)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    void *p;

    if (fd < 0 || fstat(fd, &st) < 0)
        return NULL;
    *len = (size_t)st.st_size;
    p = mmap(NULL, *len, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    close(fd);
    return p == MAP_FAILED ? NULL : p;
}

static int keys(const char *path)
{
    static void (*const ways[])(const uint8_t *p, size_t len) = { load_all, find_keys };
    size_t len;
    const uint8_t *p = map(path, &len);

    for (size_t w = 0; p && w < countof(ways); w++) {
        double best = 0;

        for (int round = 0; round < 7; round++) {
            const double begun = now();
            double took;

            ways[w](p, len);
            took = now() - begun;
            best = round && best < took ? best : took;
        }
        printf("%.6f%c", best, w + 1 < countof(ways) ? ' ' : '\n');
    }
    return p ? 0 : 1;
}

/* Seconds of this thread's work, whoever else uses the processor. */
static double worked(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

enum { SEARCHES_MAX = 64, WINDOW = 2 << 20, ROUNDS = 5 };

static bool is_empty(const uint8_t *p, size_t len)
{
    return !*p && !memcmp(p, p + 1, len - 1);
}

/* As `keys` does it: in windows, without pages in which nothing is; @of: what each source took, and
 * in the end the search for pages. */
static void search_all(const uint8_t *p, size_t len, double *of)
{
    static struct eg_hits out = { .first = 1 }; // ends before it begins: hits are not kept
    struct eg_window w = { .len = len, .bytes = p };
    double begun = worked();

    for (w.from = 0; w.from < len; w.from = w.to) {
        const size_t end = w.from + EG_MIN((size_t)WINDOW, len - w.from);
        const struct eg_key_source_reg *s = NULL;

        for (w.to = w.from; w.to < end && !is_empty(p + w.to, EG_MIN(end - w.to, 4096));)
            w.to += EG_MIN(end - w.to, 4096);
        w.len = EG_MIN(len, w.to + (1 << 15));
        for (size_t i = 0; w.to > w.from && (s = eg_key_source_next(s)) && i < SEARCHES_MAX; i++) {
            const double since = worked();

            if (!s->source->search)
                continue;
            s->source->search(&w, &out, 0);
            of[i] += worked() - since;
            begun += worked() - since;
        }
        while (w.to < end && is_empty(p + w.to, EG_MIN(end - w.to, 4096)))
            w.to += EG_MIN(end - w.to, 4096);
    }
    of[SEARCHES_MAX] = worked() - begun;
}

static int searches(const char *path)
{
    const struct eg_key_source_reg *s = NULL;
    double loads = 0, sum = 0, best[SEARCHES_MAX + 1] = { 0 };
    size_t len;
    const uint8_t *p = map(path, &len);

    // by turns: what else the machine does is shared by all of them
    for (int round = 0; p && round < ROUNDS; round++) {
        double of[SEARCHES_MAX + 1] = { 0 }, begun = worked(), took;

        load_all(p, len);
        took = worked() - begun;
        loads = round && loads < took ? loads : took;
        search_all(p, len, of);
        for (size_t i = 0; i <= SEARCHES_MAX; i++)
            best[i] = round && best[i] < of[i] ? best[i] : of[i];
    }
    if (!p)
        return 1;
    printf("loads %.6f\n", loads);
    for (size_t i = 0; (s = eg_key_source_next(s)) && i < SEARCHES_MAX; i++)
        if (s->source->search)
            printf("%s %.6f\n", s->name, best[i]);
    for (size_t i = 0; i <= SEARCHES_MAX; i++)
        sum += best[i];
    printf("all %.6f\n", sum);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "walk"))
        return walk(argv[2]);
    if (argc == 3 && !strcmp(argv[1], "heads"))
        return heads(argv[2]);
    if (argc == 3 && !strcmp(argv[1], "keys"))
        return keys(argv[2]);
    if (argc == 3 && !strcmp(argv[1], "searches"))
        return searches(argv[2]);
    fprintf(stderr, "usage: page_walk walk|heads|keys|searches IMAGE\n");
    return 1;
}
