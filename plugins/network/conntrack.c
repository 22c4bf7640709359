/* conntrack - connections that netfilter tracks, as `conntrack -L` lists them, and connections that
 * it expects (net/netfilter/nf_conntrack_core.c, nf_conntrack_expect.c). */
#include "../../core/base.h"
#include "../../core/run.h"
#include "../linux/kernel/export.h"
#include "../linux/kernel/percpu.h"
#include "../linux/kernel/time.h"
#include "../linux/net/ip.h"
#include "../linux/net/net.h"
#include "../linux/net/pernet.h"
#include "../linux/net/xt.h"
#include <inttypes.h>
#include <string.h>

EG_FIELD_AS(ct_tuples, nf_conn, "tuplehash");
EG_FIELD_AS(ct_status, nf_conn, "status");
EG_FIELD_AS(ct_timeout, nf_conn, "timeout");
EG_FIELD_AS(ct_mark, nf_conn, "mark");
EG_FIELD_AS(ct_zone, nf_conn, "zone.id");
EG_FIELD_AS(ct_net, nf_conn, "ct_net.net");
EG_FIELD_AS(ct_ext, nf_conn, "ext");
EG_FIELD_AS(ct_master, nf_conn, "master");
EG_FIELD_AS(ct_tcp_state, nf_conn, "proto.tcp.state");
EG_FIELD_AS(ct_sctp_state, nf_conn, "proto.sctp.state");
EG_FIELD_AS(ct_dccp_state, nf_conn, "proto.dccp.state");
EG_FIELD_AS(hash_tuple, nf_conntrack_tuple_hash, "tuple");
EG_FIELD_AS(hash_node, nf_conntrack_tuple_hash, "hnnode");
EG_FIELD_AS(tuple_dir, nf_conntrack_tuple, "dst.dir");
EG_FIELD_AS(tuple_proto, nf_conntrack_tuple, "dst.protonum");
EG_FIELD_AS(tuple_l3, nf_conntrack_tuple, "src.l3num");
EG_FIELD_AS(tuple_src, nf_conntrack_tuple, "src.u3");
EG_FIELD_AS(tuple_dst, nf_conntrack_tuple, "dst.u3");
EG_FIELD_AS(tuple_src_port, nf_conntrack_tuple, "src.u.all");
EG_FIELD_AS(tuple_dst_port, nf_conntrack_tuple, "dst.u.all");
EG_FIELD_AS(ext_offsets, nf_ct_ext, "offset");
EG_FIELD_AS(pcpu_unconfirmed, ct_pcpu, "unconfirmed.first"); // until 5.18
EG_FIELD_AS(pcpu_dying, ct_pcpu, "dying.first");
EG_FIELD_AS(net_pcpu_lists, net, "ct.pcpu_lists");
EG_FIELD_AS_OF("nf_conntrack", net_dying, nf_conntrack_net, "ecache.dying_list"); // since 5.19
EG_FIELDS(nf_conntrack_expect, tuple, master, helper, hnode);
EG_FIELD_AS(exp_net, nf_conntrack_expect, "net.net");
EG_ENUMERATOR(NF_CT_EXT_HELPER, "nf_ct_ext_id");
EG_ENUMERATOR(NF_CT_EXT_ACCT, "nf_ct_ext_id");
EG_ENUMERATOR(NF_CT_EXT_TSTAMP, "nf_ct_ext_id");
EG_TYPE(nf_conn);
EG_TYPE(nf_conntrack_tuple_hash);
EG_TYPE(hlist_head);
EG_TYPE(ct_pcpu);

