/* sparse.c - see sparse.h. */
#include "sparse.h"
#include "../core/parallel.h"

enum { DEPTH_MAX = 16, CHUNK = 1 << 20 };

/** The extent of @at in the lowest space that still describes it; its addresses are those of
 * @as. */
static struct eg_extent lowest(struct eg_view *v, struct eg_space *as, uint64_t at)
{
    uint64_t addr = at, before = UINT64_MAX, after = UINT64_MAX;
    struct eg_extent x = { .below = as, .below_addr = at, .start = at };

    for (int depth = 0; depth < DEPTH_MAX && x.below; depth++) {
        as = x.below;
        addr = x.below_addr + (addr - x.start);
        eg_extent_at(v, as, addr, &x);
        before = EG_MIN(before, addr - x.start);
        after = EG_MIN(after, x.last - addr);
    }
    x.start = at - before;
    x.last = at + after;
    return x;
}

uint64_t eg_skip_zeros(struct eg_view *v, struct eg_space *as, uint64_t at, uint64_t end)
{
    while (at < end && !eg_cancelled) {
        const struct eg_extent x = lowest(v, as, at);

        if (!x.zero)
            return at;
        at = EG_MIN(x.last, end - 1) + 1;
    }
    return end;
}

uint64_t eg_zeros_before(struct eg_view *v, struct eg_space *as, uint64_t end)
{
    while (end && !eg_cancelled) {
        const struct eg_extent x = lowest(v, as, end - 1);

        if (!x.zero)
            break;
        end = x.start;
    }
    return end;
}

uint64_t eg_find_bytes(struct eg_view *v, struct eg_space *as, uint64_t at, uint64_t end,
                       const void *what, size_t n)
{
    while (eg_within(at, n, end) && !eg_cancelled) {
        size_t len = (size_t)EG_MIN(end - at, (uint64_t)CHUNK);
        const struct eg_extent x = lowest(v, as, at);
        const uint8_t *p = x.zero || x.why ? NULL : eg_map_some(v, as, at, &len), *hit;

        if (!p) {
            const uint64_t last = x.zero || x.why ? x.last : at | (EG_VIEW_PAGE - 1);

            at = EG_MIN(last, end - 1) + 1;
            continue;
        }
        hit = len >= n ? memmem(p, len, what, n) : eg_bytes(v, as, at, n);
        if (hit && (len >= n || !memcmp(hit, what, n)))
            return len >= n ? at + (uint64_t)(hit - p) : at;
        at += len >= n ? len - (n - 1) : 1; // it may begin at the end of these, and end behind them
    }
    return end;
}
