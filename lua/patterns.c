/* patterns.c - find, match, gmatch and gsub with Lua's patterns (manual, 6.4.1), whose steps are
 * charged. Lua's own versions take exponential time on some patterns, and no hook runs inside
 * them. */
#include "parts.h"
#include <ctype.h>

enum { CAPTURES_MAX = 32, DEPTH_MAX = 200, STEPS_PER_CHARGE = 4096 };
enum { POSITION = -2, OPEN = -1 }; // values of len that are not a length

struct matcher {
    lua_State *L;
    const char *src, *src_end, *pattern_end;
    int n_captures, depth;
    size_t steps; // not charged yet
    struct {
        const char *at;
        ptrdiff_t len;
    } captures[CAPTURES_MAX];
};

static const char *match_here(struct matcher *m, const char *s, const char *p);

static void spend(struct matcher *m, size_t steps)
{
    m->steps += steps;
    if (m->steps < STEPS_PER_CHARGE)
        return;
    script_charge(m->L, m->steps);
    m->steps = 0;
}

/** The end of the single item at @p: a character, %x, or a [set]. */
static const char *item_end(struct matcher *m, const char *p)
{
    if (*p == '%') {
        if (p + 1 == m->pattern_end)
            luaL_error(m->L, "malformed pattern (ends with '%%')");
        return p + 2;
    }
    if (*p != '[')
        return p + 1;
    p++;
    if (p < m->pattern_end && *p == '^')
        p++;
    do { // a ] right at the start stands for itself
        if (p == m->pattern_end)
            luaL_error(m->L, "malformed pattern (missing ']')");
        if (*p++ == '%') {
            if (p == m->pattern_end)
                luaL_error(m->L, "malformed pattern (missing ']')");
            p++;
        }
    } while (p == m->pattern_end || *p != ']');
    return p + 1;
}

static bool in_class(unsigned char c, char class)
{
    bool in;

    switch (tolower((unsigned char)class)) {
    case 'a':
        in = isalpha(c);
        break;
    case 'c':
        in = iscntrl(c);
        break;
    case 'd':
        in = isdigit(c);
        break;
    case 'g':
        in = isgraph(c);
        break;
    case 'l':
        in = islower(c);
        break;
    case 'p':
        in = ispunct(c);
        break;
    case 's':
        in = isspace(c);
        break;
    case 'u':
        in = isupper(c);
        break;
    case 'w':
        in = isalnum(c);
        break;
    case 'x':
        in = isxdigit(c);
        break;
    case 'z': // deprecated since Lua 5.2, still accepted
        in = !c;
        break;
    default:
        return class == (char)c;
    }
    return isupper((unsigned char)class) ? !in : in;
}

/** [set] from @p to its ] at @end - 1. */
static bool in_set(unsigned char c, const char *p, const char *end)
{
    const bool negated = p[1] == '^';
    bool in = false;

    p += negated ? 2 : 1;
    for (end--; p < end && !in;) {
        if (*p == '%') {
            in = in_class(c, p[1]);
            p += 2;
        } else if (p[1] == '-' && p + 2 < end) {
            in = (unsigned char)p[0] <= c && c <= (unsigned char)p[2];
            p += 3;
        } else {
            in = (unsigned char)*p++ == c;
        }
    }
    return in != negated;
}

static bool one(struct matcher *m, const char *s, const char *p, const char *end)
{
    spend(m, 1);
    if (s >= m->src_end)
        return false;
    switch (*p) {
    case '.':
        return true;
    case '%':
        return in_class((unsigned char)*s, p[1]);
    case '[':
        return in_set((unsigned char)*s, p, end);
    }
    return *p == *s;
}

/** %bxy */
static const char *balanced(struct matcher *m, const char *s, const char *p)
{
    int open = 1;

    if (m->pattern_end - p < 2)
        luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
    if (s >= m->src_end || *s != p[0])
        return NULL;
    while (++s < m->src_end) {
        spend(m, 1);
        if (*s == p[1] && --open == 0)
            return s + 1;
        if (*s == p[0] && p[0] != p[1])
            open++;
    }
    return NULL;
}

