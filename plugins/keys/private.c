/* private.c - private keys in the vault. */
#include "private.h"
#include "fingerprint.h"

void eg_vault_private(struct eg_vault *v, const struct eg_privkey *key,
                      const struct eg_vault_key *place)
{
    struct eg_vault_key k = *place;

    if (!key->der_len || eg_vault_knows(v, key->der, key->der_len))
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
            key->pem, "private key, PKCS#8: openssl pkey -in FILE; ssh -i FILE");
}
