/* nft_set.c - the elements of sets and maps, of every kind that the kernel has
 * (net/netfilter/nft_set_{hash,rbtree,bitmap,pipapo}.c), as nft prints them. */
#include "nft_set_own.h"

EG_TYPE(rhashtable);
EG_TYPE(rb_root);
EG_TYPE_("nf_tables", nft_pipapo_field);

enum { FIELDS_MAX = 16, CHAIN_MAX = 1 << 16, RULES_MAX = 1 << 22 };

/* ---- one element ---- */

/* The extensions of an element, by what is in them: offsets from its nft_set_ext. */
enum { E_KEY, E_KEY_END, E_DATA, E_FLAGS, E_TIMEOUT, E_EXPIRATION, E_USERDATA, E_EXPRS, E_OBJREF };

/* Since 6.12 timeout and expiration are one: those behind it moved. */
static uint64_t extension(const struct nft_set_view *v, const uint8_t *offsets, unsigned what)
{
    if (v->n_offsets == 8) {
        if (what == E_EXPIRATION)
            return offsets[E_TIMEOUT] ? offsets[E_TIMEOUT] + 8u : 0;
        if (what > E_EXPIRATION)
            what--;
    }
    return what < v->n_offsets ? offsets[what] : 0;
}

static void add_element(struct nft_set_view *v, uint64_t elem)
{
    struct linux_nft *n = v->n;
    const uint64_t ext = elem + v->elemsize;
    uint8_t offsets[16] = { 0 }, flags = 0;
    struct nft_elem *e;
    uint64_t at;

    if (!n->elements_left)
        return;
    if (!--n->elements_left)
        eg_note(n->r, "nf_tables: elements of sets past %d are left out", NFT_ELEMENTS_MAX);
    if (!nft_bytes(n, ext, NFT_EXT_OFFSET, offsets, v->n_offsets)) {
        v->lost++;
        return;
    }
    if (!nft_active(n, ext, NFT_EXT_GENMASK))
        return;
    v->at = eg_grow(n->r, v->at, v->count, &v->cap, sizeof *v->at);
    e = &v->at[v->count];
    *e = (struct nft_elem){ .ext = ext };
    at = extension(v, offsets, E_FLAGS);
    if (at && nft_read(n, ext + at, &flags, 1)) {
        e->end = flags & 1;
        e->catchall = flags & 2;
    }
    at = extension(v, offsets, E_KEY);
    if ((!at && !e->catchall) || (at && !nft_read(n, ext + at, e->key, v->klen))) {
        v->lost++;
        return;
    }
    at = extension(v, offsets, E_KEY_END);
    e->has_end = at && nft_read(n, ext + at, e->key_end, v->klen);
    at = extension(v, offsets, E_DATA);
    e->has_data = at && nft_read(n, ext + at, e->data, EG_MIN(v->dlen, sizeof e->data));
    e->objref = extension(v, offsets, E_OBJREF);
    e->timeout = extension(v, offsets, E_TIMEOUT);
    e->expiration = extension(v, offsets, E_EXPIRATION);
    e->udata = extension(v, offsets, E_USERDATA);
    e->exprs = extension(v, offsets, E_EXPRS);
    v->count++;
}

/* ---- the kinds of sets ---- */

static void walk_rhash(struct nft_set_view *v)
{
    struct linux_rhash_walk w = { .table = eg_object(v->n->r, rhashtable, v->priv) };
    uint64_t head;

    while (linux_next_rhash(v->n->r, &w, &head))
        add_element(v, head);
}

static void walk_hash(struct nft_set_view *v)
{
    const uint64_t buckets = nft_get(v->n, v->priv, NFT_HASH_BUCKETS);
    const uint64_t table = nft_at(v->n, v->priv, NFT_HASH_TABLE);

    for (uint64_t i = 0; i < EG_MIN(buckets, RULES_MAX) && !eg_stopped(v->n->r); i++) {
        uint64_t node, from = table + i * 8, back;
        unsigned k = 0;

        if (!nft_pointer(v->n, from, &node)) {
            v->lost++;
            break;
        }
        // hlist_node: next, pprev, which points to what points here
        while (node && k++ < CHAIN_MAX) {
            if (!nft_pointer(v->n, node + 8, &back) || back != from) {
                v->lost++;
                break;
            }
            add_element(v, node);
            from = node;
            if (!nft_pointer(v->n, node, &node))
                break;
        }
    }
}

static void walk_rbtree(struct nft_set_view *v)
{
    struct eg_link link = { "nft_rbtree_elem", "node", v->n->slots[NFT_RULE_LIST] };
    struct eg_rb_walk w = eg_rb_begin(eg_object(v->n->r, rb_root, v->priv), &link);
    struct eg_obj each;

    while (eg_rb_next_(&w, &each))
        add_element(v, each.addr);
}

static void walk_bitmap(struct nft_set_view *v)
{
    struct linux_nft_walk w = { 0 };
    uint64_t each;

    // The list is the first member of both.
    while (nft_next(v->n, &w, v->priv, NFT_RULE_LIST, &each))
        add_element(v, each);
}

/* Elements of the last field's mapping: one for several rules in a row. */
static void pipapo_field(struct nft_set_view *v, uint64_t field)
{
    const uint64_t rules = nft_get(v->n, field, NFT_FIELD_RULES);
    const uint64_t map = nft_get(v->n, field, NFT_FIELD_MT);
    uint64_t before = 0, e;

    for (uint64_t i = 0; map && i < EG_MIN(rules, RULES_MAX) && !eg_stopped(v->n->r); i++) {
        if (!nft_pointer(v->n, map + 8 * i, &e)) {
            v->lost++;
            return;
        }
        if (e && e != before)
            add_element(v, e);
        before = e;
    }
}

