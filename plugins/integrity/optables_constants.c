/* optables_constants.c - constants of the kernel that lead into a module: tables that no object
 * leads to. */
#include "../../core/profile.h"
#include "../../core/space.h"
#include "../../core/system.h"
#include "optables.h"
#include <inttypes.h>
#include <string.h>

enum { PIECE = 4096, FOUND_MAX = 4096 };
static const uint64_t constants_max = 256 << 20;

/* What variables are whose names end so. */
static const struct {
    const char *end, *type;
} kinds[] = {
    { "_fops", "file_operations" },
    { "_proc_ops", "proc_ops" },
    { "_seq_ops", "seq_operations" },
    { "_inode_operations", "inode_operations" },
    { "_iops", "inode_operations" },
    { "_operations", "file_operations" },
    { "_sops", "super_operations" },
    { "_super_ops", "super_operations" },
    { "_dentry_operations", "dentry_operations" },
    { "_aops", "address_space_operations" },
    { "_netdev_ops", "net_device_ops" },
    { "_ethtool_ops", "ethtool_ops" },
};

static const struct optables_type *type_of(struct optables *o, const char *name)
{
    const size_t n = strlen(name);
    struct optables_type *type;

    for (size_t i = 0; i < countof(kinds); i++) {
        const size_t m = strlen(kinds[i].end);

        if (n > m && !strcmp(name + n - m, kinds[i].end) &&
            (type = optables_type(o, kinds[i].type)))
            return type;
    }
    return NULL;
}

struct scan {
    struct optables *o;
    uint64_t image, end; /* addresses of the kernel's own */
    uint64_t modules;    /* where the code of the lowest module begins */
    unsigned found;
};

/* A function of a module, or code that is there and of nobody: other numbers only look like one. */
static bool is_function(struct scan *s, uint64_t to, struct linux_codeof *code)
{
    struct eg_run *r = s->o->r;
    const enum linux_code_kind kind = linux_whose_code(s->o->codes, to, NULL);
    struct eg_extent x;

    if (kind == LINUX_CODE_MODULE) {
        linux_codeof(r, to, code);
        return code->begins;
    }
    // Where an area of memory begins is no function (execmem_info has those of modules).
    if ((kind != LINUX_CODE_NOBODY && kind != LINUX_CODE_UNKNOWN) || to % PIECE == 0)
        return false;
    eg_extent_at(eg_view_of(r), eg_kernel(r), to, &x);
    if (x.why || !(x.flags & EG_X_EXEC))
        return false;
    linux_codeof(r, to, code);
    return true;
}

static void found(struct scan *s, uint64_t at, uint64_t to, const struct linux_codeof *code,
                  void (*show)(struct optables *o, const char *kind, const char *table, uint64_t at,
                               const char *member, uint64_t function, const char *hint))
{
    struct eg_run *r = s->o->r;
    const char *hint = linux_pointer_hint(r, at, code), *name, *module, *member;
    const struct optables_type *type;
    uint64_t off = 0, seen;

    if (!hint || eg_map_get(s->o->shown, at, &seen) || s->found++ >= FOUND_MAX)
        return;
    if (!eg_system_symbol_at(eg_system_of(r), at, &name, &off, &module))
        name = NULL;
    type = name ? type_of(s->o, name) : NULL;
    if (!type && to == s->modules) // a constant says where modules are: module_alloc_base
        return;
    member = eg_strf(r, "+%#" PRIx64, off);
    for (uint32_t i = 0; type && i < type->members->n; i++)
        if (type->members->at[i].function && type->members->at[i].off == off)
            member = type->members->at[i].name;
    show(s->o, type ? type->name : "constants", name, at - off, member, to, hint);
}

static uint64_t lowest_module(const struct linux_codes *codes)
{
    const struct linux_code_range *range;
    uint64_t lowest = UINT64_MAX;

    for (size_t i = 0; linux_next_code(codes, &i, &range);)
        if (range->kind == LINUX_CODE_MODULE)
            lowest = EG_MIN(lowest, range->first);
    return lowest;
}

void optables_constants(struct optables *o,
                        void (*show)(struct optables *o, const char *kind, const char *table,
                                     uint64_t at, const char *member, uint64_t function,
                                     const char *hint))
{
    const struct eg_system *sys = eg_system_of(o->r);
    const struct eg_model *m = &eg_binding_of(o->r)->model;
    struct scan s = { .o = o, .modules = lowest_module(o->codes) };
    uint64_t from, to;

    if (!eg_system_own_symbol(sys, "__start_rodata", &from, NULL) ||
        !eg_system_own_symbol(sys, "__end_rodata", &to, NULL) || to <= from ||
        to - from > constants_max) {
        eg_note(o->r, "where the kernel's constants are is not known: only tables that something "
                      "leads to are looked at");
        return;
    }
    if (!eg_system_own_symbol(sys, "_stext", &s.image, NULL) ||
        !eg_system_own_symbol(sys, "_end", &s.end, NULL))
        s.image = s.end = 0;
    for (uint64_t at = from & ~(uint64_t)(PIECE - 1); at < to && !eg_stopped(o->r); at += PIECE) {
        const uint8_t *page = eg_bytes(eg_view_of(o->r), eg_kernel(o->r), at, PIECE);
        uint64_t words[PIECE / 4];
        unsigned n = 0;

        for (unsigned i = 0; page && i < PIECE; i += m->ptr_size) // reads below may move the page
            words[n++] = eg_load_(page + i, m->ptr_size, m->big_endian);
        for (unsigned i = 0; i < n; i++) {
            struct linux_codeof code;

            const uint64_t place = at + i * m->ptr_size;

            if (place < from || place >= to || (words[i] >= s.image && words[i] < s.end) ||
                words[i] < PIECE || (m->ptr_size == 8 && !(words[i] >> 63)))
                continue;
            if (is_function(&s, words[i], &code))
                found(&s, place, words[i], &code, show);
        }
    }
}
