/* kallsyms.c - every symbol that the kernel has a name for (kernel/kallsyms.c). */
#include "kallsyms.h"
#include "../../../core/map.h"
#include "../../../core/run.h"
#include "../../../core/system.h"
#include "../mm/mm.h"
#include "export.h"
#include "ftrace.h"
#include "module.h"
#include <ctype.h>

EG_FIELDS(bpf_ksym, start, end, name, lnode);
EG_FIELDS(ftrace_mod_map, list, mod, funcs);
EG_FIELDS(ftrace_mod_func, list, name, ip, size);
EG_FIELDS(kprobe_insn_cache, sym, pages);
EG_FIELDS(kprobe_insn_page, list, insns);
EG_SYMBOL(bpf_kallsyms, "list_head");
EG_SYMBOL(ftrace_mod_maps, "list_head");
EG_SYMBOL(ftrace_ops_trampoline_list, "list_head");
EG_SYMBOL(kprobe_insn_slots, "kprobe_insn_cache");
EG_SYMBOL(kprobe_optinsn_slots, "kprobe_insn_cache");

/* ---- what modules export ---- */

enum licence { ANY, GPL, UNKNOWN };

static uint64_t export_key(const char *name, uint64_t addr)
{
    return addr << 16 ^ eg_hash(name, __builtin_strlen(name));
}

static struct eg_map *find_exports(struct eg_run *r)
{
    struct eg_map *exports = eg_run_map(r);
    struct eg_obj m, symbol;

    linux_each_module(r, m) {
        struct linux_export_walk w = { .module = m };
        const char *name = eg_string(r, eg_at(m, module.name), 64);

        while (linux_next_export(r, &w, &symbol))
            eg_run_map_add(r, exports, export_key(w.name, w.address), w.gpl ? GPL : ANY);
        if (name && w.lost) {
            eg_note(r, "%s: what it exports could not be read: Exported and Type are not known",
                    name);
            eg_run_map_add(r, exports, export_key(name, 0), UNKNOWN);
        }
    }
    return exports;
}

/* ---- tables ---- */

/* Symbols are by address; @next: of the first above the one before. */
static struct eg_cell size_of(const struct eg_profile *p, uint32_t i, uint32_t *next)
{
    const struct eg_symbol *s = &p->symbols[i];

    if (s->size)
        return eg_uint(s->size);
    while (*next < p->n_symbols && p->symbols[*next].addr <= s->addr)
        ++*next;
    return *next < p->n_symbols ? eg_uint(p->symbols[*next].addr - s->addr) : (struct eg_cell){ 0 };
}

static void list(struct eg_run *r, const struct eg_symbols *table, const struct eg_map *exports,
                 linux_ksym_fn *each, void *state)
{
    const struct eg_profile *p = table->profile;
    const char *module = table->module;
    uint64_t licence;
    const bool lost = module && eg_map_get(exports, export_key(module, 0), &licence);
    const bool exports_only = __builtin_strcmp(table->what, "exported symbols") == 0;
    uint32_t next = 0;

    for (uint32_t i = 0; i < p->n_symbols && !eg_stopped(r); i++) {
        const struct eg_symbol *s = &p->symbols[i];
        const char *name = p->strings + s->name;
        const uint64_t addr = s->addr + table->shift;
        char letter = (char)s->letter;
        bool exported = isupper(s->letter) || exports_only;
        bool unknown = lost || (!module && letter == '?' && !exports_only);

        // A module's own letters tell what is static. /proc/kallsyms tells what is exported, and
        // looks it up among the exports that any module may use.
        if (module) {
            exported = eg_map_get(exports, export_key(name, addr), &licence);
            letter = (char)(exported && licence == ANY ? toupper(s->letter) : tolower(s->letter));
        }
        each(r, state,
             &(struct linux_ksym){
                 .addr = addr,
                 .letter = unknown || !isalpha((unsigned char)letter) ? '?' : letter,
                 .exported = unknown ? eg_missing(EG_ABSENT, 0) : eg_uint(exported),
                 .size = size_of(p, i, &next),
                 .name = eg_text(name),
                 .subsystem = module ? "module" : "core",
                 .module = module ? module : "kernel" });
    }
}

