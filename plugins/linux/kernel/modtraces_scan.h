/** modtraces_scan.h - struct module by its shape. Only for modtraces.c. */
#ifndef EG_LINUX_MODTRACES_SCAN_H
#define EG_LINUX_MODTRACES_SCAN_H

#include "../../../core/engram.h"

/** Does the place look like a struct module: by pointers to itself, its memory and its name? */
bool linux_mod_shape(struct eg_run *r, uint64_t addr);
/** Call @found for each such place in [@first, @last] of the kernel's memory. */
void linux_mod_scan(struct eg_run *r, uint64_t first, uint64_t last,
                    void (*found)(void *context, uint64_t addr), void *context);
/** Is the page at @addr mapped as code? */
bool linux_mod_executable(struct eg_run *r, uint64_t addr);

#endif
