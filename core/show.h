/** show.h - a type as C text with offsets, sizes and holes in comments. */
#ifndef EG_SHOW_H
#define EG_SHOW_H

#include "profile.h"
#include <stdio.h>

/** Print the definition of @id, following typedefs. Anonymous structs are printed inline; with
 * @nested so are all structs that are members by value. The text has no control characters and at
 * most some 100,000 lines. */
void eg_show_type(FILE *f, const struct eg_types *ts, const struct eg_model *m, uint32_t id,
                  bool nested);

#endif
