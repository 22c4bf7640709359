/* timeline - every time that any plugin tells, in one order. Which plugins these are follows from
 * their columns: whoever declares one of times is a source, also a plugin from elsewhere. */
#include "../../core/parallel.h"
#include "../../core/registry.h"
#include "../../core/run_plugin.h"
#include "../../core/times.h"
#include "../../core/vec.h"
#include "../../core/zone.h"
#include <stdlib.h>

#define COLUMNS(C)                                                                                 \
    C(TIME, TIME, "when")                                                                          \
    C(SOURCE, TEXT, "the plugin that tells it")                                                    \
    C(KIND, TEXT, "what the time is of: the source's column, CREATION_TIME, MTIME")                \
    C(PID, INT, "process id")                                                                      \
    C(TID, INT, "thread id", EG_MINOR)                                                             \
    C(COMM, TEXT, "name of the task; it can change it")                                            \
    C(TEXT, TEXT, "what the source says of it: its column TEXT, or its other columns")             \
    C(ALSO, TEXT, "other sources that tell the same of the same object", EG_MINOR)                 \
    C(OFFSET, ADDR, "of the object that has the time: the source's OFFSET or INODE_ADDRESS",       \
      EG_MINOR)                                                                                    \
    C(INODE, INT, "of a file's times its number", EG_MINOR | EG_ASKED)                             \
    C(FILE_MODE, TEXT, "of a file's times its type and permissions, as ls shows them",             \
      EG_MINOR | EG_ASKED)                                                                         \
    C(UID, INT, "owner, where the source tells it", EG_MINOR | EG_ASKED)                           \
    C(GID, INT, "group, where the source tells it", EG_MINOR | EG_ASKED)                           \
    C(SIZE, INT, "of a file's times its bytes", EG_ASKED)
EG_COLUMNS(COLUMNS);

enum {
    NESTED_MAX = 3,  /* runs, each started by the one before: a source may use timeline itself */
    TEXT_MAX = 2048, /* bytes of one TEXT */
    ALSO_MAX = 8,
};
static const size_t memory_max = (size_t)1 << 30; /* of all rows together */
static const size_t none = SIZE_MAX;

/** Numbers that a row's own columns tell, where it has them. */
enum told { PID, TID, OBJECT, INODE, UID, GID, SIZE, TOLD };

/** What the times of one row share. */
struct subject {
    const struct source *source;
    const char *text, *comm, *mode;
    int64_t n[TOLD];
    bool has[TOLD];
    uint32_t row; /* of the source's rows */
};
struct event {
    int64_t time;
    const char *kind;
    const struct subject *of;
    const char *also;
};
struct source {
    struct timeline *all;
    const struct eg_plugin_reg *reg;
    const struct eg_column *columns;
    size_t n_columns;
    size_t numbers[TOLD], comm, mode, text; /* where these columns are; none */
    EG_VEC(struct event) events;
    struct eg_arena arena, scratch;
    uint32_t rows;
    size_t counted; /* bytes of it that are in timeline.used */
    struct eg_run_result result;
};
struct timeline {
    struct eg_run *run;
    struct source *at;
    size_t n;
    _Atomic(size_t) used;
    atomic_bool full;
    int64_t since, until;
    struct event *events;
    size_t n_events;
};

/* ---- the rows of one source ---- */

static size_t column(const struct source *s, const char *name, enum eg_column_kind kind)
{
    for (size_t i = 0; i < s->n_columns; i++)
        if (s->columns[i].kind == kind && !strcmp(s->columns[i].name, name))
            return i;
    return none;
}

static bool is_number(const struct eg_value *v)
{
    return v->tag == EG_V_INT || v->tag == EG_V_UINT;
}

static const char *text_of(struct source *s, const struct eg_value *v, size_t i)
{
    return eg_value_plain_text(&s->scratch, &s->columns[i], &v[i]);
}

static bool is_said(const struct source *s, const struct eg_value *v, size_t i)
{
    for (size_t k = 0; k < TOLD; k++)
        if (i == s->numbers[k])
            return false;
    return i != s->comm && i != s->mode && s->columns[i].kind != EG_COL_TIME &&
           !(s->columns[i].shown & EG_MINOR) && v[i].tag != EG_V_NONE && v[i].tag != EG_V_BAD;
}