#define COLUMNS(C)                                                                                 \
    C(NS, INT, "inode number of the network namespace")                                            \
    C(KIND, TEXT, "\"connection\", \"expected\", \"unconfirmed\", \"dying\"", EG_MINOR)            \
    C(FAMILY, TEXT, "\"AF_INET\", \"AF_INET6\"", EG_MINOR)                                         \
    C(PROTO, TEXT, "\"TCP\", \"UDP\"; a number where it has no name")                              \
    C(STATE, TEXT, "of TCP, SCTP and DCCP as the tracker follows it")                              \
    C(SOURCE_ADDR, TEXT, "who began it", EG_WHOLE)                                                 \
    C(SOURCE_PORT, INT, "its port")                                                                \
    C(DESTINATION_ADDR, TEXT, "whom it was meant for", EG_WHOLE)                                   \
    C(DESTINATION_PORT, INT, "that port")                                                          \
    C(REPLY_SOURCE_ADDR, TEXT, "who answers: another one with DNAT", EG_WHOLE)                     \
    C(REPLY_SOURCE_PORT, INT, "its port", EG_MINOR)                                                \
    C(REPLY_DESTINATION_ADDR, TEXT, "where answers go: another place with SNAT", EG_WHOLE)         \
    C(REPLY_DESTINATION_PORT, INT, "that port", EG_MINOR)                                          \
    C(NAT, TEXT, "\"SNAT\", \"DNAT\": which address was translated")                               \
    C(STATUS, TEXT, "\"ASSURED\", \"SEEN_REPLY\" and other bits", EG_MINOR)                        \
    C(TIMEOUT, DURATION, "until it is forgotten, if no packet comes", EG_MINOR)                    \
    C(MARK, INT, "connection mark", EG_MINOR)                                                      \
    C(CT_ZONE, INT, "zone, which keeps equal addresses apart", EG_MINOR)                           \
    C(DETAIL, TEXT, "of ICMP type, code and id", EG_MINOR)                                         \
    C(ORIGINAL_PACKETS, INT, "packets from who began it; where the kernel counts them", EG_ASKED)  \
    C(ORIGINAL_BYTES, INT, "and their bytes", EG_ASKED)                                            \
    C(REPLY_PACKETS, INT, "packets back", EG_ASKED)                                                \
    C(REPLY_BYTES, INT, "and their bytes", EG_ASKED)                                               \
    C(STARTED, TIME, "when it began; where the kernel keeps that", EG_ASKED)                       \
    C(HELPER, TEXT, "what follows its protocol: \"ftp\"", EG_ASKED)                                \
    C(CT_MASTER, ADDR, "the connection that it belongs to or is expected by", EG_ASKED)            \
    C(OFFSET, ADDR, "address of the nf_conn or nf_conntrack_expect", EG_MINOR)
EG_COLUMNS(COLUMNS);

enum { BUCKETS_MAX = 1 << 24, CHAIN_MAX = 1 << 16 };

struct walk {
    struct eg_run *r;
    uint64_t jiffies;
    int64_t jiffy;
    const char *kind;
    int64_t helper, acct, tstamp; /**< indices of extensions; -1: this kernel has none */
};

/* ---- numbers as words ---- */

static const char *const tcp_states[] = { "NONE",     "SYN_SENT",   "SYN_RECV", "ESTABLISHED",
                                          "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT",
                                          "CLOSE",    "SYN_SENT2" };
static const char *const sctp_states[] = {
    "NONE",          "CLOSED",        "COOKIE_WAIT",       "COOKIE_ECHOED",  "ESTABLISHED",
    "SHUTDOWN_SENT", "SHUTDOWN_RECD", "SHUTDOWN_ACK_SENT", "HEARTBEAT_SENT", "HEARTBEAT_ACKED"
};
static const char *const dccp_states[] = { "NONE", "REQUEST",  "RESPOND", "PARTOPEN",
                                           "OPEN", "CLOSEREQ", "CLOSING", "TIMEWAIT" };
/* include/uapi/linux/netfilter/nf_conntrack_common.h, enum ip_conntrack_status */
static const struct eg_constant statuses[] = {
    { "EXPECTED", 1 },
    { "SEEN_REPLY", 2 },
    { "ASSURED", 4 },
    { "CONFIRMED", 8 },
    { "SRC_NAT", 0x10 },
    { "DST_NAT", 0x20 },
    { "SEQ_ADJUST", 0x40 },
    { "SRC_NAT_DONE", 0x80 },
    { "DST_NAT_DONE", 0x100 },
    { "DYING", 0x200 },
    { "FIXED_TIMEOUT", 0x400 },
    { "TEMPLATE", 0x800 },
    { "NAT_CLASH", 0x1000 },
    { "HELPER", 0x2000 },
    { "OFFLOAD", 0x4000 },
    { "HW_OFFLOAD", 0x8000 },
    { NULL, 0 },
};
static const struct eg_constant protocols[] = {
    { "ICMP", 1 },    { "IGMP", 2 },   { "TCP", 6 },       { "UDP", 17 },
    { "DCCP", 33 },   { "GRE", 47 },   { "ESP", 50 },      { "AH", 51 },
    { "ICMPV6", 58 }, { "SCTP", 132 }, { "UDPLITE", 136 }, { NULL, 0 },
};

