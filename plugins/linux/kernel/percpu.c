/* percpu.c - per-CPU variables and the CPUs that have them. */
#include "percpu.h"
#include "../state.h"

EG_FIELDS(cpumask, bits);
EG_SYMBOL(__cpu_online_mask, "cpumask");

struct eg_obj linux_percpu(struct eg_run *r, struct eg_obj variable, unsigned cpu)
{
    const struct linux_state *s = linux_state(eg_system_of(r));

    if (variable.why)
        return variable;
    if (!s->percpu_offset || cpu >= s->n_cpus)
        return eg_bad(variable, EG_NO_SYMBOL, 0);
    // A symbol is an offset or an address of the image; __per_cpu_offset[] fits the one in use.
    variable.addr += s->percpu_offset[cpu];
    return variable;
}

bool linux_next_cpu(struct eg_run *r, unsigned *cpu)
{
    const struct linux_state *s = linux_state(eg_system_of(r));
    struct eg_obj online = eg_at(eg_sym(r, __cpu_online_mask), cpumask.bits);
    unsigned next = *cpu + 1;

    // Without the mask: all that the kernel has made room for.
    if (!online.why)
        next = (unsigned)eg_next_bit(online, next, s->n_cpus);
    if (next >= s->n_cpus)
        return false;
    *cpu = next;
    return true;
}

unsigned linux_cpus_online(struct eg_run *r)
{
    struct eg_obj mask = eg_index(eg_at(eg_sym(r, __cpu_online_mask), cpumask.bits), 0);
    unsigned n = 0, cpu = ~0u;
    uint64_t word;

    if (!eg_load(&word, mask)) // a kernel with room for one runs on that
        return linux_state(eg_system_of(r))->n_cpus == 1;
    while (linux_next_cpu(r, &cpu))
        n++;
    return n;
}

struct cpu_walk {
    bool begun;
    unsigned cpu;
};

static bool next_cpu(struct eg_run *r, struct cpu_walk *w)
{
    if (!w->begun)
        w->cpu = ~0u;
    w->begun = true;
    return linux_next_cpu(r, &w->cpu);
}

static bool next_number(struct eg_run *r, struct eg_obj arg, void *state, struct eg_cell *out)
{
    struct cpu_walk *w = state;

    (void)arg;
    if (!next_cpu(r, w))
        return false;
    *out = eg_uint(w->cpu);
    return true;
}

static bool next_percpu(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out)
{
    struct cpu_walk *w = state;

    if (arg.why || !next_cpu(r, w))
        return false;
    *out = linux_percpu(r, arg, w->cpu);
    return true;
}

static bool percpu_of(struct eg_run *r, struct eg_obj arg, uint64_t cpu, struct eg_obj *out)
{
    unsigned online = (unsigned)cpu - 1;

    if (!linux_next_cpu(r, &online) || online != cpu)
        return false;
    *out = linux_percpu(r, arg, online);
    return true;
}

EG_WALKER(cpus) = {
    .os = "linux",
    .help = "the numbers of the CPUs that are online, in order",
    .values = "cpu: integer",
    .state = sizeof(struct cpu_walk),
    .next_values = next_number,
};
EG_WALKER(percpu) = {
    .os = "linux",
    .help = "a per-CPU variable's copies on the CPUs that are online, in order: linux.percpu("
            "eg.symbol(k, \"runqueues\", \"rq\"))",
    .arg = "variable",
    .state = sizeof(struct cpu_walk),
    .next = next_percpu,
    .at = percpu_of,
    .number = "cpu",
    .at_help = "a per-CPU variable's copy on this CPU; nil if no such CPU is online",
};
