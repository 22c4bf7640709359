/* lua_test.c - the binding of scripts: values and cursors, the same output from run to run, memory
 * that runs out anywhere, runs that are left in the middle, files of a plugin's own folder. */
#include "../../../lua/annotations.h"
#include "../../../lua/library.h"
#include "check.h"
#include "mkfile.h"
#include "mklua.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Declared for any operating system. */
static struct eg_obj bad_cursor(struct eg_run *r, struct eg_obj o)
{
    (void)r, (void)o;
    return (struct eg_obj){ .why = EG_NULL };
}
EG_FUNCTION(nowhere) = {
    .args = "place", .returns = "item", .help = "a bad cursor", .cursor = bad_cursor
};
static bool two_cells(struct eg_run *r, struct eg_obj arg, void *state, struct eg_cell *out)
{
    bool *ended = state;

    (void)r, (void)arg;
    out[0] = eg_text("key");
    out[1] = eg_missing(EG_NULL, 0);
    return !*ended && (*ended = true);
}
static bool at_seven(struct eg_run *r, struct eg_obj arg, uint64_t number, struct eg_obj *out)
{
    (void)r;
    *out = arg;
    return number == 7;
}
static bool no_item(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out)
{
    (void)r, (void)arg, (void)state, (void)out;
    return false;
}
EG_WALKER(two) = {
    .help = "two values",
    .state = sizeof(bool),
    .next_values = two_cells,
    .values = "key: text, n: integer",
};
EG_WALKER(numbered) = {
    .help = "nothing",
    .arg = "item",
    .next = no_item,
    .at = at_seven,
    .number = "i",
    .at_help = "the seventh",
};

/** What assert() in a body finds wrong ends the test. */
static void body(const char *name, const char *text)
{
    struct eg_error e;

    if (mk_lua_add(name, text, &e))
        fail_msg("%s: %s", name, e.text);
    mk_each_machine(m)
    {
        const struct eg_run_options o = { .quiet = true };
        struct mk *k = mk_lua_new(m);
        struct eg_run_result result;

        mk_lua_run(k, name, &o, &result);
        if (result.status)
            fail_msg("%s: %s", m->name, result.error);
        eg_arena_fini(&result.arena);
        mk_free(k);
    }
}

