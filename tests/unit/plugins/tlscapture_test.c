/* tlscapture_test.c - connections in captures (the corpus of the fuzz target) that OpenSSL made
 * and tshark decrypts with the same secrets; and a process that has them. */
#include "../../../plugins/keys/tls_capture.h"
#include "../../../plugins/keys/tls_find.h"
#include "check.h"
#include "mkuser.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Big- and little-endian files of both formats; Ethernet with a VLAN and without, Linux's cooked
 * link, none; IPv4 and IPv6. One has each segment twice, and not those that open the connection. */
static const struct file {
    const char *name;
    size_t hash;
    const char *client, *server,
        *secrets[5]; // in the order of labels; of TLS 1.2 the master secret
} files[] = {
    { "tls13-aes128.pcap",
      32,
      "c6d0674f201aa249b255e42d28b8929d21bd88d1e69c3f47fa6ce5355a020950",
      "4f1e734e83268c12b819850395d3c6d5d7cd97f1190b821f99b8be90c80f4d03",
      { "7482ce38e4ec138a3b712ce35257f853cb982bd4300d8049ad36ee5e7d571c94",
        "58eb6d9a48e5ad999a48161c2c94c57d8eeed5469b52ade62c4ec3dc82f2e354",
        "15e8d1b617f5fb7915901889ecc8842f026c6859fed7a54e0b22933ba95a93b9",
        "0c591fdebd313caa8a15ac5e96f762e1a3e5f8979c136383316e1072be16acb9",
        "b3e8c8b86e30c408a0aad8f7156f8d539f73d9008118314fb3f929ed45289d5b" } },
    { "tls13-chacha.pcapng",
      32,
      "cff357179ce9bf30052903e878264cf7cb2b82dbd82978045a43803f68a88963",
      "3b6b8fa4f528286fa3236a7d25f1d835258e90bbd1f9ea768c205686edb6049d",
      { "90f8e41592a1ae3c6fe4974e8ca555e6dc0be9cca9d9e36c232c5b0cddcf1e5f",
        "5959a7e95527c1c559419c768e2663b67e16db24c1020d739e6b9f0695e675b1",
        "5520858051df0f216869a241c32ba54793a6948cbb08f6d1122eb9d440feccff",
        "3434fdce88feb4d348e45f778a88118c28aa840ace9c4ec939d8e4b746d0afb5",
        "fcfb90bd9467a1c6de00fe2e0f4cdcfdb0c3a667fb48667fb1c54b1a9262693d" } },
    { "tls13-aes256-vlan.pcap",
      48,
      "abf25554001bcd19cf647eb668a9441d6825d0d43fc564500df32d588f41e0b6",
      "791ea02573514fac94180c16663bc52f59e30ab3b856139645a571c24d0b88e4",
      { "337c3426d28e1460773f7d662e2505120b48a4726b1ccd64a6d90a42fade94d7"
        "d7347933ffc181370b5ad5683991a954",
        "cd6cdac62b7e6ec829ed1aff4f87013f669cb3a01642a0f8773a18b742c8cd2d"
        "6a0f1f4f2b4437c1150e79190934a94f",
        "278224cf6109cac1d3903e2e10194597f92e5cd36eacc70082c0d4956fea0044"
        "3ccebc774ee15d7be3d66f726f4bf192",
        "a63859cbb3301ef067d3e0a9bcf468baab12c34277e21b80b370298a6a70be82"
        "7d3c766b41b67d38f49b58e73d86f661",
        "5ecc40f5cccaa31fd9329ef1dddd367aec87a649e2c816adcf119d251d8daffd"
        "8afbd466147ee971dfd7c2f3fe8b30b2" } },
    { "tls12-aes256-big.pcapng",
      48,
      "fb645508c52513c7ea2be6cbdeebec82e5d48c827faff8746b52abc7c94c4a30",
      "33ec483063ae0981522d6cfbadb6f6f5fe25711d36c0db37bc21feb4c022dc27",
      { "0ce93745eaac1d2097ce9400ce9076b3f7cebf53478a73bcfcfb8c695f55d861"
        "c58854c5eec8654a7cc59d8cc22a0ad7" } },
    { "tls12-chacha-big.pcap",
      32,
      "1dd96ab7390be824b7d25aeb590688e26b22ee90586c446822be465d17e46c20",
      "e416fbfe18c2c8c7d2a5d03a17fd8db890c2eed73d05ac1df28e66572c53ce67",
      { "efe5e3d68a110e052dde748fd18dbc06100869106ea9d3e4ca89fed37becb705"
        "2f49143e0227664a8a96f68c7a1ab0a0" } },
};

