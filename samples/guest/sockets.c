/* sockets: families and options that `network` does not have, with words that lie unread; a family
 * that the kernel lacks is left out. */
#define _GNU_SOURCE
#include "scene.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_alg.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <linux/netlink.h>
#include <linux/tipc.h>
#include <linux/vm_sockets.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef AF_XDP
#define AF_XDP 44
#endif

static void unread(int fd, const char *what, const char *words)
{
    told(what, fd);
    fact("{\"kind\":\"unread\",\"pid\":%d,\"fd\":%d,\"what\":\"%s\",\"words\":\"%s\"}", getpid(),
         fd, what, words);
}

static bool say(int fd, const char *words)
{
    return send(fd, words, strlen(words), MSG_NOSIGNAL) == (ssize_t)strlen(words);
}

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t loopback(union address *a, int family, int port)
{
    *a = (union address){ 0 };
    a->any.sa_family = (sa_family_t)family;
    if (family == AF_INET6) {
        a->v6.sin6_addr = in6addr_loopback;
        a->v6.sin6_port = htons((uint16_t)port);
        return sizeof a->v6;
    }
    a->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a->v4.sin_port = htons((uint16_t)port);
    return sizeof a->v4;
}

/* ---- streams over IP: MPTCP, SCTP, DCCP, TCP ---- */

static int listener(int family, int type, int protocol, int port)
{
    union address a;
    socklen_t size = loopback(&a, family, port);
    int one = 1, fd = socket(family, type, protocol);
    if (fd < 0)
        return -1;
    if (protocol == IPPROTO_DCCP)
        setsockopt(fd, 269 /* SOL_DCCP */, 2 /* service */, &(uint32_t){ htonl(0x1ab) }, 4);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, &a.any, size) || listen(fd, 8)) {
        close(fd);
        return -1;
    }
    return fd;
}

static int caller(int family, int type, int protocol, int port)
{
    union address a;
    socklen_t size = loopback(&a, family, port);
    int fd = socket(family, type, protocol);
    if (fd >= 0 && protocol == IPPROTO_DCCP)
        setsockopt(fd, 269, 2, &(uint32_t){ htonl(0x1ab) }, 4);
    if (fd >= 0 && connect(fd, &a.any, size)) {
        close(fd);
        return -1;
    }
    return fd;
}

static void streams(void)
{
    static const struct {
        int family, type, protocol, port;
        const char *name, *words;
    } all[] = {
        { AF_INET, SOCK_STREAM, IPPROTO_MPTCP, 7501, "mptcp", "words through MPTCP" },
        { AF_INET6, SOCK_STREAM, IPPROTO_MPTCP, 7502, "mptcp6", "words through MPTCP over IPv6" },
        { AF_INET, SOCK_STREAM, IPPROTO_SCTP, 7503, "sctp", "words through SCTP" },
        { AF_INET6, SOCK_STREAM, IPPROTO_SCTP, 7504, "sctp6", "words through SCTP over IPv6" },
        { AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP, 7505, "sctp, one to many", "words of a message" },
        { AF_INET, SOCK_DCCP, IPPROTO_DCCP, 7506, "dccp", "words through DCCP" },
        { AF_INET6, SOCK_DCCP, IPPROTO_DCCP, 7507, "dccp6", "words through DCCP over IPv6" },
        { AF_INET, SOCK_STREAM, 0, 7508, "tcp", "words in the queue of TCP" },
        { AF_INET6, SOCK_STREAM, 0, 7509, "tcp6", "words in the queue of TCP over IPv6" },
    };
    char what[64];
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int server = listener(all[i].family, all[i].type, all[i].protocol, all[i].port);
        if (server < 0)
            continue;
        snprintf(what, sizeof what, "%s, listen", all[i].name);
        told(what, server);
        bool many = all[i].type == SOCK_SEQPACKET;
        int client = many ? socket(all[i].family, all[i].type, all[i].protocol)
                          : caller(all[i].family, all[i].type, all[i].protocol, all[i].port);
        if (client < 0)
            continue;
        snprintf(what, sizeof what, "%s, connected", all[i].name);
        told(what, client);
        int peer = many ? server : accept(server, NULL, NULL);
        union address a;
        socklen_t size = loopback(&a, all[i].family, all[i].port);
        check(peer >= 0 && sendto(client, all[i].words, strlen(all[i].words), MSG_NOSIGNAL,
                                  many ? &a.any : NULL, many ? size : 0) > 0,
              all[i].name);
        snprintf(what, sizeof what, "%s, with words to read", all[i].name);
        unread(peer, what, all[i].words);
        if (!many)
            say(peer, "an answer");
    }
}

