/* isf_fuzz.c - any bytes as a symbol file of Volatility, in pieces that the first byte chooses: its
 * types, and its banner. */
#include "../../profiles/isf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t size, at, piece;
};

static long next(void *context, uint8_t *to, size_t room, struct eg_error *e)
{
    struct input *in = context;
    const size_t n = EG_MIN(EG_MIN(in->piece, room), in->size - in->at);

    (void)e;
    memcpy(to, in->data + in->at, n);
    in->at += n;
    return (long)n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct eg_model model = { 8, 8, false };

    for (int i = 0, again = 1; size && again == 1 && i < 2; i++) {
        struct input in = { data + 1, size - 1, 0, data[0] + 1u };
        const struct eg_isf_source from = { next, &in, "fuzz" };
        struct eg_profile *p = NULL;

        again = eg_isf_read(&p, &from, &model, NULL);
        eg_profile_free(p);
    }
    if (size) {
        struct input in = { data + 1, size - 1, 0, data[0] + 1u };
        const struct eg_isf_source from = { next, &in, "fuzz" };
        char banner[64];

        eg_isf_banner_in(&from, banner, sizeof banner);
    }
    return 0;
}
