/** space.h - an address space answers one question: "what is at this address, and how far does it
 * reach?"
 *
 *  A space is immutable once opened; all reads take a view (engram.h). It is not a cache and knows
 * no types. Spaces lie on each other: file bytes (mapped, or decompressed), then physical memory,
 * then virtual memory. */
#ifndef EG_SPACE_H
#define EG_SPACE_H

#include "arena.h"
#include "engram.h"

/** The answer of extent(). Exactly one of these is set: @why (a hole), @host, @below, @made,
 * @zero. */
struct eg_extent {
    uint64_t start,
        last; /**< the addresses around the one asked for, both inclusive because 2^64 bytes would
                   be no length */
    const uint8_t *host;    /**< the byte at @start in our memory, valid while the image is open */
    struct eg_space *below; /**< the space that holds the bytes, borrowed */
    uint64_t below_addr;    /**< the address of @start in @below */
    bool made;      /**< fill() of this space makes exactly these bytes: at most EG_FILL_MAX, @start
                         page-aligned */
    bool zero;      /**< reads as zeros (a hole of a sparse file, padding): searches skip it */
    uint8_t why;    /**< enum eg_why */
    uint8_t level;  /**< page tables: the level where the walk ended; 0: the last */
    uint16_t flags; /**< page tables: EG_X_… */
    bool fleeting;  /**< with host, made or zero: of a machine that runs. A view keeps neither the
                         bytes nor what led to them for longer than EG_FLEETING_NS */
    uint64_t entry; /**< page tables: the entry where the walk ended */
    uint64_t entry_addr; /**< and its address in the space below */
};
enum eg_extent_flags {
    EG_X_WRITE = 1,
    EG_X_USER = 2,
    EG_X_EXEC = 4,
    EG_X_ACCESSED = 8,
    EG_X_DIRTY = 16,
    EG_X_GLOBAL = 32,
    EG_X_PROT_NONE = 64, /**< the program may not access it, but the bytes are there */
    EG_X_SWAPPED = 128,  /**< it is swapped out, and these are its bytes from where it is now */
    EG_X_SPECIAL = 256,  /**< a page that the system counts for no process: of zeros, of a device */
};

/** The largest `made` extent, in bytes. A format with larger units unpacks to a file instead. */
enum { EG_FILL_MAX = 1 << 22 };

/** How long a view may use again what it found in the memory of a running machine: translations,
 * and copies of pages. Walking one structure of it takes about as long. */
enum { EG_FLEETING_NS = 200 * 1000 };

struct eg_table_step;
struct eg_space_ops {
    const char *name;
    /** Never fails: a hole is an answer. [start, last] contains @addr. It reads the space below
     * through @v. */
    void (*extent)(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out);
    /** Make the @len bytes of a `made` extent. Called from many threads at once. @return false:
     * unreadable. */
    bool (*fill)(struct eg_view *v, struct eg_space *as, uint64_t start, void *bytes, size_t len);
    /** The page table entries used for @addr, top level first, for `vtop`. @return how many. NULL:
     * the space has no page tables. */
    unsigned (*steps)(struct eg_view *v, struct eg_space *as, uint64_t addr,
                      struct eg_table_step *out, unsigned max);
    void (*close)(struct eg_space *as); /**< may be NULL */
};
struct eg_table_step {
    uint64_t addr;  /**< where the entry is in the space below */
    uint64_t entry; /**< 0 when it cannot be read */
    uint8_t level;  /**< 0 the last */
    uint8_t shift;  /**< log2 of the bytes that an entry of this level maps */
    uint8_t why;    /**< the reason when it cannot be read */
};
struct eg_space {
    const struct eg_space_ops *ops;
    struct eg_space *below; /**< for descriptions; NULL at the bottom */
    uint64_t last;          /**< the highest address, inclusive */
    void *priv;
};

/** A view has more than 100 KB: do not put it on a small stack. eg_view_fini() frees its
 * decompressed pages. */
void eg_view_init(struct eg_view *v, struct eg_run *r);
void eg_view_fini(struct eg_view *v);
/** Forget the translations of a space before it is closed. */
void eg_view_forget(struct eg_view *v, const struct eg_space *as);

/** For fill(): out of memory. The read fails, and so does the run. */
void eg_view_starved(struct eg_view *v);

/** The extent at @addr, checked: an answer of the space that cannot be true becomes EG_UNREADABLE
 * up to the space's end, and a note of the view's run says so. */
