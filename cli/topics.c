/* topics.c - engram help TOPIC: lists of what is built in, from the declarations. */
#include "topics.h"
#include "../core/process.h"
#include "../core/reader.h"
#include "../core/table.h"
#include "../lua/annotations.h"
#include "layout.h"

static void formats(FILE *f)
{
    const struct eg_format_reg *r;

    cli_wrapped(
        f,
        "The format of an image is told by its head; --format NAME overrides that. A container "
        "holds an image of any format, or another container.",
        0, 0);
    putc('\n', f);
    for (size_t i = 0; (r = eg_format_nth(i)); i++) {
        char text[200];

        snprintf(text, sizeof text, "%s%s%s%s", r->format->desc, r->format->suffix ? ", " : "",
                 r->format->suffix ? r->format->suffix : "",
                 r->format->container ? "; a container" : "");
        cli_entry(f, r->name, text);
    }
}

static void profiles(FILE *f)
{
    const struct eg_reader_reg *r;

    cli_wrapped(
        f,
        "An image's own types and symbols are used where it holds them. Else they are read from "
        "a file: --profile, --vmlinux and --system-map name one, --profile-dir (-s) a folder in "
        "which the file of just this kernel is looked for.",
        0, 0);
    putc('\n', f);
    for (size_t i = 0; (r = eg_reader_nth(i)); i++)
        cli_entry(f, r->name, r->reader->desc);
}

static void renderers(FILE *f)
{
    const struct eg_renderer_reg *r;

    fprintf(f, "-r FORMAT chooses how rows are written:\n\n");
    for (size_t i = 0; (r = eg_renderer_nth(i)); i++)
        cli_entry(f, r->name, r->renderer->desc);
}

static void lua(FILE *f)
{
    struct eg_arena a = { 0 };
    const char *table;
    struct eg_reference r;

    cli_wrapped(
        f,
        "A script is a plugin in Lua 5.4: FILE.lua in a folder of --plugin-dir, or in "
        "$XDG_DATA_HOME/engram/plugins. It may call the safe part of Lua's own libraries, and:",
        0, 0);
    for (size_t i = 0; eg_lua_function_nth(&a, i, &table, &r); i++) {
        char left[200];
        size_t n = (size_t)snprintf(left, sizeof left, "%s.%s(", table, r.name);
        const struct eg_reference_group group = eg_lua_function_group(i);
        const bool own = !strcmp(table, "eg"); // whose groups are one file each

        if (!i || strcmp(group.title, eg_lua_function_group(i - 1).title) != 0)
            fprintf(f, "\n%s%s%s:\n", group.title, own ? ", in " : "", own ? group.file : "");

        for (const char *p = r.signature; *p && n < sizeof left; p = eg_lua_next_part(p))
            n += (size_t)snprintf(left + n, sizeof left - n, "%s%.*s", p == r.signature ? "" : ", ",
                                  (int)strcspn(p, ":"), p);
        if (n < sizeof left)
            snprintf(left + n, sizeof left - n, ")");
        if (!own)
            r.text = eg_arena_strf(&a, "%s [%s]", r.text, group.file);
        cli_entry(f, left, r.text ? r.text : "");
    }
    eg_arena_fini(&a);
}

static void filter(FILE *f)
{
    static const char *const texts[][2] = {
        { "--filter EXPR", "only rows for which EXPR is true" },
        { "  COLUMN = VALUE", "also ==, !=, <, <=, >, >=; letters of a COLUMN may have any case" },
        { "  COLUMN ~ REGEX", "the regular expression (PCRE2) matches; (?i) before it: in any "
                              "case of letters; !~ where it does not match" },
        { "  COLUMN is missing", "it could not be read, or was not computed; is not missing. No "
                                 "other comparison is true of such a cell, nor is its `not`" },
        { "  not, and, or, ( )", "`not` binds closest, then `and`" },
        { "--sort COLUMN,-COLUMN", "numbers and times by value, text by its bytes; -: the greatest "
                                   "first. What is missing is last. A tree becomes a flat table" },
        { "--columns A,B,C", "only these, in this order; --filter and --sort know the others too" },
        { "--limit N", "the first N rows, counted behind --filter and --sort" },
        { "--tz ZONE", "times in text, pretty and csv, and those in EXPR without an offset, are "
                       "local, in UTC, at +02:00, or in a zone by name (Europe/Berlin); json "
                       "stays UTC" },
        { "--wide", "text is not fitted to the terminal" },
    };

    cli_wrapped(f,
                "Rows and columns of every table can be chosen. VALUE ends at a blank, or "
                "stands in quotes (' or \"). A number is 4096, 0x1000 or 4K; seconds "
                "are 12 or 12.345678; a time 2026-03-14, 2026-03-14T09:26 or "
                "2026-03-14T09:26:53.5+01:00, and what is not "
                "written is open: = 2026-03-14 is all of that day, > 2026-03-14 is behind it. "
                "Text is compared byte by byte; flags and bytes as they are shown.",
                0, 0);
    putc('\n', f);
    for (size_t i = 0; i < countof(texts); i++)
        cli_entry(f, texts[i][0], texts[i][1]);
    putc('\n', f);
    cli_wrapped(f,
                "In a tree, the ancestors of rows that match are shown with them, unless it is "
                "sorted. Each plugin that is named must have the columns; `all` leaves out those "
                "that do not. How many rows were chosen is said on standard error, or stands in "
                "json. Example:",
                0, 0);
    fprintf(f,
            "\n  engram IMAGE pslist --filter 'EUID = 0 and COMM ~ ^ssh' --sort -CREATION_TIME\n");
}

