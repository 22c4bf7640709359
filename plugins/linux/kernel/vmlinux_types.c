/* vmlinux_types.c - types, functions and variables of the kernel's ELF file. The image's BTF is
 * read again with what cursors need not know: const, volatile and the names of functions. */
#include "../../../core/cache.h"
#include "../../../core/map.h"
#include "../../../core/registry.h"
#include "../../../core/run.h"
#include "../../../profiles/btf.h"
#include "vmlinux_parts.h"
#include <stdlib.h>

EG_FIELD_AS(btf_module_btf, btf_module, "btf");
EG_FIELD_AS(btf_module_link, btf_module, "list");
EG_FIELD_AS(btf_name, btf, "name");
EG_FIELD_AS(btf_data, btf, "data");
EG_FIELD_AS(btf_data_size, btf, "data_size");
EG_FIELD_AS(btf_of_kernel, btf, "kernel_btf");
EG_SYMBOL(btf_modules, "list_head");
/* Variables of which crash and drgn want to know the type, and no plugin reads them. */
EG_SYMBOL(__per_cpu_offset, "unsigned long[1]"); // NR_CPUS of them: how many is not known
EG_SYMBOL(init_net, "net");
EG_SYMBOL(init_mm, "mm_struct");
EG_SYMBOL(root_task_group, "task_group");
EG_SYMBOL(jiffies, "unsigned long");
EG_SYMBOL(mt_slots, "u8[4]");
EG_SYMBOL(mt_pivots, "u8[4]");
EG_SYMBOL_AS(banner_head, "linux_banner", "char[64]"); // it is longer

enum { BTF_MAX = 32 << 20, BTF_ALL = 256 << 20, TRIES = 8 };

/* ---- types ---- */

static void forget(void *arg)
{
    struct linux_vmlinux *x = arg;

    if (x->own_types)
        eg_types_fini(&x->types);
    while (x->profiles.n)
        eg_profile_free(x->profiles.at[--x->profiles.n]);
    eg_vec_fini(&x->profiles);
    eg_dwarf_sections_fini(&x->dwarf);
    eg_dwarf_section_fini(&x->frame);
}

/* Read @len bytes of BTF that are at @at. @return false: they are not there, or damaged. */
static bool read_btf(struct linux_vmlinux *x, struct eg_space *space, uint64_t at, uint64_t len,
                     const char *module)
{
    struct eg_profile **slot = eg_vec_push(&x->profiles), *base = NULL;
    struct eg_error e;
    uint8_t *bytes;
    bool done;

    if (!slot)
        return false;
    x->profiles.n--;
    if (module)
        base = x->profiles.at[0];
    if (!len || len > BTF_MAX)
        return false;
    bytes = malloc(len);
    done = bytes && eg_read(eg_view_of(x->r), space, at, bytes, len) &&
           eg_btf_read_qualified(slot, bytes, len, eg_binding_of(x->r)->model, base, module, "BTF",
                                 &e) == 0;
    free(bytes);
    if (!done)
        return false;
    x->profiles.n++;
    if (module ? eg_types_add(&x->types, *slot, &e) == 0
               : eg_types_init(&x->types, *slot, &e) == 0) {
        x->own_types = true;
        return true;
    }
    eg_profile_free(*slot);
    x->profiles.n--;
    return false;
}

static bool kernel_btf(struct linux_vmlinux *x)
{
    const struct linux_state *s = linux_state(eg_system_of(x->r));
    uint8_t head[64];
    uint64_t total;

    return s && s->btf && s->btf_at &&
           eg_read(eg_view_of(x->r), eg_physical(x->r), s->btf_at, head, sizeof head) &&
           eg_btf_header(head, sizeof head, eg_binding_of(x->r)->model.big_endian, &total) &&
           read_btf(x, eg_physical(x->r), s->btf_at, total, NULL);
}

static void module_btf(struct linux_vmlinux *x, struct eg_obj btf, uint64_t *all)
{
    const char *name = eg_string(x->r, eg_at(btf, btf_name), 64);
    uint64_t data;
    uint32_t size;

    if (!name || !eg_get_or((uint64_t)0, btf, btf_of_kernel) || !eg_get(&data, btf, btf_data) ||
        !eg_get(&size, btf, btf_data_size) || (*all += size) > BTF_ALL)
        return;
    for (size_t i = 0; i < x->n_modules; i++) {
        struct linux_vmlinux_module *m = &x->modules[i];

        if (strcmp(m->name, name) != 0 || m->layer)
            continue;
        if (read_btf(x, eg_kernel(x->r), data, size, m->name))
            m->layer = (uint32_t)(x->types.n_layers - 1);
        else
            eg_note(x->r, "%s: its BTF cannot be read: its types are left out", name);
    }
}

