/* options.c - the command line: the command's own options, those that plugins and verbs declare,
 * those that other tools have (habits.c), words. */
#include "options.h"
#include "../core/address.h"
#include "../core/parallel.h"
#include "../core/process.h"
#include "habits.h"
#include "layout.h"
#include "load.h"
#include "report.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Threads beyond this are a slip of the finger. From so many letters a name is guessed: --phys. */
enum { JOBS_MAX = 1024, KERNELS_MAX = 1000, SECONDS_MAX = 1000000, SCRIPT_MEMORY_MIN = 1 << 20 };
enum { SHORTEST_BEGIN = 3 };

/* "; did you mean --pid?" or "", of one name in a list that grows. */
struct names {
    EG_VEC(const char *) list;
};

static void add_name(struct names *n, const char *name)
{
    const char **place = eg_vec_push(&n->list);

    if (place)
        *place = name;
}

static const char *nearest(struct names *n, const char *name)
{
    const char *near = eg_vec_push(&n->list) ? eg_nearest(name, n->list.at) : NULL;
    const size_t len = strlen(name);

    for (size_t i = 0; !near && len >= SHORTEST_BEGIN && i + 1 < n->list.n; i++)
        if (!strncmp(n->list.at[i], name, len))
            near = n->list.at[i];
    eg_vec_fini(&n->list);
    return near;
}

/* ---- taking a value ---- */

static int take_flag(struct cli *c, const struct cli_option *o, const char *value)
{
    (void)value;
    *(bool *)((char *)c + o->field) = true;
    return CLI_OK;
}

static int take_text(struct cli *c, const struct cli_option *o, const char *value)
{
    *(const char **)(void *)((char *)c + o->field) = value;
    return CLI_OK;
}

static int take_number(struct cli *c, const struct cli_option *o, const char *value)
{
    uint64_t v;

    if (!eg_number_parse(value, &v))
        return cli_fail(CLI_USAGE, "--%s %s: not a number such as 4096, 0x1000, 4K", o->name,
                        value);
    if (o->max && v > o->max)
        return cli_fail(CLI_USAGE, "--%s %s: at most %llu", o->name, value,
                        (unsigned long long)o->max);
    *(uint64_t *)(void *)((char *)c + o->field) = v;
    return CLI_OK;
}

static int take_offset(struct cli *c, const struct cli_option *o, const char *value)
{
    const bool below = *value == '-';
    uint64_t v;

    if (!eg_number_parse(value + below, &v) || v > INT64_MAX)
        return cli_fail(CLI_USAGE, "--%s %s: not an address: 4096, 0x1000, -0x1000", o->name,
                        value);
    c->open.offset = below ? -(int64_t)v : (int64_t)v;
    return CLI_OK;
}

static int take_dtb(struct cli *c, const struct cli_option *o, const char *value)
{
    c->find.has_dtb = true;
    return take_number(c, o, value);
}

static int take_kaslr(struct cli *c, const struct cli_option *o, const char *value)
{
    c->find.has_kaslr = true;
    return take_number(c, o, value);
}

static int take_script_memory(struct cli *c, const struct cli_option *o, const char *value)
{
    int status = take_number(c, o, value);

    if (!status && c->script_memory < SCRIPT_MEMORY_MIN)
        status = cli_fail(CLI_USAGE, "--%s %s: at least 1M", o->name, value);
    return status;
}

static int take_limit(struct cli *c, const struct cli_option *o, const char *value)
{
    c->select.limited = true;
    return take_number(c, o, value);
}

static int take_zone(struct cli *c, const struct cli_option *o, const char *value)
{
    struct eg_error e;

    c->select.zone = &c->zone;
    if (eg_zone_parse(value, &c->zone, &e) < 0)
        return cli_fail(CLI_USAGE, "--%s %s", o->name, e.text);
    return CLI_OK;
}

static int take_plugin_dir(struct cli *c, const struct cli_option *o, const char *value)
{
    (void)o;
    return cli_load_folders(c, value);
}

