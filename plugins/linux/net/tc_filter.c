/* tc_filter.c - rules of the filters u32, basic and fw (net/sched/cls_*.c); flower: tc_flower.c. */
#include "tc_own.h"
#include <inttypes.h>

EG_TYPE_("cls_u32", tc_u_common);
EG_TYPE_("cls_u32", tc_u_hnode);
EG_TYPE_("cls_u32", tc_u_knode);
EG_TYPE_("cls_basic", basic_head);
EG_TYPE_("cls_basic", basic_filter);
EG_FIELD_AS_OF("cls_basic", basic_list, basic_head, "flist");
EG_FIELD_AS_OF("cls_basic", basic_link, basic_filter, "link");
EG_TYPE_("cls_fw", fw_head);
EG_TYPE_("em_meta", meta_match);
EG_TYPE(tcf_ematch);

bool tc_number(struct eg_obj o, const char *path, int64_t *out)
{
    return eg_load(out, eg_path(o, path));
}

void tc_class(struct linux_text *t, struct eg_obj rule, const char *name)
{
    int64_t class;

    if (tc_number(rule, "res.classid", &class) && class)
        linux_text_add(t, "%s%s %s", t->n ? " " : "", name,
                       linux_tc_handle(t->r, (uint32_t) class));
}

bool tc_rule(const struct tc_rules *w, struct eg_obj rule, const char *handle,
             const struct linux_text *t)
{
    const struct linux_tc_rule out = { rule.addr, handle, linux_text_of(t), eg_path(rule, "exts") };

    return w->each(w->context, &out);
}

const char *tc_hex_handle(struct eg_run *r, struct eg_obj rule, const char *path)
{
    int64_t v;

    return tc_number(rule, path, &v) ? eg_strf(r, "%#x", (unsigned)v) : "?";
}

/* ---- u32 ---- */

/* "800::800": hash table, bucket, node. */
static const char *u32_handle(struct eg_run *r, uint32_t h)
{
    const unsigned table = h >> 20, bucket = h >> 12 & 0xff, node = h & 0xfff;

    if (!bucket && !node)
        return eg_strf(r, "%x:", table);
    return eg_strf(r, bucket ? "%x:%x:%x" : "%x:%.0x:%x", table, bucket, node);
}

static void u32_keys(struct linux_text *t, struct eg_obj node)
{
    enum { KEY = 16, MAX = 255 }; // struct tc_u32_key, behind tc_u32_sel (linux/pkt_cls.h)
    struct eg_obj keys = eg_path(node, "sel.keys");
    const bool big = node.bind->model.big_endian;
    int64_t n = 0, value, mask;

    if (!tc_number(node, "sel.nkeys", &n))
        linux_text_add(t, " match ?");
    for (int64_t i = 0; i < n && i < MAX; i++) {
        uint8_t b[KEY];

        if (keys.why ||
            !eg_read(keys.view, keys.space, keys.addr + (uint64_t)i * KEY, b, sizeof b)) {
            linux_text_add(t, " match ?");
            return;
        }
        linux_text_add(t, " match %08x/%08x at %s%d", (uint32_t)eg_load_(b + 4, 4, true),
                       (uint32_t)eg_load_(b, 4, true), eg_load_(b + 12, 4, big) ? "nexthdr+" : "",
                       (int32_t)eg_load_(b + 8, 4, big));
    }
    if (tc_number(node, "mask", &mask) && mask && tc_number(node, "val", &value))
        linux_text_add(t, " mark %#x/%#x", (unsigned)value, (unsigned)mask);
}

static bool u32_node(const struct tc_rules *w, struct eg_obj node)
{
    struct eg_obj down = eg_deref(eg_path(node, "ht_down"));
    struct linux_text t = { .r = w->r };
    int64_t handle = 0, to;

    tc_number(node, "handle", &handle);
    linux_text_add(&t, "key ht %x bkt %x", (unsigned)handle >> 20, (unsigned)handle >> 12 & 0xff);
    tc_class(&t, node, "flowid");
    if (!down.why && tc_number(down, "handle", &to))
        linux_text_add(&t, " link %s", u32_handle(w->r, (uint32_t)to));
    u32_keys(&t, node);
    return tc_rule(w, node, u32_handle(w->r, (uint32_t)handle), &t);
}

