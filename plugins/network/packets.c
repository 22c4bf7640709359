/* packets - packets that wait in memory: in queues of sockets, of interfaces, of neighbours. */
#include "../../core/base.h"
#include "../../core/map.h"
#include "../linux/kernel/percpu.h"
#include "../linux/mm/slab.h"
#include "../linux/net/device.h"
#include "../linux/net/net.h"
#include "../linux/net/packet.h"
#include "../linux/net/pcapng.h"
#include "../linux/net/sock.h"
#include "../linux/own/holders.h"
#include "../linux/sched/task.h"
#include <string.h>

EG_FIELD_AS(skb_rbnode, sk_buff, "rbnode");
EG_FIELD_AS(skb_time, sk_buff, "tstamp");
EG_FIELD_AS(skb_came_by, sk_buff, "skb_iif");
EG_FIELDS(sk_buff_fclones, skb2);
EG_FIELD_AS(fclone_ref, sk_buff_fclones, "fclone_ref.refs.counter|fclone_ref.counter");
EG_FIELD_AS(hot_twins, net_hotdata, "skbuff_fclone_cache"); // since 6.9
EG_SYMBOL(net_hotdata, "net_hotdata");
EG_SYMBOL(skbuff_fclone_cache, "kmem_cache *");
EG_TYPE(sk_buff_head);
EG_FIELD_AS(queue_first, sk_buff_head, "next");
EG_FIELD_AS(backlog_head, sock, "sk_backlog.head");
EG_FIELD_AS(queue_write, sock, "sk_write_queue");
EG_FIELD_AS(queue_error, sock, "sk_error_queue");
EG_FIELD_AS(queue_resend, sock, "tcp_rtx_queue");
EG_TYPE(tcp_sock);
EG_FIELD_AS(queue_early, tcp_sock, "out_of_order_queue");
EG_FIELD_AS(queue_reader, udp_sock, "reader_queue");
EG_FIELDS(neighbour, arp_queue, dev);
EG_FIELDS(softnet_data, input_pkt_queue, process_queue);
EG_FIELDS(napi_alloc_cache, skb_count, skb_cache);
EG_SYMBOL(napi_alloc_cache, "napi_alloc_cache");
EG_SYMBOL(softnet_data, "softnet_data");

enum { PACKETS_MAX = 1 << 22, DEVICES_MAX = 1 << 16, SHOWN_MAX = 512 };

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "address of the sk_buff", EG_MINOR)                                            \
    C(NS, INT, "inode number of the network namespace", EG_MINOR)                                  \
    C(QUEUE, TEXT,                                                                                 \
      "receive, out of order, write, resend, error: of a socket; backlog: of a CPU; "              \
      "neighbour: for an address that is not known yet; interface: to be sent")                    \
    C(INTERFACE, TEXT, "where it came in, or is to go out")                                        \
    C(PROTO, TEXT, "TCP, UDP, ICMP, ARP")                                                          \
    C(SOURCE_ADDR, TEXT, "who sent it", EG_WHOLE)                                                  \
    C(SOURCE_PORT, INT, "from which port")                                                         \
    C(DESTINATION_ADDR, TEXT, "for whom it is", EG_WHOLE)                                          \
    C(DESTINATION_PORT, INT, "for which port")                                                     \
    C(LENGTH, INT, "bytes, with the headers that are still there")                                 \
    C(MISSING, INT, "how many of them memory does not hold", EG_MINOR)                             \
    C(ARRIVAL_TIME, TIME, "when it came in, where something wanted to know", EG_MINOR)             \
    C(SOCK, ADDR, "address of the sock that it waits at, or that sent it", EG_MINOR)               \
    C(PID, INT, "the first process that has the socket")                                           \
    C(COMM, TEXT, "its name")                                                                      \
    C(FD, INT, "the descriptor there", EG_MINOR)                                                   \
    C(BYTES, BYTES, "what the queue still holds of it, 512 bytes at most", EG_LIST | EG_ASKED)     \
    C(FILE, TEXT, "the file it was written to", EG_ASKED)