static int take_render(struct cli *c, const struct cli_option *o, const char *name)
{
    struct names names = { 0 };
    const struct eg_renderer_reg *r;
    const char *near, *list = "";
    bool known = false;

    (void)o;
    for (size_t i = 0; (r = eg_renderer_nth(i)); i++) {
        add_name(&names, r->name);
        list = eg_arena_strf(&c->arena, "%s%s%s", list ? list : "", i ? ", " : "", r->name);
        if (!strcasecmp(r->name, cli_habit_renderer(name))) {
            c->render = r->name;
            c->renderer = r->renderer;
            known = true;
        }
    }
    near = nearest(&names, name);
    if (known)
        return CLI_OK;
    return near ? cli_fail(CLI_USAGE, "-r %s: did you mean %s?", name, near)
                : cli_fail(CLI_USAGE, "-r %s: there is %s", name, list ? list : "text");
}

/* --body is -r body. */
static int take_renderer(struct cli *c, const struct cli_option *o, const char *value)
{
    (void)value;
    return take_render(c, o, o->name);
}

/* Known only when every --plugin-dir is read: a module may bring the format. */
static int check_format(const struct cli *c)
{
    struct names names = { 0 };
    const struct eg_format_reg *f;
    const char *near;

    if (!c->open.format || c->completing || eg_record_find(eg_format_records(), c->open.format))
        return CLI_OK;
    for (size_t i = 0; (f = eg_format_nth(i)); i++)
        add_name(&names, f->name);
    near = nearest(&names, c->open.format);
    return near ? cli_fail(CLI_USAGE, "--format %s: did you mean %s?", c->open.format, near)
                : cli_fail(CLI_USAGE, "--format %s: is not known: `engram help formats` lists them",
                           c->open.format);
}

/* Folders, one or several with semicolons between them. */
static int take_profile_dirs(struct cli *c, const struct cli_option *o, const char *value)
{
    char *list = eg_arena_strndup(&c->arena, value, strlen(value)), *save;
    const char **dir;
    struct stat st;

    (void)o;
    if (!list)
        return cli_no_memory();
    for (char *one = strtok_r(list, ";", &save); one; one = strtok_r(NULL, ";", &save)) {
        if (!stat(one, &st) && !S_ISDIR(st.st_mode))
            return cli_fail(CLI_USAGE, "--profile-dir %s: is a file: --profile takes one", one);
        if (access(one, R_OK | X_OK))
            return cli_fail(CLI_USAGE, "--profile-dir %s: %s", one, strerror(errno));
        if (!(dir = eg_vec_push(&c->profile_dirs)))
            return cli_no_memory();
        *dir = one;
    }
    return CLI_OK;
}

static int take_swap(struct cli *c, const struct cli_option *o, const char *value)
{
    const char **file = eg_vec_push(&c->swap_files);

    (void)o;
    if (!file)
        return cli_no_memory();
    *file = value;
    return CLI_OK;
}

/* A path, or the file: URL of one. */
static const char *path_of(struct cli *c, const char *value)
{
    static const char scheme[] = "file://";
    const char *from = value + sizeof scheme - 1;
    char *path, *to;

    if (strncmp(value, scheme, sizeof scheme - 1) ||
        !(path = to = eg_arena_strndup(&c->arena, from, strlen(from))))
        return value;
    for (; *from; from++) {
        char hex[3] = { from[0] == '%' ? from[1] : 0, from[1], 0 };

        hex[1] = hex[0] ? from[2] : 0;
        if (strlen(hex) == 2 && strspn(hex, "0123456789abcdefABCDEF") == 2) {
            *to++ = (char)strtoul(hex, NULL, 16);
            from += 2;
        } else {
            *to++ = *from;
        }
    }
    *to = 0;
    return path;
}

static int take_file(struct cli *c, const struct cli_option *o, const char *value)
{
    (void)o;
    if (c->image)
        return cli_fail(CLI_USAGE, "-f %s: one image at a time, there is %s", value, c->image);
    c->image = path_of(c, value);
    return CLI_OK;
}

/* ---- the options ---- */

