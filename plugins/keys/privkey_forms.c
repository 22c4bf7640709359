/* privkey_forms.c - keys of PuTTY and OpenPGP: what forms.h takes apart, in OpenSSH's order. */
#include "config.h"
#include "forms.h"
#include "privkey_own.h"
#include <stdio.h>

static void keep_text(struct eg_key_bytes text, struct eg_privkey *out)
{
    const size_t n = EG_MIN(text.n, sizeof out->pem - 2);

    memcpy(out->pem, text.at, n);
    out->pem[n] = '\n';
}

static bool read_putty(struct eg_key_bytes bytes, struct eg_privkey *out)
{
    struct eg_key_buf room = { 0 };
    struct eg_openssh parts;
    struct eg_putty k;

    if (!eg_putty_read(bytes.at, bytes.n, &k))
        return false;
    snprintf(out->form, sizeof out->form, "PuTTY %u", k.version);
    eg_privkey_public((struct eg_key_bytes){ k.public, k.n_public }, out);
    if (eg_ssh_is(k.encryption, "none"))
        return eg_putty_key(&k, &room, &parts) && eg_privkey_openssh(&parts, out);
    out->encrypted = true;
    memcpy(out->comment, k.comment.at, EG_MIN(k.comment.n, sizeof out->comment - 1));
    keep_text((struct eg_key_bytes){ bytes.at, k.size }, out);
    return *out->algorithm;
}

static bool read_pgp(struct eg_key_bytes bytes, struct eg_privkey *out)
{
    struct eg_key_buf room = { 0 };
    struct eg_openssh parts;
    const char *algorithm;
    struct eg_pgp k;

    if (!eg_pgp_read(bytes.at, bytes.n, &k) || !eg_pgp_key(&k, &room, &parts, &algorithm))
        return false;
    snprintf(out->form, sizeof out->form, "PGP");
    if (parts.n_fields)
        return eg_privkey_openssh(&parts, out) && (eg_privkey_public(parts.public, out), true);
    snprintf(out->algorithm, sizeof out->algorithm, "%s", algorithm);
    out->encrypted = parts.encrypted;
    keep_text(bytes, out);
    return true;
}

bool eg_privkey_form(enum eg_key_form form, struct eg_key_bytes bytes, struct eg_privkey *out)
{
    return form == KEY_PUTTY ? read_putty(bytes, out) : read_pgp(bytes, out);
}

#ifdef HAVE_SHA256
#include <openssl/evp.h>

void eg_ssh_fingerprint(struct eg_key_bytes blob, char out[EG_FINGERPRINT_MAX])
{
    uint8_t sum[EVP_MAX_MD_SIZE];
    char *end;

    *out = 0;
    if (!blob.n || !EVP_Digest(blob.at, blob.n, sum, NULL, EVP_sha256(), NULL))
        return;
    memcpy(out, "SHA256:", 7);
    EVP_EncodeBlock((uint8_t *)out + 7, sum, 32); // 44 characters and a 0, the last a '='
    end = strchr(out, '=');
    if (end)
        *end = 0;
}

#endif
