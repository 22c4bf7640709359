/* aes_decay_test.c - schedules with flipped bits: which are found, recovered, and which are not. */
#include "../../../plugins/keys/aes_decay.h"
#include "check.h"
#include "mkscan.h"
#include <stdio.h>
#include <stdlib.h>

static uint64_t seed;

static uint32_t next(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 32);
}

/* @percent of the bits that are not @ground fall; of the others @reverse in a thousand. */
static void decay(uint8_t *p, size_t n, unsigned percent, unsigned ground, unsigned reverse)
{
    for (size_t i = 0; i < 8 * n; i++)
        if (next() % 1000 < ((p[i / 8] >> i % 8 & 1) != ground ? 10 * percent : reverse))
            p[i / 8] ^= (uint8_t)(1u << i % 8);
}

static void noise(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)next();
}

static void swap_words(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i += 4) {
        const uint8_t w[] = { p[i + 3], p[i + 2], p[i + 1], p[i] };

        memcpy(p + i, w, 4);
    }
}

static unsigned differ(const uint8_t *a, const uint8_t *b, size_t n)
{
    unsigned bits = 0;

    for (size_t i = 0; i < n; i++)
        bits += (unsigned)__builtin_popcount(a[i] ^ b[i]);
    return bits;
}

/* ---- recovery ---- */

static unsigned recovered(unsigned words, unsigned percent, unsigned reverse, unsigned keys)
{
    unsigned good = 0;

    for (unsigned k = 0; k < keys; k++) {
        const unsigned ground = k % 2;
        const struct eg_aes_decay d = { percent, k % 3 ? -1 : (int)ground, reverse != 0 };
        const size_t size = eg_aes_size(words);
        uint8_t key[AES_KEY_MAX], whole[AES_SCHEDULE_MAX], bytes[AES_SCHEDULE_MAX];
        struct eg_aes_recovered out;
        uint64_t work = AES_WORK_MAX / 10;

        noise(key, sizeof key);
        eg_aes_expand(key, words, whole);
        memcpy(bytes, whole, size);
        decay(bytes, size, percent, ground, reverse);
        if (k % 4 == 3)
            swap_words(bytes, size);
        if (!eg_aes_recover(bytes, words, &d, &work, &out))
            continue;
        assert_memory_equal(out.key, key, words * 4);
        assert_int_equal(out.swapped, k % 4 == 3);
        if (percent)
            assert_int_equal(out.ground, ground);
        if (out.swapped)
            swap_words(bytes, size);
        assert_int_equal(out.wrong, differ(whole, bytes, size));
        assert_true(reverse || out.reverse == 0);
        assert_true(out.chance < -48 && out.sure >= 0.9 && out.sure <= 1);
        assert_true(work <= AES_WORK_MAX / 10);
        good++;
    }
    return good;
}

static void recovery(void **state)
{
    (void)state;
    seed = 1;
    for (unsigned words = 4; words <= 8; words += 2) {
        assert_int_equal(recovered(words, 0, 0, 8), 8);
        assert_int_equal(recovered(words, 10, 0, 16), 16);
        assert_int_equal(recovered(words, 30, 0, 16), 16);
        assert_true(recovered(words, 50, 0, 16) >= 15);
        assert_true(recovered(words, 60, 0, 8) >= 6);
        assert_true(recovered(words, 30, 1, 16) >= 15);
    }
}

/* Bytes that no key explains; a flip away from the ground state, where none is expected; less
 * decay expected than there is. */
