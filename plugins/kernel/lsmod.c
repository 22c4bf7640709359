/* lsmod - loaded modules, as /proc/modules and /sys/module/NAME/parameters show them. */
#include "../linux/kernel/module.h"

#define COLUMNS(C)                                                                                 \
    C(Offset, ADDR, "where the struct module is", EG_MINOR)                                        \
    C(Module_Name, TEXT, "its name")                                                               \
    C(Code_Size, INT, "bytes of code and data")                                                    \
    C(Taints, FLAGS, "letters as in /proc/modules")                                                \
    C(Ref_Count, INT, "uses, as lsmod counts them", EG_MINOR)                                      \
    C(Used_By, TEXT, "modules that use it")                                                        \
    C(State, TEXT, "Live, Loading, Unloading, Unformed", EG_MINOR)                                 \
    C(Address, ADDR, "where its code begins", EG_MINOR)                                            \
    C(Load_Arguments, TEXT, "parameters with their values now; ? where only the module can read it")
EG_COLUMNS(COLUMNS);

static int run(struct eg_run *r)
{
    struct eg_obj m;

    linux_each_module(r, m)
        eg_row(r, .Offset = eg_addr(m), .Module_Name = eg_val(m, module.name),
               .Code_Size = linux_module_size(r, m), .Taints = linux_module_taints(r, m),
               .Ref_Count = linux_module_refs(r, m), .Used_By = linux_module_users(r, m),
               .State = linux_module_state(r, m), .Address = linux_module_base(r, m),
               .Load_Arguments = linux_params(r, m));
    return 0;
}

EG_PLUGIN(lsmod) = {
    .os = "linux",
    .help = "List loaded kernel modules by walking the kernel's list",
    .manual = "A module that took itself off the list is missing.",
    .aliases = EG_NAMES("linux.lsmod.Lsmod", "mod"),
    .columns = columns,
    .uses = EG_NAMES("modules"),
    .run = run,
};