static void values(void **state)
{
    (void)state;
    body("arrays", "local h = k.head\n"
                   "assert(#h.pairs == 3 and #h.grid == 2 and #h.grid[1] == 4 and #h.bits == 2)\n"
                   "assert(#eg.symbol(k, 'head', 'pair[5]') == 5 and #eg.at(h, 'pairs') == 3)\n"
                   "assert(eg.address_of(h.pairs[2]) == eg.address_of(h.pairs) + 16)\n"
                   "assert(eg.ok(h.pairs[2]) and not eg.ok(h.pairs[3]))\n"
                   "assert(not eg.ok(#k.nobody))\n"
                   "assert(not pcall(function() return #h end))\n"
                   "assert(not pcall(function() return #h.first end))\n"
                   "assert(h.pairs[0]['end'] == 0)");
    body("own_address",
         "local h = k.head\n"
         "assert(eg.address(h.first) == eg.address(h.first.link) and eg.address_of(h, 'first')\n"
         "       == eg.address(h) + eg.offsetof('head', 'first'))\n"
         "assert(eg.address_of(eg.at(h, 'first')) == eg.address_of(h, 'first'))\n"
         "assert(eg.uint(k, eg.address_of(h, 'first')) == eg.address(h.first))\n"
         "assert(eg.address_of(h, 'first.n') == eg.address_of(eg.at(h.first, 'n')))\n"
         "assert(not eg.ok(eg.address_of(k.nobody)) and not eg.ok(eg.address_of(h, 'none')))");
    body(
        "values",
        "local i = k.head.first\n"
        "assert(i.n == 1 and i.big == -1 and i.name == 'item-1' and i.real == 0.0)\n"
        "assert(i.high == 7 and i.low == 0 and i.colour == 5)\n"
        "assert(eg.enum(eg.at(i, 'colour')) == 'GREEN' and eg.at(i, 'name[5]'))\n"
        "assert(eg.enum('GREEN') == i.colour and eg.enum('NO_SUCH') == nil)\n"
        "assert(eg.flags(0x47, {W = 2, R = 1, X = 4}) == 'R|W|X|0x40' and eg.flags(0, {}) == '')\n"
        "assert(eg.flags(-1 << 63, {}) == '0x8000000000000000' and eg.flags(4, {X = 4}) == 'X')\n"
        "assert(not eg.ok(eg.flags(eg.at(i, 'no.such'), {})) and not pcall(eg.flags, 1, {[1] = "
        "1}))\n"
        "assert(i.next.n == 2 and i.next.next.name == 'item-3' and eg.string(i.text) == 'item-1')\n"
        "assert(i == eg.cast(i, 'item') and i ~= i.next and i < i.next or i > i.next)\n"
        "assert(eg.container(i.link.next, 'item', 'link') == i.next)\n"
        "assert(eg.address(i) == eg.address(eg.object(k, 'item', eg.address(i))))\n"
        "assert(eg.sizeof('item') == eg.sizeof(eg.object(k, 'item', i)))\n"
        "assert(eg.has(i, 'n') and not eg.has('item', 'nn') and not eg.has_type('itemm'))\n"
        "assert(#i.bytes == 16 and i.bytes[0] == 0 and not eg.ok(i.bytes[16]))\n"
        "assert(not eg.ok(i.bytes[-1]) and not eg.ok(i.bytes[math.mininteger]))\n"
        "assert(eg.symbol(k, 'head') == k.head and not eg.ok(eg.symbol(k, 'tail')))");
    body("addresses",
         "local head = eg.lookup(k, 'head')\n"
         "assert(eg.address('head') == head and eg.address('head+0x10') == head + 16)\n"
         "assert(eg.address('head+16-8') == head + 8 and eg.address('4K') == 4096)\n"
         "assert(eg.uint(k, 'head+8') == eg.uint(k, head + 8))\n"
         "assert(eg.object(k, 'head', 'head') == k.head and eg.name(k, 'head+1') == 'head+0x1')\n"
         "assert(eg.read(k, ('%016x'):format(head), 4) == eg.read(k, head, 4))\n"
         "local at = eg.translate(k, 'head')\n"
         "assert(eg.read(eg.physical(k), '' .. at, 4) == eg.read(k, head, 4))\n"
         "for _, bad in ipairs { '', 'haed', 'head+', 'head ', 'head,+1', '1-2', 'head\\0', '0x' } "
         "do\n"
         "  assert(not pcall(eg.read, k, bad, 4), bad)\n"
         "end\n"
         "assert(select(2, pcall(eg.read, eg.physical(k), 'head', 4)):find('not possible'))");
    body("declared",
         "local bad, seven = eg_common.nowhere(k.head), eg_common.numbered\n"
         "assert(not eg.ok(bad) and type(eg.type(bad)) == 'string' and not eg.ok(bad.x) and "
         "#tostring(bad) > "
         "2)\n"
         "local n = 0\n"
         "for key, value in eg_common.two(k) do\n"
         "  n = n + 1\n"
         "  assert(key == 'key' and not eg.ok(value) and eg.why(value) == 'null pointer')\n"
         "end\n"
         "assert(n == 1 and seven(k.head, 7) == k.head and seven(k.head, 8) == nil)\n"
         "assert(seven(k.head, -1) == nil and seven(k.head)() == nil)\n"
         "assert(not eg.ok(seven(bad, 7)) and not pcall(seven, k.head, {}))\n"
         "assert(not pcall(eg.note))");
    body("bad_values",
         "local bad = k.head.first.bad\n"
         "assert(eg.ok(bad) and not eg.ok(bad.n) and not eg.ok(bad.next.next.name))\n"
         "assert(eg.why(bad.n) and eg.value(bad.n, 7) == 7 and eg.value(3, 7) == 3)\n"
         "assert(tostring(bad.n):match('^<.*>$'))\n"
         "assert(not eg.read(k, bad, 16) and select(2, eg.read_some(k, bad, 16)) == 0)\n"
         "local last = k.head.first.next.next.next.next\n"
         "assert(last.n == 5 and not eg.ok(last.next.n))\n"
         "for _, f in ipairs { function() return last.nn end, function() return k.nobody.x.y end,\n"
         "                     function() last.n = 1 end, function() return eg.cast(last, 'itemm') "
         "end } do\n"
         "  local ok, why = pcall(f)\n"
         "  assert(ok == (f == nil) or type(why) == 'userdata' or why:match('^bad_values.lua:%d+: "
         "'), why)\n"
         "end");
    body("walks", "local n, bits = 0, {}\n"
                  "for i in eg.list(k.head.list, 'item', 'link') do n = n + i.n end\n"
                  "assert(n == 15)\n"
                  "for bit in eg.bits(eg.at(k.head, 'bits'), 16) do bits[#bits + 1] = bit end\n"
                  "assert(bits[1] == 0 and bits[2] == 7 and #bits == 2)");
}