#define FIELD(f) offsetof(struct cli, f)
/* To add one: a record here, its lines in docs/engram.1. */
static const struct cli_option options[] = {
    { "file", 'f', "FILE", "the image; also: an argument with a slash, or that is a file",
      take_file },
    { "render", 'r', "FORMAT", "text or pretty (for people), json, jsonl, csv, body or timesketch",
      take_render },
    { "filter", 0, "EXPR",
      "only rows for which it is true: 'PID > 100 and COMM ~ ^ssh': `engram help filter`",
      take_text, FIELD(select.filter) },
    { "sort", 0, "COLUMNS", "rows by these columns; -COLUMN: the greatest first", take_text,
      FIELD(select.sort) },
    { "columns", 0, "COLUMNS", "only these, in this order: PID,COMM", take_text,
      FIELD(select.columns) },
    { "limit", 0, "N", "at most N rows, behind --filter and --sort", take_limit,
      FIELD(select.limit) },
    { "tz", 0, "ZONE", "times for people in this zone: local, UTC, +02:00, Europe/Berlin",
      take_zone },
    { "wide", 0, NULL, "do not fit text to the width of the terminal", take_flag, FIELD(wide) },
    { "body", 0, NULL, "the same as -r body: a body file for mactime", take_renderer },
    { "timesketch", 0, NULL, "the same as -r timesketch: JSON lines for Timesketch",
      take_renderer },
    { "output", 'o', "DIR",
      "a file for each result (not with -r text), and what plugins dump; where read and pack write",
      take_text, FIELD(out) },
    { "quiet", 'q', NULL, "no progress, no remarks; what a result lacks is still said", take_flag,
      FIELD(quiet) },
    { "force", 0, NULL, "replace files that exist; read: write bytes to a terminal too", take_flag,
      FIELD(force) },
    { "strict", 0, NULL, "exit status 3 when there is any note", take_flag, FIELD(strict) },
    { "jobs", 'j', "N", "threads; all cores otherwise", take_number, FIELD(jobs), JOBS_MAX },
    { "tmp", 0, "DIR", "where to unpack what cannot be read in place (else $TMPDIR or /var/tmp)",
      take_text, FIELD(open.tmp_dir), .opens = true },
    { "cache", 0, "SIZE",
      "keep what was unpacked for the next command, in ~/.cache/engram: at most this much, as 4G",
      take_number, FIELD(open.cache), .opens = true },
    { "pause", 0, NULL, "a running guest (qmp:, libvirt:) stands still while it is read", take_flag,
      FIELD(pause) },
    { "sha256", 0, NULL, "put the image's SHA-256 into the provenance", take_flag, FIELD(sha256) },
    { "profile", 0, "FILE", "types and symbols from this .egp or ISF file", take_text,
      FIELD(find.profile), .opens = true },
    { "vmlinux", 0, "FILE", "types and symbols from this kernel's debug data", take_text,
      FIELD(find.vmlinux), .opens = true },
    { "system-map", 0, "FILE", "symbols from this System.map", take_text, FIELD(find.system_map),
      .opens = true },
    { "profile-dir", 's', "DIR", "look for this kernel's profile in this folder (or several: A;B)",
      take_profile_dirs, .opens = true },
    { "dtb", 0, "ADDR", "physical address of the kernel's page table root", take_dtb,
      FIELD(find.dtb), .opens = true },
    { "kaslr", 0, "SHIFT", "run-time minus link-time address of the kernel", take_kaslr,
      FIELD(find.kaslr), .opens = true },
    { "kernel", 0, "N", "the N-th kernel that `engram IMAGE` lists", take_number, FIELD(kernel),
      KERNELS_MAX, .opens = true },
    { "swap", 0, "[PATH=]FILE",
      "swapped pages: a copy of a swap partition or file (which the machine calls PATH)", take_swap,
      .opens = true },
    { "format", 0, "NAME", "format of the image, not by its head: `engram help formats`", take_text,
      FIELD(open.format), .opens = true },
    { "offset", 0, "ADDR",
      "raw images: physical address of the first byte; -N leaves out the first N bytes",
      take_offset, .opens = true },
    { "plugin-dir", 0, "DIR",
      "load plugins and formats from here: .lua (in a sandbox) and .so (trusted code)",
      take_plugin_dir, .opens = true },
    { "script-seconds", 0, "N", "how long a plugin in Lua may run; 600 otherwise", take_number,
      FIELD(script_seconds), SECONDS_MAX },
    { "script-memory", 0, "SIZE",
      "how much memory a plugin in Lua may use: 64M, 2G; 512M otherwise", take_script_memory,
      FIELD(script_memory), SIZE_MAX },
    { "help", 'h', NULL, "this; after a plugin or a verb: about it", take_flag, FIELD(help) },
    { "version", 'V', NULL, "version, and what is built in", take_flag, FIELD(version) },
};

