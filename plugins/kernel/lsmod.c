/* lsmod - loaded modules, as /proc/modules and /sys/module/NAME/parameters show them. */
#include "../linux/kernel/module.h"

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the struct module is", EG_MINOR)                                        \
    C(MODULE, TEXT, "its name")                                                                    \
    C(SIZE, INT, "bytes of code and data")                                                         \
    C(TAINTS, FLAGS, "letters as in /proc/modules")                                                \
    C(REF_COUNT, INT, "uses, as lsmod counts them", EG_MINOR)                                      \
    C(USED_BY, TEXT, "modules that use it")                                                        \
    C(STATE, TEXT, "Live, Loading, Unloading, Unformed", EG_MINOR)                                 \
    C(ADDRESS, ADDR, "where its code begins", EG_MINOR)                                            \
    C(USES, TEXT, "modules that it uses", EG_MINOR)                                                \
    C(SIGNED, BOOL, "its signature was verified; empty: this kernel verifies none", EG_MINOR)      \
    C(LOAD_ARGUMENTS, TEXT, "parameters with their values now; ? where only the module can read it")
EG_COLUMNS(COLUMNS);

static int run(struct eg_run *r)
{
    struct eg_obj m;

    linux_each_module(r, m)
        eg_row(r, .OFFSET = eg_addr(m), .MODULE = eg_val(m, module.name),
               .SIZE = linux_module_size(r, m), .TAINTS = linux_module_taints(r, m),
               .REF_COUNT = linux_module_refs(r, m), .USED_BY = linux_module_users(r, m),
               .STATE = linux_module_state(r, m), .ADDRESS = linux_module_base(r, m),
               .USES = linux_module_uses(r, m), .SIGNED = linux_module_signed(r, m),
               .LOAD_ARGUMENTS = linux_params(r, m));
    return 0;
}

EG_PLUGIN(lsmod) = {
    .os = "linux",
    .help = "List loaded kernel modules by walking the kernel's list",
    .manual = "A module that took itself off the list is missing: modxview, hidden_modules.",
    .aliases = EG_NAMES("linux.lsmod.Lsmod", "mod"),
    .columns = columns,
    .uses = EG_NAMES("modules"),
    .run = run,
    .key = EG_NAMES("MODULE"),
    .moves = EG_NAMES("REF_COUNT"),
};
