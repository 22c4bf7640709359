/* store_fuzz.c - any bytes as an .egp file, and as the arrays in one that is right otherwise: what
 * is accepted is used. */
#include "../../profiles/store.h"
#include <stdlib.h>
#include <zstd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct eg_profile *base, const struct eg_profile *p)
{
    struct eg_types ts;
    struct eg_slot slot;

    if (eg_types_init(&ts, base, NULL) == 0 && (p == base || eg_types_add(&ts, p, NULL) == 0))
        for (uint32_t id = 0; id < ts.layers[ts.n_layers - 1].end && id < 1000; id++) {
            struct eg_member_at m;
            char text[128];

            eg_type_declare(&ts, id, "x", text, sizeof text);
            eg_type_find(&ts, id, "a.b", &m);
            eg_types_slot(&ts, &base->model, id, &slot);
        }
    eg_types_parse(&ts, &base->model, "struct a *[3]", &slot);
    eg_types_fini(&ts);
}

static void read_(const uint8_t *data, size_t size)
{
    struct eg_profile *all[4];
    size_t n = 4;

    if (eg_store_read_bytes(data, size, "fuzz", all, &n, NULL) < 0)
        return;
    n = EG_MIN(n, (size_t)4);
    for (size_t i = 0; i < n; i++) {
        uint32_t iter = 0;

        use(all[0], all[i]);
        eg_profile_symbol(all[i], "a", &iter);
        eg_profile_symbol_at(all[i], 0x1000);
    }
    while (n)
        eg_profile_free(all[--n]);
}

static void put(uint8_t *p, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

enum { HEAD = 24 + 72 + 1, ARRAYS = 7 };

// The first bytes say how many records each array has; the arrays follow, with zeros at the end.
static void wrap(const uint8_t *data, size_t size)
{
    static const uint8_t sizes[ARRAYS] = { 32, 24, 16, 24, 4, 4, 1 };
    uint8_t *file, *block;
    size_t len = 0, room, frame;

    if (size < ARRAYS)
        return;
    for (int i = 0; i < ARRAYS; i++)
        len += (size_t)data[i] * sizes[i];
    room = ZSTD_compressBound(len);
    file = calloc(1, HEAD + room);
    block = calloc(1, len + 1);
    if (file && block && len) {
        memcpy(block, data + ARRAYS, EG_MIN(len, size - ARRAYS));
        if (data[ARRAYS - 1])
            block[len - data[ARRAYS - 1]] = block[len - 1] = 0; // strings begin and end with a NUL
        frame = ZSTD_compress(file + HEAD, room, block, len, 1);
        memcpy(file, "EGP\r\n\x1a\n", 8);
        put(file + 8, 1, 4);
        put(file + 12, 1, 4);
        put(file + 16, HEAD, 4);
        put(file + 24, HEAD, 8);
        put(file + 32, frame, 8);
        put(file + 40, len, 8);
        for (int i = 0; i < ARRAYS; i++)
            put(file + 48 + 4 * i, data[i], 4);
        file[80] = file[81] = 8;
        put(file + 20, eg_hash(file + 24, HEAD - 24), 4);
        read_(file, HEAD + frame);
    }
    free(block);
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_(data, size);
    wrap(data, size);
    return 0;
}
