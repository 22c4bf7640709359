/* credentials_test.c - password hashes, tickets, tokens and keys as texts: whole, changed and cut
 * (the corpora of the fuzz targets, which openssl, mkpasswd, kinit and kadmin wrote, or follow from
 * what the formats say). */
#include "../../../core/base.h"
#include "../../../plugins/keys/base64.h"
#include "../../../plugins/keys/credtext.h"
#include "../../../plugins/keys/crypthash.h"
#include "../../../plugins/keys/jwk.h"
#include "../../../plugins/keys/krb5_open.h"
#include "../../../plugins/keys/tokentext.h"
#include "../../../plugins/keys/wallet.h"
#include "check.h"
#include "config.h"
#include "mkcorpus.h"
#include <stdio.h>
#include <stdlib.h>

/* ---- hashes ---- */

static const struct {
    const char *name, *algorithm;
    unsigned hashcat;
    bool bare;
} hashes[] = {
    { "md", "md5crypt", 500, false },        { "five", "sha256crypt", 7400, false },
    { "alice", "sha512crypt", 1800, false }, { "rounds", "sha512crypt", 1800, false },
    { "bob", "yescrypt", 0, false },         { "gost", "gost-yescrypt", 0, false },
    { "scrypt", "scrypt", 0, false },        { "blow", "bcrypt", 3200, false },
    { "web", "apr1", 1600, false },          { "des", "descrypt", 1500, true },
    { "bsd", "bsdicrypt", 12400, true },
};

static bool is_hash(const struct loaded *l, bool bare, struct eg_crypt_hash *out)
{
    return eg_crypt_hash((const char *)l->bytes, l->len, bare, out) && out->len == l->len;
}

static void each_hash(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(hashes); i++) {
        struct eg_crypt_hash h;
        struct loaded l;
        char name[64];
        uint8_t last;

        print(name, sizeof name, "tokens/hash-%s", hashes[i].name);
        load(name, &l);
        assert_true(is_hash(&l, true, &h));
        assert_string_equal(h.algorithm, hashes[i].algorithm);
        assert_int_equal(h.hashcat, hashes[i].hashcat);
        // what no prefix tells is not looked for where anything may stand
        assert_int_equal(is_hash(&l, false, &h), !hashes[i].bare);
        // a character less, one more, one that the last bits cannot give
        l.len--;
        assert_false(is_hash(&l, true, &h));
        last = l.bytes[l.len++];
        l.bytes[l.len++] = 'a';
        assert_false(is_hash(&l, true, &h));
        l.len--;
        l.bytes[l.len - 1] = 'z';
        assert_false(is_hash(&l, true, &h));
        l.bytes[l.len - 1] = last;
        // what ends it may follow
        l.bytes[l.len++] = ':';
        assert_true(eg_crypt_hash((const char *)l.bytes, l.len, true, &h) && h.len == l.len - 1);
    }
}

