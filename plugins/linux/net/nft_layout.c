/* nft_layout.c - where the members of nf_tables' structures are: from the BTF of its modules, or as
 * Linux 5.10 has them, whose modules have none. */
#include "../kernel/time.h"
#include "nft_own.h"

EG_FIELD_AS(nft_gencursor, net, "nft.gencursor");
EG_FIELD_AS(nft_net_tables, net, "nft.tables"); // until 5.11
EG_TYPE(list_head);
EG_FIELD_AS(nft_any_list, list_head, "next");

#define NFT_FIELD_(name, module, type, members, ...)                                               \
    EG_FIELD_AS_OF(module, NFT_##name, type, members);
NFT_MEMBERS(NFT_FIELD_)
#undef NFT_FIELD_

/* Members of one number in Linux 5.10, by their bits. */
static const struct {
    uint16_t member;
    uint8_t shift, bits;
} old_bits[] = {
    { NFT_TABLE_FAMILY, 0, 6 },  { NFT_TABLE_FLAGS, 6, 8 },   { NFT_TABLE_GENMASK, 14, 2 },
    { NFT_CHAIN_FLAGS, 0, 5 },   { NFT_CHAIN_GENMASK, 6, 2 }, { NFT_RULE_HANDLE, 0, 42 },
    { NFT_RULE_GENMASK, 42, 2 }, { NFT_RULE_DLEN, 44, 12 },   { NFT_RULE_UDATA, 56, 1 },
    { NFT_SET_FLAGS, 0, 13 },    { NFT_SET_GENMASK, 14, 2 },  { NFT_OBJ_GENMASK, 0, 2 },
    { NFT_FT_GENMASK, 0, 2 },
};

static bool is_late(enum nft_member m)
{
    // In modules of their own until 5.18 (counter) and 6.2 (objref), with this layout all along.
    return m == NFT_COUNTER_AT || m == NFT_COUNTER_BYTES || m == NFT_COUNTER_PACKETS ||
           m == NFT_OBJMAP_SET || m == NFT_OBJMAP_SREG;
}

bool nft_layout(struct linux_nft *n)
{
    static const struct {
        const struct eg_field *field;
        uint16_t old, size;
    } members[] = {
#define NFT_ROW_(name, module, type, members_, old, size) { &eg_f_NFT_##name, old, size },
        NFT_MEMBERS(NFT_ROW_)
#undef NFT_ROW_
    };
    n->old = !eg_slot(n->r, eg_f_NFT_TABLE_LIST.id)->kind;
    if (eg_binding_of(n->r)->model.ptr_size != 8 || eg_binding_of(n->r)->model.big_endian) {
        eg_note(n->r, "rules of nf_tables are decoded of 64-bit little-endian kernels only");
        return false;
    }
    for (size_t i = 0; i < countof(members); i++) {
        const struct eg_slot *s = eg_slot(n->r, members[i].field->id);

        if (s->kind)
            n->slots[i] = *s;
        else if ((n->old || is_late((enum nft_member)i)) && members[i].old != NFT_NONE)
            n->slots[i] = (struct eg_slot){ .off = members[i].old,
                                            .size = members[i].size,
                                            .kind = EG_K_UINT };
    }
    for (size_t i = 0; n->old && i < countof(old_bits); i++) {
        n->slots[old_bits[i].member].shift = old_bits[i].shift;
        n->slots[old_bits[i].member].bits = old_bits[i].bits;
    }
    return true;
}

bool nft_has(const struct linux_nft *n, enum nft_member m)
{
    return n->slots[m].kind != 0;
}

uint64_t nft_at(const struct linux_nft *n, uint64_t base, enum nft_member m)
{
    return base + n->slots[m].off;
}

bool nft_read(const struct linux_nft *n, uint64_t at, void *out, size_t len)
{
    return eg_read(n->net.view, eg_kernel(n->r), at, out, len);
}

bool nft_pointer(const struct linux_nft *n, uint64_t at, uint64_t *out)
{
    uint8_t bytes[8];

    if (!nft_read(n, at, bytes, sizeof bytes))
        return false;
    *out = eg_load_(bytes, sizeof bytes, eg_binding_of(n->r)->model.big_endian);
    return true;
}

bool nft_num(const struct linux_nft *n, uint64_t base, enum nft_member m, uint64_t *out)
{
    const struct eg_slot *s = &n->slots[m];
    uint8_t bytes[8];
    uint64_t v;

    if (!s->kind || !base)
        return false;
    if (s->size != 1 && s->size != 2 && s->size != 4 && s->size != 8)
        return false;
    if (!nft_read(n, base + s->off, bytes, s->size))
        return false;
    v = eg_load_(bytes, s->size, eg_binding_of(n->r)->model.big_endian);
    if (s->bits)
        v = v >> s->shift & (s->bits < 64 ? (UINT64_C(1) << s->bits) - 1 : UINT64_MAX);
    *out = v;
    return true;
}

uint64_t nft_get(const struct linux_nft *n, uint64_t base, enum nft_member m)
{
    uint64_t v = 0;

    nft_num(n, base, m, &v);
    return v;
}

bool nft_bytes(const struct linux_nft *n, uint64_t base, enum nft_member m, void *out, size_t max)
{
    const struct eg_slot *s = &n->slots[m];

    memset(out, 0, max);
    return s->kind && base && nft_read(n, base + s->off, out, EG_MIN(s->size, max));
}

const char *nft_string(const struct linux_nft *n, uint64_t base, enum nft_member m)
{
    uint64_t at;

    return nft_num(n, base, m, &at) && at ? eg_cstr(n->r, eg_kernel(n->r), at, 256) : NULL;
}

bool nft_active(const struct linux_nft *n, uint64_t base, enum nft_member genmask)
{
    return !(nft_get(n, base, genmask) & n->genmask);
}

bool nft_next(struct linux_nft *n, struct linux_nft_walk *w, uint64_t head, enum nft_member link,
              uint64_t *out)
{
    struct eg_obj each;

    if (!w->begun && !head)
        return false;
    if (!w->begun) {
        struct eg_link l = { "nf_tables", "list", n->slots[link] };

        if (!nft_has(n, link))
            return false;
        if (!l.slot.parent)
            l.slot.parent = eg_slot(n->r, eg_f_nft_any_list.id)->parent;
        w->list = eg_list_begin(eg_object(n->r, list_head, head), &l);
        w->begun = true;
    }
    if (!eg_list_next_(&w->list, &each))
        return false;
    *out = each.addr;
    return true;
}

const uint8_t *nft_udata(const uint8_t *data, size_t len, uint8_t type, size_t *size)
{
    size_t at = 0;

    while (at + 2 <= len && data[at + 1] <= len - at - 2) {
        if (data[at] == type) {
            *size = data[at + 1];
            return data + at + 2;
        }
        at += 2 + (size_t)data[at + 1];
    }
    return NULL;
}

/* ---- a namespace ---- */

/* Is there a list_head, whose neighbours point back? */
static bool is_list(const struct linux_nft *n, uint64_t at, uint64_t *first)
{
    uint64_t last, back, forth;

    return nft_pointer(n, at, first) && nft_pointer(n, at + 8, &last) && *first && last &&
           nft_pointer(n, *first + 8, &back) && nft_pointer(n, last, &forth) && back == at &&
           forth == at;
}

/* Does a list of tables begin there? One of its own data in a namespace begins with it. */
static bool has_tables(void *context, uint64_t at)
{
    const struct linux_nft *n = context;
    const enum nft_member lists[] = { NFT_TABLE_CHAINS, NFT_TABLE_SETS, NFT_TABLE_OBJECTS,
                                      NFT_TABLE_FLOWTABLES };
    uint64_t table, each;
    const char *name;

    at = nft_at(n, at, NFT_PERNET_TABLES);
    if (!is_list(n, at, &table) || table == at)
        return false;
    table -= n->slots[NFT_TABLE_LIST].off;
    for (size_t i = 0; i < countof(lists); i++)
        if (!is_list(n, nft_at(n, table, lists[i]), &each))
            return false;
    name = nft_string(n, table, NFT_TABLE_NAME);
    return name && *name &&
           strcmp(linux_nf_family((uint8_t)nft_get(n, table, NFT_TABLE_FAMILY)), "unknown") != 0;
}

struct linux_nft *linux_nft_open(struct eg_run *r)
{
    struct linux_nft *n = eg_tmp(r, sizeof *n);
    uint64_t code;

    n->r = r;
    // Symbols of a module, which handles do not have; some kernels keep no names of variables.
    if (!eg_lookup(r, "nf_tables_net_id", &code) && !eg_has(r, nft_net_tables) &&
        !eg_lookup(r, "nft_do_chain", &code))
        return NULL;
    n->pernet =
        (struct linux_pernet){ .symbol = "nf_tables_net_id", .is = has_tables, .context = n };
    n->elements_left = NFT_ELEMENTS_MAX;
    if (!linux_jiffies(r, &n->jiffies, &n->jiffy))
        n->jiffies = 0, n->jiffy = 0;
    return nft_layout(n) ? n : NULL;
}

bool linux_nft_enter(struct linux_nft *n, struct eg_obj net)
{
    struct eg_obj table;
    uint64_t at;
    uint8_t cursor;

    n->net = net;
    n->tables = 0;
    n->genmask = 0;
    if (eg_get(&cursor, net, nft_gencursor))
        n->genmask = (uint8_t)(1u << (cursor & 1));
    table = eg_at(net, nft_net_tables);
    if (!table.why) {
        n->tables = table.addr;
        return true;
    }
    at = linux_pernet_at(n->r, &n->pernet, net);
    if (at)
        n->tables = nft_at(n, at, NFT_PERNET_TABLES);
    return at || !n->pernet.named; // not found: no namespace so far has a table
}
