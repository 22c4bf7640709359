/* keys_test.c - AES schedules as the standard has them, in every layout, and what is nearly one. */
#include "../../../plugins/keys/aes.h"
#include "check.h"
#include "mkscan.h"
#include <stdio.h>
#include <stdlib.h>

static void hex(const char *text, uint8_t *out)
{
    for (; *text; text += 2) {
        unsigned v;

        assert_int_equal(sscanf(text, "%2x", &v), 1);
        *out++ = (uint8_t)v;
    }
}

/* FIPS 197, appendix A: keys, and the last round keys. */
static void standard(void **state)
{
    static const struct {
        const char *key, *last;
    } cases[] = {
        { "2b7e151628aed2a6abf7158809cf4f3c", "d014f9a8c9ee2589e13f0cc8b6630ca6" },
        { "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", "e98ba06f448c773c8ecc720401002202" },
        { "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
          "fe4890d1e6188d0b046df344706c631e" },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        const unsigned words = (unsigned)strlen(cases[i].key) / 8;
        uint8_t key[AES_KEY_MAX], out[AES_SCHEDULE_MAX], last[16];

        hex(cases[i].key, key);
        hex(cases[i].last, last);
        eg_aes_expand(key, words, out);
        assert_memory_equal(out + eg_aes_size(words) - 16, last, 16);
    }
}

/* ---- every layout ---- */

static uint8_t times(uint8_t a, uint8_t b)
{
    uint8_t sum = 0;

    for (; b; b >>= 1) {
        sum ^= b & 1 ? a : 0;
        a = (uint8_t)(a << 1 ^ (a & 0x80 ? 0x1b : 0));
    }
    return sum;
}

/* FIPS 197, 5.3.3. */
static void inverse_mix_columns(uint8_t *p)
{
    static const uint8_t by[] = { 14, 11, 13, 9 };
    uint8_t out[4];

    for (unsigned i = 0; i < 4; i++) {
        out[i] = 0;
        for (unsigned k = 0; k < 4; k++)
            out[i] ^= times(p[k], by[(k - i) & 3]);
    }
    memcpy(p, out, 4);
}

static void lay_out(const uint8_t *key, const struct eg_aes_schedule *s, uint8_t *out)
{
    const bool forward = s->layout == AES_ENCRYPT || s->layout == AES_DECRYPT_FORWARD;
    const bool mixed = s->layout == AES_DECRYPT || s->layout == AES_DECRYPT_FORWARD;
    const unsigned last = s->words + 6u;
    uint8_t plain[AES_SCHEDULE_MAX];

    eg_aes_expand(key, s->words, plain);
    for (unsigned round = 0; round <= last; round++)
        for (unsigned i = 0; i < 4; i++) {
            uint8_t *p = out + 16 * (forward ? round : last - round) + 4 * i;

            memcpy(p, plain + 16 * round + 4 * i, 4);
            if (mixed && round && round != last)
                inverse_mix_columns(p);
            if (s->swapped) {
                const uint8_t was[] = { p[3], p[2], p[1], p[0] };

                memcpy(p, was, 4);
            }
        }
}

struct seen {
    size_t n, at;
    struct eg_aes_schedule s;
};

static void see(void *context, size_t at, const struct eg_aes_schedule *s)
{
    struct seen *seen = context;

    seen->n++;
    seen->at = at;
    seen->s = *s;
}

/* Every way to look, of those that this processor has. */
#define each_way(way) for (int way = -1; way < 3; way++)

static bool look(int way, const uint8_t *bytes, size_t len, eg_aes_each *each, void *context)
{
    if (way >= 0)
        return eg_aes_find_with((unsigned)way, bytes, len, each, context);
    eg_aes_find_portable(bytes, len, each, context);
    return true;
}

static void is_found(const uint8_t *bytes, size_t len, size_t at, const struct eg_aes_schedule *s)
{
    each_way(way)
    {
        struct seen seen = { 0 };

        if (!look(way, bytes, len, see, &seen))
            continue;
        if (!s) {
            assert_int_equal(seen.n, 0);
            continue;
        }
        assert_int_equal(seen.n, 1);
        assert_int_equal(seen.at, at);
        assert_int_equal(seen.s.words, s->words);
        assert_int_equal(seen.s.layout, s->layout);
        assert_int_equal(seen.s.swapped, s->swapped);
    }
}

static uint32_t next(uint32_t *seed)
{
    return *seed = *seed * 1664525 + 1013904223;
}

/* What lies around a key: nothing, noise, ones, and words between zeros. */
static void surround(uint8_t *bytes, size_t len, unsigned kind)
{
    uint32_t seed = kind;

    for (size_t i = 0; i < len; i++)
        bytes[i] = kind == 0                  ? 0
                   : kind == 1                ? (uint8_t)(next(&seed) >> 24)
                   : kind == 2                ? 0xff
                   : i % 16 < 4 || i % 52 < 4 ? (uint8_t)i
                                              : 0;
}

