/** mksock.h - a small Linux with sockets: the tables of one network namespace, in which a test puts
 * what it is about. */
#ifndef MK_SOCK_H
#define MK_SOCK_H

#include "mkguest.h"
#include <string.h>

enum { MK_EHASH = 16, MK_LISTEN = 4, MK_BIND = 4, MK_UDP = 8, MK_UNIX_BUCKETS = 512 };

/* The kernel of 7.2, as far as the plugins read it. */
static const char *const mk_sock_types[] = {
    "struct net { struct ns_common ns; };",
    "struct atomic64 { s64 counter; }; struct atomic { int counter; };"
    "struct possible_net { struct net *net; };"
    "struct in6_addr { u8 bytes[16]; };"
    "struct hlist_nulls_head { struct hlist_nulls_node *first; };"
    "struct hlist_nulls_node { struct hlist_nulls_node *next, **pprev; };"
    "struct proto { u32 obj_size; char name[32]; struct list_head node; };"
    "struct sock_common { u32 skc_daddr, skc_rcv_saddr, skc_hash; u16 skc_dport, skc_num;"
    "  unsigned short skc_family; u8 skc_state; int skc_bound_dev_if;"
    "  struct hlist_node skc_bind_node; struct proto *skc_prot; struct possible_net skc_net;"
    "  struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr; struct atomic64 skc_cookie;"
    "  unsigned long skc_flags; struct hlist_nulls_node skc_node; };"
    "struct sk_buff_head { struct sk_buff *next, *prev; u32 qlen; };"
    "struct sk_buff { struct sk_buff *next, *prev; struct sock *sk; char cb[48]; u32 len; };"
    "struct backlog { struct atomic rmem_alloc; };"
    "struct sock { struct sock_common __sk_common; struct sk_buff_head sk_receive_queue;"
    "  struct backlog sk_backlog; u16 sk_type, sk_protocol; struct socket *sk_socket;"
    "  struct sock_reuseport *sk_reuseport_cb; kuid_t sk_uid; u32 sk_ack_backlog, "
    "sk_max_ack_backlog; u8 sk_kern_sock; };"
    "struct socket { int state; struct sock *sk; };"
    "struct socket_alloc { struct socket socket; struct inode vfs_inode; };"
    "struct inet_timewait_sock { struct sock_common __tw_common; u8 tw_substate; u16 tw_sport; };"
    "struct request_sock { struct sock_common __req_common; u8 num_retrans; };"
    "struct tcp_sock { struct sock sk; u32 rcv_nxt, copied_seq, write_seq, snd_una; };"
    "struct udp_sock { struct sock sk; struct hlist_nulls_node udp_lrpa_node; };"
    "struct inet_ehash_bucket { struct hlist_nulls_head chain; };"
    "struct inet_listen_hashbucket { u32 lock; struct hlist_nulls_head nulls_head; };"
    "struct inet_bind_hashbucket { u32 lock; struct hlist_head chain; };"
    "struct inet_bind_bucket { u16 port; struct hlist_node node; struct hlist_head bhash2; };"
    "struct inet_bind2_bucket { u16 port; struct hlist_node node, bhash_node;"
    "  struct hlist_head owners; };"
    "struct inet_hashinfo { struct inet_ehash_bucket *ehash; unsigned ehash_mask, bhash_size;"
    "  struct inet_bind_hashbucket *bhash; unsigned lhash2_mask;"
    "  struct inet_listen_hashbucket *lhash2; };"
    "struct inet_timewait_death_row { struct inet_hashinfo *hashinfo; };"
    "struct udp_hslot { struct hlist_head head; int count; };"
    "struct udp_hslot_main { struct udp_hslot hslot; u32 hash4_cnt; };"
    "struct udp_table { struct udp_hslot *hash; struct udp_hslot_main *hash2;"
    "  struct udp_hslot *hash4; unsigned mask; };"
    "struct unix_address { int len; char name[0]; };"
    "struct unix_sock { struct sock sk; struct unix_address *addr; struct sock *peer; };"
    "struct scm_fp_list { short count; struct file *fp[253]; };"
    "struct unix_skb_parms { void *pid; struct scm_fp_list *fp; u32 consumed; };"
    "struct rhash_head { struct rhash_head *next; };"
    "struct bucket_table { unsigned size, nest; struct bucket_table *future_tbl;"
    "  struct rhash_head *buckets[4]; };"
    "struct rhashtable { struct bucket_table *tbl; };"
    "struct netlink_table { struct rhashtable hash; };"
    "struct netlink_sock { struct sock sk; u32 portid, dst_portid, ngroups;"
    "  unsigned long *groups; struct rhash_head node; };"
    "struct netns_ipv4 { struct inet_timewait_death_row tcp_death_row;"
    "  struct udp_table *udp_table; };"
    "struct unix_table { struct hlist_head *buckets; };"
    "struct netns_unix { struct unix_table table; };"
    "struct netns_packet { struct hlist_head sklist; };"
    "struct net { struct ns_common ns; struct list_head list; struct netns_ipv4 ipv4;"
    "  struct netns_unix unx; struct netns_packet packet; };"
    "struct packet_mclist { struct packet_mclist *next; u16 type; };"
    "struct packet_sock { struct sock sk; int ifindex; u16 num; struct packet_mclist *mclist;"
    "  struct packet_fanout *fanout; };"
    "struct fdtable { unsigned int max_fds; struct file **fd; unsigned long *open_fds; };"
    "struct files_struct { struct fdtable *fdt; struct file *fd_array[8]; };",
    "struct packet_sock {",
    "struct crypto_alg { char cra_name[128]; };"
    "struct crypto_tfm { struct crypto_alg *__crt_alg; };"
    "struct crypto_skcipher { u32 reqsize; struct crypto_tfm base; };"
    "struct af_alg_type { char name[14]; };"
    "struct alg_sock { struct sock sk; struct sock *parent; struct af_alg_type *type;"
    "  void *private; };"
    "struct xdp_sock { struct sock sk; u16 queue_id; int state; };"
    "struct bpf_prog_aux { u32 id; char name[16]; };"
    "struct bpf_prog { struct bpf_prog_aux *aux; };"
    "struct sock_reuseport { u16 num_socks; struct bpf_prog *prog; };"
    "struct packet_fanout { u16 id; u8 type; struct bpf_prog *bpf_prog; };"
    "struct tipc_msg { u32 hdr[15]; };"
    "struct tipc_service_range { u32 type, lower, upper; };"
    "struct publication { struct tipc_service_range sr; struct list_head binding_sock; };"
    "struct tipc_sock { struct sock sk; u32 portid; struct tipc_msg phdr;"
    "  struct list_head publications; };"
    "struct ipv6_mc_socklist { struct in6_addr addr; struct ipv6_mc_socklist *next; };"
    "struct ipv6_pinfo { struct ipv6_mc_socklist *ipv6_mc_list; };"
    "struct inet_sock { struct sock sk; struct ipv6_pinfo *pinet6; };"
    "struct packet_sock {",
    "struct file { struct path f_path; u32 f_mode; struct inode *f_inode; };",
    "struct file { struct path f_path; u32 f_mode; struct inode *f_inode; void *private_data; };",
    "struct css_set *cgroups; };",
    "struct css_set *cgroups; struct files_struct *files; };",
    NULL,
};