static void no_hash(void **state)
{
    static const char *const none[] = {
        "",
        "$",
        "$6$",
        "!",
        "$2a$10$xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "$2b$03$Tn0DH.C5PMPmiqKuDIKkbOYH.zfRIJ.pTvbKqKKo59IzVqJxZ.Wk2",           // too few rounds
        "$2b$32$Tn0DH.C5PMPmiqKuDIKkbOYH.zfRIJ.pTvbKqKKo59IzVqJxZ.Wk2",           // too many
        "$2b$05$Tn0DH.C5PMPmiqKuDIKkbPYH.zfRIJ.pTvbKqKKo59IzVqJxZ.Wk2",           // end of the salt
        "$1$X11PKBCd9$ZuQaHl18fLNbwvWGbn8jT1",                                    // a longer salt
        "$y$$IfaijGt4PnjnIfU1aFE4d/$.OEuro6FGUTjkO1nhiBu6P8TI9TUCtxab/go7I1d/DC", // no cost
        "$9$IFCvEbf0DJjJ41iR$1f0ddEuuvwoTUJGrorQpQ8A3Ey3o.iWL0WWHU.oV8F7",
        "{SHA}short=",
        "x",
    };
    struct eg_crypt_hash h;

    (void)state;
    for (size_t i = 0; i < countof(none); i++)
        assert_false(eg_crypt_hash(none[i], strlen(none[i]), true, &h));
    // what asks for too much work is never tried
    assert_true(eg_crypt_hash(
                    "$6$rounds=999999999$pJlaB2Kb0W48LOnV$nqXMNG9pNbxvdfjHebwcjsF4Qazx.Vywccp89mlN"
                    "QRX6jFi5KO3lwDiqzRZ5fnrCUCbzHVfgGbDndGJCTnhiH.",
                    123, false, &h) &&
                h.cost > 100000);
    assert_true(
        eg_crypt_hash("$y$jHT$IfaijGt4PnjnIfU1aFE4d/$.OEuro6FGUTjkO1nhiBu6P8TI9TUCtxab/go7I1d/DC",
                      73, false, &h) &&
        h.cost > 100000);
    assert_true(
        eg_crypt_hash("$y$j9T$IfaijGt4PnjnIfU1aFE4d/$.OEuro6FGUTjkO1nhiBu6P8TI9TUCtxab/go7I1d/DC",
                      73, false, &h) &&
        h.cost <= 100);
    assert_true(eg_crypt_hash("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", 33, true, &h));
    assert_int_equal(h.hashcat, 101);
    assert_false(eg_crypt_hash("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", 33, false, &h));
}

/* ---- tokens ---- */

static void each_token(void **state)
{
    static const struct {
        const char *name, *purpose, *algorithm, *of;
        bool proven;
    } tokens[] = {
        { "ghp", "GitHub token", "", "", true },
        { "npm", "npm token", "", "", true },
        { "glpat", "GitLab token", "", "", false },
        { "google", "Google API key", "", "", false },
        { "vault", "Vault token", "", "", false },
        { "jwt", "JSON Web Token", "HS256", "alice", true },
        { "jwt2", "JSON Web Token", "ES256", "bob", true },
    };

    (void)state;
    for (size_t i = 0; i < countof(tokens); i++) {
        struct eg_token t;
        struct loaded l;
        char name[64];

        print(name, sizeof name, "tokens/%s", tokens[i].name);
        load(name, &l);
        assert_true(eg_token_read(l.bytes, l.len, &t));
        assert_int_equal(t.len, l.len);
        assert_string_equal(t.purpose, tokens[i].purpose);
        assert_string_equal(t.algorithm, tokens[i].algorithm);
        assert_string_equal(t.name, tokens[i].of);
        assert_int_equal(t.proof != NULL, tokens[i].proven);
        assert_false(eg_token_read(l.bytes, l.len - 1, &t) && tokens[i].proven);
        l.bytes[l.len] = '.'; // the end of a sentence
        assert_true(eg_token_read(l.bytes, l.len + 1, &t) && t.len == l.len);
        l.bytes[l.len] = '_';
        assert_false(tokens[i].proven && eg_token_read(l.bytes, l.len + 1, &t) && t.len <= l.len);
        if (strcmp(t.purpose, "JSON Web Token") != 0)
            for (size_t at = 4; tokens[i].proven && at < l.len; at++) {
                l.bytes[at] ^= 1;
                assert_false(eg_token_read(l.bytes, l.len, &t));
                l.bytes[at] ^= 1;
            }
        memset(l.bytes + 6, 'x', l.len - 6); // what stands in examples
        assert_false(eg_token_read(l.bytes, l.len, &t));
    }
}

