/* sha256.c - see sha256.h. */
#include "sha256.h"
#include "../core/parallel.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint32_t k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t right(uint32_t v, unsigned n)
{
    return v >> n | v << (32 - n);
}

static void block(uint32_t state[8], const uint8_t *p)
{
    uint32_t w[64], s[8];

    for (int i = 0; i < 16; i++)
        w[i] = eg_be32(p + 4 * i);
    for (int i = 16; i < 64; i++)
        w[i] = w[i - 16] + w[i - 7] +
               (right(w[i - 15], 7) ^ right(w[i - 15], 18) ^ w[i - 15] >> 3) +
               (right(w[i - 2], 17) ^ right(w[i - 2], 19) ^ w[i - 2] >> 10);
    memcpy(s, state, sizeof s);
    for (int i = 0; i < 64; i++) {
        uint32_t t1 = s[7] + (right(s[4], 6) ^ right(s[4], 11) ^ right(s[4], 25)) +
                      ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
        uint32_t t2 = (right(s[0], 2) ^ right(s[0], 13) ^ right(s[0], 22)) +
                      ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));

        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        state[i] += s[i];
}

void sha256_init(struct sha256 *s)
{
    *s = (struct sha256){ .state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
                                     0x9b05688c, 0x1f83d9ab, 0x5be0cd19 } };
}

void sha256_add(struct sha256 *s, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    size_t have = s->length % 64;

    s->length += len;
    if (have) {
        size_t n = EG_MIN(len, 64 - have);

        memcpy(s->block + have, p, n);
        p += n;
        len -= n;
        if (have + n < 64)
            return;
        block(s->state, s->block);
    }
    for (; len >= 64; len -= 64, p += 64)
        block(s->state, p);
    memcpy(s->block, p, len);
}

void sha256_end(struct sha256 *s, uint8_t out[32])
{
    const uint64_t bits = s->length * 8;
    uint8_t tail[8];

    for (int i = 0; i < 8; i++)
        tail[i] = (uint8_t)(bits >> (56 - 8 * i));
    sha256_add(s, "\x80", 1);
    while (s->length % 64 != 56)
        sha256_add(s, "", 1);
    sha256_add(s, tail, 8);
    for (int i = 0; i < 32; i++)
        out[i] = (uint8_t)(s->state[i / 4] >> (24 - 8 * (i % 4)));
}

const char *sha256_of_file(struct eg_arena *a, const char *path, bool quiet, struct eg_error *e)
{
    enum { CHUNK = 1 << 20 };
    eg_cleanup(eg_close_fd_) int fd = open(path, O_RDONLY | O_CLOEXEC);
    eg_cleanup(eg_free_) uint8_t *buf = malloc(CHUNK);
    struct eg_progress_line *progress;
    struct sha256 s;
    struct stat st;
    uint8_t sum[32];
    char hex[65];
    ssize_t n;

    if (fd < 0 || fstat(fd, &st)) {
        eg_fail(e, EG_EIO, "%s: %s", path, strerror(errno));
        return NULL;
    }
    if (!buf) {
        eg_fail(e, EG_ENOMEM, "sha256: out of memory");
        return NULL;
    }
    progress = eg_progress_begin("sha256", (uint64_t)st.st_size, "bytes", quiet);
    sha256_init(&s);
    while ((n = read(fd, buf, CHUNK)) > 0 && !eg_cancelled) {
        sha256_add(&s, buf, (size_t)n);
        eg_progress_add(progress, (uint64_t)n);
    }
    eg_progress_end(progress);
    if (n) {
        eg_fail(e, n < 0 ? EG_EIO : EG_ECANCEL, "%s: %s", path,
                n < 0 ? strerror(errno) : "stopped");
        return NULL;
    }
    sha256_end(&s, sum);
    for (int i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    return eg_arena_strndup(a, hex, 64);
}
