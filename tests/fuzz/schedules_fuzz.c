/* schedules_fuzz.c - any bytes as what ciphers compute of keys, and as AES schedules that decayed:
 * what is found lies within, and a key that is recovered explains the bytes. */
#include "../../plugins/keys/aes_decay.h"
#include "../../plugins/keys/ciphers.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t size;
    struct eg_aes_decay decay;
};

static void cipher(void *context, size_t at, unsigned number)
{
    const struct input *in = context;
    const struct eg_cipher_place place = { in->data + at, at, in->size - at };
    struct eg_cipher_key key = { .len = 0 };

    if (number >= CIPHERS || !eg_within(at, eg_ciphers[number]->size, in->size))
        abort();
    if (eg_ciphers[number]->read(&place, &key) && (!key.len || key.len > CIPHER_KEY_MAX))
        abort();
}

static void decayed(void *context, size_t at, unsigned words)
{
    const struct input *in = context;
    struct eg_aes_recovered out;
    uint8_t all[AES_SCHEDULE_MAX];
    uint64_t work = 1 << 16;
    unsigned wrong = 0;

    if (!eg_within(at, eg_aes_size(words), in->size))
        abort();
    if (!eg_aes_recover(in->data + at, words, &in->decay, &work, &out))
        return;
    eg_aes_expand(out.key, words, all);
    for (size_t i = 0; i < eg_aes_size(words); i++)
        wrong += (unsigned)__builtin_popcount(all[out.swapped ? (i & ~(size_t)3) + 3 - i % 4 : i] ^
                                              in->data[at + i]);
    if (wrong != out.wrong || work > 1 << 16)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { .decay = { 30, -1, false } };
    uint8_t *copy;

    if (!size || size > 1 << 14)
        return 0;
    in.decay.percent = 1 + data[0] % AES_FLIPS_MAX;
    in.decay.ground = data[0] % 3 - 1;
    in.decay.reverse = data[0] & 1;
    in.size = size - 1;
    copy = malloc(in.size ? in.size : 1); // of its own, so that what is read beyond it is noticed
    if (!copy)
        return 0;
    memcpy(copy, data + 1, in.size);
    in.data = copy;
    eg_ciphers_find(in.data, in.size, cipher, &in);
    eg_aes_find_decayed(in.data, in.size, &in.decay, decayed, &in);
    free(copy);
    return 0;
}
