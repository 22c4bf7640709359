/* content.c - the whole of a file as far as memory has it. */
#include "content.h"
#include "../../../core/run.h"
#include "../fs/inode.h"
#include "content_blocks.h"
#include "mm.h"
#include "swap.h"

struct swapped_page {
    uint8_t bytes[1 << 16]; // the largest page of a machine
};

void linux_content_fini(struct linux_content *c)
{
    eg_vec_fini(&c->parts);
}

bool linux_content_has(const struct linux_content *c, uint64_t at, uint64_t len)
{
    const struct linux_content_part *p = c->parts.at;
    uint64_t last;
    size_t i;

    if (!len)
        return true;
    if (!eg_add(at, len - 1, &last) || last >= c->size)
        return false;
    for (i = eg_lower_bound(c->parts.n, n, p[n].first + p[n].len - 1 < at);
         i < c->parts.n && p[i].first <= last; i++)
        if (p[i].kind == LINUX_CONTENT_MISSING || p[i].partial)
            return false;
    return true;
}

static bool goes_on(const struct linux_content_part *p, const struct linux_content_part *new,
                    unsigned shift)
{
    const bool same = p->kind == new->kind && p->why == new->why && p->dirty == new->dirty &&
                      p->partial == new->partial && p->first + p->len == new->first;

    if (!same)
        return false;
    if (p->kind == LINUX_CONTENT_BYTES)
        return p->at + p->len == new->at;
    return p->kind != LINUX_CONTENT_SWAPPED || p->at + (p->len >> shift) == new->at;
}

/* Parts come in order and do not overlap. */
static void add(struct eg_run *r, struct linux_content *c, struct linux_content_part new)
{
    struct linux_content_part *last = c->parts.n ? &c->parts.at[c->parts.n - 1] : NULL, *p;

    if (new.kind == LINUX_CONTENT_MISSING)
        c->missing += new.len;
    else if (new.kind == LINUX_CONTENT_ZEROS)
        c->zeros += new.len;
    else
        c->present += new.len;
    if (new.kind == LINUX_CONTENT_SWAPPED)
        c->swapped += new.len;
    if (new.partial)
        c->partial += new.len;
    if (new.dirty)
        c->dirty += new.len;
    if (new.kind <= LINUX_CONTENT_SWAPPED)
        c->end = new.first + new.len;
    if (last && goes_on(last, &new, linux_page_shift(r))) {
        last->len += new.len;
        return;
    }
    p = eg_vec_push(&c->parts);
    if (!p)
        eg_run_leave(r);
    *p = new;
}

/* Pages of physical memory, of which the image may lack some. */
static void add_bytes(struct eg_run *r, struct linux_content *c, struct linux_content_part new)
{
    struct eg_space *pm = eg_physical(r);
    struct eg_view *v = eg_view_of(r);

    while (new.len) {
        struct linux_content_part p = new;
        struct eg_extent x;

        eg_extent_at(v, pm, new.at, &x);
        p.len = EG_MIN(new.len - 1, x.last - new.at) + 1;
        if (x.why) {
            p.kind = LINUX_CONTENT_MISSING;
            p.why = x.why;
        }
        add(r, c, p);
        new.first += p.len;
        new.at += p.len;
        new.len -= p.len;
    }
}

/* Bytes of one page that was swapped out. */
static bool unpack(struct eg_run *r, uint64_t entry, struct swapped_page *out)
{
    const size_t page = (size_t)1 << linux_page_shift(r);
    struct linux_swap *s = linux_swap(r);

    return s && s->n && page <= sizeof out->bytes &&
           linux_swap_fill(s, eg_view_of(r), linux_swap_slot_of_value(entry), out->bytes, page);
}

/* Each page by itself: whether it can be unpacked is known when it was. */
static void add_swapped(struct eg_run *r, struct linux_content *c, struct linux_content_part new)
{
    const uint64_t page = UINT64_C(1) << linux_page_shift(r);
    struct swapped_page bytes;

    while (new.len && !eg_stopped(r)) {
        struct linux_content_part p = new;

        p.len = EG_MIN(new.len, page);
        if (!unpack(r, new.at, &bytes)) {
            p.kind = LINUX_CONTENT_MISSING;
            p.why = EG_SWAPPED;
        }
        add(r, c, p);
        new.first += p.len;
        new.at++;
        new.len -= p.len;
    }
}