static const char *kept_text(struct source *s, const struct eg_value *v, size_t i)
{
    const char *text = i != none && v[i].tag == EG_V_TEXT ? text_of(s, v, i) : NULL;

    return text ? eg_arena_strndup(&s->arena, text, strlen(text)) : NULL;
}

/* The source's own text, or the cells that have no column here: "EUID=0 ARGS=/sbin/init". */
static const char *describe(struct source *s, const struct eg_value *v)
{
    char out[TEXT_MAX];
    size_t n = 0;

    if (s->text != none && v[s->text].tag == EG_V_TEXT)
        return kept_text(s, v, s->text);
    for (size_t i = 0; i < s->n_columns && n < sizeof out; i++) {
        const char *text = is_said(s, v, i) ? text_of(s, v, i) : NULL;
        int more;

        if (!text || !*text)
            continue;
        more = snprintf(out + n, sizeof out - n, "%s%s=%s", n ? " " : "", s->columns[i].name, text);
        n += more > 0 ? (size_t)more : 0;
    }
    return n ? eg_arena_strndup(&s->arena, out, EG_MIN(n, sizeof out - 1)) : NULL;
}

static const struct subject *subject(struct source *s, const struct eg_value *v)
{
    struct subject *of = eg_arena_new(&s->arena, struct subject);

    if (!of)
        return NULL;
    of->source = s;
    for (size_t k = 0; k < TOLD; k++) {
        of->has[k] = s->numbers[k] != none && is_number(&v[s->numbers[k]]);
        of->n[k] = of->has[k] ? v[s->numbers[k]].i : 0;
    }
    of->row = s->rows;
    of->text = describe(s, v);
    of->comm = kept_text(s, v, s->comm);
    of->mode = kept_text(s, v, s->mode);
    return of;
}

/* Memory that hostile rows could fill without end is counted for all sources together. */
static bool has_room(struct source *s)
{
    const size_t now = s->arena.used + s->events.cap * sizeof *s->events.at;
    const size_t more = now - EG_MIN(now, s->counted);

    s->counted = EG_MAX(s->counted, now);
    if (atomic_fetch_add(&s->all->used, more) + more > memory_max)
        atomic_store(&s->all->full, true);
    return !atomic_load(&s->all->full);
}

static void take_row(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    struct source *s = context;
    const struct subject *of = NULL;

    (void)depth;
    s->rows++;
    for (size_t i = 0; i < EG_MIN(n, s->n_columns); i++) {
        struct event *e;

        if (s->columns[i].kind != EG_COL_TIME || !is_number(&v[i]) || v[i].i < s->all->since ||
            v[i].i > s->all->until)
            continue;
        if (!has_room(s))
            return;
        of = of ? of : subject(s, v);
        e = of ? eg_vec_push(&s->events) : NULL;
        if (!e) {
            atomic_store(&s->all->full, true);
            return;
        }
        *e = (struct event){ v[i].i, s->columns[i].name, of, NULL };
    }
    eg_arena_reset(&s->scratch);
}

/* ---- which sources ---- */

/* Searches and plugins that need arguments are left out, as from `all`. */
static bool is_source(const struct eg_plugin_reg *reg)
{
    return !reg->plugin->scan && !reg->plugin->asks && reg->plugin->columns != columns &&
           eg_has_times(reg->plugin->columns);
}

static bool add_source(struct timeline *t, const struct eg_plugin_reg *reg)
{
    // ORDER told
    static const char *const names[] = { "PID", "TID", "OFFSET", "INODE", "UID", "GID", "SIZE" };
    struct source *s = &t->at[t->n];

    *s = (struct source){ .all = t, .reg = reg };
    s->columns = eg_plugin_columns(reg->plugin, NULL, 0, &t->run->arena);
    if (!s->columns)
        return false;
    while (s->columns[s->n_columns].name)
        s->n_columns++;
    for (size_t k = 0; k < TOLD; k++)
        s->numbers[k] = column(s, names[k], k == OBJECT ? EG_COL_ADDR : EG_COL_INT);
    if (s->numbers[OBJECT] == none)
        s->numbers[OBJECT] = column(s, "INODE_ADDRESS", EG_COL_ADDR);
    s->comm = column(s, "COMM", EG_COL_TEXT);
    s->mode = column(s, "FILE_MODE", EG_COL_TEXT);
    s->text = column(s, "TEXT", EG_COL_TEXT);
    t->n++;
    return true;
}

