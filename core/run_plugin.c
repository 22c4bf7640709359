/* run_plugin.c - the run of a plugin: can it run here, its start, its result. */
#include "run_plugin.h"
#include "args.h"
#include "profile.h"
#include <string.h>

/** Are the kernel's own types known? Then what they lack the kernel lacks. */
static bool has_types(const struct eg_system *sys)
{
    const struct eg_profile *p = sys->types.n_layers ? sys->types.layers[0].profile : NULL;

    return p && p->n_types > 1 && !p->partial;
}

static int prepare(struct eg_system *sys, const struct eg_plugin_reg *p,
                   const struct eg_run_options *o, struct eg_error *e)
{
    const char *os = p->plugin->os, *lacks, *unknown = eg_plugin_unknown_use(p->plugin);
    struct eg_arena a = { 0 };
    int rc;

    if (os && (!sys->os || strcmp(sys->os->name, os) != 0))
        return eg_fail(e, EG_EUNSUP, "it needs a %s kernel, and none was found in the image", os);
    if (unknown)
        return eg_fail(e, EG_EUSAGE,
                       "it uses '%s', and no walker or function has this name: see `engram help "
                       "walkers` and `engram help functions`",
                       unknown);
    rc = eg_args_check(sys, p, o, e);
    if (rc < 0)
        return rc;
    lacks = eg_plugin_lacks(sys, p->plugin, &a);
    if (lacks && has_types(sys) && !strstr(lacks, "symbol "))
        rc = eg_fail(e, EG_EUNSUP,
                     "this kernel's types have no %s: built without it, or the name is wrong",
                     lacks);
    else if (lacks)
        rc = eg_fail(e, EG_EUNSUP, "this kernel's profile lacks %s", lacks);
    eg_arena_fini(&a);
    return rc;
}

static void take_notes(struct eg_run *r, struct eg_run_result *out)
{
    size_t n = r->notes.n + (r->n_lost_notes != 0);

    out->notes = eg_arena_array(&out->arena, char *, n + 1);
    for (size_t i = 0; out->notes && i < r->notes.n; i++)
        out->notes[i] =
            eg_arena_strndup(&out->arena, r->notes.at[i].text, strlen(r->notes.at[i].text));
    if (out->notes && r->n_lost_notes)
        out->notes[n - 1] = eg_arena_strf(&out->arena, "%zu more notes", r->n_lost_notes);
    out->n_notes = out->notes ? n : 0;
}

static void take_files(const struct eg_run *r, struct eg_run_result *out)
{
    const size_t n = r->outputs.n;

    out->files = n ? eg_arena_array(&out->arena, const char *, n) : NULL;
    for (size_t i = 0; out->files && i < n; i++) {
        const char *name = r->outputs.at[i].name;

        if (!(name = eg_arena_strndup(&out->arena, name, strlen(name))))
            break;
        out->files[out->n_files++] = name;
    }
}

static void take_error(struct eg_run_result *out, int rc, const char *text)
{
    out->status = rc;
    out->error = rc ? eg_arena_strf(&out->arena, "%s", text) : NULL;
    if (!out->notes)
        out->notes = eg_arena_array(&out->arena, char *, 1);
}

struct eg_run *eg_run_begin(struct eg_system *sys, const struct eg_plugin_reg *p,
                            const struct eg_run_options *o, struct eg_sink sink,
                            struct eg_run_result *out)
{
    struct eg_error e = { 0 };
    struct eg_run *r = NULL;
    int rc = prepare(sys, p, o, &e);

    *out = (struct eg_run_result){ 0 };
    if (rc == 0)
        rc = eg_run_open(&r, sys, o, &e);
    if (rc == 0) {
        r->plugin = p;
        r->sink = sink;
        rc = eg_processes_begin(r, &e);
        r->values = rc ? NULL : eg_arena_array(&r->arena, struct eg_value, r->n_columns + 1);
        if (!rc && !r->values)
            rc = eg_fail(&e, EG_ENOMEM, "run: out of memory");
    }
    if (rc < 0) {
        eg_run_close(r);
        take_error(out, rc, e.text);
        return NULL;
    }
    return r;
}

static int note_unmatched(struct eg_run *r, void *context)
{
    (void)context;
    eg_args_unmatched(r);
    return 0;
}

void eg_run_end(struct eg_run *r, int rc, struct eg_run_result *out)
{
    eg_run_close_outputs(r);
    if (!eg_stopped(r) && !eg_cancelled)
        eg_run_do(r, note_unmatched, NULL);
    if (!r->status && eg_cancelled)
        eg_run_fail(r, EG_ECANCEL, "stopped before it was complete");
    if (!r->status && rc)
        eg_failed(r, "it failed with code %d and did not say why", rc);
    out->n_rows = r->n_rows;
    take_notes(r, out);
    take_files(r, out);
    take_error(out, r->status, r->error);
    eg_run_close(r);
}

struct eg_run_options eg_run_nested(const struct eg_run *r)
{
    const struct eg_run_options *from = r->options;

    return (struct eg_run_options){
        .threads = 1,
        .quiet = true,
        .depth = from->depth + 1,
        .deadline = from->deadline,
        .seconds = from->seconds,
        .memory_limit = from->memory_limit,
        .script_memory = from->script_memory,
        .script_steps = from->script_steps,
        .script_output = from->script_output,
    };
}

void eg_run_pass_notes(struct eg_run *r, const char *name, const struct eg_run_result *of)
{
    const size_t len = strlen(name);

    for (size_t i = 0; i < of->n_notes; i++) {
        const char *note = of->notes[i];
        const bool begins = !strncmp(note, name, len) && note[len] == ':';

        eg_note(r, "%s%s%s", begins ? "" : name, begins ? "" : ": ", note);
    }
}
