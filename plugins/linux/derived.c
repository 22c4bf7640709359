/** derived.c - variables that no table of symbols names: kallsyms may list functions only
 *  (CONFIG_KALLSYMS_ALL=n), and the exports are few. Functions address them, other objects lead to
 * them, and the types tell which of the places found is the one: a symbol is given only when one
 * place alone passes.
 *
 *  To add one: a line in symbols[], and where no test fits it, a test. */
#include "find.h"
#include <stdlib.h>

enum { CODE_MAX = 8192, TARGETS_MAX = 256, NAME_LEN = 64, DEPTH_MAX = 16 };

struct derive {
    struct linux_finder *f;
    const struct linux_guess *g;
    const struct eg_model *model;
};

/** What must be right at a place. */
struct test {
    bool (*passes)(const struct derive *d, const struct test *t, uint64_t va);
    const char *type, *link; /**< of the elements, and by which member they hang together */
    const char *name;        /**< a member of theirs that is a name, or an id */
};

struct symbol {
    const char *name;
    const char *functions; /**< that address it, separated by blanks; or the object to begin at */
    const char *type, *member; /**< of that object: the pointer to it; NULL: functions */
    struct test test;
};

/* ---- reading ---- */

static bool in_image(const struct derive *d, uint64_t va)
{
    return va >= d->g->start && va < d->g->end;
}

static bool pointer(const struct derive *d, uint64_t at, uint64_t *out)
{
    return linux_ptr(d->f->v, d->g->space, d->model, at, out);
}

static bool word(const struct derive *d, uint64_t at, uint32_t *out)
{
    return eg_read_u32(d->f->v, d->g->space, at, d->model->big_endian, out);
}

static bool member(const struct derive *d, const char *type, const char *name, uint64_t *off,
                   uint64_t *size)
{
    return linux_member(&d->g->ts, type, name, off, size);
}

/** Printable text of at least one character, and its end. */
static bool is_text(const struct derive *d, uint64_t at)
{
    char text[NAME_LEN] = "";
    const size_t n = eg_read_some(d->f->v, d->g->space, at, text, sizeof text, NULL);
    size_t len = 0;

    while (len < n && text[len] > ' ' && text[len] < 0x7f)
        len++;
    return len && len < n && !text[len];
}

/* ---- tests ---- */

struct elements {
    const struct derive *d;
    uint64_t link, name;
    bool pointed; // the name is elsewhere
    int64_t named;
};

static void see_element(void *context, uint64_t node)
{
    struct elements *e = context;
    uint64_t at = node - e->link + e->name;

    e->named += (!e->pointed || pointer(e->d, at, &at)) && is_text(e->d, at);
}

/** A list that closes, of elements with names: its head alone has none. Of an empty list nothing
 * can be told. */
static bool list_of(const struct derive *d, const struct test *t, uint64_t va)
{
    enum { LIST_MAX = 1 << 16 };
    struct elements e = { .d = d };
    uint64_t first, size;

    if (!member(d, t->type, t->link, &e.link, NULL) ||
        !member(d, t->type, t->name, &e.name, &size) || !pointer(d, va, &first))
        return false;
    e.pointed = size == d->model->ptr_size;
    return linux_list(d->f->v, d->g->space, d->model, va, LIST_MAX, see_element, &e) == e.named &&
           e.named;
}

/** The entry of the lowest index in the xarray whose head is at @at (include/linux/xarray.h). */
static bool first_entry(const struct derive *d, uint64_t at, uint64_t *entry, uint64_t *index)
{
    uint64_t slots, shift, size, e;

    *index = 0;
    if (!member(d, "xa_node", "slots", &slots, &size) ||
        !member(d, "xa_node", "shift", &shift, NULL) || !pointer(d, at, &e))
        return false;
    for (unsigned depth = 0; (e & 3) == 2 && e > 4096 && depth < DEPTH_MAX; depth++) {
        const uint64_t node = e & ~UINT64_C(3), n = size / d->model->ptr_size;
        uint64_t i = 0;
        uint8_t bits;

        if (!eg_read(d->f->v, d->g->space, node + shift, &bits, 1) || bits > 60)
            return false;
        for (e = 0; i < n && !e; i++)
            if (!pointer(d, node + slots + i * d->model->ptr_size, &e))
                return false;
        if (!e)
            return false;
        *index += (i - 1) << bits;
    }
    *entry = e;
    return (e & 3) == 0 && e > 4096;
}

