/* kallsyms - every symbol that the kernel has a name for, as /proc/kallsyms (kernel/kallsyms.c). */
#include "../../core/map.h"
#include "../../core/run.h"
#include "../../core/system.h"
#include "../linux/kernel/module.h"
#include "../linux/mm/mm.h"
#include <ctype.h>

EG_FIELDS(kernel_symbol, value, name, value_offset, name_offset);
EG_FIELDS(bpf_ksym, start, end, name, lnode);
EG_FIELDS(ftrace_mod_map, list, mod, funcs);
EG_FIELDS(ftrace_mod_func, list, name, ip, size);
EG_FIELDS(ftrace_ops, list, trampoline, trampoline_size);
EG_FIELDS(kprobe_insn_cache, sym, pages);
EG_FIELDS(kprobe_insn_page, list, insns);
EG_SYMBOL(bpf_kallsyms, "list_head");
EG_SYMBOL(ftrace_mod_maps, "list_head");
EG_SYMBOL(ftrace_ops_trampoline_list, "list_head");
EG_SYMBOL(kprobe_insn_slots, "kprobe_insn_cache");
EG_SYMBOL(kprobe_optinsn_slots, "kprobe_insn_cache");

#define COLUMNS(C)                                                                                 \
    C(Addr, ADDR, "where it is; a per-CPU variable's may be an offset")                            \
    C(Type, TEXT, "letter as nm prints it; upper case: global, of a module: exported to all")      \
    C(Size, INT, "bytes to the next symbol, where the kernel does not say")                        \
    C(Exported, BOOL, "global; of a module: other modules may use it")                             \
    C(SubSystem, TEXT, "core, module, ftrace, bpf, kprobes")                                       \
    C(ModuleName, TEXT, "kernel, or the module")                                                   \
    C(SymbolName, TEXT, "its name")
EG_COLUMNS(COLUMNS);

static const char *letter_text(char letter)
{
    static const char letters[] = "?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const char *found = letter ? __builtin_strchr(letters, letter) : NULL;

    return found ? found : letters;
}

static void emit(struct eg_run *r, uint64_t addr, char letter, struct eg_cell exported,
                 struct eg_cell size, const char *subsystem, const char *module,
                 struct eg_cell name)
{
    eg_row(r, .Addr = eg_uint(addr), .Type = eg_textn(letter_text(letter), 1), .Size = size,
           .Exported = exported, .SubSystem = eg_text(subsystem), .ModuleName = eg_text(module),
           .SymbolName = name);
}

/* ---- what modules export ---- */

enum licence { ANY, GPL, UNKNOWN };

static uint64_t export_key(const char *name, uint64_t addr)
{
    return addr << 16 ^ eg_hash(name, __builtin_strlen(name));
}

/* struct kernel_symbol has pointers, or offsets from where each offset is (most since 4.19). */
static bool read_export(struct eg_run *r, struct eg_obj ks, uint64_t *addr, const char **name)
{
    uint64_t at;
    int32_t to_name, to_value;

    if (eg_get(&to_value, ks, kernel_symbol.value_offset) &&
        eg_get(&to_name, ks, kernel_symbol.name_offset)) {
        *addr = eg_at(ks, kernel_symbol.value_offset).addr + (uint64_t)(int64_t)to_value;
        at = eg_at(ks, kernel_symbol.name_offset).addr + (uint64_t)(int64_t)to_name;
    } else if (!eg_get(addr, ks, kernel_symbol.value) || !eg_get(&at, ks, kernel_symbol.name)) {
        return false;
    }
    return (*name = eg_cstr(r, eg_kernel(r), at, 512)) != NULL;
}

/* @return false when not all of them could be read. */
static bool add_exports(struct eg_run *r, struct eg_map *exports, struct eg_obj first,
                        struct eg_obj count, enum licence licence)
{
    enum { EXPORTS_MAX = 1 << 16 };
    const char *name;
    uint64_t addr;
    uint32_t n;

    if (!eg_load(&n, count))
        return count.why == EG_NO_MEMBER;
    for (uint32_t i = 0; i < n && i < EXPORTS_MAX; i++) {
        if (!read_export(r, eg_index(first, i), &addr, &name))
            return false; // or a count that is wrong
        eg_run_map_add(r, exports, export_key(name, addr), licence);
    }
    return true;
}

static struct eg_map *find_exports(struct eg_run *r)
{
    struct eg_map *exports = eg_run_map(r);
    struct eg_obj m;

