/* tables.c - every socket that a table of the kernel has.
 *
 *  Heads of tables are read in blocks, for a table of 2^16 buckets has some tens of sockets. Each
 * link of a chain must point back to where the walk came from: a loop can only lead back to the
 * head, where the walk ends. Each socket must be of a known family and network namespace. */
#include "../../../core/cache.h"
#include "../../../core/map.h"
#include "net.h"
#include "rhash.h"
#include "tables_gather.h"
#include <inttypes.h>
#include <stdlib.h>

EG_FIELD_AS(net_unix, net, "unx.table.buckets"); // since 6.0
EG_FIELD_AS(net_packet, net, "packet.sklist");
EG_FIELD_AS(net_xdp, net, "xdp.list");
EG_FIELD_AS(netlink_hash, netlink_table, "hash");
EG_FIELD_AS(netlink_node, netlink_sock, "node");
EG_FIELD_AS(token_chain, token_bucket, "msk_chain");
EG_FIELD_AS_OF("vsock", vsock_bound, vsock_sock, "bound_table");
EG_FIELD_AS_OF("vsock", vsock_connected, vsock_sock, "connected_table");
EG_FIELDS_OF("sctp", sctp_globals, port_hashtable, port_hashsize);
EG_FIELD_AS_OF("sctp", sctp_chain, sctp_bind_hashbucket, "chain");
EG_FIELD_AS_OF("sctp", sctp_node, sctp_bind_bucket, "node");
EG_FIELD_AS_OF("sctp", sctp_owners, sctp_bind_bucket, "owner");
EG_TYPE(token_bucket);
EG_TYPE(netlink_table);
EG_TYPE_("sctp", sctp_bind_hashbucket);

EG_SYMBOL(unix_socket_table, "hlist_head[512]");
EG_SYMBOL(nl_table, "netlink_table *");
EG_SYMBOL(token_hash, "token_bucket *");
EG_SYMBOL(token_mask, "unsigned int");

enum {
    BUCKETS_MAX = 1 << 24,
    ALL_BUCKETS_MAX = 1 << 26, // of all tables: each namespace may claim some of its own
    CHAIN_MAX = 1 << 22,
    SOCKS_MAX = 1 << 22,
    NETLINK_TABLES = 32,    // MAX_LINKS (include/uapi/linux/netlink.h)
    VSOCK_BUCKETS = 251,    // VSOCK_HASH_SIZE (net/vmw_vsock/af_vsock.c)
    UNIX_BUCKETS = 2 * 256, // UNIX_HASH_SIZE (include/net/af_unix.h, net/unix/af_unix.c)
};

static uint64_t word(const struct linux_gather *g, const uint8_t *p)
{
    return eg_load_(p, g->ptr, g->big);
}

/* Told by its family and namespace: memory that is something else has none of both. */
static bool plausible(struct linux_gather *g, struct eg_obj sock)
{
    uint32_t family;
    uint64_t net;

    return eg_get(&family, sock, sock_family) && family && family < LINUX_AF_LIMIT &&
           eg_get(&net, sock, sock_net) &&
           (!g->nets->n || eg_map_get(g->nets, net, &(uint64_t){ 0 }));
}

static void take(struct linux_gather *g, uint64_t sock)
{
    struct linux_gathered *k = g->kept;
    struct linux_table_sock *more;
    uint64_t at;

    if (eg_map_get(g->index, sock, &at)) {
        k->list[at].tables |= g->bit;
        return;
    }
    if (!plausible(g, eg_object(g->r, sock, sock))) {
        g->strange++;
        return;
    }
    if (k->socks.n == k->cap) {
        const size_t cap = k->cap ? 2 * k->cap : 256;

        more = cap <= SOCKS_MAX ? realloc(k->list, cap * sizeof *more) : NULL;
        if (!more) {
            g->full = true;
            return;
        }
        k->list = more;
        k->cap = cap;
    }
    if (eg_map_add(g->index, sock, k->socks.n) < 0) {
        g->full = true;
        return;
    }
    k->list[k->socks.n++] = (struct linux_table_sock){ sock, g->bit };
}

void linux_table_take(struct linux_gather *g, uint64_t node)
{
    take(g, node - g->link);
}

/* A chain (hlist, or hlist_nulls, whose end has bit 0 set) that the head at @head begins with
 * @node. */
