/* privatekeys - private keys of RSA, EC, Ed25519 and others, as files and libraries encode them. */
#include "../../core/scan.h"
#include "../../core/space.h"
#include "fingerprint.h"
#include "private.h"
#include "privkey.h"

#define COLUMNS(C)                                                                                 \
    EG_HIT_COLUMNS(C)                                                                              \
    C(FORM, TEXT, "how it is encoded: PEM PKCS#8, DER PKCS#1, OpenSSH, …")                         \
    C(ALGORITHM, TEXT, "RSA-2048, EC P-256, Ed25519, …; none where encryption hides it")           \
    C(ENCRYPTED, BOOL, "a passphrase is needed to use it")                                         \
    C(PROOF, TEXT, "what its parts say of each other; none where they say nothing")                \
    C(PUBLIC, TEXT, "fingerprint of the public key, as ssh-keygen -l prints it")                   \
    C(COMMENT, TEXT, "the comment in an OpenSSH key")                                              \
    C(FINGERPRINT, TEXT, "of the key: the first 8 bytes of the SHA-256 of its PKCS#8 in DER")      \
    C(PEM, TEXT, "the key itself", EG_ASKED)
EG_COLUMNS(COLUMNS);

struct privatekeys {
    bool show;
    const struct eg_region *last; // where a key was found, and where it ends
    uint64_t end;
};

/* ---- looking ---- */

static int begin(struct eg_run *r, void **state)
{
    struct privatekeys *k = *state = eg_tmp(r, sizeof *k);

    if (!eg_privkey_readable())
        return eg_failed(r, "this build has no libcrypto: build it where libcrypto's headers are");
    k->show = eg_arg_flag(r, "show");
    return 0;
}

struct looking {
    const struct eg_window *w;
    struct eg_hits *out;
    uint32_t id; // of the search that is part of another one
};

static void try(const struct looking *l, enum eg_key_form form, size_t at)
{
    const size_t size = eg_key_size(form, l->w->bytes + at, l->w->len - at);

    if (size)
        eg_hit_add(l->out, l->w->addr + at, (uint32_t)size, l->id | form);
}

/* A version is behind the tag of a sequence and the 1 to 3 bytes of its length. */
static void try_der(const struct looking *l, size_t at)
{
    for (size_t n = 2; n <= 4 && n <= at; n++) {
        const uint8_t *p = l->w->bytes + at - n;

        if (p[0] == DER_SEQUENCE && (n == 2 ? p[1] < 0x80 : p[1] == 0x7e + n))
            try(l, KEY_DER, at - n);
    }
}

/* The name of what encrypts is behind two sequences. */
static void try_encrypted(const struct looking *l, size_t at)
{
    for (size_t inner = 2; inner <= 4; inner++)
        for (size_t outer = 2; outer <= 4 && inner + outer <= at; outer++) {
            const size_t first = at - inner - outer;
            const size_t size = eg_key_size(KEY_DER, l->w->bytes + first, l->w->len - first);

            if (size && eg_pkcs8_encrypted((struct eg_key_bytes){ l->w->bytes + first, size }))
                try(l, KEY_DER, first);
        }
}

/* Four bytes that each form has: of PEM, OpenSSH and PuTTY some of its words; of DER a version of 0
 * or 1, and behind it a number (PKCS#1), a sequence (PKCS#8) or octets (SEC1); or the name of an
 * algorithm below 1.2.840 whose length is that of PKCS#5's and PKCS#12's. */
enum { IN_PEM = 4, IN_OPENSSH = 6 }; // where in "-----BEGIN" and in "openssh-key" they are

static void try_at(const struct looking *l, size_t at)
{
    const uint8_t *p = l->w->bytes + at;

    if (p[0] == DER_INTEGER)
        try_der(l, at);
    else if (p[0] == DER_OID)
        try_encrypted(l, at);
    else if (p[0] == '-' && at >= IN_PEM) {
        try(l, KEY_PEM, at - IN_PEM);
        try(l, KEY_PGP, at - IN_PEM);
    } else if (p[0] == 'P')
        try(l, KEY_PUTTY, at);
    else if (p[0] == 'h' && at >= IN_OPENSSH)
        try(l, KEY_OPENSSH, at - IN_OPENSSH);
}

enum { LANES = 16 };
typedef uint8_t lanes __attribute__((vector_size(LANES)));

static inline lanes load(const uint8_t *p)
{
    lanes v;

    memcpy(&v, p, sizeof v);
    return v;
}

/* Look at LANES places. */
static inline void try_lanes(const struct looking *l, size_t at)
{
    const uint8_t *p = l->w->bytes + at;
    const lanes a = load(p), b = load(p + 1), c = load(p + 2), d = load(p + 3);
    const lanes m = (lanes)(((a == DER_INTEGER) & (b == 1) & (c <= 1) &
                             ((d == DER_INTEGER) | (d == DER_SEQUENCE) | (d == DER_OCTETS))) |
                            ((a == DER_OID) & ((b | 3) == 11) & (c == 0x2a) & (d == 0x86)) |
                            ((a == '-') & (b == 'B') & (c == 'E') & (d == 'G')) |
                            ((a == 'h') & (b == '-') & (c == 'k') & (d == 'e')) |
                            ((a == 'P') & (b == 'u') & (c == 'T') & (d == 'T')));
    uint64_t any[LANES / 8];

    memcpy(any, &m, sizeof any);
    for (size_t i = 0; any[0] | any[1] && i < LANES; i++)
        if (m[i])
            try_at(l, at + i);
}

