/* kmodule.c - a module's file, relocated to where the image has the module
 * (kernel/module/main.c). */
#include "kmodule.h"
#include "../../../core/run.h"
#include "../kernel/export.h"
#include "../kernel/modsects.h"
#include "../kernel/module.h"
#include "../mm/elf.h"
#include "../sched/uts.h"
#include "code.h"

#include <stdlib.h>
#include <string.h>

EG_FIELD_AS(module_percpu, module, "percpu");
EG_FIELD_AS(module_srcversion, module, "srcversion");

enum {
    FILE_MAX = 64 << 20,
    RELOCATIONS_MAX = 1 << 22, /* of one module: the largest have a million */
    EXPORTS_MAX = 1 << 18,
    ID_MAX = 256,
    VENEER = 12, /* bytes: adrp, add, br (struct plt_entry, arch/arm64/include/asm/module.h) */
    SYMBOL = 24, /* bytes of an Elf64_Sym, and of an Elf64_Rela */
    RELOCATION = 24,
    ET_REL = 1,
    SHT_SYMTAB = 2,
    SHT_RELA = 4,
    SHN_LORESERVE = 0xff00,
    SHN_ABS = 0xfff1,
};

struct work {
    struct eg_run *r;
    struct linux_kelf *k;
    struct eg_obj module;
    const struct linux_kexports *exports;
    struct linux_kfile *out;
    struct linux_modsect *sections; /* of the image */
    size_t n_sections;
    uint64_t *addr; /* of each section of the file where it runs; 0: not known */
    const uint8_t *symbols;
    const char *names;
    uint64_t n_symbols, names_len, relocations;
};

/* ---- symbols ---- */

static int by_name(const void *a, const void *b)
{
    const struct linux_kexport *x = a, *y = b;

    return strcmp(x->name, y->name);
}

void linux_kexports(struct eg_run *r, struct linux_kexports *out)
{
    struct eg_obj m, symbol;
    size_t cap = 0;

    *out = (struct linux_kexports){ 0 };
    if (!eg_has(r, module.list) || !eg_has(r, module.syms))
        return;
    linux_each_module(r, m) {
        struct linux_export_walk w = { .module = m };

        while (out->n < EXPORTS_MAX && linux_next_export(r, &w, &symbol)) {
            out->at = eg_grow(r, out->at, out->n, &cap, sizeof *out->at);
            out->at[out->n++] = (struct linux_kexport){ w.name, w.address };
        }
    }
    if (out->n)
        qsort(out->at, out->n, sizeof *out->at, by_name);
}

/* A symbol of the kernel; @global: none that only its own file sees. */
static bool kernel_symbol(const struct eg_system *sys, const char *name, bool global,
                          uint64_t *value)
{
    for (size_t i = 0; i < sys->symbols.n; i++) {
        const struct eg_symbols *from = &sys->symbols.at[i];
        const struct eg_symbol *s;
        uint32_t iter = 0;

        while ((s = eg_profile_symbol(from->profile, name, &iter)))
            if (!global || (s->letter >= 'A' && s->letter <= 'Z')) {
                *value = s->addr + from->shift;
                return true;
            }
    }
    return false;
}

/* simplify_symbols(): what another has is by its name. */
static bool outside(const struct work *w, const char *name, uint64_t *value)
{
    const struct linux_kexport key = { .name = name }, *e;

    if (kernel_symbol(eg_system_of(w->r), name, true, value))
        return true;
    e = w->exports->n ? bsearch(&key, w->exports->at, w->exports->n, sizeof key, by_name) : NULL;
    if (!e)
        return kernel_symbol(eg_system_of(w->r), name, false, value);
    *value = e->addr;
    return true;
}

static bool symbol(const struct work *w, uint64_t number, uint64_t *value)
{
    const uint8_t *s = w->symbols + SYMBOL * number;
    uint32_t name;
    uint16_t section;

    if (number >= w->n_symbols)
        return false;
    name = eg_le32(s);
    section = eg_le16(s + 6);
    *value = eg_le64(s + 8);
    if (!section && !name) // the first, of no symbol
        return true;
    if (!section)
        return name < w->names_len && outside(w, w->names + name, value);
    if (section >= SHN_LORESERVE)
        return section == SHN_ABS;
    if (section >= w->k->n_sections || !w->addr[section])
        return false;
    *value += w->addr[section];
    return true;
}

static bool find_symbols(struct work *w)
{
    for (unsigned i = 0; i < w->k->n_sections; i++) {
        const struct linux_kelf_section *s = &w->k->section[i], *text;

        if (s->type != SHT_SYMTAB || s->link >= w->k->n_sections)
            continue;
        text = &w->k->section[s->link];
        w->symbols = linux_kelf_bytes(w->r, w->k, s->offset, s->size);
        w->names = (const char *)linux_kelf_bytes(w->r, w->k, text->offset, text->size);
        w->n_symbols = s->size / SYMBOL;
        w->names_len = text->size;
        return w->symbols && w->names && w->names_len && !w->names[w->names_len - 1];
    }
    return false;
}

