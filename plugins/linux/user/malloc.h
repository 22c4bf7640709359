/** user/malloc.h - the heap of the GNU C library (glibc's malloc.c, 2.23 to 2.43): its arenas, and
 * each chunk of memory with what it is: in use, or free and in which list.
 *
 *  The layout of malloc_state differed by release. It is not looked up: the bins of an arena are
 * empty lists that point to themselves, and the ring of arenas closes in one layout only. */
#ifndef EG_LINUX_USER_MALLOC_H
#define EG_LINUX_USER_MALLOC_H

#include "memory.h"

/** ORDER linux_chunk_state (malloc.c) */
enum linux_chunk_state {
    LINUX_CHUNK_USED,
    LINUX_CHUNK_TCACHE, /**< free, in a thread's cache */
    LINUX_CHUNK_FAST,
    LINUX_CHUNK_UNSORTED,
    LINUX_CHUNK_SMALL,
    LINUX_CHUNK_LARGE,
    LINUX_CHUNK_UNLISTED, /**< free by the flag of the next chunk, and in no list */
    LINUX_CHUNK_TOP,      /**< what was never given out */
    LINUX_CHUNK_MMAPPED,  /**< in use, a mapping of its own */
};
/** "in use", "tcache", … */
const char *linux_chunk_state_text(enum linux_chunk_state state);

struct linux_chunk {
    uint64_t at;    /**< of its header; what malloc() returned is two words behind */
    uint64_t size;  /**< with the header, as malloc counts */
    unsigned flags; /**< 1: the chunk before is in use, 2: mmapped, 4: not of the main arena */
    enum linux_chunk_state state;
    uint64_t arena; /**< 0: none, it is a mapping of its own */
};

enum { LINUX_ARENAS_MAX = 1024, LINUX_REGIONS_MAX = 1 << 16 };

struct linux_arena {
    uint64_t at;   /**< malloc_state */
    uint64_t bins; /**< its member bins */
    uint64_t top;  /**< the chunk */
    bool main;
};
/** A stretch of chunks, one behind the other. */
struct linux_malloc_region {
    uint64_t first, end; /**< of the first chunk, behind the last one */
    uint32_t arena;      /**< its number */
};
struct linux_free_chunk {
    uint64_t at;
    enum linux_chunk_state state;
};
/** Reused from one process to the next: zero it before the first. */
struct linux_malloc {
    struct linux_user *u;
    struct linux_arena arenas[LINUX_ARENAS_MAX];
    size_t n_arenas;
    uint64_t bins_at; /**< of every arena: bytes before its bins */
    struct linux_malloc_region *regions;
    size_t n_regions, cap_regions;
    struct linux_free_chunk *free; /**< by address */
    size_t n_free, cap_free;
    unsigned align; /**< of what malloc() returns: 16 or 8 */
    /* the walk */
    size_t region, range;
    uint64_t at;
    size_t steps;    /* headers that are still followed to find where chunks begin */
    uint64_t left;   /* chunks, and pages looked at for one, until the walk ends */
    uint64_t broken; /**< where a chain of chunks broke first; 0: nowhere */
    struct linux_addresses pairs;
};
/** Find the arenas and free lists of @u. @return false: no heap of glibc's. */
bool linux_malloc_open(struct linux_user *u, struct linux_malloc *m);
/** Each chunk: arena by arena, then those that are mappings of their own. */
bool linux_malloc_next(struct linux_malloc *m, struct linux_chunk *c);

/* ---- between the files of this noun ---- */

void linux_malloc_find_regions(struct linux_malloc *m);
void linux_malloc_find_free(struct linux_malloc *m);
/** The header at @at: its size without flags. @return false: it cannot be one before @end. */
bool linux_malloc_header(struct linux_malloc *m, uint64_t at, uint64_t end, uint64_t *size,
                         unsigned *flags);

/** Do chunks of @size hold a thread's cache? */
bool linux_malloc_cache_size(const struct linux_malloc *m, uint64_t size);

#endif