/* A part of which only some blocks are up to date. @return false: which, it cannot be told. */
static bool add_blocks(struct eg_run *r, struct linux_content *c, struct eg_obj inode,
                       const struct linux_cached *e, struct linux_content_part p)
{
    struct linux_blocks b;
    const uint64_t end = p.first + p.len;

    if (!linux_blocks_of(r, inode, e, &b) || p.first < b.first ||
        end > b.first + b.n * b.size + (UINT64_C(1) << linux_page_shift(r)))
        return false;
    for (unsigned i = (unsigned)((p.first - b.first) / b.size); i < b.n && p.first < end; i++) {
        struct linux_content_part one = p;

        one.len = EG_MIN(end, b.first + (i + UINT64_C(1)) * b.size) - p.first;
        if (linux_block_is_fresh(&b, i)) {
            add_bytes(r, c, one);
        } else {
            one.kind = LINUX_CONTENT_MISSING;
            one.why = EG_NOT_CACHED;
            one.dirty = false;
            add(r, c, one);
        }
        p.first += one.len;
        p.at += one.len;
    }
    return true;
}

static void add_cached(struct eg_run *r, struct linux_content *c, struct eg_obj inode,
                       const struct linux_cached *e, bool zeros)
{
    const unsigned shift = linux_page_shift(r);
    struct linux_content_part p = { .first = e->first << shift, .dirty = e->dirty };

    p.len = EG_MIN(c->size - p.first, (e->last - e->first + 1) << shift);
    p.at = e->at << shift;
    if (e->why == EG_SWAPPED) {
        p.kind = LINUX_CONTENT_SWAPPED;
        p.at = e->at;
        add_swapped(r, c, p);
        return;
    }
    if (!e->why && e->fresh) {
        add_bytes(r, c, p);
        return;
    }
    if (!e->why && !zeros && add_blocks(r, c, inode, e, p))
        return;
    if (!e->why && !zeros && e->dirty) {
        p.partial = true;
        add_bytes(r, c, p);
        return;
    }
    // mm/shmem.c: fallocate() does not clear what it allocates. Else it was not read from the disk.
    p.kind = !e->why && zeros ? LINUX_CONTENT_ZEROS : LINUX_CONTENT_MISSING;
    if (p.kind == LINUX_CONTENT_MISSING)
        p.why = (uint8_t)(e->why ? e->why : EG_NOT_CACHED);
    p.dirty = false;
    add(r, c, p);
}

/* What lies between. */
static void add_gap(struct eg_run *r, struct linux_content *c, uint64_t to, bool zeros)
{
    const struct linux_content_part *last = c->parts.n ? &c->parts.at[c->parts.n - 1] : NULL;
    const uint64_t from = last ? last->first + last->len : 0;

    if (to > from)
        add(r, c,
            (struct linux_content_part){ .first = from,
                                         .len = to - from,
                                         .kind =
                                             zeros ? LINUX_CONTENT_ZEROS : LINUX_CONTENT_MISSING,
                                         .why = zeros ? EG_OK : EG_NOT_CACHED });
}

bool linux_content_of(struct eg_run *r, struct eg_obj inode, struct linux_content *c)
{
    struct eg_obj host = eg_deref(eg_at(inode, inode.i_mapping, address_space.host));
    struct linux_cached_walk w;
    struct linux_cached e;

    c->parts.n = 0;
    c->present = c->dirty = c->swapped = c->missing = c->partial = c->zeros = c->end = 0;
    if (!linux_cached_begin(r, inode, &w))
        return false;
    c->size = w.size;
    while (linux_cached_next(&w, &e)) {
        add_gap(r, c, e.first << w.m->shift, w.zeros);
        add_cached(r, c, host, &e, w.zeros);
    }
    add_gap(r, c, w.size, w.zeros);
    c->n_bad = w.n_bad;
    c->whole = !c->missing && !c->partial;
    return !eg_stopped(r);
}

bool linux_content_read(struct eg_run *r, const struct linux_content_part *part,
                        bool (*give)(void *context, uint64_t at, const void *bytes, size_t len),
                        void *context)
{
    const uint64_t page = UINT64_C(1) << linux_page_shift(r);
    struct swapped_page bytes;
    size_t n;

    if (part->kind > LINUX_CONTENT_SWAPPED)
        return true;
    for (uint64_t at = 0; at < part->len && !eg_stopped(r); at += n) {
        const uint8_t *p = bytes.bytes;

        if (part->kind == LINUX_CONTENT_BYTES) {
            n = (size_t)EG_MIN(part->len - at, (uint64_t)EG_FILL_MAX);
            p = eg_map_some(eg_view_of(r), eg_physical(r), part->at + at, &n);
        } else {
            n = (size_t)EG_MIN(part->len - at, page);
            if (!unpack(r, part->at + at / page, &bytes))
                p = NULL;
        }
        if (!p) {
            eg_note(r, "physical memory at %#llx could be read no more: the file's is broken",
                    (unsigned long long)(part->at + at));
            return false;
        }
        if (!give(context, part->first + at, p, n))
            return false;
    }
    return !eg_stopped(r);
}
