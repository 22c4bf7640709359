/* walk_fuzz.c - every walker from the same place, over memory full of pointers into itself: each
 * ends, and gives nothing twice.
 *
 *  The input is a sequence of 32-bit words, one for each pointer-sized slot of the memory: with the
 * top bit set a pointer to a slot (bits 8 to 18) with low bits (0 to 7), else the number itself. */
#include "map.h"
#include "mkimage.h"
#include <stdlib.h>

static const char types[] =
    "struct list_head { struct list_head *next, *prev; };"
    "struct item { struct list_head link; unsigned long node[3]; };"
    "struct head { struct list_head list; };"
    "struct xarray { u32 xa_lock; void *xa_head; };"
    "struct xa_node { u8 shift, offset; struct xa_node *parent; void *slots[16]; };"
    "struct maple_tree { u32 ma_lock; void *ma_root; };"
    "struct maple_range_64 { void *parent; unsigned long pivot[15]; void *slot[16]; };"
    "struct maple_arange_64 { void *parent; unsigned long pivot[9]; void *slot[10]; };"
    "struct maple_node { void *parent; void *slot[31]; };";

EG_FIELDS(item, link, node);
EG_TYPE(head);
EG_TYPE(xarray);
EG_TYPE(maple_tree);

enum { SLOTS = 2048, ENTRIES_MAX = 8 * SLOTS };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    struct eg_map at;
    size_t n;
};

static void once(struct seen *s, struct eg_obj it)
{
    if (eg_map_add(&s->at, it.addr, 0) != 1 || ++s->n > SLOTS)
        abort();
}

static void in_order(const struct eg_entry *e, uint64_t *from, size_t *n)
{
    if (e->last < e->index || (*n && e->index <= *from) || ++*n > ENTRIES_MAX)
        abort();
    *from = e->last;
}

static int walk(struct eg_run *r, void *context)
{
    const uint64_t at = *(const uint64_t *)context;
    struct eg_obj head = eg_object(r, head, at), it;
    struct seen lists = { 0 }, hlists = { 0 }, trees = { 0 };
    struct eg_entry e;
    uint64_t from = 0;
    size_t n = 0;

    eg_each_list(it, head, item.link)
        once(&lists, it);
    eg_each_hlist(it, head, item.link)
        once(&hlists, it);
    eg_each_rb(it, head, item.node)
        once(&trees, it);
    eg_each_xa(e, eg_object(r, xarray, at))
        in_order(&e, &from, &n);
    n = 0;
    eg_each_maple(e, eg_object(r, maple_tree, at))
        in_order(&e, &from, &n);
    eg_next_bit(head, 0, 1 << 20);
    eg_map_fini(&lists.at);
    eg_map_fini(&hlists.at);
    eg_map_fini(&trees.at);
    return 0;
}

/** The memory that the input describes, in the machine's byte order. */
static void fill(struct mk *k, uint64_t base, const uint8_t *data, size_t size)
{
    static uint8_t bytes[8 * SLOTS];
    const struct eg_model *model = mk_model(k);

    for (size_t i = 0; i < SLOTS; i++) {
        uint32_t w = 4 * i + 4 <= size ? eg_le32(data + 4 * i) : 0;
        uint64_t v = w;

        if (w >> 31)
            v = base + (w >> 8 & (SLOTS - 1)) * model->ptr_size + (w & 255);
        for (unsigned b = 0; b < model->ptr_size; b++)
            bytes[i * model->ptr_size + (model->big_endian ? model->ptr_size - 1 - b : b)] =
                (uint8_t)(v >> 8 * b);
    }
    mk_write(k, base, bytes, (size_t)SLOTS * model->ptr_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mk *machines[2];
    static uint64_t bases[2];

    for (size_t m = 0; m < countof(machines); m++) {
        if (!machines[m]) {
            machines[m] = mk_new(&mk_machines[2 * m], 1 << 20, types);
            bases[m] = mk_alloc_aligned(machines[m], 8 * SLOTS, 4096);
        }
        fill(machines[m], bases[m], data, size);
        if (eg_run_do(mk_run(machines[m]), walk, &bases[m]) != 0)
            abort();
    }
    return 0;
}
