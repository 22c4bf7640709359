/* xfrm_keys.c - a source of the vault: the keys of IPsec's states. */
#include "../../core/base.h"
#include "../linux/mm/place.h"
#include "../linux/net/sock.h"
#include "../linux/net/xfrm.h"
#include "hmac.h"
#include "tfm.h"
#include "vault.h"

EG_FIELD_AS_OF("ah4", ah_hash, ah_data, "ahash");

enum { STATES_MAX = 1 << 16 };

/* Bytes behind the key that packets' nonces begin with: RFC 4106, 4309, 4543, 7634, 3686. */
static unsigned salt_of(const char *name)
{
    static const struct {
        const char *name;
        unsigned n;
    } salts[] = {
        { "rfc4106(", 4 },    { "rfc4309(", 3 }, { "rfc4543(", 4 },
        { "rfc7539esp(", 4 }, { "rfc3686(", 4 },
    };

    for (size_t i = 0; i < countof(salts); i++)
        if (!strncmp(name, salts[i].name, strlen(salts[i].name)))
            return salts[i].n;
    return 0;
}

/* ---- proofs ---- */

/* The transform that a state works with. */
static uint64_t tfm_of(struct eg_run *r, const struct linux_xfrm *x)
{
    // struct ah_data (include/net/ah.h) has two numbers before it; IPv6 has the same one.
    const struct linux_reader m = { eg_kernel(r), eg_binding_of(r)->model.big_endian };
    const struct linux_place p = linux_place(r, ah_hash, 8, eg_binding_of(r)->model.ptr_size, 0, 0);
    uint64_t at = 0;

    if (x->proto == LINUX_XFRM_ESP)
        return x->data;
    return x->proto == LINUX_XFRM_AH && linux_place_get(&m, eg_view_of(r), x->data, p, &at) ? at
                                                                                            : 0;
}

static const char *prove_hash(struct eg_run *r, uint64_t tfm, const struct linux_xfrm_alg *a)
{
    struct eg_hmac_states s;
    const size_t n = strlen(a->name);

    if (n < 7 || strncmp(a->name, "hmac(", 5) != 0 || a->name[n - 1] != ')' ||
        !eg_hmac_states(eg_strf(r, "%.*s", (int)(n - 6), a->name + 5), a->key, a->len,
                        eg_binding_of(r)->model.big_endian, &s))
        return NULL;
    return eg_tfm_has(r, tfm, s.inner, s.n) && eg_tfm_has(r, tfm, s.outer, s.n)
               ? "states of HMAC computed"
               : NULL;
}

static const char *prove(struct eg_run *r, uint64_t tfm, const struct linux_xfrm_alg *a)
{
    const unsigned salt = salt_of(a->name);
    const char *proof;

    if (!tfm || a->len <= salt)
        return NULL;
    proof = eg_tfm_proof(r, tfm, a->key, a->len - salt);
    return proof || a->what != LINUX_XFRM_AUTH ? proof : prove_hash(r, tfm, a);
}

/* ---- for Wireshark ---- */

/* Names of 4.0; one that Wireshark does not know makes it refuse the whole file. */
static const char *wireshark_cipher(struct eg_run *r, const struct linux_xfrm_alg *a)
{
    static const char *const names[][2] = {
        { "cbc(aes)", "AES-CBC [RFC3602]" },
        { "cbc(des3_ede)", "TripleDES-CBC [RFC2451]" },
        { "cbc(des)", "DES-CBC [RFC2405]" },
        { "cbc(cast5)", "CAST5-CBC [RFC2144]" },
        { "cbc(blowfish)", "BLOWFISH-CBC [RFC2451]" },
        { "cbc(twofish)", "TWOFISH-CBC" },
        { "rfc3686(ctr(aes))", "AES-CTR [RFC3686]" },
        { "ecb(cipher_null)", "NULL" },
    };

    for (size_t i = 0; i < countof(names); i++)
        if (!strcmp(names[i][0], a->name))
            return names[i][1];
    return !strcmp(a->name, "rfc4106(gcm(aes))") && (a->icv == 64 || a->icv == 96 || a->icv == 128)
               ? eg_strf(r, "AES-GCM with %u octet ICV [RFC4106]", a->icv / 8)
               : NULL;
}

static const char *wireshark_hash(struct eg_run *r, const char *name, uint32_t bits)
{
    static const struct {
        const char *name;
        uint32_t bits;
        const char *text;
    } names[] = {
        { "hmac(md5)", 96, "HMAC-MD5-96 [RFC2403]" },
        { "hmac(sha1)", 96, "HMAC-SHA-1-96 [RFC2404]" },
        { "hmac(sha256)", 96, "HMAC-SHA-256-96 [draft-ietf-ipsec-ciph-sha-256-00]" },
        { "hmac(sha256)", 128, "HMAC-SHA-256-128 [RFC4868]" },
        { "hmac(sha384)", 192, "HMAC-SHA-384-192 [RFC4868]" },
        { "hmac(sha512)", 256, "HMAC-SHA-512-256 [RFC4868]" },
        { "hmac(rmd160)", 96, "MAC-RIPEMD-160-96 [RFC2857]" },
    };

    for (size_t i = 0; i < countof(names); i++)
        if (!strcmp(names[i].name, name) && names[i].bits == bits)
            return names[i].text;
    return bits == 64 || bits == 96 || bits == 128 || bits == 192 || bits == 256
               ? eg_strf(r, "ANY %u bit authentication [no checking]", bits)
               : NULL;
}