struct mk_sockets {
    struct mk_guest g;
    struct mk *k;
    uint64_t net, list, hashinfo, ehash, listen, bind, udp_table, udp[3], unix_, netlink;
    uint64_t inode, proto, protos; /**< of all socks; the list of protocols */
    unsigned ptr;
};

static void mk_put16(struct mk *k, uint64_t at, unsigned v, bool big)
{
    const uint8_t b[] = { (uint8_t)(big ? v >> 8 : v), (uint8_t)(big ? v : v >> 8) };

    mk_write(k, at, b, 2);
}

/** @types: as mk_sock_types, with more of them. */
static struct mk_sockets mk_sockets_of(const struct mk_machine *m, const char *const *types)
{
    struct mk_sockets s = { .g = mk_guest(m, types), .inode = 100 };
    struct mk *k = s.k = s.g.k;
    uint64_t tables, tables_at;

    s.ptr = mk_model(k)->ptr_size;
    s.net = mk_object(k, "net");
    mk_put(k, s.net, "net.ns.inum", 4026531840);
    s.list = mk_object(k, "list_head");
    mk_list_append(k, s.list, mk_at(k, s.net, "net.list"));
    s.hashinfo = mk_object(k, "inet_hashinfo");
    s.ehash = mk_alloc(k, MK_EHASH * s.ptr);
    for (uint64_t i = 0; i < MK_EHASH; i++) // the end mark of bucket i
        mk_write_ptr(k, s.ehash + i * s.ptr, i << 1 | 1);
    s.listen = mk_alloc(k, MK_LISTEN * 2 * s.ptr);
    s.bind = mk_alloc(k, MK_BIND * 2 * s.ptr);
    mk_put(k, s.hashinfo, "inet_hashinfo.ehash", s.ehash);
    mk_put(k, s.hashinfo, "inet_hashinfo.ehash_mask", MK_EHASH - 1);
    mk_put(k, s.hashinfo, "inet_hashinfo.lhash2", s.listen);
    mk_put(k, s.hashinfo, "inet_hashinfo.lhash2_mask", MK_LISTEN - 1);
    mk_put(k, s.hashinfo, "inet_hashinfo.bhash", s.bind);
    mk_put(k, s.hashinfo, "inet_hashinfo.bhash_size", MK_BIND);
    mk_put(k, s.net, "net.ipv4.tcp_death_row.hashinfo", s.hashinfo);
    s.udp_table = mk_object(k, "udp_table");
    for (int i = 0; i < 3; i++)
        s.udp[i] = mk_alloc(k, MK_UDP * 4 * s.ptr);
    mk_put(k, s.udp_table, "udp_table.hash", s.udp[0]);
    mk_put(k, s.udp_table, "udp_table.hash2", s.udp[1]);
    mk_put(k, s.udp_table, "udp_table.hash4", s.udp[2]);
    mk_put(k, s.udp_table, "udp_table.mask", MK_UDP - 1);
    mk_put(k, s.net, "net.ipv4.udp_table", s.udp_table);
    s.unix_ = mk_alloc(k, MK_UNIX_BUCKETS * s.ptr);
    mk_put(k, s.net, "net.unx.table.buckets", s.unix_);
    tables = mk_alloc(k, 32 * s.ptr);
    s.netlink = mk_object(k, "bucket_table");
    mk_put(k, s.netlink, "bucket_table.size", 4);
    mk_write_ptr(k, tables + 16 * s.ptr, s.netlink); // NETLINK_GENERIC
    tables_at = mk_alloc(k, s.ptr);
    mk_write_ptr(k, tables_at, tables);
    mk_symbol(k, "nl_table", tables_at);
    s.protos = mk_object(k, "list_head");
    s.proto = mk_object(k, "proto");
    mk_put(k, s.proto, "proto.obj_size", 800);
    mk_puts(k, s.proto, "proto.name", "TCP");
    mk_list_append(k, s.protos, mk_at(k, s.proto, "proto.node"));
    mk_symbol(k, "net_namespace_list", s.list);
    mk_symbol(k, "tcp_hashinfo", s.hashinfo);
    mk_symbol(k, "udp_table", s.udp_table);
    return s;
}

