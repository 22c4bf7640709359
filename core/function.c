/* function.c - registered functions: their results, and calling one by its form. */
#include "registry.h"

const char *eg_function_returns(const struct eg_function *f)
{
    return f->is ? "boolean" : f->returns ? f->returns : "text";
}

/** Text, or why there is none. */
static struct eg_cell text_cell(const char *text, struct eg_obj o)
{
    return text ? eg_text(text) : eg_missing(o.why ? (enum eg_why)o.why : EG_UNREADABLE, o.addr);
}

/** A cell that names a place because it could not be read: the reason, as a row would have it. */
static struct eg_cell unread(const struct eg_function *f, struct eg_cell cell)
{
    struct eg_obj o = cell.obj;
    uint64_t at;

    if (cell.tag != EG_CELL_OBJ || o.why || strcmp(eg_function_returns(f), "text") != 0)
        return cell;
    if (o.kind == EG_K_PTR && eg_load(&at, o)) {
        if (!at)
            return eg_missing(EG_NULL, 0);
        o.addr = at;
    }
    return eg_bytes(o.view, o.space, o.addr, 1)
               ? cell
               : eg_missing((enum eg_why)o.view->why, o.view->why_addr);
}

struct eg_cell eg_function_call(struct eg_run *r, const struct eg_function *f,
                                const struct eg_obj *args, unsigned n)
{
    const struct eg_obj nobody = { .why = EG_NULL };

    for (unsigned i = 0; i < n; i++)
        if (!args[i].why && !args[i].bind) {
            eg_failed(r, "a function was called with an empty cursor: it takes (%s)", f->args);
            return (struct eg_cell){ 0 };
        }
    if (f->call)
        return unread(f, f->call(r, args, n));
    if (args[0].why && f->is) // neither: a condition in Lua must not hold
        return (struct eg_cell){ 0 };
    if (args[0].why)
        return eg_cell_of(args[0]);
    if (f->is)
        return eg_int(f->is(r, args[0]));
    if (f->text)
        return text_cell(f->text(r, args[0]), args[0]);
    if (f->text_from)
        return text_cell(f->text_from(r, args[0], n > 1 ? args[1] : nobody), args[0]);
    return f->cell ? unread(f, f->cell(r, args[0])) : eg_cell_of(f->cursor(r, args[0]));
}

struct eg_cell eg_call(struct eg_run *r, const char *name, const struct eg_obj *args, unsigned n)
{
    const struct eg_os *os = eg_system_of(r)->os;
    const struct eg_function_reg *reg;
    const struct eg_function *f;
    unsigned min, max;

    for (size_t i = 0; (reg = eg_function_nth(i)); i++) {
        f = reg->function;
        if (strcmp(reg->name, name) != 0 || (f->os && !(os && !strcmp(os->name, f->os))))
            continue;
        eg_function_args(f, &min, &max);
        if (n >= min && n <= max)
            return eg_function_call(r, f, args, n);
        eg_failed(r, "%s: called with %u arguments, but it takes (%s)", name, n, f->args);
        return (struct eg_cell){ 0 };
    }
    eg_failed(r, "no function '%s' for this system", name);
    return (struct eg_cell){ 0 };
}
