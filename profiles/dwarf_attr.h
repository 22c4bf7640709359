/** dwarf_attr.h - reads attributes of entries: numbers, texts, references to types (DWARF 5,
 * chapter 7.5). The first failure is kept in the worker, and calls after it do nothing. */
#ifndef EG_DWARF_ATTR_H
#define EG_DWARF_ATTR_H

#include "dwarf_unit.h"

/** Check the result of a call of libdwarf. @return false for an error, whose text is kept and which
 * is freed, and for "no such entry". */
bool eg_dwarf_ok(struct eg_dwarf_worker *w, int result);
bool eg_dwarf_fail(struct eg_dwarf_worker *w, Dwarf_Error error); /**< @return false */
/** Record a failure, unless there is one already. @return false. */
bool eg_dwarf_say(struct eg_dwarf_worker *w, const char *why);

/** An attribute and its form. The caller frees it. @return false: there is none. */
bool eg_dwarf_attribute(struct eg_dwarf_worker *w, Dwarf_Die die, Dwarf_Half which,
                        Dwarf_Attribute *out, Dwarf_Half *form);
bool eg_dwarf_has(struct eg_dwarf_worker *w, Dwarf_Die die, Dwarf_Half which);

/** Its value. @return false, with *@out unchanged: it is not constant. */
bool eg_dwarf_constant(struct eg_dwarf_worker *w, Dwarf_Attribute a, Dwarf_Half form,
                       uint64_t *out);
/** Read a constant attribute. @return false, with *@out unchanged: there is none, or it is not
 * constant. */
bool eg_dwarf_number(struct eg_dwarf_worker *w, Dwarf_Die die, Dwarf_Half which, uint64_t *out);
/** The bytes of a location expression, which are in the file's section: DWARF 4 has a form for
 * them, before that they were a block. @return false: it is neither. */
bool eg_dwarf_expression(struct eg_dwarf_worker *w, Dwarf_Attribute a, Dwarf_Half form,
                         const uint8_t **p, uint64_t *len);
/** DW_AT_type, or another reference, as a place; 0: there is none. */
uint64_t eg_dwarf_reference(struct eg_dwarf_worker *w, Dwarf_Die die, Dwarf_Half which);
/** A text. It lives as long as the sections. @return NULL: there is none, or it is empty. */
const char *eg_dwarf_text(struct eg_dwarf_worker *w, Dwarf_Die die, Dwarf_Half which);

#endif
