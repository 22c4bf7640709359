/* modtraces.c - every trace of a module: lists and trees of the kernel, the memory that its code is
 * in, and the struct module itself. */
#include "modtraces.h"
#include "../../../core/arena.h"
#include "../../../core/cache.h"
#include "../../../core/map.h"
#include "../../../core/run.h"
#include "../../../core/space.h"
#include "../../../core/vec.h"
#include "../mm/vmalloc.h"
#include "../state.h"
#include "codeof.h"
#include "modtraces_scan.h"
#include "module.h"
#include <inttypes.h>
#include <stdlib.h>

EG_FIELD_AS(kset_list, kset, "list");
EG_FIELD_AS(kobj_entry, kobject, "entry");
EG_FIELD_AS(kobj_set, kobject, "kset");
EG_FIELD_AS(mkobj_kobj, module_kobject, "kobj");
EG_FIELD_AS(mkobj_mod, module_kobject, "mod");
EG_FIELD_AS(module_kobj, module, "mkobj.kobj");
EG_FIELD_AS(tree_roots, mod_tree_root,
            "root.tree"); // latch_tree_root (include/linux/rbtree_latch.h)
EG_FIELD_AS(tree_node, mod_tree_node, "node.node");
EG_FIELDS(mod_tree_node, mod);
EG_FIELDS(btf_module, list, module);
EG_FIELD_AS(page_next, ftrace_page, "next");
EG_FIELD_AS(page_records, ftrace_page, "records");
EG_FIELD_AS(page_used, ftrace_page, "index");
EG_FIELD_AS(record_ip, dyn_ftrace, "ip");
EG_FIELDS(mod_kallsyms, symtab, num_symtab, strtab);
EG_FIELD_AS(mod_symbols, module, "kallsyms");
EG_FIELD_AS(mod_bugs, module, "bug_list");
EG_FIELD_AS(mod_btf_size, module, "btf_data_size");
EG_FIELD_AS(mod_callsites, module, "num_ftrace_callsites");
EG_FIELD_AS(its_pages, module, "its_page_array|arch.its_pages.pages"); // before 6.16, 6.16
EG_FIELD_AS(its_n, module, "its_num_pages|arch.its_pages.num");
EG_TYPE(list_head);
EG_SYMBOL(module_kset, "kset *");
EG_SYMBOL(mod_tree, "mod_tree_root");
EG_SYMBOL(module_bug_list, "list_head");
EG_SYMBOL(btf_modules, "list_head");
EG_SYMBOL(ftrace_pages_start, "ftrace_page *");

enum {
    MODS_MAX = 1 << 14,
    RANGES_MAX = 1 << 17,
    PAGES_MAX = 1 << 16,   // of ftrace
    RECORDS_MAX = 1 << 20, // of ftrace
    ITS_MAX = 1 << 10,
    PAGE = 4096,
    NOBODY_MAX = 256, // pages of one area
    NOBODIES_MAX = 1024,
    FLUSH_RESET_PERMS = 0x100, // VM_FLUSH_RESET_PERMS (include/linux/vmalloc.h, since 5.2)
    NONE = -1,
};

/** Memory that is somebody's: a module's, or code that others made. */
struct claim {
    uint64_t first, last;
    int32_t mod; /* NONE: not of a module that was found */
};
struct mods {
    struct linux_mods out;
    EG_VEC(struct linux_mod) list;
    EG_VEC(struct claim) claims;
    struct eg_map by_address;
    struct eg_arena arena;
    struct eg_run *r; /* while it is made */
    uint8_t *page;
    size_t n_listed, n_nobody;
    bool failed;
};

/* ---- collecting ---- */

static const char *keep(struct mods *m, const char *text)
{
    return text ? eg_arena_strndup(&m->arena, text, strlen(text)) : NULL;
}

