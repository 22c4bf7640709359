/* sshkey.c - keys that OpenSSH serializes: taken apart, and put together as its files have them. */
#include "sshkey.h"
#include "crypto.h"

bool eg_ssh_unshield(const uint8_t *prekey, const uint8_t *from, size_t len, uint8_t *out)
{
    uint8_t sum[CRYPTO_DIGEST_MAX]; // 32 bytes of key, 16 of counter, the rest is not used

    return len <= KEY_MAX && eg_crypto_digest("sha512", prekey, EG_SSH_PREKEY, sum) &&
           eg_crypto_cipher("aes-256-ctr", true, sum, sum + 32, from, len, out);
}

/* ---- apart ---- */

enum { TOKEN_EC = 1, TOKEN_ED25519 };
static const struct {
    const char *type;
    uint8_t n_fields;
    uint8_t token;
    uint8_t public[4], n_public; // which of the fields a public key has, in order
} types[] = {
    { "ssh-rsa", 6, 0, { 1, 0 }, 2 }, // n, e, d, 1/q, p, q; a public key has e first
    { "ssh-dss", 5, 0, { 0, 1, 2, 3 }, 4 },
    { "ssh-ed25519", 2, 0, { 0 }, 1 },
    { "ecdsa-sha2-nistp256", 3, 0, { 0, 1 }, 2 },
    { "ecdsa-sha2-nistp384", 3, 0, { 0, 1 }, 2 },
    { "ecdsa-sha2-nistp521", 3, 0, { 0, 1 }, 2 },
    // the application; behind it a byte of flags, the handle, and what is reserved
    { "sk-ssh-ed25519@openssh.com", 2, 1, { 0, 1 }, 2 },
    { "sk-ecdsa-sha2-nistp256@openssh.com", 3, 1, { 0, 1, 2 }, 3 },
};

static size_t type_of(struct eg_key_bytes type)
{
    size_t i = 0;

    while (i < countof(types) && !eg_ssh_is(type, types[i].type))
        i++;
    return i;
}

static bool token_rest(struct eg_key_bytes *from, struct eg_sshkey *out)
{
    struct eg_key_bytes reserved;

    out->material = out->fields[out->n_fields - 1];
    if (!from->n)
        return false;
    from->at++;
    from->n--;
    return eg_ssh_take(from, &out->handle) && out->handle.n && eg_ssh_take(from, &reserved);
}

bool eg_sshkey_read(const uint8_t *p, size_t len, struct eg_sshkey *out)
{
    struct eg_key_bytes from = { p, len };
    struct eg_sshkey k = { 0 };
    size_t type;

    if (!eg_ssh_take(&from, &k.type) || (type = type_of(k.type)) == countof(types))
        return false;
    k.n_fields = types[type].n_fields;
    k.token = types[type].token;
    for (size_t i = 0; i < k.n_fields; i++)
        if (!eg_ssh_take(&from, &k.fields[i]) || !k.fields[i].n)
            return false;
    if (k.token && !token_rest(&from, &k))
        return false;
    for (size_t i = 0; i < from.n; i++)
        if (from.at[i] != (uint8_t)(i + 1))
            return false;
    *out = k;
    return true;
}

/* ---- together ---- */

void eg_sshkey_public(const struct eg_sshkey *key, struct eg_key_buf *out)
{
    const size_t type = type_of(key->type);

    eg_key_put_ssh(out, key->type.at, key->type.n);
    for (size_t i = 0; type < countof(types) && i < types[type].n_public; i++) {
        const struct eg_key_bytes field = key->fields[types[type].public[i]];

        eg_key_put_ssh(out, field.at, field.n);
    }
}

static void put_section(const struct eg_sshkey *key, const char *comment, struct eg_key_buf *out)
{
    static const uint8_t check[8]; // two equal numbers, which are random in other files
    uint8_t next = 0;

    eg_key_put(out, check, sizeof check);
    eg_key_put_ssh(out, key->type.at, key->type.n);
    for (size_t i = 0; i < key->n_fields; i++)
        eg_key_put_ssh(out, key->fields[i].at, key->fields[i].n);
    eg_key_put_ssh(out, comment, strlen(comment));
    while (out->n % 8 && !out->full) {
        next++;
        eg_key_put(out, &next, 1);
    }
}

void eg_sshkey_file(const struct eg_sshkey *key, const char *comment, struct eg_key_buf *out)
{
    static const char magic[] = "openssh-key-v1"; // with its 0
    static const uint8_t one[] = { 0, 0, 0, 1 };
    struct eg_key_buf part = { 0 };

    eg_key_put(out, magic, sizeof magic);
    eg_key_put_ssh(out, "none", 4);
    eg_key_put_ssh(out, "none", 4);
    eg_key_put_ssh(out, "", 0);
    eg_key_put(out, one, sizeof one);
    eg_sshkey_public(key, &part);
    eg_key_put_ssh(out, part.at, part.n);
    out->full |= part.full;
    part.n = 0;
    put_section(key, comment, &part);
    eg_key_put_ssh(out, part.at, part.n);
    out->full |= part.full;
}

enum { LINE = 70 };

static char *put_text(char *to, const char *text)
{
    const size_t n = strlen(text);

    memcpy(to, text, n);
    return to + n;
}

static char digit(uint32_t bits, unsigned at)
{
    static const char of[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    return of[bits >> at & 63];
}

size_t eg_sshkey_text(const struct eg_key_buf *file, char *out, size_t size)
{
    static const char first[] = "-----BEGIN OPENSSH PRIVATE KEY-----\n",
                      last[] = "-----END OPENSSH PRIVATE KEY-----\n";
    const size_t digits = (file->n + 2) / 3 * 4;
    char *to = out;
    size_t column = 0;

    if (file->full || sizeof first + sizeof last + digits + digits / LINE + 1 > size)
        return 0;
    to = put_text(to, first);
    for (size_t i = 0; i < file->n; i += 3) {
        const size_t left = file->n - i;
        const uint32_t bits = (uint32_t)file->at[i] << 16 |
                              (left > 1 ? (uint32_t)file->at[i + 1] << 8 : 0) |
                              (left > 2 ? file->at[i + 2] : 0);

        for (unsigned d = 0; d < 4; d++) {
            *to++ = d > left ? '=' : digit(bits, 18 - 6 * d);
            if (++column % LINE == 0)
                *to++ = '\n';
        }
    }
    if (column % LINE)
        *to++ = '\n';
    to = put_text(to, last);
    *to = 0;
    return (size_t)(to - out);
}
