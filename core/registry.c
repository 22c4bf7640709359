/* registry.c - the declarations of this program, of modules and of scripts. */
#include "registry.h"
#include "config.h"
#include "map.h"
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
    struct eg_records
        records[EG_R_FORMATS];        /* sorted by name; formats and readers have their own */
    EG_VEC(struct eg_handle) handles; /* [0]: absent */
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

static struct eg_records *records(enum eg_record_kind kind)
{
    return kind == EG_R_FORMATS   ? eg_format_records()
           : kind == EG_R_READERS ? eg_reader_records()
                                  : &reg.records[kind];
}

/** The records of one kind in a module, which are not yet added. */
static struct eg_records section(const struct eg_module *m, enum eg_record_kind kind)
{
    const struct eg_records sections[] = {
        [EG_R_PLUGINS] = { m->plugins, m->plugins_end },
        [EG_R_WALKERS] = { m->walkers, m->walkers_end },
        [EG_R_FUNCTIONS] = { m->functions, m->functions_end },
        [EG_R_CONSTANTS] = { m->constants, m->constants_end },
        [EG_R_FORMATS] = { m->formats, m->formats_end },
        [EG_R_READERS] = { m->readers, m->readers_end },
    };

    return sections[kind];
}

static int by_name(const void *a, const void *b)
{
    return strcmp(eg_record_name(eg_record_at(a, 0)), eg_record_name(eg_record_at(b, 0)));
}

static int check(const struct eg_module *m, struct eg_error *e)
{
    for (enum eg_record_kind kind = 0; kind < EG_R_KINDS; kind++) {
        const struct eg_records own = section(m, kind);
        const size_t n = eg_record_count(&own);

        for (size_t i = 0; i < n; i++) {
            const void *record = eg_record_at(own.from, i);
            int rc = eg_record_check(kind, record, e);

            for (size_t k = 0; !rc && k < i; k++)
                rc = eg_record_clash(kind, record, eg_record_at(own.from, k), e);
            for (size_t k = 0; !rc && k < eg_record_count(records(kind)); k++)
                rc = eg_record_clash(kind, record, eg_record_any(records(kind), k), e);
            if (rc)
                return rc;
        }
    }
    return 0;
}

/** All or nothing, so that a failed call can be repeated. */
static int add(const struct eg_module *m, bool own_module, struct eg_error *e)
{
    bool ok = number_handles(m, own_module) && number_paths(m);

    for (enum eg_record_kind kind = 0; ok && kind < EG_R_KINDS; kind++) {
        const struct eg_records own = section(m, kind);
        struct eg_records *all = records(kind);

        ok = eg_vec_reserve(&all->added, all->added.n + eg_record_count(&own));
    }
    if (!ok)
        return eg_fail(e, EG_ENOMEM, "registry: out of memory");
    for (enum eg_record_kind kind = 0; kind < EG_R_KINDS; kind++) {
        const struct eg_records own = section(m, kind);
        struct eg_records *all = records(kind);

        for (size_t i = 0; i < eg_record_count(&own); i++)
            *eg_vec_push(&all->added) = eg_record_at(own.from, i);
        if (all->added.n)
            qsort(all->added.at, all->added.n, sizeof *all->added.at, by_name);
    }
    return 0;
}

int eg_registry_init(struct eg_error *e)
{
    struct eg_module own = EG_MODULE_;
    int rc;

    if (reg.begun)
        return 0;
    // These are found in their sections, also by programs that have no registry.
    own.formats_end = own.formats;
    own.readers_end = own.readers;
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
    rc = check(m, e);
    return rc < 0 ? rc : add(m, false, e);
}

#ifdef EG_STATIC_PIE
static int load(const char *dir, const char *name, struct eg_error *e)
{
    return eg_fail(e, EG_EUNSUP, "%s/%s: this engram is one static program, which loads no modules",
                   dir, name);
}
#else
static bool declares_nothing(const struct eg_module *m)
{
    size_t n = 0;

    for (enum eg_record_kind kind = 0; kind < EG_R_KINDS; kind++) {
        const struct eg_records own = section(m, kind);

        n += eg_record_count(&own);
    }
    return !n;
}

static int load(const char *dir, const char *name, struct eg_error *e)
{
    const struct eg_module *m;
    struct eg_error why;
    char path[4096];
    void *so;

    if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, name) >= sizeof path)
        return eg_fail(e, EG_EUSAGE, "%s/%s: the path is too long", dir, name);
    // Never closed: what it declares is used until the process ends.
    so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!so)
        return eg_fail(e, EG_EIO, "%s", dlerror());
    m = dlsym(so, "eg_module");
    if (!m)
        return eg_fail(e, EG_EFORMAT,
                       "%s: has no symbol eg_module: no source of it includes engram.h", path);
    if (!strcmp(m->abi, EG_ABI) && declares_nothing(m))
        return eg_fail(e, EG_EFORMAT, "%s: declares nothing: no EG_PLUGIN, EG_FORMAT or the like",
                       path);
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

int eg_registry_load(const char *dir, size_t *loaded, struct eg_error *e)
{
    struct dirent **found;
    int n = scandir(dir, &found, is_so, alphasort), rc = 0;

    *loaded = 0;
    if (n < 0)
        return eg_fail(e, EG_EIO, "%s: %s: --plugin-dir wants a folder", dir, strerror(errno));
    for (int i = 0; i < n; i++) {
        if (rc == 0)
            rc = load(dir, found[i]->d_name, e);
        *loaded += rc == 0;
        free(found[i]);
    }
    free(found);
    return rc;
}

/* ---- look-ups ---- */

static const void *nth(enum eg_record_kind kind, size_t i)
{
    return i < reg.records[kind].added.n ? reg.records[kind].added.at[i] : NULL;
}

const struct eg_plugin_reg *eg_plugin_nth(size_t i)
{
    return nth(EG_R_PLUGINS, i);
}

const struct eg_walker_reg *eg_walker_nth(size_t i)
{
    return nth(EG_R_WALKERS, i);
}

const struct eg_constants_reg *eg_constants_nth(size_t i)
{
    return nth(EG_R_CONSTANTS, i);
}

const struct eg_function_reg *eg_function_nth(size_t i)
{
    return nth(EG_R_FUNCTIONS, i);
}

const struct eg_os_reg *eg_os_nth(size_t i)
{
    const struct eg_records oses = { __start_eg_oses, __stop_eg_oses };

    return eg_record_nth(&oses, i);
}

const struct eg_renderer_reg *eg_renderer_nth(size_t i)
{
    const struct eg_records renderers = { __start_eg_renderers, __stop_eg_renderers };

    return eg_record_nth(&renderers, i);
}

const struct eg_renderer *eg_renderer_find(const char *name)
{
    const struct eg_records renderers = { __start_eg_renderers, __stop_eg_renderers };
    const struct eg_renderer_reg *r = eg_record_find(&renderers, name);

    return r ? r->renderer : NULL;
}
