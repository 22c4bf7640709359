/** space.h - an address space: an answer to one question, "what is here, and how far does it
 * reach?", over the space below.
 *
 *  A space is immutable once opened; all reads take a view (engram.h). It is not a cache, and knows
 * no types. Spaces stack: file bytes (mapped, or made by a decompressor) < physical memory <
 * virtual memory. */
#ifndef EG_SPACE_H
#define EG_SPACE_H

#include "arena.h"
#include "engram.h"

/** What extent() answers. Exactly one of: @why is not EG_OK (a hole); @host; @below; @made; @zero.
 */
struct eg_extent {
    uint64_t start,
        last; /**< the run that holds the asked address, both inclusive: 2^64 has no length */
    const uint8_t *host; /**< the byte at @start, in our memory for as long as the image is open */
    struct eg_space *below; /**< the space it continues in, borrowed */
    uint64_t below_addr;    /**< the address of @start in @below */
    bool made;      /**< the space's fill() makes exactly these bytes; at most EG_FILL_MAX, start
                       page-aligned */
    bool zero;      /**< reads as zeros, nothing to scan (a hole of a sparse file, zero padding) */
    uint8_t why;    /**< enum eg_why */
    uint8_t level;  /**< page tables: level at which the walk ended, 0 the last */
    uint16_t flags; /**< page tables: EG_X_… */
    uint64_t entry; /**< page tables: the entry that decided */
    uint64_t entry_addr; /**< and where it is in the space below */
};
enum eg_extent_flags {
    EG_X_WRITE = 1,
    EG_X_USER = 2,
    EG_X_EXEC = 4,
    EG_X_ACCESSED = 8,
    EG_X_DIRTY = 16,
    EG_X_GLOBAL = 32,
    EG_X_PROT_NONE = 64, /**< no access for the program, but its bytes are there */
};

/** One made run is at most this large; a format with larger units unpacks to a file instead. */
enum { EG_FILL_MAX = 1 << 22 };

struct eg_table_step;
struct eg_space_ops {
    const char *name;
    /** Never fails: a hole is an answer. [start, last] holds @addr. Reads of the space below go
     * through @v. */
    void (*extent)(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out);
    /** Make the @len bytes of a `made` extent. Called from many threads. @return false: unreadable.
     */
    bool (*fill)(struct eg_view *v, struct eg_space *as, uint64_t start, void *bytes, size_t len);
    /** The table entries that decide about @addr, top first, for `vtop`. @return how many. NULL: no
     * tables.
     */
    unsigned (*steps)(struct eg_view *v, struct eg_space *as, uint64_t addr,
                      struct eg_table_step *out, unsigned max);
    void (*close)(struct eg_space *as); /**< may be NULL */
};
struct eg_table_step {
    uint64_t addr;  /**< where the entry is in the space below */
    uint64_t entry; /**< 0 when it cannot be read */
    uint8_t level;  /**< 0 the last */
    uint8_t shift;  /**< log2 of what an entry of this level maps */
    uint8_t why;    /**< why it cannot be read */
};
struct eg_space {
    const struct eg_space_ops *ops;
    struct eg_space *below; /**< for descriptions; NULL at the bottom */
    uint64_t last;          /**< the highest address that can mean something */
    void *priv;
};

/** Life of a view: 100 KB and more, so never on a small stack. fini gives back its made pages. */
void eg_view_init(struct eg_view *v, struct eg_run *r);
void eg_view_fini(struct eg_view *v);
/** Forget translations of a space that is about to go away. */
void eg_view_forget(struct eg_view *v, const struct eg_space *as);

/** For fill(): memory ran out. The read fails, and so does the run. */
void eg_view_starved(struct eg_view *v);

/** The extent at @addr, trimmed to hold it; a space that answers nonsense answers EG_UNREADABLE. */
void eg_extent_at(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out);

/** The next extent that is no hole, at or after @from and not past @to: `while (eg_next_mapped(…))
 * from = x.last + 1`.
 * @return false at the end, and then v->why is EG_OK; also where page tables have 2^20 holes on end,
 * as those that lead in circles do: then it is EG_BAD_VALUE, and the view's run gets a note. */
bool eg_next_mapped(struct eg_view *v, struct eg_space *as, uint64_t from, uint64_t to,
                    struct eg_extent *out);

/** The bytes of @addr as far as they are contiguous in our memory: *@len is reduced (never past 4
 * MiB). NULL: a hole, v->why says which. For scanners and bulk readers: no bounce, no zero fill. */
const uint8_t *eg_map_some(struct eg_view *v, struct eg_space *as, uint64_t addr, size_t *len);

/** Follow an address down to the physical space (or any space @base below): for vtop and page
 * ownership. */
bool eg_translate(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_space *base,
                  uint64_t *out);

/** Scalars of a given byte order, for walkers below the type system. */
bool eg_read_u64(struct eg_view *v, struct eg_space *as, uint64_t addr, bool big, uint64_t *out);
bool eg_read_u32(struct eg_view *v, struct eg_space *as, uint64_t addr, bool big, uint32_t *out);

/** A space of sorted, non-overlapping runs of the space below: what LiME, ELF core, split files and
 * raw+offset are. */
struct eg_segment {
    uint64_t start, last;
    struct eg_space *below;
    uint64_t below_addr;
    uint64_t stored; /**< bytes from start that are in the file; the rest of the run is `tail` */
    uint8_t tail; /**< what the rest is: EG_OK zeros (an ELF segment's memsz), else enum eg_why (a
                     truncated file) */
};
/** Sorts @segs, drops empty ones, cuts overlaps (first in file order wins: *@overlaps counts them)
 * and takes a copy. */
int eg_segments_open(struct eg_space **out, const char *name, const struct eg_segment *segs,
                     size_t n, size_t *overlaps, struct eg_error *e);

/** A file's bytes, mapped. Holes of sparse files are `zero`; a page that faults is EG_UNREADABLE,
 * not SIGBUS. */
int eg_file_open(struct eg_space **out, const char *path, struct eg_error *e);
/** The same of an open descriptor (an unlinked temporary file); takes it over. */
int eg_file_open_fd(struct eg_space **out, int fd, const char *name, struct eg_error *e);
uint64_t eg_space_size(const struct eg_space *as); /**< last + 1 */

/** Bytes in our own memory, borrowed: tests, fuzzing, a decompressed table. */
int eg_memory_open(struct eg_space **out, const void *bytes, size_t len, struct eg_error *e);

/** Closes this space only, not the one below. NULL-safe. */
void eg_space_close(struct eg_space *as);

#endif
