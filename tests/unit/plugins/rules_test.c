/* rules_test.c - rules of nf_tables as Linux 5.10 has them in memory, and of iptables; damage. */
#include "check.h"
#include "mkfilter.h"

/* ---- rules ---- */

/* Operations of an expression: @init is the name of the function that makes it. */
struct expr {
    uint64_t ops;
    unsigned size;
};
static struct expr expr(struct guest *s, const char *type, const char *init, unsigned size)
{
    struct expr e = { mk_alloc(s->k, 0x80), size };
    const uint64_t t = mk_alloc(s->k, 0x48);

    mk_write_u32(s->k, e.ops + 0x10, size);
    mk_write_ptr(s->k, e.ops + 0x18, code(s, init));
    mk_write_ptr(s->k, e.ops + 0x68, t);
    mk_write_ptr(s->k, t + 0x28, mk_text(s->k, type));
    return e;
}

struct rules {
    struct guest s;
    uint64_t table, chain, set;
    struct expr meta, cmp, fast, payload, bits, imm, lookup, ct, zzz;
    uint64_t rule, used;
    unsigned handle;
};

static void begin(struct rules *r)
{
    r->rule = mk_alloc(r->s.k, 0x400);
    r->used = 0;
    mk_list_append(r->s.k, r->chain + 0x10, r->rule);
}

static void put(struct rules *r, struct expr e, const void *priv, size_t len)
{
    const uint64_t at = r->rule + 0x18 + r->used;

    mk_write_ptr(r->s.k, at, e.ops);
    mk_write(r->s.k, at + 8, priv, len);
    r->used += e.size;
}

static void end(struct rules *r)
{
    mk_write_ptr(r->s.k, r->rule + 0x10, r->used << 44 | ++r->handle);
}

static void meta(struct rules *r, uint8_t key, uint8_t reg)
{
    put(r, r->meta, (const uint8_t[]){ key, reg }, 2);
}
static void payload(struct rules *r, uint8_t base, uint8_t off, uint8_t len)
{
    put(r, r->payload, (const uint8_t[]){ base, off, len, 4 }, 4);
}
static void fast(struct rules *r, uint32_t data, unsigned bytes, bool inverted)
{
    uint8_t b[12] = { (uint8_t)data, (uint8_t)(data >> 8), (uint8_t)(data >> 16),
                      (uint8_t)(data >> 24) };

    b[8] = 4;
    b[9] = (uint8_t)(bytes * 8);
    b[10] = inverted;
    put(r, r->fast, b, sizeof b);
}
static void cmp(struct rules *r, const uint8_t *data, uint8_t len, uint8_t op, uint8_t reg)
{
    uint8_t b[24] = { 0 };

    memcpy(b, data, len);
    b[16] = reg;
    b[17] = len;
    b[18] = op;
    put(r, r->cmp, b, sizeof b);
}
static void verdict(struct rules *r, int32_t v)
{
    uint8_t b[24] = { 0 };

    memcpy(b, &v, 4);
    b[17] = 16;
    put(r, r->imm, b, sizeof b);
}

static struct rules rules(const struct mk_machine *m, uint8_t family)
{
    struct rules r = { .s = guest(m) };
    struct mk *k = r.s.k;
    const uint64_t gen = mk_alloc(k, 16 * 8), id = mk_alloc(k, 4), pernet = mk_alloc(k, 0xa0);

    mk_write_u32(k, id, 5);
    mk_symbol(k, "nf_tables_net_id", id);
    mk_put(k, r.s.net, "net.gen", gen);
    mk_write_ptr(k, gen + 5 * 8, pernet);
    r.table = mk_alloc(k, 0x110);
    mk_list_append(k, pernet, r.table);
    for (unsigned at = 0x98; at <= 0xc8; at += 0x10)
        mk_list(k, r.table + at, NULL, 0);
    mk_write_ptr(k, r.table + 0xe0, 1);
    mk_write_u32(k, r.table + 0xec, family);
    mk_write_ptr(k, r.table + 0xf0, mk_text(k, "fw"));
    r.chain = mk_alloc(k, 0x78);
    mk_list(k, r.chain + 0x10, NULL, 0);
    mk_list_append(k, r.table + 0x98, r.chain + 0x20);
    mk_write_ptr(k, r.chain + 0x40, r.table);
    mk_write_ptr(k, r.chain + 0x58, mk_text(k, "in"));
    r.meta = expr(&r.s, "meta", "nft_meta_get_init", 16);
    r.cmp = expr(&r.s, "cmp", "nft_cmp_init", 32);
    r.fast = expr(&r.s, "cmp", "nft_cmp_fast_init", 24);
    r.payload = expr(&r.s, "payload", "nft_payload_init", 16);
    r.bits = expr(&r.s, "bitwise", "nft_bitwise_fast_init", 24);
    r.imm = expr(&r.s, "immediate", "nft_immediate_init", 32);
    r.lookup = expr(&r.s, "lookup", "nft_lookup_init", 56);
    r.ct = expr(&r.s, "ct", "nft_ct_get_init", 16);
    r.zzz = expr(&r.s, "zzz", "nft_zzz_init", 16);
    return r;
}

