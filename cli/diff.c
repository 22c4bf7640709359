/* diff.c - engram diff: what two or more images of one machine have differently: for each plugin
 * the rows that were born, are gone, have changed from each image to the next. */
#include "../core/parallel.h"
#include "../core/registry.h"
#include "../core/vec.h"
#include "boot.h"
#include "choice.h"
#include "events.h"
#include "habits.h"
#include "open.h"
#include "options.h"
#include "report.h"
#include "verb.h"
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/* What says most of what was done to a machine, where no plugin is named. */
static const char usual[] = "pslist,lsmod,sockets,mounts,interfaces,routes,rules,neighbours,"
                            "namespaces,netfilter,bpfprogs,bpflinks,kprobes,ftrace,tracepoints,"
                            "kthreads,syscalls,sysctl,modparams,lsblk";

/* The result of one plugin in one image. */
struct kept {
    struct eg_kept rows;
    struct eg_run_result result;
};
struct image {
    const char *path;
    struct cli_boot boot;
    struct kept *results; /* of each plugin that is followed */
};
struct diff {
    struct cli *cli;
    struct cli_events events;
    EG_VEC(struct image) images;
    struct image *now; /* that is read */
    struct cli_opened o;
    bool named; /* plugins were */
    EG_VEC(const char *) notes;
    const char *unchanged; /* "pslist, lsmod" */
};

/* ---- what was asked ---- */

static bool is_image(const char *word)
{
    return strchr(word, '/') || !access(word, F_OK) || !strcmp(word, "-");
}

static int add_image(struct diff *d, const char *path)
{
    struct image *image = eg_vec_push(&d->images);

    if (!image)
        return cli_no_memory();
    image->path = path;
    return CLI_OK;
}

static int read_words(struct diff *d)
{
    struct cli *c = d->cli;
    int status = add_image(d, c->image);

    for (size_t i = 0; i < c->words.n && !status; i++) {
        const char *word = c->words.at[i];

        if (is_image(word)) {
            status = add_image(d, word);
        } else {
            status = cli_follow_words(&d->events, word);
            d->named = true;
        }
    }
    if (!status && d->images.n < 2)
        status = cli_fail(CLI_USAGE,
                          "diff: two images of one machine are wanted: engram diff %s "
                          "OTHER [PLUGIN...]",
                          c->image);
    if (!status && !d->named)
        status = cli_follow_words(&d->events, usual);
    return status;
}

/* ---- one image after the other ---- */

static int run_one(void *diff, size_t i, unsigned worker)
{
    struct diff *d = diff;
    const struct cli *c = d->cli;
    struct kept *k = &d->now->results[i];
    const struct eg_run_options o = {
        .args = c->args.at,
        .n_args = c->args.n,
        .threads = 1,
        .seconds = (unsigned)c->script_seconds,
        .script_memory = c->script_memory,
        .quiet = true,
    };

    (void)worker;
    k->rows.clock = d->now->boot.clock;
    eg_plugin_run(d->o.sys, d->events.at.at[i]->reg, &o, eg_kept_sink(&k->rows), &k->result);
    return 0;
}

static int add_note(struct diff *d, const char *note)
{
    const char **place = note ? eg_vec_push(&d->notes) : NULL;

    if (!place)
        return cli_no_memory();
    *place = note;
    return CLI_OK;
}

static int read_image(struct diff *d, struct image *image)
{
    const size_t n = d->events.at.n;
    struct eg_arena *a = &d->cli->arena;
    int status = cli_set_image(d->cli, image->path);

    d->now = image;
    image->results = eg_arena_array(a, struct kept, n + 1);
    if (status || !image->results)
        return status ? status : cli_no_memory();
    if ((status = cli_open(d->cli, &d->o)))
        return status;
    if (!d->o.sys->os)
        return cli_no_system(d->cli, &d->o, true);
    cli_boot_of(&image->boot, d->o.sys);
    for (size_t i = 0; i < d->o.n_notes && !status; i++)
        status = add_note(d, eg_arena_strf(a, "%s: %s", image->path, d->o.notes[i]));
    if (!status)
        eg_parallel((unsigned)d->cli->jobs, n, run_one, d);
    return eg_cancelled ? cli_fail(CLI_FAILED, "stopped before it was done") : status;
}

/* ---- what differs ---- */