static void fini(void *arg)
{
    struct timeline *t = arg;

    for (size_t i = 0; i < t->n; i++) {
        eg_vec_fini(&t->at[i].events);
        eg_arena_fini(&t->at[i].arena);
        eg_arena_fini(&t->at[i].scratch);
        eg_arena_fini(&t->at[i].result.arena);
    }
    free(t->events);
}

static void find_sources(struct timeline *t)
{
    struct eg_run *r = t->run;
    const struct eg_plugin_reg *reg;
    size_t n = 0;

    while (eg_plugin_nth(n))
        n++;
    t->at = eg_tmp(r, (n + 1) * sizeof *t->at);
    for (size_t i = 0; (reg = eg_plugin_nth(i)) && t->n < n; i++) {
        const char *lacks;

        if (!is_source(reg))
            continue;
        lacks = eg_plugin_lacks(r->sys, reg->plugin, &r->arena);
        if (lacks)
            eg_note(r, "nothing of %s: the image lacks %s", reg->name, lacks);
        else if (!add_source(t, reg))
            eg_run_fail(r, EG_ENOMEM, "out of memory");
    }
}

/* ---- one order ---- */

static int before(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    const struct subject *p = x->of, *q = y->of;
    int c;

    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    if (x->kind != y->kind && (c = strcmp(x->kind, y->kind)))
        return c;
    if (p->n[PID] != q->n[PID])
        return p->n[PID] < q->n[PID] ? -1 : 1;
    if (p->n[OBJECT] != q->n[OBJECT])
        return (uint64_t)p->n[OBJECT] < (uint64_t)q->n[OBJECT] ? -1 : 1; // none first
    return p->source != q->source ? (p->source < q->source ? -1 : 1)
                                  : (p->row < q->row ? -1 : p->row > q->row);
}

static bool agree(const struct subject *p, const struct subject *q, enum told what)
{
    return !p->has[what] || !q->has[what] || p->n[what] == q->n[what];
}

/* Do two sources tell of one thing? Of a process, psaux does not say where its task_struct is. */
static bool is_same(const struct event *a, const struct event *b)
{
    const struct subject *p = a->of, *q = b->of;

    return a->time == b->time && p->source != q->source && !strcmp(a->kind, b->kind) &&
           (p->has[PID] || p->has[OBJECT]) && p->has[PID] == q->has[PID] &&
           p->n[PID] == q->n[PID] && agree(p, q, OBJECT) && agree(p, q, TID);
}

/* What the second tells besides, where the first does not. */
static const struct subject *joined(struct eg_run *r, const struct subject *a,
                                    const struct subject *b)
{
    struct subject all = *a, *of;

    for (size_t k = 0; k < TOLD; k++)
        if (!all.has[k]) {
            all.n[k] = b->n[k];
            all.has[k] = b->has[k];
        }
    all.comm = all.comm ? all.comm : b->comm;
    all.mode = all.mode ? all.mode : b->mode;
    if (!memcmp(all.has, a->has, sizeof all.has) && all.comm == a->comm && all.mode == a->mode)
        return a;
    of = eg_tmp(r, sizeof *of);
    *of = all;
    return of;
}

static void merge(struct timeline *t)
{
    struct event *last = NULL;
    size_t n = 0, also = 0;

    for (size_t i = 0; i < t->n; i++) {
        struct source *s = &t->at[i];

        if (s->events.n)
            memcpy(t->events + n, s->events.at, s->events.n * sizeof *t->events);
        n += s->events.n;
        eg_vec_fini(&s->events);
    }
    qsort(t->events, n, sizeof *t->events, before);
    t->n_events = 0;
    for (size_t i = 0; i < n; i++) {
        const struct event e = t->events[i];

        if (last && also < ALSO_MAX && is_same(last, &e)) {
            const char *name = e.of->source->reg->name;

            last->also = last->also ? eg_strf(t->run, "%s,%s", last->also, name) : name;
            last->of = joined(t->run, last->of, e.of);
            also++;
            continue;
        }
        last = &t->events[t->n_events++];
        *last = e;
        also = 0;
    }
}

static struct eg_cell told_cell(const struct subject *of, enum told what)
{
    return of->has[what] ? eg_int(of->n[what]) : (struct eg_cell){ 0 };
}

