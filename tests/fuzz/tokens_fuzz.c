/* tokens_fuzz.c - any bytes as password hashes, tokens, keys of wallets and JSON Web Keys. */
#include "../../plugins/keys/base64.h"
#include "../../plugins/keys/credtext.h"
#include "../../plugins/keys/crypthash.h"
#include "../../plugins/keys/jwk.h"
#include "../../plugins/keys/tokentext.h"
#include "../../plugins/keys/wallet.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void within(size_t len, size_t size)
{
    if (len > size)
        abort();
}

static void mnemonic(const uint8_t *data, size_t size)
{
    size_t at = 0;
    const size_t len = eg_bip39_form(data, size, &at);

    within(at + len, size);
    within(len, EG_BIP39_MAX);
    if (len)
        eg_bip39_check(data + at, len);
    eg_bip39_check(data, size);
}

static void has_end(void *context, const struct eg_cred *c)
{
    (void)context;
    if (!c->word || !memchr(c->name, 0, sizeof c->name) || !memchr(c->secret, 0, sizeof c->secret))
        abort();
}

static void files(const uint8_t *data, size_t size)
{
    static const char *const paths[] = { "/.kube/config",     "/.netrc", "/.pgpass",
                                         "/.git-credentials", "/.npmrc", "/.docker/config.json" };

    for (size_t i = 0; i < countof(paths); i++)
        eg_cred_each(eg_cred_format(paths[i]), (const char *)data, size, has_end, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t bytes[EG_BASE58_MAX];
    struct eg_crypt_hash hash;
    struct eg_token token;
    struct eg_jwk jwk;
    const uint8_t *kty;
    const char *what;
    size_t begin = 0, len;

    for (int bare = 0; bare <= 1; bare++)
        if (eg_crypt_hash((const char *)data, size, bare, &hash))
            within(hash.len, size);
    if (eg_token_read(data, size, &token))
        within(token.len, size);
    if ((kty = eg_aws_secret(data, size)))
        within((size_t)(kty - data) + EG_AWS_SECRET, size);
    eg_aws_id(data, size);
    within(eg_wif_form(data, size), size);
    within(eg_xprv_form(data, size), size);
    within(eg_age_form(data, size), size);
    within(eg_pem64_form(data, size), size);
    within(eg_base58_check(data, size, bytes), sizeof bytes);
    eg_base58_key(data, size, &what);
    mnemonic(data, size);
    files(data, size);
    kty = memmem(data, size, "\"kty\"", 5);
    if (kty) {
        len = eg_jwk_form(data, size, (size_t)(kty - data), &begin);
        within(begin + len, size);
        if (len)
            eg_jwk_read(data + begin, len, &jwk);
    }
    eg_jwk_read(data, size, &jwk);
    return 0;
}