/* A set of the kind that is a list, with the ports 22 and 80; @flags of nft_set. */
static void set_of(struct rules *r, const char *name, unsigned flags)
{
    struct mk *k = r->s.k;
    const uint64_t ops = mk_alloc(k, 0xa0);

    mk_write_ptr(k, ops, code(&r->s, "nft_bitmap_lookup"));
    mk_write_u32(k, ops + 0x88, 0x10);
    r->set = mk_alloc(k, 0x100);
    mk_list_append(k, r->table + 0xa8, r->set);
    mk_write_ptr(k, r->set + 0x38, mk_text(k, name));
    mk_write_u32(k, r->set + 0x48, 13); // inet_service
    mk_write_ptr(k, r->set + 0xc0, ops);
    mk_write_u32(k, r->set + 0xc8, flags | 2u << 16);
    mk_list(k, r->set + 0xd0, NULL, 0);
    for (int i = 0; i < 2; i++) {
        const uint64_t elem = mk_alloc(k, 0x40);
        const uint8_t ext[] = { 0, 0x10 }, key[] = { 0, i ? 22 : 80 };

        mk_list_append(k, r->set + 0xd0, elem);
        mk_write(k, elem + 0x10, ext, sizeof ext);
        mk_write(k, elem + 0x20, key, sizeof key);
    }
}

/* A rule of more statements than are shown: each of the least size that an expression can have. */
static void long_rule(struct rules *r)
{
    struct expr least = expr(&r->s, "notrack", "nft_notrack_eval", 8);

    r->rule = mk_alloc(r->s.k, 0x1040);
    r->used = 0;
    mk_list_append(r->s.k, r->chain + 0x10, r->rule);
    for (int i = 0; i < 300; i++)
        put(r, least, "", 0);
    // What a comparison implies is kept with the statement that it belongs to: there is none.
    meta(r, 16, 4), fast(r, 6, 1, false), payload(r, 2, 2, 2), fast(r, 22 << 8, 2, false), end(r);
}

static void too_long_rule(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct rules r;
        const char *rows;

        if (mk_model((r.s = guest(m)).k)->ptr_size != 8) {
            mk_free(r.s.k);
            continue;
        }
        mk_free(r.s.k);
        r = rules(m, 2);
        long_rule(&r);
        rows = mk_guest_rows(&r.s.g, "nftables", NULL);
        assert_non_null(strstr(rows, "notrack notrack"));
        assert_non_null(strstr(rows, "|statements past the most that are shown"));
        mk_free(r.s.k);
    }
}

enum { EQ, NEQ, LT, LTE, GT, GTE };