/** Greedy: as many repetitions as possible, then fewer, until the rest matches. */
static const char *most(struct matcher *m, const char *s, const char *p, const char *end)
{
    ptrdiff_t n = 0;

    while (one(m, s + n, p, end))
        n++;
    for (; n >= 0; n--) {
        const char *rest = match_here(m, s + n, end + 1);

        if (rest)
            return rest;
    }
    return NULL;
}

static const char *fewest(struct matcher *m, const char *s, const char *p, const char *end)
{
    for (;; s++) {
        const char *rest = match_here(m, s, end + 1);

        if (rest || !one(m, s, p, end))
            return rest;
    }
}

static const char *capture(struct matcher *m, const char *s, const char *p, ptrdiff_t what)
{
    const char *rest;

    if (m->n_captures == CAPTURES_MAX)
        luaL_error(m->L, "too many captures");
    m->captures[m->n_captures].at = s;
    m->captures[m->n_captures++].len = what;
    rest = match_here(m, s, p);
    if (!rest)
        m->n_captures--;
    return rest;
}

static const char *end_capture(struct matcher *m, const char *s, const char *p)
{
    const char *rest;
    int i = m->n_captures - 1;

    while (i >= 0 && m->captures[i].len != OPEN)
        i--;
    if (i < 0)
        luaL_error(m->L, "invalid pattern capture");
    m->captures[i].len = s - m->captures[i].at;
    rest = match_here(m, s, p);
    if (!rest)
        m->captures[i].len = OPEN;
    return rest;
}

/** %1: the same text as a capture. */
static const char *again(struct matcher *m, const char *s, char digit)
{
    const int i = digit - '1';
    size_t len;

    if (i < 0 || i >= m->n_captures || m->captures[i].len == OPEN)
        luaL_error(m->L, "invalid capture index %%%d", i + 1);
    if (m->captures[i].len == POSITION)
        return NULL;
    len = (size_t)m->captures[i].len;
    spend(m, len / 16);
    return len <= (size_t)(m->src_end - s) && !memcmp(s, m->captures[i].at, len) ? s + len : NULL;
}

/** %f[set]: a frontier; the bytes before the first and after the last count as NUL. */
static bool frontier(struct matcher *m, const char *s, const char *p, const char *end)
{
    const unsigned char before = s == m->src ? 0 : (unsigned char)s[-1];
    const unsigned char here = s == m->src_end ? 0 : (unsigned char)*s;

    return !in_set(before, p, end) && in_set(here, p, end);
}

/** Match an item that cannot be repeated and move *@p past it. @return false if the item can be
 * repeated. */
static bool special(struct matcher *m, const char **s, const char **p, bool *done)
{
    const char *end;

    *done = false;
    if (**p == '(') {
        *done = true;
        *s = (*p)[1] == ')' && *p + 1 < m->pattern_end ? capture(m, *s, *p + 2, POSITION)
                                                       : capture(m, *s, *p + 1, OPEN);
        return true;
    }
    if (**p == ')') {
        *done = true;
        *s = end_capture(m, *s, *p + 1);
        return true;
    }
    if (**p == '$' && *p + 1 == m->pattern_end) {
        *done = true;
        *s = *s == m->src_end ? *s : NULL;
        return true;
    }
    if (**p != '%' || *p + 1 == m->pattern_end)
        return false;
    switch ((*p)[1]) {
    case 'b':
        *s = balanced(m, *s, *p + 2);
        *p += 4;
        return true;
    case 'f':
        *p += 2;
        if (*p == m->pattern_end || **p != '[')
            luaL_error(m->L, "missing '[' after '%%f' in pattern");
        end = item_end(m, *p);
        *s = frontier(m, *s, *p, end) ? *s : NULL;
        *p = end;
        return true;
    }
    if (!isdigit((unsigned char)(*p)[1]))
        return false;
    *s = again(m, *s, (*p)[1]);
    *p += 2;
    return true;
}

