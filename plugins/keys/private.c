/* private.c - private keys in the vault. */
#include "private.h"
#include "fingerprint.h"
#include "numkeys.h"

/* Is the key there with another private exponent? Its primes without a file say nothing of that. */
static bool knows_twin(const struct eg_vault *v, const struct eg_privkey *key)
{
    struct eg_key_buf der;
    struct eg_privkey twin;

    if (strncmp(key->algorithm, "RSA-", 4) != 0)
        return false;
    for (int product = 0; product < 2; product++)
        if (eg_numkeys_again(key->der, key->der_len, product, &der) &&
            eg_privkey_read(KEY_DER, der.at, der.n, &twin) &&
            eg_vault_knows(v, twin.der, twin.der_len))
            return true;
    return false;
}

void eg_vault_private(struct eg_vault *v, const struct eg_privkey *key,
                      const struct eg_vault_key *place)
{
    struct eg_vault_key k = *place;

    if (!key->der_len || eg_vault_knows(v, key->der, key->der_len) || knows_twin(v, key))
        return;
    k.kind = "private key";
    k.name = *key->comment ? key->comment : NULL;
    k.purpose = *key->public ? key->public : NULL;
    k.algorithm = key->algorithm;
    k.secret = key->der;
    k.len = key->der_len;
    if (eg_vault_add(v, &k))
        eg_vault_text(
            v, eg_strf(v->r, "private/%s.pem", eg_key_fingerprint(v->r, key->der, key->der_len)),
            key->pem, "private key, PKCS#8: openssl pkey -in FILE");
}