static inline struct mk_sockets mk_sockets(const struct mk_machine *m)
{
    return mk_sockets_of(m, mk_sock_types);
}

/** Put the node at @node in front of the chain that @head begins with. */
static void mk_chain(struct mk_sockets *s, uint64_t head, uint64_t node)
{
    const uint64_t first = mk_read_ptr(s->k, head);

    mk_write_ptr(s->k, node, first);
    mk_write_ptr(s->k, node + s->ptr, head);
    if (first && !(first & 1))
        mk_write_ptr(s->k, first + s->ptr, node);
    mk_write_ptr(s->k, head, node);
}

/** A sock of @type (a struct that begins with one), without an inode. */
static uint64_t mk_sock(struct mk_sockets *s, const char *type, unsigned family, unsigned kind,
                        unsigned protocol, unsigned state)
{
    const uint64_t sk = mk_object(s->k, type);

    mk_put(s->k, sk, "sock.__sk_common.skc_family", family);
    mk_put(s->k, sk, "sock.__sk_common.skc_state", state);
    mk_put(s->k, sk, "sock.__sk_common.skc_net.net", s->net);
    mk_put(s->k, sk, "sock.__sk_common.skc_prot", s->proto);
    if (strcmp(type, "inet_timewait_sock") != 0 && strcmp(type, "request_sock") != 0) {
        mk_put(s->k, sk, "sock.sk_type", kind);
        mk_put(s->k, sk, "sock.sk_protocol", protocol);
    }
    return sk;
}

