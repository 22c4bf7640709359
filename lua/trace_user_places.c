/* trace_user_places.c - files whose functions are wanted, the processes that map them, and a point
 * of the door at each address where one of them has such a function. */
#include "trace_user.h"

enum {
    FILES_MAX = 1 << 16,
    SPACES_MAX = 1 << 17,
    FUNCTIONS_MAX = 4096, /**< of all files */
    TRIES_MAX = 8,        /**< a file whose symbols are not in memory yet is looked at again */
};

/* ---- files ---- */

static bool is_of(const struct user_request *q, const struct user_file *f)
{
    return !strcmp(q->file, "*") || !strcmp(q->file, f->base);
}

struct search {
    struct eg_trace *trace;
    struct user_file *file;
};

static void take_function(void *context, const char *name, uint64_t offset)
{
    const struct search *s = context;
    struct trace_user *u = s->trace->user;

    for (uint32_t i = 0; i < u->n_requests; i++) {
        struct user_request *q = &u->requests[i];
        struct user_function *new;
        bool known = false;

        if (strcmp(q->name, name) != 0 || !is_of(q, s->file))
            continue;
        for (size_t k = 0; k < s->file->functions.n; k++)
            known |=
                s->file->functions.at[k].offset == offset && s->file->functions.at[k].request == i;
        if (known || u->n_functions == FUNCTIONS_MAX || !(new = eg_vec_push(&s->file->functions)))
            continue;
        u->n_functions++;
        q->met = true;
        *new = (struct user_function){ .offset = offset, .request = i };
        new->target.name = eg_arena_strf(&s->trace->arena, "%s!%s", s->file->base, name);
        if (!new->target.name)
            s->file->functions.n--;
    }
}

/** Look for what is asked for of the file, as long as something is missing. */
static void search(struct eg_trace *t, struct user_file *f, const struct tracee_code *code)
{
    struct trace_user *u = t->user;
    struct search s = { t, f };
    bool wanted = false;

    if (f->done)
        return;
    for (unsigned i = 0; i < u->n_requests; i++) {
        bool has = !is_of(&u->requests[i], f);

        for (size_t k = 0; k < f->functions.n; k++)
            has |= f->functions.at[k].request == i;
        wanted |= !has;
    }
    f->done = !wanted || f->tries++ == TRIES_MAX;
    if (!f->done)
        tracee_code_functions(t->run, code, take_function, &s);
}

struct user_file *trace_user_file(struct eg_trace *t, const struct tracee_code *code)
{
    struct trace_user *u = t->user;
    const uint64_t mark = tracee_code_mark(code);
    const char *path, *slash;
    struct user_file *new;

    for (size_t i = 0; i < u->files.n; i++)
        if (u->files.at[i].inode == code->inode.addr && u->files.at[i].mark == mark)
            return &u->files.at[i];
    path = tracee_code_path(t->run, code);
    if (!path || u->files.n == FILES_MAX ||
        !(path = eg_arena_strndup(&t->arena, path, strlen(path))) ||
        !(new = eg_vec_push(&u->files)))
        return NULL;
    slash = strrchr(path, '/');
    *new = (struct user_file){
        .inode = code->inode.addr, .mark = mark, .path = path, .base = slash ? slash + 1 : path
    };
    return new;
}

/* ---- places and processes ---- */

static struct user_process *process_of(struct trace_user *u, uint64_t mm, bool add)
{
    struct user_process *unused = NULL;

    for (size_t i = 0; i < u->processes.n; i++) {
        if (u->processes.at[i].mm == mm)
            return &u->processes.at[i];
        if (!u->processes.at[i].mm)
            unused = &u->processes.at[i];
    }
    if (!add || !mm)
        return NULL;
    if (!unused && u->processes.n < SPACES_MAX && (unused = eg_vec_push(&u->processes)))
        *unused = (struct user_process){ 0 };
    if (unused)
        unused->mm = mm;
    return unused;
}

static bool has_place(const struct user_process *p, uint32_t place)
{
    for (size_t i = 0; i < p->places.n; i++)
        if (p->places.at[i] == place)
            return true;
    return false;
}

static void refused(struct eg_trace *t, const char *name, const struct eg_error *e)
{
    struct trace_user *u = t->user;

    if (u->said_full)
        return;
    u->said_full = true;
    eg_note(t->run,
            "%s: not every process that has it is watched, and not what is mapped from now on "
            "until others end: %s",
            name, e->text);
}

