/* module.c - the list of loaded modules, and what /proc/modules says of one. */
#include "module.h"
#include "../../../core/arena.h"
#include "../../../core/base.h"
#include "../../../core/cache.h"
#include "../../../core/vec.h"
#include "../state.h"
#include "flags.h"
#include <stdlib.h>

EG_FIELD_AS(module_refcnt, module, "refcnt.counter");
EG_FIELD_AS(core_size, module, "core_layout.size");
EG_FIELD_AS(init_size, module, "init_layout.size");
EG_FIELD_AS(data_size, module, "data_layout.size"); // of some architectures
EG_FIELD_AS(core_part, module, "core_layout");
EG_FIELD_AS(init_part, module, "init_layout");
EG_FIELD_AS(part_base, module_layout, "base"); // until 6.3
EG_FIELD_AS(part_size, module_layout, "size");
EG_FIELD_AS(part_text, module_layout, "text_size");
EG_FIELD_AS(part_ro, module_layout, "ro_size");
EG_FIELD_AS(part_ro_after, module_layout, "ro_after_init_size");
EG_FIELD_AS(module_signed, module, "sig_ok"); // with CONFIG_MODULE_SIG
EG_TYPE(list_head);
EG_SYMBOL(modules, "list_head");

/* The list's head: by its symbol, or where the finder saw it. */
static struct eg_obj list_of_modules(struct eg_run *r)
{
    const struct linux_state *s = linux_state(eg_system_of(r));
    struct eg_obj head = eg_sym(r, modules);

    return head.why && s->modules ? eg_object(r, list_head, s->modules) : head;
}

enum {
    MODULES_MAX = 1 << 13
}; // a distribution builds 7,000, of which a machine loads some hundred

bool linux_next_module(struct eg_run *r, struct linux_module_walk *w, struct eg_obj *module)
{
    uint8_t first;

    if (!w->begun) {
        w->list = eg_list_begin_(list_of_modules(r), eg_f_module.list.id);
        w->begun = true;
    }
    while (eg_list_next_(&w->list, module)) {
        if (w->n++ == MODULES_MAX) {
            eg_note(r, "only the first %d modules are looked at", MODULES_MAX);
            return false;
        }
        if (eg_load(&first, eg_index(eg_at(*module, module.name), 0)))
            return true;
        eg_note(r, "the module at %#llx cannot be read: left out",
                (unsigned long long)module->addr);
    }
    return false;
}

static bool next_module(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out)
{
    (void)arg;
    return linux_next_module(r, state, out);
}

EG_WALKER(modules) = {
    .os = "linux",
    .help = "loaded modules, the newest first",
    .elem = "module",
    .needs = EG_NEEDS(module.list, module.name),
    .state = sizeof(struct linux_module_walk),
    .next = next_module,
};

/* Since 6.4 one array, whose first is the code; before, two or three members. */
struct eg_cell linux_module_size(struct eg_run *r, struct eg_obj m)
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

struct eg_cell linux_module_base(struct eg_run *r, struct eg_obj m)
{
    if (eg_has(r, module.mem))
        return eg_val(eg_index(eg_at(m, module.mem), 0), module_memory.base);
    return eg_val(m, core_base);
}

/* enum mod_mem_type, include/linux/module.h, since 6.4. */
static bool memory_part(struct eg_obj mem, unsigned i, struct linux_module_part *out)
{
    static const struct linux_module_part types[] = {
        { "code", .code = true },
        { "data" },
        { "constants", .constant = true },
        { "constants after start-up", .constant = true },
        { "start-up code", .code = true, .startup = true },
        { "start-up data", .startup = true },
        { "start-up constants", .startup = true },
    };
    struct eg_obj part = eg_index(mem, i);

    if (i >= countof(types))
        return false;
    *out = types[i];
    return eg_get(&out->first, part, module_memory.base) &&
           eg_get(&out->size, part, module_memory.size);
}

/* Code, constants, constants after start-up and data follow each other; the sizes count from the
 * beginning (struct module_layout, include/linux/module.h, until 6.3). */
