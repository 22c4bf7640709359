/* nft_set_text.c - sets and maps as text. */
#include "nft_set_own.h"

/* ---- types ---- */

/* A concatenation has six bits for each of its types, the first one's highest. */
static unsigned type_parts(uint32_t type, uint8_t *parts)
{
    unsigned n = 0;

    for (int shift = 30; shift >= 0; shift -= 6)
        if ((type >> shift & 63) || n)
            parts[n++] = (uint8_t)(type >> shift & 63);
    if (!n)
        parts[n++] = T_INVALID;
    return n;
}

static void type_text(struct linux_text *t, uint32_t type)
{
    uint8_t parts[6];
    const unsigned n = type_parts(type, parts);

    for (unsigned i = 0; i < n; i++)
        linux_text_add(t, "%s%s", i ? " . " : "", nft_type_name(parts[i]));
}

/* ---- elements ---- */

struct part {
    uint32_t type;
    unsigned at, len;
};
/* Where the parts of a key are; each begins at a multiple of four bytes. */
static unsigned key_parts(const struct nft_set_view *v, uint32_t type, unsigned len, bool key,
                          struct part *out)
{
    uint8_t parts[6], fields[16] = { 0 };
    const unsigned n = type_parts(type, parts);
    unsigned at = 0, k = 0;

    if (key && nft_get(v->n, v->set, NFT_SET_FIELDS) == n)
        nft_bytes(v->n, v->set, NFT_SET_FIELD_LEN, fields, sizeof fields);
    for (unsigned i = 0; i < n && at < len; i++) {
        unsigned size = fields[i] ? fields[i] : nft_type_size(parts[i]);

        if (!size || n == 1 || size > len - at)
            size = n == 1 ? len : EG_MIN(4u, len - at);
        if (n == 1 && nft_type_size(parts[i]) && nft_type_size(parts[i]) < size)
            size = nft_type_size(parts[i]);
        out[k++] = (struct part){ parts[i], at, size };
        at += (size + 3) & ~3u;
    }
    return k;
}

static void value(const struct nft_set_view *v, struct linux_text *t, uint32_t type,
                  const uint8_t *bytes, unsigned len, bool big)
{
    uint64_t bits = 0;

    if (nft_type_is_bits(type) && type != T_CT_LABEL && len <= 8) {
        for (unsigned i = 0; i < len; i++)
            bits = bits << 8 | bytes[big ? i : len - 1 - i];
        nft_bit_names(t, type, bits, " | ");
    } else {
        nft_value(v->n, t, type, bytes, len, big);
    }
}

/* "eth*": an interval of names that begin alike. */
static bool wildcard(struct linux_text *t, uint32_t type, const uint8_t *from, const uint8_t *to,
                     unsigned len)
{
    unsigned same = 0;

    if (type != T_IFNAME && type != T_STRING)
        return false;
    while (same < len && from[same] == to[same])
        same++;
    if (same == len || !same)
        return false;
    linux_text_add(t, "\"");
    linux_text_bytes(t, from, strnlen((const char *)from, same));
    linux_text_add(t, "*\"");
    return true;
}

static void key_text(const struct nft_set_view *v, struct linux_text *t, const uint8_t *from,
                     const uint8_t *to)
{
    struct part parts[6];
    const unsigned n = key_parts(v, v->ktype, v->klen, true, parts);

    for (unsigned i = 0; i < n; i++) {
        const struct part *p = &parts[i];
        const bool big = v->tree && v->interval ? true
                         : n > 1                ? !nft_type_is_host(p->type)
                                                : !v->host;

        linux_text_add(t, "%s", i ? " . " : "");
        if (!to || !memcmp(from + p->at, to + p->at, p->len))
            value(v, t, p->type, from + p->at, p->len, big);
        else if (!wildcard(t, p->type, from + p->at, to + p->at, p->len))
            nft_range(v->n, t, p->type, from + p->at, to + p->at, p->len, big);
    }
}

