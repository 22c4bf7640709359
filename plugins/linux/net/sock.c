/* sock.c - sockets: what each kind says of itself. */
#include "sock.h"
#include "../fs/inode.h"
#include "ip.h"
#include "net.h"
#include "sock_names.h"

EG_FIELD_AS(sock_daddr, sock, "__sk_common.skc_daddr");
EG_FIELD_AS(sock_saddr, sock, "__sk_common.skc_rcv_saddr");
EG_FIELD_AS(sock_dport, sock, "__sk_common.skc_dport");
EG_FIELD_AS(sock_num, sock, "__sk_common.skc_num");
EG_FIELD_AS(sock_daddr6, sock, "__sk_common.skc_v6_daddr");
EG_FIELD_AS(sock_saddr6, sock, "__sk_common.skc_v6_rcv_saddr");
EG_FIELD_AS(sock_cookie, sock, "__sk_common.skc_cookie.counter");
EG_FIELD_AS(sock_uid, sock, "sk_uid.val");
EG_FIELD_AS(sock_prot, sock, "__sk_common.skc_prot");
EG_FIELD_AS(file_private, file, "private_data");
EG_FIELD_AS(file_inode, file, "f_inode");
EG_FIELD_AS(socket_sk, socket, "sk");
EG_FIELD_AS(alloc_socket, socket_alloc, "socket");
EG_FIELD_AS(alloc_inode, socket_alloc, "vfs_inode");
EG_FIELD_AS(tw_substate, inet_timewait_sock, "tw_substate");
EG_FIELD_AS(tw_sport, inet_timewait_sock, "tw_sport");
EG_FIELD_AS(proto_name, proto, "name");
EG_FIELDS(netlink_sock, portid, dst_portid);
EG_FIELD_AS(packet_num, packet_sock, "num");
// A module's type, which no kernel before 5.11 has (BTF of modules): see vsock_ends().
EG_FIELD_AS_OF("vsock", vsock_local, vsock_sock, "local_addr");
EG_FIELD_AS_OF("vsock", vsock_remote, vsock_sock, "remote_addr");
EG_TYPE(packet_sock);
EG_TYPE(inet_timewait_sock);

enum { S_IFMT = 0170000, S_IFSOCK = 0140000 };

/* A socket's file has its struct socket as private data, which is in one struct socket_alloc with
 * the inode (include/net/sock.h). No other file has that. */
struct eg_obj linux_file_sock(struct eg_run *r, struct eg_obj file)
{
    struct eg_obj inode = eg_deref(eg_at(file, file_inode));
    uint64_t socket = 0;
    uint16_t mode;

    if (file.why || inode.why)
        return eg_bad(file, file.why ? (enum eg_why)file.why : EG_UNREADABLE, file.addr);
    if (!eg_get(&mode, inode, inode.i_mode) || (mode & S_IFMT) != S_IFSOCK ||
        !eg_get(&socket, file, file_private) || !socket ||
        socket - eg_offset(r, alloc_socket) != inode.addr - eg_offset(r, alloc_inode))
        return eg_bad(file, EG_WRONG_TYPE, file.addr);
    return eg_deref(eg_at(eg_container(inode, alloc_inode), alloc_socket, socket_sk));
}

uint64_t linux_sock_inode(struct eg_run *r, struct eg_obj sock)
{
    uint64_t socket, back;

    if (!eg_get(&socket, sock, sock.sk_socket) || !socket ||
        !eg_get(&back, sock, sock.sk_socket, socket_sk) || !back)
        return 0;
    // The connections of an MPTCP socket share its struct socket (mptcp_sock_graft).
    if (back != sock.addr &&
        eg_get_or(0u, sock, sock.sk_socket, socket_sk, sock.sk_protocol) != LINUX_IPPROTO_MPTCP)
        return 0;
    return socket - eg_offset(r, alloc_socket) + eg_offset(r, alloc_inode);
}

static bool is_inet(uint32_t family)
{
    return family == LINUX_AF_INET || family == LINUX_AF_INET6;
}

