/* certificates_test.c - certificates that openssl wrote (the corpus of the fuzz target), whole, cut
 * and changed, and the plugin that finds them and their keys. */
#include "../../../plugins/keys/x509.h"
#include "check.h"
#include "mkscan.h"
#include <stdio.h>
#include <stdlib.h>

enum { FROM = 1796055594 };

/* What openssl x509 says of each. */
static const struct file {
    const char *name, *subject, *issuer, *serial, *names, *algorithm, *sum;
    int64_t from, to;
    enum eg_certificate_form form;
    char authority, own;
} files[] = {
    { "certificate-authority", "O = lab, CN = authority", "O = lab, CN = authority", "1234", "",
      "RSA-1024", "0b14f8e0", FROM, 4949655594, CERTIFICATE_DER, 1, 1 },
    { "certificate-server", "C = DE, CN = server \xc3\xbc", "O = lab, CN = authority",
      "FEDCBA98765432100F", "DNS:a.example, IP Address:192.0.2.1, email:m@example", "EC P-384",
      "d2fc6b2a", FROM, 4388055594, CERTIFICATE_DER, 0, 0 },
    { "certificate-small", "CN = s", "CN = s", "01", "", "Ed25519", "0d7d35fb", FROM, 2660055594,
      CERTIFICATE_DER, 0, 1 },
    { "certificate-pem", "CN = s", "CN = s", "01", "", "Ed25519", "0d7d35fb", FROM, 2660055594,
      CERTIFICATE_PEM, 0, 1 },
};

struct loaded {
    uint8_t bytes[4096];
    size_t len;
};

static void load(const char *folder, const char *name, struct loaded *out)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s/%s", getenv("SOURCE_ROOT"), folder, name);
    f = fopen(path, "rb");
    assert_non_null(f);
    fgetc(f); // its form
    out->len = fread(out->bytes, 1, sizeof out->bytes, f);
    fclose(f);
}

static void each(void **state)
{
    static struct eg_certificate c;
    struct loaded l;

    (void)state;
    for (const struct file *f = files; f < files + countof(files); f++) {
        char sum[9];

        load("numbers", f->name, &l);
        assert_int_equal(eg_certificate_size(f->form, l.bytes, l.len), l.len);
        assert_true(eg_certificate_read(f->form, l.bytes, l.len, &c));
        assert_string_equal(c.subject, f->subject);
        assert_string_equal(c.issuer, f->issuer);
        assert_string_equal(c.serial, f->serial);
        assert_string_equal(c.names, f->names);
        assert_string_equal(c.algorithm, f->algorithm);
        assert_int_equal(c.from, f->from);
        assert_int_equal(c.to, f->to);
        assert_int_equal(c.authority, f->authority);
        assert_int_equal(c.own, f->own);
        snprintf(sum, sizeof sum, "%08x", eg_be32(c.sum));
        assert_string_equal(sum, f->sum);
        assert_memory_equal(c.pem, "-----BEGIN CERTIFICATE-----\n", 28);
    }
}

static void cut(void **state)
{
    struct loaded l;

    (void)state;
    for (const struct file *f = files; f < files + countof(files); f++) {
        load("numbers", f->name, &l);
        for (size_t len = 0; len < l.len; len++) {
            uint8_t *exact = malloc(len + !len); // what is read behind it is seen by a sanitizer

            assert_non_null(exact);
            memcpy(exact, l.bytes, len);
            assert_int_equal(eg_certificate_size(f->form, exact, len), 0);
            free(exact);
        }
    }
}

/* What is signed cannot be changed unnoticed. */
static void changed(void **state)
{
    static struct eg_certificate c;
    struct loaded l;

    (void)state;
    load("numbers", "certificate-small", &l);
    for (size_t i = 0; i < l.len; i++) {
        l.bytes[i] ^= 1;
        assert_false(eg_certificate_size(CERTIFICATE_DER, l.bytes, l.len) == l.len &&
                     eg_certificate_read(CERTIFICATE_DER, l.bytes, l.len, &c) && c.own);
        l.bytes[i] ^= 1;
    }
}

/* ---- the plugin ---- */

enum { SIZE = 4 << 20 };
static uint8_t *ram;

static void place(const char *folder, const char *name, size_t at)
{
    struct loaded l;

    load(folder, name, &l);
    memcpy(ram + at, l.bytes, EG_MIN(l.len, SIZE - at));
}

static void plugin(void **state)
{
    const struct eg_given_arg pem[] = { { "pem", NULL }, { NULL, NULL } };

    (void)state;
    ram = calloc(SIZE, 1);
    assert_non_null(ram);
    place("numbers", "certificate-authority", 0);
    place("numbers", "certificate-server", 0x1001);
    place("numbers", "certificate-pem", 0x2003);
    place("numbers", "certificate-small", 0x3005);  // the same
    place("numbers", "certificate-server", 0x4000); // and one whose names are damaged
    memset(ram + 0x4018, 0, 16);
    place("numbers", "certificate-server", 0x1ffff0);   // over the border of two pieces
    place("numbers", "certificate-server", SIZE - 100); // the memory ends in it
    for (unsigned threads = 1; threads < 4; threads++) {
        char *got = mk_scan("certificates", ram, SIZE, NULL, threads, 10);

        assert_int_equal(mk_scan_result.status, 0);
        assert_non_null(strstr(got, "|RSA-1024|true|true|DER|1||0b14f8e0"));
        assert_non_null(strstr(got, "|EC P-384|false|false|DER|2||d2fc6b2a"));
        assert_non_null(strstr(got, "|Ed25519|false|true|PEM|2||0d7d35fb"));
        assert_int_equal(mk_scan_result.n_rows, 3);
    }
    place("privkey", "pem-sec1", 0x100000);
    assert_non_null(strstr(mk_scan("certificates", ram, SIZE, NULL, 2, 10),
                           "|EC P-384|false|false|DER|2|567fd8992266a4ed|d2fc6b2a"));
    place("privkey", "putty-rsa", 0x180000);
    assert_non_null(strstr(mk_scan("certificates", ram, SIZE, NULL, 2, 10),
                           "|RSA-1024|true|true|DER|1|da9a875d185cb0f5|0b14f8e0"));
    assert_null(strstr(mk_scan("certificates", ram, SIZE, NULL, 2, 10), "BEGIN"));
    assert_non_null(strstr(mk_scan("certificates", ram, SIZE, pem, 2, 10), "BEGIN CERTIFICATE"));
    free(ram);
    mk_scan_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each),
        cmocka_unit_test(cut),
        cmocka_unit_test(changed),
        cmocka_unit_test(plugin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