static void add(struct mods *m, uint64_t addr, uint32_t trace)
{
    struct linux_mod *new;
    uint64_t i;

    if (!addr)
        return;
    if (eg_map_get(&m->by_address, addr, &i)) {
        m->list.at[i].traces |= trace;
        return;
    }
    if (m->list.n == MODS_MAX) {
        eg_note(m->r, "more than %d modules: the others are left out", MODS_MAX);
        return;
    }
    new = eg_vec_push(&m->list);
    if (!new || eg_map_add(&m->by_address, addr, m->list.n - 1) < 0) {
        m->failed = true;
        return;
    }
    *new = (struct linux_mod){ .addr = addr, .traces = trace };
    new->name = keep(m, eg_string(m->r, eg_at(eg_object(m->r, module, addr), module.name), 64));
}

static struct eg_obj any_listed(const struct mods *m)
{
    return eg_object(m->r, module, m->n_listed ? m->list.at[0].addr : 0);
}

/* Modules that are built in have no struct module. */
static void take_sysfs(struct mods *m)
{
    struct eg_obj set = eg_deref(eg_sym(m->r, module_kset)), kobj;
    uint64_t mod;

    if (set.why)
        set = eg_deref(eg_at(any_listed(m), module_kobj, kobj_set));
    if (set.why || !eg_has(m->r, mkobj_mod))
        return;
    m->out.kept |= LINUX_MOD_SYSFS;
    eg_each_list(kobj, eg_at(set, kset_list), kobj_entry)
        if (eg_get(&mod, eg_container(kobj, mkobj_kobj), mkobj_mod) && mod &&
            eg_at(eg_object(m->r, module, mod), module_kobj).addr == kobj.addr)
            add(m, mod, LINUX_MOD_SYSFS);
}

/* Both trees of a latch have the same nodes. */
static void take_tree(struct mods *m)
{
    struct eg_obj root, node;
    uint64_t mod;

    if (!eg_has_symbol(m->r, mod_tree) || !eg_has(m->r, tree_roots) || !eg_has(m->r, tree_node))
        return;
    root = eg_index(eg_at(eg_sym(m->r, mod_tree), tree_roots), 0);
    m->out.kept |= LINUX_MOD_TREE;
    eg_each_rb(node, root, tree_node)
        if (eg_get(&mod, node, mod_tree_node.mod))
            add(m, mod, LINUX_MOD_TREE);
}

static bool in_image(const struct mods *m, uint64_t addr)
{
    const struct linux_state *s = linux_state(eg_system_of(m->r));

    return addr >= s->image_start && addr < s->image_end;
}

/* Where no symbol says where the list begins, a module that is on it leads to the others, and to
 * its head in the kernel's image. */
static void take_bugs(struct mods *m)
{
    struct eg_obj head = eg_sym(m->r, module_bug_list), each;
    const bool ring = head.why != 0;

    if (ring)
        head = eg_at(any_listed(m), mod_bugs);
    if (head.why || !eg_has(m->r, mod_bugs))
        return;
    m->out.kept |= LINUX_MOD_BUGS;
    if (ring)
        add(m, any_listed(m).addr, LINUX_MOD_BUGS);
    eg_each_list(each, head, mod_bugs)
        if (!in_image(m, each.addr))
            add(m, each.addr, LINUX_MOD_BUGS);
}

static void take_btf(struct mods *m)
{
    const struct linux_state *s = linux_state(eg_system_of(m->r));
    struct eg_obj head = eg_sym(m->r, btf_modules), each;
    uint64_t mod;

    if (head.why)
        head = eg_object(m->r, list_head, s->btf_modules);
    if (head.why || !eg_has(m->r, btf_module.list))
        return;
    m->out.kept |= LINUX_MOD_BTF;
    eg_each_list(each, head, btf_module.list)
        if (eg_get(&mod, each, btf_module.module))
            add(m, mod, LINUX_MOD_BTF);
}

/* ---- memory ---- */

