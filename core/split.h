/** split.h - a file that was split into pieces (mem.001, mem.002, …; mem.aa, …; mem.part1, …) as
 * one space. */
#ifndef EG_SPLIT_H
#define EG_SPLIT_H

#include "image.h"

/** Open @path, and join all pieces if it is the first of several. A missing or short piece is a
 * note of @img; if the second piece is a dump by itself, only the first is opened, with a note. The
 * space owns its pieces. */
int eg_split_open(struct eg_space **out, struct eg_image *img, const char *path,
                  struct eg_error *e);

#endif
