/* nft_rule.c - a rule as text: its expressions one after the other. */
#include "nft_own.h"
#include "xt.h"

enum { RULE_MAX = 4096, LARGE = 256 };

const char *nft_variant(struct linux_nft *n, uint64_t ops)
{
    enum { INIT = 3 }; // eval, clone, size, init: in this order in all kernels
    const char *name = NULL;
    uint64_t init;

    if (nft_pointer(n, ops + INIT * 8, &init) && init)
        name = eg_name_of(n->r, init);
    if (!name)
        name = eg_name_of(n->r, ops);
    return name ? name : "";
}

const char *nft_object_variant(struct linux_nft *n, uint64_t ops)
{
    enum { INIT = 2 }; // eval, size, init
    const char *name = NULL;
    uint64_t init;

    if (nft_pointer(n, ops + INIT * 8, &init) && init)
        name = eg_name_of(n->r, init);
    return name ? name : "";
}

const char *nft_expr_name(struct linux_nft *n, uint64_t at, uint64_t *ops, uint32_t *size)
{
    uint64_t bytes;
    const char *name;

    if (!nft_pointer(n, at, ops) || !*ops || !nft_num(n, *ops, NFT_OPS_SIZE, &bytes) || bytes < 8 ||
        bytes > RULE_MAX)
        return NULL;
    name = nft_string(n, nft_get(n, *ops, NFT_OPS_TYPE), NFT_TYPE_NAME);
    if (!name || !*name || strlen(name) > 32)
        return NULL;
    if (size)
        *size = (uint32_t)bytes;
    return name;
}

/* An expression that this does not know: its name and bytes. */
static void unknown(struct nft_rule_state *s, const char *name, uint64_t priv, uint32_t size)
{
    uint8_t bytes[32];
    const uint32_t len = EG_MIN(size, (uint32_t)sizeof bytes);

    linux_text_add(&s->text, "[%s", name);
    if (len && nft_read(s->n, priv, bytes, len)) {
        linux_text_add(&s->text, " ");
        for (uint32_t i = 0; i < len; i++)
            linux_text_add(&s->text, "%02x", bytes[i]);
    }
    linux_text_add(&s->text, "]");
    nft_emit(s);
}

/* Matches and targets of iptables-nft: the extension's own structure follows, or a pointer to a
 * copy of it where it is large (net/netfilter/nft_compat.c). */
static void compat(struct nft_rule_state *s, const char *name, uint64_t ops, uint64_t priv,
                   uint32_t size)
{
    const bool match = !strcmp(name, "match");
    struct linux_nft *n = s->n;
    const char *variant = nft_variant(n, ops), *text;
    uint64_t ext = nft_get(n, ops, NFT_OPS_DATA), info = priv;

    if (strstr(variant, "large")) {
        size = LARGE;
        if (!nft_pointer(n, priv, &info))
            info = 0;
    }
    text = linux_xt_extension(n->r, s->family, ext, match, info, size);
    if (text) {
        linux_text_add(&s->text, "%s", text);
        nft_emit(s);
    } else {
        unknown(s, name, priv, size);
    }
}

static const char *comment_of(struct linux_nft *n, const uint8_t *data, size_t len)
{
    size_t size;
    const uint8_t *text = nft_udata(data, len, 0, &size);

    return text && size ? eg_strf(n->r, "%.*s", (int)strnlen((const char *)text, size), text)
                        : NULL;
}

static void begin(struct nft_rule_state *s, struct linux_nft *n,
                  const struct linux_nft_table *table)
{
    *s = (struct nft_rule_state){
        .n = n, .family = table->family, .table = table->at, .open_stmt = -1, .text = { .r = n->r }
    };
    for (unsigned i = 0; i < BASES; i++)
        s->dependency[i] = -1;
    switch (table->family) {
    case 2:
        s->proto[BASE_NH] = P_IP;
        break;
    case 3:
        s->proto[BASE_NH] = P_ARP;
        break;
    case 10:
        s->proto[BASE_NH] = P_IP6;
        break;
    default:
        break;
    }
}

