/* regex - regular expressions over memory, many at once. */
#include "../../core/scan.h"
#include "../../core/vec.h"
#include "factor.h"
#include "pattern.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    LONGEST = 64 << 10, // bytes of a match
    BEFORE = 4 << 10,   // a match that reaches into a window is met as one
    STRIDE = 4 << 10,   // begins that are tried at once, where nothing says where to look
    PATTERNS_MAX = 10000,
    GAVE_UP = 1 << 30, // of a tag: no match, but a note
};

#define COLUMNS(C)                                                                                 \
    EG_HIT_COLUMNS(C)                                                                              \
    C(PATTERN, TEXT, "the expression")                                                             \
    C(LENGTH, INT, "bytes that it matches")                                                        \
    C(MATCH, TEXT, "these bytes, as text")
EG_COLUMNS(COLUMNS);

struct pattern {
    const char *text;
    struct scan_pattern *code;
    struct scan_set before; // between the begin of a match and a factor
    size_t before_max;      // bytes, at most
};

/** Patterns whose factors are looked for together: their factors have one length. */
enum { ALONE, LONG, SHORT, BYTES, GROUPS };
struct group {
    EG_VEC(struct scan_factor) factors;
    EG_VEC(uint32_t) patterns; // of each factor
    struct scan_filter *filter;
};

struct regex {
    EG_VEC(struct pattern) patterns;
    struct group groups[GROUPS];
    EG_VEC(uint32_t) everywhere; // those that nothing is known of
    uint8_t *bytes;              // of a hit
};

struct worker {
    struct scan_matcher *matcher;
    size_t low[]; // of each pattern: no match begins before
};

/* ---- begin ---- */

static int no_room(struct eg_run *r)
{
    return eg_failed(r, "out of memory");
}

/** Where it has to be tried: where its factors are, or everywhere. */
static int place(struct eg_run *r, struct regex *x, uint32_t i, const struct scan_factors *f,
                 bool alone)
{
    size_t least = SCAN_FACTOR_MAX;
    struct group *g;

    if (!f->n) {
        uint32_t *at = eg_vec_push(&x->everywhere);

        if (!at)
            return no_room(r);
        *at = i;
        return 0;
    }
    for (size_t k = 0; k < f->n; k++)
        least = EG_MIN(least, f->at[k].n);
    g = &x->groups[alone && f->n == 1 ? ALONE : least >= 4 ? LONG : least >= 2 ? SHORT : BYTES];
    x->patterns.at[i].before = f->before;
    x->patterns.at[i].before_max = f->before_max;
    for (size_t k = 0; k < f->n; k++) {
        struct scan_factor *factor = eg_vec_push(&g->factors);
        uint32_t *of = eg_vec_push(&g->patterns);

        if (!factor || !of)
            return no_room(r);
        *factor = f->at[k];
        *of = i;
    }
    return 0;
}

/** Cut the factors of a group to the length of the shortest. */
static void even_out(struct eg_run *r, struct regex *x, struct group *g)
{
    size_t least = SCAN_FACTOR_MAX;

    for (size_t i = 0; i < g->factors.n; i++)
        least = EG_MIN(least, g->factors.at[i].n);
    for (size_t i = 0; i < g->factors.n; i++) {
        struct scan_factor *f = &g->factors.at[i];
        struct pattern *p = &x->patterns.at[g->patterns.at[i]];
        const size_t first = scan_rarest(f->at, f->n, least);

        for (size_t k = 0; k < first; k++)
            scan_set_join(&p->before, &f->at[k]);
        p->before_max = p->before_max > SIZE_MAX - first ? SIZE_MAX : p->before_max + first;
        memmove(f->at, f->at + first, least * sizeof *f->at);
        f->n = least;
    }
    g->filter = scan_filter_new(r, g->factors.at, g->factors.n);
}

