/** paths.h - the paths of eg_at() and eg_get(), resolved once for a binding. */
#ifndef EG_PATHS_H
#define EG_PATHS_H

#include "registry.h"

/** Resolve all paths of the registry, by id, from resolved slots. The caller frees the result.
 * @return NULL: out of memory. */
struct eg_path_at *eg_paths_resolve(const struct eg_slot *slots, const struct eg_model *m);

#endif