static int note_boots(struct diff *d)
{
    struct eg_arena *a = &d->cli->arena;
    int status = CLI_OK;

    for (size_t i = 1; i < d->images.n && !status; i++) {
        const struct image *was = &d->images.at[i - 1], *is = &d->images.at[i];

        if (!cli_boot_same(&was->boot, &is->boot))
            status = add_note(
                d, eg_arena_strf(a,
                                 "%s, after %s: %s: addresses, times and numbers that "
                                 "a boot gives out are not compared",
                                 is->path, was->path, cli_boot_text(a, &was->boot, &is->boot)));
        else if (was->boot.now && is->boot.now && was->boot.now > is->boot.now &&
                 was->boot.clock == is->boot.clock)
            status = add_note(
                d, eg_arena_strf(a,
                                 "%s is older than %s, which is named before it: what is called "
                                 "born was there before, what is called gone came later",
                                 is->path, was->path));
    }
    return status;
}

/* Has the result of this plugin the note in every image? */
static bool is_common(struct diff *d, size_t plugin, const char *note)
{
    for (size_t i = 0; i < d->images.n; i++) {
        const struct eg_run_result *r = &d->images.at[i].results[plugin].result;
        size_t k = 0;

        while (k < r->n_notes && strcmp(r->notes[k], note) != 0)
            k++;
        if (k == r->n_notes)
            return false;
    }
    return true;
}

/* The notes of all results, each with its image, and once that which all have. *@n: how many;
 * *@own: of these, such as not all have. NULL-terminated, in the command's arena. */
static const char **notes_of(struct diff *d, size_t plugin, size_t *n, size_t *own)
{
    struct eg_arena *a = &d->cli->arena;
    const char **all;
    size_t room = 2 + d->images.n;

    for (size_t i = 0; i < d->images.n; i++)
        room += d->images.at[i].results[plugin].result.n_notes;
    all = eg_arena_array(a, const char *, room);
    *n = *own = 0;
    for (size_t i = 0; all && i < d->images.n; i++) {
        const struct eg_run_result *r = &d->images.at[i].results[plugin].result;

        for (size_t k = 0; k < r->n_notes; k++) {
            const bool common = is_common(d, plugin, r->notes[k]);
            const char *note = common
                                   ? i ? NULL : r->notes[k]
                                   : eg_arena_strf(a, "%s: %s", d->images.at[i].path, r->notes[k]);

            if (note)
                all[(*n)++] = note;
            *own += !common;
        }
    }
    return all;
}

/* Why the results of a plugin cannot be compared; NULL: they can. */
static const char *failure(struct diff *d, size_t plugin)
{
    for (size_t i = 0; i < d->images.n; i++) {
        const struct kept *k = &d->images.at[i].results[plugin];

        if (k->result.status)
            return eg_arena_strf(&d->cli->arena, "%s: %s", d->images.at[i].path,
                                 k->result.error ? k->result.error : "it failed");
        if (k->rows.no_room)
            return "more than 1 GiB of rows, or no memory for them";
    }
    return NULL;
}

static int compare(struct diff *d, struct cli_followed *f, size_t plugin, size_t i,
                   uint64_t *unreadable, struct eg_error *e)
{
    const struct image *was = &d->images.at[i - 1], *is = &d->images.at[i];
    struct eg_comparison how;
    struct eg_changes changes;
    int rc = cli_compare(f, !cli_boot_same(&was->boot, &is->boot), &how, e);

    if (rc)
        return rc;
    rc = eg_changes_find(&changes, &how, &was->results[plugin].rows, &is->results[plugin].rows);
    if (!rc) {
        cli_events_of(f, is->boot.now, &how, &changes, d->images.n > 2 ? is->path : NULL);
        *unreadable += changes.unreadable;
        eg_changes_fini(&changes);
    }
    eg_comparison_fini(&how);
    return rc ? eg_fail(e, EG_ENOMEM, "out of memory") : 0;
}

/* Of the plugins that nobody named, one that an image cannot have is no failure. */
static bool is_passed_over(struct diff *d, size_t plugin)
{
    for (size_t i = 0; i < d->images.n && !d->named; i++)
        if (d->images.at[i].results[plugin].result.status == -EG_EUNSUP)
            return true;
    return false;
}

