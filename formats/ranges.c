/* ranges.c - see ranges.h. */
#include "ranges.h"

static bool decode(const uint8_t *h, const struct eg_range_kind *kind, struct eg_range_header *out)
{
    out->first = eg_le64(h + 8);
    out->last = eg_le64(h + 16);
    return eg_le32(h) == kind->magic && eg_le32(h + 4) == kind->version &&
           out->first <= out->last && out->last != UINT64_MAX;
}

bool eg_range_header(struct eg_view *v, struct eg_space *file, uint64_t at,
                     const struct eg_range_kind *kind, struct eg_range_header *out)
{
    uint8_t h[EG_RANGE_HEADER];

    return eg_within(at, sizeof h, eg_space_size(file)) && eg_read(v, file, at, h, sizeof h) &&
           decode(h, kind, out);
}

bool eg_range_credible(struct eg_view *v, struct eg_space *file, uint64_t at,
                       const struct eg_range_kind *kind, uint64_t after,
                       struct eg_range_header *out)
{
    uint8_t h[EG_RANGE_HEADER];

    return eg_within(at, sizeof h, eg_space_size(file)) && eg_read(v, file, at, h, sizeof h) &&
           decode(h, kind, out) && !eg_le64(h + 24) && out->first > after;
}

uint64_t eg_range_search(struct eg_view *v, struct eg_space *file, uint64_t at,
                         const struct eg_range_kind *kind, uint64_t after)
{
    const uint8_t magic[] = { (uint8_t)kind->magic, (uint8_t)(kind->magic >> 8),
                              (uint8_t)(kind->magic >> 16), (uint8_t)(kind->magic >> 24) };
    const uint64_t size = eg_space_size(file);
    struct eg_range_header h;

    while (eg_within(at, EG_RANGE_HEADER, size)) {
        size_t len = (size_t)EG_MIN(size - at, (uint64_t)1 << 20);
        const uint8_t *p = eg_map_some(v, file, at, &len), *found;

        if (!p) { // unreadable: on to what comes behind it
            struct eg_extent x;

            if (!eg_next_mapped(v, file, at, size - 1, &x))
                break;
            at = EG_MAX(x.start, at + 1);
            continue;
        }
        found = memmem(p, len, magic, sizeof magic);
        if (!found) {
            at += len >= sizeof magic ? len - (sizeof magic - 1) : 1;
            continue;
        }
        at += (uint64_t)(found - p);
        if (eg_range_credible(v, file, at, kind, after, &h))
            return at;
        at++;
    }
    return size;
}
