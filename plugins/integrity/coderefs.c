/* coderefs - every pointer in the kernel's data that leads to code of nobody, or of a module of
 * another origin. */
#include "../../core/map.h"
#include "../../core/space.h"
#include "../../core/system.h"
#include "../linux/kernel/codeof.h"
#include "../linux/kernel/modtraces.h"
#include "../linux/kernel/module.h"
#include "../linux/mm/slab_table.h"
#include "../linux/mm/vmalloc.h"
#include "../linux/sched/regs.h"
#include "../linux/state.h"
#include <inttypes.h>
#include <string.h>

EG_FIELD_AS(ref_sections, module, "sect_attrs");
EG_FIELD_AS(ref_notes, module, "notes_attrs");
EG_FIELD_AS(ref_params, module, "mkobj.mp");
EG_FIELD_AS(ref_elf, module, "klp_info");
EG_FIELD_AS(elf_sections, klp_modinfo, "sechdrs");
EG_FIELD_AS(map_link, ftrace_mod_map, "list");
EG_FIELD_AS(map_functions, ftrace_mod_map, "funcs");
EG_FIELD_AS(traced_link, ftrace_mod_func, "list");
EG_SYMBOL(ftrace_mod_maps, "list_head");
EG_SYMBOL(__per_cpu_start, "void");
EG_SYMBOL(init_task, "task_struct");
EG_SYMBOL_AS(ref_unit_size, "pcpu_unit_size", "int");

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the pointer is")                                                        \
    C(KIND, TEXT, "what memory that is: kernel, module, per-CPU, slab")                            \
    C(NAME, TEXT, "the variable, module or slab cache")                                            \
    C(NAME_OFFSET, ADDR, "bytes from its beginning; of a slab's object from the object's")         \
    C(POINTS_TO, TEXT, "code, or data: of what was registered")                                    \
    C(FUNCTION, ADDR, "where it leads", EG_MINOR)                                                  \
    C(SYMBOL, TEXT, "the name of what is there")                                                   \
    C(MODULE, TEXT, "whose it is; none: nobody's that is listed")                                  \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

enum {
    PAGE = 4096,
    TARGETS_MAX = 4096,
    ROWS_MAX = 1 << 16,
    FAR = 1 << 14,
    DISTANCES_MAX = 16 << 20
};

/** Memory that nothing of the kernel should lead to. */
struct target {
    uint64_t first, last;
    const char *data; /**< it is no code: what is odd about a pointer to it */
};
/** The memory that is being looked at. */
struct place {
    const char *kind, *who;
    uint64_t first; /**< where it begins */
    const struct linux_slab *slab;
    uint64_t copy; /**< of a CPU's variables: how far from those that symbols name */
};
struct search {
    struct eg_run *r;
    const struct linux_codes *codes;
    const struct linux_slabs *slabs;
    struct target *at;
    size_t n, cap;
    uint64_t first, last;       /* of all targets */
    uint64_t module_size;       /* of a struct module */
    struct eg_map *skipped;     /* objects that say where memory is */
    uint64_t stack, stack_last; /* the first task's, which is a variable */
    uint64_t rows;
    unsigned word;
    bool big, cut; /* there are more targets */
};

/* ---- to what code ---- */

static void target(struct search *s, uint64_t first, uint64_t last, const char *data)
{
    s->cut |= s->n == TARGETS_MAX;
    if (s->n == TARGETS_MAX || last < first)
        return;
    s->at = eg_grow(s->r, s->at, s->n, &s->cap, sizeof *s->at);
    s->at[s->n++] = (struct target){ first, last, data };
    s->first = s->n == 1 ? first : EG_MIN(s->first, first);
    s->last = s->n == 1 ? last : EG_MAX(s->last, last);
}

static bool asked_by(struct search *s, const struct linux_area *area, const char *function)
{
    const char *name, *module;
    uint64_t caller, off;

    return area->vm && eg_get(&caller, eg_object(s->r, vm_struct, area->vm), vm_struct.caller) &&
           caller && eg_system_symbol_at(eg_system_of(s->r), caller, &name, &off, &module) &&
           !strncmp(name, function, strlen(function));
}

