/* bluetooth - a controller that is not there, as /dev/vhci has it, and the keys of devices that it is said to know:
 * `bluetooth LINK LTK IRK`, each 32 digits of hex.  It goes on answering. */
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint8_t peer[6] = { 0x01, 0x00, 0x1a, 0x0b, 0x00, 0x02 };

/* Every command has worked; what it returns is zeros, but that the controller also speaks LE. */
static void answer(int vhci)
{
    uint8_t in[512], out[3 + 255] = { 4, 0x0e, 255, 1 };
    const ssize_t n = read(vhci, in, sizeof in);

    if (n < 4 || in[0] != 1)
        return;
    memcpy(out + 4, in + 1, 2);
    if (in[1] == 0x03 && in[2] == 0x10) // read local supported features
        out[7 + 4] = 0x40;
    if (in[1] == 0x05 && in[2] == 0x10) // read its buffers' sizes
        memcpy(out + 7, "\xfd\x03\x40\x08\x00\x08\x00", 7);
    if (in[1] == 0x02 && in[2] == 0x20) // the same of LE
        memcpy(out + 7, "\xfb\x00\x08", 3);
    if (in[1] == 0x09 && in[2] == 0x10) // read the controller's address
        memcpy(out + 7, "\x99\x00\x1a\x0b\x00\x02", 6);
    if (write(vhci, out, sizeof out) < 0)
        perror("vhci");
}

static void answer_for(int vhci, int ms)
{
    struct pollfd p = { vhci, POLLIN, 0 };

    while (poll(&p, 1, ms) > 0)
        answer(vhci);
}

static void bytes(const char *hex, uint8_t *out)
{
    for (int i = 0; i < 16; i++) {
        unsigned v = 0;

        sscanf(hex + 2 * i, "%2x", &v);
        out[i] = (uint8_t)v;
    }
}

/* A command of the management interface (include/net/bluetooth/mgmt.h) for controller 0. */
static void manage(int s, int vhci, unsigned opcode, const void *args, unsigned len)
{
    uint8_t m[256] = { (uint8_t)opcode, (uint8_t)(opcode >> 8), 0, 0, (uint8_t)len, 0 }, reply[256];
    struct pollfd p = { s, POLLIN, 0 };

    memcpy(m + 6, args, len);
    if (write(s, m, 6 + len) < 0)
        perror("mgmt");
    answer_for(vhci, 300);
    while (poll(&p, 1, 300) > 0) {
        const ssize_t n = read(s, reply, sizeof reply);

        if (n >= 9 && reply[6] == m[0] && reply[7] == m[1])
            fprintf(stderr, "bluetooth: command %#x: status %d\n", opcode, reply[8]);
    }
}

int main(int argc, char **argv)
{
    const struct {
        uint16_t family, dev, channel;
    } control = { AF_BLUETOOTH, 0xffff, 3 };
    uint8_t link[3 + 25] = { 0, 1, 0 }, ltk[2 + 36] = { 1, 0 }, irk[2 + 23] = { 1, 0 },
                     create[2] = { 0xff, 0 };
    const int vhci = open("/dev/vhci", O_RDWR), s = socket(AF_BLUETOOTH, SOCK_RAW, 1);

    if (argc != 4 || vhci < 0 || s < 0 || bind(s, (const void *)&control, sizeof control) < 0 ||
        write(vhci, create, 2) != 2) {
        perror("bluetooth");
        return 1;
    }
    answer_for(vhci, 3000); // until it is set up
    memcpy(link + 3, peer, 6);
    link[10] = 4; // unauthenticated combination key, P-192
    bytes(argv[1], link + 11);
    manage(s, vhci, 0x0012, link, sizeof link);
    memcpy(ltk + 2, peer, 6);
    ltk[8] = 1; // LE, public address
    ltk[10] = 1;
    ltk[11] = 16;
    ltk[12] = 0x34;
    ltk[14] = 0x56;
    bytes(argv[2], ltk + 22);
    manage(s, vhci, 0x0013, ltk, sizeof ltk);
    memcpy(irk + 2, peer, 6);
    irk[8] = 1;
    bytes(argv[3], irk + 9);
    manage(s, vhci, 0x0030, irk, sizeof irk);
    puts("ready");
    fflush(stdout);
    for (;;)
        answer_for(vhci, -1);
}
