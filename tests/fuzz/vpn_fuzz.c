/* vpn_fuzz.c - any bytes as a file of OpenVPN's static keys, and as a message of IKE, opened with
 * keys that some of the messages of the corpus have. */
#include "../../plugins/keys/ike.h"
#include "../../plugins/keys/ovpn.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct eg_ovpn_file file;
    uint8_t key[64];
    size_t len;

    if (eg_ovpn_file(data, size, &file) &&
        (file.text > size || file.len > sizeof file.key || file.len < OVPN_KEY))
        abort();
    len = eg_ike_message(data, size);
    if (len > IKE_MESSAGE_MAX)
        abort();
    if (!len || len > size)
        return 0;
    for (size_t n = 12; n <= 64; n += 4) {
        for (size_t i = 0; i < sizeof key; i++)
            key[i] = (uint8_t)(i * 29 + 4);
        eg_ike_gcm(data, len, key, n, key);
        if (eg_ike_mac(data, len, key, n) > n)
            abort();
        for (size_t mac = 12; mac <= 32; mac += 4)
            eg_ike_cbc(data, len, mac, key, n);
    }
    return 0;
}