static void no_web_token(void **state)
{
    // {"typ":"JWT"}, {"alg":"HS256"} with a signature of RSA's length, [], a claim with a NUL
    static const char *const none[] = {
        "eyJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhIn0.tcnSOlrifoPqBKFnZAwbmhDvXcTdVPligbydvB-ZPXM",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.tcnSOlrifoPqBKFnZAwbmhDvXcTdVPligbydvB-Z",
        "eyJhbGciOiJIUzI1NiJ9.W10.tcnSOlrifoPqBKFnZAwbmhDvXcTdVPligbydvB-ZPXM",
        "eyJhbGciOiJIUzI1NiJ9.eyJhIjoiACJ9.tcnSOlrifoPqBKFnZAwbmhDvXcTdVPligbydvB-ZPXM",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.",
        "eyJ",
    };
    static const char good[] =
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.tcnSOlrifoPqBKFnZAwbmhDvXcTdVPligbydvB-ZPXM";
    struct eg_token t;

    (void)state;
    assert_true(eg_token_read((const uint8_t *)good, sizeof good - 1, &t));
    for (size_t i = 0; i < countof(none); i++)
        assert_false(eg_token_read((const uint8_t *)none[i], strlen(none[i]), &t));
}

static void aws(void **state)
{
    static const char near[] =
        "\naws_secret_access_key = rPvm4qUgwWOY5q+F4Qx4cJ6ob9Z0NK/bgFn2tAWr\n";
    static const char digest[] = " da39a3ee5e6b4b0d3255bfef95601890afd80709 ";
    static const char longer[] = " rPvm4qUgwWOY5q+F4Qx4cJ6ob9Z0NK/bgFn2tAWr= ";
    const uint8_t *p;

    (void)state;
    assert_true(eg_aws_id((const uint8_t *)"AKIA67L56XARVUNJXV5M", 20));
    assert_true(eg_aws_id((const uint8_t *)"ASIA67L56XARVUNJXV5M,", 21));
    assert_false(eg_aws_id((const uint8_t *)"AKIA67L56XARVUNJXV5", 19));
    assert_false(eg_aws_id((const uint8_t *)"AKIA67L56XARVUNJXV5MA", 21));
    assert_false(eg_aws_id((const uint8_t *)"AKIA67L56XARVUNJXV1M", 20)); // no 1 in base32
    assert_false(eg_aws_id((const uint8_t *)"AKIAXXXXXXXXXXXXXXXX", 20));
    p = eg_aws_secret((const uint8_t *)near, sizeof near - 1);
    assert_non_null(p);
    assert_memory_equal(p, strstr(near, "rPvm"), EG_AWS_SECRET);
    assert_null(eg_aws_secret((const uint8_t *)digest, sizeof digest - 1));
    assert_null(eg_aws_secret((const uint8_t *)longer, sizeof longer - 1));
}

/* ---- wallets ---- */

#ifdef HAVE_SHA256
static void base58(void **state)
{
    static const struct {
        const char *name, *what;
    } keys[] = { { "wif", "Bitcoin private key" },
                 { "wifc", "Bitcoin private key, compressed" },
                 { "xprv", "extended private key (BIP 32)" } };

    (void)state;
    for (size_t i = 0; i < countof(keys); i++) {
        struct loaded l;
        char name[64];
        const char *what = NULL;

        print(name, sizeof name, "tokens/%s", keys[i].name);
        load(name, &l);
        assert_int_equal(eg_wif_form(l.bytes, l.len) + eg_xprv_form(l.bytes, l.len), l.len);
        assert_true(eg_base58_key(l.bytes, l.len, &what));
        assert_string_equal(what, keys[i].what);
        l.bytes[l.len] = '1'; // one character more
        assert_int_equal(eg_wif_form(l.bytes, l.len + 1) + eg_xprv_form(l.bytes, l.len + 1), 0);
        for (size_t at = 0; at < l.len; at++) {
            const uint8_t was = l.bytes[at];

            l.bytes[at] = was == '7' ? '8' : '7';
            assert_false(eg_base58_key(l.bytes, l.len, &what));
            l.bytes[at] = was;
        }
    }
    {
        // the address of the first block: base58check, and no key
        static const char address[] = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa";
        uint8_t bytes[EG_BASE58_MAX];
        const char *what;

        assert_int_equal(eg_base58_check((const uint8_t *)address, 34, bytes), 21);
        assert_false(eg_base58_key((const uint8_t *)address, 34, &what));
    }
}