static void chain(struct linux_gather *g, uint64_t head, uint64_t node,
                  void (*each)(struct linux_gather *, uint64_t node))
{
    uint64_t from = head, next;
    const uint8_t *p;

    for (uint64_t n = 0; node && !(node & 1) && !g->full; n++) {
        p = eg_bytes(g->view, g->as, node, 2 * g->ptr);
        if (!p || node == head || word(g, p + g->ptr) != from || n == CHAIN_MAX) {
            g->broken++;
            return;
        }
        next = word(g, p);
        each(g, node);
        from = node;
        node = next;
    }
}

void linux_table_chain(struct linux_gather *g, uint64_t head,
                       void (*each)(struct linux_gather *, uint64_t node))
{
    const uint8_t *p = eg_bytes(g->view, g->as, head, g->ptr);

    if (p)
        chain(g, head, word(g, p), each);
    else
        g->unread += g->ptr;
}

void linux_table_begin(struct linux_gather *g, const char *name, unsigned bit, uint64_t link)
{
    g->name = name;
    g->bit = bit;
    g->link = link;
    g->broken = g->strange = g->unread = 0;
}

void linux_table_done(struct linux_gather *g)
{
    if (g->broken)
        eg_note(g->r, "%s: %" PRIu64 " chains are broken; what lies behind is missing", g->name,
                g->broken);
    if (g->strange)
        eg_note(g->r, "%s: %" PRIu64 " links lead to no socket", g->name, g->strange);
    if (g->unread)
        eg_note(g->r, "%s: %" PRIu64 " bytes of its buckets cannot be read", g->name, g->unread);
}

/* All chains of an array of @n buckets of @stride bytes. */
void linux_table_buckets(struct linux_gather *g, uint64_t base, uint64_t n, uint64_t stride,
                         uint64_t head, void (*each)(struct linux_gather *, uint64_t node))
{
    const uint64_t step = stride ? LINUX_GATHER_BLOCK / stride : 0;

    if (!base || !n || !step)
        return;
    if (head > stride || stride - head < g->ptr) { // types that cannot be: a head behind its bucket
        g->broken++;
        return;
    }
    if (n > BUCKETS_MAX || base + n * stride < base) {
        eg_note(g->r, "%s: %" PRIu64 " buckets cannot be; it is not read", g->name, n);
        return;
    }
    if (n > g->left) {
        eg_note(g->r, "%s: with it tables have more than %d buckets; it is not read", g->name,
                ALL_BUCKETS_MAX);
        return;
    }
    g->left -= n;
    for (uint64_t i = 0; i < n && !g->full && !eg_stopped(g->r); i += step) {
        const uint64_t here = EG_MIN(step, n - i), at = base + i * stride;
        const size_t len = (size_t)(here * stride);
        const size_t got = eg_read_some(g->view, g->as, at, g->block, len, NULL);

        g->unread += len - got;
        for (uint64_t k = 0; got && k < here; k++) {
            const uint64_t node = word(g, g->block + k * stride + head);

            if (node && !(node & 1))
                chain(g, at + k * stride + head, node, each);
        }
    }
}

void linux_table_heads(struct linux_gather *g, struct eg_obj array, const char *name, unsigned bit)
{
    if (array.why)
        return;
    linux_table_begin(g, name, bit, eg_offset(g->r, sock_node));
    linux_table_buckets(g, array.addr, eg_count(array), g->ptr, 0, linux_table_take);
    linux_table_done(g);
}

/* ---- the other families ---- */

static void unix_sockets(struct linux_gather *g)
{
    struct eg_obj net;
    uint64_t base;

    linux_table_heads(g, eg_sym(g->r, unix_socket_table), "the table of unix sockets",
                      LINUX_TABLE_UNIX);
    if (!eg_has(g->r, net_unix))
        return;
    linux_table_begin(g, "the tables of unix sockets", LINUX_TABLE_UNIX,
                      eg_offset(g->r, sock_node));
    linux_each_net(g->r, net) if (eg_get(&base, net, net_unix))
        linux_table_buckets(g, base, UNIX_BUCKETS, g->ptr, 0, linux_table_take);
    linux_table_done(g);
}