/** The place for @address; UINT32_MAX: there is no room. *@rc: the door is closed. */
static uint32_t place_at(struct eg_trace *t, uint64_t address, const char *name, int *rc,
                         struct eg_error *e)
{
    struct trace_user *u = t->user;
    uint32_t free_ = UINT32_MAX;
    const struct event_point p = { .kind = EVENT_CALL, .address = address, .waits = true };

    for (size_t i = 0; i < u->places.n; i++) {
        if (u->places.at[i].users && u->places.at[i].address == address)
            return (uint32_t)i;
        if (!u->places.at[i].users)
            free_ = (uint32_t)i;
    }
    if (free_ == UINT32_MAX) {
        struct user_place *new = eg_vec_push(&u->places);

        if (!new)
            return UINT32_MAX;
        *new = (struct user_place){ 0 };
        free_ = (uint32_t)(u->places.n - 1);
    }
    *rc = trace_catch_id(t, &p, (struct trace_point){ TRACE_USER, free_, NULL },
                         &u->places.at[free_].point, e);
    if (*rc == -EG_EUSAGE) {
        refused(t, name, e);
        *rc = 0;
        return UINT32_MAX;
    }
    if (*rc)
        return UINT32_MAX;
    u->places.at[free_].address = address;
    t->counts.user_places++;
    return free_;
}

static void give_up(struct eg_trace *t, uint32_t index)
{
    struct user_place *at = &t->user->places.at[index];

    if (!at->users || --at->users)
        return;
    trace_release(t, at->point);
    t->counts.user_places--;
}

struct taking {
    struct eg_trace *trace;
    uint64_t mm;
    int rc;
    struct eg_error *error;
};

static void take_code(void *context, const struct tracee_code *code)
{
    struct taking *c = context;
    struct trace_user *u = c->trace->user;
    struct user_file *f = c->rc ? NULL : trace_user_file(c->trace, code);

    if (!f)
        return;
    search(c->trace, f, code);
    for (size_t i = 0; i < f->functions.n && !c->rc; i++) {
        const struct user_function *fn = &f->functions.at[i];
        struct user_process *p;
        uint32_t place, *entry;

        if (fn->offset < code->offset || fn->offset - code->offset > code->last - code->first)
            continue;
        place = place_at(c->trace, code->first + fn->offset - code->offset, fn->target.name, &c->rc,
                         c->error);
        p = place == UINT32_MAX ? NULL : process_of(u, c->mm, true);
        if (p && !has_place(p, place) && (entry = eg_vec_push(&p->places))) {
            *entry = place;
            u->places.at[place].users++;
        }
    }
}

static void take_mm(void *context, uint64_t mm)
{
    struct taking *c = context;

    c->mm = mm;
    if (!c->rc)
        tracee_each_code(c->trace->run, mm, take_code, c);
}

int trace_user_maps(struct eg_trace *t, uint64_t mm, const struct tracee_code *code,
                    struct eg_error *e)
{
    struct taking c = { t, mm, 0, e };

    if (mm)
        take_code(&c, code);
    return c.rc;
}

int trace_user_all(struct eg_trace *t, struct eg_error *e)
{
    struct taking c = { t, 0, 0, e };

    tracee_each_mm(t->run, take_mm, &c);
    return c.rc;
}

void trace_user_forked(struct eg_trace *t, uint64_t from, uint64_t to)
{
    struct trace_user *u = t->user;
    const struct user_process *old = process_of(u, from, false);
    struct user_process *new;
    size_t n = old ? old->places.n : 0;

    if (!n || from == to || !to || process_of(u, to, false) || !(new = process_of(u, to, true)))
        return;
    old = process_of(u, from, false); // it may have moved
    for (size_t i = 0; old && i < n; i++) {
        uint32_t *entry = eg_vec_push(&new->places);

        if (!entry)
            return;
        *entry = old->places.at[i];
        u->places.at[*entry].users++;
    }
}

void trace_user_ended(struct eg_trace *t, uint64_t mm)
{
    struct user_process *p = process_of(t->user, mm, false);

    for (size_t i = 0; i < t->points.n; i++)
        if (t->points.at[i].is == TRACE_RETURN && t->points.at[i].pending->user &&
            t->points.at[i].pending->mm == mm) {
            t->counts.missed++;
            trace_drop(t, (uint32_t)i);
        }
    for (size_t i = 0; p && i < p->places.n; i++)
        give_up(t, p->places.at[i]);
    if (p) {
        eg_vec_fini(&p->places);
        *p = (struct user_process){ 0 };
    }
}
