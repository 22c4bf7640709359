/** net/rhash.h - the kernel's resizable hash tables (include/linux/rhashtable.h). */
#ifndef EG_LINUX_RHASH_H
#define EG_LINUX_RHASH_H

#include "../../../core/engram.h"

/** The entries of a table (a cursor on a struct rhashtable, or an rhltable's): gives the addresses
 * of their struct rhash_head, each once. While a table is made larger its entries are in both.
 * The lists that an rhltable hangs on an entry are the caller's to follow (rhlist_head.next). */
struct linux_rhash_walk {
    struct eg_obj table; /**< struct rhashtable, then the bucket_table */
    struct eg_map *seen;
    uint64_t bucket, buckets, nest, at, n;
    unsigned tables;
    bool begun, noted;
    bool lost; /**< the last pointer could not be read */
};
EG_API bool linux_next_rhash(struct eg_run *r, struct linux_rhash_walk *w, uint64_t *head);
/** For each struct whose member @link is a struct rhash_head in the table at @table_. */
#define linux_each_rhash(r, it, table_, link)                                                      \
    for (struct linux_rhash_walk EG_CAT(w_, __LINE__) = { .table = (table_) };                     \
         linux_next_rhash_as((r), &EG_CAT(w_, __LINE__), (eg_f_##link).id, &(it));)
EG_API bool linux_next_rhash_as(struct eg_run *r, struct linux_rhash_walk *w, uint32_t link,
                                struct eg_obj *out);

#endif
