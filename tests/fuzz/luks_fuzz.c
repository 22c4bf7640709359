/* luks_fuzz.c - any bytes as the beginning of a disk with LUKS, and as the name of a cipher. */
#include "../../plugins/keys/luks.h"
#include "../../plugins/keys/sectors.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct disk {
    const uint8_t *bytes;
    size_t size;
};

static bool read_disk(void *context, uint64_t at, void *to, size_t len)
{
    const struct disk *d = context;

    if (at > d->size || len > d->size - at)
        return false;
    memcpy(to, d->bytes + at, len);
    return true;
}

/* What stands behind the binary part is JSON. */
static void check(const struct eg_luks *l)
{
    uint64_t work = 100;
    const uint8_t key[32] = { 1 };

    if (l->n > LUKS_DIGESTS_MAX || memchr(l->uuid, 0, sizeof l->uuid) == NULL)
        abort();
    for (size_t i = 0; i < l->n; i++)
        if (l->digest[i].salt_len > sizeof l->digest[i].salt ||
            l->digest[i].digest_len > sizeof l->digest[i].digest ||
            !memchr(l->digest[i].hash, 0, sizeof l->digest[i].hash))
            abort();
    if (eg_luks_is_key(l, key, sizeof key, &work) == LUKS_YES || work > 100)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t key[64] = { 1, 2, 3 };
    struct eg_sectors_how how = { .key = key, .sector_size = 512 };
    uint8_t in[512] = { 0 }, out[512];
    struct disk d = { data, size };
    struct eg_sectors *s;
    const char *why;
    char name[64] = "";
    struct eg_luks l;

    if (!eg_luks_read(read_disk, &d, &l))
        check(&l);
    memset(&l, 0, sizeof l);
    if (eg_luks_json((const char *)data, size, &l))
        check(&l);
    memcpy(name, data, EG_MIN(size, sizeof name - 1));
    how.cipher = name;
    how.key_size = size % (sizeof key + 1);
    s = eg_sectors_open(&how, &why);
    if (s)
        eg_sectors_decrypt(s, size, in, out);
    eg_sectors_close(s);
    eg_volume_content(data, size);
    return 0;
}
