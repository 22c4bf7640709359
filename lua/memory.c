/* memory.c - bytes of the kernel, of processes and of physical memory, for scripts. */
#include "../core/search.h"
#include "cursor.h"
#include "parts.h"
#include "space.h"
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { READ_MAX = 16 << 20, WINDOW = 1 << 20, OVERLAP = 64 << 10, MATCH_STEPS = 1000000 };

/** Return nil and the reason of the last failed read. */
static int fail_at(lua_State *L, const struct eg_view *v)
{
    char text[96];
    const struct eg_value bad = { .tag = EG_V_BAD, .why = (enum eg_why)v->why, .u = v->why_addr };

    lua_pushnil(L);
    lua_pushstring(L, eg_bad_text(&bad, text));
    return 2;
}

static size_t check_length(lua_State *L, int at, lua_Integer max)
{
    const lua_Integer len = luaL_checkinteger(L, at);

    luaL_argcheck(L, len >= 0 && len <= max, at, "length is negative or too large");
    script_charge(L, (uint64_t)len / 64);
    return (size_t)len;
}

/** Read the arguments space, address, length. @whole: all bytes or none. */
static int read_bytes(lua_State *L, bool whole)
{
    struct eg_view *v = eg_view_of(script_of(L)->run);
    struct eg_space *as = script_check_space(L, 1);
    const uint64_t addr = script_check_address(L, as, 2);
    const size_t len = check_length(L, 3, READ_MAX);
    luaL_Buffer b;
    char *to = luaL_buffinitsize(L, &b, len);
    size_t got = len;

    if (!whole)
        got = eg_read_some(v, as, addr, to, len, NULL);
    else if (!eg_read(v, as, addr, to, len))
        return fail_at(L, v);
    luaL_pushresultsize(&b, len);
    if (whole)
        return 1;
    lua_pushinteger(L, (lua_Integer)got);
    return 2;
}

/** eg.read(space, address, length): all bytes as a string, or nil and the reason. */
static int read_(lua_State *L)
{
    return read_bytes(L, true);
}

/** eg.read_some(space, address, length): bytes with zeros for holes, and how many could be read. */
static int read_some(lua_State *L)
{
    return read_bytes(L, false);
}

/** eg.uint(space, address [, size]): an integer in the machine's byte order. */
static int read_uint(lua_State *L)
{
    struct script *s = script_of(L);
    const struct eg_model *m = &eg_binding_of(s->run)->model;
    struct eg_view *v = eg_view_of(s->run);
    struct eg_space *as = script_check_space(L, 1);
    const uint64_t addr = script_check_address(L, as, 2);
    const lua_Integer size = luaL_optinteger(L, 3, m->ptr_size);
    const uint8_t *p;

    luaL_argcheck(L, size == 1 || size == 2 || size == 4 || size == 8, 3, "1, 2, 4 or 8 expected");
    p = eg_bytes(v, as, addr, (size_t)size);
    if (!p)
        return fail_at(L, v);
    lua_pushinteger(L, (lua_Integer)eg_load_(p, (unsigned)size, m->big_endian));
    return 1;
}

/** eg.cstring(space, address [, max]) */
static int cstring(lua_State *L)
{
    struct eg_space *as = script_check_space(L, 1);
    const uint64_t addr = script_check_address(L, as, 2);
    const lua_Integer max = luaL_optinteger(L, 3, 4096);

    luaL_argcheck(L, max > 0 && max <= READ_MAX, 3, "1 to 16777216 expected");
    return script_push_text(L, as, addr, (size_t)max) ? 1
                                                      : fail_at(L, eg_view_of(script_of(L)->run));
}

static int physical(lua_State *L)
{
    script_check_space(L, 1);
    script_push_space(L, eg_physical(script_of(L)->run));
    return 1;
}

/** eg.process(task): the memory of a task's process; nil for a kernel thread. */
static int process(lua_State *L)
{
    struct script *s = script_of(L);
    const struct eg_os *os = s->run->sys->os;
    const struct eg_obj task = *script_check_cursor(L, 1);
    struct eg_space *as = os && os->memory ? os->memory->process(s->run, task) : NULL;

    if (as)
        script_push_space(L, as);
    else
        lua_pushnil(L);
    return 1;
}

