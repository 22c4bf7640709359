/* privatekeys_test.c - private keys that ssh-keygen and openssl wrote (the corpus of the fuzz
 * target), whole, changed and cut, and the plugin that finds them. */
#include "../../../plugins/keys/encode.h"
#include "../../../plugins/keys/privkey.h"
#include "check.h"
#include "mkscan.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* PUBLIC: what ssh-keygen -l said; `same`: what openssl and sha256sum said of its PKCS#8. */
#define RSA     "SHA256:QsGH9bE9yFuKMMNDBHDF02Qggx3QcSgO5BKk6ZVVG7c"
#define EC      "SHA256:0djPSlPupmYAVHxMblYON+psc4aSfc7v6Gfgh+0Dbxc"
#define DSA     "SHA256:XX2OzFKejS1TSlFa6U9EqPtXawDY3iwKhm8oyH0NsYk"
#define ED      "SHA256:g+dIktVtJnABKF21mhyOAwAkFwsz64n+cRUPNF/Tvjw"
#define PGP     "SHA256:Q/qAcYzmGnS1pB0CeIXPznLXxRNpt7nGxcm7U7DgQWE"
#define FACTORS "n = p q, e d = 1, CRT"
#define PUBLIC  "public key computed"

static const struct file {
    const char *name, *form, *algorithm, *proof, *public, *comment;
    char encrypted, key; // files of one key have one letter
} files[] = {
    { "der-pkcs1", "DER PKCS#1", "RSA-1024", FACTORS, RSA, "", 0, 'r' },
    { "der-pkcs8-ec", "DER PKCS#8", "EC P-384", PUBLIC, EC, "", 0, 'e' },
    { "der-pkcs8-ed25519", "DER PKCS#8", "Ed25519", NULL, NULL, "", 0, 0 },
    { "der-pkcs8-ed448", "DER PKCS#8", "Ed448", NULL, "", "", 0, 0 },
    { "der-pkcs8-encrypted", "DER PKCS#8", "", NULL, "", "", 1, 0 },
    { "der-pkcs8-pbe", "DER PKCS#8", "", NULL, "", "", 1, 0 },
    { "der-pkcs8-two", "DER PKCS#8", "Ed25519", PUBLIC, ED, "", 0, '5' },
    { "der-pkcs8-rsa", "DER PKCS#8", "RSA-1024", FACTORS, RSA, "", 0, 'r' },
    { "der-pkcs8-x25519", "DER PKCS#8", "X25519", NULL, "", "", 0, 0 },
    { "der-sec1", "DER SEC1", "EC P-384", PUBLIC, EC, "", 0, 'e' },
    { "der-sec1-alone", "DER SEC1", "EC P-384", NULL, EC, "", 0, 0 },
    { "openssh-dsa", "OpenSSH", "DSA-1024", PUBLIC, DSA, "dsa@test", 0, 'd' },
    { "openssh-ecdsa", "OpenSSH", "EC P-384", PUBLIC, EC, "ecdsa@test", 0, 'e' },
    { "openssh-ed25519", "OpenSSH", "Ed25519", PUBLIC, ED, "ed25519@test", 0, '5' },
    { "openssh-encrypted", "OpenSSH", "Ed25519", NULL,
      "SHA256:uPYJLjOLMVfuaPxzWXuB4ex50jhY7mYsIM0/FDs7pm0", "", 1, 0 },
    { "openssh-rsa", "OpenSSH", "RSA-1024", FACTORS, RSA, "rsa@test", 0, 'r' },
    { "pem-dsa", "PEM DSA", "DSA-1024", PUBLIC, DSA, "", 0, 'd' },
    { "pem-openssh-ecdsa", "PEM OpenSSH", "EC P-384", PUBLIC, EC, "ecdsa@test", 0, 'e' },
    { "pem-pkcs1", "PEM PKCS#1", "RSA-1024", FACTORS, RSA, "", 0, 'r' },
    { "pem-pkcs1-encrypted", "PEM PKCS#1", "", NULL, "", "", 1, 0 },
    { "pem-pkcs8-encrypted", "PEM PKCS#8", "", NULL, "", "", 1, 0 },
    { "pem-sec1", "PEM SEC1", "EC P-384", PUBLIC, EC, "", 0, 'e' },
    { "pgp-ed25519", "PGP", "Ed25519", PUBLIC, NULL, "", 0, 0 },
    { "pgp-encrypted", "PGP", "EdDSA", NULL, "", "", 1, 0 },
    { "pgp-rsa", "PGP", "RSA-1024", FACTORS, PGP, "", 0, 0 },
    { "putty-dsa", "PuTTY 3", "DSA-1024", PUBLIC, DSA, "dsa@test", 0, 'd' },
    { "putty-ecdsa", "PuTTY 3", "EC P-384", PUBLIC, EC, "ecdsa@test", 0, 'e' },
    { "putty-ed25519", "PuTTY 3", "Ed25519", PUBLIC, ED, "ed25519@test", 0, '5' },
    { "putty-encrypted", "PuTTY 3", "RSA-1024", NULL, RSA, "locked@test", 1, 0 },
    { "putty-rsa", "PuTTY 3", "RSA-1024", FACTORS, RSA, "rsa@test", 0, 'r' },
    { "putty-rsa-2", "PuTTY 2", "RSA-1024", FACTORS, RSA, "rsa@test", 0, 'r' },
};

