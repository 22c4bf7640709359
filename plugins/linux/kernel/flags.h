/** kernel/flags.h - states and taints of modules by name. */
#ifndef EG_LINUX_KERNEL_FLAGS_H
#define EG_LINUX_KERNEL_FLAGS_H

#include "../../../core/engram.h"

extern const struct eg_constant linux_module_states[], linux_taints[];

#endif