static void nftables(void **state)
{
    static const uint8_t low[] = { 0, 100 }, high[] = { 0, 200 };
    (void)state;
    mk_each_machine(m)
    {
        struct rules r;
        uint8_t look[12] = { 0 };

        if (mk_model((r.s = guest(m)).k)->ptr_size != 8) { // the layouts are of 64 bits
            mk_guest_rows(&r.s.g, "nftables", NULL);
            assert_int_equal(mk_row_notes("no nf_tables"), 1);
            mk_free(r.s.k);
            continue;
        }
        mk_free(r.s.k);
        r = rules(m, 1);
        // The protocol that a port implies is said once.
        begin(&r), meta(&r, 16, 4), fast(&r, 6, 1, false), payload(&r, 2, 2, 2);
        fast(&r, 22 << 8, 2, false), verdict(&r, 1), end(&r);
        begin(&r), meta(&r, 16, 4), fast(&r, 6, 1, false), verdict(&r, 0), end(&r);
        begin(&r), meta(&r, 16, 4), fast(&r, 17, 1, false), payload(&r, 2, 2, 2);
        fast(&r, 53 << 8, 2, true), end(&r);
        // A prefix that is compared byte by byte; a range.
        begin(&r), meta(&r, 15, 4), fast(&r, 2, 1, false), payload(&r, 1, 12, 1);
        fast(&r, 10, 1, false), end(&r);
        begin(&r), meta(&r, 16, 4), fast(&r, 6, 1, false), payload(&r, 2, 2, 2);
        cmp(&r, low, 2, GTE, 4), cmp(&r, high, 2, LTE, 4), end(&r);
        // Bits; a port of no protocol; a part of a packet that has no name.
        begin(&r), put(&r, r.ct, (const uint8_t[]){ 0, 2, 4 }, 3);
        put(&r, r.bits, (const uint8_t[]){ 6, 0, 0, 0, 0, 0, 0, 0, 4, 4 }, 10);
        fast(&r, 0, 4, true), end(&r);
        begin(&r), payload(&r, 2, 0, 2), fast(&r, 1 << 8, 2, false), end(&r);
        begin(&r), payload(&r, 0, 3, 2), fast(&r, 0x3412, 2, false), end(&r);
        // Sets: by name, and anonymous ones.
        set_of(&r, "ports", 0);
        memcpy(look, &r.set, 8), look[8] = 4;
        begin(&r), payload(&r, 2, 2, 2), put(&r, r.lookup, look, sizeof look), end(&r);
        set_of(&r, "__set0", 1);
        memcpy(look, &r.set, 8), look[10] = 1;
        begin(&r), payload(&r, 2, 2, 2), put(&r, r.lookup, look, sizeof look), end(&r);
        assert_string_equal(mk_columns(mk_guest_rows(&r.s.g, "nftables", NULL), 5, 8),
                            "table|fw|1|\nset|ports|0|type inet_service; elements = { 22, 80 }\n"
                            "chain|in|0|\n"
                            "rule||1|tcp dport 22 accept\nrule||2|meta l4proto tcp drop\n"
                            "rule||3|udp dport != 53\nrule||4|ip saddr 10.0.0.0/8\n"
                            "rule||5|tcp dport 100-200\nrule||6|ct state established,related\n"
                            "rule||7|th sport 1\nrule||8|@ll,24,16 0x1234\n"
                            "rule||9|th dport @ports\nrule||10|th dport != { 22, 80 }");
        assert_int_equal(mk_row_notes(NULL), 0);
        mk_free(r.s.k);
    }
}

/* Timeouts of connections that have a name. */
static void timeouts(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct rules r;
        struct mk *k;
        uint64_t object, ops, type, policy;

        if (mk_model((r.s = guest(m)).k)->ptr_size != 8) {
            mk_free(r.s.k);
            continue;
        }
        mk_free(r.s.k);
        r = rules(m, 1), k = r.s.k;
        object = mk_alloc(k, 0xa0), ops = mk_alloc(k, 0x40), type = mk_alloc(k, 0x40);
        policy = mk_alloc(k, 0x60);
        mk_list_append(k, r.table + 0xb8, object);
        mk_write_ptr(k, object + 0x20, mk_text(k, "slow"));
        mk_write_ptr(k, object + 0x38, 4);
        mk_write_ptr(k, object + 0x80, ops);
        mk_write_ptr(k, ops + 0x30, type);
        mk_write_u32(k, type + 0x20, 7);
        mk_write_ptr(k, object + 0x88, policy);
        mk_write_u32(k, object + 0x90, 17);
        mk_write_u32(k, policy, 10);
        mk_write_u32(k, policy + 0x20, 0x7fffffff);
        assert_string_equal(mk_columns(mk_guest_rows(&r.s.g, "nftables", NULL), 4, 8),
                            "|table|fw|1|\n|ct timeout|slow|4|protocol udp; l3proto ip6\n"
                            "|chain|in|0|");
        // One that leads nowhere.
        mk_write_ptr(k, object + 0x88, 0x1234);
        assert_non_null(strstr(mk_guest_rows(&r.s.g, "nftables", NULL), "protocol udp; l3proto "));
        mk_free(k);
    }
}

