/* walk.c - the beginning of all walks; bitmaps; walkers by name. */
#include "walk.h"
#include "run.h"

struct eg_link eg_walk_link(struct eg_obj head, uint32_t id)
{
    const struct eg_handle *h = eg_handle(id);
    struct eg_link link = { h ? h->type : "?", h ? h->name : "?", { 0 } };

    if (head.bind)
        link.slot = head.bind->slots[id];
    return link;
}

struct eg_obj eg_walk_begin(const char *what, struct eg_obj head, unsigned words,
                            const struct eg_link *link, uint64_t *at, uint64_t *off)
{
    const struct eg_slot *s = &link->slot;

    if (!head.why && head.kind == EG_K_PTR)
        head = eg_deref(head);
    if (!head.why && (head.kind != EG_K_STRUCT || head.size < words * head.bind->model.ptr_size)) {
        if (head.view->run)
            eg_failed(head.view->run, "%s of %s.%s: begun on a struct %s", what, link->type,
                      link->name, eg_type_name(head.bind->types, head.type));
        head = eg_bad(head, EG_WRONG_TYPE, head.addr);
    }
    if (!head.why && !s->kind)
        head = eg_bad(head, s->why ? (enum eg_why)s->why : EG_NO_MEMBER, head.addr);
    if (head.why) {
        if (head.why != EG_NULL)
            eg_note(head.view->run, "%s of %s.%s: not walked: %#" PRIx64 ": %s", what, link->type,
                    link->name, head.addr, eg_why_text((enum eg_why)head.why));
        return head;
    }
    *at = head.addr;
    *off = s->off;
    head.type = s->parent;
    head.size = (uint32_t)eg_type_size(head.bind->types, s->parent, &head.bind->model);
    head.kind = EG_K_STRUCT;
    head.shift = head.bits = 0;
    return head;
}

/* ---- bitmaps ---- */

enum { BITS_SHIFT = 32 }; // more than any bitmap of a kernel: larger counts are damage

uint64_t eg_next_bit(struct eg_obj o, uint64_t from, uint64_t limit)
{
    uint64_t end = limit;
    unsigned bytes, bits;

    if (!o.why && o.kind == EG_K_PTR)
        o = eg_deref(o);
    if (o.why) {
        if (o.why != EG_NULL)
            eg_note(o.view->run, "bitmap: not read: %#" PRIx64 ": %s", o.addr,
                    eg_why_text((enum eg_why)o.why));
        return limit;
    }
    bytes = o.bind->model.long_size;
    bits = 8 * bytes;
    if (o.kind == EG_K_ARRAY && o.size)
        end = EG_MIN(end, (uint64_t)o.size * 8);
    if (end >> BITS_SHIFT) {
        eg_note(o.view->run, "bitmap at %#" PRIx64 ": %" PRIu64 " bits are too many", o.addr,
                limit);
        end = UINT64_C(1) << BITS_SHIFT;
    }
    while (from < end && !eg_stopped(o.view->run)) {
        const uint8_t *p = eg_bytes(o.view, o.space, o.addr + from / bits * bytes, bytes);
        uint64_t word;

        if (!p) {
            eg_note(o.view->run, "bitmap at %#" PRIx64 ": bits from %" PRIu64 " on: %s", o.addr,
                    from, eg_why_text((enum eg_why)o.view->why));
            return limit;
        }
        word = eg_load_(p, bytes, o.bind->model.big_endian) >> from % bits;
        if (word) {
            from += (unsigned)__builtin_ctzll(word);
            return from < end ? from : limit;
        }
        from += bits - from % bits;
    }
    return limit;
}

/* ---- by name ---- */

struct eg_walking eg_walk(struct eg_run *r, const char *name, struct eg_obj arg)
{
    struct eg_walking w = { .run = r, .arg = arg };
    const struct eg_walker_reg *reg;

    for (size_t i = 0; (reg = eg_walker_nth(i)); i++)
        if (!strcmp(reg->name, name) &&
            (!reg->walker->os || (r->sys->os && !strcmp(r->sys->os->name, reg->walker->os))))
            break;
    if (!reg) {
        eg_failed(r, "no walker '%s' for this system", name);
        return w;
    }
    if (reg->walker->arg && !arg.why && !arg.bind) {
        eg_failed(r, "walker '%s' was called with an empty cursor: it walks from a %s", name,
                  reg->walker->arg);
        return w;
    }
    w.walker = reg->walker;
    w.state = eg_tmp(r, w.walker->state);
    return w;
}

bool eg_walk_next(struct eg_walking *w, struct eg_obj *out)
{
    if (w->walker && !w->walker->next) {
        eg_failed(w->run, "this walker gives values (%s): use eg_walk_next_values",
                  w->walker->values);
        return false;
    }
    return w->walker && !eg_stopped(w->run) && w->walker->next(w->run, w->arg, w->state, out);
}

bool eg_walk_next_values(struct eg_walking *w, struct eg_cell *out)
{
    if (w->walker && !w->walker->next_values) {
        eg_failed(w->run, "this walker gives places: use eg_walk_next");
        return false;
    }
    for (unsigned i = 0; i < EG_WALKER_VALUES; i++)
        out[i] = (struct eg_cell){ 0 };
    return w->walker && !eg_stopped(w->run) &&
           w->walker->next_values(w->run, w->arg, w->state, out);
}
