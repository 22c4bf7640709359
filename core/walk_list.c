/* walk_list.c - circular doubly linked lists (struct list_head: next, prev).
 *
 *  A node is yielded only when it and its predecessor point to each other. So no node is yielded
 * twice, without a set of visited addresses: a node has one prev, hence one predecessor, so a cycle
 * can only close at the head. For the same reason the walk from the other end never meets a node of
 * the first walk: it would have to pass the place where that one broke.
 *
 *  An image that is taken while the machine runs holds older and newer pages, whose links
 * contradict each other. If the walk broke at such a place, and the one from the other end does not
 * lead there, it goes on behind it when a third node agrees. Nodes that were met before are known
 * by the nodes that their links back lead to. */
#include "run.h"
#include "walk.h"

enum { ENDED, FORWARD, BACKWARD, BETWEEN };

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

/** Follow next (0) or prev (1). */
static bool follow(const struct eg_list_walk *w, uint64_t node, unsigned link, uint64_t *to)
{
    const unsigned size = w->elem.bind->model.ptr_size;

    return eg_walk_read(&w->elem, eg_walk_add(&w->elem, node, link * size), to);
}

static bool was_crossed(const struct eg_list_walk *w, uint64_t node)
{
    for (unsigned i = 0; i < w->n_crossed; i++)
        if (w->crossed[i] == node)
            return true;
    return false;
}

/** Was it yielded? The links back of all that were yielded lead to the head, to a node behind a
 * contradiction, or to the end of the walk from the other end. */
static bool was_met(const struct eg_list_walk *w, uint64_t node)
{
    uint64_t before, next;

    for (uint64_t i = 0; i <= w->n + w->back + w->between; i++) {
        if (node == w->head || node == w->back_end || was_crossed(w, node))
            return true;
        if (!follow(w, node, 1, &before) || !follow(w, before, 0, &next) || next != node)
            return false;
        node = before;
    }
    return true;
}

/** *@node, which @w->cur points to, does not point back. Either the node behind it does: *@node was
 * removed; or that one points to *@node: what was between was removed. @return false: neither. */
static bool cross(const struct eg_list_walk *w, uint64_t *node)
{
    uint64_t next, back;

    if (*node == w->head)
        return true;
    if (!follow(w, *node, 0, &next) || !follow(w, next, 1, &back) ||
        (back != w->cur && back != *node))
        return false;
    if (back == w->cur)
        *node = next;
    return true;
}

/** @return it is behind a place where links contradict each other, and was not met yet. */
static bool next_between(struct eg_list_walk *w, uint64_t *node, bool *meet)
{
    const enum eg_why why = step(w, 0, 1, node);

    if (!why)
        return *node != w->head && !was_crossed(w, *node);
    if (why != EG_BAD_VALUE || w->n_crossed == EG_LIST_CROSSED_MAX || !cross(w, node))
        return false;
    *meet = *node == w->back_end;
    if (was_met(w, *node))
        return false;
    w->crossed[w->n_crossed++] = *node;
    return true;
}

static void note_broken(const struct eg_list_walk *w, bool meet)
{
    char between[120] = "";

    if (w->between)
        snprintf(between, sizeof between,
                 ", and behind %u place%s that changed while the image was taken, %" PRIu64 " more",
                 w->n_crossed, w->n_crossed == 1 ? "" : "s", w->between);
    eg_note(w->elem.view->run,
            "list of %s.%s at %#" PRIx64 ": broken after %" PRIu64 " entries (%#" PRIx64
            ": %s); walked from the other end, %" PRIu64 " more%s%s",
            w->type, w->link, w->head, w->n, w->broken_at,
            w->why == EG_BAD_VALUE ? "its link back leads elsewhere"
                                   : eg_why_text((enum eg_why)w->why),
            w->back, between, meet ? ", and the ends meet" : "");
}

bool eg_list_next_(struct eg_list_walk *w, struct eg_obj *out)
{
    enum eg_why why;
    uint64_t node;
    bool meet = false;

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
    if (w->state == BACKWARD) {
        why = step(w, 1, 0, &node);
        if (!why && node != w->head)
            return give(w, node, &w->back, out);
        meet = why == EG_BAD_VALUE && node == w->last;
        w->state = meet ? ENDED : BETWEEN;
        w->back_end = w->cur;
        w->cur = w->last;
    }
    if (w->state == BETWEEN && next_between(w, &node, &meet))
        return give(w, node, &w->between, out);
    w->state = ENDED;
    note_broken(w, meet);
    return false;
}
