/** net/tables.h - every socket that a table of the kernel has. */
#ifndef EG_LINUX_TABLES_H
#define EG_LINUX_TABLES_H

#include "../../../core/engram.h"

enum linux_sock_table {            // bits
    LINUX_TABLE_EHASH = 1,         /**< inet_hashinfo.ehash: connections, TIME_WAIT, requests */
    LINUX_TABLE_LISTEN = 2,        /**< inet_hashinfo.lhash2 */
    LINUX_TABLE_BIND = 4,          /**< inet_hashinfo.bhash: all that have a port */
    LINUX_TABLE_UDP = 8,           /**< udp_table.hash, by port; also of UDP-Lite */
    LINUX_TABLE_UDP2 = 16,         /**< udp_table.hash2, by address and port */
    LINUX_TABLE_UDP4 = 32,         /**< udp_table.hash4, by both ends; since 6.13 */
    LINUX_TABLE_RAW = 64,          /**< raw_v4_hashinfo, raw_v6_hashinfo */
    LINUX_TABLE_PING = 128,        /**< ping_table */
    LINUX_TABLE_UNIX = 256,        /**< unix_socket_table; of each namespace since 6.0 */
    LINUX_TABLE_PACKET = 512,      /**< netns_packet.sklist */
    LINUX_TABLE_NETLINK = 1024,    /**< nl_table */
    LINUX_TABLE_VSOCK = 2048,      /**< vsock_bind_table, vsock_connected_table */
    LINUX_TABLE_XDP = 4096,        /**< netns_xdp.list */
    LINUX_TABLE_MPTCP = 8192,      /**< token_hash */
    LINUX_TABLE_SCTP = 16384,      /**< sctp_globals.port_hashtable */
    LINUX_TABLE_BLUETOOTH = 32768, /**< the lists of its protocols */
};
struct linux_table_sock {
    uint64_t sock;   /**< struct sock, inet_timewait_sock or request_sock (net/sock.h) */
    unsigned tables; /**< enum linux_sock_table */
};
/** In the order of the tables above, each socket once. Kept by the system; NULL: the run was
 * stopped, or failed. */
struct linux_table_socks {
    const struct linux_table_sock *at;
    size_t n;
};
EG_API const struct linux_table_socks *linux_table_socks(struct eg_run *r);
/** "ehash,bind", of bits of enum linux_sock_table. */
EG_API const char *linux_tables_text(struct eg_run *r, unsigned tables);

#endif