static struct eg_cell state_of(struct eg_obj ct, uint8_t proto)
{
    const char *const *names = tcp_states;
    size_t n = sizeof tcp_states / sizeof *tcp_states;
    struct eg_obj o = eg_at(ct, ct_tcp_state);
    uint64_t v;

    if (proto == 132) {
        names = sctp_states;
        n = sizeof sctp_states / sizeof *sctp_states;
        o = eg_at(ct, ct_sctp_state);
    } else if (proto == 33) {
        names = dccp_states;
        n = sizeof dccp_states / sizeof *dccp_states;
        o = eg_at(ct, ct_dccp_state);
    } else if (proto != 6) {
        return (struct eg_cell){ 0 };
    }
    if (!eg_load(&v, o))
        return eg_cell_of(o);
    return v < n ? eg_text(names[v]) : eg_missing(EG_BAD_VALUE, o.addr);
}

/* ---- one side of a connection ---- */

struct side {
    struct eg_cell src, dst, sport, dport;
    uint16_t l3;
    uint8_t proto;
    const char *detail;
};

static struct eg_cell address(struct eg_run *r, struct eg_obj union_, uint16_t l3)
{
    const size_t len = l3 == 10 ? 16 : 4;
    uint8_t bytes[16];

    if (union_.why)
        return eg_cell_of(union_);
    if (!eg_read(union_.view, union_.space, union_.addr, bytes, len))
        return eg_missing((enum eg_why)union_.view->why, union_.addr);
    return eg_text(linux_ip_text(r, bytes, len));
}

static bool side_of(struct eg_run *r, struct eg_obj tuple, struct side *out)
{
    uint32_t id, code;

    *out = (struct side){ .l3 = 0 };
    if (!eg_get(&out->l3, tuple, tuple_l3) || !eg_get(&out->proto, tuple, tuple_proto))
        return false;
    out->src = address(r, eg_at(tuple, tuple_src), out->l3);
    out->dst = address(r, eg_at(tuple, tuple_dst), out->l3);
    switch (out->proto) {
    case 1:
    case 58: // the destination has the type and the code, a byte each, the source the id
        if (linux_be(eg_at(tuple, tuple_src_port), &id) &&
            linux_be(eg_at(tuple, tuple_dst_port), &code))
            out->detail = eg_strf(r, "type=%u code=%u id=%u", code >> 8, code & 0xff, id);
        break;
    case 47:
        if (linux_be(eg_at(tuple, tuple_src_port), &id) &&
            linux_be(eg_at(tuple, tuple_dst_port), &code))
            out->detail = eg_strf(r, "srckey=%#x dstkey=%#x", id, code);
        break;
    case 6:
    case 17:
    case 33:
    case 132:
    case 136:
        out->sport = linux_be16(eg_at(tuple, tuple_src_port));
        out->dport = linux_be16(eg_at(tuple, tuple_dst_port));
        break;
    default:
        break;
    }
    return true;
}

static struct eg_cell family(uint16_t l3)
{
    return l3 == 2 ? eg_text("AF_INET") : l3 == 10 ? eg_text("AF_INET6") : eg_uint(l3);
}

static struct eg_cell protocol(struct eg_run *r, uint8_t proto)
{
    const char *name = eg_constant_name(protocols, proto);

    return eg_text(name ? name : eg_strf(r, "%u", proto));
}

/* ---- extensions ---- */