/** An idr of objects that know their number; "aux.id" is behind a pointer. */
static bool idr_of(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t head, entry, index, off, base = 0, i;
    uint32_t base32 = 0, id;

    if (!member(d, "idr", "idr_rt.xa_head", &head, NULL) ||
        !member(d, "idr", "idr_base", &base, NULL) || !word(d, va + base, &base32) ||
        !first_entry(d, va + head, &entry, &index))
        return false;
    if (t->link && (!member(d, t->type, t->link, &off, NULL) || !pointer(d, entry + off, &entry)))
        return false;
    if (!member(d, t->link ? t->link + strlen(t->link) + 1 : t->type, t->name, &i, NULL))
        return false;
    return word(d, entry + i, &id) && id == index + base32;
}

/** A pointer to text. */
static bool text_pointer(const struct derive *d, const struct test *t, uint64_t va)
{
    char text[2];
    uint64_t at;

    (void)t;
    return pointer(d, va, &at) && !in_image(d, at) &&
           eg_read(d->f->v, d->g->space, at, text, sizeof text) && text[0] > ' ' &&
           text[0] < 0x7f && text[1] >= ' ' && text[1] < 0x7f;
}

/** An object that points at a place of the kernel image, which has the name t->name. */
static bool points_at(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t off, to, at;

    return member(d, t->type, t->link, &off, NULL) && linux_sym(d->g, t->name, &to) &&
           pointer(d, va + off, &at) && at == to;
}

/** A sequence count, and behind it a timekeeper, which says one thing twice: offs_real is
 * wall_to_monotonic negated. */
static bool timekeeper(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t real, sec, nsec, a, b, c;

    (void)t;
    if (!member(d, "timekeeper", "offs_real", &real, NULL) ||
        !member(d, "timekeeper", "wall_to_monotonic.tv_sec", &sec, NULL) ||
        !member(d, "timekeeper", "wall_to_monotonic.tv_nsec", &nsec, NULL))
        return false;
    for (uint64_t off = 4; off <= 128; off += 4)
        if (pointer(d, va + off + real, &a) && a && pointer(d, va + off + sec, &b) &&
            pointer(d, va + off + nsec, &c) && a == -(b * 1000000000 + c))
            return true;
    return false;
}

/** Anything in the image: where it was led to by a pointer of its own type. */
static bool anything(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t first;

    (void)t;
    return pointer(d, va, &first);
}

/* ---- where to look ---- */

static const struct symbol symbols[] = {
    { "modules",
      "module_kallsyms_lookup_name print_modules",
      NULL,
      NULL,
      { list_of, "module", "list", "name" } },
    { "btf_idr", "btf_get_fd_by_id btf_free_id", NULL, NULL, { idr_of, "btf", NULL, "id" } },
    { "prog_idr",
      "bpf_prog_get_curr_or_next bpf_prog_by_id bpf_prog_get_fd_by_id",
      NULL,
      NULL,
      { idr_of, "bpf_prog", "aux\0bpf_prog_aux", "id" } },
    { "map_idr",
      "bpf_map_get_curr_or_next bpf_map_get_fd_by_id",
      NULL,
      NULL,
      { idr_of, "bpf_map", NULL, "id" } },
    { "bpf_kallsyms",
      "bpf_ksym_add bpf_ksym_del bpf_get_kallsym",
      NULL,
      NULL,
      { list_of, "bpf_ksym", "lnode", "name" } },
    { "super_blocks",
      "iterate_supers sget_fc",
      NULL,
      NULL,
      { list_of, "super_block", "s_list", "s_id" } },
    { "slab_caches",
      "slab_next slab_start dump_unreclaimable_slab",
      NULL,
      NULL,
      { list_of, "kmem_cache", "list", "name" } },
    { "workqueues",
      "show_all_workqueues show_workqueue_state alloc_workqueue destroy_workqueue",
      NULL,
      NULL,
      { list_of, "workqueue_struct", "list", "name" } },
    { "tk_core", "ktime_get_real_ts64 ktime_get", NULL, NULL, { timekeeper, NULL, NULL, NULL } },
    { "saved_command_line", "cmdline_proc_show", NULL, NULL, { text_pointer, NULL, NULL, NULL } },
    { "init_mm",
      "vmalloc_to_page __pte_alloc_kernel apply_to_page_range",
      NULL,
      NULL,
      { points_at, "mm_struct", "pgd", "swapper_pg_dir" } },
    { "init_cred", "init_task", "task_struct", "cred", { anything, NULL, NULL, NULL } },
    { "init_css_set", "init_task", "task_struct", "cgroups", { anything, NULL, NULL, NULL } },
    { "init_nsproxy", "init_task", "task_struct", "nsproxy", { anything, NULL, NULL, NULL } },
    { "init_signals", "init_task", "task_struct", "signal", { anything, NULL, NULL, NULL } },
    { "init_files", "init_task", "task_struct", "files", { anything, NULL, NULL, NULL } },
    { "init_fs", "init_task", "task_struct", "fs", { anything, NULL, NULL, NULL } },
};

