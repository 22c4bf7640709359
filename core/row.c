/* row.c - turns the cells of a row into values: cursors are read here, once, and the texts and
 * arrays that they refer to are copied. */
#include "args.h"
#include "profile.h"
#include "run.h"

enum {
    POINTED_TEXT_MAX = 4096,
    CELL_MAX = 1 << 20, // bytes of an array, whose size comes from a profile
};

static struct eg_value bad(enum eg_why why, uint64_t addr)
{
    return (struct eg_value){ .tag = EG_V_BAD, .why = why, .u = addr };
}

static struct eg_value bad_read(const struct eg_view *v)
{
    return bad((enum eg_why)v->why, v->why_addr);
}

/** How many bytes of the image have to be copied for the value of a cell. */
static size_t room(const struct eg_cell *c, enum eg_column_kind kind)
{
    if (c->tag != EG_CELL_OBJ || c->obj.why)
        return 0;
    if (c->obj.kind == EG_K_CHARS || c->obj.kind == EG_K_ARRAY)
        return EG_MIN((size_t)c->obj.size, (size_t)CELL_MAX);
    return c->obj.kind == EG_K_PTR && kind == EG_COL_TEXT ? POINTED_TEXT_MAX : 0;
}

/** Text of at most @max bytes: up to its NUL, or to the first byte that cannot be read. */
static struct eg_value text(struct eg_run *r, struct eg_obj o, size_t max)
{
    uint8_t *p = r->bytes.at + r->bytes.n;
    const uint8_t *name = max && max <= 32 ? eg_bytes(o.view, o.space, o.addr, max) : NULL;
    enum eg_why why = EG_OK;
    size_t len;

    max = EG_MIN(max, (size_t)CELL_MAX);
    if (name)
        memcpy(p, name, max);
    else
        eg_read_some(o.view, o.space, o.addr, p, max, &why);
    len = strnlen((char *)p, max);
    if (!len && why && !eg_read(o.view, o.space, o.addr, p, 1))
        return bad_read(o.view);
    r->bytes.n += len;
    return (struct eg_value){ .tag = EG_V_TEXT, .bytes = { p, len } };
}

static struct eg_value array(struct eg_run *r, struct eg_obj o)
{
    uint8_t *p = r->bytes.at + r->bytes.n;
    size_t len = EG_MIN((size_t)o.size, (size_t)CELL_MAX);

    if (!eg_read(o.view, o.space, o.addr, p, len))
        return bad_read(o.view);
    r->bytes.n += len;
    return (struct eg_value){ .tag = EG_V_BYTES, .bytes = { p, len } };
}

static bool points_to_chars(struct eg_obj o)
{
    const struct eg_types *ts = o.bind->types;
    const struct eg_type *t = eg_type(ts, eg_type_strip(ts, o.type), NULL);

    return t->kind == EG_T_INT && (t->flags & EG_TF_CHAR);
}

/** The value of an enum, sign-extended if its type is signed. */
static struct eg_value enumerator(struct eg_obj o, uint64_t v, enum eg_column_kind kind)
{
    struct eg_value out = { .tag = EG_V_UINT, .u = v };

    if ((eg_type(o.bind->types, o.type, NULL)->flags & EG_TF_SIGNED) && o.size < 8 && !o.bits)
        v = out.u = (uint64_t)((int64_t)(v << (64 - 8 * o.size)) >> (64 - 8 * o.size));
    if (kind == EG_COL_TEXT) {
        const char *name = eg_type_enumerator(o.bind->types, o.type, (int64_t)v);

        if (name)
            return (struct eg_value){ .tag = EG_V_TEXT,
                                      .bytes = { (const uint8_t *)name, strlen(name) } };
    }
    if ((int64_t)v < 0)
        out.tag = EG_V_INT;
    return out;
}

static struct eg_value number(struct eg_run *r, struct eg_obj o, enum eg_column_kind kind)
{
    uint64_t v;