/** eg.translate(space, address): the physical address, or nil and the reason. */
static int translate(lua_State *L)
{
    struct script *s = script_of(L);
    struct eg_view *v = eg_view_of(s->run);
    struct eg_space *as = script_check_space(L, 1);
    uint64_t to;

    if (!eg_translate(v, as, script_check_address(L, as, 2), eg_physical(s->run), &to))
        return fail_at(L, v);
    lua_pushinteger(L, (lua_Integer)to);
    return 1;
}

/* ---- scans ---- */

/** A scan: its pattern and its position. */
struct scan {
    struct eg_space *as;
    uint64_t next, last; // the next window begins at next; last is inclusive
    bool ended;
    const char *bytes;
    size_t n_bytes;
    pcre2_code *code;
    pcre2_match_data *found;
    pcre2_match_context *limits;
    struct script *script;
    unsigned callouts;
    uint64_t at;     // address of the window
    size_t len, pos; // its length; where in it the search continues
    bool more;       // memory continues after it
    uint8_t *window;
};

static int scan_gc(lua_State *L)
{
    struct scan *s = lua_touserdata(L, 1);

    pcre2_match_context_free(s->limits);
    pcre2_match_data_free(s->found);
    pcre2_code_free(s->code);
    s->limits = NULL;
    s->found = NULL;
    s->code = NULL;
    return 0;
}

/** Called by PCRE2 at every step of a match: charges for it, because some patterns take very
 * long. */
static int callout(pcre2_callout_block *block, void *context)
{
    struct scan *s = context;

    (void)block;
    if (++s->callouts % 4096)
        return 0;
    s->script->steps += 4096;
    return script_is_over(s->script) ? PCRE2_ERROR_CALLOUT : 0;
}

/** Find the first match in the window at or after pos. @return false if there is none. */
static bool find_in(lua_State *L, struct scan *s, size_t *at, size_t *n)
{
    PCRE2_UCHAR text[256];
    const PCRE2_SIZE *ends;
    int rc;

    if (!s->code) {
        const uint8_t *hit = memmem(s->window + s->pos, s->len - s->pos, s->bytes, s->n_bytes);

        *at = hit ? (size_t)(hit - s->window) : 0;
        *n = s->n_bytes;
        return hit;
    }
    rc = pcre2_match(s->code, s->window, s->len, s->pos, PCRE2_NOTEMPTY, s->found, s->limits);
    script_charge(L, 100);
    if (rc == PCRE2_ERROR_CALLOUT)
        script_charge(L, MATCH_STEPS);
    if (rc == PCRE2_ERROR_NOMATCH)
        return false;
    if (rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_HEAPLIMIT)
        luaL_error(L, "pattern: needs too many steps");
    if (rc < 0) {
        pcre2_get_error_message(rc, text, sizeof text);
        luaL_error(L, "pattern: %s", (const char *)text);
    }
    ends = pcre2_get_ovector_pointer(s->found);
    *at = ends[0];
    *n = ends[1] > ends[0] ? ends[1] - ends[0] : 0; // after \K the start may be behind the end
    return true;
}

/** Fill the window from next on, as far as there is no hole. @return false: there is no more. */
static bool next_window(lua_State *L, struct scan *s)
{
    struct eg_view *v = eg_view_of(script_of(L)->run);
    struct eg_extent x;

    while (!s->ended && eg_next_mapped(v, s->as, s->next, s->last, &x)) {
        const uint64_t from = EG_MAX(s->next, x.start);
        size_t want;

        script_charge(L, WINDOW / 1024);
        if (from > s->last)
            break;
        if (x.zero) {
            s->ended = x.last >= s->last;
            s->next = x.last + 1;
            continue;
        }
        want = (size_t)EG_MIN(s->last - from, (uint64_t)(WINDOW + OVERLAP) - 1) + 1;
        s->at = from;
        s->pos = 0;
        for (s->len = 0; s->len < want;) {
            size_t part = want - s->len;
            const uint8_t *p = eg_map_some(v, s->as, from + s->len, &part);

            if (!p)
                break;
            memcpy(s->window + s->len, p, part);
            s->len += part;
        }
        if (!s->len) { // mapped, but not readable
            s->ended = (from | (EG_VIEW_PAGE - 1)) >= s->last;
            s->next = (from | (EG_VIEW_PAGE - 1)) + 1;
            continue;
        }
        s->more = s->len == WINDOW + OVERLAP;
        s->ended = s->last - from < (s->more ? WINDOW : s->len);
        s->next = from + (s->more ? WINDOW : s->len);
        return true;
    }
    return false;
}

