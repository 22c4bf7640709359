/* kallsyms - every symbol that the kernel has a name for, as /proc/kallsyms. */
#include "../linux/kernel/kallsyms.h"
#include "../linux/kernel/module.h"

#define COLUMNS(C)                                                                                 \
    C(ADDRESS, ADDR, "where it is; a per-CPU variable's may be an offset")                         \
    C(TYPE, TEXT, "letter as nm prints it; upper case: global, of a module: exported to all")      \
    C(SIZE, INT, "bytes to the next symbol, where the kernel does not say", EG_MINOR)              \
    C(EXPORTED, BOOL, "global; of a module: other modules may use it", EG_MINOR)                   \
    C(SUBSYSTEM, TEXT, "core, module, ftrace, bpf, kprobes")                                       \
    C(MODULE, TEXT, "kernel, or the module")                                                       \
    C(SYMBOL, TEXT, "its name")
EG_COLUMNS(COLUMNS);

static void emit(struct eg_run *r, void *state, const struct linux_ksym *s)
{
    (void)state;
    eg_row(r, .ADDRESS = eg_uint(s->addr), .TYPE = eg_textn(&s->letter, 1), .SIZE = s->size,
           .EXPORTED = s->exported, .SUBSYSTEM = eg_text(s->subsystem),
           .MODULE = eg_text(s->module), .SYMBOL = s->name);
}

static bool is_loaded(struct eg_run *r, const char *name)
{
    struct eg_obj m;

    linux_each_module(r, m) {
        const char *have = eg_string(r, eg_at(m, module.name), 64);

        if (have && !__builtin_strcmp(have, name))
            return true;
    }
    return false;
}

static int run(struct eg_run *r)
{
    const char *only = eg_arg_text(r, "module");
    const bool core = only && __builtin_strcmp(only, "kernel") == 0;

    if (!only || core)
        linux_ksyms_core(r, emit, NULL);
    if (!core)
        linux_ksyms_modules(r, only, emit, NULL);
    if (only && !core && !is_loaded(r, only))
        eg_note(r, "--module %s: no module of this name; `lsmod` lists them", only);
    if (!only) {
        const char *lacks = linux_ksyms_lacks(r);

        linux_ksyms_made(r, emit, NULL);
        if (lacks)
            eg_note(r, "no table names the lists of %s: left out", lacks);
    }
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