    linux_each_module(r, m) {
        const char *name = eg_string(r, eg_at(m, module.name), 64);
        const bool any =
            add_exports(r, exports, eg_at(m, module.syms), eg_at(m, module.num_syms), ANY);
        const bool gpl =
            add_exports(r, exports, eg_at(m, module.gpl_syms), eg_at(m, module.num_gpl_syms), GPL);

        if (name && (!any || !gpl)) {
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

static void list(struct eg_run *r, const struct eg_symbols *table, const struct eg_map *exports)
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
        emit(r, addr, unknown ? '?' : letter,
             unknown ? eg_missing(EG_ABSENT, 0) : eg_uint(exported), size_of(p, i, &next),
             module ? "module" : "core", module ? module : "kernel", eg_text(name));
    }
}

/* ---- what is in no table ---- */

static void list_ftrace(struct eg_run *r)
{
    struct eg_obj map, func, ops;
    uint64_t addr;

    // Names of a module's start-up functions, which are gone, kept for traces that hold them.
    eg_each_list(map, eg_sym(r, ftrace_mod_maps), ftrace_mod_map.list) {
        const char *module = eg_string(r, eg_at(map, ftrace_mod_map.mod, module.name), 64);

        eg_each_list(func, eg_at(map, ftrace_mod_map.funcs), ftrace_mod_func.list)
            if (eg_get(&addr, func, ftrace_mod_func.ip))
                emit(r, addr, 'T', eg_uint(0), eg_val(func, ftrace_mod_func.size), "ftrace",
                     module ? module : "?", eg_val(func, ftrace_mod_func.name));
    }
    eg_each_list(ops, eg_sym(r, ftrace_ops_trampoline_list), ftrace_ops.list)
        if (eg_get(&addr, ops, ftrace_ops.trampoline))
            emit(r, addr, 't', eg_uint(0), eg_val(ops, ftrace_ops.trampoline_size), "ftrace",
                 "__builtin__ftrace", eg_text("ftrace_trampoline"));
}

static void list_bpf(struct eg_run *r)
{
    struct eg_obj sym;
    uint64_t start, end;

    eg_each_list(sym, eg_sym(r, bpf_kallsyms), bpf_ksym.lnode)
        if (eg_get(&start, sym, bpf_ksym.start) && eg_get(&end, sym, bpf_ksym.end))
            emit(r, start, 't', eg_uint(0), eg_uint(end - start), "bpf", "bpf",
                 eg_val(sym, bpf_ksym.name));
}

static void list_kprobes(struct eg_run *r, struct eg_obj cache)
{
    const uint64_t size = UINT64_C(1) << linux_page_shift(r);
    struct eg_obj page;
    uint64_t addr;

    eg_each_list(page, eg_at(cache, kprobe_insn_cache.pages), kprobe_insn_page.list)
        if (eg_get(&addr, page, kprobe_insn_page.insns))
            emit(r, addr, 't', eg_uint(0), eg_uint(size), "kprobes", "__builtin__kprobes",
                 eg_val(cache, kprobe_insn_cache.sym));
}

/* The kernel's own table; where it has none, whatever names its symbols. */
static void list_core(struct eg_run *r, const struct eg_system *sys)
{
    for (size_t i = 0; i < sys->symbols.n; i++)
        if (__builtin_strcmp(sys->symbols.at[i].what, "kallsyms") == 0) {
            list(r, &sys->symbols.at[i], NULL);
            return;
        }
    for (size_t i = 0; i < sys->symbols.n; i++)
        list(r, &sys->symbols.at[i], NULL);
}

static void list_modules(struct eg_run *r, const struct eg_system *sys, const char *only)
{
    const struct eg_map *exports = find_exports(r);
    uint64_t addr;

    // A name that nothing has makes the system read its modules' tables.
    eg_lookup(r, "?", &addr);
    if (sys->no_room_for_symbols)
        eg_run_fail(r, EG_ENOMEM, "%s", "memory: none for the symbols of modules");
    for (size_t i = 0; i < sys->module_symbols.n; i++) {
        const struct eg_symbols *s = &sys->module_symbols.at[i];

        if (only && __builtin_strcmp(only, s->module) != 0)
            continue;
        if (s->lost)
            eg_note(r, "%s: at least %u of its symbols could not be read", s->module, s->lost);
        list(r, s, exports);
    }
}

static int run(struct eg_run *r)
{
    const struct eg_system *sys = eg_system_of(r);
    const char *only = eg_arg_text(r, "module");

    if (!only || __builtin_strcmp(only, "kernel") == 0)
        list_core(r, sys);
    if (!only || __builtin_strcmp(only, "kernel") != 0)
        list_modules(r, sys, only);
    if (only)
        return 0;
    list_ftrace(r);
    list_bpf(r);
    list_kprobes(r, eg_sym(r, kprobe_insn_slots));
    list_kprobes(r, eg_sym(r, kprobe_optinsn_slots));
    return 0;
}

EG_PLUGIN(kallsyms) = {
    .os = "linux",
    .help = "List the symbols of the kernel, its modules, ftrace, BPF and kprobes",
    .aliases = EG_NAMES("linux.kallsyms.Kallsyms", "sym"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(module, TEXT, "only of this module; kernel: only the core's")),
    .run = run,
};
