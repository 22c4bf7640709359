/** traces.h - what points at a kernel, from the cheapest on. Each offers candidates until the finder
 *  is done. */
#ifndef EG_LINUX_TRACES_H
#define EG_LINUX_TRACES_H

#include "finder.h"

/* ---- traces.c ---- */
void linux_trace_container(
    struct linux_finder *f); /**< VMCOREINFO and CPUs of the format's notes */
void linux_trace_low_roots(struct linux_finder *f); /**< the boot trampoline's page tables */
void linux_trace_pages(struct linux_finder *f);     /**< VMCOREINFO pages in memory */
void linux_trace_shifted(struct linux_finder *f);   /**< the same where pages begin anywhere */

/* ---- tables.c ---- */
void linux_trace_tables(struct linux_finder *f); /**< kallsyms and BTF by their shape */

/* ---- swapper.c ---- */
void linux_trace_swapper(struct linux_finder *f); /**< init_task, by types that the user gave */

#endif