EG_COLUMNS(COLUMNS);

enum place {
    ELSEWHERE,
    RECEIVE,
    OUT_OF_ORDER,
    WRITE,
    RESEND,
    ERROR,
    BACKLOG,
    NEIGHBOUR,
    INTERFACE,
    HIDDEN, /**< of a socket that moves no packets of a network: unix, netlink */
};
static const char *const place_names[] = {
    NULL,    "receive", "out of order", "write",     "resend",
    "error", "backlog", "neighbour",    "interface",
};

struct packet {
    uint64_t at, owner; /**< @owner: the sock; 0: none */
    uint64_t dev;       /**< net_device; 0: not known */
    uint8_t place;
    bool doubtful; /**< one of two twins is used, and only a queue tells which */
};
struct packets {
    struct eg_run *r;
    struct packet *at;
    size_t n, cap;
    struct eg_map *by_address; /**< index + 1 */
    struct eg_map *nets, *devices;
};

static bool known(const struct eg_map *map, uint64_t key)
{
    uint64_t value;

    return eg_map_get(map, key, &value);
}

static void add(struct packets *p, uint64_t at, bool doubtful)
{
    if (p->n >= PACKETS_MAX || !eg_run_map_add(p->r, p->by_address, at, p->n))
        return;
    p->at = eg_grow(p->r, p->at, p->n, &p->cap, sizeof *p->at);
    p->at[p->n++] = (struct packet){ .at = at, .doubtful = doubtful };
}

/** The cache of packets with a twin: it can be merged with another, and has its name then. */
static struct eg_obj twins_cache(struct eg_run *r)
{
    struct eg_obj cache = eg_deref(eg_at(eg_sym(r, net_hotdata), hot_twins));

    if (cache.why)
        cache = eg_deref(eg_sym(r, skbuff_fclone_cache));
    return cache.why ? linux_cache_named(r, "skbuff_fclone_cache") : cache;
}

/** Freed ones that each CPU keeps for itself, which the slab allocator counts as used. */
static struct eg_map *kept_free(struct eg_run *r)
{
    struct eg_map *kept = eg_run_map(r);
    struct eg_obj cpu;

    linux_each_percpu(r, eg_sym(r, napi_alloc_cache), cpu)
    {
        struct eg_obj places = eg_at(cpu, napi_alloc_cache.skb_cache);
        uint64_t n = 0, at;

        eg_get(&n, cpu, napi_alloc_cache.skb_count);
        for (uint64_t i = 0; i < n && i < eg_count(places); i++)
            if (eg_load(&at, eg_index(places, i)) && at)
                eg_run_map_add(r, kept, at, 0);
    }
    return kept;
}

/** Every sk_buff that is allocated. One of TCP has a twin behind it for a copy, which is sent, and
 * which waits at the receiver where that is on the same machine (struct sk_buff_fclones). */
static void gather(struct packets *p)
{
    struct eg_run *r = p->r;
    struct eg_map *kept = kept_free(r);
    struct linux_slab_place *places;
    size_t n = linux_slab_places(r, linux_cache_named(r, "skbuff_head_cache"), &places);

    for (size_t i = 0; i < n; i++)
        if (!places[i].free && !known(kept, places[i].object))
            add(p, places[i].object, false);
    n = linux_slab_places(r, twins_cache(r), &places);
    for (size_t i = 0; i < n && !eg_stopped(r); i++) {
        struct eg_obj twins = eg_object(r, sk_buff_fclones, places[i].object);

        uint64_t used;

        // The one that is freed first leaves the count at 1, whichever it was (kfree_skbmem).
        if (places[i].free || !eg_get(&used, twins, fclone_ref))
            continue;
        add(p, places[i].object, used != 2);
        add(p, eg_at(twins, sk_buff_fclones.skb2).addr, used != 2);
    }
}

