/* search.c - runs the plugins that search: which memory they examine, one pass over it for all of
 * them, and the cells that all their rows have. */
#include "args.h"
#include "run_plugin.h"
#include "search_pass.h"
#include "space.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    AROUND_MAX = 1 << 20,  // bytes before and behind a window that a scanner may ask for
    OWNERS_MAX = 4,        // owners of a hit that are named
    OWNER_TEXT_MAX = 1024, // bytes of the text of one owner
};

/* ---- the memory to search ---- */

static const char *place_name(enum eg_place p)
{
    return p == EG_PLACE_KERNEL      ? "--in kernel"
           : p == EG_PLACE_PROCESSES ? "--in processes"
                                     : "--owners";
}

static int find_regions(struct eg_run *r, void *context)
{
    struct eg_pass *s = context;
    enum eg_place place;
    struct eg_region *all;
    struct eg_error e;

    if (eg_search_place(r->options, &place, &e) < 0)
        return eg_run_fail(r, e.code, "%s", e.text);
    if (!s->memory && (place != EG_PLACE_PHYSICAL || s->with_owners))
        return eg_run_fail(r, EG_EUNSUP,
                           "%s: needs an operating system, and none was found in the image",
                           place_name(place));
    if (place != EG_PLACE_PHYSICAL)
        return s->memory->regions(r, place == EG_PLACE_KERNEL, EG_MAX(s->before, s->behind),
                                  &s->regions);
    all = eg_vec_push(&s->regions.list);
    if (!all)
        return eg_run_fail(r, EG_ENOMEM, "out of memory");
    *all = (struct eg_region){ .space = eg_physical(r), .last = eg_physical(r)->last, .pid = -1 };
    return 0;
}

/* ---- the pass ---- */

static int begin(struct eg_run *r, void *context)
{
    struct eg_searcher *p = context;

    p->begun = true;
    return p->scan->begin ? p->scan->begin(r, &p->state) : 0;
}

static int finish(struct eg_run *r, void *context)
{
    const struct eg_searcher *p = context;

    return p->scan->done(r, p->state);
}

/** Add the notes of the pass to the result of each plugin. */
static int take_notes(struct eg_run *r, void *context)
{
    const struct eg_run *from = context;

    for (size_t i = 0; i < from->notes.n; i++)
        eg_note(r, "%s", from->notes.at[i].text);
    return 0;
}

static int note_unmatched(struct eg_run *r, void *context)
{
    (void)context;
    eg_args_unmatched(r);
    return 0;
}

/** Open the run of the pass itself, for the first plugin that has not failed, and compute the
 * largest number of bytes before and behind a window that any of them needs. */
static struct eg_run *open_pass(struct eg_pass *s, struct eg_system *sys)
{
    struct eg_error e;

    for (size_t i = 0; i < s->n; i++) {
        const struct eg_searcher *p = &s->at[i];

        if (atomic_load(&p->over))
            continue;
        s->before = EG_MAX(s->before, EG_MIN(p->scan->before, (size_t)AROUND_MAX));
        s->behind = EG_MAX(s->behind, EG_MIN(p->scan->behind, (size_t)AROUND_MAX));
        if (s->run)
            continue;
        if (eg_run_open(&s->run, sys, s->options, &e) < 0) {
            eg_pass_fail(s, e.code, e.text);
            return NULL;
        }
        s->run->plugin = p->run->plugin;
        s->with_owners = eg_arg_flag(s->run, "owners");
    }
    return s->run;
}

static void search(struct eg_pass *s, struct eg_system *sys)
{
    for (size_t i = 0; i < s->n; i++) {
        struct eg_searcher *p = &s->at[i];
        int rc = p->run ? eg_run_do(p->run, begin, p) : -1;

        if (p->run && rc)
            eg_run_fail(p->run, EG_EFORMAT, "it failed with code %d and did not say why", rc);
        atomic_init(&p->over, rc != 0);
    }
    s->memory = sys->os ? sys->os->memory : NULL;
    if (!open_pass(s, sys))
        return;
    if (eg_run_do(s->run, find_regions, s) < 0)
        eg_pass_fail(s, (enum eg_errno) - s->run->status, s->run->error);
    else if (!eg_run_do(s->run, note_unmatched, NULL))
        eg_pass_scan(s);
}

void eg_search(struct eg_system *sys, const struct eg_plugin_reg *const *p, size_t n,
               const struct eg_run_options *o, const struct eg_sink *sinks,
               struct eg_run_result *out)
{
    static const struct eg_run_options no_options;
    struct eg_pass s = { .at = calloc(n, sizeof *s.at), .n = n, .options = o ? o : &no_options };

