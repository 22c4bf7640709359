/** net/skb.h - queues of packets (include/linux/skbuff.h). */
#ifndef EG_LINUX_SKB_H
#define EG_LINUX_SKB_H

#include "../../../core/engram.h"

EG_FIELDS(sk_buff, next, prev, sk, cb, dev, len, data, head, end);

/** The buffers of a queue, a cursor on a sk_buff_head: `linux_each_skb(r, queue, skb)`. Each one's
 * prev must be the one before; what was lost is a note. */
struct linux_skb_walk {
    struct eg_obj queue;
    uint64_t at, from, n;
    bool begun;
};
EG_API bool linux_next_skb(struct eg_run *r, struct linux_skb_walk *w, struct eg_obj *skb);
#define linux_each_skb(r, queue_, skb)                                                             \
    for (struct linux_skb_walk EG_CAT(w_, __LINE__) = { .queue = (queue_) };                       \
         linux_next_skb((r), &EG_CAT(w_, __LINE__), &(skb));)

#endif