/* What the kernel makes code for, and no list has: classic BPF, copies of kprobes, thunks. */
static bool is_asked_by_kernel(struct search *s, const struct linux_area *area)
{
    static const char *const callers[] = { "bpf_", "alloc_insn_page", "module_alloc", "execmem_",
                                           "its_" };

    for (size_t i = 0; i < countof(callers); i++)
        if (asked_by(s, area, callers[i]))
            return true;
    return false;
}

/* Executable pages of an area of vmalloc that belong to nobody. */
static void nobodys(struct search *s, const struct linux_area *area)
{
    uint64_t from = area->first;
    struct eg_extent x;

    while (from && from <= area->last && !eg_stopped(s->r) &&
           eg_next_mapped(eg_view_of(s->r), eg_kernel(s->r), from, area->last, &x)) {
        const enum linux_code_kind kind = linux_whose_code(s->codes, x.start, NULL);

        if (x.flags & EG_X_EXEC && (kind == LINUX_CODE_NOBODY || kind == LINUX_CODE_UNKNOWN))
            target(s, EG_MAX(x.start, area->first), EG_MIN(x.last, area->last), NULL);
        from = x.last + 1;
    }
}

/* What says where memory is, not what is called: a module's list of sections, a vm_struct. */
static void skip(struct search *s, uint64_t at)
{
    struct linux_slab_place place;

    if (at && linux_slab_place_of(s->r, at, &place, NULL))
        eg_run_map_add(s->r, s->skipped, place.object, 0);
}

/* Data of a module but for its struct module, which lists and sysfs have of every module. */
static void data(struct search *s, uint64_t first, uint64_t last, uint64_t module, const char *hint)
{
    const uint64_t end = module + s->module_size;

    if (module && module >= first && module <= last) {
        if (module > first)
            target(s, first, module - 1, hint);
        first = end;
    }
    if (first <= last)
        target(s, first, last, hint);
}

/* What describes a module, and calls nothing of it: sections, notes, parameters in sysfs, the
 * headers of a live patch's file. */
static void skip_descriptions(struct search *s, struct eg_obj m)
{
    skip(s, eg_get_or((uint64_t)0, m, ref_sections));
    skip(s, eg_get_or((uint64_t)0, m, ref_notes));
    skip(s, eg_get_or((uint64_t)0, m, ref_params));
    skip(s, eg_get_or((uint64_t)0, m, ref_elf, elf_sections));
}

/* Where start-up functions were, for traces of them (kernel/trace/ftrace.c). */
static void skip_traced(struct search *s)
{
    struct eg_obj map, function;
    unsigned n = 0;

    eg_each_list(map, eg_sym(s->r, ftrace_mod_maps), map_link) {
        skip(s, map.addr);
        eg_each_list(function, eg_at(map, map_functions), traced_link) {
            if (n++ == TARGETS_MAX)
                return;
            skip(s, function.addr);
        }
    }
}

/* A module that is not on the list: no range of code is said to be its. */
static void hidden(struct search *s, const struct linux_mod *mod)
{
    struct eg_obj m = linux_mod_module(s->r, mod);
    struct linux_module_part part;

    if (mod->first)
        target(s, mod->first, mod->last, NULL);
    for (unsigned i = 0; mod->addr && linux_next_module_part(s->r, m, &i, &part);)
        if (!part.code && part.size)
            data(s, part.first, part.first + part.size - 1, mod->addr,
                 "data of a module that is not listed");
}

static void listed(struct search *s, const struct linux_mods *mods,
                   const struct linux_code_range *range)
{
    uint64_t module = 0;

    if (range->kind == LINUX_CODE_MODULE) {
        target(s, range->first, range->last, NULL);
        return;
    }
    for (size_t i = 0; mods && i < mods->n; i++)
        if (mods->at[i].addr >= range->first && mods->at[i].addr <= range->last)
            module = mods->at[i].addr;
    data(s, range->first, range->last, module, range->taint);
}

static void find_targets(struct search *s)
{
    const struct linux_mods *mods = linux_mods(s->r);
    const struct linux_code_range *range;
    const struct linux_area *areas;
    const size_t n = linux_areas(s->r, &areas);

    for (size_t i = 0; mods && i < mods->n; i++) {
        const struct linux_mod *m = &mods->at[i];

        if (linux_mod_hidden(m))
            hidden(s, m);
        if (m->addr)
            skip_descriptions(s, linux_mod_module(s->r, m));
    }
    skip_traced(s);
    for (size_t i = 0; linux_next_code(s->codes, &i, &range);)
        if (range->taint)
            listed(s, mods, range);
    for (size_t i = 0; i < n && !eg_stopped(s->r); i++) {
        skip(s, areas[i].vm);
        if (!is_asked_by_kernel(s, &areas[i]))
            nobodys(s, &areas[i]);
    }
}

