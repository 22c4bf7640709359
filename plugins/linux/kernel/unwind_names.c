/* unwind_names.c - names of code as the kernel's traces have them (kernel/kallsyms.c, "%pB"). */
#include "../../../core/system.h"
#include "unwind.h"

EG_SYMBOL(__sched_text_start, "u8");
EG_SYMBOL(__sched_text_end, "u8");
EG_SYMBOL(__lock_text_start, "u8");
EG_SYMBOL(__lock_text_end, "u8");

/* Marks between code and data in modules of AArch64 and RISC-V, and labels of the compiler: no
 * names of functions (include/linux/module_symbol.h). */
static bool is_mark(const char *name)
{
    return !*name || *name == '$' || (name[0] == '.' && name[1] == 'L') ||
           (name[0] == 'L' && name[1] == '0');
}

/* The first of all symbols at the nearest place, as the kernel chooses among several. */
static bool nearest(const struct eg_symbols *s, uint64_t pc, struct linux_code *out)
{
    const struct eg_profile *p = s->profile;
    const uint64_t at = pc - s->shift;
    size_t i = eg_lower_bound(p->n_symbols, k, p->symbols[k].addr <= at), end = i, first;
    uint64_t last = 0;
    unsigned range = 0;

    while (range < s->n_ranges && !(pc >= s->ranges[range].first && pc <= s->ranges[range].last))
        range++;
    if (range == s->n_ranges)
        return false;
    while (i && is_mark(p->strings + p->symbols[i - 1].name))
        i--;
    if (!i || p->symbols[i - 1].addr + s->shift < s->ranges[range].first)
        return false;
    first = --i;
    while (first && p->symbols[first - 1].addr == p->symbols[i].addr)
        first--;
    while (is_mark(p->strings + p->symbols[first].name))
        first++;
    while (end < p->n_symbols && is_mark(p->strings + p->symbols[end].name))
        end++;
    last = s->ranges[range].last;
    if (end < p->n_symbols && p->symbols[end].addr + s->shift <= last)
        last = p->symbols[end].addr + s->shift - 1;
    *out = (struct linux_code){ .name = p->strings + p->symbols[first].name,
                                .module = s->module,
                                .offset = at - p->symbols[first].addr,
                                .size = last + 1 - (p->symbols[first].addr + s->shift) };
    return true;
}

static bool in_tables(const struct eg_symbols *s, size_t n, uint64_t pc, struct linux_code *out)
{
    struct linux_code one;
    bool found = false;

    for (size_t i = 0; i < n; i++)
        if (nearest(&s[i], pc, &one) && (!found || one.offset < out->offset)) {
            *out = one;
            found = true;
        }
    return found;
}

bool linux_code_at(struct eg_run *r, uint64_t pc, bool exact, struct linux_code *out)
{
    struct eg_system *sys = eg_system_of(r);
    const uint64_t at = exact ? pc : pc - 1;
    const struct linux_unwind_tables *t = linux_unwind_tables(r);
    const struct linux_made_code *made = t ? linux_unwind_made(t, at) : NULL;
    uint64_t ignored;

    if (made) {
        *out = (struct linux_code){ .name = made->name,
                                    .offset = pc - made->first,
                                    .size = made->last - made->first + 1 };
        return true;
    }
    if (!in_tables(sys->symbols.at, sys->symbols.n, at, out)) {
        eg_lookup(r, "?", &ignored); // a name that nothing has: modules' tables are read
        if (!in_tables(sys->module_symbols.at, sys->module_symbols.n, at, out))
            return false;
    }
    out->offset += pc - at;
    return true;
}

/* ---- what a thread waits in ---- */

/* Code of the scheduler and of locks, which is where every thread sleeps (in_sched_functions,
 * kernel/sched/core.c; the second range is gone where all locks are inlined). */
static bool in_scheduler(struct eg_run *r, uint64_t pc)
{
    return (eg_has_symbol(r, __sched_text_start) && eg_has_symbol(r, __sched_text_end) &&
            pc >= eg_sym(r, __sched_text_start).addr && pc < eg_sym(r, __sched_text_end).addr) ||
           (eg_has_symbol(r, __lock_text_start) && eg_has_symbol(r, __lock_text_end) &&
            pc >= eg_sym(r, __lock_text_start).addr && pc < eg_sym(r, __lock_text_end).addr);
}

const char *linux_wchan(struct eg_run *r, struct eg_obj task)
{
    struct linux_unwind w;
    struct linux_frame f;
    struct linux_code code;

    if (linux_task_runs(r, task) || !eg_has_symbol(r, __sched_text_start) ||
        !linux_unwind_begin(r, &w, task))
        return NULL;
    while (linux_unwind_next(&w, &f))
        if (!in_scheduler(r, f.pc))
            return linux_code_at(r, f.pc, f.exact, &code) ? code.name : NULL;
    return NULL;
}

EG_FUNCTION(wchan) = {
    .os = "linux",
    .help = "the function of the kernel in which a thread sleeps, as /proc/PID/wchan names it",
    .args = "task",
    .text = linux_wchan,
};

struct frames {
    bool begun, none;
    struct linux_unwind unwind;
};

static bool next_frame(struct eg_run *r, struct eg_obj arg, void *state, struct eg_cell *out)
{
    struct frames *s = state;
    struct linux_frame f;
    struct linux_code code = { 0 };

    if (!s->begun) {
        s->begun = true;
        s->none = !linux_unwind_begin(r, &s->unwind, arg);
    }
    if (s->none || !linux_unwind_next(&s->unwind, &f))
        return false;
    out[0] = eg_uint(f.pc);
    if (linux_code_at(r, f.pc, f.exact, &code)) {
        out[1] = eg_text(code.name);
        out[2] = eg_uint(code.offset);
        out[3] = eg_text(code.module);
    }
    return true;
}

EG_WALKER(kernel_frames) = {
    .os = "linux",
    .help =
        "where a thread stands in the kernel and who called it, innermost first: what kstack shows",
    .arg = "task_struct",
    .values = "address: integer, function: text, offset: integer, module: text",
    .state = sizeof(struct frames),
    .next_values = next_frame,
};