static int add(struct eg_run *r, struct regex *x, const char *text)
{
    struct pattern *p;

    if (!*text)
        return eg_refused(r, "--pattern '': matches nothing");
    if (x->patterns.n == PATTERNS_MAX)
        return eg_refused(r, "more than %d patterns", PATTERNS_MAX);
    p = eg_vec_push(&x->patterns);
    if (!p)
        return no_room(r);
    p->text = eg_strf(r, "%s", text);
    p->code = scan_pattern_open(r, text,
                                (eg_arg_flag(r, "utf") ? SCAN_UTF : 0) |
                                    (eg_arg_flag(r, "ignore-case") ? SCAN_IGNORE_CASE : 0) |
                                    (eg_arg_flag(r, "literal") ? SCAN_LITERAL : 0));
    return p->code ? 0 : -1;
}

static int add_file(struct eg_run *r, struct regex *x, const char *path)
{
    FILE *f = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    int rc = 0;

    if (!f)
        return eg_refused(r, "--patterns %s: %s", path, strerror(errno));
    while (rc == 0 && (n = getline(&line, &room, f)) > 0) {
        while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
            line[--n] = 0;
        if (n && strlen(line) != (size_t)n)
            rc = eg_refused(r, "--patterns %s: it has a zero byte", path);
        else if (n)
            rc = add(r, x, line);
    }
    if (rc == 0 && ferror(f))
        rc = eg_refused(r, "--patterns %s: %s", path, strerror(errno));
    free(line);
    fclose(f);
    return rc;
}

static int begin(struct eg_run *r, void **state)
{
    struct regex *x = *state = eg_tmp(r, sizeof *x);
    struct scan_factors *f;
    const char *text;

    for (size_t i = 0; (text = eg_arg_text_nth(r, "pattern", i)); i++)
        if (add(r, x, text) < 0)
            return -1;
    for (size_t i = 0; (text = eg_arg_text_nth(r, "patterns", i)); i++)
        if (add_file(r, x, text) < 0)
            return -1;
    if (!x->patterns.n)
        return eg_refused(r, "--pattern P or --patterns FILE: what to look for");
    f = eg_tmp(r, sizeof *f);
    for (size_t i = 0; i < x->patterns.n; i++) {
        // With --utf a character has many bytes, and its other case has more.
        if (eg_arg_flag(r, "utf") ||
            !scan_factors(x->patterns.at[i].text, eg_arg_flag(r, "ignore-case"),
                          eg_arg_flag(r, "literal"), f))
            f->n = 0;
        if (place(r, x, (uint32_t)i, f, x->patterns.n == 1) < 0)
            return -1;
    }
    for (size_t i = 0; i < GROUPS; i++)
        even_out(r, x, &x->groups[i]);
    x->bytes = eg_tmp(r, LONGEST);
    return 0;
}

static void end(void *state)
{
    struct regex *x = state;

    if (!x)
        return;
    for (size_t i = 0; i < x->patterns.n; i++)
        scan_pattern_close(x->patterns.at[i].code);
    for (size_t i = 0; i < GROUPS; i++) {
        eg_vec_fini(&x->groups[i].factors);
        eg_vec_fini(&x->groups[i].patterns);
    }
    eg_vec_fini(&x->patterns);
    eg_vec_fini(&x->everywhere);
}

static void *worker(void *state)
{
    const struct regex *x = state;
    struct worker *w = calloc(1, sizeof *w + x->patterns.n * sizeof *w->low);

    if (w && !(w->matcher = scan_matcher_new())) {
        free(w);
        w = NULL;
    }
    return w;
}

static void worker_end(void *worker)
{
    struct worker *w = worker;

    scan_matcher_free(w->matcher);
    free(w);
}

/* ---- looking ---- */

struct looking {
    const struct regex *x;
    const struct group *group;
    struct worker *worker;
    const struct eg_window *w;
    struct eg_hits *out;
};

