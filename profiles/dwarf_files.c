/* dwarf_files.c - parts of files, the file of dwz, and .dwo files. */
#include "dwarf_files.h"
#include "../core/parallel.h"
#include "../core/table.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

void eg_dwarf_files_fini(struct eg_dwarf_files *f)
{
    while (f->others.n)
        eg_dwarf_close_other(f);
    eg_vec_fini(&f->others);
    eg_dwarf_package_close(f->package);
    eg_map_fini(&f->found);
    eg_map_fini(&f->known);
    eg_map_fini(&f->held);
    eg_vec_fini(&f->split);
    eg_arena_fini(&f->arena);
    eg_arena_fini(&f->paths);
}

int eg_dwarf_files_check(const struct eg_dwarf_files *f, struct eg_error *e)
{
    for (size_t i = 0; i < f->others.n; i++) {
        const int rc = eg_elf_check(f->others.at[i], e);

        if (rc < 0)
            return rc;
    }
    return 0;
}

static int no_memory(const struct eg_dwarf_files *f, struct eg_error *e)
{
    return eg_fail(e, EG_ENOMEM, "%s: out of memory", f->first->path);
}

/* ---- parts ---- */

static int add_parts(struct eg_dwarf_files *f, struct eg_elf *elf, const char *name,
                     const struct eg_dwarf_part *like, eg_dwarf_parts *to, struct eg_error *e)
{
    for (size_t i = 0;;) {
        struct eg_dwarf_part *part, **place;
        const uint8_t *p;
        uint64_t len;
        int rc = eg_elf_next_section(elf, name, &i, &p, &len, e);

        if (rc < 0 || !len)
            return rc;
        part = eg_arena_new(&f->arena, struct eg_dwarf_part);
        place = part ? eg_vec_push(to) : NULL;
        if (!place)
            return no_memory(f, e);
        *part = *like;
        part->at[EG_DW_INFO].p = p;
        part->at[EG_DW_INFO].len = len;
        *place = part;
    }
}

int eg_dwarf_parts_of(struct eg_dwarf_files *f, struct eg_elf *elf, bool split, eg_dwarf_parts *to,
                      struct eg_error *e)
{
    struct eg_dwarf_part like = { .path = elf->path,
                                  .ptr_size = elf->model.ptr_size,
                                  .big_endian = elf->model.big_endian,
                                  .split = split };
    const char *suffix = split ? ".dwo" : "";
    char name[32];
    int rc;

    for (int s = EG_DW_INFO + 1; s < EG_DW_SECTIONS; s++) {
        snprintf(name, sizeof name, "%s%s", eg_dwarf_section_name((enum eg_dwarf_section)s),
                 suffix);
        rc = eg_elf_section(elf, name, &like.at[s].p, &like.at[s].len, e);
        if (rc < 0)
            return rc;
    }
    rc = add_parts(f, elf, split ? ".debug_info.dwo" : ".debug_info", &like, to, e);
    like.types = true;
    return rc < 0 ? rc
                  : add_parts(f, elf, split ? ".debug_types.dwo" : ".debug_types", &like, to, e);
}

// Of all files that are open, with what was unpacked.
static uint64_t bytes(const struct eg_dwarf_files *f)
{
    uint64_t n = 0;

    for (size_t i = 0; i <= f->others.n; i++) {
        const struct eg_elf *elf = i ? f->others.at[i - 1] : f->first;

        n += elf->size + elf->small.used;
        for (unsigned k = 0; k < elf->n_maps; k++)
            n += elf->maps[k]->size;
    }
    return n;
}