static void no_key(void **state)
{
    struct eg_aes_decay d = { 40, -1, false };
    uint8_t key[AES_KEY_MAX], bytes[AES_SCHEDULE_MAX];
    struct eg_aes_recovered out;

    (void)state;
    seed = 2;
    for (unsigned words = 4; words <= 8; words += 2)
        for (unsigned k = 0; k < 20; k++) {
            uint64_t work = AES_WORK_MAX / 100;

            if (k == 0)
                memset(bytes, 0, sizeof bytes);
            else if (k == 1)
                memset(bytes, 0xff, sizeof bytes);
            else
                noise(bytes, sizeof bytes);
            decay(bytes, sizeof bytes, 20 + k, k % 2, 0);
            assert_false(eg_aes_recover(bytes, words, &d, &work, &out));
        }
    noise(key, sizeof key);
    for (unsigned reverse = 0; reverse < 2; reverse++) {
        uint64_t work = AES_WORK_MAX / 10;

        eg_aes_expand(key, 4, bytes);
        for (unsigned bit = 0, i = 0; i < 176; i++)
            if (!(bytes[i] & 1 << bit)) { // the first 0 becomes 1
                decay(bytes, 176, 20, 0, 0);
                bytes[i] |= (uint8_t)(1 << bit);
                break;
            }
        d = (struct eg_aes_decay){ 40, 0, reverse };
        assert_int_equal(eg_aes_recover(bytes, 4, &d, &work, &out), reverse);
        if (reverse) {
            assert_int_equal(out.reverse, 1);
            assert_memory_equal(out.key, key, 16);
        }
    }
    d = (struct eg_aes_decay){ 20, 0, false };
    eg_aes_expand(key, 4, bytes);
    decay(bytes, 176, 50, 0, 0);
    assert_false(eg_aes_recover(bytes, 4, &d, &(uint64_t){ AES_WORK_MAX }, &out));
    d.percent = 60;
    assert_true(eg_aes_recover(bytes, 4, &d, &(uint64_t){ AES_WORK_MAX }, &out));
    assert_false(eg_aes_recover(bytes, 4, &d, &(uint64_t){ 0 }, &out));
}

/* ---- finding ---- */

struct seen {
    size_t n, at;
    unsigned words;
};

static void see(void *context, size_t at, unsigned words)
{
    struct seen *seen = context;

    seen->n++;
    seen->at = at;
    seen->words = words;
}

/* In noise that decayed as far: at each of many places, also at both ends. */
static void finding(void **state)
{
    enum { LEN = 8192 };
    static uint8_t bytes[LEN];

    (void)state;
    seed = 3;
    for (unsigned words = 4; words <= 8; words += 2) {
        const size_t size = eg_aes_size(words);
        unsigned good = 0, others = 0;

        for (unsigned k = 0; k < 40; k++) {
            const size_t at = k == 0 ? 0 : k == 1 ? LEN - size : 4 * (next() % ((LEN - size) / 4));
            const struct eg_aes_decay d = { 30, k % 3 ? -1 : (int)(k % 2), false };
            struct seen seen = { 0 };
            uint8_t key[AES_KEY_MAX];

            noise(bytes, LEN);
            noise(key, sizeof key);
            eg_aes_expand(key, words, bytes + at);
            decay(bytes, LEN, k % 4 * 10, k % 2, 0);
            eg_aes_find_decayed(bytes, LEN, &d, see, &seen);
            good += seen.n == 1 && seen.at == at && seen.words == words;
            others += seen.n > 1;
        }
        assert_true(good >= 36);
        assert_int_equal(others, 0);
    }
}

static void nothing(void **state)
{
    static uint8_t bytes[1 << 16];
    struct eg_aes_decay d = { 30, -1, false };
    struct seen seen = { 0 };

    (void)state;
    seed = 4;
    eg_aes_find_decayed(bytes, sizeof bytes, &d, see, &seen);
    memset(bytes, 0xff, sizeof bytes);
    eg_aes_find_decayed(bytes, sizeof bytes, &d, see, &seen);
    for (unsigned k = 0; k < 4; k++) {
        noise(bytes, sizeof bytes);
        decay(bytes, sizeof bytes, 10 * k, k % 2, 0);
        eg_aes_find_decayed(bytes, sizeof bytes, &d, see, &seen);
    }
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t) "what a text is like "[i % 20];
    eg_aes_find_decayed(bytes, sizeof bytes, &d, see, &seen);
    for (size_t i = 0; i < sizeof bytes; i += 8) // pointers
        memcpy(bytes + i, &(uint64_t){ 0xffff888012340000 + next() % 0x1000000 }, 8);
    eg_aes_find_decayed(bytes, sizeof bytes, &d, see, &seen);
    assert_int_equal(seen.n, 0);
    for (size_t len = 0; len < 600; len += 7) { // too few bytes, or few
        uint8_t *few = calloc(len ? len : 1, 1);

        assert_non_null(few);
        noise(few, len);
        eg_aes_find_decayed(few, len, &d, see, &seen);
        free(few);
    }
    assert_int_equal(seen.n, 0);
}

