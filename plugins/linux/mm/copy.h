/** mm/copy.h - memory into a file of eg_output(), without its holes. */
#ifndef EG_LINUX_COPY_H
#define EG_LINUX_COPY_H

#include "../../../core/space.h"
#include <stdio.h>

struct linux_copy {
    FILE *f;
    uint64_t end;                    /**< behind the last byte that was written: the file's size */
    uint64_t present;                /**< bytes that were there */
    uint64_t missing;                /**< bytes that were not, */
    uint64_t why[EG_NOT_CACHED + 1]; /**< by their reasons */
    uint64_t limit;                  /**< of @present; set by the first call */
    unsigned steps;                  /**< of which there is a limit: page tables can be endless */
    bool failed;
};
/** Write [@first, @last] of @space at @offset of the file. What is missing, or zeros, is left out.
 * @return false: the file could not be written, or the user stopped. */
EG_API bool linux_copy_range(struct eg_run *r, struct linux_copy *c, struct eg_space *space,
                             uint64_t first, uint64_t last, uint64_t offset);
/** Give the file its size, and close it. @return false: it could not be written. */
EG_API bool linux_copy_done(struct eg_run *r, struct linux_copy *c);
/** "not in the page cache: 4096, swapped out: 8192"; NULL: nothing is missing. */
EG_API const char *linux_copy_reasons(struct eg_run *r, const struct linux_copy *c);
/** @s as part of a file's name: letters, digits and _-. only. In the run's memory. */
EG_API const char *linux_copy_name(struct eg_run *r, const char *s);

#endif
