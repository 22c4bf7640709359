/* walk_list.c - circular doubly linked lists (struct list_head: next, prev).
 *
 *  A node is yielded only when it and its predecessor point to each other. So no node is yielded
 * twice, without a set of visited addresses: a node has one prev, hence one predecessor, so a cycle
 * can only close at the head. For the same reason the walk from the other end never meets a node of
 * the first walk: it would have to pass the place where that one broke. */
#include "run.h"
#include "walk.h"

enum { ENDED, FORWARD, BACKWARD };

struct eg_list_walk eg_list_begin_(struct eg_obj head, uint32_t id)
{
    const struct eg_link link = eg_walk_link(head, id);

    return eg_list_begin(head, &link);
}

struct eg_list_walk eg_list_begin(struct eg_obj head, const struct eg_link *link)
{
    struct eg_list_walk w = { .type = link->type, .link = link->name };

    w.elem = eg_walk_begin("list", head, 2, link, &w.head, &w.off);
    w.cur = w.head;
    w.state = w.elem.why ? ENDED : FORWARD;
    return w;
}

/** The node that the link @out of @w->cur points to, and whose link @back must point to @w->cur;
 * @out and @back are next and prev, or prev and next. @return EG_OK, or the reason, with its
 * address in *@node. */
static enum eg_why step(const struct eg_list_walk *w, unsigned out, unsigned back, uint64_t *node)
{
    const unsigned size = w->elem.bind->model.ptr_size;
    uint64_t to, from;

    if (!eg_walk_read(&w->elem, eg_walk_add(&w->elem, w->cur, out * size), &to) ||
        !eg_walk_read(&w->elem, eg_walk_add(&w->elem, to, back * size), &from)) {
        *node = w->elem.view->why_addr;
        return (enum eg_why)w->elem.view->why;
    }
    *node = to;
    return from == w->cur ? EG_OK : EG_BAD_VALUE;
}

static bool give(struct eg_list_walk *w, uint64_t node, uint64_t *count, struct eg_obj *out)
{
    w->cur = node;
    ++*count;
    *out = w->elem;
    out->addr = eg_walk_add(out, node, -w->off);
    return true;
}

bool eg_list_next_(struct eg_list_walk *w, struct eg_obj *out)
{
    enum eg_why why;
    uint64_t node;

    if (w->state == ENDED || eg_stopped(w->elem.view->run))
        return false;
    if (w->state == FORWARD) {
        why = step(w, 0, 1, &node);
        if (!why && node != w->head)
            return give(w, node, &w->n, out);
        w->state = why ? BACKWARD : ENDED;
        if (!why)
            return false;
        w->why = (uint8_t)why;
        w->broken_at = node;
        w->last = w->cur;
        w->cur = w->head;
    }
    why = step(w, 1, 0, &node);
    if (!why && node != w->head)
        return give(w, node, &w->back, out);
    w->state = ENDED;
    eg_note(w->elem.view->run,
            "list of %s.%s at %#" PRIx64 ": broken after %" PRIu64 " entries (%#" PRIx64
            ": %s); walked from the other end, %" PRIu64 " more%s",
            w->type, w->link, w->head, w->n, w->broken_at,
            w->why == EG_BAD_VALUE ? "its link back leads elsewhere"
                                   : eg_why_text((enum eg_why)w->why),
            w->back, why == EG_BAD_VALUE && node == w->last ? ", and the ends meet" : "");
    return false;
}
