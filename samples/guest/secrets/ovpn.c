/* ovpn - gives the kernel's OpenVPN devices peers and keys, as OpenVPN does: `ovpn OUT IN`, 32 bytes in hex each.  One
 * device has one peer and AES-256-GCM, another many peers and ChaCha20-Poly1305.  It stays, with the sockets. */
#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* include/uapi/linux/ovpn.h, of kernels that are newer than the headers here. */
enum { PEER_NEW = 1, KEY_NEW = 6 };
enum { A_IFINDEX = 1, A_PEER, A_KEYCONF };
enum { P_ID = 1, P_REMOTE_IPV4 = 2, P_REMOTE_PORT = 5, P_SOCKET = 6, P_VPN_IPV4 = 8 };
enum { K_PEER = 1, K_SLOT, K_ID, K_CIPHER, K_ENCRYPT, K_DECRYPT };
enum { D_KEY = 1, D_NONCE };
enum { AES_GCM = 1, CHACHA = 2, NESTED = 1 << 15 };

static struct {
    struct nlmsghdr h;
    char body[4000];
} m;

static void begin(unsigned type, unsigned flags, const void *head, size_t n)
{
    memset(&m, 0, sizeof m);
    m.h.nlmsg_len = NLMSG_LENGTH(0);
    m.h.nlmsg_type = (uint16_t)type;
    m.h.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
    memcpy((char *)&m + m.h.nlmsg_len, head, n);
    m.h.nlmsg_len += NLMSG_ALIGN(n);
}

static struct nlattr *put(unsigned type, const void *bytes, size_t n)
{
    struct nlattr *a = (struct nlattr *)((char *)&m + m.h.nlmsg_len);

    a->nla_type = (uint16_t)type;
    a->nla_len = (uint16_t)(NLA_HDRLEN + n);
    if (n)
        memcpy(a + 1, bytes, n);
    m.h.nlmsg_len += NLA_ALIGN(a->nla_len);
    return a;
}

static void put32(unsigned type, uint32_t v)
{
    put(type, &v, sizeof v);
}

static void end(struct nlattr *a)
{
    a->nla_len = (uint16_t)((char *)&m + m.h.nlmsg_len - (char *)a);
}

/* What came back is in @m. */
static int ask(int s, const char *what)
{
    int status = 0;
    ssize_t n;

    if (send(s, &m, m.h.nlmsg_len, 0) < 0)
        perror(what);
    n = recv(s, &m, sizeof m, 0);
    if (n > 0 && m.h.nlmsg_type == NLMSG_ERROR)
        status = *(int *)NLMSG_DATA(&m.h);
    if (status)
        fprintf(stderr, "%s: %s\n", what, strerror(-status));
    return status;
}

static unsigned family_of(int s, const char *name)
{
    const struct genlmsghdr g = { CTRL_CMD_GETFAMILY, 1, 0 };
    unsigned family = 0;

    begin(GENL_ID_CTRL, 0, &g, sizeof g);
    put(CTRL_ATTR_FAMILY_NAME, name, strlen(name) + 1);
    if (ask(s, name) || m.h.nlmsg_type == NLMSG_ERROR)
        return 0;
    for (unsigned at = NLMSG_LENGTH(GENL_HDRLEN); at + NLA_HDRLEN < m.h.nlmsg_len;) {
        const struct nlattr *a = (const struct nlattr *)((char *)&m + at);

        if (a->nla_type == CTRL_ATTR_FAMILY_ID)
            family = *(const uint16_t *)(a + 1);
        if (!a->nla_len)
            break;
        at += NLA_ALIGN(a->nla_len);
    }
    recv(s, &m, sizeof m, 0); // the acknowledgement
    return family;
}

static void make_device(const char *name, uint8_t mode)
{
    const struct ifinfomsg i = { .ifi_family = AF_UNSPEC };
    int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    struct nlattr *info, *data;

    begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof i);
    put(IFLA_IFNAME, name, strlen(name) + 1);
    info = put(IFLA_LINKINFO, NULL, 0);
    put(IFLA_INFO_KIND, "ovpn", 5);
    data = put(IFLA_INFO_DATA, NULL, 0);
    put(1, &mode, 1);
    end(data);
    end(info);
    ask(s, name);
    close(s);
}

static void direction(unsigned type, const uint8_t *key, const char *tail)
{
    struct nlattr *a = put(type | NESTED, NULL, 0);

    put(D_KEY, key, 32);
    put(D_NONCE, tail, 8);
    end(a);
}

static void peer(int s, unsigned family, const char *device, uint32_t id, uint16_t port,
                 unsigned cipher, const uint8_t *out, const uint8_t *in)
{
    const struct sockaddr_in from = { .sin_family = AF_INET, .sin_port = htons(port) };
    const struct genlmsghdr new = { PEER_NEW, 1, 0 }, key = { KEY_NEW, 1, 0 };
    const uint16_t to = htons(1194);
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    struct nlattr *a;

    if (bind(udp, (const struct sockaddr *)&from, sizeof from))
        perror("bind");
    begin(family, 0, &new, sizeof new);
    put32(A_IFINDEX, if_nametoindex(device));
    a = put(A_PEER | NESTED, NULL, 0);
    put32(P_ID, id);
    put32(P_REMOTE_IPV4, inet_addr("192.0.2.77"));
    put(P_REMOTE_PORT, &to, sizeof to);
    put32(P_SOCKET, (uint32_t)udp);
    if (cipher == CHACHA) // the device with many peers tells them by it
        put32(P_VPN_IPV4, inet_addr("10.8.0.2"));
    end(a);
    ask(s, "new peer");
    begin(family, 0, &key, sizeof key);
    put32(A_IFINDEX, if_nametoindex(device));
    a = put(A_KEYCONF | NESTED, NULL, 0);
    put32(K_PEER, id);
    put32(K_SLOT, 0);
    put32(K_ID, 3);
    put32(K_CIPHER, cipher);
    direction(K_ENCRYPT, out, "tail-out");
    direction(K_DECRYPT, in, "tail-in.");
    end(a);
    if (!ask(s, "new key"))
        printf("%s\n", device);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
    const unsigned family = family_of(s, "ovpn");
    uint8_t keys[2][32];

    if (argc < 3 || !family)
        return 1;
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 32; i++) {
            unsigned v = 0;

            sscanf(argv[1 + k] + 2 * i, "%2x", &v);
            keys[k][i] = (uint8_t)v;
        }
    make_device("ovone", 0);
    make_device("ovmany", 1);
    peer(s, family, "ovone", 7, 1195, AES_GCM, keys[0], keys[1]);
    peer(s, family, "ovmany", 9, 1196, CHACHA, keys[1], keys[0]);
    for (;;)
        pause();
}
