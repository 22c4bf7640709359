/* credfind_test.c - `keys` finds password hashes, tickets and tokens in files, in environments and
 * in memory, and takes nothing else for one. */
#include "../../../core/base.h"
#include "../../../plugins/keys/credtext.h"
#include "check.h"
#include "config.h"
#include "mkcache.h"
#include "mkcorpus.h"
#include <stdio.h>
#include <stdlib.h>

struct world {
    struct mk_cache c;
    uint8_t *ram;
    size_t len;
};

/* A cached file with these bytes. */
static void file(struct world *w, const char *name, const void *bytes, size_t n)
{
    const uint64_t d = mk_cache_file(&w->c, 0, name, MK_REG, n);
    const uint64_t first = mk_cache_folio(&w->c, d, 0, 1, "\0", MK_FRESH);

    assert_true(n <= w->c.g.page);
    memcpy(w->ram + first * w->c.g.page, bytes, n);
}

#ifdef HAVE_SHA256
/* Memory that is nobody's. */
static void loose(struct world *w, size_t at, const void *bytes, size_t n)
{
    const uint64_t page = w->c.free++;

    memcpy(w->ram + page * w->c.g.page + at, bytes, n);
}
#endif

static const char *rows_of(struct world *w)
{
    return mk_guest_rows(&w->c.g, "keys", "show");
}

static void open_world(struct world *w, const struct mk_machine *m)
{
    mk_cache_begin(&w->c, m, "ext4");
    w->ram = mk_ram(w->c.k, &w->len);
}

static void has(const char *rows, const char *text)
{
    if (!strstr(rows, text))
        fail_msg("no \"%s\" in:\n%s", text, (fputs(rows, stderr), rows));
}

static size_t count(const char *rows, const char *text)
{
    size_t n = 0;

    while ((rows = strstr(rows, text))) {
        rows++;
        n++;
    }
    return n;
}

static void accounts(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct loaded a, b, d, g;
        char shadow[2048], saved[2048];
        struct world w;
        const char *rows;

        open_world(&w, m);
        load("tokens/hash-alice", &a);
        load("tokens/hash-bob", &b);
        load("tokens/hash-des", &d);
        load("tokens/hash-five", &g);
        print(shadow, sizeof shadow,
              "root:*:1::::::\nalice:%s:1:0:9:7:::\nbob:!%s:1:0:9:7:::\nold:%s:1:0:9:7:::\n"
              "seven:%s:1:0:9:7\nx y:%s:1:0:9:7:::\n",
              (char *)a.bytes, (char *)b.bytes, (char *)d.bytes, (char *)g.bytes, (char *)g.bytes);
        print(saved, sizeof saved, "alice:%s:1:0:9:7:::\n", (char *)a.bytes);
        file(&w, "shadow-", saved, strlen(saved));
        file(&w, "shadow", shadow, strlen(shadow));
        file(&w, "shadows", "eve:5wDZq1Tz.jqGg:1:0:9:7:::\n", 29);
        rows = rows_of(&w);
        has(rows, "password hash|alice|/shadow|sha512crypt|");
        has(rows, "password hash|bob|/shadow|yescrypt|");
        has(rows, "|locked\n");
        has(rows, "password hash|old|/shadow|descrypt|");
        assert_int_equal(count(rows, "password hash|alice|"), 1);
        // a line with fewer fields is none of the file; its hash is found as a text
        has(rows, "password hash|seven||sha256crypt|");
        assert_int_equal(count(rows, "password hash|"), 4);
        mk_cache_end(&w.c);
    }
}

