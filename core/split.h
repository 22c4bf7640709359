/** split.h - a file that was cut in pieces (mem.001, mem.002, …; mem.aa, …; mem.part1, …) as one
 * space. */
#ifndef EG_SPLIT_H
#define EG_SPLIT_H

#include "image.h"

/** Open @path; when it is the first of several pieces, all of them joined. A missing or short piece
 * is a note of @img; a second piece that is a dump of its own is left out, with a note. The space
 * owns its pieces. */
int eg_split_open(struct eg_space **out, struct eg_image *img, const char *path,
                  struct eg_error *e);

#endif
