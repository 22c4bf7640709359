/** quality_pass.h - what the parts of quality.c share. */
#ifndef EG_QUALITY_PASS_H
#define EG_QUALITY_PASS_H

#include "quality.h"

struct eg_progress_line;

/** A run of zeros, or of one page that is repeated. */
struct eg_quality_run {
    uint64_t first, last;
    uint64_t hash; /**< of each of its pages; 0: zeros */
};
/** A page that is compared with others. */
struct eg_anchor {
    uint64_t hash, at;
};
/** A part of the space that one thread reads. */
struct eg_quality_window {
    uint64_t first, last;
    uint64_t bytes, zeros;
    EG_VEC(struct eg_quality_run) runs;
    EG_VEC(struct eg_anchor) anchors;
    struct eg_quality_run now; /**< the run that reaches up to here */
    bool starved;
};

struct eg_quality_pass {
    struct eg_parts *out;
    struct eg_space *as;
    uint64_t window; /**< bytes of each, a power of two */
    EG_VEC(struct eg_quality_window) windows;
    struct eg_view **views; /**< of each thread; at least two */
    unsigned n_views;
    unsigned shift; /**< only pages whose hash ends in so many zeros are anchors */
    struct eg_progress_line *progress;
};

/** One for each thread. @return false: out of memory. Close them in any case. */
bool eg_quality_views_open(struct eg_quality_pass *s, unsigned threads);
void eg_quality_views_close(struct eg_quality_pass *s);
/** @return false: out of memory. */
bool eg_quality_add(struct eg_parts *out, uint64_t first, uint64_t last, uint64_t distance);
/** Add the copies that the windows' anchors lead to. @return false: out of memory. */
bool eg_quality_copies(struct eg_quality_pass *s);

/** The whole page at @at, copied to @page if it is in pieces; NULL: not there, or not all of it. */
static inline const uint8_t *eg_whole_page(struct eg_view *v, struct eg_space *as, uint64_t at,
                                           uint8_t page[EG_VIEW_PAGE])
{
    size_t len = EG_VIEW_PAGE;
    const uint8_t *p = eg_map_some(v, as, at, &len);

    if (p && len == EG_VIEW_PAGE)
        return p;
    return p && eg_read(v, as, at, page, EG_VIEW_PAGE) ? page : NULL;
}
static inline bool eg_is_zero_page(struct eg_view *v, struct eg_space *as, uint64_t at)
{
    uint8_t page[EG_VIEW_PAGE];
    const uint8_t *p = eg_whole_page(v, as, at, page);

    return p && eg_all_zero(p, EG_VIEW_PAGE);
}
/** Does @at read as zeros that are stored nowhere, and up to where? */
bool eg_reads_zero(struct eg_view *v, struct eg_space *as, uint64_t at, uint64_t *last);

#endif