    if (!eg_value(o, &v))
        return bad_read(o.view);
    if (o.kind == EG_K_ENUM)
        return enumerator(o, v, kind);
    if (o.kind == EG_K_PTR && kind == EG_COL_TEXT && points_to_chars(o)) {
        if (!v)
            return bad(EG_NULL, 0);
        o.addr = v;
        return text(r, o, POINTED_TEXT_MAX);
    }
    return (struct eg_value){ .tag = o.kind == EG_K_SINT ? EG_V_INT : EG_V_UINT, .u = v };
}

static struct eg_value read_cursor(struct eg_run *r, struct eg_obj o, enum eg_column_kind kind)
{
    if (o.why)
        return bad((enum eg_why)o.why, o.addr);
    switch (o.kind) {
    case EG_K_UINT:
    case EG_K_SINT:
    case EG_K_ENUM:
    case EG_K_PTR:
        return number(r, o, kind);
    case EG_K_CHARS:
        return kind == EG_COL_BYTES ? array(r, o) : text(r, o, o.size);
    case EG_K_ARRAY:
        return kind == EG_COL_BYTES ? array(r, o) : bad(EG_NOT_SCALAR, o.addr);
    case EG_K_STRUCT:
    case EG_K_FUNC:
        return (struct eg_value){ .tag = EG_V_UINT, .u = o.addr };
    default:
        return bad(EG_NOT_SCALAR, o.addr);
    }
}

static struct eg_value value_of(struct eg_run *r, const struct eg_cell *c, enum eg_column_kind kind)
{
    switch (c->tag) {
    case EG_CELL_INT:
        return (struct eg_value){ .tag = EG_V_INT, .i = c->i };
    case EG_CELL_UINT:
        return (struct eg_value){ .tag = EG_V_UINT, .u = c->u };
    case EG_CELL_TEXT:
    case EG_CELL_BYTES:
        return (struct eg_value){ .tag = c->tag == EG_CELL_TEXT ? EG_V_TEXT : EG_V_BYTES,
                                  .bytes = { c->bytes.p, c->bytes.len } };
    case EG_CELL_OBJ:
        return read_cursor(r, c->obj, kind);
    case EG_CELL_BAD:
        return bad(c->why, c->u);
    default:
        return (struct eg_value){ .tag = EG_V_NONE };
    }
}

/** Is the row of a process that the options do not choose? The plugin itself does not ask. */
static bool is_dropped(struct eg_run *r)
{
    const struct eg_value *pid = &r->values[r->processes.pid];

    return r->processes.filters &&
           !((pid->tag == EG_V_INT || pid->tag == EG_V_UINT) && eg_arg_match(r, "pid", pid->i));
}

/** --pid: this process has a row. */
static void note_process(struct eg_run *r)
{
    const struct eg_value *pid = &r->values[r->processes.pid];

    if (r->wanted.n && r->processes.pid < r->processes.own &&
        (pid->tag == EG_V_INT || pid->tag == EG_V_UINT))
        eg_args_shown(r, pid->i);
}

void eg_emit_(struct eg_run *r, unsigned depth, const struct eg_cell *cells, size_t n)
{
    const struct eg_column *columns = r->columns;
    size_t bytes = 0;

    if (eg_stopped(r))
        return;
    if (n != r->processes.own || (depth && !r->plugin->plugin->tree)) {
        eg_failed(r, "it emits a row of %zu cells with depth %u, but declares %zu columns%s", n,
                  depth, r->processes.own, depth ? " and no tree" : "");
        return;
    }
    for (size_t i = 0; i < n; i++)
        bytes += room(&cells[i], columns[i].kind);
    // + 1: the pointer is not NULL even if no byte is needed
    if (!eg_vec_reserve(&r->bytes, bytes + 1)) {
        eg_run_fail(r, EG_ENOMEM, "out of memory for a row of %zu bytes", bytes);
        return;
    }
    r->bytes.n = 0;
    for (size_t i = 0; i < n; i++)
        r->values[i] = value_of(r, &cells[i], columns[i].kind);
    if (is_dropped(r))
        return;
    eg_process_context(r, r->values);
    r->n_rows++;
    note_process(r);
    if (r->sink.row && !r->status && !r->view.starved)
        r->sink.row(r->sink.context, depth, r->values, r->n_columns);
}
