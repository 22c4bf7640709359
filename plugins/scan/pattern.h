/** pattern.h - a regular expression (PCRE2, compiled for this processor), matched with bounds: on
 * steps and memory, never on hope. */
#ifndef SCAN_PATTERN_H
#define SCAN_PATTERN_H

#include "../../core/engram.h"

enum { SCAN_UTF = 1, SCAN_IGNORE_CASE = 2, SCAN_LITERAL = 4 };

struct scan_pattern;
/** @return NULL when it is none: then the run has failed. */
struct scan_pattern *scan_pattern_open(struct eg_run *r, const char *text, unsigned flags);
void scan_pattern_close(struct scan_pattern *p); /**< NULL-safe */

/** What one thread needs to match. NULL: out of memory. */
struct scan_matcher;
struct scan_matcher *scan_matcher_new(void);
void scan_matcher_free(struct scan_matcher *m); /**< NULL-safe */

enum scan_found { SCAN_NONE, SCAN_MATCH, SCAN_LIMIT /**< the bounds were reached: not known */ };
/** The first match that begins in [@from, @to] (@to included) and is not empty. */
enum scan_found scan_match(const struct scan_pattern *p, struct scan_matcher *m,
                           const uint8_t *bytes, size_t len, size_t from, size_t to, size_t *begin,
                           size_t *end);

#endif