void eg_private_search(const struct eg_window *w, struct eg_hits *out, uint32_t id)
{
    const struct looking l = { w, out, id };
    size_t at = 0;

    for (; at + LANES + 3 <= w->len; at += LANES)
        try_lanes(&l, at);
    for (; at < w->len; at++) // all that they begin with is checked again
        try_at(&l, at);
}

static void look(void *state, void *worker, const struct eg_window *w, struct eg_hits *out)
{
    (void)state, (void)worker;
    eg_private_search(w, out, 0);
}

/* ---- rows ---- */

static struct eg_cell text(const char *s)
{
    return *s ? eg_text(s) : (struct eg_cell){ 0 };
}

static void hit(struct eg_run *r, void *state, const struct eg_region *region,
                const struct eg_hit *h)
{
    struct privatekeys *k = state;
    struct eg_privkey key;
    uint8_t bytes[KEY_MAX];

    // PKCS#8 has the key in it that could stand alone
    if (k->last == region && h->addr < k->end)
        return;
    if (h->len > sizeof bytes || !eg_read(eg_view_of(r), region->space, h->addr, bytes, h->len) ||
        !eg_privkey_read((enum eg_key_form)h->tag, bytes, h->len, &key))
        return;
    k->last = region;
    k->end = h->addr + h->len;
    eg_row(r, EG_HIT_CELLS(r, region, h), .FORM = text(key.form), .ALGORITHM = text(key.algorithm),
           .ENCRYPTED = eg_uint(key.encrypted), .PROOF = eg_text(key.proof),
           .PUBLIC = text(key.public), .COMMENT = text(key.comment),
           .FINGERPRINT = eg_text(key.der_len ? eg_key_fingerprint(r, key.der, key.der_len) : NULL),
           .PEM = k->show ? text(key.pem) : (struct eg_cell){ 0 });
}

/* ---- as a source of `keys` ---- */

static void add(struct eg_vault *v, const struct eg_region *region, const struct eg_hit *h,
                uint32_t tag)
{
    struct eg_privkey *key = eg_tmp(v->r, sizeof *key);
    struct eg_vault_key place = { 0 };
    uint8_t bytes[KEY_MAX];

    if (h->len > sizeof bytes || !eg_privkey_readable() ||
        !eg_read(eg_view_of(v->r), region->space, h->addr, bytes, h->len) ||
        !eg_privkey_read((enum eg_key_form)tag, bytes, h->len, key) || !key->der_len ||
        eg_vault_knows(v, key->der, key->der_len))
        return;
    eg_translate(eg_view_of(v->r), region->space, h->addr, eg_physical(v->r), &place.physical);
    place.proof = key->proof;
    place.hints = eg_vault_owner(v, region, h);
    eg_vault_private(v, key, &place);
}

EG_KEY_SOURCE(privatekeys) = { .search = eg_private_search, .hit = add };

static const struct eg_scan scan = {
    .behind = KEY_MAX,
    .begin = begin,
    .look = look,
    .hit = hit,
};

EG_PLUGIN(privatekeys) = {
    .help = "Find private keys of RSA, EC, Ed25519 and DSA as files have them",
    .manual =
        "Keys in PEM, in DER (PKCS#1, PKCS#8, SEC1), in OpenSSH's format, in PuTTY's files and\n"
        "in OpenPGP's blocks (the first key): in the page cache, in the buffers of programs, in\n"
        "their data. The parts of a key must belong together: RSA's numbers, and of the others\n"
        "the public key that stands beside the private one. PROOF is empty where nothing stands\n"
        "beside it: encrypted keys, Ed25519 in PKCS#8, EC without its public key.\n"
        "Kernels and libraries have keys to test themselves with: --owners says whose one is.\n"
        "PUBLIC is to be compared with known_hosts, authorized_keys and the list of an agent.\n"
        "Not found are keys that a program has only in numbers (as libcrypto keeps them after\n"
        "reading; keys finds these), those that sshd and ssh-agent shield (OpenSSH since 8.1\n"
        "encrypts them in memory), keys of hardware tokens, more than 16 KiB, and what is split\n"
        "between pages that do not follow each other: --in processes and --in kernel find these.\n"
        "Keys are shown by fingerprints, which can be passed on; --show prints the keys\n"
        "themselves, as PEM. Compare FINGERPRINT with:\n"
        "openssl pkcs8 -topk8 -nocrypt -outform DER -in KEY | sha256sum | cut -c 1-16",
    .aliases = EG_NAMES("rsakeyfind", "pemkeys"),
    .columns = columns,
    .args = EG_ARGS(EG_SCAN_ARGS, EG_ARG(show, FLAG, "print the keys too: they are secrets")),
    .looks_for = EG_NAMES("encryption keys"),
    .scan = &scan,
};
