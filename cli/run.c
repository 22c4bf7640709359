/* run.c - engram IMAGE PLUGIN[,PLUGIN…]: each plugin is a run of its own, several at once; the
 * results come out in the order asked for. */
#include "run.h"
#include "../core/args.h"
#include "../core/newfile.h"
#include "../core/parallel.h"
#include "../core/search.h"
#include "../core/times.h"
#include "choice.h"
#include "coverage.h"
#include "habits.h"
#include "provenance.h"
#include "report.h"
#include "spool.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct job {
    struct eg_newfile to; /* its own file, if each result has one */
    const struct eg_plugin_reg *reg;
    const struct eg_column *columns; /* its own, and those of --context */
    struct eg_result_head head;
    struct eg_select *select; /* NULL: all rows */
    struct eg_run_result result;
    void *state; /* its own copy of the renderer's */
    FILE *f;
    bool begun; /* its head is written */
};
struct jobs {
    struct cli *cli;
    struct cli_opened o;
    EG_VEC(struct job) at;
    size_t n_searches, first_search;
    bool all;                  /* the word "all" was given */
    bool files;                /* each result in a file of its own */
    struct cli_spools *spools; /* NULL: one result, or a file each */
    void *first, *next;        /* the renderer's state before the first result, and after it */
};

/* ---- which ---- */

static int add(struct jobs *j, const struct eg_plugin_reg *reg)
{
    struct job *job;

    for (size_t i = 0; i < j->at.n; i++)
        if (j->at.at[i].reg == reg)
            return CLI_OK;
    job = eg_vec_push(&j->at);
    if (!job)
        return cli_no_memory();
    job->reg = reg;
    job->columns = eg_plugin_columns(reg->plugin, j->cli->args.at, j->cli->args.n, &j->cli->arena);
    if (!job->columns)
        return cli_no_memory();
    job->result = (struct eg_run_result){ .status = -EG_ECANCEL, .error = "was not begun" };
    return CLI_OK;
}

/* The words that name plugins, "all" left for later: it depends on the image. */
static int choose(struct jobs *j)
{
    struct cli *c = j->cli;
    int status = CLI_OK;

    for (size_t i = 0; i < c->words.n && !status; i++) {
        const char *ours =
            i + 1 < c->words.n ? cli_habit_words(c->words.at[i], c->words.at[i + 1]) : NULL;
        char *list = eg_arena_strndup(&c->arena, c->words.at[i], strlen(c->words.at[i])), *save;

        if (ours) { // "ip route": the second word is whose it is
            c->words.at[i + 1] = ours;
            continue;
        }
        if (!list)
            return cli_no_memory();
        for (char *name = strtok_r(list, ",", &save); name && !status;
             name = strtok_r(NULL, ",", &save)) {
            const struct eg_plugin_reg *reg = eg_plugin_find(name);

            if (!strcmp(name, "all"))
                j->all = true;
            else
                status = reg ? add(j, reg) : cli_unknown_plugin(name);
        }
    }
    if (!status && !j->at.n && !j->all)
        status = cli_fail(CLI_USAGE, "'%s': names no plugin; `engram plugins` lists them",
                          c->words.at[0]);
    return status;
}

/* What --filter and the like say must fit each plugin that is named. */
static int choose_rows(struct jobs *j)
{
    struct eg_error e;

    for (size_t i = 0; i < j->at.n; i++) {
        struct job *job = &j->at.at[i];
        const struct eg_plugin *p = job->reg->plugin;

        if (eg_select_open(&job->select, &j->cli->select, job->reg->name, job->columns, p->tree,
                           &e))
            return cli_fail(CLI_USAGE, "%s", e.text);
    }
    return CLI_OK;
}

/* Of `all`, a plugin that lacks one of the columns is left out. */
static int add_chosen(struct jobs *j, const struct eg_plugin_reg *p)
{
    const size_t before = j->at.n;
    int status = add(j, p), rc;
    struct eg_error e;

    if (status || j->at.n == before)
        return status;
    rc = eg_select_open(&j->at.at[before].select, &j->cli->select, p->name,
                        j->at.at[before].columns, p->plugin->tree, &e);
    if (!rc)
        return CLI_OK;
    j->at.n = before;
    if (rc != -EG_ENOTFOUND)
        return cli_fail(CLI_USAGE, "%s", e.text);
    cli_warn(j->cli, "%s: left out: %s", p->name, e.text);
    return CLI_OK;
}

