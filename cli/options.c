/* options.c - the command line: the command's own options, those that plugins and verbs declare,
 * those that other tools have (habits.c), words. */
#include "cli.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ORDER option (below) */
static const struct cli_option options[] = {
    { "file", 'f', "FILE", "the image; also: an argument with a slash, or that is a file" },
    { "render", 'r', "FORMAT", "text or pretty (for people), json, jsonl or csv" },
    { "output", 'o', "DIR", "where plugins put what they dump; where read and pack write" },
    { "quiet", 'q', NULL, "no progress, no remarks; what a result lacks is still said" },
    { "strict", 0, NULL, "exit status 3 when there is any note" },
    { "jobs", 'j', "N", "threads; all cores otherwise" },
    { "tmp", 0, "DIR", "where to unpack what cannot be read in place (else $TMPDIR or /var/tmp)" },
    { "sha256", 0, NULL, "put the image's SHA-256 into the provenance" },
    { "profile", 0, "FILE", "types and symbols from this .egp or ISF file" },
    { "vmlinux", 0, "FILE", "types and symbols from this kernel's debug data" },
    { "system-map", 0, "FILE", "symbols from this System.map" },
    { "profile-dir", 's', "DIR",
      "look for this kernel's profile in this folder (or several: A;B)" },
    { "dtb", 0, "ADDR", "physical address of the kernel's page table root" },
    { "kaslr", 0, "SHIFT", "run-time minus link-time address of the kernel" },
    { "kernel", 0, "N", "the N-th kernel that `engram IMAGE` lists" },
    { "format", 0, "NAME", "format of the image, not by its head: `engram help formats`" },
    { "offset", 0, "ADDR", "raw images: physical address of the first byte" },
    { "plugin-dir", 0, "DIR",
      "load plugins from here: .lua, which are kept in a sandbox, and .so, which are trusted" },
    { "script-seconds", 0, "N", "how long a plugin in Lua may take; 600 otherwise" },
    { "script-memory", 0, "SIZE", "what a plugin in Lua may use: 64M, 2G; 512M otherwise" },
    { "help", 'h', NULL, "this; after a plugin or a verb: about it" },
    { "version", 'V', NULL, "version, and what is built in" },
};
enum option {
    O_FILE,
    O_RENDER,
    O_OUTPUT,
    O_QUIET,
    O_STRICT,
    O_JOBS,
    O_TMP,
    O_SHA256,
    O_PROFILE,
    O_VMLINUX,
    O_SYSTEM_MAP,
    O_PROFILE_DIR,
    O_DTB,
    O_KASLR,
    O_KERNEL,
    O_FORMAT,
    O_OFFSET,
    O_PLUGIN_DIR,
    O_SCRIPT_SECONDS,
    O_SCRIPT_MEMORY,
    O_HELP,
    O_VERSION,
};

const struct cli_option *cli_option_nth(size_t i)
{
    return i < countof(options) ? &options[i] : NULL;
}

bool cli_number(const char *text, uint64_t *out)
{
    static const char units[] = "KMGT";
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = hex ? text + 2 : text, *unit;
    uint64_t v;
    char *end;

    if (hex ? !strchr("0123456789abcdefABCDEF", *digits) : !strchr("0123456789", *digits))
        return false;
    if (!*digits)
        return false;
    errno = 0;
    v = strtoull(digits, &end, hex ? 16 : 10);
    if (errno)
        return false;
    if (*end && (unit = strchr(units, *end)) && !end[1]) {
        if (!eg_mul(v, UINT64_C(1) << 10 * (unit - units + 1), &v))
            return false;
        end++;
    }
    if (*end)
        return false;
    *out = v;
    return true;
}

const char *cli_arg(const struct cli *c, const char *name)
{
    for (size_t i = 0; i < c->args.n; i++)
        if (!strcmp(c->args.at[i].name, name))
            return c->args.at[i].value ? c->args.at[i].value : "";
    return NULL;
}

static const struct eg_arg *declared(const struct eg_arg *args, const char *name)
{
    for (; args && args->name; args++)
        if (!strcmp(args->name, name))
            return args;
    return NULL;
}

bool cli_declares(const struct eg_arg *args, const char *name)
{
    return declared(args, name) != NULL;
}

/* What an option that is not the command's is: by the verb, else by the plugins, all of them: their
 * names may stand after it. An option's name has one kind (registry_test looks). */
static const struct eg_arg *foreign(const struct cli *c, const char *name)
{
    const struct eg_plugin_reg *p;
    const struct eg_arg *a;

    if (c->verb)
        return declared(c->verb->args, name);
    for (size_t i = 0; (p = eg_plugin_nth(i)); i++)
        if ((a = declared(p->plugin->args, name)))
            return a;
    return NULL;
}

