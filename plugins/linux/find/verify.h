/** verify.h - the checks of a candidate. */
#ifndef EG_LINUX_VERIFY_H
#define EG_LINUX_VERIFY_H

#include "finder.h"

void linux_check(struct linux_finder *f, struct linux_candidate *c, struct eg_candidate *entry);

#endif
