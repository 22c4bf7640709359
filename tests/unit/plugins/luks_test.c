/* luks_test.c - what proves the key of a volume: headers of LUKS, also damaged ones, sectors, and
 * the schedules of ciphers other than AES.
 * Digests and sectors were computed by Python's hashlib and openssl's blocks. */
#include "../../../core/digest.h"
#include "../../../plugins/keys/luks.h"
#include "../../../plugins/keys/sectors.h"
#include "../../../plugins/keys/serpent.h"
#include "../../../plugins/keys/twofish.h"
#include "check.h"
#include "config.h"
#include <stdio.h>
#include <stdlib.h>

enum { SIZE = 0x10000, WORK = 100000 };

struct disk {
    uint8_t bytes[SIZE];
    size_t size; // of it that can be read
};

static bool read_disk(void *context, uint64_t at, void *to, size_t len)
{
    const struct disk *d = context;

    if (at > d->size || len > d->size - at)
        return false;
    memcpy(to, d->bytes + at, len);
    return true;
}

static void put32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        p[3 - i] = (uint8_t)(v >> (8 * i));
}

static void put(uint8_t *to, const char *hex)
{
    for (size_t i = 0; i < strlen(hex) / 2; i++) {
        char two[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

        to[i] = (uint8_t)strtoul(two, NULL, 16);
    }
}

static void key_of(uint8_t *key)
{
    for (unsigned i = 0; i < 64; i++)
        key[i] = (uint8_t)i;
}

static void first(struct disk *d)
{
    memset(d, 0, sizeof *d);
    d->size = SIZE;
    memcpy(d->bytes, "LUKS\xba\xbe\0\1aes", 11);
    memcpy(d->bytes + 40, "cbc-essiv:sha256", 16);
    memcpy(d->bytes + 72, "sha256", 6);
    put32(d->bytes + 108, 32);
    put(d->bytes + 112, "6392f4bc41b8cd639b6acfe670c05b0c4bf437d9");
    for (unsigned i = 0; i < 32; i++)
        d->bytes[132 + i] = (uint8_t)(0x40 + i);
    put32(d->bytes + 164, 1000);
    memcpy(d->bytes + 168, "5de6a5c7-18af-4557-8a9c-2e8a9c102dcc", 36);
}

static enum eg_luks_answer answer(const struct eg_luks *l, size_t size)
{
    uint64_t work = WORK;
    uint8_t key[64];

    key_of(key);
    return eg_luks_is_key(l, key, size, &work);
}

static void luks1(void **state)
{
    static struct disk d;
    struct eg_luks l;
    uint64_t work = WORK;
    uint8_t key[64];

    (void)state;
    first(&d);
    assert_null(eg_luks_read(read_disk, &d, &l));
    assert_int_equal(l.version, 1);
    assert_int_equal(l.key_size, 32);
    assert_string_equal(l.uuid, "5de6a5c7-18af-4557-8a9c-2e8a9c102dcc");
#ifdef HAVE_SHA256
    key_of(key);
    assert_int_equal(eg_luks_is_key(&l, key, 32, &work), LUKS_YES);
    assert_int_equal(work, WORK - 1000);
    key[31] ^= 1;
    assert_int_equal(eg_luks_is_key(&l, key, 32, &work), LUKS_NO);
    assert_int_equal(answer(&l, 16), LUKS_NO);
    // more work than is left, and than anybody has; none
    work = 999;
    assert_int_equal(eg_luks_is_key(&l, key, 32, &work), LUKS_TOO_LONG);
    assert_int_equal(work, 999);
    work = UINT64_MAX;
    l.digest[0].iterations = UINT32_MAX;
    assert_int_equal(eg_luks_is_key(&l, key, 32, &work), LUKS_TOO_LONG);
    l.digest[0].iterations = 0;
    assert_int_equal(answer(&l, 32), LUKS_TOO_LONG);
    memcpy(d.bytes + 72, "no-hash", 8);
    assert_null(eg_luks_read(read_disk, &d, &l));
    assert_int_equal(answer(&l, 32), LUKS_NO_HASH);
#else
    (void)key, (void)work;
    assert_int_equal(answer(&l, 32), LUKS_NO_HASH);
#endif
    // Texts without an end, with control characters, none; no header; the end of the disk.
    memset(d.bytes + 72, 'a', 32);
    assert_string_equal(eg_luks_read(read_disk, &d, &l), "its LUKS1 header is damaged");
    memcpy(d.bytes + 72, "sha\n56", 7);
    assert_string_equal(eg_luks_read(read_disk, &d, &l), "its LUKS1 header is damaged");
    d.bytes[72] = 0;
    assert_string_equal(eg_luks_read(read_disk, &d, &l), "its LUKS1 header is damaged");
    first(&d);
    d.bytes[7] = 3;
    assert_string_equal(eg_luks_read(read_disk, &d, &l), "its LUKS2 header is damaged");
    d.bytes[0] = 'l';
    assert_string_equal(eg_luks_read(read_disk, &d, &l), "no LUKS header is there");
    first(&d);
    d.size = 591;
    assert_string_equal(eg_luks_read(read_disk, &d, &l), "no LUKS header is there");
    assert_int_equal(l.n, 0);
}

#if defined HAVE_YAJL && defined HAVE_SHA256
#define SALT "\"salt\":\"QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8=\""
#define DIGEST                                                                                     \
    "{\"type\":\"pbkdf2\",\"keyslots\":[\"0\"],\"hash\":\"sha256\",\"iterations\":1000," SALT      \
    ",\"digest\":\"Hfqx0zzjVSKsOHod+5Wr7xTL9nkrh8iiXwqYgZIswWs=\"}"
#define DIGESTS "{\"keyslots\":{\"0\":{\"type\":\"luks2\"}},\"digests\":{\"0\":" DIGEST "}}"

static void copy(struct disk *d, uint64_t at, const char *json)
{
    struct eg_digest *sum = eg_digest_open(1 << EG_SHA256);
    struct eg_sums sums;
    uint8_t *p = d->bytes + at;

    memset(p, 0, 0x4000);
    memcpy(p, at ? "SKUL\xba\xbe\0\2" : "LUKS\xba\xbe\0\2", 8);
    put32(p + 12, 0x4000);
    memcpy(p + 72, "sha256", 6);
    memcpy(p + 168, "c9e26ce6-8ec2-4633-877d-83417016f39e", 36);
    put32(p + 260, (uint32_t)at);
    memcpy(p + 4096, json, strlen(json));
    assert_true(eg_digest_begin(sum) && eg_digest_add(sum, p, 0x4000) && eg_digest_end(sum, &sums));
    memcpy(p + 448, sums.of[EG_SHA256], 32);
    eg_digest_close(sum);
}

static void second(struct disk *d, const char *json)
{
    memset(d, 0, sizeof *d);
    d->size = SIZE;
    copy(d, 0, json);
    copy(d, 0x4000, json);
}

static void luks2(void **state)
{
    static struct disk d;
    struct eg_luks l;

    (void)state;
    second(&d, DIGESTS);
    assert_null(eg_luks_read(read_disk, &d, &l));
    assert_int_equal(l.version, 2);
    assert_true(l.checked && !l.second);
    assert_int_equal(l.n, 1);
    assert_string_equal(l.uuid, "c9e26ce6-8ec2-4633-877d-83417016f39e");
    assert_int_equal(answer(&l, 64), LUKS_YES);
    assert_int_equal(answer(&l, 63), LUKS_NO);
    // What is wrong in the first copy is right in the second.
    d.bytes[5000] = 'x';
    assert_null(eg_luks_read(read_disk, &d, &l));
    assert_true(l.checked && l.second);
    memset(d.bytes, 0, 0x4000);
    assert_null(eg_luks_read(read_disk, &d, &l));
    assert_true(l.checked && l.second);
    assert_int_equal(answer(&l, 64), LUKS_YES);
    // Both are damaged: the first that can be read.
    d.bytes[0x4000 + 30] = 'x';
    assert_null(eg_luks_read(read_disk, &d, &l));
    assert_true(!l.checked && l.second);
    d.bytes[0x4000 + 263] ^= 1; // it says that it lies elsewhere
    assert_string_equal(eg_luks_read(read_disk, &d, &l), "no LUKS header is there");
    // The text's end is there, the rest of its area is not.
    second(&d, DIGESTS);
    d.size = 0x3000;
    assert_null(eg_luks_read(read_disk, &d, &l));
    assert_false(l.checked);
    d.size = 0x1000;
    assert_string_equal(eg_luks_read(read_disk, &d, &l), "its header is not all in memory");
    d.size = 0xfff;
    assert_string_equal(eg_luks_read(read_disk, &d, &l), "its header is not in memory");
}

static void json(void **state)
{
    static const struct {
        const char *what, *text;
        size_t n; // digests
    } cases[] = {
        { "two", "{\"digests\":{\"0\":" DIGEST ",\"1\":" DIGEST "}}", 2 },
        { "nine",
          "{\"digests\":{\"0\":" DIGEST ",\"1\":" DIGEST ",\"2\":" DIGEST ",\"3\":" DIGEST
          ",\"4\":" DIGEST ",\"5\":" DIGEST ",\"6\":" DIGEST ",\"7\":" DIGEST ",\"8\":" DIGEST "}}",
          LUKS_DIGESTS_MAX },
        { "elsewhere", "{\"digest\":{\"0\":" DIGEST "}}", 0 },
        { "deeper", "{\"digests\":{\"0\":{\"1\":" DIGEST "}}}", 0 },
        { "a list of them", "{\"digests\":[" DIGEST "]}", 0 },
        { "a list around", "[{\"digests\":{\"0\":" DIGEST "}}]", 0 },
        { "no end", "{\"digests\":{\"0\":" DIGEST "}", 0 },
        { "another type",
          "{\"digests\":{\"0\":{\"type\":\"argon\",\"hash\":\"sha256\",\"iterations\":1," SALT
          ",\"digest\":\"AAAA\"}}}",
          0 },
        { "no salt",
          "{\"digests\":{\"0\":{\"type\":\"pbkdf2\",\"hash\":\"sha256\",\"iterations\":1,"
          "\"digest\":\"AAAA\"}}}",
          0 },
        { "a negative count",
          "{\"digests\":{\"0\":{\"type\":\"pbkdf2\",\"hash\":\"sha256\",\"iterations\":-1," SALT
          ",\"digest\":\"AAAA\"}}}",
          0 },
        { "a count of 30 digits",
          "{\"digests\":{\"0\":{\"type\":\"pbkdf2\",\"hash\":\"sha256\",\"iterations\":"
          "100000000000000000000000000000," SALT ",\"digest\":\"AAAA\"}}}",
          0 },
        { "no base64",
          "{\"digests\":{\"0\":{\"type\":\"pbkdf2\",\"hash\":\"sha256\",\"iterations\":1," SALT
          ",\"digest\":\"A*AA\"}}}",
          0 },
        { "a long hash",
          "{\"digests\":{\"0\":{\"type\":\"pbkdf2\",\"hash\":"
          "\"sha256sha256sha256sha256sha256sha256\",\"iterations\":1," SALT
          ",\"digest\":\"AAAA\"}}}",
          0 },
        { "a long digest",
          "{\"digests\":{\"0\":{\"type\":\"pbkdf2\",\"hash\":\"sha256\",\"iterations\":1," SALT
          ",\"digest\":\""
          "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
          "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}}}",
          0 },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        static struct disk d;
        struct eg_luks l;
        const char *why;

        second(&d, cases[i].text);
        why = eg_luks_read(read_disk, &d, &l);
        if (l.n != cases[i].n || !why != (l.n != 0))
            fail_msg("%s: %zu digests, %s", cases[i].what, l.n, why ? why : "read");
    }
}

/* Sizes that a header claims. */
static void sizes(void **state)
{
    static const uint32_t sizes[] = { 0, 4096, 0x4001, 0x800000, UINT32_MAX };
    static struct disk d;
    struct eg_luks l;

    (void)state;
    for (size_t i = 0; i < countof(sizes); i++) {
        second(&d, DIGESTS);
        put32(d.bytes + 12, sizes[i]);
        put32(d.bytes + 0x4000 + 12, sizes[i]);
        assert_string_equal(eg_luks_read(read_disk, &d, &l), "its LUKS2 header is damaged");
        put32(d.bytes + 0x4000 + 12, 0x4000);
        assert_null(eg_luks_read(read_disk, &d, &l));
    }
    second(&d, DIGESTS);
    memset(d.bytes + 4096, ' ', 0x3000); // a text without an end
    memset(d.bytes + 0x5000, ' ', 0x3000);
    assert_string_equal(eg_luks_read(read_disk, &d, &l), "its LUKS2 header is damaged");
}
#endif

#ifdef HAVE_SHA256
static const char *decrypted(const struct eg_sectors_how *how, uint64_t sector)
{
    static char text[66];
    uint8_t in[4096], out[4096];
    const char *why;
    struct eg_sectors *s = eg_sectors_open(how, &why);

    if (!s)
        return why;
    for (unsigned i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i * 7 + (i >> 8));
    assert_true(eg_sectors_decrypt(s, sector, in, out));
    eg_hex(text, out, 16);
    text[32] = ' ';
    eg_hex(text + 33, out + how->sector_size - 16, 16);
    eg_sectors_close(s);
    return text;
}

static void sectors(void **state)
{
    static const struct {
        const char *cipher;
        size_t key;
        const char *want;
    } cases[] = {
        { "aes-xts-plain64", 64,
          "9738974e962b28bd12612d40ae9015c9 3f7bc2ca32a92435b045b1137b0c7eb8" },
        { "capi:xts(aes)-plain64", 64,
          "9738974e962b28bd12612d40ae9015c9 3f7bc2ca32a92435b045b1137b0c7eb8" },
        { "aes-xts-plain64", 32,
          "eff9a909bd088775e7764c8d57520684 b24df9040ffee3fdafe99c01eee3d3d9" },
        { "aes-xts-plain64", 48,
          "6d94b8ac2bb9229666bae7f589d6d9a0 8c939c4ee162c49ba5a44f680561a85d" },
        { "aes-xts-plain", 64,
          "9ab04667931d913c59c6da7b79a5dcab 2efaddeac43bb0be67bd447c5dbf6e23" },
        { "aes-xts-plain64be", 64,
          "47dc19adbf019638e9e5f7b63223f420 e0eedac3ca990352e4b48d7b02fcc0ed" },
        { "camellia-xts-plain64", 64,
          "aff6916a16e9289560fb2bfe0a823629 1691a89233b3544e0604a8a51ed6bfd1" },
        { "aes-cbc-plain64", 32,
          "44bcd3820ac6f0faad47cc410a97b3e7 ada2cba284e5ed27887ce543cca63984" },
        { "aes-cbc-plain", 16,
          "75b0035727e9c328e845a72a0000b716 edb607401cfc7acf64627cb96bae9dac" },
        { "aes-plain", 16, "75b0035727e9c328e845a72a0000b716 edb607401cfc7acf64627cb96bae9dac" },
        { "aes-cbc-null", 32, "48bcd3820bc6f0faad47cc410a97b3e7 ada2cba284e5ed27887ce543cca63984" },
        { "aes-cbc-benbi", 32,
          "48bcd3820bc6f0faad47cc610a97b266 ada2cba284e5ed27887ce543cca63984" },
        { "aes-cbc-essiv:sha256", 32,
          "0e0780de3cc2bbc1c166c01ab7acf7e8 ada2cba284e5ed27887ce543cca63984" },
        { "aes-cbc-eboiv", 32,
          "730cc0f26cca38e56df60a55711448bc ada2cba284e5ed27887ce543cca63984" },
        { "aes-ecb", 32, "48bcd3820bc6f0faad47cc410a97b3e7 8c8ae494b9a1a675d11c822db9daba0e" },
        { "aes:64-cbc-lmk", 32,
          "its cipher has several keys, or is written in a way that is not "
          "known" },
        { "aes-cbc-tcw", 32, "initial vectors of its kind are not computed here" },
        { "aes-cbc-essiv:no-hash", 32, "initial vectors of its kind are not computed here" },
        { "aes-cbc-", 32, "initial vectors of its kind are not computed here" },
        { "aes-cbc-plain64", 31, "libcrypto has not its cipher" },
        { "aes-xts-plain64", 63, "libcrypto has not its cipher" },
        { "serpent-xts-plain64", 64, "libcrypto has not its cipher" },
        { "des3-cbc-plain64", 24, "libcrypto has not its cipher" },
        { "aes-gcm-plain64", 32, "libcrypto has not its cipher" },
        { "", 32, "its cipher has several keys, or is written in a way that is not known" },
        { "capi:xts(aes", 32,
          "its cipher has several keys, or is written in a way that is not known" },
        { "a-name-of-more-than-32-characters-which-nobody-has-given", 32,
          "its cipher has several keys, or is written in a way that is not known" },
    };
    uint8_t key[64];
    struct eg_sectors_how how = { .key = key, .sector_size = 512, .iv_offset = 0x100000007 };

    (void)state;
    key_of(key);
    for (size_t i = 0; i < countof(cases); i++) {
        how.cipher = cases[i].cipher;
        how.key_size = cases[i].key;
        if (strcmp(decrypted(&how, 5), cases[i].want) != 0)
            fail_msg("%s: %s", cases[i].cipher, decrypted(&how, 5));
    }
    how = (struct eg_sectors_how){ "aes-xts-plain64", key, 64, 4096, 16, true };
    assert_string_equal(decrypted(&how, 8),
                        "836e45787ba323260a773cef8fa3997e 5cef6f52378a3eb8d4e3bdf5fffa3c5f");
    how.iv_large = false;
    assert_string_equal(decrypted(&how, 8),
                        "879c3a2d7f8e91487b796657f0834ad6 a97c45dcf1fa514bc90cf3a079df762d");
    for (size_t i = 0; i < 4; i++) {
        how.sector_size = (const uint32_t[]){ 0, 256, 1000, 8192 }[i];
        assert_string_equal(decrypted(&how, 8), "its sectors have no size that dm-crypt knows");
    }
}
#endif

static void contents(void **state)
{
    static uint8_t b[EG_VOLUME_CONTENT_LEN];

    (void)state;
    assert_null(eg_volume_content(b, sizeof b));
    memcpy(b + 0x10040, "_BHRfS_M", 8);
    assert_string_equal(eg_volume_content(b, sizeof b), "btrfs");
    assert_null(eg_volume_content(b, 0x10047));
    // Of ext the magic number alone is none.
    b[1024 + 56] = 0x53;
    b[1024 + 57] = 0xef;
    assert_null(eg_volume_content(b, 4096));
    b[1024] = b[1028] = 1;
    assert_string_equal(eg_volume_content(b, 4096), "ext2/3/4");
    b[1024 + 24] = 7;
    assert_null(eg_volume_content(b, 4096));
}

/* The key and its schedule as a kernel had them. */
static void serpent(void **state)
{
    uint32_t words[SERPENT_WORDS];
    uint8_t key[SERPENT_KEY], back[SERPENT_KEY];

    (void)state;
    put(key, "fd80683d64a9460b5795993a752b2fb082b355ac84e47cd85080dcd79ebfcac1");
    eg_serpent_expand(key, sizeof key, words);
    assert_int_equal(words[0], 0xb881b8a7);
    assert_int_equal(words[131], 0x09a62b50);
    assert_int_equal(eg_serpent_key(words, back), 32);
    assert_memory_equal(back, key, sizeof key);
    for (unsigned i = 0; i < SERPENT_WORDS; i++) {
        words[i] ^= 1u << (i % 32);
        assert_int_equal(eg_serpent_key(words, back), 0);
        words[i] ^= 1u << (i % 32);
    }
    eg_serpent_expand(key, 16, words);
    assert_int_equal(eg_serpent_key(words, back), 16);
    assert_memory_equal(back, key, 16);
    eg_serpent_expand(key, 24, words);
    assert_int_equal(eg_serpent_key(words, back), 24);
    memset(words, 0, sizeof words);
    assert_int_equal(eg_serpent_key(words, back), 0);
}

/* The same of Twofish. */
static void twofish(void **state)
{
    uint32_t words[TWOFISH_WORDS];
    uint8_t key[TWOFISH_KEY], back[TWOFISH_KEY];

    (void)state;
    put(key, "169b5b763e188b898f70855f1b60495036f57c8cdeac286fe8469e99a38decc9");
    for (size_t size = 16; size <= sizeof key; size += 8) {
        eg_twofish_expand(key, size, words);
        assert_int_equal(eg_twofish_key(words, back), size);
        assert_memory_equal(back, key, size);
        words[size] ^= 0x80;
        assert_int_equal(eg_twofish_key(words, back), 0);
        words[size] ^= 0x80;
    }
    assert_int_equal(words[0], 0x582321b8);
    assert_int_equal(words[39], 0xf6859390);
    memset(words, 0, sizeof words);
    assert_int_equal(eg_twofish_key(words, back), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(luks1),
#if defined HAVE_YAJL && defined HAVE_SHA256
        cmocka_unit_test(luks2),
        cmocka_unit_test(json),
        cmocka_unit_test(sizes),
#endif
#ifdef HAVE_SHA256
        cmocka_unit_test(sectors),
#endif
        cmocka_unit_test(contents),
        cmocka_unit_test(serpent),
        cmocka_unit_test(twofish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