static const struct target *target_at(const struct search *s, uint64_t to)
{
    for (size_t i = 0; i < s->n; i++)
        if (to >= s->at[i].first && to <= s->at[i].last)
            return &s->at[i];
    return NULL;
}

/* ---- from what memory ---- */

static void show(struct search *s, const struct place *p, uint64_t at, const char *name,
                 uint64_t off, uint64_t to)
{
    const struct target *t = target_at(s, to);
    struct linux_codeof code;
    const char *hint;

    linux_codeof(s->r, to, &code);
    hint = t && t->data ? t->data : code.hint;
    // A module's code as such (where it begins, where a call returns to) is named in many places.
    if (!t || !hint || (!t->data && !code.begins) || s->rows++ >= ROWS_MAX)
        return;
    eg_row(s->r, .OFFSET = eg_uint(at), .KIND = eg_text(p->kind), .NAME = eg_text(name),
           .NAME_OFFSET = eg_uint(off), .POINTS_TO = eg_text(t->data ? "data" : "code"),
           .FUNCTION = eg_uint(to), .SYMBOL = eg_text(code.symbol), .MODULE = eg_text(code.module),
           .HINTS = eg_text(hint));
}

static void in_slab(struct search *s, const struct place *p, uint64_t at, uint64_t to)
{
    const struct linux_slab_cache *c = &s->slabs->caches.at[p->slab->cache];
    const uint32_t i = linux_slab_index(s->slabs, p->slab, at);
    uint64_t object, seen;
    const char *name;

    if (i == UINT32_MAX || !p->slab->known || linux_slab_is_free(s->slabs, p->slab, i))
        return;
    object = p->slab->va + i * c->size + c->pad;
    if (eg_map_get(s->skipped, object, &seen))
        return;
    name = eg_string(s->r, eg_at(eg_object(s->r, kmem_cache, c->addr), kmem_cache.name), 64);
    if (!name || (strcmp(name, "vmap_area") != 0 &&
                  (strcmp(name, "maple_node") != 0 || target_at(s, to)->first != to)))
        show(s, p, at, name, at - object, to);
}

/* Variables that say where modules and the tables of their unwinder are. */
static bool is_of_modules(const char *name)
{
    return !strcmp(name, "mod_tree") || !strncmp(name, "cur_orc_", 8);
}

/* Does code at @at begin as compilers make the kernel's functions: with a landing place, a call or
 * nop of ftrace, or a frame? Of other processors than x86-64 that is not known. */
static bool is_entry(struct search *s, uint64_t at)
{
    static const uint8_t begins[][3] = { { 0xf3, 0x0f, 0x1e }, { 0x0f, 0x1f, 0x44 } };
    uint8_t b[3];

    if (linux_whose_code(s->codes, at, NULL) == LINUX_CODE_MODULE)
        return true; // its symbols tell
    if (strcmp(eg_system_of(s->r)->arch->name, "x86_64") != 0 ||
        !eg_read(eg_view_of(s->r), eg_kernel(s->r), at, b, sizeof b))
        return false;
    return !memcmp(b, begins[0], 3) || !memcmp(b, begins[1], 3) || b[0] == 0xe8 || b[0] == 0x55;
}

static void found(struct search *s, const struct place *p, uint64_t at, uint64_t to)
{
    const char *name = NULL, *module = NULL;
    uint64_t off = 0;

    if (p->slab) {
        in_slab(s, p, at, to);
        return;
    }
    // What a CPU's variables do not need of their first memory is given back.
    if (s->slabs && linux_slab_holding(s->slabs, at))
        return;
    if (!eg_system_symbol_at(eg_system_of(s->r), at - p->copy, &name, &off, &module) || off > FAR) {
        name = p->who;
        off = at - p->copy - p->first;
    }
    // Modules keep where their start-up code and data were, whose memory another has now.
    if (!strcmp(p->kind, "module") &&
        (target_at(s, to)->data || target_at(s, to)->first == to || !is_entry(s, to)))
        return;
    if ((name && off <= FAR && is_of_modules(name)) || (off > FAR && target_at(s, to)->first == to))
        return;
    if (off > FAR || !name) {
        name = p->who;
        off = at - p->copy - p->first;
    }
    if (at < s->stack || at > s->stack_last)
        show(s, p, at, name, off, to);
}

