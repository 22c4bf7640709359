/* gpg_test.c - keys of GnuPG's agent that gpg wrote (the corpus of the fuzz target), changed and
 * cut; in memory; and the passphrases that an agent keeps. */
#include "../../../plugins/keys/aes.h"
#include "../../../plugins/keys/gpgkey.h"
#include "check.h"
#include "mkuser.h"
#include <stdio.h>
#include <stdlib.h>

/* The keygrips are what gpg --with-keygrip said. */
#define PUBLIC "public key computed"
static const struct {
    const char *name, *algorithm, *proof, *grip;
} keys[] = {
    { "rsa", "RSA-1024", "n = p q, e d = 1, CRT", "F1EEC230BAE0E9033E16965E6DBAD1500D5A8470" },
    { "canonical-rsa", "RSA-1024", "n = p q, e d = 1, CRT",
      "F1EEC230BAE0E9033E16965E6DBAD1500D5A8470" },
    { "ed25519", "Ed25519", PUBLIC, "47A4857B42B580CB60DFB223B879CB60D0FEFC57" },
    { "canonical-ed25519", "Ed25519", PUBLIC, "47A4857B42B580CB60DFB223B879CB60D0FEFC57" },
    { "cv25519", "X25519", PUBLIC, "755648F09CDC6549BD078FC15B1DC3060D5ACB47" },
    { "nistp256", "EC P-256", PUBLIC, "C1BE1F12490062AD8B50D3E94D1A9AEA88A0DAAB" },
    { "brainpool", "EC brainpoolP256r1", PUBLIC, "8E36A1F6AD35F3B96F70693FCEE9A1D43C4BF4AB" },
    { "secp256k1", "EC secp256k1", PUBLIC, "1062A9D7D721489B3018DC41470BE9B8CF32F62F" },
    { "dsa", "DSA-1024", PUBLIC, "C0BB9F021F9F48DD74567145124FF238FEFE061D" },
    { "elg", "ElGamal-1024", PUBLIC, "AA45EB25A14389553998CAECA6CBCB93C9F89461" },
    { "protected", NULL, NULL, "BDB753601320FF473A9077442CCD88064C4E2A1C" },
    { "canonical-protected", NULL, NULL, "BDB753601320FF473A9077442CCD88064C4E2A1C" },
};

struct loaded {
    uint8_t bytes[4096];
    size_t len;
};

static struct loaded load(const char *name)
{
    struct loaded l;
    char path[512];
    FILE *f;

    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/gpgkey/%s", getenv("SOURCE_ROOT"), name);
    f = fopen(path, "rb");
    assert_non_null(f);
    l.len = fread(l.bytes, 1, sizeof l.bytes - 1, f);
    l.bytes[l.len] = 0;
    fclose(f);
    return l;
}

static struct eg_gpg_key key;
static struct eg_privkey read;

static void each_key(void **state)
{
    char grip[EG_KEYGRIP];

    (void)state;
    for (size_t i = 0; i < countof(keys); i++) {
        const struct loaded l = load(keys[i].name);

        assert_true(eg_gpg_begins(l.bytes, l.len) > 10);
        assert_true(eg_gpg_read(l.bytes, sizeof l.bytes, &key));
        assert_int_equal(key.size, l.len);
        assert_int_equal(key.protected, !keys[i].proof);
        assert_true(eg_gpg_grip(&key, grip));
        assert_string_equal(grip, keys[i].grip);
        assert_int_equal(eg_gpg_prove(&key, &read), keys[i].proof != NULL);
        if (!keys[i].proof)
            continue;
        assert_string_equal(read.algorithm, keys[i].algorithm);
        assert_string_equal(read.proof, keys[i].proof);
        assert_true(read.der_len > 0);
    }
}

/* A digit that is changed gives no key that is proven; a key that is cut is none. */
static void changed(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(keys); i++) {
        struct loaded l = load(keys[i].name);
        const bool text = l.bytes[1] == 'p';

        for (size_t n = 0; n < l.len; n += 7)
            assert_false(eg_gpg_read(l.bytes, n, &key));
        for (size_t at = 0; keys[i].proof && text && at < l.len; at++) {
            const uint8_t was = l.bytes[at];

            // digits of hex are capital letters, and those of words and lengths are not; of DSA q
            // is nothing that the others follow from
            if (at % 5 || !strcmp(keys[i].name, "dsa") || !strchr("ABCDEF", was) ||
                l.bytes[at + 1] == 'd' || l.bytes[at + 1] == 'u')
                continue;
            l.bytes[at] = was == 'A' ? 'B' : 'A';
            if (eg_gpg_read(l.bytes, l.len, &key) && eg_gpg_prove(&key, &read))
                fail_msg("%s: byte %zu is changed, and a key", keys[i].name, at);
            l.bytes[at] = was;
        }
    }
}

