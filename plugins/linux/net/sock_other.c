/* sock_other.c - what sockets of small families say of themselves: AF_ALG, AF_XDP, AF_TIPC; the
 * peers of an SCTP socket that has several. */
#include "../../../core/run.h"
#include "ip.h"
#include "net.h"
#include "sock_names.h"

EG_FIELD_AS_OF("af_alg", alg_parent, alg_sock, "parent");
EG_FIELD_AS_OF("af_alg", alg_type, alg_sock, "type");
EG_FIELD_AS_OF("af_alg", alg_private, alg_sock, "private");
EG_FIELD_AS_OF("af_alg", alg_type_name, af_alg_type, "name");
EG_FIELD_AS(skcipher_base, crypto_skcipher, "base");
EG_FIELD_AS(ahash_base, crypto_ahash, "base");
EG_FIELD_AS(aead_base, crypto_aead, "base");
EG_FIELD_AS(rng_base, crypto_rng, "base");
EG_FIELD_AS(tfm_alg, crypto_tfm, "__crt_alg");
EG_FIELD_AS(crypto_name, crypto_alg, "cra_name");
EG_FIELD_AS(xdp_state, xdp_sock, "state");
EG_FIELD_AS(xdp_queue, xdp_sock, "queue_id");
EG_FIELD_AS_OF("tipc", tipc_port, tipc_sock, "portid");
EG_FIELD_AS_OF("tipc", tipc_header, tipc_sock, "phdr.hdr");
EG_FIELD_AS_OF("tipc", tipc_names, tipc_sock, "publications");
EG_FIELD_AS_OF("tipc", tipc_name_link, publication, "binding_sock");
// A struct tipc_service_range since 5.13.
EG_FIELD_AS_OF("tipc", tipc_name_type, publication, "sr.type|type");
EG_FIELD_AS_OF("tipc", tipc_name_first, publication, "sr.lower|lower");
EG_FIELD_AS_OF("tipc", tipc_name_last, publication, "sr.upper|upper");
EG_FIELD_AS_OF("sctp", sctp_ep, sctp_sock, "ep");
EG_FIELD_AS_OF("sctp", sctp_asocs, sctp_endpoint, "asocs");
EG_FIELD_AS_OF("sctp", asoc_node, sctp_association, "asocs");
EG_FIELD_AS_OF("sctp", asoc_state, sctp_association, "state");
EG_FIELD_AS_OF("sctp", asoc_peer, sctp_association, "peer.primary_addr");
EG_FIELD_AS_OF("sctp", asoc_port, sctp_association, "peer.port");
EG_TYPE_("af_alg", alg_sock);
EG_TYPE_("tipc", tipc_sock);
EG_TYPE_("sctp", sctp_sock);
EG_TYPE(xdp_sock);
EG_TYPE(crypto_tfm);

enum { XDP_BOUND = 1 }; // include/net/xdp_sock.h

static bool printable(const char *s)
{
    if (!s || !*s)
        return false;
    for (; *s; s++)
        if (*s <= ' ' || *s > '~')
            return false;
    return true;
}

/* The algorithm behind a handle (struct crypto_tfm) at @at; NULL: there is none. */
static const char *algorithm(struct eg_run *r, uint64_t at)
{
    const char *name = eg_string(r, eg_at(eg_object(r, crypto_tfm, at), tfm_alg, crypto_name), 128);

    return printable(name) ? name : NULL;
}

/* Of what accept() made the socket that was bound, which has the algorithm; else itself. */
static struct eg_obj bound(struct eg_obj sock)
{
    struct eg_obj own = eg_cast(sock, alg_sock), parent = eg_deref(eg_at(own, alg_parent));

    return parent.why ? own : eg_cast(parent, alg_sock);
}

/* Of aead and rng there is a pointer to it: struct aead_tfm until 6.15, rng_parent_ctx. */
static uint64_t handle_at(struct eg_run *r, uint64_t private, bool has, uint64_t base,
                          const char **name)
{
    uint64_t inner;

    if (!has)
        return 0;
    if ((*name = algorithm(r, private + base)))
        return private;
    return eg_pointer_at(r, private, &inner) && (*name = algorithm(r, inner + base)) ? inner : 0;
}

/* Types of modules are in memory since 5.11. In 5.10 struct alg_sock has behind its sock: parent,
 * two counters, type, private. */
static uint64_t private_of(struct eg_run *r, struct eg_obj sock)
{
    const unsigned ptr = eg_binding_of(r)->model.ptr_size;
    uint64_t at = sock.addr + eg_size(r, sock), parent, private = 0;

    if (eg_has(r, alg_private))
        return eg_get(&private, bound(sock), alg_private) ? private : 0;
    if (eg_pointer_at(r, at, &parent) && parent)
        at = parent + eg_size(r, sock);
    return eg_pointer_at(r, at + 2 * ptr + 8, &private) ? private : 0;
}

