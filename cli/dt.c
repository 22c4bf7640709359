/* dt.c - engram dt: a type's members, or an object's with their values. */
#include "../plugins/linux/kernel/percpu.h"
#include "rows.h"
#include "verb.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const struct eg_column columns[] = {
    { "OFFSET", EG_COL_ADDR, "from the start of the whole; of an object: the address" },
    { "SIZE", EG_COL_INT, "bytes" },
    { "MEMBER", EG_COL_TEXT, "its name" },
    { "TYPE", EG_COL_TEXT, "as C writes it; bits of a bit-field after the colon" },
    { "VALUE", EG_COL_TEXT, "of an object" },
    { NULL, EG_COL_INT, NULL },
};

/* Elements of an array that are shown, and how deep a struct is shown whatever is asked. */
enum { ELEMENTS_MAX = 16, DEPTH_MAX = 24 };

struct dt {
    struct cli_hand *hand;
    struct eg_run *run;
    const struct eg_types *types;
    const struct eg_model *model;
    unsigned depth;
    bool object;
};

static struct eg_obj cursor(const struct dt *d, const struct eg_slot *s, uint64_t addr)
{
    return (struct eg_obj){ .view = &d->run->view,
                            .space = d->hand->space,
                            .bind = &d->hand->o.sys->bind,
                            .addr = addr,
                            .type = s->type,
                            .size = s->size,
                            .kind = s->kind,
                            .shift = s->shift,
                            .bits = s->bits };
}

/* One value as text: numbers in decimal with hex where large, pointers with the symbol's name, text
 * quoted. */
static struct eg_value value(struct dt *d, struct eg_obj o)
{
    const char *name;
    uint64_t v;
    char *text;

    if (o.kind == EG_K_CHARS) {
        text = eg_string(d->run, o, 4096);
        return text ? cli_text(eg_strf(d->run, "\"%s\"", text))
                    : cli_missing(o.view->why, o.view->why_addr);
    }
    if (o.kind < EG_K_UINT || o.kind > EG_K_PTR || o.size > 8)
        return cli_text(NULL);
    if (!eg_value(o, &v))
        return cli_missing(o.view->why, o.view->why_addr);
    if (o.kind == EG_K_PTR) {
        name = v ? eg_name_of(d->run, v) : NULL;
        return cli_text(eg_strf(d->run, "%#" PRIx64 "%s%s", v, name ? " " : "", name ? name : ""));
    }
    if (o.kind == EG_K_ENUM && (name = eg_type_enumerator(d->types, o.type, (int64_t)v)))
        return cli_text(eg_strf(d->run, "%" PRId64 " %s", (int64_t)v, name));
    if (o.kind == EG_K_SINT)
        return cli_text(eg_strf(d->run, "%" PRId64, (int64_t)v));
    return cli_text(eg_strf(d->run, v > 0xffff ? "%" PRIu64 " (%#" PRIx64 ")" : "%" PRIu64, v, v));
}

/* "{1, 2, 0, …}" of an array of scalars. */
static struct eg_value elements(struct dt *d, struct eg_obj array, uint64_t n)
{
    const char *text = "{";

    for (uint64_t i = 0; i < EG_MIN(n, (uint64_t)ELEMENTS_MAX); i++) {
        struct eg_value v = value(d, eg_index(array, i));

        text = eg_strf(d->run, "%s%s%.*s", text, i ? ", " : "",
                       v.tag == EG_V_TEXT ? (int)EG_MIN(v.bytes.len, (size_t)256) : 1,
                       v.tag == EG_V_TEXT ? (const char *)v.bytes.p : "-");
    }
    return cli_text(eg_strf(d->run, "%s%s}", text, n > ELEMENTS_MAX ? ", …" : ""));
}

static void put(struct dt *d, unsigned level, uint64_t addr, uint64_t size, const char *name,
                struct eg_value v, const char *type)
{
    cli_table_row(
        &d->hand->table, level,
        (struct eg_value[]){ cli_uint(addr), cli_uint(size), cli_text(name), cli_text(type), v });
}

static void members(struct dt *d, unsigned level, uint64_t addr, uint32_t type);

