/* signature.c - what functions of the kernel take. */
#include "signature.h"
#include "../../../core/cache.h"
#include "../../../core/map.h"
#include "../../../core/run.h"
#include <inttypes.h>

EG_FIELDS(syscall_metadata, name, nb_args, types, args);
EG_FIELD_AS(first_argument, pt_regs, "orig_x0|orig_a0");
EG_SYMBOL(syscalls_metadata, "void *"); // of pointers to syscall_metadata

/* ---- prototypes ---- */

struct prototypes {
    struct eg_map of; // a hash of the name, several by eg_map_key → index of the type
    bool failed;      // out of memory
};

/* A function of BTF is a type that nothing refers to, with a name and a prototype. */
static bool is_function(const struct eg_profile *p, uint32_t i)
{
    const struct eg_type *t = &p->types[i];

    return t->kind == EG_T_VOID && t->name && t->ref && t->ref < p->n_types &&
           p->types[t->ref].kind == EG_T_FUNC;
}

static void add(struct prototypes *all, const struct eg_profile *p, uint32_t i)
{
    enum { SAME_MAX = 64 };
    const char *name = p->strings + p->types[i].name;
    const uint32_t hash = eg_map_hash(name, strlen(name));

    for (uint32_t n = 0; n < SAME_MAX; n++) {
        const int rc = eg_map_add(&all->of, eg_map_key(hash, n), i);

        all->failed |= rc < 0;
        if (rc)
            return;
    }
}

static bool find(struct eg_system *sys, struct eg_run *r, void *kept)
{
    const struct eg_profile *p = sys->types.n_layers ? sys->types.layers[0].profile : NULL;
    struct prototypes *all = kept;

    for (uint32_t i = 1; p && i < p->n_types && !all->failed && !eg_stopped(r); i++)
        if (is_function(p, i))
            add(all, p, i);
    if (all->failed)
        eg_run_fail(r, EG_ENOMEM, "out of memory for prototypes");
    return !eg_stopped(r);
}

static void forget(void *kept)
{
    eg_map_fini(&((struct prototypes *)kept)->of);
}

static const struct eg_cache prototypes = {
    .size = sizeof(struct prototypes), .make = find, .fini = forget, .lasts = true
};

/* As eg_type_declare, with the names of parameters. */
static const char *declaration(struct eg_run *r, const struct eg_types *ts, uint32_t id,
                               const char *function)
{
    enum { PARAMETERS_MAX = 16 };
    const uint32_t n = eg_type(ts, id, NULL)->count;
    char text[256];
    const char *out;

    if (n > PARAMETERS_MAX ||
        eg_type_declare(ts, eg_type_ref(ts, id), "", text, sizeof text) >= sizeof text)
        return NULL;
    out = eg_strf(r, "%s%s%s(", text, text[strlen(text) - 1] == '*' ? "" : " ", function);
    for (uint32_t i = 0; i < n; i++) {
        struct eg_member_at m;

        if (!eg_type_member(ts, id, i, &m))
            return NULL;
        if (!m.type && i + 1 == n) // of a list that goes on
            memcpy(text, "...", 4);
        else if (eg_type_declare(ts, m.type, m.name ? m.name : "", text, sizeof text) >=
                 sizeof text)
            return NULL;
        out = eg_strf(r, "%s%s%s", out, i ? ", " : "", text);
    }
    return eg_strf(r, "%s%s)", out, n ? "" : "void");
}

uint32_t linux_prototype_type(struct eg_run *r, const char *function)
{
    const struct eg_system *sys = eg_system_of(r);
    const struct prototypes *all = eg_system_cache(eg_system_of(r), r, &prototypes);
    const struct eg_profile *p = sys->types.n_layers ? sys->types.layers[0].profile : NULL;
    const uint32_t hash = eg_map_hash(function, strlen(function));
    uint32_t found = 0;
    uint64_t i;

    for (uint32_t n = 0; all && p && eg_map_get(&all->of, eg_map_key(hash, n), &i); n++) {
        if (strcmp(p->strings + p->types[i].name, function) != 0)
            continue;
        if (found && found != p->types[i].ref)
            return 0;
        found = p->types[i].ref;
    }
    return found;
}