struct loaded {
    enum eg_key_form form;
    uint8_t bytes[4096];
    size_t len; // of the key: what is behind it in a file is not of it
};

static void load(const char *name, struct loaded *out)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/privkey/%s", getenv("SOURCE_ROOT"), name);
    f = fopen(path, "rb");
    assert_non_null(f);
    out->form = (enum eg_key_form)fgetc(f);
    out->len = fread(out->bytes, 1, sizeof out->bytes, f);
    fclose(f);
    if (out->bytes[out->len - 1] == '\n')
        out->len--;
}

static bool reads(const struct loaded *l, struct eg_privkey *key)
{
    const size_t size = eg_key_size(l->form, l->bytes, l->len);

    return size && eg_privkey_read(l->form, l->bytes, size, key);
}

static void each_form(void **state)
{
    static struct eg_privkey of[128];

    (void)state;
    for (const struct file *f = files; f < files + countof(files); f++) {
        struct eg_privkey key, *same = &of[(uint8_t)f->key];
        struct loaded l;

        load(f->name, &l);
        assert_int_equal(eg_key_size(l.form, l.bytes, l.len), l.len);
        assert_true(reads(&l, &key));
        assert_string_equal(key.form, f->form);
        assert_string_equal(key.algorithm, f->algorithm);
        assert_string_equal(key.proof ? key.proof : "", f->proof ? f->proof : "");
        if (f->public)
            assert_string_equal(key.public, f->public);
        assert_string_equal(key.comment, f->comment);
        assert_int_equal(key.encrypted, f->encrypted);
        assert_int_equal(!key.der_len, f->encrypted);
        assert_non_null(strstr(key.pem, !f->encrypted || l.form <= KEY_OPENSSH
                                            ? "PRIVATE KEY-----\n"
                                        : l.form == KEY_PGP ? "PRIVATE KEY BLOCK-----\n"
                                                            : "Private-MAC: "));
        if (!f->key)
            continue;
        if (same->der_len) {
            assert_int_equal(key.der_len, same->der_len);
            assert_memory_equal(key.der, same->der, key.der_len);
            assert_string_equal(key.pem, same->pem);
        }
        *same = key;
    }
}

/* A byte that is changed, wherever, never gives another key that is proven. Of private bytes, no
 * byte can be changed. */
