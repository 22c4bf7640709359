/* export.c - symbols that a module exports: arrays of struct kernel_symbol. */
#include "export.h"
#include "../../../core/base.h"
#include "module.h"

EG_FIELDS(kernel_symbol, value, name, value_offset, name_offset);

enum { EXPORTS_MAX = 1 << 16, KSYM_NAME_LEN = 512 };

/* The address in @pointer; or the one to which @offset leads, a distance from itself (on most
 * machines since 4.19). */
static bool target(struct eg_obj offset, struct eg_obj pointer, uint64_t *at)
{
    int32_t distance;

    if (!eg_load(&distance, offset))
        return eg_load(at, pointer);
    *at = offset.addr + (uint64_t)(int64_t)distance;
    return true;
}

static bool address_of(struct eg_obj ks, uint64_t *at)
{
    return target(eg_at(ks, kernel_symbol.value_offset), eg_at(ks, kernel_symbol.value), at);
}

struct eg_cell linux_export_address(struct eg_run *r, struct eg_obj ks)
{
    uint64_t at;

    if (address_of(ks, &at))
        return eg_uint(at);
    return eg_has(r, kernel_symbol.value) ? eg_val(ks, kernel_symbol.value)
                                          : eg_val(ks, kernel_symbol.value_offset);
}

const char *linux_export_name(struct eg_run *r, struct eg_obj ks)
{
    uint64_t at;

    return target(eg_at(ks, kernel_symbol.name_offset), eg_at(ks, kernel_symbol.name), &at)
               ? eg_cstr(r, eg_kernel(r), at, KSYM_NAME_LEN)
               : NULL;
}

/* After the first that cannot be read nothing of its array is believed: the count may be wrong. */
bool linux_next_export(struct eg_run *r, struct linux_export_walk *w, struct eg_obj *symbol)
{
    for (;; w->gpl = true, w->i = 0) {
        struct eg_obj first =
            w->gpl ? eg_at(w->module, module.gpl_syms) : eg_at(w->module, module.syms);
        struct eg_obj count =
            w->gpl ? eg_at(w->module, module.num_gpl_syms) : eg_at(w->module, module.num_syms);
        uint32_t n = 0;

        if ((!eg_load(&n, count) && count.why != EG_NO_MEMBER) || n > EXPORTS_MAX)
            w->lost = true;
        if (w->i < EG_MIN(n, EXPORTS_MAX)) {
            *symbol = eg_index(first, w->i++);
            if (address_of(*symbol, &w->address) && (w->name = linux_export_name(r, *symbol)))
                return true;
            w->lost = true;
        }
        if (w->gpl)
            return false;
    }
}

/* ---- the same by name ---- */

static bool next_export(struct eg_run *r, struct eg_obj module, void *state, struct eg_obj *out)
{
    struct linux_export_walk *w = state;

    w->module = module;
    if (linux_next_export(r, w, out))
        return true;
    if (w->lost)
        eg_note(r, "the module at %#llx: not all of its exports can be read",
                (unsigned long long)module.addr);
    return false;
}

EG_WALKER(exports) = {
    .os = "linux",
    .help = "symbols that a module exports: those for all modules, then those for GPL modules only",
    .arg = "module",
    .elem = "kernel_symbol",
    .needs = EG_NEEDS(module.syms),
    .state = sizeof(struct linux_export_walk),
    .next = next_export,
};

EG_FUNCTION(export_name) = {
    .os = "linux",
    .help = "the name of an exported symbol",
    .args = "kernel_symbol",
    .text = linux_export_name,
};

EG_FUNCTION(export_address) = {
    .os = "linux",
    .help = "the address of an exported symbol",
    .args = "kernel_symbol",
    .returns = "integer",
    .cell = linux_export_address,
};

bool linux_exported(struct eg_run *r, const char *module, const char *name, uint64_t *addr)
{
    struct linux_module_walk modules = { 0 };
    struct eg_obj m, symbol;

    if (eg_lookup(r, name, addr))
        return true;
    while (linux_next_module(r, &modules, &m)) {
        const char *each = eg_string(r, eg_at(m, module.name), 64);
        struct linux_export_walk w = { .module = m };

        if (!each || strcmp(each, module) != 0)
            continue;
        while (linux_next_export(r, &w, &symbol))
            if (w.name && !strcmp(w.name, name)) {
                *addr = w.address;
                return w.address != 0;
            }
    }
    return false;
}
