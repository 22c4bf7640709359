/* memory.c - bytes of the kernel, of processes and of physical memory, for scripts. */
#include "../core/search.h"
#include "bind.h"
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { READ_MAX = 16 << 20, WINDOW = 1 << 20, OVERLAP = 64 << 10, MATCH_STEPS = 1000000 };

/** What could not be read, for functions that give nil and why. */
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

    luaL_argcheck(L, len >= 0 && len <= max, at, "is too long");
    script_charge(L, (uint64_t)len / 64);
    return (size_t)len;
}

/** eg.read(space, address, length): a string, all or nothing. */
static int read_(lua_State *L)
{
    struct eg_view *v = eg_view_of(script_of(L)->run);
    struct eg_space *as = script_check_space(L, 1);
    const uint64_t addr = script_check_address(L, 2);
    const size_t len = check_length(L, 3, READ_MAX);
    luaL_Buffer b;
    char *to = luaL_buffinitsize(L, &b, len);

    if (!eg_read(v, as, addr, to, len))
        return fail_at(L, v);
    luaL_pushresultsize(&b, len);
    return 1;
}

/** eg.read_some(space, address, length): holes as zeros, and how many bytes were there. */
static int read_some(lua_State *L)
{
    struct eg_view *v = eg_view_of(script_of(L)->run);
    struct eg_space *as = script_check_space(L, 1);
    const uint64_t addr = script_check_address(L, 2);
    const size_t len = check_length(L, 3, READ_MAX);
    luaL_Buffer b;
    char *to = luaL_buffinitsize(L, &b, len);
    const size_t got = eg_read_some(v, as, addr, to, len, NULL);

    luaL_pushresultsize(&b, len);
    lua_pushinteger(L, (lua_Integer)got);
    return 2;
}

/** eg.uint(space, address [, size]): an integer of the machine's byte order. */
static int read_uint(lua_State *L)
{
    struct script *s = script_of(L);
    const struct eg_model *m = &eg_binding_of(s->run)->model;
    struct eg_view *v = eg_view_of(s->run);
    struct eg_space *as = script_check_space(L, 1);
    const uint64_t addr = script_check_address(L, 2);
    const lua_Integer size = luaL_optinteger(L, 3, m->ptr_size);
    const uint8_t *p;

    luaL_argcheck(L, size == 1 || size == 2 || size == 4 || size == 8, 3, "1, 2, 4 or 8");
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
    const uint64_t addr = script_check_address(L, 2);
    const lua_Integer max = luaL_optinteger(L, 3, 4096);

    luaL_argcheck(L, max > 0 && max <= READ_MAX, 3, "is too long");
    return script_push_text(L, as, addr, (size_t)max) ? 1
                                                      : fail_at(L, eg_view_of(script_of(L)->run));
}

static int physical(lua_State *L)
{
    script_push_space(L, eg_physical(script_of(L)->run));
    return 1;
}

/** eg.process(task): the memory of a task's process; nil of a kernel thread. */
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

/** eg.translate(space, address): the same place in physical memory; nil and why. */
static int translate(lua_State *L)
{
    struct script *s = script_of(L);
    struct eg_view *v = eg_view_of(s->run);
    uint64_t to;

    if (!eg_translate(v, script_check_space(L, 1), script_check_address(L, 2), eg_physical(s->run),
                      &to))
        return fail_at(L, v);
    lua_pushinteger(L, (lua_Integer)to);
    return 1;
}

/* ---- scans ---- */

