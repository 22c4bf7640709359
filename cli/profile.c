/* profile.c - engram profile: make files of types and symbols, and look into them. */
#include "../core/show.h"
#include "../profiles/btf_file.h"
#include "../profiles/dwarf.h"
#include "../profiles/elf_file.h"
#include "../profiles/reader.h"
#include "../profiles/store.h"
#include "cli.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] = "usage: engram profile make VMLINUX [MODULE…] -o FILE.egp | "
                            "engram profile show [--nested] [--module NAME] FILE|IMAGE [TYPE…]";

struct options {
    const char *out, *module;
    unsigned jobs;
    bool nested, quiet;
    char **words; // ends with NULL
    size_t n;
};

/* ---- make ---- */

/** A module's types are its kernel's and its own; DWARF where there is some. */
static int read_module(struct eg_profile **out, const char *path, const struct eg_profile *base,
                       unsigned jobs, struct eg_error *e)
{
    struct eg_elf f;
    bool dwarf = false;

    if (eg_elf_open(&f, path, NULL) == 0) {
        dwarf = eg_elf_has(&f, ".debug_info");
        eg_elf_close(&f);
    }
    return dwarf ? eg_dwarf_read_module(out, path, base, jobs, e)
                 : eg_btf_file_read(out, path, base, e);
}

static int make(const struct options *o)
{
    struct eg_profile **all = calloc(o->n, sizeof *all);
    struct eg_error e = { 0 };
    int status = CLI_OK;
    size_t n = 0;

    if (!all)
        return cli_fail(CLI_FAILED, "out of memory");
    for (; n < o->n && !status; n += !status)
        if ((n ? read_module(&all[n], o->words[n], all[0], o->jobs, &e)
               : eg_profile_read(&all[n], o->words[n], o->jobs, &e)) < 0)
            status = cli_fail(CLI_CANNOT_OPEN, "%s", e.text);
    if (!status && all[0]->n_types <= 1)
        status = cli_fail(CLI_CANNOT_OPEN, "%s: it has no types", o->words[0]);
    if (!status && eg_store_write(o->out, (const struct eg_profile *const *)all, n, &e) < 0)
        status = cli_fail(CLI_FAILED, "%s", e.text);
    while (n)
        eg_profile_free(all[--n]);
    free(all);
    return status;
}

/* ---- show ---- */

static void summary(const struct eg_profile *p)
{
    char name[256];

    eg_escape(name, sizeof name, p->module ? p->module : "kernel",
              strlen(p->module ? p->module : "kernel"));
    printf("%s: %u types, %u symbols, %u-bit %s endian, build id %s\n", name, p->n_types - 1,
           p->n_symbols, 8u * p->model.ptr_size, p->model.big_endian ? "big" : "little",
           p->build_id ? p->build_id : "unknown");
}

/** The kinds that a name may mean; "struct " and the like before it choose, and are skipped. */
static uint32_t kinds_of(const char **word)
{
    static const struct {
        const char *text;
        uint32_t kinds;
    } tags[] = {
        { "struct ", 1u << EG_T_STRUCT | 1u << EG_T_FWD },
        { "union ", 1u << EG_T_UNION | 1u << EG_T_FWD },
        { "enum ", 1u << EG_T_ENUM },
    };

    for (size_t i = 0; i < countof(tags); i++)
        if (!strncmp(*word, tags[i].text, strlen(tags[i].text))) {
            *word += strlen(tags[i].text);
            return tags[i].kinds;
        }
    return EG_NAMED;
}

/** Is it there, with its members? */
static bool known(const struct eg_types *ts, const char *word)
{
    const uint32_t kinds = kinds_of(&word) & ~(1u << EG_T_FWD);
    uint64_t iter = 0;

    return eg_types_named(ts, word, NULL, kinds, &iter) != 0;
}

/** Every definition by that name; "struct " and the like before it choose. @return how many. */
static size_t show_name(const struct eg_types *ts, const struct eg_model *m, const char *word,
                        const struct options *o)
{
    uint32_t kinds = kinds_of(&word), id;
    uint64_t iter = 0;
    size_t n = 0;

    while ((id = eg_types_named(ts, word, o->module, kinds, &iter))) {
        const struct eg_profile *p;

        eg_type(ts, id, &p);
        if (o->module && (!p->module || strcmp(p->module, o->module) != 0) && n)
            break; // the module's own come first
        if (n++)
            putchar('\n');
        if (p->module)
            printf("/* %s */\n", p->module);
        eg_show_type(stdout, ts, m, id, o->nested);
    }
    return n;
}