static void mnemonic(void **state)
{
    static const char *const names[] = { "tokens/bip12", "tokens/bip24" };
    uint8_t text[1024], *last;
    size_t at, len;

    (void)state;
    for (size_t i = 0; i < countof(names); i++) {
        struct loaded l;

        load(names[i], &l);
        print((char *)text, sizeof text, "not of it xx %s yy", (char *)l.bytes);
        len = eg_bip39_form(text, strlen((char *)text), &at);
        assert_int_equal(len, l.len);
        assert_memory_equal(text + at, l.bytes, len);
        assert_true(eg_bip39_check(l.bytes, l.len));
        // another word; a word more; two blanks
        last = memrchr(l.bytes, ' ', l.len);
        print((char *)text, sizeof text, "%.*s wheel", (int)(last - l.bytes), (char *)l.bytes);
        assert_int_equal(eg_bip39_form(text, strlen((char *)text), &at), strlen((char *)text));
        assert_false(eg_bip39_check(text, strlen((char *)text)));
        print((char *)text, sizeof text, "%s wheel", (char *)l.bytes);
        assert_int_equal(eg_bip39_form(text, strlen((char *)text), &at), 0);
        print((char *)text, sizeof text, "%.*s  wheel", (int)(last - l.bytes), (char *)l.bytes);
        assert_int_equal(eg_bip39_form(text, strlen((char *)text), &at), 0);
        assert_false(eg_bip39_check(text, strlen((char *)text)));
    }
    // the list itself, and of zeros what BIP 39 tells
    {
        static const char list[] = "abandon ability able about above absent absorb abstract absurd "
                                   "abuse access accident";
        static const char zeros[] = "abandon abandon abandon abandon abandon abandon abandon "
                                    "abandon abandon abandon abandon about";

        assert_int_equal(eg_bip39_form((const uint8_t *)list, sizeof list - 1, &at), 0);
        assert_int_equal(eg_bip39_form((const uint8_t *)zeros, sizeof zeros - 1, &at),
                         sizeof zeros - 1);
        assert_true(eg_bip39_check((const uint8_t *)zeros, sizeof zeros - 1));
    }
}

/* The list is the one of BIP 39: its digest is known. */
static void word_list(void **state)
{
    static const char *const some[] = { "abandon", "ability", "zebra", "zero", "zone", "zoo" };
    static const int numbers[] = { 0, 1, 2044, 2045, 2046, 2047 };

    (void)state;
    for (size_t i = 0; i < countof(some); i++)
        assert_int_equal(eg_bip39_word((const uint8_t *)some[i], strlen(some[i])), numbers[i]);
    assert_int_equal(eg_bip39_word((const uint8_t *)"abando", 6), -1);
    assert_int_equal(eg_bip39_word((const uint8_t *)"zooo", 4), -1);
    assert_int_equal(eg_bip39_word((const uint8_t *)"the", 3), -1);
    assert_int_equal(eg_bip39_word((const uint8_t *)"", 0), -1);
}