/* One thing at @addr and what is inside it. */
static void show(struct dt *d, unsigned level, uint64_t addr, const char *name, const char *type,
                 const struct eg_slot *s, bool anonymous)
{
    const bool inside = level < DEPTH_MAX && (anonymous || level < d->depth);
    struct eg_obj o = cursor(d, s, addr);
    struct eg_value v = cli_text(NULL);
    const uint64_t n = s->kind == EG_K_ARRAY ? eg_count(o) : 0;
    const struct eg_obj first = n ? eg_index(o, 0) : o;
    const bool structs = n && (first.kind == EG_K_STRUCT || first.kind == EG_K_ARRAY);

    if (d->object && n && !structs)
        v = elements(d, o, n);
    else if (d->object && s->kind)
        v = value(d, o);
    put(d, level, addr, s->size, name, v, type);
    if (s->kind == EG_K_STRUCT && inside)
        members(d, level + 1, addr, s->type);
    for (uint64_t i = 0; d->object && structs && inside && i < EG_MIN(n, (uint64_t)ELEMENTS_MAX);
         i++) {
        struct eg_obj e = eg_index(o, i);
        const struct eg_slot of = { .type = e.type, .size = e.size, .kind = e.kind };

        if (!e.why)
            show(d, level + 1, e.addr, eg_strf(d->run, "[%" PRIu64 "]", i), NULL, &of, false);
    }
}

/* Member @m of the struct of type @parent that is at @addr. */
static void member(struct dt *d, unsigned level, uint64_t addr, uint32_t parent,
                   const struct eg_member_at *m, const char *name)
{
    char text[512];
    struct eg_slot s;

    eg_types_member_slot(d->types, d->model, parent, m, &s);
    eg_type_declare(d->types, m->type, "", text, sizeof text);
    if (m->bit_size)
        snprintf(text + strlen(text), sizeof text - strlen(text), " : %" PRIu32, m->bit_size);
    show(d, level, addr + (m->bit_size ? m->bit_off / 8 : s.off), name, text, &s, !*name);
}

static void members(struct dt *d, unsigned level, uint64_t addr, uint32_t type)
{
    struct eg_member_at m;

    for (uint32_t i = 0; eg_type_member(d->types, type, i, &m) && !eg_stopped(d->run); i++)
        member(d, level, addr, type, &m, m.name ? m.name : "");
}

/* ---- "task_struct.se.vruntime" ---- */

struct names {
    EG_VEC(const char *) list;
};

static void add_name(struct names *n, const char *name)
{
    const char **place = name && *name ? eg_vec_push(&n->list) : NULL;

    if (place)
        *place = name;
}

/* The nearest of them, which are let go of; NULL. */
static const char *nearest(struct names *n, const char *name)
{
    const char *near = eg_vec_push(&n->list) ? eg_nearest(name, n->list.at) : NULL;

    eg_vec_fini(&n->list);
    return near;
}

/* Those of members that have none are names too. */
static void member_names(const struct eg_types *ts, uint32_t type, unsigned levels,
                         struct names *out)
{
    struct eg_member_at m;

    for (uint32_t i = 0; eg_type_member(ts, type, i, &m); i++) {
        add_name(out, m.name);
        if (levels && (!m.name || !*m.name))
            member_names(ts, eg_type_strip(ts, m.type), levels - 1, out);
    }
}

/* The name of the struct that a pointer points to; NULL: it has none. */
static const char *pointed(const struct eg_types *ts, uint32_t pointer)
{
    const uint32_t to = eg_type_ref(ts, eg_type_strip(ts, pointer));
    const char *name = eg_type_name(ts, eg_type_target(ts, to));

    return name && *name ? name : NULL;
}