int eg_dwarf_parts_list(struct eg_dwarf_files *f, const eg_dwarf_parts *parts, struct eg_error *e)
{
    const uint64_t most = bytes(f);

    for (size_t i = 0; i < parts->n; i++) {
        uint64_t at = 0;
        int rc;

        // A thousand headers of sections, or rows of a package, may mean the same bytes.
        if (f->d->end > most || parts->at[i]->at[EG_DW_INFO].len > most - f->d->end)
            return eg_fail(e, EG_EFORMAT,
                           "%s: parts of its debug data overlap: they are more than the file has",
                           parts->at[i]->path);
        rc = eg_dwarf_list_units(f->d, parts->at[i], &at);
        if (rc == -EG_ENOMEM)
            return no_memory(f, e);
        if (rc < 0)
            return eg_fail(e, EG_EFORMAT, "%s: %s: no unit at %#" PRIx64 ": it is damaged",
                           parts->at[i]->path, parts->at[i]->types ? ".debug_types" : ".debug_info",
                           at);
    }
    return 0;
}

/* ---- the file of dwz ---- */

// What names it.
struct link {
    const char *name;
    char id[64]; // hex
};

static bool hex_of(const uint8_t *p, uint64_t n, char hex[64])
{
    eg_hex(hex, p, n < 32 ? (size_t)n : 0);
    return n > 1 && n < 32;
}

// DWARF 5, 7.3.6: version, is it the other file itself?, its name, a checksum with its length.
static bool read_sup(const uint8_t *p, uint64_t len, bool *other, struct link *to)
{
    const uint8_t *end = len > 3 ? memchr(p + 3, 0, len - 3) : NULL;
    uint64_t at = end ? (uint64_t)(end - p) + 1 : 0;

    if (!end || at >= len || p[at] > 127 || !eg_within(at + 1, p[at], len))
        return false;
    *other = p[2];
    to->name = (const char *)p + 3;
    return hex_of(p + at + 1, p[at], to->id);
}

static bool is_the_other(struct eg_elf *elf, const char *id)
{
    struct link is;
    const uint8_t *p;
    uint64_t len;
    bool other;
    char hex[64];

    if (eg_elf_build_id(elf, hex) && !strcmp(hex, id))
        return true;
    return eg_elf_section(elf, ".debug_sup", &p, &len, NULL) == 0 &&
           read_sup(p, len, &other, &is) && other && !strcmp(is.id, id);
}

static int find_link(struct eg_dwarf_files *f, struct link *to, struct eg_error *e)
{
    const uint8_t *p, *end;
    uint64_t len;
    bool other = false;
    int rc = eg_elf_section(f->first, ".gnu_debugaltlink", &p, &len, e);

    if (rc < 0)
        return rc;
    if (len) { // the name, and the build id behind it
        end = memchr(p, 0, len);
        to->name = (const char *)p;
        if (!end || !hex_of(end + 1, len - (uint64_t)(end - p) - 1, to->id))
            return eg_fail(e, EG_EFORMAT, "%s: .gnu_debugaltlink is damaged", f->first->path);
        return 0;
    }
    rc = eg_elf_section(f->first, ".debug_sup", &p, &len, e);
    if (rc == 0 && len && !read_sup(p, len, &other, to))
        rc = eg_fail(e, EG_EFORMAT, "%s: .debug_sup is damaged", f->first->path);
    if (other)
        to->name = NULL;
    return rc;
}

static int find_other(struct eg_dwarf_files *f, const struct link *to, struct eg_elf **out,
                      struct eg_error *e)
{
    const char *wrong = NULL;
    eg_dwarf_paths paths = { 0 };
    char name[256];
    bool good = eg_dwarf_search(f, to->name, NULL, to->id, &paths);

