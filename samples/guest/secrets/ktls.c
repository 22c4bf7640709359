/* ktls - a connection over lo whose records the kernel encrypts: ktls VERSION CIPHER HEX HEX
 * VERSION: 1.2, 1.3; CIPHER: its number in linux/tls.h; then the keys of both directions. What this
 * kernel does not take ends the program; else it says so, and sleeps with the connection open. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef TCP_ULP
#define TCP_ULP 31
#endif

enum {
    TLS = 282, // SOL_TLS
    TX = 1,
    RX = 2,
    GCM_128 = 51,
    GCM_256 = 52,
    CHACHA = 54,
};

/* One of the structs of linux/tls.h: version, cipher, iv, key, salt, rec_seq, without gaps. */
struct info {
    uint8_t at[64];
    size_t n;
};

static void put(struct info *i, const void *bytes, size_t n)
{
    memcpy(i->at + i->n, bytes, n);
    i->n += n;
}

static struct info info_of(unsigned version, unsigned cipher, const char *hex, uint8_t first)
{
    const uint16_t head[] = { (uint16_t)(0x300 + version), (uint16_t)cipher };
    const uint8_t zeros[8] = { 0 };
    struct info i = { .n = 0 };
    uint8_t vector[12], key[32] = { 0 };
    const size_t len = strlen(hex) / 2 < sizeof key ? strlen(hex) / 2 : sizeof key;
    unsigned byte;

    for (size_t k = 0; k < sizeof vector; k++)
        vector[k] = (uint8_t)(first + k);
    for (size_t k = 0; k < len && sscanf(hex + 2 * k, "%2x", &byte) == 1; k++)
        key[k] = (uint8_t)byte;
    put(&i, head, sizeof head);
    put(&i, vector + 4, 8);
    if (cipher == CHACHA)
        put(&i, vector, 4);
    put(&i, key, cipher == GCM_128 ? 16 : 32);
    if (cipher != CHACHA)
        put(&i, vector, 4);
    put(&i, zeros, sizeof zeros);
    return i;
}

static int failed(const char *what)
{
    perror(what);
    return 1;
}

int main(int argc, char **argv)
{
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
    socklen_t len = sizeof here;
    const int listener = socket(AF_INET, SOCK_STREAM, 0), a = socket(AF_INET, SOCK_STREAM, 0);
    unsigned version, cipher;
    struct info to, from;
    char text[64];
    int b;

    if (argc != 5)
        return 2;
    version = !strcmp(argv[1], "1.3") ? 4 : 3;
    cipher = (unsigned)atoi(argv[2]);
    if (bind(listener, (struct sockaddr *)&here, len) || listen(listener, 1) ||
        getsockname(listener, (struct sockaddr *)&here, &len) ||
        connect(a, (struct sockaddr *)&here, len) || (b = accept(listener, NULL, NULL)) < 0)
        return failed("connect");
    close(listener);
    to = info_of(version, cipher, argv[3], 0x11);
    from = info_of(version, cipher, argv[4], 0x71);
    if (setsockopt(a, IPPROTO_TCP, TCP_ULP, "tls", 4) ||
        setsockopt(b, IPPROTO_TCP, TCP_ULP, "tls", 4))
        return failed("ULP");
    if (setsockopt(a, TLS, TX, to.at, (socklen_t)to.n) ||
        setsockopt(b, TLS, RX, to.at, (socklen_t)to.n) ||
        setsockopt(b, TLS, TX, from.at, (socklen_t)from.n) ||
        setsockopt(a, TLS, RX, from.at, (socklen_t)from.n))
        return failed("keys");
    if (send(a, "there", 5, 0) != 5 || recv(b, text, sizeof text, 0) != 5 ||
        send(b, "and back", 8, 0) != 8 || recv(a, text, sizeof text, 0) != 8)
        return failed("records");
    puts("works");
    fflush(stdout);
    for (;;)
        pause();
}
