/** windows.c - physical memory piece by piece, on all cores, for the finder's searches. */
#include "windows.h"
#include <stdlib.h>

enum { WINDOW = 4 << 20, BATCH = 256 };

/** The end, at most @last, of the run at @at that need not be read (*@zero), since it is all zeros
 * or a space below lacks it, or that is all other bytes; according to @as and the spaces below
 * it. */
static uint64_t same_up_to(struct eg_view *v, struct eg_space *as, uint64_t at, uint64_t last,
                           bool *zero)
{
    struct eg_extent x;
    uint64_t below;

    eg_extent_at(v, as, at, &x);
    last = EG_MIN(x.last, last);
    *zero = x.zero || x.why;
    if (!x.below)
        return last;
    below = x.below_addr + (at - x.start);
    return at + (same_up_to(v, x.below, below, below + (last - at), zero) - below);
}

static void add_windows(struct linux_windows *w, uint64_t at, uint64_t last)
{
    for (;;) {
        struct linux_window *slot = eg_vec_push(&w->list);
        const uint64_t room = WINDOW - (at & (WINDOW - 1));

        if (!slot)
            return;
        *slot = (struct linux_window){ at, last - at < room ? last : at + room - 1 };
        if (slot->last == last)
            return;
        at = slot->last + 1;
    }
}

/** Add windows for [@at, @last], which is mapped, without its zeros. */
static void add_bytes(struct linux_windows *w, uint64_t at, uint64_t last)
{
    uint64_t from = at, end;
    bool zero, pending = false;

    for (;; at = end + 1) {
        end = same_up_to(w->finder->v, w->finder->phys, at, last, &zero);
        if (!zero && !pending)
            from = at;
        if (pending && zero)
            add_windows(w, from, at - 1);
        pending = !zero;
        if (end == last)
            break;
    }
    if (pending)
        add_windows(w, from, last);
}

bool linux_windows_init(struct linux_windows *w, struct linux_finder *f, uint64_t from,
                        uint64_t last)
{
    struct eg_extent x;
    const unsigned n = 2 * eg_threads(f->sys->options.threads);

    *w = (struct linux_windows){ .finder = f };
    w->views = calloc(n, sizeof(struct eg_view *));
    for (; w->views && w->n_views < n; w->n_views++) {
        w->views[w->n_views] = malloc(sizeof(struct eg_view));
        if (!w->views[w->n_views])
            break;
        eg_view_init(w->views[w->n_views], NULL);
    }
    if (w->n_views < n) {
        linux_windows_fini(w);
        return false;
    }
    while (from <= last && eg_next_mapped(f->v, f->phys, from, last, &x)) {
        const uint64_t end = EG_MIN(x.last, last);

        add_bytes(w, EG_MAX(x.start, from), end);
        if (end == UINT64_MAX)
            break;
        from = end + 1;
    }
    return true;
}

void linux_windows_fini(struct linux_windows *w)
{
    for (unsigned i = 0; i < w->n_views; i++) {
        eg_view_fini(w->views[i]);
        free(w->views[i]);
    }
    free(w->views);
    w->views = NULL;
    w->n_views = 0;
    eg_vec_fini(&w->list);
}

int linux_by_address(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

struct pass {
    struct linux_windows *w;
    linux_window_fn fn;
    void *context;
    struct eg_progress_line *progress;
};

static int scan_one(void *context, size_t piece, unsigned worker)
{
    struct pass *p = context;
    const struct linux_window *win = &p->w->list.at[p->w->next + piece];
    struct linux_pieces i = { p->w->views[2 * worker], p->w->finder->phys, win->from, win->last,
                              false };
    const uint8_t *bytes;
    uint64_t pa;
    size_t len;

    while ((bytes = linux_next_piece(&i, &pa, &len)))
        p->fn(p->context, p->w->views[2 * worker + 1], pa, bytes, len);
    eg_progress_add(p->progress, win->last - win->from + 1);
    return eg_cancelled;
}

bool linux_windows_scan(struct linux_windows *w, const char *what, linux_window_fn fn,
                        void *context)
{
    const size_t n = EG_MIN(w->list.n - w->next, (size_t)BATCH);
    struct pass p = { .w = w, .fn = fn, .context = context };

    if (!n || eg_cancelled)
        return false;
    p.progress = eg_progress_begin(what, (uint64_t)n * WINDOW, "B", w->finder->sys->options.quiet);
    eg_parallel(w->n_views / 2, n, scan_one, &p);
    eg_progress_end(p.progress);
    w->next += n;
    return true;
}

enum { BLOCK = 64 };

/** Is one of the next 64 words @wanted? Without a branch in the loop, so that it is vectorised. */
static bool block_holds(const uint8_t *p, uint32_t wanted)
{
    uint32_t w[BLOCK], hit = 0;

    memcpy(w, p, sizeof w);
    for (size_t i = 0; i < BLOCK; i++)
        hit |= w[i] == wanted;
    return hit;
}

void linux_each_btf(struct eg_view *v, bool big, uint64_t pa, const uint8_t *p, size_t len,
                    linux_place_fn fn, void *context)
{
    const uint8_t bytes[4] = { big ? 0xeb : 0x9f, big ? 0x9f : 0xeb, 1, 0 };
    uint32_t magic;
    size_t end;

    memcpy(&magic, bytes, sizeof magic);
    for (size_t at = (size_t)(-pa & 3); at + 4 <= len; at = end) {
        end = at + EG_MIN(4 * (size_t)BLOCK, (len - at) & ~(size_t)3);
        if (end - at == 4 * BLOCK && !block_holds(p + at, magic))
            continue;
        for (size_t i = at; i < end; i += 4)
            if (!memcmp(p + i, bytes, sizeof bytes))
                fn(context, v, pa + i);
    }
}