    for (size_t i = 0; i < paths.n && good && !*out; i++) {
        *out = eg_dwarf_open_other(f, paths.at[i]);
        if (*out && !is_the_other(*out, to->id)) {
            wrong = paths.at[i];
            *out = NULL;
            eg_dwarf_close_other(f);
        }
    }
    eg_vec_fini(&paths);
    if (!good)
        return no_memory(f, e);
    if (*out)
        return 0;
    eg_escape(name, sizeof name, to->name, strlen(to->name));
    return wrong ? eg_fail(e, EG_ENOTFOUND,
                           "%s: the types that it has in common with other programs are in %s with "
                           "build id %s; %s has another one",
                           f->first->path, name, to->id, wrong)
                 : eg_fail(e, EG_ENOTFOUND,
                           "%s: the types that it has in common with other programs are in %s with "
                           "build id %s, which was not found: put it into the same folder",
                           f->first->path, name, to->id);
}

static int open_other(struct eg_dwarf_files *f, eg_dwarf_parts *to, struct eg_error *e)
{
    struct link link = { 0 };
    struct eg_elf *elf = NULL;
    int rc = find_link(f, &link, e);

    if (rc < 0 || !link.name)
        return rc;
    rc = find_other(f, &link, &elf, e);
    if (rc == 0)
        rc = eg_dwarf_parts_of(f, elf, false, to, e);
    for (size_t i = 0; i < to->n; i++)
        to->at[i]->by_need = true;
    return rc;
}

int eg_dwarf_files_open(struct eg_dwarf_files *f, struct eg_error *e)
{
    eg_dwarf_parts own = { 0 }, other = { 0 };
    int rc = eg_dwarf_parts_of(f, f->first, false, &own, e);

    if (rc == 0 && !own.n)
        rc = eg_fail(e, EG_ENOTFOUND,
                     "%s: no debug data: take the file of the -dbg or -debuginfo package",
                     f->first->path);
    if (rc == 0)
        rc = open_other(f, &other, e);
    for (size_t i = 0; i < own.n && other.n; i++)
        own.at[i]->alt = other.at[0];
    if (rc == 0)
        rc = eg_dwarf_parts_list(f, &own, e);
    if (rc == 0)
        rc = eg_dwarf_parts_list(f, &other, e);
    eg_vec_fini(&own);
    eg_vec_fini(&other);
    return rc;
}

/* ---- .dwo files ---- */

// Keep which ids the units of these parts have, which are those of file @file.
static int keep_ids(struct eg_dwarf_files *f, const eg_dwarf_parts *parts, size_t file,
                    struct eg_error *e)
{
    struct eg_dwarf *d = calloc(1, sizeof *d), *real = f->d;
    struct eg_dwarf_worker *w = calloc(1, sizeof *w);
    int rc = d && w ? 0 : no_memory(f, e);

    if (rc == 0) {
        f->d = w->shared = d;
        rc = eg_dwarf_parts_list(f, parts, e);
        f->d = real;
    }
    for (size_t i = 0; rc == 0 && i < d->units.n; i++) {
        const uint8_t kind = d->units.at[i].kind;
        const uint64_t id =
            kind == DW_UT_type || kind == DW_UT_split_type ? 0 : eg_dwarf_split_id(w, i);

        if (id && eg_map_add(&f->held, id, file) < 0)
            rc = no_memory(f, e);
    }
    if (d) {
        eg_vec_fini(&d->units);
        eg_map_fini(&d->signatures);
    }
    if (w)
        eg_dwarf_worker_fini(w);
    free(d);
    free(w);
    return rc;
}

// Of many skeletons that name one file, or names that lead to one, it is opened for the first.
static int look_into(struct eg_dwarf_files *f, const char *path, struct eg_error *e)
{
    const size_t file = f->split.n;
    struct eg_dwarf_split_file *to;
    eg_dwarf_parts parts = { 0 };
    struct eg_elf *elf;
    struct stat st;
    int rc = 0;

    if (stat(path, &st) == 0)
        rc = eg_map_add(&f->known, st.st_ino * UINT64_C(0x9e3779b97f4a7c15) + st.st_dev, 0);
    if (rc < 0)
        return no_memory(f, e);
    if (!rc || !(elf = eg_dwarf_open_other(f, path)))
        return 0;
    to = eg_vec_push(&f->split);
    if (to)
        *to = (struct eg_dwarf_split_file){ elf->path, false };
    rc = to ? eg_dwarf_parts_of(f, elf, true, &parts, e) : no_memory(f, e);
    if (rc == 0)
        rc = keep_ids(f, &parts, file, e);
    eg_vec_fini(&parts);
    eg_dwarf_close_other(f);
    return rc;
}