static void of_namespaces(struct linux_gather *g)
{
    struct eg_obj net, head;

    linux_table_begin(g, "the lists of packet sockets", LINUX_TABLE_PACKET,
                      eg_offset(g->r, sock_node));
    linux_each_net(g->r, net)
    {
        head = eg_at(net, net_packet);
        if (!head.why)
            linux_table_chain(g, head.addr, linux_table_take);
    }
    linux_table_done(g);
    linux_table_begin(g, "the lists of XDP sockets", LINUX_TABLE_XDP, eg_offset(g->r, sock_node));
    linux_each_net(g->r, net)
    {
        head = eg_at(net, net_xdp);
        if (!head.why)
            linux_table_chain(g, head.addr, linux_table_take);
    }
    linux_table_done(g);
}

static void netlink(struct linux_gather *g)
{
    struct eg_obj tables = eg_deref(eg_sym(g->r, nl_table)), table, sock;

    if (tables.why || !eg_has(g->r, netlink_node))
        return;
    linux_table_begin(g, "the tables of netlink", LINUX_TABLE_NETLINK, 0);
    for (uint64_t i = 0; i < NETLINK_TABLES; i++) {
        table = tables;
        table.addr += i * eg_size(g->r, netlink_table);
        linux_each_rhash(g->r, sock, eg_at(table, netlink_hash), netlink_node) take(g, sock.addr);
    }
    linux_table_done(g);
}

/* A ring of list_heads. */
static void ring(struct linux_gather *g, uint64_t head)
{
    uint64_t from = head, node = 0;
    const uint8_t *p = eg_bytes(g->view, g->as, head, 2 * g->ptr);

    if (!p) {
        g->unread += 2 * g->ptr;
        return;
    }
    node = word(g, p);
    for (uint64_t n = 0; node && node != head && !g->full; n++) {
        p = eg_bytes(g->view, g->as, node, 2 * g->ptr);
        if (!p || word(g, p + g->ptr) != from || n == CHAIN_MAX) {
            g->broken++;
            return;
        }
        from = node;
        node = word(g, p);
        take(g, from - g->link);
    }
}

/* A variable of a module, which has symbols only while it is loaded; 0: there is none. */
uint64_t linux_table_variable(struct linux_gather *g, const char *name)
{
    uint64_t at;

    return eg_lookup(g->r, name, &at) ? at : 0;
}

static void rings(struct linux_gather *g, const char *name, uint64_t n)
{
    const uint64_t at = linux_table_variable(g, name);

    for (uint64_t i = 0; at && i < n; i++)
        ring(g, at + 2 * g->ptr * i);
}

/* Before 5.11 there are no types of modules: both ends of the socket lie behind struct sock and a
 * pointer, then both links (net/sock.c, vsock_ends). */
static void vsock(struct linux_gather *g)
{
    const uint64_t own = (eg_size(g->r, sock) + 7) / 8 * 8 + g->ptr + 2 * 16;
    const bool typed = eg_has(g->r, vsock_bound) && eg_has(g->r, vsock_connected);

    linux_table_begin(g, "the tables of vsock", LINUX_TABLE_VSOCK,
                      typed ? eg_offset(g->r, vsock_bound) : own);
    rings(g, "vsock_bind_table", VSOCK_BUCKETS + 1); // the last one's are not bound
    g->link = typed ? eg_offset(g->r, vsock_connected) : own + 2 * g->ptr;
    rings(g, "vsock_connected_table", VSOCK_BUCKETS);
    linux_table_done(g);
}

static void mptcp(struct linux_gather *g)
{
    struct eg_obj table = eg_deref(eg_sym(g->r, token_hash));
    uint64_t mask;

    if (table.why || !eg_load(&mask, eg_sym(g->r, token_mask)))
        return;
    linux_table_begin(g, "the table of MPTCP", LINUX_TABLE_MPTCP, eg_offset(g->r, sock_node));
    linux_table_buckets(g, table.addr, mask + 1, eg_size(g->r, token_bucket),
                        eg_offset(g->r, token_chain), linux_table_take);
    linux_table_done(g);
}

static void sctp_port(struct linux_gather *g, uint64_t node)
{
    linux_table_chain(g, node - eg_offset(g->r, sctp_node) + eg_offset(g->r, sctp_owners),
                      linux_table_take);
}