static void changed(void **state)
{
    (void)state;
    for (const struct file *f = files; f < files + countof(files); f++) {
        struct eg_privkey was, key;
        struct loaded l;
        size_t refused = 0;

        load(f->name, &l);
        if (!f->proof || l.form == KEY_PEM)
            continue;
        assert_true(reads(&l, &was));
        for (size_t i = 0; i < l.len; i++) {
            l.bytes[i] ^= (uint8_t)(1u << i % 8);
            if (!reads(&l, &key) || !key.proof)
                refused++;
            else if (strcmp(key.public, was.public) != 0)
                fail_msg("%s: byte %zu is changed, and a key", f->name, i);
            l.bytes[i] ^= (uint8_t)(1u << i % 8);
        }
        // what is left are comments, and parameters that nobody needs
        if (refused + 24 < l.len)
            fail_msg("%s: %zu of %zu bytes do not matter", f->name, l.len - refused, l.len);
    }
}

/* Behind an OpenSSH key are 1, 2, 3, … up to the size of a block. */
static void padding(void **state)
{
    static const char *const names[] = { "openssh-rsa", "openssh-ecdsa", "openssh-ed25519" };
    unsigned padded = 0;
    struct eg_privkey key;
    struct loaded l;

    (void)state;
    for (size_t i = 0; i < countof(names); i++) {
        load(names[i], &l);
        if (l.bytes[l.len - 1] >= 8)
            continue;
        padded++;
        l.bytes[l.len - 1]++;
        assert_false(reads(&l, &key));
    }
    assert_true(padded);
}

static void cut(void **state)
{
    struct eg_privkey key;
    struct loaded l;

    (void)state;
    for (const struct file *f = files; f < files + countof(files); f++) {
        load(f->name, &l);
        for (size_t len = 0; len < l.len; len++) {
            uint8_t *exact = malloc(len + !len); // what is read behind it is seen by a sanitizer

            assert_non_null(exact);
            memcpy(exact, l.bytes, len);
            assert_int_equal(eg_key_size(l.form, exact, len), 0);
            if (len % 8 == 0)
                assert_false(eg_privkey_read(l.form, exact, len, &key));
            free(exact);
        }
    }
}

static void lengths(void **state)
{
    static const struct {
        uint8_t bytes[6];
        size_t n, content;
        bool good;
    } cases[] = {
        { { 0x30, 0 }, 2, 0, true },
        { { 0x30, 1, 7 }, 3, 1, true },
        { { 0x30, 1 }, 2, 0, false },
        { { 0x30 }, 1, 0, false },
        { { 0x31, 0 }, 2, 0, false },
        { { 0x30, 0x80, 0, 0 }, 4, 0, false },       // without an end
        { { 0x30, 0x81, 1, 7 }, 4, 0, false },       // longer than it must be
        { { 0x30, 0x82, 0, 1, 7 }, 5, 0, false },    // the same
        { { 0x30, 0x83, 0, 0, 1, 7 }, 6, 0, false }, // more than 64 KiB
        { { 0x30, 0x82, 1 }, 3, 0, false },
        { { 0x30, 0xff, 0xff, 0xff, 0xff, 0xff }, 6, 0, false },
    };
    struct eg_key_buf b = { 0 };
    const uint8_t big[KEY_MAX] = { 0 }, far[256] = { DER_SEQUENCE, 0x83, 0, 0, 1 };
    struct eg_key_bytes from = { far, sizeof far }, out;

    (void)state;
    assert_false(eg_der_take(&from, DER_SEQUENCE, &out));
    for (size_t i = 0; i < countof(cases); i++) {
        from = (struct eg_key_bytes){ cases[i].bytes, cases[i].n };
        out.n = 0;
        assert_int_equal(eg_der_take(&from, DER_SEQUENCE, &out), cases[i].good);
        assert_int_equal(out.n, cases[i].content);
        assert_int_equal(from.n, cases[i].good ? 0 : cases[i].n);
    }
    for (size_t n = 0; n < 400; n++) {
        b.n = 0;
        eg_key_put_der(&b, DER_OCTETS, big, n);
        from = (struct eg_key_bytes){ b.at, b.n };
        assert_true(eg_der_take(&from, DER_OCTETS, &out));
        assert_int_equal(out.n, n);
        assert_int_equal(from.n, 0);
    }
    assert_false(b.full);
    eg_key_put_der(&b, DER_OCTETS, big, sizeof big);
    assert_true(b.full);
}

