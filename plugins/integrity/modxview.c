/* modxview - which lists, trees and tables of the kernel have a module, and whether it hides. */
#include "../linux/kernel/modtraces.h"
#include "../linux/kernel/module.h"

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the struct module is; none: no struct module claims the memory",        \
      EG_MINOR)                                                                                    \
    C(MODULE, TEXT, "its name")                                                                    \
    C(LISTED, BOOL, "the list of modules, which lsmod and /proc/modules show")                     \
    C(SYSFS, BOOL, "its folder in /sys/module")                                                    \
    C(TREE, BOOL, "the tree by which the kernel finds a module by an address")                     \
    C(AREA, BOOL, "an area of vmalloc that its code is in", EG_MINOR)                              \
    C(SYMBOLS, BOOL, "its own table of symbols, which /proc/kallsyms shows", EG_MINOR)             \
    C(BTF, BOOL, "the list of modules with types for BPF; empty: it has none", EG_MINOR)           \
    C(FTRACE, BOOL, "ftrace's records of its functions; empty: it has none", EG_MINOR)             \
    C(BUG_LIST, BOOL, "the list of modules with places of BUG() and WARN()", EG_MINOR)             \
    C(SCAN, BOOL, "memory that looks like a struct module")                                        \
    C(TAINTS, FLAGS, "letters as in /proc/modules")                                                \
    C(START, ADDR, "where its code begins", EG_MINOR)                                              \
    C(END, ADDR, "first address behind it", EG_MINOR)                                              \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

static struct eg_cell yes_or_no(const struct linux_mod *m, uint32_t trace)
{
    return m->kept & trace ? eg_uint((m->traces & trace) != 0) : (struct eg_cell){ 0 };
}

static void emit(struct eg_run *r, const struct linux_mod *m)
{
    struct eg_obj module = linux_mod_module(r, m);
    const struct eg_cell none = { 0 };

    eg_row(r, .OFFSET = m->addr ? eg_uint(m->addr) : none,
           .MODULE = m->addr && !m->name ? eg_missing(EG_BAD_VALUE, m->addr) : eg_text(m->name),
           .LISTED = yes_or_no(m, LINUX_MOD_LIST), .SYSFS = yes_or_no(m, LINUX_MOD_SYSFS),
           .TREE = yes_or_no(m, LINUX_MOD_TREE), .AREA = yes_or_no(m, LINUX_MOD_AREA),
           .SYMBOLS = yes_or_no(m, LINUX_MOD_SYMBOLS), .BTF = yes_or_no(m, LINUX_MOD_BTF),
           .FTRACE = yes_or_no(m, LINUX_MOD_FTRACE), .BUG_LIST = yes_or_no(m, LINUX_MOD_BUGS),
           .SCAN = yes_or_no(m, LINUX_MOD_SCAN),
           .TAINTS = m->addr ? linux_module_taints(r, module) : none,
           .START = m->first ? eg_uint(m->first) : none,
           .END = m->first ? eg_uint(m->last + 1) : none, .HINTS = eg_text(linux_mod_hints(r, m)));
}

static int run(struct eg_run *r)
{
    const struct linux_mods *all = linux_mods(r);
    const uint32_t wanted = LINUX_MOD_SYSFS | LINUX_MOD_TREE | LINUX_MOD_FTRACE | LINUX_MOD_BUGS;

    if (!all)
        return 0;
    if (wanted & ~all->kept)
        eg_note(r, "not looked at, for this kernel's symbols or types lack them: %s",
                linux_mod_trace_names(r, wanted & ~all->kept));
    for (size_t i = 0; i < all->n && !eg_stopped(r); i++)
        emit(r, &all->at[i]);
    return 0;
}

EG_PLUGIN(modxview) = {
    .os = "linux",
    .help = "Show which traces the kernel has of each module, also of those that hide",
    .manual =
        "A module that takes itself off the list of modules and out of sysfs leaves other traces: "
        "the tree by address, its area of vmalloc, its symbols, ftrace's records, the list of bug "
        "tables, its struct module in memory. A cell is empty where the kernel keeps no such trace "
        "of this module, or its symbols do not tell where it is. Memory that is mapped as code, "
        "which the loader of modules asked for and neither a struct module nor BPF, ftrace or "
        "kprobes claim, is a row of its own. A module that cleared its struct module, gave its "
        "code back after copying it into another's, or lives in code of BPF is not seen.",
    .aliases = EG_NAMES("linux.malware.modxview.Modxview", "linux.modxview.Modxview"),
    .looks_for = EG_NAMES("hidden modules"),
    .columns = columns,
    .needs = EG_NEEDS(module.state, module.source_list, module.target_list),
    .uses = EG_NAMES("modules"),
    .run = run,
};
