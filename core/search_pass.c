/* search_pass.c - divides memory into pieces, makes windows of them and searches these on all
 * cores. */
#include "search_pass.h"
#include "space.h"
#include <inttypes.h>
#include <stdlib.h>

enum {
    PIECE = 2 << 20,     // bytes of a piece: of a part of a region, or of several small ones
    MARGIN = 1 << 20,    // bytes that are searched of a run of zeros, at its start and its end
    LAYERS_MAX = 16,     // depth of spaces over each other
    HOLES_MAX = 1 << 20, // holes in a row in a region
    ROUND_MAX = 1024,    // pieces of a round
    FEW_HITS = 1 << 16,  // if a round has fewer hits, the next one gets more pieces
    MANY_HITS = 1 << 20, // if it has more, the next one gets fewer pieces
};

struct piece {
    size_t region, n;    // its regions; if it is only one: the part from..last
    uint64_t from, last; // both inclusive
    uint64_t bytes;      // of all regions
};

/** The state of one thread. */
struct hand {
    struct eg_view maps, reads; // for making windows; for the scanners
    uint8_t *buffer;            // for windows whose bytes are not contiguous
};

struct round {
    struct eg_hits *found; // for each piece, for each plugin
    size_t n;              // pieces
};

struct scan {
    struct eg_pass *pass;
    EG_VEC(struct piece) pieces;
    size_t next;
    struct hand **hands;
    unsigned n_hands;
    struct round now, past;
    size_t n_hits;     // of the round that was passed on last
    uint64_t left_out; // a region was not searched from this address on; 0: all were
    bool given;        // the hits of the past round have been passed on
    struct eg_progress_line *progress;
};

/* ---- the plugins ---- */

void eg_pass_fail(struct eg_pass *s, enum eg_errno code, const char *text)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->at[i].run) {
            eg_run_fail(s->at[i].run, code, "%s", text);
            atomic_store(&s->at[i].over, true);
        }
}

bool eg_pass_over(const struct eg_pass *s)
{
    if (eg_cancelled)
        return true;
    for (size_t i = 0; i < s->n; i++)
        if (!atomic_load(&s->at[i].over))
            return false;
    return true;
}

/* ---- what is at an address ---- */

struct chunk {
    enum { HOLE, ZEROS, HOST, MADE } kind;
    uint64_t last;       // inclusive
    const uint8_t *host; // the byte at the address
};

static struct chunk chunk_at(struct eg_view *v, struct eg_space *as, uint64_t asked)
{
    uint64_t addr = asked, before = UINT64_MAX, after = UINT64_MAX;
    struct chunk c = { HOLE, 0, NULL };

    for (int layer = 0; layer < LAYERS_MAX; layer++) {
        struct eg_extent x;

        eg_extent_at(v, as, addr, &x);
        before = EG_MIN(before, addr - x.start);
        after = EG_MIN(after, x.last - addr);
        if (x.host)
            c.host = x.host + (addr - x.start);
        if (x.why || x.host || x.zero || x.made) {
            c.kind = x.why ? HOLE : x.host ? HOST : x.zero ? ZEROS : MADE;
            break;
        }
        addr = x.below_addr + (addr - x.start);
        as = x.below;
    }
    // The middle of a long run of zeros is treated as a hole: there is nothing to find in it.
    if (c.kind == ZEROS && before + after >= 2 * MARGIN) {
        if (before < MARGIN) {
            after = MARGIN - 1 - before;
        } else if (after >= MARGIN) {
            c.kind = HOLE;
            after -= MARGIN;
        }
    }
    c.last = asked + after;
    return c;
}

/* ---- pieces ---- */

static bool push(struct scan *s, size_t region, uint64_t from, uint64_t last)
{
    struct piece *p = eg_vec_push(&s->pieces);

    if (p)
        *p = (struct piece){ region, 1, from, last, last - from + 1 };
    return p;
}

