/* registry.c - the declarations that the linker collected and those of loaded plugins, sorted by
 * name. */
#include "registry.h"
#include "config.h"
#include "map.h"
#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

EG_SECTION_(eg_os_reg, eg_oses);
EG_SECTION_(eg_renderer_reg, eg_renderers);

/* There is one registry per process, filled before the first system opens and read-only
 * afterwards. */
static struct {
    bool begun;
    EG_VEC(const struct eg_plugin_reg *) plugins;
    EG_VEC(const struct eg_walker_reg *) walkers;
    EG_VEC(const struct eg_function_reg *) functions;
    EG_VEC(const struct eg_constants_reg *) constants;
    EG_VEC(struct eg_handle) handles;        /* [0]: absent */
    EG_VEC(const struct eg_pathref *) paths; /* [0]: NULL */
    struct eg_map ids;                       /* of handles, by their hash */
} reg;

/* ---- handles ---- */

static uint32_t mix(uint32_t h, const char *s)
{
    return (h ^ (s ? eg_hash(s, strlen(s)) : 0)) * 16777619u;
}

static uint32_t hash_of(const struct eg_handle *h)
{
    uint32_t v = mix(mix(mix(h->kind, h->type), h->name), h->module);

    return v ^ v >> 15;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

static bool same(const struct eg_handle *a, const struct eg_handle *b)
{
    return a->kind == b->kind && same_text(a->type, b->type) && same_text(a->name, b->name) &&
           same_text(a->module, b->module);
}

/** The id of @h, new or known; 0 out of memory. */
static uint32_t intern(struct eg_handle h)
{
    const uint32_t hash = hash_of(&h);
    struct eg_handle *place;
    uint32_t nth;
    uint64_t id;

    if (!reg.handles.n && !eg_vec_push(&reg.handles)) // [0]
        return 0;
    for (nth = 0; eg_map_get(&reg.ids, eg_map_key(hash, nth), &id); nth++)
        if (same(&reg.handles.at[id], &h))
            return (uint32_t)id;
    id = reg.handles.n;
    place = eg_vec_push(&reg.handles);
    if (!place || eg_map_add(&reg.ids, eg_map_key(hash, nth), id) < 0)
        return 0;
    *place = h;
    return (uint32_t)id;
}

const struct eg_handle *eg_handle(uint32_t id)
{
    return id && id < reg.handles.n ? &reg.handles.at[id] : NULL;
}

uint32_t eg_handle_count(void)
{
    return reg.handles.n ? (uint32_t)reg.handles.n : 1;
}

/** Handles are static objects that the sections point to as const. This is the only place that
 * writes their ids. */
static bool number_handles(const struct eg_module *m, bool own_module)
{
    bool ok = true;

    for (const struct eg_fieldset *const *s = m->fields; s < m->fields_end; s++) {
        for (unsigned i = 0; i < (*s)->n; i++) {
            struct eg_field *f = &(*s)->first[i];

            f->id = intern((struct eg_handle){ EG_H_FIELD, f->type, f->name, (*s)->module,
                                               own_module ? NULL : (*s)->file });
            ok &= f->id != 0;
        }
    }
    for (const struct eg_typeref *const *t = m->types; t < m->types_end; t++) {
        struct eg_typeref *own = (struct eg_typeref *)(uintptr_t)*t;

        own->id = intern((struct eg_handle){ EG_H_TYPE, own->name, NULL, own->module, NULL });
        ok &= own->id != 0;
    }
    for (const struct eg_symref *const *s = m->symbols; s < m->symbols_end; s++) {
        struct eg_symref *own = (struct eg_symref *)(uintptr_t)*s;

        own->id = intern((struct eg_handle){ EG_H_SYMBOL, own->type, own->name, NULL, NULL });
        ok &= own->id != 0;
    }
    for (const struct eg_enumref *const *n = m->enums; n < m->enums_end; n++) {
        struct eg_enumref *own = (struct eg_enumref *)(uintptr_t)*n;

        own->id = intern((struct eg_handle){ EG_H_ENUM, own->type, own->name, NULL, NULL });
        ok &= own->id != 0;
    }
    return ok;
}

/** The same for paths: each place in the source has its own id. */
static bool number_paths(const struct eg_module *m)
{
    if (!reg.paths.n && !eg_vec_push(&reg.paths)) // [0]
        return false;
    for (const struct eg_pathref *const *p = m->paths; p < m->paths_end; p++) {
        const struct eg_pathref **place = eg_vec_push(&reg.paths);

        if (!place)
            return false;
        *place = *p;
        ((struct eg_pathref *)(uintptr_t)*p)->id = (uint32_t)(reg.paths.n - 1);
    }
    return true;
}

const struct eg_pathref *eg_pathref(uint32_t id)
{
    return id && id < reg.paths.n ? reg.paths.at[id] : NULL;
}

uint32_t eg_pathref_count(void)
{
    return reg.paths.n ? (uint32_t)reg.paths.n : 1;
}

/* ---- modules: the library's own sections, a shared object's, a test's ---- */

/** The name of a record: every record begins with it. */
static const char *name_of(const void *pointer)
{
    const void *record;
    const char *name;

    memcpy(&record, pointer, sizeof record);
    memcpy(&name, record, sizeof name);
    return name;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(name_of(a), name_of(b));
}

/** Plugins that declare the same option must give it the same kind. */
static int check_kinds(const struct eg_plugin_reg *p, const struct eg_plugin_reg *other,
                       struct eg_error *e)
{
    static const char *const kinds[] = {
        [EG_ARG_FLAG] = "flag", [EG_ARG_INT] = "int", [EG_ARG_ADDR] = "addr", [EG_ARG_TEXT] = "text"
    };

    for (const struct eg_arg *a = p->plugin->args; a && a->name; a++)
        for (const struct eg_arg *b = other->plugin->args; b && b->name; b++)
            if (!strcmp(a->name, b->name) && a->kind != b->kind)
                return eg_fail(e, EG_EUSAGE,
                               "%s: its option --%s is of kind %s, but %s (%s) has one of kind %s",
                               p->name, a->name, kinds[a->kind], other->name, other->file,
                               kinds[b->kind]);
    return 0;
}

static int add(const struct eg_module *m, bool own_module, struct eg_error *e)
{
    bool ok;

    for (const struct eg_plugin_reg *const *p = m->plugins; p < m->plugins_end; p++) {
        if (!(*p)->plugin->run == !(*p)->plugin->scan)
            return eg_fail(e, EG_EFORMAT, "%s: a plugin has .run or .scan, one of them",
                           (*p)->name);
        for (size_t i = 0; i < reg.plugins.n; i++) {
            if (!strcmp(reg.plugins.at[i]->name, (*p)->name))
                return eg_fail(e, EG_EUSAGE, "%s: a plugin of this name is already there, from %s",
                               (*p)->name, reg.plugins.at[i]->file);
            if (check_kinds(*p, reg.plugins.at[i], e))
                return -EG_EUSAGE;
        }
    }
    // All or nothing, so that a failed call can be repeated.
    ok =
        number_handles(m, own_module) && number_paths(m) &&
        eg_vec_reserve(&reg.plugins, reg.plugins.n + (size_t)(m->plugins_end - m->plugins)) &&
        eg_vec_reserve(&reg.walkers, reg.walkers.n + (size_t)(m->walkers_end - m->walkers)) &&
        eg_vec_reserve(&reg.functions,
                       reg.functions.n + (size_t)(m->functions_end - m->functions)) &&
        eg_vec_reserve(&reg.constants, reg.constants.n + (size_t)(m->constants_end - m->constants));
    for (const struct eg_plugin_reg *const *p = m->plugins; ok && p < m->plugins_end; p++)
        *eg_vec_push(&reg.plugins) = *p;
    for (const struct eg_walker_reg *const *w = m->walkers; ok && w < m->walkers_end; w++)
        *eg_vec_push(&reg.walkers) = *w;
    for (const struct eg_function_reg *const *f = m->functions; ok && f < m->functions_end; f++)
        *eg_vec_push(&reg.functions) = *f;
    for (const struct eg_constants_reg *const *c = m->constants; ok && c < m->constants_end; c++)
        *eg_vec_push(&reg.constants) = *c;
    if (reg.plugins.n)
        qsort(reg.plugins.at, reg.plugins.n, sizeof *reg.plugins.at, by_name);
    if (reg.walkers.n)
        qsort(reg.walkers.at, reg.walkers.n, sizeof *reg.walkers.at, by_name);
    if (reg.functions.n)
        qsort(reg.functions.at, reg.functions.n, sizeof *reg.functions.at, by_name);
    if (reg.constants.n)
        qsort(reg.constants.at, reg.constants.n, sizeof *reg.constants.at, by_name);
    return ok ? 0 : eg_fail(e, EG_ENOMEM, "registry: out of memory");
}

int eg_registry_init(struct eg_error *e)
{
    static const struct eg_module own = {
        EG_ABI,
        __start_eg_plugins,
        __stop_eg_plugins,
        __start_eg_walkers,
        __stop_eg_walkers,
        __start_eg_functions,
        __stop_eg_functions,
        __start_eg_constants,
        __stop_eg_constants,
        __start_eg_fields,
        __stop_eg_fields,
        __start_eg_typerefs,
        __stop_eg_typerefs,
        __start_eg_symrefs,
        __stop_eg_symrefs,
        __start_eg_enumrefs,
        __stop_eg_enumrefs,
        __start_eg_paths,
        __stop_eg_paths,
    };

    int rc;

    if (reg.begun)
        return 0;
    rc = add(&own, true, e);
    reg.begun = rc == 0; // else the next call tries and fails again
    return rc;
}

int eg_registry_add(const struct eg_module *m, struct eg_error *e)
{
    int rc = eg_registry_init(e);

    if (rc < 0)
        return rc;
    if (strcmp(m->abi, EG_ABI) != 0)
        return eg_fail(e, EG_EUNSUP,
                       "built for another engram (%s, this one is %s): build it again", m->abi,
                       EG_ABI);
    return add(m, false, e);
}

#ifdef EG_STATIC_PIE
static int load(const char *dir, const char *name, struct eg_error *e)
{
    return eg_fail(e, EG_EUNSUP, "%s/%s: this engram is one static program, which loads no plugins",
                   dir, name);
}
#else
static int load(const char *dir, const char *name, struct eg_error *e)
{
    const struct eg_module *m;
    struct eg_error why;
    char path[4096];
    void *so;

    if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, name) >= sizeof path)
        return eg_fail(e, EG_EUSAGE, "%s/%s: the path is too long", dir, name);
    so = dlopen(path, RTLD_NOW | RTLD_LOCAL); // never closed: its plugins are used until the
                                              // process ends
    if (!so)
        return eg_fail(e, EG_EIO, "%s", dlerror());
    m = dlsym(so, "eg_module");
    if (!m)
        return eg_fail(e, EG_EFORMAT, "%s: no eg_module in it: it declares no EG_PLUGIN", path);
    if (eg_registry_add(m, &why) < 0)
        return eg_fail(e, why.code, "%s: %s", path, why.text);
    return 0;
}
#endif