static void tcp_options(void)
{
    int one = 1, server = listener(AF_INET, SOCK_STREAM, 0, 7510);
    told("tcp, listen, three not accepted", server);
    for (int i = 0; i < 3; i++) {
        int fd = caller(AF_INET, SOCK_STREAM, 0, 7510);
        check(say(fd, "words to one that was not accepted"), "send");
        told("tcp, not accepted", fd);
    }
    server = listener(AF_INET, SOCK_STREAM, 0, 7511);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sock_filter code[] = {
        { 0x28, 0, 0, 2 }, { 0x15, 0, 1, 7511 }, { 0x06, 0, 0, 0xffff }, { 0x06, 0, 0, 0xfff0 }
    };
    struct sock_fprog program = { 4, code };
    setsockopt(fd, SOL_SOCKET, SO_MARK, &(int){ 0x1ab }, 4);
    setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &(int){ 5 }, 4);
    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &(int){ 5000 }, 4);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &(int){ 90000 }, 4);
    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "bbr", 3);
    setsockopt(fd, IPPROTO_IP, IP_TOS, &(int){ 0x10 }, 4);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){ 100000 }, 4);
    union address a;
    check(!setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) &&
              !connect(fd, &a.any, loopback(&a, AF_INET, 7511)),
          "options");
    told("tcp, mark 0x1ab, priority 5, device lo, keepalive, nodelay, bbr, filter", fd);
    int peer = accept(server, NULL, NULL);
    /* more than a page, in pieces that the receiver keeps as pages: byte i is 'a' + i % 23 */
    static char many[60000];
    for (size_t i = 0; i < sizeof many; i++)
        many[i] = (char)('a' + i % 23);
    check(send(fd, many, sizeof many, 0) == sizeof many, "send");
    unread(peer, "tcp, 60000 bytes to read, byte i is 'a' + i % 23", "");

    for (int i = 0; i < 2; i++) { /* one port, two listeners */
        int both = socket(AF_INET6, SOCK_STREAM, 0);
        setsockopt(both, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
        check(!bind(both, &a.any, loopback(&a, AF_INET6, 7512)) && !listen(both, 3), "reuseport");
        told("tcp6, listen, SO_REUSEPORT", both);
    }
    server = listener(AF_INET, SOCK_STREAM, 0, 7513);
    fd = caller(AF_INET, SOCK_STREAM, 0, 7513);
    peer = accept(server, NULL, NULL);
    if (!setsockopt(fd, IPPROTO_TCP, 31 /* TCP_ULP */, "tls", 4))
        told("tcp, with TLS of the kernel", fd);
    check(send(fd, "u", 1, MSG_OOB) == 1, "urgent");
    unread(peer, "tcp, one urgent byte", "u");
    fd = socket(AF_INET6, SOCK_STREAM, 0);
    check(!bind(fd, &a.any, loopback(&a, AF_INET6, 7514)), "bind");
    told("tcp6, bound only", fd);
    told("tcp, not bound", socket(AF_INET, SOCK_STREAM, 0));
}

/* ---- datagrams ---- */

