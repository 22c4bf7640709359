/* objects.c - imports and exports of ELF files. */
#include "objects.h"
#include "../../../core/map.h"
#include "../../../core/run.h"
#include <stdlib.h>
#include <string.h>

enum { WORK_MAX = 1 << 23, IMPORTS_MAX = 1 << 18, NEEDED_MAX = 256, DT_NEEDED = 1, DT_SONAME = 14 };

static int by_name(const void *a, const void *b)
{
    const struct linux_elf_symbol *x = a, *y = b;
    const int rc = strcmp(x->name, y->name);

    return rc ? rc : x->value < y->value ? -1 : x->value > y->value;
}

const struct linux_elf_symbol *linux_object_exports(const struct linux_object *o, const char *name,
                                                    size_t *n)
{
    const size_t i = eg_lower_bound(o->n_exports, j, strcmp(o->exports[j].name, name) < 0);

    for (*n = 0; i + *n < o->n_exports && !strcmp(o->exports[i + *n].name, name); ++*n)
        ;
    return *n ? &o->exports[i] : NULL;
}

static void read_imports(struct eg_run *r, const struct linux_elf *e,
                         const struct linux_elf_table *t, struct linux_object *o)
{
    struct linux_elf_reloc rel;
    struct linux_elf_symbol s;
    size_t cap = 0;

    linux_elf_each_reloc(r, e, rel)
    {
        const enum linux_elf_reloc_kind kind = linux_elf_reloc_kind(e->machine, rel.type);

        if (kind == ELF_RELOC_OTHER || kind == ELF_RELOC_ABSOLUTE || o->n_imports == IMPORTS_MAX ||
            (kind != ELF_RELOC_RESOLVED && !linux_elf_symbol_in(r, e, t, rel.symbol, &s)))
            continue;
        o->imports = eg_grow(r, o->imports, o->n_imports, &cap, sizeof *o->imports);
        o->imports[o->n_imports++] =
            (struct linux_import){ rel.vaddr, kind, kind == ELF_RELOC_RESOLVED ? "" : s.name };
    }
}

static void read_names(struct eg_run *r, const struct linux_elf *e, const struct linux_elf_table *t,
                       struct linux_object *o)
{
    const char **needed = eg_tmp(r, NEEDED_MAX * sizeof *needed);
    uint64_t value;

    if (linux_elf_dynamic(r, e, DT_SONAME, &value) && value < t->text_len)
        o->soname = linux_elf_text(r, e->space, t->text + value, t->text_len - value);
    for (unsigned i = 0; i < NEEDED_MAX && linux_elf_dynamic_nth(r, e, DT_NEEDED, i, &value); i++)
        if (value < t->text_len && (needed[o->n_needed] = linux_elf_text(
                                        r, e->space, t->text + value, t->text_len - value)))
            o->n_needed++;
    o->needed = needed;
}

static struct linux_object *read_object(struct eg_run *r, struct linux_objects *all,
                                        const struct linux_elf *e)
{
    struct linux_object *o = eg_tmp(r, sizeof *o);
    struct linux_elf_table t;

    if (!linux_elf_dynamic_table(r, e, &t))
        return NULL;
    if (all->work > WORK_MAX) {
        eg_note(r, "more than %d symbols: the rest of the programs and libraries is left out",
                WORK_MAX);
        return NULL;
    }
    o->n_exports = linux_elf_symbols(r, e, true, &o->exports);
    if (o->n_exports) {
        o->functions = eg_tmp(r, o->n_exports * sizeof *o->functions);
        for (size_t i = 0; i < o->n_exports; i++)
            if (o->exports[i].type == ELF_FUNC || o->exports[i].type == ELF_IFUNC)
                o->functions[o->n_functions++] = o->exports[i];
        qsort(o->exports, o->n_exports, sizeof *o->exports, by_name);
    }
    read_imports(r, e, &t, o);
    read_names(r, e, &t, o);
    all->work += t.n + o->n_imports;
    return o;
}

const struct linux_object *linux_object_of(struct eg_run *r, struct linux_objects *all,
                                           const struct linux_images *images,
                                           const struct linux_image *x)
{
    const uint64_t key = x->cached ? (uintptr_t)x->cached : (uintptr_t)x;
    struct linux_object *o = NULL;
    struct linux_elf file;
    uint64_t kept;

    (void)images;
    if (!all->of)
        all->of = eg_run_map(r);
    if (eg_map_get(all->of, key, &kept))
        return (const struct linux_object *)(uintptr_t)kept;
    if (x->cached && linux_elf_open(r, x->cached, 0, true, &file))
        o = read_object(r, all, &file);
    if ((!o || !o->n_exports) && x->mapped && !x->headless) {
        struct linux_object *own = read_object(r, all, &x->elf);

        o = own ? own : o;
    }
    eg_run_map_add(r, all->of, key, (uintptr_t)o);
    return o;
}