static int show(struct diff *d, size_t plugin)
{
    struct cli_followed *f = d->events.at.at[plugin];
    const char *error = failure(d, plugin);
    const uint64_t before = d->events.n;
    struct eg_error e = { 0 };
    uint64_t unreadable = 0;
    const char **notes;
    size_t n, own;
    int rc = 0;

    if (is_passed_over(d, plugin)) {
        cli_warn(d->cli, "%s: left out: %s", f->reg->name, error);
        return CLI_OK;
    }
    if (!(notes = notes_of(d, plugin, &n, &own)))
        return cli_no_memory();
    for (size_t i = 1; i < d->images.n && !error && !rc; i++)
        rc = compare(d, f, plugin, i, &unreadable, &e);
    if (rc && e.code != EG_ENOMEM)
        return cli_fail(CLI_USAGE, "%s: %s", f->reg->name, e.text);
    error = rc ? e.text : error;
    eg_select_finish(f->select);
    if (unreadable)
        notes[n++] = eg_arena_strf(&d->cli->arena,
                                   "%" PRIu64 " cells can be read in one of two images only: they "
                                   "are not compared",
                                   unreadable);
    // For people, a table without anything in it says less than its name in one line.
    if (d->cli->renderer->suffix || own || unreadable || error || d->events.n > before)
        cli_events_head(f);
    if (d->events.n == before && !error)
        d->unchanged = eg_arena_strf(&d->cli->arena, "%s%s%s", d->unchanged ? d->unchanged : "",
                                     d->unchanged ? ", " : "", f->reg->name);
    n = f->begun;
    cli_events_tail(f, notes, error);
    if (n)
        cli_choice_said(d->cli, f->reg->name, f->select);
    return cli_result(d->cli, f->reg->name, n ? notes : NULL, error, n);
}

static int show_all(struct diff *d)
{
    const struct eg_renderer *r = d->cli->renderer;
    void *state = calloc(1, r->state + !r->state);
    int status = CLI_OK;

    if (!state ||
        add_note(d, eg_arena_strf(&d->cli->arena, "compared with %s", d->images.at[0].path)))
        return cli_no_memory();
    if (!eg_vec_reserve(&d->notes, d->notes.n + 1))
        return cli_no_memory();
    d->notes.at[d->notes.n] = NULL;
    d->o.from.notes = d->notes.at;
    d->o.from.n_results = d->events.at.n;
    r->begin(state, stdout, &d->o.from);
    for (size_t i = 0; i < d->events.at.n; i++) {
        int one;

        d->events.at.at[i]->state = state;
        one = show(d, i);
        status = one ? one : status;
    }
    r->end(state, stdout);
    free(state);
    d->notes.n--; // that it is compared needs no line of its own
    if (strncmp(d->cli->render, "json", 4) != 0)
        for (size_t i = 0; i < d->notes.n; i++)
            cli_fail(0, "note: %s", d->notes.at[i]);
    if (d->unchanged)
        cli_warn(d->cli, "no change: %s", d->unchanged);
    return d->cli->strict && d->notes.n && !status ? CLI_FAILED : status;
}

static void fini(struct diff *d)
{
    for (size_t i = 0; i < d->images.n; i++)
        for (size_t k = 0; d->images.at[i].results && k < d->events.at.n; k++) {
            eg_kept_fini(&d->images.at[i].results[k].rows);
            eg_arena_fini(&d->images.at[i].results[k].result.arena);
        }
    cli_close(&d->o);
    cli_events_fini(&d->events);
    eg_vec_fini(&d->images);
    eg_vec_fini(&d->notes);
}

static int run_verb(struct cli *c)
{
    struct diff d = { .cli = c, .events = { .cli = c } };
    int status = read_words(&d);

    if (!status && !strcmp(c->render, "csv") && d.events.at.n > 1)
        status = cli_fail(CLI_USAGE, "-r csv: one plugin at a time");
    if (!status)
        status = cli_rules_read(&d.events, cli_arg(c, "rules"));
    if (!status)
        status = cli_events_check(&d.events, NULL);
    for (size_t i = 0; i < d.images.n && !status; i++) {
        cli_close(&d.o);
        status = read_image(&d, &d.images.at[i]);
    }
    if (!status)
        status = note_boots(&d);
    if (!status)
        status = show_all(&d);
    fini(&d);
    return status;
}

static const struct eg_arg args[] = {
    CLI_EVENT_ARGS,
    EG_ARG(rules, FILE, "a file of rules, which tell some changes apart: column ALERT"),
    { NULL, EG_ARG_FLAG, NULL },
};

CLI_VERB(diff) = {
    .name = "diff",
    .usage = "IMAGE IMAGE... [PLUGIN[,PLUGIN]]",
    .help = "compare images of one machine: what was born, is gone, has changed",
    .args = args,
    .min = 1,
    .max = UINT_MAX,
    .image = CLI_WANTS_IMAGE,
    .order = 64,
    .words = { "IMAGE", "PLUGINS" },
    .plugins = true,
    .table = true,
    .run = run_verb,
};
