/* gpgkey_fuzz.c - any bytes as an S-expression with a private key. */
#include "../../plugins/keys/gpgkey.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct eg_gpg_key key;
    static struct eg_privkey read;
    char grip[EG_KEYGRIP];

    if (eg_gpg_begins(data, size) > size)
        abort();
    if (!eg_gpg_read(data, size, &key))
        return 0;
    if (key.size > size || key.used > sizeof key.store || !*key.algorithm)
        abort();
    for (size_t i = 0; i < countof(key.of); i++) {
        const struct eg_key_bytes part = key.of[i];
        const bool outside = part.at < data || part.at + part.n > data + size;

        if (part.n && outside &&
            (part.at < key.store || part.at + part.n > key.store + sizeof key.store))
            abort();
    }
    if (eg_gpg_grip(&key, grip) && strlen(grip) != EG_KEYGRIP - 1)
        abort();
    if (eg_gpg_prove(&key, &read) && (key.protected || !read.proof || !read.der_len))
        abort();
    return 0;
}