static void sctp(struct linux_gather *g)
{
    struct eg_obj globals = eg_object(g->r, sctp_globals, linux_table_variable(g, "sctp_globals"));
    uint64_t base;
    uint32_t n;

    if (globals.why || !eg_has(g->r, sctp_chain) ||
        !eg_get(&base, globals, sctp_globals.port_hashtable) ||
        !eg_get(&n, globals, sctp_globals.port_hashsize))
        return;
    linux_table_begin(g, "the table of SCTP", LINUX_TABLE_SCTP, eg_offset(g->r, sock_bind_node));
    linux_table_buckets(g, base, n, eg_size(g->r, sctp_bind_hashbucket),
                        eg_offset(g->r, sctp_chain), sctp_port);
    linux_table_done(g);
}

static void bluetooth(struct linux_gather *g)
{
    static const char *const lists[] = { "l2cap_sk_list", "hci_sk_list", "sco_sk_list",
                                         "iso_sk_list", "rfcomm_sk_list" };
    uint64_t at;

    linux_table_begin(g, "the lists of Bluetooth", LINUX_TABLE_BLUETOOTH,
                      eg_offset(g->r, sock_node));
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        at = linux_table_variable(g, lists[i]);
        if (at)
            linux_table_chain(g, at, linux_table_take); // struct bt_sock_list begins with it
    }
    linux_table_done(g);
}

static bool make(struct eg_system *sys, struct eg_run *r, void *out)
{
    struct linux_gather *g = eg_tmp(r, sizeof *g);
    struct eg_obj net;

    (void)sys;
    g->r = r;
    g->view = eg_view_of(r);
    g->as = eg_kernel(r);
    g->kept = out;
    g->nets = eg_run_map(r);
    g->index = eg_run_map(r);
    g->big = eg_binding_of(r)->model.big_endian;
    g->ptr = eg_binding_of(r)->model.ptr_size;
    g->left = ALL_BUCKETS_MAX;
    linux_each_net(r, net) eg_run_map_add(r, g->nets, net.addr, 0);
    linux_tables_tcp(g);
    linux_tables_udp(g);
    linux_tables_raw(g);
    unix_sockets(g);
    of_namespaces(g);
    netlink(g);
    vsock(g);
    mptcp(g);
    sctp(g);
    bluetooth(g);
    if (g->full)
        eg_note(r, "the tables of sockets have more than can be kept");
    g->kept->socks.at = g->kept->list;
    return !eg_stopped(r);
}

static void fini(void *kept)
{
    free(((struct linux_gathered *)kept)->list);
}

static const struct eg_cache cache = { .size = sizeof(struct linux_gathered),
                                       .make = make,
                                       .fini = fini };

const struct linux_table_socks *linux_table_socks(struct eg_run *r)
{
    const struct linux_gathered *k = eg_system_cache(eg_system_of(r), r, &cache);

    return k ? &k->socks : NULL;
}

const char *linux_tables_text(struct eg_run *r, unsigned tables)
{
    static const struct eg_constant names[] = {
        { "ehash", LINUX_TABLE_EHASH },
        { "listen", LINUX_TABLE_LISTEN },
        { "bind", LINUX_TABLE_BIND },
        { "udp", LINUX_TABLE_UDP },
        { "udp2", LINUX_TABLE_UDP2 },
        { "udp4", LINUX_TABLE_UDP4 },
        { "raw", LINUX_TABLE_RAW },
        { "ping", LINUX_TABLE_PING },
        { "unix", LINUX_TABLE_UNIX },
        { "packet", LINUX_TABLE_PACKET },
        { "netlink", LINUX_TABLE_NETLINK },
        { "vsock", LINUX_TABLE_VSOCK },
        { "xdp", LINUX_TABLE_XDP },
        { "mptcp", LINUX_TABLE_MPTCP },
        { "sctp", LINUX_TABLE_SCTP },
        { "bluetooth", LINUX_TABLE_BLUETOOTH },
        { NULL, 0 },
    };

    return tables ? eg_bits_text(r, names, tables, ",") : "";
}

static bool next_sock(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out)
{
    const struct linux_table_socks *all = linux_table_socks(r);
    uint64_t *at = state;

    (void)arg;
    if (!all || *at == all->n)
        return false;
    *out = eg_object(r, sock, all->at[(*at)++].sock);
    return true;
}

EG_WALKER(socks) = {
    .os = "linux",
    .help = "sockets in the kernel's tables, of all network namespaces",
    .elem = "sock",
    .needs = EG_NEEDS(sock_family, sock_node),
    .state = sizeof(uint64_t),
    .next = next_sock,
};