static void claim(struct mods *m, uint64_t first, uint64_t last, int32_t mod)
{
    struct claim *new = m->claims.n < RANGES_MAX &&last >= first ? eg_vec_push(&m->claims) : NULL;

    if (new)
        *new = (struct claim){ first, last, mod };
}

static void claim_parts(struct mods *m, int32_t i)
{
    struct linux_mod *mod = &m->list.at[i];
    struct eg_obj module = eg_object(m->r, module, mod->addr), pages;
    struct linux_module_part part;
    uint64_t at;
    uint32_t n = 0;

    for (unsigned k = 0; linux_next_module_part(m->r, module, &k, &part);) {
        claim(m, part.first, part.first + (part.size - 1), i);
        if (part.code && !part.startup) {
            mod->first = part.first;
            mod->last = part.first + (part.size - 1);
        }
    }
    // Pages of thunks that a mitigation makes for a module (its_alloc, arch/x86/kernel).
    pages = eg_at(module, its_pages);
    eg_get(&n, module, its_n);
    for (uint32_t k = 0; k < n && k < ITS_MAX; k++)
        if (eg_load(&at, eg_index(pages, k)) && at)
            claim(m, at, at + (PAGE - 1), i);
}

/* Of two that claim the same, the one found first is the last: claim_in() takes it. */
static int by_first(const void *a, const void *b)
{
    const struct claim *x = a, *y = b;

    return x->first != y->first ? x->first < y->first ? -1 : 1 : y->mod - x->mod;
}

static void make_claims(struct mods *m)
{
    const struct linux_codes *codes = linux_codes(m->r);
    const struct linux_code_range *range;

    m->claims.n = 0;
    for (size_t i = 0; linux_next_code(codes, &i, &range);)
        if (range->kind != LINUX_CODE_MODULE && range->kind != LINUX_CODE_DATA)
            claim(m, range->first, range->last, NONE);
    for (size_t i = 0; i < m->list.n; i++)
        claim_parts(m, (int32_t)i);
    if (m->claims.n == RANGES_MAX)
        eg_note(m->r, "modules and other code claim too many ranges of memory: not all are known");
    if (m->claims.n)
        qsort(m->claims.at, m->claims.n, sizeof *m->claims.at, by_first);
}

/* The claim of [first, last] that begins first. Ranges that a forged struct claims may overlap
 * others: some steps back are enough for real ones. */
static const struct claim *claim_in(const struct mods *m, uint64_t first, uint64_t last)
{
    enum { BACK = 16 };
    const size_t at = eg_lower_bound(m->claims.n, i, m->claims.at[i].first <= last);

    for (size_t i = at; i > 0 && at - i < BACK; i--)
        if (m->claims.at[i - 1].last >= first)
            return &m->claims.at[i - 1];
    return NULL;
}

/* Who asks for memory of modules: the loader, by one function or another, and by what allocates it
 * (kernel/module/main.c, mm/execmem.c). */
static bool is_loader(const char *name)
{
    static const char *const loaders[] = { "load_module",         "module_alloc",
                                           "move_module",         "layout_and_allocate",
                                           "module_memory_alloc", "execmem_",
                                           "__execmem_" };

    for (size_t i = 0; i < countof(loaders); i++)
        if (!strncmp(name, loaders[i], strlen(loaders[i])))
            return true;
    return false;
}

/* @caller: NULL where it has no name. @return false: a function of the kernel asked for the area
 * for something else. */
static bool may_be_modules(struct mods *m, const struct linux_area *area, const char **caller)
{
    struct eg_obj vm = eg_object(m->r, vm_struct, area->vm);
    const char *name, *module = NULL;
    uint64_t at, off;

    *caller = NULL;
    if (!eg_get(&at, vm, vm_struct.caller) || !at ||
        !eg_system_symbol_at(eg_system_of(m->r), at, &name, &off, &module))
        return true;
    *caller = module ? eg_strf(m->r, "%s [%s]", name, module) : name;
    return module || is_loader(name);
}

