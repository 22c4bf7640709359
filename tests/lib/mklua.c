/* mklua.c - plugins in Lua on a synthetic machine. */
#include "mklua.h"
#include "../../lua/plugin.h"
#include <stdio.h>
#include <stdlib.h>

static const char types[] =
    "struct list_head { struct list_head *next, *prev; };"
    "enum colour { RED, GREEN = 5, BLUE };"
    "struct item { struct list_head link; int n; s64 big; u8 bytes[16]; char name[16];"
    "              enum colour colour; unsigned int low : 3, high : 5; double real;"
    "              struct item *next, *bad; char *text; };"
    "struct pair { int a, end; };"
    "struct head { struct list_head list; struct item *first; unsigned long bits[2];"
    "              struct pair pairs[3], grid[2][4]; };";

EG_SYMBOL(head, "head");

struct mk *mk_lua_new(const struct mk_machine *m)
{
    struct mk *k = mk_new(m, 1 << 20, types);
    uint64_t head = mk_object(k, "head"), links[MK_LUA_ITEMS], items[MK_LUA_ITEMS];
    char name[16] = "item-1";

    for (int i = 0; i < MK_LUA_ITEMS; i++) {
        items[i] = mk_object(k, "item");
        links[i] = mk_at(k, items[i], "item.link");
    }
    for (int i = 0; i < MK_LUA_ITEMS; i++, name[5]++) {
        mk_put(k, items[i], "item.n", (uint64_t)i + 1);
        mk_put(k, items[i], "item.big", UINT64_MAX - (uint64_t)i);
        mk_put(k, items[i], "item.colour", 5);
        mk_put(k, items[i], "item.high", (uint64_t)i + 7);
        mk_puts(k, items[i], "item.name", name);
        mk_put(k, items[i], "item.next", i + 1 < MK_LUA_ITEMS ? items[i + 1] : 0);
        mk_put(k, items[i], "item.bad", 0x12340);
        mk_put(k, items[i], "item.text", mk_at(k, items[i], "item.name"));
    }
    mk_list(k, mk_at(k, head, "head.list"), links, MK_LUA_ITEMS);
    mk_put(k, head, "head.first", items[0]);
    mk_write_ptr(k, mk_at(k, head, "head.bits"), 0x81);
    mk_symbol(k, "head", head);
    mk_symbol(k, "item_count", head);
    mk_system(k);
    return k;
}

int mk_lua_add(const char *name, const char *body, struct eg_error *e)
{
    static const char format[] =
        "return plugin { name = '%s', help = 'x', args = { { 'n', 'int', 'x' } },"
        "  columns = { { 'N', 'int', 'x' }, { 'BIG', 'big', 'x' }, { 'ADDR', 'addr', 'x' },"
        "              { 'TEXT', 'text', 'x' }, { 'BYTES', 'bytes', 'x' }, { 'TIME', 'time', 'x' },"
        "              { 'FLAGS', 'flags', 'x' }, { 'BOOL', 'bool', 'x' } },"
        "  run = function(k, args, row) %s\nend }";
    char *text, file[256];
    int len = asprintf(&text, format, name, body);

    if (len < 0)
        mk_fail("mklua: out of memory");
    snprintf(file, sizeof file, "%s.lua", name);
    return eg_lua_add(file, text, (size_t)len, e); // it keeps the text for ever
}

static void count(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    (void)depth, (void)v, (void)n;
    ++*(size_t *)context;
}

static void run(struct mk *k, const char *name, const struct eg_run_options *o, struct eg_sink sink,
                struct eg_run_result *out)
{
    const struct eg_plugin_reg *p = eg_plugin_find(name);

    if (!p)
        mk_fail("mklua: no plugin %s", name);
    eg_plugin_run(mk_system(k), p, o, sink, out);
}

size_t mk_lua_run(struct mk *k, const char *name, const struct eg_run_options *o,
                  struct eg_run_result *out)
{
    size_t rows = 0;

    run(k, name, o, (struct eg_sink){ count, &rows }, out);
    return rows;
}

static void print_text(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    (void)depth, (void)n;
    if (v[3].tag == EG_V_TEXT)
        fprintf(context, "%.*s\n", (int)v[3].bytes.len, (const char *)v[3].bytes.p);
}

char *mk_lua_texts(struct mk *k, const char *name)
{
    const struct eg_run_options o = { .quiet = true };
    struct eg_run_result result;
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    if (!f)
        mk_fail("mklua: out of memory");
    run(k, name, &o, (struct eg_sink){ print_text, f }, &result);
    fclose(f);
    if (result.status)
        mk_fail("mklua: %s", result.error);
    eg_arena_fini(&result.arena);
    return text;
}