/* "; did you mean --pid?" or "". */
static const char *meant(struct cli *c, const char *name)
{
    EG_VEC(const char *) names = { 0 };
    const struct eg_plugin_reg *p;
    const char **place, *near = NULL, *text = "";

    for (size_t i = 0; i < countof(options); i++)
        if ((place = eg_vec_push(&names)))
            *place = options[i].name;
    for (const struct eg_arg *a = c->verb ? c->verb->args : NULL; a && a->name; a++)
        if ((place = eg_vec_push(&names)))
            *place = a->name;
    for (size_t i = 0; !c->verb && (p = eg_plugin_nth(i)); i++)
        for (const struct eg_arg *a = p->plugin->args; a && a->name; a++)
            if ((place = eg_vec_push(&names)))
                *place = a->name;
    if (eg_vec_push(&names))
        near = eg_nearest(name, names.at);
    if (near)
        text = eg_arena_strf(&c->arena, "; did you mean --%s?", near);
    eg_vec_fini(&names);
    return text ? text : "";
}

static int number(const char *option, const char *text, uint64_t max, uint64_t *out)
{
    uint64_t v;

    if (!cli_number(text, &v) || v > max)
        return cli_fail(CLI_USAGE, "--%s %s: not a number that is possible here", option, text);
    *out = v;
    return CLI_OK;
}

static int renderer(struct cli *c, const char *name)
{
    EG_VEC(const char *) names = { 0 };
    const struct eg_renderer_reg *r;
    const char **place, *near = NULL, *list = "";
    bool known = false;

    for (size_t i = 0; (r = eg_renderer_nth(i)); i++) {
        if ((place = eg_vec_push(&names)))
            *place = r->name;
        list = eg_arena_strf(&c->arena, "%s%s%s", list ? list : "", i ? ", " : "", r->name);
        if (!strcasecmp(r->name, cli_habit_renderer(name))) {
            c->render = r->name;
            c->renderer = r->renderer;
            known = true;
        }
    }
    if (!known && eg_vec_push(&names))
        near = eg_nearest(name, names.at);
    eg_vec_fini(&names);
    if (near)
        return cli_fail(CLI_USAGE, "-r %s: did you mean %s?", name, near);
    return known ? CLI_OK : cli_fail(CLI_USAGE, "-r %s: there is %s", name, list ? list : "text");
}

static int format(struct cli *c, const char *name)
{
    EG_VEC(const char *) names = { 0 };
    const struct eg_format_reg *f;
    const char **place, *near = NULL;
    bool known = false;

    for (size_t i = 0; (f = eg_format_nth(i)); i++) {
        known |= !strcmp(f->name, name);
        if ((place = eg_vec_push(&names)))
            *place = f->name;
    }
    if (!known && eg_vec_push(&names))
        near = eg_nearest(name, names.at);
    eg_vec_fini(&names);
    c->open.format = name;
    if (near)
        return cli_fail(CLI_USAGE, "--format %s: did you mean %s?", name, near);
    return known ? CLI_OK
                 : cli_fail(CLI_USAGE,
                            "--format %s: is not known: `engram help formats` lists them", name);
}

