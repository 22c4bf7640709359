/** modules_symbols.c - symbols of modules: what each struct module keeps for kallsyms. */
#include "open.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { MODULES_MAX = 1 << 14, SYMBOLS_MAX = 1 << 20, NAME_LEN = 512, PIECE = 32 };

/** Offsets in struct module and struct mod_kallsyms (include/linux/module.h, 4.5 and later). */
struct walk {
    struct eg_system *sys;
    uint64_t list, name, name_len, kallsyms;
    uint64_t symtab, num_symtab, strtab, typetab;
    bool has_typetab;
};

static bool ptr(const struct walk *w, uint64_t at, uint64_t *out)
{
    return linux_ptr(w->sys->view, w->sys->kernel, &w->sys->bind.model, at, out);
}

static uint64_t load(const struct walk *w, const uint8_t *p, unsigned size)
{
    return eg_load_(p, size, w->sys->bind.model.big_endian);
}

/** The string at @at, into @name. @return its length; NAME_LEN: not all there, or longer than a
 * symbol's name can be. */
static size_t name_at(const struct walk *w, uint64_t at, char name[NAME_LEN])
{
    for (size_t len = 0, n; len < NAME_LEN; len += n) {
        const uint8_t *p, *end;

        n = PIECE - (size_t)((at + len) % PIECE); // crosses no page: the view knows where it is
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

/** One Elf64_Sym or Elf32_Sym; st_value is already the address in memory. @return false when it
 * could not be read. */
static bool add(const struct walk *w, struct eg_builder *b, const uint8_t *sym, uint64_t strtab,
                uint8_t letter, struct eg_symbols *range)
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
    if (!w->has_typetab) { /* st_info held it before 5.0, st_size in 5.0 and 5.1 */
        letter = isalpha(info) ? info : (uint8_t)size;
        if (!isalpha(info))
            size = 0;
    }
    size = EG_MIN(size, (uint64_t)UINT32_MAX);
    eg_builder_symbol(b, eg_builder_name(b, name, len), value, (uint32_t)size,
                      (char)(isalpha(letter) ? letter : '?'));
    range->first = EG_MIN(range->first, value);
    range->last = EG_MAX(range->last, value + size);
    return true;
}

/** The symbols of one module, as far as they can be read: the rest is counted. */
static void read_table(const struct walk *w, uint64_t module, struct eg_builder *b,
                       struct eg_symbols *range)
{
    struct eg_system *sys = w->sys;
    const unsigned each = sys->bind.model.ptr_size == 8 ? 24 : 16;
    uint64_t ks, symtab, strtab, types = 0;
    uint32_t n;

    range->lost = 1;
    if (!ptr(w, module + w->kallsyms, &ks) || !ptr(w, ks + w->symtab, &symtab) ||
        !ptr(w, ks + w->strtab, &strtab) || (w->has_typetab && !ptr(w, ks + w->typetab, &types)) ||
        !eg_read_u32(sys->view, sys->kernel, ks + w->num_symtab, sys->bind.model.big_endian, &n) ||
        n > SYMBOLS_MAX)
        return;
    range->lost = 0;
    for (uint32_t i = 1; i < n; i++) {
        const uint8_t *p = types ? eg_bytes(sys->view, sys->kernel, types + i, 1) : NULL;
        const uint8_t letter = p ? *p : 0;
        uint8_t sym[24];

        p = eg_bytes(sys->view, sys->kernel, symtab + (uint64_t)i * each, each);
        if (p)
            memcpy(sym, p, each);
        if (!p || !add(w, b, sym, strtab, letter, range))
            range->lost++;
    }
}

static void see_module(void *context, uint64_t node)
{
    const struct walk *w = context;
    struct eg_system *sys = w->sys;
    struct eg_symbols range = { .first = UINT64_MAX };
    const uint64_t module = node - w->list;
    char name[64] = "", source[96];
    struct eg_builder *b;
    struct eg_profile *made, **owned;
    struct eg_symbols *s;

    if (!eg_read(sys->view, sys->kernel, module + w->name, name,
                 (size_t)EG_MIN(w->name_len, sizeof name - 1)))
        return;
    snprintf(source, sizeof source, "module %s", name);
    b = eg_builder_new(sys->bind.model, source);
    if (!b)
        return;
    read_table(w, module, b, &range);
    eg_builder_set_base(b, NULL, name);
    if (eg_builder_finish(b, &made, NULL, NULL) < 0)
        return;
    owned = eg_vec_push(&sys->profiles);
    if (!owned) {
        eg_profile_free(made);
        return;
    }
    *owned = made;
    s = eg_vec_push(&sys->module_symbols);
    if (s)
        *s = (struct eg_symbols){ made,        0,          made->source, made->module,
                                  range.first, range.last, range.lost };
}

void linux_module_symbols(struct eg_system *sys)
{
    const struct eg_types *ts = &sys->types;
    struct walk w = { .sys = sys };

    w.has_typetab = linux_member(ts, "mod_kallsyms", "typetab", &w.typetab, NULL);
    if (!linux_state(sys)->modules || !linux_member(ts, "module", "list", &w.list, NULL) ||
        !linux_member(ts, "module", "name", &w.name, &w.name_len) ||
        !linux_member(ts, "module", "kallsyms", &w.kallsyms, NULL) ||
        !linux_member(ts, "mod_kallsyms", "symtab", &w.symtab, NULL) ||
        !linux_member(ts, "mod_kallsyms", "num_symtab", &w.num_symtab, NULL) ||
        !linux_member(ts, "mod_kallsyms", "strtab", &w.strtab, NULL))
        return;
    linux_list(sys->view, sys->kernel, &sys->bind.model, linux_state(sys)->modules, MODULES_MAX,
               see_module, &w);
}
