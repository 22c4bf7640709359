/** open.h - functions of the finder's EG_OS record, for a candidate that was chosen. */
#ifndef EG_LINUX_OPEN_H
#define EG_LINUX_OPEN_H

#include "../state.h"
#include "finder.h"

/* ---- open.c ---- */
int linux_open(struct eg_system *sys, struct eg_error *e);
void linux_close(struct eg_system *sys);

/* ---- text_types.c ---- */

/** The types that VMCOREINFO describes. The caller owns it; NULL: out of memory. */
struct eg_profile *linux_text_types(const struct eg_vmcoreinfo *text, const struct eg_model *m);

/* ---- module_types.c, module_symbols.c ---- */
int linux_module_types(struct eg_system *sys, const char *module, struct eg_error *e);
void linux_module_symbols(struct eg_system *sys);

#endif
