/* unread.c - what was written into a pipe or a unix socket and not read yet. */
#include "unread.h"
#include "../../../core/base.h"
#include "../mm/page.h"
#include "../net/sock.h"

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

EG_FIELD_AS(buffer_len, sk_buff, "len");
EG_FIELD_AS(buffer_notes, sk_buff, "cb");
EG_FIELD_AS(notes_consumed, unix_skb_parms, "consumed");
EG_TYPE(unix_skb_parms); // of a stream: read already

EG_FIELD_AS(buffer_paged, sk_buff, "data_len");
EG_FIELD_AS(buffer_data, sk_buff, "data");
EG_FIELD_AS(buffer_head, sk_buff, "head");
EG_FIELD_AS(buffer_end, sk_buff, "end");
EG_FIELD_AS(shared_n, skb_shared_info, "nr_frags");
EG_FIELD_AS(shared_frags, skb_shared_info, "frags");
EG_FIELD_AS(frag_old_page, bio_vec, "bv_page");
EG_FIELD_AS(frag_old_len, bio_vec, "bv_len");
EG_FIELD_AS(frag_old_offset, bio_vec, "bv_offset");
EG_FIELD_AS(frag_page, skb_frag, "netmem|bv_page");
EG_FIELD_AS(frag_len, skb_frag, "len|bv_len");
EG_FIELD_AS(frag_offset, skb_frag, "offset|bv_offset");
EG_TYPE(skb_shared_info);

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

/** Where the bytes of a struct page are. */
static void place(struct eg_run *r, uint64_t page, uint32_t offset, struct linux_piece *piece)
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
            place(r, page, offset, piece);
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

bool linux_unix_unread(struct eg_run *r, struct eg_obj sock, uint64_t *bytes)
{
    uint16_t family;
    struct eg_obj buffer;

    *bytes = 0;
    if (!eg_get(&family, sock, sock_family) || family != LINUX_AF_UNIX)
        return false;
    linux_each_skb(r, eg_at(sock, sock.sk_receive_queue), buffer)
    {
        struct eg_obj notes = eg_object(r, unix_skb_parms, eg_at(buffer, buffer_notes).addr);
        uint32_t len, read = 0;

        if (!eg_get(&len, buffer, buffer_len))
            return false;
        eg_get(&read, notes, notes_consumed);
        *bytes += read <= len ? len - read : len;
    }
    return true;
}

/* ---- unix sockets: buffers of packets (include/linux/skbuff.h) ---- */

/** The pieces of a buffer, to @take: what lies at its beginning, then pages, then more buffers. */
static void buffer_pieces(struct eg_run *r, struct eg_obj buffer, uint32_t skip,
                          void (*take)(void *context, const struct linux_piece *piece),
                          void *context)
{
    struct eg_obj info, frags;
    uint64_t data, head, end;
    uint32_t len, paged;
    uint8_t n = 0;

    if (!eg_get(&len, buffer, buffer_len) || !eg_get(&paged, buffer, buffer_paged) ||
        !eg_get(&data, buffer, buffer_data) || paged > len || len > PIECE_MAX)
        return;
    if (skip < len - paged) {
        struct linux_piece piece = { eg_kernel(r), data + skip, len - paged - skip };

        take(context, &piece);
        skip = 0;
    } else {
        skip -= len - paged;
    }
    if (!paged || !eg_get(&head, buffer, buffer_head) || !eg_get(&end, buffer, buffer_end))
        return;
    // The end is an offset on 64-bit machines, a pointer on others.
    info = eg_object(r, skb_shared_info, eg_binding_of(r)->model.ptr_size == 8 ? head + end : end);
    frags = eg_at(info, shared_frags);
    eg_get(&n, info, shared_n);
    for (unsigned i = 0; i < n && i < eg_count(frags); i++) {
        struct eg_obj frag = eg_index(frags, i);
        const bool old = eg_has(r, frag_old_page); // bio_vec from 5.4 to 6.8
        struct linux_piece piece = { 0 };
        uint64_t page = 0;
        uint32_t offset = 0, size = 0;

        if (old && eg_get(&size, frag, frag_old_len)) {
            eg_get(&page, frag, frag_old_page);
            eg_get(&offset, frag, frag_old_offset);
        } else if (eg_get(&size, frag, frag_len)) {
            eg_get(&page, frag, frag_page);
            eg_get(&offset, frag, frag_offset);
        }
        if (size > PIECE_MAX)
            return;
        if (skip >= size) {
            skip -= size;
            continue;
        }
        piece.len = size - skip;
        place(r, page & ~UINT64_C(3), offset + skip, &piece);
        skip = 0;
        take(context, &piece);
    }
}

void linux_unix_pieces(struct eg_run *r, struct eg_obj sock,
                       void (*take)(void *context, const struct linux_piece *piece), void *context)
{
    struct eg_obj buffer;

    linux_each_skb(r, eg_at(sock, sock.sk_receive_queue), buffer)
    {
        struct eg_obj notes = eg_object(r, unix_skb_parms, eg_at(buffer, buffer_notes).addr);

        buffer_pieces(r, buffer, eg_get_or(0u, notes, notes_consumed), take, context);
    }
}
