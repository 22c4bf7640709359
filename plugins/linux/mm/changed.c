/* changed.c - memory compared with the page cache of its file. */
#include "changed.h"
#include <string.h>

enum { GAP = 16, STEPS_MAX = 1 << 20 }; // of a page at most: 4 GiB

static void step(struct linux_change_walk *w, uint64_t n)
{
    w->at += n;
    w->offset += n;
}

/* How many bytes from here on are alike in kind on both sides: *@same: one place in memory, *@hole:
 * missing on a side. */
static uint64_t stretch(struct eg_view *v, const struct linux_change_walk *w, bool *same,
                        bool *hole)
{
    struct eg_extent x, y;
    uint64_t n;

    eg_extent_at(v, w->user, w->at, &x);
    n = EG_MIN(w->last - w->at, x.last - w->at);
    // Never touched, so it is the file's.
    *same = x.why == EG_NOT_PRESENT;
    *hole = x.why && !*same;
    if (*same || *hole)
        return n == UINT64_MAX ? n : n + 1;
    eg_extent_at(v, w->file, w->offset, &y);
    n = EG_MIN(n, y.last - w->offset);
    *hole = y.why;
    *same = !y.why && x.below && x.below == y.below &&
            x.below_addr + (w->at - x.start) == y.below_addr + (w->offset - y.start);
    return n + 1;
}

/* Bytes of both, up to a page at a time. @return how many; 0: they cannot be read. */
static size_t both(struct eg_view *v, const struct linux_change_walk *w, uint64_t n, uint8_t *a,
                   uint8_t *b)
{
    const size_t len = (size_t)EG_MIN(n, (uint64_t)4096);

    return eg_read(v, w->user, w->at, a, len) && eg_read(v, w->file, w->offset, b, len) ? len : 0;
}

bool linux_next_change(struct eg_run *r, struct linux_change_walk *w, struct linux_change *out)
{
    struct eg_view *v = eg_view_of(r);
    bool found = false;

    while (w->at <= w->last && w->last - w->at < UINT64_MAX && w->steps++ < STEPS_MAX &&
           !eg_stopped(r)) {
        uint8_t a[4096], b[4096];
        bool same, hole;
        const uint64_t n = stretch(v, w, &same, &hole);
        const size_t len = same || hole ? 0 : both(v, w, n, a, b);

        if (!len && found)
            return true;
        if (!len) {
            w->unknown += same ? 0 : n;
            step(w, n);
            if (!w->at)
                return false;
            continue;
        }
        for (size_t i = 0; i < len; i++) {
            if (a[i] == b[i] && !(found && w->at + i - out->last > GAP))
                continue;
            if (a[i] == b[i]) {
                w->compared += i;
                step(w, i);
                return true;
            }
            if (!found)
                *out = (struct linux_change){ .first = w->at + i, .offset = w->offset + i };
            found = true;
            out->last = w->at + i;
        }
        w->compared += len;
        step(w, len);
        if (!w->at)
            break;
    }
    if (w->steps > STEPS_MAX && w->at && w->at <= w->last) {
        w->unknown += w->last - w->at + 1;
        w->at = w->last;
        step(w, 1);
    }
    return found;
}