const struct cli_option *cli_option_nth(size_t i)
{
    return i < countof(options) ? &options[i] : NULL;
}

/* ---- options of verbs, plugins and other tools ---- */

static const struct eg_arg *of_plugins(const char *name)
{
    const struct eg_plugin_reg *p;
    const struct eg_arg *a;

    for (size_t i = 0; (p = eg_plugin_nth(i)); i++)
        if ((a = eg_plugin_arg(p->plugin, name)))
            return a;
    return NULL;
}

/* What an option that is not the command's is: by the verb, else by the plugins, all of them: their
 * names may stand after it. An option's name has one kind (registry_test looks). */
static const struct eg_arg *foreign(struct cli *c, const char *name)
{
    const struct eg_arg *a = c->verb ? cli_declared(c->verb->args, name) : NULL;

    if (a || (c->verb && !c->verb->plugins))
        return a;
    if ((a = of_plugins(name)) || c->loaded_own)
        return a;
    cli_load_own(c);
    return of_plugins(name);
}

/* "; did you mean --pid?", or what else may help; "". The options of a plugin are known once the
 * folder is read that it is in: what loads code is never guessed from words behind unknown ones. */
static const char *meant(struct cli *c, const char *name, char **rest)
{
    struct names names = { 0 };
    const struct eg_plugin_reg *p;
    const char *near, *text;

    for (size_t i = 0; i < countof(options); i++)
        add_name(&names, options[i].name);
    for (const struct eg_arg *a = c->verb ? c->verb->args : NULL; a && a->name; a++)
        add_name(&names, a->name);
    for (size_t i = 0; !c->verb && (p = eg_plugin_nth(i)); i++)
        for (const struct eg_arg *a = p->plugin->args; a && a->name; a++)
            add_name(&names, a->name);
    for (const struct eg_arg *a = eg_process_args; !c->verb && a->name; a++)
        add_name(&names, a->name);
    if ((near = nearest(&names, name))) {
        text = eg_arena_strf(&c->arena, "; did you mean --%s?", near);
        return text ? text : "";
    }
    for (; *rest; rest++)
        if (!strncmp(*rest, "--plugin-dir", 12) || !strncmp(*rest, "-p", 2))
            return "; options of a plugin stand behind the --plugin-dir that loads it";
    return c->words.n ? "; `engram help PLUGIN` lists those of a plugin" : "";
}

static const struct cli_option *own_option(const char *name, char letter)
{
    for (size_t k = 0; k < countof(options); k++)
        if (name ? !strcmp(options[k].name, name) : options[k].letter == letter)
            return &options[k];
    return NULL;
}

/* "1", "1,2": what may stand behind --pid as a word of its own, and is no file. */
static bool more_numbers(const char *word)
{
    return *word && strspn(word, "0123456789,") == strlen(word) && access(word, F_OK);
}

static int give(struct cli *c, const struct eg_arg *arg, const char *value)
{
    struct eg_given_arg *given = eg_vec_push(&c->args);

    if (!given)
        return cli_no_memory();
    *given = (struct eg_given_arg){ arg->name, value };
    return CLI_OK;
}

