/* sock_detail.c - what `ss -e -i -m -o` tells of a socket beside its ends. */
#include "sock_detail.h"
#include "../sched/cbpf.h"
#include "../sched/cgroup.h"
#include "../text.h"
#include "ip.h"
#include "net.h"
#include <inttypes.h>

EG_FIELD_AS(sock_flags_at, sock, "__sk_common.skc_flags");
EG_FIELD_AS(sock_reuse, sock, "__sk_common.skc_reuse");
EG_FIELD_AS(sock_reuseport, sock, "__sk_common.skc_reuseport");
EG_FIELD_AS(sock_v6only, sock, "__sk_common.skc_ipv6only");
EG_FIELD_AS(sock_kernel, sock, "sk_kern_sock");
EG_FIELD_AS(sock_rmem, sock, "sk_backlog.rmem_alloc.counter");
EG_FIELD_AS(sock_wmem, sock, "sk_wmem_alloc.refs.counter|sk_wmem_alloc.counter");
EG_FIELD_AS(sock_backlog, sock, "sk_ack_backlog");
EG_FIELD_AS(sock_max_backlog, sock, "sk_max_ack_backlog");
EG_FIELD_AS(sock_mark, sock, "sk_mark");
EG_FIELD_AS(sock_filter_at, sock, "sk_filter");
EG_FIELD_AS(sock_cgroup, sock, "sk_cgrp_data.cgroup");
EG_FIELD_AS(sock_timer, sock, "sk_timer");
EG_FIELD_AS(sock_retransmit, sock, "tcp_retransmit_timer"); // since 7.0
EG_FIELD_AS(timer_pprev, timer_list, "entry.pprev");
EG_FIELD_AS(timer_expires, timer_list, "expires");
EG_FIELD_AS(queue_len, sk_buff_head, "qlen");
EG_FIELDS(inet_connection_sock, icsk_ca_ops, icsk_keepalive_timer, icsk_pending, icsk_probes_out,
          icsk_retransmits, icsk_timeout, icsk_ulp_ops);
EG_FIELD_AS(icsk_lrcvtime, inet_connection_sock, "icsk_ack.lrcvtime");
EG_FIELD_AS(ca_name, tcp_congestion_ops, "name");
EG_FIELD_AS(ulp_name, tcp_ulp_ops, "name");
EG_FIELDS(tcp_sock, bytes_received, bytes_sent, copied_seq, ecn_flags, lsndtime, nonagle, rcv_nxt,
          snd_una, write_seq);