/** @return the end of the match of the whole pattern @p at @s; NULL if there is none. */
static const char *match_here(struct matcher *m, const char *s, const char *p)
{
    if (++m->depth > DEPTH_MAX)
        luaL_error(m->L, "pattern too complex");
    while (s && p < m->pattern_end) {
        const char *end, *rest;
        bool done;
        char repeat;

        if (special(m, &s, &p, &done)) {
            if (done)
                break;
            continue;
        }
        end = item_end(m, p);
        repeat = end < m->pattern_end ? *end : 0;
        if (repeat == '*' || repeat == '-') {
            s = repeat == '*' ? most(m, s, p, end) : fewest(m, s, p, end);
            break;
        }
        if (repeat == '+') {
            s = one(m, s, p, end) ? most(m, s + 1, p, end) : NULL;
            break;
        }
        if (repeat == '?') {
            rest = one(m, s, p, end) ? match_here(m, s + 1, end + 1) : NULL;
            if (rest) {
                s = rest;
                break;
            }
            p = end + 1;
            continue;
        }
        s = one(m, s, p, end) ? s + 1 : NULL;
        p = end;
    }
    m->depth--;
    return s;
}

static struct matcher begin(lua_State *L, const char *s, size_t len, const char *p, size_t n)
{
    return (struct matcher){ .L = L, .src = s, .src_end = s + len, .pattern_end = p + n };
}

static const char *try_at(struct matcher *m, const char *s, const char *p)
{
    m->n_captures = m->depth = 0;
    spend(m, 1);
    return match_here(m, s, p);
}

/* ---- captures as values ---- */

static void push_capture(struct matcher *m, int i, const char *s, const char *e)
{
    if (i >= m->n_captures) {
        if (i)
            luaL_error(m->L, "invalid capture index %%%d", i + 1);
        lua_pushlstring(m->L, s, (size_t)(e - s));
    } else if (m->captures[i].len == POSITION) {
        lua_pushinteger(m->L, m->captures[i].at - m->src + 1);
    } else if (m->captures[i].len == OPEN) {
        luaL_error(m->L, "unfinished capture");
    } else {
        lua_pushlstring(m->L, m->captures[i].at, (size_t)m->captures[i].len);
    }
}

/** Push all captures, or the whole match if there are none and @whole. @return how many. */
static int push_captures(struct matcher *m, const char *s, const char *e, bool whole)
{
    const int n = m->n_captures || !whole ? m->n_captures : 1;

    luaL_checkstack(m->L, n, "too many captures");
    for (int i = 0; i < n; i++)
        push_capture(m, i, s, e);
    return n;
}

/** Convert the init argument of string.find, which counts from 1, or from the end if negative, to
 * an offset; greater than @len if it is past the end. */
static size_t start_of(lua_Integer init, size_t len)
{
    if (init > 0)
        return (size_t)init - 1;
    if (!init || init < -(lua_Integer)len)
        return 0;
    return len + (size_t)init;
}

static bool is_plain(const char *p, size_t n)
{
    static const char special_ones[] = "^$*+?.([%-";

    for (size_t i = 0; i < n; i++)
        if (memchr(special_ones, p[i], sizeof special_ones - 1))
            return false;
    return true;
}

static int find_or_match(lua_State *L, bool find)
{
    size_t len, n;
    const char *s = luaL_checklstring(L, 1, &len), *p = luaL_checklstring(L, 2, &n);
    const size_t from = start_of(luaL_optinteger(L, 3, 1), len);
    struct matcher m = begin(L, s, len, p, n);
    bool anchored;

    if (from > len) {
        luaL_pushfail(L);
        return 1;
    }
    if (find && (lua_toboolean(L, 4) || is_plain(p, n))) {
        const char *hit = n ? memmem(s + from, len - from, p, n) : s + from;

        script_charge(L, (len - from) / 16);
        if (!hit) {
            luaL_pushfail(L);
            return 1;
        }
        lua_pushinteger(L, hit - s + 1);
        lua_pushinteger(L, hit - s + (lua_Integer)n);
        return 2;
    }
    anchored = n && *p == '^';
    p += anchored;
    for (const char *at = s + from; at <= m.src_end; at++) {
        const char *end = try_at(&m, at, p);

        if (end && find) {
            lua_pushinteger(L, at - s + 1);
            lua_pushinteger(L, end - s);
            return push_captures(&m, at, end, false) + 2;
        }
        if (end)
            return push_captures(&m, at, end, true);
        if (anchored)
            break;
    }
    luaL_pushfail(L);
    return 1;
}

static int find(lua_State *L)
{
    return find_or_match(L, true);
}

static int match(lua_State *L)
{
    return find_or_match(L, false);
}

