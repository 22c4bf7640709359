/** show.h - a type as text for people: C, with offsets, sizes and holes in comments. */
#ifndef EG_SHOW_H
#define EG_SHOW_H

#include "profile.h"
#include <stdio.h>

/** Print the definition of @id, past typedefs. Anonymous structs stand inside; @nested: all structs
 * held by value do. Without control characters; at most some 100,000 lines. */
void eg_show_type(FILE *f, const struct eg_types *ts, const struct eg_model *m, uint32_t id,
                  bool nested);

#endif