static bool layout_part(struct eg_obj layout, unsigned i, bool startup,
                        struct linux_module_part *out)
{
    static const char *const kinds[] = { "code", "constants", "constants after start-up", "data" };
    static const char *const first[] = { "start-up code", "start-up constants", "start-up data",
                                         "start-up data" };
    uint64_t base, size, ends[5] = { 0 };

    if (!eg_get(&base, layout, part_base) || !eg_get(&size, layout, part_size))
        return false;
    ends[1] = eg_get_or(size, layout, part_text);
    ends[2] = eg_get_or(ends[1], layout, part_ro);
    ends[3] = eg_get_or(ends[2], layout, part_ro_after);
    ends[4] = size;
    for (unsigned k = 1; k < countof(ends); k++)
        ends[k] = EG_MAX(EG_MIN(ends[k], size), ends[k - 1]);
    *out = (struct linux_module_part){ .kind = startup ? first[i] : kinds[i],
                                       .first = base + ends[i],
                                       .size = ends[i + 1] - ends[i],
                                       .code = i == 0,
                                       .constant = !startup && (i == 1 || i == 2),
                                       .startup = startup };
    return base != 0;
}

bool linux_next_module_part(struct eg_run *r, struct eg_obj m, unsigned *i,
                            struct linux_module_part *out)
{
    enum { PARTS_MAX = 16, OF_LAYOUT = 4 };
    const bool memory = eg_has(r, module.mem);
    struct linux_module_part part;
    uint64_t end;

    while (*i < PARTS_MAX) {
        const unsigned k = (*i)++;

        if (memory          ? !memory_part(eg_at(m, module.mem), k, &part)
            : k < OF_LAYOUT ? !layout_part(eg_at(m, core_part), k, false, &part)
                            : k >= 2 * OF_LAYOUT ||
                                  !layout_part(eg_at(m, init_part), k - OF_LAYOUT, true, &part))
            continue;
        if (!part.first || !part.size || !eg_add(part.first, part.size, &end))
            continue;
        *out = part;
        return true;
    }
    return false;
}

struct eg_cell linux_module_taints(struct eg_run *r, struct eg_obj m)
{
    const char *text = "";
    uint64_t taints;

    if (!eg_get(&taints, m, module.taints))
        return eg_val(m, module.taints);
    for (const struct eg_constant *t = linux_taints; t->name; t++)
        if (taints & t->value)
            text = eg_strf(r, "%s%s", text, t->name);
    return eg_text(text);
}

bool linux_module_cleared(struct eg_obj m)
{
    enum { UNSIGNED = 13 }; // module_augment_kernel_taints() (kernel/module/main.c) says so of all
    uint64_t taints;
    uint8_t is_signed;

    return eg_get(&is_signed, m, module_signed) && !is_signed &&
           eg_get(&taints, m, module.taints) && !(taints >> UNSIGNED & 1);
}

struct eg_cell linux_module_refs(struct eg_run *r, struct eg_obj m)
{
    enum { MODULE_REF_BASE = 1 };
    int32_t refs;

    (void)r;
    if (!eg_get(&refs, m, module_refcnt))
        return eg_val(m, module_refcnt);
    return eg_int((int64_t)refs - MODULE_REF_BASE);
}

enum { USERS_MAX = 256 };

/* @return false: there are enough. */
static bool add_name(struct eg_run *r, struct eg_obj m, const char **text, unsigned *n,
                     const char *name)
{
    if ((*n)++ == USERS_MAX) {
        eg_note(r, "the module at %#llx: only its first %d users are named",
                (unsigned long long)m.addr, USERS_MAX);
        return false;
    }
    *text = eg_strf(r, "%s%s%s", *text, **text ? "," : "", name ? name : "?");
    return true;
}

struct eg_cell linux_module_users(struct eg_run *r, struct eg_obj m)
{
    const char *text = "";
    struct eg_obj use;
    uint64_t init, leave;
    unsigned n = 0;