/** Divide a large region into pieces, without its holes. */
static bool cut(struct scan *s, size_t i)
{
    const struct eg_region *r = &s->pass->regions.list.at[i];
    struct eg_view *v = &s->pass->run->view;
    uint64_t at = r->first;

    for (int holes = 0; !eg_cancelled;) {
        const struct chunk c = chunk_at(v, r->space, at);
        uint64_t last = EG_MIN(r->last, c.last);

        if (holes == HOLES_MAX) {
            if (!s->left_out)
                s->left_out = at;
            break;
        }

        if (c.kind == HOLE) {
            holes++;
        } else {
            holes = 0;
            last = EG_MIN(r->last, at | (PIECE - 1));
            if (!push(s, i, at, last))
                return false;
        }
        if (last == r->last)
            break;
        at = last + 1;
    }
    return true;
}

static bool cut_all(struct scan *s)
{
    const struct eg_regions *all = &s->pass->regions;

    for (size_t i = 0; i < all->list.n; i++) {
        const struct eg_region *r = &all->list.at[i];
        struct piece *p = s->pieces.n ? &s->pieces.at[s->pieces.n - 1] : NULL;

        if (r->first > r->last)
            continue;
        if (r->last - r->first >= PIECE) {
            if (!cut(s, i))
                return false;
        } else if (p && p->region + p->n == i && p->bytes + (r->last - r->first) < PIECE &&
                   p->last == all->list.at[i - 1].last &&
                   p->from == all->list.at[p->region].first) {
            p->n++;
            p->last = r->last;
            p->bytes += r->last - r->first + 1;
        } else if (!push(s, i, r->first, r->last)) {
            return false;
        }
    }
    return true;
}

/* ---- windows ---- */

/** The bytes without a hole between them that were collected so far. */
struct stretch {
    uint64_t addr;
    const uint8_t *bytes;
    size_t len;
    bool gathered; // the bytes are in the thread's buffer
};

struct looking {
    struct scan *scan;
    unsigned worker;
    struct eg_hits *found;
    const struct eg_region *region;
    uint64_t from, last; // the part of the region that belongs to the piece
    struct stretch run;
};

static int by_place(const void *a_, const void *b_)
{
    const struct eg_hit *a = a_, *b = b_;

    if (a->addr != b->addr)
        return a->addr < b->addr ? -1 : 1;
    if (a->tag != b->tag)
        return a->tag < b->tag ? -1 : 1;
    return a->len < b->len ? -1 : a->len > b->len;
}

static void sort_from(struct eg_hits *h, size_t first)
{
    for (size_t i = first + 1; i < h->list.n; i++)
        if (by_place(&h->list.at[i - 1], &h->list.at[i]) > 0) {
            qsort(h->list.at + first, h->list.n - first, sizeof *h->list.at, by_place);
            return;
        }
}

/** Let plugin @i search a window. It gets as many bytes around the window as it asked for, however
 * many others get: so its results do not depend on them. */
static void look(const struct looking *l, size_t i, uint64_t from, uint64_t last)
{
    const struct eg_searcher *p = &l->scan->pass->at[i];
    const uint64_t end = l->run.addr + (l->run.len - 1);
    const size_t before = EG_MIN((size_t)(from - l->run.addr), p->scan->before);
    const size_t behind = EG_MIN((size_t)(end - last), p->scan->behind);
    struct eg_hits *h = &l->found[i];
    const size_t first = h->list.n, own = (size_t)(last - from + 1);

    if (h->full)
        return;
    h->first = from;
    h->last = last;
    h->join = l->region->join;
    p->scan->look(p->state, p->workers ? p->workers[l->worker] : NULL,
                  &(struct eg_window){ .region = l->region,
                                       .view = &l->scan->hands[l->worker]->reads,
                                       .bytes = l->run.bytes + (from - l->run.addr) - before,
                                       .len = before + own + behind,
                                       .addr = from - before,
                                       .from = before,
                                       .to = before + own },
                  h);
    sort_from(h, first);
}

