/* tables_inet.c - the tables of TCP, DCCP, UDP, UDP-Lite, raw and ping sockets. */
#include "net.h"
#include "tables_gather.h"

EG_FIELDS(inet_hashinfo, ehash, ehash_mask, bhash, bhash_size, lhash2, lhash2_mask);
EG_FIELD_AS(ehash_chain, inet_ehash_bucket, "chain");
EG_FIELD_AS(listen_chain, inet_listen_hashbucket, "nulls_head|head");
EG_FIELD_AS(listen_link, inet_connection_sock, "icsk_listen_portaddr_node");
EG_FIELD_AS(bind_chain, inet_bind_hashbucket, "chain");
EG_FIELD_AS(bind_node, inet_bind_bucket, "node");
EG_FIELD_AS(bind_owners, inet_bind_bucket, "owners"); // until 6.7
EG_FIELD_AS(bind_second, inet_bind_bucket, "bhash2"); // since 6.8: buckets by address
EG_FIELD_AS(bind2_node, inet_bind2_bucket, "bhash_node");
EG_FIELD_AS(bind2_owners, inet_bind2_bucket, "owners");
EG_FIELDS(udp_table, hash, hash2, hash4, mask); // hash4 since 6.13
EG_FIELD_AS(udp_head, udp_hslot, "head");
EG_FIELD_AS(udp4_node, udp_sock, "udp_lrpa_node");
EG_FIELD_AS(raw_heads, raw_hashinfo, "ht");
EG_FIELD_AS(ping_heads, ping_table, "hash");
EG_FIELD_AS(net_death_row, net, "ipv4.tcp_death_row"); // a pointer in 6.0
EG_FIELD_AS(death_row_hash, inet_timewait_death_row, "hashinfo");
EG_FIELD_AS(net_udp_table, net, "ipv4.udp_table"); // since 6.2
EG_TYPE(inet_ehash_bucket);
EG_TYPE(inet_listen_hashbucket);
EG_TYPE(inet_bind_hashbucket);
EG_TYPE(udp_hslot);
EG_TYPE(udp_hslot_main);
EG_SYMBOL(tcp_hashinfo, "inet_hashinfo");
EG_SYMBOL_AS(the_udp_table, "udp_table", "udp_table");
EG_SYMBOL(udplite_table, "udp_table");
EG_SYMBOL(raw_v4_hashinfo, "raw_hashinfo");
EG_SYMBOL(raw_v6_hashinfo, "raw_hashinfo");
EG_SYMBOL_AS(the_ping_table, "ping_table", "ping_table");

/* ---- TCP and DCCP (include/net/inet_hashtables.h) ---- */

static void bind2_owners_of(struct linux_gather *g, uint64_t node)
{
    linux_table_chain(g, node - eg_offset(g->r, bind2_node) + eg_offset(g->r, bind2_owners),
                      linux_table_take);
}

/* A port: its sockets, or since 6.8 the addresses of the port with their sockets. */
static void bind_bucket(struct linux_gather *g, uint64_t node)
{
    const uint64_t at = node - eg_offset(g->r, bind_node);

    if (eg_has(g->r, bind_owners))
        linux_table_chain(g, at + eg_offset(g->r, bind_owners), linux_table_take);
    else
        linux_table_chain(g, at + eg_offset(g->r, bind_second), bind2_owners_of);
}

static void hashinfo(struct linux_gather *g, struct eg_obj h, const char *name, bool shared)
{
    uint64_t base;
    uint32_t n;

    if (h.why)
        return;
    if (eg_get(&base, h, inet_hashinfo.ehash) && eg_get(&n, h, inet_hashinfo.ehash_mask)) {
        linux_table_begin(g, name, LINUX_TABLE_EHASH, eg_offset(g->r, sock_node));
        linux_table_buckets(g, base, (uint64_t)n + 1, eg_size(g->r, inet_ehash_bucket),
                            eg_offset(g->r, ehash_chain), linux_table_take);
        linux_table_done(g);
    }
    if (!shared) // a namespace's own table has only ehash of its own
        return;
    if (eg_get(&base, h, inet_hashinfo.lhash2) && eg_get(&n, h, inet_hashinfo.lhash2_mask)) {
        // Until 5.18 lhash2 had links of its own; skc_node was that of listening_hash.
        linux_table_begin(g, name, LINUX_TABLE_LISTEN,
                          eg_has(g->r, listen_link) ? eg_offset(g->r, listen_link)
                                                    : eg_offset(g->r, sock_node));
        linux_table_buckets(g, base, (uint64_t)n + 1, eg_size(g->r, inet_listen_hashbucket),
                            eg_offset(g->r, listen_chain), linux_table_take);
        linux_table_done(g);
    }
    if (eg_get(&base, h, inet_hashinfo.bhash) && eg_get(&n, h, inet_hashinfo.bhash_size)) {
        linux_table_begin(g, name, LINUX_TABLE_BIND, eg_offset(g->r, sock_bind_node));
        linux_table_buckets(g, base, n, eg_size(g->r, inet_bind_hashbucket),
                            eg_offset(g->r, bind_chain), bind_bucket);
        linux_table_done(g);
    }
}

