/* certificates - certificates of servers, of authorities and of the kernel, and which of them have
 * their private key in the image. */
#include "../../core/map.h"
#include "../../core/run.h"
#include "../../core/scan.h"
#include "../../core/space.h"
#include "crypto.h"
#include "fingerprint.h"
#include "lanes.h"
#include "numbers.h"
#include "x509.h"
#include <stdio.h>

#define COLUMNS(C)                                                                                 \
    EG_HIT_COLUMNS(C)                                                                              \
    C(SUBJECT, TEXT, "whose it is")                                                                \
    C(ALT_NAMES, TEXT, "hosts, addresses and people that it is for (subjectAltName)")              \
    C(ISSUER, TEXT, "who signed it")                                                               \
    C(SERIAL_NUMBER, TEXT, "its number there, in hex", EG_MINOR)                                   \
    C(NOT_BEFORE, TIME, "from when it holds; none: a time that 64 bits of ns cannot have")         \
    C(NOT_AFTER, TIME, "until when")                                                               \
    C(ALGORITHM, TEXT, "of its public key: RSA-2048, EC P-256, …")                                 \
    C(AUTHORITY, BOOL, "it may sign others")                                                       \
    C(SELF_SIGNED, BOOL, "its own key signed it: computed", EG_MINOR)                              \
    C(FORM, TEXT, "how the first copy is encoded: DER, PEM", EG_MINOR)                             \
    C(COPIES, INT, "how often it is there")                                                        \
    C(PRIVATE, TEXT,                                                                               \
      "fingerprint of its private key, as privatekeys and keys have it; none: not found")          \
    C(FINGERPRINT, TEXT, "SHA-256 of its DER, in hex", EG_MINOR)                                   \
    C(PEM, TEXT, "the certificate itself", EG_ASKED)
EG_COLUMNS(COLUMNS);

enum {
    IS_CERTIFICATE = 16, // tags: below it are the forms of private keys
    CERTIFICATES_MAX = 1 << 16,
};

struct found {
    struct eg_certificate of;
    const struct eg_region *region;
    struct eg_hit hit;
    uint64_t copies;
};
struct certificates {
    struct found **of;
    size_t n, cap;
    struct eg_map *seen; // the first bytes of a digest → number
    struct eg_map *keys; // of a public key's → fingerprint of the private one
    bool pem, dump, full;
    uint64_t work; // of private keys
};

static int begin(struct eg_run *r, void **state)
{
    struct certificates *c = *state = eg_tmp(r, sizeof *c);

    if (!eg_crypto_works())
        return eg_failed(r, "this build has no libcrypto: build it where libcrypto's headers are");
    c->seen = eg_run_map(r);
    c->keys = eg_run_map(r);
    c->pem = eg_arg_flag(r, "pem");
    c->dump = eg_arg_flag(r, "dump");
    return 0;
}

/* ---- looking ---- */

static void try(const struct eg_window *w, struct eg_hits *out, enum eg_certificate_form form,
                size_t at)
{
    const size_t size = eg_certificate_size(form, w->bytes + at, w->len - at);

    if (size)
        eg_hit_add(out, w->addr + at, (uint32_t)size, IS_CERTIFICATE | form);
}

static void try_at(const struct eg_window *w, struct eg_hits *out, size_t at)
{
    if (w->bytes[at] == DER_SEQUENCE)
        try(w, out, CERTIFICATE_DER, at);
    else if (at >= 4)
        try(w, out, CERTIFICATE_PEM, at - 4);
}

/* A sequence whose length has 1 or 2 bytes, and one in it; "-BEG" of PEM. */
LANES_WIDE static void may_begin(const uint8_t *restrict p, size_t n, uint8_t *restrict m)
{
    for (size_t i = 0; i < n; i++)
        m[i] = ((p[i] == DER_SEQUENCE) & (((p[i + 1] == 0x82) & (p[i + 4] == DER_SEQUENCE)) |
                                          ((p[i + 1] == 0x81) & (p[i + 3] == DER_SEQUENCE)))) |
               ((p[i] == '-') & (p[i + 1] == 'B') & (p[i + 2] == 'E') & (p[i + 3] == 'G'));
}

static void search(const struct eg_window *w, struct eg_hits *out)
{
    enum { MORE = 4 };
    uint8_t m[LANES];
    size_t i;

    for (size_t at = 0; at + MORE < w->len; at += LANES) {
        const size_t n = EG_MIN(w->len - MORE - at, (size_t)LANES);

        memset(m + n, 0, LANES - n);
        may_begin(w->bytes + at, n, m);
        lanes_each(i, m) try_at(w, out, at + i);
    }
}

static void look(void *state, void *worker, const struct eg_window *w, struct eg_hits *out)
{
    (void)state, (void)worker;
    search(w, out);
    eg_private_search(w, out, 0);
}

/* ---- what was found ---- */

static void keep_key(struct eg_run *r, struct certificates *c, const struct eg_privkey *key)
{
    uint8_t sum[32];
    const char *name;
    uint64_t there;

    if (!key->der_len || !eg_certificate_key(key->der, key->der_len, sum) ||
        eg_map_get(c->keys, eg_le64(sum), &there))
        return;
    name = eg_key_fingerprint(r, key->der, key->der_len);
    if (name && eg_map_add(c->keys, eg_le64(sum), (uint64_t)(uintptr_t)name) < 0)
        eg_run_leave(r);
}