static void inet_ends(struct eg_run *r, struct linux_sock *s)
{
    const bool v6 = s->family_number == LINUX_AF_INET6;

    s->source = linux_ip(r, v6 ? eg_at(s->sock, sock_saddr6) : eg_at(s->sock, sock_saddr));
    s->destination = linux_ip(r, v6 ? eg_at(s->sock, sock_daddr6) : eg_at(s->sock, sock_daddr));
    // The "port" of a raw socket is its protocol.
    if (s->type_number == LINUX_SOCK_RAW)
        return;
    s->source_port = eg_val(s->sock, sock_num);
    if (s->size == LINUX_SOCK_TIMEWAIT) // skc_num is not copied by all kernels
        s->source_port = linux_be16(eg_at(eg_cast(s->sock, inet_timewait_sock), tw_sport));
    s->destination_port = linux_be16(eg_at(s->sock, sock_dport));
}

static struct eg_cell number(uint64_t inode, struct eg_run *r)
{
    return inode ? eg_val(eg_object(r, inode, inode), inode.i_ino) : eg_uint(0);
}

static void unix_ends(struct eg_run *r, struct linux_sock *s)
{
    struct eg_obj peer = linux_unix_peer(r, s->sock);

    s->source = linux_unix_name(r, s->sock);
    s->source_port = s->inode;
    if (peer.why)
        return;
    s->destination = linux_unix_name(r, peer);
    s->destination_port = number(linux_sock_inode(r, peer), r);
}

static void netlink_ends(struct linux_sock *s)
{
    struct eg_obj n = eg_cast(s->sock, netlink_sock);

    s->source_port = eg_val(n, netlink_sock.portid);
    if (s->state_number == 1) // NETLINK_CONNECTED
        s->destination_port = eg_val(n, netlink_sock.dst_portid);
}

/* struct sockaddr_vm: family, two reserved bytes, port, context id. The first of two lies behind
 * struct sock and a pointer to the transport (include/net/af_vsock.h, since 5.5), and the family in
 * it says whether that is so. */
static void vsock_end(struct eg_run *r, struct eg_obj at, struct eg_cell *addr,
                      struct eg_cell *port)
{
    uint32_t v[3];
    const bool big = at.bind->model.big_endian;

    if (at.why) {
        *addr = *port = eg_cell_of(at);
        return;
    }
    for (unsigned i = 0; i < 3; i++)
        if (!eg_read(at.view, at.space, at.addr + 4 * i, &v[i], 4)) {
            *addr = *port = eg_missing((enum eg_why)at.view->why, at.view->why_addr);
            return;
        }
    for (unsigned i = 0; i < 3; i++)
        v[i] = (uint32_t)eg_load_((const uint8_t *)&v[i], 4, big);
    if ((big ? v[0] >> 16 : v[0] & 0xffff) != LINUX_AF_VSOCK) {
        *addr = *port = eg_missing(EG_BAD_VALUE, at.addr);
        return;
    }
    *addr = v[2] == UINT32_MAX ? eg_text("*") : eg_text(eg_strf(r, "%u", v[2]));
    if (v[1] != UINT32_MAX) // VMADDR_PORT_ANY
        *port = eg_uint(v[1]);
}

static void vsock_ends(struct eg_run *r, struct linux_sock *s)
{
    struct eg_obj local = s->sock, remote = s->sock;

    if (eg_has(r, vsock_local)) {
        local.addr += eg_offset(r, vsock_local);
        remote.addr += eg_offset(r, vsock_remote);
    } else {
        local.addr += (eg_size(r, sock) + 7) / 8 * 8 + local.bind->model.ptr_size;
        remote.addr = local.addr + 16;
    }
    vsock_end(r, local, &s->source, &s->source_port);
    vsock_end(r, remote, &s->destination, &s->destination_port);
}

static const char *word(struct eg_run *r, const struct eg_constant *list, uint32_t value)
{
    const char *name = eg_constant_name(list, value);

    return name ? name : eg_strf(r, "%u", value);
}

