/* network: a socket of every family, and TCP in every state that keeps still. */
#define _GNU_SOURCE
#include "scene.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void place(int fd, bool peer, char *out, size_t room)
{
    struct sockaddr_storage a = { 0 };
    socklen_t size = sizeof a;
    char text[INET6_ADDRSTRLEN];
    snprintf(out, room, "-");
    if (peer ? getpeername(fd, (void *)&a, &size) : getsockname(fd, (void *)&a, &size))
        return;
    const struct sockaddr_in *a4 = (const void *)&a;
    const struct sockaddr_in6 *a6 = (const void *)&a;
    if (a.ss_family == AF_INET)
        snprintf(out, room, "%s:%d", inet_ntop(AF_INET, &a4->sin_addr, text, sizeof text),
                 ntohs(a4->sin_port));
    if (a.ss_family == AF_INET6)
        snprintf(out, room, "[%s]:%d", inet_ntop(AF_INET6, &a6->sin6_addr, text, sizeof text),
                 ntohs(a6->sin6_port));
}

int told(const char *what, int fd)
{
    char here[64], there[64];
    check(fd >= 0, what);
    place(fd, false, here, sizeof here);
    place(fd, true, there, sizeof there);
    fact("{\"kind\":\"socket\",\"pid\":%d,\"fd\":%d,\"what\":\"%s\",\"local\":\"%s\",\"peer\":\"%"
         "s\"}",
         getpid(), fd, what, here, there);
    return fd;
}

struct pair {
    int client, server;
};

static struct pair connected(int family, int port)
{
    static int listeners[2] = { -1, -1 };
    int *listener = &listeners[family == AF_INET6];
    if (*listener < 0)
        *listener = listen_on(family, port);
    struct sockaddr_in a4 = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_in6 a6 = { .sin6_family = AF_INET6,
                               .sin6_port = htons((uint16_t)port),
                               .sin6_addr = in6addr_loopback };
    bool v4 = family == AF_INET;
    struct pair p = { .client = socket(family, SOCK_STREAM, 0) };
    check(!connect(p.client, v4 ? (void *)&a4 : (void *)&a6, v4 ? sizeof a4 : sizeof a6),
          "connect");
    p.server = accept(*listener, NULL, NULL);
    return p;
}

/* Sends until nothing more goes: what follows must wait. */
static void fill(int fd)
{
    static const char words[4096] = "words that nobody reads";
    fcntl(fd, F_SETFL, O_NONBLOCK);
    for (int tries = 0; tries < 3; tries++) {
        while (send(fd, words, sizeof words, 0) > 0)
            ;
        usleep(100000);
    }
}

static void tcp_states(void)
{
    struct pair p = connected(AF_INET, 7100);
    told("established", p.client);
    told("established with words to read", p.server);
    check(send(p.client, "words in the queue of a connection", 34, 0) == 34, "send");
    p = connected(AF_INET6, 7101);
    told("established", p.client);
    told("established", p.server);

    p = connected(AF_INET, 7100);
    told("fin-wait-2", p.client);
    told("close-wait", p.server);
    shutdown(p.client, SHUT_WR);
    p = connected(AF_INET, 7100);
    fill(told("fin-wait-1", p.client));
    shutdown(p.client, SHUT_WR);
    p = connected(AF_INET, 7100);
    shutdown(p.client, SHUT_WR);
    usleep(100000);
    fill(told("last-ack", p.server));
    shutdown(p.server, SHUT_WR);

    p = connected(AF_INET, 7100);
    told("fin-wait-1 without a file", p.client);
    fill(p.client);
    close(p.client);
    p = connected(AF_INET, 7100);
    told("fin-wait-2 without a file", p.client);
    close(p.client);
    p = connected(AF_INET, 7100);
    told("time-wait", p.client);
    close(p.client);
    usleep(100000);
    close(p.server);
    p = connected(AF_INET6, 7101);
    told("time-wait", p.client);
    close(p.client);
    usleep(100000);
    close(p.server);

    int server = listen_on(AF_INET, 7102), waiting = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(7102),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    told("listen, with one not accepted", server);
    check(!connect(waiting, (void *)&to, sizeof to), "connect");
    told("established, not accepted", waiting);

    int lost = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    to.sin_addr.s_addr = inet_addr("198.51.100.7"); /* through a device that leads nowhere */
    connect(lost, (void *)&to, sizeof to);
    told("syn-sent", lost);
    int bound = socket(AF_INET, SOCK_STREAM, 0);
    to.sin_addr.s_addr = htonl(INADDR_ANY);
    to.sin_port = htons(7103);
    check(!bind(bound, (void *)&to, sizeof to), "bind");
    told("closed, with a port", bound);
}