/* ---- the plugin ---- */

enum { SIZE = (4 << 20) + 4096 };
static uint8_t *ram;

static char *run(const struct eg_given_arg *args, unsigned threads)
{
    char *rows = mk_scan("privatekeys", ram, SIZE, args, threads, 8);

    assert_int_equal(mk_scan_result.status, 0);
    return rows;
}

static void place(const char *name, size_t at)
{
    struct loaded l;

    load(name, &l);
    memcpy(ram + at, l.bytes, EG_MIN(l.len, SIZE - at));
}

static void plugin(void **state)
{
    const struct eg_given_arg show[] = { { "show", NULL }, { NULL, NULL } };
    const char *all;
    struct loaded l;

    (void)state;
    ram = calloc(SIZE, 1);
    assert_non_null(ram);
    place("der-pkcs1", 0);
    place("der-pkcs8-rsa", 0x1001); // the PKCS#1 in it is no row
    place("der-sec1", 0x2003);
    place("der-sec1-alone", 0x3000);
    place("openssh-encrypted", 0x4002);
    place("der-pkcs8-ec", 0x5000);
    ram[0x5030] ^= 1;
    strcpy((char *)ram + 0x6000,
           "-----BEGIN RSA PRIVATE KEY-----\nxx\n-----END RSA PRIVATE KEY-----");
    load("pem-sec1", &l);
    place("pem-sec1", 0x8000);
    ram[0x8000 + l.len - 1] = 0;          // without its last line
    place("pem-openssh-ecdsa", 0x1ffff0); // over the border of two pieces
    place("openssh-rsa", 0x200800);
    place("der-pkcs8-ec", SIZE - 100); // the memory ends in it
    load("der-pkcs8-ed25519", &l);
    place("der-pkcs8-ed25519", SIZE - l.len);
    place("pem-sec1", SIZE - 4096);
    place("der-pkcs8-pbe", 0x9001);
    place("der-pkcs8-encrypted", 0x9800);
    place("putty-rsa-2", 0xa003);
    place("putty-rsa", 0xb000);
    memcpy(strstr((char *)ram + 0xb000, "test"), "Test", 4); // what the checksum is of
    place("pgp-rsa", 0xc000);
    for (unsigned threads = 1; threads < 4; threads++) {
        char *got = run(NULL, threads),
             *last = strstr(got, "400fd0|DER PKCS#8|Ed25519|false||SHA256:");

        if (!last)
            fail_msg("%s", got);
        *last = 0;
        assert_string_equal(
            got,
            "0|DER PKCS#1|RSA-1024|false|" FACTORS "|" RSA "||da9a875d185cb0f5|\n"
            "1001|DER PKCS#8|RSA-1024|false|" FACTORS "|" RSA "||da9a875d185cb0f5|\n"
            "2003|DER SEC1|EC P-384|false|" PUBLIC "|" EC "||567fd8992266a4ed|\n"
            "3000|DER SEC1|EC P-384|false||" EC "||529afff8e4d6f6f6|\n"
            "4002|OpenSSH|Ed25519|true||"
            "SHA256:uPYJLjOLMVfuaPxzWXuB4ex50jhY7mYsIM0/FDs7pm0|||\n"
            "9001|DER PKCS#8||true|||||\n"
            "9800|DER PKCS#8||true|||||\n"
            "a003|PuTTY 2|RSA-1024|false|" FACTORS "|" RSA "|rsa@test|da9a875d185cb0f5|\n"
            "c000|PGP|RSA-1024|false|" FACTORS "|" PGP "||7d3f10570415dc29|\n"
            "1ffff0|PEM OpenSSH|EC P-384|false|" PUBLIC "|" EC "|ecdsa@test|567fd8992266a4ed|\n"
            "200800|OpenSSH|RSA-1024|false|" FACTORS "|" RSA "|rsa@test|da9a875d185cb0f5|\n"
            "400000|PEM SEC1|EC P-384|false|" PUBLIC "|" EC "||567fd8992266a4ed|\n");
    }
    assert_null(strstr(run(NULL, 1), "PRIVATE"));
    all = run(show, 1);
    assert_non_null(strstr(all, "-----BEGIN PRIVATE KEY-----"));
    assert_non_null(strstr(all, "-----BEGIN OPENSSH PRIVATE KEY-----"));
    free(ram);
    mk_scan_end();
}

