/** dwarf_die.h - reads one debugging information entry (DIE) and the entries inside it (DWARF 5,
 * chapters 2 and 5). */
#ifndef EG_DWARF_DIE_H
#define EG_DWARF_DIE_H

#include "dwarf_unit.h"

/** Check the result of a call of libdwarf. @return false for an error, whose text is kept and which
 * is freed, and for "no such entry". */
bool eg_dwarf_ok(struct eg_dwarf_worker *w, int result);
bool eg_dwarf_fail(struct eg_dwarf_worker *w, Dwarf_Error error); /**< @return false */
bool eg_dwarf_say(struct eg_dwarf_worker *w,
                  const char *why); /**< record a failure, unless there is one already; @return
                                         false */

/** `for (more = child(w, of, &die); more; more = next(w, &die))`: do not leave this loop by
 * break. */
bool eg_dwarf_child(struct eg_dwarf_worker *w, Dwarf_Die of, Dwarf_Die *die);
bool eg_dwarf_next(struct eg_dwarf_worker *w, Dwarf_Die *die);

/** Read a constant attribute. @return false, with *@out unchanged: there is none, or it is not
 * constant. */
bool eg_dwarf_number(struct eg_dwarf_worker *w, Dwarf_Die die, Dwarf_Half attribute, uint64_t *out);

/** Push the entry to w->raw: a type with the types inside it, or a variable that has an address. */
void eg_dwarf_parse(struct eg_dwarf_worker *w, Dwarf_Die die, int nested);

#endif