static void data_text(const struct nft_set_view *v, struct linux_text *t, const struct nft_elem *e)
{
    struct part parts[6];
    uint64_t object, chain;
    const char *name;
    unsigned n;

    if (v->flags & SET_OBJECT) {
        name = e->objref && nft_pointer(v->n, e->ext + e->objref, &object)
                   ? nft_string(v->n, object, NFT_OBJ_NAME)
                   : NULL;
        linux_text_add(t, " : \"%s\"", name ? name : "?");
    } else if ((v->flags & SET_MAP) && e->has_data) {
        linux_text_add(t, " : ");
        if (v->dtype == 0xffffff00) { // NFT_DATA_VERDICT
            memcpy(&chain, e->data + 8, 8);
            nft_verdict(v->n, t, (uint32_t)eg_load_(e->data, 4, false), chain);
            return;
        }
        n = key_parts(v, v->dtype, v->dlen, false, parts);
        for (unsigned i = 0; i < n; i++) {
            linux_text_add(t, "%s", i ? " . " : "");
            value(v, t, parts[i].type, e->data + parts[i].at, parts[i].len,
                  !nft_type_is_host(parts[i].type));
        }
    } else if (v->flags & SET_MAP && !e->end) {
        linux_text_add(t, " : ?");
    }
}

static void exprs_text(const struct nft_set_view *v, struct linux_text *t, const struct nft_elem *e)
{
    struct linux_nft *n = v->n;
    uint64_t at = e->ext + e->exprs, end, ops;
    const uint64_t skip = n->slots[NFT_ELEM_EXPRS].off;
    uint32_t size;
    uint8_t len;

    if (nft_has(n, NFT_ELEM_EXPRS)) { // struct nft_set_elem_expr since 5.11
        if (!nft_read(n, at, &len, 1))
            return;
        at += skip;
        end = at + len;
    } else {
        end = at + 1;
    }
    while (at < end) {
        const char *name = nft_expr_name(n, at, &ops, &size);

        if (!name)
            return;
        linux_text_add(t, " %s ", !strcmp(name, "connlimit") ? "ct count" : name);
        nft_expr_stateful(n, t, name, nft_variant(n, ops), nft_at(n, at, NFT_EXPR_DATA));
        at += size;
    }
}

static void extras_text(const struct nft_set_view *v, struct linux_text *t,
                        const struct nft_elem *e)
{
    struct linux_nft *n = v->n;
    uint64_t timeout = 0, expires = 0;
    uint8_t udata[256], len;
    const uint8_t *attr;
    size_t size;

    if (e->exprs)
        exprs_text(v, t, e);
    if (e->timeout && n->jiffy && nft_pointer(n, e->ext + e->timeout, &timeout) && timeout &&
        timeout != nft_get(n, v->set, NFT_SET_TIMEOUT)) {
        linux_text_add(t, " timeout ");
        nft_duration(t, timeout * (uint64_t)n->jiffy / 1000000);
    }
    if (e->expiration && n->jiffies && nft_pointer(n, e->ext + e->expiration, &expires) &&
        expires) {
        linux_text_add(t, " expires ");
        nft_duration(t, expires > n->jiffies ? (expires - n->jiffies) * (uint64_t)n->jiffy / 1000000
                                             : 0);
    }
    if (e->udata && nft_read(n, e->ext + e->udata, &len, 1) &&
        nft_read(n, e->ext + e->udata + 1, udata, len + (size_t)1) &&
        (attr = nft_udata(udata, len + (size_t)1, 0, &size)) && size)
        linux_text_add(t, " comment \"%.*s\"", (int)strnlen((const char *)attr, size), attr);
}

static void element(const struct nft_set_view *v, struct linux_text *t, const struct nft_elem *e,
                    const uint8_t *to, size_t *shown)
{
    linux_text_add(t, "%s", (*shown)++ ? ", " : "");
    if (e->catchall)
        linux_text_add(t, "*");
    else
        key_text(v, t, e->key, to);
    extras_text(v, t, e);
    data_text(v, t, e);
}

