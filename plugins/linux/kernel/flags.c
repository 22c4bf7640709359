/* flags.c - states and taints of modules by name. */
#include "flags.h"

/* enum module_state (include/linux/module.h), by the names of lsmod and /proc/modules */
const struct eg_constant linux_module_states[] = {
    { "Live", 0 }, { "Loading", 1 }, { "Unloading", 2 }, { "Unformed", 3 }, { NULL, 0 },
};

EG_CONSTANTS(module_states) = {
    .os = "linux",
    .help = "values of module.state",
    .list = linux_module_states,
};

/* The letters of taint_flags, from bit 0 (kernel/panic.c) */
const struct eg_constant linux_taints[] = {
    { "P", 1u << 0 },  { "F", 1u << 1 },  { "S", 1u << 2 },  { "R", 1u << 3 },  { "M", 1u << 4 },
    { "B", 1u << 5 },  { "U", 1u << 6 },  { "D", 1u << 7 },  { "A", 1u << 8 },  { "W", 1u << 9 },
    { "C", 1u << 10 }, { "I", 1u << 11 }, { "O", 1u << 12 }, { "E", 1u << 13 }, { "L", 1u << 14 },
    { "K", 1u << 15 }, { "X", 1u << 16 }, { "T", 1u << 17 }, { "N", 1u << 18 }, { "J", 1u << 19 },
    { NULL, 0 },
};

EG_CONSTANTS(taints) = {
    .os = "linux",
    .help = "bits of module.taints and of the kernel's tainted_mask, by their letters",
    .list = linux_taints,
};