static const char *hex(struct eg_run *r, const struct linux_xfrm_alg *a)
{
    char *text = eg_tmp(r, 2 * LINUX_XFRM_KEY + 3);

    if (!a || !a->len)
        return "";
    memcpy(text, "0x", 2);
    eg_hex(text + 2, a->key, a->len);
    return text;
}

/* A line of the file esp_sa. NULL: Wireshark knows none of this. */
static const char *wireshark(struct eg_run *r, const struct linux_xfrm *x)
{
    const struct linux_xfrm_alg *cipher = NULL, *hash = NULL;
    const char *cipher_name, *hash_name = "NULL";

    for (size_t i = 0; i < x->n; i++)
        *(x->alg[i].what == LINUX_XFRM_AUTH ? &hash : &cipher) = &x->alg[i];
    cipher_name = cipher ? wireshark_cipher(r, cipher) : NULL;
    if (x->proto != LINUX_XFRM_ESP || !cipher_name)
        return NULL;
    if (hash)
        hash_name = wireshark_hash(r, hash->name, hash->icv);
    if (!hash_name)
        return NULL;
    return eg_strf(r, "\"%s\",\"%s\",\"%s\",\"0x%08x\",\"%s\",\"%s\",\"%s\",\"%s\"\n",
                   x->family == LINUX_AF_INET6 ? "IPv6" : "IPv4", x->source, x->destination, x->spi,
                   cipher_name, hex(r, cipher), hash_name, hex(r, hash));
}

/* ---- all states ---- */

static void add(struct eg_vault *v, struct eg_obj net, const struct linux_xfrm *x, const char *file)
{
    static const char *const purposes[] = { "encryption and authentication", "encryption",
                                            "authentication" };
    struct eg_run *r = v->r;
    const uint64_t tfm = tfm_of(r, x);
    const char *line;

    for (size_t i = 0; i < x->n; i++) {
        const struct linux_xfrm_alg *a = &x->alg[i];
        const unsigned salt = salt_of(a->name);

        eg_vault_add(
            v,
            &(struct eg_vault_key){
                .kind = "ipsec",
                .name = eg_strf(r, "%s %s -> %s SPI 0x%08x",
                                x->proto == LINUX_XFRM_ESP  ? "ESP"
                                : x->proto == LINUX_XFRM_AH ? "AH"
                                                            : eg_strf(r, "protocol %u", x->proto),
                                x->source, x->destination, x->spi),
                .purpose = purposes[a->what],
                .algorithm = a->name,
                .at = a->at,
                .secret = a->key,
                .len = a->len,
                .proof = prove(r, tfm, a),
                .hints = salt ? eg_strf(r, "the last %u bytes are the salt", salt) : NULL,
            });
    }
    if (!v->exports || !x->n)
        return;
    line = linux_xfrm_command(r, net, x);
    eg_vault_text(v, file, eg_strf(r, "ip %s\n", line),
                  "IPsec states with their keys: `sh FILE`, as root in a network namespace of its "
                  "own");
    line = wireshark(r, x);
    if (line)
        eg_vault_text(v, "ipsec/esp_sa", line,
                      "keys of ESP, for Wireshark: its preferences' file esp_sa; with `-o "
                      "esp.enable_encryption_decode:TRUE` it decrypts packets");
}

static void find(struct eg_vault *v)
{
    struct eg_run *r = v->r;
    struct linux_xfrm *x = eg_tmp(r, sizeof *x);
    struct eg_obj net, state;
    const char *file = "ipsec/states.sh"; // of the first namespace
    size_t n = 0;

    if (!eg_has(r, net_xfrm_states) || !eg_has(r, xfrm_link))
        return;
    linux_each_net(r, net)
    {
        uint64_t inum = 0;

        eg_get(&inum, net, net_inum);
        if (!file)
            file = eg_strf(r, "ipsec/states-%llu.sh", (unsigned long long)inum);
        eg_each_list(state, eg_at(net, net_xfrm_states), xfrm_link) {
            if (n++ == STATES_MAX) {
                eg_note(r, "more than %d states of IPsec: the keys of the others are left out",
                        STATES_MAX);
                return;
            }
            if (linux_xfrm_read(r, state, x))
                add(v, net, x, file);
        }
        file = NULL;
    }
}

EG_KEY_SOURCE(xfrm) = { .find = find };