/* ---- relocations ---- */

/* A call that goes through a veneer of the module, to the right place. */
static void through_veneer(struct work *w, uint8_t *p, uint64_t at, uint64_t value)
{
    const struct eg_arch *arch = eg_system_of(w->r)->arch;
    uint8_t word[4], veneer[VENEER];
    struct linux_stub stub;
    uint64_t to;

    if (!eg_read(eg_view_of(w->r), eg_kernel(w->r), at, word, sizeof word))
        return;
    to = at + (uint64_t)(int64_t)((int32_t)(eg_le32(word) << 6) >> 4);
    if ((eg_le32(word) & 0xfc000000) != (eg_le32(p) & 0xfc000000) ||
        !eg_read(eg_view_of(w->r), eg_kernel(w->r), to, veneer, sizeof veneer))
        return;
    stub = linux_stub_at(arch, veneer, sizeof veneer, to);
    if (stub.what && stub.known && stub.target == value)
        memcpy(p, word, sizeof word);
}

/* What a symbol that is not known leaves to the image is not compared. */
static void relocate(struct work *w, const struct linux_kfile_section *s, uint8_t *bytes,
                     const uint8_t *rela)
{
    const uint64_t at = eg_le64(rela), what = eg_le64(rela + 8);
    const uint32_t type = (uint32_t)what;
    uint8_t word[8] = { 0 };
    unsigned width;
    uint64_t value;

    if (!type || type == 256 || !eg_within(at, 4, s->size)) // R_AARCH64_NONE
        return;
    if (symbol(w, what >> 32, &value)) {
        value += eg_le64(rela + 16);
        if (linux_kmodule_far(w->k->machine, type, s->addr + at, value)) {
            through_veneer(w, bytes + at, s->addr + at, value);
            return;
        }
        if (linux_kmodule_relocate(w->k->machine, type, bytes + at, (size_t)(s->size - at),
                                   s->addr + at, value))
            return;
    }
    width = linux_kmodule_relocate(w->k->machine, type, word, sizeof word, 0, 0);
    width = width ? (unsigned)EG_MIN((uint64_t)width, s->size - at) : 4;
    w->out->unknown +=
        s->code && eg_read(eg_view_of(w->r), eg_kernel(w->r), s->addr + at, bytes + at, width);
}

static bool relocate_section(struct work *w, unsigned number, const struct linux_kfile_section *to,
                             uint8_t *bytes)
{
    for (unsigned i = 0; i < w->k->n_sections; i++) {
        const struct linux_kelf_section *s = &w->k->section[i];
        const uint8_t *all;

        if (s->type != SHT_RELA || s->info != number)
            continue;
        all = linux_kelf_bytes(w->r, w->k, s->offset, s->size);
        if (!all)
            return false;
        for (uint64_t n = 0; eg_within(n, RELOCATION, s->size); n += RELOCATION) {
            if (w->relocations++ == RELOCATIONS_MAX || eg_stopped(w->r))
                return false;
            relocate(w, to, bytes, all + n);
        }
    }
    return true;
}

/* ---- sections ---- */

/* AArch64's tables of veneers, which the kernel fills, are not code of the file. */
static bool wanted(const struct linux_kelf_section *s)
{
    static const char *const names[] = {
        ".alt",
        ".para",
        ".retpoline",
        ".return",
        ".call_",
        ".ibt",
        ".smp",
        "__mcount_loc",
        "__jump_table",
        ".static_call_sites",
        "__patchable_function_entries",
        NULL,
    };

    for (const char *const *p = names; *p; p++)
        if (!strncmp(s->name, *p, strlen(*p)))
            return true;
    return s->flags & ELF_EXECINSTR && strcmp(s->name, ".plt") != 0 &&
           strcmp(s->name, ".text.ftrace_trampoline") != 0;
}

/* The image's section of this name; of several with one name those of the file and of the image
 * follow each other alike. */
static const struct linux_modsect *section_of(const struct work *w, unsigned number)
{
    const char *name = w->k->section[number].name;
    unsigned nth = 0;

    for (unsigned i = 0; i < number; i++)
        nth += w->k->section[i].flags & ELF_ALLOC && !strcmp(w->k->section[i].name, name);
    for (size_t i = 0; i < w->n_sections; i++)
        if (!strcmp(w->sections[i].name, name) && !nth--)
            return &w->sections[i];
    return NULL;
}

static void find_addresses(struct work *w)
{
    w->addr = eg_tmp(w->r, w->k->n_sections * sizeof *w->addr);
    for (unsigned i = 0; i < w->k->n_sections; i++) {
        const struct linux_kelf_section *s = &w->k->section[i];
        const struct linux_modsect *m = s->flags & ELF_ALLOC ? section_of(w, i) : NULL;

        w->addr[i] = m ? m->addr : 0;
        if (!strcmp(s->name, ".data..percpu"))
            eg_get(&w->addr[i], w->module, module_percpu);
    }
}