static void emit(struct eg_run *r, const struct event *e)
{
    const struct subject *of = e->of;

    if (!of->has[PID] ? eg_arg_limits(r, "pid") : !eg_arg_match(r, "pid", of->n[PID]))
        return;
    eg_row(r, .TIME = eg_int(e->time), .SOURCE = eg_text(of->source->reg->name),
           .KIND = eg_text(e->kind), .PID = told_cell(of, PID), .TID = told_cell(of, TID),
           .COMM = eg_text(of->comm), .TEXT = eg_text(of->text), .ALSO = eg_text(e->also),
           .OFFSET = of->has[OBJECT] ? eg_uint((uint64_t)of->n[OBJECT]) : (struct eg_cell){ 0 },
           .INODE = told_cell(of, INODE), .FILE_MODE = eg_text(of->mode), .UID = told_cell(of, UID),
           .GID = told_cell(of, GID), .SIZE = told_cell(of, SIZE));
}

/* ---- the run ---- */

static int run_source(void *context, size_t piece, unsigned worker)
{
    struct timeline *t = context;
    struct source *s = &t->at[piece];
    const struct eg_run_options o = eg_run_nested(t->run);

    (void)worker;
    eg_plugin_run(t->run->sys, s->reg, &o, (struct eg_sink){ take_row, s }, &s->result);
    return 0;
}

static bool moment(struct eg_run *r, const char *name, bool from, int64_t *out)
{
    const char *text = eg_arg_text(r, name);
    int64_t first, last;

    if (!text)
        return true;
    if (!eg_time_parse(text, NULL, &first, &last)) {
        eg_refused(r, "--%s '%s': not a time: 2026-03-14, 2026-03-14T09:26:53+01:00", name, text);
        return false;
    }
    *out = from ? first : last;
    return true;
}

static int run(struct eg_run *r)
{
    struct timeline *t = eg_tmp(r, sizeof *t);
    size_t n = 0;

    *t = (struct timeline){ .run = r, .since = INT64_MIN, .until = INT64_MAX };
    if (r->options->depth >= NESTED_MAX)
        return eg_failed(r, "plugins are nested more than %d deep", NESTED_MAX);
    if (!moment(r, "since", true, &t->since) || !moment(r, "until", false, &t->until))
        return r->status;
    if (t->since > t->until)
        return eg_refused(r, "--since is later than --until: nothing is between them");
    eg_run_defer(r, fini, t);
    find_sources(t);
    eg_parallel(r->options->threads, t->n, run_source, t);
    for (size_t i = 0; i < t->n; i++) {
        const struct eg_run_result *one = &t->at[i].result;

        eg_run_pass_notes(r, t->at[i].reg->name, one);
        if (one->status)
            eg_note(r, "%s of %s: %s", t->at[i].events.n ? "not all" : "nothing",
                    t->at[i].reg->name, one->error ? one->error : "it failed");
        n += t->at[i].events.n;
    }
    if (atomic_load(&t->full))
        eg_note(r,
                "events are missing: there are more than %zu MiB of them: ask for fewer with "
                "--since and --until",
                memory_max >> 20);
    t->events = malloc((n + 1) * sizeof *t->events);
    if (!t->events)
        return eg_run_fail(r, EG_ENOMEM, "out of memory");
    merge(t);
    for (size_t i = 0; i < t->n_events && !eg_stopped(r); i++)
        emit(r, &t->events[i]);
    return 0;
}

EG_PLUGIN(timeline) = {
    .os = "linux",
    .help = "Merge every time that any plugin tells into one order",
    .manual =
        "Each plugin that has a column of times is run, and each time is a row: SOURCE names the "
        "plugin, KIND its column, OFFSET the object. Left out are searches (psscan) and plugins "
        "that need arguments: run these on their own, with -r body or -r timesketch. What several "
        "plugins tell of one object is one row, and ALSO names the others. --since and --until "
        "take a day, a minute or a second; UTC unless an offset stands behind it. -r body writes "
        "a line for mactime, with inode times in their places, -r timesketch one for Timesketch. "
        "Times of tasks and of the log count from boot: they move with the wall clock, and the "
        "log's clock stands still while the machine sleeps. Tasks that have ended and were waited "
        "for, and what the log's ring has overwritten, left no trace here.",
    .aliases = EG_NAMES("linux.timeliner.Timeliner", "timeliner", "timeliner.Timeliner"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only events of these processes"),
                    EG_ARG(since, TEXT, "only events from this time on"),
                    EG_ARG(until, TEXT, "only events up to this time")),
    .run = run,
};