/** What is looked for, and how far we are. */
struct scan {
    struct eg_space *as;
    uint64_t next, last; // where the search goes on
    bool ended;
    const char *bytes;
    size_t n_bytes;
    pcre2_code *code;
    pcre2_match_data *found;
    pcre2_match_context *limits;
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

/** The first match in @p[0, @len). @return false: none. */
static bool find_in(lua_State *L, struct scan *s, const uint8_t *p, size_t len, size_t *at,
                    size_t *n)
{
    const PCRE2_SIZE *ends;
    int rc;

    if (!s->code) {
        const uint8_t *hit = memmem(p, len, s->bytes, s->n_bytes);

        *at = hit ? (size_t)(hit - p) : 0;
        *n = s->n_bytes;
        return hit;
    }
    rc = pcre2_match(s->code, p, len, 0, PCRE2_NOTEMPTY, s->found, s->limits);
    if (rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_HEAPLIMIT)
        luaL_error(L, "the pattern needs too many steps");
    if (rc < 0)
        return false;
    ends = pcre2_get_ovector_pointer(s->found);
    *at = ends[0];
    *n = ends[1] - ends[0];
    return *n;
}

/** The next hit: its address and the bytes. */
static int scan_next(lua_State *L)
{
    struct scan *s = lua_touserdata(L, lua_upvalueindex(1));
    struct eg_view *v = eg_view_of(script_of(L)->run);
    struct eg_extent x;

    while (!s->ended && eg_next_mapped(v, s->as, s->next, s->last, &x)) {
        const uint64_t from = EG_MAX(s->next, x.start);
        const size_t want = (size_t)EG_MIN(s->last - from, (uint64_t)(WINDOW + OVERLAP) - 1) + 1;
        char *window;
        size_t len, at, n;

        script_charge(L, WINDOW / 1024);
        if (x.zero) {
            s->ended = x.last >= s->last;
            s->next = x.last + 1;
            continue;
        }
        window = lua_newuserdatauv(L, want, 0);
        for (len = 0; len < want;) { // as far as there is no hole
            size_t part = want - len;
            const uint8_t *p = eg_map_some(v, s->as, from + len, &part);

            if (!p)
                break;
            memcpy(window + len, p, part);
            len += part;
        }
        if (!len) {
            s->ended = s->last - from < EG_VIEW_PAGE;
            s->next = (from | (EG_VIEW_PAGE - 1)) + 1;
            lua_pop(L, 1);
            continue;
        }
        if (find_in(L, s, (const uint8_t *)window, len, &at, &n) && (at < WINDOW || len < want)) {
            s->ended = s->last - from - at < 1;
            s->next = from + at + 1;
            lua_pushinteger(L, (lua_Integer)(from + at));
            lua_pushlstring(L, window + at, n);
            return 2;
        }
        lua_pop(L, 1);
        at = len == want && want > WINDOW ? WINDOW : len;
        s->ended = s->last - from < at;
        s->next = from + at;
    }
    return 0;
}

static void compile(lua_State *L, struct scan *s, const char *pattern, size_t len)
{
    PCRE2_UCHAR text[256];
    PCRE2_SIZE at;
    int error;

    s->code = pcre2_compile((PCRE2_SPTR)pattern, len, PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UTF,
                            &error, &at, NULL);
    if (!s->code) {
        pcre2_get_error_message(error, text, sizeof text);
        luaL_error(L, "pattern: %s at its byte %d", (const char *)text, (int)at);
    }
    s->found = pcre2_match_data_create_from_pattern(s->code, NULL);
    s->limits = pcre2_match_context_create(NULL);
    if (!s->found || !s->limits)
        luaL_error(L, "out of memory");
    pcre2_set_match_limit(s->limits, MATCH_STEPS);
    pcre2_set_heap_limit(s->limits, 16 << 10);
}

/** eg.scan(space, {bytes = "…"} or {regex = "…"} [, first [, last]]) */
static int scan(lua_State *L)
{
    struct eg_space *as = script_check_space(L, 1);
    const uint64_t first = lua_isnoneornil(L, 3) ? 0 : script_check_address(L, 3);
    const uint64_t last = lua_isnoneornil(L, 4) ? as->last : script_check_address(L, 4);
    const char *bytes, *regex;
    size_t n_bytes, n_regex;
    struct scan *s;

    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_argcheck(L, first <= last, 4, "is before the first");
    lua_settop(L, 2);
    lua_getfield(L, 2, "bytes");
    lua_getfield(L, 2, "regex");
    bytes = luaL_optlstring(L, 3, NULL, &n_bytes);
    regex = luaL_optlstring(L, 4, NULL, &n_regex);
    luaL_argcheck(L, !bytes != !regex, 2, "bytes or regex is wanted, one of them");
    luaL_argcheck(L, !bytes || (n_bytes && n_bytes <= OVERLAP), 2, "1 to 65536 bytes");
    s = lua_newuserdatauv(L, sizeof *s, 1);
    *s = (struct scan){ .as = as, .next = first, .last = last, .bytes = bytes, .n_bytes = n_bytes };
    luaL_setmetatable(L, "eg.scan");
    lua_pushvalue(L, 3); // the bytes live as long as the scan
    lua_setiuservalue(L, -2, 1);
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
