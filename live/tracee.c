/* tracee.c - functions, arguments and tasks of a Linux that stands at an event. */
#include "tracee.h"
#include "../core/arch.h"
#include "../core/profile.h"
#include "../core/system.h"
#include "../plugins/linux/kernel/signature.h"
#include "../plugins/linux/kernel/unwind.h"
#include "../plugins/linux/mm/mm.h"
#include "../plugins/linux/sched/cgroup.h"
#include "../plugins/linux/state.h"
#include <inttypes.h>
#include <string.h>

enum { X86 = 62, ARM64 = 183 }; // EM_…
/* Numbers of registers: ORDER eg_arch.registers. System V's and AArch64's conventions. */
static const uint8_t x86_args[] = { 5, 4, 3, 2, 8, 9 }, arm64_args[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
enum { X86_SP = 6, ARM64_LR = 30, ARM64_SP = 31, RESULT = 0 };

EG_SYMBOL(current_task, "task_struct *"); // x86, to 6.1, and since 6.16
EG_SYMBOL(pcpu_hot, "pcpu_hot");          // 6.2 to 6.15
EG_SYMBOL(__entry_task, "task_struct *"); // AArch64: what runs, whatever is in SP_EL0
EG_FIELD_AS(hot_task, pcpu_hot, "current_task");

static uint16_t machine(const struct eg_cpu *c)
{
    return c->arch ? c->arch->elf_machine : 0;
}

/* Addresses of the kernel have the highest bit, with four and five levels of page tables. */
static bool is_kernels(uint64_t address)
{
    return address >> 63;
}

/* ---- functions ---- */

/* NAME.isra.0, NAME.constprop.0.isra.0; not NAME.cold and NAME.part, which are pieces. */
static bool is_clone(const char *name, const char *of, size_t len)
{
    return !strncmp(name, of, len) &&
           (!strncmp(name + len, ".isra.", 6) || !strncmp(name + len, ".constprop.", 11)) &&
           !strstr(name, ".cold") && !strstr(name, ".part");
}

/* Variables have names of functions too, and not every source of symbols says which is which. */
static bool is_code(struct eg_run *r, uint64_t at)
{
    struct eg_extent x;

    eg_extent_at(eg_view_of(r), eg_kernel(r), at, &x);
    return !x.why && x.flags & EG_X_EXEC;
}

/* Where gcc's endbr64 is, a call of its own compilation unit comes in behind it. */
static uint64_t behind_endbr(struct eg_run *r, uint64_t at)
{
    static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
    uint8_t code[sizeof endbr64];

    return eg_system_of(r)->arch->elf_machine == X86 &&
                   eg_read(eg_view_of(r), eg_kernel(r), at, code, sizeof code) &&
                   !memcmp(code, endbr64, sizeof code)
               ? at + sizeof code
               : at;
}

static size_t add(struct eg_run *r, struct tracee_function *out, size_t n, size_t max, uint64_t at,
                  bool clone)
{
    for (size_t i = 0; i < n; i++)
        if (out[i].entry == at)
            return n;
    if (n < max)
        out[n++] = (struct tracee_function){ behind_endbr(r, at), at, clone };
    return n;
}

static size_t find(struct eg_run *r, const struct eg_symbols *s, size_t n_tables, const char *name,
                   bool clones, struct tracee_function *out, size_t n, size_t max)
{
    const size_t len = strlen(name);

    for (size_t t = 0; t < n_tables; t++) {
        const struct eg_profile *p = s[t].profile;
        const struct eg_symbol *found;
        uint32_t iter = 0;

        while (!clones && (found = eg_profile_symbol(p, name, &iter)))
            if (is_code(r, found->addr + s[t].shift))
                n = add(r, out, n, max, found->addr + s[t].shift, false);
        for (uint32_t i = 0; clones && i < p->n_symbols; i++)
            if (is_clone(p->strings + p->symbols[i].name, name, len) &&
                is_code(r, p->symbols[i].addr + s[t].shift))
                n = add(r, out, n, max, p->symbols[i].addr + s[t].shift, true);
    }
    return n;
}

size_t tracee_functions(struct eg_run *r, const char *name, struct tracee_function *out, size_t max)
{
    const struct eg_system *sys = eg_system_of(r);
    uint64_t ignored;
    size_t n = 0;

    for (int clones = 0; clones < 2 && !n; clones++) {
        n = find(r, sys->symbols.at, sys->symbols.n, name, clones, out, n, max);
        if (!n) {
            eg_lookup(r, "?", &ignored); // a name that nothing has: modules' tables are read
            n = find(r, sys->module_symbols.at, sys->module_symbols.n, name, clones, out, n, max);
        }
    }
    return n;
}

uint32_t tracee_prototype(struct eg_run *r, const char *name)
{
    return linux_prototype_type(r, name);
}

/* ---- a call ---- */

const char *tracee_register_name(const struct eg_cpu *c, unsigned i)
{
    for (unsigned k = 0; c->arch && k <= i; k++)
        if (!c->arch->registers[k])
            return NULL;
    return c->arch ? c->arch->registers[i] : NULL;
}

bool tracee_register(const struct eg_cpu *c, const char *name, uint64_t *out)
{
    for (unsigned i = 0; c->arch && i < c->n_regs && c->arch->registers[i]; i++)
        if (!strcmp(c->arch->registers[i], name)) {
            *out = c->regs[i];
            return true;
        }
    return false;
}

unsigned tracee_registers(const struct eg_cpu *c)
{
    return machine(c) == X86 ? countof(x86_args) : machine(c) == ARM64 ? countof(arm64_args) : 0;
}

static uint64_t in_register(const struct eg_cpu *c, unsigned i)
{
    return c->regs[machine(c) == X86 ? x86_args[i] : arm64_args[i]];
}

uint64_t tracee_plain(struct eg_run *r, uint64_t address)
{
    const struct eg_paging *p = &eg_system_of(r)->chosen->paging;

    return p->arch && p->arch->plain ? p->arch->plain(p, address) : address;
}

void tracee_enter(struct eg_run *r, const struct event *ev, bool wants_stack,
                  struct tracee_call *out)
{
    const bool x86 = machine(&ev->state) == X86;
    struct eg_view *v = eg_view_of(r);
    uint64_t sp;

    *out = (struct tracee_call){ .state = ev->state };
    if (!tracee_registers(&ev->state) || ev->state.n_regs <= ARM64_SP * !x86)
        return;
    sp = ev->state.regs[x86 ? X86_SP : ARM64_SP];
    if (x86) { // the call pushed it
        if (!eg_read_u64(v, eg_kernel(r), sp, false, &out->returns_to))
            return;
        sp += 8;
    } else {
        out->returns_to = tracee_plain(r, ev->state.regs[ARM64_LR]);
    }
    out->sp = sp;
    while (wants_stack && out->n_stack < TRACEE_STACK_ARGS &&
           eg_read_u64(v, eg_kernel(r), sp + 8 * out->n_stack, false, &out->stack[out->n_stack]))
        out->n_stack++;
}

/* ---- arguments ---- */

/* Where the parameters are, one after the other: a struct of up to 16 bytes is in one or two
 * registers; a larger one on the stack (System V), or a pointer to it is passed (AArch64). */
struct place {
    uint64_t value;
    bool by_reference, known;
};

static struct place place_of(struct eg_run *r, const struct tracee_call *call, uint32_t prototype,
                             unsigned wanted)
{
    const struct eg_system *sys = eg_system_of(r);
    const unsigned registers = tracee_registers(&call->state);
    unsigned used = 0, stacked = 0;
    struct eg_member_at m;

    for (unsigned i = 0; eg_type_member(&sys->types, prototype, i, &m); i++) {
        const uint64_t size = eg_type_size(&sys->types, m.type, &sys->bind.model);
        const bool large = size > 16;
        unsigned words = size > 8 && !large ? 2 : 1;
        const bool in_memory = large && machine(&call->state) == X86;
        unsigned first;

        if (in_memory)
            words = (unsigned)EG_MIN((size + 7) / 8, (uint64_t)TRACEE_STACK_ARGS);
        if (!in_memory && used + words <= registers) {
            if (i == wanted)
                return (struct place){ in_register(&call->state, used), large, true };
            used += words;
            continue;
        }
        if (machine(&call->state) == ARM64)
            used = registers; // what does not fit ends the registers
        first = stacked;
        stacked += words;
        if (i != wanted)
            continue;
        if (in_memory && first < call->n_stack)
            return (struct place){ call->sp + 8 * first, true, true };
        if (first < call->n_stack)
            return (struct place){ call->stack[first], large, true };
        break;
    }
    return (struct place){ 0 };
}

static uint64_t as_number(uint64_t v, const struct eg_slot *s)
{
    const unsigned unused = s->size && s->size < 8 ? 64 - 8 * s->size : 0;

    v <<= unused;
    return s->kind == EG_K_SINT ? (uint64_t)((int64_t)v >> unused) : v >> unused;
}

/* Is the enum's type signed? Its values say so. */
static bool is_signed(const struct eg_system *sys, const struct eg_slot *s)
{
    return s->kind == EG_K_ENUM &&
           eg_type(&sys->types, eg_type_strip(&sys->types, s->type), NULL)->flags & EG_TF_SIGNED;
}

/* What a pointer with the value @v leads to. */
static void pointed(struct eg_run *r, struct eg_obj task, uint64_t v, uint32_t target,
                    struct tracee_value *out)
{
    struct eg_system *sys = eg_system_of(r);
    const struct eg_type *t = eg_type(&sys->types, eg_type_strip(&sys->types, target), NULL);
    struct eg_space *space = eg_kernel(r);
    struct eg_slot s;

    *out = (struct tracee_value){ .kind = TRACEE_NUMBER, .number = v };
    eg_types_slot(&sys->types, &sys->bind.model, target, &s);
    if (t->kind == EG_T_FUNC || !target || !s.kind || s.kind == EG_K_FUNC)
        return;
    if (v && !is_kernels(v)) { // an address of a program
        space = task.why ? NULL : linux_task_space(r, task);
        if (!space)
            return;
    }
    out->space = space;
    out->at = (struct eg_obj){ .view = eg_view_of(r),
                               .space = space,
                               .bind = eg_binding_of(r),
                               .addr = v,
                               .type = s.type,
                               .size = s.size,
                               .kind = s.kind };
    out->kind = TRACEE_PLACE;
    if (!v)
        out->at = eg_bad(out->at, EG_NULL, 0);
    else if (t->kind == EG_T_INT && t->flags & EG_TF_CHAR)
        out->kind = TRACEE_TEXT;
}

static void typed(struct eg_run *r, struct eg_obj task, struct place p, uint32_t type,
                  struct tracee_value *out)
{
    struct eg_system *sys = eg_system_of(r);
    struct eg_slot s;

    eg_types_slot(&sys->types, &sys->bind.model, type, &s);
    if (p.by_reference) {
        pointed(r, task, p.value, type, out);
    } else if (s.kind == EG_K_PTR) {
        pointed(r, task, p.value, s.type, out);
    } else {
        if (is_signed(sys, &s))
            s.kind = EG_K_SINT;
        *out = (struct tracee_value){ .kind = TRACEE_NUMBER, .number = as_number(p.value, &s) };
    }
}

void tracee_argument(struct eg_run *r, const struct tracee_call *call, struct eg_obj task,
                     uint32_t prototype, unsigned i, struct tracee_value *out)
{
    const struct eg_system *sys = eg_system_of(r);
    struct eg_member_at m;
    struct place p;

    *out = (struct tracee_value){ 0 };
    if (!prototype) {
        if (i < tracee_registers(&call->state))
            *out = (struct tracee_value){ .kind = TRACEE_NUMBER,
                                          .number = in_register(&call->state, i) };
        return;
    }
    if (!eg_type_member(&sys->types, prototype, i, &m))
        return;
    p = place_of(r, call, prototype, i);
    if (p.known)
        typed(r, task, p, m.type, out);
}

void tracee_result(struct eg_run *r, const struct eg_cpu *c, struct eg_obj task, uint32_t prototype,
                   struct tracee_value *out)
{
    const struct eg_system *sys = eg_system_of(r);
    const struct place p = { c->regs[RESULT], false, true };
    const uint32_t type = prototype ? eg_type_ref(&sys->types, prototype) : 0;

    *out = (struct tracee_value){ 0 };
    if (type)
        typed(r, task, p, type, out);
    else if (!prototype)
        *out = (struct tracee_value){ .kind = TRACEE_NUMBER, .number = p.value };
}

/* ---- who ---- */

struct eg_obj tracee_task(struct eg_run *r, const struct event *ev)
{
    struct eg_obj place = { .why = EG_NO_SYMBOL, .view = eg_view_of(r), .bind = eg_binding_of(r) };
    const bool x86 = machine(&ev->state) == X86;
    uint64_t task = ev->task;

    if (!is_kernels(task) && (x86 ? is_kernels(ev->state.gs_base) : ev->state.gs_base)) {
        place = !x86                             ? eg_sym(r, __entry_task)
                : eg_has_symbol(r, current_task) ? eg_sym(r, current_task)
                                                 : eg_at(eg_sym(r, pcpu_hot), hot_task);
        place.addr += ev->state.gs_base; // as __per_cpu_offset[] of this processor
        if (!eg_load(&task, place))
            task = 0;
    }
    return is_kernels(task)
               ? eg_object(r, task_struct, task)
               : eg_bad(place, place.why ? (enum eg_why)place.why : EG_BAD_VALUE, task);
}

unsigned tracee_cpu(struct eg_run *r, const struct event *ev)
{
    const struct linux_state *s = linux_state(eg_system_of(r));

    for (unsigned i = 0; s && s->percpu_offset && ev->state.gs_base && i < s->n_cpus; i++)
        if (s->percpu_offset[i] == ev->state.gs_base)
            return i;
    return ev->cpu;
}

const char *tracee_container(struct eg_run *r, struct eg_obj task)
{
    struct linux_group_names names;
    const char *path, *none = NULL;
    struct eg_obj group;

    if (task.why)
        return NULL;
    linux_each_cgroup(r, task, group)
    {
        if (!(path = linux_cgroup_path(r, group)))
            continue;
        linux_group_names(path, &names);
        if (*names.container)
            return eg_strf(r, "%s", names.container);
        none = "";
    }
    return none;
}

struct tracee_frames {
    struct linux_unwind unwind;
    bool more;
};

const char *tracee_next_frame(struct eg_run *r, struct eg_obj task, struct tracee_frames **w)
{
    struct linux_frame f;
    struct linux_code code;

    if (!*w) {
        *w = eg_tmp(r, sizeof **w);
        (*w)->more = linux_unwind_begin(r, &(*w)->unwind, task);
    }
    if (!(*w)->more || !linux_unwind_next(&(*w)->unwind, &f))
        return NULL;
    if (!linux_code_at(r, f.pc, f.exact, &code))
        return eg_strf(r, "%#" PRIx64, f.pc);
    return eg_strf(r, "%s+%#" PRIx64 "%s%s%s", code.name, code.offset, code.module ? " [" : "",
                   code.module ? code.module : "", code.module ? "]" : "");
}

void tracee_put_state(struct eg_image *img, const struct event *ev)
{
    for (size_t i = 0; i < img->cpus.n; i++) // the others have run on since their last event
        img->cpus.at[i] = (struct eg_cpu){ .arch = ev->state.arch };
    while (img->cpus.n <= ev->cpu && ev->cpu < EVENT_CPUS_MAX) {
        struct eg_cpu *c = eg_vec_push(&img->cpus);

        if (!c)
            return;
        *c = (struct eg_cpu){ .arch = ev->state.arch };
    }
    if (ev->cpu < img->cpus.n)
        img->cpus.at[ev->cpu] = ev->state;
}