/* Of a key in PKCS#8 libcrypto computes the public one, which takes long where numbers are large:
 * it is not asked. */
static size_t bomb(uint8_t *out, const uint8_t *name, size_t n_name)
{
    struct eg_key_buf numbers = { 0 }, algorithm = { 0 }, x = { 0 }, key = { 0 }, all = { 0 };
    uint8_t large[2500];
    const uint8_t version = 0;

    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (uint8_t)(1 | (i * 37 + 11) % 127);
    for (unsigned i = 0; i < 3; i++)
        eg_key_put_der(&numbers, DER_INTEGER, large, sizeof large - i % 2);
    eg_key_put_der(&x, DER_INTEGER, large, sizeof large - 1);
    eg_key_put_der(&algorithm, DER_OID, name, n_name);
    eg_key_put_der(&algorithm, DER_SEQUENCE, numbers.at, numbers.n);
    eg_key_put_der(&key, DER_INTEGER, &version, 1);
    eg_key_put_der(&key, DER_SEQUENCE, algorithm.at, algorithm.n);
    eg_key_put_der(&key, DER_OCTETS, x.at, x.n);
    eg_key_put_der(&all, DER_SEQUENCE, key.at, key.n);
    assert_false(all.full);
    memcpy(out, all.at, all.n);
    return all.n;
}

static void bombs(void **state)
{
    static const uint8_t dsa[] = { 0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1 };
    static const uint8_t dh[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 3, 1 };
    static uint8_t bytes[KEY_MAX];
    static struct eg_privkey key;
    const clock_t begun = clock();

    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        assert_false(eg_privkey_read(KEY_DER, bytes, bomb(bytes, dsa, sizeof dsa), &key));
        assert_false(eg_privkey_read(KEY_DER, bytes, bomb(bytes, dh, sizeof dh), &key));
    }
    assert_true((clock() - begun) / (CLOCKS_PER_SEC / 1000) < 1000);
}

/* What a proof takes is told, also of what is none. */
static void work(void **state)
{
    static struct eg_privkey key;
    struct loaded l;

    (void)state;
    load("der-sec1", &l);
    assert_true(eg_privkey_read(KEY_DER, l.bytes, l.len, &key));
    assert_true(key.work > 1000); // P-384
    load("der-pkcs8-ec", &l);
    l.bytes[0x30] ^= 1;
    assert_false(eg_privkey_read(KEY_DER, l.bytes, l.len, &key));
    assert_true(key.work > 1000);
    load("openssh-dsa", &l);
    assert_true(eg_privkey_read(KEY_OPENSSH, l.bytes, l.len, &key));
    assert_true(key.work > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form), cmocka_unit_test(changed), cmocka_unit_test(cut),
        cmocka_unit_test(padding),   cmocka_unit_test(lengths), cmocka_unit_test(plugin),
        cmocka_unit_test(bombs),     cmocka_unit_test(work),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