/** Find the first match of pattern @i that begins in [@from, @to]; the next begins behind. */
static void try(const struct looking *l, uint32_t i, size_t from, size_t to)
{
    const struct scan_pattern *code = l->x->patterns.at[i].code;
    const struct eg_window *w = l->w;
    size_t first, last;
    enum scan_found found = scan_match(code, l->worker->matcher, w->bytes,
                                       EG_MIN(w->len, to + LONGEST), from, to, &first, &last);

    if (found == SCAN_MATCH && last - first > LONGEST) // as far as any window shows of it
        found = scan_match(code, l->worker->matcher, w->bytes, first + LONGEST, first, first,
                           &first, &last);
    l->worker->low[i] = found == SCAN_MATCH ? EG_MAX(last, from + 1) : to + 1;
    if (found == SCAN_MATCH)
        eg_hit_add(l->out, w->addr + first, (uint32_t)(last - first), i);
    else if (found == SCAN_LIMIT)
        eg_hit_add(l->out, w->addr + EG_MAX(from, w->from), 1, i | GAVE_UP);
}

/** A factor is at @at: matches that hold it begin there, or before as far as the pattern can reach.
 */
static void around(void *context, size_t at, size_t factor)
{
    const struct looking *l = context;
    const uint32_t i = l->group->patterns.at[factor];
    const struct pattern *p = &l->x->patterns.at[i];
    const size_t low = l->worker->low[i], reach = EG_MIN(p->before_max, (size_t)LONGEST);
    size_t from = at;

    if (at < low || low >= l->w->to)
        return;
    while (from > low && at - from < reach && scan_set_has(&p->before, l->w->bytes[from - 1]))
        from--;
    if (from < l->w->to)
        try(l, i, from, at);
}

static void look(void *state, void *worker, const struct eg_window *w, struct eg_hits *out)
{
    struct regex *x = state;
    struct worker *own = worker;
    struct looking l = { x, NULL, own, w, out };

    memset(own->low, 0, x->patterns.n * sizeof *own->low);
    for (size_t i = 0; i < GROUPS; i++) {
        l.group = &x->groups[i];
        scan_filter_each(l.group->filter, w->bytes, w->len, around, &l);
    }
    for (size_t k = 0; k < x->everywhere.n; k++) {
        const uint32_t i = x->everywhere.at[k];

        while (own->low[i] < w->to && !eg_stopped(NULL))
            try(&l, i, own->low[i], EG_MIN(own->low[i] + STRIDE, w->to) - 1);
    }
}

/* ---- rows ---- */

static void hit(struct eg_run *r, void *state, const struct eg_region *region,
                const struct eg_hit *h)
{
    const struct regex *x = state;
    const char *pattern = x->patterns.at[h->tag & ~GAVE_UP].text;

    if (h->tag & GAVE_UP) {
        eg_note(r, "'%s': there are places where it takes too many steps; they are left out",
                pattern);
        return;
    }
    eg_read_some(eg_view_of(r), region->space, h->addr, x->bytes, h->len, NULL);
    eg_row(r, EG_HIT_CELLS(r, region, h), .PATTERN = eg_text(pattern), .LENGTH = eg_uint(h->len),
           .MATCH = eg_textn(x->bytes, h->len));
}

static const struct eg_scan scan = {
    .before = BEFORE,
    .behind = LONGEST,
    .begin = begin,
    .end = end,
    .worker = worker,
    .worker_end = worker_end,
    .look = look,
    .hit = hit,
};

EG_PLUGIN(regex) = {
    .help = "Find what regular expressions match",
    .manual =
        "PCRE2's syntax, over bytes: . is any byte but a line feed, ^ and $ are at those. Each\n"
        "pattern's matches do not overlap, are not empty, and have at most 64 KiB. The same as\n"
        "`rg -a -o -b --no-unicode`, but that a match may go over the end of a line.",
    .aliases = EG_NAMES("regexscan", "regexscan.RegExScan", "linux.vmaregexscan",
                        "linux.vmaregexscan.VmaRegExScan"),
    .columns = columns,
    .args = EG_ARGS(EG_SCAN_ARGS, EG_ARG(pattern, TEXT, "what to look for; may be given again"),
                    EG_ARG(patterns, FILE, "a file of patterns, one in each line"),
                    { "ignore-case", EG_ARG_FLAG, "of ASCII, or with --utf of all letters" },
                    EG_ARG(literal, FLAG, "no syntax: these very bytes"),
                    EG_ARG(utf, FLAG, "memory is UTF-8: a character may have several bytes")),
    .scan = &scan,
};
