/** dwarf_die.h - one debugging information entry, and what lies in it (DWARF 5, chapters 2 and 5).
 */
#ifndef EG_DWARF_DIE_H
#define EG_DWARF_DIE_H

#include "dwarf_unit.h"

/** The result of a call of libdwarf: @return false for an error, which is kept and given back, and
 * for "no such thing". */
bool eg_dwarf_ok(struct eg_dwarf_worker *w, int result);
bool eg_dwarf_fail(struct eg_dwarf_worker *w, Dwarf_Error error); /**< @return false */
bool eg_dwarf_say(struct eg_dwarf_worker *w,
                  const char *why); /**< the first failure stays; @return false */

/** `for (more = child(w, of, &die); more; more = next(w, &die))`: never leave it by break. */
bool eg_dwarf_child(struct eg_dwarf_worker *w, Dwarf_Die of, Dwarf_Die *die);
bool eg_dwarf_next(struct eg_dwarf_worker *w, Dwarf_Die *die);

/** A constant; @return false, *@out untouched: there is none, or it is not constant. */
bool eg_dwarf_number(struct eg_dwarf_worker *w, Dwarf_Die die, Dwarf_Half attribute, uint64_t *out);

/** If it is a type, push it, and those inside it, on w->raw. */
void eg_dwarf_parse(struct eg_dwarf_worker *w, Dwarf_Die die, int nested);

#endif
