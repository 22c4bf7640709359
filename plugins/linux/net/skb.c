/* skb.c - queues of packets. */
#include "skb.h"
#include <inttypes.h>

// next and prev are the first members of both, in one order, so that the queue is part of its ring.
EG_FIELDS(sk_buff_head, next);

enum { QUEUE_MAX = 1 << 22 };

bool linux_next_skb(struct eg_run *r, struct linux_skb_walk *w, struct eg_obj *skb)
{
    struct eg_obj at;
    uint64_t next, prev;

    if (w->queue.why || eg_stopped(r))
        return false;
    if (!w->begun) {
        w->begun = true;
        if (w->queue.kind == EG_K_PTR)
            w->queue = eg_deref(w->queue);
        w->at = w->from = w->queue.addr;
        // An empty ring is its own next; one that was never set up is zeros.
        if (!eg_get(&next, w->queue, sk_buff_head.next) || !next)
            return w->queue.why = EG_NULL, false;
        w->at = next;
    }
    if (w->at == w->queue.addr)
        return false;
    at = eg_object(r, sk_buff, w->at);
    if (w->n++ == QUEUE_MAX || !eg_get(&prev, at, sk_buff.prev) || prev != w->from ||
        !eg_get(&next, at, sk_buff.next)) {
        eg_note(r, "the queue of packets at %#" PRIx64 " breaks after %" PRIu64, w->queue.addr,
                w->n - 1);
        w->queue.why = EG_BAD_VALUE;
        return false;
    }
    w->from = w->at;
    w->at = next;
    *skb = at;
    return true;
}

static bool next_skb(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out)
{
    struct linux_skb_walk *w = state;

    if (!w->begun)
        w->queue = arg;
    return linux_next_skb(r, w, out);
}

EG_WALKER(skbs) = {
    .os = "linux",
    .help = "packets in a queue",
    .arg = "sk_buff_head",
    .elem = "sk_buff",
    .needs = EG_NEEDS(sk_buff.next, sk_buff.prev, sk_buff_head.next),
    .state = sizeof(struct linux_skb_walk),
    .next = next_skb,
};