EG_FIELD_AS(tcp_tstamp, tcp_sock, "rx_opt.tstamp_ok");
EG_FIELD_AS(tcp_sack, tcp_sock, "rx_opt.sack_ok");
EG_FIELD_AS(tcp_wscale, tcp_sock, "rx_opt.wscale_ok");
EG_FIELD_AS(tcp_wscale_snd, tcp_sock, "rx_opt.snd_wscale");
EG_FIELD_AS(tcp_wscale_rcv, tcp_sock, "rx_opt.rcv_wscale");
EG_FIELDS(inet_sock, freebind, hdrincl, inet_flags, transparent); // inet_flags since 6.6
EG_FIELDS(udp_sock, encap_type, forward_deficit);
EG_FIELD_AS(tw_timer, inet_timewait_sock, "tw_timer");
EG_FIELD_AS(tw_mark, inet_timewait_sock, "tw_mark");
EG_FIELD_AS(request_timer, request_sock, "rsk_timer");
EG_FIELD_AS(request_retransmits, request_sock, "num_retrans");
EG_FIELD_AS(packet_members, packet_sock, "mclist");
EG_FIELD_AS(packet_fanout_at, packet_sock, "fanout");
EG_FIELD_AS(packet_rx_ring, packet_sock, "rx_ring.pg_vec");
EG_FIELD_AS(packet_tx_ring, packet_sock, "tx_ring.pg_vec");
EG_FIELD_AS(member_next, packet_mclist, "next");
EG_FIELD_AS(member_type, packet_mclist, "type");
EG_FIELD_AS(fanout_id, packet_fanout, "id");
EG_FIELD_AS(inet_groups, inet_sock, "mc_list");
EG_FIELD_AS(group_next, ip_mc_socklist, "next_rcu");
EG_FIELD_AS(group_address, ip_mc_socklist, "multi.imr_multiaddr.s_addr");
EG_FIELD_AS(fanout_type, packet_fanout, "type");
EG_FIELD_AS(fanout_prog, packet_fanout, "bpf_prog");
EG_FIELD_AS(packet_ifindex, packet_sock, "ifindex");
EG_FIELD_AS(reuseport_group, sock, "sk_reuseport_cb");
EG_FIELD_AS(reuseport_prog, sock_reuseport, "prog");
EG_FIELD_AS(inet_own6, inet_sock, "pinet6");
EG_FIELD_AS(own6_groups, ipv6_pinfo, "ipv6_mc_list");
EG_FIELD_AS(group6_next, ipv6_mc_socklist, "next");
EG_FIELD_AS(group6_address, ipv6_mc_socklist, "addr");
EG_FIELD_AS(nl_groups, netlink_sock, "groups");
EG_FIELD_AS(nl_ngroups, netlink_sock, "ngroups");
EG_FIELD_AS(filter_prog, sk_filter, "prog");
EG_FIELD_AS(prog_aux, bpf_prog, "aux");
EG_FIELD_AS(prog_original, bpf_prog, "orig_prog");
EG_FIELD_AS(bpf_id, bpf_prog_aux, "id");
EG_FIELD_AS(bpf_name, bpf_prog_aux, "name");
EG_FIELD_AS(fprog_len, sock_fprog_kern, "len");
EG_FIELD_AS(fprog_filter, sock_fprog_kern, "filter");
EG_FIELD_AS(unix_consumed, unix_skb_parms, "consumed");
EG_TYPE(unix_skb_parms);
EG_TYPE(inet_timewait_sock);
EG_TYPE(request_sock);
EG_FIELD_AS(mptcp_first, mptcp_sock, "first");
EG_FIELD_AS(xdp_device, xdp_sock, "dev");
EG_TYPE(xdp_sock);
EG_TYPE(mptcp_sock);
EG_TYPE(packet_sock);
EG_TYPE(netlink_sock);
EG_ENUMERATOR(SOCK_KEEPOPEN, "sock_flags");
EG_ENUMERATOR(SOCK_BROADCAST, "sock_flags");
EG_ENUMERATOR(SOCK_URGINLINE, "sock_flags");
EG_ENUMERATOR(SOCK_LOCALROUTE, "sock_flags");
EG_ENUMERATOR(SOCK_ZEROCOPY, "sock_flags");
EG_ENUMERATOR(SOCK_FILTER_LOCKED, "sock_flags");
EG_ENUMERATOR(INET_FLAGS_FREEBIND, NULL);
EG_ENUMERATOR(INET_FLAGS_HDRINCL, NULL);
EG_ENUMERATOR(INET_FLAGS_TRANSPARENT, NULL);

enum { MEMBERS_MAX = 64, GROUPS_MAX = 4096, QUEUE_MAX = 1 << 16 };
// include/net/inet_connection_sock.h
enum { ICSK_RETRANS = 1, ICSK_PROBE0 = 3, ICSK_LOSS_PROBE = 5, ICSK_REO_TIMEOUT = 6 };

static bool is_tcp(const struct linux_sock *s)
{
    return (s->family_number == LINUX_AF_INET || s->family_number == LINUX_AF_INET6) &&
           s->protocol_number == LINUX_IPPROTO_TCP && s->size == LINUX_SOCK_FULL;
}

static bool is_inet(const struct linux_sock *s)
{
    return s->family_number == LINUX_AF_INET || s->family_number == LINUX_AF_INET6;
}

/* ---- queues, as each kind's *_diag counts them ---- */

