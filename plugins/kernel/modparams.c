/* modparams - parameters of modules and of the kernel's own parts, as /sys/module/NAME/parameters
 * has them (kernel/params.c). */
#include "../linux/fs/flags.h"
#include "../linux/kernel/module.h"
#include <string.h>

EG_FIELD_AS(mod_kset, module, "mkobj.kobj.kset");
EG_FIELD_AS(kset_members, kset, "list");
EG_FIELD_AS(kobject_entry, kobject, "entry");
EG_FIELD_AS(kobject_name_, kobject, "name");
EG_FIELDS(module_kobject, kobj, mod, mp);
EG_FIELDS(module_param_attrs, num, attrs);
EG_FIELDS(param_attribute, param);
EG_SYMBOL(__start___param, "kernel_param");
EG_SYMBOL(__stop___param, "kernel_param");
EG_SYMBOL(module_kset, "kset *");

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where its struct kernel_param is", EG_MINOR)                                  \
    C(MODULE, TEXT, "the module, or the part of the kernel")                                       \
    C(KEY, TEXT, "the parameter")                                                                  \
    C(VALUE, TEXT, "its value now; not computed where only code of its own can read it")           \
    C(TYPE, TEXT, "as module_param() names it, or the function that reads the value")              \
    C(FILE_MODE, TEXT, "of its file in /sys; ----------: it has none", EG_MINOR)
EG_COLUMNS(COLUMNS);

enum { PARAMS_MAX = 4096, NAME_LEN = 256, BUILT_IN_MAX = 1 << 16 };

/* @module: NULL where the parameter's own name has it: "printk.time"; one without a dot is of
 * "kernel". */
static void show(struct eg_run *r, struct eg_obj kp, const char *module)
{
    const char *name = eg_string(r, eg_at(kp, kernel_param.name), NAME_LEN), *dot, *type;
    uint16_t mode;

    if (!name) {
        eg_row(r, .OFFSET = eg_addr(kp), .MODULE = eg_text(module),
               .KEY = eg_val(kp, kernel_param.name));
        return;
    }
    if (!module && (dot = strchr(name, '.'))) {
        module = eg_strf(r, "%.*s", (int)(dot - name), name);
        name = dot + 1;
    }
    type = linux_param_type(r, kp);
    eg_row(r, .OFFSET = eg_addr(kp), .MODULE = eg_text(module ? module : "kernel"),
           .KEY = eg_text(name), .VALUE = linux_param_value(r, kp), .TYPE = eg_text(type),
           .FILE_MODE = eg_get(&mode, kp, kernel_param.perm)
                            ? eg_text(eg_strf(r, "-%s", linux_permissions(r, mode)))
                            : eg_val(kp, kernel_param.perm));
}

static void show_module(struct eg_run *r, struct eg_obj m)
{
    const char *name = eg_string(r, eg_at(m, module.name), NAME_LEN);
    struct eg_obj kp = eg_at(m, module.kp);
    uint32_t n;

    if (!eg_get(&n, m, module.num_kp) || n > PARAMS_MAX) {
        eg_note(r, "the number of parameters of module %s cannot be read, or be true: left out",
                name ? name : "?");
        return;
    }
    for (uint32_t i = 0; i < n && !eg_stopped(r); i++)
        show(r, eg_index(kp, i), name ? name : "?");
}

/* Where the kernel's table of parameters has no symbol: what /sys/module was made of. */
static bool show_folders(struct eg_run *r)
{
    struct eg_obj set = eg_deref(eg_sym(r, module_kset)), kobj, m;

    if (set.why)
        linux_each_module(r, m) {
            set = eg_deref(eg_at(m, mod_kset));
            if (!set.why)
                break;
        }
    if (set.why)
        return false;
    eg_each_list(kobj, eg_at(set, kset_members), kobject_entry) {
        struct eg_obj folder = eg_container(kobj, module_kobject.kobj);
        struct eg_obj mp = eg_deref(eg_at(folder, module_kobject.mp));
        const char *name = eg_string(r, eg_at(kobj, kobject_name_), NAME_LEN);
        uint64_t module;
        uint32_t n;

        if (!eg_get(&module, folder, module_kobject.mod) || module ||
            !eg_get(&n, mp, module_param_attrs.num))
            continue; // a module's are in its own table
        if (n > PARAMS_MAX) {
            eg_note(r, "the number of parameters of %s cannot be true: left out",
                    name ? name : "?");
            continue;
        }
        for (uint32_t i = 0; i < n; i++) {
            struct eg_obj kp = eg_deref(
                eg_at(eg_index(eg_at(mp, module_param_attrs.attrs), i), param_attribute.param));
            const char *full = eg_string(r, eg_at(kp, kernel_param.name), NAME_LEN);

            show(r, kp, full && strchr(full, '.') ? NULL : name);
        }
    }
    return true;
}

static int run(struct eg_run *r)
{
    struct eg_obj first = eg_sym(r, __start___param), last = eg_sym(r, __stop___param), m;

    if (!first.why && !last.why && last.addr >= first.addr) {
        const uint64_t size = eg_size(r, kernel_param);
        uint64_t n = size ? (last.addr - first.addr) / size : 0;

        if (n > BUILT_IN_MAX) {
            eg_note(r, "only the first %d parameters of the kernel are shown", BUILT_IN_MAX);
            n = BUILT_IN_MAX;
        }
        for (uint64_t i = 0; i < n && !eg_stopped(r); i++)
            show(r, eg_object(r, kernel_param, first.addr + i * size), NULL);
    } else if (!show_folders(r)) {
        eg_note(r, "the kernel's own parameters are missing: neither __start___param nor "
                   "module_kset is known");
    } else {
        eg_note(r, "the kernel's own parameters are those that /sys/module has: __start___param is "
                   "not known");
    }
    linux_each_module(r, m)
        show_module(r, m);
    return 0;
}

EG_PLUGIN(modparams) = {
    .os = "linux",
    .help = "List parameters of modules and of the kernel with their values",
    .manual =
        "As the files in /sys/module/NAME/parameters, and also those that have no file there. A "
        "value that only code of the module can make is not computed; TYPE names the function. "
        "lsmod shows the values of one module in one cell.",
    .aliases = EG_NAMES("linux.module_parameters.ModuleParameters"),
    .columns = columns,
    .needs = EG_NEEDS(kernel_param.name, kernel_param.ops),
    .uses = EG_NAMES("modules"),
    .run = run,
    .key = EG_NAMES("MODULE", "KEY"),
};
