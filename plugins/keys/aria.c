/* aria.c - keys of ARIA, from its round keys (RFC 5794, 2.2).
 *
 * Four numbers of 128 bits are made of the key; a round key is one of them and the next one,
 * rotated. So two round keys of the same two numbers say how one of these differs from itself
 * rotated: that leaves sixteen numbers, of which one has all of the rules. */
#include "aes.h"
#include "ciphers.h"

enum { NUMBERS = 4, ROUND_KEYS = 17, SHORT = 13 };

static const uint8_t second_box[256] = {
    0xe2, 0x4e, 0x54, 0xfc, 0x94, 0xc2, 0x4a, 0xcc, 0x62, 0x0d, 0x6a, 0x46, 0x3c, 0x4d, 0x8b, 0xd1,
    0x5e, 0xfa, 0x64, 0xcb, 0xb4, 0x97, 0xbe, 0x2b, 0xbc, 0x77, 0x2e, 0x03, 0xd3, 0x19, 0x59, 0xc1,
    0x1d, 0x06, 0x41, 0x6b, 0x55, 0xf0, 0x99, 0x69, 0xea, 0x9c, 0x18, 0xae, 0x63, 0xdf, 0xe7, 0xbb,
    0x00, 0x73, 0x66, 0xfb, 0x96, 0x4c, 0x85, 0xe4, 0x3a, 0x09, 0x45, 0xaa, 0x0f, 0xee, 0x10, 0xeb,
    0x2d, 0x7f, 0xf4, 0x29, 0xac, 0xcf, 0xad, 0x91, 0x8d, 0x78, 0xc8, 0x95, 0xf9, 0x2f, 0xce, 0xcd,
    0x08, 0x7a, 0x88, 0x38, 0x5c, 0x83, 0x2a, 0x28, 0x47, 0xdb, 0xb8, 0xc7, 0x93, 0xa4, 0x12, 0x53,
    0xff, 0x87, 0x0e, 0x31, 0x36, 0x21, 0x58, 0x48, 0x01, 0x8e, 0x37, 0x74, 0x32, 0xca, 0xe9, 0xb1,
    0xb7, 0xab, 0x0c, 0xd7, 0xc4, 0x56, 0x42, 0x26, 0x07, 0x98, 0x60, 0xd9, 0xb6, 0xb9, 0x11, 0x40,
    0xec, 0x20, 0x8c, 0xbd, 0xa0, 0xc9, 0x84, 0x04, 0x49, 0x23, 0xf1, 0x4f, 0x50, 0x1f, 0x13, 0xdc,
    0xd8, 0xc0, 0x9e, 0x57, 0xe3, 0xc3, 0x7b, 0x65, 0x3b, 0x02, 0x8f, 0x3e, 0xe8, 0x25, 0x92, 0xe5,
    0x15, 0xdd, 0xfd, 0x17, 0xa9, 0xbf, 0xd4, 0x9a, 0x7e, 0xc5, 0x39, 0x67, 0xfe, 0x76, 0x9d, 0x43,
    0xa7, 0xe1, 0xd0, 0xf5, 0x68, 0xf2, 0x1b, 0x34, 0x70, 0x05, 0xa3, 0x8a, 0xd5, 0x79, 0x86, 0xa8,
    0x30, 0xc6, 0x51, 0x4b, 0x1e, 0xa6, 0x27, 0xf6, 0x35, 0xd2, 0x6e, 0x24, 0x16, 0x82, 0x5f, 0xda,
    0xe6, 0x75, 0xa2, 0xef, 0x2c, 0xb2, 0x1c, 0x9f, 0x5d, 0x6f, 0x80, 0x0a, 0x72, 0x44, 0x9b, 0x6c,
    0x90, 0x0b, 0x5b, 0x33, 0x7d, 0x5a, 0x52, 0xf3, 0x61, 0xa1, 0xf7, 0xb0, 0xd6, 0x3f, 0x7c, 0x6d,
    0xed, 0x14, 0xe0, 0xa5, 0x3d, 0x22, 0xb3, 0xf8, 0x89, 0xde, 0x71, 0x1a, 0xaf, 0xba, 0xb5, 0x81,
};

