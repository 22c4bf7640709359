/** traces.h - evidence of a kernel, from the cheapest to the most expensive. Each function
 * offers candidates until f->done. */
#ifndef EG_LINUX_TRACES_H
#define EG_LINUX_TRACES_H

#include "finder.h"

/* ---- traces.c ---- */
void linux_trace_container(
    struct linux_finder *f); /**< VMCOREINFO and CPUs in the format's notes */
void linux_trace_low_roots(struct linux_finder *f); /**< the boot trampoline's page tables */
void linux_trace_pages(struct linux_finder *f);     /**< VMCOREINFO pages in memory */
void linux_trace_shifted(struct linux_finder *f);   /**< the same in raw memory without its holes */

/* ---- tables.c ---- */
void linux_trace_tables(struct linux_finder *f); /**< BTF and kallsyms, by their structure */

/* ---- swapper.c ---- */
void linux_trace_swapper(struct linux_finder *f); /**< init_task, if the user gave types */

#endif
