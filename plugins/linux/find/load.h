/** load.h - read a candidate's image: where it is mapped, its symbols and its types. */
#ifndef EG_LINUX_LOAD_H
#define EG_LINUX_LOAD_H

#include "../../../profiles/kallsyms.h"
#include "finder.h"

/* ---- image.c ---- */

/** Set start, end, delta and read-only part of the kernel image that @paging maps. @return
 * false: it maps none, or one with another delta than @c's. */
bool linux_image_of(struct linux_finder *f, const struct eg_paging *paging,
                    struct linux_candidate *c);

/* ---- load.c ---- */

/** Bytes of the smallest BTF that is accepted as a kernel's. */
enum { LINUX_BTF_MIN = 16 << 10 };

/** eg_kallsyms_scan() of physical memory, within the limit of the search. */
size_t linux_scan_kallsyms(struct linux_finder *f, struct eg_view *v, uint64_t from, uint64_t to,
                           bool big_endian,
                           bool (*found)(void *context, const struct eg_kallsyms *k),
                           void *context);

/** Read symbols and types of @c's image, on two threads. */
void linux_load(struct linux_finder *f, struct linux_candidate *c);

/* ---- ksymtab.c ---- */

/** The exported symbols of a kernel whose read-only data is in physical [@from, @last], at
 * physical addresses. The caller frees; NULL: no table was found. */
struct eg_profile *linux_exports(struct linux_finder *f, uint64_t from, uint64_t last,
                                 const struct eg_model *m);

#endif
