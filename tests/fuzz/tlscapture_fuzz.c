/* tlscapture_fuzz.c - any bytes as a file of captured packets. */
#include "../../plugins/keys/tls_capture.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct eg_tls_capture *c = eg_tls_capture_open(data, size);
    static const uint8_t secret[48];
    const struct eg_tls_flow *f = NULL;

    // Wherever a Hello message of the client and one of the server seem to be
    for (size_t i = 0; c && eg_tls_capture_count(c) && i + 38 <= size && !f; i++)
        for (size_t k = 0; data[i] == 1 && data[i + 4] == 3 && k + 38 <= size && !f; k++)
            if (data[k] == 2 && data[k + 4] == 3)
                f = eg_tls_capture_find(c, data + i + 6, data + k + 6);
    if (f && (eg_tls_flow_opens(f, true, 32, secret) || eg_tls_flow_opens(f, false, 48, secret) ||
              eg_tls_flow_opens_12(f, 32, secret)))
        abort();
    eg_tls_capture_close(c);
    return 0;
}
