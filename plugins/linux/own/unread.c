/* unread.c - what was written into a pipe and not read yet; places in pages. */
#include "unread.h"
#include "../../../core/base.h"
#include "../mm/page.h"

// A ring that counts on and on since 5.5; before a first one, and how many. The two are parts of a
// union since 6.14 (include/linux/pipe_fs_i.h).
EG_FIELD_AS(pipe_buffers, pipe_inode_info, "buffers");
EG_FIELD_AS(pipe_bufs, pipe_inode_info, "bufs");
EG_FIELD_AS(pipe_curbuf, pipe_inode_info, "curbuf");
EG_FIELD_AS(pipe_head, pipe_inode_info, "head");
EG_FIELD_AS(pipe_nrbufs, pipe_inode_info, "nrbufs");
EG_FIELD_AS(pipe_ring_size, pipe_inode_info, "ring_size");
EG_FIELD_AS(pipe_tail, pipe_inode_info, "tail");
EG_FIELD_AS(piece_len, pipe_buffer, "len");
EG_FIELD_AS(piece_offset, pipe_buffer, "offset");
EG_FIELD_AS(piece_page, pipe_buffer, "page");

enum { RING_MAX = 1 << 20, PIECE_MAX = 1 << 30 };

static bool begin(struct eg_run *r, struct linux_pipe_walk *w)
{
    uint32_t size, head, n;

    w->begun = true;
    w->bufs = eg_at(w->pipe, pipe_bufs);
    if (eg_has(r, pipe_ring_size)) {
        if (!eg_get(&size, w->pipe, pipe_ring_size) || !eg_get(&head, w->pipe, pipe_head) ||
            !eg_get(&w->at, w->pipe, pipe_tail))
            return false;
        n = head - w->at;
    } else if (!eg_get(&size, w->pipe, pipe_buffers) || !eg_get(&w->at, w->pipe, pipe_curbuf) ||
               !eg_get(&n, w->pipe, pipe_nrbufs)) {
        return false;
    }
    if (!size || size & (size - 1) || size > RING_MAX || n > size)
        return false;
    w->mask = size - 1;
    w->end = w->at + n;
    return true;
}

void linux_piece_in_page(struct eg_run *r, uint64_t page, uint32_t offset,
                         struct linux_piece *piece)
{
    const struct linux_memmap *m = linux_memmap(r);
    uint64_t pfn, head_pfn, at;
    struct eg_obj head;

    if (m && linux_page_head(r, m, page, &pfn, &head, &head_pfn) &&
        eg_add(pfn << m->shift, offset, &at)) {
        piece->space = eg_physical(r);
        piece->addr = at;
    }
}

bool linux_next_pipe_piece(struct eg_run *r, struct linux_pipe_walk *w, struct linux_piece *piece)
{
    if (!w->begun && !begin(r, w))
        w->at = w->end;
    while (w->at != w->end && !eg_stopped(r)) {
        struct eg_obj buf = eg_index(w->bufs, w->at++ & w->mask);
        uint32_t offset;
        uint64_t page;

        *piece = (struct linux_piece){ 0 };
        if (!eg_get(&piece->len, buf, piece_len) || piece->len > PIECE_MAX) {
            w->at = w->end; // the ring is not where it says
            return false;
        }
        if (eg_get(&offset, buf, piece_offset) && eg_get(&page, buf, piece_page))
            linux_piece_in_page(r, page, offset, piece);
        if (piece->len)
            return true;
    }
    return false;
}

bool linux_pipe_unread(struct eg_run *r, struct eg_obj pipe, uint64_t *bytes)
{
    struct linux_pipe_walk w = { .pipe = pipe };
    struct linux_piece piece;

    *bytes = 0;
    if (!begin(r, &w))
        return false;
    while (linux_next_pipe_piece(r, &w, &piece))
        *bytes += piece.len;
    return true;
}
