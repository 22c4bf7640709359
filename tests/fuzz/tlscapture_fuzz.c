/* tlscapture_fuzz.c - any bytes as a file of captured packets. */
#include "../../plugins/keys/tls_capture.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct eg_tls_capture *c = eg_tls_capture_open(data, size);
    static const uint8_t secret[48];

    // Any place may be that of both randoms: the first that has a connection is asked.
    for (size_t i = 0; c && eg_tls_capture_count(c) && i + 32 <= size; i++) {
        const struct eg_tls_flow *f;

        for (size_t k = i + 32; k + 32 <= size && k < i + 600; k++) {
            f = eg_tls_capture_find(c, data + i, data + k);
            if (!f)
                continue;
            if (eg_tls_flow_opens(f, true, 32, secret) || eg_tls_flow_opens(f, false, 48, secret) ||
                eg_tls_flow_opens_12(f, 32, secret))
                abort();
            i = size;
            break;
        }
    }
    eg_tls_capture_close(c);
    return 0;
}
