/* content_blocks.c - a file may be written block by block, and so may be read: until all blocks of
 * a folio are there, each has a mark of its own. Those of ext4, FAT and block devices are in a ring
 * of buffer_heads (fs/buffer.c), those of xfs in a bitmap (fs/iomap/buffered-io.c); folio.private
 * leads to either. */
#include "content_blocks.h"
#include "../../../core/run.h"
#include "../fs/inode.h"
#include "mm.h"

EG_FIELD_AS(bh_state, buffer_head, "b_state");
EG_FIELD_AS(bh_next, buffer_head, "b_this_page");
EG_FIELD_AS(bh_page, buffer_head, "b_page|b_folio");
EG_FIELD_AS(bh_size, buffer_head, "b_size");
EG_FIELDS(iomap_folio_state, state); // since 6.6
EG_FIELDS(iomap_page, uptodate);     // before
EG_TYPE(buffer_head);

enum { BLOCK_MIN = 512, UPTODATE = 1, ORDER_MAX = 20 };

static void mark(struct linux_blocks *out, unsigned i)
{
    out->fresh[i / 64] |= UINT64_C(1) << i % 64;
}

static bool from_ring(struct eg_run *r, uint64_t private, uint64_t folio, uint64_t bytes,
                      struct linux_blocks *out)
{
    uint64_t at = private, page, size, state;

    for (out->n = 0; out->n < LINUX_BLOCKS_MAX; out->n++) {
        struct eg_obj bh = eg_object(r, buffer_head, at);

        // Each says which folio it is of.
        if (!eg_get(&page, bh, bh_page) || page != folio || !eg_get(&size, bh, bh_size) ||
            size < BLOCK_MIN || size & (size - 1) || (out->n && size != out->size) ||
            !eg_get(&state, bh, bh_state) || !eg_get(&at, bh, bh_next))
            return false;
        out->size = size;
        if (state & UPTODATE)
            mark(out, out->n);
        if (at == private)
            break;
    }
    out->n++;
    return out->n <= LINUX_BLOCKS_MAX && out->n * out->size == bytes;
}

static bool from_bitmap(struct eg_run *r, uint64_t private, uint64_t bytes, uint64_t block,
                        struct linux_blocks *out)
{
    struct eg_obj map = eg_at(eg_object(r, iomap_folio_state, private), iomap_folio_state.state);

    if (map.why)
        map = eg_at(eg_object(r, iomap_page, private), iomap_page.uptodate);
    if (map.why || block < BLOCK_MIN || bytes % block || bytes / block > LINUX_BLOCKS_MAX)
        return false;
    out->size = block;
    out->n = (unsigned)(bytes / block);
    for (uint64_t i = eg_next_bit(map, 0, out->n); i < out->n; i = eg_next_bit(map, i + 1, out->n))
        mark(out, (unsigned)i);
    return true;
}

bool linux_blocks_of(struct eg_run *r, struct eg_obj inode, const struct linux_cached *e,
                     struct linux_blocks *out)
{
    const struct linux_memmap *m = linux_memmap(r);
    struct eg_obj type = eg_at(inode, inode.i_sb, super_block.s_type, file_system_type.name);
    const char *fs = eg_string(r, type, 16);
    struct linux_page_state state;
    uint64_t private, bytes, before;
    uint8_t bits;

    if (!m || !fs || !linux_page_state(r, m, e->at, &state) || state.order > ORDER_MAX ||
        !eg_get(&private, eg_object(r, page, e->folio), page.private) || !private)
        return false;
    bytes = UINT64_C(1) << (state.order + m->shift);
    before = (e->at - state.head) << m->shift;
    if (before > e->first << m->shift)
        return false;
    *out = (struct linux_blocks){ .first = (e->first << m->shift) - before };
    if (!strcmp(fs, "btrfs")) // has marks of another kind
        return false;
    if (!strcmp(fs, "xfs"))
        return eg_get(&bits, inode, inode.i_blkbits) && bits < 32 &&
               from_bitmap(r, private, bytes, UINT64_C(1) << bits, out);
    return from_ring(r, private, e->folio, bytes, out);
}