static int is_so(const struct dirent *d)
{
    size_t n = strlen(d->d_name);

    return n > 3 && !strcmp(d->d_name + n - 3, ".so");
}

int eg_registry_load(const char *dir, struct eg_error *e)
{
    struct dirent **found;
    int n = scandir(dir, &found, is_so, alphasort), rc = 0;

    if (n < 0)
        return eg_fail(e, EG_EIO, "%s: %s: --plugin-dir wants a folder", dir, strerror(errno));
    for (int i = 0; i < n; i++) {
        if (rc == 0)
            rc = load(dir, found[i]->d_name, e);
        free(found[i]);
    }
    free(found);
    return rc;
}

/* ---- look-ups ---- */

const struct eg_plugin_reg *eg_plugin_nth(size_t i)
{
    return i < reg.plugins.n ? reg.plugins.at[i] : NULL;
}

const struct eg_walker_reg *eg_walker_nth(size_t i)
{
    return i < reg.walkers.n ? reg.walkers.at[i] : NULL;
}

const struct eg_constants_reg *eg_constants_nth(size_t i)
{
    return i < reg.constants.n ? reg.constants.at[i] : NULL;
}

const struct eg_function_reg *eg_function_nth(size_t i)
{
    return i < reg.functions.n ? reg.functions.at[i] : NULL;
}