static void range(struct search *s, const struct place *p, uint64_t first, uint64_t last)
{
    for (uint64_t page = first & ~(uint64_t)(PAGE - 1); page <= last && !eg_stopped(s->r);
         page += PAGE) {
        const uint8_t *bytes = eg_bytes(eg_view_of(s->r), eg_kernel(s->r), page, PAGE);
        uint64_t at[PAGE / 4], to[PAGE / 4];
        struct eg_extent x;
        unsigned n = 0;

        // A false range is long, and hardly any of it there.
        if (!bytes) {
            if (!eg_next_mapped(eg_view_of(s->r), eg_kernel(s->r), page, last, &x))
                return;
            if (x.start > page && x.start - page >= PAGE)
                page = (x.start & ~(uint64_t)(PAGE - 1)) - PAGE;
        }
        for (unsigned i = 0; bytes && i < PAGE; i += s->word) { // reads below may move the page
            const uint64_t v = eg_load_(bytes + i, s->word, s->big);

            if (v >= s->first && v <= s->last && page + i >= first && page + i <= last &&
                target_at(s, v)) {
                at[n] = page + i;
                to[n++] = v;
            }
        }
        for (unsigned i = 0; i < n; i++)
            found(s, p, at[i], to[i]);
        if (page + PAGE < page)
            return;
    }
}

/* The kernel's variables and constants: what lies between was given back after boot. Without these
 * names all that is no code. */
static void image(struct search *s, const struct linux_code_range *whole)
{
    static const char *const parts[][2] = { { "__start_rodata", "__end_rodata" },
                                            { "_sdata", "_edata" },
                                            { "__bss_start", "__bss_stop" } };
    const struct eg_system *sys = eg_system_of(s->r);
    const struct place p = { .kind = "kernel", .who = "kernel", .first = whole->first };
    uint64_t first, end, unused;

    for (size_t i = 0; i < countof(parts); i++) {
        if (!eg_system_own_symbol(sys, parts[i][0], &first, NULL) ||
            !eg_system_own_symbol(sys, parts[i][1], &end, NULL)) {
            range(s, &p, whole->first, whole->last);
            return;
        }
        // What mem_encrypt() does not need of it is given back (arch/x86/mm/mem_encrypt_amd.c).
        if (eg_system_own_symbol(sys, "__start_bss_decrypted_unused", &unused, NULL) &&
            unused > first)
            end = EG_MIN(end, unused);
        first = EG_MAX(first, whole->first);
        if (end > first)
            range(s, &p, first, EG_MIN(end - 1, whole->last));
    }
}

/* Tables of distances from where they are: what is exported to modules, where code goes on that
 * faulted, and static calls. */
static void distances(struct search *s)
{
    static const char *const tables[][2] = {
        { "__start___ksymtab", "__stop___ksymtab" },
        { "__start___ksymtab_gpl", "__stop___ksymtab_gpl" },
        { "__start___ex_table", "__stop___ex_table" },
        { "__start_static_call_sites", "__stop_static_call_sites" },
    };
    const struct eg_system *sys = eg_system_of(s->r);
    const struct place p = { .kind = "kernel", .who = "kernel" };
    uint64_t first, end;

    for (size_t i = 0; i < countof(tables); i++) {
        if (!eg_system_own_symbol(sys, tables[i][0], &first, NULL) ||
            !eg_system_own_symbol(sys, tables[i][1], &end, NULL) || end <= first ||
            end - first > DISTANCES_MAX)
            continue;
        for (uint64_t at = first; at + 4 <= end && !eg_stopped(s->r); at += 4) {
            const uint8_t *bytes = eg_bytes(eg_view_of(s->r), eg_kernel(s->r), at, 4);
            const uint64_t to =
                bytes ? at + (uint64_t)(int64_t)(int32_t)eg_load_(bytes, 4, s->big) : 0;
            const struct target *t = to >= s->first && to <= s->last ? target_at(s, to) : NULL;

            if (t && !t->data)
                found(s, &p, at, to);
        }
    }
}

