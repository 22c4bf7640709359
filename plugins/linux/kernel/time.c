/* time.c - the kernel's clocks as they stood: struct timekeeper (kernel/time/timekeeping.c). */
#include "time.h"
#include "../../../core/cache.h"
#include "../state.h"

EG_FIELDS(timekeeper, xtime_sec, offs_real, offs_boot);
EG_FIELD_AS(tk_wtm_sec, timekeeper, "wall_to_monotonic.tv_sec");
EG_FIELD_AS(tk_wtm_nsec, timekeeper, "wall_to_monotonic.tv_nsec");
EG_FIELD_AS(tk_nsec, timekeeper, "tkr_mono.xtime_nsec");
EG_FIELD_AS(tk_shift, timekeeper, "tkr_mono.shift");
EG_FIELD_AS(tk_clock, timekeeper, "tkr_mono.clock");
EG_FIELDS(clocksource, list, mult, name, shift);
EG_SYMBOL(clocksource_jiffies, "clocksource");
EG_SYMBOL(jiffies_64, "u64");
EG_SYMBOL_AS(tk_core, "tk_core|timekeeper_data", "u8"); // an array since 6.17, its first the core's

enum { NSEC = 1000000000 };

/* A timekeeper says one thing twice: offs_real is wall_to_monotonic negated. Nothing else does. */
static bool is_timekeeper(struct eg_obj tk, int64_t *real)
{
    int64_t sec, nsec, ns;

    return eg_get(real, tk, timekeeper.offs_real) && *real && eg_get(&sec, tk, tk_wtm_sec) &&
           eg_get(&nsec, tk, tk_wtm_nsec) && !__builtin_mul_overflow(sec, NSEC, &ns) &&
           !__builtin_add_overflow(ns, nsec, &ns) && *real == (int64_t)(0 - (uint64_t)ns);
}

/* In a kernel whose symbols name functions only (no CONFIG_KALLSYMS_ALL): anywhere in its image. */
static uint64_t search(struct eg_run *r, const struct linux_state *s)
{
    const uint64_t earliest = UINT64_C(1000000000000000000); // 2001: nothing smaller is tried
    const uint64_t member = eg_offset(r, timekeeper.offs_real);
    const bool big = eg_binding_of(r)->model.big_endian;
    int64_t real;

    for (uint64_t at = s->image_start; at < s->image_end && !eg_stopped(r); at += 8) {
        const uint8_t *p = eg_bytes(eg_view_of(r), eg_kernel(r), at, 8);

        if (!p)
            at += EG_VIEW_PAGE - at % EG_VIEW_PAGE - 8;
        else if (eg_load_(p, 8, big) - earliest < INT64_MAX - earliest &&
                 is_timekeeper(eg_object(r, timekeeper, at - member), &real))
            return at - member;
    }
    return 0;
}

static bool find(struct eg_system *sys, struct eg_run *r, void *kept)
{
    uint64_t *at = kept;

    *at = search(r, linux_state(sys));
    return *at || !eg_stopped(r); // a search that was stopped is not over
}

static const struct eg_cache place = { .size = sizeof(uint64_t), .make = find };

/* It follows a sequence counter, whose size depends on the lock debugging of the build. */
static bool find_timekeeper(struct eg_run *r, struct eg_obj *tk, int64_t *real, int64_t *boot)
{
    struct eg_obj core = eg_sym(r, tk_core);
    const uint64_t *at;

    if (!eg_has(r, timekeeper.offs_real))
        return false;
    for (uint64_t off = 0; !core.why && off <= 128; off += 4) {
        *tk = eg_object(r, timekeeper, core.addr + off);
        if (is_timekeeper(*tk, real))
            return eg_get(boot, *tk, timekeeper.offs_boot);
    }
    if (!core.why || !(at = eg_system_cache(eg_system_of(r), r, &place)))
        return false;
    *tk = eg_object(r, timekeeper, *at);
    return is_timekeeper(*tk, real) && eg_get(boot, *tk, timekeeper.offs_boot);
}

bool linux_boot_time(struct eg_run *r, int64_t *ns)
{
    struct eg_obj tk;
    int64_t real, boot;

    return find_timekeeper(r, &tk, &real, &boot) && !__builtin_sub_overflow(real, boot, ns);
}

bool linux_now(struct eg_run *r, int64_t *wall_ns, int64_t *boottime_ns)
{
    struct eg_obj tk;
    int64_t real, boot, wall, up;
    uint64_t sec, nsec;
    uint32_t shift;

    if (!find_timekeeper(r, &tk, &real, &boot) || !eg_get(&sec, tk, timekeeper.xtime_sec) ||
        !eg_get(&nsec, tk, tk_nsec) || !eg_get(&shift, tk, tk_shift) || shift > 63 ||
        __builtin_mul_overflow(sec, NSEC, &wall) ||
        __builtin_add_overflow(wall, nsec >> shift, &wall) ||
        __builtin_sub_overflow(wall, real, &up) || __builtin_add_overflow(up, boot, &up))
        return false;
    *wall_ns = wall;
    *boottime_ns = up;
    return true;
}