/** Matches and where they are, at the edges of windows too. */
static void scans(void **state)
{
    (void)state;
    body("scans", "local n, last = 0, 0\n"
                  "for at, bytes in eg.scan(k, { regex = 'item-[0-9]' }) do\n"
                  "  assert(eg.read(k, at, 6) == bytes and (n == 0 or math.ult(last, at)))\n"
                  "  n, last = n + 1, at\n"
                  "end\n"
                  "assert(n == 5, n)\n"
                  "n = 0\n"
                  "for at in eg.scan(k, { bytes = 'item-' }, eg.address(k.head)) do n = n + 1 end\n"
                  "assert(n <= 5)\n"
                  "local name = eg.address(eg.at(k.head.first, 'name'))\n"
                  "local function count(what, first, last)\n"
                  "  local n = 0\n"
                  "  for _ in eg.scan(k, what, first, last) do n = n + 1 end\n"
                  "  return n\n"
                  "end\n"
                  "assert(count({ bytes = 'item-1' }, name, name + 5) == 1)\n"
                  "assert(count({ bytes = 'item-1' }, name, name + 4) == 0)\n"
                  "assert(count({ bytes = 'item-1' }, name + 1, name + 9) == 0)\n"
                  "assert(count({ regex = '[a-z]' }, name, name + 5) == 4)\n"
                  "assert(count({ regex = '\\\\b' }, name, name + 5) == 0)\n"
                  "assert(count({ regex = '(?<=e)m' }, name, name + 5) == 1)\n"
                  "assert(not pcall(eg.scan, k, { regex = '(' }) and not pcall(eg.scan, k, {}))\n"
                  "assert(not pcall(eg.scan, k, { bytes = '' }))");
}

/** Two runs say the same, to the byte. */
static void same_again(void **state)
{
    static const char more[] = "for _ = 1, 50 do row { TEXT = '' .. math.random(1000000) } end\n"
                               "local s = {}\n"
                               "for i = 1, 500 do s[i] = { i % 7, i } end\n"
                               "table.sort(s, function(a, b) return a[1] < b[1] end)\n"
                               "for i = 2, #s do\n"
                               "  assert(s[i - 1][1] < s[i][1] or s[i - 1][2] < s[i][2])\n"
                               "end\n"
                               "row { TEXT = tostring(s):gsub('%d+', '') }";
    struct mk *k = mk_lua_new(&mk_machines[0]);
    struct eg_error e;
    char *a, *b;

    (void)state;
    assert_int_equal(mk_lua_add("same", more, &e), 0);
    assert_int_equal(mk_lua_add("order",
                                "local t = {}\n"
                                "for i = 1, 200 do\n"
                                "  t['key' .. i * 7919 % 1000] = i\n"
                                "  t[i * 31 % 97] = i\n"
                                "  t[i + .5] = i\n"
                                "end\n"
                                "t[true], t[false] = 1, 2\n"
                                "for i in eg.list(k.head.list, 'item', 'link') do t[i] = i.n end\n"
                                "for key, v in pairs(t) do row { TEXT = tostring(key) .. v } end\n"
                                "for key, v in next, t do row { TEXT = tostring(key) .. v } end\n"
                                "row { TEXT = tostring({}) .. tostring(print) .. tostring(k) }\n"
                                "row { TEXT = ('%s %s'):format({}, coroutine.running()) }\n"
                                "print({}, print)",
                                &e),
                     0);
    for (int i = 0; i < 2; i++) {
        a = mk_lua_texts(k, i ? "order" : "same");
        b = mk_lua_texts(k, i ? "order" : "same");
        assert_string_equal(a, b);
        assert_null(strstr(a, "0x5"));
        assert_null(strstr(a, "0x7f"));
        assert_true(strlen(a) > 100);
        free(a);
        free(b);
    }
    mk_free(k);
}

/* ---- failures ---- */

