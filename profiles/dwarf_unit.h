/** dwarf_unit.h - reads the types of one unit as raw types, with libdwarf.
 *
 *  It reads the types at the top level of the unit, those inside structs and functions, and all
 * that these refer to; of variables only those outside of functions, since others can have any
 * name. Only units in C are read: bindings for Rust repeat names of kernel structs with other
 * layouts. */
#ifndef EG_DWARF_UNIT_H
#define EG_DWARF_UNIT_H

#include "dwarf_lib.h"
#include "dwarf_merge.h"

/** What the header of a unit says. */
struct eg_dwarf_header {
    uint64_t start, end; /**< places */
    const struct eg_dwarf_part *part;
    uint64_t id; /**< signature of a type unit, else the id that a unit and its .dwo have in common;
                      0: none in the header */
    uint8_t kind; /**< DW_UT_…; before DWARF 5 DW_UT_type or DW_UT_compile */
};

/** A unit of which only a skeleton is here: it names the .dwo file with its types. */
struct eg_dwarf_skeleton {
    uint64_t place, id;
    const char *name, *folder; /**< the unit's DW_AT_dwo_name and DW_AT_comp_dir; NULL: none */
};

/** Shared by all workers. */
struct eg_dwarf {
    EG_VEC(struct eg_dwarf_header) units; /**< by place */
    uint64_t end;                         /**< the place behind all parts */
    struct eg_map signatures;             /**< of type units, to the places of their types */
    struct eg_merger merger;
    pthread_mutex_t lock; /**< for what follows */
    /** Types that other units refer to (LTO, type units, dwz), by place: their keys, computed
     * once. */
    struct eg_dwarf_foreign {
        struct eg_map index;
        EG_VEC(struct eg_raw_type) all;
    } foreign;
    EG_VEC(uint64_t) imports; /**< places in units that units in C import */
    EG_VEC(struct eg_dwarf_skeleton) skeletons;
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

/** The part of the unit that is read. */
static inline const struct eg_dwarf_part *eg_dwarf_part_of(const struct eg_dwarf_worker *w)
{
    return w->unit.window->part;
}

/** Give @part the next places, and list its units. @return 0; -EG_EFORMAT: a header is
 * inconsistent, at *@at of the section; -EG_ENOMEM. (dwarf_list.c) */
int eg_dwarf_list_units(struct eg_dwarf *d, struct eg_dwarf_part *part, uint64_t *at);
/** The unit that holds a place. There is at least one. (dwarf_list.c) */
size_t eg_dwarf_unit_at(const struct eg_dwarf *d, uint64_t place);

/** Add the types of the units @from..@to - 1, which are of one part, one behind the other. @return
 * false: w->text says why. */
bool eg_dwarf_read_units(struct eg_dwarf_worker *w, size_t from, size_t to);
/** The entry at a place, which the caller frees. It may be in another unit, which is then w->unit:
 * the caller puts back its own. @return false: there is none, or @w is visiting already. */
bool eg_dwarf_visit(struct eg_dwarf_worker *w, uint64_t place, Dwarf_Die *die);
/** The id that a unit and its .dwo have in common; 0: it has none, or it cannot be read. */
uint64_t eg_dwarf_split_id(struct eg_dwarf_worker *w, size_t unit);
void eg_dwarf_worker_fini(struct eg_dwarf_worker *w);

#endif
