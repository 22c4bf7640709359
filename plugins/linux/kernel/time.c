/* time.c - the kernel's clocks as they stood: struct timekeeper (kernel/time/timekeeping.c). */
#include "../linux.h"
#include "../state.h"

EG_FIELDS(timekeeper, xtime_sec, offs_real, offs_boot);
EG_FIELD_AS(tk_wtm_sec, timekeeper, "wall_to_monotonic.tv_sec");
EG_FIELD_AS(tk_wtm_nsec, timekeeper, "wall_to_monotonic.tv_nsec");
EG_FIELD_AS(tk_nsec, timekeeper, "tkr_mono.xtime_nsec");
EG_FIELD_AS(tk_shift, timekeeper, "tkr_mono.shift");
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

static struct eg_obj searched(struct eg_run *r)
{
    struct linux_state *s = linux_state(eg_system_of(r));
    uint64_t at;

    pthread_mutex_lock(&s->lock);
    at = s->timekeeper;
    pthread_mutex_unlock(&s->lock);
    if (!at) {
        at = search(r, s);
        pthread_mutex_lock(&s->lock);
        if (at || !eg_stopped(r)) // one that was stopped was not in vain
            s->timekeeper = at ? at : 1;
        pthread_mutex_unlock(&s->lock);
    }
    return eg_object(r, timekeeper, at > 1 ? at : 0);
}

/* It follows a sequence counter, whose size depends on the lock debugging of the build. */
static bool find_timekeeper(struct eg_run *r, struct eg_obj *tk, int64_t *real, int64_t *boot)
{
    struct eg_obj core = eg_sym(r, tk_core);

    if (!eg_has(r, timekeeper.offs_real))
        return false;
    for (uint64_t off = 0; !core.why && off <= 128; off += 4) {
        *tk = eg_object(r, timekeeper, core.addr + off);
        if (is_timekeeper(*tk, real))
            return eg_get(boot, *tk, timekeeper.offs_boot);
    }
    *tk = core.why ? searched(r) : *tk;
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