/** A bit of everything. */
static const char everything[] =
    "local t = {}\n"
    "for i in eg.list(k.head.list, 'item', 'link') do\n"
    "  t[#t + 1] = { i = i, name = i.name, s = ('x'):rep(300) }\n"
    "  row { N = i.n, BIG = i.big, ADDR = i, TEXT = i.name, BYTES = i.bytes }\n"
    "end\n"
    "table.sort(t, function(a, b) return a.name > b.name end)\n"
    "for _, m in eg.scan(k, { regex = 'item-(.)' }) do row { TEXT = m } end\n"
    "local co = coroutine.wrap(function(x)\n"
    "  for w in ('a b c'):gmatch('%a') do coroutine.yield(w .. x) end\n"
    "end)\n"
    "row { TEXT = co(1) .. co(2) .. ('%s %d'):format({}, 5) }\n"
    "row { TEXT = ('abc'):gsub('.', function(c) return c:upper() .. t[1].name end) }\n"
    "for key, v in pairs(t[1]) do row { TEXT = key .. tostring(v) } end\n"
    "for key in next, t[1] do row { TEXT = key } end\n"
    "for _, r in ipairs(eg.rows('inner', { n = 1 })) do row { N = r.N } end\n"
    "local f = load('return function(x) return x .. x end')()\n"
    "local c <close> = setmetatable({}, { __close = function() f('y') end })\n"
    "print(xpcall(f, function(e) return e .. '!' end, {}))\n"
    "row { TEXT = f(eg.read(k, k.head, 64)) .. table.concat({ 1, 2 }, ',') }\n"
    "row { TEXT = tostring(k.head.first) .. eg.string(k.head.first.text) }";

static void add_everything(void)
{
    static bool done;
    struct eg_error e;

    if (!done) {
        assert_int_equal(mk_lua_add("everything", everything, &e), 0);
        assert_int_equal(mk_lua_add("inner", "for i = 1, 3 do row { N = i } end", &e), 0);
    }
    done = true;
}

/** Memory runs out at any place: said so, and nothing else. */
static void memory(void **state)
{
    struct mk *k = mk_lua_new(&mk_machines[0]);
    struct eg_run_options o = { .quiet = true, .script_memory = 1024 };
    struct eg_run_result result = { .status = 1 };
    size_t runs = 0;

    (void)state;
    add_everything();
    for (; result.status; o.script_memory += 512 + o.script_memory / 200, runs++) {
        assert_true(o.script_memory < 16 << 20);
        mk_lua_run(k, "everything", &o, &result);
        if (result.status && result.status != -EG_ENOMEM)
            fail_msg("%zu bytes: %d: %s", o.script_memory, result.status, result.error);
        eg_arena_fini(&result.arena);
    }
    assert_true(runs > 200);
    mk_free(k);
}

/** The memory of the run runs out: it is left at any depth of Lua's calls, which are closed
 * afterwards. */
static void left(void **state)
{
    static const char *const bodies[] = {
        "for i = 1, 1e6 do eg.note(i .. ('x'):rep(900)) end",
        "for _ in eg.scan(k, { regex = '.' }) do\n"
        "  pcall(function() for i = 1, 1e6 do eg.note(i .. ('x'):rep(900)) end end)\n"
        "end",
        "local x <close> = setmetatable({}, { __close = function() while true do end end })\n"
        "coroutine.wrap(function()\n"
        "  local y <close> = setmetatable({}, { __close = function() while true do end end });\n"
        "  ('abc'):gsub('.', function(c)\n"
        "    table.sort({ 1, 2, 3 }, function(a, b)\n"
        "      xpcall(function()\n"
        "        for i = 1, 1e6 do print(i, ('x'):rep(900)) end\n"
        "      end, print)\n"
        "    end)\n"
        "  end)\n"
        "end)()",
        "setmetatable({}, { __index = function(t, n)\n"
        "  local s = eg.scan(k, { regex = 'x' .. n })\n"
        "  if n > 150 then for i = 1, 1e6 do eg.note(i .. ('x'):rep(900)) end end\n"
        "  return t[n + 1]\n"
        "end })[1] = 5\n"
        "local _ = setmetatable({}, { __index = function(t, n)\n"
        "  local s = eg.scan(k, { regex = 'x' .. n })\n"
        "  if n > 150 then for i = 1, 1e6 do eg.note(i .. ('x'):rep(900)) end end\n"
        "  return t[n + 1]\n"
        "end })[1]",
        "for i = 1, 20 do eg.note('a' .. i .. ('x'):rep(900)) end eg.rows('noted')",
        "error(setmetatable({}, { __tostring = function()\n"
        "  for i = 1, 1e6 do eg.note(i .. ('x'):rep(900)) end\n"
        "end }))",
    };
    const struct eg_run_options o = {
        .quiet = true, .memory_limit = 40000, .script_memory = 64 << 20, .seconds = 20
    };
    struct mk *k;
    struct eg_run_result result;
    struct eg_error e;
    char name[8] = "left0";

    (void)state;
    assert_int_equal(mk_lua_add("noted", "for i = 1, 30 do eg.note(i .. ('x'):rep(900)) end", &e),
                     0);
    for (size_t i = 0; i < countof(bodies); i++, name[4]++)
        if (mk_lua_add(name, bodies[i], &e))
            fail_msg("%s", e.text);
    k = mk_lua_new(&mk_machines[0]);
    strcpy(name, "left0");
    for (size_t i = 0; i < countof(bodies); i++, name[4]++) {
        mk_lua_run(k, name, &o, &result);
        if (result.status != -EG_ENOMEM || !strstr(result.error, "memory"))
            fail_msg("%s: %d: %s", name, result.status, result.error ? result.error : "");
        eg_arena_fini(&result.arena);
    }
    mk_free(k);
}

