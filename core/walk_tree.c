/* walk_tree.c - hashed lists (hlist, hlist_nulls) and red-black trees.
 *
 *  As with lists, a node is yielded only when it points back to where it was reached from. It can
 * point to only one such place, so no node is yielded twice and no cycle is entered. */
#include "run.h"
#include "walk.h"

/* ---- hlist: head {first}, node {next, pprev}; pprev is the address of the pointer to the node
 * ---- */

struct eg_hlist_walk eg_hlist_begin_(struct eg_obj head, uint32_t id)
{
    const struct eg_link link = eg_walk_link(head, id);

    return eg_hlist_begin(head, &link);
}

struct eg_hlist_walk eg_hlist_begin(struct eg_obj head, const struct eg_link *link)
{
    struct eg_hlist_walk w = { .type = link->type, .link = link->name };

    w.elem = eg_walk_begin("hlist", head, 1, link, &w.head, &w.off);
    w.from = w.head;
    w.going = !w.elem.why;
    return w;
}

bool eg_hlist_next_(struct eg_hlist_walk *w, struct eg_obj *out)
{
    const struct eg_obj *e = &w->elem;
    uint64_t node, pprev;
    bool readable;

    if (!w->going || eg_stopped(e->view->run))
        return false;
    readable = eg_walk_read(e, w->from, &node);
    if (readable && (!node || (node & 1))) { // hlist_nulls ends with an odd number
        w->going = false;
        return false;
    }
    readable = readable && eg_walk_read(e, eg_walk_add(e, node, e->bind->model.ptr_size), &pprev);
    // A pointer to the head would start the walk again.
    if (!readable || pprev != w->from || node == w->head) {
        w->going = false;
        eg_note(e->view->run,
                "hlist of %s.%s at %#" PRIx64 ": broken after %" PRIu64 " entries (%#" PRIx64
                ": %s): what follows is lost",
                w->type, w->link, w->head, w->n, readable ? node : e->view->why_addr,
                readable ? "its link back leads elsewhere"
                         : eg_why_text((enum eg_why)e->view->why));
        return false;
    }
    w->from = node;
    w->n++;
    *out = *e;
    out->addr = eg_walk_add(e, node, -w->off);
    return true;
}

/* ---- red-black trees: root {rb_node}, node {parent and colour, right, left} ---- */

enum { ENDED, FIRST, GOING };
enum { PARENT, RIGHT, LEFT };

struct eg_rb_walk eg_rb_begin_(struct eg_obj root, uint32_t id)
{
    const struct eg_link link = eg_walk_link(root, id);

    return eg_rb_begin(root, &link);
}

struct eg_rb_walk eg_rb_begin(struct eg_obj root, const struct eg_link *link)
{
    struct eg_rb_walk w = { .type = link->type, .link = link->name };

    w.elem = eg_walk_begin("rbtree", root, 1, link, &w.root, &w.off);
    w.state = w.elem.why ? ENDED : FIRST;
    return w;
}

static bool word(const struct eg_rb_walk *w, uint64_t node, unsigned i, uint64_t *out)
{
    return eg_walk_read(&w->elem, eg_walk_add(&w->elem, node, i * w->elem.bind->model.ptr_size),
                        out);
}

/** The node that the pointer at @at points to, if its parent is @parent; else 0, with a note of
 * what is lost unless the pointer is null. */
static uint64_t child(const struct eg_rb_walk *w, uint64_t at, uint64_t parent)
{
    struct eg_view *v = w->elem.view;
    uint64_t node, back;

    if (eg_walk_read(&w->elem, at, &node)) {
        if (!node)
            return 0;
        if (word(w, node, PARENT, &back)) {
            if ((back & ~UINT64_C(3)) == parent)
                return node;
            v->why = EG_BAD_VALUE;
            v->why_addr = node;
        }
    }
    eg_note(v->run,
            "rbtree of %s.%s at %#" PRIx64 ": the branch at %#" PRIx64 " is lost (%#" PRIx64
            ": %s)",
            w->type, w->link, w->root, at, v->why_addr,
            v->why == EG_BAD_VALUE ? "its parent is another" : eg_why_text((enum eg_why)v->why));
    return 0;
}

static uint64_t child_of(const struct eg_rb_walk *w, uint64_t node, unsigned side)
{
    return child(w, eg_walk_add(&w->elem, node, side * w->elem.bind->model.ptr_size), node);
}

static uint64_t leftmost(const struct eg_rb_walk *w, uint64_t node)
{
    for (uint64_t left = node; left && !eg_stopped(w->elem.view->run);
         left = child_of(w, node, LEFT))
        node = left;
    return node;
}

/** The node after @node in order; 0 at the end. It only reads again what was read on the way
 * down. */
static uint64_t successor(const struct eg_rb_walk *w, uint64_t node)
{
    uint64_t left = 0, right = 0, parent;

    if (word(w, node, LEFT, &left) && word(w, node, RIGHT, &right) && right == left && right) {
        eg_note(w->elem.view->run, "rbtree at %#" PRIx64 ": both branches of %#" PRIx64 " are one",
                w->root, node);
        right = 0;
    }
    right = right ? child_of(w, node, RIGHT) : 0;
    if (right)
        return leftmost(w, right);
    for (;; node = parent) {
        if (!word(w, node, PARENT, &parent) || !(parent &= ~UINT64_C(3)) ||
            !word(w, parent, LEFT, &left))
            return 0;
        if (left == node)
            return parent;
    }
}

bool eg_rb_next_(struct eg_rb_walk *w, struct eg_obj *out)
{
    if (w->state == ENDED || eg_stopped(w->elem.view->run))
        return false;
    w->cur = w->state == FIRST ? leftmost(w, child(w, w->root, 0)) : successor(w, w->cur);
    w->state = w->cur ? GOING : ENDED;
    if (!w->cur)
        return false;
    w->n++;
    *out = w->elem;
    out->addr = eg_walk_add(out, w->cur, -w->off);
    return true;
}
