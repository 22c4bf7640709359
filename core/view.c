/* view.c - reading through a view: TLB misses, decompressed pages, reads across several extents. */
#include "config.h"
#include "run.h"
#include "space.h"
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

enum {
    DEPTH_MAX = 16,               // depth of spaces over each other
    FILLS = 256,                  // decompressed extents that a view caches
    FILL_BYTES = 4 * EG_FILL_MAX, // and their bytes in total
    // Bytes behind those that fill() is asked for. A sanitizer sees itself when they are written.
    GUARD = EG_SANITIZED ? 0 : 32,
    HOLES_MAX = 1 << 20, // in a row that eg_next_mapped accepts in page tables
};

static const uint8_t zero_page[EG_VIEW_PAGE];

/* Decompressed pages. Each view has its own, so they need no lock. */
struct eg_fill_cache {
    size_t bytes;
    unsigned n, hand;
    struct fill {
        const struct eg_space *space;
        uint64_t start;
        size_t len;
        uint8_t *bytes;
        bool used, fleeting;
    } at[FILLS];
};

void eg_view_init(struct eg_view *v, struct eg_run *r)
{
    memset(v, 0, sizeof *v);
    v->run = r;
}

void eg_view_starved(struct eg_view *v)
{
    v->starved = true; // the run checks this, and fails
}

/** Drop all pointers into decompressed bytes before they are freed. */
static void forget_pointers(struct eg_view *v)
{
    if (v->n_filled > EG_TLB_FEW)
        memset(v->tlb, 0, sizeof v->tlb);
    else
        for (unsigned i = 0; i < v->n_filled; i++)
            v->tlb[v->filled[i]] = (struct eg_tlbe){ 0 };
    v->n_filled = 0;
    v->walked.space = NULL;
}

static void drop(struct eg_fill_cache *c, struct fill *f)
{
    free(f->bytes);
    c->bytes -= f->len;
    c->n--;
    *f = (struct fill){ 0 };
}

/** Make room for @len more bytes by freeing the least recently used entries. A quarter of all is
 * freed at once, because dropping the pointers costs as much as decompressing an extent. */
static void make_room(struct eg_view *v, struct eg_fill_cache *c, size_t len)
{
    if (c->n < FILLS && c->bytes + len <= FILL_BYTES)
        return;
    while (c->n > FILLS / 4 * 3 || c->bytes + len > FILL_BYTES / 4 * 3) {
        struct fill *f = &c->at[c->hand];

        c->hand = (c->hand + 1) % FILLS;
        if (f->used)
            f->used = false;
        else if (f->bytes)
            drop(c, f);
    }
    forget_pointers(v);
}

void eg_view_fini(struct eg_view *v)
{
    if (v->fills)
        for (unsigned i = 0; i < FILLS; i++)
            free(v->fills->at[i].bytes);
    free(v->fills);
    v->fills = NULL;
    forget_pointers(v);
}

void eg_view_forget(struct eg_view *v, const struct eg_space *as)
{
    forget_pointers(v);
    for (unsigned i = 0; v->fills && i < FILLS; i++)
        if (v->fills->at[i].space == as)
            drop(v->fills, &v->fills->at[i]);
}

/** Memory of a running machine is found and copied anew after a while. Time is in units of 1024 ns:
 * that the number wraps does no harm, since what is old is old in all but one of its cycles. */