uint64_t linux_alg_handle(struct eg_run *r, struct eg_obj sock, const char **name)
{
    const struct {
        const char *type;
        bool has;
        uint64_t base;
    } kinds[] = { { "skcipher", eg_has(r, skcipher_base), eg_offset(r, skcipher_base) },
                  { "hash", eg_has(r, ahash_base), eg_offset(r, ahash_base) },
                  { "aead", eg_has(r, aead_base), eg_offset(r, aead_base) },
                  { "rng", eg_has(r, rng_base), eg_offset(r, rng_base) } };
    const char *type = eg_string(r, eg_at(bound(sock), alg_type, alg_type_name), 14);
    const uint64_t private = private_of(r, sock);
    uint64_t handle = 0;

    for (size_t i = 0; private && !handle && i < sizeof kinds / sizeof *kinds; i++)
        if (!printable(type) || __builtin_strcmp(type, kinds[i].type) == 0)
            handle = handle_at(r, private, kinds[i].has, kinds[i].base, name);
    return handle;
}

/* The name of its type says what the algorithm is for. */
static void alg(struct eg_run *r, struct linux_sock *s)
{
    const char *type = eg_string(r, eg_at(eg_cast(s->sock, alg_sock), alg_type, alg_type_name), 14);
    const char *name = NULL;

    if (!printable(type))
        return;
    s->protocol = type;
    linux_alg_handle(r, s->sock, &name);
    s->source = eg_text(name);
}

/* The names that it is bound to, "18888:1-9", and of a connection the peer: its node, and port, in
 * the header that is kept for its messages (net/tipc/msg.h). */
static void tipc(struct eg_run *r, struct linux_sock *s)
{
    enum { NAMES_MAX = 64, ESTABLISHED = 1, PORT_WORD = 5, NODE_WORD = 7 };
    struct eg_obj own = eg_cast(s->sock, tipc_sock), header = eg_at(own, tipc_header), name;
    const char *text = NULL;
    uint32_t type, first, last;
    uint8_t words[32];
    unsigned n = 0;

    s->source_port = eg_val(own, tipc_port);
    if (eg_has(r, tipc_name_link))
        eg_each_list(name, eg_at(own, tipc_names), tipc_name_link) {
            if (n++ == NAMES_MAX || !eg_get(&type, name, tipc_name_type) ||
                !eg_get(&first, name, tipc_name_first) || !eg_get(&last, name, tipc_name_last))
                break;
            text = eg_strf(r, "%s%s%u:%u", text ? text : "", text ? "," : "", type, first);
            if (last != first)
                text = eg_strf(r, "%s-%u", text, last);
        }
    s->source = eg_text(text);
    if (s->state_number != ESTABLISHED || header.why ||
        !eg_read(header.view, header.space, header.addr, words, sizeof words))
        return;
    s->destination = eg_text(eg_strf(r, "%x", (unsigned)eg_load_(words + 4 * NODE_WORD, 4, true)));
    s->destination_port = eg_uint(eg_load_(words + 4 * PORT_WORD, 4, true));
}

void linux_sock_other(struct eg_run *r, struct linux_sock *s)
{
    uint32_t state;

    switch (s->family_number) {
    case LINUX_AF_ALG:
        alg(r, s);
        break;
    case LINUX_AF_XDP:
        if (eg_get(&state, eg_cast(s->sock, xdp_sock), xdp_state) && state == XDP_BOUND) {
            s->state = "BOUND";
            s->source_port = eg_val(eg_cast(s->sock, xdp_sock), xdp_queue);
        }
        break;
    case LINUX_AF_TIPC:
        if (eg_has(r, tipc_port))
            tipc(r, s);
        break;
    default:
        break;
    }
}

/* ---- SCTP ---- */

bool linux_next_sctp_peer(struct eg_run *r, struct linux_sctp_walk *w, const struct linux_sock *s,
                          struct linux_sock *out)
{
    // enum sctp_state (include/net/sctp/constants.h)
    static const char *const states[] = {
        "CLOSED",           "COOKIE_WAIT",   "COOKIE_ECHOED",     "ESTABLISHED",
        "SHUTDOWN_PENDING", "SHUTDOWN_SENT", "SHUTDOWN_RECEIVED", "SHUTDOWN_ACK_SENT",
    };
    struct eg_obj each, peer;
    uint8_t bytes[24];
    uint32_t state;
    uint16_t family;

    if (!w->begun) {
        w->begun = true;
        w->going = s->protocol_number == LINUX_IPPROTO_SCTP && eg_has(r, asoc_node) &&
                   s->type_number != LINUX_SOCK_STREAM;
        if (w->going)
            w->list = eg_list_begin_(eg_at(eg_cast(s->sock, sctp_sock), sctp_ep, sctp_asocs),
                                     eg_f_asoc_node.id);
    }
    if (!w->going || !eg_list_next_(&w->list, &each))
        return false;
    *out = *s;
    out->state = eg_get(&state, each, asoc_state) && state < sizeof states / sizeof *states
                     ? states[state]
                     : "?";
    // struct sockaddr_in, or _in6: the family, the port, then the address at 4 or 8.
    peer = eg_at(each, asoc_peer);
    out->destination_port = eg_val(each, asoc_port);
    if (peer.why || !eg_read(peer.view, peer.space, peer.addr, bytes, sizeof bytes)) {
        out->destination = eg_missing(EG_UNREADABLE, each.addr);
        return true;
    }
    family = (uint16_t)eg_load_(bytes, 2, peer.bind->model.big_endian);
    if (family == LINUX_AF_INET)
        out->destination = eg_text(linux_ip_text(r, bytes + 4, 4));
    else if (family == LINUX_AF_INET6)
        out->destination = eg_text(linux_ip_text(r, bytes + 8, 16));
    else
        out->destination = eg_missing(EG_BAD_VALUE, peer.addr);
    return true;
}
