/* zswap.c - the entry of a page that zswap keeps, and its data.
 *
 *  Entries of a swap device are in a red-black tree by their offset; since 6.8 in several, one for
 * each 64 MiB; since 6.10 these are xarrays. Data is in a pool of zsmalloc, or until 6.14 of zbud
 * or z3fold, whose objects do not leave their page. */
#include "zswap.h"
#include <stdlib.h>

EG_FIELDS(zswap_entry, length, pool, handle, rbnode);
EG_FIELD_AS(zswap_offset, zswap_entry, "offset"); // until 6.5
EG_FIELD_AS(zswap_slot, zswap_entry, "swpentry.val");
EG_FIELD_AS(zswap_index, zswap_entry, "pool_idx");    // behind 7.2
EG_FIELD_AS(zswap_zpool, zswap_pool, "zpool|zpools"); // an array in 6.7 and 6.8
EG_FIELDS(zswap_pool, zs_pool, tfm_name);             // without zpool since 6.18
EG_FIELD_AS(zswap_root, zswap_tree, "rbroot.rb_node");
EG_TYPE(zswap_tree);
EG_FIELDS(zpool, driver, pool);
EG_FIELD_AS(zpool_type, zpool_driver, "type");
EG_FIELDS(rb_node, rb_left, rb_right);
EG_TYPE(zswap_header);
EG_FIELDS_OF("z3fold", z3fold_header, first_num, start_middle);
EG_SYMBOL(zswap_trees, "unsigned long"); // arrays by device, as long as the release wants it
EG_SYMBOL(nr_zswap_trees, "unsigned int");
EG_SYMBOL(zswap_pools, "list_head"); // an xarray where entries have an index

enum { PIECE_SHIFT = 14, DEPTH_MAX = 64, OFFSET_BITS = 58 };

bool linux_zswap_open(struct eg_run *r, unsigned n, struct linux_zswap *z)
{
    struct eg_obj trees = eg_sym(r, zswap_trees), pieces = eg_sym(r, nr_zswap_trees);
    const struct linux_reader m = { eg_kernel(r), eg_binding_of(r)->model.big_endian };

    *z =
        (struct linux_zswap){ .is_xarray = !eg_has(r, zswap_root),
                              .node = eg_offset(r, zswap_entry.rbnode),
                              .left = eg_offset(r, rb_node.rb_left),
                              .right = eg_offset(r, rb_node.rb_right),
                              .offset = linux_place(r, zswap_offset, 0),
                              .slot = linux_place(r, zswap_slot, 0),
                              .length = linux_place(r, zswap_entry.length, 0),
                              .pool = linux_place(r, zswap_entry.pool, 0),
                              .index = linux_place(r, zswap_index, 0),
                              .handle = linux_place(r, zswap_entry.handle, 0),
                              .zs_pool = linux_place(r, zswap_pool.zs_pool, 0),
                              .zpool = linux_place(r, zswap_zpool, 0),
                              .driver = linux_place(r, zpool.driver, 0),
                              .type = linux_place(r, zpool_type, 0),
                              .allocator = linux_place(r, zpool.pool, 0),
                              .name = eg_offset(r, zswap_pool.tfm_name),
                              .has_name = eg_has(r, zswap_pool.tfm_name),
                              .header = eg_has_type(r, zswap_header) ? eg_size(r, zswap_header) : 0,
                              // Those of Linux 5.10, where a module has no types.
                              .first_num = linux_place(r, z3fold_header.first_num, 82, 2, 0, 2),
                              .middle = linux_place(r, z3fold_header.start_middle, 80, 2),
                              .z3fold_header = eg_size(r, z3fold_header) };
    if (z->index.size)
        z->pools = eg_sym(r, zswap_pools).addr;
    z->tree_size = eg_size(r, zswap_tree);
    z->root = eg_offset(r, zswap_root);
    if (trees.why || !z->length.size || !z->handle.size ||
        (z->is_xarray && !linux_xarrays_init(r, &z->xarrays)))
        return false;
    if (z->is_xarray)
        z->tree_size = z->xarrays.size;
    for (uint32_t i = 0; i < EG_MIN(n, (unsigned)LINUX_SWAP_DEVICES); i++) {
        linux_word(&m, eg_view_of(r), trees.addr + 8 * i, &z->trees[i]);
        if (!pieces.why)
            linux_place_get(&m, eg_view_of(r), pieces.addr, (struct linux_place){ 4 * i, 4, 0, 0 },
                            &z->pieces[i]);
    }
    return true;
}