static void walk_pipapo(struct nft_set_view *v)
{
    struct linux_nft *n = v->n;
    const uint64_t match = nft_get(n, v->priv, NFT_PIPAPO_MATCH);
    uint64_t fields = nft_get(n, match, NFT_MATCH_FIELDS);
    uint64_t stride = eg_size(n->r, nft_pipapo_field);

    if (n->old) {
        // With AVX2 (x86) a field has one pointer more: `mt` is behind two others.
        stride = eg_system_of(n->r)->arch && !strcmp(eg_system_of(n->r)->arch->name, "x86_64")
                     ? 0x38
                     : 0x30;
        n->slots[NFT_FIELD_MT].off = (uint32_t)stride - 8;
        fields &= 0xffffffff;
    }
    if (!match || !fields || fields > FIELDS_MAX || !stride) {
        v->lost++;
        return;
    }
    pipapo_field(v, nft_at(n, match, NFT_MATCH_F) + stride * (fields - 1));
}

static void walk_catchall(struct nft_set_view *v)
{
    struct linux_nft_walk w = { 0 };
    uint64_t each, elem;

    if (!nft_has(v->n, NFT_SET_CATCHALL))
        return;
    while (nft_next(v->n, &w, nft_at(v->n, v->set, NFT_SET_CATCHALL), NFT_CATCHALL_LIST, &each))
        if (nft_num(v->n, each, NFT_CATCHALL_ELEM, &elem) && elem)
            add_element(v, elem);
}

static int by_key(const void *a, const void *b)
{
    const struct nft_elem *x = a, *y = b;
    const int d = memcmp(x->key, y->key, sizeof x->key);

    if (x->catchall != y->catchall)
        return x->catchall ? 1 : -1;
    // An interval ends before the next begins.
    return d ? d : (int)y->end - (int)x->end;
}

/* Without intervals: as numbers. */
static int by_number(const void *a, const void *b)
{
    const struct nft_elem *x = a, *y = b;

    if (x->catchall != y->catchall)
        return x->catchall ? 1 : -1;
    for (size_t i = sizeof x->key; i-- > 0;)
        if (x->key[i] != y->key[i])
            return x->key[i] < y->key[i] ? -1 : 1;
    return 0;
}

void nft_set_elements(struct nft_set_view *v)
{
    static const struct {
        const char *function;
        void (*walk)(struct nft_set_view *v);
    } kinds[] = {
        { "nft_rhash_", walk_rhash },   { "nft_hash_", walk_hash },
        { "nft_rbtree_", walk_rbtree }, { "nft_bitmap_", walk_bitmap },
        { "nft_pipapo_", walk_pipapo },
    };
    const uint64_t ops = nft_get(v->n, v->set, NFT_SET_OPS);
    const char *name = NULL;
    uint64_t lookup;

    // The first of the operations tells the kind.
    if (nft_pointer(v->n, ops, &lookup))
        name = eg_name_of(v->n->r, lookup);
    v->elemsize = nft_get(v->n, ops, NFT_SETOPS_ELEMSIZE);
    if (!name || v->elemsize > 4096 || !v->klen) {
        v->unknown = true;
        return;
    }
    v->unknown = true;
    for (size_t i = 0; i < countof(kinds); i++)
        if (!strncmp(name, kinds[i].function, strlen(kinds[i].function))) {
            v->unknown = false;
            v->tree = kinds[i].walk == walk_rbtree;
            kinds[i].walk(v);
        }
    walk_catchall(v);
    if (v->count)
        qsort(v->at, v->count, sizeof *v->at, v->host && !v->interval ? by_number : by_key);
}

void nft_set_view(struct linux_nft *n, uint64_t set, struct nft_set_view *v)
{
    size_t size;
    const uint8_t *attr;

    *v = (struct nft_set_view){ .n = n, .set = set };
    v->priv = nft_at(n, set, NFT_SET_DATA);
    v->flags = (uint32_t)nft_get(n, set, NFT_SET_FLAGS);
    v->ktype = (uint32_t)nft_get(n, set, NFT_SET_KTYPE);
    v->dtype = (uint32_t)nft_get(n, set, NFT_SET_DTYPE);
    v->klen = (unsigned)EG_MIN(nft_get(n, set, NFT_SET_KLEN), NFT_KEY_MAX);
    v->dlen = (unsigned)EG_MIN(nft_get(n, set, NFT_SET_DLEN), NFT_KEY_MAX);
    v->n_offsets = EG_MIN(n->slots[NFT_EXT_OFFSET].size, 16u);
    v->interval = v->flags & SET_INTERVAL;
    v->host = v->ktype < 64 && nft_type_is_host(v->ktype);
    v->udlen = (size_t)nft_get(n, set, NFT_SET_UDLEN);
    if (v->udlen && v->udlen <= sizeof v->udata &&
        nft_read(n, nft_get(n, set, NFT_SET_UDATA), v->udata, v->udlen)) {
        attr = nft_udata(v->udata, v->udlen, 0, &size); // NFTNL_UDATA_SET_KEYBYTEORDER
        if (attr && size >= 4)
            v->host = attr[0] == 1;
    } else {
        v->udlen = 0;
    }
}