/* net/unix/diag.c, unix_inq_len(): bytes that were not read; of datagrams those of the first. */
static struct eg_cell unix_unread(struct eg_run *r, const struct linux_sock *s)
{
    uint64_t total = 0;
    struct eg_obj skb, parms;
    uint32_t len, consumed;
    unsigned n = 0;

    linux_each_skb(r, eg_at(s->sock, sock.sk_receive_queue), skb)
    {
        parms = eg_at(skb, sk_buff.cb);
        if (parms.why || !eg_get(&len, skb, sk_buff.len) || n++ == QUEUE_MAX)
            return eg_missing(EG_UNREADABLE, skb.addr);
        consumed = eg_get_or(0u, eg_object(r, unix_skb_parms, parms.addr), unix_consumed);
        total += consumed <= len ? len - consumed : 0;
        if (s->type_number == LINUX_SOCK_DGRAM)
            break;
    }
    return eg_uint(total);
}

/* sk_wmem_alloc counts one more than the bytes, as long as the socket lives. */
static struct eg_cell sending(const struct linux_sock *s)
{
    uint32_t v;

    if (!eg_get(&v, s->sock, sock_wmem))
        return eg_val(s->sock, sock_wmem);
    return eg_uint(v ? v - 1 : 0);
}

static struct eg_cell difference(struct eg_obj a, struct eg_obj b)
{
    uint64_t x, y;

    if (!eg_load(&x, a))
        return eg_cell_of(a);
    if (!eg_load(&y, b))
        return eg_cell_of(b);
    return eg_uint((int32_t)(uint32_t)(x - y) > 0 ? (uint32_t)(x - y) : 0);
}

static void queues(struct eg_run *r, const struct linux_sock *s, struct linux_sock_detail *d)
{
    const bool listens = s->state_number == LINUX_TCP_LISTEN;
    struct eg_obj tcp = eg_cast(s->sock, tcp_sock);

    if (s->size != LINUX_SOCK_FULL) {
        d->receive_queue = d->send_queue = eg_uint(0);
        return;
    }
    if (s->family_number == LINUX_AF_UNIX) {
        d->receive_queue =
            listens ? eg_val(s->sock, sock.sk_receive_queue, queue_len) : unix_unread(r, s);
        d->send_queue = listens ? eg_val(s->sock, sock_max_backlog) : sending(s);
        return;
    }
    // The queue of a listening one of MPTCP is that of its first of TCP (net/mptcp/mptcp_diag.c).
    if (listens && s->protocol_number == LINUX_IPPROTO_MPTCP) {
        struct eg_obj first = eg_deref(eg_at(eg_cast(s->sock, mptcp_sock), mptcp_first));

        d->receive_queue = eg_val(first, sock_backlog);
        d->send_queue = eg_val(first, sock_max_backlog);
        return;
    }
    if (listens && s->family_number != LINUX_AF_NETLINK) {
        d->receive_queue = eg_val(s->sock, sock_backlog);
        d->send_queue = eg_val(s->sock, sock_max_backlog);
        return;
    }
    if (is_tcp(s)) {
        d->receive_queue =
            difference(eg_at(tcp, tcp_sock.rcv_nxt), eg_at(tcp, tcp_sock.copied_seq));
        d->send_queue = difference(eg_at(tcp, tcp_sock.write_seq), eg_at(tcp, tcp_sock.snd_una));
        return;
    }
    d->receive_queue = eg_val(s->sock, sock_rmem);
    d->send_queue = sending(s);
    if (is_inet(s) && s->protocol_number == LINUX_IPPROTO_UDP &&
        s->type_number == LINUX_SOCK_DGRAM && eg_has(r, udp_sock.forward_deficit))
        d->receive_queue = difference(eg_at(s->sock, sock_rmem),
                                      eg_at(eg_cast(s->sock, udp_sock), udp_sock.forward_deficit));
}

/* ---- timers (net/ipv4/inet_diag.c) ---- */

static bool pending(struct eg_obj timer)
{
    return !timer.why && eg_get_or((uint64_t)0, timer, timer_pprev) != 0;
}