/** Past the limits of another's rows, which are ours. */
static void rows_of_others(void **state)
{
    const struct eg_run_options o = { .quiet = true, .script_steps = 1000000 };
    struct mk *k;
    struct eg_run_result result;
    struct eg_error e;

    (void)state;
    assert_int_equal(mk_lua_add("endless", "while true do end", &e), 0);
    assert_int_equal(mk_lua_add("asks", "pcall(eg.rows, 'endless')", &e), 0);
    k = mk_lua_new(&mk_machines[0]);
    mk_lua_run(k, "asks", &o, &result);
    assert_int_not_equal(result.status, 0);
    assert_non_null(strstr(result.error, "did not end within 1000000 steps"));
    eg_arena_fini(&result.arena);
    mk_free(k);
}

enum { ASKERS = 4, ASKED = 50 };

static void *ask(void *k)
{
    const struct eg_run_options o = { .quiet = true, .threads = 1 };
    size_t wrong = 0;

    for (int i = 0; i < ASKED; i++) {
        struct eg_run_result result;

        wrong += mk_lua_run(k, "asker", &o, &result) != MK_LUA_ITEMS || result.status;
        eg_arena_fini(&result.arena);
    }
    return (void *)wrong;
}

/** Plugins run others at the same time, on one system: no order of theirs is needed. */
static void rows_at_once(void **state)
{
    pthread_t threads[ASKERS];
    struct eg_error e;
    struct mk *k;

    (void)state;
    assert_int_equal(mk_lua_add("asked",
                                "for i in eg.list(k.head.list, 'item', 'link') do\n"
                                "  row { N = i.n, TEXT = i.name, BYTES = i.bytes }\nend",
                                &e),
                     0);
    assert_int_equal(
        mk_lua_add("asker",
                   "for _, r in ipairs(eg.rows('asked', { n = 1 })) do\n"
                   "  assert(r.TEXT == 'item-' .. r.N)\n"
                   "  row { N = r.N, TEXT = eg.object(k, 'item', k.head.first).name }\n"
                   "end",
                   &e),
        0);
    k = mk_lua_new(&mk_machines[0]);
    mk_system(k);
    for (int i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, k), 0);
    for (int i = 0; i < ASKERS; i++) {
        void *wrong;

        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    mk_free(k);
}

/* ---- the plugin's own folder ---- */

/** What a script cannot do without: a symbol of any type. */
static void needs_symbols(void **state)
{
    static const char format[] =
        "return plugin { name = '%s', help = 'x', columns = { { 'A', 'int', 'x' } },\n"
        "  needs = { 'head.list' }, needs_symbols = { 'head', '%s' },\n"
        "  run = function(k, args, row) row { A = 1 } end }";
    static const char *const names[][2] = { { "has_it", "item_count" }, { "lacks_it", "nobody" } };
    const struct eg_run_options o = { .quiet = true };
    struct eg_run_result result;
    struct eg_error e;
    struct mk *k;

    (void)state;
    for (size_t i = 0; i < countof(names); i++) {
        char *text; // kept

        assert_true(asprintf(&text, format, names[i][0], names[i][1]) > 0);
        if (eg_lua_add("needs.lua", text, strlen(text), &e))
            fail_msg("%s", e.text);
    }
    k = mk_lua_new(&mk_machines[0]);
    assert_int_equal(mk_lua_run(k, "has_it", &o, &result), 1);
    assert_int_equal(result.status, 0);
    eg_arena_fini(&result.arena);
    assert_int_equal(mk_lua_run(k, "lacks_it", &o, &result), 0);
    assert_non_null(strstr(result.error, "symbol nobody"));
    eg_arena_fini(&result.arena);
    mk_free(k);
}