static void module_types(struct linux_vmlinux *x)
{
    struct eg_obj each;
    uint64_t all = 0;

    if (!x->o->modules || !x->own_types)
        return;
    if (!eg_has_symbol(x->r, btf_modules) || !eg_has(x->r, btf_module_btf)) {
        if (x->n_modules)
            eg_note(x->r, "types of modules: this kernel keeps none (5.11 and later do)");
        return;
    }
    eg_each_list(each, eg_sym(x->r, btf_modules), btf_module_link)
        module_btf(x, eg_deref(eg_at(each, btf_module_btf)), &all);
}

/* The types that the system has, if they are of another source than the image's BTF. */
static bool other_types(struct linux_vmlinux *x)
{
    struct eg_types *ts = eg_binding_of(x->r)->types;

    if (!ts || !ts->n_layers || ts->layers[0].profile->n_types <= 1) {
        eg_note(x->r, "no types are known: the file has symbols only");
        return false;
    }
    x->types = *ts;
    return true;
}

/* ---- functions and variables ---- */

struct objects {
    struct eg_dwarf_object *at;
    size_t n, cap;
};
struct builder {
    struct linux_vmlinux *x;
    struct eg_map *records; // by name and layer: the id of a function or variable
    struct objects *units;  // by layer
};

static uint32_t hash_of(const char *name, size_t len, uint32_t layer)
{
    return eg_map_hash(name, len) + layer * 0x9e3779b1u;
}

static bool is_function(const struct eg_type *t)
{
    return t->kind == EG_T_VOID && t->name && t->ref;
}

/* Of several with the same name the first counts. */
static void index_records(struct builder *b)
{
    const struct eg_types *ts = &b->x->types;

    for (uint32_t l = 0; l < ts->n_layers; l++) {
        const struct eg_layer *layer = &ts->layers[l];

        for (uint32_t id = layer->first; id < layer->end; id++) {
            const struct eg_type *t = &layer->profile->types[id - layer->first];
            const char *name = layer->profile->strings + t->name;

            if (!is_function(t) && t->kind != EG_T_VAR)
                continue;
            for (uint32_t i = 0; i < TRIES; i++)
                if (eg_run_map_add(b->x->r, b->records,
                                   eg_map_key(hash_of(name, strlen(name), l), i), id))
                    break;
        }
    }
}

static uint32_t record_of(const struct builder *b, const struct linux_vmlinux_symbol *s,
                          uint32_t layer)
{
    const uint32_t hash = hash_of(s->name, s->length, layer);
    uint64_t id;

    for (uint32_t i = 0; i < TRIES && eg_map_get(b->records, eg_map_key(hash, i), &id); i++) {
        const char *name = eg_type_name(&b->x->types, (uint32_t)id);

        if (!strncmp(name, s->name, s->length) && !name[s->length])
            return (uint32_t)id;
    }
    return 0;
}

static void push(struct builder *b, uint32_t layer, struct eg_dwarf_object o)
{
    struct objects *u = &b->units[layer];

    u->at = eg_grow(b->x->r, u->at, u->n, &u->cap, sizeof *u->at);
    u->at[u->n++] = o;
}

static void symbols(struct builder *b)
{
    struct linux_vmlinux *x = b->x;

    for (size_t i = 0; i < x->n_symbols && !eg_stopped(x->r); i++) {
        const struct linux_vmlinux_symbol *s = &x->symbols[i];
        const uint32_t layer = s->module ? x->modules[s->module - 1].layer : LINUX_OF_KERNEL;
        const uint32_t id = s->module && !layer ? 0 : record_of(b, s, layer);
        const bool code = linux_vmlinux_code(s);

        if (!id || code != is_function(eg_type(&x->types, id, NULL)))
            continue;
        push(b, layer,
             (struct eg_dwarf_object){ .addr = linux_vmlinux_address(x, s->addr),
                                       .size = (uint32_t)s->size,
                                       .type = eg_type_ref(&x->types, id),
                                       .record = id,
                                       .function = code,
                                       .global = s->letter >= 'A' && s->letter <= 'Z' });
    }
}

/* The type of an integer that a plugin declares without one of the kernel's. */
static uint32_t integer(const struct eg_types *ts, const struct eg_slot *s)
{
    static const char *const names[2][4] = {
        { "unsigned char", "short unsigned int", "unsigned int", "long unsigned int" },
        { "signed char", "short int", "int", "long int" },
    };
    uint64_t iter = 0;

    for (unsigned i = 0; i < 4; i++)
        if (s->size == 1u << i)
            return eg_types_named(ts, names[s->kind == EG_K_SINT][i], NULL, 1u << EG_T_INT, &iter);
    return 0;
}