static void timers(struct eg_run *r, const struct linux_sock *s, struct linux_sock_detail *d)
{
    struct eg_obj icsk = eg_cast(s->sock, inet_connection_sock), keepalive, when;
    unsigned what;

    d->expires = d->last_sent = d->last_received = eg_bad(s->sock, EG_NULL, 0);
    if (s->size == LINUX_SOCK_TIMEWAIT) {
        d->timer = "timewait";
        d->expires = eg_at(eg_cast(s->sock, inet_timewait_sock), tw_timer, timer_expires);
        return;
    }
    if (s->size == LINUX_SOCK_REQUEST) {
        d->timer = "on";
        d->expires = eg_at(eg_cast(s->sock, request_sock), request_timer, timer_expires);
        d->retransmits = eg_val(eg_cast(s->sock, request_sock), request_retransmits);
        return;
    }
    if (!is_tcp(s) || s->state_number == LINUX_TCP_LISTEN)
        return;
    d->last_sent = eg_at(eg_cast(s->sock, tcp_sock), tcp_sock.lsndtime);
    d->last_received = eg_at(icsk, icsk_lrcvtime);
    d->retransmits = eg_val(icsk, inet_connection_sock.icsk_retransmits);
    // The time was kept beside the timer, which may run earlier; since 7.0 it is the timer's.
    when = eg_has(r, inet_connection_sock.icsk_timeout)
               ? eg_at(icsk, inet_connection_sock.icsk_timeout)
               : eg_at(s->sock, sock_retransmit, timer_expires);
    keepalive = eg_has(r, inet_connection_sock.icsk_keepalive_timer)
                    ? eg_at(icsk, inet_connection_sock.icsk_keepalive_timer)
                    : eg_at(s->sock, sock_timer);
    what = eg_get_or(0u, icsk, inet_connection_sock.icsk_pending);
    if (what == ICSK_RETRANS || what == ICSK_LOSS_PROBE || what == ICSK_REO_TIMEOUT) {
        d->timer = "on";
        d->expires = when;
    } else if (what == ICSK_PROBE0) {
        d->timer = "persist";
        d->expires = when;
        d->retransmits = eg_val(icsk, inet_connection_sock.icsk_probes_out);
    } else if (pending(keepalive)) {
        d->timer = "keepalive";
        d->expires = eg_at(keepalive, timer_expires);
    }
}

/* ---- options ---- */

static void add(struct eg_run *r, struct linux_sock_detail *d, const char *word)
{
    d->options = d->options[0] ? eg_strf(r, "%s,%s", d->options, word) : word;
}

#define ADD_FLAG(r, d, flags, name, word)                                                          \
    do {                                                                                           \
        int64_t bit_;                                                                              \
        if (eg_enum((r), name, &bit_) && bit_ >= 0 && bit_ < 64 && ((flags) >> bit_ & 1))          \
            add((r), (d), (word));                                                                 \
    } while (0)

static void inet_options(struct eg_run *r, const struct linux_sock *s, struct linux_sock_detail *d)
{
    struct eg_obj inet = eg_cast(s->sock, inet_sock);
    const uint64_t flags = eg_get_or((uint64_t)0, inet, inet_sock.inet_flags);

    if (eg_get_or(0u, inet, inet_sock.freebind))
        add(r, d, "freebind");
    if (eg_get_or(0u, inet, inet_sock.hdrincl))
        add(r, d, "hdrincl");
    if (eg_get_or(0u, inet, inet_sock.transparent))
        add(r, d, "transparent");
    ADD_FLAG(r, d, flags, INET_FLAGS_FREEBIND, "freebind");
    ADD_FLAG(r, d, flags, INET_FLAGS_HDRINCL, "hdrincl");
    ADD_FLAG(r, d, flags, INET_FLAGS_TRANSPARENT, "transparent");
}