static void forms(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        { "(private-key (rsa (n #0A0B#)))", true },
        { "(private-key (rsa (n #0a 0\n B#)))", true },
        { "(private-key (rsa (n 2:\n\v)))", true },
        { "(private-key (rsa (n \"\\\"\")))", true },
        { "(private-key (rsa (n #0A0#)))", false },  // half a byte
        { "(private-key (rsa (n #0A0G#)))", false }, // no digit
        { "(private-key (rsa (n 90:a)))", false },
        { "(private-key (rsa (n \"a)))", false },
        { "(private-key (rsa (n #0A#))", false },
        { "(private-keys (rsa (n #0A#)))", false },
        { "(private-key ((n #0A#)))", false },
        { "private-key", false },
        { ")", false },
        { "(private-key (rsa (n #0A#)\001))", false },
        { "(private-key (a-name-of-16-char (n #0A#)))", false },
        { "(private-key (ecc (curve a-name-of-a-curve-of-32-letters!) (q #0A#)))", false },
    };
    static uint8_t deep[2 * KEY_MAX];

    (void)state;
    for (size_t i = 0; i < countof(cases); i++)
        if (eg_gpg_read((const uint8_t *)cases[i].text, strlen(cases[i].text), &key) !=
            cases[i].good)
            fail_msg("%s", cases[i].text);
    // of two parts with one name the last, of a part its first word; inner lists do not count
    assert_true(eg_gpg_read((const uint8_t *)"(private-key (rsa (n #01#) (n #0203# #04#) (d (n "
                                             "#05#))) (comment (n #06#)))",
                            77, &key));
    assert_int_equal(key.of['n' - 'a'].n, 2);
    assert_memory_equal(key.of['n' - 'a'].at, "\2\3", 2);
    assert_int_equal(key.of['d' - 'a'].n, 0);
    memset(deep, '(', sizeof deep);
    assert_false(eg_gpg_read(deep, sizeof deep, &key));
    assert_int_equal(eg_gpg_begins((const uint8_t *)"(private-ke", 11), 0);
}

/* ---- in memory ---- */

static const char *rows(struct mk_user *u, const char *kind, int from, int to)
{
    static char kept[4096];
    const char *line = mk_guest_rows(&u->g, "keys", NULL);
    char *out = kept;

    for (const char *end; *line; line = end + (*end != 0)) {
        end = strchrnul(line, '\n');
        if (!strncmp(line, kind, strlen(kind)) && end - line + 2 < kept + sizeof kept - out)
            out += sprintf(out, "%s%.*s", out > kept ? "\n" : "", (int)(end - line), line);
    }
    *out = 0;
    return mk_columns(kept, from, to);
}

/* One that is there twice is told once; what is protected is none. */
static void searched(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_user u = mk_user(m, 0);
        const char *const names[] = { "ed25519", "canonical-ed25519", "protected", "canonical-rsa",
                                      "nistp256" };
        const char *const want[] = {
            "keygrip 47A4857B42B580CB60DFB223B879CB60D0FEFC57|Ed25519",
            "keygrip F1EEC230BAE0E9033E16965E6DBAD1500D5A8470|RSA-1024",
            "keygrip C1BE1F12490062AD8B50D3E94D1A9AEA88A0DAAB|EC P-256",
        };
        const char *said;

        for (size_t i = 0; i < countof(names); i++) {
            const struct loaded l = load(names[i]);
            const uint64_t at = mk_alloc(u.g.k, sizeof l.bytes);

            mk_write(u.g.k, at + 3 + i, l.bytes, l.len);
        }
        said = rows(&u, "gpg key", 2, 3);
        for (size_t i = 0; i < countof(want); i++)
            assert_non_null(strstr(said, want[i]));
        assert_int_equal(strlen(said), strlen(want[0]) + strlen(want[1]) + strlen(want[2]) + 2);
        mk_free(u.g.k);
    }
}

/* ---- passphrases ---- */