static void web_key(void **state)
{
    static const struct {
        const char *name, *type, *curve, *proof;
    } keys[] = { { "jwkec", "EC", "P-256", "public key computed" },
                 { "jwked", "OKP", "Ed25519", "public key computed" },
                 { "jwkrsa", "RSA", "", "n = p q, e d = 1, CRT" } };

    (void)state;
    for (size_t i = 0; i < countof(keys); i++) {
        struct eg_jwk k;
        struct loaded l;
        char name[64], text[FILE_MAX];
        size_t begin, at, len;
        char *d;

        print(name, sizeof name, "tokens/%s", keys[i].name);
        load(name, &l);
        print(text, sizeof text, "{\"keys\":[%s]}", (char *)l.bytes);
        at = (size_t)(strstr(text, "\"kty\"") - text);
        len = eg_jwk_form((uint8_t *)text, strlen(text), at, &begin);
        assert_int_equal(len, l.len);
        assert_memory_equal(text + begin, l.bytes, len);
        assert_true(eg_jwk_read(l.bytes, l.len, &k));
        assert_string_equal(k.type, keys[i].type);
        assert_string_equal(k.curve, keys[i].curve);
        assert_string_equal(k.proof, keys[i].proof);
        // another private key than the public one's
        d = strstr((char *)l.bytes, "\"d\"");
        assert_non_null(d);
        d[10] = d[10] == 'A' ? 'B' : 'A';
        assert_false(eg_jwk_read(l.bytes, l.len, &k));
        // a public key
        memcpy(d, "\"z\"", 3);
        at = (size_t)(strstr((char *)l.bytes, "\"kty\"") - (char *)l.bytes);
        assert_int_equal(eg_jwk_form(l.bytes, l.len, at, &begin), 0);
    }
}
#endif

static void age(void **state)
{
    struct loaded l;

    (void)state;
    load("tokens/age", &l);
    assert_int_equal(eg_age_form(l.bytes, l.len), l.len);
    assert_int_equal(eg_age_form(l.bytes, l.len - 1), 0);
    for (size_t at = 0; at < l.len; at++) {
        l.bytes[at] ^= 1;
        assert_int_equal(eg_age_form(l.bytes, l.len), 0);
        l.bytes[at] ^= 1;
    }
    l.bytes[20] |= 32;
    assert_int_equal(eg_age_form(l.bytes, l.len), 0);
}

/* ---- files ---- */

static void join(void *context, const struct eg_cred *c)
{
    char *text = context;
    const size_t n = strlen(text);

    print(text + n, 1024 - n, "%s|%s|%s|%s\n", c->password ? "password" : "token", c->name, c->word,
          c->secret);
}

static void each_file(void **state)
{
    static const struct {
        const char *name, *path, *rows;
    } files[] = {
        { "netrc", "/root/.netrc",
          "password|alice@git.lab|password|invented-word\n"
          "password|bob@default|password|other-word\n" },
        { "pgpass", "/home/bob/.pgpass", "password|db.lab:5432:*:bob|password|invented:word\n" },
        { "git", "/.git-credentials", "password|bob@git.lab|password|invented-word\n" },
        { "kube", "/root/.kube/config", "token|robot|token|invented-token\n" },
        { "npmrc", "/.npmrc",
          "token|//registry.lab/|_authToken|invented-token\n"
          "password|//registry.lab/|_password|aW52ZW50ZWQtd29yZA==\n" },
        { "docker", "/root/.docker/config.json", "password|registry.lab|auth|invented-word\n" },
        { "aws", "/root/.aws/credentials",
          "token|AKIA67L56XARVUNJXV5M|aws_secret_access_key|"
          "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\n" },
        { "wifi", "/etc/NetworkManager/system-connections/x.nmconnection",
          "token|Lab|psk|invented-word\n" },
    };
    static const char none[] =
        "password=\npassword = ${PASSWORD}\n#password=abcd\npassword\n=abcd\n"
        "passwords=abcd\n";
    char text[1024] = "";

    (void)state;
    for (size_t i = 0; i < countof(files); i++) {
        struct loaded l;
        char name[64];

        print(name, sizeof name, "tokens/file-%s", files[i].name);
        load(name, &l);
        assert_non_null(eg_cred_format(files[i].path));
        assert_true(eg_cred_may(strrchr(files[i].path, '/') + 1));
        *text = 0;
        eg_cred_each(eg_cred_format(files[i].path), (char *)l.bytes, l.len, join, text);
        assert_string_equal(text, files[i].rows);
    }
    *text = 0;
    eg_cred_each(eg_cred_format("/.my.cnf"), none, sizeof none - 1, join, text);
    assert_string_equal(text, "");
    // a folder decides
    assert_true(eg_cred_may("config"));
    assert_null(eg_cred_format("/boot/config"));
    assert_false(eg_cred_may("config.json5"));
    assert_null(eg_cred_format("config"));
}