void linux_ksyms_core(struct eg_run *r, linux_ksym_fn *each, void *state)
{
    const struct eg_system *sys = eg_system_of(r);

    for (size_t i = 0; i < sys->symbols.n; i++)
        if (__builtin_strcmp(sys->symbols.at[i].what, "kallsyms") == 0) {
            list(r, &sys->symbols.at[i], NULL, each, state);
            return;
        }
    for (size_t i = 0; i < sys->symbols.n; i++)
        list(r, &sys->symbols.at[i], NULL, each, state);
}

void linux_ksyms_modules(struct eg_run *r, const char *only, linux_ksym_fn *each, void *state)
{
    const struct eg_system *sys = eg_system_of(r);
    const struct eg_map *exports;
    uint64_t addr;

    if (!eg_has(r, module.list) && eg_has(r, mm_struct.pgd)) // built without modules
        return;
    exports = find_exports(r);
    // A name that nothing has makes the system read its modules' tables.
    eg_lookup(r, "?", &addr);
    if (sys->no_room_for_symbols)
        eg_run_fail(r, EG_ENOMEM, "%s", "out of memory for the symbols of modules");
    for (size_t i = 0; i < sys->module_symbols.n; i++) {
        const struct eg_symbols *s = &sys->module_symbols.at[i];

        if (only && __builtin_strcmp(only, s->module) != 0)
            continue;
        if (s->lost)
            eg_note(r, "%s: at least %u of its symbols could not be read", s->module, s->lost);
        list(r, s, exports, each, state);
    }
}

/* ---- what is in no table ---- */

/* @letter: as /proc/kallsyms has it. */
static void give(struct eg_run *r, linux_ksym_fn *each, void *state, uint64_t addr, char letter,
                 struct eg_cell size, const char *subsystem, const char *module,
                 struct eg_cell name)
{
    each(r, state, &(struct linux_ksym){ addr, letter, eg_uint(0), size, name, subsystem, module });
}

/** Does kallsyms list variables? Then a list whose head it lacks was not built in. */
bool linux_ksyms_variables(struct eg_run *r)
{
    const struct eg_system *sys = eg_system_of(r);
    uint32_t iter = 0;

    for (size_t i = 0; i < sys->symbols.n; i++)
        if (__builtin_strcmp(sys->symbols.at[i].what, "kallsyms") == 0)
            return eg_profile_symbol(sys->symbols.at[i].profile, "init_task", &iter);
    return false;
}

static void list_ftrace(struct eg_run *r, struct eg_obj head, linux_ksym_fn *each, void *state)
{
    struct eg_obj map, func;
    uint64_t addr;

    // Names of a module's start-up functions, which are gone, kept for traces that hold them.
    eg_each_list(map, head, ftrace_mod_map.list) {
        const char *module = eg_string(r, eg_at(map, ftrace_mod_map.mod, module.name), 64);

        eg_each_list(func, eg_at(map, ftrace_mod_map.funcs), ftrace_mod_func.list)
            if (eg_get(&addr, func, ftrace_mod_func.ip))
                give(r, each, state, addr, 'T', eg_val(func, ftrace_mod_func.size), "ftrace",
                     module ? module : "?", eg_val(func, ftrace_mod_func.name));
    }
}

static void list_trampolines(struct eg_run *r, struct eg_obj head, linux_ksym_fn *each, void *state)
{
    struct eg_obj ops;
    uint64_t addr, size;

    eg_each_list(ops, head, ftrace_ops.list)
        if (eg_get(&addr, ops, ftrace_ops.trampoline))
            give(r, each, state, addr, 't',
                 eg_get(&size, ops, ftrace_ops.trampoline_size)
                     ? eg_uint(size)
                     : eg_val(ops, ftrace_ops.trampoline_size),
                 "ftrace", "__builtin__ftrace", eg_text("ftrace_trampoline"));
}

static struct eg_cell size_between(struct eg_obj sym, uint64_t start, uint64_t end)
{
    return end < start ? eg_missing(EG_BAD_VALUE, sym.addr) : eg_uint(end - start);
}

