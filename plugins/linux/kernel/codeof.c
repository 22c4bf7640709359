/* codeof.c - whose code an address is. */
#include "codeof.h"
#include "../../../core/system.h"
#include "../state.h"
#include "module.h"
#include <inttypes.h>

/* Modules with a symbol near the address are found by it; others by their memory. */
static const char *module_at(const struct eg_system *sys, uint64_t addr)
{
    for (size_t i = 0; i < sys->module_symbols.n; i++) {
        const struct eg_symbols *s = &sys->module_symbols.at[i];

        for (unsigned k = 0; k < s->n_ranges; k++)
            if (addr >= s->ranges[k].first && addr <= s->ranges[k].last)
                return s->module;
    }
    return NULL;
}

/* Of a module that did not come with the kernel, or is not signed, /proc/modules has a letter. */
static const char *taint_of(struct eg_run *r, const char *name)
{
    struct eg_obj m;

    linux_each_module(r, m) {
        const char *each = eg_string(r, eg_at(m, module.name), 64);
        struct eg_cell taints;

        if (!each || strcmp(each, name) != 0)
            continue;
        taints = linux_module_taints(r, m);
        if (taints.tag == EG_CELL_TEXT && memchr(taints.bytes.p, 'O', taints.bytes.len))
            return "the module is not of the kernel's tree";
        if (taints.tag == EG_CELL_TEXT && memchr(taints.bytes.p, 'E', taints.bytes.len))
            return "the module is not signed";
        return NULL;
    }
    return NULL;
}

void linux_codeof(struct eg_run *r, uint64_t addr, struct linux_codeof *out)
{
    struct eg_system *sys = eg_system_of(r);
    const struct linux_state *s = linux_state(sys);
    const bool in_image = addr >= s->image_start && addr < s->image_end;
    const char *name, *module = NULL;
    uint64_t off = 0;

    *out = (struct linux_codeof){ .begins = true };
    // A symbol of the kernel's own counts only where its image is.
    if (eg_system_symbol_at(sys, addr, &name, &off, &module) &&
        (module || in_image || s->image_end <= s->image_start)) {
        out->symbol = off ? eg_strf(r, "%s+%#" PRIx64, name, off) : eg_strf(r, "%s", name);
        out->begins = !off;
        out->module = module ? eg_strf(r, "%s", module) : "kernel";
    } else if (in_image) {
        out->module = "kernel";
    } else if ((module = module_at(sys, addr))) {
        out->module = eg_strf(r, "%s", module);
    }
    if (!out->module)
        out->hint = "code of no module that is listed, nor of the kernel";
    else if (!out->begins)
        out->hint = "inside a function";
    else if (strcmp(out->module, "kernel") != 0)
        out->hint = taint_of(r, out->module);
}
