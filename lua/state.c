/* state.c - the limits of a script: memory, steps, time. When one is reached, the script cannot
 * continue. */
#include "state.h"
#include <stdlib.h>
#include <time.h>

enum {
    HOOK_EVERY = 1000,
    LARGE = 1 << 16,
    LONG = 1 << 20, // bytes of a string: one instruction may process all of it
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

struct script *script_of(lua_State *L)
{
    return *(struct script **)lua_getextraspace(L);
}

/* ---- limits ---- */

static void hook(lua_State *L, lua_Debug *at);

static void *allocate(void *context, void *p, size_t old, size_t new)
{
    struct script *s = context;
    void *to;

    if (!p) { // then `old` is the kind of object (lua_Alloc)
        if (old == LUA_TSTRING)
            s->longest = EG_MAX(s->longest, new);
        old = 0;
    }
    if (!new) {
        free(p);
        s->used -= old;
        return NULL;
    }
    if (new > old &&new - old > s->limits.memory - EG_MIN(s->used, s->limits.memory))
        return NULL;
    to = realloc(p, new);
    if (to)
        s->used += new - old;
    // Filling a large block takes time without instructions: check the clock soon.
    if (to && new >= LARGE && s->running)
        lua_sethook(s->running, hook, LUA_MASKCOUNT, 1);
    return to;
}

const char *script_end_text(const struct script *s, char out[160])
{
    const unsigned long long memory = s->limits.memory, output = s->limits.output;

    switch (s->end) {
    case SCRIPT_NO_MEMORY:
        snprintf(out, 160, "the script needs more than %llu KiB of memory (--script-memory)",
                 memory >> 10);
        break;
    case SCRIPT_NO_OUTPUT:
        snprintf(out, 160, "the script writes more than %llu KiB of files", output >> 10);
        break;
    case SCRIPT_NO_STEPS:
        snprintf(out, 160, "the script did not end within %llu steps",
                 (unsigned long long)s->limits.steps);
        break;
    case SCRIPT_NO_TIME:
        snprintf(out, 160, "the script did not end within %u second%s (--script-seconds)",
                 s->limits.seconds, s->limits.seconds == 1 ? "" : "s");
        break;
    default:
        snprintf(out, 160, "the script was stopped");
    }
    return out;
}

/** Instructions between two checks of the clock: fewer if long strings exist. */
static int hook_every(const struct script *s)
{
    return s->longest < LONG ? HOOK_EVERY
                             : EG_MAX(1, (int)(HOOK_EVERY * (size_t)LONG / s->longest));
}

/** End the script: from now on the hook raises an error at every instruction. */
void script_leave(lua_State *L, enum script_end end)
{
    struct script *s = script_of(L);
    char text[160];

    if (s->end == SCRIPT_GOES_ON)
        s->end = end;
    lua_sethook(L, hook, LUA_MASKCOUNT, 1);
    luaL_error(L, "%s", script_end_text(s, text));
    abort(); // it does not return
}

static enum script_end end_of(const struct script *s)
{
    if (s->end != SCRIPT_GOES_ON)
        return s->end;
    if (s->steps > s->limits.steps)
        return SCRIPT_NO_STEPS;
    if (now_ns() > s->deadline)
        return SCRIPT_NO_TIME;
    return s->run && eg_stopped(s->run) ? SCRIPT_STOPPED : SCRIPT_GOES_ON;
}

bool script_is_over(const struct script *s)
{
    return end_of(s) != SCRIPT_GOES_ON;
}

static void check(lua_State *L)
{
    struct script *s = script_of(L);
    const enum script_end end = end_of(s);

    s->unchecked = 0;
    if (end != SCRIPT_GOES_ON)
        script_leave(L, end);
}

static void hook(lua_State *L, lua_Debug *at)
{
    struct script *s = script_of(L);
    const int every = hook_every(s);

    (void)at;
    s->steps += (uint64_t)lua_gethookcount(L);
    if (lua_gethookcount(L) != every && s->end == SCRIPT_GOES_ON)
        lua_sethook(L, hook, LUA_MASKCOUNT, every);
    check(L);
}

void script_charge(lua_State *L, uint64_t n)
{
    struct script *s = script_of(L);

    s->steps += n;
    s->unchecked += n;
    if (s->unchecked >= HOOK_EVERY || s->end != SCRIPT_GOES_ON)
        check(L);
}

/** The message of an error from C, without its C file and line. */
static const char *words_of(const char *error)
{
    const char *place = strstr(error, ".c:"), *words = place ? strstr(place, ": ") : NULL;

    return words && !memchr(error, ' ', (size_t)(words - error)) ? words + 2 : error;
}

void script_check_run(lua_State *L)
{
    struct eg_run *r = script_of(L)->run;
    const int status = r->status;

    if (!status)
        return;
    if (status != -EG_EFORMAT && status != -EG_EUSAGE)
        script_leave(L, SCRIPT_STOPPED);
    r->status = 0;
    luaL_error(L, "%s", words_of(r->error));
}

void script_pass_on(lua_State *L, int status)
{
    struct script *s = script_of(L);

    if (status == LUA_ERRMEM && s->end == SCRIPT_GOES_ON)
        script_leave(L, SCRIPT_NO_MEMORY);
    if (s->end != SCRIPT_GOES_ON)
        script_leave(L, s->end);
}

/* ---- life ---- */

struct script *script_new(struct eg_run *run, const struct script_limits *limits)
{
    struct script *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->run = run;
    s->limits = *limits;
    s->deadline = now_ns() + limits->seconds * UINT64_C(1000000000);
    s->L = lua_newstate(allocate, s);
    if (!s->L) {
        free(s);
        return NULL;
    }
    *(struct script **)lua_getextraspace(s->L) = s;
    s->running = s->L;
    lua_sethook(s->L, hook, LUA_MASKCOUNT, HOOK_EVERY);
    return s;
}

void script_renew(struct script *s)
{
    if (s->end == SCRIPT_NO_MEMORY)
        lua_gc(s->L, LUA_GCCOLLECT);
    s->end = SCRIPT_GOES_ON;
    s->steps = s->unchecked = s->written = 0;
    s->deadline = now_ns() + s->limits.seconds * UINT64_C(1000000000);
    s->running = s->L;
    lua_sethook(s->L, hook, LUA_MASKCOUNT, HOOK_EVERY);
}

void script_close(struct script *s)
{
    if (!s)
        return;
    if (s->end == SCRIPT_GOES_ON)
        s->end = SCRIPT_STOPPED; // so that no __close of the script runs
    lua_sethook(s->L, hook, LUA_MASKCOUNT, 1);
    lua_close(s->L);
    free(s->text);
    free(s);
}