static bool u32_table(const struct tc_rules *w, struct eg_obj table)
{
    struct linux_text t = { .r = w->r };
    struct linux_tc_rule head = { .at = table.addr };
    struct eg_obj slots = eg_path(table, "ht");
    const unsigned word = w->word;
    int64_t divisor = 0, handle = 0;

    tc_number(table, "divisor", &divisor); // the greatest bucket
    tc_number(table, "handle", &handle);
    if (divisor < 0 || divisor > 255) {
        eg_note(w->r, "a table of u32 has more buckets than can be");
        divisor = 255;
    }
    linux_text_add(&t, "ht divisor %" PRId64, divisor + 1);
    head.handle = u32_handle(w->r, (uint32_t)handle);
    head.text = linux_text_of(&t);
    head.exts = (struct eg_obj){ .why = EG_NULL };
    if (!w->each(w->context, &head))
        return false;
    for (int64_t i = 0; i <= divisor && !slots.why; i++) {
        const uint8_t *p = eg_bytes(slots.view, slots.space, slots.addr + (uint64_t)i * word, word);
        uint64_t at = p ? eg_load_(p, word, w->big) : 0;

        for (unsigned n = 0; at && n < TC_RULES_MAX; n++) {
            struct eg_obj node = eg_object(w->r, tc_u_knode, at);
            int64_t next = 0;

            if (!u32_node(w, node))
                return false;
            tc_number(node, "next", &next);
            at = (uint64_t)next == at ? 0 : (uint64_t)next;
        }
    }
    return true;
}

/* All tables of a block hang on one list; those of a filter have its preference. */
static bool u32(const struct tc_rules *w)
{
    struct eg_obj table = eg_object(w->r, tc_u_hnode, w->root);
    struct eg_obj all = eg_object(w->r, tc_u_common, w->data), each;
    int64_t prio = 0, own;

    if (!eg_has_type(w->r, tc_u_hnode) || !eg_has_type(w->r, tc_u_knode))
        return false;
    each = eg_deref(eg_path(all, "hlist"));
    if (!tc_number(table, "prio", &prio) || each.why)
        return u32_table(w, table), true;
    for (unsigned n = 0; !each.why && n < TC_RULES_MAX; n++) {
        const uint64_t at = each.addr;

        if (tc_number(each, "prio", &own) && own == prio && !u32_table(w, each))
            break;
        each = eg_deref(eg_path(each, "next"));
        if (each.addr == at)
            break;
    }
    return true;
}

/* ---- basic: extended matches (net/sched/ematch.c) ---- */

static const char *const ematches[] = { "container", "cmp",  "nbyte", "u32",   "meta",
                                        "text",      "vlan", "canid", "ipset", "ipt" };

static void meta(struct linux_text *t, struct eg_obj m)
{
    static const char *const names[] = { "value",      "random",   "loadavg_1", "loadavg_5",
                                         "loadavg_15", "dev",      "priority",  "protocol",
                                         "pkt_type",   "pkt_len",  "data_len",  "mac_len",
                                         "nf_mark",    "tc_index", "rtclassid", "rtiif" };
    static const char *const ops[] = { "eq", "gt", "lt" };
    int64_t kind = 0, op = 0, value = 0, shift = 0;

    tc_number(m, "lvalue.hdr.kind", &kind);
    tc_number(m, "lvalue.hdr.op", &op);
    tc_number(m, "lvalue.hdr.shift", &shift);
    kind &= 0x7ff; // TCF_META_ID_MASK; above it the type
    if ((size_t)kind < countof(names))
        linux_text_add(t, "(%s", names[kind]);
    else
        linux_text_add(t, "(id %" PRId64, kind);
    if (shift)
        linux_text_add(t, " shift %" PRId64, shift);
    if (tc_number(m, "lvalue.val", &value) && value)
        linux_text_add(t, " mask %#" PRIx64, (uint64_t)value);
    linux_text_add(t, " %s", (size_t)op < countof(ops) ? ops[op] : "?");
    kind = 0;
    tc_number(m, "rvalue.hdr.kind", &kind);
    kind &= 0x7ff;
    if (kind)
        linux_text_add(t, " %s)", (size_t)kind < countof(names) ? names[kind] : "?");
    else if (tc_number(m, "rvalue.val", &value))
        linux_text_add(t, " %" PRIu64 ")", (uint64_t)value);
    else
        linux_text_add(t, " ?)");
}