static void processes(FILE *f)
{
    static const char *const kinds[] = {
        [EG_ARG_FLAG] = "", [EG_ARG_INT] = " N[,N...]", [EG_ARG_TEXT] = " TEXT"
    };

    cli_wrapped(
        f,
        "Every plugin whose rows have a PID takes these options. A process is shown if it is "
        "what all of the options say, and of an option that is repeated what any of them "
        "says. In a search each of them means --in processes.",
        0, 0);
    putc('\n', f);
    for (const struct eg_arg *a = eg_process_args; a->name; a++) {
        char left[40];

        snprintf(left, sizeof left, "--%s%s", a->name, kinds[a->kind]);
        cli_entry(f, left, a->help);
    }
    putc('\n', f);
    cli_wrapped(
        f,
        "What is said of containers, pods and units is read from the paths of control "
        "groups, in version 1 and 2: whoever may make groups can make such paths. A process "
        "whose group tells nothing, but which has a pid and a mount namespace of its own, "
        "has the runtime 'namespaces' and the host name there as its container. --name "
        "matches the name that the kernel has, of at most 15 bytes, which a task can "
        "change. A process that the kernel's list does not have is never chosen by these "
        "options, and nothing is said of it. Example:",
        0, 0);
    fprintf(f, "\n  engram IMAGE maps --container 4c0ffee0 --name '^nginx' --context\n");
}

/* "tasks, in plugins/linux/sched/tasks.c: help" */
static void named(FILE *f, struct eg_arena *a, const char *name, const char *args,
                  const char *gives, const char *help, const char *file)
{
    const char *left =
        eg_arena_strf(a, "%s(%s)%s%s", name, args, gives ? ": " : "", gives ? gives : "");
    const char *right = eg_arena_strf(a, "%s [%s]", help ? help : "", file);

    if (left && right)
        cli_entry(f, left, right);
}

static void walkers(FILE *f)
{
    struct eg_arena a = { 0 };
    const struct eg_walker_reg *w;

    cli_wrapped(
        f,
        "Walks by name. C: eg_walk(r, \"tasks\", argument) and eg_walk_next(), or "
        "eg_walk_next_values() where elements are values; Lua: for task in linux.tasks(k) do. The "
        "argument, what elements are, and the source file:",
        0, 0);
    putc('\n', f);
    for (size_t i = 0; (w = eg_walker_nth(i)); i++)
        named(f, &a, w->name, w->walker->arg ? w->walker->arg : "",
              w->walker->values ? w->walker->values
              : w->walker->elem ? w->walker->elem
                                : w->walker->arg,
              w->walker->help, w->file);
    eg_arena_fini(&a);
}

static void functions(FILE *f)
{
    struct eg_arena a = { 0 };
    const struct eg_function_reg *fn;

    cli_wrapped(f,
                "Functions by name. C: eg_call(r, \"file_path\", &file, 1); Lua: "
                "linux.file_path(file). Their arguments, what they return, and the source file:",
                0, 0);
    putc('\n', f);
    for (size_t i = 0; (fn = eg_function_nth(i)); i++)
        named(f, &a, fn->name, fn->function->args, eg_function_returns(fn->function),
              fn->function->help, fn->file);
    eg_arena_fini(&a);
}

/* Is @word one of @words, which spaces separate? */
static bool is_among(const char *words, const char *word)
{
    for (size_t n; *words; words += n + (words[n] != 0)) {
        n = strcspn(words, " ");
        if (n == strlen(word) && !strncasecmp(words, word, n))
            return true;
    }
    return false;
}

static const struct eg_reader_reg *find_reader(const char *name)
{
    const struct eg_reader_reg *r = eg_record_find(eg_reader_records(), name);

    for (size_t i = 0; !r && (r = eg_reader_nth(i)); i++)
        if (!r->reader->also || !is_among(r->reader->also, name))
            r = NULL;
    return r;
}

