/** dwarf_write.h - types, functions and variables as DWARF 5, for debuggers: the other direction of
 * dwarf.h.
 *
 *  Nothing is refused: what is damaged is void already in a profile, and is left out here with what
 * needs it (a member without a type). The work is linear in the number of records. */
#ifndef EG_DWARF_WRITE_H
#define EG_DWARF_WRITE_H

#include "../core/profile.h"
#include "dwarf_put.h"

struct eg_dwarf_sections {
    struct eg_dwarf_section info, abbrev, str, aranges;
    uint32_t types, functions, variables; /**< that are in it */
    uint32_t left_out;                    /**< members and arrays of what has no type */
};

/** A function or a variable. */
struct eg_dwarf_object {
    uint64_t addr;
    uint32_t size;    /**< of a function: bytes of code */
    uint32_t type;    /**< global id; of a function its EG_T_FUNC */
    uint32_t record;  /**< global id of the record that has its name; 0: @name */
    const char *name; /**< borrowed */
    uint8_t of;       /**< EG_T_PTR, EG_T_ARRAY: a variable is that of @type; 0: it is of @type */
    uint32_t count;   /**< of EG_T_ARRAY: elements */
    bool function, global;
};
/** What one layer of the types becomes: a unit. */
struct eg_dwarf_unit {
    const char *name;   /**< borrowed */
    uint64_t low, high; /**< its code: [low, high); both 0: none */
    const struct eg_dwarf_object *objects;
    size_t n;
};
/** One unit for each layer of @ts, in their order. @return 0; then eg_dwarf_sections_fini frees
 * *@out. -EG_ENOMEM, -EG_EUNSUP: more than DWARF of 32 bits holds. */
int eg_dwarf_write(struct eg_dwarf_sections *out, const struct eg_types *ts,
                   const struct eg_dwarf_unit *units, struct eg_error *e);
void eg_dwarf_sections_fini(struct eg_dwarf_sections *s);

#endif