static void tcp_options(struct eg_run *r, const struct linux_sock *s, struct linux_sock_detail *d)
{
    struct eg_obj t = eg_cast(s->sock, tcp_sock), icsk = eg_cast(s->sock, inet_connection_sock);
    const unsigned nagle = eg_get_or(0u, t, tcp_sock.nonagle);
    const char *ulp;

    d->congestion = eg_string(r, eg_at(icsk, inet_connection_sock.icsk_ca_ops, ca_name), 16);
    ulp = eg_string(r, eg_at(icsk, inet_connection_sock.icsk_ulp_ops, ulp_name), 16);
    if (nagle & 1) // TCP_NAGLE_OFF, TCP_NAGLE_CORK (include/net/tcp.h)
        add(r, d, "nodelay");
    if (nagle & 2)
        add(r, d, "cork");
    if (ulp)
        add(r, d, eg_strf(r, "ulp:%s", ulp));
    if (s->state_number == LINUX_TCP_LISTEN)
        return;
    if (eg_get_or(0u, t, tcp_tstamp))
        add(r, d, "ts");
    if (eg_get_or(0u, t, tcp_sack))
        add(r, d, "sack");
    if (eg_get_or(0u, t, tcp_sock.ecn_flags) & 1)
        add(r, d, "ecn");
    if (eg_get_or(0u, t, tcp_wscale))
        add(r, d,
            eg_strf(r, "wscale:%u/%u", eg_get_or(0u, t, tcp_wscale_snd),
                    eg_get_or(0u, t, tcp_wscale_rcv)));
    d->bytes_sent = eg_val(t, tcp_sock.bytes_sent);
    d->bytes_received = eg_val(t, tcp_sock.bytes_received);
}

/* What else than its own packets an interface takes in for a packet socket, and how it gets them
 * (net/packet/af_packet.c). */
static void packet_options(struct eg_run *r, const struct linux_sock *s,
                           struct linux_sock_detail *d)
{
    // PACKET_MR_… (include/uapi/linux/if_packet.h)
    static const char *const kinds[] = { "multicast", "promisc", "allmulti", "unicast" };
    struct eg_obj p = eg_cast(s->sock, packet_sock), each, fanout;
    unsigned kind, n = 0;

    for (each = eg_deref(eg_at(p, packet_members)); !each.why && n++ < MEMBERS_MAX;
         each = eg_deref(eg_at(each, member_next)))
        if (eg_get(&kind, each, member_type) && kind < sizeof kinds / sizeof *kinds)
            add(r, d, kinds[kind]);
    fanout = eg_deref(eg_at(p, packet_fanout_at));
    if (!fanout.why)
        add(r, d, eg_strf(r, "fanout:%u", eg_get_or(0u, fanout, fanout_id)));
    if (eg_get_or((uint64_t)0, p, packet_rx_ring))
        add(r, d, "rx_ring");
    if (eg_get_or((uint64_t)0, p, packet_tx_ring))
        add(r, d, "tx_ring");
}

static void multicast(struct eg_run *r, const struct linux_sock *s, struct linux_sock_detail *d)
{
    struct eg_obj each;
    struct eg_cell group;
    unsigned n = 0;

    for (each = eg_deref(eg_at(eg_cast(s->sock, inet_sock), inet_groups)); !each.why;
         each = eg_deref(eg_at(each, group_next))) {
        if (n++ == MEMBERS_MAX) {
            add(r, d, "group:…");
            break;
        }
        group = linux_ip(r, eg_at(each, group_address));
        if (group.tag == EG_CELL_TEXT)
            add(r, d, eg_strf(r, "group:%s", (const char *)group.bytes.p));
    }
    if (s->family_number != LINUX_AF_INET6)
        return;
    for (each = eg_deref(eg_at(eg_cast(s->sock, inet_sock), inet_own6, own6_groups));
         !each.why && n++ < MEMBERS_MAX; each = eg_deref(eg_at(each, group6_next))) {
        group = linux_ip(r, eg_at(each, group6_address));
        if (group.tag == EG_CELL_TEXT)
            add(r, d, eg_strf(r, "group:%s", (const char *)group.bytes.p));
    }
}

