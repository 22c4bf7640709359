/* sock_unix.c - unix sockets: names, peers, files on their way (include/net/af_unix.h). */
#include "sock.h"
#include <inttypes.h>
#include <string.h>

EG_FIELDS(unix_sock, addr, peer);
EG_FIELDS(unix_address, len, name);
EG_FIELDS(unix_skb_parms, fp);
EG_FIELD_AS(passed_count, scm_fp_list, "count");
EG_FIELD_AS(passed_files, scm_fp_list, "fp");

enum { PATH_MAX_LEN = 108, PASSED_MAX = 253 }; // sun_path, SCM_MAX_FD

struct eg_obj linux_unix_peer(struct eg_run *r, struct eg_obj sock)
{
    struct eg_obj peer = eg_deref(eg_at(eg_cast(sock, unix_sock), unix_sock.peer));

    (void)r;
    return peer.why ? peer : eg_cast(peer, sock);
}

/* unix_address.len counts the two bytes of the family. A path ends in a null byte; an abstract name
 * begins with one, and has all bytes up to its length. */
struct eg_cell linux_unix_name(struct eg_run *r, struct eg_obj sock)
{
    struct eg_obj address = eg_deref(eg_at(eg_cast(sock, unix_sock), unix_sock.addr)), name;
    size_t len;
    char *text;
    int32_t v;

    if (address.why == EG_NULL)
        return (struct eg_cell){ .tag = EG_CELL_UNSET };
    name = eg_at(address, unix_address.name);
    if (name.why || !eg_get(&v, address, unix_address.len))
        return eg_missing(name.why ? (enum eg_why)name.why : EG_UNREADABLE, address.addr);
    if (v < 2 || v > 2 + PATH_MAX_LEN + 1)
        return eg_missing(EG_BAD_VALUE, address.addr);
    if (v == 2)
        return (struct eg_cell){ .tag = EG_CELL_UNSET };
    len = (size_t)v - 2;
    text = eg_tmp(r, len + 1);
    if (!eg_read(name.view, name.space, name.addr + 2, text, len))
        return eg_missing((enum eg_why)name.view->why, name.view->why_addr);
    if (text[0])
        return eg_text(text);
    for (size_t i = 0; i < len; i++)
        if (!text[i])
            text[i] = '@';
    return eg_textn(text, len);
}

/* Begin with the files of the next buffer that has any. A listening socket's buffers stand for
 * connections: skb->sk is the socket that accept() will give, and what was already sent over it is
 * in its own queue. */
static bool next_list(struct eg_run *r, struct linux_passed_walk *w)
{
    struct eg_obj skb, other;
    uint16_t count;

    for (;;) {
        if (w->inner) {
            if (!linux_next_skb(r, &w->accepted, &skb)) {
                w->inner = false;
                continue;
            }
        } else if (!linux_next_skb(r, &w->queue, &skb)) {
            return false;
        } else if (eg_get_or(0u, w->sock, sock_state) == LINUX_TCP_LISTEN) {
            other = eg_deref(eg_at(skb, sk_buff.sk));
            if (!other.why && other.addr != w->sock.addr) {
                w->accepted =
                    (struct linux_skb_walk){ .queue = eg_at(other, sock.sk_receive_queue) };
                w->inner = true;
            }
            continue;
        }
        skb = eg_at(skb, sk_buff.cb);
        if (skb.why)
            continue;
        w->list = eg_deref(eg_at(eg_object(r, unix_skb_parms, skb.addr), unix_skb_parms.fp));
        if (w->list.why || !eg_get(&count, w->list, passed_count))
            continue;
        if (count > PASSED_MAX) {
            eg_note(r, "the socket at %#" PRIx64 " claims %u files in one message", w->sock.addr,
                    (unsigned)count);
            continue;
        }
        w->at = 0;
        w->n = count;
        if (count)
            return true;
    }
}

bool linux_next_passed_file(struct eg_run *r, struct linux_passed_walk *w, struct eg_obj *file)
{
    if (!w->begun) {
        w->begun = true;
        if (w->sock.why || eg_get_or(0u, w->sock, sock_family) != LINUX_AF_UNIX)
            w->sock.why = w->sock.why ? w->sock.why : EG_WRONG_TYPE;
        else
            w->queue = (struct linux_skb_walk){ .queue = eg_at(w->sock, sock.sk_receive_queue) };
    }
    while (!w->sock.why && !eg_stopped(r)) {
        if (w->at == w->n && !next_list(r, w))
            break;
        *file = eg_deref(eg_index(eg_at(w->list, passed_files), w->at++));
        if (!file->why)
            return true;
    }
    return false;
}

static bool next_passed(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out)
{
    struct linux_passed_walk *w = state;

    if (!w->begun)
        w->sock = arg;
    return linux_next_passed_file(r, w, out);
}

EG_WALKER(passed_files) = {
    .os = "linux",
    .help = "files sent over a unix socket that nobody received yet",
    .arg = "sock",
    .elem = "file",
    .needs = EG_NEEDS(sock.sk_receive_queue, sk_buff.cb, unix_skb_parms.fp, passed_files),
    .state = sizeof(struct linux_passed_walk),
    .next = next_passed,
};