const char *nft_rule_text(struct linux_nft *n, const struct linux_nft_table *table, uint64_t rule,
                          const char **lost)
{
    struct nft_rule_state *s = n->rule ? n->rule : (n->rule = eg_tmp(n->r, sizeof *s));
    const uint64_t data = nft_at(n, rule, NFT_RULE_DATA), dlen = nft_get(n, rule, NFT_RULE_DLEN);
    struct linux_text out = { .r = n->r };
    uint8_t bytes[RULE_MAX]; // read, so that no member of an expression is taken for 0
    uint64_t at = 0, ops;
    uint32_t size;

    begin(s, n, table);
    while (at < dlen) {
        const char *name = nft_expr_name(n, data + at, &ops, &size);
        uint64_t priv = nft_at(n, data + at, NFT_EXPR_DATA);

        if (!name || size > dlen - at || !nft_read(n, data + at, bytes, size)) {
            s->lost = "an expression";
            linux_text_add(&s->text, "[?]");
            nft_emit(s);
            break;
        }
        if (!strcmp(name, "match") || !strcmp(name, "target"))
            compat(s, name, ops, priv, size - 8);
        else if (!nft_expr_value(s, name, ops, priv) && !nft_expr_statement(s, name, ops, priv))
            unknown(s, name, priv, size - 8);
        at += size;
    }
    for (size_t i = 0; i < s->n_stmts; i++)
        if (!s->stmts[i].gone)
            linux_text_add(&out, "%s%s", out.n ? " " : "", s->stmts[i].text);
    if (nft_get(n, rule, NFT_RULE_UDATA)) {
        const char *comment;

        // struct nft_userdata: a length less one, then the bytes
        if (nft_read(n, data + dlen, bytes, 1) &&
            nft_read(n, data + dlen + 1, bytes + 1,
                     bytes[0] + (size_t)1 > 255 ? 255 : bytes[0] + (size_t)1) &&
            (comment = comment_of(n, bytes + 1, EG_MIN(bytes[0] + (size_t)1, 255))))
            linux_text_add(&out, "%scomment \"%s\"", out.n ? " " : "", comment);
    }
    *lost = s->lost;
    return linux_text_of(&out);
}

/* ---- walks ---- */

const char *nft_comment(struct linux_nft *n, uint64_t base, enum nft_member udlen,
                        enum nft_member udata)
{
    const uint64_t len = nft_get(n, base, udlen), at = nft_get(n, base, udata);
    uint8_t bytes[512];

    if (!len || !at || len > sizeof bytes || !nft_read(n, at, bytes, len))
        return NULL;
    return comment_of(n, bytes, len);
}

bool linux_nft_next_table(struct linux_nft *n, struct linux_nft_walk *w,
                          struct linux_nft_table *out)
{
    uint64_t at;

    while (nft_next(n, w, n->tables, NFT_TABLE_LIST, &at)) {
        const char *name = nft_string(n, at, NFT_TABLE_NAME);

        if (!nft_active(n, at, NFT_TABLE_GENMASK))
            continue;
        *out = (struct linux_nft_table){
            .at = at,
            .name = name ? name : "?",
            .family = (uint8_t)nft_get(n, at, NFT_TABLE_FAMILY),
            .handle = nft_get(n, at, NFT_TABLE_HANDLE),
            .flags = (uint8_t)nft_get(n, at, NFT_TABLE_FLAGS),
            .comment = nft_comment(n, at, NFT_TABLE_UDLEN, NFT_TABLE_UDATA),
        };
        return true;
    }
    return false;
}

bool linux_nft_next_rule(struct linux_nft *n, struct linux_nft_walk *w,
                         const struct linux_nft_table *table, const struct linux_nft_chain *chain,
                         struct linux_nft_rule *out)
{
    uint64_t at;

    while (nft_next(n, w, nft_at(n, chain->at, NFT_CHAIN_RULES), NFT_RULE_LIST, &at)) {
        if (!nft_active(n, at, NFT_RULE_GENMASK))
            continue;
        *out = (struct linux_nft_rule){ .at = at, .handle = nft_get(n, at, NFT_RULE_HANDLE) };
        out->text = nft_rule_text(n, table, at, &out->lost);
        return true;
    }
    return false;
}