static void images(struct search *s)
{
    const struct linux_code_range *r;

    for (size_t i = 0; linux_next_code(s->codes, &i, &r) && !eg_stopped(s->r);) {
        if (r->kind != LINUX_CODE_DATA || r->taint)
            continue;
        if (!strcmp(r->who, "kernel"))
            image(s, r);
        else
            range(s, &(struct place){ .kind = "module", .who = r->who, .first = r->first },
                  r->first, r->last);
    }
}

static void per_cpu(struct search *s)
{
    const struct linux_state *state = linux_state(eg_system_of(s->r));
    struct eg_obj start = eg_sym(s->r, __per_cpu_start);
    const uint64_t first = start.why ? 0 : start.addr; // without the symbol it is 0
    const struct linux_area *areas;
    const size_t n = linux_areas(s->r, &areas);
    uint32_t unit;

    if (!state->percpu_offset || !eg_load(&unit, eg_sym(s->r, ref_unit_size)))
        eg_note(s->r, "per-CPU variables are not looked at: this kernel's symbols lack them");
    else
        for (unsigned cpu = 0; cpu < state->n_cpus && !eg_stopped(s->r); cpu++) {
            const uint64_t copy = state->percpu_offset[cpu];

            range(s, &(struct place){ .kind = "per-CPU", .first = first, .copy = copy },
                  first + copy, first + copy + EG_MIN(unit, 16u << 20) - 1);
        }
    for (size_t i = 0; i < n; i++)
        if (asked_by(s, &areas[i], "pcpu_get_vm_areas"))
            range(s, &(struct place){ .kind = "per-CPU", .first = areas[i].first }, areas[i].first,
                  areas[i].last);
}

static void objects(struct search *s)
{
    for (size_t i = 0; s->slabs && i < s->slabs->slabs.n && !eg_stopped(s->r); i++) {
        const struct linux_slab *slab = &s->slabs->slabs.at[i];
        const uint64_t size = s->slabs->caches.at[slab->cache].size;

        if (slab->objects)
            range(s, &(struct place){ .kind = "slab", .slab = slab }, slab->va,
                  slab->va + slab->objects * size - 1);
    }
}

static int run(struct eg_run *r)
{
    const struct eg_model *m = &eg_binding_of(r)->model;
    struct search s = { .r = r,
                        .codes = linux_codes(r),
                        .skipped = eg_run_map(r),
                        .module_size = eg_size(r, module),
                        .word = m->ptr_size,
                        .big = m->big_endian };

    find_targets(&s);
    if (!s.n)
        return 0;
    s.slabs = linux_slabs(r);
    if (!linux_kernel_stack(r, eg_sym(r, init_task), &s.stack, &s.stack_last))
        s.stack = UINT64_MAX;
    images(&s);
    distances(&s);
    per_cpu(&s);
    objects(&s);
    if (s.cut)
        eg_note(r, "only pointers to the first %d pieces of memory are looked for", TARGETS_MAX);
    if (s.rows > ROWS_MAX)
        eg_note(r, "only the first %d pointers are shown", ROWS_MAX);
    return 0;
}

EG_PLUGIN(coderefs) = {
    .os = "linux",
    .help = "Find every pointer in the kernel's data to code of nobody or of a foreign module",
    .manual =
        "Whatever calls code of an intruder has a pointer to it. Other checks know where such "
        "pointers belong: tables, lists, timers. This one looks at all of the kernel's variables, "
        "those of modules and of each CPU, at what is exported to modules, at where code goes on "
        "that faulted, and at all objects of slabs that are in use, for pointers to where a "
        "function begins that is of a module which did not come with the "
        "kernel or is not signed, of a module that is hidden, or in memory of nobody that can be "
        "executed. NAME and NAME_OFFSET say what has the pointer. A module of another origin that "
        "does nothing wrong (DKMS) is registered in such places too.\n"
        "What it cannot see: pointers in the module's own memory, whose place there only its "
        "registration names; on kernel stacks, in memory of vmalloc and in pages that no slab "
        "has; code that is reached by a jump in other code (kernelcode); pointers that are stored "
        "otherwise than as addresses.",
    .looks_for = EG_NAMES("hooks in tables of functions", "code of nobody that waits to be called"),
    .columns = columns,
    .needs = EG_NEEDS(module.list),
    .uses = EG_NAMES("modules"),
    .run = run,
};
