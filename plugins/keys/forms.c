/* forms.c - how long a private key is, and PuTTY's files. */
#include "forms.h"
#include "crypto.h"

bool eg_base64(struct eg_key_bytes text, uint8_t *out, size_t size, size_t *n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0, held = 0;
    size_t end = 0; // of '='

    *n = 0;
    for (size_t i = 0; i < text.n; i++) {
        const uint8_t c = text.at[i];
        const char *digit = c ? strchr(digits, c) : NULL;

        if (c == '\n' || c == '\r')
            continue;
        if (c == '=') {
            end++;
            continue;
        }
        if (!digit || end)
            return false;
        bits = bits << 6 | (uint32_t)(digit - digits);
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        if (*n == size)
            return false;
        out[(*n)++] = (uint8_t)(bits >> held);
    }
    // what is left over of the last digit is zero
    return end <= 2 && held < 6 && !(bits & ((1u << held) - 1));
}

/* ---- PKCS#8 ---- */

bool eg_pkcs8_encrypted(struct eg_key_bytes der)
{
    // 1.2.840.113549.1.5 and .12.1: what encrypts by passphrases (PKCS#5 and PKCS#12)
    static const uint8_t five[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5 },
                         twelve[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1 };
    struct eg_key_bytes all, algorithm, oid, part;

    return eg_der_take(&der, DER_SEQUENCE, &all) && !der.n &&
           eg_der_take(&all, DER_SEQUENCE, &algorithm) && eg_der_take(&algorithm, DER_OID, &oid) &&
           ((oid.n == sizeof five + 1 && !memcmp(oid.at, five, sizeof five)) ||
            (oid.n == sizeof twelve + 1 && !memcmp(oid.at, twelve, sizeof twelve))) &&
           eg_der_take(&all, DER_OCTETS, &part) && !all.n && part.n;
}

struct eg_key_bytes eg_pkcs8_plain(struct eg_key_bytes der, struct eg_key_buf *room)
{
    struct eg_key_bytes from = der, all, version, algorithm, key;
    struct eg_key_buf b = { 0 };

    if (!eg_der_take(&from, DER_SEQUENCE, &all) || !eg_der_take(&all, DER_INTEGER, &version) ||
        version.n != 1 || version.at[0] != 1 || !eg_der_take(&all, DER_SEQUENCE, &algorithm) ||
        !eg_der_take(&all, DER_OCTETS, &key))
        return der;
    eg_key_put_der(&b, DER_INTEGER, "", 1);
    eg_key_put_der(&b, DER_SEQUENCE, algorithm.at, algorithm.n);
    eg_key_put_der(&b, DER_OCTETS, key.at, key.n);
    eg_key_put_der(room, DER_SEQUENCE, b.at, b.n);
    return b.full || room->full ? der : (struct eg_key_bytes){ room->at, room->n };
}

/* ---- PuTTY ---- */

static bool next_line(struct eg_key_bytes *from, struct eg_key_bytes *out)
{
    const uint8_t *end = memchr(from->at, '\n', from->n);
    size_t n;

    if (!end)
        return false;
    n = (size_t)(end - from->at);
    *out = (struct eg_key_bytes){ from->at, n && end[-1] == '\r' ? n - 1 : n };
    from->at += n + 1;
    from->n -= n + 1;
    return true;
}

/* The value of a line "NAME: VALUE". */
static bool take_line(struct eg_key_bytes *from, const char *name, struct eg_key_bytes *out)
{
    const size_t n = strlen(name);

    if (!next_line(from, out) || out->n < n + 2 || memcmp(out->at, name, n) != 0 ||
        memcmp(out->at + n, ": ", 2) != 0)
        return false;
    out->at += n + 2;
    out->n -= n + 2;
    return true;
}

/* "NAME: COUNT", and that many lines of base64. */
static bool take_block(struct eg_key_bytes *from, const char *name, uint8_t *out, size_t size,
                       size_t *n)
{
    struct eg_key_bytes value, line, all;
    unsigned count = 0;

    if (!take_line(from, name, &value) || !value.n || value.n > 3)
        return false;
    for (size_t i = 0; i < value.n; i++) {
        if (value.at[i] < '0' || value.at[i] > '9')
            return false;
        count = 10 * count + value.at[i] - '0';
    }
    all = (struct eg_key_bytes){ from->at, 0 };
    while (count--)
        if (!next_line(from, &line))
            return false;
    all.n = (size_t)(from->at - all.at);
    return eg_base64(all, out, size, n) && *n;
}