/* ---- Kerberos ---- */

static size_t creds_of(const struct loaded *l, struct eg_krb5_cred *last)
{
    struct eg_krb5_principal owner;
    struct eg_krb5_cred c;
    unsigned version;
    size_t at = eg_krb5_ccache(l->bytes, l->len, &version, &owner), n = 0;

    while (at && eg_krb5_cred(l->bytes + at, l->len - at, version, &c)) {
        at += c.size;
        if (c.proven && ++n)
            *last = c;
    }
    return at == l->len ? n : 0;
}

static void ccache(void **state)
{
    struct eg_krb5_cred c, changed;
    char name[EG_KRB5_NAME];
    struct loaded l;
    size_t len;

    (void)state;
    load("krb5/ccache-mit", &l);
    assert_int_equal(creds_of(&l, &c), 2);
    eg_krb5_name(&c.client, name);
    assert_string_equal(name, "alice@LAB.EXAMPLE");
    eg_krb5_name(&c.server, name);
    assert_string_equal(name, "host/lab.example@LAB.EXAMPLE");
    assert_string_equal(eg_krb5_type(c.type, &len), "aes256-cts-hmac-sha1-96");
    assert_int_equal(c.key.n, 32);
    assert_int_equal(c.endtime - c.authtime, 36000);
    load("krb5/ccache-version3", &l);
    assert_int_equal(creds_of(&l, &c), 1);
    load("krb5/credential", &l);
    assert_true(eg_krb5_may_begin(l.bytes));
    assert_true(eg_krb5_cred(l.bytes, l.len, 4, &c) && c.proven && c.size == l.len);
    eg_krb5_name(&c.server, name);
    assert_string_equal(name, "krbtgt/LAB.EXAMPLE@LAB.EXAMPLE");
    for (size_t n = 0; n < l.len; n++)
        assert_false(eg_krb5_cred(l.bytes, n, 4, &changed));
    // a server, an encryption type and a ticket that do not fit
    l.bytes[c.server.part[0].at - l.bytes] ^= 1;
    assert_true(eg_krb5_cred(l.bytes, l.len, 4, &changed) && !changed.proven);
    l.bytes[c.server.part[0].at - l.bytes] ^= 1;
    l.bytes[c.server.realm.at - l.bytes] ^= 1;
    assert_true(eg_krb5_cred(l.bytes, l.len, 4, &changed) && !changed.proven);
    l.bytes[c.server.realm.at - l.bytes] ^= 1;
    l.bytes[c.key.at - l.bytes - 5] = 17;
    assert_true(eg_krb5_cred(l.bytes, l.len, 4, &changed) && !changed.proven);
    l.bytes[c.key.at - l.bytes - 5] = 18;
    l.bytes[c.ticket.at - l.bytes] ^= 1;
    assert_true(eg_krb5_cred(l.bytes, l.len, 4, &changed) && !changed.proven);
}

