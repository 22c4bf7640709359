/* kdump_split.c - the files of `makedumpfile --split`: each has all bitmaps, and the descriptors
 * and pages of a range of page frames. The header identifies the set. */
#include "kdump.h"
#include "siblings.h"
#include <stdlib.h>

enum { PIECE = 4096 }; // of a bitmap, at a time

struct parts {
    EG_VEC(struct eg_kdump_part) at;
    struct eg_image *img;
    struct eg_space *file;
    const struct eg_kdump_header *h;
};

static size_t same(const struct eg_kdump_header *h)
{
    return h->wide ? EG_KDUMP_SAME_MAX : EG_KDUMP_SAME_MAX - 12;
}

static bool add(struct parts *p, struct eg_space *file, const char *name,
                const struct eg_kdump_header *h)
{
    struct eg_kdump_part *part = eg_vec_push(&p->at);

    if (part)
        *part = (struct eg_kdump_part){ .file = file,
                                        .name = name,
                                        .from = h->from,
                                        .to = h->to,
                                        .descs = h->descs,
                                        .size = eg_space_size(file) };
    return part;
}

/** Does a file begin with the same header? */
static bool begins_alike(const uint8_t *head, const void *context)
{
    const struct eg_kdump_header *h = context;

    return !memcmp(head, h->head, same(h));
}

/** The bitmaps of both files must be equal, or else ranks of one are wrong in the other. */
static bool same_bitmaps(const struct parts *p, struct eg_space *file)
{
    const uint64_t end = EG_MIN(p->h->written + (p->h->pages + 7) / 8, eg_space_size(file));

    for (uint64_t at = p->h->written; at < end; at += PIECE) {
        const size_t len = (size_t)EG_MIN(end - at, (uint64_t)PIECE);
        uint8_t a[PIECE], b[PIECE];

        if (!eg_read(p->img->view, file, at, a, len) ||
            !eg_read(p->img->view, p->file, at, b, len) || memcmp(a, b, len))
            return false;
    }
    return true;
}

static bool try_file(struct parts *p, const char *name)
{
    struct eg_kdump_header h;
    struct eg_space *file;

    if (eg_image_beside(&file, p->img, name, NULL) ||
        eg_kdump_header(&h, p->img->view, file, name, NULL))
        return true;
    if (!h.split || h.claimed != p->h->claimed || h.block != p->h->block ||
        h.written != p->h->written || h.descs != p->h->descs || h.level != p->h->level ||
        (h.status ^ p->h->status) & EG_KDUMP_PACKED)
        return true;
    h.from = EG_MIN(h.from, p->h->pages);
    h.to = EG_MIN(h.to, p->h->pages);
    if (!same_bitmaps(p, file)) {
        eg_image_note(p->img,
                      "kdump: %s seems to be of the same split set, but its bitmaps differ: it is "
                      "left out",
                      name);
        return true;
    }
    return add(p, file, name, &h);
}

static int by_range(const void *a, const void *b)
{
    const struct eg_kdump_part *x = a, *y = b;

    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    if (x->to != y->to)
        return x->to > y->to ? -1 : 1;
    return strcmp(x->name, y->name);
}

int eg_kdump_parts(struct eg_kdump_part **parts, size_t *n, struct eg_image *img,
                   struct eg_space *file, const struct eg_kdump_header *h, struct eg_error *e)
{
    struct parts p = { .img = img, .file = file, .h = h };
    struct eg_siblings names = { 0 };
    uint64_t next = 0;
    size_t kept = 0;
    bool ok = add(&p, file, eg_own_name(img), h);

    if (ok && h->split)
        ok = eg_siblings(&names, img, same(h), begins_alike, h);
    for (size_t i = 0; ok && i < names.n; i++)
        ok = try_file(&p, names.at[i]);
    eg_vec_fini(&names);
    if (!ok) {
        eg_vec_fini(&p.at);
        return eg_fail(e, EG_ENOMEM,
                       "%s: kdump: out of memory for the files of its split set, or more than %d",
                       img->path, EG_SIBLINGS_MAX);
    }
    qsort(p.at.at, p.at.n, sizeof *p.at.at, by_range);
    for (size_t i = 0; i < p.at.n; i++) // of two with the same pages, the first
        if (p.at.at[i].from >= next) {
            p.at.at[kept++] = p.at.at[i];
            next = EG_MAX(next, p.at.at[i].to);
        }
    *parts = p.at.at;
    *n = kept;
    return 0;
}
