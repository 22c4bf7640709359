/* xxh64.c - see xxh64.h; names are the specification's. */
#include "xxh64.h"

#define PRIME1 UINT64_C(0x9e3779b185ebca87)
#define PRIME2 UINT64_C(0xc2b2ae3d27d4eb4f)
#define PRIME3 UINT64_C(0x165667b19e3779f9)
#define PRIME4 UINT64_C(0x85ebca77c2b2ae63)
#define PRIME5 UINT64_C(0x27d4eb2f165667c5)

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static uint64_t round_(uint64_t acc, uint64_t lane)
{
    return rotate(acc + lane * PRIME2, 31) * PRIME1;
}

uint64_t eg_xxh64(const void *bytes, size_t len)
{
    uint64_t acc[4] = { PRIME1 + PRIME2, PRIME2, 0, -PRIME1 }, h = PRIME5;
    const uint8_t *p = bytes, *end = p + len;

    if (len >= 32) {
        for (; end - p >= 32; p += 32)
            for (int i = 0; i < 4; i++)
                acc[i] = round_(acc[i], eg_le64(p + 8 * i));
        h = rotate(acc[0], 1) + rotate(acc[1], 7) + rotate(acc[2], 12) + rotate(acc[3], 18);
        for (int i = 0; i < 4; i++)
            h = (h ^ round_(0, acc[i])) * PRIME1 + PRIME4;
    }
    h += len;
    for (; end - p >= 8; p += 8)
        h = rotate(h ^ round_(0, eg_le64(p)), 27) * PRIME1 + PRIME4;
    for (; end - p >= 4; p += 4)
        h = rotate(h ^ eg_le32(p) * PRIME1, 23) * PRIME2 + PRIME3;
    for (; p < end; p++)
        h = rotate(h ^ *p * PRIME5, 11) * PRIME1;
    h = (h ^ h >> 33) * PRIME2;
    h = (h ^ h >> 29) * PRIME3;
    return h ^ h >> 32;
}
