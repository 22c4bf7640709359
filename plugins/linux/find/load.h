/** load.h - what a candidate's image holds: where it is mapped, its symbols and types. */
#ifndef EG_LINUX_LOAD_H
#define EG_LINUX_LOAD_H

#include "../../../profiles/kallsyms.h"
#include "finder.h"

/* ---- image.c ---- */

/** Where @paging maps a kernel image: its start, end, shift and read-only part into @c. */
bool linux_image_of(struct linux_finder *f, const struct eg_paging *paging,
                    struct linux_candidate *c);

/* ---- load.c ---- */

/** eg_kallsyms_scan() of physical memory, within the search's budget. */
size_t linux_scan_kallsyms(struct linux_finder *f, struct eg_view *v, uint64_t from, uint64_t to,
                           bool big_endian,
                           bool (*found)(void *context, const struct eg_kallsyms *k),
                           void *context);

/** Symbols and types of the image at @c: both at once, on two threads. */
void linux_load(struct linux_finder *f, struct linux_candidate *c);

/* ---- ksymtab.c ---- */

/** The exported symbols of a kernel whose read-only data lies in physical [@from, @last], at
 * physical addresses. The caller frees; NULL: no table. */
struct eg_profile *linux_exports(struct linux_finder *f, uint64_t from, uint64_t last,
                                 const struct eg_model *m);

#endif
