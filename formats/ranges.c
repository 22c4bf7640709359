/* ranges.c - see ranges.h. */
#include "ranges.h"
#include "known.h"
#include "sparse.h"
#include <stdlib.h>

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

    while ((at = eg_find_bytes(v, file, at, size, magic, sizeof magic)) < size) {
        if (eg_range_credible(v, file, at, kind, after, &h))
            return at;
        at++;
    }
    return size;
}

uint64_t eg_range_first(struct eg_view *v, struct eg_space *file, const struct eg_range_kind *kind)
{
    const uint64_t size = eg_space_size(file);
    const size_t len = (size_t)EG_MIN(size, (uint64_t)EG_KNOWN_HEAD);
    eg_cleanup(eg_free_) uint8_t *head = malloc(len);

    if (!head)
        return size;
    eg_read_some(v, file, 0, head, len, NULL);
    // With its own magic number, only the version is damaged.
    if (eg_known(head, len, size) && !(len >= 4 && eg_le32(head) == kind->magic))
        return size;
    return eg_range_search(v, file, 0, kind, 0);
}
