/* profile.c - engram profile: make files of types and symbols, and look into them. */
#include "../core/newfile.h"
#include "../core/reader.h"
#include "../core/show.h"
#include "../profiles/btf_file.h"
#include "../profiles/dwarf.h"
#include "../profiles/elf_file.h"
#include "../profiles/store.h"
#include "open.h"
#include "options.h"
#include "report.h"
#include "sha256.h"
#include "verb.h"
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

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

static uint32_t n_types(struct eg_profile *const *all, size_t n)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += all[i]->n_types - (i == 0); // the first type of a kernel is void
    return sum;
}

static int make(struct cli *c, const char *const *files, size_t n_files)
{
    struct eg_profile **all = calloc(n_files, sizeof *all);
    struct eg_error e = { 0 };
    int status = CLI_OK;
    size_t n = 0;

    if (!all)
        return cli_no_memory();
    if (!c->out)
        status = cli_fail(CLI_USAGE, "profile make: -o FILE.egp is needed: where to write");
    for (size_t i = 0; i < n_files && !status; i++)
        if (eg_same_file(files[i], c->out))
            status = cli_fail(CLI_USAGE, "-o %s: it is what is read", c->out);
    if (!status && eg_newfile_check(c->out, c->force, &e) < 0)
        status = cli_cannot(&e);
    for (; n < n_files && !status; n += !status)
        if ((n ? read_module(&all[n], files[n], all[0], (unsigned)c->jobs, &e)
               : eg_profile_read(&all[n], files[n], (unsigned)c->jobs, &e)) < 0)
            status = cli_cannot(&e);
    for (size_t i = 0; i < n && !status && !c->quiet; i++)
        if (all[i]->n_left_out)
            fprintf(stderr,
                    "note: %s: %" PRIu32 " records left out because they are inconsistent\n",
                    files[i], all[i]->n_left_out);
    if (!status && all[0]->n_types <= 1)
        status = cli_fail(CLI_CANNOT_OPEN, "%s: it has no types", files[0]);
    if (!status &&
        eg_store_write(c->out, c->force, (const struct eg_profile *const *)all, n, &e) < 0)
        status = cli_fail(e.code == EG_EUSAGE ? CLI_USAGE : CLI_FAILED, "%s", e.text);
    if (!status && !c->quiet)
        printf("%s: %" PRIu32 " types and %" PRIu32 " symbols of %zu file%s%s\n", c->out,
               n_types(all, n), all[0]->n_symbols, n, n == 1 ? "" : "s",
               sha256_said(&c->arena, c->out, false));
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
    printf("%s: %u types, %u symbols, %u-bit %s endian, build id %s", name, p->n_types - 1,
           p->n_symbols, 8u * p->model.ptr_size, p->model.big_endian ? "big" : "little",
           p->build_id ? p->build_id : "unknown");
    if (p->n_left_out)
        printf(", %" PRIu32 " records left out because they are inconsistent", p->n_left_out);
    putchar('\n');
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
                        const struct cli *c)
{
    const char *module = cli_arg(c, "module");
    uint32_t kinds = kinds_of(&word), id;
    uint64_t iter = 0;
    size_t n = 0;

    while ((id = eg_types_named(ts, word, module, kinds, &iter))) {
        const struct eg_profile *p;

        eg_type(ts, id, &p);
        if (module && (!p->module || strcmp(p->module, module) != 0) && n)
            break; // the module's own come first
        if (n++)
            putchar('\n');
        if (p->module)
            printf("/* %s */\n", p->module);
        eg_show_type(stdout, ts, m, id, cli_arg(c, "nested") != NULL);
    }
    return n;
}

/** Is the module that --module names among the profiles? An error names those that are. */
static int check_module(const struct eg_types *ts, const struct cli *c, const char *from)
{
    const char *module = cli_arg(c, "module");
    char names[256] = "";
    size_t len = 0;

    for (size_t i = 0; module && i < ts->n_layers; i++) {
        const char *name = ts->layers[i].profile->module;

        if (name && !strcmp(name, module))
            return CLI_OK;
        if (name && len < sizeof names)
            len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", len ? ", " : "", name);
    }
    if (!module)
        return CLI_OK;
    return cli_fail(CLI_USAGE, "--module %s: %s has no types of it%s%s%s", module, from,
                    *names ? "; it has those of " : ", or of any module", names,
                    len < sizeof names ? "" : " …");
}