/* The value before this one. */
static void before(uint8_t *out, const uint8_t *key, unsigned len)
{
    memcpy(out, key, NFT_KEY_MAX);
    for (unsigned i = len; i-- > 0;)
        if (out[i]--)
            return;
}

/* A tree of intervals has their first values, and the first ones behind them. */
static void intervals(const struct nft_set_view *v, struct linux_text *t, size_t *shown)
{
    const struct nft_elem *open = NULL;
    uint8_t last[NFT_KEY_MAX];

    for (size_t i = 0; i < v->count; i++) {
        const struct nft_elem *e = &v->at[i];

        if (e->catchall) {
            if (open) {
                memset(last, 0xff, sizeof last);
                element(v, t, open, last, shown);
                open = NULL;
            }
            element(v, t, e, NULL, shown);
            continue;
        }
        if (open) {
            before(last, e->key, v->klen);
            element(v, t, open, last, shown);
        }
        open = e->end ? NULL : e;
    }
    if (open) {
        memset(last, 0xff, sizeof last);
        element(v, t, open, last, shown);
    }
}

static size_t elements_text(struct nft_set_view *v, struct linux_text *t)
{
    size_t shown = 0;

    nft_set_elements(v);
    if (v->tree && v->interval)
        intervals(v, t, &shown);
    else
        for (size_t i = 0; i < v->count; i++)
            element(v, t, &v->at[i], v->at[i].has_end ? v->at[i].key_end : NULL, &shown);
    if (v->unknown)
        linux_text_add(t, "%s[elements of a kind that is not known]", shown ? ", " : "");
    if (v->lost)
        linux_text_add(t, "%s[%zu elements that cannot be read]", shown ? ", " : "", v->lost);
    return shown;
}

const char *nft_set_ref(struct linux_nft *n, uint64_t set)
{
    const char *name = nft_string(n, set, NFT_SET_NAME);
    struct nft_set_view v;
    struct linux_text t = { .r = n->r };

    if (!name)
        return "@?";
    if (!(nft_get(n, set, NFT_SET_FLAGS) & SET_ANONYMOUS))
        return eg_strf(n->r, "@%s", name);
    nft_set_view(n, set, &v);
    linux_text_add(&t, "{ ");
    elements_text(&v, &t);
    linux_text_add(&t, " }");
    return linux_text_of(&t);
}

/* ---- declarations ---- */

struct lines {
    struct eg_run *r;
    const char **at;
    size_t n;
};
enum { LINES_MAX = 16 };

static void line(struct lines *l, const char *text)
{
    if (l->n + 1 < LINES_MAX)
        l->at[l->n++] = text;
}

static void type_line(const struct nft_set_view *v, struct lines *l)
{
    struct linux_text t = { .r = v->n->r };

    linux_text_add(&t, "type ");
    type_text(&t, v->ktype);
    if (v->flags & SET_OBJECT) {
        linux_text_add(&t, " : %s",
                       nft_object_kind((uint32_t)nft_get(v->n, v->set, NFT_SET_OBJTYPE)));
    } else if (v->flags & SET_MAP) {
        linux_text_add(&t, " : ");
        if (v->dtype == 0xffffff00)
            linux_text_add(&t, "verdict");
        else
            type_text(&t, v->dtype);
    }
    line(l, linux_text_of(&t));
}

static void flags_line(const struct nft_set_view *v, struct lines *l, uint64_t timeout)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = { { SET_CONSTANT, "constant" },
                  { SET_EVAL, "dynamic" },
                  { SET_INTERVAL, "interval" },
                  { SET_TIMEOUT, "timeout" } };
    struct linux_text t = { .r = v->n->r };

    // A timeout that has a line of its own is no reason for this one.
    if (!(v->flags & (SET_CONSTANT | SET_INTERVAL | SET_EVAL | (timeout ? 0u : SET_TIMEOUT))))
        return;
    for (size_t i = 0; i < countof(names); i++)
        if (v->flags & names[i].bit)
            linux_text_add(&t, "%s%s", t.n ? "," : "flags ", names[i].name);
    if (t.n)
        line(l, linux_text_of(&t));
}