static void datagrams(void)
{
    static const struct {
        int family, protocol, port;
        const char *name, *words;
    } all[] = {
        { AF_INET, 0, 7520, "udp", "first unread datagram" },
        { AF_INET6, 0, 7521, "udp6", "first unread datagram over IPv6" },
        { AF_INET, IPPROTO_UDPLITE, 7522, "udplite", "unread UDP-Lite" },
        { AF_INET6, IPPROTO_UDPLITE, 7523, "udplite6", "unread UDP-Lite over IPv6" },
    };
    char what[64];
    union address a;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int server = socket(all[i].family, SOCK_DGRAM, all[i].protocol),
            client = socket(all[i].family, SOCK_DGRAM, all[i].protocol);
        if (server < 0)
            continue;
        socklen_t size = loopback(&a, all[i].family, all[i].port);
        check(!bind(server, &a.any, size) && !connect(client, &a.any, size) &&
                  say(client, all[i].words) && say(client, "second"),
              all[i].name);
        snprintf(what, sizeof what, "%s, two to read", all[i].name);
        unread(server, what, all[i].words);
        snprintf(what, sizeof what, "%s, connected", all[i].name);
        told(what, client);
        size = loopback(&a, all[i].family, all[i].port + 10);
        int both = socket(all[i].family, SOCK_DGRAM, all[i].protocol);
        check(!bind(both, &a.any, size), all[i].name);
        size = loopback(&a, all[i].family, all[i].port);
        check(!connect(both, &a.any, size), all[i].name);
        snprintf(what, sizeof what, "%s, bound and connected", all[i].name);
        told(what, both);
    }
    int cork = socket(AF_INET, SOCK_DGRAM, 0), one = 1;
    socklen_t size = loopback(&a, AF_INET, 7529);
    check(!connect(cork, &a.any, size) &&
              !setsockopt(cork, IPPROTO_UDP, UDP_CORK, &one, sizeof one) &&
              say(cork, "words that were not sent yet"),
          "cork");
    unread(cork, "udp, corked", "words that were not sent yet");
    int raw = socket(AF_INET, SOCK_RAW, 253), to = socket(AF_INET, SOCK_RAW, 253);
    size = loopback(&a, AF_INET, 0);
    check(!connect(to, &a.any, size) && say(to, "words in a raw socket"), "raw");
    unread(raw, "raw protocol 253", "words in a raw socket");
    int ping = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
    struct {
        struct icmphdr head;
        char words[24];
    } echo = { { .type = ICMP_ECHO }, "words in an echo" };
    if (ping >= 0 && !connect(ping, &a.any, size) && send(ping, &echo, sizeof echo, 0) > 0)
        unread(ping, "ping", "words in an echo");
    size = loopback(&a, AF_INET6, 0);
    ping = socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6);
    if (ping >= 0 && !bind(ping, &a.any, size))
        told("ping6", ping);
}

/* ---- below IP, and beside it ---- */

static void packets(void)
{
    int fd = socket(AF_PACKET, SOCK_RAW, 0), one = 1;
    /* UDP of port 7520 only */
    struct sock_filter code[] = {
        { 0x28, 0, 0, 12 },   { 0x15, 0, 6, 0x800 },  { 0x30, 0, 0, 23 },
        { 0x15, 0, 4, 17 },   { 0xb1, 0, 0, 14 },     { 0x48, 0, 0, 16 },
        { 0x15, 0, 1, 7540 }, { 0x06, 0, 0, 262144 }, { 0x06, 0, 0, 0 },
    };
    struct sock_fprog program = { 9, code };
    struct sockaddr_ll on = { .sll_family = AF_PACKET,
                              .sll_protocol = htons(ETH_P_ALL),
                              .sll_ifindex = (int)if_nametoindex("lo") };
    check(!setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) &&
              !bind(fd, (void *)&on, sizeof on) &&
              !setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &(int){ 0x1ab | PACKET_FANOUT_HASH << 16 },
                          4),
          "packet");
    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof one);
    int sink = socket(AF_INET, SOCK_DGRAM, 0), from = socket(AF_INET, SOCK_DGRAM, 0);
    union address a;
    socklen_t size = loopback(&a, AF_INET, 7540);
    check(!bind(sink, &a.any, size) && !connect(from, &a.any, size) &&
              say(from, "words in a packet socket"),
          "packet");
    unread(fd, "packet on lo, filter udp port 7540, fanout", "words in a packet socket");
    unread(sink, "udp", "words in a packet socket");
    struct packet_mreq all = { .mr_ifindex = (int)if_nametoindex("veth-lab"),
                               .mr_type = PACKET_MR_PROMISC };
    fd = socket(AF_PACKET, SOCK_RAW, 0);
    on.sll_ifindex = all.mr_ifindex;
    check(!bind(fd, (void *)&on, sizeof on) &&
              !setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all),
          "promiscuous");
    told("packet on veth-lab, promiscuous", fd);

    static const int groups[] = { 1, 5, 7, 9, 33, 35 };
    fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof *groups);
    told("netlink route, groups 1 5 7 9 33 35", fd);

    fd = socket(AF_XDP, SOCK_RAW, 0);
    void *memory = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct xdp_umem_reg region = { (uintptr_t)memory, 65536, 4096, 0, 0 };
    struct sockaddr_xdp queue = { .sxdp_family = AF_XDP,
                                  .sxdp_flags = XDP_COPY,
                                  .sxdp_ifindex = if_nametoindex("veth-lab") };
    int slots = 16;
    if (fd >= 0) {
        check(!setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &region, sizeof region) &&
                  !setsockopt(fd, SOL_XDP, XDP_UMEM_FILL_RING, &slots, sizeof slots) &&
                  !setsockopt(fd, SOL_XDP, XDP_UMEM_COMPLETION_RING, &slots, sizeof slots) &&
                  !setsockopt(fd, SOL_XDP, XDP_RX_RING, &slots, sizeof slots) &&
                  !bind(fd, (void *)&queue, sizeof queue),
              "xdp");
        told("xdp on veth-lab, queue 0", fd);
    }
    fd = socket(15 /* AF_KEY */, SOCK_RAW, 2 /* PF_KEY_V2 */);
    if (fd >= 0)
        told("key", fd);
    fd = socket(29 /* AF_CAN */, SOCK_RAW, 1);
    if (fd >= 0)
        told("can", fd);
}