/* Of which bytes each byte is the sum, behind the substitution. */
static const uint16_t diffusion[16] = { 0x6358, 0x93a4, 0x9c52, 0x6ca1, 0xc925, 0xc61a,
                                        0x3685, 0x394a, 0xa493, 0x5863, 0xa16c, 0x529c,
                                        0x1ac6, 0x25c9, 0x4a39, 0x8536 };

static const struct eg_wide constants[3] = {
    { 0x517cc1b727220a94, 0xfe13abe8fa9a6ee0 },
    { 0x6db14acc9e21c820, 0xff28b1d5ef5de2b0 },
    { 0xdb92371d2126e970, 0x0324977504e8c90e },
};

/* By how much the second number is rotated to the left, of each four round keys. */
static const uint8_t rotations[] = { 109, 97, 61, 31, 19 };

static struct eg_wide round_key(const uint8_t *p, unsigned i)
{
    const uint8_t *at = p + 16 * i;

    return (struct eg_wide){ (uint64_t)eg_le32(at) << 32 | eg_le32(at + 4),
                             (uint64_t)eg_le32(at + 8) << 32 | eg_le32(at + 12) };
}

static void put(uint8_t *out, struct eg_wide n)
{
    for (unsigned i = 0; i < 8; i++) {
        out[i] = (uint8_t)(n.high >> (56 - 8 * i));
        out[8 + i] = (uint8_t)(n.low >> (56 - 8 * i));
    }
}

/* The round function, of odd rounds or of even ones. */
static struct eg_wide mix(struct eg_wide n, struct eg_wide with, bool even)
{
    uint8_t x[16], y[16];
    uint8_t boxes[4][256];

    for (unsigned i = 0; i < 256; i++) {
        boxes[0][i] = eg_aes_sbox[i];
        boxes[1][i] = second_box[i];
        boxes[2][eg_aes_sbox[i]] = (uint8_t)i;
        boxes[3][second_box[i]] = (uint8_t)i;
    }
    put(x, eg_wide_xor(n, with));
    for (unsigned i = 0; i < 16; i++)
        x[i] = boxes[(i + 2 * even) % 4][x[i]];
    for (unsigned i = 0; i < 16; i++) {
        y[i] = 0;
        for (unsigned k = 0; k < 16; k++)
            y[i] ^= diffusion[i] >> k & 1 ? x[k] : 0;
    }
    return (struct eg_wide){ eg_be64(y), eg_be64(y + 8) };
}

/* @n with n ^ (n >>> 12) = @sum, whose lowest four bits are 0: with four other bits, repeated, it
 * is so too. @return false: there is none. */
static bool unfold(struct eg_wide sum, struct eg_wide *n)
{
    *n = (struct eg_wide){ 0, 0 };
    for (unsigned first = 0; first < 4; first++) {
        unsigned at = first;
        uint64_t bit = 0;

        for (unsigned i = 0; i < 32; i++) {
            bit ^= (at < 64 ? sum.low >> at : sum.high >> (at - 64)) & 1;
            at = (at + 12) % 128;
            *(at < 64 ? &n->low : &n->high) |= bit << at % 64;
        }
        if (bit) // back at the first
            return false;
    }
    return true;
}

/* Do all round keys of a key with @words 64-bit words follow from these numbers? Then it is in
 * @out. */
static bool follow(const uint8_t *p, const struct eg_wide *w, unsigned words,
                   struct eg_cipher_key *out)
{
    const struct eg_wide *c[3];
    struct eg_wide right;