/* Where an extension of a connection is; 0: it has none. */
static uint64_t extension(struct eg_obj ct, int64_t which)
{
    struct eg_obj ext = eg_deref(eg_at(ct, ct_ext));
    uint64_t off;

    if (which < 0 || ext.why || !eg_load(&off, eg_index(eg_at(ext, ext_offsets), (uint64_t)which)))
        return 0;
    return off ? ext.addr + off : 0;
}

static struct eg_cell word_at(const struct walk *w, uint64_t at, unsigned i)
{
    const uint8_t *p = at ? eg_bytes(eg_view_of(w->r), eg_kernel(w->r), at + 8u * i, 8) : NULL;

    return p    ? eg_uint(eg_load_(p, 8, eg_binding_of(w->r)->model.big_endian))
           : at ? eg_missing((enum eg_why)eg_view_of(w->r)->why, at + 8u * i)
                : (struct eg_cell){ 0 };
}

static struct eg_cell helper_of(const struct walk *w, uint64_t helper)
{
    const uint64_t name = linux_nf_helper_name(w->r, helper);
    const char *text = name ? eg_cstr(w->r, eg_kernel(w->r), name, 16) : NULL;

    return helper ? eg_text(text ? text : "?") : (struct eg_cell){ 0 };
}

static struct eg_cell timeout_of(const struct walk *w, struct eg_obj ct)
{
    struct eg_obj o = eg_at(ct, ct_timeout);
    uint32_t v;

    if (!eg_load(&v, o))
        return eg_cell_of(o);
    if (!w->jiffies)
        return (struct eg_cell){ 0 };
    // Jiffies in 32 bits, whose difference counts; of one that is not confirmed a duration.
    if (strcmp(w->kind, "unconfirmed") != 0)
        v -= (uint32_t)w->jiffies;
    return eg_int((int64_t)(int32_t)v * w->jiffy);
}

static void connection(const struct walk *w, struct eg_obj ct)
{
    struct eg_obj tuples = eg_at(ct, ct_tuples);
    struct side a, b;
    uint64_t status = 0, helper = 0, acct = extension(ct, w->acct);
    uint64_t stamp = extension(ct, w->tstamp), help = extension(ct, w->helper);
    struct eg_cell started = word_at(w, stamp, 0);

    if (!side_of(w->r, eg_at(eg_index(tuples, 0), hash_tuple), &a) ||
        !side_of(w->r, eg_at(eg_index(tuples, 1), hash_tuple), &b)) {
        eg_note(w->r, "the connection at %#" PRIx64 " cannot be read", ct.addr);
        return;
    }
    eg_get(&status, ct, ct_status);
    if (help)
        eg_pointer_at(w->r, help, &helper);
    eg_row(w->r, .NS = eg_val(ct, ct_net, net_inum), .KIND = eg_text(w->kind),
           .FAMILY = family(a.l3), .PROTO = protocol(w->r, a.proto), .STATE = state_of(ct, a.proto),
           .SOURCE_ADDR = a.src, .SOURCE_PORT = a.sport, .DESTINATION_ADDR = a.dst,
           .DESTINATION_PORT = a.dport, .REPLY_SOURCE_ADDR = b.src, .REPLY_SOURCE_PORT = b.sport,
           .REPLY_DESTINATION_ADDR = b.dst, .REPLY_DESTINATION_PORT = b.dport,
           .NAT = eg_text((status & 0x30) == 0x30 ? "SNAT,DNAT"
                          : status & 0x10         ? "SNAT"
                          : status & 0x20         ? "DNAT"
                                                  : NULL),
           .STATUS = eg_text(eg_bits_text(w->r, statuses, status, ",")),
           .TIMEOUT = timeout_of(w, ct), .MARK = eg_val(ct, ct_mark),
           .CT_ZONE = eg_val(ct, ct_zone), .DETAIL = eg_text(a.detail),
           .ORIGINAL_PACKETS = word_at(w, acct, 0), .ORIGINAL_BYTES = word_at(w, acct, 1),
           .REPLY_PACKETS = word_at(w, acct, 2), .REPLY_BYTES = word_at(w, acct, 3),
           .STARTED = started, .HELPER = helper_of(w, helper),
           .CT_MASTER = eg_get_or((uint64_t)0, ct, ct_master) ? eg_val(ct, ct_master)
                                                              : (struct eg_cell){ 0 },
           .OFFSET = eg_addr(ct));
}