static bool take_mac(struct eg_key_bytes *from, struct eg_putty *out)
{
    struct eg_key_bytes value;

    out->n_mac = out->version == 2 ? 20 : 32;
    // the last line may have no end
    if (from->n < 13 || memcmp(from->at, "Private-MAC: ", 13) != 0 || from->n < 13 + 2 * out->n_mac)
        return false;
    value = (struct eg_key_bytes){ from->at + 13, 2 * out->n_mac };
    for (size_t i = 0; i < value.n; i++) {
        const uint8_t c = value.at[i];
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

        if (digit < 0)
            return false;
        out->mac[i / 2] = (uint8_t)(out->mac[i / 2] << 4 | digit);
    }
    from->at = value.at + value.n;
    return true;
}

bool eg_putty_read(const uint8_t *p, size_t len, struct eg_putty *out)
{
    struct eg_key_bytes from = { p, EG_MIN(len, (size_t)KEY_MAX) };
    struct eg_key_bytes ignored;

    memset(out, 0, sizeof *out);
    if (take_line(&from, "PuTTY-User-Key-File-3", &out->type))
        out->version = 3;
    else {
        from = (struct eg_key_bytes){ p, EG_MIN(len, (size_t)KEY_MAX) };
        if (!take_line(&from, "PuTTY-User-Key-File-2", &out->type))
            return false;
        out->version = 2;
    }
    if (!take_line(&from, "Encryption", &out->encryption) ||
        !take_line(&from, "Comment", &out->comment) ||
        !take_block(&from, "Public-Lines", out->public, sizeof out->public, &out->n_public))
        return false;
    // how the passphrase is made a key
    if (out->version == 3 && !eg_ssh_is(out->encryption, "none"))
        for (int i = 0; i < 5; i++)
            if (!next_line(&from, &ignored))
                return false;
    if (!take_block(&from, "Private-Lines", out->private, sizeof out->private, &out->n_private) ||
        !take_mac(&from, out))
        return false;
    out->size = (size_t)(from.at - p);
    return true;
}

static bool mac_fits(const struct eg_putty *k, struct eg_key_buf *room)
{
    static const char two[] = "putty-private-key-file-mac-key";
    uint8_t key[CRYPTO_DIGEST_MAX] = { 0 }, mac[CRYPTO_DIGEST_MAX];
    size_t n_key = 0, n;

    room->n = 0;
    eg_key_put_ssh(room, k->type.at, k->type.n);
    eg_key_put_ssh(room, k->encryption.at, k->encryption.n);
    eg_key_put_ssh(room, k->comment.at, k->comment.n);
    eg_key_put_ssh(room, k->public, k->n_public);
    eg_key_put_ssh(room, k->private, k->n_private);
    if (k->version == 2) // version 3 has an empty key where there is no passphrase
        n_key = eg_crypto_digest("sha1", two, sizeof two - 1, key);
    n = eg_crypto_hmac(k->version == 2 ? "sha1" : "sha256", key, n_key, room->at, room->n, mac);
    return !room->full && n && n == k->n_mac && !memcmp(mac, k->mac, n);
}

/* Which string of a file is which field of OpenSSH's list: those below 10 are the public key's,
 * behind its type, the others the private ones. */
static const struct putty_type {
    const char *type;
    size_t n;
    uint8_t fields[6];
} putty_types[] = {
    { "ssh-rsa", 6, { 1, 0, 10, 13, 11, 12 } }, // n e d 1/q p q
    { "ssh-dss", 5, { 0, 1, 2, 3, 10 } },
    { "ecdsa-sha2-nistp256", 3, { 0, 1, 10 } },
    { "ecdsa-sha2-nistp384", 3, { 0, 1, 10 } },
    { "ecdsa-sha2-nistp521", 3, { 0, 1, 10 } },
    { "ssh-ed25519", 2, { 0, 10 } },
};

static size_t take_strings(struct eg_key_bytes from, struct eg_key_bytes out[4])
{
    size_t n = 0;

    while (n < 4 && eg_ssh_take(&from, &out[n]))
        n++;
    return n;
}

