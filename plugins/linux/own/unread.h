/** own/unread.h - what was written into a pipe, or came into a socket, and was not read yet. */
#ifndef EG_LINUX_UNREAD_H
#define EG_LINUX_UNREAD_H

#include "../../../core/engram.h"

EG_FIELD_AS(inode_pipe, inode, "i_pipe"); // also of a FIFO that has a name

/** A piece of it: @len bytes at @addr of @space; @space NULL: they cannot be found. */
struct linux_piece {
    struct eg_space *space;
    uint64_t addr;
    uint32_t len;
};

/** Pieces of a pipe (a cursor on a pipe_inode_info, or on a pointer to one), the oldest first:
 * `linux_each_pipe_piece(r, pipe, piece)`. */
struct linux_pipe_walk {
    struct eg_obj pipe, bufs;
    uint32_t at, end, mask;
    bool begun;
};
EG_API bool linux_next_pipe_piece(struct eg_run *r, struct linux_pipe_walk *w,
                                  struct linux_piece *piece);
#define linux_each_pipe_piece(r, pipe_, piece)                                                     \
    for (struct linux_pipe_walk EG_CAT(w_, __LINE__) = { .pipe = (pipe_) };                        \
         linux_next_pipe_piece((r), &EG_CAT(w_, __LINE__), &(piece));)

/** Bytes in a pipe. @return false: it cannot be read. */
EG_API bool linux_pipe_unread(struct eg_run *r, struct eg_obj pipe, uint64_t *bytes);
/** Where in @piece the bytes of a struct page are; unchanged when they cannot be found. */
EG_API void linux_piece_in_page(struct eg_run *r, uint64_t page, uint32_t offset,
                                struct linux_piece *piece);

/** Bytes in the queue of a socket that recv() would give; of one that takes packets with their
 * headers all of each. @return false: it has no such queue, or it cannot be read. */
EG_API bool linux_sock_unread(struct eg_run *r, struct eg_obj sock, uint64_t *bytes);

/** The pieces of what is in its queue, the oldest first, to @take. */
EG_API void linux_sock_pieces(struct eg_run *r, struct eg_obj sock,
                              void (*take)(void *context, const struct linux_piece *piece),
                              void *context);

#endif
