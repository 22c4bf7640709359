/* hidden_modules - modules that the list of modules, or sysfs, lacks. */
#include "../linux/kernel/modtraces.h"
#include "../linux/kernel/module.h"

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the struct module is; none: no struct module claims the memory")        \
    C(MODULE, TEXT, "its name")                                                                    \
    C(START, ADDR, "where its code begins")                                                        \
    C(END, ADDR, "first address behind it")                                                        \
    C(SIZE, INT, "bytes of code and data")                                                         \
    C(STATE, TEXT, "Live, Loading, Unloading, Unformed", EG_MINOR)                                 \
    C(TAINTS, FLAGS, "letters as in /proc/modules")                                                \
    C(FOUND_BY, TEXT, "the traces that it left")                                                   \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

static void emit(struct eg_run *r, const struct linux_mod *m)
{
    struct eg_obj module = linux_mod_module(r, m);
    const struct eg_cell none = { 0 };

    eg_row(r, .OFFSET = m->addr ? eg_uint(m->addr) : none,
           .MODULE = m->addr && !m->name ? eg_missing(EG_BAD_VALUE, m->addr) : eg_text(m->name),
           .START = m->first ? eg_uint(m->first) : none,
           .END = m->first ? eg_uint(m->last + 1) : none,
           .SIZE = m->addr ? linux_module_size(r, module) : eg_uint(m->last - m->first + 1),
           .STATE = m->addr ? linux_module_state(r, module) : none,
           .TAINTS = m->addr ? linux_module_taints(r, module) : none,
           .FOUND_BY = eg_text(linux_mod_trace_names(r, m->traces)),
           .HINTS = eg_text(linux_mod_hints(r, m)));
}

static int run(struct eg_run *r)
{
    const struct linux_mods *all = linux_mods(r);

    for (size_t i = 0; all && i < all->n && !eg_stopped(r); i++)
        if (linux_mod_hidden(&all->at[i]))
            emit(r, &all->at[i]);
    if (all && !(all->kept & LINUX_MOD_SYSFS))
        eg_note(r, "sysfs is not looked at: this kernel's symbols or types lack it");
    return 0;
}

EG_PLUGIN(hidden_modules) = {
    .os = "linux",
    .help = "Find modules that the list of modules or sysfs lacks, and code of nobody",
    .manual =
        "The rows of modxview that lack LISTED or SYSFS. A module that was being loaded or removed "
        "when the image was made may lack one of them for a moment. In an image that was made "
        "while the machine ran, one that was loaded or removed meanwhile does too. A module that "
        "cleared its struct module and whose code lies in no area of modules is not seen.",
    .aliases = EG_NAMES("linux.malware.hidden_modules.Hidden_modules",
                        "linux.malware.check_modules.Check_modules", "check_modules"),
    .looks_for = EG_NAMES("hidden modules"),
    .columns = columns,
    .needs = EG_NEEDS(module.state, module.source_list, module.target_list),
    .uses = EG_NAMES("modules"),
    .run = run,
};