/* Remember an option without which the image could not be opened again. */
static int remember(struct cli *c, const struct cli_option *o, const char *value)
{
    const char *word = cli_shell_word(&c->arena, value);

    c->opening =
        word ? eg_arena_strf(&c->arena, "%s--%s %s ", c->opening ? c->opening : "", o->name, word)
             : NULL;
    return c->opening ? CLI_OK : cli_no_memory();
}

int cli_set_image(struct cli *c, const char *path)
{
    const char *word = cli_shell_word(&c->arena, path);

    c->image = path;
    c->image_words = word ? eg_arena_strf(&c->arena, "%s%s%s", c->opening ? c->opening : "",
                                          *path == '-' && path[1] ? "./" : "", word)
                          : NULL;
    return c->image_words ? CLI_OK : cli_no_memory();
}

/* vol.py's --parallelism may stand alone, or before one of three words. */
static const char *parallelism(int argc, char **argv, int *i, const char *value)
{
    static const char *const kinds[] = { "processes", "threads", "off", NULL };

    for (size_t k = 0; kinds[k] && !value && *i + 1 < argc; k++)
        if (!strcmp(argv[*i + 1], kinds[k]))
            value = argv[++*i];
    return value && !strcmp(value, "off") ? "1" : "0";
}

/* "-pid 1" and "-p 1" mean --pid, and would be read as a folder of plugins. */
static int check_dashes(struct cli *c, const char *text, const char *next)
{
    const char *name = eg_arena_strndup(&c->arena, text + 1, strcspn(text + 1, "="));
    const char *value = text[2] ? text + 2 : next;

    if (name && text[2] &&
        (own_option(name, 0) || (c->verb ? cli_declared(c->verb->args, name) : of_plugins(name))))
        return cli_fail(CLI_USAGE, "-%s: a name stands behind two dashes: --%s", name, name);
    if (text[1] == 'p' && value && more_numbers(value))
        return cli_fail(CLI_USAGE, "-p %s: -p is a folder of plugins; did you mean --pid %s?",
                        value, value);
    return CLI_OK;
}

/* The option that argv[*i] is. What belongs to it stands after '=', behind the letter, or is the
 * next argument, which *i then moves on to. */
static int one_option(struct cli *c, int argc, char **argv, int *i)
{
    const bool is_long = argv[*i][1] == '-';
    const char *text = argv[*i], *value = NULL;
    const size_t len = is_long ? strcspn(text + 2, "=") : 1;
    const char *name = eg_arena_strndup(&c->arena, is_long ? text + 2 : text + 1, len);
    const char letter = text[1];
    const struct cli_option *own = own_option(is_long ? name : NULL, letter);
    const struct eg_arg *arg = own || !name ? NULL : foreign(c, name);
    const struct cli_habit *theirs = own || arg ? NULL : cli_habit(is_long ? name : NULL, letter);
    bool wants;
    int status;

    if (!name)
        return cli_no_memory();
    if (!is_long && (status = check_dashes(c, text, *i + 1 < argc ? argv[*i + 1] : NULL)))
        return status;
    if (is_long && text[2 + len])
        value = text + 2 + len + 1;
    else if (!is_long && text[2])
        value = text + 2;
    // A verb's or a plugin's option of the same name would never be seen: the command's comes
    // first.
    for (size_t k = 0; !own && !arg && !theirs && !c->verb && k < c->words.n; k++)
        if ((status = cli_not_its_option(c->words.at[k], text)))
            return status;
    if (!own && !arg && !theirs)
        return cli_fail(CLI_USAGE, "%s: unknown option%s", text, meant(c, name, argv + *i + 1));
    if (theirs && theirs->say)
        return cli_fail(CLI_USAGE, "%s: an option of another tool: %s", text, theirs->say);
    if (theirs && theirs->ours)
        own = own_option(theirs->ours, 0);
    if (theirs && own && !strcmp(own->name, "jobs"))
        value = parallelism(argc, argv, i, value);
    wants = own ? own->value != NULL : theirs ? theirs->value : arg->kind != EG_ARG_FLAG;
    if (!wants && value && !(theirs && strspn(value, (char[]){ letter, 0 }) == strlen(value)))
        return cli_fail(CLI_USAGE, "%s: this option takes no value", text);
    if (wants && !value && !(value = *i + 1 < argc ? argv[++*i] : NULL))
        return cli_fail(CLI_USAGE, "%s: needs a value%s%s", text, own ? ": " : "",
                        own ? own->value : "");
    if (own) {
        status = own->take(c, own, value);
        return status || !own->opens ? status : remember(c, own, value);
    }
    if (theirs)
        return CLI_OK;
    status = give(c, arg, value);
    while (!status && !c->verb && arg->kind == EG_ARG_INT && *i + 1 < argc &&
           more_numbers(argv[*i + 1]))
        status = give(c, arg, argv[++*i]);
    return status;
}