/** What a list's head is part of, by where it is in which object: sockets, neighbours and what
 * belongs to a CPU have heads in themselves. */
static enum place place_of(struct packets *p, uint64_t head, uint64_t *owner, uint64_t *dev)
{
    struct eg_run *r = p->r;
    struct linux_slab_place place;
    struct eg_obj sock, neighbour, cpu;
    uint64_t net, off, family, cache;

    if (linux_slab_place_of(r, head, &place, &cache) && !place.free) {
        off = head - place.object;
        sock = eg_object(r, sock, place.object);
        if (eg_get(&net, sock, sock_net) && known(p->nets, net) &&
            eg_get(&family, sock, sock_family) && family < LINUX_AF_LIMIT) {
            *owner = place.object;
            if (family == LINUX_AF_UNIX || family == LINUX_AF_NETLINK)
                return HIDDEN;
            if (off == eg_offset(r, sock.sk_receive_queue))
                return RECEIVE;
            if (eg_has(r, queue_reader) && off == eg_offset(r, queue_reader))
                return RECEIVE;
            if (eg_has(r, queue_write) && off == eg_offset(r, queue_write))
                return WRITE;
            if (eg_has(r, queue_error) && off == eg_offset(r, queue_error))
                return ERROR;
        }
        neighbour = eg_object(r, neighbour, place.object);
        if (eg_has(r, neighbour.arp_queue) && off == eg_offset(r, neighbour.arp_queue) &&
            eg_get(&net, neighbour, neighbour.dev) && known(p->devices, net)) {
            *dev = net;
            return NEIGHBOUR;
        }
    }
    linux_each_percpu(
        r, eg_sym(r, softnet_data),
        cpu) if (!cpu.why && (head == eg_at(cpu, softnet_data.input_pkt_queue).addr ||
                              head == eg_at(cpu, softnet_data.process_queue).addr)) return BACKLOG;
    return ELSEWHERE;
}

/** vsock keeps what came in a structure of its transport, and names the socket in each packet
 * (net/vmw_vsock/virtio_transport_common.c, since 6.3). */
static bool of_vsock(struct packets *p, struct eg_obj skb, uint64_t *owner)
{
    uint64_t at, net, family;
    struct eg_obj sock;

    if (!eg_get(&at, skb, sk_buff.sk) || !at)
        return false;
    sock = eg_object(p->r, sock, at);
    if (!eg_get(&net, sock, sock_net) || !known(p->nets, net) ||
        !eg_get(&family, sock, sock_family) || family != LINUX_AF_VSOCK)
        return false;
    *owner = at;
    return true;
}

/** Follow each list from its first packet, whose prev is the head. */
static void follow_lists(struct packets *p)
{
    struct eg_run *r = p->r;
    uint64_t head, next, index, from, prev;

    for (size_t i = 0; i < p->n && !eg_stopped(r); i++) {
        struct eg_obj first = eg_object(r, sk_buff, p->at[i].at);
        uint64_t owner = 0, dev = 0, at = p->at[i].at;
        enum place place;

        if (!eg_get(&head, first, sk_buff.prev) || !head || known(p->by_address, head) ||
            !eg_get(&next, eg_object(r, sk_buff_head, head), queue_first) || next != at)
            continue;
        place = place_of(p, head, &owner, &dev);
        if (place == ELSEWHERE && of_vsock(p, first, &owner))
            place = RECEIVE;
        from = head;
        while (at != head) {
            struct eg_obj skb = eg_object(r, sk_buff, at);

            if (!eg_map_get(p->by_address, at, &index) || !eg_get(&prev, skb, sk_buff.prev) ||
                prev != from || p->at[index].place || !eg_get(&next, skb, sk_buff.next)) {
                eg_note(r, "the queue of packets at %#llx breaks at %#llx",
                        (unsigned long long)head, (unsigned long long)at);
                break;
            }
            p->at[index].place = (uint8_t)place;
            p->at[index].owner = owner;
            p->at[index].dev = dev;
            if (place == ELSEWHERE)
                break;
            from = at;
            at = next;
        }
    }
}