/* ---- tables ---- */

/* A list that ends with an odd number (include/linux/list_nulls.h): nodes of both directions. Its
 * head at @head begins with @node. */
static void chain_of(const struct walk *w, uint64_t head, uint64_t node, uint64_t *lost)
{
    const unsigned word = eg_binding_of(w->r)->model.ptr_size;
    uint64_t from = head, back;

    for (unsigned n = 0; node && !(node & 1) && n < CHAIN_MAX && !eg_stopped(w->r); n++) {
        struct eg_obj hash;
        uint8_t dir;

        // pprev points to what pointed here: nothing else is on the list, and a loop can only lead
        // back to the head.
        if (node == head || !eg_uint_at(w->r, node + word, word, &back) || back != from) {
            ++*lost;
            return;
        }
        hash = eg_object(w->r, nf_conntrack_tuple_hash, node - eg_offset(w->r, hash_node));
        // Each connection is in the table twice; the first direction stands for both.
        if (!eg_get(&dir, hash, hash_tuple, tuple_dir))
            ++*lost;
        else if (dir == 0)
            connection(w, eg_object(w->r, nf_conn, hash.addr - eg_offset(w->r, ct_tuples)));
        from = node;
        if (!eg_uint_at(w->r, from, word, &node)) {
            ++*lost;
            return;
        }
    }
}

static void chain(const struct walk *w, uint64_t head, uint64_t *lost)
{
    uint64_t node;

    if (eg_pointer_at(w->r, head, &node))
        chain_of(w, head, node, lost);
    else
        ++*lost;
}

/* A hash table: where it is, and of how many chains. */
static bool table(struct eg_run *r, const char *pointer, const char *size, uint64_t *at,
                  uint64_t *n)
{
    uint64_t a, b;

    if (!linux_exported(r, "nf_conntrack", pointer, &a) ||
        !linux_exported(r, "nf_conntrack", size, &b) || !eg_pointer_at(r, a, at) ||
        !eg_uint_at(r, b, 4, n) || !*at)
        return false;
    if (*n > BUCKETS_MAX) {
        eg_note(r, "%s: %" PRIu64 " chains are too many: the first %d are walked", pointer, *n,
                BUCKETS_MAX);
        *n = BUCKETS_MAX;
    }
    return true;
}

/* The heads are read in blocks: a damaged size makes a table of memory that is not there. */
static void confirmed(struct walk *w)
{
    const struct eg_model *m = &eg_binding_of(w->r)->model;
    uint64_t at, n, lost = 0;
    uint8_t block[4096];

    w->kind = "connection";
    if (!table(w->r, "nf_conntrack_hash", "nf_conntrack_htable_size", &at, &n)) {
        eg_note(w->r, "this kernel does not track connections, or its table cannot be found");
        return;
    }
    for (uint64_t done = 0, len, got; done < n * m->ptr_size && !eg_stopped(w->r); done += len) {
        len = EG_MIN(sizeof block, n * m->ptr_size - done);
        got = eg_read_some(eg_view_of(w->r), eg_kernel(w->r), at + done, block, (size_t)len, NULL);
        lost += (len - got) / m->ptr_size;
        for (uint64_t i = 0; got && i < len; i += m->ptr_size)
            chain_of(w, at + done + i, eg_load_(block + i, m->ptr_size, m->big_endian), &lost);
    }
    if (lost)
        eg_note(w->r, "the table of connections: %" PRIu64 " chains are damaged", lost);
}

/* Until 5.18 each CPU has a list of those that no packet has confirmed, and of those that end. */
static void pending(struct walk *w)
{
    struct eg_obj net, lists, each;
    uint64_t at, lost = 0;

    linux_each_net(w->r, net)
    {
        if (!eg_get(&at, net, net_pcpu_lists) || !at)
            continue;
        lists = eg_object(w->r, ct_pcpu, at);
        linux_each_percpu(w->r, lists, each)
        {
            w->kind = "unconfirmed";
            chain(w, eg_at(each, pcpu_unconfirmed).addr, &lost);
            w->kind = "dying";
            chain(w, eg_at(each, pcpu_dying).addr, &lost);
        }
    }
    if (lost)
        eg_note(w->r, "lists of CPUs: %" PRIu64 " are damaged", lost);
}