/* The verb that a word is, as the first one or behind an image; NULL. */
static const struct cli_verb *verb_here(const struct cli *c, const char *word)
{
    const struct cli_verb *v = cli_verb(cli_habit_verb(word));

    if (c->verb || !v || !c->words.n)
        return c->verb ? NULL : v;
    // "pslist" as the second word is a plugin, and a plugin's name may be a verb elsewhere.
    return c->words.n == 1 && !c->image && v->image != CLI_NO_IMAGE && !eg_plugin_find(word) &&
                   !access(c->words.at[0], F_OK)
               ? v
               : NULL;
}

/* Which word is the image: what has a slash or is there as a file; else the first. */
static void pick_image(struct cli *c)
{
    size_t at = 0;

    if (c->image || !c->words.n || (c->verb && c->verb->image == CLI_NO_IMAGE))
        return;
    if (!c->verb) {
        while (at < c->words.n && !strchr(c->words.at[at], '/') && access(c->words.at[at], F_OK))
            at++;
        if (at == c->words.n && eg_plugin_find(c->words.at[0]))
            return; // a plugin without an image: cli_run says so
        at %= c->words.n;
    }
    c->image = c->words.at[at];
    for (c->words.n--; at < c->words.n; at++)
        c->words.at[at] = c->words.at[at + 1];
}

/* The command's own options come first: a plugin's of the same name is never given. */
static void warn_of_shadowed(const struct cli *c)
{
    const struct eg_plugin_reg *p;

    for (size_t i = 0; (p = eg_plugin_nth(i)); i++)
        for (size_t k = 0; k < countof(options); k++)
            if (cli_declared(p->plugin->args, options[k].name))
                cli_warn(c, "%s: --%s of %s is never given to it: it is an option of the command",
                         p->file, options[k].name, p->name);
}

/* What several parts want to know, in their own words. */
static void settle(struct cli *c)
{
    c->open.quiet = c->find.quiet = c->quiet;
    eg_progress_off = c->quiet;
    c->open.threads = c->find.threads = (unsigned)c->jobs;
    c->find.kernel = (unsigned)c->kernel;
    c->find.profile_dirs = c->profile_dirs.at;
    c->find.n_profile_dirs = c->profile_dirs.n;
    if (!c->renderer)
        take_render(c, NULL, "text");
}

int cli_options(struct cli *c, int argc, char **argv)
{
    bool only_words = false;
    const struct cli_verb *v;
    int status = CLI_OK;

    for (int i = 1; i < argc && !status; i++) {
        const char **word;

        if (!only_words && !strcmp(argv[i], "--")) {
            only_words = true;
        } else if (!only_words && argv[i][0] == '-' && argv[i][1]) {
            status = one_option(c, argc, argv, &i);
        } else if (!only_words && (v = verb_here(c, argv[i]))) {
            c->verb = v;
        } else if ((word = eg_vec_push(&c->words))) {
            *word = argv[i];
        } else {
            status = cli_no_memory();
        }
    }
    cli_load_own(c);
    for (size_t i = 0; i < c->warnings.n; i++)
        cli_warn(c, "%s", c->warnings.at[i]);
    warn_of_shadowed(c);
    if (status || (status = check_format(c)))
        return status;
    settle(c);
    pick_image(c);
    if (c->image && (status = cli_set_image(c, c->image)))
        return status;
    return c->image && !c->verb ? cli_no_such_image(c->image) : CLI_OK;
}
