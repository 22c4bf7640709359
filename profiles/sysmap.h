/** sysmap.h - symbols of a System.map: lines of "address letter name", as nm prints them. A saved
 * /proc/kallsyms has the same format; its symbols of modules ("[name]") are left out. */
#ifndef EG_SYSMAP_H
#define EG_SYSMAP_H

#include "../core/profile.h"

/** @text is not kept. Addresses are link-time ones, except for a /proc/kallsyms. */
int eg_sysmap_read(struct eg_profile **out, const char *text, size_t len, const char *source,
                   struct eg_error *e);

#endif
