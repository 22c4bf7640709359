/* rhash.c - the kernel's resizable hash tables. */
#include "rhash.h"
#include "../../../core/map.h"
#include <inttypes.h>

EG_FIELDS(rhashtable, tbl);
EG_FIELDS(bucket_table, size, nest, future_tbl, buckets);
EG_FIELDS(rhash_head, next);

enum { TABLES_MAX = 8, BUCKETS_MAX = 1 << 24, CHAIN_MAX = 1 << 20 };

/* A pointer of the table at @at, 0: none. */
static uint64_t pointer(struct eg_run *r, struct linux_rhash_walk *w, uint64_t at)
{
    const struct eg_model *m = &w->table.bind->model;
    const uint8_t *p = eg_bytes(w->table.view, w->table.space, at, m->ptr_size);

    w->lost = !p;
    if (p)
        return eg_load_(p, m->ptr_size, m->big_endian);
    if (!w->noted)
        eg_note(r, "a part of the hash table at %#" PRIx64 " cannot be read", w->table.addr);
    w->noted = true;
    return 0;
}

/* The first entry of a bucket, 0: none. Bit 0 of a bucket is its lock; since 5.3 an empty one is
 * null, before it was an end mark (bit 0 of an entry's `next`). A table that could not be allocated
 * as a whole (lib/rhashtable.c, nested_bucket_table_alloc) is a tree of pages of pointers: its root
 * has 2^nest of them. */
static uint64_t first(struct eg_run *r, struct linux_rhash_walk *w, uint64_t i)
{
    struct eg_obj array = eg_at(w->table, bucket_table.buckets);
    const unsigned word = w->table.bind->model.ptr_size;
    const unsigned per_page = word == 8 ? 9 : 10; // log2 of the pointers of a page of 4 KiB
    uint64_t at = array.addr, hash = i, size;

    if (array.why)
        return 0;
    if (!w->nest)
        return pointer(r, w, at + i * word) & ~UINT64_C(1);
    // buckets[0] points to the root; each level below has the pointers of a page.
    size = w->buckets >> w->nest;
    at = pointer(r, w, at);
    if (at)
        at = pointer(r, w, at + (hash & ((UINT64_C(1) << w->nest) - 1)) * word);
    hash >>= w->nest;
    while (at && size > (UINT64_C(1) << per_page)) {
        at = pointer(r, w, at + (hash & ((UINT64_C(1) << per_page) - 1)) * word);
        size >>= per_page;
        hash >>= per_page;
    }
    return at ? pointer(r, w, at + hash * word) & ~UINT64_C(1) : 0;
}

/* A damaged table claims much that is not there: of a page that cannot be read all buckets are
 * lost. */
static void skip_lost(struct linux_rhash_walk *w)
{
    enum { PAGE = 4096 };
    const unsigned word = w->table.bind->model.ptr_size;
    const uint64_t at = eg_at(w->table, bucket_table.buckets).addr + w->bucket * word;

    if (!w->nest)
        w->bucket = EG_MIN(w->bucket + -at % PAGE / word, w->buckets);
}

static bool begin_table(struct eg_run *r, struct linux_rhash_walk *w, struct eg_obj table)
{
    uint32_t size, nest;

    w->table = eg_deref(table);
    w->noted = false;
    w->bucket = w->at = w->n = 0;
    if (w->table.why || w->tables++ == TABLES_MAX)
        return false;
    if (!eg_get(&size, w->table, bucket_table.size) ||
        !eg_get(&nest, w->table, bucket_table.nest) || !size || size > BUCKETS_MAX ||
        (size & (size - 1)) || nest > 16) {
        eg_note(r, "the hash table at %#" PRIx64 " is damaged", w->table.addr);
        return false;
    }
    w->buckets = size;
    w->nest = nest;
    return true;
}

bool linux_next_rhash(struct eg_run *r, struct linux_rhash_walk *w, uint64_t *head)
{
    struct eg_obj entry;

    if (!w->begun) {
        w->begun = true;
        if (w->table.why || !begin_table(r, w, eg_at(w->table, rhashtable.tbl)))
            return w->buckets = 0, false;
        w->seen = eg_run_map(r);
    }
    while (w->buckets && !eg_stopped(r)) {
        if (!w->at || w->at & 1) { // the end mark of a chain
            if (w->bucket == w->buckets) {
                if (!begin_table(r, w, eg_at(w->table, bucket_table.future_tbl)))
                    w->buckets = 0;
                continue;
            }
            w->n = 0;
            w->lost = false;
            w->at = first(r, w, w->bucket++);
            if (w->lost)
                skip_lost(w);
            continue;
        }
        entry = eg_object(r, rhash_head, w->at);
        *head = w->at;
        if (w->n++ == CHAIN_MAX || !eg_get(&w->at, entry, rhash_head.next)) {
            eg_note(r, "a chain of a hash table breaks at %#" PRIx64, *head);
            w->at = 0;
            continue;
        }
        if (eg_run_map_add(r, w->seen, *head, 0))
            return true;
        w->at = 0; // a loop, or the rest of a chain that the other table shares
    }
    return false;
}

bool linux_next_rhash_as(struct eg_run *r, struct linux_rhash_walk *w, uint32_t link,
                         struct eg_obj *out)
{
    uint64_t head;

    if (!linux_next_rhash(r, w, &head))
        return false;
    *out = eg_container_(eg_object(r, rhash_head, head), link);
    return true;
}
