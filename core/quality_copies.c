/* quality_copies.c - parts of a space whose bytes stand in it before: found by pages with one hash,
 * confirmed by comparing all bytes. */
#include "parallel.h"
#include "quality_pass.h"
#include <stdlib.h>

enum {
    PAGE = EG_VIEW_PAGE,
    CLUSTER_MIN = 8, // pairs that lead to a comparison
    SPARE = 1024,    // pages that may be compared beyond twice all
    COPIES_MAX = 512,
};

static int by_hash(const void *a, const void *b)
{
    const struct eg_anchor *x = a, *y = b;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/** Pages at @at and @distance before it have the same hash. */
struct pair {
    uint64_t distance, at;
};
static int by_distance(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;

    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/** Pairs that follow each other with the same distance. */
struct cluster {
    size_t first, n; // of the pairs
};
static int by_size(const void *a, const void *b)
{
    const struct cluster *x = a, *y = b;

    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    return x->first < y->first ? -1 : x->first > y->first;
}

struct copies {
    struct eg_quality_pass *s;
    struct eg_view *v[2];
    EG_VEC(struct eg_anchor) anchors;
    EG_VEC(struct pair) pairs;
    EG_VEC(struct cluster) clusters;
    uint64_t budget; // pages that may still be compared
    size_t found;
};

/** Each page with the one before it that has its hash, and with the first. */
static bool find_pairs(struct copies *c)
{
    size_t group = 0;

    for (size_t i = 1; i < c->anchors.n; i++) {
        const struct eg_anchor *a = c->anchors.at;
        struct pair *p;

        if (a[i].hash != a[group].hash) {
            group = i;
            continue;
        }
        if (!(p = eg_vec_push(&c->pairs)))
            return false;
        *p = (struct pair){ a[i].at - a[i - 1].at, a[i].at };
        if (group == i - 1)
            continue;
        if (!(p = eg_vec_push(&c->pairs)))
            return false;
        *p = (struct pair){ a[i].at - a[group].at, a[i].at };
    }
    return true;
}

static bool find_clusters(struct copies *c)
{
    const uint64_t gap = (uint64_t)EG_PART_PAGES * PAGE << c->s->shift;

    for (size_t i = 0, k; i < c->pairs.n; i = k) {
        const struct pair *p = c->pairs.at;
        struct cluster *new;

        for (k = i + 1;
             k < c->pairs.n && p[k].distance == p[i].distance && p[k].at - p[k - 1].at <= gap; k++)
            ;
        if (k - i < CLUSTER_MIN)
            continue;
        if (!(new = eg_vec_push(&c->clusters)))
            return false;
        *new = (struct cluster){ i, k - i };
    }
    return true;
}

/** Go on from page to page, @step (a page, or minus one), while they are the same as @distance
 * before. @return the last that was, and is not zeros; *@n more of such. */
static uint64_t extend(struct copies *c, uint64_t at, uint64_t step, uint64_t distance, uint64_t *n)
{
    uint64_t good = at;

    for (unsigned zeros = 0; zeros < EG_PART_PAGES && c->budget && !eg_cancelled; c->budget--) {
        uint8_t here[PAGE], there[PAGE];
        const uint8_t *p, *q;

        if (step == PAGE ? at > UINT64_MAX - 2 * PAGE : at < distance + PAGE)
            break;
        at += step;
        p = eg_whole_page(c->v[0], c->s->as, at, here);
        q = eg_whole_page(c->v[1], c->s->as, at - distance, there);
        if (!p || !q || memcmp(p, q, PAGE) != 0)
            break;
        if (eg_all_zero(p, PAGE)) {
            zeros++;
            continue;
        }
        zeros = 0;
        good = at;
        ++*n;
    }
    return good;
}

static bool is_known(const struct eg_parts *out, uint64_t at)
{
    for (size_t i = 0; i < out->list.n; i++)
        if (out->list.at[i].distance && at >= out->list.at[i].first && at <= out->list.at[i].last)
            return true;
    return false;
}

/** A cluster may have several copies, with other pages between them. */
static bool compare(struct copies *c, const struct cluster *k)
{
    uint64_t last = 0;

    for (size_t i = k->first; i < k->first + k->n && c->budget; i++) {
        const struct pair *p = &c->pairs.at[i];
        uint64_t n = 0, first;

        if (p->at <= last || is_known(c->s->out, p->at))
            continue;
        first = extend(c, p->at + PAGE, -(uint64_t)PAGE, p->distance, &n);
        last = extend(c, p->at, PAGE, p->distance, &n);
        if (n >= EG_PART_PAGES && !eg_quality_add(c->s->out, first, last + (PAGE - 1), p->distance))
            return false;
    }
    return true;
}

static bool find(struct copies *c)
{
    for (size_t i = 0; i < c->s->windows.n; i++) {
        const struct eg_quality_window *w = &c->s->windows.at[i];

        for (size_t k = 0; k < w->anchors.n; k++) {
            struct eg_anchor *a = eg_vec_push(&c->anchors);

            if (!a)
                return false;
            *a = w->anchors.at[k];
        }
    }
    if (c->anchors.n)
        qsort(c->anchors.at, c->anchors.n, sizeof *c->anchors.at, by_hash);
    if (!find_pairs(c))
        return false;
    if (c->pairs.n)
        qsort(c->pairs.at, c->pairs.n, sizeof *c->pairs.at, by_distance);
    if (!find_clusters(c))
        return false;
    if (c->clusters.n)
        qsort(c->clusters.at, c->clusters.n, sizeof *c->clusters.at, by_size);
    c->budget = 2 * (c->s->out->bytes / PAGE) + SPARE;
    for (size_t i = 0; i < c->clusters.n; i++)
        if (!compare(c, &c->clusters.at[i]))
            return false;
    c->s->out->more += !c->budget && c->clusters.n;
    return true;
}

bool eg_quality_copies(struct eg_quality_pass *s)
{
    struct copies c = { .s = s, .v = { s->views[0], s->views[1] } };
    const bool ok = find(&c);

    eg_vec_fini(&c.anchors);
    eg_vec_fini(&c.pairs);
    eg_vec_fini(&c.clusters);
    return ok;
}