static void damaged_rules(void **state)
{
    static const uint8_t one[] = { 1 };
    (void)state;
    mk_each_machine(m)
    {
        struct rules r;
        uint8_t look[12] = { 0 };
        uint64_t first;

        if (mk_model((r.s = guest(m)).k)->ptr_size != 8) {
            mk_free(r.s.k);
            continue;
        }
        mk_free(r.s.k);
        r = rules(m, 2);
        // An expression that nobody knows; registers that nothing is in, or that there are not.
        begin(&r), put(&r, r.zzz, "\1\2\3\4\5\6\7\10", 8), verdict(&r, 1), end(&r);
        first = r.rule;
        begin(&r), cmp(&r, one, 1, EQ, 9), end(&r);
        begin(&r), meta(&r, 3, 200), verdict(&r, 0), end(&r);
        begin(&r), cmp(&r, one, 0, EQ, 4), end(&r); // nothing is compared
        // One that is longer than its rule, and one of nothing.
        begin(&r), put(&r, r.imm, one, 1), r.used -= 8, end(&r);
        begin(&r), mk_write_ptr(r.s.k, r.rule + 0x18, 0x1234), r.used = 16, end(&r);
        // A set whose list of elements is a loop: each of them once.
        set_of(&r, "ports", 0);
        mk_write_ptr(r.s.k, mk_read_ptr(r.s.k, r.set + 0xd0), mk_read_ptr(r.s.k, r.set + 0xd0));
        memcpy(look, &r.set, 8), look[8] = 4;
        begin(&r), put(&r, r.lookup, look, sizeof look), end(&r);
        assert_string_equal(
            mk_columns(mk_columns(mk_guest_rows(&r.s.g, "nftables", NULL), 7, 10), 0, 3),
            "1|||\n0|type inet_service; elements = { 22, 80 }||\n0|||\n"
            "1|[zzz 0102030405060708] accept||\n"
            "2|[register 9] 0x01||a register that nothing was loaded into\n"
            "3|drop||a register that there is not\n4|||a comparison\n5|[?]||an expression\n"
            "6|[?]||an expression\n"
            "7|[register 4] @ports||a register that nothing was loaded into");
        assert_int_equal(mk_row_notes("list of nf_tables"), 1);
        // The list of rules leads back to its first.
        mk_write_ptr(r.s.k, r.rule, first);
        mk_guest_rows(&r.s.g, "nftables", NULL);
        assert_true(mk_row_notes("list of nf_tables") >= 1);
        mk_free(r.s.k);
    }
}

/* ---- iptables ---- */

enum { ENTRY = 112, HEAD = 32 }; // struct ipt_entry; xt_entry_match and xt_entry_target

struct blob {
    struct guest *s;
    uint64_t at;
    unsigned used, entry;
};

static void u16(struct blob *b, unsigned at, unsigned v)
{
    const uint8_t bytes[] = { (uint8_t)v, (uint8_t)(v >> 8) };

    mk_write(b->s->k, b->at + at, bytes, 2);
}

/* Begin a rule that @packets packets matched; then its matches, then its target. */
static void rule(struct blob *b, unsigned packets)
{
    b->entry = b->used;
    b->used += ENTRY;
    mk_write_u32(b->s->k, b->at + b->entry + 96, packets);
    mk_write_u32(b->s->k, b->at + b->entry + 104, packets * 100);
}

static void extension(struct blob *b, uint64_t ext, const void *data, unsigned len)
{
    const unsigned size = HEAD + ((len + 7) & ~7u);

    u16(b, b->used, size);
    mk_write_ptr(b->s->k, b->at + b->used + 8, ext);
    mk_write(b->s->k, b->at + b->used + HEAD, data, len);
    b->used += size;
}

static void target(struct blob *b, uint64_t ext, const void *data, unsigned len)
{
    u16(b, b->entry + 88, b->used - b->entry);
    extension(b, ext, data, len);
    u16(b, b->entry + 90, b->used - b->entry);
}

static void verdict_target(struct blob *b, uint64_t ext, int32_t v)
{
    target(b, ext, &v, 4);
}

static uint64_t xt(struct guest *s, const char *name)
{
    const uint64_t at = mk_alloc(s->k, 128);

    mk_write(s->k, at + 16, name, strlen(name));
    return at;
}