static size_t unhex(const char *text, uint8_t *out)
{
    size_t n = 0;
    unsigned byte;

    for (; sscanf(text + 2 * n, "%2x", &byte) == 1; n++)
        out[n] = (uint8_t)byte;
    return n;
}

static const char *path(const struct file *f)
{
    static char text[512];

    snprintf(text, sizeof text, "%s/tests/fuzz/corpus/tlscapture/%s", getenv("SOURCE_ROOT"),
             f->name);
    return text;
}

static size_t load(const struct file *f, uint8_t *out, size_t size)
{
    FILE *in = fopen(path(f), "rb");
    size_t n;

    assert_non_null(in);
    n = fread(out, 1, size, in);
    fclose(in);
    return n;
}

static void captures(void **state)
{
    static uint8_t bytes[8192];

    (void)state;
    for (const struct file *f = files; f < files + countof(files); f++) {
        const size_t n = load(f, bytes, sizeof bytes);
        struct eg_tls_capture *c = eg_tls_capture_open(bytes, n);
        const struct eg_tls_flow *flow;
        uint8_t client[32], server[32], secret[48];

        unhex(f->client, client);
        unhex(f->server, server);
        assert_non_null(c);
        assert_int_equal(eg_tls_capture_count(c), 1);
        flow = eg_tls_capture_find(c, client, server);
        assert_non_null(flow);
        assert_null(eg_tls_capture_find(c, server, client));
        for (int i = 0; f->secrets[1] && i < TLS_LABELS; i++)
            for (int from_server = 0; from_server < 2; from_server++) {
                unhex(f->secrets[i], secret);
                assert_int_equal(eg_tls_flow_opens(flow, from_server, f->hash, secret),
                                 i != TLS_EXPORTER && i % 2 == from_server);
                secret[7] ^= 1;
                assert_false(eg_tls_flow_opens(flow, from_server, f->hash, secret));
            }
        if (!f->secrets[1]) {
            unhex(f->secrets[0], secret);
            assert_true(eg_tls_flow_opens_12(flow, f->hash, secret));
            assert_false(eg_tls_flow_opens_12(flow, 80 - f->hash, secret));
            secret[7] ^= 1;
            assert_false(eg_tls_flow_opens_12(flow, f->hash, secret));
        }
        server[0] ^= 1;
        assert_null(eg_tls_capture_find(c, client, server));
        eg_tls_capture_close(c);
    }
}

/* Cut anywhere, it is a shorter capture; with another beginning it is none. */
static void cut(void **state)
{
    static uint8_t bytes[8192];

    (void)state;
    for (const struct file *f = files; f < files + countof(files); f++) {
        const size_t size = load(f, bytes, sizeof bytes);

        for (size_t n = 0; n < size; n += n < 200 ? 1 : 37) {
            uint8_t *exact = malloc(n + !n); // what is read behind it is seen by a sanitizer
            struct eg_tls_capture *c;

            assert_non_null(exact);
            memcpy(exact, bytes, n);
            c = eg_tls_capture_open(exact, n);
            assert_int_equal(c != NULL, n >= 24);
            eg_tls_capture_close(c);
            free(exact);
        }
        bytes[0] ^= 0x40;
        assert_null(eg_tls_capture_open(bytes, size));
    }
}

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;

    for (; (text = strstr(text, what)); text += strlen(what))
        n++;
    return n;
}

/* The slots of a process that keeps no digest, one write key of each direction, and randoms in the
 * wrong order: the capture knows better. */