/* ---- ftrace ---- */

static void add_nobody(struct mods *m, uint64_t first, uint64_t last, uint32_t trace,
                       const char *caller)
{
    struct linux_mod *before = m->list.n ? &m->list.at[m->list.n - 1] : NULL, *new;

    if (before && !before->addr && before->last + 1 == first) {
        before->last = last;
        before->traces |= trace;
        return;
    }
    for (size_t i = m->list.n; i-- > m->list.n - m->n_nobody;)
        if (m->list.at[i].first <= first && m->list.at[i].last >= last) {
            m->list.at[i].traces |= trace;
            return;
        }
    if (m->n_nobody == NOBODIES_MAX || m->list.n >= MODS_MAX) {
        eg_note(m->r, "code of nobody is in more than %d places: the others are left out",
                NOBODIES_MAX);
        return;
    }
    m->n_nobody++;
    new = eg_vec_push(&m->list);
    m->failed |= !new;
    if (new)
        *new = (struct linux_mod){ .traces = trace,
                                   .kept = LINUX_MOD_AREA | (m->out.kept & LINUX_MOD_FTRACE),
                                   .first = first,
                                   .last = last,
                                   .caller = keep(m, caller) };
}

static void take_record(struct mods *m, uint64_t ip)
{
    const struct claim *c = claim_in(m, ip, ip);

    if (c && c->mod != NONE)
        m->list.at[c->mod].traces |= LINUX_MOD_FTRACE;
    else if (!c && linux_mod_executable(m->r, ip))
        add_nobody(m, ip & ~(uint64_t)(PAGE - 1), ip | (PAGE - 1), LINUX_MOD_FTRACE, NULL);
}

/* Pages of records; one module's are by themselves (ftrace_process_locs, kernel/trace/ftrace.c). */
static void take_ftrace(struct mods *m)
{
    struct eg_obj page = eg_sym(m->r, ftrace_pages_start), record;
    struct eg_map *met = eg_run_map(m->r);
    uint32_t n, all = 0;
    uint64_t ip;

    if (page.why || !eg_has(m->r, record_ip))
        return;
    m->out.kept |= LINUX_MOD_FTRACE;
    for (uint32_t pages = 0; pages < PAGES_MAX && !eg_stopped(m->r); pages++) {
        page = eg_deref(page);
        if (page.why || !eg_run_map_add(m->r, met, page.addr, 0) || !eg_get(&n, page, page_used))
            break;
        for (uint32_t i = 0; i < n && all < RECORDS_MAX; i++, all++) {
            record = eg_index(eg_at(page, page_records), i);
            if (!eg_get(&ip, record, record_ip))
                break;
            if (ip && !in_image(m, ip))
                take_record(m, ip);
        }
        page = eg_at(page, page_next);
    }
    if (page.why != EG_NULL && page.why)
        eg_note(m->r, "the records of ftrace end early: %s", eg_why_text((enum eg_why)page.why));
}

/* ---- code of nobody ---- */

/* What is free in memory that programs of BPF, ftrace and modules share has one instruction all
 * over: a trap. */
static bool is_filled(const struct mods *m, uint64_t addr)
{
    return eg_read(eg_view_of(m->r), eg_kernel(m->r), addr, m->page, PAGE) &&
           !memcmp(m->page, m->page + 4, PAGE - 4);
}