/** @return false: it is no packet, or was met before. */
static bool mark(struct packets *p, struct eg_obj skb, uint64_t sock, enum place place)
{
    uint64_t index;

    if (!eg_map_get(p->by_address, skb.addr, &index) || p->at[index].place)
        return false;
    p->at[index].place = (uint8_t)place;
    p->at[index].owner = sock;
    return true;
}

/** TCP keeps what was sent and not confirmed, and what came before its turn, in trees. */
static void follow_trees(struct packets *p)
{
    static const char *const names[] = { "TCP", "TCPv6" };
    struct eg_run *r = p->r;

    for (size_t c = 0; c < 2; c++) {
        struct linux_slab_place *places;
        size_t n = linux_slab_places(r, linux_cache_named(r, names[c]), &places);

        for (size_t i = 0; i < n && !eg_stopped(r); i++) {
            struct eg_obj sock = eg_object(r, sock, places[i].object), skb;
            uint64_t state, net, at = 0;

            if (places[i].free || !eg_get(&state, sock, sock_state) ||
                !eg_get(&net, sock, sock_net) || !known(p->nets, net))
                continue;
            eg_get(&at, sock, backlog_head);
            while (at && mark(p, eg_object(r, sk_buff, at), places[i].object, RECEIVE))
                if (!eg_get(&at, eg_object(r, sk_buff, at), sk_buff.next))
                    break;
            if (state == LINUX_TCP_LISTEN || state == LINUX_TCP_TIME_WAIT)
                continue; // what stands there is of another kind
            eg_each_rb(skb, eg_at(sock, queue_resend), skb_rbnode)
                mark(p, skb, places[i].object, RESEND);
            eg_each_rb(skb, eg_at(eg_object(r, tcp_sock, places[i].object), queue_early),
                       skb_rbnode)
                mark(p, skb, places[i].object, OUT_OF_ORDER);
        }
    }
}

/** What is in none of those lists and names an interface waits to be sent there: in a qdisc, each
 * of which has its own way to queue, or at the driver. */
static void find_interfaces(struct packets *p)
{
    struct eg_run *r = p->r;

    for (size_t i = 0; i < p->n && !eg_stopped(r); i++) {
        struct packet *one = &p->at[i];
        uint64_t dev;

        if ((one->doubtful && one->place == ELSEWHERE) ||
            !eg_get(&dev, eg_object(r, sk_buff, one->at), sk_buff.dev) || !known(p->devices, dev))
            continue; // sockets keep something else there
        if (!one->dev)
            one->dev = dev;
        if (one->place == ELSEWHERE)
            one->place = INTERFACE;
    }
}

static struct eg_cell port(int number)
{
    return number < 0 ? (struct eg_cell){ 0 } : eg_int(number);
}

/** What a socket knows of its packets, where those have no headers (any more, or yet). */
static void ends_of_socket(struct row *row, const struct linux_sock *s, bool sent)
{
    row->PROTO = eg_text(s->protocol ? s->protocol : s->family);
    row->SOURCE_ADDR = sent ? s->source : s->destination;
    row->SOURCE_PORT = sent ? s->source_port : s->destination_port;
    row->DESTINATION_ADDR = sent ? s->destination : s->source;
    row->DESTINATION_PORT = sent ? s->destination_port : s->source_port;
}

