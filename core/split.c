/* split.c - finds the pieces of a file by their names and joins them. */
#include "split.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { AHEAD = 16 }; // how many pieces in a row may be missing

struct split {
    struct eg_space as;
    struct eg_space *joined;
    size_t n;
    struct eg_space *pieces[];
};

static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    const struct split *s = as->priv;

    eg_extent_at(v, s->joined, addr, out);
}

static void close_(struct eg_space *as)
{
    struct split *s = as->priv;

    eg_space_close(s->joined);
    for (size_t i = 0; i < s->n; i++)
        eg_space_close(s->pieces[i]);
}

static const struct eg_space_ops ops = { .name = "pieces", .extent = extent, .close = close_ };

/** How the pieces of a file are numbered. */
struct numbering {
    const char *path;
    size_t stem; // length of the path before the number
    int width;
    bool letters;
    unsigned first; // number of the first piece
};

/** Is @path named like a piece: .00, .001, .part1, .aa or one that follows? A single digit is not
 * accepted, as it is often a version ("vmcore.1"). @asked: its index, counted from number 0. */
static bool number(struct numbering *n, const char *path, unsigned *asked)
{
    const char *dot = strrchr(path, '.'), *s = dot ? dot + 1 : "";
    const bool part = !strncmp(s, "part", 4);
    size_t len;

    s += part ? 4 : 0;
    len = strlen(s);
    *n = (struct numbering){ .path = path, .stem = (size_t)(s - path), .width = (int)len };
    *asked = 0;
    if (!part && len >= 2 && len <= 4 && strspn(s, "abcdefghijklmnopqrstuvwxyz") == len) {
        n->letters = true;
        while (*s)
            *asked = *asked * 26 + (unsigned)(*s++ - 'a');
        return true;
    }
    if (strspn(s, "0123456789") != len || len > 6 || len < (part ? 1 : 2))
        return false;
    *asked = (unsigned)strtoul(s, NULL, 10);
    return true;
}

static char *piece_name(struct eg_arena *a, const struct numbering *n, unsigned i)
{
    char letters[5] = "";

    if (!n->letters)
        return eg_arena_strf(a, "%.*s%0*u", (int)n->stem, n->path, n->width, n->first + i);
    for (int at = n->width; at--; i /= 26)
        letters[at] = (char)('a' + i % 26);
    return i ? NULL : eg_arena_strf(a, "%.*s%s", (int)n->stem, n->path, letters);
}

/** The next piece after @i that exists; 0: none. */
static unsigned next_piece(struct eg_arena *a, const struct numbering *n, unsigned i)
{
    for (unsigned k = i + 1; k <= i + AHEAD; k++) {
        const char *name = piece_name(a, n, k);

        if (name && access(name, F_OK) == 0)
            return k;
    }
    return 0;
}

/** Find the number of the first piece, 0 or 1. @return false: @path is not a piece. */
static bool find_first(struct eg_arena *a, struct numbering *n, unsigned asked)
{
    const char *name;

    for (n->first = 0; n->first <= (n->letters ? 0u : 1u) && n->first <= asked; n->first++)
        if (n->first == asked || ((name = piece_name(a, n, 0)) && access(name, F_OK) == 0))
            return true;
    return false;
}

/** Does @piece begin like a dump? Then it is one of a series of dumps, not a piece. */
static const char *is_dump(struct eg_image *img, struct eg_space *piece)
{
    const struct eg_format_reg *f;
    int score = 0;

    return eg_format_probe(&f, &score, img->view, piece, img->path, false, NULL) == 0 && score > 1
               ? f->format->desc
               : NULL;
}

static int add(struct eg_image *img, const struct numbering *n, struct eg_space **pieces,
               struct eg_segment *segs, size_t *count, size_t max, struct eg_error *e)
{
    const uint64_t usual = eg_space_size(pieces[0]);
    uint64_t at = usual, size = usual;

