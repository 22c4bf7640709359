/* privkey_fuzz.c - any bytes as a private key: the first says in which form. */
#include "../../plugins/keys/privkey.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct eg_privkey key;
    struct eg_openssh o;
    size_t len;

    if (!size)
        return 0;
    len = eg_key_size((enum eg_key_form)(data[0] % 5), data + 1, size - 1);
    if (len > size - 1)
        abort();
    if (eg_openssh_read(data + 1, size - 1, &o) && o.size > size - 1)
        abort();
    // with the length that was measured, and with any
    if (len && eg_privkey_read((enum eg_key_form)(data[0] % 5), data + 1, len, &key) &&
        (key.der_len > sizeof key.der || (key.encrypted && key.proof)))
        abort();
    eg_privkey_read((enum eg_key_form)(data[0] % 5), data + 1, size - 1, &key);
    return 0;
}