/** At a hole or at the end: the bytes collected before it are a window. */
static void finish(struct looking *l)
{
    const struct stretch *r = &l->run;

    if (r->len) {
        const uint64_t from = EG_MAX(l->from, r->addr);
        const uint64_t last = EG_MIN(l->last, r->addr + (r->len - 1));

        for (size_t i = 0; from <= last && i < l->scan->pass->n; i++)
            if (!atomic_load(&l->scan->pass->at[i].over))
                look(l, i, from, last);
    }
    l->run.len = 0;
}

static void gather(struct looking *l)
{
    struct hand *h = l->scan->hands[l->worker];

    if (l->run.len && !l->run.gathered)
        memcpy(h->buffer, l->run.bytes, l->run.len);
    l->run.bytes = h->buffer;
    l->run.gathered = true;
}

/** Add @len bytes at @addr to those that were collected. */
static void append(struct looking *l, const struct chunk *c, uint64_t addr, size_t len)
{
    struct hand *h = l->scan->hands[l->worker];

    if (!l->run.len)
        l->run = (struct stretch){ .addr = addr };
    if (c->kind == HOST && (!l->run.len || c->host == l->run.bytes + l->run.len)) {
        l->run.bytes = l->run.len ? l->run.bytes : c->host;
        l->run.len += len;
        return;
    }
    gather(l);
    if (c->kind == HOST) {
        memcpy(h->buffer + l->run.len, c->host, len);
        l->run.len += len;
    } else if (c->kind == ZEROS) {
        memset(h->buffer + l->run.len, 0, len);
        l->run.len += len;
    }
    while (c->kind == MADE && len) {
        size_t n = len;
        const uint8_t *p = eg_map_some(&h->maps, l->region->space, addr, &n);

        if (p) {
            if (!l->run.len)
                l->run = (struct stretch){ addr, h->buffer, 0, true };
            memcpy(h->buffer + l->run.len, p, n);
            l->run.len += n;
        } else {
            n = EG_MIN(len, EG_VIEW_PAGE - (size_t)(addr & (EG_VIEW_PAGE - 1)));
            finish(l);
        }
        addr += n;
        len -= n;
    }
}

/** Search from @from to @last of the region, with the bytes around this part. */
static void look_at(struct looking *l, uint64_t from, uint64_t last)
{
    const struct eg_pass *pass = l->scan->pass;
    const struct eg_region *r = l->region;
    const uint64_t end = last + EG_MIN(r->last - last, (uint64_t)pass->behind);
    uint64_t at = from - EG_MIN(from - r->first, (uint64_t)pass->before);

    l->from = from;
    l->last = last;
    for (;;) {
        struct chunk c = chunk_at(&l->scan->hands[l->worker]->maps, r->space, at);

        c.last = EG_MIN(c.last, end);
        if (c.kind == HOLE)
            finish(l);
        else
            append(l, &c, at, (size_t)(c.last - at) + 1);
        if (c.last == end)
            break;
        at = c.last + 1;
    }
    finish(l);
    for (size_t i = 0; i < pass->n; i++) {
        struct eg_hits *h = &l->found[i];
        struct eg_hits_of *part;

        if (h->list.n == (h->parts.n ? h->parts.at[h->parts.n - 1].end : 0))
            continue;
        part = eg_vec_push(&h->parts);
        if (part)
            *part = (struct eg_hits_of){ r, h->list.n };
        else
            h->full = true;
    }
}

void eg_hit_add(struct eg_hits *h, uint64_t addr, uint32_t len, uint32_t tag)
{
    struct eg_hit *hit;

    if (addr < h->first || addr > h->last || h->full ||
        (h->join && (addr >= h->join || len <= h->join - addr)))
        return;
    hit = h->list.n < h->limit ? eg_vec_push(&h->list) : NULL;
    if (hit)
        *hit = (struct eg_hit){ addr, len, tag };
    else
        h->full = true;
}