static int add_all(struct jobs *j)
{
    const struct eg_plugin_reg *p;
    struct eg_arena a = { 0 };
    int status = CLI_OK;

    for (size_t i = 0; (p = eg_plugin_nth(i)) && !status; i++) {
        const char *lacks;

        if (p->plugin->scan || p->plugin->asks ||
            (eg_wants_times(j->cli->render) && !eg_has_times(p->plugin->columns)))
            continue;
        lacks = eg_plugin_lacks(j->o.sys, p->plugin, &a);
        if (!lacks)
            status = add_chosen(j, p);
        else
            cli_warn(j->cli, "%s: left out, the image lacks %s", p->name, lacks);
    }
    eg_arena_fini(&a);
    if (!status && !j->at.n && cli_choice_given(j->cli))
        status = cli_fail(CLI_USAGE, "no plugin has the columns that are named");
    return status;
}

/* Every option must mean something to one of the plugins at least. */
static int check_options(const struct jobs *j)
{
    for (size_t i = 0; i < j->cli->args.n; i++) {
        const char *name = j->cli->args.at[i].name;
        bool known = false;

        for (size_t k = 0; k < j->at.n && !known; k++)
            known = eg_plugin_arg(j->at.at[k].reg->plugin, name);
        if (!known && eg_is_process_arg(name))
            return cli_fail(CLI_USAGE,
                            "--%s chooses processes, and the rows of %s are not of processes; "
                            "`engram help %s` lists its options",
                            name, j->at.n == 1 ? j->at.at[0].reg->name : "these plugins",
                            j->at.n ? j->at.at[0].reg->name : "PLUGIN");
        if (!known)
            return cli_fail(CLI_USAGE, "--%s: no option of %s; `engram help %s` lists them", name,
                            j->at.n == 1 ? j->at.at[0].reg->name : "these plugins",
                            j->at.n ? j->at.at[0].reg->name : "PLUGIN");
    }
    return CLI_OK;
}

/* What the result says of its arguments: those that this plugin declares. */
static int make_head(struct jobs *j, struct job *job)
{
    struct cli *c = j->cli;
    const struct eg_plugin *p = job->reg->plugin;
    const char **args = eg_arena_array(&c->arena, const char *, c->args.n + 1);
    size_t n = 0;

    if (!args)
        return cli_no_memory();
    for (size_t i = 0; i < c->args.n; i++)
        if (eg_plugin_arg(p, c->args.at[i].name))
            args[n++] = eg_arena_strf(&c->arena, "%s=%s", c->args.at[i].name,
                                      c->args.at[i].value ? c->args.at[i].value : "true");
    job->head = (struct eg_result_head){ .plugin = job->reg->name,
                                         .columns = job->columns,
                                         .tree = p->tree };
    while (job->columns[job->head.n_columns].name)
        job->head.n_columns++;
    return cli_choice_head(c, job->select, args, &job->head) ? CLI_OK : cli_no_memory();
}

/* -r body and -r timesketch write times and nothing else. */
static int check_times(const struct jobs *j)
{
    for (size_t i = 0; i < j->at.n && eg_wants_times(j->cli->render); i++)
        if (!eg_has_times(j->at.at[i].reg->plugin->columns))
            return cli_fail(CLI_USAGE,
                            "%s: has no column of times, which -r %s writes; `timeline` has what "
                            "plugins know the time of",
                            j->at.at[i].reg->name, j->cli->render);
    return CLI_OK;
}

/* ---- where to ---- */

static void *copy_state(const struct eg_renderer *r, const void *from)
{
    void *state = malloc(r->state + !r->state);

    if (state)
        memcpy(state, from, r->state);
    return state;
}

/* One state for the first result; one for all others: that of a renderer which has one result
 * behind it. */
static int begin(struct jobs *j)
{
    const struct eg_renderer *r = j->cli->renderer;
    FILE *nowhere = fopen("/dev/null", "w");

    j->o.from.n_results = j->at.n;
    j->first = calloc(1, r->state + !r->state);
    if (!j->first || !nowhere) {
        if (nowhere)
            fclose(nowhere);
        return cli_no_memory();
    }
    r->begin(j->first, stdout, &j->o.from);
    j->next = copy_state(r, j->first);
    if (j->next && j->at.n) {
        r->head(j->next, nowhere, &j->at.at[0].head);
        r->tail(j->next, nowhere, &j->at.at[0].head, (const char *const[]){ NULL }, NULL);
    }
    fclose(nowhere);
    return j->next ? CLI_OK : cli_no_memory();
}