static uint16_t sum(const void *data, size_t size)
{
    const uint8_t *p = data;
    uint32_t s = 0;
    for (size_t i = 0; i < size; i += 2)
        s += (uint32_t)p[i] << 8 | p[i + 1];
    while (s >> 16)
        s = (s & 0xffff) + (s >> 16);
    return htons((uint16_t)~s);
}

/* SYN-RECV: the first packet of a caller that does not exist; the answer goes nowhere. */
static void half_open(void)
{
    struct sockaddr_in on = { .sin_family = AF_INET,
                              .sin_port = htons(7104),
                              .sin_addr.s_addr = inet_addr("192.0.2.1") };
    int server = socket(AF_INET, SOCK_STREAM, 0), raw = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
    check(!bind(server, (void *)&on, sizeof on) && !listen(server, 8), "listen");
    told("listen, with syn-recv of 192.0.2.99:40001", server);
    struct {
        struct iphdr ip;
        struct tcphdr tcp;
    } packet = { .ip = { .version = 4,
                         .ihl = 5,
                         .ttl = 64,
                         .protocol = IPPROTO_TCP,
                         .saddr = inet_addr("192.0.2.99"),
                         .daddr = on.sin_addr.s_addr,
                         .tot_len = htons(40) },
                 .tcp = { .source = htons(40001),
                          .dest = on.sin_port,
                          .seq = htonl(0x1ab),
                          .doff = 5,
                          .syn = 1,
                          .window = htons(1024) } };
    struct {
        uint32_t from, to;
        uint8_t zero, protocol;
        uint16_t size;
        struct tcphdr tcp;
    } checked = { packet.ip.saddr, packet.ip.daddr, 0, IPPROTO_TCP, htons(20), packet.tcp };
    packet.tcp.check = sum(&checked, sizeof checked);
    check(sendto(raw, &packet, sizeof packet, 0, (void *)&on, sizeof on) == sizeof packet,
          "half open");
    told("raw with own headers", raw);
}

static void datagrams(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons(7200),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int one = socket(AF_INET, SOCK_DGRAM, 0), two = socket(AF_INET, SOCK_DGRAM, 0);
    check(!bind(one, (void *)&a, sizeof a) && !connect(two, (void *)&a, sizeof a) &&
              send(two, "a datagram in the queue", 23, 0) == 23,
          "udp");
    told("udp with words to read", one);
    told("udp, connected", two);
    int cast = socket(AF_INET, SOCK_DGRAM, 0);
    struct ip_mreqn group = { .imr_multiaddr.s_addr = inet_addr("239.1.171.1"),
                              .imr_ifindex = (int)if_nametoindex("dummy0") };
    a.sin_addr.s_addr = htonl(INADDR_ANY);
    a.sin_port = htons(7201);
    check(!bind(cast, (void *)&a, sizeof a) &&
              !setsockopt(cast, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group),
          "multicast");
    told("udp, multicast 239.1.171.1", cast);
    told("raw icmp6", socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6));
    told("raw protocol 89", socket(AF_INET, SOCK_RAW, 89));
}