static void ematch(struct linux_text *t, struct eg_obj m, bool first)
{
    enum { INVERT = 4, SIMPLE = 8, BYTES = 32 };
    int64_t kind = -1, data = 0, len = 0, flags = 0;
    uint8_t b[BYTES];

    tc_number(m, "flags", &flags);
    linux_text_add(t, "%s%s", first ? "" : " ", flags & INVERT ? "not " : "");
    if (!tc_number(m, "ops.kind", &kind))
        kind = 0; // a container has none
    if (kind < 0 || (size_t)kind >= countof(ematches))
        linux_text_add(t, "ematch %" PRId64, kind);
    else
        linux_text_add(t, "%s", ematches[kind]);
    tc_number(m, "data", &data);
    tc_number(m, "datalen", &len);
    if (kind == 4 && eg_has_type(t->r, meta_match)) {
        meta(t, eg_object(t->r, meta_match, (uint64_t)data));
    } else if (flags & SIMPLE || !kind) {
        linux_text_add(t, "(%" PRId64 ")", data);
    } else {
        len = len < 0 ? 0 : len > BYTES ? BYTES : len;
        linux_text_add(t, "(");
        if (eg_read(eg_view_of(t->r), eg_kernel(t->r), (uint64_t)data, b, (size_t)len))
            for (int64_t i = 0; i < len; i++)
                linux_text_add(t, "%02x", b[i]);
        else
            linux_text_add(t, "?");
        linux_text_add(t, ")");
    }
    // What binds it to the next; nothing behind the last.
    linux_text_add(t, "%s", (flags & 3) == 1 ? " and" : (flags & 3) == 2 ? " or" : "");
}

static bool basic(const struct tc_rules *w)
{
    enum { MATCHES_MAX = 255 };
    struct eg_obj head = eg_object(w->r, basic_head, w->root), rule;
    unsigned total = 0;

    if (!eg_has(w->r, basic_list) || !eg_has(w->r, basic_link))
        return false;
    eg_each_list(rule, eg_at(head, basic_list), basic_link) {
        struct linux_text t = { .r = w->r };
        int64_t n = 0, matches = 0;

        if (total++ > TC_RULES_MAX)
            break;
        tc_class(&t, rule, "flowid");
        tc_number(rule, "ematches.hdr.nmatches", &n);
        tc_number(rule, "ematches.matches", &matches);
        if (n > MATCHES_MAX) {
            eg_note(w->r, "basic: %" PRId64 " matches are more than can be", n);
            n = MATCHES_MAX;
        }
        for (int64_t i = 0; i < n && eg_has_type(w->r, tcf_ematch); i++)
            ematch(&t,
                   eg_object(w->r, tcf_ematch,
                             (uint64_t)matches + (uint64_t)i * eg_size(w->r, tcf_ematch)),
                   !t.n);
        if (!tc_rule(w, rule, tc_hex_handle(w->r, rule, "handle"), &t))
            break;
    }
    return true;
}

/* ---- fw: by the mark of a packet ---- */

static bool fw(const struct tc_rules *w)
{
    struct eg_obj head = eg_object(w->r, fw_head, w->root), slots = eg_path(head, "ht");
    int64_t mask = 0;
    unsigned total = 0;

    if (!eg_has_type(w->r, fw_head) || slots.why)
        return false;
    tc_number(head, "mask", &mask);
    for (uint64_t i = 0; i < eg_count(slots); i++) {
        struct eg_obj rule = eg_deref(eg_index(slots, i));

        for (; !rule.why && total++ < TC_RULES_MAX; rule = eg_deref(eg_path(rule, "next"))) {
            struct linux_text t = { .r = w->r };

            tc_class(&t, rule, "classid");
            if (mask && (uint32_t)mask != UINT32_MAX)
                linux_text_add(&t, "%smask %#x", t.n ? " " : "", (unsigned)mask);
            if (!tc_rule(w, rule, tc_hex_handle(w->r, rule, "id"), &t))
                return true;
        }
    }
    return true;
}

bool linux_tc_rules(struct eg_run *r, const char *name, uint64_t root, uint64_t data,
                    linux_tc_rule_fn *each, void *context)
{
    const struct eg_model *m = &eg_binding_of(r)->model;
    const struct tc_rules w = { r, root, data, m->ptr_size, m->big_endian, each, context };

    return !strcmp(name, "u32")      ? u32(&w)
           : !strcmp(name, "basic")  ? basic(&w)
           : !strcmp(name, "fw")     ? fw(&w)
           : !strcmp(name, "flower") ? tc_flower(&w)
                                     : false;
}
