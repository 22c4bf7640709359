/** dwarf_die.h - reads one debugging information entry (DIE) and the entries inside it (DWARF 5,
 * chapters 2 and 5). */
#ifndef EG_DWARF_DIE_H
#define EG_DWARF_DIE_H

#include "dwarf_unit.h"

/** `for (more = child(w, of, &die); more; more = next(w, &die))`: do not leave this loop by
 * break. */
bool eg_dwarf_child(struct eg_dwarf_worker *w, Dwarf_Die of, Dwarf_Die *die);
bool eg_dwarf_next(struct eg_dwarf_worker *w, Dwarf_Die *die);

/** Push the entry to w->raw: a type with the types inside it, or a variable that has an address;
 * of a unit that is imported, keep the place. */
void eg_dwarf_parse(struct eg_dwarf_worker *w, Dwarf_Die die, int nested);

#endif
