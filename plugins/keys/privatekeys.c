/* privatekeys - private keys of RSA, EC, Ed25519 and others, as files and libraries encode them. */
#include "../../core/scan.h"
#include "../../core/space.h"
#include "crypto.h"
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
    uint64_t end, work;
    bool full;
};

/* ---- looking ---- */

static int begin(struct eg_run *r, void **state)
{
    struct privatekeys *k = *state = eg_tmp(r, sizeof *k);

    if (!eg_crypto_works())
        return eg_failed(r, "this build has no libcrypto: build it where libcrypto's headers are");
    k->show = eg_arg_flag(r, "show");
    return 0;
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
    bool good;

    // PKCS#8 has the key in it that could stand alone
    if (k->last == region && h->addr < k->end)
        return;
    if (k->work >= EG_PRIVKEY_WORK_MAX) {
        if (!k->full)
            eg_note(r,
                    "more places look like a private key than are examined: keys may be missing");
        k->full = true;
        return;
    }
    if (h->len > sizeof bytes || !eg_read(eg_view_of(r), region->space, h->addr, bytes, h->len))
        return;
    good = eg_privkey_read((enum eg_key_form)h->tag, bytes, h->len, &key);
    k->work += key.work;
    if (!good)
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
    struct eg_privkey one, *key = &one; // of many
    struct eg_vault_key place = { 0 };
    uint8_t bytes[KEY_MAX];
    bool good;

    if (h->len > sizeof bytes || !eg_crypto_works() || !eg_vault_may(v, EG_WORK_PRIVATE) ||
        !eg_read(eg_view_of(v->r), region->space, h->addr, bytes, h->len))
        return;
    good = eg_privkey_read((enum eg_key_form)tag, bytes, h->len, key);
    eg_vault_worked(v, EG_WORK_PRIVATE, key->work);
    if (!good || !key->der_len || eg_vault_knows(v, key->der, key->der_len))
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
