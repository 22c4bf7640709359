/** factor.h - what must be in each match of a regular expression: a sequence of byte sets in each
 * of its branches, and how far before it a match can begin. */
#ifndef SCAN_FACTOR_H
#define SCAN_FACTOR_H

#include "filter.h"

enum { SCAN_BRANCHES_MAX = 256 };

struct scan_factors {
    struct scan_factor at[SCAN_BRANCHES_MAX]; /**< one of each branch */
    size_t n;
    struct scan_set before; /**< what can stand between the begin of a match and a factor */
    size_t before_max;      /**< how many bytes; SIZE_MAX: no end */
};

/** @return false when nothing can be said of this (valid) pattern: it must be tried everywhere. */
bool scan_factors(const char *pattern, bool ignore_case, bool literal, struct scan_factors *out);

#endif