/* Since 5.19 those that end, and of whose end somebody is still to be told, are on a list of each
 * namespace; those that no packet has confirmed are on none. */
static void dying(struct walk *w)
{
    struct linux_pernet p = { .symbol = "nf_conntrack_net_id" };
    uint64_t variable, at, lost = 0;
    struct eg_obj net;

    if (!linux_exported(w->r, "nf_conntrack", p.symbol, &variable) ||
        !eg_uint_at(w->r, variable, 4, &p.index) || !p.index)
        return;
    w->kind = "dying";
    linux_each_net(w->r, net)
    {
        at = linux_pernet_at(w->r, &p, net);
        if (at)
            chain(w, at + eg_offset(w->r, net_dying), &lost);
    }
    if (lost)
        eg_note(w->r, "lists of dying connections: %" PRIu64 " are damaged", lost);
}

static void expected(struct walk *w)
{
    uint64_t at, n;
    struct eg_obj e;

    if (!table(w->r, "nf_ct_expect_hash", "nf_ct_expect_hsize", &at, &n))
        return;
    for (uint64_t i = 0; i < n && !eg_stopped(w->r); i++)
        eg_each_hlist(e, eg_object(w->r, hlist_head, at + i * eg_size(w->r, hlist_head)),
                      nf_conntrack_expect.hnode) {
            struct side s;

            if (!side_of(w->r, eg_at(e, nf_conntrack_expect.tuple), &s))
                continue;
            eg_row(w->r, .NS = eg_val(e, exp_net, net_inum), .KIND = eg_text("expected"),
                   .FAMILY = family(s.l3), .PROTO = protocol(w->r, s.proto), .SOURCE_ADDR = s.src,
                   .SOURCE_PORT = s.sport, .DESTINATION_ADDR = s.dst, .DESTINATION_PORT = s.dport,
                   .HELPER = helper_of(w, eg_get_or((uint64_t)0, e, nf_conntrack_expect.helper)),
                   .CT_MASTER = eg_val(e, nf_conntrack_expect.master), .OFFSET = eg_addr(e));
        }
}

static int run(struct eg_run *r)
{
    struct walk w = { .r = r, .helper = -1, .acct = -1, .tstamp = -1 };

    if (!linux_jiffies(r, &w.jiffies, &w.jiffy))
        w.jiffies = 0;
    eg_enum(r, NF_CT_EXT_HELPER, &w.helper);
    eg_enum(r, NF_CT_EXT_ACCT, &w.acct);
    eg_enum(r, NF_CT_EXT_TSTAMP, &w.tstamp);
    confirmed(&w);
    if (eg_has(r, net_pcpu_lists))
        pending(&w);
    if (eg_has(r, net_dying))
        dying(&w);
    expected(&w);
    return 0;
}

EG_PLUGIN(conntrack) = {
    .os = "linux",
    .help = "List tracked connections with their addresses before and after NAT",
    .manual = "From the kernel's own table, of all network namespaces: also connections that it "
              "only forwards,\n"
              "which no socket tells of, and ended ones until their time is over. Compare with "
              "sockets. With\n"
              "NAT the addresses of the reply differ from those of the request. Bytes and times of "
              "beginning\n"
              "are there where net.netfilter.nf_conntrack_acct and _timestamp are on. Since Linux "
              "5.19 those\n"
              "that no packet has confirmed yet are on no list.",
    .columns = columns,
    .needs = EG_NEEDS(ct_tuples, hash_tuple, tuple_l3, tuple_proto),
    .uses = EG_NAMES("nets"),
    .run = run,
    .key = EG_NAMES("NS", "PROTO", "SOURCE_ADDR", "SOURCE_PORT", "DESTINATION_ADDR",
                    "DESTINATION_PORT", "CT_ZONE", "OFFSET"),
    .moves = EG_NAMES("TIMEOUT", "ORIGINAL_PACKETS", "ORIGINAL_BYTES", "REPLY_PACKETS",
                      "REPLY_BYTES"),
};
