/* parallel.c - a pool of threads for one call, and the progress line. */
#include "parallel.h"
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a signal handler sets it");
atomic_int eg_cancelled;
atomic_bool eg_progress_off;

enum { THREADS_MAX = 256 };

unsigned eg_cores(void)
{
    cpu_set_t set;
    int n;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    n = CPU_COUNT(&set);
    return n < 1 ? 1 : EG_MIN((unsigned)n, (unsigned)THREADS_MAX);
}

unsigned eg_threads(unsigned wanted)
{
    return wanted ? EG_MIN(wanted, (unsigned)THREADS_MAX) : eg_cores();
}

struct pool {
    eg_piece_fn fn;
    void *context;
    size_t pieces;
    atomic_size_t next;
    atomic_size_t stop; // the lowest piece that returned nonzero: no later one is started
    pthread_mutex_t lock;
    int result;
};

struct worker {
    struct pool *pool;
    unsigned number;
};

static void *work(void *arg)
{
    const struct worker *w = arg;
    struct pool *p = w->pool;

    for (;;) {
        size_t piece = atomic_fetch_add(&p->next, 1);
        int rc;

        if (piece >= p->pieces || piece > atomic_load(&p->stop))
            return NULL;
        rc = p->fn(p->context, piece, w->number);
        if (rc) {
            pthread_mutex_lock(&p->lock);
            if (piece < atomic_load(&p->stop)) {
                atomic_store(&p->stop, piece);
                p->result = rc;
            }
            pthread_mutex_unlock(&p->lock);
        }
    }
}

int eg_parallel(unsigned threads, size_t pieces, eg_piece_fn fn, void *context)
{
    struct pool p = { .fn = fn, .context = context, .pieces = pieces };
    struct worker workers[THREADS_MAX];
    pthread_t ids[THREADS_MAX];
    unsigned started = 0;

    threads = eg_threads(threads);
    if (threads > pieces)
        threads = pieces ? (unsigned)pieces : 1;
    atomic_init(&p.next, 0);
    atomic_init(&p.stop, SIZE_MAX);
    pthread_mutex_init(&p.lock, NULL);
    for (unsigned i = 1; i < threads; i++) {
        workers[i] = (struct worker){ &p, i };
        if (pthread_create(&ids[i], NULL, work, &workers[i]) != 0)
            break; // fewer threads do the same work
        started = i;
    }
    workers[0] = (struct worker){ &p, 0 };
    work(&workers[0]);
    for (unsigned i = 1; i <= started; i++)
        pthread_join(ids[i], NULL);
    pthread_mutex_destroy(&p.lock);
    return p.result;
}

/* ---- progress ---- */

struct eg_progress_line {
    const char *what, *unit;
    uint64_t total;
    atomic_uint_fast64_t done;
    double begun;
    atomic_llong shown_ms; // since the beginning; the thread that updates it prints
    bool printed;
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct eg_progress_line *eg_progress_begin(const char *what, uint64_t total, const char *unit,
                                           bool quiet)
{
    struct eg_progress_line *p;

    if (quiet || atomic_load(&eg_progress_off) || !isatty(STDERR_FILENO) ||
        !(p = calloc(1, sizeof *p)))
        return NULL;
    p->what = what;
    p->unit = unit;
    p->total = total;
    p->begun = now();
    atomic_init(&p->shown_ms, 800);
    return p;
}

/** Bytes are scaled: "3.2 GiB"; others are counted: "1250 frames". */
static const char *amount(char out[40], double v, const char *unit)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    size_t i = 0;

    if (strcmp(unit, "B") != 0) {
        snprintf(out, 40, "%.0f %s", v, unit);
        return out;
    }
    for (; v >= 1024 && i + 1 < countof(units); i++)
        v /= 1024;
    snprintf(out, 40, v < 10 && i ? "%.1f %s" : "%.0f %s", v, units[i]);
    return out;
}

static const char *remaining(char out[40], double s)
{
    const double minutes = s / 60;

    if (s < 100)
        snprintf(out, 40, "%.0f s", s);
    else if (minutes < 100)
        snprintf(out, 40, "%.0f min", minutes);
    else
        snprintf(out, 40, "%.0f h", minutes / 60);
    return out;
}

enum { PROGRESS_MAX = 256 };

/** @return the length with that behind it. */
static size_t append(char line[PROGRESS_MAX], size_t n, const char *format, ...) EG_PRINTF(3, 4);
static size_t append(char line[PROGRESS_MAX], size_t n, const char *format, ...)
{
    va_list ap;
    int more;

    va_start(ap, format);
    more = vsnprintf(line + n, PROGRESS_MAX - n, format, ap);
    va_end(ap);
    return more < 0 ? n : EG_MIN(n + (size_t)more, (size_t)PROGRESS_MAX - 1);
}

/** Of the terminal that standard error is. */
static size_t width(void)
{
    struct winsize w = { 0 };

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 1 ? w.ws_col : 80;
}

void eg_progress_add(struct eg_progress_line *p, uint64_t done)
{
    char line[PROGRESS_MAX], so_far[40], all[40], rate[40], left[40];
    uint64_t sum;
    size_t n = 0;
    long long ms, shown;
    bool known;
    double s;

    if (!p)
        return;
    sum = atomic_fetch_add(&p->done, done) + done;
    s = now() - p->begun;
    ms = (long long)(s * 1000);
    shown = atomic_load(&p->shown_ms);
    if (ms < shown + 200 || !atomic_compare_exchange_strong(&p->shown_ms, &shown, ms))
        return;
    p->printed = true;
    known = p->total && sum && sum <= p->total;
    n = append(line, n, "%s", p->what);
    if (known)
        n = append(line, n, ": %.0f %%", 100.0 * (double)sum / (double)p->total);
    if (p->unit)
        n = append(line, n, "%s %s%s%s, %s/s", known ? "," : ":",
                   amount(so_far, (double)sum, p->unit), known ? " of " : "",
                   known ? amount(all, (double)p->total, p->unit) : "",
                   amount(rate, (double)sum / s, p->unit));
    if (known)
        n = append(line, n, ", %s left", remaining(left, s * ((double)p->total / (double)sum - 1)));
    // A line that is wider than the terminal would scroll instead of being written over.
    fprintf(stderr, "\r\033[K%.*s", (int)EG_MIN(n, width() - 1), line);
}

void eg_progress_end(struct eg_progress_line *p)
{
    if (!p)
        return;
    if (p->printed)
        fputs("\r\033[K", stderr);
    free(p);
}
