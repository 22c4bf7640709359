/** symbols.c - a system's symbols, of all sources, by name and by address. */
#include "system.h"

/** The modules' tables, made when the kernel's own do not answer. */
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

static bool named(const struct eg_symbols *s, size_t n, const char *name, uint64_t *addr)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t iter = 0;
        const struct eg_symbol *found = eg_profile_symbol(s[i].profile, name, &iter);

        if (found) {
            *addr = found->addr + s[i].shift;
            return true;
        }
    }
    return false;
}

bool eg_system_symbol(struct eg_system *sys, const char *name, uint64_t *addr)
{
    return named(sys->symbols.at, sys->symbols.n, name, addr) ||
           (module_symbols(sys) &&
            named(sys->module_symbols.at, sys->module_symbols.n, name, addr));
}

static const struct eg_range *range_of(const struct eg_symbols *s, uint64_t addr)
{
    for (unsigned i = 0; i < s->n_ranges; i++)
        if (addr >= s->ranges[i].first && addr <= s->ranges[i].last)
            return &s->ranges[i];
    return NULL;
}

/** The nearest at or below @addr, in a range that holds both, of all tables. */
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
