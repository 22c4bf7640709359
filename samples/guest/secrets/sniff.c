/* sniff.c - writes what goes over the loopback device to a pcap file: TCP of a range of ports.
 * Unlike tcpdump it needs neither users nor libraries.
 *
 *     sniff FILE FIRST LAST */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { HEAD = 14, IP = 20, TCP = 6, LARGEST = 1 << 17 };

static int port(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

int main(int argc, char **argv)
{
    static uint8_t bytes[LARGEST];
    static const uint32_t head[6] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, LARGEST, 1 };
    struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
    FILE *f = argc == 4 ? fopen(argv[1], "wb") : NULL;
    const int s = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    const int first = argc == 4 ? atoi(argv[2]) : 0, last = argc == 4 ? atoi(argv[3]) : 0;

    at.sll_ifindex = (int)if_nametoindex("lo");
    if (!f || s < 0 || bind(s, (struct sockaddr *)&at, sizeof at) < 0) {
        perror("sniff");
        return 1;
    }
    fwrite(head, sizeof head, 1, f);
    fflush(f);
    for (;;) {
        struct sockaddr_ll from;
        socklen_t size = sizeof from;
        const ssize_t n = recvfrom(s, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &size);
        const uint8_t *tcp = bytes + HEAD + IP;
        struct timespec now;
        uint32_t packet[4];

        // Each packet is seen twice: as it leaves, and as it arrives.
        if (n < HEAD + IP + 20 || from.sll_pkttype == PACKET_OUTGOING || bytes[HEAD] != 0x45 ||
            bytes[HEAD + 9] != TCP)
            continue;
        if ((port(tcp) < first || port(tcp) > last) &&
            (port(tcp + 2) < first || port(tcp + 2) > last))
            continue;
        clock_gettime(CLOCK_REALTIME, &now);
        packet[0] = (uint32_t)now.tv_sec;
        packet[1] = (uint32_t)(now.tv_nsec / 1000);
        packet[2] = packet[3] = (uint32_t)n;
        fwrite(packet, sizeof packet, 1, f);
        fwrite(bytes, (size_t)n, 1, f);
        fflush(f);
    }
}