// List the units of the file that holds the skeleton's. @return 1; 0: it is not known.
static int take_split(struct eg_dwarf_files *f, uint64_t id, struct eg_error *e)
{
    eg_dwarf_parts parts = { 0 };
    struct eg_elf *elf;
    uint64_t file;
    int rc;

    if (!eg_map_get(&f->held, id, &file))
        return 0;
    if (f->split.at[file].taken)
        return 1;
    f->split.at[file].taken = true;
    elf = eg_dwarf_open_other(f, f->split.at[file].path);
    if (!elf)
        return 0;
    rc = eg_dwarf_parts_of(f, elf, true, &parts, e);
    if (rc == 0)
        rc = eg_dwarf_parts_list(f, &parts, e);
    eg_vec_fini(&parts);
    return rc < 0 ? rc : 1;
}

static int find_split(struct eg_dwarf_files *f, const struct eg_dwarf_skeleton *s,
                      struct eg_error *e)
{
    eg_dwarf_paths paths = { 0 };
    int rc = f->package ? eg_dwarf_package_add(f, f->package, s->id, e) : 0;

    if (rc == 0)
        rc = take_split(f, s->id, e);
    if (rc == 0 && s->name && !eg_dwarf_search(f, s->name, s->folder, NULL, &paths))
        rc = no_memory(f, e);
    for (size_t i = 0; i < paths.n && !rc; i++) {
        rc = look_into(f, paths.at[i], e);
        rc = rc < 0 ? rc : take_split(f, s->id, e);
    }
    eg_vec_fini(&paths);
    return rc;
}

static int by_place(const void *a, const void *b)
{
    const struct eg_dwarf_skeleton *x = a, *y = b;

    return (x->place > y->place) - (x->place < y->place);
}

int eg_dwarf_files_split(struct eg_dwarf_files *f, struct eg_error *e)
{
    struct eg_dwarf_skeleton *const all = f->d->skeletons.at;
    const size_t n = f->d->skeletons.n;
    size_t missing = 0, first = 0;
    char name[256];
    int rc = 0;

    f->d->skeletons.n = 0;
    if (!n)
        return 0;
    qsort(all, n, sizeof *all, by_place); // in which order they were met does not count
    if (!f->asked)
        rc = eg_dwarf_package_open(f, &f->package, e);
    f->asked = true;
    for (size_t i = 0; i < n && rc >= 0; i++) {
        if (eg_cancelled)
            return eg_fail(e, EG_ECANCEL, "%s: stopped", f->first->path);
        if (all[i].id && eg_map_get(&f->found, all[i].id, &(uint64_t){ 0 }))
            continue;
        rc = find_split(f, &all[i], e);
        if (rc > 0 && eg_map_add(&f->found, all[i].id, 0) < 0)
            rc = no_memory(f, e);
        if (rc == 0 && !missing++)
            first = i;
    }
    if (rc < 0 || !missing)
        return rc < 0 ? rc : 0;
    if (!all[first].name)
        return eg_fail(e, EG_EFORMAT, "%s: a unit has its types elsewhere and does not say where",
                       f->first->path);
    eg_escape(name, sizeof name, all[first].name, strlen(all[first].name));
    return eg_fail(e, EG_ENOTFOUND,
                   "%s: the types of %zu of its %zu units are in .dwo files that were not found, "
                   "the first is %s with id %016" PRIx64
                   ": put them, or one .dwp of all, beside it",
                   f->first->path, missing, n, name, all[first].id);
}
