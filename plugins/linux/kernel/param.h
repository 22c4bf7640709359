/** param.h - the values of a module's parameters, as /sys/module/NAME/parameters shows them. */
#ifndef EG_LINUX_PARAM_H
#define EG_LINUX_PARAM_H

#include "../linux.h"

/** All parameters of a struct module: "a=1 b=Y c=?", where only the module's code reads c. */
struct eg_cell linux_params(struct eg_run *r, struct eg_obj module);

#endif
