/** ranges.h - where the pieces of a raw file belong, by the map of memory that the boot loader
 * handed to a kernel of x86. */
#ifndef EG_LINUX_RANGES_H
#define EG_LINUX_RANGES_H

#include "finder.h"

enum { LINUX_RANGES_MAX = 128 };

struct linux_ranges {
    const char *what;                                   /**< the kind of file, for notes */
    struct eg_image_range at[2 * LINUX_RANGES_MAX + 1]; /**< of the file, in order */
    size_t n;
    struct eg_range ram[LINUX_RANGES_MAX]; /**< of the map, inclusive */
    size_t n_ram;
};

/** Ways in which the file could hold the memory that the boot_params whose "HdrS" is at @at
 * describe: their sizes agree with the file's. @return how many of @out. */
enum { LINUX_LAYOUTS = 3 };
size_t linux_ranges_of(struct linux_finder *f, uint64_t at, struct linux_ranges out[LINUX_LAYOUTS]);

/** Where in memory the byte @at of the file is; it is in one of the ranges. */
bool linux_ranges_place(const struct linux_ranges *r, uint64_t at, uint64_t *pa);

#endif