static void duration_line(struct lines *l, const char *what, uint64_t ms)
{
    struct linux_text t = { .r = l->r };

    linux_text_add(&t, "%s ", what);
    nft_duration(&t, ms);
    line(l, linux_text_of(&t));
}

static void set_exprs(const struct nft_set_view *v, struct lines *l)
{
    struct linux_nft *n = v->n;
    const uint64_t count = nft_has(n, NFT_SET_NEXPRS) ? nft_get(n, v->set, NFT_SET_NEXPRS) : 1;
    uint64_t each, ops;

    for (uint64_t i = 0; i < EG_MIN(count, 2u); i++) {
        struct linux_text t = { .r = n->r };
        const char *name;

        if (!nft_pointer(n, nft_at(n, v->set, NFT_SET_EXPRS) + 8 * i, &each) || !each ||
            !(name = nft_expr_name(n, each, &ops, NULL)))
            continue;
        linux_text_add(&t, "%s", !strcmp(name, "connlimit") ? "ct count" : name);
        if (strcmp(name, "counter") != 0) { // of a set it has no numbers
            linux_text_add(&t, " ");
            nft_expr_stateful(n, &t, name, nft_variant(n, ops), nft_at(n, each, NFT_EXPR_DATA));
        }
        line(l, linux_text_of(&t));
    }
}

bool linux_nft_next_set(struct linux_nft *n, struct linux_nft_walk *w,
                        const struct linux_nft_table *table, struct linux_nft_set *out)
{
    uint64_t set, timeout, v64;

    while (nft_next(n, w, nft_at(n, table->at, NFT_TABLE_SETS), NFT_SET_LIST, &set)) {
        struct lines l = { .r = n->r, .at = eg_tmp(n->r, LINES_MAX * sizeof(char *)) };
        const char *name = nft_string(n, set, NFT_SET_NAME), *comment;
        struct linux_text t = { .r = n->r };
        struct nft_set_view v;
        const uint8_t *attr;
        size_t size;

        nft_set_view(n, set, &v);
        if (v.flags & SET_ANONYMOUS || !nft_active(n, set, NFT_SET_GENMASK))
            continue;
        timeout = nft_get(n, set, NFT_SET_TIMEOUT);
        *out = (struct linux_nft_set){ .at = set,
                                       .name = name ? name : "?",
                                       .handle = nft_get(n, set, NFT_SET_HANDLE),
                                       .kind = v.flags & (SET_MAP | SET_OBJECT) ? "map" : "set",
                                       .lines = l.at };
        type_line(&v, &l);
        if (!(v.flags & SET_CONSTANT)) {
            if (nft_get(n, set, NFT_SET_POLICY) == 1)
                line(&l, "policy memory");
            if ((v64 = nft_get(n, set, NFT_SET_SIZE)))
                line(&l, eg_strf(n->r, "size %" PRIu64, v64));
        }
        flags_line(&v, &l, timeout);
        attr = nft_udata(v.udata, v.udlen, 2, &size); // NFTNL_UDATA_SET_MERGE_ELEMENTS
        if (attr && size && *attr)
            line(&l, "auto-merge");
        set_exprs(&v, &l);
        if (timeout)
            duration_line(&l, "timeout",
                          n->jiffy ? timeout * (uint64_t)n->jiffy / 1000000 : timeout);
        if ((v64 = nft_get(n, set, NFT_SET_GC)))
            duration_line(&l, "gc-interval", v64);
        attr = nft_udata(v.udata, v.udlen, 7, &size); // NFTNL_UDATA_SET_COMMENT
        comment = attr && size ? eg_strf(n->r, "%.*s", (int)strnlen((const char *)attr, size), attr)
                               : NULL;
        if (comment)
            line(&l, eg_strf(n->r, "comment \"%s\"", comment));
        linux_text_add(&t, "elements = { ");
        out->elements = elements_text(&v, &t);
        linux_text_add(&t, " }");
        if (out->elements || v.lost || v.unknown)
            line(&l, linux_text_of(&t));
        return true;
    }
    return false;
}