#ifdef HAVE_SHA256
static void in_memory(void **state)
{
    static const char *const texts[] = { "jwt",  "ghp",  "glpat", "age",   "wif",
                                         "wifc", "xprv", "bip12", "jwkec", "kube" };
    static const char aws[] = "aws_access_key_id = AKIA67L56XARVUNJXV5M\n"
                              "aws_secret_access_key = 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\n";
    static const char *const kinds[] = {
        "token|AKIA67L56XARVUNJXV5M|AWS secret access key|",
        "token|alice|JSON Web Token|HS256|",
        "token||GitHub token|",
        "token||GitLab token|",
        "token||age identity|",
        "token||Bitcoin private key|",
        "token||Bitcoin private key, compressed|",
        "token||extended private key",
        "token||mnemonic (BIP 39)|",
        "token||JSON Web Key|EC P-256|",
        "private key||SHA256:5TvkiCiSe0kLLgtDji7TXY/ZdIzcMCHf7iVSkDRCGQs|EC P-256|",
    };

    (void)state;
    mk_each_machine(m)
    {
        struct world w;
        struct loaded l;
        const char *rows;
        uint8_t *host;
        char prose[3001];

        open_world(&w, m);
        for (size_t i = 0; i < countof(texts); i++) {
            char name[64], text[FILE_MAX];

            print(name, sizeof name, "tokens/%s", texts[i]);
            load(name, &l);
            print(text, sizeof text, "x %s\n", (char *)l.bytes);
            loose(&w, 100 + i, text, strlen(text)); // at any place in a word
            loose(&w, 1000 + i, text, strlen(text));
        }
        // behind more text than is looked at together
        load("tokens/bip24", &l);
        for (size_t i = 0; i < sizeof prose - 1; i++)
            prose[i] = i % 3 == 2 ? ' ' : 'q';
        memcpy(prose + sizeof prose - 1 - l.len, l.bytes, l.len);
        prose[sizeof prose - 2 - l.len] = ' ';
        loose(&w, 32, prose, sizeof prose - 1);
        loose(&w, 50, aws, sizeof aws - 1);
        load("tokens/npm", &l);
        memmove(l.bytes + 1, l.bytes, l.len); // a part of a word
        loose(&w, 100, l.bytes, l.len + 1);
        load("krb5/credential", &l);
        loose(&w, 77, l.bytes, l.len);
        load("krb5/keytab-mit", &l);
        loose(&w, 78, l.bytes, l.len);
        file(&w, "host.keytab", l.bytes, l.len);
        load("krb5/ccache-mit", &l);
        file(&w, "krb5cc_1000", l.bytes, l.len);
        // with another session key than the host's ticket has
        host = memmem(l.bytes, l.len, "\0\x04host\0\0\0\x0blab.example\0\x12\0\0\0\x20", 27);
        assert_non_null(host);
        host[27] ^= 1;
        file(&w, "krb5cc_1002", l.bytes, l.len);
        host[27] ^= 1;
        for (size_t at = 0; at + 7 < l.len; at++)
            if (!memcmp(l.bytes + at, "\0\x12\0\0\0\x20", 6)) {
                l.bytes[at + 1] = 17; // whose keys have other lengths
                l.bytes[at + 6] ^= 1;
            }
        file(&w, "krb5cc_1001", l.bytes, l.len);
        rows = rows_of(&w);
        for (size_t i = 0; i < countof(kinds); i++)
            has(rows, kinds[i]);
        assert_int_equal(count(rows, "mnemonic"), 2);
        assert_int_equal(count(rows, "npm"), 0);
        has(rows, "kerberos|bob@LAB.EXAMPLE|session key with krbtgt/LAB.EXAMPLE@LAB.EXAMPLE|");
        has(rows, "kerberos|alice@LAB.EXAMPLE|session key with host/lab.example@LAB.EXAMPLE|");
        has(rows, "kerberos|host/lab.example@LAB.EXAMPLE|long-term key, version 1|");
        assert_int_equal(count(rows, "|opens a ticket of alice@LAB.EXAMPLE|"), 1);
        assert_int_equal(count(rows, "|the server's key opens the ticket, which has it|"), 1);
        assert_int_equal(count(rows, "kerberos|"), 6);
        assert_int_equal(count(rows, "\ntoken|"), 11);
        mk_cache_end(&w.c);
    }
}