static bool offset_of(const struct linux_zswap *z, const struct linux_reader *m, struct eg_view *v,
                      uint64_t entry, uint64_t *out)
{
    if (z->slot.size)
        return linux_place_get(m, v, entry, z->slot, out) &&
               (*out &= (UINT64_C(1) << OFFSET_BITS) - 1, true);
    return linux_place_get(m, v, entry, z->offset, out);
}

/* Down a red-black tree. */
static uint64_t in_tree(const struct linux_zswap *z, const struct linux_reader *m,
                        struct eg_view *v, uint64_t tree, uint64_t offset)
{
    uint64_t node, at;

    if (!linux_word(m, v, tree + z->root, &node))
        return 0;
    for (int depth = 0; node && depth < DEPTH_MAX; depth++) {
        if (!offset_of(z, m, v, node - z->node, &at))
            return 0;
        if (at == offset)
            return node - z->node;
        if (!linux_word(m, v, node + (offset < at ? z->left : z->right), &node))
            return 0;
    }
    return 0;
}

/* The tree that has the entry of this slot. */
static uint64_t tree_of(const struct linux_zswap *z, uint32_t type, uint64_t offset)
{
    const uint64_t tree = type < LINUX_SWAP_DEVICES ? z->trees[type] : 0;

    if (!tree || !z->pieces[type])
        return tree;
    return offset >> PIECE_SHIFT < z->pieces[type] ? tree + (offset >> PIECE_SHIFT) * z->tree_size
                                                   : 0;
}

static uint64_t entry_of(const struct linux_zswap *z, const struct linux_reader *m,
                         struct eg_view *v, uint32_t type, uint64_t offset)
{
    const uint64_t tree = tree_of(z, type, offset);
    uint64_t at;

    if (!tree)
        return 0;
    if (!z->is_xarray)
        return in_tree(z, m, v, tree, offset);
    at = linux_xarray_at(&z->xarrays, m, v, tree, offset);
    return at & 1 ? 0 : at;
}

uint64_t linux_zswap_count(const struct linux_zswap *z, const struct linux_reader *m,
                           struct eg_view *v, uint32_t type, uint64_t slots)
{
    const uint64_t piece = UINT64_C(1) << PIECE_SHIFT;
    uint64_t n = 0, head;

    for (uint64_t at = 0; at < slots; at += piece) {
        const uint64_t tree = tree_of(z, type, at);

        if (!tree || !linux_word(m, v, tree + (z->is_xarray ? z->xarrays.head : z->root), &head) ||
            !head)
            continue; // empty
        for (uint64_t i = at; i < EG_MIN(slots, at + piece); i++)
            n += entry_of(z, m, v, type, i) != 0;
    }
    return n;
}

/* The allocator's pool, and its name. */
static bool find_pool(const struct linux_zswap *z, const struct linux_reader *m, struct eg_view *v,
                      uint64_t pool, struct linux_zswap_page *out)
{
    uint64_t zpool, driver, text;

    if (!z->has_name ||
        !linux_place_text(m, v, pool + z->name, out->compressor, sizeof out->compressor))
        return false;
    strcpy(out->allocator, "zsmalloc");
    if (z->zs_pool.size)
        return linux_place_get(m, v, pool, z->zs_pool, &out->pool);
    return linux_place_get(m, v, pool, z->zpool, &zpool) &&
           linux_place_get(m, v, zpool, z->allocator, &out->pool) &&
           linux_place_get(m, v, zpool, z->driver, &driver) &&
           linux_place_get(m, v, driver, z->type, &text) &&
           linux_place_text(m, v, text, out->allocator, sizeof out->allocator);
}

void linux_zswap_find(const struct linux_zswap *z, const struct linux_reader *m, struct eg_view *v,
                      uint32_t type, uint64_t offset, struct linux_zswap_page *out)
{
    uint64_t at, pool, length, index;

    memset(out, 0, sizeof *out);
    out->entry = entry_of(z, m, v, type, offset);
    out->slot = (uint64_t)type << OFFSET_BITS | offset;
    if (!out->entry)
        return;
    out->missing = "its entry in zswap is damaged";
    if (!offset_of(z, m, v, out->entry, &at) || at != offset ||
        !linux_place_get(m, v, out->entry, z->length, &length) ||
        !linux_place_get(m, v, out->entry, z->handle, &out->handle))
        return;
    out->length = (uint32_t)length;
    out->same = !length; // until 6.12
    if (out->same) {
        out->missing = NULL;
        return;
    }
    if (z->pools) {
        if (!linux_place_get(m, v, out->entry, z->index, &index))
            return;
        pool = linux_xarray_at(&z->xarrays, m, v, z->pools, index);
    } else if (!linux_place_get(m, v, out->entry, z->pool, &pool)) {
        return;
    }
    out->missing = "the pool of zswap that has it cannot be read";
    if (!pool || !find_pool(z, m, v, pool, out))
        return;
    out->missing =
        linux_unpacks(out->compressor) ? NULL : "this program has no decompressor for it";
}