/* ---- the plugin ---- */

enum { SIZE = 4 << 20 };

static void plugin(void **state)
{
    static const uint8_t key[AES_KEY_MAX] = "this is a key of thirty-two byte";
    const struct eg_given_arg known[] = { { "decay", NULL }, { "ground", "0" }, { NULL, NULL } },
                              all[] = { { "decay", NULL }, { "show", NULL }, { NULL, NULL } },
                              odd[] = { { "decay", NULL }, { "unaligned", NULL }, { NULL, NULL } },
                              alone[] = { { "ground", "0" }, { NULL, NULL } },
                              none[] = { { "decay", NULL }, { "ground", "2" }, { NULL, NULL } };
    uint8_t *ram = calloc(SIZE, 1);
    uint8_t fake[176];

    (void)state;
    assert_non_null(ram);
    seed = 5;
    eg_aes_expand(key, 4, ram + 0x100);
    decay(ram + 0x100, 176, 30, 0, 0);
    eg_aes_expand(key, 8, ram + 0x1fff00); // over the border of two pieces
    decay(ram + 0x1fff00, 240, 25, 1, 0);
    eg_aes_expand(key, 8, ram + 0x280001); // at no multiple of 4
    decay(ram + 0x280001, 240, 25, 1, 0);
    eg_aes_expand(key, 6, ram + 0x3000a0); // nothing is wrong with it
    for (unsigned threads = 1; threads < 3; threads++) {
        const char *rows = mk_scan("aeskeys", ram, SIZE, all, threads, 6);

        assert_int_equal(mk_scan_result.status, 0);
        assert_string_equal(
            rows, "100|AES-128|encryption, decayed to 0|136e9f27ccc1cf35|"
                  "746869732069732061206b6579206f66|209|2^-575\n"
                  "1fff00|AES-256|encryption, decayed to 1|ad406ad6734687f4|"
                  "746869732069732061206b6579206f66207468697274792d74776f2062797465|217|2^-852\n"
                  "3000a0|AES-192|encryption|3edf8289b90f7c1c|"
                  "746869732069732061206b6579206f66207468697274792d||\n");
    }
    assert_non_null(strstr(mk_scan("aeskeys", ram, SIZE, known, 2, 6), "decayed to 0"));
    assert_null(strstr(mk_scan("aeskeys", ram, SIZE, known, 2, 6), "decayed to 1"));
    assert_null(strstr(mk_scan("aeskeys", ram, SIZE, NULL, 2, 6), "decayed"));
    assert_non_null(strstr(mk_scan("aeskeys", ram, SIZE, odd, 2, 6), "280001|AES-256|"));
    mk_scan("aeskeys", ram, SIZE, alone, 1, 1);
    assert_int_not_equal(mk_scan_result.status, 0);
    mk_scan("aeskeys", ram, SIZE, none, 1, 1);
    assert_int_not_equal(mk_scan_result.status, 0);

    // the sums of a schedule without its S-boxes: it resembles one, and no key explains it
    memset(ram, 0, SIZE);
    noise(fake, sizeof fake);
    for (unsigned i = 16; i < sizeof fake; i++)
        if (i % 16 >= 4)
            fake[i] = fake[i - 16] ^ fake[i - 4];
    memcpy(ram + 0x5000, fake, sizeof fake);
    assert_string_equal(mk_scan("aeskeys", ram, SIZE, all, 2, 6), "");
    assert_int_equal(mk_scan_result.n_notes, 1);
    free(ram);
    mk_scan_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recovery), cmocka_unit_test(no_key), cmocka_unit_test(finding),
        cmocka_unit_test(nothing),  cmocka_unit_test(plugin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
