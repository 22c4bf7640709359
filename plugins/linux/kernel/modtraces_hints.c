/* modtraces_hints.c - what is odd about the traces of a module. */
#include "../../../core/base.h"
#include "../text.h"
#include "modtraces.h"
#include "modtraces_scan.h"
#include "module.h"

EG_FIELD_AS(link_next, module, "list.next");
EG_FIELD_AS(hint_sections, module, "sect_attrs");
EG_FIELD_AS(hint_symbols, module, "kallsyms");
EG_FIELD_AS(hint_n_symbols, mod_kallsyms, "num_symtab");
EG_FIELD_AS(hint_kobject, module, "mkobj.mod");

enum { LIVE = 0, LOADING = 1, GOING = 2, UNFORMED = 3 };

static const struct eg_constant traces[] = {
    { "list", LINUX_MOD_LIST },       { "sysfs", LINUX_MOD_SYSFS },
    { "tree", LINUX_MOD_TREE },       { "area", LINUX_MOD_AREA },
    { "symbols", LINUX_MOD_SYMBOLS }, { "BTF", LINUX_MOD_BTF },
    { "ftrace", LINUX_MOD_FTRACE },   { "bug list", LINUX_MOD_BUGS },
    { "scan", LINUX_MOD_SCAN },       { NULL, 0 },
};

const char *linux_mod_trace_names(struct eg_run *r, uint32_t bits)
{
    return eg_bits_text(r, traces, bits, ", ");
}

/* What took it off the list: list_del_init(), list_del() (include/linux/poison.h), or another. */
static const char *left_by(struct eg_run *r, struct eg_obj m)
{
    const uint64_t poison = 0x100, low = 0xffffff;
    struct eg_obj list = eg_at(m, module.list);
    uint64_t next;
    uint8_t byte;

    if (!eg_get(&next, m, link_next))
        return "";
    if (next == list.addr)
        return ": its links lead to itself";
    if (eg_read(eg_view_of(r), eg_kernel(r), next, &byte, 1))
        return ": its links still lead to others";
    return (next & low) == poison ? ": its links were poisoned" : ": its links lead nowhere";
}

/* A module that starts, or has not yet begun to, is not whole. */
static bool has_started(struct eg_run *r, struct eg_obj m)
{
    struct linux_module_part part;

    for (unsigned i = 0; linux_next_module_part(r, m, &i, &part);)
        if (part.startup)
            return false;
    return true;
}

static const char *of_struct(struct eg_run *r, const struct linux_mod *mod, const char *hints)
{
    struct eg_obj m = linux_mod_module(r, mod);
    uint64_t sections, own;
    uint32_t state = LIVE, n;

    eg_get(&state, m, module.state);
    if (!has_started(r, m))
        return hints;
    if (state > LOADING && mod->first && linux_mod_executable(r, mod->first))
        hints = linux_hints(r, hints,
                            state == UNFORMED ? "state Unformed, but its code is executable"
                            : state == GOING
                                ? "state Unloading, but its code is executable"
                                : "no state that a module has, but its code is executable");
    if (state == GOING && mod->traces & LINUX_MOD_LIST)
        return hints;
    if (eg_get(&n, m, hint_symbols, hint_n_symbols) && !n)
        hints = linux_hints(r, hints, "its table of symbols was emptied");
    if (eg_get(&sections, m, hint_sections) && !sections)
        hints = linux_hints(r, hints, "its list of sections is gone");
    if (linux_module_cleared(m))
        hints =
            linux_hints(r, hints, "its signature was not verified, and its taints were cleared");
    if (eg_get(&own, m, hint_kobject) && own != mod->addr)
        hints = linux_hints(r, hints, "its folder in sysfs is of another module");
    return hints;
}

const char *linux_mod_hints(struct eg_run *r, const struct linux_mod *mod)
{
    const uint32_t lacks = mod->kept & ~mod->traces;
    struct eg_obj m = linux_mod_module(r, mod);
    const char *hints = NULL;

    if (!mod->addr)
        return mod->traces & LINUX_MOD_AREA
                   ? eg_strf(r, "executable memory of nobody%s%s",
                             mod->caller ? ", asked for by " : "", mod->caller ? mod->caller : "")
                   : "ftrace has records of executable memory of nobody";
    if (lacks & LINUX_MOD_LIST)
        hints = eg_strf(r, "not on the list of modules%s", left_by(r, m));
    if (lacks & LINUX_MOD_SYSFS)
        hints = linux_hints(r, hints, "not in sysfs");
    if (lacks & LINUX_MOD_TREE)
        hints = linux_hints(r, hints, "not in the tree of modules");
    if (lacks & LINUX_MOD_SCAN && lacks & LINUX_MOD_LIST)
        return linux_hints(r, hints, "what is there looks like no module any more");
    return of_struct(r, mod, hints);
}