static void process(void **state)
{
    (void)state;
    for (const struct file *f = files; f < files + 2; f++) {
        struct mk_user u = mk_user(mk_machines, 0);
        uint8_t slots[5][TLS_SLOT] = { 0 }, pair[64], key[32];
        char args[600], want[200];
        const size_t len = f == files ? 16 : 32; // ChaCha20 has the longer key
        const char *rows;

        for (int i = 0; i < 5; i++)
            unhex(f->secrets[i], slots[i]);
        unhex(f->server, pair);
        unhex(f->client, pair + 32);
        mk_guest_write(&u.g, u.mm, u.heap + 0x804, slots, sizeof slots);
        mk_guest_write(&u.g, u.mm, u.heap + 0x104, pair, sizeof pair);
        for (unsigned i = 0; i < 2; i++) {
            eg_tls_expand(32, slots[TLS_CLIENT + i], "key", NULL, 0, key, len);
            mk_guest_write(&u.g, u.mm, u.heap + 0x1800 + 64 * i, key, 16);
        }
        rows = mk_guest_rows(&u.g, "keys", "show");
        snprintf(want, sizeof want, "client random %s, by its place", f->server);
        assert_int_equal(count(rows, want), 5);
        snprintf(args, sizeof args, "show pcap=%s", path(f));
        rows = mk_guest_rows(&u.g, "keys", args);
        snprintf(want, sizeof want, "client random %s, as the capture has it", f->client);
        assert_int_equal(count(rows, want), 5);
        assert_int_equal(count(rows, "decrypts a record of the capture"), 4);
        assert_int_equal(count(rows, "in use; it decrypts a record"), 2);
        // no randoms: a connection that a secret decrypts
        memset(pair, 0, sizeof pair);
        mk_guest_write(&u.g, u.mm, u.heap + 0x104, pair, sizeof pair);
        rows = mk_guest_rows(&u.g, "keys", args);
        snprintf(want, sizeof want, "client random %s, of the connection of the capture",
                 f->client);
        assert_int_equal(count(rows, want), 5);
        assert_int_equal(count(rows, "decrypts a record of the capture"), 4);
        // the capture of another connection says nothing of this one
        snprintf(args, sizeof args, "show pcap=%s", path(f == files ? f + 1 : files));
        assert_int_equal(count(mk_guest_rows(&u.g, "keys", args), "capture"), 0);
        mk_free(u.g.k);
    }
}

/* Behind an empty packet is the hole of a sparse file: it is not gone through. */
static void hole(void **state)
{
    static uint8_t bytes[8192];
    const size_t n = load(files, bytes, sizeof bytes - 16);
    struct eg_tls_capture *c;

    (void)state;
    memmove(bytes + 24 + 16, bytes + 24, n - 24);
    memset(bytes + 24, 0, 16);
    c = eg_tls_capture_open(bytes, n + 16);
    assert_non_null(c);
    assert_int_equal(eg_tls_capture_count(c), 0);
    eg_tls_capture_close(c);
}

/* The writer of a FIFO is not waited for. */
static void fifo(void **state)
{
    static const char *const options[] = { "pcap", "disk" };
    char folder[] = "/tmp/engram-fifo-XXXXXX", name[64], arg[80];
    struct mk_user u = mk_user(mk_machines, 0);

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(name, sizeof name, "%s/fifo", folder);
    assert_int_equal(mkfifo(name, 0600), 0);
    mk_rows_may_fail = true;
    for (size_t i = 0; i < countof(options); i++) {
        snprintf(arg, sizeof arg, "%s=%s", options[i], name);
        alarm(60);
        mk_guest_rows(&u.g, "keys", arg);
        alarm(0);
        assert_true(i || strstr(mk_row_error(), "is not a regular file"));
    }
    mk_rows_may_fail = false;
    unlink(name);
    rmdir(folder);
    mk_free(u.g.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captures), cmocka_unit_test(cut),  cmocka_unit_test(process),
        cmocka_unit_test(hole),     cmocka_unit_test(fifo),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