    eg_each_list(use, eg_at(m, module.source_list), module_use.source_list)
        if (!add_name(r, m, &text, &n,
                      eg_string(r, eg_at(use, module_use.source, module.name), 64)))
            break;
    if (eg_get(&init, m, module.init) && init && eg_get(&leave, m, module.exit) && !leave)
        text = eg_strf(r, "%s%s[permanent]", text, *text ? "," : "");
    return eg_text(text);
}

struct eg_cell linux_module_uses(struct eg_run *r, struct eg_obj m)
{
    const char *text = "";
    struct eg_obj use;
    unsigned n = 0;

    if (!eg_has(r, module.target_list))
        return (struct eg_cell){ 0 };
    eg_each_list(use, eg_at(m, module.target_list), module_use.target_list)
        if (!add_name(r, m, &text, &n,
                      eg_string(r, eg_at(use, module_use.target, module.name), 64)))
            break;
    return eg_text(text);
}

/* ---- who uses whom, kept by the system ---- */

struct use {
    const char *user, *used;
};
struct uses {
    EG_VEC(struct use) at; // sorted
    struct eg_arena arena;
};

static const char *kept_name(struct eg_run *r, struct uses *u, struct eg_obj m)
{
    const char *name = eg_string(r, eg_at(m, module.name), 64);

    return name ? eg_arena_strndup(&u->arena, name, strlen(name)) : NULL;
}

static int by_names(const void *a, const void *b)
{
    const struct use *x = a, *y = b;
    const int first = strcmp(x->user, y->user);

    return first ? first : strcmp(x->used, y->used);
}

static bool find_uses(struct eg_system *sys, struct eg_run *r, void *kept)
{
    enum { USES_MAX = 1 << 16 };
    struct uses *u = kept;
    struct eg_obj m, use;

    (void)sys;
    if (!eg_has(r, module.list) || !eg_has(r, module.target_list))
        return true;
    linux_each_module(r, m) {
        const char *user = kept_name(r, u, m);

        if (!user)
            continue;
        eg_each_list(use, eg_at(m, module.target_list), module_use.target_list) {
            const char *used = kept_name(r, u, eg_deref(eg_at(use, module_use.target)));
            struct use *new = used && u->at.n < USES_MAX ? eg_vec_push(&u->at) : NULL;

            if (new)
                *new = (struct use){ user, used };
        }
    }
    if (u->at.n)
        qsort(u->at.at, u->at.n, sizeof *u->at.at, by_names);
    return !eg_stopped(r);
}

static void forget_uses(void *kept)
{
    struct uses *u = kept;

    eg_vec_fini(&u->at);
    eg_arena_fini(&u->arena);
}

static const struct eg_cache uses = { sizeof(struct uses), find_uses, forget_uses };

bool linux_uses_module(struct eg_run *r, const char *user, const char *used)
{
    const struct uses *u = eg_system_cache(eg_system_of(r), r, &uses);
    const struct use asked = { user, used };

    return u && u->at.n && bsearch(&asked, u->at.at, u->at.n, sizeof asked, by_names);
}

struct eg_cell linux_module_signed(struct eg_run *r, struct eg_obj m)
{
    return eg_has(r, module_signed) ? eg_val(m, module_signed) : (struct eg_cell){ 0 };
}

struct eg_cell linux_module_state(struct eg_run *r, struct eg_obj m)
{
    struct eg_obj at = eg_at(m, module.state);
    const char *name;
    uint32_t state;

    (void)r;
    if (!eg_load(&state, at))
        return eg_cell_of(at);
    name = eg_constant_name(linux_module_states, state);
    return name ? eg_text(name) : eg_missing(EG_BAD_VALUE, at.addr);
}

EG_FUNCTION(module_base) = {
    .os = "linux",
    .help = "where a module's code begins",
    .args = "module",
    .returns = "integer",
    .cell = linux_module_base,
};

EG_FUNCTION(module_size) = {
    .os = "linux",
    .help = "bytes of a module's code and data",
    .args = "module",
    .returns = "integer",
    .cell = linux_module_size,
};
