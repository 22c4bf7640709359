/* rsp_fuzz.c - any bytes as a debugger's line, whole and in pieces; what was read is the same, and
 * comes back when it is sent. The first byte: the size of a piece, and whether runs are kept. */
#include "../../live/rsp.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(const struct rsp_in *in)
{
    struct rsp_in back = { 0 };
    struct rsp_out o = { 0 };
    enum rsp_what what;

    if (in->data.n > RSP_PACKET_MAX || in->data.at[in->data.n])
        abort();
    rsp_begin(&o);
    rsp_bytes(&o, in->data.at, in->data.n);
    rsp_end(&o);
    if (o.failed || rsp_take(&back, o.at.at, o.at.n, &what) != o.at.n || what != RSP_PACKET ||
        back.data.n != in->data.n || memcmp(back.data.at, in->data.at, in->data.n) != 0)
        abort();
    rsp_in_fini(&back);
    rsp_out_fini(&o);
}

/* @return a hash of what was read. */
static uint64_t read_all(const uint8_t *p, size_t len, size_t piece, bool keeps_runs, bool check)
{
    struct rsp_in in = { .keeps_runs = keeps_runs };
    uint64_t hash = 1;
    enum rsp_what what;

    while (len) {
        const size_t some = EG_MIN(piece, len), taken = rsp_take(&in, p, some, &what);

        if (!taken || taken > some || (what == RSP_MORE && taken != some))
            abort();
        p += taken;
        len -= taken;
        if (what != RSP_MORE)
            hash = hash * 31 + what;
        if (what == RSP_PACKET) {
            hash = hash * 31 + eg_hash(in.data.at, in.data.n);
            if (check)
                again(&in);
        }
    }
    rsp_in_fini(&in);
    return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    const bool keeps_runs = data[0] & 1;

    if (read_all(data + 1, size - 1, size, keeps_runs, true) !=
        read_all(data + 1, size - 1, 1 + data[0] / 2, keeps_runs, false))
        abort();
    return 0;
}
