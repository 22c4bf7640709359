/* plthook - entries of offset tables that do not lead where their symbols are. */
#include "../../core/map.h"
#include "../linux/fs/file.h"
#include "../linux/mm/mm.h"
#include "../linux/mm/objects.h"
#include "../linux/mm/vma.h"
#include "../linux/sched/task.h"
#include <stdlib.h>
#include <string.h>

#define COLUMNS(C)                                                                                 \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(PATH, TEXT, "program or library whose table it is")                                          \
    C(SYMBOL, TEXT, "what the entry is of; empty: an address that a resolver of its own gave")     \
    C(ADDRESS, ADDR, "the entry")                                                                  \
    C(DESTINATION, ADDR, "where it leads")                                                         \
    C(DESTINATION_NAME, TEXT, "what is there: a file and its symbol, or the kind of memory")       \
    C(HINTS, TEXT, "what is worth knowing, and no finding: an interposed function")                \
    C(REASON, TEXT, "why it is a finding")
EG_COLUMNS(COLUMNS);

enum { DT_PLTGOT = 3, NAMES_MAX = 1 << 16, WORK_MAX = 1 << 24 };

struct looking {
    struct eg_run *r;
    struct eg_obj task;
    struct linux_images images;
    const struct linux_object **objects; /* of each image; NULL: none */
    bool *needed;                        /* some DT_NEEDED names it, or it belongs to all */
    struct linux_objects *all;
    struct eg_map *fine; /* entries that lead to the same place were judged before */
    bool every;
    const char **names; /* the last parts of all DT_NEEDED, sorted */
    size_t n_names;
    uint64_t left; /* comparisons that may still be made: objects times entries can be many */
};

/** @return false: no more comparisons. */
static bool work(struct looking *k)
{
    k->left -= k->left > 0;
    return k->left;
}