static void options(struct eg_run *r, const struct linux_sock *s, struct linux_sock_detail *d)
{
    const uint64_t flags = eg_get_or((uint64_t)0, s->sock, sock_flags_at);
    unsigned encap;

    if (eg_get_or(0u, s->sock, sock_reuse))
        add(r, d, "reuseaddr");
    if (eg_get_or(0u, s->sock, sock_reuseport))
        add(r, d, "reuseport");
    if (s->family_number == LINUX_AF_INET6 && eg_get_or(0u, s->sock, sock_v6only))
        add(r, d, "v6only");
    if (s->size != LINUX_SOCK_FULL)
        return;
    d->kernel = eg_get_or(0u, s->sock, sock_kernel);
    ADD_FLAG(r, d, flags, SOCK_KEEPOPEN, "keepalive");
    ADD_FLAG(r, d, flags, SOCK_BROADCAST, "broadcast");
    ADD_FLAG(r, d, flags, SOCK_URGINLINE, "oobinline");
    ADD_FLAG(r, d, flags, SOCK_LOCALROUTE, "dontroute");
    ADD_FLAG(r, d, flags, SOCK_ZEROCOPY, "zerocopy");
    ADD_FLAG(r, d, flags, SOCK_FILTER_LOCKED, "filter_locked");
    if (s->family_number == LINUX_AF_PACKET)
        packet_options(r, s, d);
    if (is_inet(s))
        inet_options(r, s, d);
    if (is_inet(s) && s->type_number != LINUX_SOCK_STREAM)
        multicast(r, s, d);
    if (is_tcp(s))
        tcp_options(r, s, d);
    if (is_inet(s) && s->type_number == LINUX_SOCK_DGRAM &&
        s->protocol_number == LINUX_IPPROTO_UDP) {
        // A tunnel that the kernel or a program receives itself: WireGuard, VXLAN, ESP in UDP.
        encap = eg_get_or(0u, eg_cast(s->sock, udp_sock), udp_sock.encap_type);
        if (encap)
            add(r, d, eg_strf(r, "encap:%u", encap));
    }
}

/* ---- filters ---- */

static const char *classic(struct eg_run *r, struct eg_obj program)
{
    struct eg_obj code = eg_deref(eg_at(program, fprog_filter));
    struct linux_cbpf *list;
    struct linux_text text = { .r = r };
    char line[128];
    uint16_t n;
    uint8_t raw[8];

    if (code.why || !eg_get(&n, program, fprog_len) || !n || n > LINUX_CBPF_MAX)
        return "cBPF that cannot be read";
    list = eg_tmp(r, n * sizeof *list);
    for (size_t i = 0; i < n; i++) {
        const bool big = code.bind->model.big_endian;

        if (!eg_read(code.view, code.space, code.addr + 8 * i, raw, sizeof raw))
            return "cBPF that cannot be read";
        list[i] = (struct linux_cbpf){ .code = (uint16_t)eg_load_(raw, 2, big),
                                       .jt = raw[2],
                                       .jf = raw[3],
                                       .k = (uint32_t)eg_load_(raw + 4, 4, big) };
    }
    linux_text_add(&text, "cBPF");
    for (size_t i = 0; i < n; i++) {
        linux_cbpf_text(list, i, false, line, sizeof line);
        linux_text_add(&text, "%s %s", i ? ";" : "", line);
    }
    return linux_text_of(&text);
}

/* What was given to SO_ATTACH_FILTER and SO_ATTACH_REUSEPORT_CBPF is kept (orig_prog); of an eBPF
 * program only the program is, and of PACKET_FANOUT_DATA nothing else. */
static const char *program_text(struct eg_run *r, struct eg_obj program)
{
    struct eg_obj original = eg_deref(eg_at(program, prog_original));
    const char *name;
    uint32_t id;

    if (!original.why)
        return classic(r, original);
    if (!eg_get(&id, program, prog_aux, bpf_id))
        return "cannot be read";
    if (!id) // no program of bpf(): it was classic
        return "cBPF, not kept";
    name = eg_string(r, eg_at(program, prog_aux, bpf_name), 16);
    return eg_strf(r, "eBPF %u %s", id, name ? name : "");
}

