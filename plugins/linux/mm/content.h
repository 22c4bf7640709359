/** mm/content.h - the whole of a file as far as memory has it: parts that lie behind each other,
 * from its first byte to its last one. Room is needed for the parts that are there, whatever size
 * the file claims. */
#ifndef EG_LINUX_CONTENT_H
#define EG_LINUX_CONTENT_H

#include "../../../core/vec.h"
#include "filemap.h"

enum linux_content_kind {
    LINUX_CONTENT_BYTES,   /**< in physical memory, at @at */
    LINUX_CONTENT_SWAPPED, /**< from where it was swapped to; @at: the first page's swp_entry_t */
    LINUX_CONTENT_ZEROS,   /**< nothing was ever written there */
    LINUX_CONTENT_MISSING, /**< see @why */
};
struct linux_content_part {
    uint64_t first, len; /**< bytes in the file; @len is not 0 */
    uint64_t at;
    uint8_t kind, why;
    bool dirty;   /**< not on the disk yet */
    bool partial; /**< BYTES: of a page that was not all read from the disk when parts of it were
                       written: other parts of it may be wrong */
};
/** Zeroed before the first use; linux_content_fini() when it is no longer needed. */
struct linux_content {
    EG_VEC(struct linux_content_part) parts;
    uint64_t size;
    uint64_t present, dirty, swapped; /**< bytes; present: of BYTES and SWAPPED */
    uint64_t missing, partial, zeros;
    uint64_t end;   /**< behind the last byte that is present */
    uint64_t n_bad; /**< entries of its tree that lead to pages which are not its own */
    bool whole;     /**< nothing is missing or partial */
};
/** Look at another file: the last one's parts are forgotten. @return false: its inode cannot be
 * read, or the run was stopped. */
EG_API bool linux_content_of(struct eg_run *r, struct eg_obj inode, struct linux_content *c);
EG_API void linux_content_fini(struct linux_content *c);
/** Are these bytes of the file all there, and its own? Zeros that were never written are. */
EG_API bool linux_content_has(const struct linux_content *c, uint64_t at, uint64_t len);

/** Give the bytes of a part to @give, in order and in pieces of at most 4 MiB; zeros and what is
 * missing is not given. @return false: @give returned it, or the run was stopped. */
EG_API bool linux_content_read(struct eg_run *r, const struct linux_content_part *part,
                               bool (*give)(void *context, uint64_t at, const void *bytes,
                                            size_t len),
                               void *context);

#endif