/** @words: where @ts is from, and the types that are wanted. */
static int show_all(const struct eg_types *ts, const struct eg_model *m, const struct cli *c,
                    const char *const *words, size_t n)
{
    int status = CLI_OK;

    if (n == 1)
        for (size_t i = 0; i < ts->n_layers; i++)
            summary(ts->layers[i].profile);
    for (size_t i = 1; i < n; i++)
        if (!show_name(ts, m, words[i], c))
            status = cli_fail(CLI_USAGE, "%s: no type of this name in %s", words[i], words[0]);
    return status;
}

static int show_image(struct cli *c, const char *const *words, size_t n)
{
    const char *module = cli_arg(c, "module");
    const struct eg_os *os;
    struct cli_opened o;
    struct eg_error e = { 0 };
    int status;

    status = cli_set_image(c, words[0]);
    if (status)
        return status;
    status = cli_open(c, &o);
    if (!status && !o.sys->os)
        status = cli_no_system(c, &o, true);
    os = status ? NULL : o.sys->os;
    if (os && os->module_types && module && os->module_types(o.sys, module, &e) < 0)
        status = cli_fail(CLI_CANNOT_OPEN, "%s", e.text);
    if (os && os->module_types && !module)
        for (size_t i = 1; i < n; i++)
            if (!known(&o.sys->types, words[i])) {
                os->module_types(o.sys, NULL, NULL);
                break;
            }
    if (!status)
        status = show_all(&o.sys->types, &o.sys->bind.model, c, words, n);
    cli_close(&o);
    return status;
}

static int show_file(struct cli *c, const struct eg_reader_reg *reader, const char *const *words,
                     size_t n_words)
{
    struct eg_profile **all = calloc(EG_LAYERS_MAX, sizeof *all);
    struct eg_types ts = { 0 };
    struct eg_error e;
    size_t n = EG_LAYERS_MAX;
    int status = CLI_OK, rc;

    if (!all)
        return cli_no_memory();
    if (!strcmp(reader->name, "egp")) {
        rc = eg_store_read(words[0], all, &n, &e);
    } else {
        rc = eg_reader_read(reader, &all[0], words[0], (unsigned)c->jobs, &e);
        n = 1;
    }
    n = rc < 0 ? 0 : n;
    for (size_t i = 0; i < n && rc >= 0; i++)
        rc = eg_types_add(&ts, all[i], &e);
    status = rc < 0 ? cli_cannot(&e) : check_module(&ts, c, words[0]);
    if (!status)
        status = show_all(&ts, &all[0]->model, c, words, n_words);
    eg_types_fini(&ts);
    while (n)
        eg_profile_free(all[--n]);
    free(all);
    return status;
}

static const struct eg_arg args[] = {
    EG_ARG(nested, FLAG, "show: structs inside structs member by member"),
    EG_ARG(module, TEXT, "NAME: show: types of this module first"),
    { NULL, EG_ARG_FLAG, NULL },
};

static int run_verb(struct cli *c)
{
    const char *what = c->words.at[0], *const *words = c->words.at + 1;
    const size_t n = c->words.n - 1;
    const struct eg_reader_reg *reader;
    struct eg_error e;

    if (!strcmp(what, "make"))
        return make(c, words, n);
    if (strcmp(what, "show") != 0)
        return cli_fail(CLI_USAGE, "profile %s: there is `profile make` and `profile show`", what);
    reader = eg_reader_find(words[0], &e);
    return reader ? show_file(c, reader, words, n) : show_image(c, words, n);
}

CLI_VERB(profile) = {
    .name = "profile",
    .usage = "make VMLINUX [MODULE…] -o FILE.egp | show FILE|IMAGE [TYPE…]",
    .help = "make or look into a profile (types and symbols)",
    .args = args,
    .min = 2,
    .max = UINT_MAX,
    .order = 130,
    .words = { "make|show", "FILE" },
    .out = "FILE",
    .run = run_verb,
};