static void crypto(void)
{
    static const struct {
        const char *type, *name;
    } all[] = { { "hash", "sha256" }, { "skcipher", "cbc(aes)" }, { "hash", "hmac(sha256)" } };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct sockaddr_alg a = { .salg_family = AF_ALG };
        char what[64];
        strcpy((char *)a.salg_type, all[i].type);
        strcpy((char *)a.salg_name, all[i].name);
        int fd = socket(AF_ALG, SOCK_SEQPACKET, 0);
        if (fd < 0 || bind(fd, (void *)&a, sizeof a))
            continue;
        if (i)
            setsockopt(fd, 279 /* SOL_ALG */, ALG_SET_KEY, "a key of the lab", 16);
        snprintf(what, sizeof what, "alg %s %s", all[i].type, all[i].name);
        told(what, fd);
        int op = accept(fd, NULL, NULL);
        if (op < 0)
            continue;
        snprintf(what, sizeof what, "alg %s %s, at work", all[i].type, all[i].name);
        told(what, op);
        if (!i)
            send(op, "words to be hashed", 18, MSG_MORE);
    }
}

static void beside(void)
{
    struct sockaddr_tipc t = { .family = AF_TIPC,
                               .addrtype = TIPC_SERVICE_RANGE,
                               .scope = TIPC_NODE_SCOPE,
                               .addr.nameseq = { 18888, 1, 9 } };
    int server = socket(AF_TIPC, SOCK_SEQPACKET, 0), rdm = socket(AF_TIPC, SOCK_RDM, 0);
    if (server >= 0 && !bind(server, (void *)&t, sizeof t) && !listen(server, 4)) {
        told("tipc, listen 18888 1-9", server);
        struct sockaddr_tipc to = { .family = AF_TIPC,
                                    .addrtype = TIPC_SERVICE_ADDR,
                                    .addr.name = { { 18888, 7 }, 0 } };
        int client = socket(AF_TIPC, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
        if (!connect(client, (void *)&to, sizeof to) || errno == EINPROGRESS) {
            int peer = accept(server, NULL, NULL); /* connect() waits for it */
            usleep(100000);
            told("tipc, connected", client);
            if (say(client, "words through TIPC"))
                unread(peer, "tipc, with words to read", "words through TIPC");
        }
        t.addr.nameseq.type = 18889;
        to.addr.name.name.type = 18889;
        if (!bind(rdm, (void *)&t, sizeof t) &&
            sendto(client, "x", 0, MSG_DONTWAIT, NULL, 0) <= 0 &&
            sendto(rdm, "words of RDM", 12, 0, (void *)&to, sizeof to) > 0)
            unread(rdm, "tipc, rdm 18889", "words of RDM");
    }
    struct sockaddr_vm vm = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = 7310 };
    int one = socket(AF_VSOCK, SOCK_STREAM, 0), two = socket(AF_VSOCK, SOCK_STREAM, 0);
    if (one >= 0 && !bind(one, (void *)&vm, sizeof vm) && !listen(one, 4)) {
        told("vsock, listen 7310", one);
        vm.svm_cid = 1;
        if (!connect(two, (void *)&vm, sizeof vm)) {
            told("vsock, connected 7310", two);
            int peer = accept(one, NULL, NULL);
            check(say(two, "words through vsock"), "vsock");
            unread(peer, "vsock, with words to read", "words through vsock");
        }
    }
}