/* ---- rounds ---- */

struct giving {
    struct eg_searcher *to;
    const struct eg_hits *hits;
};

static int give(struct eg_run *r, void *context)
{
    const struct giving *g = context;
    size_t i = 0;

    r->keeps = true;
    for (size_t k = 0; k < g->hits->parts.n; k++)
        for (; i < g->hits->parts.at[k].end; i++) {
            if (eg_stopped(r))
                return 0;
            g->to->scan->hit(r, g->to->state, g->hits->parts.at[k].region, &g->hits->list.at[i]);
        }
    if (g->hits->full)
        eg_run_fail(r, EG_ENOMEM, "out of memory: more than %zu hits in one piece of memory",
                    g->hits->list.n);
    return 0;
}

/** Pass the hits of the past round to the plugins, in the calling thread. Ctrl-C ends the search
 * but not this: what was found is shown. */
static void give_out(struct scan *s)
{
    const struct eg_pass *pass = s->pass;

    if (s->given)
        return;
    s->given = true;
    s->n_hits = 0;
    pass->run->keeps = true; // owners are looked up in it
    for (size_t i = 0; i < s->past.n * pass->n; i++) {
        struct eg_hits *hits = &s->past.found[i];
        struct giving g = { &pass->at[i % pass->n], hits };

        s->n_hits += hits->list.n;
        if (!atomic_load(&g.to->over) && eg_run_do(g.to->run, give, &g) != 0)
            atomic_store(&g.to->over, true);
        eg_vec_fini(&hits->list);
        eg_vec_fini(&hits->parts);
    }
}

static int work(void *context, size_t i, unsigned worker)
{
    struct scan *s = context;
    const struct piece *p = &s->pieces.at[s->next + i];
    struct looking l = { s, worker, &s->now.found[i * s->pass->n], NULL, 0, 0, { 0 } };

    if (worker == 0)
        give_out(s);
    for (size_t k = 0; k < p->n; k++) {
        if (eg_pass_over(s->pass))
            return 1;
        l.region = &s->pass->regions.list.at[p->region + k];
        if (p->n == 1)
            look_at(&l, p->from, p->last);
        else
            look_at(&l, l.region->first, l.region->last);
    }
    eg_progress_add(s->progress, p->bytes);
    return 0;
}

static bool round_begin(struct scan *s, size_t n)
{
    s->now.n = n;
    s->now.found = calloc(n * s->pass->n, sizeof *s->now.found);
    if (!s->now.found)
        return false;
    for (size_t i = 0; i < n * s->pass->n; i++)
        s->now.found[i].limit =
            s->pass->at[i % s->pass->n].run
                ? s->pass->at[i % s->pass->n].run->arena.limit / sizeof(struct eg_hit)
                : 0;
    return true;
}

/** Pass on the hits that are left; the current round becomes the past one. */
static void round_end(struct scan *s)
{
    give_out(s);
    free(s->past.found);
    s->past = s->now;
    s->now = (struct round){ 0 };
    s->given = false;
}

static void rounds(struct scan *s)
{
    size_t n = s->n_hands;

    while (s->next < s->pieces.n && !eg_pass_over(s->pass)) {
        n = EG_MIN(n, s->pieces.n - s->next);
        if (!round_begin(s, n)) {
            eg_pass_fail(s->pass, EG_ENOMEM, "out of memory for the hits of a search");
            break;
        }
        eg_parallel(s->n_hands, n, work, s);
        round_end(s);
        for (unsigned i = 0; i < s->n_hands; i++)
            if (s->hands[i]->maps.starved || s->hands[i]->reads.starved)
                eg_pass_fail(s->pass, EG_ENOMEM, "out of memory for decompressed bytes");
        s->next += n;
        if (s->n_hits < FEW_HITS)
            n = EG_MIN(2 * n, (size_t)ROUND_MAX);
        else if (s->n_hits > MANY_HITS)
            n = EG_MAX(n / 2, (size_t)s->n_hands);
    }
    round_end(s);
    free(s->past.found);
}

