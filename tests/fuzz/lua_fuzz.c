/* lua_fuzz.c - what scripts can call, with arguments of every kind: the input is a program for the
 * machine in `driver`, which picks functions and values by its bytes. */
#include "../../lua/plugin.h"
#include "mklinux.h"
#include <stdio.h>

static const char types[] = MK_LIST_TYPES
    "struct qstr { u32 len; unsigned char *name; };"
    "struct dentry { struct dentry *d_parent; struct qstr d_name; unsigned char d_iname[16]; };"
    "struct path { void *mnt; struct dentry *dentry; };"
    "struct file { struct path f_path; };"
    "struct xarray { u32 xa_lock; void *xa_head; };"
    "struct xa_node { u8 shift, offset; struct xa_node *parent; void *slots[16]; };"
    "struct maple_tree { u32 ma_lock; void *ma_root; };"
    "struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right, *rb_left; };"
    "struct rb_root { struct rb_node *rb_node; };"
    "enum state { RUNNING, ASLEEP = 5 };"
    "struct mm_struct { unsigned long start_code, arg_start, arg_end; void *pgd; struct file "
    "*exe_file; };"
    "struct task_struct { unsigned int __state, low : 3, high : 5; struct list_head tasks; int "
    "pid, tgid;"
    "                     struct task_struct *real_parent; struct mm_struct *mm; char comm[16];"
    "                     u8 bytes[40]; double real; enum state state; struct rb_node node;"
    "                     struct rb_root root; struct xarray array; struct maple_tree tree;"
    "                     void (*call)(int); struct file *file; unsigned long bits[4]; };";

/** Every value that a call gives may be the next one's argument. */
static const char driver[] =
    "return plugin { name = 'driver', help = 'x', args = { { 'program', 'text', 'x' } },\n"
    "  columns = { { 'A', 'int', 'x' }, { 'B', 'text', 'x' }, { 'C', 'bytes', 'x' },\n"
    "              { 'D', 'addr', 'x' }, { 'E', 'flags', 'x' }, { 'F', 'time', 'x' } },\n"
    "  run = function(k, args, row)\n"
    "    local program, at = args.program or '', 0\n"
    "    local function byte()\n"
    "      at = at + 1\n"
    "      return tonumber(program:sub(2 * at - 1, 2 * at), 16)\n"
    "    end\n"
    "    local t = k.init_task\n"
    "    local pool = { k, t, eg.physical(k), t.tasks, t.mm, t.array, t.tree, t.root, t.file,\n"
    "      eg.at(t, 'pid'), eg.at(t, 'bits'), t.bytes, t.real_parent.mm.pgd, 0, 1, -1, 2, 64, "
    "4096,\n"
    "      math.mininteger, math.maxinteger, eg.address(t), 1.5, 0 / 0, '', 'task_struct', "
    "'tasks',\n"
    "      'pid', 'mm', 'struct task_struct *', 'u8[16]', 'task_struct[-1]', 'init_task', "
    "'mm.pgd',\n"
    "      'bits[3]', '%s%d', '(a*)*', 'inner', true, false, {}, { bytes = 'task' },\n"
    "      { regex = '(?<=t)[a-z]*' }, { A = 1, B = 'x' }, print, 'node', 'A', '__index' }\n"
    "    local fixed, calls = #pool, { row, row }\n"
    "    local function all(from)\n"
    "      for _, f in pairs(from) do\n"
    "        if type(f) == 'function' then calls[#calls + 1] = f end\n"
    "      end\n"
    "    end\n"
    "    all(eg) all(linux)\n"
    "    for _, f in ipairs {\n"
    "      function(a, b) return a[b] end, function(a, b, c) a[b] = c end,\n"
    "      function(a, b) return a + b, a - b end, function(a, b) return a .. b end,\n"
    "      function(a, b) return a == b, a < b, a <= b end, function(a) return #a end,\n"
    "      function(a, b, c) return a(b, c) end, tostring, pairs, next, table.sort, table.concat,\n"
    "      table.unpack, table.insert, table.move, string.format, string.find, string.gsub,\n"
    "      string.gmatch, string.unpack, string.pack, string.rep, setmetatable, getmetatable, "
    "load,\n"
    "      coroutine.wrap, require, pcall, xpcall, select, utf8.codepoint, rawset,\n"
    "      function(f)\n"
    "        local n = 0\n"
    "        for a, b, c in f do\n"
    "          pool[#pool + 1] = a\n"
    "          n = n + 1\n"
    "          if n == 20 then break end\n"
    "        end\n"
    "      end } do calls[#calls + 1] = f end\n"
    "    local function value()\n"
    "      local n = (byte() or 0) * 3\n"
    "      return pool[n % #pool + 1]\n"
    "    end\n"
    "    while true do\n"
    "      local f, n = byte(), byte()\n"
    "      if not n then break end\n"
    "      local given = {}\n"
    "      for i = 1, n % 5 do given[i] = value() end\n"
    "      local results = table.pack(pcall(calls[f % #calls + 1], table.unpack(given, 1, n % "
    "5)))\n"
    "      for i = 2, results.n do\n"
    "        if results[i] ~= nil and #pool < 200 then table.insert(pool, fixed + 1, results[i]) "
    "end\n"
    "      end\n"
    "    end\n"
    "  end }";
