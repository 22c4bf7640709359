/** text.h - a text that grows, in a run's memory: it is put together from parts. */
#ifndef EG_LINUX_TEXT_H
#define EG_LINUX_TEXT_H

#include "../../core/engram.h"

enum { LINUX_TEXT_MAX = 1 << 22 }; /**< bytes of one text; what is longer is cut, with a note */

/** A zeroed one with its run is an empty text. */
struct linux_text {
    struct eg_run *r;
    char *at;
    size_t n, cap;
    bool cut;
};
void linux_text_add(struct linux_text *t, const char *format, ...)
    __attribute__((__format__(__printf__, 2, 3)));
/** Bytes as they are. */
void linux_text_bytes(struct linux_text *t, const void *bytes, size_t n);
/** The text, "" where nothing was added. It lives as long as the run, and is valid until the next
 * addition. */
const char *linux_text_of(const struct linux_text *t);

/** @hints and @more with "; " between; either may be NULL. What @hints says already is not said
 * twice. */
EG_API const char *linux_hints(struct eg_run *r, const char *hints, const char *more);

#endif
