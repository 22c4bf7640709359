/* sock_text.c - a socket in one line, and what scripts get of one. */
#include "net.h"
#include "sock.h"
#include <string.h>

EG_FIELD_AS(text_ifindex, packet_sock, "ifindex");
EG_TYPE(packet_sock);

static uint64_t port(struct eg_cell c)
{
    uint64_t v = 0;

    if (c.tag == EG_CELL_OBJ)
        return eg_load(&v, c.obj) ? v : 0;
    return c.tag == EG_CELL_UINT ? c.u : 0;
}

static const char *text(struct eg_run *r, struct eg_cell c)
{
    return c.tag == EG_CELL_TEXT ? eg_strf(r, "%.*s", (int)c.bytes.len, (const char *)c.bytes.p)
                                 : "?";
}

static const char *end(struct eg_run *r, const struct linux_sock *s, struct eg_cell addr,
                       struct eg_cell at)
{
    const char *ip = text(r, addr);
    const bool v6 = strchr(ip, ':') != NULL;

    if (s->type_number == LINUX_SOCK_RAW)
        return ip;
    return eg_strf(r, v6 ? "[%s]:%u" : "%s:%u", ip, (unsigned)port(at));
}

static const char *inet_text(struct eg_run *r, const struct linux_sock *s)
{
    const char *local = end(r, s, s->source, s->source_port);
    // A peer without a port is no peer; a raw socket has none anyway.
    const bool peer = s->type_number == LINUX_SOCK_RAW ? strcmp(s->state, "ESTABLISHED") == 0
                                                       : port(s->destination_port) != 0;

    return eg_strf(r, "%s%s %s%s%s %s", s->type_number == LINUX_SOCK_RAW ? "RAW " : "", s->protocol,
                   local, peer ? "->" : "",
                   peer ? end(r, s, s->destination, s->destination_port) : "", s->state);
}

const char *linux_sock_text(struct eg_run *r, struct eg_obj sock)
{
    struct linux_sock s;
    const char *name, *family;
    uint64_t peer;

    if (!linux_sock_read(r, sock, &s))
        return NULL;
    family = strncmp(s.family, "AF_", 3) == 0 ? s.family + 3 : s.family;
    switch (s.family_number) {
    case LINUX_AF_INET:
    case LINUX_AF_INET6:
        return inet_text(r, &s);
    case LINUX_AF_UNIX:
        name = s.source.tag == EG_CELL_TEXT ? text(r, s.source) : NULL;
        peer = port(s.destination_port);
        return eg_strf(r, "UNIX %s%s%s %s%s%s%s", s.type, name ? " " : "", name ? name : "",
                       s.state, peer ? eg_strf(r, " -> %llu", (unsigned long long)peer) : "",
                       s.destination.tag == EG_CELL_TEXT ? " " : "",
                       s.destination.tag == EG_CELL_TEXT ? text(r, s.destination) : "");
    case LINUX_AF_NETLINK:
        return eg_strf(r, "%s %u", s.protocol, (unsigned)port(s.source_port));
    case LINUX_AF_PACKET:
        name = linux_ifname(r, eg_deref(eg_at(s.sock, sock_net)),
                            eg_get_or((int64_t)0, eg_cast(s.sock, packet_sock), text_ifindex));
        return eg_strf(r, "PACKET %s %s%s%s", s.type, s.protocol ? s.protocol : "?",
                       name ? " " : "", name ? name : "");
    case LINUX_AF_VSOCK:
        return eg_strf(r, "VSOCK %s %s:%u->%s:%u %s", s.type, text(r, s.source),
                       (unsigned)port(s.source_port), text(r, s.destination),
                       (unsigned)port(s.destination_port), s.state);
    default:
        return eg_strf(r, "%s %s%s%s %s", family, s.type, s.protocol ? " " : "",
                       s.protocol ? s.protocol : "", s.state);
    }
}

EG_FUNCTION(sock_text) = {
    .os = "linux",
    .help = "a socket in one line: \"TCP 192.0.2.1:22->192.0.2.9:4711 ESTABLISHED\"",
    .args = "sock",
    .needs = EG_NEEDS(sock_family, sock_state, sock.sk_type),
    .text = linux_sock_text,
};

EG_FUNCTION(file_sock) = {
    .os = "linux",
    .help = "the struct sock of an open file; bad where the file is no socket",
    .args = "file",
    .returns = "sock",
    .needs = EG_NEEDS(sock_family),
    .cursor = linux_file_sock,
};
