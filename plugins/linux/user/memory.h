/** user/memory.h - where a process keeps its own data: memory that it may write and shares with no
 * other process. Searches go through it piece by piece, and read words and texts of it.
 *
 *  Nothing that is found there is the kernel's word: a program writes there what it likes. */
#ifndef EG_LINUX_USER_MEMORY_H
#define EG_LINUX_USER_MEMORY_H

#include "../mm/mm.h"

/** A mapping of private, writable memory. */
struct linux_user_range {
    uint64_t start, end;
    bool data; /**< variables of a program or library: of its file, or right behind that (.bss) */
};

/** A process's own memory. Reused from one process to the next: zero it before the first. */
struct linux_user {
    struct eg_run *run;
    struct eg_space *space;
    struct eg_obj mm;
    unsigned ptr; /**< bytes of a pointer of this process: 4 or 8 */
    bool big;
    struct linux_user_range *ranges; /**< by address */
    size_t n, cap;
    uint64_t budget; /**< bytes of text that are still looked at, of this process */
    uint64_t most;   /**< bytes that one search goes through: page tables can be endless */
    uint64_t all;    /**< that all searches of all processes have gone through */
    bool full;       /**< a search found more places than it keeps */
    bool endless;    /**< a search was cut at @most */
    bool told;       /**< that all searches were */
};
/** @return false: a kernel thread, or it has ended, or its memory cannot be read. */
EG_API bool linux_user_open(struct eg_run *r, struct eg_obj task, struct linux_user *u);

/** The range that holds @addr; NULL: none. */
EG_API const struct linux_user_range *linux_user_range(const struct linux_user *u, uint64_t addr);

/** Bytes of the ranges, in order, that lie together in our memory. They are valid until the next
 * read: what a search finds in a piece is kept, and looked at when the piece is done. */
struct linux_user_piece {
    uint64_t at;
    const uint8_t *bytes;
    size_t len;   /**< a multiple of the pointer's size */
    size_t range; /**< its number */
    /* private */
    uint64_t next, seen;
    bool begun;
};
/** @data_only: only variables of programs and libraries. */
EG_API bool linux_user_next(struct linux_user *u, bool data_only, struct linux_user_piece *p);

/** The pointer or the integers at @addr. @return false: cannot be read. */
EG_API bool linux_user_word(const struct linux_user *u, uint64_t addr, uint64_t *out);
EG_API bool linux_user_u32(const struct linux_user *u, uint64_t addr, uint32_t *out);
/** The word at @p, of a piece. */
static inline uint64_t linux_user_load(const struct linux_user *u, const uint8_t *p)
{
    return eg_load_(p, u->ptr, u->big);
}

/** What is asked of a text. */
enum linux_text_kind {
    LINUX_TEXT_ANY,  /**< at least one byte, and a NUL behind it */
    LINUX_TEXT_LINE, /**< also no control characters but those that are typed: tab, newline, ESC */
};
/** Is there a NUL-terminated text of at most @max bytes at @addr? @len may be NULL. */
bool linux_user_is_text(struct linux_user *u, uint64_t addr, size_t max, enum linux_text_kind kind,
                        size_t *len);
/** The same text, in @buf until its next use; NULL: it is none. */
EG_API char *linux_user_text(struct linux_user *u, uint64_t addr, size_t max,
                             enum linux_text_kind kind, struct linux_buffer *buf, size_t *len);
/** Is it a program in Go? The linker begins its variables with a mark (cmd/link, buildinfo). */
bool linux_user_is_go(struct linux_user *u);
/** Notes of what a search left out: more than it keeps, more text than it looks at. */
EG_API void linux_user_notes(struct linux_user *u, struct eg_obj task);

/** Addresses that a search has kept. */
struct linux_addresses {
    uint64_t *at;
    size_t n, cap;
};
enum { LINUX_ADDRESSES_MAX = 1 << 20 };
void linux_addresses_add(struct linux_user *u, struct linux_addresses *a, uint64_t addr);

#endif