/* No member @path of @type: which of its parts is wrong? */
static int no_member(struct dt *d, uint32_t type, const char *whole, const char *path)
{
    const char *image = d->hand->cli->image_words, *part = path, *near;
    struct names names = { 0 };
    struct eg_member_at m;
    struct eg_slot s;
    size_t n;

    for (;; part += n + 1) {
        n = strcspn(part, ".");
        if (!part[n] || !eg_type_find(d->types, type,
                                      eg_strf(d->run, "%.*s", (int)(part + n - path), path), &m))
            break;
        eg_types_slot(d->types, d->model, m.type, &s);
        near = s.kind == EG_K_PTR ? pointed(d->types, m.type) : NULL;
        if (near)
            return eg_run_fail(d->run, EG_EUSAGE,
                               "%s: %.*s is a pointer; what it points to: engram dt %s %s%s", whole,
                               (int)n, part, image, near, part + n);
        if (s.kind != EG_K_STRUCT)
            return eg_run_fail(d->run, EG_EUSAGE, "%s: %.*s has no members", whole, (int)n, part);
        if (!eg_type_find(d->types, m.type,
                          eg_strf(d->run, "%.*s", (int)strcspn(part + n + 1, "."), part + n + 1),
                          &(struct eg_member_at){ 0 })) {
            type = m.type;
            part += n + 1;
            n = strcspn(part, ".");
            break;
        }
    }
    member_names(d->types, eg_type_strip(d->types, type), DEPTH_MAX, &names);
    near = nearest(&names, eg_strf(d->run, "%.*s", (int)n, part));
    return eg_run_fail(d->run, EG_EUSAGE, "%s: no member '%.*s'%s%s%s", whole, (int)n, part,
                       near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* Neither a type nor a variable. */
static int no_type(struct dt *d, const char *name)
{
    const char *image = d->hand->cli->image_words, *near;
    struct names names = { 0 };

    for (size_t i = 0; i < d->types->n_layers; i++) {
        const struct eg_profile *p = d->types->layers[i].profile;

        for (uint32_t k = 0; k < p->n_types; k++)
            if (p->types[k].name && p->types[k].kind != EG_T_FUNC)
                add_name(&names, p->strings + p->types[k].name);
    }
    near = nearest(&names, name);
    if (near && strcmp(near, name) != 0)
        return eg_run_fail(d->run, EG_EUSAGE, "%s: names no type; did you mean %s?", name, near);
    return eg_run_fail(d->run, EG_EUSAGE,
                       "%s: names no type (or several), and no variable of a known type; to say "
                       "the type: engram dt %s TYPE %s",
                       name, image, name);
}

/* A variable's type as some plugin declares it (EG_SYMBOL); NULL: nobody does. */
static const char *declared_type(const char *symbol)
{
    const struct eg_handle *h;

    for (uint32_t id = 1; id < eg_handle_count(); id++)
        if ((h = eg_handle(id)) && h->kind == EG_H_SYMBOL && !strcmp(h->name, symbol))
            return h->type;
    return NULL;
}

/* The type of the variable @name, as C writes it: what the kernel's own types say, else what a
 * plugin declares. @return NULL: neither knows it. */
static const char *variable_type(struct dt *d, const char *name, struct eg_slot *out)
{
    const uint32_t type = eg_types_variable(d->types, name);
    const char *declared = type ? NULL : declared_type(name);
    struct eg_symbol_extent extent = { 0 };
    char text[512], note[EG_VARIABLE_NOTE];
    uint64_t addr;

    if (!type && !declared)
        return NULL;
    eg_system_own_symbol(d->hand->o.sys, name, &addr, &extent);
    *out = eg_variable_slot(d->hand->o.sys, name, declared, &extent, note);
    if (*note)
        eg_note(d->run, "%s", note);
    if (declared)
        return declared;
    eg_type_declare(d->types, type, "", text, sizeof text);
    return eg_strf(d->run, "%s", text);
}

/* The address of a per-CPU variable's copy on the CPU that --cpu names. */
static int copy_of_cpu(const struct dt *d, const struct eg_slot *s, uint64_t *at)
{
    const char *text = cli_arg(d->hand->cli, "cpu");
    struct eg_obj o;
    uint64_t cpu;

    if (!text)
        return 0;
    if (!d->object)
        return eg_run_fail(d->run, EG_EUSAGE, "--cpu wants a per-CPU variable, not only a type");
    if (!eg_number_parse(text, &cpu))
        return eg_run_fail(d->run, EG_EUSAGE, "--cpu %s: not a number", text);
    o = linux_percpu(d->run, cursor(d, s, *at), (unsigned)EG_MIN(cpu, (uint64_t)UINT32_MAX));
    if (o.why)
        return eg_run_fail(d->run, EG_EUSAGE, "--cpu %s: this kernel has no such CPU", text);
    *at = o.addr;
    return 0;
}

int cli_dt_rows(struct cli_hand *h, struct eg_obj o, const char *name, const char *type,
                unsigned depth)
{
    struct dt d = { h, h->run, &h->o.sys->types, &h->o.sys->bind.model, depth, true };
    const struct eg_slot s = {
        .type = o.type, .size = o.size, .kind = o.kind, .shift = o.shift, .bits = o.bits
    };
    int status = cli_hand_table(h, columns, true);

    if (!status)
        show(&d, 0, o.addr, name, type, &s, false);
    return status;
}

static int body(struct eg_run *r, void *hand)
{
    struct cli_hand *h = hand;
    const struct cli *c = h->cli;
    const char *what = c->words.at[0], *addr = c->words.n > 1 ? c->words.at[1] : NULL, *type = what;
    const char *depth = cli_arg(c, "depth"), *whole = what, *path = strchr(what, '.');
    struct eg_member_at m = { 0 };
    struct dt d = { h, r, &h->o.sys->types, &h->o.sys->bind.model, 1, addr != NULL };
    uint64_t at = 0, levels = DEPTH_MAX;
    struct eg_slot s = { 0 };
    int status;

    if (!h->o.sys->types.n_layers)
        return eg_run_fail(r, EG_ENOTFOUND,
                           "no types: the image has none; --profile FILE gives them");
    if (path)
        type = what = eg_strf(r, "%.*s", (int)(path++ - what), what);
    for (unsigned round = 0; round < 2 && !s.kind; round++) {
        if (round && h->o.sys->os && h->o.sys->os->module_types)
            h->o.sys->os->module_types(h->o.sys, NULL, NULL);
        eg_types_parse(d.types, d.model, what, &s);
        if (!s.kind && !addr && (type = variable_type(&d, what, &s)))
            d.object = true;
    }
    if (!s.kind)
        return no_type(&d, what);
    if (path && !eg_type_find(d.types, s.type, path, &m))
        return no_member(&d, s.type, whole, path);
    if (d.object && !addr)
        addr = what;
    if ((addr && (status = cli_address(h, addr, &at))) || (status = copy_of_cpu(&d, &s, &at)))
        return status;
    if (depth && !eg_number_parse(depth, &levels))
        return eg_run_fail(r, EG_EUSAGE, "--depth %s: not a number", depth);
    d.depth = depth || d.object ? (unsigned)EG_MIN(levels, (uint64_t)DEPTH_MAX) : 1;
    if (d.object && !cli_arg(c, "cpu") && !eg_bytes(&r->view, h->space, at, 1))
        eg_note(r, "%s: %#" PRIx64 " cannot be read; --cpu N shows a per-CPU variable's copy", addr,
                at);
    if ((status = cli_hand_table(h, columns, true)))
        return status;
    if (path)
        member(&d, 0, at, s.type, &m, path);
    else
        show(&d, 0, at, addr ? addr : what, type, &s, false);
    return 0;
}

static const struct eg_arg args[] = {
    EG_ARG(pid, INT, "ADDR is an address of this process"),
    EG_ARG(cpu, INT, "the copy of a per-CPU variable on this CPU"),
    EG_ARG(depth, INT, "levels of structs inside structs; all for an object, 1 for a type"),
    { NULL, EG_ARG_FLAG, NULL },
};

static int run_verb(struct cli *c)
{
    return cli_by_hand(c, body);
}

CLI_VERB(dt) = {
    .name = "dt",
    .usage = "IMAGE TYPE[.MEMBER] [ADDR] | IMAGE [TYPE] SYMBOL[.MEMBER]",
    .help = "show a type or one of its members, or an object with its values",
    .args = args,
    .min = 1,
    .max = 2,
    .image = CLI_WANTS_IMAGE,
    .order = 80,
    .words = { "TYPE", "SYMBOL" },
    .table = true,
    .run = run_verb,
};