/** The next hit: its address and the bytes. */
static int scan_next(lua_State *L)
{
    struct scan *s = lua_touserdata(L, lua_upvalueindex(1));
    size_t at, n;

    while (s->pos < s->len || next_window(L, s)) {
        // A match that begins at or after WINDOW is complete in the next window.
        if (find_in(L, s, &at, &n) && (at < WINDOW || !s->more)) {
            s->pos = at + 1;
            if (s->pos >= WINDOW && s->more)
                s->pos = s->len;
            if (!n)
                continue;
            lua_pushinteger(L, (lua_Integer)(s->at + at));
            lua_pushlstring(L, (const char *)s->window + at, n);
            return 2;
        }
        s->pos = s->len;
    }
    return 0;
}

static void compile(lua_State *L, struct scan *s, const char *pattern, size_t len)
{
    PCRE2_UCHAR text[256];
    PCRE2_SIZE at;
    int error;

    s->code = pcre2_compile((PCRE2_SPTR)pattern, len,
                            PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP |
                                PCRE2_AUTO_CALLOUT,
                            &error, &at, NULL);
    if (!s->code) {
        pcre2_get_error_message(error, text, sizeof text);
        luaL_error(L, "pattern: %s at byte %d", (const char *)text, (int)at);
    }
    s->found = pcre2_match_data_create_from_pattern(s->code, NULL);
    s->limits = pcre2_match_context_create(NULL);
    if (!s->found || !s->limits)
        luaL_error(L, "out of memory");
    pcre2_set_match_limit(s->limits, MATCH_STEPS);
    pcre2_set_heap_limit(s->limits, 16 << 10);
    pcre2_set_callout(s->limits, callout, s);
}

/** The last address to scan by default. Page tables of a process also map the kernel in the upper
 * half: a scan of a process covers the lower half only. */
static uint64_t end_of(lua_State *L, const struct eg_space *as)
{
    struct eg_run *r = script_of(L)->run;
    const bool process = as != eg_kernel(r) && as != eg_physical(r);

    return process && as->last == UINT64_MAX ? INT64_MAX : as->last;
}

/** eg.scan(space, {bytes = "…"} or {regex = "…"} [, first [, last]]) */
static int scan(lua_State *L)
{
    struct eg_space *as = script_check_space(L, 1);
    const uint64_t first = lua_isnoneornil(L, 3) ? 0 : script_check_address(L, as, 3);
    const uint64_t last = lua_isnoneornil(L, 4) ? end_of(L, as) : script_check_address(L, as, 4);
    const char *bytes, *regex;
    size_t n_bytes, n_regex;
    struct scan *s;

    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_argcheck(L, first <= last, 4, "last is before first");
    lua_settop(L, 2);
    lua_getfield(L, 2, "bytes");
    lua_getfield(L, 2, "regex");
    bytes = luaL_optlstring(L, 3, NULL, &n_bytes);
    regex = luaL_optlstring(L, 4, NULL, &n_regex);
    luaL_argcheck(L, !bytes != !regex, 2, "either bytes or regex expected");
    luaL_argcheck(L, !bytes || (n_bytes && n_bytes <= OVERLAP), 2, "1 to 65536 bytes expected");
    luaL_argcheck(L, !regex || n_regex <= 4096, 2, "pattern is longer than 4096 bytes");
    s = lua_newuserdatauv(L, sizeof *s, 2);
    *s = (struct scan){ .as = as,
                        .next = first,
                        .last = EG_MIN(last, as->last),
                        .ended = first > as->last,
                        .bytes = bytes,
                        .n_bytes = n_bytes,
                        .script = script_of(L) };
    luaL_setmetatable(L, "eg.scan");
    lua_pushvalue(L, 3); // keeps the bytes alive as long as the scan
    lua_setiuservalue(L, -2, 1);
    s->window = lua_newuserdatauv(L, WINDOW + OVERLAP, 0);
    lua_setiuservalue(L, -2, 2);
    if (regex)
        compile(L, s, regex, n_regex);
    lua_pushcclosure(L, scan_next, 1);
    return 1;
}

void script_add_memory(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "cstring", cstring },     { "physical", physical },   { "process", process },
        { "read", read_ },          { "read_some", read_some }, { "scan", scan },
        { "translate", translate }, { "uint", read_uint },      { NULL, NULL },
    };

    luaL_setfuncs(L, functions, 0);
    luaL_newmetatable(L, "eg.scan");
    lua_pushcfunction(L, scan_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}
