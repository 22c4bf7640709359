/* ciphers - uses keys of ciphers until the freeze: those of the kernel, by AF_ALG, and a state of
 * ChaCha20 of its own. Writes a line for each argument NAME=HEX that is in use: its number. */
#include <linux/if_alg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SOL_ALG
#define SOL_ALG 279
#endif

static size_t from_hex(const char *text, uint8_t *out)
{
    size_t n = 0;
    unsigned v;

    for (; n < 64 && sscanf(text + 2 * n, "%2x", &v) == 1; n++)
        out[n] = (uint8_t)v;
    return n;
}

/* A key in the kernel: it is expanded when it is set. */
static int use(const char *name, const uint8_t *key, size_t len)
{
    struct sockaddr_alg a = { .salg_family = AF_ALG, .salg_type = "skcipher" };
    const int s = socket(AF_ALG, SOCK_SEQPACKET, 0);

    snprintf((char *)a.salg_name, sizeof a.salg_name, "%s", name);
    return s >= 0 && !bind(s, (struct sockaddr *)&a, sizeof a) &&
           !setsockopt(s, SOL_ALG, ALG_SET_KEY, key, len) && accept(s, NULL, NULL) >= 0;
}

/* RFC 8439, 2.3: constant, key, counter, nonce. */
static uint8_t *volatile kept; // so that the compiler does not leave it out

static int keep_state(const uint8_t *key)
{
    uint8_t *state = kept = malloc(64);

    if (!state)
        return 0;
    memcpy(state, "expand 32-byte k", 16);
    memcpy(state + 16, key, 32);
    memset(state + 48, 0, 16);
    state[48] = 7;
    memcpy(state + 52, "a nonce it is", 12);
    return 1;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        char *hex = strchr(argv[i], '=');
        uint8_t key[64];
        size_t len;

        if (!hex)
            continue;
        *hex++ = 0;
        len = from_hex(hex, key);
        memset(hex, '-', strlen(hex)); // not in the arguments
        if (!strcmp(argv[i], "state") ? keep_state(key) : use(argv[i], key, len))
            printf("%d\n", i);
        memset(key, 0, sizeof key);
    }
    fclose(stdout);
    for (;;)
        pause();
}