static void keep_certificate(struct eg_run *r, struct certificates *c,
                             const struct eg_region *region, const struct eg_hit *h,
                             const struct eg_certificate *one)
{
    uint64_t i;

    if (eg_map_get(c->seen, eg_le64(one->sum), &i)) {
        c->of[i]->copies++;
        return;
    }
    if (c->n == CERTIFICATES_MAX) {
        if (!c->full)
            eg_note(r, "more than %d certificates: the others are left out", CERTIFICATES_MAX);
        c->full = true;
        return;
    }
    if (eg_map_add(c->seen, eg_le64(one->sum), c->n) < 0)
        eg_run_leave(r);
    c->of = eg_grow(r, c->of, c->n, &c->cap, sizeof *c->of);
    c->of[c->n] = eg_tmp(r, sizeof **c->of);
    *c->of[c->n++] = (struct found){ *one, region, *h, 1 };
}

static void hit(struct eg_run *r, void *state, const struct eg_region *region,
                const struct eg_hit *h)
{
    static const enum eg_certificate_form forms[] = { CERTIFICATE_DER, CERTIFICATE_PEM };
    struct certificates *c = state;
    struct eg_certificate one;
    struct eg_privkey key;
    uint8_t bytes[KEY_MAX];

    if (h->len > sizeof bytes || !eg_read(eg_view_of(r), region->space, h->addr, bytes, h->len))
        return;
    if (h->tag < IS_CERTIFICATE) {
        if (c->work >= EG_PRIVKEY_WORK_MAX)
            return;
        if (eg_privkey_read((enum eg_key_form)h->tag, bytes, h->len, &key))
            keep_key(r, c, &key);
        c->work += key.work;
    } else if (eg_certificate_read(forms[h->tag & 1], bytes, h->len, &one)) {
        keep_certificate(r, c, region, h, &one);
    }
}

/* ---- rows ---- */

struct numbers {
    struct eg_run *r;
    struct certificates *c;
};

static void keep_number(void *context, const struct eg_privkey *key,
                        const struct eg_vault_key *place)
{
    struct numbers *n = context;

    (void)place;
    keep_key(n->r, n->c, key);
}

static struct eg_cell text(const char *s)
{
    return *s ? eg_text(s) : (struct eg_cell){ 0 };
}

static struct eg_cell when(int64_t seconds)
{
    int64_t ns;

    return __builtin_mul_overflow(seconds, INT64_C(1000000000), &ns) ? (struct eg_cell){ 0 }
                                                                     : eg_int(ns);
}

static const char *hex(struct eg_run *r, const uint8_t *bytes, size_t n)
{
    char *out = eg_tmp(r, 2 * n + 1);

    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return out;
}

static bool dump(struct eg_run *r, const struct found *f, const char *name)
{
    FILE *out = eg_output(r, eg_strf(r, "%s.pem", name));

    return out && fputs(f->of.pem, out) >= 0 && eg_output_done(r, out);
}

static int done(struct eg_run *r, void *state)
{
    struct certificates *c = state;
    struct numbers numbers = { r, c };

    if (eg_system_of(r) && c->n)
        eg_private_numbers(r, keep_number, &numbers);
    for (size_t i = 0; i < c->n && !eg_stopped(r); i++) {
        const struct found *f = c->of[i];
        const struct eg_certificate *x = &f->of;
        const char *name = hex(r, x->sum, sizeof x->sum);
        uint64_t key = 0;

        eg_map_get(c->keys, eg_le64(x->key), &key);
        eg_row(r, EG_HIT_CELLS(r, f->region, &f->hit), .SUBJECT = text(x->subject),
               .ALT_NAMES = text(x->names), .ISSUER = text(x->issuer),
               .SERIAL_NUMBER = text(x->serial), .NOT_BEFORE = when(x->from),
               .NOT_AFTER = when(x->to), .ALGORITHM = text(x->algorithm),
               .AUTHORITY = eg_uint(x->authority), .SELF_SIGNED = eg_uint(x->own),
               .FORM = eg_text(f->hit.tag & 1 ? "PEM" : "DER"), .COPIES = eg_uint(f->copies),
               .PRIVATE = eg_text(key ? (const char *)(uintptr_t)key : NULL),
               .FINGERPRINT = eg_text(name), .PEM = c->pem ? text(x->pem) : (struct eg_cell){ 0 });
        if (c->dump && !dump(r, f, name))
            return -1;
    }
    return 0;
}

static const struct eg_scan scan = {
    .before = 8,
    .behind = KEY_MAX,
    .begin = begin,
    .look = look,
    .hit = hit,
    .done = done,
};

EG_PLUGIN(certificates) = {
    .help = "Find X.509 certificates, and those whose private key is in the image",
    .manual =
        "Certificates in DER and PEM: of servers and their chains in the memory of programs, of\n"
        "authorities in the page cache, of the kernel, which has some built in to check modules\n"
        "with. Each is listed once, with where its first copy is.\n"
        "PRIVATE is the fingerprint of the private key, where privatekeys or keys finds one that\n"
        "the certificate's public key is of: who has the image can speak for its subject.\n"
        "A signature is computed only where the key of the certificate itself made it.\n"
        "Not found are those that a program keeps in parts only, as libcrypto does after reading,\n"
        "those of more than 16 KiB, and what is split between pages that do not follow each\n"
        "other: --in processes and --in kernel find these.\n"
        "-o FOLDER --dump writes each into a file FINGERPRINT.pem. Compare with:\n"
        "openssl x509 -in FILE -noout -text -fingerprint -sha256",
    .columns = columns,
    .args = EG_ARGS(EG_SCAN_ARGS, EG_ARG(pem, FLAG, "print the certificates too, as PEM"),
                    EG_ARG(dump, FLAG, "write them into the folder of -o")),
    .scan = &scan,
};
