/** sparse.h - finds bytes in a file, in a time that does not depend on the length of zeros that are
 * not stored (a sparse file may claim 2^63 bytes). */
#ifndef EG_SPARSE_H
#define EG_SPARSE_H

#include "../core/space.h"

/** The first place in [@at, @end) with the @n bytes (1..32) at @what, of which the first is not 0.
 * @return @end: there is none, or the search was cancelled. */
uint64_t eg_find_bytes(struct eg_view *v, struct eg_space *as, uint64_t at, uint64_t end,
                       const void *what, size_t n);

/** Skip zeros that are not stored, and nothing else. @return at most @end. */
uint64_t eg_skip_zeros(struct eg_view *v, struct eg_space *as, uint64_t at, uint64_t end);
/** The same backwards: where the zeros begin that are not stored and end at @end; @end: there are
 * none. */
uint64_t eg_zeros_before(struct eg_view *v, struct eg_space *as, uint64_t end);

#endif
