/** arena.h - memory that lives as long as its owner (a run, an image) and is freed all at once.
 *
 *  Not thread-safe: an arena belongs to one thread at a time. */
#ifndef EG_ARENA_H
#define EG_ARENA_H

#include "base.h"
#include <stdarg.h>

struct eg_arena_block;
struct eg_arena {
    struct eg_arena_block *top;
    size_t used;  /**< bytes that were allocated from it */
    size_t limit; /**< the most bytes that may be allocated; 0: no limit */
};

/** Free everything. A zeroed struct is an empty arena, and so is what this leaves. */
void eg_arena_fini(struct eg_arena *a);
/** Empty the arena, but keep some of its memory for the next use. */
void eg_arena_reset(struct eg_arena *a);

/** @return @len zeroed bytes, aligned for any type; NULL past the limit or out of memory. */
void *eg_arena_alloc(struct eg_arena *a, size_t len);
char *eg_arena_strndup(struct eg_arena *a, const char *s, size_t len);
char *eg_arena_vstrf(struct eg_arena *a, const char *format, va_list ap);
char *eg_arena_strf(struct eg_arena *a, const char *format, ...) EG_PRINTF(2, 3);

#define eg_arena_new(a, type)      ((type *)eg_arena_alloc((a), sizeof(type)))
#define eg_arena_array(a, type, n) ((type *)eg_arena_array_((a), sizeof(type), (n)))
void *eg_arena_array_(struct eg_arena *a, size_t size, size_t n);

#endif