#endif

static void environment(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w;
        const char *rows;
        struct loaded a, d;
        char shadow[512];
        uint64_t task;

        open_world(&w, m);
        load("tokens/hash-alice", &a);
        load("tokens/hash-des", &d); // of the same password, of which it has eight characters
        print(shadow, sizeof shadow, "des:%s:1:0:9:7:::\nalice:%s:1:0:9:7:::\n", (char *)d.bytes,
              (char *)a.bytes);
        file(&w, "shadow", shadow, strlen(shadow));
        for (int i = 0; i < 2; i++) {
            task = mk_guest_task(&w.c.g, 7 + i, "service", 0);
            MK_MM(&w.c.g, task, "service\0",
                  "DB_PASSWORD=invented-alice\0OTHER_PASSWORD=invented\0PWD=/home\0"
                  "X_TOKEN=/run/"
                  "token\0USE_API_KEY=true\0HIDDEN_SECRET=xxxxxxxx\0MY_SECRET=s3cr3t!\0N_TOKEN="
                  "12345\0"
                  "AWS_SECRET_ACCESS_KEY=rPvm4qUgwWOY5q+F4Qx4cJ6ob9Z0NK/bgFn2tAWr\0"
                  "AWS_ACCESS_KEY_ID=AKIA67L56XARVUNJXV5M\0");
        }
        rows = rows_of(&w);
#ifdef HAVE_CRYPT
        has(rows, "password|alice|DB_PASSWORD|");
        has(rows, "password|des|OTHER_PASSWORD|");
        has(rows, "|hash in /shadow|");
#else
        has(rows, "password||DB_PASSWORD|");
        has(rows, "password||OTHER_PASSWORD|");
#endif
        has(rows, "token||MY_SECRET|");
        has(rows, "token|AKIA67L56XARVUNJXV5M|AWS_SECRET_ACCESS_KEY|");
        assert_int_equal(count(rows, "password|") + count(rows, "token|"), 4);
        mk_cache_end(&w.c);
    }
}

static void join(void *context, const struct eg_cred *c)
{
    char *text = context;
    const size_t n = strlen(text);

    print(text + n, 1024 - n, "%s|%s|%s|%s\n", c->password ? "password" : "token", c->name, c->word,
          c->secret);
}

/* A token in the place of a user's name is the secret: no name shows it. */
static void tokens_as_names(void **state)
{
    static const char token[] = "glpat-aB3dE5fG7hJ9kL1mN3pQ";
    static const struct {
        const char *path, *format, *rows;
    } files[] = {
        { "/.git-credentials", "https://%s:x-oauth-basic@git.lab\n", "token|git.lab|token|%s\n" },
        { "/.git-credentials", "https://%s@git.lab\n", "token|git.lab|token|%s\n" },
        { "/.git-credentials", "https://%s:@git.lab:8080/\n", "token|git.lab:8080/|token|%s\n" },
        { "/root/.netrc", "machine git.lab login %s password x\n", "token|git.lab|token|%s\n" },
    };
    static const char name[] = "https://bob@git.lab\n";
    char text[1024], rows[1024], out[1024];

    (void)state;
    for (size_t i = 0; i < countof(files); i++) {
        print(text, sizeof text, files[i].format, token);
        print(rows, sizeof rows, files[i].rows, token);
        *out = 0;
        eg_cred_each(eg_cred_format(files[i].path), text, strlen(text), join, out);
        assert_string_equal(out, rows);
    }
    *out = 0;
    eg_cred_each(eg_cred_format("/.git-credentials"), name, strlen(name), join, out);
    assert_string_equal(out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_as_names),
        cmocka_unit_test(accounts),
#ifdef HAVE_SHA256
        cmocka_unit_test(in_memory),
#endif
        cmocka_unit_test(environment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
