/* der.c - DER, PEM and OpenSSH's format. Each length is compared with what is there. */
#include "der.h"

bool eg_der_take(struct eg_key_bytes *from, uint8_t tag, struct eg_key_bytes *out)
{
    struct eg_key_bytes rest = *from, head, size = { 0 };
    size_t n;

    if (!eg_key_take(&rest, 2, &head) || head.at[0] != tag)
        return false;
    n = head.at[1];
    if (n > 0x82 || (n & 0x80 && !eg_key_take(&rest, n & 0x7f, &size)))
        return false;
    // the shortest form of a length is the only one
    if (n == 0x80 || (n == 0x81 && size.at[0] < 0x80) || (n == 0x82 && !size.at[0]))
        return false;
    n = n == 0x81 ? size.at[0] : n == 0x82 ? eg_be16(size.at) : n;
    if (!eg_key_take(&rest, n, out))
        return false;
    *from = rest;
    return true;
}

bool eg_ssh_take(struct eg_key_bytes *from, struct eg_key_bytes *out)
{
    struct eg_key_bytes rest = *from, size;

    if (!eg_key_take(&rest, 4, &size) || !eg_key_take(&rest, eg_be32(size.at), out))
        return false;
    *from = rest;
    return true;
}

bool eg_ssh_is(struct eg_key_bytes bytes, const char *text)
{
    return bytes.n == strlen(text) && !memcmp(bytes.at, text, bytes.n);
}

/* ---- OpenSSH ---- */

static const struct {
    const char *type;
    size_t n_fields; // before the comment
} openssh_types[] = {
    { "ssh-rsa", 6 },
    { "ssh-dss", 5 },
    { "ssh-ed25519", 2 },
    { "ecdsa-sha2-nistp256", 3 },
    { "ecdsa-sha2-nistp384", 3 },
    { "ecdsa-sha2-nistp521", 3 },
};

/* The part that a passphrase would encrypt: two equal numbers, the key, a comment, 1, 2, 3, … */
static bool openssh_private(struct eg_key_bytes from, struct eg_openssh *out)
{
    struct eg_key_bytes check;

    if (!eg_key_take(&from, 8, &check) || memcmp(check.at, check.at + 4, 4) != 0 ||
        !eg_ssh_take(&from, &out->type))
        return false;
    for (size_t i = 0; i < countof(openssh_types); i++)
        if (eg_ssh_is(out->type, openssh_types[i].type))
            out->n_fields = openssh_types[i].n_fields;
    if (!out->n_fields)
        return false;
    for (size_t i = 0; i < out->n_fields; i++)
        if (!eg_ssh_take(&from, &out->fields[i]))
            return false;
    if (!eg_ssh_take(&from, &out->comment))
        return false;
    for (size_t i = 0; i < from.n; i++)
        if (from.at[i] != (uint8_t)(i + 1))
            return false;
    return true;
}

bool eg_openssh_read(const uint8_t *p, size_t len, struct eg_openssh *out)
{
    static const char magic[] = "openssh-key-v1"; // with its 0
    struct eg_key_bytes from = { p, len }, got, cipher, kdf, private;
    struct eg_openssh o = { 0 };

    if (!eg_key_take(&from, sizeof magic, &got) || memcmp(got.at, magic, sizeof magic) != 0 ||
        !eg_ssh_take(&from, &cipher) || !eg_ssh_take(&from, &kdf) || !eg_ssh_take(&from, &got) ||
        !eg_key_take(&from, 4, &got) || eg_be32(got.at) != 1 || !eg_ssh_take(&from, &o.public) ||
        !eg_ssh_take(&from, &private) || !o.public.n || !private.n)
        return false;
    o.encrypted = !eg_ssh_is(cipher, "none");
    if (o.encrypted == eg_ssh_is(kdf, "none") || (!o.encrypted && !openssh_private(private, &o)))
        return false;
    // the tag of these is behind the string
    if ((eg_ssh_is(cipher, "aes128-gcm@openssh.com") ||
         eg_ssh_is(cipher, "aes256-gcm@openssh.com") ||
         eg_ssh_is(cipher, "chacha20-poly1305@openssh.com")) &&
        !eg_key_take(&from, 16, &got))
        return false;
    o.size = (size_t)(from.at - p);
    *out = o;
    return true;
}
