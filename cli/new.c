/* new.c - engram new: writes a template of a plugin, which runs unchanged. @ stands for its
 * name. */
#include "../core/newfile.h"
#include "report.h"
#include "verb.h"
#include <stdio.h>

static const char in_lua[] =
    "-- @ - lists processes. Run it with: engram --plugin-dir FOLDER IMAGE @\n"
    "return plugin {\n"
    "  name = \"@\", os = \"linux\",\n"
    "  help = \"List processes\", -- one line for `engram plugins`\n"
    "  columns = { -- kinds: int, big, addr, text, bytes, time, flags, bool, duration\n"
    "    { \"OFFSET\", \"addr\", \"address of the task_struct\" },\n"
    "    { \"PID\", \"int\", \"process id\" },\n"
    "    { \"COMM\", \"text\", \"name; the task can change it\" },\n"
    "  },\n"
    "  args = { { \"pid\", \"int\", \"only these processes\" } }, -- kinds: int, addr, text, flag\n"
    "  needs = { \"task_struct.tasks\" }, -- required members\n"
    "  run = function(k, args, row)\n"
    "    for task in linux.tasks(k) do -- .comm is a member of task_struct; help() in\n"
    "      if eg.matches(\"pid\", task.tgid) then -- `engram shell IMAGE` lists functions\n"
    "        row { OFFSET = task, PID = task.tgid, COMM = task.comm }\n"
    "      end\n"
    "    end\n"
    "  end,\n"
    "}\n";

static const char in_c[] =
    "/* @ - lists processes.\n"
    " * cc -shared -fPIC -O2 $(pkg-config --cflags engram) -o @.so @.c\n"
    " * engram --plugin-dir FOLDER IMAGE @ */\n"
    "#include \"engram.h\"\n"
    "\n"
    "// The members that the plugin reads. Reading any other is a compiler error.\n"
    "EG_FIELDS(task_struct, tasks, tgid, comm);\n"
    "EG_SYMBOL(init_task, \"task_struct\");\n"
    "\n"
    "#define COLUMNS(C)                                \\\n"
    "    C(OFFSET, ADDR, \"address of the task_struct\") \\\n"
    "    C(PID, INT, \"process id\")                     \\\n"
    "    C(COMM, TEXT, \"name; the task can change it\")\n"
    "EG_COLUMNS(COLUMNS);\n"
    "\n"
    "static int run(struct eg_run *r)\n"
    "{\n"
    "    struct eg_obj t;\n"
    "\n"
    "    eg_each_list(t, eg_at(eg_sym(r, init_task), task_struct.tasks), task_struct.tasks)\n"
    "        eg_row(r, .OFFSET = eg_addr(t), .PID = eg_val(t, task_struct.tgid),\n"
    "               .COMM = eg_val(t, task_struct.comm));\n"
    "    return 0;\n"
    "}\n"
    "\n"
    "EG_PLUGIN(@) = {\n"
    "    .os = \"linux\",\n"
    "    .help = \"List processes\",\n"
    "    .columns = columns,\n"
    "    .needs = EG_NEEDS(task_struct.tasks, task_struct.tgid),\n"
    "    .needs_symbols = EG_NEEDS_SYMBOLS(init_task),\n"
    "    .run = run,\n"
    "};\n";

static int write_it(const struct cli *c, const char *path, const char *name, const char *text)
{
    struct eg_newfile to;
    struct eg_error e;

    if (eg_newfile_open(&to, path, c->force, &e) < 0)
        return cli_cannot(&e);
    for (; *text; text++)
        if (*text == '@')
            fputs(name, to.f);
        else
            putc(*text, to.f);
    return eg_newfile_keep(&to, &e) < 0 ? cli_fail(CLI_FAILED, "%s", e.text) : CLI_OK;
}

static int run_verb(struct cli *c)
{
    const char *path = c->words.at[0], *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
    const bool lua = dot && !strcmp(dot, ".lua");
    const size_t len = dot ? (size_t)(dot - base) : 0;
    char *name = eg_arena_strndup(&c->arena, base, len);
    int status;

    if (!name)
        return cli_no_memory();
    if (!lua && !(dot && !strcmp(dot, ".c")))
        return cli_fail(CLI_USAGE, "new: %s: NAME.lua or NAME.c expected", base);
    if (!len || len > 40 || (*name >= '0' && *name <= '9') ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != len)
        return cli_fail(CLI_USAGE, "new: '%s': up to 40 letters, digits and _ expected", name);
    if (eg_plugin_find(name) || cli_verb(name))
        return cli_fail(CLI_USAGE, "new: %s: this name is taken: `engram help %s`", name, name);
    status = write_it(c, path, name, lua ? in_lua : in_c);
    if (!status && !c->quiet)
        printf("%s: written; its first lines show how to run it\n", path);
    return status;
}

CLI_VERB(new) = {
    .name = "new",
    .usage = "NAME.lua|NAME.c",
    .help = "write a template of a plugin",
    .min = 1,
    .max = 1,
    .order = 100,
    .words = { "FILE" },
    .run = run_verb,
};