static void iptables(void **state)
{
    static const char log_[32] = { 4, 0, 'x', ':', ' ' };
    static const uint8_t net[] = { 192, 0, 2, 0 }, mask[] = { 255, 255, 255, 0 };
    static const uint8_t port22[12] = { 0, 0, 0xff, 0xff, 22, 0, 22, 0 };
    (void)state;
    mk_each_machine(m)
    {
        struct guest s = guest(m);
        struct blob b = { .s = &s };
        uint64_t table, info, plain, error, tcp, log_at, cpus;
        unsigned hooks[3], under[3], jump;
        char line[30];

        for (unsigned i = 0; i < 13; i++)
            mk_list(s.k, mk_at(s.k, s.net, "net.xt.tables") + i * 2 * s.ptr, NULL, 0);
        cpus = mk_alloc(s.k, 4);
        mk_write_u32(s.k, cpus, 1);
        mk_symbol(s.k, "nr_cpu_ids", cpus);
        if (s.ptr != 8) { // its layouts are of 64 bits
            mk_guest_rows(&s.g, "iptables", NULL);
            assert_int_equal(mk_row_notes("no tables of iptables"), 1);
            mk_free(s.k);
            continue;
        }
        table = mk_alloc(s.k, 0x60), info = mk_alloc(s.k, 0x1000);
        mk_list_append(s.k, mk_at(s.k, s.net, "net.xt.tables") + 2 * 16, table);
        mk_write_u32(s.k, table + 0x10, 0xe); // input, forward, output
        mk_write_ptr(s.k, table + 0x18, info);
        mk_write(s.k, table + 0x38, "filter", 7);
        plain = xt(&s, ""), error = xt(&s, "ERROR"), tcp = xt(&s, "tcp"), log_at = xt(&s, "LOG");
        b.at = info + 0x40;
        hooks[0] = b.used;
        rule(&b, 3);
        mk_write(s.k, b.at + b.entry, net, 4);
        mk_write(s.k, b.at + b.entry + 8, mask, 4);
        mk_write(s.k, b.at + b.entry + 16, "eth", 3);
        mk_write(s.k, b.at + b.entry + 48, "\xff\xff\xff", 3);
        u16(&b, b.entry + 80, 6);
        extension(&b, tcp, port22, sizeof port22);
        jump = b.used + HEAD; // the verdict of this rule, when its chain is known
        verdict_target(&b, plain, 0);
        rule(&b, 1), verdict_target(&b, plain, -5);
        rule(&b, 2),
            verdict_target(&b, plain, (int32_t)b.entry + ENTRY + HEAD + 8); // falls through
        under[0] = b.used, rule(&b, 9), verdict_target(&b, plain, -2);
        hooks[1] = under[1] = b.used, rule(&b, 0), verdict_target(&b, plain, -1);
        hooks[2] = under[2] = b.used, rule(&b, 0), verdict_target(&b, plain, -2);
        memset(line, 0, sizeof line), memcpy(line, "USER", 4);
        rule(&b, 0), target(&b, error, line, sizeof line);
        mk_write_u32(s.k, b.at + jump, b.used);
        rule(&b, 5), target(&b, log_at, log_, sizeof log_);
        rule(&b, 0), verdict_target(&b, plain, -5);
        memcpy(line, "ERROR", 5);
        rule(&b, 0), target(&b, error, line, sizeof line);
        mk_write_u32(s.k, info, b.used);
        for (unsigned i = 0; i < 3; i++) {
            mk_write_u32(s.k, info + 0xc + 4 * (i + 1), hooks[i]);
            mk_write_u32(s.k, info + 0x20 + 4 * (i + 1), under[i]);
        }
        // CHAIN KIND PACKETS PACKET_BYTES TEXT
        assert_string_equal(
            mk_columns(mk_guest_rows(&s.g, "iptables", NULL), 3, 7),
            "INPUT|chain|9|900|ACCEPT\n"
            "INPUT|rule|3|300|-s 192.0.2.0/24 -i eth+ -p tcp -m tcp --dport 22 -j USER\n"
            "INPUT|rule|1|100|-j RETURN\nINPUT|rule|2|200|\n"
            "FORWARD|chain|0|0|DROP\nOUTPUT|chain|0|0|ACCEPT\n"
            "USER|chain|0|0|-\nUSER|rule|5|500|-j LOG --log-prefix \"x: \"");
        assert_int_equal(mk_row_notes(NULL), 0);
        // A match that is longer than its rule; a rule of no length: what is behind it is lost.
        u16(&b, hooks[0] + ENTRY, 4000);
        assert_non_null(strstr(mk_guest_rows(&s.g, "iptables", NULL), "-p tcp -m ? -j USER"));
        u16(&b, hooks[0] + 90, 0);
        mk_guest_rows(&s.g, "iptables", NULL);
        assert_int_equal(mk_row_notes("a rule and those behind it"), 1);
        mk_write_u32(s.k, info, UINT32_MAX);
        mk_guest_rows(&s.g, "iptables", NULL);
        assert_int_equal(mk_row_notes("more rules than can be"), 1);
        mk_free(s.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nftables), cmocka_unit_test(damaged_rules),
        cmocka_unit_test(timeouts), cmocka_unit_test(too_long_rule),
        cmocka_unit_test(iptables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
