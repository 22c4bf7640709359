/** net/sock.h - sockets: what each kind says of itself, written once (include/net/sock.h). */
#ifndef EG_LINUX_SOCK_H
#define EG_LINUX_SOCK_H

#include "../../../core/engram.h"

EG_FIELD_AS(sock_family, sock, "__sk_common.skc_family");
EG_FIELD_AS(sock_state, sock, "__sk_common.skc_state");
EG_FIELD_AS(sock_net, sock, "__sk_common.skc_net.net");

/** What `ss` shows of a socket. What does not apply to its kind is eg_none(). */
struct linux_sock {
    struct eg_obj sock; /**< struct sock; of the two small kinds inet_timewait_sock, request_sock */
    enum { LINUX_SOCK_FULL, LINUX_SOCK_TIMEWAIT, LINUX_SOCK_REQUEST } size;
    const char *family, *type, *protocol, *state; /**< "AF_INET", "STREAM", "TCP", "ESTABLISHED" */
    struct eg_cell net;                           /**< inode number of its network namespace */
    struct eg_cell inode, uid, cookie;
    struct eg_cell source, source_port, destination, destination_port;
};
/** The sock of an open file; a bad cursor when the file is no socket. */
EG_API struct eg_obj linux_file_sock(struct eg_run *r, struct eg_obj file);
/** @return false: it is no socket, or cannot be read. */
EG_API bool linux_sock_read(struct eg_run *r, struct eg_obj sock, struct linux_sock *out);
/** One line for lists of open files: "TCP 192.0.2.1:22->192.0.2.9:4711 ESTABLISHED",
 * "UNIX STREAM @/tmp/x CONNECTED -> 1234"; NULL when it cannot be read. */
EG_API const char *linux_sock_text(struct eg_run *r, struct eg_obj sock);
/** The files that wait in a unix socket's queue, sent over SCM_RIGHTS and not received (cursors on
 * struct file): `linux_each_passed_file(r, sock, file)`. */
struct linux_passed_walk {
    struct eg_obj sock, buffer, list;
    uint64_t at, n, buffers;
    bool begun;
};
EG_API bool linux_next_passed_file(struct eg_run *r, struct linux_passed_walk *w,
                                   struct eg_obj *file);
#define linux_each_passed_file(r, sock_, file)                                                     \
    for (struct linux_passed_walk EG_CAT(w_, __LINE__) = { .sock = (sock_) };                      \
         linux_next_passed_file((r), &EG_CAT(w_, __LINE__), &(file));)

#endif