static const char *protocol_of(struct eg_run *r, struct linux_sock *s)
{
    struct eg_cell num;

    switch (s->family_number) {
    case LINUX_AF_INET:
    case LINUX_AF_INET6:
        return word(r, linux_ip_protocols, s->protocol_number);
    case LINUX_AF_NETLINK:
        return word(r, linux_netlink_protocols, s->protocol_number);
    case LINUX_AF_BLUETOOTH:
        return word(r, linux_bluetooth_protocols, s->protocol_number);
    case LINUX_AF_PACKET:
        num = linux_be16(eg_at(eg_cast(s->sock, packet_sock), packet_num));
        if (num.tag != EG_CELL_UINT)
            return NULL;
        s->protocol_number = (uint32_t)num.u;
        if (eg_constant_name(linux_ether_protocols, num.u))
            return eg_constant_name(linux_ether_protocols, num.u);
        return eg_strf(r, "%#06x", (unsigned)num.u);
    default:
        return s->protocol_number ? eg_strf(r, "%u", s->protocol_number) : NULL;
    }
}

/* A small one has only what sock_common has: it stands for a socket that is not there any more, or
 * not yet. Its protocol is that of the whole table, whose sockets all have connections. */
static bool read_small(struct eg_run *r, struct linux_sock *s)
{
    const char *name = eg_string(r, eg_at(s->sock, sock_prot, proto_name), 32);
    const bool dccp = name && name[0] == 'D';
    uint8_t substate;

    s->type_number = dccp ? 6 : LINUX_SOCK_STREAM;
    s->protocol_number = dccp ? LINUX_IPPROTO_DCCP : LINUX_IPPROTO_TCP;
    // Sockets in FIN_WAIT2 that nobody has open any more are small ones too.
    if (s->size == LINUX_SOCK_TIMEWAIT &&
        eg_get(&substate, eg_cast(s->sock, inet_timewait_sock), tw_substate))
        s->state_number = substate;
    return true;
}

static void read_full(struct eg_run *r, struct linux_sock *s)
{
    s->inode_address = linux_sock_inode(r, s->sock);
    s->inode = number(s->inode_address, r);
    s->uid = eg_val(s->sock, sock_uid);
}

bool linux_sock_read(struct eg_run *r, struct eg_obj sock, struct linux_sock *out)
{
    struct linux_sock *s = out;

    if (!sock.why && sock.kind == EG_K_PTR)
        sock = eg_deref(sock);
    *s = (struct linux_sock){ .sock = eg_cast(sock, sock) };
    if (!eg_get(&s->family_number, s->sock, sock_family) || !s->family_number ||
        s->family_number >= LINUX_AF_LIMIT || !eg_get(&s->state_number, s->sock, sock_state))
        return false;
    if (is_inet(s->family_number) && s->state_number == LINUX_TCP_TIME_WAIT)
        s->size = LINUX_SOCK_TIMEWAIT;
    if (is_inet(s->family_number) && s->state_number == LINUX_TCP_NEW_SYN_RECV)
        s->size = LINUX_SOCK_REQUEST;
    if (s->size != LINUX_SOCK_FULL)
        read_small(r, s);
    else if (!eg_get(&s->type_number, s->sock, sock.sk_type) ||
             !eg_get(&s->protocol_number, s->sock, sock.sk_protocol))
        return false;
    else
        read_full(r, s);
    s->net = eg_val(s->sock, sock_net, net_inum);
    s->family = word(r, linux_sock_families, s->family_number);
    s->type = word(r, linux_sock_types, s->type_number);
    s->protocol = protocol_of(r, s);
    s->state = linux_sock_state_name(s->family_number, s->protocol_number, s->state_number);
    if (!s->state)
        s->state = eg_strf(r, "%u", s->state_number);
    if (eg_get_or((uint64_t)0, s->sock, sock_cookie)) // given when somebody asks for it
        s->cookie = eg_val(s->sock, sock_cookie);
    if (is_inet(s->family_number))
        inet_ends(r, s);
    else if (s->family_number == LINUX_AF_UNIX)
        unix_ends(r, s);
    else if (s->family_number == LINUX_AF_NETLINK)
        netlink_ends(s);
    else if (s->family_number == LINUX_AF_VSOCK)
        vsock_ends(r, s);
    else
        linux_sock_other(r, s);
    return true;
}