static void add_filter(struct eg_run *r, struct linux_sock_detail *d, const char *what,
                       struct eg_obj pointer)
{
    struct eg_obj program = eg_deref(pointer);

    if (pointer.why || program.why == EG_NULL)
        return;
    d->filter = eg_strf(r, "%s%s%s%s", d->filter ? d->filter : "", d->filter ? "; " : "", what,
                        program.why ? "cannot be read" : program_text(r, program));
}

static void filter(struct eg_run *r, const struct linux_sock *s, struct linux_sock_detail *d)
{
    enum { FANOUT_CBPF = 6, FANOUT_EBPF }; // PACKET_FANOUT_… (include/uapi/linux/if_packet.h)
    struct eg_obj program = eg_at(s->sock, sock_filter_at, filter_prog), fanout;
    uint32_t type;

    if (program.why && program.why != EG_NULL && eg_get_or((uint64_t)0, s->sock, sock_filter_at))
        d->filter = "cannot be read";
    add_filter(r, d, "", program);
    // Which socket of a group gets a packet: of those that share a port, or an interface.
    add_filter(r, d, "reuseport: ", eg_at(s->sock, reuseport_group, reuseport_prog));
    if (s->family_number != LINUX_AF_PACKET)
        return;
    fanout = eg_deref(eg_at(eg_cast(s->sock, packet_sock), packet_fanout_at));
    if (eg_get(&type, fanout, fanout_type) && (type == FANOUT_CBPF || type == FANOUT_EBPF))
        add_filter(r, d, "fanout: ", eg_at(fanout, fanout_prog));
}

/* ---- the rest ---- */

static const char *groups(struct eg_run *r, struct eg_obj netlink)
{
    struct eg_obj bits = eg_deref(eg_at(netlink, nl_groups));
    struct linux_text text = { .r = r };
    uint32_t n;

    if (bits.why || !eg_get(&n, netlink, nl_ngroups))
        return NULL;
    n = n < GROUPS_MAX ? n : GROUPS_MAX;
    for (uint64_t i = eg_next_bit(bits, 0, n); i < n; i = eg_next_bit(bits, i + 1, n))
        linux_text_add(&text, "%s%" PRIu64, text.n ? "," : "", i + 1);
    return text.n ? linux_text_of(&text) : NULL;
}

void linux_sock_details(struct eg_run *r, const struct linux_sock *s, struct linux_sock_detail *out)
{
    struct linux_sock_detail *d = out;
    struct eg_obj group;
    int64_t index;

    *d = (struct linux_sock_detail){ .options = "" };
    queues(r, s, d);
    timers(r, s, d);
    options(r, s, d);
    index = eg_get_or((int64_t)0, s->sock, sock_bound_if);
    if (s->family_number == LINUX_AF_PACKET)
        index = eg_get_or((int64_t)0, eg_cast(s->sock, packet_sock), packet_ifindex);
    d->interface = linux_ifname(r, eg_deref(eg_at(s->sock, sock_net)), index);
    if (s->family_number == LINUX_AF_XDP)
        d->interface =
            eg_string(r, eg_at(eg_cast(s->sock, xdp_sock), xdp_device, net_device.name), 16);
    if (!d->interface && index > 0)
        d->interface = eg_strf(r, "#%" PRId64, index);
    if (s->size == LINUX_SOCK_TIMEWAIT)
        d->mark = eg_val(eg_cast(s->sock, inet_timewait_sock), tw_mark);
    if (s->size != LINUX_SOCK_FULL)
        return;
    d->mark = eg_val(s->sock, sock_mark);
    filter(r, s, d);
    group = eg_deref(eg_at(s->sock, sock_cgroup));
    d->cgroup = group.why ? NULL : linux_cgroup_path(r, group);
    if (s->family_number == LINUX_AF_NETLINK)
        d->groups = groups(r, eg_cast(s->sock, netlink_sock));
}
