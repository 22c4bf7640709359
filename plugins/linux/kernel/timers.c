/* timers.c - timers that run (kernel/time/timer.c, hrtimer.c). */
#include "timers.h"
#include "../../../core/base.h"
#include "../../../core/system.h"
#include "percpu.h"

EG_FIELDS(timer_base, running_timer, vectors);
EG_FIELD_AS(cpu_clocks, hrtimer_cpu_base, "clock_base");
EG_FIELD_AS(clock_number, hrtimer_clock_base, "clockid");
EG_FIELD_AS(clock_running, hrtimer_clock_base, "running");
EG_FIELD_AS(clock_root, hrtimer_clock_base, "active.rb_root.rb_root|active.rb_root");
EG_FIELD_AS(hrtimer_link, hrtimer, "node.node.node|node.node"); // rb_node_linked since 7.1
EG_SYMBOL(timer_bases, "timer_base");
EG_SYMBOL(hrtimer_bases, "hrtimer_cpu_base");

enum { BASES_MAX = 4, TIMERS_MAX = 1 << 20 }; // NR_BASES is 1, 2 or 3

/* One for timers that need not be exact, and since 6.9 one for those that any CPU may run: as many
 * as there is room for. */
static unsigned bases(struct eg_run *r)
{
    const uint64_t one = eg_size(r, timer_base);
    struct eg_symbol_extent extent = { 0 };
    uint64_t addr, room;

    if (!one || !eg_system_own_symbol(eg_system_of(r), "timer_bases", &addr, &extent) ||
        !(room = extent.size ? extent.size : extent.room))
        return 1;
    return (unsigned)EG_MAX(EG_MIN(room / one, (uint64_t)BASES_MAX), UINT64_C(1));
}

/* The timer whose function runs, which @pointer leads to. @return where it is; 0: there is none. */
static uint64_t running_one(struct eg_run *r, struct eg_obj pointer, struct linux_timer t,
                            linux_timer_fn *each, void *state)
{
    uint64_t at = 0;

    if (!eg_load(&at, pointer) || !at)
        return 0;
    t.at = eg_deref(pointer);
    t.running = true;
    each(r, state, &t);
    return at;
}

static void of_base(struct eg_run *r, struct eg_obj base, unsigned cpu, unsigned *n,
                    linux_timer_fn *each, void *state)
{
    struct eg_obj vectors = eg_at(base, timer_base.vectors), timer;
    struct linux_timer t = { .cpu = cpu };
    const uint64_t running = running_one(r, eg_at(base, timer_base.running_timer), t, each, state);

    for (uint64_t i = 0; i < eg_count(vectors) && !eg_stopped(r); i++)
        eg_each_hlist(timer, eg_index(vectors, i), timer_list.entry) {
            if ((*n)++ >= TIMERS_MAX)
                return;
            t.at = timer;
            if (timer.addr != running)
                each(r, state, &t);
        }
}

void linux_timers(struct eg_run *r, linux_timer_fn *each, void *state)
{
    const struct eg_obj variable = eg_sym(r, timer_bases);
    const unsigned count = bases(r);
    unsigned n = 0;

    if (variable.why) {
        eg_note(r, "timers: timer_bases is not known: a System.map of this kernel (--system-map) "
                   "has it");
        return;
    }
    for (unsigned cpu = ~0u; linux_next_cpu(r, &cpu) && !eg_stopped(r);)
        for (unsigned i = 0; i < count; i++) {
            struct eg_obj base = variable;

            base.addr += i * eg_size(r, timer_base);
            of_base(r, linux_percpu(r, base, cpu), cpu, &n, each, state);
        }
    if (n >= TIMERS_MAX)
        eg_note(r, "timers: only the first %d are looked at", TIMERS_MAX);
}

static void of_clock(struct eg_run *r, struct eg_obj clock, unsigned cpu, unsigned *n,
                     linux_timer_fn *each, void *state)
{
    struct linux_timer t = { .cpu = cpu };
    struct eg_obj timer;
    uint64_t running;

    eg_get(&t.clock, clock, clock_number);
    running = running_one(r, eg_at(clock, clock_running), t, each, state);
    eg_each_rb(timer, eg_at(clock, clock_root), hrtimer_link) {
        if ((*n)++ >= TIMERS_MAX)
            return;
        t.at = timer;
        if (timer.addr != running)
            each(r, state, &t);
    }
}

void linux_hrtimers(struct eg_run *r, linux_timer_fn *each, void *state)
{
    const struct eg_obj variable = eg_sym(r, hrtimer_bases);
    unsigned n = 0;

    if (variable.why) {
        eg_note(r, "timers: hrtimer_bases is not known: a System.map of this kernel "
                   "(--system-map) has it");
        return;
    }
    for (unsigned cpu = ~0u; linux_next_cpu(r, &cpu) && !eg_stopped(r);) {
        struct eg_obj clocks = eg_at(linux_percpu(r, variable, cpu), cpu_clocks);

        for (uint64_t i = 0; i < eg_count(clocks); i++)
            of_clock(r, eg_index(clocks, i), cpu, &n, each, state);
    }
    if (n >= TIMERS_MAX)
        eg_note(r, "hrtimers: only the first %d are looked at", TIMERS_MAX);
}