    for (unsigned i = 0, next; (next = next_piece(&img->arena, n, i)); i = next) {
        const char *name = piece_name(&img->arena, n, next);
        const char *dump;
        struct eg_space *piece;
        uint64_t gap;
        int rc;

        if (*count == max)
            return eg_fail(e, EG_EUNSUP, "%s: more than %zu pieces: join them first", name, max);
        rc = eg_file_open(&piece, name, e);
        if (rc)
            return rc;
        dump = i == 0 ? is_dump(img, piece) : NULL;
        if (dump) {
            eg_image_note(img, "%s is a dump of its own (%s), not the next piece: left out", name,
                          dump);
            eg_view_forget(img->view, piece);
            eg_space_close(piece);
            return 0;
        }
        pieces[*count] = piece;
        if (size != usual)
            eg_image_note(img,
                          "the piece before %s has %" PRIu64 " bytes, the first %" PRIu64
                          ": what follows may be at wrong addresses",
                          name, size, usual);
        if (next - i > 1)
            eg_image_note(img, "%u piece(s) before %s are missing: %" PRIu64 " MiB taken as a hole",
                          next - i - 1, name, (next - i - 1) * (usual >> 20));
        size = eg_space_size(piece);
        if (!eg_mul(next - i - 1, usual, &gap) || !eg_add(at, gap, &at) ||
            size - 1 > UINT64_MAX - at)
            return eg_fail(e, EG_EFORMAT, "%s: the pieces are too large", name);
        segs[(*count)++] = (struct eg_segment){ at, at + (size - 1), piece, 0, size, 0 };
        at += size;
    }
    return 0;
}

int eg_split_open(struct eg_space **out, struct eg_image *img, const char *path, struct eg_error *e)
{
    enum { PIECES = 1024 };
    eg_cleanup(eg_free_) struct eg_segment *segs = NULL;
    struct eg_space *first;
    struct numbering n;
    unsigned asked;
    struct split *s;
    int rc = eg_file_open(&first, path, e);

    if (rc)
        return rc;
    if (!number(&n, path, &asked) || !find_first(&img->arena, &n, asked)) {
        // .json is no number; .ab may be one.
        if (number(&n, path, &asked) && asked > (n.letters ? 0 : 1) && (!n.letters || asked < 26) &&
            !is_dump(img, first))
            eg_image_note(img,
                          "%s is named as a piece of a set, but the first is not in its folder: it "
                          "is read as if nothing came before it",
                          path);
        *out = first;
        return 0;
    }
    if (!next_piece(&img->arena, &n, 0)) {
        *out = first;
        return 0;
    }
    if (asked > n.first) { // the user named a later piece
        const char *name = piece_name(&img->arena, &n, 0);

        if (is_dump(img, first)) {
            *out = first;
            return 0;
        }
        eg_image_note(img, "%s is a piece of a set: all of it is opened, from %s on", path,
                      name ? name : "");
        eg_view_forget(img->view, first);
        eg_space_close(first);
        rc =
            name ? eg_file_open(&first, name, e) : eg_fail(e, EG_ENOMEM, "%s: out of memory", path);
        if (rc)
            return rc;
    }
    s = calloc(1, sizeof *s + PIECES * sizeof s->pieces[0]);
    segs = calloc(PIECES, sizeof *segs);
    if (!s || !segs) {
        eg_space_close(first);
        free(s);
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", path);
    }
    s->as = (struct eg_space){ .ops = &ops, .below = first, .priv = s };
    s->pieces[s->n++] = first;
    segs[0] = (struct eg_segment){ 0, first->last, first, 0, first->last + 1, 0 };
    rc = add(img, &n, s->pieces, segs, &s->n, PIECES, e);
    if (!rc)
        rc = eg_segments_open(&s->joined, path, segs, s->n, NULL, e);
    if (rc) {
        eg_space_close(&s->as);
        return rc;
    }
    s->as.last = s->joined->last;
    if (s->n > 1)
        snprintf(img->format, sizeof img->format, "%zu pieces", s->n);
    *out = &s->as;
    return 0;
}