static void age(struct eg_view *v)
{
    struct timespec t;
    uint32_t now;

    clock_gettime(CLOCK_MONOTONIC, &t);
    now = (uint32_t)(((uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec) >> 10) | 1;
    if (v->since && now - v->since < EG_FLEETING_NS >> 10)
        return;
    v->since = now;
    forget_pointers(v);
    for (unsigned i = 0; v->fills && i < FILLS; i++)
        if (v->fills->at[i].fleeting)
            drop(v->fills, &v->fills->at[i]);
}

/** Have the format make the bytes of an extent, and check that it writes no others. @return false:
 * unreadable. */
static bool fill(struct eg_view *v, struct eg_space *as, uint64_t start, uint8_t *bytes, size_t len)
{
    static const char guard[] = "nothing is written behind these";
    bool made;

    memcpy(bytes + len, guard, GUARD);
    made = as->ops->fill(v, as, start, bytes, len);
    if (!memcmp(bytes + len, guard, GUARD))
        return made;
    eg_note(v->run,
            "%s: the format is faulty: asked for %zu bytes at %#" PRIx64
            ", it wrote more; they are not used",
            as->ops->name, len, start);
    return false;
}

/** The bytes of a `made` extent, from the cache or decompressed now; then the least recently used
 * entry is replaced. */
static const uint8_t *filled(struct eg_view *v, struct eg_space *as, const struct eg_extent *x)
{
    size_t len = (size_t)(x->last - x->start + 1);
    struct eg_fill_cache *c = v->fills;
    struct fill *f;
    uint8_t *bytes;

    if (x->last - x->start >= EG_FILL_MAX || !as->ops->fill)
        return NULL;
    if (!c)
        c = v->fills = calloc(1, sizeof *c);
    if (!c) {
        eg_view_starved(v);
        return NULL;
    }
    for (unsigned i = 0; i < FILLS; i++)
        if (c->at[i].space == as && c->at[i].start == x->start && c->at[i].len == len) {
            c->at[i].used = true;
            return c->at[i].bytes;
        }
    // Fill before choosing a cache entry, because fill() may itself read through this view and fill
    // others.
    bytes = malloc(len + GUARD);
    if (!bytes)
        eg_view_starved(v);
    if (!bytes || !fill(v, as, x->start, bytes, len)) {
        free(bytes);
        return NULL;
    }
    make_room(v, c, len);
    for (f = c->at; f->bytes; f++)
        ;
    *f = (struct fill){ as, x->start, len, bytes, true, x->fleeting };
    c->bytes += len;
    c->n++;
    return bytes;
}

/** Exactly one of the answers is set, and the space below has addresses for all of it. */
static bool one_answer(const struct eg_extent *x)
{
    uint64_t end;

    return !!x->why + !!x->host + !!x->below + x->made + x->zero == 1 &&
           (!x->below || eg_add(x->below_addr, x->last - x->start, &end));
}

void eg_extent_at(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    if (addr > as->last) {
        *out = (struct eg_extent){ .start = as->last + 1, .last = UINT64_MAX, .why = EG_ABSENT };
        return;
    }
    *out = (struct eg_extent){ 0 };
    as->ops->extent(v, as, addr, out);
    if (out->start > addr || out->last < addr || out->last > as->last || !one_answer(out)) {
        eg_note(v->run,
                "%s: the format is faulty: it gives an impossible extent for %#" PRIx64
                ": memory from there on counts as unreadable",
                as->ops->name, addr);
        // To the end, or a search would ask again for each byte.
        *out = (struct eg_extent){ .start = addr, .last = as->last, .why = EG_UNREADABLE };
    }
}

void eg_extent_over(struct eg_view *v, struct eg_space *below, uint64_t addr, struct eg_extent *out)
{
    eg_extent_at(v, below, addr, out);
    if (!out->made)
        return;
    out->made = false;
    out->below = below;
    out->below_addr = out->start;
}

/** The byte of @addr in our memory. *@before and *@after are the numbers of contiguous bytes on
 * both sides. */
static const uint8_t *resolve(struct eg_view *v, struct eg_space *as, uint64_t addr,
                              uint64_t *before, uint64_t *after)
{
    const uint64_t asked = addr;
    struct eg_extent x;

    if (v->since)
        age(v);
    *before = *after = UINT64_MAX;
    for (int depth = 0; depth < DEPTH_MAX; depth++) {
        eg_extent_at(v, as, addr, &x);
        if (x.why) {
            v->why = x.why;
            v->why_addr = asked;
            return NULL;
        }
        if (x.fleeting && !v->since)
            age(v);
        *before = EG_MIN(*before, addr - x.start);
        *after = EG_MIN(*after, x.last - addr);
        if (x.host)
            return x.host + (addr - x.start);
        if (x.zero) {
            uint64_t in = asked & (EG_VIEW_PAGE - 1);

            *before = EG_MIN(*before, in);
            *after = EG_MIN(*after, EG_VIEW_PAGE - 1 - in);
            return zero_page + in;
        }
        if (x.made) {
            const uint8_t *p = filled(v, as, &x);
            const uint64_t run = x.last - x.start;

            if (p)
                return p + (addr - x.start);
            // Ask again: the space may now know which page is damaged, and give shorter extents.
            eg_extent_at(v, as, addr, &x);
            if (x.made && x.last - x.start < run)
                continue;
            break;
        }
        addr = x.below_addr + (addr - x.start);
        as = x.below;
    }
    v->why = EG_UNREADABLE;
    v->why_addr = asked;
    return NULL;
}

/** The byte of @addr, which is to be read with no byte of another page: its page enters the TLB.
 * *@after: as resolve(). */
static const uint8_t *in_page(struct eg_view *v, struct eg_space *as, uint64_t addr,
                              uint64_t *after)
{
    const uint64_t in = addr & (EG_VIEW_PAGE - 1);
    uint64_t before;
    const uint8_t *p;

    v->brief = true;
    p = resolve(v, as, addr, &before, after);
    v->brief = false;
    if (p && before >= in && *after >= EG_VIEW_PAGE - 1 - in) {
        const uint64_t page = addr >> EG_VIEW_SHIFT;
        const size_t slot = (page ^ (uintptr_t)as >> 6) & (EG_TLB_SLOTS - 1);

        v->tlb[slot] = (struct eg_tlbe){ as, page, (uintptr_t)p - (uintptr_t)addr };
        if (v->n_filled < EG_TLB_FEW)
            v->filled[v->n_filled] = (uint16_t)slot;
        v->n_filled += v->n_filled <= EG_TLB_FEW;
    }
    return p;
}

const uint8_t *eg_bytes_slow(struct eg_view *v, struct eg_space *as, uint64_t addr, size_t len)
{
    uint64_t after;
    const uint8_t *p = in_page(v, as, addr, &after);

    if (!p)
        return NULL;
    if (len == 0 || after >= len - 1)
        return p;
    if (len > sizeof v->bounce) {
        v->why = EG_UNREADABLE;
        v->why_addr = addr;
        return NULL;
    }
    return eg_read(v, as, addr, v->bounce, len) ? v->bounce : NULL;
}

const uint8_t *eg_map_some(struct eg_view *v, struct eg_space *as, uint64_t addr, size_t *len)
{
    uint64_t before, after;
    const uint8_t *p = resolve(v, as, addr, &before, &after);

    if (p) {
        after = EG_MIN(after, (uint64_t)EG_FILL_MAX - 1);
        *len = EG_MIN(*len, (size_t)after + 1);
    }
    return p;
}

/** Were all bytes readable while they were copied? A page of a mapped file that fails meanwhile
 * reads as zeros; from then on the file's extents are single pages. */
static bool was_there(struct eg_view *v, struct eg_space *as, uint64_t addr, const uint8_t *p,
                      size_t len)
{
    size_t now = len;

    return ((uintptr_t)p & (EG_VIEW_PAGE - 1)) + len <= EG_VIEW_PAGE ||
           (eg_map_some(v, as, addr, &now) && now == len);
}

/** A read within one page, which most are: from the TLB, without a search for where the memory
 * behind it goes on. @return false: that did not read it. */
static bool read_in_page(struct eg_view *v, struct eg_space *as, uint64_t addr, void *buf,
                         size_t len)
{
    uint64_t after = EG_VIEW_PAGE;
    const uint8_t *p;

    if ((addr & (EG_VIEW_PAGE - 1)) + len > EG_VIEW_PAGE || !len)
        return false;
    if (!eg_tlb_hit_(v, as, addr, len, &p) && !(p = in_page(v, as, addr, &after)))
        return false;
    // Bytes in two pages of a file are looked at again when they are copied: see was_there().
    if (after < len - 1 || ((uintptr_t)p & (EG_VIEW_PAGE - 1)) + len > EG_VIEW_PAGE)
        return false;
    memcpy(buf, p, len);
    return true;
}

size_t eg_read_some(struct eg_view *v, struct eg_space *as, uint64_t addr, void *buf, size_t len,
                    enum eg_why *first_why)
{
    enum eg_why why = EG_OK;
    uint64_t first = 0;
    size_t done = 0, got = 0;

    if (read_in_page(v, as, addr, buf, len))
        done = got = len;
    while (done < len) {
        const uint64_t at = addr + done;
        size_t n = len - done;
        const uint8_t *p;

        if (at < addr) { // the end of the address space
            memset((char *)buf + done, 0, len - done);
            if (!why)
                why = EG_NOT_CANONICAL, first = UINT64_MAX;
            break;
        }
        p = eg_map_some(v, as, at, &n);
        if (p) {
            memcpy((char *)buf + done, p, n);
            if (!was_there(v, as, at, p, n))
                continue;
            got += n;
        } else {
            struct eg_extent x;

            if (!why)
                why = (enum eg_why)v->why, first = at;
            // Skip all of a hole in this space; in a space below, only up to the end of the page.
            eg_extent_at(v, as, at, &x);
            if (!x.why)
                x.last = EG_MIN(x.last, at | (EG_VIEW_PAGE - 1));
            n = EG_MIN((uint64_t)(len - done - 1), x.last - at) + 1;
            memset((char *)buf + done, 0, n);
        }
        done += n;
    }
    if (why)
        v->why_addr = first;
    if (first_why)
        *first_why = why;
    return got;
}

bool eg_read(struct eg_view *v, struct eg_space *as, uint64_t addr, void *buf, size_t len)
{
    if (read_in_page(v, as, addr, buf, len))
        return true;
    for (size_t done = 0; done < len;) {
        size_t n = len - done;
        const uint8_t *p = addr + done < addr ? NULL : eg_map_some(v, as, addr + done, &n);

        if (!p)
            return false;
        memcpy((char *)buf + done, p, n);
        if (was_there(v, as, addr + done, p, n))
            done += n;
    }
    return true;
}

bool eg_read_u64(struct eg_view *v, struct eg_space *as, uint64_t addr, bool big, uint64_t *out)
{
    const uint8_t *p = eg_bytes(v, as, addr, 8);

    if (p)
        *out = big ? eg_be64(p) : eg_le64(p);
    return p;
}

bool eg_read_u32(struct eg_view *v, struct eg_space *as, uint64_t addr, bool big, uint32_t *out)
{
    const uint8_t *p = eg_bytes(v, as, addr, 4);

    if (p)
        *out = big ? eg_be32(p) : eg_le32(p);
    return p;
}

bool eg_next_mapped(struct eg_view *v, struct eg_space *as, uint64_t from, uint64_t to,
                    struct eg_extent *out)
{
    // The holes of a file are finite, but page tables that lead in circles never end.
    const uint64_t max = as->ops->steps ? HOLES_MAX : UINT64_MAX;

    for (uint64_t holes = 0; from <= to; holes++) {
        struct eg_extent x;

        if (holes == max || eg_cancelled) {
            if (holes == max && v->run)
                eg_note(v->run,
                        "mapped memory was searched for only up to %#" PRIx64
                        ": the page tables have %d holes in a row before it and may contain a "
                        "cycle",
                        from, HOLES_MAX);
            v->why = EG_BAD_VALUE;
            v->why_addr = from;
            return false;
        }
        eg_extent_at(v, as, from, &x);
        if (!x.why) {
            *out = x;
            return true;
        }
        if (x.last == UINT64_MAX)
            break;
        from = x.last + 1;
    }
    v->why = EG_OK;
    return false;
}

uint64_t eg_mapped_bytes(struct eg_view *v, struct eg_space *as)
{
    uint64_t bytes = 0;
    struct eg_extent x;

    for (uint64_t from = 0; eg_next_mapped(v, as, from, as->last, &x); from = x.last + 1) {
        bytes += x.last - EG_MAX(from, x.start) + 1;
        if (x.last >= as->last)
            break;
    }
    return bytes;
}

uint64_t eg_stored_bytes(struct eg_view *v, struct eg_space *as)
{
    const struct eg_space *below = NULL;
    uint64_t bytes = 0, room = UINT64_MAX; // what is left of @below
    struct eg_extent x;

    for (uint64_t from = 0; eg_next_mapped(v, as, from, as->last, &x); from = x.last + 1) {
        uint64_t n = x.last - EG_MAX(from, x.start);

        n += n != UINT64_MAX;
        if (x.below != below) {
            below = x.below;
            room = below ? below->last + (below->last != UINT64_MAX) : UINT64_MAX;
        }
        if (!x.zero) {
            n = EG_MIN(n, room);
            room -= n;
            if (!eg_add(bytes, n, &bytes))
                return UINT64_MAX;
        }
        if (x.last >= as->last)
            break;
    }
    return bytes;
}

bool eg_translate(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_space *base,
                  uint64_t *out)
{
    const uint64_t asked = addr;
    uint8_t without = EG_UNREADABLE;

    for (int depth = 0; as != base; depth++) {
        struct eg_extent x;

        eg_extent_at(v, as, addr, &x);
        if (x.flags & EG_X_SWAPPED && as->ops->steps) // else the flag is none of page tables
            without = EG_SWAPPED;
        if (depth == DEPTH_MAX || x.why || !x.below) {
            v->why = x.why ? x.why : without;
            v->why_addr = asked;
            return false;
        }
        addr = x.below_addr + (addr - x.start);
        as = x.below;
    }
    *out = addr;
    return true;
}
