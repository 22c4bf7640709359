/* encode.c - DER, and strings of SSH. */
#include "encode.h"

void eg_key_put(struct eg_key_buf *b, const void *bytes, size_t n)
{
    b->full |= n > sizeof b->at - b->n;
    if (b->full || !n)
        return;
    memcpy(b->at + b->n, bytes, n);
    b->n += n;
}

void eg_key_put_der(struct eg_key_buf *b, uint8_t tag, const void *bytes, size_t n)
{
    const uint8_t large[] = { tag, 0x82, (uint8_t)(n >> 8), (uint8_t)n };
    const uint8_t middle[] = { tag, 0x81, (uint8_t)n }, small[] = { tag, (uint8_t)n };

    if (n < 0x80)
        eg_key_put(b, small, sizeof small);
    else if (n < 0x100)
        eg_key_put(b, middle, sizeof middle);
    else
        eg_key_put(b, large, sizeof large);
    eg_key_put(b, bytes, n);
}

void eg_key_put_ssh(struct eg_key_buf *b, const void *bytes, size_t n)
{
    const uint8_t size[] = { 0, 0, (uint8_t)(n >> 8), (uint8_t)n };

    eg_key_put(b, size, sizeof size);
    eg_key_put(b, bytes, n);
}