enum { BPF_NAME_MAX = 512 }; // KSYM_NAME_LEN (include/linux/kallsyms.h)

static void list_bpf(struct eg_run *r, struct eg_obj head, linux_ksym_fn *each, void *state)
{
    struct eg_obj sym;
    uint64_t start, end;
    const char *name;

    eg_each_list(sym, head, bpf_ksym.lnode) {
        if (!eg_get(&start, sym, bpf_ksym.start) || !eg_get(&end, sym, bpf_ksym.end))
            continue;
        name = eg_string(r, eg_at(sym, bpf_ksym.name), BPF_NAME_MAX);
        give(r, each, state, start, 't', size_between(sym, start, end), "bpf", "bpf",
             name ? eg_text(name) : eg_val(sym, bpf_ksym.name));
    }
}

static void list_kprobes(struct eg_run *r, struct eg_obj cache, linux_ksym_fn *each, void *state)
{
    const uint64_t size = UINT64_C(1) << linux_page_shift(r);
    struct eg_obj page;
    uint64_t addr;

    eg_each_list(page, eg_at(cache, kprobe_insn_cache.pages), kprobe_insn_page.list)
        if (eg_get(&addr, page, kprobe_insn_page.insns))
            give(r, each, state, addr, 't', eg_uint(size), "kprobes", "__builtin__kprobes",
                 eg_val(cache, kprobe_insn_cache.sym));
}

struct made {
    struct eg_obj head;
    const char *what;
    void (*list)(struct eg_run *r, struct eg_obj head, linux_ksym_fn *each, void *state);
};
enum { MADE = 5 };

static void find_made(struct eg_run *r, struct made lists[MADE])
{
    lists[0] = (struct made){ eg_sym(r, ftrace_mod_maps), "functions of modules that ftrace keeps",
                              list_ftrace };
    lists[1] = (struct made){ eg_sym(r, ftrace_ops_trampoline_list), "trampolines of ftrace",
                              list_trampolines };
    lists[2] = (struct made){ eg_sym(r, bpf_kallsyms), "BPF programs", list_bpf };
    lists[3] = (struct made){ eg_sym(r, kprobe_insn_slots), "pages of kprobes", list_kprobes };
    lists[4] = (struct made){ eg_sym(r, kprobe_optinsn_slots), "pages of optimized kprobes",
                              list_kprobes };
}

void linux_ksyms_made(struct eg_run *r, linux_ksym_fn *each, void *state)
{
    struct made lists[MADE];

    find_made(r, lists);
    for (size_t i = 0; i < MADE; i++)
        if (!lists[i].head.why)
            lists[i].list(r, lists[i].head, each, state);
}

const char *linux_ksyms_lacks(struct eg_run *r)
{
    const char *lacks = NULL;
    struct made lists[MADE];

    find_made(r, lists);
    for (size_t i = 0; i < MADE && !linux_ksyms_variables(r); i++)
        if (lists[i].head.why)
            lacks = eg_strf(r, "%s%s%s", lacks ? lacks : "", lacks ? ", " : "", lists[i].what);
    return lacks;
}

/* ---- a name that several variables have ---- */

static bool is_head(struct eg_run *r, uint64_t addr)
{
    uint64_t next, back;

    return eg_pointer_at(r, addr, &next) &&
           eg_pointer_at(r, next + eg_binding_of(r)->model.ptr_size, &back) && back == addr;
}

bool linux_list_named(struct eg_run *r, const char *name, uint64_t *addr)
{
    const struct eg_system *sys = eg_system_of(r);
    bool found = false;

    for (size_t i = 0; i < sys->symbols.n; i++) {
        const struct eg_symbols *table = &sys->symbols.at[i];
        const struct eg_symbol *s;
        uint32_t iter = 0;

        while ((s = eg_profile_symbol(table->profile, name, &iter))) {
            const uint64_t at = s->addr + table->shift;

            if (!found || is_head(r, at))
                *addr = at;
            if (is_head(r, at))
                return true;
            found = true;
        }
    }
    return found;
}
