/* krb5_fuzz.c - any bytes as a credential cache, a credential and a keytab. */
#include "../../plugins/keys/krb5_open.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void principal(const struct eg_krb5_principal *p)
{
    char name[EG_KRB5_NAME];

    eg_krb5_name(p, name);
    if (p->n > EG_KRB5_PARTS || !memchr(name, 0, sizeof name))
        abort();
}

static void credentials(const uint8_t *p, size_t len, unsigned version)
{
    struct eg_krb5_cred c;

    static const uint8_t key[EG_KRB5_KEY_MAX];
    uint8_t session[EG_KRB5_KEY_MAX];
    size_t n = 0;

    while (eg_krb5_cred(p, len, version, &c)) {
        if (eg_krb5_open(18, key, sizeof key, c.ticket, session, &n) && n > sizeof session)
            abort();
        if (!c.size || c.size > len || (c.proven && (c.config || !c.key.n)))
            abort();
        principal(&c.client);
        principal(&c.server);
        p += c.size;
        len -= c.size;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct eg_krb5_principal owner;
    struct eg_krb5_entry e;
    unsigned version = 0;
    const size_t header = eg_krb5_ccache(data, size, &version, &owner);

    if (header > size)
        abort();
    if (header) {
        principal(&owner);
        credentials(data + header, size - header, version);
    }
    credentials(data, size, 4);
    for (size_t at = 2; at < size && eg_krb5_entry(data + at, size - at, &e); at += e.size) {
        if (!e.size || e.size > size - at)
            abort();
        if (!e.hole)
            principal(&e.of);
    }
    return 0;
}