static void packets(void)
{
    int fd = socket(AF_PACKET, SOCK_DGRAM, 0);
    struct sock_filter code[] = { { 0x06, 0, 0, 96 } };
    struct sock_fprog program = { 1, code };
    struct tpacket_req ring = { 4096, 4, 2048, 8 };
    struct sockaddr_ll on = { .sll_family = AF_PACKET,
                              .sll_protocol = htons(ETH_P_ARP),
                              .sll_ifindex = (int)if_nametoindex("dummy0") };
    check(!setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) &&
              !setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring) &&
              !bind(fd, (void *)&on, sizeof on),
          "packet");
    told("packet on dummy0, ARP, with ring and filter", fd);
    static const int protocols[] = { NETLINK_GENERIC, NETLINK_KOBJECT_UEVENT, NETLINK_SOCK_DIAG };
    for (size_t i = 0; i < 3; i++) {
        struct sockaddr_nl nl = { .nl_family = AF_NETLINK, .nl_groups = i == 1 };
        fd = socket(AF_NETLINK, SOCK_RAW, protocols[i]);
        check(!bind(fd, (void *)&nl, sizeof nl), "netlink");
        told("netlink", fd);
    }
}

static int local(int type, const char *name, size_t size, bool server)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, type, 0);
    memcpy(a.sun_path, name, size);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    check(!(server ? bind : connect)(fd, (void *)&a, length), "unix");
    if (server && type != SOCK_DGRAM)
        check(!listen(fd, 4), "listen");
    return fd;
}

static void locals(void)
{
    int one = told("unix stream /run/lab/stream.sock",
                   local(SOCK_STREAM, "/run/lab/stream.sock", 21, true));
    told("unix stream, accepted later", local(SOCK_STREAM, "/run/lab/stream.sock", 21, false));
    told("unix stream, accepted", accept(one, NULL, NULL));
    told("unix stream, not accepted", local(SOCK_STREAM, "/run/lab/stream.sock", 21, false));
    told("unix dgram /run/lab/dgram.sock", local(SOCK_DGRAM, "/run/lab/dgram.sock", 20, true));
    int two = told("unix dgram, connected", local(SOCK_DGRAM, "/run/lab/dgram.sock", 20, false));
    check(send(two, "a local datagram", 16, 0) == 16, "send");
    told("unix stream @lab-stream", local(SOCK_STREAM, "\0lab-stream", 11, true));
    told("unix seqpacket @lab-packets", local(SOCK_SEQPACKET, "\0lab-packets", 12, true));
    told("unix without a name", socket(AF_UNIX, SOCK_STREAM, 0));
}

/* Families that a kernel may lack: no complaint. */
static void others(void)
{
    struct sockaddr_vm vm = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = 7300 };
    int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
    if (fd >= 0 && !bind(fd, (void *)&vm, sizeof vm) && !listen(fd, 4)) {
        told("vsock, listen 7300", fd);
        vm.svm_cid = 1; /* the guest itself */
        fd = socket(AF_VSOCK, SOCK_STREAM, 0);
        if (!connect(fd, (void *)&vm, sizeof vm))
            told("vsock, connected", fd);
    }
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons(7301),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    static const struct {
        int type, protocol;
        const char *what;
    } more[] = { { SOCK_STREAM, 262, "mptcp, listen" },
                 { SOCK_STREAM, IPPROTO_SCTP, "sctp, listen" },
                 { SOCK_DGRAM, IPPROTO_UDPLITE, "udplite" },
                 { SOCK_DCCP, IPPROTO_DCCP, "dccp" } };
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        fd = socket(AF_INET, more[i].type, more[i].protocol);
        a.sin_port = htons((uint16_t)(7301 + i));
        if (fd < 0 || bind(fd, (void *)&a, sizeof a))
            continue;
        if (more[i].type == SOCK_STREAM)
            listen(fd, 4);
        told(more[i].what, fd);
    }
    fd = socket(AF_XDP, SOCK_RAW, 0);
    if (fd >= 0)
        told("xdp", fd);
}

void network(void)
{
    locals();
    datagrams();
    packets();
    others();
    tcp_states();
    half_open();
    fact("{\"kind\":\"network\",\"pid\":%d}", getpid());
    sleep_for_ever();
}
