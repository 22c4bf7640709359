/** symbols.c - notes of a system, and its symbols from all sources, by name and by address. */
#include "system.h"
#include <stdarg.h>

void eg_system_note(struct eg_system *sys, const char *format, ...)
{
    va_list ap;
    char *text, **slot;

    va_start(ap, format);
    text = eg_arena_vstrf(&sys->arena, format, ap);
    va_end(ap);
    if (!text)
        return;
    for (size_t i = 0; i < sys->notes.n; i++)
        if (!strcmp(sys->notes.at[i], text))
            return;
    slot = eg_vec_push(&sys->notes);
    if (slot)
        *slot = text;
}

/** Symbols of modules, read when those of the kernel do not answer. */
static bool module_symbols(struct eg_system *sys)
{
    if (!sys->os || !sys->os->module_symbols)
        return false;
    if (!__atomic_load_n(&sys->has_module_symbols, __ATOMIC_ACQUIRE)) {
        pthread_mutex_lock(&sys->lock);
        if (!sys->has_module_symbols) {
            sys->os->module_symbols(sys);
            __atomic_store_n(&sys->has_module_symbols, true, __ATOMIC_RELEASE);
        }
        pthread_mutex_unlock(&sys->lock);
    }
    return true;
}

static const struct eg_symbol *named(const struct eg_symbols *s, size_t n, const char *name,
                                     uint64_t *addr, const struct eg_profile **from)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t iter = 0;
        const struct eg_symbol *found = eg_profile_symbol(s[i].profile, name, &iter);

        if (found) {
            *addr = found->addr + s[i].shift;
            *from = s[i].profile;
            return found;
        }
    }
    return NULL;
}

bool eg_system_own_symbol(const struct eg_system *sys, const char *name, uint64_t *addr,
                          struct eg_symbol_extent *extent)
{
    const struct eg_symbol *s, *end;
    const struct eg_profile *p;

    s = named(sys->symbols.at, sys->symbols.n, name, addr, &p);
    if (!s || !extent)
        return s;
    *extent = (struct eg_symbol_extent){ .size = s->size };
    end = p->symbols + p->n_symbols;
    for (const struct eg_symbol *next = s + 1; !extent->room && next < end; next++)
        extent->room = next->addr - s->addr; // 0: another name of the same address
    return true;
}

bool eg_system_symbol(struct eg_system *sys, const char *name, uint64_t *addr)
{
    const struct eg_profile *p;

    return named(sys->symbols.at, sys->symbols.n, name, addr, &p) ||
           (module_symbols(sys) &&
            named(sys->module_symbols.at, sys->module_symbols.n, name, addr, &p));
}

static const struct eg_range *range_of(const struct eg_symbols *s, uint64_t addr)
{
    for (unsigned i = 0; i < s->n_ranges; i++)
        if (addr >= s->ranges[i].first && addr <= s->ranges[i].last)
            return &s->ranges[i];
    return NULL;
}

/** The symbol of all tables nearest at or below @addr, in a range that contains both. */
static bool nearest(const struct eg_symbols *s, size_t n, uint64_t addr, const char **name,
                    uint64_t *off, const char **module)
{
    bool found = false;

    for (size_t i = 0; i < n; i++) {
        const struct eg_range *range = range_of(&s[i], addr);
        const struct eg_symbol *sym;

        if (!range)
            continue;
        sym = eg_profile_symbol_at(s[i].profile, addr - s[i].shift);
        if (!sym || sym->addr + s[i].shift < range->first ||
            (found && addr - (sym->addr + s[i].shift) >= *off))
            continue;
        *name = s[i].profile->strings + sym->name;
        *off = addr - (sym->addr + s[i].shift);
        *module = s[i].module;
        found = true;
    }
    return found;
}

bool eg_system_symbol_at(struct eg_system *sys, uint64_t addr, const char **name, uint64_t *off,
                         const char **module)
{
    const struct eg_paging *p = sys->chosen ? &sys->chosen->paging : NULL;

    if (p && p->arch && p->arch->plain)
        addr = p->arch->plain(p, addr);
    return nearest(sys->symbols.at, sys->symbols.n, addr, name, off, module) ||
           (module_symbols(sys) &&
            nearest(sys->module_symbols.at, sys->module_symbols.n, addr, name, off, module));
}