/* ---- threads ---- */

static bool hands_open(struct scan *s)
{
    const size_t room = PIECE + s->pass->before + s->pass->behind;

    s->hands = calloc(s->n_hands, sizeof(struct hand *));
    for (unsigned i = 0; s->hands && i < s->n_hands; i++) {
        struct hand *h = s->hands[i] = malloc(sizeof *h);

        if (!h)
            return false;
        eg_view_init(&h->maps, NULL);
        eg_view_init(&h->reads, NULL);
        h->buffer = malloc(room); // uses no memory until it is written to
        if (!h->buffer)
            return false;
    }
    return s->hands;
}

static void hands_close(struct scan *s)
{
    for (unsigned i = 0; s->hands && i < s->n_hands && s->hands[i]; i++) {
        eg_view_fini(&s->hands[i]->maps);
        eg_view_fini(&s->hands[i]->reads);
        free(s->hands[i]->buffer);
        free(s->hands[i]);
    }
    free(s->hands);
}

/** Make the state of each plugin for each thread. A plugin for which this fails fails alone. */
static void workers_open(struct scan *s)
{
    for (size_t i = 0; i < s->pass->n; i++) {
        struct eg_searcher *p = &s->pass->at[i];

        if (atomic_load(&p->over) || !p->scan->worker)
            continue;
        p->workers = calloc(s->n_hands, sizeof *p->workers);
        for (unsigned k = 0; p->workers && k < s->n_hands; k++)
            if (!(p->workers[k] = p->scan->worker(p->state)))
                atomic_store(&p->over, true);
        if (!p->workers || atomic_load(&p->over))
            eg_run_fail(p->run, EG_ENOMEM, "out of memory for the state of a thread");
        atomic_store(&p->over, p->run->status != 0);
    }
}

static void workers_close(struct scan *s)
{
    for (size_t i = 0; i < s->pass->n; i++) {
        struct eg_searcher *p = &s->pass->at[i];

        for (unsigned k = 0; p->workers && k < s->n_hands; k++)
            if (p->workers[k] && p->scan->worker_end)
                p->scan->worker_end(p->workers[k]);
        free(p->workers);
        p->workers = NULL;
    }
}

static int note_left_out(struct eg_run *r, void *from)
{
    eg_note(r,
            "a region of memory was searched only up to %#" PRIx64
            ": the page tables have %d holes in a row before it and may contain a cycle",
            *(const uint64_t *)from, HOLES_MAX);
    return 0;
}

void eg_pass_scan(struct eg_pass *pass)
{
    const unsigned threads = eg_threads(pass->options->threads);
    struct scan s = { .pass = pass, .given = true };
    uint64_t total = 0;

    if (cut_all(&s)) {
        for (size_t i = 0; i < s.pieces.n; i++)
            total += s.pieces.at[i].bytes;
        s.n_hands = (unsigned)EG_MAX(EG_MIN((size_t)threads, s.pieces.n), 1);
        workers_open(&s);
        if (hands_open(&s)) {
            s.progress =
                eg_progress_begin(pass->run->plugin->name, total, "B", pass->options->quiet);
            rounds(&s);
            eg_progress_end(s.progress);
        } else {
            eg_pass_fail(pass, EG_ENOMEM, "out of memory for the threads of a search");
        }
        workers_close(&s);
        hands_close(&s);
    } else {
        eg_pass_fail(pass, EG_ENOMEM, "out of memory for the list of regions to search");
    }
    eg_vec_fini(&s.pieces);
    if (s.left_out)
        eg_run_do(pass->run, note_left_out, &s.left_out);
}