bool cli_describe_source(FILE *f, const char *name)
{
    const struct eg_format_reg *format = eg_record_find(eg_format_records(), name);
    const struct eg_reader_reg *reader = find_reader(name);
    const struct eg_renderer *renderer = eg_renderer_find(name);

    if (format)
        fprintf(f, "%s - a format of images: %s%s\n\n%s%s%ssource: %s\n", name,
                format->format->desc, format->format->container ? ", which holds another file" : "",
                format->format->suffix ? "usual suffix: " : "",
                format->format->suffix ? format->format->suffix : "",
                format->format->suffix ? "\n" : "", format->file);
    else if (reader)
        fprintf(f,
                "%s - a reader of files with types or symbols: %s\n\n"
                "usage: engram --profile FILE IMAGE PLUGIN\n"
                "       engram profile show FILE [TYPE...]\n\n"
                "source: %s\n",
                reader->name, reader->reader->desc, reader->file);
    else if (renderer)
        fprintf(f, "%s - a format of output: %s\n\nusage: engram -r %s IMAGE PLUGIN\n", name,
                renderer->desc, name);
    return format || reader || renderer;
}

static void entries(FILE *f, const char *const (*at)[2], size_t n)
{
    putc('\n', f);
    for (size_t i = 0; i < n; i++)
        cli_entry(f, at[i][0], at[i][1]);
}

static void guests(FILE *f)
{
    static const char *const texts[][2] = {
        { "qmp:SOCKET", "QEMU's monitor: -qmp unix:SOCKET,server=on,wait=off" },
        { "qmp:HOST:PORT", "the same through TCP: -qmp tcp:HOST:PORT,server=on,wait=off" },
        { "libvirt:DOMAIN", "a domain of libvirt, asked by virsh" },
        { "/proc/kcore", "this machine, as root" },
        { "/dev/crash", "the same, where crash's driver is loaded" },
    };

    cli_wrapped(f,
                "A machine that runs may stand where a file of memory may. It runs on; --pause "
                "stops a guest while it is read.",
                0, 0);
    entries(f, texts, countof(texts));
    fprintf(f, "\n  engram --pause qmp:/run/vm.qmp pslist\n"
               "  engram watch qmp:/run/vm.qmp pslist\n"
               "  engram trace gdb:/run/vm.gdb --script exec   (QEMU's -gdb)\n");
}

static void scripts(FILE *f)
{
    static const char *const texts[][2] = {
        { "on_call(NAME, f)", "a function of the kernel is entered: f(k, call); NAME \"a|b\": the "
                              "first that exists; {\"a\", \"b\"}: all of them" },
        { "on_return(NAME, f)", "it has returned: call.value" },
        { "on_write(PLACE, LEN, f)", "memory is written: f(k, write) with .address, .value, .len" },
        { "on_syscall(NAMES, f)", "system calls, of ring:FILE alone: call.name, .nr, .result" },
        { "on_user_call(\"FILE!NAME\", f)", "a function of a program or library, in every process: "
                                            "\"libc.so.6!open\"; on_user_return(...)" },
        { "on_start(f), on_end(f)", "before the machine runs; at the end" },
        { "stop()", "end it" },
        { "call.args.NAME", "an argument by the name that BTF has, or call.args[1]" },
        { "call.task, .pid, .tid, .comm", "who; also .container, .cpu, .time, .caller, .place, "
                                          ".registers, .stack()" },
        { "row { NAME = value }", "a row: TIME, CPU, PID, COMM, EVENT, DETAIL" },
        { "columns = { ... }", "other columns: { {\"PATH\", \"text\", \"what\"} }" },
    };

    cli_wrapped(
        f,
        "A script of `engram trace` is a file in Lua that says at which events its functions "
        "are called. It can call all that `engram help lua` lists, and:",
        0, 0);
    entries(f, texts, countof(texts));
    fprintf(f, "\n  on_return(\"commit_creds\", function(k, call)\n"
               "    row { DETAIL = call.args.new.uid.val .. \" gives \" .. call.value }\n"
               "  end)\n");
}

static const struct cli_topic topics[] = {
    { "filter", "which rows and columns are shown: --filter, --sort, --columns, --limit, --tz",
      filter },
    { "formats", "formats of images, and containers", formats },
    { "functions", "what C and Lua can call by name", functions },
    { "guests", "machines that run in place of an image: qmp:, libvirt:", guests },
    { "lua", "what plugins in Lua can call", lua },
    { "lua-types", "the same as a file of type annotations for editors (LuaLS)",
      eg_lua_annotations },
    { "processes", "which processes: --pid, --name, --uid, --container, --tree; --context",
      processes },
    { "profiles", "sources of types and symbols", profiles },
    { "renderers", "formats of output", renderers },
    { "scripts", "what scripts of `engram trace` can say", scripts },
    { "walkers", "lists and trees that C and Lua can walk by name", walkers },
};

const struct cli_topic *cli_topic_nth(size_t i)
{
    return i < countof(topics) ? &topics[i] : NULL;
}