/** The @i-th record by name of a section. There are few, so counting smaller names is enough. */
static const void *nth(const void *from, const void *to, size_t i)
{
    const size_t n = (size_t)((const char *)to - (const char *)from) / sizeof(void *);
    const void *const *records = from;

    for (size_t x = 0; x < n; x++) {
        const void *record;
        size_t below = 0;

        for (size_t y = 0; y < n; y++)
            below += strcmp(name_of(records + y), name_of(records + x)) < 0;
        memcpy(&record, records + x, sizeof record);
        if (below == i)
            return record;
    }
    return NULL;
}

const struct eg_os_reg *eg_os_nth(size_t i)
{
    return nth(__start_eg_oses, __stop_eg_oses, i);
}

const struct eg_renderer_reg *eg_renderer_nth(size_t i)
{
    return nth(__start_eg_renderers, __stop_eg_renderers, i);
}

const struct eg_renderer *eg_renderer_find(const char *name)
{
    const struct eg_renderer_reg *r;

    for (size_t i = 0; (r = eg_renderer_nth(i)); i++)
        if (!strcmp(r->name, name))
            return r->renderer;
    return NULL;
}

/** Is @name equal to @alias, or to @alias without its class: "proc" for "proc.Maps"? */
static bool is_alias(const char *alias, const char *name)
{
    const char *dot = strrchr(alias, '.');
    const size_t len = strlen(name);

    return !strcasecmp(alias, name) ||
           (dot && isupper((unsigned char)dot[1]) && (size_t)(dot - alias) == len &&
            !strncasecmp(alias, name, len));
}