/* ---- times in the kernel's memory ---- */

/* The clock that counts jiffies: by its symbol, or on the list of all clocks, which the one that is
 * in use leads to. */
static struct eg_obj jiffies_clock(struct eg_run *r)
{
    struct eg_obj clock = eg_sym(r, clocksource_jiffies), tk, used, found;
    int64_t real, boot;

    if (!clock.why || !find_timekeeper(r, &tk, &real, &boot))
        return clock;
    used = eg_deref(eg_at(tk, tk_clock));
    eg_each_list(found, eg_at(used, clocksource.list), clocksource.list) {
        const char *name = eg_string(r, eg_at(found, clocksource.name), 16);

        if (name && !__builtin_strcmp(name, "jiffies"))
            clock = found;
    }
    return clock;
}

/* A jiffy in ns: what that clock multiplies by (kernel/time/jiffies.c). */
bool linux_jiffy(struct eg_run *r, int64_t *ns)
{
    struct eg_obj clock = jiffies_clock(r);
    uint32_t mult, shift;

    if (!eg_get(&mult, clock, clocksource.mult) || !eg_get(&shift, clock, clocksource.shift) ||
        shift > 31 || !(mult >> shift))
        return false;
    *ns = mult >> shift;
    return true;
}

bool linux_jiffies(struct eg_run *r, uint64_t *now, int64_t *ns)
{
    return linux_jiffy(r, ns) && eg_load(now, eg_sym(r, jiffies_64));
}

/* The last tick is both the clock's and the counter's. @value is as wide as the machine's long. */
static bool wall_of_jiffies(struct eg_run *r, uint64_t value, int64_t *wall)
{
    const unsigned unused = 64 - 8 * eg_binding_of(r)->model.long_size;
    int64_t now, up, ns, ticks;
    uint64_t at;

    if (!linux_now(r, &now, &up) || !linux_jiffy(r, &ns) || !eg_load(&at, eg_sym(r, jiffies_64)))
        return false;
    ticks = (int64_t)((value - at) << unused) >> unused;
    return !__builtin_mul_overflow(ticks, ns, &ticks) && !__builtin_add_overflow(now, ticks, wall);
}

struct eg_cell linux_wall_of(struct eg_run *r, enum linux_clock clock, struct eg_obj o)
{
    int64_t real, boot, value, wall;
    struct eg_obj tk;

    if (o.why || !eg_load(&value, o))
        return eg_cell_of(o);
    if (clock == LINUX_JIFFIES)
        return wall_of_jiffies(r, (uint64_t)value, &wall) ? eg_int(wall)
                                                          : eg_missing(EG_NO_SYMBOL, 0);
    if (!find_timekeeper(r, &tk, &real, &boot))
        return eg_missing(EG_NO_SYMBOL, 0);
    if ((clock == LINUX_BOOTTIME && __builtin_sub_overflow(real, boot, &real)) ||
        __builtin_add_overflow(value, real, &wall))
        return eg_missing(EG_BAD_VALUE, o.addr);
    return eg_int(wall);
}

#define WALL_OF(name, clock, what)                                                                 \
    static struct eg_cell wall_of_##name##_(struct eg_run *r, struct eg_obj o) {                   \
        return linux_wall_of(r, clock, o);                                                         \
    } EG_FUNCTION(wall_of_##name) = {                                                              \
        .os = "linux",                                                                             \
        .help = "the wall time of a member that counts " what,                                     \
        .args = "member",                                                                          \
        .returns = "time",                                                                         \
        .cell = wall_of_##name##_,                                                                 \
    }
WALL_OF(boottime, LINUX_BOOTTIME, "ns since boot: eg.at(task, \"start_boottime\")");
WALL_OF(monotonic, LINUX_MONOTONIC, "ns since boot without sleep: a ktime_t of eg.at()");
WALL_OF(jiffies, LINUX_JIFFIES, "jiffies: eg.at(timer, \"expires\")");

/* ---- the same by name ---- */

static struct eg_cell boot_time(struct eg_run *r, const struct eg_obj *args, unsigned n)
{
    int64_t ns;

    (void)args, (void)n;
    return linux_boot_time(r, &ns) ? eg_int(ns) : eg_missing(EG_NO_SYMBOL, 0);
}

EG_FUNCTION(boot_time) = {
    .os = "linux",
    .help = "when the machine was started: ns since 1970 UTC",
    .args = "",
    .returns = "time",
    .needs = EG_NEEDS(timekeeper.offs_real),
    .call = boot_time,
};

static struct eg_cell now(struct eg_run *r, const struct eg_obj *args, unsigned n)
{
    int64_t wall, up;

    (void)args, (void)n;
    return linux_now(r, &wall, &up) ? eg_int(wall) : eg_missing(EG_NO_SYMBOL, 0);
}

EG_FUNCTION(now) = {
    .os = "linux",
    .help = "the clock when the image was taken: ns since 1970 UTC",
    .args = "",
    .returns = "time",
    .call = now,
};
