/** mkisf.h - a profile as Volatility 3's ISF, as dwarf2json writes it: typedefs gone, members in
 * the order of their names, made-up names where there is none. */
#ifndef MK_ISF_H
#define MK_ISF_H

#include "profile.h"
#include <stdio.h>

void mk_isf(FILE *f, const struct eg_profile *p);

#endif