/** "linux.proc.Maps" is also "proc.Maps". */
static bool has_alias(const struct eg_plugin_reg *p, const char *name)
{
    for (const char *const *a = p->plugin->aliases; a && *a; a++) {
        const char *dot = strchr(*a, '.');

        if (is_alias(*a, name) || (dot && strchr(dot + 1, '.') && is_alias(dot + 1, name)))
            return true;
    }
    return false;
}

/** As in Volatility: "linux.NAME" and "linux.NAME.Class" for plugins of the system linux. */
static bool is_dotted(const struct eg_plugin_reg *p, const char *name)
{
    size_t os = p->plugin->os ? strlen(p->plugin->os) : 0, n = strlen(p->name);

    if (!os || strncasecmp(name, p->plugin->os, os) != 0 || name[os] != '.')
        return false;
    name += os + 1;
    return !strncasecmp(name, p->name, n) && (!name[n] || (name[n] == '.' && name[n + 1]));
}

const struct eg_plugin_reg *eg_plugin_find(const char *name)
{
    for (int pass = 0; pass < 3; pass++)
        for (size_t i = 0; i < reg.plugins.n; i++) {
            const struct eg_plugin_reg *p = reg.plugins.at[i];

            if (pass == 0 ? !strcasecmp(p->name, name)
                          : (pass == 1 ? has_alias(p, name) : is_dotted(p, name)))
                return p;
        }
    return NULL;
}

/** Edit distance: insertions, deletions, replacements and swaps of adjacent letters; case is
 * ignored. */
static unsigned distance(const char *a, const char *b)
{
    enum { LONGEST = 63 };
    unsigned row[3][LONGEST + 1], *last = row[0], *cur = row[1], *before = row[2];
    size_t n = strlen(a), m = strlen(b);

    if (n > LONGEST || m > LONGEST)
        return UINT32_MAX;
    for (size_t j = 0; j <= m; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *spare = before;

        cur[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);

            cur[j] = EG_MIN(EG_MIN(last[j], cur[j - 1]) + 1, last[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                y == tolower((unsigned char)a[i - 2]))
                cur[j] = EG_MIN(cur[j], before[j - 2] + 1);
        }
        before = last;
        last = cur;
        cur = spare;
    }
    return last[m];
}

const char *eg_nearest(const char *name, const char *const *names)
{
    unsigned best = (unsigned)EG_MAX(strlen(name) / 3, 1) + 1;
    const char *nearest = NULL;

    for (; *names; names++) {
        unsigned d = distance(name, *names);

        if (d < best) {
            best = d;
            nearest = *names;
        }
    }
    return nearest;
}