/* @return false: not all can be read, so that what they explain would not be. */
static bool keep_sections(struct work *w)
{
    struct linux_kelf *k = w->k;

    w->out->sections = eg_tmp(w->r, k->n_sections * sizeof *w->out->sections);
    for (unsigned i = 0; i < k->n_sections; i++) {
        const struct linux_kelf_section *s = &k->section[i];
        const struct linux_modsect *m = w->addr[i] && wanted(s) ? section_of(w, i) : NULL;
        struct linux_kfile_section *to = &w->out->sections[w->out->n_sections];
        uint8_t *bytes;

        if (!m || !m->kind || !s->size || s->type == ELF_NOBITS)
            continue;
        bytes = linux_kelf_copy(w->r, k, s);
        if (!bytes)
            return false;
        *to = (struct linux_kfile_section){ .name = s->name,
                                            .addr = m->addr,
                                            .size = s->size,
                                            .bytes = bytes,
                                            .code = s->flags & ELF_EXECINSTR };
        if (!relocate_section(w, i, to, bytes))
            return false;
        w->out->n_sections++;
    }
    return w->out->n_sections;
}

/* ---- is it this module's? ---- */

/* A value of .modinfo, which has texts "name=value". */
static const char *modinfo(struct work *w, const char *name)
{
    const size_t len = strlen(name);

    for (unsigned i = 0; i < w->k->n_sections; i++) {
        const struct linux_kelf_section *s = &w->k->section[i];
        const char *p;

        if (strcmp(s->name, ".modinfo") != 0 ||
            !(p = (const char *)linux_kelf_bytes(w->r, w->k, s->offset, s->size)))
            continue;
        for (uint64_t at = 0, n; at < s->size; at += n + 1) {
            n = strnlen(p + at, (size_t)(s->size - at));
            if (n == s->size - at)
                break;
            if (n > len && !strncmp(p + at, name, len) && p[at + len] == '=')
                return p + at + len + 1;
        }
    }
    return NULL;
}

/* The note with the build id, alike in both; *@known: both have one. */
static bool same_build(struct work *w, bool *known)
{
    static const char name[] = ".note.gnu.build-id";
    uint8_t id[ID_MAX];

    *known = false;
    for (unsigned i = 0; i < w->k->n_sections; i++) {
        const struct linux_kelf_section *s = &w->k->section[i];
        const struct linux_modsect *m = strcmp(s->name, name) != 0 ? NULL : section_of(w, i);
        const uint8_t *own = m ? linux_kelf_bytes(w->r, w->k, s->offset, s->size) : NULL;

        if (!own || !s->size || s->size > sizeof id ||
            !eg_read(eg_view_of(w->r), eg_kernel(w->r), m->addr, id, (size_t)s->size))
            continue;
        *known = true;
        return !memcmp(own, id, (size_t)s->size);
    }
    return false;
}

static bool is_this(struct work *w, const char **why)
{
    const char *magic = modinfo(w, "vermagic"), *source = modinfo(w, "srcversion"), *release, *mine;
    bool known;
    const bool same = same_build(w, &known);

    *why = "it is of another build of this module";
    if (known)
        return same;
    mine = source ? eg_string(w->r, eg_at(w->module, module_srcversion), ID_MAX) : NULL;
    if (mine)
        return !strcmp(mine, source);
    *why = "it is of another kernel";
    release = eg_string(w->r, eg_at(eg_sym(w->r, init_uts_ns), uts_release), ID_MAX);
    return magic && release && !strncmp(magic, release, strlen(release)) &&
           magic[strlen(release)] == ' ';
}

/* ---- all of it ---- */

bool linux_kmodule_of(struct eg_run *r, struct linux_kelf *k, struct eg_obj module,
                      const struct linux_kexports *exports, struct linux_kfile *out,
                      const char **why)
{
    struct work w = { .r = r, .k = k, .module = module, .exports = exports, .out = out };
    uint8_t magic[8] = { 0 };
    const uint8_t *head;

    *out = (struct linux_kfile){ .module = true, .relocated = true };
    *why = "it cannot be read";
    if (!eg_read(eg_view_of(r), k->file, 0, magic, sizeof magic))
        return false;
    *why = "it is not whole";
    if (linux_kelf_packed(magic, sizeof magic) &&
        (!linux_kelf_read(r, k, FILE_MAX) || !linux_kelf_unpack(r, k, k->image, k->len, 0, why)))
        return false;
    *why = "it is no module of this processor, or not whole";
    head = linux_kelf_bytes(r, k, 0, 64);
    if (!head || eg_le16(head + 16) != ET_REL || !linux_kelf_sections(r, k) ||
        k->machine != eg_system_of(r)->arch->elf_machine || !find_symbols(&w))
        return false;
    w.n_sections = linux_modsects(r, module, &w.sections);
    out->other = !is_this(&w, why);
    if (out->other)
        return false;
    *why = "the image has no list of this module's sections";
    if (!w.n_sections || w.sections[0].made)
        return false;
    find_addresses(&w);
    *why = "not all of its sections can be read";
    return keep_sections(&w);
}