#ifdef HAVE_SHA256
/* The host's key opens the host's ticket, in which the session key is that of the cache. */
static void opened(void **state)
{
    struct eg_krb5_entry strong, weak;
    struct eg_krb5_cred c;
    struct loaded cached, table;
    uint8_t key[EG_KRB5_KEY_MAX], changed[EG_KRB5_KEY_MAX];
    size_t len = 0;

    (void)state;
    load("krb5/ccache-mit", &cached);
    load("krb5/keytab-mit", &table);
    assert_int_equal(creds_of(&cached, &c), 2); // the last one is the host's
    assert_true(eg_krb5_entry(table.bytes + 2, table.len - 2, &strong));
    assert_true(eg_krb5_entry(table.bytes + 2 + strong.size, table.len - 2 - strong.size, &weak));
    assert_true(eg_krb5_open(strong.type, strong.key.at, strong.key.n, c.ticket, key, &len));
    assert_int_equal(len, c.key.n);
    assert_memory_equal(key, c.key.at, len);
    assert_false(eg_krb5_open(weak.type, weak.key.at, weak.key.n, c.ticket, key, &len));
    memcpy(changed, strong.key.at, strong.key.n);
    changed[31] ^= 1;
    assert_false(eg_krb5_open(strong.type, changed, strong.key.n, c.ticket, key, &len));
    // a bit of what is encrypted, near the end and near the beginning, and a shorter one
    cached.bytes[c.ticket.at + c.ticket.n - 40 - cached.bytes] ^= 1;
    assert_false(eg_krb5_open(strong.type, strong.key.at, strong.key.n, c.ticket, key, &len));
    cached.bytes[c.ticket.at + c.ticket.n - 40 - cached.bytes] ^= 1;
    cached.bytes[c.ticket.at + c.ticket.n - 1 - cached.bytes] ^= 1;
    assert_false(eg_krb5_open(strong.type, strong.key.at, strong.key.n, c.ticket, key, &len));
    cached.bytes[c.ticket.at + c.ticket.n - 1 - cached.bytes] ^= 1;
    c.ticket.n--;
    assert_false(eg_krb5_open(strong.type, strong.key.at, strong.key.n, c.ticket, key, &len));
}
#endif

static void keytab(void **state)
{
    struct eg_krb5_entry e;
    struct loaded l;
    size_t at = EG_KRB5_KEYTAB_HEADER;
    char name[EG_KRB5_NAME];

    (void)state;
    load("krb5/keytab-mit", &l);
    assert_true(eg_krb5_entry(l.bytes + at, l.len - at, &e) && e.proven && e.kvno == 1);
    assert_int_equal(e.key.n, 32);
    eg_krb5_name(&e.of, name);
    assert_string_equal(name, "host/lab.example@LAB.EXAMPLE");
    for (size_t n = 0; n < e.size; n++)
        assert_false(eg_krb5_entry(l.bytes + at, n, &(struct eg_krb5_entry){ 0 }));
    at += e.size;
    assert_true(eg_krb5_entry(l.bytes + at, l.len - at, &e) && e.proven && e.key.n == 16);
    assert_int_equal(at + e.size, l.len);
    // another version in 32 bits than in 8
    l.bytes[l.len - 1] = 2;
    assert_true(eg_krb5_entry(l.bytes + at, l.len - at, &e) && !e.proven);
    // one that was removed
    l.bytes[at] = 0xff, l.bytes[at + 1] = 0xff, l.bytes[at + 2] = 0xff, l.bytes[at + 3] = 0xfc;
    assert_true(eg_krb5_entry(l.bytes + at, l.len - at, &e) && e.hole && e.size == 8);
    l.bytes[at] = 0x80, l.bytes[at + 1] = 0, l.bytes[at + 2] = 0, l.bytes[at + 3] = 0;
    assert_false(eg_krb5_entry(l.bytes + at, l.len - at, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_hash),    cmocka_unit_test(no_hash),  cmocka_unit_test(each_token),
        cmocka_unit_test(no_web_token), cmocka_unit_test(aws),      cmocka_unit_test(age),
        cmocka_unit_test(each_file),
#ifdef HAVE_SHA256
        cmocka_unit_test(base58),       cmocka_unit_test(mnemonic), cmocka_unit_test(word_list),
        cmocka_unit_test(web_key),      cmocka_unit_test(opened),
#endif
        cmocka_unit_test(ccache),       cmocka_unit_test(keytab),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
