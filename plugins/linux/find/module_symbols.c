/** module_symbols.c - symbols of kernel modules: the table that each struct module keeps for
 * kallsyms. */
#include "given.h"
#include "open.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MODULES_MAX = 1 << 14,
    SYMBOLS_MAX = 1 << 20, // of one module
    BYTES_MAX = 256 << 20, // used for the symbols of all modules
    NAME_LEN = 512,
    PIECE = 32,
};

/** Offsets in struct module and struct mod_kallsyms (include/linux/module.h, 4.5 and later). */
struct walk {
    struct eg_system *sys;
    uint64_t list, name, name_len, kallsyms;
    uint64_t symtab, num_symtab, strtab, typetab;
    bool has_typetab;
    struct area {
        uint64_t base, size, text;
    } areas[EG_RANGES_MAX]; /**< offsets of a memory area's address, its size, that of its code; 0:
                               it is all code, or all data */
    unsigned n_areas;
    uint64_t bytes;
};

static bool ptr(const struct walk *w, uint64_t at, uint64_t *out)
{
    return linux_ptr(w->sys->view, w->sys->kernel, &w->sys->bind.model, at, out);
}

static uint64_t load(const struct walk *w, const uint8_t *p, unsigned size)
{
    return eg_load_(p, size, w->sys->bind.model.big_endian);
}

/** Read the string at @at into @name. @return its length; NAME_LEN: it is unreadable or too long
 * for a symbol's name. */
static size_t name_at(const struct walk *w, uint64_t at, char name[NAME_LEN])
{
    for (size_t len = 0, n; len < NAME_LEN; len += n) {
        const uint8_t *p, *end;

        n = PIECE - (size_t)((at + len) % PIECE); // crosses no page, so its translation is cached
        n = EG_MIN(n, NAME_LEN - len);
        p = eg_bytes(w->sys->view, w->sys->kernel, at + len, n);
        if (!p)
            break;
        memcpy(name + len, p, n);
        end = memchr(p, 0, n);
        if (end)
            return len + (size_t)(end - p);
    }
    return NAME_LEN;
}

/** Add one Elf64_Sym or Elf32_Sym. Its st_value is the address in memory. @return false: its
 * name is unreadable. */
static bool add(struct walk *w, struct eg_builder *b, const uint8_t *sym, uint64_t strtab,
                uint8_t letter)
{
    const bool wide = w->sys->bind.model.ptr_size == 8;
    const uint64_t value = load(w, sym + (wide ? 8 : 4), wide ? 8 : 4);
    uint64_t size = load(w, sym + (wide ? 16 : 8), wide ? 8 : 4);
    const uint8_t info = sym[wide ? 4 : 12];
    char name[NAME_LEN];
    size_t len;

    if (!load(w, sym + (wide ? 6 : 14), 2)) /* SHN_UNDEF */
        return true;
    len = name_at(w, strtab + load(w, sym, 4), name);
    if (!len || len == NAME_LEN)
        return !len;
    if (!w->has_typetab) { /* before 5.0 st_info was the letter, in 5.0 and 5.1 st_size */
        letter = isalpha(info) ? info : (uint8_t)size;
        if (!isalpha(info))
            size = 0;
    }
    size = EG_MIN(size, (uint64_t)UINT32_MAX);
    eg_builder_symbol(b, eg_builder_name(b, name, len), value, (uint32_t)size,
                      (char)(isalpha(letter) ? letter : '?'));
    w->bytes += len;
    return true;
}

/** Read the symbols of one module. @return how many are missing, at least. */
static uint32_t read_table(struct walk *w, uint64_t module, struct eg_builder *b)
{
    struct eg_system *sys = w->sys;
    const unsigned each = sys->bind.model.ptr_size == 8 ? 24 : 16;
    uint64_t ks, symtab, strtab, types = 0;
    uint32_t n, i, lost = 0;

    if (!ptr(w, module + w->kallsyms, &ks) || !ptr(w, ks + w->symtab, &symtab) ||
        !ptr(w, ks + w->strtab, &strtab) || (w->has_typetab && !ptr(w, ks + w->typetab, &types)) ||
        !eg_read_u32(sys->view, sys->kernel, ks + w->num_symtab, sys->bind.model.big_endian, &n) ||
        n > SYMBOLS_MAX)
        return 1;
    for (i = 1; i < n && w->bytes < BYTES_MAX; i++, w->bytes += sizeof(struct eg_symbol)) {
        const uint8_t *p = types ? eg_bytes(sys->view, sys->kernel, types + i, 1) : NULL;
        const uint8_t letter = p ? *p : 0;
        uint8_t sym[24];

        p = eg_bytes(sys->view, sys->kernel, symtab + (uint64_t)i * each, each);
        if (p)
            memcpy(sym, p, each);
        if (!p || !add(w, b, sym, strtab, letter))
            lost++;
    }
    return lost + (n > i ? n - i : 0);
}