static void look_at_code(struct mods *m, uint64_t first, uint64_t last, const char *caller)
{
    struct eg_view *v = eg_view_of(m->r);
    unsigned found = 0;
    struct eg_extent x;

    for (uint64_t at = first; at <= last && eg_next_mapped(v, eg_kernel(m->r), at, last, &x);) {
        const uint64_t end = EG_MIN(x.last, last);

        for (at = EG_MAX(x.start, at) & ~(uint64_t)(PAGE - 1);
             x.flags & EG_X_EXEC && at <= end && found < NOBODY_MAX; at += PAGE) {
            const struct claim *c = claim_in(m, at, at | (PAGE - 1));

            if (c && c->last > at)
                at = EG_MIN(c->last, end) & ~(uint64_t)(PAGE - 1);
            else if (!c && !is_filled(m, at) && ++found)
                add_nobody(m, at, at | (PAGE - 1), LINUX_MOD_AREA, caller);
        }
        if (end == UINT64_MAX)
            return;
        at = end + 1;
    }
}

/* ---- where modules are ---- */

/** Whether an area has memory of modules, or may have. */
static bool is_of_modules(struct mods *m, const struct linux_area *a, const char **caller)
{
    uint64_t flags = 0;

    if (!a->vm || !may_be_modules(m, a, caller))
        return false;
    eg_get(&flags, eg_object(m->r, vm_struct, a->vm), vm_struct.flags);
    return flags & FLUSH_RESET_PERMS || (*caller && is_loader(*caller)) ||
           linux_mod_executable(m->r, a->first);
}

/* x86-64 keeps modules behind the kernel's image, up to the last 16 MiB (MODULES_VADDR, MODULES_END
 * in arch/x86/include/asm/pgtable_64_types.h). Other processors have them in areas of vmalloc. */
static bool window(const struct mods *m, uint64_t *first, uint64_t *last)
{
    const struct eg_system *sys = eg_system_of(m->r);
    const uint64_t end = UINT64_C(0xffffffffff000000);
    const struct linux_state *s = linux_state(sys);

    if (!sys->arch || strcmp(sys->arch->name, "x86_64") != 0 || !s->image_end ||
        s->image_end >= end)
        return false;
    *first = eg_align_up(s->image_end, 1 << 21);
    *last = end - 1;
    return *first < *last;
}

/** Call @look for areas of modules, and for what no area has of the window of modules. */
static void each_place(struct mods *m, void (*look)(struct mods *m, uint64_t first, uint64_t last,
                                                    const char *caller))
{
    const struct linux_area *areas;
    const size_t n = linux_areas(m->r, &areas);
    uint64_t at = 1, last = 0;
    const char *caller;

    window(m, &at, &last);
    for (size_t i = 0; i < n && !eg_stopped(m->r); i++) {
        if (areas[i].first > at && areas[i].first <= last)
            look(m, at, areas[i].first - 1, NULL);
        if (areas[i].last >= at && areas[i].first <= last)
            at = areas[i].last + 1;
        if (is_of_modules(m, &areas[i], &caller))
            look(m, areas[i].first, areas[i].last, caller);
    }
    if (at <= last)
        look(m, at, last, NULL);
}

static void found(void *mods, uint64_t addr)
{
    add(mods, addr, LINUX_MOD_SCAN);
}

static void scan(struct mods *m, uint64_t first, uint64_t last, const char *caller)
{
    (void)caller;
    linux_mod_scan(m->r, first, last, found, m);
}

/* ---- all together ---- */

/* The kernel has at least one symbol of each module, the first, which has no name. */
static bool has_symbols(struct eg_obj module)
{
    struct eg_obj table = eg_deref(eg_at(module, mod_symbols));
    uint64_t symbols, names;
    uint32_t n;
    uint8_t byte;

    return eg_get(&n, table, mod_kallsyms.num_symtab) && n &&
           eg_get(&symbols, table, mod_kallsyms.symtab) &&
           eg_get(&names, table, mod_kallsyms.strtab) &&
           eg_read(module.view, module.space, symbols, &byte, 1) &&
           eg_read(module.view, module.space, names, &byte, 1);
}

