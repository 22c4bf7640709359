/* modsects.c - sections of a module by what sysfs shows, and its table of symbols
 * (kernel/module/sysfs.c, kernel/module/kallsyms.c). */
#include "modsects.h"
#include "../../../core/base.h"
#include "module.h"
#include <stdlib.h>

EG_FIELD_AS(sections, module, "sect_attrs");
EG_FIELD_AS(section_list, module_sect_attrs, "grp.bin_attrs|grp.bin_attrs_new");
EG_FIELD_AS(section_attr, module_sect_attr, "battr");
EG_FIELD_AS(section_addr, module_sect_attr, "address"); // until 6.13
EG_FIELD_AS(attr_name, bin_attribute, "attr.name");
EG_FIELD_AS(attr_private, bin_attribute, "private"); // since 6.14 the address
EG_FIELD_AS(symbol_tables, module, "kallsyms");
EG_FIELD_AS(tables_symtab, mod_kallsyms, "symtab");
EG_FIELD_AS(tables_strtab, mod_kallsyms, "strtab");
EG_FIELD_AS(tables_n, mod_kallsyms, "num_symtab");

enum { SECTIONS_MAX = 1 << 12, SYMBOLS_MAX = 1 << 20, NAME_LEN = 512 };

struct list {
    struct linux_modsect *at;
    size_t n, cap;
};

static void add(struct eg_run *r, struct list *l, struct linux_modsect section)
{
    l->at = eg_grow(r, l->at, l->n, &l->cap, sizeof *l->at);
    l->at[l->n++] = section;
}

static bool address_of(struct eg_run *r, struct eg_obj attr, uint64_t *out)
{
    if (eg_has(r, section_addr))
        return eg_get(out, eg_container(attr, section_attr), section_addr);
    return eg_get(out, attr, attr_private);
}

/* Pointers to attributes, a null one behind the last. */
static void of_sysfs(struct eg_run *r, struct eg_obj module, struct list *l)
{
    struct eg_obj all = eg_at(module, sections, section_list);
    uint64_t addr;

    for (uint64_t i = 0; i < SECTIONS_MAX && !eg_stopped(r); i++) {
        struct eg_obj attr = eg_deref(eg_index(all, i));
        const char *name = attr.why ? NULL : eg_string(r, eg_at(attr, attr_name), NAME_LEN);

        if (attr.why) {
            if (attr.why != EG_NULL && all.why != EG_NULL && i)
                eg_note(r, "the module at %#llx: its list of sections ends early",
                        (unsigned long long)module.addr);
            return;
        }
        if (name && address_of(r, attr, &addr))
            add(r, l, (struct linux_modsect){ .name = name, .addr = addr });
    }
}

