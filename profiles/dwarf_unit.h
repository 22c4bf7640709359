/** dwarf_unit.h - the types of one compile unit as raw types, through libdwarf.
 *
 *  Read are the types that stand at the top of the unit, those inside structs, and any other that
 * one of these leads to; never the bodies of functions. Only C: Rust's bindings repeat the names of
 * the kernel's structs with other layouts. */
#ifndef EG_DWARF_UNIT_H
#define EG_DWARF_UNIT_H

#include "dwarf_lib.h"
#include "dwarf_merge.h"

/** What all workers share. */
struct eg_dwarf {
    struct eg_dwarf_bytes bytes;
    EG_VEC(uint64_t) units; /**< where each begins */
    struct eg_merger merger;
    /** Types that units other than their own lead to (LTO), by place: their keys, read once. */
    struct eg_dwarf_foreign {
        pthread_mutex_t lock;
        struct eg_map index;
        EG_VEC(struct eg_raw_type) all;
    } foreign;
};
/** One thread's. Zeroed at first. */
struct eg_dwarf_worker {
    struct eg_dwarf *shared;
    struct eg_dwarf_window own, other;
    struct eg_dwarf_unit {
        struct eg_dwarf_window *window;
        uint64_t start, end;
    } unit;          /**< where DIEs are being read */
    uint64_t budget; /**< of DIEs: a chain of lying sibling references ends */
    struct eg_raw_unit raw;
    struct eg_merger_seen seen;
    Dwarf_Error error;
    bool failed;
    char text[160]; /**< why */
};

/** List the units. @return false: headers that do not add up, at *@at. */
bool eg_dwarf_list_units(struct eg_dwarf *d, uint64_t *at);
uint64_t eg_dwarf_unit_end(const struct eg_dwarf *d, size_t unit);

/** Add the types of the units @from..@to - 1. @return false: w->text says why. */
bool eg_dwarf_read_units(struct eg_dwarf_worker *w, size_t from, size_t to);
void eg_dwarf_worker_fini(struct eg_dwarf_worker *w);

#endif