static const char inner[] =
    "return plugin { name = 'inner', help = 'x', columns = { { 'A', 'int', 'x' } },\n"
    "  run = function(k, args, row) row { A = 1 } row { A = k.init_task.pid } end }";

enum { INPUT_MAX = 512 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct mk *make(void)
{
    struct mk *k;
    uint64_t tasks[3], links[2];
    struct eg_error e;

    if (eg_lua_add("driver.lua", driver, sizeof driver - 1, &e) ||
        eg_lua_add("inner.lua", inner, sizeof inner - 1, &e))
        mk_fail("%s", e.text);
    k = mk_new(&mk_machines[0], 1 << 20, types);
    for (size_t i = 0; i < countof(tasks); i++) {
        tasks[i] = mk_object(k, "task_struct");
        mk_put(k, tasks[i], "task_struct.pid", i);
        mk_puts(k, tasks[i], "task_struct.comm", "task");
        mk_put(k, tasks[i], "task_struct.real_parent", tasks[0]);
        mk_put(k, tasks[i], "task_struct.mm", i == 1 ? 0x1000 : mk_object(k, "mm_struct"));
        mk_put(k, tasks[i], "task_struct.file", mk_object(k, "file"));
        mk_put(k, tasks[i], "task_struct.array.xa_head", tasks[i] + 2);
        mk_put(k, tasks[i], "task_struct.tree.ma_root", tasks[i] + 2);
        mk_put(k, tasks[i], "task_struct.root.rb_node", mk_at(k, tasks[i], "task_struct.node"));
        if (i)
            links[i - 1] = mk_at(k, tasks[i], "task_struct.tasks");
    }
    mk_list(k, mk_at(k, tasks[0], "task_struct.tasks"), links, countof(links));
    mk_symbol(k, "init_task", tasks[0]);
    mk_rows(k, "inner", NULL); // makes it a Linux system
    return k;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mk *k;
    char program[2 * INPUT_MAX + 1] = "";
    const struct eg_given_arg given = { "program", program };
    const struct eg_run_options o = {
        .args = &given, .n_args = 1, .script_memory = 4 << 20, .seconds = 1, .quiet = true
    };
    struct eg_run_result result;

    if (!k)
        k = make();
    for (size_t i = 0; i < EG_MIN(size, (size_t)INPUT_MAX); i++)
        snprintf(program + 2 * i, 3, "%02x", data[i]);
    eg_plugin_run(mk_system(k), eg_plugin_find("driver"), &o, (struct eg_sink){ 0 }, &result);
    eg_arena_fini(&result.arena);
    return 0;
}