static struct cli_written written(const struct jobs *j, const struct job *job, struct eg_arena *a)
{
    return (struct cli_written){ a, j->cli->out, job->to.path, &job->head };
}

/* CLI_CANNOT_OPEN is said of the image only. */
static int cannot_write(const struct eg_error *e)
{
    return cli_fail(e->code == EG_EUSAGE ? CLI_USAGE : CLI_FAILED, "%s", e->text);
}

/* With -o, each result that is not for people gets a file of its own. */
static int open_file(struct jobs *j, struct job *job)
{
    const char *path = eg_arena_strf(&j->cli->arena, "%s/%s.%s", j->cli->out, job->reg->name,
                                     j->cli->renderer->suffix);
    struct cli_written beside;
    struct eg_error e;

    if (!path)
        return cli_no_memory();
    if (mkdir(j->cli->out, 0777) && errno != EEXIST)
        return cli_fail(CLI_FAILED, "-o %s: %s", j->cli->out, strerror(errno));
    if (eg_newfile_open(&job->to, path, j->cli->force, &e) < 0)
        return cannot_write(&e);
    beside = written(j, job, &j->cli->arena);
    if (!(path = cli_provenance_path(&beside)))
        return cli_no_memory();
    if (eg_newfile_check(path, j->cli->force, &e) < 0)
        return cannot_write(&e);
    job->f = job->to.f;
    j->cli->renderer->begin(job->state, job->f, &j->o.from);
    return CLI_OK;
}

static int open_output(struct jobs *j, size_t i)
{
    struct job *job = &j->at.at[i];

    job->state = j->files ? calloc(1, j->cli->renderer->state + 1)
                          : copy_state(j->cli->renderer, i ? j->next : j->first);
    if (job->state && j->files)
        return open_file(j, job);
    if (job->state)
        job->f = j->spools ? cli_spool(j->spools, i) : stdout;
    return job->f ? CLI_OK : cli_no_memory();
}

/* ---- the work ---- */

struct row_sink {
    const struct eg_renderer *r;
    struct job *job;
};

/* Before the first row or, if there is none, at the end: only then is it known that the plugin has
 * accepted its arguments. */
static void write_head(const struct eg_renderer *r, struct job *job)
{
    if (!job->begun)
        r->head(job->state, job->f, &job->head);
    job->begun = true;
}

static void put_row(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    const struct row_sink *s = context;

    (void)n;
    write_head(s->r, s->job);
    s->r->row(s->job->state, s->job->f, &s->job->head, depth, v);
}

/* What a choice of rows lacks is a note more, or the error. */
static void end_choice(struct job *job)
{
    struct eg_run_result *r = &job->result;
    const char *note, *error;
    char **notes;

    eg_select_finish(job->select);
    note = cli_choice_note(&r->arena, job->select);
    error = cli_choice_error(job->select);
    notes = note ? eg_arena_array(&r->arena, char *, r->n_notes + 2) : NULL;
    if (notes) {
        if (r->n_notes)
            memcpy(notes, r->notes, r->n_notes * sizeof *notes);
        notes[r->n_notes++] = eg_arena_strf(&r->arena, "%s", note);
        r->notes = notes;
    }
    if (error && !r->status) {
        r->status = -EG_ENOMEM;
        r->error = eg_arena_strf(&r->arena, "%s", error);
    }
}

static void end_job(struct jobs *j, struct job *job)
{
    const struct eg_renderer *r = j->cli->renderer;
    const struct cli_written to = written(j, job, &job->result.arena);
    const bool own = job->f != stdout;
    struct eg_error e = { 0 };
    bool bad, kept;

    end_choice(job);

    // A mistake on the command line has no result, except where a program looks for the error.
    if (job->begun || job->result.status != -EG_EUSAGE || !strncmp(j->cli->render, "json", 4)) {
        write_head(r, job);
        r->tail(job->state, job->f, &job->head, (const char *const *)job->result.notes,
                job->result.error);
    }
    if (!j->spools && own)
        r->end(job->state, job->f);
    bad = ferror(job->f);
    kept = job->to.f && job->begun;
    if (job->to.f && !kept)
        eg_newfile_drop(&job->to);
    else if (kept)
        bad = eg_newfile_keep(&job->to, &e) < 0;
    else if (own)
        bad |= fclose(job->f) != 0;
    if (!bad && (kept || (!to.table && job->result.n_files)))
        bad = cli_write_provenance(&to, &j->o.from, &job->result, j->cli->force, &e) < 0;
    if (bad && (own || *e.text) && !job->result.status) {
        job->result.status = -EG_EIO;
        job->result.error = *e.text ? eg_arena_strf(&job->result.arena, "%s", e.text) : NULL;
    }
    job->f = NULL;
}