    for (size_t i = 0; i < n; i++) {
        out[i] = (struct eg_run_result){ .status = -EG_ENOMEM };
        if (!s.at)
            continue;
        s.at[i].scan = p[i]->plugin->scan;
        s.at[i].run = eg_run_begin(sys, p[i], s.options, sinks[i], &out[i]);
        if (s.at[i].run)
            s.at[i].run->pass = &s;
    }
    if (!s.at)
        return;
    search(&s, sys);
    for (size_t i = 0; i < n; i++) {
        struct eg_searcher *q = &s.at[i];

        if (q->begun && q->scan->done && !eg_stopped(q->run))
            eg_run_do(q->run, finish, q);
        if (q->begun && q->scan->end)
            q->scan->end(q->state);
        if (!q->run)
            continue;
        if (s.run)
            eg_run_do(q->run, take_notes, s.run);
        eg_run_end(q->run, 0, &out[i]);
    }
    eg_vec_fini(&s.regions.list);
    eg_vec_fini(&s.text);
    eg_run_close(s.run);
    free(s.at);
}

/* ---- cells ---- */

struct eg_cell eg_hit_address(struct eg_run *r, const struct eg_region *region,
                              const struct eg_hit *h)
{
    return region->space == eg_physical(r) ? (struct eg_cell){ 0 } : eg_uint(h->addr);
}

struct eg_cell eg_hit_physical(struct eg_run *r, const struct eg_region *region,
                               const struct eg_hit *h)
{
    uint64_t at;

    return eg_translate(&r->view, region->space, h->addr, eg_physical(r), &at)
               ? eg_uint(at)
               : eg_missing((enum eg_why)r->view.why, h->addr);
}

/** An owner as text: "page cache: /usr/bin/bash+0x1000" or
 * "pid 272 bash 0x55…: /usr/bin/bash+0x1000". @return as snprintf(). */
static size_t owner_text(const struct eg_owner *o, char *out, size_t size)
{
    const bool process = o->pid >= 0;
    char who[96] = "", at[24] = "", off[24] = "";

    if (process)
        snprintf(who, sizeof who, "%spid %" PRId64 "%s%s", strcmp(o->kind, "process") ? " " : "",
                 o->pid, o->comm ? " " : "", o->comm ? o->comm : "");
    if (o->addr)
        snprintf(at, sizeof at, " 0x%" PRIx64, o->addr);
    if (o->name && o->offset)
        snprintf(off, sizeof off, "+0x%" PRIx64, o->offset);
    return (size_t)snprintf(out, size, "%s%s%s%s%s%s",
                            process && !strcmp(o->kind, "process") ? "" : o->kind, who, at,
                            o->name ? ": " : "", o->name ? o->name : "", off);
}

const char *eg_owner_text(struct eg_run *r, const struct eg_owner *o)
{
    char text[OWNER_TEXT_MAX];

    owner_text(o, text, sizeof text);
    return eg_strf(r, "%s", text);
}

struct asking {
    struct eg_pass *pass;
    uint64_t addr;
    size_t n; // owners
};

static void each_owner(void *context, const struct eg_owner *o)
{
    struct asking *a = context;
    struct eg_pass *s = a->pass;
    char text[OWNER_TEXT_MAX];
    size_t len;

    if (a->n++ >= OWNERS_MAX)
        return;
    len = EG_MIN(owner_text(o, text, sizeof text), sizeof text - 1);
    if (!eg_vec_reserve(&s->text, s->text.n + len + 2)) {
        eg_run_fail(s->run, EG_ENOMEM, "out of memory for the owners of a hit");
        return;
    }
    if (s->text.n) {
        memcpy(s->text.at + s->text.n, "; ", 2);
        s->text.n += 2;
    }
    memcpy(s->text.at + s->text.n, text, len);
    s->text.n += len;
}

static int ask(struct eg_run *r, void *context)
{
    struct asking *a = context;
    struct eg_pass *s = a->pass;

    if (!s->owners)
        s->owners = s->memory->owners_open(r);
    if (s->owners)
        s->memory->owners(r, s->owners, a->addr, each_owner, a);
    if (a->n > OWNERS_MAX) {
        char more[32];

        snprintf(more, sizeof more, "%zu more", a->n - OWNERS_MAX);
        a->n = 0;
        each_owner(a, &(struct eg_owner){ .kind = more, .pid = -1 });
    }
    return 0;
}

struct eg_cell eg_hit_owners(struct eg_run *r, const struct eg_region *region,
                             const struct eg_hit *h)
{
    struct eg_pass *s = r->pass;
    struct asking a = { .pass = s };

    if (!s || !s->with_owners)
        return (struct eg_cell){ 0 };
    if (!eg_translate(&r->view, region->space, h->addr, eg_physical(r), &a.addr))
        return eg_missing((enum eg_why)r->view.why, h->addr);
    s->text.n = 0;
    if (eg_run_do(s->run, ask, &a) < 0) {
        eg_run_fail(r, (enum eg_errno) - s->run->status, "%s", s->run->error);
        return (struct eg_cell){ 0 };
    }
    return eg_textn(s->text.n ? s->text.at : "", s->text.n);
}