/* A module that starts gets its folder late; one that is being removed loses it early. */
static bool is_passing(struct mods *m, struct eg_obj module)
{
    enum { GOING = 2 };
    struct linux_module_part part;
    uint32_t state;

    for (unsigned i = 0; linux_next_module_part(m->r, module, &i, &part);)
        if (part.startup)
            return true;
    return eg_get(&state, module, module.state) && state == GOING;
}

static void settle(struct mods *m, struct linux_mod *mod)
{
    struct eg_obj module = eg_object(m->r, module, mod->addr);
    const uint32_t listed = mod->traces & LINUX_MOD_LIST;

    if (!mod->addr)
        return;
    mod->kept = m->out.kept;
    if (!eg_get_or(0u, module, mod_btf_size))
        mod->kept &= ~(uint32_t)LINUX_MOD_BTF | (mod->traces & LINUX_MOD_BTF);
    if (!eg_get_or(0u, module, mod_callsites))
        mod->kept &= ~(uint32_t)LINUX_MOD_FTRACE | (mod->traces & LINUX_MOD_FTRACE);
    if (listed && !(mod->traces & LINUX_MOD_SYSFS) && is_passing(m, module))
        mod->kept &= ~(uint32_t)LINUX_MOD_SYSFS;
    if (mod->first && linux_area_at(m->r, mod->first))
        mod->traces |= LINUX_MOD_AREA;
    if (has_symbols(module))
        mod->traces |= LINUX_MOD_SYMBOLS;
    if (!(mod->traces & LINUX_MOD_SCAN) && linux_mod_shape(m->r, mod->addr))
        mod->traces |= LINUX_MOD_SCAN;
}

static int by_place(const void *a, const void *b)
{
    const struct linux_mod *x = a, *y = b;

    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static bool make(struct eg_system *sys, struct eg_run *r, void *kept)
{
    struct mods *m = kept;
    struct eg_obj module;

    (void)sys;
    m->r = r;
    m->page = eg_tmp(r, PAGE);
    m->out.kept = LINUX_MOD_LIST | LINUX_MOD_AREA | LINUX_MOD_SCAN;
    if (eg_has(r, mod_symbols))
        m->out.kept |= LINUX_MOD_SYMBOLS;
    linux_each_module(r, module)
        add(m, module.addr, LINUX_MOD_LIST);
    m->n_listed = m->list.n;
    take_sysfs(m);
    take_tree(m);
    take_bugs(m);
    take_btf(m);
    each_place(m, scan);
    make_claims(m);
    take_ftrace(m);
    each_place(m, look_at_code);
    for (size_t i = 0; i < m->list.n && !eg_stopped(r); i++)
        settle(m, &m->list.at[i]);
    if (m->list.n > m->n_listed)
        qsort(&m->list.at[m->n_listed], m->list.n - m->n_listed, sizeof *m->list.at, by_place);
    m->out.at = m->list.at;
    m->out.n = m->list.n;
    eg_vec_fini(&m->claims);
    eg_map_fini(&m->by_address);
    if (m->failed)
        eg_run_fail(r, EG_ENOMEM, "%s", "out of memory for the traces of modules");
    m->r = NULL;
    return !m->failed && !eg_stopped(r);
}

static void forget(void *kept)
{
    struct mods *m = kept;

    eg_vec_fini(&m->list);
    eg_vec_fini(&m->claims);
    eg_map_fini(&m->by_address);
    eg_arena_fini(&m->arena);
}

static const struct eg_cache mods = { sizeof(struct mods), make, forget };

const struct linux_mods *linux_mods(struct eg_run *r)
{
    const struct mods *m = eg_system_cache(eg_system_of(r), r, &mods);

    return m ? &m->out : NULL;
}

struct eg_obj linux_mod_module(struct eg_run *r, const struct linux_mod *m)
{
    return eg_object(r, module, m->addr);
}

bool linux_mod_hidden(const struct linux_mod *m)
{
    return !m->addr || m->kept & ~m->traces & (LINUX_MOD_LIST | LINUX_MOD_SYSFS);
}
