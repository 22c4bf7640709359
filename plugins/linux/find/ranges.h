/** ranges.h - the physical ranges of a raw file without holes, from the memory map that the boot
 * loader passed to an x86 kernel. */
#ifndef EG_LINUX_RANGES_H
#define EG_LINUX_RANGES_H

#include "finder.h"

enum { LINUX_RANGES_MAX = 128 };

struct linux_ranges {
    const char *what;                                   /**< what the file contains, for notes */
    struct eg_image_range at[2 * LINUX_RANGES_MAX + 1]; /**< ranges of the file, in order */
    size_t n;
    struct eg_range ram[LINUX_RANGES_MAX]; /**< RAM in the memory map */
    size_t n_ram;
};

/** The layouts that a file of this size can have according to the boot_params whose "HdrS" is at
 * @at. @return how many are in @out. */
enum { LINUX_LAYOUTS = 3 };
size_t linux_ranges_of(struct linux_finder *f, uint64_t at, struct linux_ranges out[LINUX_LAYOUTS]);

/** The physical address of file offset @at. @return false: it is in none of the ranges. */
bool linux_ranges_place(const struct linux_ranges *r, uint64_t at, uint64_t *pa);

#endif