/* Folders, one or several with semicolons between them. */
static int profile_dirs(struct cli *c, const char *value)
{
    char *list = eg_arena_strndup(&c->arena, value, strlen(value)), *save;
    const char **dir;
    struct stat st;

    if (!list)
        return cli_fail(CLI_FAILED, "out of memory");
    for (char *one = strtok_r(list, ";", &save); one; one = strtok_r(NULL, ";", &save)) {
        if (!stat(one, &st) && !S_ISDIR(st.st_mode))
            return cli_fail(CLI_USAGE, "--profile-dir %s: is a file: --profile takes one", one);
        if (access(one, R_OK | X_OK))
            return cli_fail(CLI_USAGE, "--profile-dir %s: %s", one, strerror(errno));
        if (!(dir = eg_vec_push(&c->profile_dirs)))
            return cli_fail(CLI_FAILED, "out of memory");
        *dir = one;
    }
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

/* Threads beyond this are a slip of the finger. */
enum { JOBS_MAX = 1024, SECONDS_MAX = 1000000, SCRIPT_MEMORY_MIN = 1 << 20 };

static int take(struct cli *c, enum option o, const char *value)
{
    const char *name = options[o].name;
    uint64_t v = 0;
    int status = CLI_OK;

    switch (o) {
    case O_FILE:
        if (c->image)
            return cli_fail(CLI_USAGE, "-f %s: one image at a time, there is %s", value, c->image);
        c->image = path_of(c, value);
        break;
    case O_RENDER:
        return renderer(c, value);
    case O_OUTPUT:
        c->out = value;
        break;
    case O_QUIET:
        c->quiet = c->open.quiet = c->find.quiet = true;
        break;
    case O_STRICT:
        c->strict = true;
        break;
    case O_JOBS:
        status = number(name, value, JOBS_MAX, &v);
        c->jobs = c->open.threads = c->find.threads = (unsigned)v;
        break;
    case O_TMP:
        c->open.tmp_dir = value;
        break;
    case O_SHA256:
        c->sha256 = true;
        break;
    case O_PROFILE:
        c->find.profile = value;
        break;
    case O_VMLINUX:
        c->find.vmlinux = value;
        break;
    case O_SYSTEM_MAP:
        c->find.system_map = value;
        break;
    case O_PROFILE_DIR:
        return profile_dirs(c, value);
    case O_DTB:
        status = number(name, value, UINT64_MAX, &c->find.dtb);
        c->find.has_dtb = true;
        break;
    case O_KASLR:
        status = number(name, value, UINT64_MAX, &c->find.kaslr);
        c->find.has_kaslr = true;
        break;
    case O_KERNEL:
        status = number(name, value, 1000, &v);
        c->find.kernel = (unsigned)v;
        break;
    case O_FORMAT:
        return format(c, value);
    case O_OFFSET:
        status = number(name, value, UINT64_MAX, &c->open.offset);
        break;
    case O_PLUGIN_DIR: // loaded before this pass
        break;
    case O_SCRIPT_SECONDS:
        status = number(name, value, SECONDS_MAX, &v);
        c->script_seconds = (unsigned)v;
        break;
    case O_SCRIPT_MEMORY:
        status = number(name, value, SIZE_MAX, &v);
        if (!status && v < SCRIPT_MEMORY_MIN)
            status = cli_fail(CLI_USAGE, "--%s %s: at least 1M", name, value);
        c->script_memory = (size_t)v;
        break;
    case O_HELP:
        c->help = true;
        break;
    case O_VERSION:
        c->version = true;
        break;
    }
    return status;
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
        return cli_fail(CLI_FAILED, "out of memory");
    *given = (struct eg_given_arg){ arg->name, value };
    return CLI_OK;
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
        return cli_fail(CLI_FAILED, "out of memory");
    if (is_long && text[2 + len])
        value = text + 2 + len + 1;
    else if (!is_long && text[2])
        value = text + 2;
    // A verb's or a plugin's option of the same name would never be seen: the command's comes
    // first.
    for (size_t k = 0; !own && !arg && !theirs && !c->verb && k < c->words.n; k++)
        if (!eg_plugin_find(c->words.at[k]) && cli_elsewhere(c->words.at[k]))
            return cli_unknown_plugin(c->words.at[k]); // whose option it is
    if (!own && !arg && !theirs)
        return cli_fail(CLI_USAGE, "%s: unknown option%s", text, meant(c, name));
    if (theirs && theirs->say)
        return cli_fail(CLI_USAGE, "%s: an option of another tool: %s", text, theirs->say);
    if (theirs && theirs->ours)
        own = own_option(theirs->ours, 0);
    if (theirs && own == &options[O_JOBS])
        value = parallelism(argc, argv, i, value);
    wants = own ? own->value != NULL : theirs ? theirs->value : arg->kind != EG_ARG_FLAG;
    if (!wants && value && !(theirs && strspn(value, (char[]){ letter, 0 }) == strlen(value)))
        return cli_fail(CLI_USAGE, "%s: this option takes no value", text);
    if (wants && !value && !(value = *i + 1 < argc ? argv[++*i] : NULL))
        return cli_fail(CLI_USAGE, "%s: needs a value%s%s", text, own ? ": " : "",
                        own ? own->value : "");
    if (own)
        return take(c, (enum option)(own - options), value);
    if (theirs)
        return CLI_OK;
    status = give(c, arg, value);
    while (!status && !c->verb && arg->kind == EG_ARG_INT && *i + 1 < argc &&
           more_numbers(argv[*i + 1]))
        status = give(c, arg, argv[++*i]);
    return status;
}

/* The verb that a word is, as the first one or behind an image; NULL. */
static const struct verb *verb_here(const struct cli *c, const char *word)
{
    const struct verb *v = cli_verb(cli_habit_verb(word));

    if (c->verb || !v || !c->words.n)
        return c->verb ? NULL : v;
    // "pslist" as the second word is a plugin, and a plugin's name may be a verb elsewhere.
    return c->words.n == 1 && !c->image && v->image != NO_IMAGE && !eg_plugin_find(word) &&
                   !access(c->words.at[0], F_OK)
               ? v
               : NULL;
}

/* Which word is the image: what has a slash or is there as a file; else the first. */
static void pick_image(struct cli *c)
{
    size_t at = 0;

    if (c->image || !c->words.n || (c->verb && c->verb->image == NO_IMAGE))
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

int cli_options(struct cli *c, int argc, char **argv)
{
    bool only_words = false;
    const struct verb *v;
    int status = cli_load(c, argc, argv);

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
            status = cli_fail(CLI_FAILED, "out of memory");
        }
    }
    for (size_t i = 0; i < c->warnings.n; i++)
        cli_warn(c, "%s", c->warnings.at[i]);
    if (status)
        return status;
    if (!c->renderer)
        renderer(c, "text");
    c->find.profile_dirs = c->profile_dirs.at;
    c->find.n_profile_dirs = c->profile_dirs.n;
    pick_image(c);
    return c->image && !c->verb ? cli_no_such_image(c->image) : CLI_OK;
}