void linux_tables_tcp(struct linux_gather *g)
{
    struct eg_obj shared = eg_sym(g->r, tcp_hashinfo), net, own;

    hashinfo(g, shared, "the tables of TCP", true);
    linux_each_net(g->r, net)
    {
        // Since 6.1 a namespace may have an ehash of its own (net.ipv4.tcp_child_ehash_entries).
        own = eg_deref(eg_at(net, net_death_row, death_row_hash));
        if (!own.why && own.addr != shared.addr)
            hashinfo(g, own, "a namespace's table of TCP", false);
    }
    hashinfo(g, eg_object(g->r, inet_hashinfo, linux_table_variable(g, "dccp_hashinfo")),
             "the tables of DCCP", true);
}

/* ---- UDP and UDP-Lite (include/net/udp.h), raw sockets, ping ---- */

static void udp_tables(struct linux_gather *g, struct eg_obj t, const char *name)
{
    const uint64_t slot = eg_size(g->r, udp_hslot), head = eg_offset(g->r, udp_head);
    // hash2 has larger slots where there is a hash4, which counts in them.
    const uint64_t slot2 = eg_has(g->r, udp_table.hash4) ? eg_size(g->r, udp_hslot_main) : slot;
    uint64_t base;
    uint32_t mask;

    if (t.why || !eg_get(&mask, t, udp_table.mask))
        return;
    if (eg_get(&base, t, udp_table.hash)) {
        linux_table_begin(g, name, LINUX_TABLE_UDP, eg_offset(g->r, sock_node));
        linux_table_buckets(g, base, (uint64_t)mask + 1, slot, head, linux_table_take);
        linux_table_done(g);
    }
    if (eg_get(&base, t, udp_table.hash2)) {
        linux_table_begin(g, name, LINUX_TABLE_UDP2, eg_offset(g->r, sock_bind_node));
        linux_table_buckets(g, base, (uint64_t)mask + 1, slot2, head, linux_table_take);
        linux_table_done(g);
    }
    if (eg_has(g->r, udp4_node) && eg_get(&base, t, udp_table.hash4)) {
        linux_table_begin(g, name, LINUX_TABLE_UDP4, eg_offset(g->r, udp4_node));
        linux_table_buckets(g, base, (uint64_t)mask + 1, slot, head, linux_table_take);
        linux_table_done(g);
    }
}

void linux_tables_udp(struct linux_gather *g)
{
    struct eg_obj shared = eg_sym(g->r, the_udp_table), net, own;

    udp_tables(g, shared, "the tables of UDP");
    linux_each_net(g->r, net)
    {
        own = eg_deref(eg_at(net, net_udp_table));
        if (!own.why && own.addr != shared.addr)
            udp_tables(g, own, "a namespace's tables of UDP");
    }
    udp_tables(g, eg_sym(g->r, udplite_table), "the tables of UDP-Lite");
}

void linux_tables_raw(struct linux_gather *g)
{
    linux_table_heads(g, eg_at(eg_sym(g->r, raw_v4_hashinfo), raw_heads),
                      "the table of raw sockets", LINUX_TABLE_RAW);
    linux_table_heads(g, eg_at(eg_sym(g->r, raw_v6_hashinfo), raw_heads),
                      "the table of raw IPv6 sockets", LINUX_TABLE_RAW);
    linux_table_heads(g, eg_at(eg_sym(g->r, the_ping_table), ping_heads),
                      "the table of ping sockets", LINUX_TABLE_PING);
}