/* All that search, in one pass. */
static void search(struct jobs *j, const struct eg_run_options *o)
{
    const struct eg_plugin_reg **regs = calloc(j->n_searches, sizeof *regs);
    struct eg_run_result *results = calloc(j->n_searches, sizeof *results);
    struct row_sink *rows = calloc(j->n_searches, sizeof *rows);
    struct eg_sink *sinks = calloc(j->n_searches, sizeof *sinks);
    const bool room = regs && results && rows && sinks;
    size_t n = 0;

    for (size_t i = 0; room && i < j->at.n; i++) {
        struct job *job = &j->at.at[i];

        if (!job->reg->plugin->scan)
            continue;
        regs[n] = job->reg;
        rows[n] = (struct row_sink){ j->cli->renderer, job };
        sinks[n] = eg_select_sink(job->select, (struct eg_sink){ put_row, &rows[n] });
        n++;
    }
    if (room)
        eg_search(j->o.sys, regs, n, o, sinks, results);
    n = 0;
    for (size_t i = 0; i < j->at.n; i++) {
        struct job *job = &j->at.at[i];

        if (!job->reg->plugin->scan)
            continue;
        if (room)
            job->result = results[n++];
        else
            job->result = (struct eg_run_result){ .status = -EG_ENOMEM, .error = "out of memory" };
        end_job(j, job);
    }
    free(regs);
    free(results);
    free(rows);
    free(sinks);
}

/* The piece that runs this plugin; of those that search, the first runs all. */
static int work(void *context, size_t piece, unsigned worker)
{
    struct jobs *j = context;
    struct job *job = &j->at.at[piece];
    struct row_sink rows = { j->cli->renderer, job };
    const struct eg_run_options options = {
        .args = j->cli->args.at,
        .n_args = j->cli->args.n,
        .out_dir = j->cli->out,
        .replace = j->cli->force,
        .threads = (unsigned)j->cli->jobs,
        .seconds = (unsigned)j->cli->script_seconds,
        .script_memory = j->cli->script_memory,
        // One progress line, not several over each other.
        .quiet = j->cli->quiet || j->at.n > EG_MAX(j->n_searches, 1),
    };

    (void)worker;
    if (job->reg->plugin->scan) {
        if (piece == j->first_search)
            search(j, &options);
        return 0;
    }
    eg_plugin_run(j->o.sys, job->reg, &options,
                  eg_select_sink(job->select, (struct eg_sink){ put_row, &rows }), &job->result);
    end_job(j, job);
    return 0;
}

/* What the format has no place for, in order; and the exit status. */
static int report(const struct jobs *j)
{
    int status = cli_image_notes(j->cli, &j->o, true);
    bool stopped = false, wrote = j->files;

    for (size_t i = 0; i < j->at.n; i++) {
        const struct eg_run_result *r = &j->at.at[i].result;
        const char *error = r->error ? r->error : "its output could not be written";
        const bool cancelled = r->status == -EG_ECANCEL; // the result says so itself
        int one;

        if (j->at.at[i].begun)
            cli_choice_said(j->cli, j->at.at[i].reg->name, j->at.at[i].select);
        one = cli_result(j->cli, j->at.at[i].reg->name, (const char *const *)r->notes,
                         r->status && !cancelled ? error : NULL, j->at.at[i].begun);

        if (one && r->status == -EG_EUSAGE)
            one = CLI_USAGE;
        stopped |= cancelled;
        wrote |= r->n_files != 0;
        status = one ? one : status;
    }
    if (j->all)
        cli_say_coverage(j->cli);
    if (j->cli->out && !wrote && !status)
        cli_warn(j->cli,
                 "-o %s: nothing was written there: there was nothing to dump, and a table for "
                 "people is printed; with -r csv, json or jsonl it is a file",
                 j->cli->out);
    return stopped ? cli_fail(CLI_FAILED, "stopped before it was done") : status;
}

