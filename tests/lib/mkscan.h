/** mkscan.h - a scan plugin on physical memory that the test writes. */
#ifndef MK_SCAN_H
#define MK_SCAN_H

#include "../../core/registry.h"

/** Run @plugin on @size bytes at @ram. @args end with a NULL name; NULL: none.
 * @return one line a hit: its physical address in hex, and the last @columns cells, with bars
 * between. It is the caller's to change, until the next call. */
char *mk_scan(const char *plugin, void *ram, size_t size, const struct eg_given_arg *args,
              unsigned threads, size_t columns);
/** Of the last call: rows, notes and errors. */
extern struct eg_run_result mk_scan_result;
/** Give back what the last call left. */
void mk_scan_end(void);

#endif