static void require_(void **state)
{
    static const char user[] =
        "local m = require('modul')\n"
        "assert(m == require 'modul' and m.n == 7 and m.name == 'modul')\n"
        "return plugin { name = 'user', help = 'x', columns = { { 'A', 'int', 'x' },\n"
        "  { 'B', 'int', 'x' }, { 'C', 'int', 'x' }, { 'TEXT', 'text', 'x' } },\n"
        "  run = function(k, args, row)\n"
        "    local function why(name) return select(2, pcall(require, name)) end\n"
        "    row { TEXT = m.twice('x') }\n"
        "    for _, name in ipairs { 'circle', 'broken', 'raises', 'link', 'pipe', 'none', '../x', "
        "'a.b',\n"
        "                            '/etc/passwd', '' } do\n"
        "      row { TEXT = why(name):gsub('^.*/lua%-test[^/]*/', '') }\n"
        "    end\n"
        "    row { TEXT = tostring(require('empty')) }\n"
        "  end }";
    char dir[] = "lua-test-XXXXXX", path[64];
    struct eg_error e;
    struct mk *k;
    char *texts;

    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    write_text("user.lua", user);
    write_text("modul.lua", "local name = ...\n"
                            "return { n = 7, name = name, twice = function(s) return s .. s end }");
    assert_int_equal(mkdir("more", 0777), 0);
    write_text("broken.txt", "x = = 1");
    assert_int_equal(symlink("modul.lua", "more/link.lua"), 0);
    assert_int_equal(chdir(".."), 0);
    if (eg_lua_add_folder(dir, NULL, NULL, &e))
        fail_msg("%s", e.text);
    // what is no plugin and no module would end the loading: it comes afterwards
    assert_int_equal(chdir(dir), 0);
    write_text("circle.lua", "return require('circle')");
    write_text("broken.lua", "\n\nx = = 1");
    write_text("raises.lua", "\nerror('raised')");
    write_text("empty.lua", "");
    assert_int_equal(symlink("modul.lua", "link.lua"), 0);
    assert_int_equal(mkfifo("pipe.lua", 0666), 0);
    assert_int_equal(chdir(".."), 0);
    k = mk_lua_new(&mk_machines[0]);
    texts = mk_lua_texts(k, "user");
    snprintf(path, sizeof path, "rm -r %s", dir);
    assert_int_equal(system(path), 0);
    assert_non_null(strstr(texts, "xx\n"));
    assert_non_null(strstr(texts, "circle.lua requires itself"));
    assert_non_null(strstr(texts, "broken.lua:3:"));
    assert_non_null(strstr(texts, "raises.lua:2: raised"));
    assert_non_null(strstr(texts, "link.lua: "));
    assert_non_null(strstr(texts, "pipe.lua: not a regular file"));
    assert_non_null(strstr(texts, "none.lua: No such file"));
    assert_non_null(strstr(texts, "in the plugin's folder expected"));
    assert_non_null(strstr(texts, "true\n"));
    free(texts);
    mk_free(k);
}

/** Functions that no operating system owns are described too. */
static void described(void **state)
{
    char *text;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    (void)state;
    assert_non_null(f);
    eg_lua_annotations(f);
    fclose(f);
    assert_non_null(strstr(text, "eg_common = {}"));
    assert_non_null(strstr(text, "---@return cursor\nfunction eg_common.nowhere(place) end"));
    assert_non_null(strstr(text, "--- for each key, n: two values\n---@param k space\n"
                                 "---@return fun(): string?, integer?\n"
                                 "function eg_common.two(k) end"));
    assert_non_null(strstr(text, "--- the seventh\n---@param item cursor\n---@param i integer\n"
                                 "---@return cursor?\nfunction eg_common.numbered(item, i) end"));
    free(text);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),        cmocka_unit_test(scans),
        cmocka_unit_test(described),     cmocka_unit_test(same_again),
        cmocka_unit_test(memory),        cmocka_unit_test(rows_of_others),
        cmocka_unit_test(left),          cmocka_unit_test(require_),
        cmocka_unit_test(needs_symbols), cmocka_unit_test(rows_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