/* Data whose place the handle says: of zbud the address itself (mm/zbud.c); of z3fold a pointer to
 * a word (mm/z3fold.c): the page, in bits 0 and 1 which part of it, above these the length of the
 * last part in chunks, of which a page has 64. */
static bool plain_data(const struct linux_zswap *z, const struct linux_zsmalloc *zs,
                       struct eg_view *v, const struct linux_zswap_page *p, uint64_t *at)
{
    enum { FIRST = 1, MIDDLE = 2, LAST = 3, USUAL = 128, CHUNKS = 6 };
    const uint64_t page = UINT64_C(1) << zs->shift, chunk = page >> CHUNKS;
    const uint64_t header = z->z3fold_header ? z->z3fold_header : USUAL;
    uint64_t word, first, start;

    *at = p->handle;
    if (!strcmp(p->allocator, "zbud"))
        return true;
    if (strcmp(p->allocator, "z3fold") != 0)
        return false;
    if (p->handle & 1) { // a page of its own
        *at = p->handle & ~(page - 1);
        return true;
    }
    if (!linux_word(&zs->mem, v, p->handle, &word) || !z->first_num.size ||
        !linux_place_get(&zs->mem, v, word & ~(page - 1), z->first_num, &first))
        return false;
    *at = word & ~(page - 1);
    switch ((word - first) & 3) {
    case FIRST:
        *at += eg_align_up(header, chunk);
        return true;
    case MIDDLE:
        if (!linux_place_get(&zs->mem, v, *at, z->middle, &start) || start >= page / chunk)
            return false;
        *at += start * chunk;
        return true;
    case LAST:
        start = (word & (page - 1)) >> 2;
        if (start > page / chunk)
            return false;
        *at += page - start * chunk;
        return true;
    default:
        return false;
    }
}

/* Where a pool can evict pages, they begin with their swap entry. */
static size_t header_of(const struct linux_zswap *z, const struct linux_zswap_page *p, bool big,
                        const uint8_t *data)
{
    return z->header == 8 && (big ? eg_be64(data) : eg_le64(data)) == p->slot ? 8 : 0;
}

static const char *read_data(const struct linux_zswap *z, struct linux_zsmalloc *zs,
                             struct eg_view *v, const struct linux_zswap_page *p, uint8_t *data,
                             size_t len)
{
    uint64_t at;

    if (!strcmp(p->allocator, "zsmalloc"))
        return linux_zsmalloc_read(zs, v, p->pool, p->handle, len, data);
    if (!plain_data(z, zs, v, p, &at) || !eg_read(v, zs->mem.kernel, at, data, len))
        return "its compressed data in zswap cannot be read";
    return NULL;
}

const char *linux_zswap_read(const struct linux_zswap *z, struct linux_zsmalloc *zs,
                             struct eg_view *v, const struct linux_zswap_page *p, uint8_t *page)
{
    const size_t len = (size_t)1 << zs->shift;
    const char *wrong;
    uint8_t *data;
    size_t skip;

    if (p->missing)
        return p->missing;
    if (p->same) {
        for (size_t i = 0; i < len; i++)
            page[i] = (uint8_t)(p->handle >> 8 * (zs->mem.big ? 7 - i % 8 : i % 8));
        return NULL;
    }
    if (p->length > len)
        return "its compressed size in zswap cannot be true";
    if (p->length == len) // it could not be compressed (since 6.18)
        return read_data(z, zs, v, p, page, len);
    data = calloc(1, (size_t)p->length + 16);
    if (!data) {
        eg_view_starved(v);
        return "out of memory";
    }
    wrong = read_data(z, zs, v, p, data, EG_MIN(p->length, (size_t)8));
    skip = wrong ? 0 : header_of(z, p, zs->mem.big, data);
    if (!wrong)
        wrong = read_data(z, zs, v, p, data, p->length + skip);
    if (!wrong)
        wrong = linux_unpack_page(v, p->compressor, NULL, data + skip, p->length, page, len);
    free(data);
    return wrong;
}