/* What a slot says of a variable. @return false: nothing that a debugger can use. */
static bool object_of(const struct linux_vmlinux *x, const struct eg_slot *s,
                      struct eg_dwarf_object *o)
{
    const struct eg_types *ts = &x->types;
    uint64_t iter = 0, size;

    o->type = s->type < ts->layers[0].end ? s->type : 0;
    switch (s->kind) {
    case EG_K_UINT:
    case EG_K_SINT:
        o->type = o->type ? o->type : integer(ts, s);
        return o->type && s->size > 1; // of one byte are the marks between sections
    case EG_K_PTR:
        o->of = EG_T_PTR;
        return o->type || !s->type;
    case EG_K_CHARS:
        o->type = o->type ? o->type : eg_types_named(ts, "char", NULL, 1u << EG_T_INT, &iter);
        o->of = EG_T_ARRAY;
        o->count = s->size;
        return o->type;
    case EG_K_ARRAY:
        size = eg_type_size(ts, o->type, &eg_binding_of(x->r)->model);
        o->of = EG_T_ARRAY;
        o->count = o->type && size ? (uint32_t)(s->size / size) : 0;
        return o->type && size;
    case EG_K_STRUCT:
    case EG_K_ENUM:
    case EG_K_FLOAT:
        return o->type;
    default:
        return false;
    }
}

/* Variables that BTF does not have, with the types that plugins declare for them. */
static void declared(struct builder *b)
{
    struct linux_vmlinux *x = b->x;
    struct eg_map *seen = eg_run_map(x->r);
    struct eg_system *sys = eg_system_of(x->r);

    for (uint32_t id = 1; id < eg_handle_count(); id++) {
        const struct eg_handle *h = eg_handle(id);
        struct linux_vmlinux_symbol s = { 0 };
        struct eg_dwarf_object o = { .global = true };
        uint64_t addr = 0;

        if (h->kind != EG_H_SYMBOL || !eg_slot(x->r, id)->kind)
            continue;
        for (const char *p = h->name; *p && !addr;
             p += strcspn(p, "|") + (p[strcspn(p, "|")] != 0)) {
            s.length = (uint32_t)strcspn(p, "|");
            s.name = o.name = eg_strf(x->r, "%.*s", (int)s.length, p);
            if (!eg_system_own_symbol(sys, o.name, &addr, NULL))
                addr = 0;
        }
        if (!addr || addr != eg_slot(x->r, id)->off || record_of(b, &s, LINUX_OF_KERNEL) ||
            !object_of(x, eg_slot(x->r, id), &o) || !eg_run_map_add(x->r, seen, addr, 0))
            continue;
        o.addr = linux_vmlinux_address(x, addr);
        push(b, LINUX_OF_KERNEL, o);
    }
}

/* ---- together ---- */

/* All code of the image that has a name. */
static void kernel_code(const struct linux_vmlinux *x, struct eg_dwarf_unit *u)
{
    for (size_t i = 0; i < x->n_symbols; i++) {
        const struct linux_vmlinux_symbol *s = &x->symbols[i];

        if (!linux_vmlinux_code(s) || s->module || s->addr < x->image_start ||
            s->addr >= x->image_end)
            continue;
        u->low = u->low ? u->low : linux_vmlinux_address(x, s->addr);
        u->high = linux_vmlinux_address(x, EG_MIN(s->addr + s->size, x->image_end));
    }
}

void linux_vmlinux_types(struct linux_vmlinux *x)
{
    struct builder b = { .x = x, .records = eg_run_map(x->r) };
    struct eg_dwarf_unit *units;
    struct eg_error e;

    eg_run_defer(x->r, forget, x);
    if (kernel_btf(x))
        module_types(x);
    else if (!other_types(x))
        return;
    units = eg_tmp(x->r, x->types.n_layers * sizeof *units);
    b.units = eg_tmp(x->r, x->types.n_layers * sizeof *b.units);
    index_records(&b);
    symbols(&b);
    declared(&b);
    kernel_code(x, &units[0]);
    units[0].name = "vmlinux";
    for (size_t i = 0; i < x->types.n_layers; i++) {
        const char *module = x->types.layers[i].profile->module;

        units[i].name = i ? (module ? module : "module") : "vmlinux";
        units[i].objects = b.units[i].at;
        units[i].n = b.units[i].n;
    }
    for (size_t i = 0; i < x->n_modules; i++)
        if (x->modules[i].layer) {
            units[x->modules[i].layer].low = x->modules[i].first;
            units[x->modules[i].layer].high = x->modules[i].end;
        }
    if (eg_dwarf_write(&x->dwarf, &x->types, units, &e) < 0) {
        eg_run_fail(x->r, (enum eg_errno)e.code, "%s", e.text);
        return;
    }
    x->counts->types = x->dwarf.types;
    x->counts->functions = x->dwarf.functions;
    x->counts->variables = x->dwarf.variables;
}