/** The memory areas of the module. Addresses outside of them are never named after it, and its data
 * never after its functions. */
static void read_areas(const struct walk *w, uint64_t module, struct eg_symbols *s)
{
    for (unsigned i = 0; i < w->n_areas && s->n_ranges + 1 < EG_RANGES_MAX; i++) {
        uint64_t base, last;
        uint32_t size, text;

        if (ptr(w, module + w->areas[i].base, &base) &&
            eg_read_u32(w->sys->view, w->sys->kernel, module + w->areas[i].size,
                        w->sys->bind.model.big_endian, &size) &&
            base && size && eg_add(base, size - 1, &last)) {
            if (w->areas[i].text &&
                eg_read_u32(w->sys->view, w->sys->kernel, module + w->areas[i].text,
                            w->sys->bind.model.big_endian, &text) &&
                text && text < size) {
                s->ranges[s->n_ranges++] = (struct eg_range){ base, base + text - 1 };
                base += text;
            }
            s->ranges[s->n_ranges++] = (struct eg_range){ base, last };
        }
    }
}

/** @return false: out of memory. */
static bool add_module(struct walk *w, uint64_t module)
{
    struct eg_system *sys = w->sys;
    char name[64] = "", source[96];
    struct eg_builder *b;
    struct eg_profile *made;
    struct eg_symbols *s;
    uint32_t lost;

    if (!eg_read(sys->view, sys->kernel, module + w->name, name,
                 (size_t)EG_MIN(w->name_len, sizeof name - 1)))
        return true;
    snprintf(source, sizeof source, "module %s", name);
    b = eg_builder_new(sys->bind.model, source);
    if (!b)
        return false;
    lost = read_table(w, module, b);
    eg_builder_set_base(b, NULL, name);
    if (eg_builder_finish(b, &made, NULL, NULL) < 0 || !linux_own(sys, made))
        return false;
    s = eg_vec_push(&sys->module_symbols);
    if (!s)
        return false;
    *s = (struct eg_symbols){
        .profile = made, .what = made->source, .module = made->module, .lost = lost
    };
    read_areas(w, module, s);
    return true;
}

/** An array of areas since 6.4; before, one member for each area. */
static void find_areas(struct walk *w)
{
    static const char *const bases[] = { "core_layout.base", "init_layout.base",
                                         "data_layout.base" };
    static const char *const lengths[] = { "core_layout.size", "init_layout.size",
                                           "data_layout.size" };
    static const char *const texts[] = { "core_layout.text_size", "init_layout.text_size",
                                         "data_layout.text_size" };
    const struct eg_types *ts = &w->sys->types;
    struct area a, *out = w->areas;
    uint64_t at, len, iter = 0, each;

    if (linux_member(ts, "module", "mem", &at, &len) &&
        linux_member(ts, "module_memory", "base", &a.base, NULL) &&
        linux_member(ts, "module_memory", "size", &a.size, NULL)) {
        each = eg_type_size(ts, eg_types_named(ts, "module_memory", NULL, EG_TAGGED, &iter),
                            &w->sys->bind.model);
        for (; each && len >= each && w->n_areas < EG_RANGES_MAX; at += each, len -= each)
            out[w->n_areas++] = (struct area){ at + a.base, at + a.size, 0 };
    }
    for (size_t i = 0; i < countof(bases); i++)
        if (w->n_areas < EG_RANGES_MAX && linux_member(ts, "module", bases[i], &a.base, NULL) &&
            linux_member(ts, "module", lengths[i], &a.size, NULL)) {
            if (!linux_member(ts, "module", texts[i], &a.text, NULL))
                a.text = 0;
            out[w->n_areas++] = a;
        }
}

void linux_module_symbols(struct eg_system *sys)
{
    const struct eg_types *ts = &sys->types;
    struct walk w = { .sys = sys };
    struct eg_list_walk list;
    struct eg_obj module;

    w.has_typetab = linux_member(ts, "mod_kallsyms", "typetab", &w.typetab, NULL);
    if (!linux_state(sys)->modules || !linux_member(ts, "module", "list", &w.list, NULL) ||
        !linux_member(ts, "module", "name", &w.name, &w.name_len) ||
        !linux_member(ts, "module", "kallsyms", &w.kallsyms, NULL) ||
        !linux_member(ts, "mod_kallsyms", "symtab", &w.symtab, NULL) ||
        !linux_member(ts, "mod_kallsyms", "num_symtab", &w.num_symtab, NULL) ||
        !linux_member(ts, "mod_kallsyms", "strtab", &w.strtab, NULL))
        return;
    find_areas(&w);
    list = linux_list(sys->view, sys->kernel, &sys->bind, linux_state(sys)->modules, w.list);
    for (unsigned n = 0; n < MODULES_MAX && eg_list_next_(&list, &module); n++)
        if (!add_module(&w, module.addr) || sys->view->starved)
            sys->no_room_for_symbols = true;
}