/** Ends of an IPv4 socket: @local and @remote as in 0x7f000001. */
static void mk_ends(struct mk_sockets *s, uint64_t sk, uint32_t local, unsigned port,
                    uint32_t remote, unsigned peer)
{
    const bool big = mk_model(s->k)->big_endian;
    const uint32_t a[] = { local, remote };
    static const char *const members[] = { "sock.__sk_common.skc_rcv_saddr",
                                           "sock.__sk_common.skc_daddr" };

    for (int i = 0; i < 2; i++) {
        const uint8_t b[] = { (uint8_t)(a[i] >> 24), (uint8_t)(a[i] >> 16), (uint8_t)(a[i] >> 8),
                              (uint8_t)a[i] };

        mk_write(s->k, mk_at(s->k, sk, members[i]), b, 4);
    }
    mk_put16(s->k, mk_at(s->k, sk, "sock.__sk_common.skc_num"), port, big);
    mk_put16(s->k, mk_at(s->k, sk, "sock.__sk_common.skc_dport"), peer, true);
}

/** Give it a struct socket with an inode, and a file. @return the file. */
static uint64_t mk_sock_file(struct mk_sockets *s, uint64_t sk)
{
    const uint64_t both = mk_object(s->k, "socket_alloc"), file = mk_object(s->k, "file");
    const uint64_t socket = mk_at(s->k, both, "socket_alloc.socket");
    const uint64_t inode = mk_at(s->k, both, "socket_alloc.vfs_inode");

    mk_put(s->k, socket, "socket.sk", sk);
    mk_put(s->k, sk, "sock.sk_socket", socket);
    mk_put(s->k, inode, "inode.i_ino", ++s->inode);
    mk_put(s->k, inode, "inode.i_mode", 0140777);
    mk_put(s->k, file, "file.f_inode", inode);
    mk_put(s->k, file, "file.private_data", socket);
    return file;
}

/** Open @file in a task as descriptor @fd (0 to 7). */
static void mk_open(struct mk_sockets *s, uint64_t task, unsigned fd, uint64_t file)
{
    struct mk *k = s->k;
    uint64_t files = mk_read_ptr(k, mk_at(k, task, "task_struct.files")), table, bits;

    if (!files) {
        files = mk_object(k, "files_struct");
        table = mk_object(k, "fdtable");
        bits = mk_alloc(k, 8);
        mk_put(k, task, "task_struct.files", files);
        mk_put(k, files, "files_struct.fdt", table);
        mk_put(k, table, "fdtable.max_fds", 8);
        mk_put(k, table, "fdtable.fd", mk_at(k, files, "files_struct.fd_array"));
        mk_put(k, table, "fdtable.open_fds", bits);
    }
    table = mk_of(&s->g, files, "files_struct.fdt");
    bits = mk_of(&s->g, table, "fdtable.open_fds");
    mk_write_ptr(k, bits, mk_read_ptr(k, bits) | 1u << fd);
    mk_write_ptr(k, mk_of(&s->g, table, "fdtable.fd") + fd * s->ptr, file);
}

#endif
