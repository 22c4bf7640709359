/* lsmod - loaded modules, as /proc/modules and /sys/module/NAME/parameters show them. */
#include "../linux/kernel/param.h"
#include "../linux/linux.h"

EG_FIELDS(module, list, name, state, taints, source_list, init, exit, mem);
EG_FIELD_AS(module_refcnt, module, "refcnt.counter");
EG_FIELD_AS(core_base, module, "core_layout.base"); // until 6.3
EG_FIELD_AS(core_size, module, "core_layout.size");
EG_FIELD_AS(init_size, module, "init_layout.size");
EG_FIELD_AS(data_size, module, "data_layout.size"); // of some architectures
EG_FIELDS(module_memory, base, size);               // since 6.4
EG_FIELDS(module_use, source_list, source);

#define COLUMNS(C)                                                                                 \
    C(Offset, ADDR, "where the struct module is")                                                  \
    C(Module_Name, TEXT, "its name")                                                               \
    C(Code_Size, INT, "bytes of code and data")                                                    \
    C(Taints, FLAGS, "letters as in /proc/modules")                                                \
    C(Ref_Count, INT, "uses, as lsmod counts them")                                                \
    C(Used_By, TEXT, "modules that use it")                                                        \
    C(State, TEXT, "Live, Loading, Unloading, Unformed")                                           \
    C(Address, ADDR, "where its code begins")                                                      \
    C(Load_Arguments, TEXT, "parameters with their values now; ? where only the module can read it")
EG_COLUMNS(COLUMNS);

/* Since 6.4 one array, whose first is the code; before, two or three members. */
static struct eg_cell size_cell(struct eg_run *r, struct eg_obj m)
{
    uint64_t sum = 0, size;

    if (eg_has(r, module.mem)) {
        struct eg_obj mem = eg_at(m, module.mem);

        for (uint64_t i = 0; i < eg_count(mem); i++) {
            struct eg_obj at = eg_at(eg_index(mem, i), module_memory.size);

            if (!eg_load(&size, at))
                return eg_cell_of(at);
            sum += size;
        }
        return eg_uint(sum);
    }
    if (!eg_get(&sum, m, core_size) || !eg_get(&size, m, init_size))
        return eg_val(m, core_size);
    return eg_uint(sum + size + eg_get_or((uint64_t)0, m, data_size));
}

static struct eg_cell address_cell(struct eg_run *r, struct eg_obj m)
{
    if (eg_has(r, module.mem))
        return eg_val(eg_index(eg_at(m, module.mem), 0), module_memory.base);
    return eg_val(m, core_base);
}

static struct eg_cell taints_cell(struct eg_run *r, struct eg_obj m)
{
    static const char letters[] = "PFSRMBUDAWCIOELKXTNJ"; // kernel/panic.c: taint_flags
    char text[sizeof letters];
    size_t n = 0;
    uint64_t taints;

    if (!eg_get(&taints, m, module.taints))
        return eg_val(m, module.taints);
    for (size_t i = 0; letters[i]; i++)
        if (taints >> i & 1)
            text[n++] = letters[i];
    text[n] = 0;
    return eg_text(eg_strf(r, "%s", text));
}

static struct eg_cell refs_cell(struct eg_obj m)
{
    enum { MODULE_REF_BASE = 1 };
    int32_t refs;

    if (!eg_get(&refs, m, module_refcnt))
        return eg_val(m, module_refcnt);
    return eg_int((int64_t)refs - MODULE_REF_BASE);
}

static struct eg_cell users_cell(struct eg_run *r, struct eg_obj m)
{
    enum { USERS_MAX = 256 };
    const char *text = "", *gap = "";
    struct eg_obj use;
    uint64_t init, leave;
    unsigned n = 0;

    eg_each_list(use, eg_at(m, module.source_list), module_use.source_list) {
        const char *name = eg_string(r, eg_at(use, module_use.source, module.name), 64);

        if (n++ == USERS_MAX) {
            eg_note(r, "the module at %#llx: only its first %d users are named",
                    (unsigned long long)m.addr, USERS_MAX);
            break;
        }
        text = eg_strf(r, "%s%s%s", text, gap, name ? name : "?");
        gap = ",";
    }
    if (eg_get(&init, m, module.init) && init && eg_get(&leave, m, module.exit) && !leave)
        text = eg_strf(r, "%s%s[permanent]", text, gap);
    return eg_text(text);
}

static struct eg_cell state_cell(struct eg_obj m)
{
    static const char *const names[] = { "Live", "Loading", "Unloading", "Unformed" };
    uint32_t state;

    if (!eg_get(&state, m, module.state))
        return eg_val(m, module.state);
    return state < countof(names) ? eg_text(names[state])
                                  : eg_missing(EG_BAD_VALUE, eg_at(m, module.state).addr);
}

static int run(struct eg_run *r)
{
    struct eg_obj m;

    linux_each_module(r, m)
        eg_row(r, .Offset = eg_addr(m), .Module_Name = eg_val(m, module.name),
               .Code_Size = size_cell(r, m), .Taints = taints_cell(r, m), .Ref_Count = refs_cell(m),
               .Used_By = users_cell(r, m), .State = state_cell(m), .Address = address_cell(r, m),
               .Load_Arguments = linux_params(r, m));
    return 0;
}

EG_PLUGIN(lsmod) = {
    .os = "linux",
    .help = "List loaded kernel modules by walking the kernel's list",
    .manual = "A module that took itself off the list is missing: compare with hidden_modules.",
    .aliases = EG_NAMES("linux.lsmod.Lsmod", "mod"),
    .columns = columns,
    .needs = EG_NEEDS(module.list, module.name),
    .run = run,
};