static const struct linux_object *object_of(struct looking *k, const struct linux_image *x)
{
    return x ? k->objects[x - k->images.at] : NULL;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void find_names(struct looking *k)
{
    if (!k->names)
        k->names = eg_tmp(k->r, NAMES_MAX * sizeof *k->names);
    k->n_names = 0;
    for (size_t j = 0; j < k->images.n; j++)
        for (size_t n = 0; k->objects[j] && n < k->objects[j]->n_needed; n++)
            if (k->n_names < NAMES_MAX)
                k->names[k->n_names++] = base_name(k->objects[j]->needed[n]);
    if (k->n_names)
        qsort(k->names, k->n_names, sizeof *k->names, by_name);
}

static bool is_name(struct looking *k, const char *name)
{
    return k->n_names && bsearch(&name, k->names, k->n_names, sizeof *k->names, by_name);
}

/* Is it asked for by another, or in every process? */
static bool is_needed(struct looking *k, size_t i)
{
    const struct linux_image *x = &k->images.at[i];

    return x->kind != LINUX_IMAGE_LIBRARY ||
           is_name(k, base_name(x->name && *x->name ? x->name : x->path)) ||
           (k->objects[i] && k->objects[i]->soname && is_name(k, k->objects[i]->soname));
}

/* Does @o have @name at @value of its file? 2: as a resolver, whose answer is elsewhere; 1, 0. */
static int has(const struct linux_object *o, const char *name, uint64_t value)
{
    const struct linux_elf_symbol *s;
    int found = 0;
    size_t n;

    if (!o)
        return 0;
    s = linux_object_exports(o, name, &n);
    for (size_t i = 0; i < n; i++)
        if (s[i].type != ELF_IFUNC && s[i].value == value)
            return 1;
        else if (s[i].type == ELF_IFUNC)
            found = 2;
    return found;
}

static bool exports(const struct linux_object *o, const char *name)
{
    size_t n;

    return o && linux_object_exports(o, name, &n);
}

static bool any_resolver(struct looking *k, const char *name)
{
    for (size_t i = 0; i < k->images.n && work(k); i++)
        if (has(k->objects[i], name, UINT64_MAX) == 2)
            return true;
    return false;
}

/* What is at @va, for people. */
static const char *place_name(struct looking *k, uint64_t va)
{
    const struct linux_image *x = linux_image_at(&k->images, va);
    const struct linux_object *o = object_of(k, x);
    const struct linux_elf_symbol *s;
    struct eg_obj vma;

    if (x && *x->path) {
        s = o ? linux_elf_symbol_of(o->functions, o->n_functions, va - x->elf.bias) : NULL;
        return s ? eg_strf(k->r, "%s: %s+%#llx", x->path, s->name,
                           (unsigned long long)(va - x->elf.bias - s->value))
                 : eg_strf(k->r, "%s+%#llx", x->path, (unsigned long long)(va - x->start));
    }
    linux_each_vma(k->r, eg_at(k->task, task_struct.mm), vma) {
        struct eg_cell name;
        uint64_t start, end;

        if (!work(k))
            break;
        if (!eg_get(&start, vma, vm_area_struct.vm_start) || va < start ||
            !eg_get(&end, vma, vm_area_struct.vm_end) || va >= end)
            continue;
        name = linux_vma_name(k->r, eg_at(k->task, task_struct.mm), vma);
        return name.tag == EG_CELL_TEXT && name.bytes.len ? name.bytes.p : "anonymous memory";
    }
    return k->left ? "nothing is mapped there" : NULL;
}

/* Why @to is no place for an entry of @name; NULL: it is. *@hint: what is worth telling all the
 * same. */
static const char *judge(struct looking *k, size_t own, const struct linux_import *i, uint64_t to,
                         const char **hint)
{
    const struct linux_image *x = linux_image_at(&k->images, to);
    const size_t at = x ? (size_t)(x - k->images.at) : 0;
    int found;

    *hint = NULL;
    if (x && at == own)
        return NULL; // lazily bound, or its own
    if (i->kind == ELF_RELOC_RESOLVED)
        return "leads out of the object whose resolver gave it";
    if (x && x->kind == LINUX_IMAGE_VDSO && any_resolver(k, i->name))
        return NULL; // gettimeofday() and the like
    found = x ? has(k->objects[at], i->name, to - x->elf.bias) : 0;
    if (found && (x->listed || x->kind == LINUX_IMAGE_PROGRAM)) {
        if (!k->needed[at])
            for (size_t j = 0; j < k->images.n && !*hint && work(k); j++)
                if (j != at && k->needed[j] && exports(k->objects[j], i->name))
                    *hint = "interposed by a library that none asks for";
        return NULL;
    }
    if (!x)
        return "leads to memory of no program or library";
    if (x->kind == LINUX_IMAGE_LIBRARY && !x->listed)
        return "leads to a file that is not in the loader's list";
    if (!k->objects[at] || !k->objects[at]->n_exports)
        return NULL; // what it exports cannot be read
    return "leads into another object, but not to this symbol";
}

static void emit(struct looking *k, const struct linux_image *x, const char *symbol, uint64_t at,
                 uint64_t to, const char *hint, const char *reason)
{
    eg_row(k->r, .PID = linux_pid(k->task), .COMM = linux_comm(k->task), .PATH = eg_text(x->path),
           .SYMBOL = eg_text(symbol), .ADDRESS = eg_uint(at), .DESTINATION = eg_uint(to),
           .DESTINATION_NAME = eg_text(place_name(k, to)), .HINTS = eg_text(hint),
           .REASON = eg_text(reason));
}

static bool word(struct looking *k, const struct linux_image *x, uint64_t at, uint64_t *out)
{
    const unsigned size = x->elf.wide ? 8 : 4;
    const uint8_t *p = eg_bytes(eg_view_of(k->r), k->images.space, at, size);

    if (p)
        *out = eg_load_(p, size, x->elf.big_endian);
    return p;
}

/* An entry of many processes that lead to the same places is judged once. */
static uint64_t key_of(struct looking *k, const struct linux_object *o, size_t n, uint64_t to)
{
    const struct linux_image *x = linux_image_at(&k->images, to);
    const uint64_t parts[] = { (uintptr_t)o, n, x ? (uintptr_t)x->cached : 0,
                               x ? to - x->elf.bias : to };
    uint64_t h = 0;

    if (!x || !x->cached || !x->listed)
        return 0;
    for (size_t i = 0; i < countof(parts); i++)
        h = (h ^ parts[i]) * UINT64_C(0x9e3779b97f4a7c15), h ^= h >> 29;
    return h;
}

/* The third word of .got.plt is the loader's entry (glibc, sysdeps/x86_64/dl-machine.h). */
static void look_at_resolver(struct looking *k, size_t i)
{
    const struct linux_image *x = &k->images.at[i], *to;
    const unsigned size = x->elf.wide ? 8 : 4;
    uint64_t got, at, value;

    if ((x->elf.machine != ELF_X86_64 && x->elf.machine != ELF_AARCH64) ||
        !linux_elf_dynamic(k->r, &x->elf, DT_PLTGOT, &got) ||
        !linux_elf_pointer(&x->elf, got, 3 * size, &at) || !word(k, x, at + 2 * size, &value) ||
        !value)
        return;
    to = linux_image_at(&k->images, value);
    if (!to || (!to->listed && to->kind == LINUX_IMAGE_LIBRARY))
        emit(k, x, "(the loader)", at + 2 * size, value, NULL,
             "functions are bound by what is not the loader");
    else if (k->every)
        emit(k, x, "(the loader)", at + 2 * size, value, NULL, NULL);
}

static void look_at(struct looking *k, size_t own)
{
    const struct linux_image *x = &k->images.at[own];
    const struct linux_object *o = k->objects[own];

    for (size_t n = 0; n < o->n_imports && k->left && !eg_stopped(k->r); n++) {
        const struct linux_import *i = &o->imports[n];
        uint64_t at, to, key;
        const char *hint, *reason;

        if (!linux_elf_place(&x->elf, i->vaddr, x->elf.wide ? 8 : 4, &at) || !word(k, x, at, &to) ||
            !to || (!k->every && to >= x->start && to < x->end))
            continue;
        key = k->every ? 0 : key_of(k, o, n, to);
        if (key && eg_map_get(k->fine, key, &(uint64_t){ 0 }))
            continue;
        reason = judge(k, own, i, to, &hint);
        if (reason || hint || k->every)
            emit(k, x, i->name, at, to, hint, reason);
        else if (key)
            eg_run_map_add(k->r, k->fine, key, 1);
    }
    look_at_resolver(k, own);
}

static void look_at_process(struct looking *k)
{
    const size_t n = k->images.n;

    if (!n)
        return;
    k->objects = eg_tmp(k->r, n * sizeof *k->objects);
    k->needed = eg_tmp(k->r, n * sizeof *k->needed);
    for (size_t i = 0; i < n; i++)
        if (k->images.at[i].mapped && !k->images.at[i].headless)
            k->objects[i] = linux_object_of(k->r, k->all, &k->images, &k->images.at[i]);
    find_names(k);
    for (size_t i = 0; i < n; i++)
        k->needed[i] = is_needed(k, i);
    for (size_t i = 0; i < n; i++)
        if (k->objects[i] && (k->images.at[i].listed || !k->images.debug) &&
            !k->images.at[i].elf.is_file && k->images.at[i].kind != LINUX_IMAGE_VDSO)
            look_at(k, i);
}

static int run(struct eg_run *r)
{
    struct linux_objects all = { 0 };
    struct looking k = {
        .r = r, .all = &all, .fine = eg_run_map(r), .every = eg_arg_flag(r, "all"), .left = WORK_MAX
    };

    linux_each_process(r, k.task)
        if (linux_pid_asked(r, k.task) && linux_images(r, k.task, &k.images))
            look_at_process(&k);
    if (!k.left)
        eg_note(r, "more entries and libraries than are compared: the rest is left out");
    return 0;
}

EG_PLUGIN(plthook) = {
    .os = "linux",
    .help = "Find entries of offset tables (GOT, PLT) that do not lead where their symbols are",
    .manual =
        "Each entry by which a program or library calls others must lead into itself, or to a "
        "loaded library that exports the symbol right there; what a resolver of an IFUNC chose "
        "may be anywhere in the library that has it. A library that no other asks for (LD_PRELOAD, "
        "dlopen) and that exports the same symbol as one that is asked for interposes it: HINTS. "
        "Whether that library is wanted cannot be told: compare ldpreload and library_list. "
        "Symbols are read from the page cache, else from the process. Entries that the process has "
        "not bound yet, tables in memory that is not in the image, and pointers in the program's "
        "own data (hooks of malloc, tables of methods) are not seen: compare apihooks.",
    .aliases = EG_NAMES("linux_plthook"),
    .looks_for = EG_NAMES("hooks in programs"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes"),
                    EG_ARG(all, FLAG, "every entry, not only findings")),
    .needs = EG_NEEDS(task_struct.mm),
    .uses = EG_NAMES("tasks", "vmas"),
    .run = run,
};