static void locals(void)
{
    static const struct {
        int type;
        const char *what;
    } all[] = { { SOCK_STREAM, "unix stream pair" },
                { SOCK_DGRAM, "unix dgram pair" },
                { SOCK_SEQPACKET, "unix seqpacket pair" } };
    for (size_t i = 0; i < 3; i++) {
        int s[2];
        check(!socketpair(AF_UNIX, all[i].type, 0, s) && say(s[0], "there|") &&
                  say(s[0], "again") && say(s[1], "and back"),
              all[i].what);
        unread(s[0], all[i].what, "and back");
        unread(s[1], all[i].what, "there|again");
    }
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    memcpy(a.sun_path, "\0lab\0zero \"and\" more", 21); /* an abstract name may hold anything */
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0), to = socket(AF_UNIX, SOCK_DGRAM, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 21);
    check(!bind(fd, (void *)&a, size) && !connect(to, (void *)&a, size) && say(to, "to a name"),
          "abstract");
    unread(fd, "unix dgram, abstract name with zero bytes", "to a name");
    told("unix dgram, connected to an abstract name", to);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    memcpy(a.sun_path, "/run/lab/removed.sock", 22);
    check(!bind(fd, (void *)&a, sizeof a) && !listen(fd, 4), "unix");
    told("unix stream, listen, its file is gone", fd);
    for (int i = 0; i < 3; i++) {
        int client = socket(AF_UNIX, SOCK_STREAM, 0);
        check(!connect(client, (void *)&a, sizeof a) && say(client, "to one not accepted"), "unix");
        told("unix stream, not accepted", client);
    }
    unlink("/run/lab/removed.sock");
}

/* Sockets of a network namespace that no task is in: made inside, used from outside. */
static void elsewhere(void)
{
    int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC),
        away = open("/run/netns/labempty", O_RDONLY | O_CLOEXEC);
    check(away >= 0 && !setns(away, CLONE_NEWNET), "setns");
    int server = listener(AF_INET, SOCK_STREAM, 0, 7550);
    told("tcp, listen, in labempty", server);
    told("udp, not bound, in labempty", socket(AF_INET, SOCK_DGRAM, 0));
    told("packet, in labempty", socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)));
    int client = caller(AF_INET, SOCK_STREAM, 0, 7550);
    told("tcp, connected, in labempty", client);
    int peer = accept(server, NULL, NULL);
    check(say(client, "words in a namespace without a task"), "labempty");
    unread(peer, "tcp, in labempty", "words in a namespace without a task");
    check(!setns(home, CLONE_NEWNET), "setns");
    close(home), close(away);
}

static void of_alice(void)
{
    closefrom(4); /* the others are not hers; 3 is where facts go */
    become(ALICE);
    int server = listener(AF_INET, SOCK_STREAM, 0, 7560);
    told("tcp, listen, of alice, held by two", server);
    if (!fork())
        sleep_for_ever();
    sleep_for_ever();
}

void families(void)
{
    streams();
    tcp_options();
    datagrams();
    packets();
    crypto();
    beside();
    locals();
    elsewhere();
    child("alice-server", of_alice);
    usleep(500000);
    fact("{\"kind\":\"families\",\"pid\":%d}", getpid());
    sleep_for_ever();
}