static void layouts(void **state)
{
    enum { LEN = 1024 };
    static const uint8_t keys[][AES_KEY_MAX] = {
        "this is a key of thirty-two byte",
        { 0 },
        { 0x62, 0x63, 0x63, 0x63 }, // its second round key is 0
        { [28] = 1 },
        { 0xff, 0xff, 0xff, 0xff, [16] = 0xff },
    };
    uint8_t bytes[LEN], key[AES_KEY_MAX];
    unsigned tried = 0;

    (void)state;
    for (size_t k = 0; k < countof(keys); k++)
        for (unsigned words = 4; words <= 8; words += 2)
            for (unsigned how = 0; how < 2 * AES_LAYOUTS; how++) {
                const struct eg_aes_schedule s = { (uint8_t)words, (uint8_t)(how / 2), how & 1 };
                const size_t size = eg_aes_size(words);

                // at both ends, and at each place of a vector
                for (size_t at = 0; at <= LEN - size; at += at < 128 ? 4 : LEN - size - at) {
                    surround(bytes, LEN, tried++ % 4);
                    lay_out(keys[k], &s, bytes + at);
                    is_found(bytes, LEN, at, &s);
                    assert_true(eg_aes_is_schedule(bytes + at, &s, key));
                    assert_memory_equal(key, keys[k], words * 4);
                    if (at == LEN - size)
                        break;
                }
            }
    assert_true(tried > 3000);
}

/* A bit that is wrong, wherever; what does not begin at a multiple of 4; what is not whole. */
static void no_schedule(void **state)
{
    enum { LEN = 512, AT = 64 };
    uint8_t bytes[LEN];

    (void)state;
    for (unsigned words = 4; words <= 8; words += 2)
        for (unsigned how = 0; how < 2 * AES_LAYOUTS; how++) {
            const struct eg_aes_schedule s = { (uint8_t)words, (uint8_t)(how / 2), how & 1 };
            const size_t size = eg_aes_size(words);

            for (unsigned kind = 0; kind < 4; kind++) {
                surround(bytes, LEN, kind);
                is_found(bytes, LEN, 0, NULL);
            }
            memset(bytes, 0, LEN);
            lay_out((const uint8_t *)"this is a key of thirty-two byte", &s, bytes + AT);
            is_found(bytes, LEN, AT, &s);
            is_found(bytes, AT + size, AT, &s);
            is_found(bytes, AT + size - 1, AT, NULL);
            is_found(bytes + AT, size, 0, &s);
            is_found(bytes + AT + 4, size, 0, NULL);
            is_found(bytes + 1, LEN - 1, 0, NULL);
            for (size_t i = 0; i < size; i++) {
                bytes[AT + i] ^= (uint8_t)(1u << i % 8);
                is_found(bytes, LEN, 0, NULL);
                bytes[AT + i] ^= (uint8_t)(1u << i % 8);
            }
        }
}

/* Too few bytes for anything. */
static void short_bytes(void **state)
{
    (void)state;
    for (size_t len = 0; len < 300; len++) {
        uint8_t *bytes = calloc(len ? len : 1, 1);

        assert_non_null(bytes);
        is_found(bytes, len, 0, NULL);
        free(bytes);
    }
}

/* ---- the plugin ---- */

enum { SIZE = (4 << 20) + 4096 };
static uint8_t *ram;

static const char *run(const struct eg_given_arg *args, unsigned threads)
{
    const char *rows = mk_scan("aeskeys", ram, SIZE, args, threads, 6);

    assert_int_equal(mk_scan_result.status, 0);
    return rows;
}

static void plugin(void **state)
{
    static const uint8_t key[AES_KEY_MAX] = "this is a key of thirty-two byte";
    const struct eg_aes_schedule small = { 4, AES_ENCRYPT, false },
                                 middle = { 6, AES_DECRYPT, false },
                                 large = { 8, AES_REVERSED, true };
    const struct eg_given_arg all[] = { { "show", NULL }, { "unaligned", NULL }, { NULL, NULL } };

    (void)state;
    ram = calloc(SIZE, 1);
    assert_non_null(ram);
    lay_out(key, &small, ram + 0x100);
    lay_out(key, &middle, ram + 0x1ffff0); // over the border of two pieces
    lay_out(key, &large, ram + 0x3000a1);  // at no multiple of 4
    lay_out(key, &large, ram + SIZE - 240);
    for (unsigned threads = 1; threads < 4; threads++)
        assert_string_equal(
            run(NULL, threads),
            "100|AES-128|encryption|136e9f27ccc1cf35|||\n"
            "1ffff0|AES-192|decryption|3edf8289b90f7c1c|||\n"
            "400f10|AES-256|encryption, last round first, words swapped|ad406ad6734687f4|||\n");
    assert_string_equal(
        run(all, 2), "100|AES-128|encryption|136e9f27ccc1cf35|746869732069732061206b6579206f66||\n"
                     "1ffff0|AES-192|decryption|3edf8289b90f7c1c|"
                     "746869732069732061206b6579206f66207468697274792d||\n"
                     "3000a1|AES-256|encryption, last round first, words swapped|ad406ad6734687f4|"
                     "746869732069732061206b6579206f66207468697274792d74776f2062797465||\n"
                     "400f10|AES-256|encryption, last round first, words swapped|ad406ad6734687f4|"
                     "746869732069732061206b6579206f66207468697274792d74776f2062797465||\n");
    free(ram);
    mk_scan_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(standard),    cmocka_unit_test(layouts), cmocka_unit_test(no_schedule),
        cmocka_unit_test(short_bytes), cmocka_unit_test(plugin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
