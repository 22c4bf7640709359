/** dwarf_unit.h - reads the types of one compile unit as raw types, with libdwarf.
 *
 *  It reads the types at the top level of the unit, those inside structs, and all that these refer
 * to, but nothing inside functions. Only units in C are read: bindings for Rust repeat names of
 * kernel structs with other layouts. */
#ifndef EG_DWARF_UNIT_H
#define EG_DWARF_UNIT_H

#include "dwarf_lib.h"
#include "dwarf_merge.h"

/** Shared by all workers. */
struct eg_dwarf {
    struct eg_dwarf_bytes bytes;
    EG_VEC(uint64_t) units; /**< offset of each */
    struct eg_merger merger;
    /** Types that other units refer to (LTO), by offset: their keys, computed once. */
    struct eg_dwarf_foreign {
        pthread_mutex_t lock;
        struct eg_map index;
        EG_VEC(struct eg_raw_type) all;
    } foreign;
};
/** The state of one worker. Initially zeroed. */
struct eg_dwarf_worker {
    struct eg_dwarf *shared;
    struct eg_dwarf_window own, other;
    struct eg_dwarf_unit {
        struct eg_dwarf_window *window;
        uint64_t start, end;
    } unit;          /**< the unit that is being read */
    uint64_t budget; /**< DIEs that may still be read: ends cycles of damaged sibling references */
    struct eg_raw_unit raw;
    struct eg_merger_seen seen;
    Dwarf_Error error;
    bool failed;
    char text[160]; /**< the reason */
};

/** List the units. @return false: a header is inconsistent, at offset *@at. */
bool eg_dwarf_list_units(struct eg_dwarf *d, uint64_t *at);
uint64_t eg_dwarf_unit_end(const struct eg_dwarf *d, size_t unit);

/** Add the types of the units @from..@to - 1. @return false: w->text says why. */
bool eg_dwarf_read_units(struct eg_dwarf_worker *w, size_t from, size_t to);
void eg_dwarf_worker_fini(struct eg_dwarf_worker *w);

#endif