static bool owner_of(struct eg_run *r, const struct linux_sock *s, struct row *row)
{
    const struct linux_holders *all = linux_holders(r);
    const struct linux_holder *h;
    size_t n = 0;

    if (!all || !s->inode_address || !(h = linux_holders_of(all, s->inode_address, &n)))
        return !eg_arg_limits(r, "pid");
    for (size_t i = 0; i < n; i++) {
        struct eg_obj task = eg_object(r, task_struct, h[i].task);

        if (h[i].how != LINUX_HOLD_FD || !h[i].task || !linux_pid_asked(r, task))
            continue;
        row->PID = eg_int(h[i].pid);
        row->COMM = linux_comm(task);
        row->FD = eg_uint(h[i].number);
        return true;
    }
    return !eg_arg_limits(r, "pid");
}

/** The interface that a packet socket saw a packet at, also one that went out: its control block
 * begins with a sockaddr_ll (struct packet_skb_cb, net/packet/internal.h). */
static int64_t came_to_packet_socket(struct eg_obj skb)
{
    struct eg_obj cb = eg_at(skb, sk_buff.cb);
    uint8_t ll[8];

    if (cb.why || !eg_read(cb.view, cb.space, cb.addr, ll, sizeof ll))
        return 0;
    return (int64_t)eg_load_(ll + 4, 4, skb.bind->model.big_endian); // sll_ifindex
}

static void show(struct packets *p, const struct packet *one, struct linux_packet_reader *reader,
                 struct linux_pcapng *out)
{
    static const enum linux_linktype types[] = { LINUX_LINK_ETHERNET, LINUX_LINK_RAW,
                                                 LINUX_LINK_USER0 };
    struct eg_run *r = p->r;
    struct eg_obj skb = eg_object(r, sk_buff, one->at);
    struct eg_obj dev = eg_object(r, net_device, one->dev), net = { .why = EG_NULL };
    struct linux_packet packet;
    struct linux_packet_ends ends;
    struct linux_sock s = { 0 };
    struct row row = { .OFFSET = eg_uint(one->at), .QUEUE = eg_text(place_names[one->place]) };
    const char *interface = NULL;
    uint64_t index;
    int64_t time = 0;
    const bool owned = one->owner && linux_sock_read(r, eg_object(r, sock, one->owner), &s);

    if (owned) {
        row.SOCK = eg_uint(one->owner);
        row.NS = s.net;
        net = eg_deref(eg_at(eg_object(r, sock, one->owner), sock_net));
    } else if (!dev.why) {
        net = eg_deref(eg_at(dev, net_device_net));
        row.NS = eg_val(net, net_inum);
    }
    if (owned ? !owner_of(r, &s, &row) : eg_arg_limits(r, "pid"))
        return;
    if (!linux_packet_read(r, reader, skb, &packet))
        return; // a place of the cache that is no packet
    if (!dev.why)
        interface = eg_string(r, eg_at(dev, net_device.name), 16);
    else if (owned && s.family_number == LINUX_AF_PACKET && !net.why)
        interface = linux_ifname(r, net, came_to_packet_socket(skb));
    else if (eg_get(&index, skb, skb_came_by) && index && !net.why)
        interface = linux_ifname(r, net, (int64_t)index);
    row.INTERFACE = eg_text(interface);
    if (linux_packet_ends(r, &packet, &ends) || !owned) {
        row.PROTO = eg_text(ends.protocol);
        row.SOURCE_ADDR = eg_text(ends.source);
        row.SOURCE_PORT = port(ends.source_port);
        row.DESTINATION_ADDR = eg_text(ends.destination);
        row.DESTINATION_PORT = port(ends.destination_port);
    } else {
        ends_of_socket(&row, &s, one->place == WRITE || one->place == RESEND);
    }
    row.LENGTH = eg_uint(packet.len);
    if (eg_arg_flag(r, "data") && packet.payload < packet.len) {
        const size_t len = packet.len - (size_t)packet.payload;
        const size_t n = len < SHOWN_MAX ? len : SHOWN_MAX;

        row.BYTES = eg_blob(memcpy(eg_tmp(r, n), packet.bytes + packet.payload, n), n);
    }
    if (packet.missing)
        row.MISSING = eg_uint(packet.missing);
    if (packet.cut)
        eg_note(r, "the packet at %#llx claims more than was found of it",
                (unsigned long long)one->at);
    // ns since 1970 of what came in; of what is to be sent it counts from the start of the machine
    if (eg_get(&time, skb, skb_time) && time > INT64_C(1000000000000000000))
        row.ARRIVAL_TIME = eg_int(time);
    else
        time = 0;
    if (out->file) {
        linux_pcapng_packet(r, out, interface, types[packet.starts], (uint64_t)time, packet.bytes,
                            packet.len,
                            eg_strf(r, "sk_buff %#llx, queue: %s%s", (unsigned long long)one->at,
                                    place_names[one->place],
                                    packet.starts == LINUX_PACKET_PAYLOAD
                                        ? "; without headers, which are not in memory"
                                        : ""));
        row.FILE = eg_text("packets.pcapng");
    }
    eg_emit_(r, 0, (const struct eg_cell *)(const void *)&row, sizeof row / sizeof(struct eg_cell));
}