/* "a passphrase", with zeros to 24 bytes, wrapped with the key 00 01 02 … 0f. */
static const uint8_t wrapped[] = { 0xfa, 0x3b, 0xff, 0x53, 0x46, 0x73, 0xe1, 0xac, 0x6c, 0x5b, 0xa1,
                                   0xc2, 0x6e, 0x4b, 0x8e, 0x16, 0xba, 0xe1, 0xb1, 0xad, 0xd4, 0xbc,
                                   0x4d, 0x99, 0x46, 0xec, 0xee, 0x89, 0x61, 0x02, 0x94, 0xf4 };

enum { CREATED = 1700000000 };

/* @before_name: words of a timer. */
static uint64_t item(struct mk_user *u, unsigned timer, const char *name)
{
    uint8_t schedule[AES_SCHEDULE_MAX], aes[16];
    uint64_t pw = mk_user_room(u, 4 + sizeof wrapped), at, expanded;

    for (uint8_t i = 0; i < sizeof aes; i++)
        aes[i] = i;
    eg_aes_expand(aes, 4, schedule);
    expanded = mk_user_room(u, sizeof schedule);
    mk_guest_write(&u->g, u->mm, expanded, schedule, sizeof schedule);
    mk_user_int(u, pw, 4, sizeof wrapped);
    mk_guest_write(&u->g, u->mm, pw + 4, wrapped, sizeof wrapped);
    at = mk_user_room(u, 48 + 8 * timer + strlen(name) + 1);
    mk_user_word(u, at, 0, 0);
    mk_user_word(u, at, 1, CREATED);
    mk_user_word(u, at, 2, CREATED + 5);
    mk_user_int(u, at + 24, 4, 600);
    mk_user_int(u, at + 28, 4, 0);
    mk_user_word(u, at, 4, pw);
    mk_user_int(u, at + 40, 4, 2);
    mk_user_int(u, at + 44, 4, 0);
    for (unsigned i = 0; i < timer; i++)
        mk_user_word(u, at, 6 + i, 0);
    mk_guest_write(&u->g, u->mm, at + 48 + 8 * timer, name, strlen(name) + 1);
    return at;
}

static void passphrases(void **state)
{
    static const char grip[] = "BDB753601320FF473A9077442CCD88064C4E2A1C";
    char want[200];

    (void)state;
    snprintf(want, sizeof want, "gpg passphrase|%s|of the key with this keygrip|||7|prog", grip);
    mk_each_machine(m) for (unsigned timer = 0; timer <= 2; timer += 2)
    {
        struct mk_user u = mk_user(m, 0);

        if (u.ptr == 8) {
            item(&u, timer, grip);
            assert_string_equal(rows(&u, "gpg pass", 0, 6), want);
            assert_string_equal(rows(&u, "gpg pass", 9, 9), "AES key wrap opened");
        }
        mk_free(u.g.k);
    }
}

static void no_passphrase(void **state)
{
    static const struct {
        unsigned at, size;
        uint64_t value;
    } changes[] = {
        { 8, 8, 4711 },                    // created long ago
        { 16, 8, (uint64_t)CREATED << 8 }, // accessed in a far year
        { 24, 4, 0xffff0000 },             // a lifetime below -1
        { 32, 8, 0 },                      // no passphrase
        { 32, 8, 1 << 30 },                // it is outside
        { 40, 4, 8 },                      // a mode that there is not
        { 48, 4, 0x20 },                   // a name with a blank
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i <= countof(changes) + 1; i++)
    {
        struct mk_user u = mk_user(m, 0);
        uint64_t at;

        if (u.ptr == 8) {
            at = item(&u, 0, "a-name-of-it");
            if (i < countof(changes))
                mk_user_int(&u, at + changes[i].at, changes[i].size, changes[i].value);
            else if (i == countof(changes)) // its first byte, and its length
                mk_user_int(&u, u.heap + 64 + 4, 1, wrapped[0] ^ 1u);
            else
                mk_user_int(&u, u.heap + 64, 4, 24);
            if (*rows(&u, "gpg pass", 0, 9))
                fail_msg("change %zu: %s", i, rows(&u, "gpg pass", 0, 9));
        }
        mk_free(u.g.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key), cmocka_unit_test(changed),     cmocka_unit_test(forms),
        cmocka_unit_test(searched), cmocka_unit_test(passphrases), cmocka_unit_test(no_passphrase),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
