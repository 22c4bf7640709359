/* needs.c - which members and symbols does a system lack that a plugin needs, or a walker or
 * function that the plugin uses? */
#include "registry.h"

struct lacks {
    const struct eg_system *sys;
    char text[512];
    size_t n;
};

static bool is_listed(const char *text, const char *one)
{
    const size_t n = strlen(one);

    for (const char *p = text; (p = strstr(p, one)); p += n)
        if ((p == text || p[-1] == ' ') && (!p[n] || p[n] == ','))
            return true;
    return false;
}

static void lack(struct lacks *l, const char *what, const char *dot, const char *member)
{
    char one[256];

    snprintf(one, sizeof one, "%s%s%s", what, dot, member);
    if (!is_listed(l->text, one) && l->n < sizeof l->text)
        l->n +=
            (size_t)snprintf(l->text + l->n, sizeof l->text - l->n, "%s%s", l->n ? ", " : "", one);
}

static void check(struct lacks *l, const struct eg_need *fields, const struct eg_need *symbols)
{
    for (const struct eg_need *need = fields; need && need->field; need++)
        if (!l->sys->bind.slots[need->field->id].kind)
            lack(l, need->field->type, ".", need->field->name);
    for (const struct eg_need *need = symbols; need && need->symbol; need++)
        if (!l->sys->bind.slots[need->symbol->id].kind)
            lack(l, "symbol ", "", need->symbol->name);
}

static bool same_os(const char *a, const char *b)
{
    return !a || (b && !strcmp(a, b));
}

/** The needs of the walker or function @name. @return false: there is none of this name for @os. */
static bool needs_of(const char *name, const char *os, const struct eg_need **fields,
                     const struct eg_need **symbols)
{
    const struct eg_function_reg *f;
    const struct eg_walker_reg *w;

    for (size_t i = 0; (w = eg_walker_nth(i)); i++)
        if (!strcmp(w->name, name) && same_os(w->walker->os, os)) {
            *fields = w->walker->needs;
            *symbols = w->walker->needs_symbols;
            return true;
        }
    for (size_t i = 0; (f = eg_function_nth(i)); i++)
        if (!strcmp(f->name, name) && same_os(f->function->os, os)) {
            *fields = f->function->needs;
            *symbols = f->function->needs_symbols;
            return true;
        }
    return false;
}

const char *eg_plugin_unknown_use(const struct eg_plugin *p)
{
    const struct eg_need *fields, *symbols;

    for (const char *const *use = p->uses; use && *use; use++)
        if (!needs_of(*use, p->os, &fields, &symbols))
            return *use;
    return NULL;
}

char *eg_plugin_lacks(struct eg_system *sys, const struct eg_plugin *p, struct eg_arena *a)
{
    struct lacks l = { .sys = sys };

    for (const char *const *use = p->uses; use && *use; use++) {
        const struct eg_need *fields, *symbols;

        if (needs_of(*use, p->os, &fields, &symbols))
            check(&l, fields, symbols);
        else
            lack(&l, "walker or function ", "", *use);
    }
    check(&l, p->needs, p->needs_symbols);
    return l.n ? eg_arena_strf(a, "%s", l.text) : NULL;
}
