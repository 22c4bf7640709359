/** verify.h - the checks of a candidate. */
#ifndef EG_LINUX_VERIFY_H
#define EG_LINUX_VERIFY_H

#include "finder.h"

/** Check @c and write the results, and what the checks read of the kernel, to @entry. */
void linux_check(struct linux_finder *f, const struct linux_candidate *c,
                 struct eg_candidate *entry);

#endif
