/* owners_buffers.c - data on its way: of network packets (struct sk_buff), and in pipes. Found by
 * the objects that are allocated in their caches. */
#include "../../../core/run.h"
#include "../../../core/space.h"
#include "../fs/inode.h"
#include "../mm/slab.h"
#include "../net/skb.h"
#include "owners.h"
#include <stdlib.h>

EG_FIELD_AS(device_name, net_device, "name");
EG_FIELDS(pipe_inode_info, bufs, ring_size);
EG_FIELD_AS(pipe_head, pipe_inode_info, "head");
EG_FIELD_AS(pipe_tail, pipe_inode_info, "tail");
EG_FIELDS(pipe_buffer, page, offset, len);
EG_FIELD_AS(inode_pipe, inode, "i_pipe");

enum { BUFFERS_MAX = 1 << 20 };

struct finding {
    struct eg_run *r;
    struct linux_owner_tables *t;
    const struct linux_memmap *m;
};

static void add(struct finding *f, uint64_t pa, uint64_t len, const char *kind, uint64_t object,
                uint64_t detail)
{
    struct linux_buffer_place *new;
    uint64_t last;

    if (!len || !eg_add(pa, len - 1, &last) || f->t->buffers.n == BUFFERS_MAX)
        return;
    new = eg_vec_push(&f->t->buffers);
    if (new)
        *new = (struct linux_buffer_place){ pa, last, kind, object, detail };
    else
        eg_run_fail(f->r, EG_ENOMEM, "%s", "out of memory for buffers");
}

/* From head to end: what is in use of it begins at data. The end is an offset with 64 bits. */
static void add_packet(struct finding *f, uint64_t at)
{
    enum { MOST = 1 << 20 };
    struct eg_obj skb = eg_object(f->r, sk_buff, at);
    uint64_t head, end, data, pa;

    if (!eg_get(&head, skb, sk_buff.head) || !eg_get(&end, skb, sk_buff.end) ||
        !eg_get(&data, skb, sk_buff.data) || !end)
        return;
    if (end >= head)
        end -= head; // a pointer
    if (end > MOST || data < head || data - head > end ||
        !eg_translate(eg_view_of(f->r), eg_kernel(f->r), head, eg_physical(f->r), &pa))
        return;
    add(f, pa, end, "sk_buff data", at, data - head);
}

static void add_pipe(struct finding *f, uint64_t inode)
{
    enum { SLOTS_MAX = 1 << 16 };
    struct eg_obj pipe = eg_deref(eg_at(eg_object(f->r, inode, inode), inode_pipe));
    uint32_t head, tail, slots;

    if (pipe.why || !eg_get(&head, pipe, pipe_head) || !eg_get(&tail, pipe, pipe_tail) ||
        !eg_get(&slots, pipe, pipe_inode_info.ring_size) || !slots || slots > SLOTS_MAX ||
        slots & (slots - 1))
        return;
    for (uint32_t n = 0; tail + n != head && n < slots; n++) {
        struct eg_obj buf = eg_index(eg_at(pipe, pipe_inode_info.bufs), (tail + n) & (slots - 1));
        uint64_t page;
        uint32_t off, len;

        if (eg_get(&page, buf, pipe_buffer.page) && eg_get(&off, buf, pipe_buffer.offset) &&
            eg_get(&len, buf, pipe_buffer.len) && page >= f->m->base &&
            (page - f->m->base) % f->m->size == 0 && off < 1u << 22 && len < 1u << 22)
            add(f, ((page - f->m->base) / f->m->size << f->m->shift) + off, len, "pipe", inode, 0);
    }
}

static void each_object(struct finding *f, const char *cache,
                        void (*take)(struct finding *f, uint64_t object))
{
    struct eg_obj c = linux_cache_named(f->r, cache);
    struct linux_slab_place *places;
    size_t n;

    if (c.why)
        return;
    n = linux_slab_places(f->r, c, &places);
    for (size_t i = 0; i < n && !eg_stopped(f->r); i++)
        if (!places[i].free && places[i].known)
            take(f, places[i].object);
}

static int by_place(const void *a, const void *b)
{
    const struct linux_buffer_place *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

/* A pair of clones (skbuff_fclone_cache) begins with an sk_buff too. */
void linux_find_buffers(struct eg_run *r, struct linux_owner_tables *t)
{
    struct finding f = { r, t, linux_memmap(r) };

    if (!f.m || !f.m->found)
        return;
    if (eg_has(r, sk_buff.head)) {
        each_object(&f, "skbuff_head_cache", add_packet);
        each_object(&f, "skbuff_fclone_cache", add_packet);
    }
    if (eg_has(r, pipe_inode_info.bufs) && eg_has(r, inode_pipe))
        each_object(&f, "inode_cache", add_pipe);
    if (t->buffers.n)
        qsort(t->buffers.at, t->buffers.n, sizeof *t->buffers.at, by_place);
}

/* Places may overlap where packets share data: those that begin at most the longest one before. */
void linux_give_buffers(struct linux_owners *o, uint64_t pa,
                        void (*give)(void *context, const struct eg_owner *owner), void *context)
{
    enum { LONGEST = 1 << 22, MOST = 64 };
    const struct linux_owner_tables *t = o->tables;
    const uint64_t from = pa > LONGEST ? pa - LONGEST : 0;
    unsigned n = 0;

    for (size_t i = eg_lower_bound(t->buffers.n, k, t->buffers.at[k].first < from);
         i < t->buffers.n && t->buffers.at[i].first <= pa && n < MOST; i++) {
        const struct linux_buffer_place *b = &t->buffers.at[i];
        struct eg_owner owner = {
            .kind = b->kind, .pid = -1, .addr = b->object, .offset = pa - b->first
        };
        struct eg_obj skb = eg_object(o->r, sk_buff, b->object);

        if (b->last < pa)
            continue;
        if (b->kind[0] == 'p')
            owner.name = eg_strf(o->r, "pipe:[%llu]",
                                 (unsigned long long)eg_get_or(
                                     UINT64_C(0), eg_object(o->r, inode, b->object), inode.i_ino));
        else
            owner.name = eg_string(o->r, eg_at(skb, sk_buff.dev, device_name), 16);
        give(context, &owner);
        n++;
    }
}