static int by_address(const void *a, const void *b)
{
    const struct linux_modsect *x = a, *y = b;

    return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* Without a list, the parts of memory by the names that most of their bytes had. */
static void of_parts(struct eg_run *r, struct eg_obj module, struct list *l)
{
    static const struct {
        const char *kind, *name;
    } names[] = {
        { "code", ".text" },
        { "data", ".data" },
        { "constants", ".rodata" },
        { "constants after start-up", ".data..ro_after_init" },
        { "start-up code", ".init.text" },
        { "start-up data", ".init.data" },
        { "start-up constants", ".init.rodata" },
    };
    struct linux_module_part part;

    for (unsigned i = 0; linux_next_module_part(r, module, &i, &part);) {
        const char *name = ".unknown";

        for (size_t k = 0; k < countof(names); k++)
            if (!strcmp(names[k].kind, part.kind))
                name = names[k].name;
        add(r, l, (struct linux_modsect){ name, part.first, part.size, part.kind, true });
    }
}

/* Notes say themselves how long they are (Elf64_Nhdr). */
static uint64_t length_of_notes(struct eg_run *r, const struct linux_modsect *s)
{
    const bool big = eg_binding_of(r)->model.big_endian;
    uint64_t at = 0, len;
    uint8_t head[12];

    while (eg_within(at, sizeof head, s->size) &&
           eg_read(eg_view_of(r), eg_kernel(r), s->addr + at, head, sizeof head)) {
        len = sizeof head + eg_align_up(eg_load_(head, 4, big), 4) +
              eg_align_up(eg_load_(head + 4, 4, big), 4);
        if (!eg_load_(head, 4, big) || !eg_within(at, len, s->size))
            break;
        at += len;
    }
    return at;
}

/* The part that a section is in, and where that ends. */
static void place(struct eg_run *r, struct eg_obj module, struct linux_modsect *s, uint64_t next)
{
    struct linux_module_part part;

    for (unsigned i = 0; linux_next_module_part(r, module, &i, &part);)
        if (s->addr - part.first < part.size) {
            s->kind = part.kind;
            s->size = EG_MIN(part.size - (s->addr - part.first), next - s->addr);
        }
    if (!strncmp(s->name, ".note", 5))
        s->size = length_of_notes(r, s);
}

size_t linux_modsects(struct eg_run *r, struct eg_obj module, struct linux_modsect **out)
{
    struct list l = { 0 };

    of_sysfs(r, module, &l);
    if (l.n)
        qsort(l.at, l.n, sizeof *l.at, by_address);
    for (size_t i = 0; i < l.n; i++) {
        size_t k = i + 1;

        while (k < l.n && l.at[k].addr == l.at[i].addr)
            k++;
        place(r, module, &l.at[i], k < l.n ? l.at[k].addr : UINT64_MAX);
    }
    if (!l.n) {
        of_parts(r, module, &l);
        if (l.n)
            qsort(l.at, l.n, sizeof *l.at, by_address);
    }
    *out = l.at;
    return l.n;
}

/* ---- symbols ---- */

/* Names stand right behind the symbols (layout_symtab, kernel/module/kallsyms.c). */
static void begin(struct eg_run *r, struct eg_obj module, struct linux_modsym_walk *w,
                  unsigned each)
{
    struct eg_obj tables = eg_deref(eg_at(module, symbol_tables));

    (void)r;
    w->begun = true;
    w->i = 1; // the first is of no symbol
    if (!eg_get(&w->symtab, tables, tables_symtab) || !eg_get(&w->strtab, tables, tables_strtab))
        return;
    eg_get(&w->n, tables, tables_n);
    if (!w->n && w->strtab > w->symtab && (w->strtab - w->symtab) / each <= SYMBOLS_MAX) {
        w->n = (uint32_t)((w->strtab - w->symtab) / each);
        w->recounted = true;
    }
    w->n = EG_MIN(w->n, (uint32_t)SYMBOLS_MAX);
}

/* Elf64_Sym, or Elf32_Sym; st_value is the address in memory. */
bool linux_next_modsym(struct eg_run *r, struct eg_obj module, struct linux_modsym_walk *w,
                       struct linux_modsym *out)
{
    enum { WIDE = 24, NARROW = 16, UNDEFINED = 0, LOST_MAX = 4096 };
    const struct eg_model *m = &eg_binding_of(r)->model;
    const bool wide = m->ptr_size == 8;
    const unsigned word = m->ptr_size, each = wide ? WIDE : NARROW;

    if (!w->begun)
        begin(r, module, w, each);
    while (w->i < w->n && w->lost < LOST_MAX && !eg_stopped(r)) {
        uint8_t sym[WIDE];

        if (!eg_read(eg_view_of(r), eg_kernel(r), w->symtab + (uint64_t)w->i++ * each, sym, each)) {
            w->lost++;
            continue;
        }
        if (eg_load_(sym + (wide ? 6 : 14), 2, m->big_endian) == UNDEFINED)
            continue;
        *out = (struct linux_modsym){
            .addr = eg_load_(sym + (wide ? 8 : 4), word, m->big_endian),
            .size = eg_load_(sym + (wide ? 16 : 8), word, m->big_endian),
            .info = sym[wide ? 4 : 12],
            .name = eg_cstr(r, eg_kernel(r), w->strtab + eg_load_(sym, 4, m->big_endian), NAME_LEN),
        };
        if (out->name && *out->name)
            return true;
        w->lost += !out->name;
    }
    return false;
}
