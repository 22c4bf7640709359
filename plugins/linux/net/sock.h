/** net/sock.h - sockets: what each kind says of itself, written once (include/net/sock.h). */
#ifndef EG_LINUX_SOCK_H
#define EG_LINUX_SOCK_H

#include "skb.h"

EG_FIELD_AS(sock_family, sock, "__sk_common.skc_family");
EG_FIELD_AS(sock_state, sock, "__sk_common.skc_state");
EG_FIELD_AS(sock_net, sock, "__sk_common.skc_net.net");
EG_FIELD_AS(sock_bound_if, sock, "__sk_common.skc_bound_dev_if");
EG_FIELDS(sock, sk_type, sk_protocol, sk_socket, sk_receive_queue);

// Numbers of the kernel's own interface (include/linux/socket.h, include/uapi/linux/in.h,
// include/net/tcp_states.h), which do not change.
enum linux_family {
    LINUX_AF_UNIX = 1,
    LINUX_AF_INET = 2,
    LINUX_AF_INET6 = 10,
    LINUX_AF_NETLINK = 16,
    LINUX_AF_PACKET = 17,
    LINUX_AF_TIPC = 30,
    LINUX_AF_BLUETOOTH = 31,
    LINUX_AF_ALG = 38,
    LINUX_AF_VSOCK = 40,
    LINUX_AF_XDP = 44,
    LINUX_AF_LIMIT = 64, /**< more than there are */
};
enum linux_ipproto {
    LINUX_IPPROTO_ICMP = 1,
    LINUX_IPPROTO_TCP = 6,
    LINUX_IPPROTO_UDP = 17,
    LINUX_IPPROTO_DCCP = 33,
    LINUX_IPPROTO_SCTP = 132,
    LINUX_IPPROTO_UDPLITE = 136,
    LINUX_IPPROTO_MPTCP = 262,
};
enum linux_sock_type { LINUX_SOCK_STREAM = 1, LINUX_SOCK_DGRAM, LINUX_SOCK_RAW };
enum linux_tcp_state {
    LINUX_TCP_TIME_WAIT = 6,
    LINUX_TCP_CLOSE = 7,
    LINUX_TCP_LISTEN = 10,
    LINUX_TCP_NEW_SYN_RECV = 12
};

/** What `ss` shows of a socket. What does not apply to its kind is a cell that is not set. */
struct linux_sock {
    struct eg_obj sock; /**< struct sock; of the two small kinds inet_timewait_sock, request_sock */
    enum { LINUX_SOCK_FULL, LINUX_SOCK_TIMEWAIT, LINUX_SOCK_REQUEST } size;
    const char *family, *type, *protocol, *state; /**< "AF_INET", "STREAM", "TCP", "ESTABLISHED" */
    struct eg_cell net;                           /**< inode number of its network namespace */
    struct eg_cell inode, uid, cookie;
    /** Of a unix socket the name, and as port the inode number of itself and of its peer; of
     * netlink the port id; of vsock the context id; none of packet and raw sockets. */
    struct eg_cell source, source_port, destination, destination_port;
    uint32_t family_number, type_number, protocol_number, state_number;
    uint64_t inode_address; /**< its struct inode; 0: it has none */
};
/** The sock of an open file; a bad cursor when the file is no socket. */
EG_API struct eg_obj linux_file_sock(struct eg_run *r, struct eg_obj file);
/** @return false: it is no socket, or cannot be read. */
EG_API bool linux_sock_read(struct eg_run *r, struct eg_obj sock, struct linux_sock *out);
/** One line for lists of open files: "TCP 192.0.2.1:22->192.0.2.9:4711 ESTABLISHED",
 * "UNIX STREAM @/tmp/x ESTABLISHED -> 1234"; NULL when it cannot be read. */
EG_API const char *linux_sock_text(struct eg_run *r, struct eg_obj sock);
/** The struct inode of a socket; 0: it has none (nobody accepted it, or it was closed). */
EG_API uint64_t linux_sock_inode(struct eg_run *r, struct eg_obj sock);
/** The peers of an SCTP socket that may have several: `while (linux_next_sctp_peer(r, &w, &s, &o))`
 * gives the socket's own description with the state and the other end of each association. */
struct linux_sctp_walk {
    struct eg_list_walk list;
    bool begun, going;
};
EG_API bool linux_next_sctp_peer(struct eg_run *r, struct linux_sctp_walk *w,
                                 const struct linux_sock *s, struct linux_sock *out);
/** Of an AF_ALG socket the transform that it works with (struct crypto_skcipher, crypto_aead,
 * crypto_ahash, crypto_rng) and the name of its algorithm; 0: it has none. */
EG_API uint64_t linux_alg_handle(struct eg_run *r, struct eg_obj sock, const char **name);
/** The socket at the other end of a unix socket; a bad cursor: none. */
EG_API struct eg_obj linux_unix_peer(struct eg_run *r, struct eg_obj sock);
/** The name of a unix socket: a path; an abstract one with "@" for each null byte, as in
 * /proc/net/unix; a cell that is not set: it has none. */
EG_API struct eg_cell linux_unix_name(struct eg_run *r, struct eg_obj sock);
/** The files that wait in a unix socket's queue, sent over SCM_RIGHTS and not received (cursors on
 * struct file): `linux_each_passed_file(r, sock, file)`. Of a listening socket those for the
 * connections that nobody accepted yet. */
struct linux_passed_walk {
    struct eg_obj sock, list;
    struct linux_skb_walk queue, accepted; /**< of the socket, and of a connection in it */
    uint64_t at, n;                        /**< of the files that came with one buffer */
    bool begun, inner;
};
EG_API bool linux_next_passed_file(struct eg_run *r, struct linux_passed_walk *w,
                                   struct eg_obj *file);
#define linux_each_passed_file(r, sock_, file)                                                     \
    for (struct linux_passed_walk EG_CAT(w_, __LINE__) = { .sock = (sock_) };                      \
         linux_next_passed_file((r), &EG_CAT(w_, __LINE__), &(file));)

#endif