static int show_all(const struct eg_types *ts, const struct eg_model *m, const struct options *o)
{
    int status = CLI_OK;

    if (o->n == 1)
        for (size_t i = 0; i < ts->n_layers; i++)
            summary(ts->layers[i].profile);
    for (size_t i = 1; i < o->n; i++)
        if (!show_name(ts, m, o->words[i], o))
            status =
                cli_fail(CLI_USAGE, "%s: no type of this name in %s", o->words[i], o->words[0]);
    return status;
}

static int show_image(const struct options *o)
{
    struct cli c = { .image = o->words[0], .quiet = o->quiet, .render = "text" };
    struct opened opened = { 0 };
    struct eg_error e = { 0 };
    int status;

    c.open.quiet = c.find.quiet = o->quiet;
    c.open.threads = c.find.threads = o->jobs;
    status = cli_open(&c, &opened);
    if (!status && !opened.sys->types.n_layers)
        status = cli_no_system(&opened, true);
    if (!status && o->module && opened.sys->os->module_types &&
        opened.sys->os->module_types(opened.sys, o->module, &e) < 0)
        status = cli_fail(CLI_CANNOT_OPEN, "%s", e.text);
    if (!status && !o->module && opened.sys->os->module_types)
        for (size_t i = 1; i < o->n; i++)
            if (!known(&opened.sys->types, o->words[i])) {
                opened.sys->os->module_types(opened.sys, NULL, NULL);
                break;
            }
    if (!status)
        status = show_all(&opened.sys->types, &opened.sys->bind.model, o);
    cli_close(&opened);
    eg_arena_fini(&c.arena);
    eg_vec_fini(&c.profile_dirs);
    return status;
}

static int show_file(const struct options *o, const struct eg_reader_reg *reader)
{
    struct eg_profile **all = calloc(EG_LAYERS_MAX, sizeof *all);
    struct eg_types ts = { 0 };
    struct eg_error e;
    size_t n = EG_LAYERS_MAX;
    int status = CLI_OK, rc;

    if (!all)
        return cli_fail(CLI_FAILED, "out of memory");
    if (!strcmp(reader->name, "egp")) {
        rc = eg_store_read(o->words[0], all, &n, &e);
    } else {
        rc = reader->reader->read(&all[0], o->words[0], o->jobs, &e);
        n = 1;
    }
    n = rc < 0 ? 0 : n;
    for (size_t i = 0; i < n && rc >= 0; i++)
        rc = eg_types_add(&ts, all[i], &e);
    status = rc < 0 ? cli_fail(CLI_CANNOT_OPEN, "%s", e.text) : show_all(&ts, &all[0]->model, o);
    eg_types_fini(&ts);
    while (n)
        eg_profile_free(all[--n]);
    free(all);
    return status;
}

int cli_profile(int argc, char **argv)
{
    static const struct option known[] = {
        { "output", required_argument, NULL, 'o' }, { "module", required_argument, NULL, 'm' },
        { "jobs", required_argument, NULL, 'j' },   { "nested", no_argument, NULL, 'e' },
        { "quiet", no_argument, NULL, 'q' },        { NULL, 0, NULL, 0 },
    };
    struct options o = { 0 };
    const struct eg_reader_reg *reader;
    struct eg_error e;
    uint64_t jobs = 0;
    bool is_make;
    int c;

    opterr = 0;
    while ((c = getopt_long(argc, argv, "o:m:j:eq", known, NULL)) != -1) {
        o.out = c == 'o' ? optarg : o.out;
        o.module = c == 'm' ? optarg : o.module;
        o.nested = o.nested || c == 'e';
        o.quiet = o.quiet || c == 'q';
        if (c == '?' || (c == 'j' && (!cli_number(optarg, &jobs) || jobs > 256)))
            return cli_fail(CLI_USAGE, "%s", usage);
    }
    o.jobs = (unsigned)jobs;
    if (argc - optind < 2)
        return cli_fail(CLI_USAGE, "%s", usage);
    is_make = !strcmp(argv[optind], "make");
    o.words = argv + optind + 1;
    o.n = (size_t)(argc - optind - 1);
    if ((!is_make && strcmp(argv[optind], "show") != 0) || is_make != !!o.out)
        return cli_fail(CLI_USAGE, "%s", usage);
    if (is_make)
        return make(&o);
    reader = eg_reader_find(o.words[0], &e);
    return reader ? show_file(&o, reader) : show_image(&o);
}