/** Upvalues: the text, the pattern, the next offset, the end of the last match (-1: none yet). */
static int gmatch_next(lua_State *L)
{
    size_t len, n;
    const char *s = lua_tolstring(L, lua_upvalueindex(1), &len);
    const char *p = lua_tolstring(L, lua_upvalueindex(2), &n);
    const lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
    struct matcher m = begin(L, s, len, p, n);

    for (const char *at = s + lua_tointeger(L, lua_upvalueindex(3)); at <= m.src_end; at++) {
        const char *end = try_at(&m, at, p);

        if (!end || end - s == last)
            continue;
        lua_pushinteger(L, end - s);
        lua_copy(L, -1, lua_upvalueindex(3));
        lua_replace(L, lua_upvalueindex(4));
        return push_captures(&m, at, end, true);
    }
    return 0;
}

static int gmatch(lua_State *L)
{
    size_t len;
    size_t from;

    luaL_checklstring(L, 1, &len);
    luaL_checkstring(L, 2);
    from = start_of(luaL_optinteger(L, 3, 1), len);
    lua_settop(L, 2);
    lua_pushinteger(L, (lua_Integer)EG_MIN(from, len + 1));
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, gmatch_next, 4);
    return 1;
}

/** The replacement text of gsub: %0 to %9, %%. */
static void add_template(struct matcher *m, luaL_Buffer *b, const char *s, const char *e)
{
    size_t n;
    const char *t = lua_tolstring(m->L, 3, &n);

    for (size_t i = 0; i < n; i++) {
        if (t[i] != '%') {
            luaL_addchar(b, t[i]);
            continue;
        }
        i++;
        if (i < n && t[i] == '%') {
            luaL_addchar(b, '%');
        } else if (i < n && t[i] == '0') {
            luaL_addlstring(b, s, (size_t)(e - s));
        } else if (i < n && isdigit((unsigned char)t[i])) {
            push_capture(m, t[i] - '1', s, e);
            luaL_tolstring(m->L, -1, NULL);
            lua_remove(m->L, -2);
            luaL_addvalue(b);
        } else {
            luaL_error(m->L, "invalid use of '%%' in replacement string");
        }
    }
}

/** Append the replacement of the match [@s, @e). */
static void replace(struct matcher *m, luaL_Buffer *b, const char *s, const char *e, int type)
{
    lua_State *L = m->L;

    if (type == LUA_TSTRING || type == LUA_TNUMBER) {
        add_template(m, b, s, e);
        return;
    }
    if (type == LUA_TTABLE) {
        push_capture(m, 0, s, e);
        lua_gettable(L, 3);
    } else {
        lua_pushvalue(L, 3);
        lua_call(L, push_captures(m, s, e, true), 1);
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(b, s, (size_t)(e - s));
    } else if (!lua_isstring(L, -1)) {
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    } else {
        luaL_addvalue(b);
    }
}

static int gsub(lua_State *L)
{
    size_t len, n;
    const char *s = luaL_checklstring(L, 1, &len), *p = luaL_checklstring(L, 2, &n), *last = NULL;
    const int type = lua_type(L, 3);
    const lua_Integer max = luaL_optinteger(L, 4, (lua_Integer)len + 1);
    const bool anchored = n && *p == '^';
    struct matcher m = begin(L, s, len, p, n);
    lua_Integer count = 0;
    luaL_Buffer b;

    luaL_argexpected(L,
                     type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TTABLE ||
                         type == LUA_TFUNCTION,
                     3, "string/function/table");
    p += anchored;
    luaL_buffinit(L, &b);
    while (count < max) {
        const char *end = try_at(&m, s, p);

        if (end && end != last) {
            count++;
            replace(&m, &b, s, end, type);
            s = last = end;
        } else if (s < m.src_end) {
            luaL_addchar(&b, *s++);
        } else {
            break;
        }
        if (anchored)
            break;
    }
    luaL_addlstring(&b, s, (size_t)(m.src_end - s));
    luaL_pushresult(&b);
    lua_pushinteger(L, count);
    return 2;
}

void script_add_patterns(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "find", find }, { "gmatch", gmatch }, { "gsub", gsub }, { "match", match }, { NULL, NULL }
    };

    luaL_setfuncs(L, functions, 0);
}