static int run_jobs(struct jobs *j)
{
    int status = CLI_OK, error = 0, ended;

    for (size_t i = 0; i < j->at.n && !status; i++)
        status = make_head(j, &j->at.at[i]);
    if (status || (!j->files && (status = begin(j))))
        return status;
    if (!j->files && j->at.n > 1 &&
        !(j->spools = cli_spools_open(stdout, j->at.n, j->cli->open.tmp_dir)))
        return cli_no_memory();
    for (size_t i = 0; i < j->at.n && !status; i++)
        status = open_output(j, i);
    for (size_t i = j->at.n; i-- > 0;)
        if (j->at.at[i].reg->plugin->scan) {
            j->first_search = i;
            j->n_searches++;
        }
    if (!status)
        eg_parallel((unsigned)j->cli->jobs, j->at.n, work, j);
    ended = cli_go_on(&j->o);
    for (size_t i = 0; i < j->at.n; i++)
        if (j->at.at[i].to.f)
            eg_newfile_drop(&j->at.at[i].to);
        else if (j->at.at[i].f && j->at.at[i].f != stdout)
            fclose(j->at.at[i].f);
    if (j->spools)
        error = cli_spools_close(j->spools);
    if (status)
        return status;
    if (!j->files)
        j->cli->renderer->end(j->next, stdout);
    if (error && !ferror(stdout)) // else main says it
        return cli_fail(CLI_FAILED, "output: %s", strerror(error));
    status = report(j);
    status = ended ? ended : status;
    errno = error ? error : errno;
    return status;
}

/* Values that no plugin could use are mistakes on the command line, not failures of a run. */
static int check_values(const struct jobs *j)
{
    const struct eg_run_options o = { .args = j->cli->args.at, .n_args = j->cli->args.n };
    struct eg_error e;

    for (size_t i = 0; i < j->at.n; i++)
        if (eg_args_check(j->o.sys, j->at.at[i].reg, &o, &e))
            return cli_fail(CLI_USAGE, "%s: %s", j->at.at[i].reg->name, e.text);
    return CLI_OK;
}

static void fini(struct jobs *j)
{
    for (size_t i = 0; i < j->at.n; i++) {
        eg_arena_fini(&j->at.at[i].result.arena);
        eg_select_close(j->at.at[i].select);
        free(j->at.at[i].state);
    }
    eg_vec_fini(&j->at);
    free(j->first);
    free(j->next);
}

int cli_run(struct cli *c)
{
    struct jobs j = { .cli = c };
    int status = choose(&j);

    if (!status && !c->image)
        status = cli_fail(CLI_USAGE, "%s: no image given: engram IMAGE %s", c->words.at[0],
                          c->words.at[0]);
    if (!status && !j.all)
        status = check_options(&j);
    if (!status)
        status = check_times(&j);
    if (!status)
        status = choose_rows(&j);
    if (!status && (j.all || j.at.n > 1) && !strcmp(c->render, "csv") && !c->out)
        status = cli_fail(CLI_USAGE, "-r csv: several plugins need -o DIR, for a file each");
    j.files = c->out && c->renderer->suffix;
    if (!status)
        status = cli_open(c, &j.o);
    if (!status && !j.o.sys->os && (j.all || (j.at.n && j.at.at[0].reg->plugin->os)))
        status = cli_no_system(c, &j.o, true);
    if (!status && j.all && !(status = add_all(&j)))
        status = check_options(&j);
    if (!status)
        status = check_values(&j);
    if (!status)
        status = run_jobs(&j);
    fini(&j);
    cli_close(&j.o);
    return status;
}

int cli_run_one(struct cli *c, const struct cli_opened *o, const struct eg_plugin_reg *reg)
{
    struct jobs j = { .cli = c, .o = *o };
    int status = add(&j, reg);

    j.o.n_notes = 0;    // they have been said
    j.o.went_on = true; // who opened it, goes on
    if (!status)
        status = check_times(&j);
    if (!status && !(status = check_options(&j)) && !(status = check_values(&j)))
        status = run_jobs(&j);
    fini(&j);
    return status;
}
