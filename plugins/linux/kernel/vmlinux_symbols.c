/* vmlinux_symbols.c - the symbols of the kernel's ELF file: those of kallsyms, of code that was
 * made at run time, and of modules. */
#include "../../../core/run.h"
#include "kallsyms.h"
#include "module.h"
#include "vmlinux_parts.h"
#include <stdlib.h>

enum { SYMBOLS_MAX = 1 << 22, MODULES_MAX = 4096 };

/* Symbols of a module come behind each other. */
static uint32_t module_of(const struct linux_vmlinux *x, const char *name)
{
    const struct linux_vmlinux_symbol *last = x->n_symbols ? &x->symbols[x->n_symbols - 1] : NULL;

    if (last && last->module && !strcmp(x->modules[last->module - 1].name, name))
        return last->module;
    for (uint32_t i = 0; i < x->n_modules; i++)
        if (!strcmp(x->modules[i].name, name))
            return i + 1;
    return 0;
}

static void add(struct eg_run *r, void *state, const struct linux_ksym *s)
{
    struct linux_vmlinux *x = state;
    const bool module = !strcmp(s->subsystem, "module");
    struct linux_vmlinux_symbol new = { .addr = s->addr,
                                        .letter = s->letter,
                                        .module = module ? module_of(x, s->module) : 0 };

    if (s->name.tag != EG_CELL_TEXT || !s->name.bytes.len || s->name.bytes.len > UINT16_MAX)
        return;
    new.name = s->name.bytes.p;
    new.length = (uint32_t)s->name.bytes.len;
    if (s->size.tag == EG_CELL_UINT && s->size.u <= UINT32_MAX)
        new.size = s->size.u;
    if (x->n_symbols == SYMBOLS_MAX) {
        eg_note(r, "more than %d symbols: the others are left out", (int)SYMBOLS_MAX);
        return;
    }
    x->symbols = eg_grow(r, x->symbols, x->n_symbols, &x->cap_symbols, sizeof new);
    x->symbols[x->n_symbols++] = new;
}

static void add_module(struct linux_vmlinux *x, struct eg_obj m)
{
    struct linux_vmlinux_module new = { .name = eg_string(x->r, eg_at(m, module.name), 64) };
    struct linux_module_part part;

    if (!new.name || !*new.name || x->n_modules == MODULES_MAX)
        return;
    for (unsigned i = 0; linux_next_module_part(x->r, m, &i, &part);)
        if (part.code && !part.startup && part.size && eg_add(part.first, part.size, &new.end)) {
            new.first = part.first;
            break;
        }
    if (!new.first)
        new.end = 0;
    x->modules = eg_grow(x->r, x->modules, x->n_modules, &x->cap_modules, sizeof new);
    x->modules[x->n_modules++] = new;
}

/* What kallsyms lacks where it lists functions only: exported variables, and those that were found
 * by the code that uses them. */
static void add_others(struct linux_vmlinux *x)
{
    const struct eg_system *sys = eg_system_of(x->r);
    const struct eg_profile *kallsyms = NULL;

    for (size_t i = 0; i < sys->symbols.n; i++)
        if (!strcmp(sys->symbols.at[i].what, "kallsyms"))
            kallsyms = sys->symbols.at[i].profile;
    for (size_t i = 0; i < sys->symbols.n && kallsyms; i++) { // else all of them are there
        const struct eg_symbols *table = &sys->symbols.at[i];

        for (uint32_t k = 0; table->profile != kallsyms && k < table->profile->n_symbols; k++) {
            const struct eg_symbol *s = &table->profile->symbols[k];
            const char *name = table->profile->strings + s->name;
            uint32_t iter = 0;

            if (!eg_profile_symbol(kallsyms, name, &iter))
                add(x->r, x,
                    &(struct linux_ksym){ .addr = s->addr + table->shift,
                                          .letter = (char)s->letter,
                                          .name = eg_text(name),
                                          .subsystem = "core" });
        }
    }
}

static int by_address(const void *a, const void *b)
{
    const struct linux_vmlinux_symbol *x = a, *y = b;

    if (x->addr != y->addr)
        return x->addr < y->addr ? -1 : 1;
    return strcmp(x->name, y->name);
}

void linux_vmlinux_symbols(struct linux_vmlinux *x)
{
    struct eg_obj m;

    if (x->o->modules && eg_has(x->r, module.list))
        linux_each_module(x->r, m)
            add_module(x, m);
    linux_ksyms_core(x->r, add, x);
    if (!linux_ksyms_variables(x->r))
        add_others(x);
    linux_ksyms_made(x->r, add, x);
    if (x->o->modules)
        linux_ksyms_modules(x->r, NULL, add, x);
    if (x->n_symbols)
        qsort(x->symbols, x->n_symbols, sizeof *x->symbols, by_address);
}
