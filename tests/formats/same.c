/* same.c - do two images hold the same physical memory? Page by page, over all that either has.
 *
 *   same IMAGE RAW       prints what differs, and counts as one line of JSON
 *   same --ranges IMAGE  prints the ranges that the image has, as JSON
 *
 * A page that IMAGE lacks and RAW has is no difference in itself: it is counted by its reason. */
#include "../../core/image.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAGE = 4096, SHOWN = 8 };

struct counts {
    uint64_t equal, different, absent, excluded, unreadable, other, extra;
};

static struct eg_image *open_(const char *path, const char *format)
{
    const struct eg_open_options o = { .quiet = true, .format = format };
    struct eg_image *img;
    struct eg_error e;

    if (eg_image_open(&img, path, &o, &e)) {
        fprintf(stderr, "same: %s\n", e.text);
        exit(2);
    }
    return img;
}

static void compare(struct eg_view *v, struct eg_view *w, struct eg_space *a, struct eg_space *b,
                    uint64_t at, struct counts *n)
{
    static uint8_t p[PAGE], q[PAGE];
    enum eg_why why = EG_OK;
    // A range may end inside a page: what is behind it reads as zeros in both.
    const bool in_a = eg_read_some(v, a, at, p, PAGE, &why) > 0;
    const bool in_b = eg_read_some(w, b, at, q, PAGE, NULL) > 0;

    if (in_a && in_b && !memcmp(p, q, PAGE))
        n->equal++;
    else if (in_a && in_b && n->different++ < SHOWN)
        fprintf(stderr, "same: page %#" PRIx64 " differs\n", at);
    else if (in_a && !in_b)
        n->extra++;
    else if (!in_a && in_b && why == EG_ABSENT)
        n->absent++;
    else if (!in_a && in_b && why == EG_EXCLUDED)
        n->excluded++;
    else if (!in_a && in_b && why == EG_UNREADABLE)
        n->unreadable++;
    else if (!in_a && in_b)
        n->other++;
}

/** The next page that one of both has, at or after @from. */
static bool next(struct eg_view *v, struct eg_space *a, uint64_t from, uint64_t *at)
{
    struct eg_extent x;

    if (!eg_next_mapped(v, a, from, a->last, &x))
        return false;
    *at = EG_MAX(from, x.start) & ~(uint64_t)(PAGE - 1);
    return true;
}

static void ranges(struct eg_view *v, struct eg_space *as)
{
    uint64_t first = 0, last = 0;
    struct eg_extent x;
    bool any = false, printed = false;

    fputc('[', stdout);
    for (uint64_t from = 0; eg_next_mapped(v, as, from, as->last, &x); from = x.last + 1) {
        const uint64_t start = EG_MAX(from, x.start);

        if (!any || start != last + 1) {
            if (any) {
                printf("%s[%" PRIu64 ",%" PRIu64 "]", printed ? "," : "", first, last);
                printed = true;
            }
            first = start;
        }
        any = true;
        last = x.last;
        if (x.last >= as->last)
            break;
    }
    if (any)
        printf("%s[%" PRIu64 ",%" PRIu64 "]", printed ? "," : "", first, last);
    puts("]");
}

int main(int argc, char **argv)
{
    struct eg_view *v = malloc(sizeof *v), *w = malloc(sizeof *w);
    struct eg_image *a, *b;
    struct counts n = { 0 };

    if (argc != 3 || !v || !w)
        return 2;
    eg_view_init(v, NULL);
    eg_view_init(w, NULL);
    if (!strcmp(argv[1], "--ranges")) {
        a = open_(argv[2], NULL);
        ranges(v, a->phys);
        b = NULL;
    } else {
        a = open_(argv[1], NULL);
        b = open_(argv[2], "raw");
        for (uint64_t from = 0, at, in_a, in_b;; from = at + PAGE) {
            const bool more_a = next(v, a->phys, from, &in_a);
            const bool more_b = next(w, b->phys, from, &in_b);

            if (!more_a && !more_b)
                break;
            at = more_a && more_b ? EG_MIN(in_a, in_b) : more_a ? in_a : in_b;
            at = EG_MAX(at, from);
            compare(v, w, a->phys, b->phys, at, &n);
            if (at > UINT64_MAX - PAGE)
                break;
        }
        printf("{\"equal\":%" PRIu64 ",\"different\":%" PRIu64 ",\"absent\":%" PRIu64
               ",\"excluded\":%" PRIu64 ",\"unreadable\":%" PRIu64 ",\"other\":%" PRIu64
               ",\"extra\":%" PRIu64 ",\"format\":\"%s\"}\n",
               n.equal, n.different, n.absent, n.excluded, n.unreadable, n.other, n.extra,
               a->format);
    }
    eg_view_fini(v);
    eg_view_fini(w);
    free(v);
    free(w);
    eg_image_close(a);
    eg_image_close(b);
    return n.different || n.other;
}