void eg_extent_at(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out);

/** The same for the answer of a space over @below that has the same addresses: bytes that @below
 * makes are in @below. */
void eg_extent_over(struct eg_view *v, struct eg_space *below, uint64_t addr,
                    struct eg_extent *out);

/** The next extent that is not a hole, within [@from, @to]: `while (eg_next_mapped(…)) from =
 * x.last + 1`. @return false at the end, with v->why EG_OK. Also, with v->why EG_BAD_VALUE, when
 * the user stopped the command, or after 2^20 holes in a row, as page tables with a cycle have:
 * then the view's run gets a note. */
bool eg_next_mapped(struct eg_view *v, struct eg_space *as, uint64_t from, uint64_t to,
                    struct eg_extent *out);
/** How many bytes of a space are no holes. */
uint64_t eg_mapped_bytes(struct eg_view *v, struct eg_space *as);
/** How many bytes of a space a file holds: without zeros, and where a damaged file has the same
 * bytes at many addresses not more than the space below has. For budgets: what an image claims can
 * be any number, this one not. */
uint64_t eg_stored_bytes(struct eg_view *v, struct eg_space *as);

/** The bytes at @addr as far as they are contiguous in our memory: *@len is reduced to that, and to
 * 4 MiB. NULL: a hole, with its reason in v->why. For searches and bulk reads: nothing is copied or
 * filled with zeros. */
const uint8_t *eg_map_some(struct eg_view *v, struct eg_space *as, uint64_t addr, size_t *len);

/** Translate an address of @as to one of @base, a space below it (such as physical memory). */
bool eg_translate(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_space *base,
                  uint64_t *out);

/** Scalars of a given byte order, for code that has no types. */
bool eg_read_u64(struct eg_view *v, struct eg_space *as, uint64_t addr, bool big, uint64_t *out);
bool eg_read_u32(struct eg_view *v, struct eg_space *as, uint64_t addr, bool big, uint32_t *out);

/** A segment: a range of a space whose bytes are contiguous in the space below. LiME files, ELF
 * cores, split files and raw files are lists of segments. */
struct eg_segment {
    uint64_t start, last;
    struct eg_space *below;
    uint64_t below_addr;
    uint64_t stored; /**< bytes from start that are in the file; @tail says what the rest is */
    uint8_t tail; /**< EG_OK: zeros (an ELF segment's memsz); else enum eg_why (a truncated file) */
};
/** A space of a copy of @segs: sorted, without empty ones, overlaps cut (the first in the order
 * given wins; but what is missing behind a segment's stored bytes, or EG_UNREADABLE, hides nothing
 * of another). *@overlaps counts the overlaps. */
int eg_segments_open(struct eg_space **out, const char *name, const struct eg_segment *segs,
                     size_t n, size_t *overlaps, struct eg_error *e);

/** A file's bytes, mapped. Holes of sparse files are `zero`; a page that faults is EG_UNREADABLE,
 * not SIGBUS. */
int eg_file_open(struct eg_space **out, const char *path, struct eg_error *e);
/** The same for an open descriptor (an unlinked temporary file), which the space owns from then
 * on. */
int eg_file_open_fd(struct eg_space **out, int fd, const char *name, struct eg_error *e);
/** The same for a file that a running machine writes to: its memory. A hole that gets bytes is
 * data. */
int eg_file_open_live(struct eg_space **out, int fd, const char *name, struct eg_error *e);
uint64_t eg_space_size(const struct eg_space *as); /**< last + 1 */

/** Bytes that change and cannot be mapped: memory of another process, /proc/kcore. */
struct eg_copier {
    /** Copy @len bytes at @at. Called from many threads at once. @return false: not all of them. */
    bool (*copy)(void *priv, uint64_t at, void *to, size_t len);
    void (*close)(void *priv); /**< may be NULL */
    void *priv;                /**< the space's from then on, also when it cannot be opened */
};
int eg_copied_open(struct eg_space **out, const char *name, uint64_t size,
                   const struct eg_copier *c, struct eg_error *e);
/** Is it such a space? */
bool eg_is_copied(const struct eg_space *as);

/** A space of bytes in our own memory, which are borrowed. */
int eg_memory_open(struct eg_space **out, const void *bytes, size_t len, struct eg_error *e);

/** Close this space, not the one below. NULL-safe. */
void eg_space_close(struct eg_space *as);

#endif
