/* printk_ring.c - the log since 5.10: a ring of descriptors and a ring of text
 * (kernel/printk/printk_ringbuffer.c). */
#include "../../../core/base.h"
#include "printk.h"

EG_FIELDS(printk_ringbuffer, desc_ring, text_data_ring);
EG_FIELDS(prb_desc_ring, count_bits, descs, infos);
EG_FIELD_AS(ring_head, prb_desc_ring, "head_id.counter");
EG_FIELD_AS(ring_tail, prb_desc_ring, "tail_id.counter");
EG_FIELD_AS(desc_state, prb_desc, "state_var.counter");
EG_FIELD_AS(desc_begin, prb_desc, "text_blk_lpos.begin");
EG_FIELD_AS(desc_next, prb_desc, "text_blk_lpos.next");
EG_FIELDS(prb_data_ring, size_bits, data);
EG_FIELDS(printk_info, seq, ts_nsec, text_len, facility, level, caller_id);
EG_FIELD_AS(info_subsystem, printk_info, "dev_info.subsystem");
EG_FIELD_AS(info_device, printk_info, "dev_info.device");
EG_SYMBOL(prb, "printk_ringbuffer *");

enum { RECORDS_MAX = 1 << 22 };
enum { RESERVED, COMMITTED, FINALIZED, REUSABLE }; // the two top bits of desc_state

struct ring {
    struct eg_obj descs, infos;
    uint64_t data, head, tail, ids; // ids: the bits of an id
    unsigned count_bits, size_bits, word;
    bool big;
};

static bool open_ring(struct eg_run *r, struct ring *g)
{
    const struct eg_model *m = &eg_binding_of(r)->model;
    struct eg_obj rb = eg_deref(eg_sym(r, prb));
    struct eg_obj desc_ring = eg_at(rb, printk_ringbuffer.desc_ring);
    struct eg_obj data_ring = eg_at(rb, printk_ringbuffer.text_data_ring);

    g->word = m->ptr_size;
    g->big = m->big_endian;
    g->ids = UINT64_MAX >> (64 - 8 * g->word) >> 2;
    g->descs = eg_at(desc_ring, prb_desc_ring.descs);
    g->infos = eg_at(desc_ring, prb_desc_ring.infos);
    return eg_get(&g->count_bits, desc_ring, prb_desc_ring.count_bits) && g->count_bits < 32 &&
           eg_get(&g->size_bits, data_ring, prb_data_ring.size_bits) && g->size_bits < 32 &&
           eg_get(&g->data, data_ring, prb_data_ring.data) &&
           eg_get(&g->head, desc_ring, ring_head) && eg_get(&g->tail, desc_ring, ring_tail) &&
           !g->descs.why && !g->infos.why;
}

/* Where a record's text is: behind the id of its descriptor, at its place or, where that would
 * cross the end, at the start of the ring. */
static const char *text_of(struct eg_run *r, const struct ring *g, struct eg_obj desc, uint64_t id,
                           size_t *len)
{
    const uint64_t size = UINT64_C(1) << g->size_bits;
    uint64_t begin, next, at, end, owner = 0;
    const uint8_t *p;
    char *text;

    if (!eg_get(&begin, desc, desc_begin) || !eg_get(&next, desc, desc_next))
        return NULL;
    if (begin & 1) { // no block: 3 is an empty line, 1 a text that found no room
        *len = 0;
        return begin == 1 ? NULL : "";
    }
    at = begin & (size - 1);
    end = next & (size - 1);
    if (begin >> g->size_bits != (next - 1) >> g->size_bits)
        at = 0;
    else if (!end)
        end = size;
    if (end < at + g->word)
        return NULL;
    p = eg_bytes(eg_view_of(r), eg_kernel(r), g->data + at, g->word);
    if (p)
        owner = eg_load_(p, g->word, g->big);
    if (!p || (owner & g->ids) != id)
        return NULL;
    *len = EG_MIN(*len, end - at - g->word);
    text = eg_tmp(r, *len + 1);
    return eg_read(eg_view_of(r), eg_kernel(r), g->data + at + g->word, text, *len) ? text : NULL;
}

static const char *named(struct eg_run *r, struct eg_obj o)
{
    const char *s = eg_string(r, o, 64);

    return s && *s ? s : NULL;
}

/* The state of a record: of one that the ring has no more, REUSABLE. */
static unsigned state_of(const struct ring *g, uint64_t id, struct eg_obj desc)
{
    uint64_t state;

    if (!eg_get(&state, desc, desc_state) || (state & g->ids) != id)
        return RESERVED;
    return (unsigned)(state >> (8 * g->word - 2)) & 3;
}

/* @return false when it is not whole. */
static bool record_of(struct eg_run *r, const struct ring *g, uint64_t id, struct eg_obj desc,
                      struct eg_obj info, struct linux_log_record *out)
{
    *out = (struct linux_log_record){ .seq = 0 };
    if (!eg_get(&out->seq, info, printk_info.seq) ||
        !eg_get(&out->ts_nsec, info, printk_info.ts_nsec) ||
        !eg_get(&out->len, info, printk_info.text_len) ||
        !eg_get(&out->level, info, printk_info.level) ||
        !eg_get(&out->facility, info, printk_info.facility) ||
        !(out->text = text_of(r, g, desc, id, &out->len)))
        return false;
    out->has_caller = eg_get(&out->caller, info, printk_info.caller_id);
    out->subsystem = named(r, eg_at(info, info_subsystem));
    out->device = named(r, eg_at(info, info_device));
    return true;
}

static void walk(struct eg_run *r, linux_log_fn *emit, void *state)
{
    struct linux_log_record record;
    uint64_t n, lost = 0;
    struct ring g;

    if (!open_ring(r, &g)) {
        eg_note(r, "the log's ring cannot be read");
        return;
    }
    n = ((g.head - g.tail) & g.ids) + 1;
    if (n > EG_MIN(RECORDS_MAX, UINT64_C(1) << g.count_bits)) {
        eg_note(r, "the log's ring says that it holds %llu records: not believed",
                (unsigned long long)n);
        n = EG_MIN(RECORDS_MAX, UINT64_C(1) << g.count_bits);
    }
    for (uint64_t k = n; k-- && !eg_stopped(r);) {
        const uint64_t id = (g.head - k) & g.ids, i = id & ((UINT64_C(1) << g.count_bits) - 1);
        struct eg_obj desc = eg_index(g.descs, i);
        const unsigned stage = state_of(&g, id, desc);

        // A committed record may still grow: it is the newest one, and whole as it stands.
        if ((stage == COMMITTED || stage == FINALIZED) &&
            record_of(r, &g, id, desc, eg_index(g.infos, i), &record))
            emit(r, state, &record);
        else
            lost += stage != REUSABLE;
    }
    if (lost)
        eg_note(r, "%llu of the log's %llu records are not whole: left out",
                (unsigned long long)lost, (unsigned long long)n);
}

bool linux_log_ring(struct eg_run *r, linux_log_fn *emit, void *state)
{
    if (!eg_has(r, printk_ringbuffer.desc_ring))
        return false;
    walk(r, emit, state);
    return true;
}