/** Of the places that were found those that pass. */
struct choice {
    const struct derive *d;
    const struct test *test;
    uint64_t at; // the first
    unsigned n;
};

static void consider(struct choice *c, uint64_t va)
{
    if (!in_image(c->d, va) || va % c->d->model->ptr_size || (c->n && va == c->at) ||
        !c->test->passes(c->d, c->test, va))
        return;
    if (!c->n++)
        c->at = va;
}

static void consider_targets(struct choice *c, const char *name, size_t len)
{
    const struct linux_guess *g = c->d->g;
    const struct eg_profile *p = g->symbols;
    const struct eg_symbol *s, *end = p->symbols + p->n_symbols, *next;
    uint64_t targets[TARGETS_MAX];
    uint8_t code[CODE_MAX];
    char function[NAME_LEN];
    uint32_t iter = 0;
    size_t n;

    if (len >= sizeof function)
        return;
    memcpy(function, name, len);
    function[len] = 0;
    while ((s = eg_profile_symbol(p, function, &iter))) {
        for (next = s; next < end && next->addr <= s->addr; next++)
            ;
        n = next < end ? (size_t)EG_MIN(next->addr - s->addr, (uint64_t)CODE_MAX) : CODE_MAX;
        n = eg_read_some(c->d->f->v, g->space, s->addr + g->shift, code, n, NULL);
        n = g->arch->targets(code, n, s->addr + g->shift, targets, TARGETS_MAX);
        for (size_t i = 0; i < n; i++)
            consider(c, targets[i]);
    }
}

/** @return false: no place, or more than one. */
static bool find(const struct derive *d, const struct symbol *s, uint64_t *va)
{
    struct choice c = { .d = d, .test = &s->test };
    uint64_t at, off;

    if (s->type) {
        if (linux_sym(d->g, s->functions, &at) && member(d, s->type, s->member, &off, NULL) &&
            pointer(d, at + off, &at))
            consider(&c, at);
    } else if (d->g->arch->targets && d->g->symbols) {
        for (const char *p = s->functions; *p;) {
            const size_t len = strcspn(p, " ");

            consider_targets(&c, p, len);
            p += len + (p[len] == ' ');
        }
    }
    if (c.n == 1)
        *va = c.at;
    return c.n == 1;
}

struct eg_profile *linux_derive(struct linux_finder *f, const struct linux_guess *g)
{
    const struct derive d = { .f = f, .g = g, .model = &g->paging.arch->model };
    struct eg_builder *b = NULL;
    struct eg_profile *out;

    if (!g->ts.n_layers || !g->end)
        return NULL;
    for (size_t i = 0; i < countof(symbols); i++) {
        const char *name = symbols[i].name;
        uint64_t va;

        if (linux_sym(g, name, &va) || !find(&d, &symbols[i], &va))
            continue;
        if (!b && !(b = eg_builder_new(*d.model, "derived")))
            return NULL;
        eg_builder_symbol(b, eg_builder_name(b, name, strlen(name)), va, 0, '?');
    }
    return b && eg_builder_finish(b, &out, NULL, NULL) == 0 ? out : NULL;
}