const char *linux_prototype(struct eg_run *r, const char *function)
{
    const uint32_t found = linux_prototype_type(r, function);

    return found ? declaration(r, &eg_system_of(r)->types, found, function) : NULL;
}

/* ---- system calls ---- */

bool linux_syscall(struct eg_run *r, int64_t number, struct linux_syscall *out)
{
    enum { CALLS_MAX = 1024, NAME_MAX_ = 64 };
    struct eg_obj meta;
    uint64_t table, at;

    *out = (struct linux_syscall){ 0 };
    if (number < 0 || number >= CALLS_MAX || !eg_load(&table, eg_sym(r, syscalls_metadata)) ||
        !eg_add(table, 8 * (uint64_t)number, &at) ||
        !eg_read_u64(eg_view_of(r), eg_kernel(r), at, false, &at))
        return false;
    meta = eg_object(r, syscall_metadata, at);
    out->name = eg_string(r, eg_at(meta, syscall_metadata.name), NAME_MAX_);
    if (!out->name || !eg_get(&out->n, meta, syscall_metadata.nb_args) ||
        out->n > LINUX_SYSCALL_ARGS)
        return false;
    for (unsigned i = 0; i < out->n; i++) {
        out->types[i] = eg_string(r, eg_index(eg_at(meta, syscall_metadata.types), i), NAME_MAX_);
        out->args[i] = eg_string(r, eg_index(eg_at(meta, syscall_metadata.args), i), NAME_MAX_);
        if (!out->types[i] || !out->args[i])
            return false;
    }
    return true;
}

/* The convention of system calls: rdi rsi rdx r10 r8 r9; x0 to x5; a0 to a5. The first of the
 * latter two is where the result will be, so that the kernel keeps it twice. */
static bool arguments(struct eg_run *r, const struct linux_regs *user,
                      uint64_t out[LINUX_SYSCALL_ARGS])
{
    enum { X86 = 62, ARM64 = 183, RISCV = 243, RISCV_A0 = 10 };
    static const uint8_t x86[] = { 5, 4, 3, 10, 8, 9 };
    const uint16_t machine = eg_system_of(r)->arch->elf_machine;

    for (unsigned i = 0; i < LINUX_SYSCALL_ARGS; i++)
        out[i] = user->value[machine == X86 ? x86[i] : machine == RISCV ? RISCV_A0 + i : i];
    return machine == X86 || ((machine == ARM64 || machine == RISCV) && eg_has(r, first_argument) &&
                              eg_read_u64(eg_view_of(r), eg_kernel(r),
                                          user->at + eg_offset(r, first_argument), false, out));
}

/* Only pointers, and types that are known to be signed and of 32 bits, are shown as what they are;
 * other registers as the number in them. */
static const char *shown(struct eg_run *r, const char *type, uint64_t value)
{
    static const char *const ints[] = { "int", "pid_t", "clockid_t", "const clockid_t", "key_t" };

    for (size_t i = 0; i < countof(ints); i++)
        if (strcmp(type, ints[i]) == 0)
            return eg_strf(r, "%" PRId32, (int32_t)value);
    if (strcmp(type, "unsigned int") == 0)
        value = (uint32_t)value;
    return strchr(type, '*') || value >> 20 ? eg_strf(r, "%#" PRIx64, value)
                                            : eg_strf(r, "%" PRIu64, value);
}

const char *linux_syscall_arguments(struct eg_run *r, const struct linux_regs *user,
                                    struct linux_syscall *call)
{
    uint64_t value[LINUX_SYSCALL_ARGS];
    const char *text = "";

    if (user->source != LINUX_REGS_ENTRY || user->compat || !user->has_syscall ||
        !linux_syscall(r, user->syscall, call) || !arguments(r, user, value))
        return NULL;
    for (unsigned i = 0; i < call->n; i++)
        text = eg_strf(r, "%s%s%s=%s", text, i ? ", " : "", call->args[i],
                       shown(r, call->types[i], value[i]));
    return text;
}