static int run(struct eg_run *r)
{
    struct packets p = {
        .r = r, .by_address = eg_run_map(r), .nets = eg_run_map(r), .devices = eg_run_map(r)
    };
    struct linux_packet_reader reader = { 0 };
    struct linux_pcapng out = { 0 };
    struct linux_packet packet;
    struct eg_obj net, dev;
    size_t n = 0, elsewhere = 0;

    if (eg_arg_flag(r, "write") && !linux_pcapng_open(r, &out, "packets.pcapng"))
        return -1;
    linux_each_net(r, net)
    {
        eg_run_map_add(r, p.nets, net.addr, 0);
        eg_each_list(dev, eg_at(net, net.dev_base_head), net_device.dev_list)
            if (n++ < DEVICES_MAX)
                eg_run_map_add(r, p.devices, dev.addr, 0);
    }
    gather(&p);
    follow_lists(&p);
    follow_trees(&p);
    find_interfaces(&p);
    for (size_t i = 0; i < p.n && !eg_stopped(r); i++) {
        if (p.at[i].place == ELSEWHERE) // what a merged cache has of other sorts is no packet
            elsewhere += !p.at[i].doubtful &&
                         linux_packet_read(r, &reader, eg_object(r, sk_buff, p.at[i].at), &packet);
        else if (p.at[i].place != HIDDEN)
            show(&p, &p.at[i], &reader, &out);
    }
    if (elsewhere)
        eg_note(r, "%zu sk_buffs are in no queue that is known here", elsewhere);
    return linux_pcapng_close(r, &out) ? 0 : -1;
}

EG_PLUGIN(packets) = {
    .os = "linux",
    .help = "List packets that wait in memory; write them as pcapng",
    .manual =
        "All sk_buffs that the slab allocator has given out, by the queue that each is in: of a "
        "socket (received and not read, written and not sent, sent and not confirmed), of a CPU, "
        "of "
        "a neighbour whose address is not known, and what else names an interface: that waits in a "
        "qdisc or at the driver. With --write and -o they go to packets.pcapng. Headers are there "
        "where memory still has them: a packet without is written as link type USER0 (147), and a "
        "comment says so. Messages of unix and netlink sockets are left out (see sockets).",
    .aliases = EG_NAMES("linux_pkt_queues", "linux_sk_buff_cache", "tcpdump", "pcap"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only sockets of these processes"),
                    EG_ARG(data, FLAG, "show what the packets hold, too"),
                    EG_ARG(write, FLAG, "write packets.pcapng into the folder of -o")),
    .needs = EG_NEEDS(sk_buff.next, sk_buff.prev, sock_net, net.dev_base_head),
    .uses = EG_NAMES("nets", "tasks"),
    .run = run,
};