    for (unsigned i = 0; i < 3; i++)
        c[i] = &constants[(i + words - 2) % 3];
    if (!eg_wide_same(w[2], eg_wide_xor(mix(w[1], *c[1], true), w[0])) ||
        !eg_wide_same(w[3], eg_wide_xor(mix(w[2], *c[2], false), w[1])))
        return false;
    for (unsigned i = 0; i < SHORT + 2 * (words - 2); i++)
        if (!eg_wide_same(round_key(p, i),
                          eg_wide_xor(w[i % 4], eg_wide_left(w[(i + 1) % 4], rotations[i / 4]))))
            return false;
    right = eg_wide_xor(w[1], mix(w[0], *c[0], false));
    if ((words == 2 && right.high) || (words < 4 && right.low))
        return false;
    put(out->key, w[0]);
    put(out->key + 16, right);
    out->len = 8 * words;
    return true;
}

/* Two round keys of the same numbers differ, and all bits @apart sum up to 0. */
static bool may_be_rotated(const uint8_t *p, unsigned a, unsigned b, unsigned apart)
{
    const struct eg_wide sum = eg_wide_xor(round_key(p, a), round_key(p, b));
    uint64_t folded = sum.high ^ sum.low;

    for (unsigned by = 32; by >= apart; by /= 2)
        folded ^= folded >> by;
    return (sum.high | sum.low) && !(folded & ((UINT64_C(1) << apart) - 1));
}

static bool may_be(const uint8_t *p)
{
    for (unsigned i = 0; i < 4; i++)
        if (!may_be_rotated(p, i, i + 4, 4) || !may_be_rotated(p, i, i + 8, 16))
            return false;
    return true;
}

static bool read_aria(const struct eg_cipher_place *place, struct eg_cipher_key *out)
{
    const uint8_t *p = place->p;
    struct eg_wide any;

    if (!may_be(p))
        return false;
    out->layout = "round keys";
    out->proven = true;
    if (!unfold(eg_wide_xor(round_key(p, 0), round_key(p, 4)), &any))
        return false;
    for (unsigned low = 0; low < 16; low++) {
        const uint64_t repeated = low * UINT64_C(0x1111111111111111);
        const struct eg_wide turned = { any.high ^ repeated, any.low ^ repeated };
        struct eg_wide w[NUMBERS];

        w[0] = eg_wide_xor(round_key(p, 0), turned);
        w[1] = eg_wide_left(turned, 19);
        w[3] = eg_wide_xor(round_key(p, 3), eg_wide_left(w[0], rotations[0]));
        w[2] = eg_wide_xor(round_key(p, 2), eg_wide_left(w[3], rotations[0]));
        if (!eg_wide_same(round_key(p, 1), eg_wide_xor(w[1], eg_wide_left(w[2], rotations[0]))))
            continue;
        for (unsigned words = 2; words <= 4; words++)
            if (eg_within(0, 16 * (SHORT + 2 * ((size_t)words - 2)), place->len) &&
                follow(p, w, words, out))
                return true;
    }
    return false;
}

/* Round keys 1 and 9 have the same number, rotated by 19 bits to the right and by 61 to the left:
 * of what they differ in, all bits 16 apart sum up to 0. The same is so of 2 and 10. */
CIPHER_WIDE static void look_aria(const uint8_t *restrict p, size_t n, uint8_t *restrict passed)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t first = 0, second = 0;

        for (unsigned k = 0; k < 4; k++) {
            first ^= eg_cipher_word(p, i + k) ^ eg_cipher_word(p, i + k + 32);
            second ^= eg_cipher_word(p, i + k + 4) ^ eg_cipher_word(p, i + k + 36);
        }
        passed[i] = (((first ^ first >> 16) & 0xffff) == 0) &
                    (((second ^ second >> 16) & 0xffff) == 0) &
                    (eg_cipher_word(p, i) != eg_cipher_word(p, i + 32));
    }
}

const struct eg_cipher eg_aria = {
    "ARIA", 16 * SHORT, look_aria, CIPHER_RANDOM, 1, NULL, read_aria
};
