/** qemu.h - a QEMU migration stream (qemu.c): its RAM blocks, where each page's last copy is in the
 * file, and where the blocks lie in physical memory. */
#ifndef EG_QEMU_H
#define EG_QEMU_H

#include "../core/image.h"

/** A page's entry in the index: a kind in the low bits and a value above. 0: the page was never
 * sent. */
enum eg_qemu_kind {
    EG_QEMU_NONE,
    EG_QEMU_BYTE,  /**< value: the byte that fills the page */
    EG_QEMU_PAGE,  /**< value: its place in the file */
    EG_QEMU_ZLIB,  /**< value: place of the compressed length, which the compressed bytes follow */
    EG_QEMU_DELTA, /**< value: index in deltas of the last change */
    EG_QEMU_KIND_BITS = 3,
};
static inline enum eg_qemu_kind eg_qemu_kind(uint64_t entry)
{
    return (enum eg_qemu_kind)(entry & ((1 << EG_QEMU_KIND_BITS) - 1));
}
static inline uint64_t eg_qemu_value(uint64_t entry)
{
    return entry >> EG_QEMU_KIND_BITS;
}

/** An XBZRLE record: bytes that changed since the page was last sent. */
struct eg_qemu_delta {
    uint64_t at;     /**< place of its length in the file */
    uint64_t before; /**< the page's entry before the change; if a delta, one with a lower index */
};

struct eg_qemu_block {
    char name[256];
    uint64_t size;
    bool main;             /**< the machine's own memory: its pages are indexed */
    bool mapped;           /**< pages are at fixed places, with a bitmap (capability mapped-ram) */
    bool elsewhere;        /**< shared memory that is not in the file */
    uint64_t *pages;       /**< an entry for each page */
    uint64_t n_pages;      /**< not more than the file can hold: higher pages were never sent */
    uint64_t bitmap, data; /**< mapped: their places in the file */
};

/** Physical addresses at which a part of a block is visible, inclusive. */
struct eg_qemu_range {
    uint64_t first, last;
    size_t block;
    uint64_t offset;
};

struct eg_qemu {
    struct eg_space as;
    struct eg_space *file;
    uint64_t size; /**< of the file */
    uint8_t page_shift;
    bool page_known; /**< page_shift is stated by the stream, or was found */
    bool ignore_shared, mapped_ram, multifd;
    bool cut;         /**< the stream is truncated or damaged before the end of its memory */
    uint64_t devices; /**< where the sections of devices begin; 0: there are none */
    char machine[64]; /**< "pc-q35-7.2"; may be empty */
    EG_VEC(struct eg_qemu_block) blocks;
    EG_VEC(struct eg_qemu_delta) deltas;
    EG_VEC(struct eg_qemu_range) ranges; /**< sorted */
};

/** Read the stream up to the end of its memory: blocks and index. Damage is a note; it is an error
 * only if there is no memory at all. (qemu_stream.c) */
int eg_qemu_stream(struct eg_qemu *q, struct eg_image *img, bool quiet, struct eg_error *e);

/** Decide which blocks are the machine's memory; called when all blocks are known.
 * (qemu_machine.c) */
void eg_qemu_choose(struct eg_qemu *q, struct eg_image *img);
/** Find their physical addresses and, for @img, the state of the CPUs. (qemu_machine.c) */
int eg_qemu_machine(struct eg_qemu *q, struct eg_image *img, struct eg_error *e);

extern const struct eg_space_ops eg_qemu_ops; /**< of q->as, whose priv is q (qemu_pages.c) */

#endif