bool eg_putty_key(const struct eg_putty *k, struct eg_key_buf *room, struct eg_openssh *out)
{
    struct eg_key_bytes public = { k->public, k->n_public }, type, parts[2][4];
    const struct putty_type *t = NULL;
    size_t n[2];

    for (size_t i = 0; i < countof(putty_types); i++)
        if (eg_ssh_is(k->type, putty_types[i].type))
            t = &putty_types[i];
    *out = (struct eg_openssh){ .public = public, .type = k->type, .comment = k->comment };
    if (!t || !eg_ssh_take(&public, &type) || !eg_ssh_is(type, t->type) || !mac_fits(k, room))
        return false;
    n[0] = take_strings(public, parts[0]);
    n[1] = take_strings((struct eg_key_bytes){ k->private, k->n_private }, parts[1]);
    for (size_t i = 0; i < t->n; i++) {
        const unsigned from = t->fields[i] / 10, nth = t->fields[i] % 10;

        if (nth >= n[from])
            return false;
        out->fields[i] = parts[from][nth];
    }
    out->n_fields = t->n;
    room->n = 0;
    if (t->n != 2)
        return true;
    // OpenSSH has the public key behind the private one
    eg_key_put(room, parts[1][0].at, parts[1][0].n);
    eg_key_put(room, parts[0][0].at, parts[0][0].n);
    out->fields[1] = (struct eg_key_bytes){ room->at, room->n };
    return true;
}

/* ---- sizes ---- */

static size_t pem_size(const uint8_t *p, size_t len)
{
    static const char begin[] = "-----BEGIN ", last[] = "PRIVATE KEY-----";
    const uint8_t *name = p + sizeof begin - 1, *end, *stop;
    size_t n;
    char line[64];

    if (len <= sizeof begin || memcmp(p, begin, sizeof begin - 1) != 0)
        return 0;
    // "ENCRYPTED PRIVATE KEY" is the longest name
    end = memmem(name, EG_MIN(len - (sizeof begin - 1), (size_t)32), last, sizeof last - 1);
    if (!end)
        return 0;
    n = (size_t)(end - name) + sizeof last - 1;
    memcpy(line, "-----END ", 9);
    memcpy(line + 9, name, n);
    // the next dashes are those of the end
    stop = memmem(name + n, (size_t)(p + len - name) - n, line, 5);
    return stop && (size_t)(p + len - stop) >= 9 + n && !memcmp(stop, line, 9 + n)
               ? (size_t)(stop - p) + 9 + n
               : 0;
}

size_t eg_key_size(enum eg_key_form form, const uint8_t *p, size_t len)
{
    struct eg_key_bytes from, content;
    struct eg_putty putty;
    struct eg_openssh o;

    len = EG_MIN(len, (size_t)KEY_MAX);
    from = (struct eg_key_bytes){ p, len };
    switch (form) {
    case KEY_PEM:
        return pem_size(p, len);
    case KEY_DER:
        return eg_der_take(&from, DER_SEQUENCE, &content) ? len - from.n : 0;
    case KEY_OPENSSH:
        return eg_openssh_read(p, len, &o) ? o.size : 0;
    case KEY_PUTTY:
        return eg_putty_read(p, len, &putty) ? putty.size : 0;
    case KEY_PGP:
        return eg_pgp_size(p, len);
    }
    return 0;
}

bool eg_key_der_bounded(struct eg_key_bytes der)
{
    static const uint8_t rsa[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1 };
    static const uint8_t ec[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1 };
    static const uint8_t dsa[] = { 0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1 };
    static const uint8_t others[] = { 0x2b, 0x65 }; // X25519, X448, Ed25519, Ed448
    struct eg_key_bytes all, algorithm, name, numbers, p, x;

    // EncryptedPrivateKeyInfo, for which libcrypto would ask a passphrase, has no version
    if (!eg_der_take(&der, DER_SEQUENCE, &all) || der.n || !eg_der_take(&all, DER_INTEGER, &name) ||
        name.n != 1 || *name.at > 1)
        return false;
    if (!eg_der_take(&all, DER_SEQUENCE, &algorithm)) // not PKCS#8
        return true;
    if (!eg_der_take(&algorithm, DER_OID, &name))
        return false;
    if (name.n == sizeof dsa && !memcmp(name.at, dsa, sizeof dsa))
        return eg_der_take(&algorithm, DER_SEQUENCE, &numbers) &&
               eg_der_take(&numbers, DER_INTEGER, &p) && eg_der_take(&all, DER_OCTETS, &x) &&
               p.n <= EG_KEY_BITS_MAX / 8 + 1 && x.n <= EG_DSA_ORDER_MAX / 8 + 4;
    return (name.n == sizeof rsa && !memcmp(name.at, rsa, sizeof rsa)) ||
           (name.n == sizeof ec && !memcmp(name.at, ec, sizeof ec)) ||
           (name.n == sizeof others + 1 && !memcmp(name.at, others, sizeof others));
}
