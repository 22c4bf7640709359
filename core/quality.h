/** quality.h - what of a space cannot be what its machine had there: long runs of zeros, and bytes
 * that stand a second time, at a constant distance from the first.
 *
 *  Such parts are what a failed acquisition leaves: pages that could not be read are written as
 * zeros, or as what the buffer held before. Free memory is zeros too, and a copied file stands in
 * memory twice: what the memory was in use for, only the operating system knows. Nothing here
 * judges. */
#ifndef EG_QUALITY_H
#define EG_QUALITY_H

#include "space.h"
#include "vec.h"

/** A run of pages (of EG_VIEW_PAGE bytes); both addresses inclusive. */
struct eg_part {
    uint64_t first, last;
    uint64_t
        distance; /**< each byte is the same as the one so many bytes before it; it is less than
                            the part is long where something is repeated. 0: zeros */
};
struct eg_parts {
    EG_VEC(struct eg_part) list; /**< by address; those of zeros do not overlap */
    uint64_t bytes;              /**< that were looked at */
    uint64_t zeros;              /**< of them, those in pages of zeros; eg_quality_scan() only */
    size_t more;                 /**< parts that there was no room to keep */
    uint64_t from;               /**< not looked at from here on; 0: all was */
};
/** Pages of the shortest part that is kept. Of a copy this many are not zeros; in spaces of more
 * than 4 GiB, proportionally more. */
enum { EG_PART_PAGES = 64 };

/** Read [@first, @last] once, on all cores (@threads 0), with a line of progress unless @quiet. At
 * most 100 MiB of memory, whatever the space holds. @return 0, -EG_ENOMEM or -EG_ECANCEL; call
 * eg_parts_fini() in any case. */
int eg_quality_scan(struct eg_parts *out, struct eg_space *as, uint64_t first, uint64_t last,
                    unsigned threads, bool quiet, struct eg_error *e);
/** Look at about a thousand pages, evenly over all of @as: runs of zeros of several such pages,
 * whose ends are exact. That the pages between are zeros is likely, not certain. */
int eg_quality_probe(struct eg_parts *out, struct eg_space *as, unsigned threads,
                     struct eg_error *e);
void eg_parts_fini(struct eg_parts *p);

/** The run of pages of zeros around @addr. @return false: its page is not zeros, or not there. */
bool eg_zeros_around(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_part *out);

#endif
